//! Explains a message for people: which mappings take it, what each field resolves to, from where,
//! and what is wrong.

use domain::Message;
use serde::Serialize;

use crate::action::Mode;
use crate::directive::{Expr, parse_fields};
use crate::engine::Action;
use crate::mapping::{Mapping, MappingError};
use crate::mappings::Mappings;
use crate::payload::Payload;
use crate::value::Value;

/// What a mapping makes of a message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The name of the mapping.
    pub mapping: String,
    /// The name of its action.
    pub action: &'static str,
    /// Its trigger.
    pub trigger: String,
    /// Whether the trigger matches. If not, the message is not looked at further.
    pub fires: bool,
    /// The fields in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldExplanation>,
    /// The payload for a destination; absent if something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value<'static>>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<MappingError>,
}

/// The value of a field, and from where it came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldExplanation {
    /// The name of the field.
    pub field: String,
    /// Its value; absent if there is none.
    #[serde(skip_serializing_if = "Value::is_undefined")]
    pub value: Value<'static>,
    /// The places in the message that its directive looks at, in their order.
    pub from: Vec<FieldSource>,
    /// The directive in words: `$.properties.product_id, else $.properties.sku`.
    pub directive: String,
}

/// A place in the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldSource {
    /// The path as it is written in the directive.
    pub path: String,
    /// The same as a JSON pointer.
    pub place: String,
    /// Whether the message has a value there that is not null.
    pub is_there: bool,
}

/// Explains what each mapping makes of a message, those that do not take it too.
pub fn explain(mappings: &Mappings, payload: &Payload<'_>) -> Vec<Explanation> {
    let matching = mappings.matching(payload);
    let explain = |mapping: &Mapping| {
        let found = matching.iter().find(|(other, _)| other.name == mapping.name);
        explain_mapping(mapping, payload, found.map(|(_, matched)| matched))
    };
    mappings.iter().map(explain).collect()
}

/// Explains what each mapping makes of an accepted message for our own engine, whose rules for
/// values are its own: the actions stand in place of a payload.
pub fn explain_for_engine(
    mappings: &Mappings,
    message: &Message,
) -> Vec<(Explanation, Vec<Action>)> {
    let payload = Payload::of_message(message);
    let matching = mappings.matching(&payload);
    let explain = |mapping: &Mapping| {
        let found = matching.iter().find(|(other, _)| other.name == mapping.name);
        let mut explanation = Explanation::new(mapping);
        let made = match found.map(|(_, matched)| matched) {
            None => return (explanation, Vec::new()),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(())) => {
                explanation.fires = true;
                explanation.fields = explain_fields(mapping, &payload);
                mapping.build(&payload)
            }
        };
        let actions = made.unwrap_or_else(|error| {
            explanation.errors.push(error);
            Vec::new()
        });
        (explanation, actions)
    };
    mappings.iter().map(explain).collect()
}

/// A directive of a field in words: `$.properties.product_id, else $.properties.sku`; none where
/// the text is no directive.
pub fn directive_in_words(json: &str) -> Option<String> {
    let directive = Value::from_json(json).ok()?.into_owned();
    let fields = [("field".into(), directive)].into_iter().collect();
    match parse_fields(&Value::Object(fields)).ok()? {
        Expr::Map(members) => members.first().map(|(_, directive)| directive.to_string()),
        _ => None,
    }
}

impl Explanation {
    /// Of a mapping that does not take the message.
    fn new(mapping: &Mapping) -> Self {
        Self {
            mapping: mapping.name.clone(),
            action: &mapping.action.name,
            trigger: mapping.trigger.text().to_owned(),
            fires: false,
            fields: Vec::new(),
            payload: None,
            errors: Vec::new(),
        }
    }
}

fn explain_mapping(
    mapping: &Mapping,
    payload: &Payload<'_>,
    matched: Option<&Result<(), MappingError>>,
) -> Explanation {
    let mut explanation = Explanation::new(mapping);
    explanation.fires = matched.is_some_and(Result::is_ok);
    match matched {
        None => {}
        Some(Err(error)) => explanation.errors.push(error.clone()),
        Some(Ok(())) => {
            explanation.fields = explain_fields(mapping, payload);
            match mapping.check(payload, Mode::Single) {
                Ok(checked) => explanation.payload = Some(Value::Object(checked).into_owned()),
                Err(errors) => explanation.errors = errors,
            }
        }
    }
    explanation
}

fn explain_fields(mapping: &Mapping, payload: &Payload<'_>) -> Vec<FieldExplanation> {
    let fields = mapping.directives().iter().map(|(field, expr)| {
        let from = expr.paths().into_iter().map(|path| FieldSource {
            path: path.text().to_owned(),
            place: path.pointer(),
            is_there: !payload.get(path).is_nullish(),
        });
        FieldExplanation {
            field: field.clone(),
            value: mapping.resolve_field(expr, payload).into_owned(),
            from: from.collect(),
            directive: expr.to_string(),
        }
    });
    fields.collect()
}
