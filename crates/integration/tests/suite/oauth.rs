//! OAuth 2: what an authorization server is asked, and how its answers are read.

use std::fs;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use integration::oauth::{Authorize, Client, Grant, read_token};
use integration::{Catalog, Integration};
use serde_json::{Value, json};

const DEFINITION: &str = r#"
name: acme
label: Acme
category: ecommerce
base_url: https://acme.test/v1
credentials:
  oauth2:
    auth:
      tokenHost: "https://{{context.shop}}.acme.test"
      tokenPath: /oauth/token
      authorizePath: /oauth/authorize?prompt=consent
      refreshPath: /oauth/refresh
    client: { id: product, secret: "s e:cret" }
    scope: [orders, customers]
    params: { access_type: offline, state: theirs }
    tokenParams: { audience: api }
    fields: [{ name: shop, label: Shop, format: subdomain }]
  oauth2_client_credentials:
    auth: { tokenHost: "https://login.acme.test", tokenPath: /token, authorizationMethod: body }
    fields: [{ name: client_id, label: Client }, { name: client_secret, label: Secret, type: password }]
authorization:
  format: bearer
  config: { token: "{{credentials.oauth.token.access_token}}" }
"#;

fn read(definition: &str) -> Result<Arc<Integration>, String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme")).unwrap();
    fs::write(folder.path().join("acme/integration.yaml"), definition).unwrap();
    let catalog = Catalog::read(folder.path()).map_err(|error| error.to_string())?;
    Ok(Arc::clone(catalog.get("acme").unwrap()))
}

fn form(body: &[u8]) -> Value {
    let pairs = url::form_urlencoded::parse(body);
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect())
}

#[test]
fn a_person_is_sent_with_state_and_proof_and_nothing_takes_their_place() {
    let acme = read(DEFINITION).unwrap();
    let oauth = acme.oauth("oauth2").unwrap();
    assert_eq!(oauth.grant, Grant::AuthorizationCode);
    let authorize = Authorize {
        client_id: "product",
        redirect_uri: "https://decant.test/connect-account/callback",
        scope: &oauth.scope,
        state: "ours",
        challenge: "hash",
    };
    let url = oauth.authorize_url(&json!({"shop": "hill"}), &authorize).unwrap();
    assert_eq!(
        url.as_str(),
        "https://hill.acme.test/oauth/authorize?prompt=consent&response_type=code&client_id=product\
         &redirect_uri=https%3A%2F%2Fdecant.test%2Fconnect-account%2Fcallback&state=ours&scope=orders+customers\
         &code_challenge=hash&code_challenge_method=S256&access_type=offline"
    );
    let hostile = oauth.authorize_url(&json!({"shop": "evil.test/"}), &authorize).unwrap_err();
    assert!(hostile.to_string().contains("slashes"), "{hostile}");
    assert!(acme.oauth("oauth2_client_credentials").unwrap().authorize_url(&json!({}), &authorize).is_err());
    assert!(acme.oauth("api_key").is_none());
}

#[test]
fn tokens_are_asked_for_with_the_client_in_header_or_form() {
    let acme = read(DEFINITION).unwrap();
    let oauth = acme.oauth("oauth2").unwrap();
    let context = json!({"shop": "hill"});
    let defined = oauth.client.clone().unwrap();
    let client = Client { id: &defined.id, secret: defined.secret.as_deref() };
    let request = oauth.exchange(&context, client, "c0de", "https://decant.test/back", "pr00f").unwrap();
    assert_eq!((request.verb.as_str(), request.url.as_str()), ("POST", "https://hill.acme.test/oauth/token"));
    let authorization = &request.headers[AUTHORIZATION];
    assert!(authorization.is_sensitive());
    // `product:s+e%3Acret`, encoded as RFC 6749 2.3.1 says.
    assert_eq!(authorization, "Basic cHJvZHVjdDpzK2UlM0FjcmV0");
    assert_eq!(
        form(&request.body.unwrap()),
        json!({"grant_type": "authorization_code", "code": "c0de", "redirect_uri": "https://decant.test/back",
            "code_verifier": "pr00f", "audience": "api"})
    );

    let request = oauth.refresh(&context, client, "r3fr3sh").unwrap();
    assert_eq!(request.url.as_str(), "https://hill.acme.test/oauth/refresh");
    assert_eq!(
        form(&request.body.unwrap()),
        json!({"grant_type": "refresh_token", "refresh_token": "r3fr3sh"})
    );

    let own = acme.oauth("oauth2_client_credentials").unwrap();
    let client = Client { id: "their", secret: Some("own") };
    let request = own.client_credentials(&json!({}), client, &["read".to_owned()]).unwrap();
    assert!(!request.headers.contains_key(AUTHORIZATION));
    assert_eq!(
        form(&request.body.unwrap()),
        json!({"grant_type": "client_credentials", "scope": "read", "client_id": "their", "client_secret": "own"})
    );
}

#[test]
fn answers_are_tokens_or_refusals_whatever_their_status() {
    let body = json!({"access_token": "t", "refresh_token": "r", "expires_in": "3600", "token_type": "bearer",
        "id_token": "secret", "shop": {"deep": 1}});
    let token = read_token(200, body.to_string().as_bytes()).ok().unwrap();
    assert_eq!((token.access_token.as_str(), token.refresh_token.as_deref()), ("t", Some("r")));
    assert_eq!((token.expires_in, Value::Object(token.rest)), (Some(3600), json!({"token_type": "bearer"})));

    let refusal = |status, body: &str| read_token(status, body.as_bytes()).err().unwrap();
    let gone = refusal(400, r#"{"error": "invalid_grant", "error_description": "The token was revoked."}"#);
    assert!(gone.is_final());
    assert_eq!(gone.to_string(), "The token was revoked.");
    assert!(refusal(200, r#"{"error": "invalid_grant"}"#).is_final(), "said with a success");
    assert!(!refusal(401, r#"{"error": "invalid_client"}"#).is_final(), "the product's to mend");
    let down = refusal(502, "<html>Bad gateway</html>");
    assert!(!down.is_final());
    assert_eq!(down.to_string(), "the authorization server answered 502 without a token");
}

#[test]
fn mistakes_are_told() {
    for (from, to, reason) in [
        ("      tokenPath: /oauth/token\n", "", "the key \"tokenPath\" is missing in this mapping"),
        ("      authorizePath: /oauth/authorize?prompt=consent\n", "", "it needs an `authorizePath`"),
        ("{{context.shop}}", "{{credentials.shop}}", "{{credentials.shop}} is not known here"),
        ("  oauth2:\n", "  api_key:\n", "only oauth2 and oauth2_client_credentials have an `auth`"),
        ("tokenParams", "tokenParam", "did you mean \"tokenParams\"?"),
    ] {
        assert!(DEFINITION.contains(from), "{from:?}");
        let refused = read(&DEFINITION.replacen(from, to, 1)).unwrap_err();
        assert!(refused.starts_with("acme/integration.yaml") && refused.contains(reason), "{refused}");
    }
}
