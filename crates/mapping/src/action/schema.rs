//! The fields of actions, read from their files.

use crate::value::{Object, Value};

/// An action with its fields.
#[derive(Debug, Clone)]
pub struct ActionSchema {
    /// The name in mappings: `addDetailView`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// What it does.
    pub about: String,
    /// The trigger that a new mapping is given; absent where there is no usual one.
    pub trigger: Option<String>,
    /// The fields by name, in order.
    pub fields: Vec<(String, FieldSchema)>,
}

/// A field of an action.
#[derive(Debug, Clone)]
pub struct FieldSchema {
    /// The name for people.
    pub label: String,
    /// What it is, with its unit.
    pub about: String,
    /// The type of its value, or of each value of a list.
    pub type_: FieldType,
    /// Whether it is a list of values.
    pub is_multiple: bool,
    /// Whether a message without it is refused.
    pub is_required: bool,
    /// Whether people do not see it.
    pub is_hidden: bool,
    /// The largest number that is accepted.
    pub maximum: Option<f64>,
    /// The fields of an object; none if it may have any.
    pub properties: Option<Vec<(String, FieldSchema)>>,
    /// The directive that a new mapping is given.
    pub default: Option<Value<'static>>,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A text with a date, or a number of seconds or milliseconds since 1970.
    Datetime,
    /// An object.
    Object,
}

impl FieldType {
    /// The word in files and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Datetime => "datetime",
            Self::Object => "object",
        }
    }

    /// Whether a text is one of its values.
    pub(super) fn takes_text(self) -> bool {
        matches!(self, Self::String | Self::Datetime)
    }
}

impl ActionSchema {
    /// Reads the file of an action.
    ///
    /// # Panics
    /// If it is no action: the files are part of the program.
    pub fn from_file(json: &'static str) -> Self {
        let value = Value::from_json(json).expect("the files of actions are JSON").into_owned();
        let object = value.as_object().expect("an action is an object");
        Self {
            name: text(object, "name"),
            title: text(object, "title"),
            about: text(object, "about"),
            trigger: object.get("trigger").map(|trigger| trigger.print().into_owned()),
            fields: fields(object.get("fields").expect("an action has fields")),
        }
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&FieldSchema> {
        find(&self.fields, name)
    }

    /// The default directives of all fields.
    pub fn defaults(&self) -> Object<'static> {
        let defaults = self
            .fields
            .iter()
            .filter_map(|(name, field)| Some((name.clone().into(), field.default.clone()?)));
        defaults.collect()
    }
}

pub(super) fn find<'f>(fields: &'f [(String, FieldSchema)], name: &str) -> Option<&'f FieldSchema> {
    fields.iter().find(|(other, _)| other == name).map(|(_, field)| field)
}

fn fields(value: &Value<'static>) -> Vec<(String, FieldSchema)> {
    let object = value.as_object().expect("fields are an object");
    object.iter().map(|(name, field)| (name.to_owned(), read(field))).collect()
}

fn read(value: &Value<'static>) -> FieldSchema {
    let object = value.as_object().expect("a field is an object");
    let flag = |key| object.get(key).is_some_and(Value::is_truthy);
    let word = text(object, "type");
    let types = [
        FieldType::String,
        FieldType::Number,
        FieldType::Integer,
        FieldType::Datetime,
        FieldType::Object,
    ];
    FieldSchema {
        label: text(object, "label"),
        about: text(object, "about"),
        type_: types.into_iter().find(|type_| type_.word() == word).expect("a known type"),
        is_multiple: flag("multiple"),
        is_required: flag("required"),
        is_hidden: flag("hidden"),
        maximum: object.get("maximum").and_then(Value::as_number),
        properties: object.get("properties").map(fields),
        default: object.get("default").cloned(),
    }
}

fn text(object: &Object<'static>, key: &str) -> String {
    object.get(key).map(|value| value.print().into_owned()).unwrap_or_default()
}
