//! Parts that shown resources have in common.

use engine::installation::make_secret;
use web::error::ApiError;

/// A random write key or token: 122 random bits in 32 characters.
pub(crate) fn new_key() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A random secret of an account, invitation or API key.
pub(crate) fn new_secret() -> Result<String, ApiError> {
    make_secret().map_err(|error| ApiError::unavailable(error.to_string()))
}
