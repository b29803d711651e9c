//! Custom calls: any path of the platform, any verb, streamed both ways.

mod envelope;

use futures_util::future::BoxFuture;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method};
use http_body::Body as _;
use serde_json::Map;
use upstream::Body;
use url::form_urlencoded;

use crate::fetch::{Call, plan_error};
use crate::log::Record;
use crate::options::Format;
use crate::{Answer, Caller, Error, Gateway};

/// A call of `/custom/{path}`.
#[derive(Debug)]
pub struct CustomCall {
    /// Who calls.
    pub caller: Caller,
    /// The verb.
    pub verb: Method,
    /// The path below the platform's base URL, as received (still encoded).
    pub path: String,
    /// The query as received (still encoded); the gateway's own parameters are taken out of it.
    pub query: Option<String>,
    /// The caller's headers; its token and what belongs to the connection are not passed on.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// The caller's headers that are meant for the gateway, or that tell where the call came through. The platform gets the account's
/// authorization and never the caller's.
const GATEWAYS_OWN: [HeaderName; 14] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::FORWARDED,
    header::VIA,
    header::ORIGIN,
    header::REFERER,
    HeaderName::from_static("decant-lane"),
    HeaderName::from_static("decant-max-wait"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

impl Gateway {
    /// Does a custom call. JSON comes back as `{result, next_cursor, prev_cursor}`, written around the platform's text while it
    /// passes; anything else, and everything with `truto_response_format=raw` or `stream`, as it is.
    pub fn custom(&self, call: CustomCall) -> BoxFuture<'_, Result<Answer, Error>> {
        Box::pin(async move {
            let path = call.path.trim_start_matches('/');
            let record = Record::start(self, "proxy", &call.caller, path, "custom");
            let outcome = self.do_custom(call, &record).await;
            record.finish(outcome.as_ref().map(|answer| (answer.status.as_u16(), None)));
            outcome
        })
    }

    async fn do_custom(&self, call: CustomCall, record: &Record) -> Result<Answer, Error> {
        let own = OwnParameters::take(call.query.as_deref())?;
        let connected = self.connected(&call.caller, own.account_id.as_deref()).await?;
        record.about(&connected.logged);
        let calling = Call {
            gateway: self,
            connected: &connected,
            record: Some(record),
            resource: "_custom",
            method: call.verb.as_str(),
        };
        refuse_verb(&call.verb)?;
        calling.refuse_sandbox_write(&call.verb)?;
        let credentials = self.open_credentials(&connected).await?;
        let none = Map::new();
        let inputs = integration::Inputs {
            id: None,
            query: &none,
            body: None,
            context: &connected.context,
            credentials: &credentials,
        };
        let mut request = connected
            .integration
            .plan_custom(&call.verb, &call.path, own.rest.as_deref(), &inputs)
            .map_err(plan_error)?;
        let mut headers = call.headers;
        upstream::headers::strip_hop_by_hop(&mut headers);
        for name in &GATEWAYS_OWN {
            headers.remove(name);
        }
        // Said again because a streamed body does not say it; some platforms take no body without.
        if let Some(length) = call.body.size_hint().exact().filter(|length| *length > 0) {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        let enveloped = own.format == Format::Unified && call.verb != Method::HEAD;
        if enveloped {
            // The envelope is written around plain text.
            headers.remove(header::ACCEPT_ENCODING);
        }
        // The definition's headers win: the tenant is the account's, whatever the caller sends.
        headers.extend(std::mem::take(&mut request.headers));
        request.headers = headers;
        let answer = calling.send(request, Some(call.body), None, &credentials).await?;
        let answer = Answer::passed_on(answer);
        Ok(if enveloped { envelope::wrap(answer) } else { answer })
    }
}

/// Refuses a verb whose answer repeats the request, the account's authorization in it, and one that asks for a tunnel.
fn refuse_verb(verb: &Method) -> Result<(), Error> {
    if ![Method::TRACE, Method::CONNECT].contains(verb) {
        return Ok(());
    }
    Err(Error::MethodNotAllowed {
        message: format!("{verb} is not passed on to a platform"),
        allow: "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE",
    })
}

/// The gateway's own parameters of a query that is passed on as it was written.
#[derive(Default)]
struct OwnParameters {
    account_id: Option<String>,
    format: Format,
    rest: Option<String>,
}

impl OwnParameters {
    fn take(query: Option<&str>) -> Result<Self, Error> {
        let mut own = Self::default();
        let mut rest: Vec<&str> = Vec::new();
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let Some((name, value)) = form_urlencoded::parse(pair.as_bytes()).next() else { continue };
            match name.as_ref() {
                "integrated_account_id" => {
                    own.account_id = Some(value.into_owned()).filter(|id| !id.is_empty())
                }
                "truto_response_format" => own.format = Format::parse(&value)?,
                name if name.starts_with("truto_") => {
                    return Err(Error::bad_request(format!("{name} does not work on custom calls")));
                }
                _ => rest.push(pair),
            }
        }
        own.rest = (!rest.is_empty()).then(|| rest.join("&"));
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_query_stays_as_it_was_written() {
        let own =
            OwnParameters::take(Some("a=1%202&integrated_account_id=x&b=%5B%5D&truto_response_format=raw&c"))
                .unwrap();
        assert_eq!(own.account_id.as_deref(), Some("x"));
        assert_eq!(own.format, Format::Raw);
        assert_eq!(own.rest.as_deref(), Some("a=1%202&b=%5B%5D&c"));
        assert_eq!(OwnParameters::take(Some("integrated_account_id=x")).unwrap().rest, None);
    }
}
