//! Many requests in one call, done one after the other.

use std::sync::Arc;

use engine::{Command, Engine};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::failure::Failure;
use super::operation::{Call, Done, Request};
use super::parameters::Parameters;
use super::signature::Caller;
use super::{changed, entry};
use crate::App;

/// The most requests of a batch.
const REQUESTS_MAX: usize = 10_000;
/// Changes that follow one another go to the journal together, up to so many.
const CHANGES_TOGETHER_MAX: usize = 2_000;

pub(super) fn is_batch(request: &Request) -> bool {
    request.method == "POST" && request.is_at(&["batch"])
}

/// Answers with a code and a body for each request. A request that leads nowhere refuses the whole batch.
pub(super) async fn run(
    app: Arc<App>,
    engine: Arc<Engine>,
    parameters: Parameters,
    caller: Caller,
) -> Result<Done, Failure> {
    let is_distinct = parameters.boolean("distinctRecomms", false)?;
    let requests = requests_of(parameters, caller)?;
    let run = move || {
        // What each user was recommended so far, where nothing may come twice.
        let mut recommended: FxHashMap<String, Vec<String>> = FxHashMap::default();
        let mut answers: Vec<Value> = Vec::with_capacity(requests.len());
        let mut changes: Vec<(Command, Done)> = Vec::new();
        for request in requests {
            let call = request.call().unwrap_or_else(|| Err(Failure::not_found("no operation of this API")));
            match call {
                Ok(Call::Change(command, done)) => {
                    changes.push((*command, done));
                    if changes.len() == CHANGES_TOGETHER_MAX {
                        submit(&engine, &mut changes, &mut answers);
                    }
                }
                Ok(Call::Ask(question)) => {
                    submit(&engine, &mut changes, &mut answers);
                    answers.push(answer_json(question(&engine)));
                }
                Ok(Call::Recommend(mut recommend)) => {
                    submit(&engine, &mut changes, &mut answers);
                    recommend.called_by(caller);
                    let before = recommend.user_id().and_then(|user_id| recommended.get(user_id));
                    recommend.leave_out(before.cloned().unwrap_or_default());
                    let created = recommend.create_missing(&engine);
                    let _turn = Handle::current().block_on(app.recommending.acquire());
                    let answer =
                        created.and_then(|()| recommend.answer(&engine)).map(|(done, user_id, ids)| {
                            if let Some(user_id) = user_id.filter(|_| is_distinct) {
                                recommended.entry(user_id).or_default().extend(ids);
                            }
                            done
                        });
                    answers.push(answer_json(answer));
                }
                Err(failure) => {
                    submit(&engine, &mut changes, &mut answers);
                    answers.push(answer_json(Err(failure)));
                }
            }
        }
        submit(&engine, &mut changes, &mut answers);
        Ok(Done::ok(answers))
    };
    super::blocking(run).await
}

/// The requests of a batch, each of which is an operation that the caller may call.
fn requests_of(mut parameters: Parameters, caller: Caller) -> Result<Vec<Request>, Failure> {
    let Some(Value::Array(entries)) = parameters.0.remove("requests") else {
        return Err(Failure::invalid("requests must be an array"));
    };
    if entries.len() > REQUESTS_MAX {
        let n = entries.len();
        return Err(Failure::too_large(format!("{n} requests in one batch, the limit is {REQUESTS_MAX}")));
    }
    let named = |n: usize, failure: Failure| Failure {
        message: format!("request {n} of the batch: {}", failure.message),
        ..failure
    };
    entries
        .into_iter()
        .enumerate()
        .map(|(n, entry)| {
            let request = request_of(entry).map_err(|failure| named(n, failure))?;
            if is_batch(&request) {
                return Err(named(n, Failure::invalid("a batch within a batch")));
            }
            if request.call().is_none() {
                return Err(named(
                    n,
                    Failure::not_found("no operation of this API has this method and path"),
                ));
            }
            if caller == Caller::Public && !request.is_public() {
                return Err(named(n, Failure::forbidden("a public token may not do this")));
            }
            Ok(request)
        })
        .collect()
}

fn request_of(entry: Value) -> Result<Request, Failure> {
    let Value::Object(mut entry) = entry else {
        return Err(Failure::invalid("it must be an object with method, path and params"));
    };
    let (Some(Value::String(method)), Some(Value::String(path))) =
        (entry.remove("method"), entry.remove("path"))
    else {
        return Err(Failure::invalid("it needs a method and a path, both strings"));
    };
    let mut parameters = match entry.remove("params") {
        None | Some(Value::Null) => Parameters::default(),
        Some(Value::Object(parameters)) => Parameters(parameters),
        Some(_) => return Err(Failure::invalid("params must be an object")),
    };
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    parameters.add_query(query)?;
    Request::new(&method, path, parameters)
}

/// Submits what waits; the answers follow those that are there.
fn submit(engine: &Engine, changes: &mut Vec<(Command, Done)>, answers: &mut Vec<Value>) {
    let (commands, dones): (Vec<Command>, Vec<Done>) = std::mem::take(changes).into_iter().unzip();
    match engine.submit_blocking(commands.into_iter().map(entry).collect()) {
        Ok(outcomes) => {
            let ended = outcomes.into_iter().zip(dones);
            answers.extend(ended.map(|(outcome, done)| answer_json(changed(Some(outcome), done))));
        }
        Err(error) => {
            let failure = Failure::from(error);
            answers.extend(dones.iter().map(|_| answer_json(Err(failure.clone()))));
        }
    }
}

fn answer_json(answer: Result<Done, Failure>) -> Value {
    match answer {
        Ok(done) => json!({ "code": done.status, "json": done.body }),
        Err(failure) => json!({ "code": failure.status.as_u16(), "json": failure.body() }),
    }
}
