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

/// The type of the ids of accounts.
pub(super) const GROUP_ID: &str = "group_id";

/// What profiles are of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    Users,
    Accounts,
}

/// Whose profile is read.
pub(super) enum Subject {
    User(UserIdx),
    /// An account, by its group id.
    Account(String),
}

/// A collection of a space that may be read. These calls make their answers whole.
pub(super) struct Space {
    pub(super) workspace: RequestedWorkspace,
    pub(super) collection: Collection,
    /// The request counts as under way as long as this lives.
    _permit: Permit,
}

/// The name of a profile that may be read.
pub(super) struct Lookup {
    pub(super) space: Space,
    pub(super) profile: ProfileName,
}

#[derive(Clone)]
pub(super) enum ProfileName {
    User { type_: ExternalIdType, value: String },
    Account { group_id: String },
}

impl Lookup {
    /// Reads what there is of the profile.
    ///
    /// # Errors
    /// 404 where nobody has the id, and those of the reading.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine, &Subject) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let profile = self.profile.clone();
        self.space.workspace.ask(move |engine| read(engine, &profile.find(engine)?)).await
    }

    /// Makes lists for the profile.
    ///
    /// # Errors
    /// As [`Self::read`], and those of [`RequestedWorkspace::make_lists`].
    pub(super) async fn make_lists<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Engine, &Subject, &Arc<RequestBudget>) -> Result<T, ApiError>
        + Send
        + 'static,
    ) -> Result<T, ApiError> {
        let profile = self.profile.clone();
        self.space
            .workspace
            .make_lists(move |engine, budget| make(engine, &profile.find(engine)?, budget))
            .await
    }
}

impl ProfileName {
    /// Reads `type:value`.
    pub(super) fn parse(collection: Collection, text: &str) -> Result<Self, ApiError> {
        let Some((type_, value)) = text.split_once(':') else {
            return Err(ApiError::invalid(
                "the profile must be named as type:value, such as user_id:42",
            ));
        };
        match collection {
            Collection::Accounts if type_ == GROUP_ID => {
                Ok(Self::Account { group_id: value.to_owned() })
            }
            Collection::Accounts => Err(ApiError::not_found(format!(
                "accounts are found by {GROUP_ID}, not by {type_:?}"
            ))),
            Collection::Users => match ExternalIdType::from_word(type_) {
                Some(type_) => Ok(Self::User { type_, value: value.to_owned() }),
                None => Err(ApiError::not_found(format!(
                    "{type_:?} is no type of ids, such as user_id, anonymous_id and email"
                ))),
            },
        }
    }

    /// Who has the name.
    pub(super) fn find(&self, engine: &Engine) -> Result<Subject, ApiError> {
        match self {
            Self::User { type_, value } => {
                let unknown = || {
                    ApiError::not_found(format!("no profile has the {} {value:?}", type_.word()))
                };
                let user = engine.user(ExternalId { type_: *type_, value });
                user.map(Subject::User).ok_or_else(unknown)
            }
            Self::Account { group_id } => match engine.snapshot().account(group_id)? {
                Some(_) => Ok(Subject::Account(group_id.clone())),
                None => Err(ApiError::not_found(format!("no account has the id {group_id:?}"))),
            },
        }
    }
}

#[derive(Deserialize)]
struct Place {
    space: String,
    collection: String,
}

#[derive(Deserialize)]
struct Named {
    /// `type:value`.
    id: String,
}

/// The part of a path that has this form.
async fn in_path<T: for<'d> Deserialize<'d> + Send>(parts: &mut Parts) -> Result<T, ApiError> {
    let Path(found) = Path::<T>::from_request_parts(parts, &()).await.map_err(|error| {
        ApiError::invalid(format!("the path is not URL-encoded UTF-8: {error}"))
    })?;
    Ok(found)
}

impl FromRequestParts<Arc<App>> for Lookup {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let space = Space::from_request_parts(parts, app).await?;
        let Named { id } = in_path(parts).await?;
        let profile = ProfileName::parse(space.collection, &id)?;
        Ok(Self { space, profile })
    }
}

impl FromRequestParts<Arc<App>> for Space {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let place: Place = in_path(parts).await?;
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
        let collection = match place.collection.as_str() {
            "users" => Collection::Users,
            "accounts" => Collection::Accounts,
            other => {
                let message = format!("there is no collection {other:?}: users and accounts");
                return Err(ApiError::not_found(message));
            }
        };
        let account = permit.account().clone();
        let workspace = RequestedWorkspace::new(handle, account, app.private_budget());
        Ok(Self { workspace, collection, _permit: permit })
    }
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::unauthenticated(message)
}
