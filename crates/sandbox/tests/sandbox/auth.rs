//! Who may ask: the app's credentials, the `tenant` header, the token of an admin's session.

use reqwest::{Method, StatusCode, header};
use sandbox::Options;

use crate::support::{Answer, Served, answer, fixture, rows, serve, small};

fn assert_refused(answer: &Answer, recorded: &str, what: &str) {
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
    assert_eq!(answer.text, fixture(recorded).to_string(), "{what}");
    assert!(answer.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("application/json"), "{what}");
}

const UNAUTHENTICATED: &str = "errors/401.unauthenticated.json";

#[tokio::test]
async fn wrong_credentials_are_refused_as_recorded() {
    let served = serve(small()).await;
    let tenant = served.tenant();
    let get = || served.bare(Method::GET, "/customer").header("tenant", &tenant.name);
    let refused = [
        ("none", get()),
        ("a wrong secret", get().basic_auth(&tenant.app_id, Some("wrong"))),
        ("a wrong app", get().basic_auth("wrong", Some(&tenant.app_secret))),
        ("no secret", get().basic_auth(&tenant.app_id, None::<&str>)),
        ("a bearer token", get().bearer_auth(&tenant.app_secret)),
        ("no base64", get().header(header::AUTHORIZATION, "Basic ???")),
        ("no colon", get().header(header::AUTHORIZATION, "Basic bm8=")),
    ];
    for (what, request) in refused {
        assert_refused(&answer(request).await, UNAUTHENTICATED, what);
    }
}

#[tokio::test]
async fn every_endpoint_wants_credentials_the_unknown_ones_too() {
    let served = serve(small()).await;
    let name = served.tenant().name.clone();
    let endpoints = ["", "/", "/order", "/setting", "/customer/x/address", "/tag/customer", "/nowhere"];
    for path in endpoints {
        let request = served.bare(Method::GET, path).header("tenant", &name);
        assert_refused(&answer(request).await, UNAUTHENTICATED, path);
    }
    let write = served.bare(Method::POST, "/customer").header("tenant", &name);
    assert_refused(&answer(write).await, UNAUTHENTICATED, "a write");
}

#[tokio::test]
async fn an_absent_or_unknown_tenant_is_refused() {
    let served = serve(small()).await;
    let tenant = served.tenant();
    let get = || served.bare(Method::GET, "/customer").basic_auth(&tenant.app_id, Some(&tenant.app_secret));
    assert_refused(&answer(get()).await, UNAUTHENTICATED, "absent");
    assert_refused(&answer(get().header("tenant", "nobody")).await, UNAUTHENTICATED, "unknown");
    assert_eq!(answer(get().header("Tenant", &tenant.name)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_root_tells_whether_credentials_work() {
    let served = serve(small()).await;
    for path in ["", "/"] {
        assert!(served.get(path).await.status.is_success(), "{path:?}");
    }
}

#[tokio::test]
async fn the_scheme_is_read_whatever_its_case() {
    let served = serve(small()).await;
    let request = served.request(Method::GET, "/customer").build().unwrap();
    let basic = request.headers()[header::AUTHORIZATION].to_str().unwrap().replace("Basic ", "basic ");
    let lower = served
        .bare(Method::GET, "/customer")
        .header("tenant", &served.tenant().name)
        .header(header::AUTHORIZATION, basic);
    assert_eq!(answer(lower).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_token_names_its_user_in_its_own_winery_only() {
    let served = serve(Options { tenants: 2, ..small() }).await;
    let [first, second] = served.sandbox.tenants() else { panic!("two wineries") };
    let get = |tenant: &str, token: &str| {
        let request = served.bare(Method::GET, "/account/user").header("tenant", tenant);
        request.header(header::AUTHORIZATION, token)
    };
    let user = answer(get(&first.name, &first.account_token)).await;
    assert_eq!(user.status, StatusCode::OK);
    let recorded = fixture("objects/account-user.json");
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&user.json()), keys(&recorded[0]));

    let refused = [
        ("another winery's", get(&first.name, &second.account_token)),
        ("no tenant's", get("nobody", &first.account_token)),
        ("with Bearer before it", get(&first.name, &format!("Bearer {}", first.account_token))),
        ("the app's", served.request(Method::GET, "/account/user")),
        ("none", served.bare(Method::GET, "/account/user").header("tenant", &first.name)),
    ];
    for (what, request) in refused {
        assert_refused(&answer(request).await, "errors/401.account-user.json", what);
    }
}

#[tokio::test]
async fn the_storefront_reads_its_settings_with_the_tenant_alone() {
    let served = serve(small()).await;
    let get = |name: &str| served.bare(Method::GET, "/setting/for-web?version=V2").header("tenant", name);
    let settings = answer(get(&served.tenant().name)).await;
    assert_eq!(settings.status, StatusCode::OK);
    assert_eq!(settings.json()["companyName"], served.tenant().company.as_str());
    assert_refused(&answer(get("nobody")).await, UNAUTHENTICATED, "an unknown tenant");
}

#[tokio::test]
async fn one_pair_of_credentials_opens_every_winery_and_each_has_its_own_objects() {
    let served = serve(Options { tenants: 3, ..small() }).await;
    let tenants = served.sandbox.tenants();
    assert_eq!(tenants.len(), 3);
    let mut seen: Vec<String> = Vec::new();
    for tenant in tenants {
        assert_eq!((&tenant.app_id, &tenant.app_secret), (&tenants[0].app_id, &tenants[0].app_secret));
        assert_eq!((tenant.counts.customers, tenant.counts.orders), (40, 120));
        let request = served.request_of(tenant, Method::GET, "/customer?cursor=start");
        let customers = answer(request).await.json();
        seen.extend(rows(&customers, "customers").iter().map(|row| row["id"].to_string()));
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), count), (120, 120), "no customer is in two wineries");
    assert_absent_elsewhere(&served).await;
}

#[tokio::test]
async fn further_apps_open_every_winery_and_leave_the_first_as_it_is() {
    let (one, three) = (serve(small()).await, serve(Options { apps: 3, tenants: 2, ..small() }).await);
    let [first, second] = three.sandbox.tenants() else { panic!("two wineries") };
    assert_eq!((&first.app_id, &first.app_secret), (&one.tenant().app_id, &one.tenant().app_secret));
    assert!(one.tenant().other_apps.is_empty());
    let ids: Vec<_> = first.other_apps.iter().map(|app| app.app_id.as_str()).collect();
    assert_eq!(ids, ["decant-sandbox-2", "decant-sandbox-3"]);
    let get = |id: &str, secret: &str| {
        let request = three.bare(Method::GET, "/customer").header("tenant", &second.name);
        request.basic_auth(id, Some(secret))
    };
    for app in &first.other_apps {
        assert_eq!(answer(get(&app.app_id, &app.app_secret)).await.status, StatusCode::OK);
        let mixed = answer(get(&app.app_id, &first.app_secret)).await;
        assert_refused(&mixed, UNAUTHENTICATED, "another app's secret");
    }
    let unknown = &first.other_apps[1];
    let refused = one.bare(Method::GET, "/customer").header("tenant", &one.tenant().name);
    let refused = answer(refused.basic_auth(&unknown.app_id, Some(&unknown.app_secret))).await;
    assert_refused(&refused, UNAUTHENTICATED, "an app that there is not");
}

/// An object of one winery is not found in another.
async fn assert_absent_elsewhere(served: &Served) {
    let order = served.ok("/order?limit=1").await["orders"][0]["id"].as_str().unwrap().to_owned();
    let other = &served.sandbox.tenants()[1];
    let request = served.request_of(other, Method::GET, &format!("/order/{order}"));
    assert_eq!(answer(request).await.status, StatusCode::NOT_FOUND);
}
