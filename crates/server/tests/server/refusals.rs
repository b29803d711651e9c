//! Why credentials are refused: an unknown tenant, an app that is not installed, a wrong secret, a missing permission.

use serde_json::{Value, json};
use testkit::{App, Fault, FaultRule, Setup, Winery, small_winery};

use crate::support::says;

async fn with_three_wineries() -> App {
    let winery =
        Winery { tenants: 3, uninstalled: 1, customers: 5, orders: 5, products: 5, ..small_winery() };
    App::sqlite_with(Setup { winery, ..Setup::default() }).await
}

/// Connects a winery, and gives its `status`, what stands in the way, and the whole.
async fn connect(app: &App, context: Value) -> (String, Value, Value) {
    let account = json!({"tenant_id": "acme", "integration": "commerce7", "context": context});
    let made = app.post("/integrated-account", &account).await.ok();
    (made["status"].as_str().unwrap().to_owned(), made["last_error"]["problem"].clone(), made)
}

fn what_to_do(made: &Value) -> &str {
    made["last_error"]["what_to_do"].as_str().unwrap()
}

#[tokio::test]
async fn refused_credentials_are_told_apart() {
    let app = with_three_wineries().await;
    app.new_account().await;
    let [first, second, third] = app.sandbox.tenants() else { panic!("three wineries") };
    let context =
        |tenant: &str, secret: &str| json!({"tenant": tenant, "app_id": first.app_id, "app_secret": secret});
    let right = |tenant: &str| context(tenant, &first.app_secret);
    let refused = json!({"code": "credentials_refused"});

    let (status, problem, made) = connect(&app, right("nobody")).await;
    assert_eq!((status.as_str(), &problem), ("post_install_error", &json!({"code": "unknown_account"})));
    says(what_to_do(&made), &["no such account", "Tenant"]);
    assert!(!what_to_do(&made).contains("App secret"), "{}", what_to_do(&made));
    // Nothing tells yet that the secret is right.
    assert_eq!(connect(&app, right(&third.name)).await.1, refused);
    assert_eq!(connect(&app, context(&first.name, "wrong-secret")).await.1, refused);

    assert_eq!(connect(&app, right(&first.name)).await.0, "active");
    let (_, problem, made) = connect(&app, right(&third.name)).await;
    assert_eq!(problem, json!({"code": "app_not_installed"}));
    says(what_to_do(&made), &["install the app", "run-post-install-actions"]);
    assert_eq!(
        connect(&app, context(&third.name, "wrong-secret")).await.1,
        refused,
        "another secret than the others'"
    );

    let apps = app.sandbox.apps();
    apps.install(&third.name, &first.app_id, Default::default()).await.unwrap();
    let again =
        app.post("/integrated-account/run-post-install-actions", &json!({"id": made["id"]})).await.ok();
    assert_eq!((&again["status"], &again["last_error"]), (&json!("active"), &Value::Null));

    let version =
        serde_json::from_value(json!({"version": "2", "permissions": {"Customer": "none"}})).unwrap();
    apps.enter(&first.app_id, version).unwrap();
    apps.install(&second.name, &first.app_id, Default::default()).await.unwrap();
    let (status, problem, _) = connect(&app, right(&second.name)).await;
    assert_eq!(status, "validation_error");
    assert_eq!(problem, json!({"code": "missing_permission", "permission": "Customer"}));

    // What does not answer tells nothing.
    let down = Fault::Status { status: 500, headers: [].into() };
    app.sandbox.faults().add(FaultRule::new(down).path("/v1/setting/for-web"));
    assert_eq!(connect(&app, right("nobody")).await.1, refused);
}

#[tokio::test]
async fn the_app_of_an_environment_is_told_to_be_missing() {
    let app = with_three_wineries().await;
    let [first, _, third] = app.sandbox.tenants() else { panic!("three wineries") };
    let overrides = json!({
        "base_url": app.sandbox.base_url(),
        "environment_variables": {"app_id": first.app_id},
        "secret_environment_variables": {"app_secret": first.app_secret},
    });
    let install = json!({"integration_id": "commerce7", "override": overrides});
    app.post("/environment-integration", &install).await.ok();
    assert_eq!(connect(&app, json!({"tenant": first.name})).await.0, "active");
    let missing = connect(&app, json!({"tenant": third.name})).await.1;
    assert_eq!(missing, json!({"code": "app_not_installed"}));
    assert_eq!(connect(&app, json!({"tenant": "nobody"})).await.1, json!({"code": "unknown_account"}));
}
