//! Apps: installed or not, what they may do, and what they are called with.

use reqwest::{Method, StatusCode, header};
use sandbox::{AppVersion, Level, Options, Tenant};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Served, answer, fixture, serve, small};

async fn status(served: &Served, tenant: &Tenant, path: &str) -> (StatusCode, Value) {
    let answer = answer(served.request_of(tenant, Method::GET, path)).await;
    (answer.status, answer.json())
}

/// An app that takes one callback, says 200, and gives the request's head and body.
async fn app() -> (String, tokio::task::JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/called", listener.local_addr().unwrap());
    let called = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        loop {
            stream.read_buf(&mut bytes).await.unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                return (head.to_owned(), body);
            }
        }
    });
    (url, called)
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_refused_as_a_wrong_secret_is() {
    let served = serve(Options { tenants: 3, uninstalled: 1, ..small() }).await;
    let [first, second, third] = served.sandbox.tenants() else { panic!("three wineries") };
    for tenant in [first, second] {
        assert_eq!(status(&served, tenant, "/customer?limit=1").await.0, StatusCode::OK);
    }
    let refused = status(&served, third, "/customer?limit=1").await;
    assert_eq!(refused, (StatusCode::UNAUTHORIZED, fixture("errors/401.unauthenticated.json")));
    // The storefront tells all the same that there is such a winery, and that there is no other.
    let storefront =
        |name: &str| served.bare(Method::GET, "/setting/for-web?version=V2").header("tenant", name);
    assert_eq!(answer(storefront(&third.name)).await.status, StatusCode::OK);
    assert_eq!(answer(storefront("nobody")).await.status, StatusCode::UNAUTHORIZED);
    let user = served.bare(Method::GET, "/account/user").header("tenant", &third.name);
    let user = answer(user.header(header::AUTHORIZATION, &third.account_token)).await;
    assert_eq!(user.status, StatusCode::OK, "a person's token needs no app");

    let installed = served.control(Method::POST, "install", &json!({"tenant": third.name})).await;
    assert_eq!((installed.status, installed.json()), (StatusCode::OK, json!({"called": null})));
    assert_eq!(status(&served, third, "/customer?limit=1").await.0, StatusCode::OK);
    served.control(Method::POST, "uninstall", &json!({"tenant": first.name})).await;
    assert_eq!(status(&served, first, "/customer?limit=1").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&served, second, "/customer?limit=1").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_winery_keeps_the_permissions_of_the_version_it_installed() {
    let served = serve(Options { tenants: 2, permission: vec!["order=none".into()], ..small() }).await;
    let [first, second] = served.sandbox.tenants() else { panic!("two wineries") };
    let apps = served.control(Method::GET, "apps", &Value::Null).await.json();
    assert_eq!(apps[0]["permissions"], json!({"Order": "none"}));
    assert_eq!(apps[0]["installed"], json!({first.name.as_str(): "1", second.name.as_str(): "1"}));

    let version = json!({"version": "2", "permissions": {"Club Membership": "read", "Customer": "none"}});
    let entered = served.control(Method::PUT, &format!("apps/{}", first.app_id), &version).await;
    assert_eq!(entered.status, StatusCode::OK, "{}", entered.text);
    served.sandbox.apps().install(&first.name, &first.app_id, Default::default()).await.unwrap();

    let missing = |tenant| status(&served, tenant, "/customer");
    let (refused, body) = missing(first).await;
    assert_eq!(
        (refused, &body["message"]),
        (StatusCode::UNAUTHORIZED, &json!("Unauthorized User For Route"))
    );
    assert_eq!(status(&served, first, "/order?limit=1").await.0, StatusCode::OK);
    assert_eq!(missing(second).await.0, StatusCode::OK, "not widened and not narrowed silently");
    assert_eq!(status(&served, second, "/order?limit=1").await.0, StatusCode::UNAUTHORIZED);

    let wrong = json!({"permissions": {"Castle": "full"}});
    let wrong = served.control(Method::PUT, &format!("apps/{}", first.app_id), &wrong).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Castle"), "{}", wrong.text);
    for (method, path, body) in [
        (Method::PUT, "apps/nobody", json!({})),
        (Method::POST, "install", json!({"tenant": "nobody"})),
        (Method::POST, "uninstall", json!({"app": "nobody"})),
    ] {
        assert_eq!(served.control(method, path, &body).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_app_is_called_when_it_is_installed_and_uninstalled() {
    let served = serve(Options { uninstalled: 1, ..small() }).await;
    let tenant = served.tenant();
    let ((install_url, installed), (uninstall_url, uninstalled)) = (app().await, app().await);
    let apps = served.sandbox.apps();
    let version = AppVersion {
        version: "1".into(),
        permissions: [("Tag".to_owned(), Level::Read)].into(),
        install_url: Some(install_url),
        uninstall_url: Some(uninstall_url),
        username: Some("decant".into()),
        password: Some("secret".into()),
        page_url: None,
    };
    apps.enter(&tenant.app_id, version).unwrap();
    let settings = json!({"defaultChannel": "web", "sendClubs": true});
    let settings = settings.as_object().unwrap().clone();
    let called = apps.install(&tenant.name, &tenant.app_id, settings).await.unwrap().unwrap();
    assert_eq!((called.status, called.body.as_str()), (200, "ok"));
    let (head, body) = installed.await.unwrap();
    assert!(head.starts_with("POST /called HTTP/1.1"), "{head}");
    assert!(head.to_lowercase().contains("authorization: basic zgvjyw50onnly3jlda=="), "{head}");
    assert_eq!(body["tenantId"], tenant.name.as_str());
    assert_eq!(body["defaultChannel"], "web");
    assert_eq!(body["sendClubs"], true);
    let keys: Vec<&String> = body["user"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "firstName", "lastName", "email"]);

    apps.uninstall(&tenant.name, &tenant.app_id).await.unwrap().unwrap();
    let (_, body) = uninstalled.await.unwrap();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["tenantId", "user"]);
    // An app that is not there does not keep a winery from getting rid of it.
    assert!(apps.uninstall(&tenant.name, &tenant.app_id).await.is_err());
    assert_eq!(status(&served, tenant, "/customer?limit=1").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_admin_embeds_the_apps_page_with_the_users_token() {
    let served = serve(small()).await;
    let tenant = served.tenant();
    let page = || served.control(Method::GET, "admin?theme=dark", &Value::Null);
    assert!(page().await.text.contains("has no page"));
    let version =
        AppVersion { page_url: Some("https://app.example/page\"><b>".into()), ..AppVersion::default() };
    served.sandbox.apps().enter(&tenant.app_id, version).unwrap();
    let shown = page().await.text;
    let expected = format!(
        "src=\"https://app.example/page&quot;&gt;&lt;b&gt;?tenantId={}&amp;account={}&amp;adminUITheme=dark\"",
        tenant.name, tenant.account_token
    );
    assert!(shown.contains(&expected), "{shown}");
    let parts: Vec<&str> = tenant.account_token.split('.').collect();
    assert_eq!(parts.len(), 3, "a JSON Web Token");
}
