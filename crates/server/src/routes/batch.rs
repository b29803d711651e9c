//! The endpoint for batches: many calls of one account in one.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gateway::batch::{Batch, BatchError, BatchNode, BatchRequest};
use http::header::CONTENT_TYPE;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{BodyErrors, CallErrors};
use crate::App;
use crate::body::Json;
use crate::caller::ApiCaller;
use crate::error::{ApiError, ErrorBody};

/// Where batches are asked for.
pub(crate) const PATH: &str = "/batch-request";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(run))
}

/// What a batch gave.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
struct BatchAnswer {
    /// The records of each node that is given back, by its name.
    result: BTreeMap<String, Vec<Value>>,
    /// What failed of each node, by its name; an empty list where all went through.
    errors: BTreeMap<String, Vec<FailedCall>>,
}

/// A call of a node that failed: an error as any other, and which call it was.
#[derive(Serialize, ToSchema)]
struct FailedCall {
    /// Which of the node's calls it was, from 0: the number of the record that it was made for.
    index: usize,
    /// The id that it named.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(flatten)]
    error: ErrorBody,
}

/// Makes many calls of one account, each as soon as those that it depends on are done.
///
/// A node that depends on others runs once for each of their records (or for each item of `loop_on`), with placeholders such as
/// `{{resources.ecommerce.orders.customer.id}}` and `{{args.x}}`. Lists are read to their end. What is wrong with the request is refused
/// before anything is sent; calls that fail are told in `errors`, and the rest goes on. A batch makes 1,000 calls, gathers 10,000 records
/// and takes 300 seconds at most.
#[utoipa::path(post, path = "/batch-request", operation_id = "batch_request", tag = "batch",
    request_body = BatchRequest,
    responses((status = 200, description = "What the calls gave", body = BatchAnswer), CallErrors, BodyErrors))]
async fn run(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(request): Json<BatchRequest>,
) -> Result<Response, ApiError> {
    let text = write(app.gateway.batch(&caller, request).await?).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a batch's answer could not be written");
        ApiError::internal()
    })?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

impl From<BatchError> for FailedCall {
    fn from(BatchError { index, id, error }: BatchError) -> Self {
        Self { index, id, error: ApiError::from(&*error).into_body() }
    }
}

/// Values by name, in their order.
struct ByName<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Writes the answer, with the records' own text in it.
fn write(batch: Batch) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Written<'r> {
        result: ByName<Vec<&'r RawValue>>,
        errors: ByName<Vec<FailedCall>>,
    }

    let mut wanted = Vec::new();
    let mut failed: Vec<(String, Vec<FailedCall>)> = Vec::new();
    for BatchNode { name, records, errors } in batch.nodes {
        wanted.extend(records.map(|records| (name.clone(), records)));
        failed.push((name, errors.into_iter().map(FailedCall::from).collect()));
    }
    let result = wanted.iter().map(|(name, records)| {
        let records: Vec<&RawValue> = records.iter().map(AsRef::as_ref).collect();
        (name.clone(), records)
    });
    serde_json::to_vec(&Written { result: ByName(result.collect()), errors: ByName(failed) })
}
