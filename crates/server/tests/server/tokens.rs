//! Who may call: API tokens, account tokens, and how far each reaches.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, App, TestDatabase, eventually, over_both_databases};

use crate::support::{ours, proxy, says, unified, works};

over_both_databases!(
    a_call_without_a_valid_token_is_refused,
    a_token_opens_its_own_environment_only,
    an_account_token_opens_one_account_for_a_while,
    a_deleted_token_is_refused,
);

async fn a_call_without_a_valid_token_is_refused(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let ended =
        app.another_token(&app.environment_id, Some(Timestamp::now() - SignedDuration::from_secs(1))).await;
    let client = reqwest::Client::new();
    for path in [
        unified("orders", &id),
        proxy("order", &id),
        format!("/custom/order?integrated_account_id={id}"),
        "/log".into(),
        "/integrated-account".into(),
    ] {
        let url = format!("{}{path}", app.url);
        for (header, words) in [
            (None, "Authorization: Bearer <token>"),
            (Some("Bearer wrong".to_owned()), "not known"),
            (Some(format!("Bearer {}x", app.token)), "not known"),
            (Some(format!("Bearer {ended}")), "has ended"),
            (Some("Basic abc".to_owned()), "Bearer <token>"),
            (Some("Bearer ".to_owned()), "Bearer <token>"),
            (Some("Bearer \u{e9}".to_owned()), "Bearer <token>"),
        ] {
            let mut request = client.get(&url);
            if let Some(header) = &header {
                let Ok(value) = reqwest::header::HeaderValue::from_bytes(header.as_bytes()) else { continue };
                request = request.header("authorization", value);
            }
            let answer = Answer::of(request).await;
            says(&ours(&app, &answer, 401), &[words]);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    // Schemes have no case.
    let answer =
        client.get(format!("{}/log", app.url)).header("authorization", format!("bearer {}", app.token));
    Answer::of(answer).await.ok();
    // A token that ends while it is in use.
    let ends = Timestamp::now() + SignedDuration::from_millis(300);
    let short = app.another_token(&app.environment_id, Some(ends)).await;
    eventually("the token's end", || async {
        let answer = app.get_as(&short, "/environment").await;
        (answer.status == 401).then(|| says(&answer.refused(401), &["has ended"]))
    })
    .await;
    works(&app, &id).await;
    app.shutdown().await;
}

async fn a_token_opens_its_own_environment_only(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let installed =
        app.get("/environment-integration").await.ok()["result"][0]["id"].as_str().unwrap().to_owned();
    let (other, stranger) = app.another_environment("other").await;
    // Both before and after the account is at hand.
    for _ in 0..2 {
        for path in [
            unified("orders", &id),
            proxy("order", &id),
            format!("/custom/order?integrated_account_id={id}"),
            format!("/integrated-account/{id}"),
            format!("/integrated-account/{id}/capabilities"),
            format!("/unified/ecommerce/orders/meta/list?integrated_account_id={id}"),
            format!("/environment-integration/{installed}"),
            format!("/environment/{}", app.environment_id),
        ] {
            let answer = app.get_as(&stranger, &path).await;
            says(&ours(&app, &answer, 404), &["no such"]);
        }
        works(&app, &id).await;
    }
    let as_stranger =
        |verb, path: String, body| Answer::of(app.request_as(&stranger, verb, &path).json(&body));
    for (verb, path, body) in [
        (Method::PATCH, format!("/integrated-account/{id}"), json!({"tenant_id": "x"})),
        (Method::PATCH, format!("/integrated-account/{id}/credentials"), json!({"context": {}})),
        (Method::DELETE, format!("/integrated-account/{id}"), Value::Null),
        (Method::POST, "/integrated-account/token".to_owned(), json!({"integrated_account_id": id})),
        (Method::POST, "/integrated-account/refresh-credentials".to_owned(), json!({"id": id})),
        (Method::POST, "/integrated-account/run-post-install-actions".to_owned(), json!({"id": id})),
        (Method::PATCH, format!("/environment-integration/{installed}"), json!({"is_enabled": false})),
        (Method::DELETE, format!("/environment-integration/{installed}"), Value::Null),
    ] {
        says(&ours(&app, &as_stranger(verb, path, body).await, 404), &["no such"]);
    }
    for list in ["/integrated-account", "/environment-integration"] {
        assert_eq!(app.get_as(&stranger, list).await.ok()["result"], json!([]), "{list}");
    }
    // Its own calls that found nothing may be there already.
    let logged = app.get_as(&stranger, "/log").await.ok();
    for row in logged["result"].as_array().unwrap() {
        assert_eq!(row["environment_id"], other, "{row}");
    }
    let own = app.get_as(&stranger, "/environment").await.ok();
    assert_eq!((&own["result"][0]["id"], &own["result"][0]["name"]), (&json!(other), &json!("other")));
    let own = app.get_as(&stranger, &format!("/environment/{other}")).await.ok();
    assert_eq!(own["name"], "other");
    assert_eq!(app.get_as(&stranger, "/api-token").await.ok()["result"].as_array().unwrap().len(), 1);
    works(&app, &id).await;
    app.shutdown().await;
}

async fn an_account_token_opens_one_account_for_a_while(database: &TestDatabase) {
    let app = App::start(database).await;
    let (id, other) = (app.connect().await, app.connect().await);
    let made = app.post("/integrated-account/token", &json!({"integrated_account_id": id})).await.ok();
    let token = made["integrated_account_token"].as_str().unwrap();
    assert_eq!(made["token"], token);
    let ends: Timestamp = made["expires_at"].as_str().unwrap().parse().unwrap();
    let left = ends.duration_since(Timestamp::now());
    assert!(left > SignedDuration::from_mins(14) && left <= SignedDuration::from_mins(15), "{left}");

    // The account need not be named, and no other may be.
    for path in ["/unified/ecommerce/orders?limit=1", "/proxy/order?limit=1", "/custom/order?limit=1"] {
        app.get_as(token, path).await.ok();
        app.get_as(token, &format!("{path}&integrated_account_id={id}")).await.ok();
        let refused = app.get_as(token, &format!("{path}&integrated_account_id={other}")).await;
        says(&ours(&app, &refused, 403), &["another account"]);
    }
    app.get_as(token, "/unified/ecommerce/orders/meta/list").await.ok();
    let me = app.get_as(token, "/integrated-account/me").await.ok();
    assert_eq!(me["id"], id);
    let patch =
        |body: Value| Answer::of(app.request_as(token, Method::PATCH, "/integrated-account/me").json(&body));
    let changed = patch(json!({"context": {"picked": ["a"]}})).await.ok();
    assert_eq!(changed["context"]["picked"], json!(["a"]));

    // Who holds it may say what the account is used for, not whose it is.
    for body in [
        json!({"tenant_id": "x"}),
        json!({"is_sandbox": true}),
        json!({"integration_override": {"base_url": "https://example.test"}}),
        json!({"unified_model_override": {}}),
        json!({"context": {"tenant": "another-winery"}}),
        json!({"context": {"app_id": "x"}}),
        json!({"context": {"app_secret": "x"}}),
        json!({"context": {"tenant": null}}),
        json!({"context": {"password": "x"}}),
    ] {
        ours(&app, &patch(body).await, 403);
    }
    for (verb, path) in [
        (Method::GET, "/integrated-account".to_owned()),
        (Method::GET, format!("/integrated-account/{id}")),
        (Method::PATCH, format!("/integrated-account/{id}")),
        (Method::DELETE, format!("/integrated-account/{id}")),
        (Method::GET, format!("/integrated-account/{id}/capabilities")),
        (Method::POST, "/integrated-account".to_owned()),
        (Method::POST, "/integrated-account/token".to_owned()),
        (Method::GET, "/log".to_owned()),
        (Method::GET, "/api-token".to_owned()),
        (Method::GET, "/environment".to_owned()),
        (Method::GET, "/environment-integration".to_owned()),
        (Method::GET, "/integration".to_owned()),
        (Method::GET, "/integration/commerce7/capabilities".to_owned()),
        (Method::GET, "/unified/meta/ecommerce/commerce7".to_owned()),
        (Method::GET, "/unified/ecommerce/orders/commerce7/meta/list".to_owned()),
    ] {
        let answer = Answer::of(app.request_as(token, verb, &path).json(&json!({}))).await;
        says(&ours(&app, &answer, 403), &["integrated account token"]);
    }
    // `me` belongs to an account token.
    says(&ours(&app, &app.get("/integrated-account/me").await, 400), &["integrated account token"]);
    let change = app.patch("/integrated-account/me", &json!({"tenant_id": "x"})).await;
    says(&ours(&app, &change, 400), &["integrated account token"]);
    assert_eq!(app.get_as(token, "/integrated-account/me").await.ok()["tenant_id"], "acme");
    // It ends, also while it is in use.
    let ended = app.another_account_token(&id, Timestamp::now() - SignedDuration::from_secs(1)).await;
    let ends = app.another_account_token(&id, Timestamp::now() + SignedDuration::from_millis(300)).await;
    for path in ["/unified/ecommerce/orders?limit=1", "/integrated-account/me"] {
        says(&ours(&app, &app.get_as(&ended, path).await, 401), &["has ended"]);
    }
    eventually("the token's end", || async {
        let answer = app.get_as(&ends, "/integrated-account/me").await;
        (answer.status == 401).then(|| says(&answer.refused(401), &["has ended"]))
    })
    .await;
    // What is switched off is so for it too.
    let installed = app.get("/environment-integration").await.ok()["result"][0]["id"].clone();
    let installed = format!("/environment-integration/{}", installed.as_str().unwrap());
    app.patch(&installed, &json!({"is_enabled": false})).await.ok();
    let off = app.get_as(token, "/unified/ecommerce/orders?limit=1").await;
    says(&ours(&app, &off, 403), &["switched off"]);
    let nobody = app.post("/integrated-account/token", &json!({"integrated_account_id": "nobody"})).await;
    ours(&app, &nobody, 404);
    app.shutdown().await;
}

async fn a_deleted_token_is_refused(database: &TestDatabase) {
    let app = App::start(database).await;
    let doomed = app.another_token(&app.environment_id, None).await;
    app.get_as(&doomed, "/environment").await.ok();
    let listed = app.get("/api-token").await;
    for text in [&doomed, &app.token] {
        assert!(!listed.text.contains(text.as_str()), "a token's text is shown once only");
    }
    let listed = listed.ok();
    assert_eq!(listed["result"].as_array().unwrap().len(), 2);
    let named = app.get("/api-token?name=another").await.ok();
    assert_eq!(named["result"].as_array().unwrap().len(), 1);
    let token = &named["result"][0];
    assert_eq!((&token["name"], &token["environment_id"]), (&json!("another"), &json!(app.environment_id)));
    assert_eq!(token["expires_at"], Value::Null);
    let page = app.get("/api-token?limit=1").await.ok();
    let next = page["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("/api-token?limit=1&next_cursor={next}")).await.ok();
    assert_eq!(second["next_cursor"], Value::Null);
    assert_ne!(page["result"][0]["id"], second["result"][0]["id"]);

    let path = format!("/api-token/{}", token["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).await.ok(), json!({"id": token["id"]}));
    ours(&app, &app.get_as(&doomed, "/environment").await, 401);
    ours(&app, &app.delete(&path).await, 404);
    app.get("/environment").await.ok();
    // Also the one that it is deleted with.
    let own = app.get("/api-token?name=test").await.ok()["result"][0]["id"].clone();
    app.delete(&format!("/api-token/{}", own.as_str().unwrap())).await.ok();
    ours(&app, &app.get("/environment").await, 401);
    app.shutdown().await;
}
