//! `GET .../metadata`: a profile about itself.

use axum::Json;
use domain::UserIdx;
use engine::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lookup::{Lookup, Subject};
use web::error::ApiError;
use web::parameters::Parameters;

#[derive(Deserialize)]
pub(super) struct Query {
    verbose: Option<bool>,
}

/// `verbose` adds how many ids the profile has, and how many were merged into it.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Value>, ApiError> {
    let is_verbose = query.verbose == Some(true);
    let read = move |engine: &Engine, subject: &Subject| match subject {
        Subject::User(user) => of_user(engine, *user, is_verbose),
        Subject::Account(group_id) => of_account(engine, group_id),
    };
    Ok(Json(json!({ "metadata": lookup.read(read).await? })))
}

fn of_account(engine: &Engine, group_id: &str) -> Result<Value, ApiError> {
    let account = engine.snapshot().account(group_id)?;
    let account = account.ok_or_else(|| ApiError::not_found("the account is gone"))?;
    Ok(json!({
        "created_at": account.created_at.to_string(),
        "updated_at": account.updated_at.to_string(),
        "expires_at": null,
        "first_message_id": account.first_message_id,
        "first_source_id": account.first_source,
        "last_message_id": account.last_message_id,
        "last_source_id": account.last_source,
    }))
}

fn of_user(engine: &Engine, user: UserIdx, is_verbose: bool) -> Result<Value, ApiError> {
    let Some(metadata) = engine.metadata(user)? else {
        return Err(ApiError::not_found(
            "the profile was merged into another one just now: ask again",
        ));
    };
    let (profile, last) = (metadata.profile, metadata.last_message);
    let updated_at = last.as_ref().map_or(profile.created_at, |message| message.received_at);
    let mut shown = json!({
        "created_at": profile.created_at.to_string(),
        "updated_at": updated_at.to_string(),
        "expires_at": null,
        "first_message_id": profile.first_message_id,
        "first_source_id": profile.first_source,
        "last_message_id": last.as_ref().map_or("", |message| &message.message_id),
        "last_source_id": last.as_ref().map_or("", |message| &message.source),
    });
    if is_verbose {
        shown["external_ids"] = engine.snapshot().identifiers(user)?.len().into();
        shown["merges"] = profile.n_merges.into();
    }
    Ok(shown)
}
