//! Keys for programs. A key is shown once, to whoever makes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Role, Timestamp, WorkspaceId};
use engine::installation::{Change, SecretHash};
use serde::{Deserialize, Serialize};
use web::App;
use web::access::{Caller, Who};
use web::error::{ApiError, ErrorKind};

use crate::accounts::grant;
use crate::installation::change;
use crate::shown::new_secret;

/// A key as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownApiKey {
    /// Its name, which the audit shows.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// When it was made; not known of the token of the bootstrap file of an old folder.
    pub created_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<Who>,
}

/// A new key, which is shown this once.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MadeApiKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// The key itself: a secret.
    pub key: String,
}

/// What a key is made of.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<Vec<WorkspaceId>>,
}

/// The keys, by name.
pub fn list(app: &App) -> Vec<ShownApiKey> {
    app.access.installation().look(|state| {
        let keys = state.api_keys.iter().map(|(name, key)| ShownApiKey {
            name: name.clone(),
            role: key.grant.role,
            workspaces: key.grant.workspaces.clone(),
            created_at: key.created_at,
            created_by: key.created_by.as_ref().map(Who::from),
        });
        keys.collect()
    })
}

/// Makes a key.
///
/// # Errors
/// If the name is taken or wrong, the grant is wrong, or there are too many.
pub async fn create(
    app: &Arc<App>,
    caller: &Caller,
    NewApiKey { name, role, workspaces }: NewApiKey,
) -> Result<MadeApiKey, ApiError> {
    let key = new_secret()?;
    let grant = grant(app, role, workspaces)?;
    let workspaces = grant.workspaces.clone();
    let hash = SecretHash::of(&key);
    change(app, caller, Change::AddApiKey { name: name.clone(), grant, hash }).await.map_err(
        |error| match error.kind == ErrorKind::Invalid && error.message.starts_with("name ") {
            true => error.at("/name"),
            false => error,
        },
    )?;
    Ok(MadeApiKey { name, role, workspaces, key })
}

/// Removes a key: it is refused from now on.
///
/// # Errors
/// 404 where there is none of the name, and where no owner would be left.
pub async fn delete(app: &Arc<App>, caller: &Caller, name: String) -> Result<(), ApiError> {
    change(app, caller, Change::RemoveApiKey { name }).await
}
