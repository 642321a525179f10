//! `POST /token`: a sender shows something that it has signed, and gets a bearer token (RFC 6749,
//! section 4.4; RFC 7523).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::{OAuth, Timestamp};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::json;

use super::read_body;
use web::App;
use web::admission::Origin;
use web::auth;
use web::error::ApiError;
use web::oauth::{Assertion, AssertionError, SCOPE, issue_token};
use web::workspaces::NotOpen;

/// The largest body of a request for a token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;
/// The most assertions that are remembered until their time is over.
const SEEN_MAX: usize = 100_000;

const GRANT_TYPE: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn routes() -> Router<Arc<App>> {
    let seen = Arc::new(SeenAssertions::default());
    let give = move |State(app): State<Arc<App>>, request: Request| async move {
        let response = give_token(&app, &seen, request).await;
        ([(CACHE_CONTROL, "no-store")], response)
    };
    // There may be a workspace of the name, whose paths have a second part.
    Router::new().route("/token", post(give))
}

/// Why there is no token: a code of OAuth 2.0 (RFC 6749, section 5.2) and a sentence.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    why: String,
}

impl Refusal {
    fn of_request(code: &'static str, why: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, why: why.into() }
    }

    fn of_client(why: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, code: "invalid_client", why: why.into() }
    }
}

impl From<AssertionError> for Refusal {
    fn from(error: AssertionError) -> Self {
        let why = error.to_string();
        match error {
            AssertionError::Signature => Self::of_client(why),
            AssertionError::Malformed
            | AssertionError::Audience
            | AssertionError::Expired
            | AssertionError::NotYet
            | AssertionError::TooLong => Self::of_request("invalid_request", why),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.why });
        (self.status, Json(body)).into_response()
    }
}

#[derive(Deserialize)]
struct Form {
    grant_type: String,
    client_assertion_type: String,
    client_assertion: String,
    scope: Option<String>,
}

async fn give_token(app: &App, seen: &SeenAssertions, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    let server = origin.base_url(&parts.headers);
    let form = match read_form(&parts.headers, read_body(body, TOKEN_BYTES_MAX).await) {
        Ok(form) => form,
        Err(refusal) => return refusal.into_response(),
    };
    match exchange(app, seen, &form, &server) {
        Ok(answer) => answer,
        Err(refusal) => {
            // A caller with a wrong key has to wait. A closed workspace is not the sender's fault.
            if refusal.status != StatusCode::SERVICE_UNAVAILABLE {
                app.admission.refuse(&origin).await;
            }
            refusal.into_response()
        }
    }
}

fn read_form(
    headers: &HeaderMap,
    body: Result<axum::body::Bytes, ApiError>,
) -> Result<Form, Refusal> {
    let wrong = |why: String| Refusal::of_request("invalid_request", why);
    let body = body.map_err(|error| wrong(error.message))?;
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded")) {
        return Err(wrong("the body must be application/x-www-form-urlencoded".to_owned()));
    }
    let form: Form = serde_urlencoded::from_bytes(&body)
        .map_err(|error| wrong(format!("the body is wrong: {error}")))?;
    if form.grant_type != GRANT_TYPE {
        let why = format!("grant_type must be {GRANT_TYPE}");
        return Err(Refusal::of_request("unsupported_grant_type", why));
    }
    if form.client_assertion_type != ASSERTION_TYPE {
        return Err(wrong(format!("client_assertion_type must be {ASSERTION_TYPE}")));
    }
    let scopes = form.scope.as_deref().unwrap_or(SCOPE);
    if scopes.split_whitespace().any(|scope| scope != SCOPE) {
        let why = format!("the only scope is {SCOPE}");
        return Err(Refusal::of_request("invalid_scope", why));
    }
    Ok(form)
}

/// Verifies what was signed, and gives a token for it.
fn exchange(
    app: &App,
    seen: &SeenAssertions,
    form: &Form,
    server: &str,
) -> Result<Response, Refusal> {
    let now = app.access.now();
    let assertion = Assertion::parse(&form.client_assertion)?;
    let client_id = assertion.client_id();
    let oauth = find_client(app, client_id)?;
    let verified = assertion.verify(&oauth, server, now)?;
    seen.add(client_id, verified.jti, verified.until, now)?;
    let token = issue_token(&oauth, client_id, &verified.key_id, now);
    let answer = json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": oauth.token_lifetime_s,
        "scope": SCOPE,
    });
    Ok(Json(answer).into_response())
}

/// What a client, named as `workspace/source`, signs with.
fn find_client(app: &App, client_id: &str) -> Result<OAuth, Refusal> {
    let unknown = || Refusal::of_client("there is no client of this id");
    let closed = || Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "temporarily_unavailable",
        why: "the workspace of this client is closed and tried again from time to time".to_owned(),
    };
    let (workspace, source) = client_id.split_once('/').ok_or_else(unknown)?;
    let not_open = |error| match error {
        NotOpen::Closed(_) => closed(),
        NotOpen::Unknown(_) => unknown(),
    };
    let config = app.workspaces.handle(workspace).and_then(|handle| handle.config());
    let config = config.map_err(not_open)?;
    config.source(source).and_then(|source| source.oauth.clone()).ok_or_else(unknown)
}

/// The assertions that were taken, by the hash of client and id, with the time from which they are
/// refused anyway. Only senders with a key of a source add to it.
#[derive(Default)]
struct SeenAssertions(Mutex<FxHashMap<[u8; 32], Timestamp>>);

impl SeenAssertions {
    fn add(
        &self,
        client_id: &str,
        jti: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut seen = self.0.lock();
        if seen.len() >= SEEN_MAX {
            seen.retain(|_, until| *until > now);
        }
        if seen.len() >= SEEN_MAX {
            return Err(Refusal {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "temporarily_unavailable",
                why: "too many tokens were given out in the last minutes".to_owned(),
            });
        }
        match seen.insert(auth::hash(&format!("{client_id}\n{jti}")), until) {
            Some(_) => Err(Refusal::of_request("invalid_request", "jti was used before")),
            None => Ok(()),
        }
    }
}
