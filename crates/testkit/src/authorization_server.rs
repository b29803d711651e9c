//! A platform that opens its accounts by OAuth 2 (RFC 6749, 7636): everybody says yes at once, refresh tokens are good once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The client that the server knows: id and secret.
pub const CLIENT: (&str, &str) = ("product", "product-secret");

/// A serving platform with its authorization server; what it says can be changed at any time.
#[derive(Clone)]
pub struct AuthorizationServer {
    /// Where it is: `/authorize`, `/token` and `/v1/me`.
    pub url: String,
    state: Arc<Mutex<Said>>,
    held: watch::Sender<bool>,
}

/// What the server knows and is to say.
struct Said {
    /// Codes, with redirect address, challenge and scope.
    codes: HashMap<String, (String, String, String)>,
    access: HashSet<String>,
    refresh: HashSet<String>,
    made: u32,
    expires_in: Option<i64>,
    denies: bool,
    fails: Option<(u16, Value)>,
    asked: Vec<String>,
}

/// A token that the server gave.
#[derive(Debug, Clone)]
pub struct Given {
    /// Opens `/v1/me`.
    pub access_token: String,
    /// Good once.
    pub refresh_token: String,
}

impl AuthorizationServer {
    /// Listens on a free port.
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen on a free port");
        let said = Said {
            codes: HashMap::new(),
            access: HashSet::new(),
            refresh: HashSet::new(),
            made: 0,
            expires_in: Some(3600),
            denies: false,
            fails: None,
            asked: Vec::new(),
        };
        let server = Self {
            url: format!("http://{}", listener.local_addr().expect("know the address")),
            state: Arc::new(Mutex::new(said)),
            held: watch::Sender::new(false),
        };
        let router = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/v1/me", get(me).post(me))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// Seconds that tokens are good for from now on, by their own word.
    pub fn expires_in(&self, seconds: Option<i64>) {
        self.said().expires_in = seconds;
    }

    /// Gives a token without being asked.
    pub fn give(&self) -> Given {
        self.said().give()
    }

    /// Forgets all access tokens: they open nothing any more.
    pub fn forget_access_tokens(&self) {
        self.said().access.clear();
    }

    /// Forgets all refresh tokens: what has one has to be connected again.
    pub fn forget_refresh_tokens(&self) {
        self.said().refresh.clear();
    }

    /// Has people say no.
    pub fn deny(&self) {
        self.said().denies = true;
    }

    /// Has `/token` answer so; `None` as it should.
    pub fn fail(&self, answer: Option<(u16, Value)>) {
        self.said().fails = answer;
    }

    /// Has `/token` wait before it answers, until it is told not to.
    pub fn hold(&self, is_held: bool) {
        self.held.send_replace(is_held);
    }

    /// The grants that `/token` was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.said().asked.clone()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Said {
    fn give(&mut self) -> Given {
        self.made += 1;
        let given = Given {
            access_token: format!("access-token-{}", self.made),
            refresh_token: format!("refresh-token-{}", self.made),
        };
        self.access.insert(given.access_token.clone());
        self.refresh.insert(given.refresh_token.clone());
        given
    }
}

type Fields = HashMap<String, String>;

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

async fn authorize(State(server): State<AuthorizationServer>, Query(query): Query<Fields>) -> Response {
    let mut said = server.said();
    let (redirect, state) = (field(&query, "redirect_uri").to_owned(), field(&query, "state").to_owned());
    let is_whole = field(&query, "response_type") == "code"
        && field(&query, "client_id") == CLIENT.0
        && field(&query, "code_challenge_method") == "S256";
    if !is_whole {
        return (StatusCode::BAD_REQUEST, "not a whole request").into_response();
    }
    if said.denies {
        return Redirect::to(&format!("{redirect}?error=access_denied&state={state}")).into_response();
    }
    said.made += 1;
    let code = format!("code-{}", said.made);
    let kept =
        (redirect.clone(), field(&query, "code_challenge").to_owned(), field(&query, "scope").to_owned());
    said.codes.insert(code.clone(), kept);
    Redirect::to(&format!("{redirect}?code={code}&state={state}")).into_response()
}

async fn token(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Response {
    let grant = field(&form, "grant_type").to_owned();
    server.said().asked.push(grant.clone());
    // Gone with the server.
    let _ = server.held.subscribe().wait_for(|is_held| !is_held).await;
    let mut said = server.said();
    if let Some((status, body)) = &said.fails {
        let status = StatusCode::from_u16(*status).expect("be a status");
        return (status, Json(body.clone())).into_response();
    }
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    let pair = STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1));
    let by_header = headers.get(header::AUTHORIZATION).is_some_and(|value| *value == format!("Basic {pair}"));
    if !by_header && (field(&form, "client_id"), field(&form, "client_secret")) != CLIENT {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let mut scope = None;
    match grant.as_str() {
        "authorization_code" => {
            let Some((redirect, challenge, asked)) = said.codes.remove(field(&form, "code")) else {
                return refused("invalid_grant");
            };
            let proof = digest(&SHA256, field(&form, "code_verifier").as_bytes());
            if redirect != field(&form, "redirect_uri") || challenge != URL_SAFE_NO_PAD.encode(proof) {
                return refused("invalid_grant");
            }
            scope = Some(asked);
        }
        "refresh_token" if !said.refresh.remove(field(&form, "refresh_token")) => {
            return refused("invalid_grant");
        }
        "refresh_token" | "client_credentials" => {}
        _ => return refused("unsupported_grant_type"),
    }
    let given = said.give();
    let mut answer = json!({"access_token": given.access_token, "token_type": "bearer"});
    if grant == "client_credentials" {
        said.refresh.remove(&given.refresh_token);
    } else {
        answer["refresh_token"] = given.refresh_token.into();
    }
    if let Some(seconds) = said.expires_in {
        answer["expires_in"] = seconds.into();
    }
    if let Some(scope) = scope {
        answer["scope"] = scope.into();
    }
    Json(answer).into_response()
}

async fn me(State(server): State<AuthorizationServer>, headers: HeaderMap) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if server.said().access.contains(token) {
        Json(json!({"id": "orchard-1", "currency": "USD"})).into_response()
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({"message": "The token is not valid."}))).into_response()
    }
}
