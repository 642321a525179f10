//! Computed traits: what each computes, and how far it is.

use std::sync::Arc;

use domain::ComputedTraitDefinition;
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audiences::{HistoryRead, check_unasked};
use crate::configuration::{parse_named, put_resource, remove};
use crate::syncs::check_sync;
use crate::{Revised, configure, unknown_resource};

/// A computed trait, and how far it is.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ComputedTrait {
    /// What it computes.
    #[serde(flatten)]
    pub definition: ComputedTraitDefinition,
    /// How far the properties of past events were read; absent where none are to be read. Whose are
    /// unread keep the value that they had until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRead>,
}

impl ComputedTrait {
    fn new(engine: &Engine, definition: ComputedTraitDefinition) -> Self {
        let history = engine.snapshot().computed_trait_history(&definition.key);
        Self { definition, history: HistoryRead::of(history) }
    }
}

/// The computed traits of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<ComputedTrait>, ApiError> {
    let list = |engine: &Engine| {
        let definitions = engine.config().computed_traits.clone().into_iter();
        Ok(definitions.map(|definition| ComputedTrait::new(engine, definition)).collect())
    };
    workspace.run(list).await
}

/// A computed trait.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<ComputedTrait>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let known: Vec<&str> = config.computed_traits.iter().map(|one| one.key.as_str()).collect();
        let definition = config.computed_trait(&key);
        let value = definition.ok_or_else(|| unknown_resource("computed trait", &key, &known))?;
        let value = ComputedTrait::new(engine, value.clone());
        Ok(Revised { value, revision: revisions.revision(&Resource::ComputedTrait(key)) })
    };
    workspace.run(read).await
}

/// Reads a definition from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is no definition.
pub fn parse(key: &str, body: &[u8]) -> Result<ComputedTraitDefinition, ApiError> {
    parse_named(
        "computed trait",
        "key",
        key,
        body,
        &["history"],
        |one: &ComputedTraitDefinition| &one.key,
    )
}

/// Makes or replaces a computed trait. The answer has it as it is stored, and whether it is new.
/// One that computes something else than before begins anew.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    definition: ComputedTraitDefinition,
    expected: Expected,
) -> Result<(Revised<ComputedTrait>, bool), ApiError> {
    let sync = definition.sync.clone();
    workspace.run(move |engine: &Engine| check_sync(engine, sync.as_ref())).await?;
    let change = ConfigChange::put_computed_trait(&definition);
    let show = move |engine: &Engine| ComputedTrait::new(engine, definition);
    put_resource(app, workspace, change, expected, show).await
}

/// Removes a computed trait.
///
/// # Errors
/// 404 where there is none of the key; 409 where the condition of an audience names it.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| {
        check_unasked(&engine.config(), "computed trait", &key)?;
        remove(engine, ConfigChange::RemoveComputedTrait { key }, expected)
    })
    .await
}
