//! The recommender API, as the clients of Recombee speak it: `/{database}/...`, where the database is a workspace.

mod batch;
mod collections;
mod entities;
mod failure;
mod interactions;
mod operation;
mod parameters;
mod recommendations;
mod segmentations;
mod signature;
mod synonyms;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use engine::{Command, Entry, Outcome};
use serde_json::Value;

use self::failure::Failure;
use self::operation::{Call, Done};
use self::parameters::Parameters;
use self::signature::Caller;
pub use self::signature::signed;
use crate::App;
use crate::error::ApiError;

/// The largest body, in bytes: a batch of ten thousand requests of some kilobytes.
const BODY_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// What a request target with a valid signature says.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedTarget {
    /// Whether the private token signed it, not the public one.
    pub is_private: bool,
    /// The decoded parts of the path, with the database.
    pub path: Vec<String>,
    /// The parameters of the query, with those of the signature.
    pub parameters: serde_json::Map<String, Value>,
}

/// Checks the signature of a request target and reads the target, as a call does.
///
/// # Errors
///
/// The message of the answer where the signature is not valid or the target cannot be read.
pub fn verify_signature(
    target: &str,
    config: &WorkspaceConfig,
    now: Timestamp,
) -> Result<SignedTarget, String> {
    let caller = signature::verify(target, config, now).map_err(|failure| failure.message)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parameters = Parameters::default();
    parameters.add_query(query).map_err(|failure| failure.message)?;
    let request = operation::Request::new("GET", path, parameters).map_err(|failure| failure.message)?;
    Ok(SignedTarget {
        is_private: caller == Caller::Private,
        path: request.parts,
        parameters: request.parameters.0,
    })
}

pub(crate) fn routes() -> Router<Arc<App>> {
    let handler = |State(app), request| async move { answer(app, request).await };
    Router::new()
        .route("/{database}", any(handler))
        .route("/{database}/", any(handler))
        .route("/{database}/{*path}", any(handler))
}

async fn answer(app: Arc<App>, request: Request) -> Response {
    let database = request.uri().path().split('/').nth(1).unwrap_or_default();
    if WorkspaceId::new(database).is_err() {
        // A path of another API, which has nothing there.
        return ApiError::not_found("there is nothing at this path").into_response();
    }
    match handle(app, request).await {
        Ok(done) => {
            let status = StatusCode::from_u16(done.status).expect("operations name statuses that there are");
            (status, Json(done.body)).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

async fn handle(app: Arc<App>, request: Request) -> Result<Done, Failure> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let path = parts.uri.path();
    let (database, path) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let Some(engine) = app.engine(database).cloned() else {
        return Err(Failure::not_found(format!("there is no database {database:?}")));
    };
    let caller = signature::verify(target, &engine.config(), engine::now())?;
    let mut parameters = Parameters(body_of(body).await?);
    parameters.add_query(parts.uri.query().unwrap_or_default())?;
    for name in ["hmac_timestamp", "hmac_sign", "frontend_timestamp", "frontend_sign"] {
        parameters.0.remove(name);
    }
    let request = operation::Request::new(parts.method.as_str(), path, parameters)?;
    if caller == Caller::Public && !request.is_public() {
        return Err(Failure::forbidden("a public token may not do this: sign with the private token"));
    }
    if batch::is_batch(&request) {
        return batch::run(app, engine, request.parameters, caller).await;
    }
    let no_such = || Failure::not_found(format!("{} {path} is no operation of this API", parts.method));
    match request.call().ok_or_else(no_such)?? {
        Call::Change(command, done) => {
            let outcomes = engine.submit(vec![entry(*command)]).await?;
            changed(outcomes.into_iter().next(), done)
        }
        Call::Ask(question) => blocking(move || question(&engine)).await,
        Call::Recommend(mut recommend) => {
            recommend.called_by(caller);
            if recommend.creates() {
                let engine = Arc::clone(&engine);
                recommend = blocking(move || recommend.create_missing(&engine).map(|()| recommend)).await?;
            }
            let turn = Arc::clone(&app.recommending).acquire_owned().await;
            let answer = move || {
                let _turn = turn;
                recommend.answer(&engine).map(|(done, ..)| done)
            };
            blocking(answer).await
        }
    }
}

/// Runs what may take long beside the requests that do not.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call of the recommender API ended in a panic");
        Err(Failure::internal())
    })
}

/// The object that a body holds; none where it is empty.
async fn body_of(body: Body) -> Result<serde_json::Map<String, Value>, Failure> {
    let bytes: Bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        Failure::too_large(format!("the body cannot be read, or is over {BODY_BYTES_MAX} bytes"))
    })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(serde_json::Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Failure::invalid("the body must be a JSON object")),
        Err(error) => Err(Failure::invalid(format!("the body is no JSON: {error}"))),
    }
}

fn entry(command: Command) -> Entry {
    Entry::Command { received_at: engine::now(), command: Box::new(command) }
}

/// The answer to a change, which is `done` unless it was refused.
fn changed(outcome: Option<Outcome>, done: Done) -> Result<Done, Failure> {
    match outcome {
        Some(Outcome::Refused(refusal)) => Err(refusal.into()),
        _ => Ok(done),
    }
}
