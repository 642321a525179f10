//! In-app messages in pages: `GET /v1/in_app/module.js`, the module that shows them;
//! `GET /v1/in_app/messages`, those that a visitor may see; `GET /v1/in_app/stream`, the same
//! whenever they change; and `POST /v1/in_app/events`, what became of them.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{Arrival, Envelope, MessageType, check_message};
use engine::{
    CAMPAIGN_SOURCE, InAppReport, InAppReportCall, InAppReportError, InAppShown, InAppVisitor,
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Call, source, submit_messages};
use web::App;
use web::admission::{Key, Origin, Permit};
use web::error::{ApiError, ErrorKind};
use web::parameters::Parameters;
use web::streams::{STREAM_HEARTBEAT, STREAM_TIME_MAX, StreamPermit};
use web::workspaces::{WorkspaceHandle, WorkspaceSource};

/// The module that pages load.
const MODULE: &str = include_str!("in_app/module.js");
const MODULE_CACHE: &str = "public, max-age=300, stale-while-revalidate=86400";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// The largest report, in bytes.
const REPORT_BYTES_MAX: usize = 16 * 1_024;
/// The longest id of a browser, a user or a report, and the longest hash, in bytes.
const ID_BYTES_MAX: usize = 500;
/// The longest address of a click, in bytes.
const URL_BYTES_MAX: usize = 2_048;
/// The shortest time between two looks of a stream at what there is.
const STREAM_REST: Duration = Duration::from_millis(100);

/// Routes whose answers may be compressed.
pub(crate) fn page_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/in_app/module.js", get(answer_module))
        .route("/v1/in_app/messages", get(answer_messages))
}

/// The stream, which is sent as it comes.
pub(crate) fn stream_routes() -> Router<Arc<App>> {
    Router::new().route("/v1/in_app/stream", get(follow_messages))
}

pub(super) fn report_routes() -> Router<Arc<App>> {
    Router::new().route("/v1/in_app/events", post(take_report))
}

/// Whose messages are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VisitorQuery {
    /// In place of the header `Authorization`, which costs pages of other hosts another request.
    write_key: Option<String>,
    anonymous_id: String,
    user_id: Option<String>,
    user_hash: Option<String>,
}

#[derive(Serialize)]
struct ShownMessages {
    messages: Vec<InAppShown>,
}

async fn answer_module(headers: HeaderMap) -> Response {
    static TAG: LazyLock<String> = LazyLock::new(|| {
        let digits: String =
            Sha256::digest(MODULE).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{digits}\"")
    });
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    // A proxy that compresses marks the tag as weak.
    let is_same = |tag: &str| tag.trim().trim_start_matches("W/") == TAG.as_str();
    let cached = [(CACHE_CONTROL, MODULE_CACHE), (ETAG, TAG.as_str())];
    if known.is_some_and(|tags| tags.split(',').any(is_same)) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    let typed = [(CONTENT_TYPE, JAVASCRIPT), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (cached, typed, MODULE).into_response()
}

async fn answer_messages(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<VisitorQuery>,
    request: Parts,
) -> Result<Response, ApiError> {
    let (workspace, visitor, _, permit) = enter(&app, query, &request).await?;
    let read = move |workspace: &web::workspaces::BlockingHandle| {
        Ok::<_, ApiError>(workspace.engine()?.in_app_messages(&visitor)?.0)
    };
    let messages = workspace.run_with(permit, read).await?;
    Ok(Json(ShownMessages { messages }).into_response())
}

async fn follow_messages(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<VisitorQuery>,
    request: Parts,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let (workspace, visitor, origin, permit) = enter(&app, query, &request).await?;
    // Streams have limits of their own.
    drop(permit);
    let follower = Follower {
        _permit: app.page_streams.open_page(&origin)?,
        app,
        workspace,
        visitor,
        told: None,
        changes: None,
        ends_at: Instant::now() + STREAM_TIME_MAX,
        rests_until: Instant::now(),
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let text = follower.next().await?;
        Some((Ok(Event::default().event("messages").data(text)), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(STREAM_HEARTBEAT)))
}

async fn take_report(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    /// What a page sends.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Report {
        #[serde(rename = "writeKey")]
        write_key: Option<String>,
        token: String,
        event: Word,
        id: String,
        url: Option<String>,
        item_id: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        Viewed,
        Clicked,
        Dismissed,
    }
    let (call, body) = Call::read(&app, request, REPORT_BYTES_MAX).await?;
    let report: Report = serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request(format!("the body is no report: {error}")))?;
    let ((workspace, source), permit) = call.enter(&app, report.write_key.as_deref()).await?;
    check_length("id", &report.id, ID_BYTES_MAX)?;
    check_length("url", report.url.as_deref().unwrap_or("-"), URL_BYTES_MAX)?;
    check_length("item_id", report.item_id.as_deref().unwrap_or("-"), ID_BYTES_MAX)?;
    app.admission.take_messages(workspace.id(), &source, 1)?;
    let asked = InAppReportCall {
        token: report.token,
        report: match report.event {
            Word::Viewed => InAppReport::Viewed,
            Word::Clicked => InAppReport::Clicked,
            Word::Dismissed => InAppReport::Dismissed,
        },
        id: report.id,
        url: report.url,
        item_id: report.item_id,
    };
    let read = move |workspace: &web::workspaces::BlockingHandle| {
        Ok::<_, ApiError>(workspace.engine()?.in_app_report(&asked))
    };
    let message = workspace.run_with(permit, read).await?.map_err(|error| {
        let kind = match error {
            InAppReportError::WrongToken => ErrorKind::Forbidden,
            InAppReportError::Over => ErrorKind::NotFound,
        };
        ApiError::new(kind, error.to_string())
    })?;
    let received_at = app.installation.options.clock.now();
    let arrival = Arrival { received_at, source: CAMPAIGN_SOURCE, peer_ip: None };
    let text = message.to_string();
    let checked = check_message(&text, Some(MessageType::Track), &Envelope::default(), &arrival);
    Ok(submit_messages(&workspace, std::iter::once(checked.map(Box::new)), call.is_strict()).await)
}

/// The workspace of a request for messages, and for whom they are.
async fn enter(
    app: &App,
    query: VisitorQuery,
    request: &Parts,
) -> Result<(WorkspaceHandle, InAppVisitor, Origin, Permit), ApiError> {
    let Parts { headers, extensions, .. } = request;
    let origin = Origin::from_request(headers, extensions, &app.settings.callers);
    let found = match &query.write_key {
        None if !headers.contains_key(AUTHORIZATION) => {
            let message =
                "no write key: send it as write_key in the query or as the user of HTTP Basic";
            Err(ApiError::new(ErrorKind::UnknownSource, message))
        }
        key => source::find_source(app, headers, key.as_deref()),
    };
    let (workspace, source): WorkspaceSource = match found {
        Ok(found) => found,
        Err(error) => {
            if !error.is_unavailable() {
                app.admission.refuse(&origin).await;
            }
            return Err(error);
        }
    };
    check_length("anonymous_id", &query.anonymous_id, ID_BYTES_MAX)?;
    for (name, value) in [("user_id", &query.user_id), ("user_hash", &query.user_hash)] {
        if let Some(value) = value {
            check_length(name, value, ID_BYTES_MAX)?;
        }
    }
    let permit = app.admission.admit(&origin, Key::Public(&source.write_key))?;
    let VisitorQuery { anonymous_id, user_id, user_hash, .. } = query;
    Ok((workspace, InAppVisitor { anonymous_id, user_id, user_hash }, origin, permit))
}

fn check_length(name: &str, text: &str, bytes_max: usize) -> Result<(), ApiError> {
    match text.len() {
        n if (1..=bytes_max).contains(&n) => Ok(()),
        _ => Err(ApiError::bad_request(format!("{name} must be 1 to {bytes_max} bytes"))),
    }
}

/// A stream of one visitor. Between two answers nothing is held that the workspace needs to be
/// closed.
struct Follower {
    app: Arc<App>,
    workspace: WorkspaceHandle,
    visitor: InAppVisitor,
    /// What the page was told last.
    told: Option<String>,
    changes: Option<watch::Receiver<u64>>,
    ends_at: Instant,
    rests_until: Instant,
    _permit: StreamPermit,
}

impl Follower {
    /// The next list that differs from the one before; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(changes) = &mut self.changes {
                tokio::select! {
                    () = self.app.stopped() => return None,
                    () = sleep_until(self.ends_at) => return None,
                    changed = changes.changed() => changed.ok()?,
                }
            }
            sleep_until(self.rests_until).await;
            self.rests_until = Instant::now() + STREAM_REST;
            let list = self.read().await.ok()?;
            if self.told.as_ref() != Some(&list) {
                self.told = Some(list.clone());
                return Some(list);
            }
        }
    }

    async fn read(&mut self) -> Result<String, ApiError> {
        let visitor = self.visitor.clone();
        let read = move |workspace: &web::workspaces::BlockingHandle| {
            Ok::<_, ApiError>(workspace.engine()?.in_app_messages(&visitor)?)
        };
        let (messages, changes) = self.workspace.run_with((), read).await?;
        self.changes = Some(changes);
        Ok(serde_json::to_string(&ShownMessages { messages }).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_loads_nothing_and_fills_no_markup_with_texts() {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "import(",
            "<style",
        ] {
            assert!(!MODULE.contains(word), "{word}");
        }
    }
}
