//! Many requests in one call, done one after the other, each when the answers before it have been
//! written.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use engine::{Command, Engine, RequestBudget};
use rustc_hash::FxHashMap;
use serde_json::Value;
use tokio::runtime::Handle;

use super::answer::{self, OperationAnswer, Pieces};
use super::call::{Call, Operation, answer_change, entry};
use super::failure::Failure;
use super::operation::Request;
use super::parameters::{Ids, Parameters};
use super::signature::Caller;
use web::admission::Account;
use web::workspaces::BlockingHandle;

/// The most requests of a batch.
const REQUESTS_MAX: usize = 10_000;
/// Changes that follow one another go to the journal together, up to so many.
const CHANGES_TOGETHER_MAX: usize = 2_000;

/// A batch, each request of which is an operation that the caller may call.
pub(super) struct Batch {
    budget: Arc<RequestBudget>,
    account: Account,
    caller: Caller,
    requests: std::vec::IntoIter<(Operation, Parameters)>,
    /// The items that each user was recommended so far; none if repetitions are allowed.
    recommended: Option<FxHashMap<String, Vec<String>>>,
}

type Answer = Result<OperationAnswer, Failure>;

impl Batch {
    /// Checks all requests. One that leads nowhere refuses the whole batch.
    pub(super) fn new(
        engine: &Engine,
        budget: Arc<RequestBudget>,
        account: Account,
        parameters: Parameters,
        caller: Caller,
    ) -> Result<Self, Failure> {
        let is_distinct = parameters.boolean("distinctRecomms", false)?;
        let requests = parse_requests(engine, parameters, caller)?.into_iter();
        let recommended = is_distinct.then(FxHashMap::default);
        Ok(Self { budget, account, caller, requests, recommended })
    }

    pub(super) fn n_requests(&self) -> usize {
        self.requests.len()
    }

    /// The pieces of an array with a code and a body for each request. Where the budget is used up,
    /// or while the workspace is closed, requests are not done, and their codes say why.
    pub(super) fn into_pieces(mut self) -> Pieces {
        let (mut answers, mut is_first) = (VecDeque::new(), true);
        let mut current: Option<Pieces> = None;
        let mut is_over = false;
        Box::new(move |workspace| {
            if let Some(pieces) = &mut current {
                match pieces(workspace) {
                    Some(piece) => return Some(piece),
                    None => {
                        current = None;
                        return Some(Ok(b"}".to_vec()));
                    }
                }
            }
            if answers.is_empty() {
                self.answer_some(workspace, &mut answers);
            }
            let start = if std::mem::take(&mut is_first) { "[" } else { "," };
            let Some(answer) = answers.pop_front() else {
                let end = if start == "[" { "[]" } else { "]" };
                return (!std::mem::replace(&mut is_over, true))
                    .then(|| Ok(end.as_bytes().to_vec()));
            };
            let answer = answer.and_then(|OperationAnswer { status, body }| {
                Ok((status, body.into_pieces(&self.budget, &self.account)?))
            });
            let of_failure = |failure: Failure| {
                (failure.status.as_u16(), answer::make_outcome_pieces(&failure.body()))
            };
            let (code, pieces) = answer.unwrap_or_else(of_failure);
            current = Some(pieces);
            Some(Ok(format!("{start}{{\"code\":{code},\"json\":").into_bytes()))
        })
    }

    /// Does the next request, or the changes that follow one another next.
    fn answer_some(&mut self, workspace: &BlockingHandle, answers: &mut VecDeque<Answer>) {
        let pending = RefCell::new((Vec::new(), std::mem::take(answers)));
        let submit = |batch: &Self| {
            let (changes, answers) = &mut *pending.borrow_mut();
            batch.submit(changes, workspace, answers);
        };
        while pending.borrow().0.len() < CHANGES_TOGETHER_MAX
            && let Some((operation, parameters)) = self.requests.next()
        {
            // A request sees what those before it have changed.
            let submit_before = || submit(self);
            let answer = match self.read(operation, &parameters, workspace, &submit_before) {
                Ok(Call::Change(command, done)) => {
                    pending.borrow_mut().0.push((*command, done));
                    continue;
                }
                Ok(call) => {
                    submit(self);
                    self.answer(call, workspace)
                }
                Err(failure) => {
                    submit(self);
                    Err(failure)
                }
            };
            pending.borrow_mut().1.push_back(answer);
            break;
        }
        submit(self);
        *answers = pending.into_inner().1;
    }

    /// The call that a request makes, if there is anything left to do it with. `submit_before` does
    /// the changes before it, and is called if the state decides whether the request is right.
    fn read(
        &self,
        operation: Operation,
        parameters: &Parameters,
        workspace: &BlockingHandle,
        submit_before: &dyn Fn(),
    ) -> Result<Call, Failure> {
        self.budget.check()?;
        let engine = workspace.engine()?;
        let exists = |kind, id: &str| {
            submit_before();
            engine.snapshot().has_entity(kind, id)
        };
        operation.read(Ids { caller: self.caller, exists: &exists }, parameters)
    }

    fn answer(&mut self, call: Call, workspace: &BlockingHandle) -> Answer {
        match call {
            Call::Change(..) => unreachable!("changes are gathered"),
            Call::Ask { question, is_long } => {
                let turn =
                    is_long.then(|| Handle::current().block_on(self.account.take_question_turn()));
                let _turn = turn.transpose()?;
                let engine = workspace.engine()?;
                let _computing = engine.start_computing(&self.budget);
                question(&engine, &self.budget)
            }
            Call::Recommend(mut recommend) => {
                let user_id = recommend.user_id().map(str::to_owned);
                let before = self
                    .recommended
                    .as_ref()
                    .zip(user_id)
                    .and_then(|(all, user_id)| all.get(&user_id));
                recommend.leave_out(before.cloned().unwrap_or_default());
                recommend.create_missing(&*workspace.engine()?)?;
                let _turn = Handle::current().block_on(self.account.take_turn())?;
                let (done, user_id, ids) = recommend.answer(&*workspace.engine()?, &self.budget)?;
                if let Some((all, user_id)) = self.recommended.as_mut().zip(user_id) {
                    all.entry(user_id).or_default().extend(ids);
                }
                Ok(done)
            }
        }
    }

    /// Submits what waits; the answers follow those that are there.
    fn submit(
        &self,
        changes: &mut Vec<(Command, OperationAnswer)>,
        workspace: &BlockingHandle,
        answers: &mut VecDeque<Answer>,
    ) {
        if changes.is_empty() {
            return;
        }
        let (commands, dones): (Vec<Command>, Vec<OperationAnswer>) =
            std::mem::take(changes).into_iter().unzip();
        let submitted = workspace.engine().map_err(Failure::from).and_then(|engine| {
            let entries = commands.into_iter().map(|command| entry(command, engine.now()));
            Ok(engine.submit_blocking(entries.collect())?)
        });
        match submitted {
            Ok(outcomes) => {
                let ended = outcomes.into_iter().zip(dones);
                answers.extend(
                    ended.map(|(outcome, done)| answer_change(Some(outcome), done, self.caller)),
                );
            }
            Err(failure) => answers.extend(dones.iter().map(|_| Err(failure.clone()))),
        }
    }
}

/// The operations of a batch with their parameters.
fn parse_requests(
    engine: &Engine,
    mut parameters: Parameters,
    caller: Caller,
) -> Result<Vec<(Operation, Parameters)>, Failure> {
    let Some(Value::Array(entries)) = parameters.0.remove("requests") else {
        return Err(Failure::invalid("requests must be an array"));
    };
    if entries.len() > REQUESTS_MAX {
        let n = entries.len();
        return Err(Failure::too_large(format!(
            "{n} requests in one batch, the limit is {REQUESTS_MAX}"
        )));
    }
    let config = engine.config();
    let named = |n: usize, failure: Failure| Failure {
        message: format!("request {n} of the batch: {}", failure.message),
        ..failure
    };
    entries
        .into_iter()
        .enumerate()
        .map(|(n, entry)| {
            let request = parse_request(entry).map_err(|failure| named(n, failure))?;
            if request.is_batch() {
                return Err(named(n, Failure::invalid("a batch within a batch")));
            }
            let no_such =
                || Failure::not_found("no operation of this API has this method and path");
            let operation =
                request.operation(caller, &config).and_then(|found| found.ok_or_else(no_such));
            Ok((operation.map_err(|failure| named(n, failure))?, request.parameters))
        })
        .collect()
}

fn parse_request(entry: Value) -> Result<Request, Failure> {
    let Value::Object(mut entry) = entry else {
        return Err(Failure::invalid("it must be an object with method, path and params"));
    };
    let (Some(Value::String(method)), Some(Value::String(path))) =
        (entry.remove("method"), entry.remove("path"))
    else {
        return Err(Failure::invalid("it needs a method and a path, both strings"));
    };
    let parameters = Parameters::from_json(entry.remove("params").unwrap_or_default());
    let mut parameters = parameters.ok_or_else(|| Failure::invalid("params must be an object"))?;
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    parameters.add_query(query)?;
    Request::new(&method, path, parameters)
}
