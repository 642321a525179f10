//! How senders of a source get bearer tokens by OAuth 2.0.

use std::sync::Arc;

use domain::{OAuth, OAuthKey, Source, TOKEN_LIFETIME_S_DEFAULT};
use engine::{Engine, Expected, Resource};
use serde::{Deserialize, Serialize};
use web::App;
use web::error::ApiError;
use web::oauth::{check_public_key, client_id};
use web::workspaces::RequestedWorkspace;

use super::{find, put};
use crate::configuration::without_shown;
use crate::shown::new_secret;
use crate::{Revised, configure};

/// OAuth 2.0 of a source, as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownOAuth {
    /// The id by which senders ask for tokens: `iss` and `sub` of what they sign.
    pub client_id: String,
    /// The public keys.
    pub keys: Vec<OAuthKey>,
    /// For how long a token is good, in seconds.
    pub token_lifetime_s: u32,
    /// Whether messages without a bearer token are refused.
    pub required: bool,
}

/// OAuth 2.0 of a source as it is to be.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOAuth {
    /// The public keys of the senders, one or two. Tokens that were asked for with another key are
    /// refused from now on.
    pub keys: Vec<OAuthKey>,
    /// For how long a token is good, in seconds: 600 to 2,592,000, a day where it is missing.
    pub token_lifetime_s: Option<u32>,
    /// Whether messages without a bearer token are refused.
    #[serde(default)]
    pub required: bool,
}

/// Reads what OAuth 2.0 of a source is to be from JSON.
///
/// # Errors
/// If it is none.
pub fn parse(body: &[u8]) -> Result<NewOAuth, ApiError> {
    web::json::read(&without_shown(body, &["client_id"]), "the body is wrong")
}

/// OAuth 2.0 of a source.
///
/// # Errors
/// 404 where there is no such source, or it has none.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownOAuth>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let source = find(&config, &name)?;
        let value = show(engine, &source)?;
        Ok(Revised { value, revision: revisions.revision(&Resource::Source(name)) })
    };
    workspace.run(read).await
}

/// Sets it. Tokens stay good that were asked for with one of the keys.
///
/// # Errors
/// 404 where there is no source of the name; if a key is wrong.
pub async fn set(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    new: NewOAuth,
    expected: Expected,
) -> Result<Revised<ShownOAuth>, ApiError> {
    for (n, key) in new.keys.iter().enumerate() {
        check_public_key(&key.public_key).map_err(|what| {
            ApiError::invalid(format!("public_key of {:?} {what}", key.id))
                .at(format!("/keys/{n}/public_key"))
        })?;
    }
    configure(app, workspace, move |app, engine| {
        let mut source = find(&engine.config(), &name)?;
        let token_secret = match source.oauth.take() {
            Some(oauth) => oauth.token_secret,
            None => new_secret()?,
        };
        let oauth = OAuth {
            keys: new.keys,
            token_secret,
            token_lifetime_s: new.token_lifetime_s.unwrap_or(TOKEN_LIFETIME_S_DEFAULT),
            required: new.required,
        };
        oauth.validate().map_err(ApiError::invalid)?;
        source.oauth = Some(oauth);
        put(app, engine, &name, &source, expected)?;
        let shown = show(engine, &source)?;
        Ok(Revised::now(engine, &Resource::Source(name), shown))
    })
    .await
}

/// Removes it: all tokens are refused from now on.
///
/// # Errors
/// 404 where there is no source of the name.
pub async fn remove(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |app, engine| {
        let source = Source { oauth: None, ..find(&engine.config(), &name)? };
        put(app, engine, &name, &source, expected)
    })
    .await
}

fn show(engine: &Engine, source: &Source) -> Result<ShownOAuth, ApiError> {
    let missing = || ApiError::not_found(format!("source {:?} has no OAuth keys", source.name));
    let OAuth { keys, token_lifetime_s, required, .. } =
        source.oauth.as_ref().ok_or_else(missing)?;
    Ok(ShownOAuth {
        client_id: client_id(engine.id(), &source.name),
        keys: keys.clone(),
        token_lifetime_s: *token_lifetime_s,
        required: *required,
    })
}
