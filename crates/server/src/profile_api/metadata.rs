//! `GET .../metadata`: a profile about itself.

use axum::Json;
use serde_json::{Value, json};

use super::lookup::Lookup;
use web::error::ApiError;

pub(super) async fn read(lookup: Lookup) -> Result<Json<Value>, ApiError> {
    let found = lookup.read(|engine, user| Ok(engine.metadata(user)?)).await?;
    let Some(metadata) = found else {
        return Err(ApiError::not_found(
            "the profile was merged into another one just now: ask again",
        ));
    };
    let (profile, last) = (metadata.profile, metadata.last_message);
    let updated_at = last.as_ref().map_or(profile.created_at, |message| message.received_at);
    Ok(Json(json!({
        "metadata": {
            "created_at": profile.created_at.to_string(),
            "updated_at": updated_at.to_string(),
            "expires_at": null,
            "first_message_id": profile.first_message_id,
            "first_source_id": profile.first_source,
            "last_message_id": last.as_ref().map_or("", |message| &message.message_id),
            "last_source_id": last.as_ref().map_or("", |message| &message.source),
        }
    })))
}
