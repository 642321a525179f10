//! Pages: the text that names where the next one starts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use web::error::ApiError;

/// The parts of a comma-separated parameter.
pub(super) fn list(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The `cursor` of an answer. `next` names the last thing on this page.
pub(super) fn cursor(path: &str, limit: usize, has_more: bool, next: Option<&str>) -> Value {
    let next =
        next.filter(|_| has_more).map(|next| URL_SAFE_NO_PAD.encode(next)).unwrap_or_default();
    json!({ "url": path, "has_more": has_more, "next": next, "limit": limit })
}

/// The text behind a `next` parameter; an empty one is the first page.
pub(super) fn next(parameter: Option<&str>) -> Result<Option<String>, ApiError> {
    let Some(parameter) = parameter.filter(|parameter| !parameter.is_empty()) else {
        return Ok(None);
    };
    let decoded =
        URL_SAFE_NO_PAD.decode(parameter).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(Some).ok_or_else(wrong_next)
}

/// The error for a `next` that no answer gave.
pub(super) fn wrong_next() -> ApiError {
    ApiError::invalid("next is not a cursor of this API: pass on the one from the last answer")
}
