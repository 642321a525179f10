//! Tokens of the recommender and the profile API. A token is shown once, to whoever makes it.

use std::sync::Arc;

use domain::{Token, TokenKind};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::{Deserialize, Serialize};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::configuration::remove_resource;
use crate::shown::new_key;
use crate::{Revised, configure, unknown_resource};

/// A token as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownToken {
    /// Its name.
    pub name: String,
    /// The interface that it gives access to.
    pub kind: TokenKind,
    /// The secret, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl ShownToken {
    fn without_secret(token: &Token) -> Self {
        Self { name: token.name.clone(), kind: token.kind, token: None }
    }
}

/// What a token is made of.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// The interface that it gives access to.
    pub kind: TokenKind,
    /// One is made where there is none.
    pub token: Option<String>,
}

/// The tokens of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownToken>, ApiError> {
    let config = workspace.config()?;
    Ok(config.all_tokens().map(|token| ShownToken::without_secret(&token)).collect())
}

/// A token.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownToken>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let token = config.token(&name).ok_or_else(|| {
            let names: Vec<String> = config.all_tokens().map(|token| token.name).collect();
            unknown_resource("token", &name, &names)
        })?;
        let revision = revisions.revision(&Resource::Token(name));
        Ok(Revised { value: ShownToken::without_secret(&token), revision })
    };
    workspace.run(read).await
}

/// Makes a token. The answer has its secret.
///
/// # Errors
/// If the name is taken or wrong, or there are too many.
pub async fn create(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    NewToken { name, kind, token }: NewToken,
) -> Result<Revised<ShownToken>, ApiError> {
    if let Some(of_key) = TokenKind::ALL.into_iter().find(|of_key| of_key.word() == name)
        && of_key != kind
    {
        let message = format!(
            "token {name:?}: kind is {:?}, a token of this name is of kind {name:?}: choose another name",
            kind.word()
        );
        return Err(ApiError::invalid(message).at("/name"));
    }
    let token = Token { name, kind, token: token.unwrap_or_else(new_key) };
    configure(app, workspace, move |_, engine| {
        engine.change_config(ConfigChange::put_token(&token), Expected::Absent)?;
        let resource = Resource::Token(token.name.clone());
        let shown = ShownToken { name: token.name, kind: token.kind, token: Some(token.token) };
        Ok(Revised::now(engine, &resource, shown))
    })
    .await
}

/// Removes a token: it is refused from now on.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    remove_resource(app, workspace, ConfigChange::RemoveToken { name }, expected).await
}
