//! `GET /api/accounts`; `PATCH` and `DELETE .../{email}`: the accounts of people. `POST
//! .../{email}/reset`: a link for another password.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use domain::{Grant, Role, WorkspaceId};
use engine::installation::{Account, Change};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::body::Body;
use super::invitations::invite;
use resources::installation::change;
use resources::unknown_resource;
use web::App;
use web::access::Caller;
use web::error::ApiError;

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let now = app.access.now();
    let accounts = app.access.installation().look(|state| {
        let accounts = state.accounts.iter();
        let shown = accounts.map(|(email, account)| {
            let used = state.sessions.of(email, now).map(|session| session.used_at).max();
            let mut shown = account_json(email, account);
            shown["sessions"] = state.sessions.of(email, now).count().into();
            shown["used_at"] = json!(used.map(|used| used.to_string()));
            shown
        });
        shown.collect::<Vec<Value>>()
    });
    Json(json!({ "accounts": accounts }))
}

fn account_json(email: &str, account: &Account) -> Value {
    json!({
        "email": email,
        "role": account.grant.role,
        "workspaces": account.grant.workspaces,
        "disabled": account.is_disabled,
        "created_at": account.created_at.to_string(),
    })
}

/// Keys that are missing stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    role: Option<Role>,
    /// Null stands for all workspaces.
    #[serde(default, deserialize_with = "deserialize_present")]
    workspaces: Option<Option<BTreeSet<WorkspaceId>>>,
    disabled: Option<bool>,
}

/// Tells null from a key that is missing.
fn deserialize_present<'d, D: Deserializer<'d>>(
    from: D,
) -> Result<Option<Option<BTreeSet<WorkspaceId>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The sessions of the account end.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
    Body(patch): Body<Patch>,
) -> Result<Json<Value>, ApiError> {
    let present = find(&app, &email)?;
    let grant = Grant {
        role: patch.role.unwrap_or(present.grant.role),
        workspaces: patch.workspaces.unwrap_or(present.grant.workspaces),
    };
    let is_disabled = patch.disabled.unwrap_or(present.is_disabled);
    change(&app, &caller, Change::ChangeAccount { email: email.clone(), grant, is_disabled })
        .await?;
    Ok(Json(account_json(&email, &find(&app, &email)?)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<StatusCode, ApiError> {
    change(&app, &caller, Change::RemoveAccount { email }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The present password stays valid until the invitation is accepted.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<Response, ApiError> {
    let grant = find(&app, &email)?.grant;
    invite(&app, &caller, email, grant).await
}

fn find(app: &App, email: &str) -> Result<Account, ApiError> {
    app.access.installation().look(|state| {
        let known = || state.accounts.keys().collect::<Vec<_>>();
        state
            .accounts
            .get(email)
            .cloned()
            .ok_or_else(|| unknown_resource("account", email, &known()))
    })
}
