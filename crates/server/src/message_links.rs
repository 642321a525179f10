//! `GET /l/{token}` and `GET /o/{token}.gif`: the links and the images of messages. They lead on,
//! or answer, at once and whatever the journal takes; what they tell of is journalled afterwards.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::{Arrival, Envelope, MessageType, check_message};
use engine::{Engine, Entry, LINKS_PATH, MessageLink, OPENS_PATH, workspace_of_link};
use uuid::Uuid;
use web::App;
use web::admission::{Key, Origin};
use web::error::ApiError;
use web::workspaces::WorkspaceHandle;

/// The source of what is told of the messages of campaigns.
const SOURCE: &str = "campaign";
/// Nobody keeps an answer: every click and every view is asked for.
const NEVER_KEPT: &str = "no-store, private, max-age=0";
const ROBOTS: &str = "x-robots-tag";
/// Headers by which browsers say that they load a page before somebody asks for it.
const PREFETCH_HEADERS: [&str; 4] = ["purpose", "sec-purpose", "x-purpose", "x-moz"];
/// What Apple's mail proxy says to be, which loads all images of all mails. No browser says so.
const APPLE_PROXY: &str = "Mozilla/5.0";
const IMAGE_EXTENSION: &str = ".gif";
/// A transparent GIF of one point.
const IMAGE: [u8; 43] = [
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xFF, 0xFF, 0xFF, 0x21, 0xF9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3B,
];

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(&format!("{LINKS_PATH}/{{token}}"), get(follow))
        .route(&format!("{OPENS_PATH}/{{token}}"), get(open))
}

async fn follow(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let (workspace, link) = read(&app, &parts, &token, |engine| engine.read_link(&token)).await?;
    let Some((_, target)) = &link.target else { return Err(unknown()) };
    let location = HeaderValue::from_str(&in_header(target)).map_err(|_| unknown())?;
    tell(&app, &parts, workspace, &link, false);
    let headers = [
        (LOCATION, location),
        (CACHE_CONTROL, HeaderValue::from_static(NEVER_KEPT)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static(ROBOTS), HeaderValue::from_static("noindex, nofollow")),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}

async fn open(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let token = name.strip_suffix(IMAGE_EXTENSION).ok_or_else(unknown)?;
    let (workspace, link) = read(&app, &parts, token, |engine| engine.read_open(token)).await?;
    let agent = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    tell(&app, &parts, workspace, &link, agent.is_some_and(|agent| agent.trim() == APPLE_PROXY));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/gif")),
        (CACHE_CONTROL, HeaderValue::from_static(NEVER_KEPT)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static(ROBOTS), HeaderValue::from_static("noindex")),
    ];
    Ok((headers, IMAGE).into_response())
}

/// What a token says. Whoever tries one that nobody here has made has to wait.
async fn read(
    app: &App,
    parts: &Parts,
    token: &str,
    open: impl FnOnce(&Engine) -> Option<MessageLink>,
) -> Result<(WorkspaceHandle, MessageLink), ApiError> {
    let found = workspace_of_link(token).and_then(|id| app.workspaces.handle(id).ok());
    let engine = found.as_ref().map(|workspace| workspace.blocking().engine()).transpose()?;
    let link = engine.and_then(|engine| open(&engine));
    match found.zip(link) {
        Some(found) => Ok(found),
        None => {
            let origin =
                Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
            app.admission.refuse(&origin).await;
            Err(unknown())
        }
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("this address is not complete, or not of this server")
}

/// Journals what a link or an image tells of, behind the answer. What a full or closed journal does
/// not take is lost, and counted.
fn tell(
    app: &App,
    parts: &Parts,
    workspace: WorkspaceHandle,
    link: &MessageLink,
    is_by_machine: bool,
) {
    if parts.method != Method::GET || is_prefetch(&parts.headers) {
        return;
    }
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    // So that no more is under way than requests may be.
    let Ok(permit) = app.admission.admit(&origin, Key::Public(workspace.id().as_str())) else {
        count("lost");
        return;
    };
    let now = app.installation.options.clock.now();
    let text = link.told(now, &Uuid::new_v4().to_string(), is_by_machine).to_string();
    let arrival = Arrival { received_at: now, source: SOURCE, peer_ip: None };
    let checked = check_message(&text, Some(MessageType::Track), &Envelope::default(), &arrival);
    let Ok(message) = checked else {
        count("lost");
        return;
    };
    tokio::spawn(async move {
        let _until_it_has_ended = permit;
        let entries = vec![Entry::Message(Box::new(message))];
        match workspace.submit::<ApiError>(entries).await {
            Ok(_) => count("journalled"),
            Err(_) => count("lost"),
        }
    });
}

fn count(outcome: &'static str) {
    metrics::counter!("campaign_events_total", "outcome" => outcome).increment(1);
}

/// Whether a browser loads the page before somebody asks for it.
fn is_prefetch(headers: &HeaderMap) -> bool {
    PREFETCH_HEADERS.iter().any(|name| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            ["prefetch", "prerender", "preview"].iter().any(|word| value.contains(word))
        })
    })
}

/// An address as a header may have it: other characters than ASCII are encoded.
fn in_header(address: &str) -> String {
    let mut encoded = String::with_capacity(address.len());
    for byte in address.bytes() {
        match byte {
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
