//! Whose profile a path names, and whether the caller may read it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::{TokenKind, UserIdx};
use engine::{Engine, ExternalId, ExternalIdType};
use serde::Deserialize;

use crate::App;
use crate::admission::{Key, Origin, Permit};
use crate::auth::{Credentials, is_same};
use crate::error::ApiError;
use crate::workspaces::NotOpen;

/// A profile that is there and may be read. These calls read no body and make their answers whole,
/// so the engine is never held while a client is waited for.
pub(super) struct Lookup {
    pub(super) engine: Arc<Engine>,
    pub(super) user: UserIdx,
    /// The request counts as under way as long as this lives.
    _permit: Permit,
}

#[derive(Deserialize)]
struct Place {
    space: String,
    collection: String,
    /// `type:value`.
    id: String,
}

impl FromRequestParts<Arc<App>> for Lookup {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let Path(place) = Path::<Place>::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::invalid(format!("the path is not URL-encoded UTF-8: {error}")))?;
        let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
        let Credentials::BasicUser(shown) = Credentials::from_headers(&parts.headers) else {
            app.admission.refuse(&origin).await;
            return Err(unauthorized("show the workspace's profile token as the user of HTTP Basic"));
        };
        // A wrong token and a space that is not there look the same from outside.
        let engine = match app.workspaces.engine(&place.space) {
            Err(closed @ NotOpen::Closed(_)) => return Err(closed.into()),
            known => known.ok(),
        };
        let is_known = |engine: &Arc<Engine>| {
            engine.config().secrets(TokenKind::Profile).any(|token| is_same(token, &shown))
        };
        let Some(engine) = engine.filter(is_known) else {
            app.admission.refuse(&origin).await;
            return Err(unauthorized(&format!("this is not the profile token of space {:?}", place.space)));
        };
        let permit = app.admission.admit(&origin, Key::Private(&shown))?;
        if place.collection != "users" {
            let message = format!("there is no collection {:?}, only users", place.collection);
            return Err(ApiError::not_found(message));
        }
        let Some((type_, value)) = place.id.split_once(':') else {
            return Err(ApiError::invalid("the profile must be named as type:value, such as user_id:42"));
        };
        let Some(type_) = ExternalIdType::from_word(type_) else {
            return Err(ApiError::not_found(format!(
                "profiles are found by user_id and anonymous_id, not by {type_:?}"
            )));
        };
        match engine.user(ExternalId { type_, value }) {
            Some(user) => Ok(Self { engine, user, _permit: permit }),
            None => Err(ApiError::not_found(format!("no profile has the {} {value:?}", type_.word()))),
        }
    }
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::unauthenticated(message)
}
