//! Headers and redirects.

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::response::Redirect;
use axum::routing::get as on_get;
use http::{HeaderMap, HeaderName, HeaderValue};
use upstream::{Body, headers::forwardable};

use crate::support::{client, get, local, serve};

#[test]
fn fields_of_one_connection_are_dropped_and_others_kept_in_order() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, X-Hop"),
        ("connection", "x-other"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authorization", "Basic x"),
        ("te", "trailers"),
        ("trailer", "x-sum"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("x-hop", "1"),
        ("x-other", "1"),
        ("content-type", "text/plain"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let kept = forwardable(&headers);
    assert_eq!(kept.len(), 3);
    assert_eq!(kept["content-type"], "text/plain");
    assert_eq!(kept.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test]
async fn the_url_says_which_host_is_meant() {
    let host =
        on_get(|request: AxumRequest| async move { request.headers()["host"].to_str().unwrap().to_owned() });
    let address = serve(Router::new().route("/", host)).await;
    let mut request = get(&format!("http://{address}/"));
    request.headers.insert("host", HeaderValue::from_static("elsewhere.test"));
    let response = client(local()).send(request, Body::Empty).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), address.to_string());
}

#[tokio::test]
async fn redirects_are_returned_and_not_followed() {
    let router = Router::new().route("/", on_get(|| async { Redirect::temporary("http://10.0.0.1/") }));
    let address = serve(router).await;
    let response = client(local()).send(get(&format!("http://{address}/")), Body::Empty).await.unwrap();
    assert_eq!(response.status, 307);
    assert_eq!(response.headers["location"], "http://10.0.0.1/");
}
