//! Computed traits: what each computes.

use std::sync::Arc;

use domain::ComputedTraitDefinition;
use engine::{ConfigChange, Engine, Expected, Resource};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audiences::check_unasked;
use crate::configuration::{parse_named, put_resource, remove};
use crate::syncs::check_sync;
use crate::{Revised, configure, unknown_resource};

/// The computed traits of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn list(workspace: &RequestedWorkspace) -> Result<Vec<ComputedTraitDefinition>, ApiError> {
    Ok(workspace.config()?.computed_traits.clone())
}

/// A computed trait.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<ComputedTraitDefinition>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let known: Vec<&str> = config.computed_traits.iter().map(|one| one.key.as_str()).collect();
        let definition = config.computed_trait(&key);
        let value = definition.ok_or_else(|| unknown_resource("computed trait", &key, &known))?;
        let value = value.clone();
        Ok(Revised { value, revision: revisions.revision(&Resource::ComputedTrait(key)) })
    };
    workspace.run(read).await
}

/// Reads a definition from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is no definition.
pub fn parse(key: &str, body: &[u8]) -> Result<ComputedTraitDefinition, ApiError> {
    parse_named("computed trait", "key", key, body, |one: &ComputedTraitDefinition| &one.key)
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
) -> Result<(Revised<ComputedTraitDefinition>, bool), ApiError> {
    let sync = definition.sync.clone();
    workspace.run(move |engine: &Engine| check_sync(engine, sync.as_ref())).await?;
    let change = ConfigChange::put_computed_trait(&definition);
    put_resource(app, workspace, change, expected, |_| definition).await
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
