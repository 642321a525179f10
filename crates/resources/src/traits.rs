//! The recommended-items traits on every profile.

mod holdout;

pub use holdout::{HoldoutGroupResults, HoldoutResults, read_holdout};

use std::sync::Arc;

use conditions::nearest;
use domain::TraitDefinition;
use engine::{ConfigChange, Engine, EntityKind, Expected, Resource};
use serde::Deserialize;
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::audiences::check_unasked;
use crate::configuration::{parse_named, put_resource, remove};
use crate::syncs::check_sync;
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
    parse_named("trait", "key", key, body, &[], |definition: &TraitDefinition| &definition.key)
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
    let named = definition.clone();
    workspace.run(move |engine: &Engine| check(engine, &named)).await?;
    let change = ConfigChange::put_trait(&definition);
    put_resource(app, workspace, change, expected, |_| definition).await
}

/// Checks that what a definition names outside of the configuration is there.
fn check(engine: &Engine, definition: &TraitDefinition) -> Result<(), ApiError> {
    let in_trait = |mut error: ApiError| {
        error.message = format!("trait {:?}: {}", definition.key, error.message);
        error
    };
    check_sync(engine, definition.sync.as_ref()).map_err(in_trait)?;
    let Some(item_type) = &definition.item_type else { return Ok(()) };
    let properties = engine.snapshot().properties(EntityKind::Item);
    let known: Vec<&str> = properties.iter().map(|property| property.name.as_str()).collect();
    if known.contains(&item_type.as_str()) {
        return Ok(());
    }
    let way_out = match nearest(item_type, &known) {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => "import a catalog that has it first, or name one of its properties".to_owned(),
    };
    let what = format!("item_type is {item_type:?}: the catalog has no such property: {way_out}");
    Err(in_trait(ApiError::invalid(what).at("/item_type")))
}

/// Removes a trait.
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
        check_unasked(&engine.config(), "trait", &key)?;
        remove(engine, ConfigChange::RemoveTrait { key }, expected)
    })
    .await
}
