//! The page on which people choose which messages they get. They come by a link of a message, are
//! not signed in, and see nothing of the console: it is a page of the shop.
//!
//! The token in the address is the right to change it. Nobody can make one, so that no page of
//! others can send the form in somebody's name. Reading the page changes nothing: programs that
//! look at mails follow their links.

mod page;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use engine::{Engine, PREFERENCES_PATH, workspace_of_token};
use resources::subscriptions::{self, PreferencesPage};
use web::App;
use web::admission::{Key, Origin};
use web::error::{ApiError, ErrorKind};
use web::workspaces::NotOpen;

use self::page::{Notice, nothing_here, out_of_order, preferences, question, unsubscribed};

/// The largest form, in bytes.
const FORM_BYTES_MAX: usize = 64 * 1_024;
/// The query of the page that shows what was saved.
const SAVED: &str = "saved=1";
/// The field of the button by which somebody refuses everything.
const NOTHING_FIELD: &str = "nothing";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "private, no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The address is the right to change the choices.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("x-robots-tag"), "noindex"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(&format!("{PREFERENCES_PATH}/{{token}}"), get(show).post(save))
        .route(&format!("{PREFERENCES_PATH}/{{token}}/unsubscribe"), get(ask).post(unsubscribe))
        .layer(from_fn(set_headers))
}

async fn set_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    // Programs of mail providers add parameters of their own to addresses.
    let query = request.uri().query().unwrap_or_default();
    let notice = query.split('&').any(|pair| pair == SAVED).then_some(Notice::Saved);
    let shown = with_page(&app, &token, request, |_, _| Ok(())).await;
    answer(shown, |page, ()| preferences(&token, &page, notice))
}

async fn save(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, FORM_BYTES_MAX).await else {
        return out_of_order(StatusCode::BAD_REQUEST);
    };
    let Ok(fields) = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&bytes) else {
        return out_of_order(StatusCode::BAD_REQUEST);
    };
    let request = Request::from_parts(parts, axum::body::Body::empty());
    let choose = move |engine: &Engine, page: &PreferencesPage| {
        let has = |name: &str| fields.iter().any(|(field, _)| field == name);
        match has(NOTHING_FIELD) {
            true => subscriptions::refuse_everything(engine, &page.link),
            false => subscriptions::choose(engine, page, &has),
        }
    };
    let chosen = with_page(&app, &token, request, choose).await;
    answer(chosen, |_, ()| {
        Redirect::to(&format!("{PREFERENCES_PATH}/{token}?{SAVED}")).into_response()
    })
}

/// Somebody follows the link in the text of a message: it asks, with a button.
async fn ask(State(app): State<Arc<App>>, Path(token): Path<String>, request: Request) -> Response {
    let shown = with_page(&app, &token, request, |_, _| Ok(())).await;
    answer(shown, |page, ()| match page.link.unsubscribing().is_empty() {
        true => preferences(&token, &page, None),
        false => question(&token, &page),
    })
}

/// The button of that page, and the one that mail programs show (RFC 8058), which takes no
/// redirect.
async fn unsubscribe(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let unsubscribe =
        |engine: &Engine, page: &PreferencesPage| subscriptions::unsubscribe(engine, &page.link);
    let done = with_page(&app, &token, request, unsubscribe).await;
    answer(done, |page, ()| unsubscribed(&token, &page))
}

fn answer<T>(
    done: Result<Option<(PreferencesPage, T)>, ApiError>,
    page: impl FnOnce(PreferencesPage, T) -> Response,
) -> Response {
    match done {
        Ok(Some((shown, value))) => page(shown, value),
        Ok(None) => nothing_here(),
        Err(error) => {
            let status = error.kind.status();
            match error.kind {
                ErrorKind::NotFound => nothing_here(),
                _ => out_of_order(status),
            }
        }
    }
}

/// Does something with what the page of a token shows; none where the token is not ours. Whoever
/// tries tokens is slowed down.
async fn with_page<T: Send + 'static>(
    app: &Arc<App>,
    token: &str,
    request: Request,
    work: impl FnOnce(&Engine, &PreferencesPage) -> Result<T, ApiError> + Send + 'static,
) -> Result<Option<(PreferencesPage, T)>, ApiError> {
    let origin =
        Origin::from_request(request.headers(), request.extensions(), &app.settings.callers);
    drop(request);
    let handle = workspace_of_token(token).map(|id| app.workspaces.handle(id));
    let handle = match handle {
        Some(Ok(handle)) => handle,
        Some(Err(closed @ NotOpen::Closed(_))) => return Err(closed.into()),
        Some(Err(NotOpen::Unknown(_))) | None => {
            app.admission.refuse(&origin).await;
            return Ok(None);
        }
    };
    let permit = app.admission.admit(&origin, Key::Public(token))?;
    app.admission.take_public(&origin, 1)?;
    let token = token.to_owned();
    let found = handle.run_with(permit, move |workspace| {
        let engine = workspace.engine()?;
        let Some(page) = subscriptions::page_of_link(&engine, &token)? else { return Ok(None) };
        let value = work(&engine, &page)?;
        Ok::<_, ApiError>(Some((page, value)))
    });
    let found = found.await?;
    if found.is_none() {
        app.admission.refuse(&origin).await;
    }
    Ok(found)
}
