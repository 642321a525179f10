//! A mapping: a trigger, an action, and a directive for each field of the action.

use crate::action::{ActionSchema, ActionType, FieldIssue, Mode, check, engine_actions};
use crate::directive::{Budget, Expr, Problem, ResolveError, parse_fields};
use crate::engine::{Action, Inputs};
use crate::payload::{Payload, Scope};
use crate::place;
use crate::trigger::{Trigger, TriggerError};
use crate::value::{Object, Value};

/// The longest JSON of one mapping, in bytes.
pub const MAPPING_BYTES_MAX: usize = 64 << 10;
/// The longest name of a mapping, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// A rule that turns messages into actions.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Identifies the mapping in lists and errors.
    pub name: String,
    /// Whether messages are mapped by it.
    pub is_enabled: bool,
    /// Selects the messages that it maps.
    pub trigger: Trigger,
    /// What it makes of them.
    pub action: &'static ActionSchema,
    /// The same, where our own engine knows it.
    pub(crate) action_type: Option<ActionType>,
    /// The sources of the action's fields.
    fields: Expr,
    /// Their JSON.
    source: Value<'static>,
}

/// A mapping that matched a message and failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("mapping {mapping:?}: {what}")]
pub struct MappingError {
    /// The name of the mapping.
    pub mapping: String,
    /// The field that is missing or invalid; empty for mistakes outside of fields.
    pub field: String,
    /// The missing or invalid field and what is wrong with it; `message` in JSON.
    #[serde(rename = "message")]
    pub what: String,
    /// Its place in the message, as a JSON pointer: `/properties/products/0/price`. Where the field
    /// is missing, one of the places where it could be.
    pub place: String,
}

impl Mapping {
    /// Reads a mapping: an object with `name`, `trigger`, `action`, `fields`, and optionally
    /// `enabled` and `use_defaults`, which gives the fields that are absent the action's default
    /// directives. The names of the original, `subscribe`, `partnerAction` and `mapping`, stand for
    /// the trigger, the action and the fields.
    ///
    /// # Errors
    /// All mistakes, with their places.
    pub fn from_json(json: &str) -> Result<Self, Vec<Problem>> {
        Self::from_json_for(engine_actions(), json)
    }

    /// As [`Mapping::from_json`], for a destination that takes these actions.
    ///
    /// # Errors
    /// As [`Mapping::from_json`].
    pub fn from_json_for(
        actions: &'static [ActionSchema],
        json: &str,
    ) -> Result<Self, Vec<Problem>> {
        let alone = |what: String| {
            let (mapping, field, place) = Default::default();
            vec![Problem { mapping, field, place, what }]
        };
        if json.len() > MAPPING_BYTES_MAX {
            let bytes = json.len();
            return Err(alone(format!(
                "the mapping has {bytes} bytes, the limit is {MAPPING_BYTES_MAX}"
            )));
        }
        let value =
            Value::from_json(json).map_err(|error| alone(format!("the mapping is {error}")))?;
        Self::from_value(actions, value.into_owned())
    }

    pub(crate) fn from_value(
        actions: &'static [ActionSchema],
        value: Value<'static>,
    ) -> Result<Self, Vec<Problem>> {
        let draft = Draft::new(actions, value)?;
        let mut problems = draft.problems;
        let trigger = draft.trigger.map_err(|what| {
            problems.push(problem(&draft.name, "/trigger", what));
        });
        let fields = parse_fields(&draft.fields);
        if let Err(found) = &fields {
            problems.extend(found.iter().map(|found| {
                let place: String = found
                    .place
                    .iter()
                    .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                    .collect();
                let field = found.place.first().cloned().unwrap_or_default();
                let place = format!("/fields{place}");
                Problem { mapping: draft.name.clone(), field, place, what: found.what.clone() }
            }));
        }
        match (trigger, draft.action, fields) {
            (Ok(trigger), Some(action), Ok(fields)) if problems.is_empty() => Ok(Self {
                name: draft.name,
                is_enabled: draft.is_enabled,
                trigger,
                action,
                action_type: ActionType::from_name(&action.name),
                fields,
                source: draft.fields,
            }),
            _ => Err(problems),
        }
    }

    /// The JSON from which [`Mapping::from_json`] reads the same mapping.
    pub fn to_json(&self) -> String {
        let mut object = Object::new();
        object.set("name", Value::text(self.name.as_str()));
        if !self.is_enabled {
            object.set("enabled", Value::Bool(false));
        }
        object.set("trigger", Value::text(self.trigger.text()));
        object.set("action", Value::text(self.action.name.as_str()));
        object.set("fields", self.source.clone());
        Value::Object(object).to_json()
    }

    /// The JSON of the fields' directives.
    pub fn fields(&self) -> &Value<'static> {
        &self.source
    }

    /// Whether it can map messages of a type and event, and the trigger names the event.
    pub fn names_event(&self, type_: domain::MessageType, event: &str) -> bool {
        let reach = self.trigger.reach();
        let has_type = reach.types.as_ref().is_none_or(|types| types.contains(type_.word()));
        has_type && reach.events.as_ref().is_some_and(|events| events.contains(event))
    }

    /// Whether the trigger matches.
    pub(crate) fn takes(&self, payload: &Payload<'_>) -> Result<bool, MappingError> {
        let matches = if self.is_enabled { self.trigger.matches(payload) } else { Ok(false) };
        matches.map_err(|error: TriggerError| self.error("", String::new(), error.to_string()))
    }

    /// The directives of the fields; none if one directive gives all of them.
    pub(crate) fn directives(&self) -> &[(String, Expr)] {
        match &self.fields {
            Expr::Map(members) => members,
            _ => &[],
        }
    }

    /// The values of all fields for a message, before they are checked.
    ///
    /// # Errors
    /// If a directive fails.
    pub fn resolve<'a>(&self, payload: &Payload<'a>) -> Result<Value<'a>, MappingError> {
        let resolved = self.fields.resolve(Scope::Payload(payload), &mut Budget::default());
        let resolved = resolved.map(Value::without_undefined);
        resolved.map_err(|error| self.resolve_error(payload, error))
    }

    /// The value of one field; `undefined` if its directive fails.
    pub(crate) fn resolve_field<'a>(&self, expr: &Expr, payload: &Payload<'a>) -> Value<'a> {
        let resolved = expr.resolve(Scope::Payload(payload), &mut Budget::default());
        resolved.map_or(Value::Undefined, Value::without_undefined)
    }

    fn resolve_error(&self, payload: &Payload<'_>, error: ResolveError) -> MappingError {
        let field = error.place.split('/').nth(1).unwrap_or_default().to_owned();
        let what = format!("{field} {}", error.what).trim_start().to_owned();
        let place = place::find(self.directives(), payload, &field, None);
        self.error(&field, place, what)
    }

    fn error(&self, field: &str, place: String, what: String) -> MappingError {
        MappingError { mapping: self.name.clone(), field: field.to_owned(), what, place }
    }

    /// The actions that our own engine takes from a message that the trigger matches.
    pub(crate) fn build(&self, payload: &Payload<'_>) -> Result<Vec<Action>, MappingError> {
        // Only what the engine reads is resolved.
        let mut budget = Budget::default();
        let scope = Scope::Payload(payload);
        let resolved = match &self.fields {
            Expr::Map(members) => members
                .iter()
                .filter(|(name, _)| !NOT_OF_ENGINE.contains(&name.as_str()))
                .map(|(name, expr)| match expr.resolve(scope, &mut budget) {
                    Ok(value) => Ok((name.as_str().into(), value)),
                    Err(error) => Err(ResolveError { place: format!("/{name}"), ..error }),
                })
                .collect::<Result<Object<'_>, _>>(),
            expr => expr.resolve(scope, &mut budget).map(|value| match value {
                Value::Object(object) => object,
                _ => Object::new(),
            }),
        };
        let fields = resolved.map_err(|error| self.resolve_error(payload, error))?;
        let inputs = Inputs { fields: &fields, directives: self.directives() };
        let Some(action) = self.action_type else { return Ok(Vec::new()) };
        action.build(&inputs).map_err(|error| {
            let place = place::find(self.directives(), payload, &error.field, error.line);
            self.error(&error.field, place, error.to_string())
        })
    }

    /// The checked fields, of a message that the trigger matches, for a destination.
    ///
    /// # Errors
    /// If a directive fails, or fields are missing or of a wrong type: one error for each.
    pub fn check<'a>(
        &self,
        payload: &Payload<'a>,
        mode: Mode,
    ) -> Result<Object<'a>, Vec<MappingError>> {
        let resolved = self.resolve(payload).map_err(|error| vec![error])?;
        let checked = check(self.action, resolved, mode);
        checked
            .map_err(|issues| issues.iter().map(|issue| self.issue_error(payload, issue)).collect())
    }

    /// The error of fields of which a destination makes no request.
    pub fn payload_error(&self, payload: &Payload<'_>, field: &str, what: String) -> MappingError {
        let place = place::find(self.directives(), payload, field, None);
        self.error(field, place, what)
    }

    fn issue_error(&self, payload: &Payload<'_>, issue: &FieldIssue) -> MappingError {
        // `items`, `items.0`, `item.itemId` or `items.0.itemId`.
        let inner = issue.place.iter().skip(1);
        let name = inner.clone().find(|step| step.parse::<usize>().is_err());
        let line = inner.clone().find_map(|step| step.parse().ok()).filter(|_| name.is_some());
        let name = name.map_or(issue.field(), String::as_str);
        let place = place::find(self.directives(), payload, name, line);
        self.error(issue.field(), place, issue.to_string())
    }
}

/// Fields that our own engine does not keep.
const NOT_OF_ENGINE: [&str; 2] = ["internalAdditionalData", "additionalData"];

/// The parts of a mapping, before its fields are read.
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) is_enabled: bool,
    pub(crate) trigger: Result<Trigger, String>,
    pub(crate) action: Option<&'static ActionSchema>,
    pub(crate) fields: Value<'static>,
    pub(crate) problems: Vec<Problem>,
}

/// The keys of a mapping, with the names that the original has for them.
const KEYS: [(&str, &str); 7] = [
    ("name", ""),
    ("enabled", ""),
    ("trigger", "subscribe"),
    ("action", "partnerAction"),
    ("fields", "mapping"),
    ("use_defaults", ""),
    // Whether the original made it by itself. It says nothing here.
    ("", "type"),
];

impl Draft {
    pub(crate) fn new(
        actions: &'static [ActionSchema],
        value: Value<'static>,
    ) -> Result<Self, Vec<Problem>> {
        let found = value.type_name();
        let Value::Object(object) = value else {
            return Err(vec![problem(
                "",
                "",
                format!("the mapping should be an object but is {found}"),
            )]);
        };
        let get = |key: &str| {
            let other = KEYS.iter().find(|(name, _)| *name == key).map(|(_, other)| *other);
            object.get(key).or_else(|| object.get(other.filter(|other| !other.is_empty())?))
        };
        let text = |key: &str| get(key).and_then(Value::as_text).map(|text| text.into_owned());
        let name = text("name").unwrap_or_default();
        let mut problems = check_keys(&object, &name);
        if name.len() > NAME_BYTES_MAX {
            let what = format!("has {} bytes, the limit is {NAME_BYTES_MAX}", name.len());
            problems.push(problem(&name, "/name", what));
        }
        let flag = |key: &str, default| match get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(problem(&name, &format!("/{key}"), "should be true or false".into())),
        };
        let flags = (flag("enabled", true), flag("use_defaults", false));
        let is_enabled = flags.0.unwrap_or_else(|found| {
            problems.push(found);
            true
        });
        let use_defaults = flags.1.unwrap_or_else(|found| {
            problems.push(found);
            false
        });
        let trigger = match text("trigger") {
            Some(text) => Trigger::new(&text),
            None => Err(TriggerError::Missing),
        };
        let action = text("action");
        let known = actions.iter().find(|known| Some(known.name.as_str()) == action.as_deref());
        if known.is_none() {
            problems.push(problem(&name, "/action", unknown_action(actions, action.as_deref())));
        }
        let fields = match (get("fields"), known) {
            (fields @ (None | Some(Value::Object(_))), Some(action)) if use_defaults => {
                with_defaults(action, fields.and_then(Value::as_object))
            }
            (Some(fields @ Value::Object(_)), _) => fields.clone(),
            (fields, _) => {
                let found = fields.map_or("absent", Value::type_name);
                let what = format!("should be an object of fields but it is {found}");
                problems.push(problem(&name, "/fields", what));
                Value::Object(Object::new())
            }
        };
        let trigger = trigger.map_err(|error| error.to_string());
        Ok(Self { name, is_enabled, trigger, action: known, fields, problems })
    }
}

fn with_defaults(action: &ActionSchema, own: Option<&Object<'static>>) -> Value<'static> {
    let mut fields = action.defaults();
    for (key, value) in own.into_iter().flat_map(Object::iter) {
        fields.set(key.to_owned(), value.clone());
    }
    Value::Object(fields)
}

fn check_keys(object: &Object<'static>, name: &str) -> Vec<Problem> {
    let is_one = |key: &str, name: &str| !name.is_empty() && key == name;
    let known = |key: &str| KEYS.iter().any(|(own, other)| is_one(key, own) || is_one(key, other));
    let unknown = object.iter().map(|(key, _)| key).filter(|key| !known(key));
    let words = KEYS.map(|(own, _)| own).into_iter().filter(|own| !own.is_empty());
    let words = words.collect::<Vec<_>>().join(", ");
    unknown
        .map(|key| problem(name, &format!("/{key}"), format!("is no key of a mapping ({words})")))
        .collect()
}

fn unknown_action(actions: &[ActionSchema], name: Option<&str>) -> String {
    let known = actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>().join(", ");
    match name {
        Some(name) => format!("should be one of {known} but it is {name:?}"),
        None => format!("should be one of {known}"),
    }
}

fn problem(mapping: &str, place: &str, what: String) -> Problem {
    let (mapping, place) = (mapping.to_owned(), place.to_owned());
    Problem { mapping, field: String::new(), place, what }
}
