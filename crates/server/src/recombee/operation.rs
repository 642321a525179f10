//! Which operation a method and a path name, and what it asks of the engine.

use std::sync::Arc;

use domain::WorkspaceConfig;
use engine::{Command, Engine, EntityKind, RequestBudget};
use serde_json::{Value, json};

use super::answer::Body;
use super::failure::Failure;
use super::parameters::{Ids, Parameters, percent_decoded};
use super::recommendations::{self, Recommend};
use super::signature::Caller;
use super::{collections, entities, interactions, segmentations, synonyms};

/// A method, a path without the database's name, and parameters: alone or in a batch.
pub(super) struct Request {
    pub(super) method: String,
    /// Decoded, without empty ones.
    pub(super) parts: Vec<String>,
    /// Whether the path ends with a slash: `/items/list/` is the list, `/items/list` an item.
    has_slash: bool,
    pub(super) parameters: Parameters,
}

/// What an operation answers with when it succeeds.
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) body: Body,
}

type Answer = Result<Done, Failure>;

/// A question within the budget of a request.
type Question = dyn FnOnce(&Engine, &Arc<RequestBudget>) -> Answer + Send;

/// What an operation asks of the engine.
pub(super) enum Call {
    /// A change, and what it answers with when it succeeds.
    Change(Box<Command>, Done),
    /// A question, and whether its answer may be long or take long.
    Ask { question: Box<Question>, is_long: bool },
    /// A list of recommendations.
    Recommend(Box<Recommend>),
}

impl Call {
    /// What the call is for a caller: browsers make users by interactions and merges, and only so, and nobody tells them who is there.
    pub(super) fn called_by(mut self, caller: Caller, engine: &Engine) -> Result<Self, Failure> {
        match &mut self {
            Self::Recommend(recommend) => recommend.called_by(caller)?,
            Self::Change(command, _) if caller == Caller::Public => match &mut **command {
                Command::AddInteraction { interaction, cascade_create } => {
                    let makes_items = std::mem::replace(cascade_create, true);
                    if !makes_items && !engine.snapshot().has_entity(EntityKind::Item, &interaction.item_id) {
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

impl Done {
    /// 200 with a body.
    pub(super) fn ok(body: impl Into<Value>) -> Self {
        Self { status: 200, body: Body::Whole(body.into()) }
    }

    /// What says that something was done.
    fn outcome(status: u16, body: impl Into<Value>) -> Self {
        Self { status, body: Body::Outcome(body.into()) }
    }
}

/// A change that answers 200.
pub(super) fn change(command: Command) -> Result<Call, Failure> {
    Ok(Call::Change(Box::new(command), Done::outcome(200, "ok")))
}

/// A change that makes something: 201.
pub(super) fn create(command: Command) -> Result<Call, Failure> {
    create_with(command, "ok".into())
}

/// A change that makes something and answers 201 with a body of its own.
pub(super) fn create_with(command: Command, body: Value) -> Result<Call, Failure> {
    Ok(Call::Change(Box::new(command), Done::outcome(201, body)))
}

/// A question whose answer is small.
pub(super) fn ask(question: impl FnOnce(&Engine) -> Answer + Send + 'static) -> Result<Call, Failure> {
    Ok(Call::Ask { question: Box::new(move |engine, _| question(engine)), is_long: false })
}

/// A question that may cost much.
pub(super) fn ask_within(
    question: impl FnOnce(&Engine, &Arc<RequestBudget>) -> Answer + Send + 'static,
) -> Result<Call, Failure> {
    Ok(Call::Ask { question: Box::new(question), is_long: true })
}

impl Request {
    /// `path` is what follows the database's name; its query, if any, is among the parameters already. Batches may write methods in small
    /// letters, and what answers GET answers HEAD.
    pub(super) fn new(method: &str, path: &str, parameters: Parameters) -> Result<Self, Failure> {
        let decoded = |part: &str| {
            percent_decoded(part, false)
                .ok_or_else(|| Failure::invalid(format!("the path part {part:?} is not URL-encoded UTF-8")))
        };
        let parts = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect::<Result<_, _>>()?;
        let method = match method.to_ascii_uppercase().as_str() {
            "HEAD" => "GET".to_owned(),
            other => other.to_owned(),
        };
        Ok(Self { method, parts, has_slash: path.ends_with('/'), parameters })
    }

    /// What the operation asks of the engine; none where no operation has this method and path.
    pub(super) fn call(&self, ids: Ids<'_>) -> Option<Result<Call, Failure>> {
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let (method, parts) = (self.method.as_str(), parts.as_slice());
        None.or_else(|| entities::call(ids, method, parts, self.has_slash, &self.parameters))
            .or_else(|| collections::call(ids, method, parts, self.has_slash, &self.parameters))
            .or_else(|| interactions::call(ids, method, parts, self.has_slash, &self.parameters))
            .or_else(|| recommendations::call(ids, method, parts, &self.parameters))
            .or_else(|| segmentations::call(method, parts, self.has_slash, &self.parameters))
            .or_else(|| synonyms::call(method, parts, &self.parameters))
            .or_else(|| match (method, parts) {
                ("GET", ["scenarios"]) => Some(ask(|engine| {
                    let all = engine.scenarios().into_iter();
                    let named =
                        all.map(|scenario| json!({ "id": scenario.name, "endpoint": scenario.endpoint }));
                    Ok(Done::ok(named.collect::<Vec<Value>>()))
                })),
                ("DELETE", []) => Some(ask(|engine| {
                    engine.reset()?;
                    Ok(Done::outcome(200, "ok"))
                })),
                _ => None,
            })
    }

    /// Whether the path has these parts.
    pub(super) fn is_at(&self, parts: &[&str]) -> bool {
        self.parts == parts
    }

    /// Refuses what browsers may not call.
    pub(super) fn check_public(&self, config: &WorkspaceConfig) -> Result<(), Failure> {
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let is_public = match (self.method.as_str(), parts.as_slice()) {
            ("POST", [kind]) => interactions::kind_of(kind).is_some() || *kind == "batch",
            ("POST" | "GET", ["recomms", target, ..]) => {
                !matches!(parts.as_slice(), [.., "users"]) || *target == "next"
            }
            ("POST" | "GET", ["search", "users", _, _]) => true,
            ("PUT" | "POST", ["users", _, "merge", _]) if !config.public_merge_users => {
                return Err(Failure::forbidden(
                    "a public token may not merge users: sign with the private token, or set public_merge_users for the workspace",
                ));
            }
            ("PUT" | "POST", ["users", _, "merge", _]) => true,
            _ => false,
        };
        if is_public {
            return Ok(());
        }
        Err(Failure::forbidden("a public token may not do this: sign with the private token"))
    }
}
