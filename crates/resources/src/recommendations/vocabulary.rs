//! The words of which expressions about items are made, for whoever writes one.

use engine::{Engine, EntityKind};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// The words of which expressions about items are made.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Vocabulary {
    /// The properties of items, in the order in which they were made.
    pub properties: Vec<VocabularyProperty>,
    /// The names of the functions.
    pub functions: Vec<&'static str>,
}

/// A property that an expression may name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct VocabularyProperty {
    /// The name.
    pub name: String,
    /// The type: "string", "double".
    #[serde(rename = "type")]
    pub type_: &'static str,
}

/// The words of which expressions about items are made.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn vocabulary(workspace: &RequestedWorkspace) -> Result<Vocabulary, ApiError> {
    let collect = |engine: &Engine| {
        let properties = engine.snapshot().properties(EntityKind::Item).into_iter();
        let properties = properties.map(|property| VocabularyProperty {
            name: property.name,
            type_: property.type_.word(),
        });
        Ok(Vocabulary { properties: properties.collect(), functions: engine::reql_functions() })
    };
    workspace.run(collect).await
}
