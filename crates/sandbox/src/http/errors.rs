//! Error bodies, as Commerce7 forms them (facts 4.2).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;

/// An answer that is no success. `errors` is absent where the rule broken has no list of fields, and empty for 401,
/// 404 and 500.
#[derive(Debug, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiError {
    status_code: u16,
    r#type: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
}

/// What is wrong with one element of a body.
#[derive(Debug, Serialize, PartialEq)]
pub(crate) struct FieldError {
    /// Where it is, as `items[0].sku`.
    field: String,
    message: &'static str,
}

impl FieldError {
    pub fn new(field: &str, message: &'static str) -> Self {
        Self { field: field.to_owned(), message }
    }
}

impl ApiError {
    fn new(status_code: u16, r#type: &'static str, message: impl Into<String>) -> Self {
        Self { status_code, r#type, message: message.into(), errors: Some(Vec::new()) }
    }

    /// What went wrong, for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn without_list(mut self) -> Self {
        self.errors = None;
        self
    }

    /// Wrong or absent Basic credentials. That an absent or unknown tenant is answered so as well is a guess.
    pub fn unauthenticated() -> Self {
        Self::new(401, "unauthorized", "Unauthenticated User")
    }

    /// A token that `GET /account/user` does not know.
    pub fn unauthorized_user() -> Self {
        Self::new(401, "unauthorized", "Unauthorized user")
    }

    /// No such path, or no such object.
    pub fn not_found() -> Self {
        Self::new(404, "notFound", "404 - doc not found or method not found")
    }

    /// A query key that the endpoint does not know, or one given twice.
    pub fn invalid_query(key: &str) -> Self {
        Self::new(422, "validationError", format!("Invalid query param: {key}")).without_list()
    }

    /// An operator that the field does not take.
    pub fn invalid_operator(operator: &str) -> Self {
        Self::new(422, "validationError", format!("Invalid operator {operator}")).without_list()
    }

    /// Both page styles at once.
    pub fn page_and_cursor() -> Self {
        // Two blanks after the first sentence, as Commerce7 has them.
        let message = "Can not use both page and cursor for paging.  Must use one or the other.";
        Self::new(422, "validationError", message).without_list()
    }

    /// What went wrong on the server's side; also the answer of injected faults.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::unauthenticated(),
            404 => Self::not_found(),
            _ => Self::new(status, "unknown", "something went wrong"),
        }
    }

    /// A body that its schema does not take, with everything that is wrong with it.
    pub fn invalid_elements(errors: Vec<FieldError>) -> Self {
        let message = "One or more elements is missing or invalid";
        Self { errors: Some(errors), ..Self::new(422, "validationError", message) }
    }

    /// As [`ApiError::invalid_elements`], with one.
    pub fn invalid_element(field: &str, message: &'static str) -> Self {
        Self::invalid_elements(vec![FieldError::new(field, message)])
    }

    /// A rule of the business that has no field.
    pub fn rule(message: &str) -> Self {
        Self::new(422, "validationError", message).without_list()
    }

    /// Something that could not be carried out.
    pub fn processing(message: &str) -> Self {
        Self::new(422, "processingError", message).without_list()
    }

    /// A second object with what only one may have.
    pub fn not_unique() -> Self {
        Self::rule("Database unique constraint error")
    }

    /// A permission that the app lacks; facts 2.2 and 4.2.
    pub fn unauthorized_route() -> Self {
        Self::new(401, "unauthorized", "Unauthorized User For Route")
    }

    /// A body that is no JSON. What Commerce7 answers is not known.
    pub fn no_json() -> Self {
        Self::new(400, "validationError", "The body is no JSON").without_list()
    }

    /// The sandbox's own: a write that it does not take.
    pub fn write_not_taken(method: &http::Method, path: &str) -> Self {
        Self::new(
            501,
            "notImplemented",
            format!("This sandbox does not take {method} {path}; nothing was changed"),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, serde_json::to_vec(&self).unwrap_or_default())
    }
}

/// An answer whose body is JSON text.
pub(crate) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.into()).into_response()
}
