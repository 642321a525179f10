//! Parts that shown resources have in common.

use domain::Timestamp;
use engine::installation::make_secret;
use serde::Serializer;
use web::error::ApiError;

/// Serialises a time as text.
pub(crate) fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// The same where there may be none.
pub(crate) fn optional_time<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}

/// A random write key or token: 122 random bits in 32 characters.
pub(crate) fn new_key() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A random secret of an account, invitation or API key.
pub(crate) fn new_secret() -> Result<String, ApiError> {
    make_secret().map_err(|error| ApiError::unavailable(error.to_string()))
}
