//! A tracking plan: which events and properties a source may send, and what becomes of others.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::message::MessageType;
use crate::value_type::ValueType;

/// The most events of a plan, and the most names of each of its lists of blocked ones.
pub const PLANNED_EVENTS_MAX: usize = 1_000;
/// The most properties of an event, and the most traits.
pub const PLANNED_PROPERTIES_PER_EVENT_MAX: usize = 256;
/// The most properties and traits of a plan.
pub const PLANNED_PROPERTIES_MAX: usize = 10_000;
/// The longest name of an event or property in a plan, in bytes.
pub const PLANNED_NAME_BYTES_MAX: usize = 200;
/// The most patterns of a plan.
pub const PATTERNS_MAX: usize = 100;
/// The longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 500;
/// The most memory of a compiled pattern, in bytes, and again as much to match with.
pub const PATTERN_COMPILED_BYTES_MAX: usize = 65_536;

/// A tracking plan. What it does not name is allowed, unless a control says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackingPlan {
    /// The events of track messages. None is unplanned while this is empty, unless unplanned ones
    /// are blocked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<PlannedEvent>,
    /// Traits of identify messages; none for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identify: Option<Vec<PlannedProperty>>,
    /// Traits of group messages; none for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Vec<PlannedProperty>>,
    /// Properties of page messages; none for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<Vec<PlannedProperty>>,
    /// Properties of screen messages; none for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen: Option<Vec<PlannedProperty>>,
    /// What becomes of events that the plan does not have.
    pub unplanned_events: EventControl,
    /// What becomes of properties and traits that the plan does not have, where it has the event.
    pub unplanned_properties: PropertyControl,
    /// What becomes of values of a wrong type or pattern. `block` refuses messages without a
    /// required property as well.
    pub violations: PropertyControl,
    /// Events that are refused, planned or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_events: Vec<String>,
    /// Properties and traits that are taken out of every message, planned or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked_properties: Vec<String>,
}

/// An event of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedEvent {
    /// The name of the event, case and spaces included.
    pub name: String,
    /// Its properties.
    #[serde(default)]
    pub properties: Vec<PlannedProperty>,
}

/// A property or a trait of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedProperty {
    /// Its name. Members of objects are not planned.
    pub name: String,
    /// Whether a message without it violates the plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The types of its values; any where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<PlannedType>,
    /// A regular expression that texts, numbers and booleans must match somewhere: `^(EUR|USD)$`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A type in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlannedType {
    /// Any value.
    Any,
    /// A list.
    Array,
    /// An object.
    Object,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// Any text.
    String,
    /// `null`.
    Null,
    /// A text in the form of ISO 8601.
    DateTime,
}

/// What becomes of events that are not planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventControl {
    /// They are taken and counted.
    #[default]
    Allow,
    /// Their messages are refused.
    Block,
}

/// What becomes of properties that are not planned, or whose values are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PropertyControl {
    /// They are taken and counted.
    #[default]
    Allow,
    /// The message is taken without them.
    Omit,
    /// The message is refused.
    Block,
}

impl PlannedType {
    /// Whether values of a type fit.
    pub fn takes(self, type_: ValueType) -> bool {
        match self {
            Self::Any => true,
            Self::Array => type_ == ValueType::Array,
            Self::Object => type_ == ValueType::Object,
            Self::Boolean => type_ == ValueType::Boolean,
            Self::Integer => type_ == ValueType::Integer,
            Self::Number => matches!(type_, ValueType::Integer | ValueType::Number),
            Self::String => matches!(type_, ValueType::String | ValueType::DateTime),
            Self::Null => type_ == ValueType::Null,
            Self::DateTime => type_ == ValueType::DateTime,
        }
    }

    /// The word in plans.
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Array => "array",
            Self::Object => "object",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Null => "null",
            Self::DateTime => "date-time",
        }
    }
}

impl TrackingPlan {
    /// The lists of properties and traits for messages that are no events.
    pub fn lists_by_type(&self) -> [(MessageType, Option<&[PlannedProperty]>); 4] {
        [
            (MessageType::Identify, self.identify.as_deref()),
            (MessageType::Group, self.group.as_deref()),
            (MessageType::Page, self.page.as_deref()),
            (MessageType::Screen, self.screen.as_deref()),
        ]
    }

    /// Checks names, bounds and patterns.
    ///
    /// # Errors
    /// Names the place of the first mistake: `events.3.properties.0.pattern: ...`.
    pub fn validate(&self) -> Result<(), String> {
        let lists = [
            ("blocked_events", &self.blocked_events),
            ("blocked_properties", &self.blocked_properties),
        ];
        check_count("events", self.events.len(), PLANNED_EVENTS_MAX)?;
        for (place, list) in lists {
            check_count(place, list.len(), PLANNED_EVENTS_MAX)?;
            check_names(place, "", list.iter().map(String::as_str))?;
        }
        check_names("events", ".name", self.events.iter().map(|event| event.name.as_str()))?;
        let of_events = self.events.iter().enumerate();
        let of_events =
            of_events.map(|(n, event)| (format!("events.{n}.properties"), &event.properties[..]));
        let others = self.lists_by_type().into_iter();
        let others = others.filter_map(|(type_, list)| Some((type_.word().to_owned(), list?)));
        let (mut n_properties, mut n_patterns) = (0, 0);
        for (place, properties) in of_events.chain(others) {
            check_properties(&place, properties)?;
            n_properties += properties.len();
            n_patterns += properties.iter().filter(|property| property.pattern.is_some()).count();
        }
        if n_properties > PLANNED_PROPERTIES_MAX {
            return Err(format!(
                "events has {n_properties} properties in all, the limit is {PLANNED_PROPERTIES_MAX}"
            ));
        }
        if n_patterns > PATTERNS_MAX {
            return Err(format!("events has {n_patterns} patterns, the limit is {PATTERNS_MAX}"));
        }
        Ok(())
    }
}

fn check_properties(place: &str, properties: &[PlannedProperty]) -> Result<(), String> {
    check_count(place, properties.len(), PLANNED_PROPERTIES_PER_EVENT_MAX)?;
    check_names(place, ".name", properties.iter().map(|property| property.name.as_str()))?;
    for (n, property) in properties.iter().enumerate() {
        let Some(pattern) = &property.pattern else { continue };
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(format!(
                "{place}.{n}.pattern has {} bytes, the limit is {PATTERN_BYTES_MAX}",
                pattern.len()
            ));
        }
        compile_pattern(pattern).map_err(|what| format!("{place}.{n}.pattern: {what}"))?;
    }
    Ok(())
}

fn check_count(place: &str, n: usize, n_max: usize) -> Result<(), String> {
    if n > n_max {
        return Err(format!("{place} has {n} entries, the limit is {n_max}"));
    }
    Ok(())
}

fn check_names<'a>(
    place: &str,
    key: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (n, name) in names.enumerate() {
        if name.is_empty() || name.len() > PLANNED_NAME_BYTES_MAX {
            return Err(format!("{place}.{n}{key} must be 1 to {PLANNED_NAME_BYTES_MAX} bytes"));
        }
        if !seen.insert(name) {
            return Err(format!("{place}.{n}{key} is {name:?}, which stands there twice"));
        }
    }
    Ok(())
}

/// Compiles a pattern of a plan.
///
/// # Errors
/// Says what is wrong with it, or that it is too large.
pub fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern)
        .size_limit(PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(PATTERN_COMPILED_BYTES_MAX)
        .build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large: write classes out, such as [A-Za-z0-9_] for \\w, and repeat less often".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}
