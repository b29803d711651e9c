//! What became of a write that did not end well, told by what is proven and never guessed.
//!
//! | what happened | outcome |
//! |---|---|
//! | no connection could be made | not applied |
//! | the platform refused it: a status from 400 to 499, but 408 | not applied |
//! | it timed out, the connection broke, the answer was cut or can't be read | unknown |
//! | the platform answered 408, 500 or more, or a redirect | unknown |
//!
//! An error of a write that has no outcome was refused by this gateway before anything was sent. A caller of the platform that can
//! recognise its write looks it up by `Call::settle`, which turns unknown into what is found.

use http::Method as Verb;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Error;
use crate::fetch::Call;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Applied,
    /// It was not done, and will not be.
    NotApplied,
    /// It may have been done, or may still be.
    Unknown,
}

/// What a look-up finds of a write whose outcome is unknown.
pub(crate) enum Found<T> {
    /// It was done; this is what it would have answered.
    Applied(T),
    /// It was not done, if the platform is done with it: nobody else could have undone it.
    Missing,
    /// There is no trace of it, which another write may be the reason of.
    Unclear,
}

impl Outcome {
    /// The outcome of a write that was sent and met an error.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::NoTurn(_) | Error::Down { .. } => Self::NotApplied,
            Error::NoAnswer(error) if !error.may_have_arrived() => Self::NotApplied,
            Error::Remote(remote)
                if (400..500).contains(&remote.error.status) && remote.error.status != 408 =>
            {
                Self::NotApplied
            }
            _ => Self::Unknown,
        }
    }

    /// What the caller can do, where that is not plain.
    pub(crate) fn advice(self) -> Option<&'static str> {
        match self {
            Self::Unknown => Some(
                "whether the write was applied is not known: look it up before you write again. With an Idempotency-Key the \
                 same request may be repeated safely: nothing is sent twice, and it answers the same until more is known",
            ),
            Self::Applied => {
                Some("the write was applied, and only its answer is lost: read what was written")
            }
            Self::NotApplied => None,
        }
    }
}

/// What goes wrong with the answer to a write, after its beginning: it may have been applied.
pub(crate) fn after_sending(verb: &Verb, error: Error) -> Error {
    if verb.is_safe() { error } else { error.with_outcome(Outcome::Unknown) }
}

impl Call<'_> {
    /// Looks up what became of a write whose outcome is unknown; `look_up` is not begun for any other.
    ///
    /// What is found is the answer. What is missing was not applied if the platform has answered, be it with an error; without any
    /// answer it may still be at it, so the outcome stays unknown. A look-up that fails changes nothing.
    pub(crate) async fn settle<T>(
        &self,
        written: Result<T, Error>,
        look_up: impl Future<Output = Result<Found<T>, Error>>,
    ) -> Result<T, Error> {
        let error = match written {
            Err(error) if error.outcome() == Some(Outcome::Unknown) => error,
            known => return known,
        };
        match look_up.await {
            Ok(Found::Applied(answer)) => Ok(answer),
            Ok(Found::Missing) if error.remote().is_some() => {
                self.writes().was_not_applied();
                Err(error.with_outcome(Outcome::NotApplied))
            }
            Ok(Found::Missing | Found::Unclear) => Err(error),
            Err(failure) => {
                tracing::warn!(
                    error = &failure as &dyn std::error::Error,
                    "what became of a write can't be looked up"
                );
                Err(error)
            }
        }
    }
}
