//! What a source has sent: its events with their properties, and how they violate its plan.

use domain::{MessageType, Timestamp, ValueType, ViolationKind};
use engine::{Engine, SeenEvent, SeenProperty, ViolationCount};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::sources::find;

/// The schema of a source.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceSchema {
    /// Events by type and name. Rejected messages and duplicates do not count.
    pub events: Vec<SourceEvent>,
}

/// An event of a source, or all its messages of a type that has no events.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceEvent {
    /// The type of the messages.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// The event of track messages; `(others)` for all beyond the limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The number of messages.
    pub count: u64,
    /// When the first one arrived.
    pub first_at: Timestamp,
    /// When the latest one arrived.
    pub last_at: Timestamp,
    /// Its properties or traits by name.
    pub properties: Vec<SourceProperty>,
    /// The number of values of properties beyond the limits.
    pub other_values: u64,
}

/// A property or a trait of an event.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceProperty {
    /// Its name.
    pub name: String,
    /// The types of its values.
    pub types: Vec<ValueType>,
    /// The number of messages with it.
    pub count: u64,
    /// When the first of them arrived.
    pub first_at: Timestamp,
    /// When the latest of them arrived.
    pub last_at: Timestamp,
    /// A value as JSON text; none where all were long, or a person was deleted since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
}

/// How messages of a source violated its tracking plan.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceViolations {
    /// The most frequent first.
    pub violations: Vec<SourceViolation>,
}

/// How often messages violated a plan in one way.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SourceViolation {
    /// The type of the messages.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// The event of track messages; `(others)` for all beyond the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The property or trait; none where the event itself is the violation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Which rule of the plan is violated.
    pub kind: ViolationKind,
    /// The number of messages, whatever became of them.
    pub count: u64,
    /// When the first one arrived.
    pub first_at: Timestamp,
    /// When the latest one arrived.
    pub last_at: Timestamp,
    /// A value as JSON text, where a short one was not taken out of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
}

impl SourceEvent {
    fn new((event, properties): (SeenEvent, Vec<SeenProperty>)) -> Self {
        Self {
            type_: event.type_,
            event: event.event,
            count: event.count,
            first_at: event.first_at,
            last_at: event.last_at,
            properties: properties.into_iter().map(SourceProperty::new).collect(),
            other_values: event.other_values,
        }
    }
}

impl SourceProperty {
    fn new(property: SeenProperty) -> Self {
        Self {
            types: property.types(),
            name: property.name,
            count: property.count,
            first_at: property.first_at,
            last_at: property.last_at,
            sample: property.sample,
        }
    }
}

impl SourceViolation {
    fn new(row: ViolationCount) -> Self {
        let ViolationCount { type_, event, property, kind, count, .. } = row;
        let (first_at, last_at, sample) = (row.first_at, row.last_at, row.sample);
        Self { type_, event, property, kind, count, first_at, last_at, sample }
    }
}

/// The events and properties that a source has sent.
///
/// # Errors
/// 404 where there is no source of the name.
pub async fn read(workspace: &RequestedWorkspace, name: String) -> Result<SourceSchema, ApiError> {
    let read = move |engine: &Engine| {
        find(&engine.config(), &name)?;
        let events = engine.snapshot().source_schemas.of_source(&name);
        Ok(SourceSchema { events: events.into_iter().map(SourceEvent::new).collect() })
    };
    workspace.run(read).await
}

/// The violations of the tracking plan of a source, of this and of earlier plans.
///
/// # Errors
/// 404 where there is no source of the name.
pub async fn violations(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<SourceViolations, ApiError> {
    let read = move |engine: &Engine| {
        find(&engine.config(), &name)?;
        let rows = engine.snapshot().violations.of_source(&name);
        Ok(SourceViolations { violations: rows.into_iter().map(SourceViolation::new).collect() })
    };
    workspace.run(read).await
}
