//! A write happens once: mixed writes of every kind against a platform that times out, breaks connections and fails before and after it
//! has written, through a gateway that is killed twice on the way.
//!
//! `DECANT_WRITES=10000` sets how many there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use reqwest::{Client, Method, StatusCode};
use sandbox::{Fault, FaultRule, FaultStage};
use serde_json::{Value, json};
use testkit::{Answer, TestDatabase, small_winery};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::program::{Installation, Program};

/// Writes that are under way at the same time.
const AT_ONCE: usize = 24;

/// How a write ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Ending {
    Written,
    Unknown,
    /// Told for one line of many, so that the whole call succeeded.
    Refused,
}

/// What a caller needs.
struct Caller {
    client: Client,
    url: watch::Receiver<String>,
    token: String,
    account: String,
    customers: Vec<String>,
    level: Value,
    done: AtomicUsize,
    kills: Vec<usize>,
    kill: Notify,
}

/// What stands in each write, and in no other.
fn marker(number: usize) -> String {
    format!("w{number:06}x")
}

impl Caller {
    /// The write of a number: verb, path, body.
    fn write(&self, number: usize) -> (Method, String, Value) {
        let mark = marker(number);
        let customer = &self.customers[number % self.customers.len()];
        let unified =
            |path: &str| format!("/unified/ecommerce/{path}?integrated_account_id={}", self.account);
        let proxy = |path: &str| format!("/proxy/{path}?integrated_account_id={}", self.account);
        let note = json!({"type": "Note", "noteDate": "2026-01-02T03:04:05.000Z", "content": mark, "customerId": customer});
        match number % 10 {
            0 => (Method::POST, unified("notes"), json!({"text": mark, "customer": {"id": customer}})),
            1 => {
                let email = format!("{mark}@example.com");
                (
                    Method::POST,
                    unified("customers"),
                    json!({"first_name": mark, "emails": [{"email": email}]}),
                )
            }
            2 => (Method::PATCH, unified(&format!("customers/{customer}")), json!({"last_name": mark})),
            3 => {
                let line =
                    json!({"sku": self.level["sku"], "location": self.level["location"], "available": 1});
                (Method::POST, unified("inventory_levels/adjust"), json!({"notes": mark, "lines": [line]}))
            }
            4 => (Method::POST, unified("tags"), json!({"name": mark, "object_type": "customer"})),
            5 => {
                let variant = json!({"name": "750ml", "sku": mark, "price": "45.00", "tax_type": "Wine"});
                (
                    Method::POST,
                    unified("products"),
                    json!({"name": mark, "slug": mark, "variants": [variant]}),
                )
            }
            6 => (
                Method::POST,
                unified("gift_cards"),
                json!({"name": mark, "code": mark, "initial_amount": "25.00"}),
            ),
            7 => (
                Method::PATCH,
                unified(&format!("customers/{customer}")),
                json!({"custom_fields": {"mark": mark}}),
            ),
            8 => (Method::POST, proxy("note"), note),
            _ => (Method::POST, format!("/custom/note?integrated_account_id={}", self.account), note),
        }
    }

    /// Writes until it is known how it ended: a free key is used again, a gateway that is gone is waited for.
    async fn once(&self, number: usize) -> Ending {
        let (verb, path, body) = self.write(number);
        let mut url = self.url.clone();
        let ending = loop {
            let base = url.borrow_and_update().clone();
            let request = self
                .client
                .request(verb.clone(), format!("{base}{path}"))
                .bearer_auth(&self.token)
                .header("idempotency-key", marker(number))
                .json(&body);
            let answered = async {
                let answer = request.send().await?;
                Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
            };
            let Ok((status, text)) = answered.await else {
                // The gateway was killed, and another one takes its place; or it cut an answer that the platform cut.
                let _ = tokio::time::timeout(Duration::from_millis(200), url.changed()).await;
                continue;
            };
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            match (status, answer["outcome"].as_str()) {
                (status, _) if status.is_success() => {
                    break match answer["result"]["lines"][0]["status"].as_str() {
                        None | Some("written") => Ending::Written,
                        Some("unknown") => Ending::Unknown,
                        Some(_) => Ending::Refused,
                    };
                }
                (_, Some("unknown")) => break Ending::Unknown,
                // Only reading it back failed.
                (_, Some("applied")) => break Ending::Written,
                (_, Some("not_applied")) => {}
                // Another try with the same key still runs.
                (StatusCode::CONFLICT, None) => {}
                // What is read before the write met a fault, too.
                (status, None) if status.is_server_error() => {}
                (status, outcome) => panic!("{number}: {status} {outcome:?} {text}"),
            }
        };
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.kills.contains(&done) {
            self.kill.notify_one();
        }
        ending
    }
}

/// What goes wrong, and how often.
fn faults() -> Vec<FaultRule> {
    let status = |status| Fault::Status { status, headers: Default::default() };
    let late = Fault::Latency { milliseconds: 1_500 };
    let mut rules = Vec::new();
    for (fault, rate) in [(Fault::Reset, 0.02), (status(500), 0.02), (status(503), 0.01), (late, 0.004)] {
        for stage in [FaultStage::Before, FaultStage::After] {
            let rule = FaultRule::new(fault.clone()).rate(rate);
            rules.push(FaultRule { stage, ..rule });
        }
    }
    rules.push(FaultRule::new(Fault::Cut).rate(0.02));
    rules
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_applied_once_or_said_to_be_unknown_and_applied_at_most_once() {
    let count: usize = std::env::var("DECANT_WRITES").map_or(1_000, |count| count.parse().unwrap());
    let database = TestDatabase::sqlite();
    let installation = Installation::over(&database);
    let token = installation.token();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = sandbox::Options { rate_limit: 0, ..small_winery() };
    let sandbox = sandbox::start(options, listener, |_| {}).await.unwrap();
    let serve = || {
        let mut command =
            installation.decant(&["serve", "--allow-network", "127.0.0.0/8", "--platform-timeout", "1s"]);
        tokio::task::block_in_place(|| Program::start(&mut command))
    };
    let mut program = serve();
    let account = program.connect(&token, &sandbox).await;
    let unlimited = json!({"integration_override": {"rate_limit": null}});
    let change = program.request(Method::PATCH, &format!("/integrated-account/{account}"), &token);
    Answer::of(change.json(&unlimited)).await.ok();
    let list =
        |resource: &str| format!("/unified/ecommerce/{resource}?integrated_account_id={account}&limit=20");
    let customers = program.get(&list("customers"), &token).await.ok();
    let customers = customers["result"].as_array().unwrap();
    let levels = program.get(&list("inventory_levels"), &token).await.ok();
    let level =
        &levels["result"].as_array().unwrap().iter().find(|level| level["is_tracked"] == true).unwrap();
    let (tell, url) = watch::channel(program.url.clone());
    let caller = Caller {
        client: Client::new(),
        url,
        token,
        account: account.clone(),
        customers: customers.iter().map(|customer| customer["id"].as_str().unwrap().to_owned()).collect(),
        level: json!({"sku": level["sku"], "location": {"id": level["location"]["id"]}}),
        done: AtomicUsize::new(0),
        kills: vec![count / 3, count * 2 / 3],
        kill: Notify::new(),
    };
    sandbox.writes().clear();
    for rule in faults() {
        sandbox.faults().add(rule);
    }

    let one = async |number| (number, caller.once(number).await);
    let mut writing = stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let mut writing = std::pin::pin!(&mut writing);
    let endings = loop {
        tokio::select! {
            endings = &mut writing => break endings,
            () = caller.kill.notified() => {
                program.kill();
                program = serve();
                tell.send(program.url.clone()).unwrap();
            }
        }
    };

    let mut applied: HashMap<String, usize> = HashMap::new();
    for write in sandbox.writes().list() {
        let text = write.body.to_string();
        let start = text.match_indices('w').find(|(at, _)| {
            let mark = text.get(*at..at + 8).unwrap_or_default();
            mark.ends_with('x') && mark[1..7].bytes().all(|letter| letter.is_ascii_digit())
        });
        if let Some((at, _)) = start {
            *applied.entry(text[at..at + 8].to_owned()).or_default() += 1;
        }
    }
    let mut tally: HashMap<(Ending, usize), usize> = HashMap::new();
    for (number, ending) in endings {
        let times = applied.get(&marker(number)).copied().unwrap_or(0);
        let holds = match ending {
            Ending::Written => times == 1,
            Ending::Unknown => times <= 1,
            Ending::Refused => times == 0,
        };
        assert!(
            holds,
            "{}: {ending:?}, and applied {times} times: {:?}",
            marker(number),
            caller.write(number)
        );
        *tally.entry((ending, times)).or_default() += 1;
    }
    println!("{count} writes: {tally:?}");
    // The faults did strike.
    assert!(tally.keys().any(|(ending, _)| *ending == Ending::Unknown), "{tally:?}");
    program.kill();
    sandbox.shutdown().await;
}
