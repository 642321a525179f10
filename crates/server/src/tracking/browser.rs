//! What a web page needs before it can send: the library, and the settings that the library asks
//! for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};

use super::source;
use web::admission::{Key, Origin};
use web::error::ApiError;
use web::{App, BrowserLibrary};

/// How long browsers may keep the settings: pages try to send to a source that was switched off for
/// as long.
const SETTINGS_CACHE: &str = "public, max-age=60";
/// How long browsers may keep the script of the tag.
const ENTRY_CACHE: &str = "public, max-age=300";
/// How long browsers may keep the other scripts, which have the hash of their content in the name.
const SCRIPT_CACHE: &str = "public, max-age=86400";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// What comes before the library: a page may call it at once, and with no other script.
const QUEUE: &str = include_str!("browser/queue.js");

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/projects/{write_key}/settings", get(answer_settings))
        .route("/analytics.js/v1/{write_key}/analytics.min.js", get(answer_entry))
        // Not the only path below this word: there may be a workspace of the name.
        .route("/analytics-next/bundles/{script}", get(answer_script))
}

async fn answer_settings(
    State(app): State<Arc<App>>,
    Path(write_key): Path<String>,
    request: Parts,
) -> Result<Response, ApiError> {
    let origin = admit(&app, &write_key, &request).await?;
    let settings = describe_settings(&write_key, &origin.base_url(&request.headers));
    Ok(([(CACHE_CONTROL, SETTINGS_CACHE)], Json(settings)).into_response())
}

async fn answer_entry(
    State(app): State<Arc<App>>,
    Path(write_key): Path<String>,
    request: Parts,
) -> Result<Response, ApiError> {
    admit(&app, &write_key, &request).await?;
    let entry = library(&app)?.entry(&escape_for_script(&write_key).into());
    let parts = std::iter::once(Bytes::from_static(QUEUE.as_bytes())).chain(entry);
    // The scripts stay shared, however many callers are slow to take them.
    let body = Body::from_stream(stream::iter(parts.map(Ok::<_, Infallible>)));
    Ok(as_script(ENTRY_CACHE, body))
}

async fn answer_script(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let script = library(&app)?.script(&name).ok_or_else(|| {
        ApiError::not_found(format!("the browser library has no script {name:?}"))
    })?;
    Ok(as_script(SCRIPT_CACHE, script.into()))
}

/// Where a request with this write key comes from, if a page may send with the key.
async fn admit(app: &App, write_key: &str, request: &Parts) -> Result<Origin, ApiError> {
    let Parts { headers, extensions, .. } = request;
    let origin = Origin::from_request(headers, extensions, &app.settings.callers);
    match source::find_for_browser(app, write_key) {
        Ok(_) => {
            app.admission.admit(&origin, Key::Public(write_key))?;
            Ok(origin)
        }
        Err(error) => {
            if !error.is_unavailable() {
                app.admission.refuse(&origin).await;
            }
            Err(error)
        }
    }
}

fn library(app: &App) -> Result<&BrowserLibrary, ApiError> {
    app.settings.browser_library.as_deref().ok_or_else(|| {
        ApiError::not_found(
            "this server has no browser library: name its folder as sources.analytics_js in the settings",
        )
    })
}

fn as_script(cache: &'static str, body: Body) -> Response {
    let headers =
        [(CONTENT_TYPE, JAVASCRIPT), (CACHE_CONTROL, cache), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, body).into_response()
}

/// The settings of a source as `@segment/analytics-next` reads them: all messages come to this
/// server, no integration runs in the page, and the library reports nothing about itself.
fn describe_settings(write_key: &str, base_url: &str) -> Value {
    let (protocol, host) = base_url.split_once("://").unwrap_or(("https", base_url));
    let api_host = format!("{host}/v1");
    let planned = json!({ "__default": { "enabled": true, "integrations": {} } });
    json!({
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": api_host,
                "protocol": protocol,
                "retryQueue": true,
                "unbundledIntegrations": [],
                "addBundledMetadata": true,
                "maybeBundledConfigIds": {},
                "versionSettings": { "version": "4.4.7", "componentTypes": ["browser"] },
            },
        },
        "plan": { "track": planned, "identify": planned, "group": planned },
        "metrics": { "sampleRate": 0, "host": api_host, "protocol": protocol },
        "edgeFunction": {},
        "analyticsNextEnabled": true,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "legacyVideoPluginsEnabled": false,
    })
}

/// A text as the inside of a JavaScript string in either kind of quotes.
fn escape_for_script(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.unwrap_or_default().replace('\'', "\\u0027").replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_cannot_leave_its_string() {
        assert_eq!(escape_for_script("Abc-1_2.3"), "Abc-1_2.3");
        assert_eq!(escape_for_script("a\"'\\\n</script>"), "a\\\"\\u0027\\\\\\n\\u003c/script>");
    }
}
