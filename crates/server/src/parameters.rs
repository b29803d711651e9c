//! Query parameters as `/openapi.json` tells them. The gateway reads them; these types are for the document only.
#![expect(dead_code, reason = "fields are read by utoipa's macros only")]

use utoipa::IntoParams;

/// How much of an admin list to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// The most items of a page.
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    next_cursor: Option<String>,
}

/// Which account a call is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichAccount {
    /// The account. Needed with an API token; an integrated account token says it already.
    integrated_account_id: Option<String>,
}

/// What every read through the gateway takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reading {
    /// `unified` (mapped, the default), `normalized` (the same), `raw` (the platform's answer untouched) or `stream` (the same,
    /// passed on as it comes in).
    #[param(inline, value_type = Option<String>, pattern = "^(unified|normalized|raw|stream)$")]
    truto_response_format: Option<String>,
    /// Leaves `remote_data`, the platform's own object, out.
    truto_ignore_remote_data: Option<bool>,
    /// Fields to leave out: `truto_exclude_fields[]=a&truto_exclude_fields[]=b`, or separated by commas.
    #[param(style = Form, explode)]
    truto_exclude_fields: Option<Vec<String>>,
    /// Passed to the platform as it is: `remote_query[name]=value`.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    remote_query: Option<()>,
}

/// What every list through the gateway takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// Records of a page, gathered from as many of the platform's pages as it takes.
    #[param(minimum = 1, maximum = 250)]
    limit: Option<u32>,
    /// `next_cursor` of the page before. It holds for the same account, resource and filters only.
    next_cursor: Option<String>,
    /// Leaves `limit` aside: as many records as one call reads, which is all of them up to some thousands.
    truto_ignore_limit: Option<bool>,
}

/// What unified lists take besides.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Keyed {
    /// Makes `result` an object with this field's values as names.
    truto_key_by: Option<String>,
}

/// What reads by the platform's own names take.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnReading {
    /// `stream` passes a list on as the platform answers it: one page of it, without an envelope.
    #[param(inline, value_type = Option<String>, pattern = "^(unified|normalized|raw|stream)$")]
    truto_response_format: Option<String>,
    /// Passed to the platform as it is: `remote_query[name]=value`.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    remote_query: Option<()>,
}

/// What writes by the platform's own names take.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Writing {
    /// Sends the body on as it is, whatever it is, instead of reading it as JSON.
    truto_body_passthrough: Option<bool>,
}

/// How a custom call is answered.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CustomFormat {
    /// JSON comes as `{result, next_cursor, prev_cursor}`; `raw` and `stream` pass it on as it is.
    #[param(inline, value_type = Option<String>, pattern = "^(unified|normalized|raw|stream)$")]
    truto_response_format: Option<String>,
}

/// Which capabilities to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Capabilities {
    /// `proxy`, `unified` or `all` (the default).
    #[param(inline, value_type = Option<String>, pattern = "^(proxy|unified|all)$")]
    r#type: Option<String>,
    /// Only these methods, separated by commas.
    methods: Option<String>,
    /// Only this resource.
    resource: Option<String>,
    /// Only methods with (`true`) or also those without (`false`) a description.
    has_description: Option<bool>,
}

/// Which tools to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Tools {
    /// Only these, separated by commas: `read` (list and get), `write` (create, update and delete), or a method by its name.
    methods: Option<String>,
    /// Only tools with one of these tags: `unified`, `proxy`, a unified model, a resource.
    tags: Option<String>,
}
