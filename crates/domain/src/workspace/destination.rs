//! Destinations: where the messages of a workspace go.

use serde::{Deserialize, Serialize};

/// The name of our own engine among the destinations. It is always there.
pub const ENGINE_DESTINATION: &str = "engine";

/// A destination. The fold knows nothing of it but what our own engine takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The name; [`ENGINE_DESTINATION`] is our own engine.
    pub name: String,
    /// What messages become there: a list of mappings in their JSON form. None for the presets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<Vec<serde_json::Value>>,
}
