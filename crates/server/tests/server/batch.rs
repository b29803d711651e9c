//! Many calls in one, against a winery that takes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{App, Fault, FaultRule, Setup, TestDatabase, Winery, over_both_databases};

use crate::support::{logged, ours, proxy, remote, says, unified, walk};

const PATH: &str = "/batch-request";

/// A winery whose every record can be asked for within a minute's calls.
fn few() -> Setup {
    Setup {
        winery: Winery { customers: 8, orders: 14, products: 4, ..Winery::default() },
        ..Setup::default()
    }
}

/// A batch of an account.
fn batch(account: &str, resources: Value) -> Value {
    json!({"integrated_account_id": account, "resources": resources})
}

/// How often the platform was asked.
fn requests(app: &App, method: &str, begin: &str) -> u64 {
    let rows = app.sandbox.requests().list();
    rows.iter().filter(|row| row.method == method && row.path.starts_with(begin)).map(|row| row.count).sum()
}

/// The records of a node.
fn of<'a>(answer: &'a Value, node: &str) -> &'a Vec<Value> {
    assert_eq!(answer["errors"][node], json!([]), "{node}");
    answer["result"][node].as_array().unwrap_or_else(|| panic!("no {node} in {answer}"))
}

/// The example of `docs/batch.md` with this number, for an account.
fn example(number: usize, account: &str) -> Value {
    let page = include_str!("../../../../docs/batch.md");
    let text = page.split("```json\n").nth(number + 1).unwrap().split("```").next().unwrap();
    let mut body: Value = serde_json::from_str(text).unwrap();
    body["integrated_account_id"] = json!(account);
    body
}

over_both_databases!(a_node_runs_for_each_record_that_it_depends_on);

async fn a_node_runs_for_each_record_that_it_depends_on(database: &TestDatabase) {
    let app = App::start_with(database, few()).await;
    let account = app.connect().await;
    let orders = walk(&app, &unified("orders", &account)).await;
    app.sandbox.requests().clear();
    let answer = app.post(PATH, &example(0, &account)).await.ok();
    // The lists are read to their end, whatever their pages hold.
    let listed = of(&answer, "ecommerce/orders");
    assert_eq!(listed.len(), orders.len());
    let customers = of(&answer, "ecommerce/customers");
    assert_eq!(customers.len(), orders.len());
    for (order, customer) in listed.iter().zip(customers) {
        assert_eq!(order["customer"]["id"], customer["id"]);
        assert_eq!(customer.get("remote_data"), None, "the node's query holds");
    }
    // Who bought twice is asked for once.
    let distinct: BTreeMap<&str, &Value> =
        customers.iter().map(|customer| (customer["id"].as_str().unwrap(), customer)).collect();
    assert!(distinct.len() < customers.len());
    // Itself and its addresses.
    assert_eq!(requests(&app, "GET", "/customer/"), 2 * distinct.len() as u64);
    // Each call is in the log as any other, and so is the batch.
    let row = logged(&app, "request_type=batch", |_| true).await;
    assert_eq!((&row["http_status_code"], &row["integrated_account_id"]), (&json!(200), &json!(account)));
    assert_eq!(row["result_count"], 2 * orders.len());
    logged(&app, "request_type=unified&resource=ecommerce/customers&method=get", |_| true).await;
    app.shutdown().await;
}

#[tokio::test]
async fn loops_chains_formats_transforms_and_the_platforms_own_resources() {
    let app = App::sqlite_with(few()).await;
    let account = app.connect().await;
    let orders = walk(&app, &proxy("order", &account)).await;
    let answer = app.post(PATH, &example(1, &account)).await.ok();
    // Only what is asked back comes back, and errors are told of every node.
    let names: Vec<&String> = answer["result"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["lines", "by_sku"]);
    assert_eq!(answer["errors"].as_object().unwrap().len(), 4);
    // One call for each line of each order; what the order says is at hand, too.
    let lines: usize = orders.iter().map(|order| order["items"].as_array().unwrap().len()).sum();
    let gone = answer["errors"]["lines"].as_array().unwrap();
    assert!(gone.iter().all(|error| error["statusCode"] == 404 && error["id"].is_string()), "{gone:?}");
    assert_eq!(
        of_any(&answer, "lines").len() + gone.len(),
        lines,
        "a product that is sold no longer is told"
    );
    let sold: i64 = orders
        .iter()
        .flat_map(|order| order["items"].as_array().unwrap())
        .filter_map(|item| item["quantity"].as_i64())
        .sum();
    let by_sku = of(&answer, "by_sku");
    let total: i64 = by_sku.iter().map(|sku| sku["sold"].as_i64().unwrap()).sum();
    assert_eq!(total, sold, "{by_sku:?}");

    // A chain: the last node sees the record that its record came of. Raw records, and the arguments.
    let id = orders[0]["id"].as_str().unwrap();
    let chain = app
        .post(PATH, &json!({
            "integrated_account_id": account,
            "args": {"ids": [id], "kind": "customer"},
            "resources": [
                {"name": "one", "resource": "ecommerce/orders", "method": "get", "id": "{{args.ids}}", "loop_on": "args.ids"},
                {"name": "buyer", "resource": "ecommerce/customers", "method": "get", "depends_on": "one",
                 "id": "{{resources.one.customer.id}}", "response_format": "raw"},
                {"name": "all", "resource": "ecommerce/orders", "method": "list", "depends_on": ["buyer", "one"],
                 "query": "{'customer_id': resources.buyer.id, 'order_number': resources.one.order_number}"},
                {"name": "own", "resource": "order", "method": "get", "depends_on": ["all"], "id": "{{resources.all.id}}"},
                {"name": "tags", "resource": "tag", "method": "list", "query": {"objectType": "{{args.kind}}", "none": "{{args.none:undefined}}"}},
                {"name": "gathered", "type": "spool", "depends_on": ["one", "own"]},
                {"name": "counted", "type": "transform", "depends_on": "gathered",
                 "config": {"expression": "{'spooled': $count(resources.gathered), 'own': $count(resources.own), 'kind': args.kind}"}},
            ],
        }))
        .await
        .ok();
    assert_eq!(of(&chain, "own")[0], orders[0]);
    assert_eq!(of(&chain, "buyer")[0]["id"], orders[0]["customerId"]);
    assert!(of(&chain, "buyer")[0]["createdAt"].is_string(), "a raw record");
    assert_eq!(of(&chain, "counted"), &[json!({"spooled": 2, "own": 1, "kind": "customer"})]);
    of(&chain, "tags");

    // A call again for records that ask for it.
    let recurring = app
        .post(PATH, &batch(&account, json!([{
            "name": "order", "resource": "ecommerce/orders", "method": "list", "query": {"limit": 3, "truto_ignore_remote_data": true},
            "recurse": {"if": "resources.order.status = 'none'", "config": {"query": {"status": "active"}}},
        }, {
            "name": "again", "resource": "order", "method": "get", "id": id,
            "recurse": {"if": "{{resources.again.isNew?:true:bool}}", "config": {"id": "{{resources.again.customerId}}"}},
        }])))
        .await
        .ok();
    assert_eq!(of(&recurring, "order").len(), orders.len());
    assert_eq!(recurring["result"]["again"].as_array().unwrap().len(), 1);
    let failed = &recurring["errors"]["again"];
    assert_eq!((&failed[0]["index"], &failed[0]["id"]), (&json!(0), &orders[0]["customerId"]), "{failed}");
    app.shutdown().await;
}

#[tokio::test]
async fn writes_are_sent_once_each_and_what_fails_does_not_hold_up_the_rest() {
    let app = App::sqlite_with(few()).await;
    let account = app.connect().await;
    let customers = walk(&app, &unified("customers", &account)).await;
    let ids: Vec<&str> = customers.iter().map(|customer| customer["id"].as_str().unwrap()).collect();
    app.sandbox.requests().clear();
    let nobody = "00000000-0000-0000-0000-000000000000";
    let answer = app
        .post(PATH, &json!({
            "integrated_account_id": account,
            "args": {"rows": [
                {"id": ids[0], "text": "first"}, {"id": nobody, "text": "lost"}, {"id": ids[1], "text": "second"}, {"id": ids[0]},
            ]},
            "resources": [
                {"name": "notes", "resource": "ecommerce/notes", "method": "create", "loop_on": "rows",
                 "body": {"text": "Batch: {{args.rows.text}}", "customer": {"id": "{{args.rows.id}}"}}},
                {"name": "changed", "resource": "ecommerce/notes", "method": "update", "depends_on": "notes",
                 "id": "{{resources.notes.id}}", "body": {"text": "{{resources.notes.text}}!"}},
                {"name": "tagged", "resource": "ecommerce/tags", "method": "attach", "depends_on": "notes",
                 "body": {"tag": {"name": "Noted"}, "ids": ["{{resources.ecommerce.notes.customer.id}}"]}},
            ],
        }))
        .await
        .ok();
    let errors = &answer["errors"]["notes"];
    let indices: Vec<&Value> = errors.as_array().unwrap().iter().map(|error| &error["index"]).collect();
    assert_eq!(indices, [1, 3], "{errors}");
    assert_eq!(errors[0]["truto_is_remote_error"], true);
    assert!(errors[0]["raw_response"].is_object() && errors[0]["truto_error_insight"].is_object());
    assert_eq!((&errors[1]["statusCode"], &errors[1]["error"]), (&json!(400), &json!("Bad Request")));
    says(errors[1]["message"].as_str().unwrap(), &["body", "{{args.rows.text}} is not there"]);
    let texts = |node: &str| -> Vec<String> {
        of_any(&answer, node).iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts("notes"), ["Batch: first", "Batch: second"]);
    assert_eq!(texts("changed"), ["Batch: first!", "Batch: second!"]);
    let tagged: Vec<&Value> = of(&answer, "tagged").iter().map(|result| &result["written"]).collect();
    assert_eq!(tagged, [1, 1], "{answer}");
    assert_eq!(requests(&app, "POST", "/note"), 3);
    assert_eq!(requests(&app, "PUT", "/note"), 2);

    // The same batch with the same key gets the same answer, and nothing is sent.
    let one = batch(
        &account,
        json!([{"resource": "ecommerce/notes", "method": "create",
                                      "body": {"text": "Once", "customer": {"id": ids[0]}}}]),
    );
    let keyed = || {
        let request =
            app.request(reqwest::Method::POST, PATH).header("Idempotency-Key", "batch-1").json(&one);
        testkit::Answer::of(request)
    };
    let first = keyed().await;
    app.sandbox.requests().clear();
    let second = keyed().await;
    assert_eq!((first.ok(), second.header("idempotency-replayed")), (second.ok(), Some("true")));
    assert_eq!(app.sandbox.requests().total(), 0);

    // A sandbox account is read only.
    app.patch(&format!("/integrated-account/{account}"), &json!({"is_sandbox": true})).await.ok();
    let refused = app.post(PATH, &one).await.ok();
    assert_eq!(refused["errors"]["ecommerce/notes"][0]["statusCode"], 405, "{refused}");
    app.shutdown().await;
}

/// The records of a node, whatever failed.
fn of_any<'a>(answer: &'a Value, node: &str) -> &'a Vec<Value> {
    answer["result"][node].as_array().unwrap_or_else(|| panic!("no {node} in {answer}"))
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place_before_anything_is_sent() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    app.sandbox.requests().clear();
    let list = |name: &str, depends_on: Value| json!({"name": name, "resource": "order", "method": "list", "depends_on": depends_on});
    for (resources, words) in [
        (json!([]), &["from 1 to 50"][..]),
        (json!([{}]), &["resources[0].resource: is needed"]),
        (json!([{"resource": "order"}]), &["resources[0].method: is needed"]),
        (
            json!([{"resource": "ordr", "method": "list"}]),
            &["resources[0].resource", "did you mean \"order\""],
        ),
        (
            json!([{"resource": "ecommerce/ordrs", "method": "list"}]),
            &["resources[0].resource", "did you mean \"orders\""],
        ),
        (json!([{"resource": "ecomerce/orders", "method": "list"}]), &["did you mean \"ecommerce\""]),
        (
            json!([{"resource": "ecommerce/orders", "method": "lst"}]),
            &["resources[0].method", "did you mean \"list\""],
        ),
        (json!([{"resource": "order", "method": "get"}]), &["resources[0].id: get needs it"]),
        (
            json!([{"resource": "ecommerce/orders", "method": "list", "id": "x"}]),
            &["resources[0].id: list takes none"],
        ),
        (
            json!([{"resource": "order", "method": "list", "body": {}}]),
            &["resources[0].body: list takes none"],
        ),
        (json!([list("a", json!("b")), list("b", json!(["a"]))]), &["a depends on b depends on a"]),
        (json!([list("a", json!("a"))]), &["a depends on a"]),
        (json!([list("a", json!("orders"))]), &["resources[0].depends_on", "unknown node \"orders\""]),
        (
            json!([list("a", json!([])), list("a", json!([]))]),
            &["resources[1].name", "another node is named \"a\""],
        ),
        (json!([list("a.b", json!([]))]), &["resources[0].name", "no '.'"]),
        (
            json!([list("a", json!([])), {"name": "b", "resource": "customer", "method": "get", "id": "{{resources.a.customerId}}"}]),
            &["resources[1].id: {{resources.a.customerId}}: write depends_on: a"],
        ),
        (
            json!([{"resource": "customer", "method": "get", "id": "{{resource.a.id}} {{resources.c.id}} {{args.x}} {{"}]),
            &["never closes"],
        ),
        (
            json!([{"resource": "customer", "method": "get", "id": "{{resource.a.id}} {{resources.c.id}} {{args.x}}"}]),
            &["unknown root \"resource\"", "unknown node \"c.id\"", "{{args.x}}: args do not have it"],
        ),
        (
            json!([list("a", json!([])), list("b", json!([])), {"resource": "customer", "method": "get", "depends_on": ["a", "b"],
                                                               "id": "{{resources.order.id}}"}]),
            &["several nodes have this resource; name one: a or b"],
        ),
        (
            json!([{"resource": "order", "method": "list", "query": "{'a': "}]),
            &["resources[0].query: not a JSONata expression"],
        ),
        (
            json!([{"resource": "order", "method": "list", "query": {"truto_key_by": "id"}}]),
            &["resources[0].query.truto_key_by"],
        ),
        (
            json!([{"resource": "order", "method": "list", "response_format": "stream"}]),
            &["response_format", "stream"],
        ),
        (
            json!([{"resource": "order", "method": "list", "loop_on": "args.skus"}]),
            &["resources[0].loop_on", "no list \"skus\""],
        ),
        (
            json!([{"resource": "order", "method": "list", "delete_tracking": "hard"}]),
            &["delete_tracking", "keeps no copy"],
        ),
        (
            json!([{"resource": "order", "method": "list", "depend_on": "a"}]),
            &["did you mean \"depends_on\""],
        ),
        (
            json!([{"resource": "order", "method": "list", "recurse": {"config": {}}}]),
            &["recurse.config: says nothing"],
        ),
        (
            json!([{"name": "t", "type": "transform", "method": "list"}]),
            &["method: a transform takes none", "config.expression: is needed"],
        ),
        (json!([{"name": "t", "type": "event"}]), &["unknown type \"event\"", "transform"]),
    ] {
        let answer = app.post(PATH, &batch(&account, resources.clone())).await;
        assert_eq!(answer.status, 400, "{resources}: {}", answer.text);
        says(&ours(&app, &answer, 400), words);
    }
    // All at once, for programs as well.
    let several = batch(
        &account,
        json!([{"resource": "ordr", "method": "list"}, {"resource": "order", "method": "lst"}]),
    );
    let answer = app.post(PATH, &several).await;
    let failures = answer.json()["details"]["failures"].clone();
    assert_eq!(
        (&failures[0]["field"], &failures[1]["field"]),
        (&json!("resources[0].resource"), &json!("resources[1].method"))
    );
    says(&ours(&app, &app.post(PATH, &json!({"resources": []})).await, 400), &["integrated_account_id"]);
    says(
        &ours(&app, &app.post(PATH, &batch("nobody", json!([list("a", json!([]))]))).await, 404),
        &["no such"],
    );
    // An integrated account token opens single calls only.
    let token = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    let request = app
        .request_as(token["token"].as_str().unwrap(), reqwest::Method::POST, PATH)
        .json(&batch(&account, json!([list("a", json!([]))])));
    says(&ours(&app, &testkit::Answer::of(request).await, 403), &["needs an API token"]);
    assert_eq!(app.sandbox.requests().total(), 0);
    app.shutdown().await;
}

#[tokio::test]
async fn a_platform_that_has_had_enough_is_waited_for_and_limits_are_told() {
    // One whose limit nobody declared.
    let app = App::sqlite_with(Setup { is_limited: false, ..few() }).await;
    let account = app.connect().await;
    let busy =
        Fault::Status { status: 429, headers: BTreeMap::from([("retry-after".to_owned(), "1".to_owned())]) };
    app.sandbox.faults().add(FaultRule::new(busy.clone()).path("/v1/order").times(1));
    let read = batch(&account, json!([{"resource": "order", "method": "list"}]));
    assert!(!of(&app.post(PATH, &read).await.ok(), "order").is_empty());
    // A write is sent once, whatever is answered.
    app.sandbox.faults().add(FaultRule::new(busy).path("/v1/note").times(1));
    let customer =
        app.get(&format!("{}&limit=1", unified("customers", &account))).await.ok()["result"][0]["id"].clone();
    let note = json!({"resource": "ecommerce/notes", "method": "create", "body": {"text": "x", "customer": {"id": customer}}});
    let written = app.post(PATH, &batch(&account, json!([note]))).await.ok();
    assert_eq!(written["errors"]["ecommerce/notes"][0]["statusCode"], 429, "{written}");

    // More than a batch may do: what was done stays, and the rest is told.
    let many: Vec<String> = (0..1_005).map(|number| format!("{number}")).collect();
    let body = json!({
        "integrated_account_id": account,
        "args": {"many": many},
        "resources": [{"name": "many", "resource": "ecommerce/fulfillments", "method": "get", "id": "{{args.many}}", "loop_on": "many"}],
    });
    let answer = app.post(PATH, &body).await.ok();
    let errors = answer["errors"]["many"].as_array().unwrap();
    assert_eq!(errors.len(), 1_001);
    says(errors[0]["message"].as_str().unwrap(), &["order_id"]);
    assert_eq!(errors[1_000]["index"], 1_000);
    says(errors[1_000]["message"].as_str().unwrap(), &["limit of 1000 calls", "were not made"]);
    assert_eq!(errors[1_000]["details"], json!({"limit": "calls", "maximum": 1_000}));

    // An expression that fails, and a platform's own error as it is everywhere.
    let wrong = batch(
        &account,
        json!([
            {"name": "wrong", "type": "transform", "config": {"expression": "$error('no')"}},
            {"name": "gone", "resource": "order", "method": "get", "id": "00000000-0000-0000-0000-000000000000"},
        ]),
    );
    let answer = app.post(PATH, &wrong).await.ok();
    assert_eq!(answer["result"], json!({"wrong": [], "gone": []}));
    says(answer["errors"]["wrong"][0]["message"].as_str().unwrap(), &["config.expression", "no"]);
    let single = app.get(&proxy("order/00000000-0000-0000-0000-000000000000", &account)).await;
    let mut told = answer["errors"]["gone"][0].clone();
    let mut meant = single.json();
    meant["index"] = json!(0);
    meant["id"] = json!("00000000-0000-0000-0000-000000000000");
    assert_eq!(told.as_object_mut().unwrap().len(), meant.as_object().unwrap().len());
    remote(&app, &single, 404);
    assert_eq!(told, meant);
    app.shutdown().await;
}
