//! Events that no mapping takes, and the presets that come nearest.

use domain::{MessageType, Timestamp};
use engine::UnmatchedEvent;
use serde::Serialize;
use serde_json::value::RawValue;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// The events of a workspace that have no effect on recommendations.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Events {
    /// The most frequent first.
    pub not_taken: Vec<EventNotTaken>,
}

/// An event that no mapping takes.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EventNotTaken {
    /// The type of its messages.
    #[serde(rename = "type")]
    pub type_: MessageType,
    /// Its name.
    pub event: String,
    /// The number of messages.
    pub count: u64,
    /// When the first message arrived.
    pub first_at: Timestamp,
    /// When the latest message arrived.
    pub last_at: Timestamp,
    /// Null where no preset comes near.
    pub would_be_taken_by: Option<NearPreset>,
}

/// A preset that takes a similar event.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct NearPreset {
    /// Its name.
    pub preset: &'static str,
    /// The number of the first set of presets that has it.
    pub presets: u32,
    /// A message that it takes.
    #[schema(value_type = Option<Object>)]
    pub example: Option<&'static RawValue>,
}

impl NearPreset {
    /// The preset that a suggestion names.
    pub fn new(suggestion: mapping::Suggestion) -> Self {
        Self {
            preset: suggestion.preset,
            presets: suggestion.set,
            example: serde_json::from_str(suggestion.example).ok(),
        }
    }
}

/// The events that no mapping takes.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Events, ApiError> {
    let events = workspace.ask(|engine| Ok(engine.snapshot().unmatched_events.list())).await?;
    let shown = |event: UnmatchedEvent| EventNotTaken {
        would_be_taken_by: event.suggestion().map(NearPreset::new),
        type_: event.type_,
        event: event.event,
        count: event.count,
        first_at: event.first_at,
        last_at: event.last_at,
    };
    Ok(Events { not_taken: events.into_iter().map(shown).collect() })
}
