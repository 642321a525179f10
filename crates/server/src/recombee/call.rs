//! Operations, as resources name them, and what each asks of the engine.

use std::sync::Arc;

use domain::Timestamp;
use engine::{Command, Engine, EntityKind, Entry, Outcome, Refusal, RequestBudget};
use serde_json::Value;

use super::answer::OperationAnswer;
use super::failure::Failure;
use super::parameters::{Ids, Parameters};
use super::recommend::ListCall;
use super::signature::Caller;

type Answer = Result<OperationAnswer, Failure>;

/// A question within the budget of a request.
type Question = dyn FnOnce(&Engine, &Arc<RequestBudget>) -> Answer + Send;

/// Reads an operation's parameters.
type Reading = dyn FnOnce(Ids<'_>, &Parameters) -> Result<Call, Failure> + Send;

/// An operation that a method and a path name. Its parameters are read later, when its turn in a
/// batch comes, since ids are right or wrong by who is there then.
pub(super) struct Operation {
    pub(super) access: Access,
    /// Whether its answer is a list of recommendations, which takes a turn to compute.
    pub(super) makes_list: bool,
    reading: Box<Reading>,
}

/// The callers of an operation beside servers, which sign with the private token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// No other callers.
    Private,
    /// Browsers.
    Public,
    /// Browsers, where the workspace lets them merge users.
    PublicMerge,
}

impl Operation {
    /// The call of the engine for these parameters.
    pub(super) fn read(
        self,
        engine: &Engine,
        caller: Caller,
        parameters: &Parameters,
    ) -> Result<Call, Failure> {
        (self.reading)(Ids { engine, caller }, parameters)?.restrict_to(caller, engine)
    }

    pub(super) fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// An operation whose answer is a list of recommendations.
    pub(super) fn of_list(self) -> Self {
        Self { makes_list: true, ..self }
    }
}

/// An operation for servers only.
pub(super) fn operation(
    reading: impl FnOnce(Ids<'_>, &Parameters) -> Result<Call, Failure> + Send + 'static,
) -> Operation {
    Operation { access: Access::Private, makes_list: false, reading: Box::new(reading) }
}

/// A call of the engine.
pub(super) enum Call {
    /// A change, and what it answers with when it succeeds.
    Change(Box<Command>, OperationAnswer),
    /// A question, and whether its answer may be long or take long.
    Ask { question: Box<Question>, is_long: bool },
    /// A list of recommendations.
    Recommend(Box<ListCall>),
}

impl Call {
    /// Whether it waits for the disk, or is a question that takes a turn.
    pub(super) fn waits(&self, engine: &Engine) -> bool {
        match self {
            Self::Change(..) => true,
            Self::Ask { is_long, .. } => *is_long,
            Self::Recommend(recommend) => recommend.creates_missing(engine),
        }
    }

    /// Restricts the call to what its caller may do. Browsers create users only by interactions and
    /// merges, and no answer tells them which users exist.
    fn restrict_to(mut self, caller: Caller, engine: &Engine) -> Result<Self, Failure> {
        match &mut self {
            Self::Recommend(recommend) => recommend.restrict_to(caller)?,
            Self::Change(command, _) if caller == Caller::Public => match &mut **command {
                Command::AddInteraction { interaction, cascade_create } => {
                    let makes_items = std::mem::replace(cascade_create, true);
                    if !makes_items
                        && !engine.snapshot().has_entity(EntityKind::Item, &interaction.item_id)
                    {
                        return Err(Failure::not_found(format!(
                            "there is no item {:?}",
                            interaction.item_id
                        )));
                    }
                }
                Command::MergeUsers { cascade_create, .. } => *cascade_create = true,
                _ => {}
            },
            Self::Change(..) | Self::Ask { .. } => {}
        }
        Ok(self)
    }
}

/// A change that answers 200.
pub(super) fn change(command: Command) -> Result<Call, Failure> {
    Ok(Call::Change(Box::new(command), OperationAnswer::outcome(200, "ok")))
}

/// A change that makes something: 201.
pub(super) fn create(command: Command) -> Result<Call, Failure> {
    create_with(command, "ok".into())
}

/// A change that makes something and answers 201 with a body of its own.
pub(super) fn create_with(command: Command, body: Value) -> Result<Call, Failure> {
    Ok(Call::Change(Box::new(command), OperationAnswer::outcome(201, body)))
}

/// A question whose answer is small.
pub(super) fn query(
    question: impl FnOnce(&Engine) -> Answer + Send + 'static,
) -> Result<Call, Failure> {
    Ok(Call::Ask { question: Box::new(move |engine, _| question(engine)), is_long: false })
}

/// A question that may cost much.
pub(super) fn query_within(
    question: impl FnOnce(&Engine, &Arc<RequestBudget>) -> Answer + Send + 'static,
) -> Result<Call, Failure> {
    Ok(Call::Ask { question: Box::new(question), is_long: true })
}

/// The entry of a change.
pub(super) fn entry(command: Command, received_at: Timestamp) -> Entry {
    Entry::Command { received_at, command: Box::new(command) }
}

/// The answer to a change: `done` unless it was refused. Browsers do not learn what others have
/// done: an existing interaction counts as new, and a missing user is merged like one without a
/// history.
pub(super) fn answer_change(
    outcome: Option<Outcome>,
    done: OperationAnswer,
    caller: Caller,
) -> Result<OperationAnswer, Failure> {
    match outcome {
        Some(Outcome::Refused(Refusal::AlreadyExists(_) | Refusal::NotFound(_)))
            if caller == Caller::Public =>
        {
            Ok(done)
        }
        Some(Outcome::Refused(refusal)) => Err(refusal.into()),
        _ => Ok(done),
    }
}
