//! The form after connecting: its options, what is kept of it, and what it refuses.

use reqwest::Client;
use serde_json::{Value, json};
use testkit::{Answer, App, Fault, FaultRule, TestDatabase, over_both_databases};

use crate::link::{connect, events, link_token, page, values};
use crate::support::{account, ours, says, unified, walk, without_secrets, works};

over_both_databases!(what_is_filled_in_goes_into_the_context);

async fn ask(app: &App, path: &str, token: &str, more: Value) -> Answer {
    let mut body = json!({"integrated_account_session_token": token});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    page(app, &format!("post-connect/{path}"), &body).await
}

async fn account_token(app: &App, account: &str) -> String {
    let made = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    made["integrated_account_token"].as_str().unwrap().to_owned()
}

/// Overrides the form of what is installed.
async fn set_form(app: &App, installed: &str, form: Value) -> Answer {
    let overrides = json!({"base_url": app.sandbox.base_url(), "actions": {"post_connect_user_form": form}});
    app.patch(&format!("/environment-integration/{installed}"), &json!({"override": overrides})).await
}

/// Replaces its fields.
async fn set_fields(app: &App, installed: &str, fields: Value) -> Answer {
    let steps = json!([{"type": "form", "config": {"fields": fields}}]);
    set_form(app, installed, json!({"is_enabled": true, "steps": steps})).await
}

/// What an account is connected through.
async fn installed(app: &App, account: &str) -> String {
    self::account(app, account).await["environment_integration_id"].as_str().unwrap().to_owned()
}

fn field<'a>(form: &'a Value, name: &str) -> &'a Value {
    form["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap()
}

async fn what_is_filled_in_goes_into_the_context(database: &TestDatabase) {
    let app = App::start(database).await;
    let installed = app.new_account().await["environment_integration_id"].as_str().unwrap().to_owned();
    set_form(&app, &installed, json!({"is_enabled": true})).await.ok();
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let start = page(&app, "start", &json!({"link_token": token})).await.ok();
    assert_eq!(start["has_form"], json!({"commerce7": true}));
    let lines = connect(&app, &token, &values(&app)).await;
    let connected = lines.last().unwrap();
    assert_eq!(connected["post_connect_form"], true);
    let (id, token) = (
        connected["integrated_account_id"].as_str().unwrap(),
        connected["integrated_account_token"].as_str().unwrap(),
    );

    let form = ask(&app, "start", token, json!({})).await;
    assert_eq!(form.header("cache-control"), Some("no-store"));
    without_secrets(&app, &form.text);
    let form = form.ok();
    assert_eq!((&form["integration"], &form["label"]), (&json!("commerce7"), &json!("Commerce7")));
    assert_eq!(form["environment"]["allowed_origins"], json!([]));
    // All of the account's own clubs and locations.
    for (name, resource) in [("sync_clubs", "clubs"), ("sync_locations", "locations")] {
        let records = walk(&app, &unified(resource, id)).await;
        assert!(!records.is_empty());
        let expected: Vec<(&Value, &Value)> =
            records.iter().map(|record| (&record["id"], &record["name"])).collect();
        let options = field(&form, name)["options"].as_array().unwrap();
        let found: Vec<(&Value, &Value)> =
            options.iter().map(|option| (&option["value"], &option["label"])).collect();
        assert_eq!(found, expected);
    }
    let channels = field(&form, "sync_channels");
    assert_eq!((&channels["type"], &channels["required"]), (&json!("multi_select"), &json!(false)));
    assert_eq!(channels["options"][0], json!({"value": "web", "label": "Web shop"}));

    let club = field(&form, "sync_clubs")["options"][0]["value"].clone();
    let filled = json!({"sync_channels": ["web", "club"], "sync_clubs": [club]});
    let saved = ask(&app, "submit", token, json!({"values": filled})).await.ok();
    let expected = json!({"result": "success", "integration": "commerce7", "integrated_account_id": id});
    assert_eq!(saved, expected);
    let context = account(&app, id).await["context"].clone();
    assert_eq!(
        (&context["sync_channels"], &context["sync_clubs"]),
        (&json!(["web", "club"]), &json!([club]))
    );
    assert_eq!(context["sync_locations"], json!([]), "asked, and none was chosen");
    assert_eq!(context["currency"], "USD", "what was there stays");
    // Told each time, also when nothing is different.
    ask(&app, "submit", token, json!({"values": filled})).await.ok();
    let told = ["created", "active", "updated", "post_connect_form_submitted", "post_connect_form_submitted"];
    assert_eq!(events(&app, id).await, told);
    let form = ask(&app, "start", token, json!({})).await.ok();
    assert_eq!(field(&form, "sync_channels")["value"], json!(["web", "club"]));
    works(&app, id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn fields_of_all_types_are_checked_and_secrets_sealed() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let token = account_token(&app, &id).await;
    let product =
        json!({"type": "unified", "resource": "ecommerce/products", "query": {"web_status": "{{kind}}"}});
    set_fields(
        &app,
        &installed(&app, &id).await,
        json!([
            {"name": "kind", "type": "single_select", "label": "Kind", "required": true,
             "options": [{"value": "available", "label": "On sale"}, {"value": "not_available", "label": "Others"}]},
            {"name": "products", "type": "multi_select", "label": "Products", "depends_on": ["kind"], "disabled_text": "Choose a kind first",
             "data_source": product, "options": {"value": "id", "label": "title"}},
            {"name": "club", "type": "single_select", "label": "Club",
             "data_source": {"type": "proxy", "resource": "club"},
             "options": {"value": "id", "label": "title & ' of ' & type", "subText": "slug"}},
            {"name": "note", "label": "Note"},
            {"name": "pin", "type": "password", "label": "PIN", "required": true},
            {"name": "agreed", "type": "checkbox", "label": "Terms", "required": true},
            {"name": "source", "type": "hidden", "label": "Source", "default": "form"}
        ]),
    )
    .await
    .ok();
    let form = ask(&app, "start", &token, json!({})).await.ok();
    assert_eq!(field(&form, "products")["options"], json!([]), "nothing to choose from yet");
    assert_eq!(field(&form, "products")["depends_on"], json!(["kind"]));
    assert_eq!(field(&form, "products")["disabled_text"], "Choose a kind first");
    assert_eq!(field(&form, "pin")["required"], true);
    let clubs = field(&form, "club")["options"].as_array().unwrap();
    assert!(
        clubs[0]["label"].as_str().unwrap().contains(" of ") && clubs[0]["subText"].is_string(),
        "{clubs:?}"
    );
    for kind in ["available", "not_available"] {
        let more = json!({"field": "products", "values": {"kind": kind}});
        let options = ask(&app, "options", &token, more).await.ok()["options"].clone();
        let records = walk(&app, &format!("{}&web_status={kind}", unified("products", &id))).await;
        assert!(!records.is_empty() || kind != "available");
        assert_eq!(options.as_array().unwrap().len(), records.len(), "{kind}");
    }
    let refused = ask(
        &app,
        "submit",
        &token,
        json!({"values": {
            "kind": "beer", "products": "x", "note": "abc", "pin": 7, "agreed": false, "strange": 1,
        }}),
    )
    .await;
    ours(&app, &refused, 400);
    let failures = refused.json()["details"]["failures"].clone();
    let told: Vec<(&str, &str)> = failures
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["field"].as_str().unwrap(), failure["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("strange", "\"strange\" is no field of this form"),
            ("kind", "Kind: choose from what is offered"),
            ("products", "Products: choose from what is offered"),
            ("pin", "PIN has to be text of at most 10000 characters"),
            ("agreed", "Terms is required"),
        ]
    );
    assert!(account(&app, &id).await["context"].get("kind").is_none(), "nothing is kept of it");
    let mut filled = json!({"kind": "available", "note": " abc ", "pin": "s3cr3t-p1n", "agreed": true});
    ask(&app, "submit", &token, json!({"values": filled})).await.ok();
    filled["pin"] = "".into();
    // The secret that is there may stay.
    ask(&app, "submit", &token, json!({"values": filled})).await.ok();
    let kept = account(&app, &id).await;
    assert!(!kept.to_string().contains("s3cr3t-p1n"));
    for (name, value) in [
        ("kind", json!("available")),
        ("products", json!([])),
        ("note", json!("abc")),
        ("agreed", json!(true)),
        ("source", json!("form")),
    ] {
        assert_eq!(kept["context"][name], value, "{name}");
    }
    assert_eq!(kept["context"].get("club"), None);
    let row = app.store.get_integrated_account(&app.environment_id, &id).await.unwrap();
    let secrets = app.store.open_account_secrets(&row).await.unwrap();
    assert_eq!(secrets.get("pin"), Some(&json!("s3cr3t-p1n")));
    let shown = ask(&app, "start", &token, json!({})).await;
    assert!(!shown.text.contains("s3cr3t-p1n"));
    assert_eq!(field(&shown.ok(), "pin")["required"], false);
    assert!(!app.get("/event").await.text.contains("s3cr3t-p1n"));
    assert_eq!(field(&shown.ok(), "note")["value"], "abc");
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_form_as_a_whole_is_judged_and_rewritten() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let token = account_token(&app, &id).await;
    let form = json!({
        "fields": [{"name": "from", "label": "From"}, {"name": "to", "label": "To"}, {"name": "pin", "type": "password", "label": "PIN"}],
        "validation_expression":
            "from > to ? [{'field': 'to', 'message': 'To is before ' & from}] : from = $context.stage ? [{'field': 'from', 'message': 'no'}]",
        "transform_expression": "$merge([$, {'span': from & '-' & to, 'secrets': $exists(pin)}])",
    });
    let steps = json!({"is_enabled": true, "steps": [{"type": "form", "config": form}]});
    set_form(&app, &installed(&app, &id).await, steps).await.ok();
    let submit = |values: Value, additional: Value| {
        ask(&app, "submit", &token, json!({"values": values, "additional_context": additional}))
    };
    for (values, additional, field, words) in [
        (json!({"from": "2", "to": "1"}), json!({}), "to", "To is before 2"),
        (json!({"from": "1", "to": "2"}), json!({"stage": "1"}), "from", "no"),
    ] {
        let refused = submit(values, additional).await;
        assert_eq!(ours(&app, &refused, 400), words);
        assert_eq!(refused.json()["details"]["failures"][0]["field"], field);
    }
    let values = json!({"from": "1", "to": "2", "pin": "s3cr3t-p1n"});
    submit(values, json!({"stage": "3"})).await.ok();
    let kept = account(&app, &id).await;
    for (name, value) in
        [("span", json!("1-2")), ("from", json!("1")), ("secrets", json!(false)), ("stage", json!("3"))]
    {
        assert_eq!(kept["context"][name], value, "{name}");
    }
    assert!(!kept.to_string().contains("s3cr3t"));
    // What the page brings along can't say whose account it is.
    let refused = submit(json!({}), json!({"password": "another"})).await;
    says(&ours(&app, &refused, 400), &["password", "whose account"]);
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_form_that_can_not_be_shown_says_why() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let token = account_token(&app, &id).await;
    let installed = installed(&app, &id).await;
    let failed = |answer: &Answer, words: &str| {
        says(&ours(&app, answer, 400), &[words]);
        assert_eq!(answer.json()["error_type"], "rapid_form_error");
    };
    app.sandbox
        .faults()
        .add(FaultRule::new(Fault::Status { status: 500, headers: [].into() }).path("/v1/club"));
    let start = || ask(&app, "start", &token, json!({}));
    failed(&start().await, "RapidForm is not setup.");
    set_form(&app, &installed, json!({"is_enabled": true})).await.ok();
    failed(&start().await, "There was an error fetching the resources for the fields in the RapidForm: ");
    app.sandbox.faults().clear();
    failed(&ask(&app, "start", &token, json!({"integration": "shopify"})).await, "Commerce7");
    failed(&ask(&app, "options", &token, json!({"field": "x"})).await, "no field");
    for other in ["", "x", app.token.as_str(), &link_token(&app, &json!({"tenant_id": "a"})).await] {
        let refused = ask(&app, "start", other, json!({})).await;
        refused.refused(401);
        assert_eq!(refused.json()["error_type"], "invalid_token");
    }
    let ended = app.another_account_token(&id, "2020-01-01T00:00:00Z".parse().unwrap()).await;
    ask(&app, "submit", &ended, json!({"values": {}})).await.refused(401);

    for (fields, words) in [
        (json!([{"name": "tenant", "label": "x"}]), "choose another name"),
        (json!([{"name": "a", "label": "x"}, {"name": "a", "label": "x"}]), "there twice"),
        (json!([{"name": "a", "label": "x", "type": "single_select"}]), "needs options"),
        (json!([{"name": "a", "label": "x", "options": []}]), "only a single_select"),
        (json!([{"name": "a", "label": "x", "depends_on": ["b"]}]), "no field \"b\" before"),
        (
            json!([{"name": "a", "label": "x", "type": "single_select", "options": {"value": "(", "label": "id"},
            "data_source": {"type": "proxy", "resource": "club"}}]),
            "options",
        ),
        (
            json!([{"name": "a", "label": "x", "type": "single_select", "options": {"value": "id", "label": "id"}}]),
            "data_source",
        ),
        (
            json!([{"name": "a", "label": "x", "type": "single_select", "options": {"value": "id", "label": "id"},
            "data_source": {"type": "proxy", "resource": "clubb"}}]),
            "did you mean \"club\"",
        ),
        (json!([{"name": "a", "label": "x", "colour": 1}]), "colour"),
    ] {
        says(&ours(&app, &set_fields(&app, &installed, fields).await, 400), &[words]);
    }
    set_form(&app, &installed, Value::Null).await.ok();
    failed(&start().await, "RapidForm is not setup.");
    let again = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let lines = connect(&app, &again, &values(&app)).await;
    assert_eq!(lines.last().unwrap()["post_connect_form"], false);

    app.sandbox.faults().add(FaultRule::new(Fault::Status { status: 401, headers: [].into() }));
    app.get(&unified("orders", &id)).await.refused(401);
    failed(
        &start().await,
        "Integrated account is not in the active state. Please reauth the integrated account.",
    );
    // Another site can't call it either.
    let request = Client::new().post(format!("{}/connect-account/post-connect/start", app.url));
    let body = json!({"integrated_account_session_token": token});
    Answer::of(request.header("sec-fetch-site", "cross-site").json(&body)).await.refused(403);
    app.shutdown().await;
}
