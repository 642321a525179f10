//! Bodies that describe a resource.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use web::error::ApiError;
use web::json;

/// The largest body that describes a resource, in bytes.
const RESOURCE_BYTES_MAX: usize = 1_024 * 1_024;

/// A JSON body whose every key is known.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        Ok(Self(json::read(&bytes, "the body is wrong")?))
    }
}

/// A body that says nothing: there is none, or an object without members.
pub(super) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct NoMembers {}
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        if !bytes.is_empty() {
            json::read::<NoMembers>(&bytes, "this call takes no body")?;
        }
        Ok(Self)
    }
}

/// The bytes of a body that describes a resource.
pub(super) struct RawBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = to_bytes(request.into_body(), RESOURCE_BYTES_MAX).await;
        let wrong = |_| {
            ApiError::bad_request(format!(
                "the body cannot be read, or is over {RESOURCE_BYTES_MAX} bytes"
            ))
        };
        bytes.map(Self).map_err(wrong)
    }
}
