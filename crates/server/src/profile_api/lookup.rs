//! Whose profile a path names, and whether the caller may read it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::{TokenKind, UserIdx};
use engine::{Engine, ExternalId, ExternalIdType, RequestBudget};
use serde::Deserialize;

use web::App;
use web::admission::{Key, Origin, Permit};
use web::auth::{Credentials, is_same};
use web::error::ApiError;
use web::workspaces::{NotOpen, RequestedWorkspace, WorkspaceHandle};

/// The name of a profile that may be read. These calls read no body and make their answers whole.
pub(super) struct Lookup {
    pub(super) workspace: RequestedWorkspace,
    profile: ProfileName,
    /// The request counts as under way as long as this lives.
    _permit: Permit,
}

#[derive(Clone)]
struct ProfileName {
    type_: ExternalIdType,
    value: String,
}

impl Lookup {
    /// Reads what there is of the profile.
    ///
    /// # Errors
    /// 404 where nobody has the id, and those of the reading.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine, UserIdx) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let profile = self.profile.clone();
        self.workspace.ask(move |engine| read(engine, profile.find(engine)?)).await
    }

    /// Makes lists for the profile.
    ///
    /// # Errors
    /// As [`Self::read`], and those of [`RequestedWorkspace::make_lists`].
    pub(super) async fn make_lists<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Engine, UserIdx, &RequestBudget) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let profile = self.profile.clone();
        self.workspace
            .make_lists(move |engine, budget| make(engine, profile.find(engine)?, budget))
            .await
    }
}

impl ProfileName {
    fn find(&self, engine: &Engine) -> Result<UserIdx, ApiError> {
        let Self { type_, value } = self;
        let unknown =
            || ApiError::not_found(format!("no profile has the {} {value:?}", type_.word()));
        engine.user(ExternalId { type_: *type_, value }).ok_or_else(unknown)
    }
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
        let Path(place) = Path::<Place>::from_request_parts(parts, app).await.map_err(|error| {
            ApiError::invalid(format!("the path is not URL-encoded UTF-8: {error}"))
        })?;
        let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
        let Credentials::BasicUser(shown) = Credentials::from_headers(&parts.headers) else {
            app.admission.refuse(&origin).await;
            return Err(unauthorized(
                "show the workspace's profile token as the user of HTTP Basic",
            ));
        };
        // A wrong token and a space that is not there look the same from outside.
        let handle = match app.workspaces.handle(&place.space) {
            Err(closed @ NotOpen::Closed(_)) => return Err(closed.into()),
            known => known.ok(),
        };
        let is_known = |handle: &WorkspaceHandle| {
            let config = handle.config();
            config.is_ok_and(|config| {
                config.secrets(TokenKind::Profile).any(|token| is_same(token, &shown))
            })
        };
        let Some(handle) = handle.filter(is_known) else {
            app.admission.refuse(&origin).await;
            return Err(unauthorized(&format!(
                "this is not the profile token of space {:?}",
                place.space
            )));
        };
        let permit = app.admission.admit(&origin, Key::Private(&shown))?;
        if place.collection != "users" {
            let message = format!("there is no collection {:?}, only users", place.collection);
            return Err(ApiError::not_found(message));
        }
        let Some((type_, value)) = place.id.split_once(':') else {
            return Err(ApiError::invalid(
                "the profile must be named as type:value, such as user_id:42",
            ));
        };
        let Some(type_) = ExternalIdType::from_word(type_) else {
            return Err(ApiError::not_found(format!(
                "profiles are found by user_id and anonymous_id, not by {type_:?}"
            )));
        };
        let profile = ProfileName { type_, value: value.to_owned() };
        let account = permit.account().clone();
        let workspace = RequestedWorkspace::new(handle, account, app.private_budget());
        Ok(Self { workspace, profile, _permit: permit })
    }
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::unauthenticated(message)
}
