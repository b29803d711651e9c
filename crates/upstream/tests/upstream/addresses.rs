//! Which addresses are reached.

use axum::Router;
use axum::routing::get as route;
use upstream::{Config, SendError, Upstream};

use crate::servers::{get, listen, serve, upstream};

async fn refused(url: &str) -> SendError {
    Upstream::new(Config::default()).unwrap().send(get(url), None).await.unwrap_err()
}

#[tokio::test]
async fn this_machine_is_not_reached_by_any_spelling() {
    let (listener, address) = listen().await;
    let port = address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "localhost",
    ] {
        let error = refused(&format!("http://{host}:{port}/")).await;
        assert!(matches!(error, SendError::AddressRefused { .. }), "{host}: {error:?}");
        assert!(!error.may_have_arrived());
        assert!(error.to_string().contains("not an address of the public internet"), "{error}");
    }
    // Nobody knocked.
    let knock = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
    assert!(knock.is_err(), "a connection was made");
}

#[tokio::test]
async fn private_networks_and_metadata_services_are_not_reached() {
    for host in
        ["10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "[fd00::1]", "[fe80::1]"]
    {
        let error = refused(&format!("http://{host}/")).await;
        assert!(matches!(error, SendError::AddressRefused { .. }), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn what_the_operator_allows_is_reached_by_address_and_by_name() {
    let url = serve(Router::new().route("/", route(|| async { "here" }))).await;
    let upstream = upstream(|_| {});
    for url in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        let answer = upstream.send(get(&url), None).await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.bytes().await.unwrap(), "here");
    }
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let error = upstream(|_| {}).send(get("ftp://127.0.0.1/"), None).await.unwrap_err();
    assert!(matches!(error, SendError::BadUrl | SendError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let app =
        Router::new().route("/", route(|| async { axum::response::Redirect::temporary("http://10.0.0.1/") }));
    let url = serve(app).await;
    let answer = upstream(|_| {}).send(get(&url), None).await.unwrap();
    assert_eq!(answer.status, 307);
    assert_eq!(answer.headers["location"], "http://10.0.0.1/");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = upstream(|_| {}).send(get(&format!("http://{address}/")), None).await.unwrap_err();
    let SendError::Connect { host, reason } = error else { panic!("{error:?}") };
    assert_eq!(host, "127.0.0.1");
    assert!(reason.contains("refused"), "{reason}");
}

#[tokio::test]
async fn a_name_without_an_address_is_told() {
    let error = upstream(|_| {}).send(get("http://no-such-host.invalid/"), None).await.unwrap_err();
    assert!(matches!(error, SendError::Connect { .. }) && !error.may_have_arrived(), "{error:?}");
}
