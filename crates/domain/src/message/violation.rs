//! Violations of tracking plans by messages.

use serde::{Deserialize, Serialize};

/// The longest sample of a value, in bytes.
pub const SAMPLE_BYTES_MAX: usize = 100;

/// How a message violates a plan. The order of the variants is their code on disk.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// The event is blocked.
    BlockedEvent,
    /// The property is blocked: it was taken out.
    BlockedProperty,
    /// The plan does not have the event.
    UnplannedEvent,
    /// The plan does not have the property.
    UnplannedProperty,
    /// A required property is missing.
    MissingProperty,
    /// The value has none of the types.
    WrongType,
    /// The value does not match the pattern.
    WrongPattern,
}

impl ViolationKind {
    /// The kind as words for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::BlockedEvent => "blocked event",
            Self::BlockedProperty => "blocked property",
            Self::UnplannedEvent => "unplanned event",
            Self::UnplannedProperty => "unplanned property",
            Self::MissingProperty => "required property is missing",
            Self::WrongType => "value of a wrong type",
            Self::WrongPattern => "value that does not match",
        }
    }
}

/// One violation of a plan by a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which rule of the plan is violated.
    pub kind: ViolationKind,
    /// The event of a track message.
    pub event: Option<String>,
    /// The property or trait; none where the event itself is the violation.
    pub property: Option<String>,
    /// The JSON text of the value, where it is not longer than [`SAMPLE_BYTES_MAX`] and was not
    /// taken out of the message.
    pub sample: Option<String>,
}
