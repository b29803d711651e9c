//! The outbound address policy.

use axum::Router;
use axum::routing::get as on_get;
use tokio::net::TcpListener;
use upstream::{Body, Config, SendError};

use crate::support::{client, get, local, serve};

#[tokio::test]
async fn every_spelling_of_this_machine_is_refused_by_default() {
    // A listener that would accept, so that a refusal is the policy's and not the system's.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let upstream = client(Config::default());
    for (written, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("[::1]", "[::1]"),
        ("[::]", "[::]"),
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[::127.0.0.1]", "[::7f00:1]"),
        ("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        ("169.254.169.254", "169.254.169.254"),
        ("localhost", "localhost"),
        ("LOCALHOST", "localhost"),
    ] {
        let error = upstream
            .send(get(&format!("http://user:word@{written}:{port}/v1?token=secret")), Body::Empty)
            .await
            .err()
            .unwrap();
        assert_eq!(error, SendError::AddressRefused { host: host.to_owned() }, "{written}");
        assert!(!error.was_sent());
        assert_eq!(
            error.to_string(),
            format!(
                "Requests to {host} are refused: its address is not a public one and is not on the allowed list."
            )
        );
    }
}

#[tokio::test]
async fn allowed_networks_are_reached_by_address_and_by_name() {
    let port = serve(Router::new().route("/v1", on_get(|| async { "hello" }))).await.port();
    let upstream = client(local());
    for host in ["127.0.0.1", "localhost", "2130706433"] {
        let response = upstream.send(get(&format!("http://{host}:{port}/v1")), Body::Empty).await.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.bytes().await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn other_schemes_are_refused() {
    let error = client(local()).send(get("ftp://127.0.0.1/"), Body::Empty).await.err().unwrap();
    assert_eq!(error.to_string(), "127.0.0.1 is not reached by http or https.");
}
