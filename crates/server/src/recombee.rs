//! The recommender API, as the clients of Recombee speak it: `/{database}/...`, where the database
//! is a workspace.

mod answer;
mod batch;
mod call;
mod collections;
mod entities;
mod failure;
mod interactions;
mod logics;
mod operation;
mod parameters;
mod recommend;
mod recommendations;
mod segmentations;
mod signature;
mod synonyms;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use engine::RequestBudget;
use serde_json::Value;

use self::answer::{AnswerInProgress, Body, HeldResources, OperationAnswer};
use self::batch::Batch;
use self::call::{Call, answer_change, entry};
use self::failure::Failure;
use self::parameters::{Ids, Parameters};
use self::signature::Caller;
pub use self::signature::sign_target;
use web::App;
use web::admission::{Account, Key, Origin};
use web::error::ApiError;
use web::slow_requests::RoutePattern;
use web::workspaces::{BlockingHandle, NotOpen};

/// The largest body, in bytes: a batch of ten thousand requests of some kilobytes.
const BODY_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// The largest body from a browser, in bytes.
const PUBLIC_BODY_BYTES_MAX: usize = 1_024 * 1_024;

/// The content of a request target with a valid signature.
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
    let caller = signature::verify(target, config, now).map_err(|failure| failure.message)?.caller;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut parameters = Parameters::default();
    parameters.add_query(query).map_err(|failure| failure.message)?;
    let request =
        operation::Request::new("GET", path, parameters).map_err(|failure| failure.message)?;
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
    let mut pattern = None;
    let answered = handle(app, request, &mut pattern).await;
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    pattern.map(|pattern| response.extensions_mut().insert(RoutePattern(pattern)));
    response
}

/// Answers a request. `pattern` gets the pattern of its path once the operation is known.
async fn handle(
    app: Arc<App>,
    request: Request,
    pattern: &mut Option<String>,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let path = parts.uri.path();
    let (database, path) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let known = match app.workspaces.handle(database) {
        Err(closed @ NotOpen::Closed(_)) => return Err(closed.into()),
        Err(NotOpen::Unknown(_)) => {
            Err(Failure::not_found(format!("there is no database {database:?}")))
        }
        Ok(workspace) => {
            let (config, now) = (workspace.config()?, workspace.now()?);
            signature::verify(target, &config, now)
                .map(|signer| (signer.caller, signer.token.to_owned()))
                .map(|(caller, token)| (workspace, config, caller, token))
        }
    };
    let (workspace, config, caller, token) = match known {
        Ok(known) => known,
        Err(failure) => {
            app.admission.refuse(&origin).await;
            return Err(failure);
        }
    };
    let (limits, body_bytes_max) = match caller {
        Caller::Private => {
            origin.trust();
            (app.settings.callers.private, BODY_BYTES_MAX)
        }
        Caller::Public => {
            app.admission.take_public(&origin, 1)?;
            (app.settings.callers.public, PUBLIC_BODY_BYTES_MAX)
        }
    };
    let bytes = read(body, body_bytes_max).await?;
    let room = app.admission.make_room_for(bytes.len()).await;
    let mut parameters = parse_parameters(&bytes)?;
    let key = if caller == Caller::Private { Key::Private(&token) } else { Key::Public(&token) };
    let permit = app.admission.admit(&origin, key)?;
    parameters.add_query(parts.uri.query().unwrap_or_default())?;
    for name in ["hmac_timestamp", "hmac_sign", "frontend_timestamp", "frontend_sign"] {
        parameters.0.remove(name);
    }
    let request = operation::Request::new(parts.method.as_str(), path, parameters)?;
    let budget = app.budget(limits);
    let under_way = HeldResources::new(&workspace, &budget, permit, room);
    let account = under_way.account().clone();
    if request.is_batch() {
        *pattern = Some(request.pattern());
        let read = move |workspace: &BlockingHandle| {
            Batch::new(&*workspace.engine()?, budget, account, request.parameters, caller)
        };
        let batch = workspace.run_with((), read).await?;
        if caller == Caller::Public {
            app.admission.take_public(&origin, batch.n_requests().saturating_sub(1))?;
        }
        let begin = move |workspace: &BlockingHandle| {
            AnswerInProgress::next(batch.into_pieces(), workspace)
        };
        let made = workspace.run_with((), begin).await?;
        return Ok(answer::send(StatusCode::OK, made, under_way));
    }
    let no_such =
        Failure::not_found(format!("{} {path} is no operation of this API", parts.method));
    let operation = request.operation(caller, &config)?.ok_or(no_such)?;
    *pattern = Some(request.pattern());
    // A list is made by the thread that reads its parameters: each change of threads is paid for.
    let makes_list = operation.makes_list;
    let (shared_budget, shared_account) = (Arc::clone(&budget), account.clone());
    let begin = move |workspace: &BlockingHandle| {
        let engine = workspace.engine()?;
        let exists = |kind, id: &str| engine.snapshot().has_entity(kind, id);
        let call = operation.read(Ids { caller, exists: &exists }, &request.parameters)?;
        if call.waits(&engine) {
            return Ok(Begun::Waits(call));
        }
        drop(engine);
        answer_call(call, workspace, &shared_budget, &shared_account).map(Begun::Answered)
    };
    let begun = match makes_list {
        true => workspace.make_list(&account, begin).await?,
        false => workspace.run_with((), begin).await?,
    };
    let (status, made) = match begun {
        Begun::Answered(answered) => answered,
        Begun::Waits(Call::Change(command, done)) => {
            let outcomes =
                workspace.submit::<Failure>(vec![entry(*command, workspace.now()?)]).await?;
            let OperationAnswer { status, body } =
                answer_change(outcomes.into_iter().next(), done, caller)?;
            let Body::Outcome(body) = body else {
                unreachable!("a change answers with its outcome")
            };
            (status_of(status), AnswerInProgress::outcome(&body))
        }
        Begun::Waits(call @ Call::Ask { .. }) => {
            let turn = account.take_question_turn().await?;
            let answer =
                move |workspace: &BlockingHandle| answer_call(call, workspace, &budget, &account);
            workspace.run_with(turn, answer).await?
        }
        Begun::Waits(Call::Recommend(recommend)) => {
            let create = move |workspace: &BlockingHandle| {
                recommend.create_missing(&*workspace.engine()?).map(|()| recommend)
            };
            let call = Call::Recommend(workspace.run_with((), create).await?);
            let payer = account.clone();
            let answer =
                move |workspace: &BlockingHandle| answer_call(call, workspace, &budget, &account);
            workspace.make_list(&payer, answer).await?
        }
    };
    Ok(answer::send(status, made, under_way))
}

/// A call whose parameters are read.
enum Begun {
    /// Done at once.
    Answered((StatusCode, AnswerInProgress)),
    /// It waits for the disk, or for a turn that it does not have.
    Waits(Call),
}

/// The first chunk of the answer to a question, or of a list.
fn answer_call(
    call: Call,
    workspace: &BlockingHandle,
    budget: &Arc<RequestBudget>,
    account: &Account,
) -> Result<(StatusCode, AnswerInProgress), Failure> {
    let done = {
        let engine = workspace.engine()?;
        let _computing = engine.start_computing(budget);
        match call {
            Call::Change(..) => unreachable!("changes are submitted"),
            Call::Ask { question, .. } => question(&engine, budget)?,
            Call::Recommend(recommend) => recommend.answer(&engine, budget)?.0,
        }
    };
    Ok((
        status_of(done.status),
        AnswerInProgress::next(done.body.into_pieces(budget, account)?, workspace)?,
    ))
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("operations name statuses that there are")
}

async fn read(body: HttpBody, bytes_max: usize) -> Result<Bytes, Failure> {
    let too_large =
        |_| Failure::too_large(format!("the body cannot be read, or is over {bytes_max} bytes"));
    axum::body::to_bytes(body, bytes_max).await.map_err(too_large)
}

/// The parameters in a body; none where it is empty.
fn parse_parameters(bytes: &[u8]) -> Result<Parameters, Failure> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Parameters::default());
    }
    let value = serde_json::from_slice(bytes)
        .map_err(|error| Failure::invalid(format!("the body is no JSON: {error}")))?;
    Parameters::from_json(value).ok_or_else(|| Failure::invalid("the body must be a JSON object"))
}
