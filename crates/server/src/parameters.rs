//! Query parameters.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Query parameters, whose mistakes are errors like all others.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => {
                Err(ApiError::invalid(format!("a query parameter is wrong: {}", error.body_text())))
            }
        }
    }
}

/// A number of things within its range, by the parameter's name.
pub(crate) fn count(
    name: &str,
    wanted: Option<usize>,
    default: usize,
    max: usize,
) -> Result<usize, ApiError> {
    match wanted {
        None => Ok(default),
        Some(wanted) if (1..=max).contains(&wanted) => Ok(wanted),
        Some(wanted) => {
            Err(ApiError::invalid(format!("{name} is {wanted}, it must be from 1 to {max}")))
        }
    }
}
