//! The recommended-items traits on every profile.

mod calculation;

pub use calculation::{
    Accuracy, CalculatedLists, CalculatedPeople, Calculation, Difference, MeasuredGroup,
    SampleList, Share, calculate,
};

use std::sync::Arc;

use domain::TraitDefinition;
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::Deserialize;
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audiences::check_unasked;
use crate::configuration::{parse_named, put_resource};
use crate::{Revised, configure, unknown_resource};

/// The key of a definition to calculate that has none: it is not saved.
const KEY_WITHOUT: &str = "calculated";
/// No key of a trait: calls of the admin API have it in the place of one.
const KEY_TAKEN: &str = "calculate";

/// The traits of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn list(workspace: &RequestedWorkspace) -> Result<Vec<TraitDefinition>, ApiError> {
    Ok(workspace.config()?.traits.clone())
}

/// A trait.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<TraitDefinition>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let value = config.trait_definition(&key).cloned().ok_or_else(|| {
            let keys: Vec<&str> = config.traits.iter().map(|trait_| trait_.key.as_str()).collect();
            unknown_resource("trait", &key, &keys)
        })?;
        Ok(Revised { value, revision: revisions.revision(&Resource::Trait(key)) })
    };
    workspace.run(read).await
}

/// Reads a definition from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is no definition.
pub fn parse(key: &str, body: &[u8]) -> Result<TraitDefinition, ApiError> {
    if key == KEY_TAKEN {
        let what = format!("trait {key:?}: a call has this name: take another key");
        return Err(ApiError::invalid(what));
    }
    parse_named("trait", "key", key, body, |definition: &TraitDefinition| &definition.key)
}

/// Reads a definition to calculate, which needs no key.
///
/// # Errors
/// If it is no definition.
pub fn parse_unnamed(body: &[u8]) -> Result<TraitDefinition, ApiError> {
    #[derive(Deserialize)]
    struct Named {
        key: Option<String>,
    }
    let named: Option<Named> = serde_json::from_slice(body).ok();
    let key = named.and_then(|named| named.key).unwrap_or_else(|| KEY_WITHOUT.to_owned());
    parse(&key, body)
}

/// Makes or replaces a trait. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    definition: TraitDefinition,
    expected: Expected,
) -> Result<(Revised<TraitDefinition>, bool), ApiError> {
    let change = ConfigChange::put_trait(&definition);
    put_resource(app, workspace, change, expected, |_| definition).await
}

/// Removes a trait.
///
/// # Errors
/// 404 where there is none of the key; 400 where the condition of an audience names it.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| {
        check_unasked(&engine.config(), "trait", &key)?;
        engine.change_config(ConfigChange::RemoveTrait { key }, expected)?;
        Ok(())
    })
    .await
}
