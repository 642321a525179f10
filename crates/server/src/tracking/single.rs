//! `POST /v1/{type}`: the body is one message.

use axum::body::Bytes;
use domain::{Arrival, Envelope, MessageType};
use serde::Deserialize;

use super::Checked;
use web::error::ApiError;
use web::workspaces::ActiveSource;

/// The write key beside the message's own fields, where there is one.
pub(super) fn write_key(body: &Bytes) -> Result<Option<String>, ApiError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Keyed {
        #[serde(default)]
        write_key: Option<serde_json::Value>,
    }
    let keyed: Keyed = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    Ok(keyed.write_key.and_then(|key| key.as_str().map(str::to_owned)))
}

pub(super) fn parse(
    body: &Bytes,
    type_: MessageType,
    source: &ActiveSource,
    arrival: &Arrival<'_>,
) -> Result<Checked, ApiError> {
    let text =
        std::str::from_utf8(body).map_err(|_| ApiError::bad_request("the body is not UTF-8"))?;
    let checked = source.check_message(text, Some(type_), &Envelope::default(), arrival);
    Ok(checked.map(Box::new))
}

pub(super) fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request(format!("the body is not a JSON object: {error}"))
}
