//! Keys that callers name their writes by (`Idempotency-Key`): each is claimed once, and keeps the answer for its repeats.
//!
//! A claim is a row with a lease: its holder renews it while the write runs. A holder that ends in the middle leaves a lease that ends,
//! and with it a write of which nobody knows whether it was applied: whoever claims it then may look, and not write
//! ([`Claim::Unknown`]). Answers hold customers' data, so they are sealed as credentials are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    Sealed, Secrets, Store, StoreError, VaultError,
    database::{Query, Row},
    vault::Place,
};

/// A write and the key that its caller named it by.
#[derive(Debug, Clone)]
pub struct NewClaim<'a> {
    /// The environment.
    pub environment_id: &'a str,
    /// Within which the key is unique: the id of the environment or account whose token was used.
    pub owner: &'a str,
    /// The key.
    pub key: &'a str,
    /// What tells this write from others; the same for its repeats.
    pub fingerprint: &'a str,
    /// How long the claim holds unless it is renewed.
    pub lease: SignedDuration,
    /// How long the key is kept.
    pub keep: SignedDuration,
}

/// What a key stands for, seen by a caller who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody had it: the write is this caller's to do.
    New(Holding),
    /// Another call does the write now.
    Running,
    /// It was done, and this is its answer.
    Answered(KeptAnswer),
    /// Nobody knows whether the write was applied. It is this caller's to find out, and nobody's to do again.
    Unknown {
        /// The claim.
        holding: Holding,
        /// The answer that said so; none where its node ended in the middle.
        answer: Option<KeptAnswer>,
    },
    /// It names a write with another fingerprint.
    OtherWrite,
}

/// A claim that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    id: String,
    holder: String,
}

/// The answer of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers that describe it.
    pub headers: Vec<(String, String)>,
    /// The body; none when it was too large to be kept.
    pub body: Option<Vec<u8>>,
}

const SELECT: &str = "SELECT id, fingerprint, holder, lease_until, is_unknown, answer, expires_at FROM idempotency_key \
                      WHERE owner = $1 AND name = $2";

/// Rows deleted by one transaction.
const DELETED_AT_ONCE: u32 = 1_000;

/// A key as kept.
struct KeyRow {
    id: String,
    fingerprint: String,
    holder: String,
    lease_until: Timestamp,
    is_unknown: bool,
    answer: Option<Sealed>,
    expires_at: Timestamp,
}

impl KeyRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            fingerprint: row.get("fingerprint")?,
            holder: row.get("holder")?,
            lease_until: row.time("lease_until")?,
            is_unknown: row.get("is_unknown")?,
            answer: row.get::<Option<String>>("answer")?.map(Sealed::from_column),
            expires_at: row.time("expires_at")?,
        })
    }
}

impl Store {
    /// Claims a key for a write, or tells what it stands for already. Of any number of callers on any number of nodes, one gets
    /// [`Claim::New`].
    pub async fn claim_idempotency_key(&self, new: &NewClaim<'_>) -> Result<Claim, StoreError> {
        loop {
            // None: another was quicker. What it did is there to be read.
            if let Some(claim) = self.try_claim(new).await? {
                return Ok(claim);
            }
        }
    }

    async fn try_claim(&self, new: &NewClaim<'_>) -> Result<Option<Claim>, StoreError> {
        let query = Query::new(SELECT).bind(new.owner).bind(new.key);
        let Some(row) = self.database().fetch_optional(query).await? else {
            return self.insert_claim(new).await;
        };
        let row = KeyRow::read(&row)?;
        let now = self.now();
        if row.expires_at <= now {
            let query = Query::new("DELETE FROM idempotency_key WHERE id = $1").bind(&row.id);
            self.change_key(query).await?;
            return Ok(None);
        }
        if row.fingerprint != new.fingerprint {
            return Ok(Some(Claim::OtherWrite));
        }
        let answer = match &row.answer {
            Some(sealed) => Some(self.open_answer(&row.id, sealed).await?),
            None => None,
        };
        match answer {
            Some(answer) if !row.is_unknown => Ok(Some(Claim::Answered(answer))),
            _ if row.lease_until > now => Ok(Some(Claim::Running)),
            answer => {
                let holding = Holding { id: row.id, holder: self.new_id(now) };
                let query = Query::new(
                    "UPDATE idempotency_key SET holder = $1, lease_until = $2, is_unknown = $3 \
                     WHERE id = $4 AND holder = $5 AND lease_until = $6 AND (answer IS NULL OR is_unknown)",
                )
                .bind(&holding.holder)
                .bind(end(now, new.lease))
                .bind(true)
                .bind(&holding.id)
                .bind(&row.holder)
                .bind(row.lease_until);
                let taken = self.change_key(query).await?;
                Ok(taken.then_some(Claim::Unknown { holding, answer }))
            }
        }
    }

    async fn insert_claim(&self, new: &NewClaim<'_>) -> Result<Option<Claim>, StoreError> {
        let now = self.now();
        let holding = Holding { id: self.new_id(now), holder: self.new_id(now) };
        let query = Query::new(
            "INSERT INTO idempotency_key (id, environment_id, owner, name, fingerprint, holder, lease_until, is_unknown, \
             expires_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (owner, name) DO NOTHING",
        )
        .bind(&holding.id)
        .bind(new.environment_id)
        .bind(new.owner)
        .bind(new.key)
        .bind(new.fingerprint)
        .bind(&holding.holder)
        .bind(end(now, new.lease))
        .bind(false)
        .bind(end(now, new.keep))
        .bind(now);
        Ok(self.change_key(query).await?.then_some(Claim::New(holding)))
    }

    /// Says that the holder is still at it. False when the claim is another's by now.
    pub async fn renew_claim(&self, holding: &Holding, lease: SignedDuration) -> Result<bool, StoreError> {
        let query = Query::new("UPDATE idempotency_key SET lease_until = $1 WHERE id = $2 AND holder = $3")
            .bind(end(self.now(), lease))
            .bind(&holding.id)
            .bind(&holding.holder);
        self.change_key(query).await
    }

    /// Keeps the write's answer for its repeats; `is_unknown` when it says that nobody knows whether the write was applied. What one
    /// who did the write has to say counts even when its lease had ended; a definite answer is never replaced.
    pub async fn keep_answer(
        &self,
        holding: &Holding,
        answer: &KeptAnswer,
        is_unknown: bool,
    ) -> Result<(), StoreError> {
        let sealed = self.vault().seal(Place::idempotency_key(&holding.id), &answer.to_secrets())?;
        let query = Query::new(
            "UPDATE idempotency_key SET answer = $1, is_unknown = $2, lease_until = $3 \
             WHERE id = $4 AND (answer IS NULL OR is_unknown)",
        )
        .bind(sealed.into_column())
        .bind(is_unknown)
        .bind(self.now())
        .bind(&holding.id);
        self.change_key(query).await.map(drop)
    }

    /// Gives a claim up without an answer: whether the write was applied is not known, and the next caller may look.
    pub async fn abandon_claim(&self, holding: &Holding) -> Result<(), StoreError> {
        let query = Query::new(
            "UPDATE idempotency_key SET is_unknown = $1, lease_until = $2 \
             WHERE id = $3 AND holder = $4 AND (answer IS NULL OR is_unknown)",
        )
        .bind(true)
        .bind(self.now())
        .bind(&holding.id)
        .bind(&holding.holder);
        self.change_key(query).await.map(drop)
    }

    /// Frees the key: nothing was applied, so the same key may be used again.
    pub async fn free_claim(&self, holding: &Holding) -> Result<(), StoreError> {
        let query =
            Query::new("DELETE FROM idempotency_key WHERE id = $1 AND answer IS NULL").bind(&holding.id);
        self.change_key(query).await.map(drop)
    }

    /// Deletes the keys that ended before `before`; how many. In portions, so that it never holds others up.
    pub async fn sweep_idempotency_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM idempotency_key WHERE id IN \
                 (SELECT id FROM idempotency_key WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)";
        self.delete_in_portions(statement, before, DELETED_AT_ONCE).await
    }

    /// Runs a statement in a transaction of its own; whether it touched a row.
    async fn change_key(&self, query: Query) -> Result<bool, StoreError> {
        let mut transaction = self.database().begin().await?;
        let touched = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(touched > 0)
    }

    async fn open_answer(&self, id: &str, sealed: &Sealed) -> Result<KeptAnswer, StoreError> {
        let opened = self.vault().open(Place::idempotency_key(id), sealed).await?;
        Ok(KeptAnswer::from_secrets(&opened).ok_or(VaultError::NotSecrets)?)
    }
}

impl KeptAnswer {
    fn to_secrets(&self) -> Secrets {
        let mut values = Map::new();
        values.insert("status".to_owned(), self.status.into());
        values.insert("headers".to_owned(), json!(self.headers));
        match self.body.as_deref().map(|body| (body, std::str::from_utf8(body))) {
            Some((_, Ok(text))) => values.insert("text".to_owned(), text.into()),
            Some((bytes, Err(_))) => values.insert("base64".to_owned(), STANDARD.encode(bytes).into()),
            None => None,
        };
        Secrets::from(values)
    }

    /// `None` for what [`KeptAnswer::to_secrets`] does not write.
    fn from_secrets(secrets: &Secrets) -> Option<Self> {
        let text = |name| secrets.get(name).and_then(Value::as_str);
        let pair =
            |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
        let body = match (text("text"), text("base64")) {
            (Some(text), _) => Some(text.as_bytes().to_owned()),
            (None, Some(base64)) => Some(STANDARD.decode(base64).ok()?),
            (None, None) => None,
        };
        Some(Self {
            status: u16::try_from(secrets.get("status")?.as_u64()?).ok()?,
            headers: secrets.get("headers")?.as_array()?.iter().map(pair).collect::<Option<_>>()?,
            body,
        })
    }
}

/// The end of a span from `now` on; the end of time where there is none.
fn end(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
