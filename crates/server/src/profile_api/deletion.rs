//! `POST .../external_ids/delete`: takes one id from a user.

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{Command, Entry, ExternalIdType, Outcome, Refusal};
use serde::Deserialize;
use serde_json::json;

use super::lookup::{GROUP_ID, Lookup, ProfileName};
use web::error::ApiError;
use web::json;

#[derive(Deserialize)]
struct Body {
    delete_external_ids: Vec<Deleted>,
}

#[derive(Deserialize)]
struct Deleted {
    id: String,
    #[serde(rename = "type")]
    type_: String,
}

/// The id stays in the messages that brought it: a replay of them, or a later message, brings it
/// back.
pub(super) async fn delete(lookup: Lookup, body: Bytes) -> Result<Response, ApiError> {
    let ProfileName::User { type_: ExternalIdType::UserId, value: user_id } = &lookup.profile
    else {
        return Err(ApiError::bad_request("ids are deleted of a user who is named by user_id"));
    };
    let Body { delete_external_ids } = json::read(&body, "the body is wrong")?;
    let [deleted] = <[Deleted; 1]>::try_from(delete_external_ids).map_err(|given| {
        let message = format!("delete_external_ids has {} ids, it must have one", given.len());
        ApiError::bad_request(message)
    })?;
    let type_ = ExternalIdType::from_word(&deleted.type_).filter(|type_| type_.word() != GROUP_ID);
    let Some(type_) = type_ else {
        let message = format!("ids of the type {:?} cannot be deleted", deleted.type_);
        return Ok(failure(StatusCode::BAD_REQUEST, "unsupported_eid_type", &message));
    };
    let command = Command::RemoveExternalId {
        user_id: user_id.clone(),
        id_type: type_,
        id: deleted.id.clone(),
    };
    lookup.read(|_, _| Ok(())).await?;
    let handle = lookup.space.workspace.handle();
    let entry = Entry::Command { received_at: handle.now()?, command: Box::new(command) };
    let outcomes = handle.submit::<ApiError>(vec![entry]).await?;
    match outcomes.into_iter().next() {
        Some(Outcome::Refused(Refusal::NotFound(message))) => {
            Ok(failure(StatusCode::NOT_FOUND, "eid_not_found", &message))
        }
        Some(Outcome::Refused(refusal)) => Err(ApiError::bad_request(refusal.to_string())),
        _ => {
            let done = json!({ "id": deleted.id, "type": deleted.type_, "status": "deleted" });
            Ok(Json(json!({ "data": [done] })).into_response())
        }
    }
}

fn failure(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
}
