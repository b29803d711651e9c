//! Faults on demand: every kind, by rate and by count, from within and from another process.

use reqwest::{Method, StatusCode, header};
use sandbox::{Fault, FaultRule, FaultStage, Options, RequestStyle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Served, answer, fixture, rows, serve, small};

fn status(status: u16) -> Fault {
    Fault::Status { status, headers: Default::default() }
}

async fn ask(served: &Served, path: &str) -> u16 {
    served.get(path).await.status.as_u16()
}

/// The statuses of some requests in a row; 0 where no answer came.
async fn statuses(served: &Served, path: &str, count: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        let response = served.request(Method::GET, path).send().await;
        statuses.push(response.map_or(0, |response| response.status().as_u16()));
    }
    statuses
}

/// A request of the first winery's app as text, for a socket without a client.
fn raw(served: &Served, path: &str) -> String {
    let request = served.request(Method::GET, path).build().unwrap();
    let authorization = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    let name = &served.tenant().name;
    format!("GET /v1{path} HTTP/1.1\r\nHost: x\r\ntenant: {name}\r\nAuthorization: {authorization}\r\n\r\n")
}

#[tokio::test]
async fn a_status_comes_with_the_recorded_body_and_only_as_often_as_asked() {
    let served = serve(small()).await;
    served.sandbox.faults().add(FaultRule::new(status(500)).times(2));
    for _ in 0..2 {
        let answer = served.get("/order").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.text, fixture("errors/500.unknown.json").to_string());
    }
    assert_eq!(ask(&served, "/order").await, 200);
    let [installed] = &served.sandbox.faults().list()[..] else { panic!("one rule") };
    assert_eq!(installed.fired, 2);
}

#[tokio::test]
async fn a_429_is_the_one_of_the_limit_and_counts_for_nothing() {
    let served = serve(small()).await;
    let headers = [("Retry-After".to_owned(), "7".to_owned())].into();
    served.sandbox.faults().add(FaultRule::new(Fault::Status { status: 429, headers }).times(1));
    let refused = served.get("/order?cursor=start").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "7");
    assert_eq!(refused.json()["statusCode"], 429);
    assert_eq!(served.sandbox.requests().throttled(), 0);
    assert_eq!(ask(&served, "/order?cursor=start").await, 200);
}

#[tokio::test]
async fn statuses_with_a_body_of_their_own_have_it() {
    let served = serve(small()).await;
    for (code, recorded) in [(401, "errors/401.unauthenticated.json"), (404, "errors/404.not-found.json")] {
        served.sandbox.faults().add(FaultRule::new(status(code)).times(1));
        let answer = served.get("/order").await;
        assert_eq!((answer.status.as_u16(), answer.text), (code, fixture(recorded).to_string()));
    }
    served.sandbox.faults().add(FaultRule::new(status(503)).times(1));
    assert_eq!(served.get("/order").await.json()["statusCode"], 503);
}

#[tokio::test]
async fn an_answer_can_be_a_page_of_html() {
    let served = serve(small()).await;
    for code in [200, 502] {
        served.sandbox.faults().add(FaultRule::new(Fault::Html { status: code }).times(1));
        let answer = served.get("/order").await;
        assert_eq!(answer.status.as_u16(), code);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/html");
        assert!(answer.text.starts_with("<html>"));
    }
}

#[tokio::test]
async fn a_cut_body_has_the_true_head_and_half_of_the_truth() {
    let served = serve(small()).await;
    let whole = served.get("/order?cursor=start").await;
    served.sandbox.faults().add(FaultRule::new(Fault::Cut).times(1));
    let mut response = served.request(Method::GET, "/order?cursor=start").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], whole.headers[header::CONTENT_TYPE]);
    assert_eq!(response.content_length(), Some(whole.text.len() as u64));
    let mut half = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => half.extend(chunk),
            Ok(None) => panic!("the body must not end well"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error}");
    assert_eq!(half, whole.text.as_bytes()[..whole.text.len() / 2]);
    assert_eq!(served.get("/order?cursor=start").await.text, whole.text);
}

#[tokio::test]
async fn a_reset_is_one() {
    let served = serve(small()).await;
    served.sandbox.faults().add(FaultRule::new(Fault::Reset).times(2));
    let mut socket = TcpStream::connect(served.sandbox.addr()).await.unwrap();
    socket.write_all(raw(&served, "/order").as_bytes()).await.unwrap();
    let error = socket.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    assert!(served.request(Method::GET, "/order").send().await.is_err());
    assert_eq!(ask(&served, "/order").await, 200, "the next connection is whole");
}

#[tokio::test]
async fn a_reset_strikes_a_connection_that_was_used_before() {
    let served = serve(small()).await;
    let mut socket = TcpStream::connect(served.sandbox.addr()).await.unwrap();
    let request = raw(&served, "/order?limit=1");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    served.sandbox.faults().add(FaultRule::new(Fault::Reset).times(1));
    socket.write_all(request.as_bytes()).await.unwrap();
    let error = socket.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_late_answer_lets_others_pass_and_is_right_in_the_end() {
    let served = serve(small()).await;
    let hour = FaultRule::new(Fault::Latency { milliseconds: 3_600_000 }).path("/v1/order");
    let rule = served.sandbox.faults().add(hour);
    tokio::select! {
        biased;
        late = served.get("/order") => panic!("an hour early: {late:?}"),
        () = async {
            while served.sandbox.faults().list()[0].fired == 0 {
                assert_eq!(ask(&served, "/customer").await, 200);
            }
            assert_eq!(ask(&served, "/customer").await, 200);
        } => {}
    }
    assert!(served.sandbox.faults().remove(rule));
    let whole = served.get("/order").await.text;
    served.sandbox.faults().add(FaultRule::new(Fault::Latency { milliseconds: 5 }));
    assert_eq!(served.get("/order").await.text, whole);
}

#[tokio::test]
async fn latencies_add_up_with_another_fault_and_of_the_others_the_first_strikes() {
    let served = serve(small()).await;
    let faults = served.sandbox.faults();
    faults.add(FaultRule::new(Fault::Latency { milliseconds: 1 }));
    faults.add(FaultRule::new(status(502)));
    faults.add(FaultRule::new(status(503)));
    faults.add(FaultRule::new(Fault::Latency { milliseconds: 1 }));
    assert_eq!(ask(&served, "/order").await, 502);
    let fired: Vec<u64> = faults.list().iter().map(|installed| installed.fired).collect();
    assert_eq!(fired, [1, 1, 0, 1]);
}

#[tokio::test]
async fn a_rate_strikes_about_so_many_and_the_same_ones_by_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let served = serve(Options { seed, ..small() }).await;
        served.sandbox.faults().add(FaultRule::new(status(500)).rate(0.3));
        runs.push(statuses(&served, "/club", 200).await);
    }
    let struck = runs[0].iter().filter(|status| **status == 500).count();
    assert!((30..=90).contains(&struck), "{struck} of 200 at 0.3");
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn rates_of_nothing_and_all_and_with_a_count() {
    let served = serve(small()).await;
    let faults = served.sandbox.faults();
    faults.add(FaultRule::new(status(500)).rate(0.0));
    assert_eq!(statuses(&served, "/club", 50).await, [200; 50]);
    faults.clear();
    faults.add(FaultRule::new(status(500)).rate(1.0));
    assert_eq!(statuses(&served, "/club", 50).await, [500; 50]);
    faults.clear();
    faults.add(FaultRule::new(status(500)).rate(0.5).times(3));
    let struck = statuses(&served, "/club", 100).await;
    assert_eq!(struck.iter().filter(|status| **status == 500).count(), 3);
    assert_ne!(struck[..3], [500; 3], "half of them pass");
}

#[tokio::test]
async fn a_rule_is_meant_for_a_path_a_method_and_a_tenant() {
    let served = serve(Options { tenants: 2, ..small() }).await;
    let faults = served.sandbox.faults();
    let second = served.sandbox.tenants()[1].clone();
    faults.add(FaultRule::new(status(500)).path("/v1/order"));
    faults.add(FaultRule { method: Some("POST".to_owned()), ..FaultRule::new(status(502)) });
    faults.add(FaultRule { tenant: Some(second.name.clone()), ..FaultRule::new(status(503)) });
    assert_eq!(ask(&served, "/order").await, 500);
    assert_eq!(ask(&served, "/customer").await, 200);
    let write = served.request(Method::POST, "/customer");
    assert_eq!(answer(write).await.status, StatusCode::BAD_GATEWAY);
    let of_second = served.request_of(&second, Method::GET, "/customer");
    assert_eq!(answer(of_second).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_fault_before_has_no_effect_and_one_after_has() {
    let served = serve(small()).await;
    let faults = served.sandbox.faults();
    faults.add(FaultRule::new(status(500)).times(1));
    faults.add(FaultRule { stage: FaultStage::After, ..FaultRule::new(status(500)).times(2) });
    assert_eq!(statuses(&served, "/order", 4).await, [500, 500, 500, 200]);
    let count = |style| {
        let rows = served.sandbox.requests().list();
        rows.iter().find(|row| row.path == "/order" && row.style == style).map_or(0, |row| row.count)
    };
    assert_eq!((count(RequestStyle::Faulted), count(RequestStyle::Page)), (1, 3));
}

#[tokio::test]
async fn another_process_can_do_the_same() {
    let served = serve(Options { tenants: 2, ..small() }).await;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://{}/_sandbox/{path}", served.sandbox.addr());
    let json_of = async |request: reqwest::RequestBuilder| {
        let answer = answer(request).await;
        let body = if answer.text.is_empty() { Value::Null } else { answer.json() };
        (answer.status.as_u16(), body)
    };

    let (_, tenants) = json_of(client.get(url("tenants"))).await;
    let tenants = tenants.as_array().unwrap().clone();
    assert_eq!(tenants.len(), 2);
    assert_eq!(tenants[0]["app_secret"], served.tenant().app_secret.as_str());
    assert_eq!(tenants[0]["counts"]["orders"], 120);

    let rule = json!({"fault": {"status": {"status": 503}}, "path": "/v1/order", "count": 1});
    let (code, added) = json_of(client.post(url("faults")).json(&rule)).await;
    assert_eq!(code, 201);
    let (_, reset) = json_of(client.post(url("faults")).json(&json!({"fault": "reset", "rate": 0.0}))).await;
    assert_eq!(statuses(&served, "/order", 2).await, [503, 200]);
    let (_, listed) = json_of(client.get(url("faults"))).await;
    let listed = json!({"of": listed});
    let fired: Vec<_> =
        rows(&listed, "of").iter().map(|row| (row["id"].clone(), row["fired"].clone())).collect();
    assert_eq!(fired, [(added["id"].clone(), json!(1)), (reset["id"].clone(), json!(0))]);

    assert_eq!(json_of(client.delete(url(&format!("faults/{}", added["id"])))).await.0, 204);
    assert_eq!(json_of(client.delete(url(&format!("faults/{}", added["id"])))).await.0, 404);
    assert_eq!(json_of(client.delete(url("faults"))).await.0, 204);
    assert!(served.sandbox.faults().list().is_empty());

    for wrong in [json!({"fault": "flood"}), json!({"fault": "cut", "rat": 1}), json!({})] {
        let (code, body) = json_of(client.post(url("faults")).json(&wrong)).await;
        assert!((400..500).contains(&code), "{wrong}: {code}");
        assert!(body["message"].is_string());
    }

    let (_, requests) = json_of(client.get(url("requests"))).await;
    assert_eq!(requests.as_array().unwrap().len(), 2, "faulted and not: {requests}");
    assert_eq!(json_of(client.delete(url("requests"))).await.0, 204);
    assert_eq!(served.sandbox.requests().total(), 0);
}

#[tokio::test]
async fn a_rate_that_is_no_share_is_refused() {
    let served = serve(small()).await;
    let url = format!("http://{}/_sandbox/faults", served.sandbox.addr());
    for rate in [-0.1, 1.5] {
        let request = reqwest::Client::new().post(&url).json(&json!({"fault": "reset", "rate": rate}));
        assert!(answer(request).await.status.is_client_error(), "{rate}");
    }
    assert!(served.sandbox.faults().list().is_empty());
}
