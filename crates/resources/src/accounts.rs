//! Accounts of people, and the invitations by which they come.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Grant, Role, Timestamp, WorkspaceId};
use engine::installation::{
    Account, Actor, Change, InstallationError, Invitation, PasswordHash, SecretHash,
    normalize_email,
};
use serde::{Deserialize, Deserializer, Serialize};
use web::App;
use web::access::{Caller, Who};
use web::admission::Origin;
use web::error::{ApiError, ErrorKind};

use crate::installation::{change, change_as};
use crate::shown::new_secret;
use crate::unknown_resource;

/// An account as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownAccount {
    /// Its name.
    pub email: String,
    /// What it may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// Nobody can sign in to it.
    pub disabled: bool,
    /// When the invitation was accepted.
    pub created_at: Timestamp,
    /// How many sessions it has.
    pub sessions: usize,
    /// When one of these was last used, to the hour.
    pub used_at: Option<Timestamp>,
}

/// The accounts, by e-mail address.
pub fn list(app: &App) -> Vec<ShownAccount> {
    let now = app.access.now();
    app.access.installation().look(|state| {
        let accounts = state.accounts.iter();
        let shown = accounts.map(|(email, account)| ShownAccount {
            sessions: state.sessions.of(email, now).count(),
            used_at: state.sessions.of(email, now).map(|session| session.used_at).max(),
            ..shown(email, account)
        });
        shown.collect()
    })
}

/// An account without sessions.
fn shown(email: &str, account: &Account) -> ShownAccount {
    ShownAccount {
        email: email.to_owned(),
        role: account.grant.role,
        workspaces: account.grant.workspaces.clone(),
        disabled: account.is_disabled,
        created_at: account.created_at,
        sessions: 0,
        used_at: None,
    }
}

/// An account.
///
/// # Errors
/// 404 where there is none of the address.
pub fn read(app: &App, email: &str) -> Result<ShownAccount, ApiError> {
    let found = list(app).into_iter().find(|account| account.email == email);
    found.map_or_else(|| find(app, email).map(|account| shown(email, &account)), Ok)
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

/// A change of an account. Keys that are missing stay as they are.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// Another role.
    pub role: Option<Role>,
    /// Other workspaces. Null stands for all of them.
    #[serde(default, deserialize_with = "deserialize_present")]
    #[schema(value_type = Option<Option<Vec<String>>>)]
    pub workspaces: Option<Option<Vec<WorkspaceId>>>,
    /// Whether nobody can sign in to it.
    pub disabled: Option<bool>,
}

/// Tells null from a key that is missing.
fn deserialize_present<'d, D: Deserializer<'d>>(
    from: D,
) -> Result<Option<Option<Vec<WorkspaceId>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Changes an account. Its sessions end.
///
/// # Errors
/// 404 where there is none of the address, and where no owner would be left.
pub async fn update(
    app: &Arc<App>,
    caller: &Caller,
    email: String,
    patch: AccountPatch,
) -> Result<ShownAccount, ApiError> {
    let present = find(app, &email)?;
    let role = patch.role.unwrap_or(present.grant.role);
    let grant = match patch.workspaces {
        Some(workspaces) => grant(app, role, workspaces)?,
        None => Grant { role, ..present.grant },
    };
    let is_disabled = patch.disabled.unwrap_or(present.is_disabled);
    let update = Change::ChangeAccount { email: email.clone(), grant, is_disabled };
    change(app, caller, update).await?;
    Ok(shown(&email, &find(app, &email)?))
}

/// Removes an account with its sessions.
///
/// # Errors
/// As [`update`].
pub async fn delete(app: &Arc<App>, caller: &Caller, email: String) -> Result<(), ApiError> {
    change(app, caller, Change::RemoveAccount { email }).await
}

/// Makes a link for another password. The present one stays valid until the link is used.
///
/// # Errors
/// 404 where there is no account of the address.
pub async fn reset(
    app: &Arc<App>,
    caller: &Caller,
    email: String,
) -> Result<MadeInvitation, ApiError> {
    let grant = find(app, &email)?.grant;
    make_invitation(app, caller, email, grant).await
}

/// An invitation as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownInvitation {
    /// Who is invited.
    pub email: String,
    /// What the account may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Who,
    /// From then on it is not accepted.
    pub expires_at: Timestamp,
    /// Whether there is such an account already, which gets another password.
    pub is_reset: bool,
}

/// A new invitation with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MadeInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: ShownInvitation,
    /// The secret.
    pub token: String,
}

/// The invitations that can be accepted, by e-mail address.
pub fn invitations(app: &App) -> Vec<ShownInvitation> {
    let now = app.access.now();
    app.access.installation().look(|state| {
        let open = state.invitations.iter().filter(|(_, own)| own.expires_at() > now);
        let is_reset = |email: &str| state.accounts.contains_key(email);
        open.map(|(email, own)| shown_invitation(email, own, is_reset(email))).collect()
    })
}

fn shown_invitation(email: &str, invitation: &Invitation, is_reset: bool) -> ShownInvitation {
    ShownInvitation {
        email: email.to_owned(),
        role: invitation.grant.role,
        workspaces: invitation.grant.workspaces.clone(),
        created_at: invitation.created_at,
        created_by: Who::from(&invitation.created_by),
        expires_at: invitation.expires_at(),
        is_reset,
    }
}

/// Whom an invitation is for, and what the account may do.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Who is invited.
    pub email: String,
    /// What the account may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<Vec<WorkspaceId>>,
}

/// The grant of a role in some workspaces, or all where none are given.
///
/// # Errors
/// If there is no such workspace, or the role takes no limit.
pub(crate) fn grant(
    app: &App,
    role: Role,
    workspaces: Option<Vec<WorkspaceId>>,
) -> Result<Grant, ApiError> {
    let unknown = |id: &WorkspaceId| !app.workspaces.knows(id);
    if let Some(named) = &workspaces
        && let Some(n) = named.iter().position(unknown)
    {
        let known: Vec<String> =
            app.workspaces.open_ids().iter().map(WorkspaceId::to_string).collect();
        let message = unknown_resource("workspace", named[n].as_str(), &known).message;
        return Err(ApiError::invalid(message).at(format!("/workspaces/{n}")));
    }
    let grant = Grant { role, workspaces: workspaces.map(BTreeSet::from_iter) };
    grant.validate().map_err(|what| ApiError::invalid(what).at("/workspaces"))?;
    Ok(grant)
}

/// Invites somebody. An earlier invitation for the same address is no longer valid.
///
/// # Errors
/// 409 where there is such an account; if the address or the grant is wrong.
pub async fn invite(
    app: &Arc<App>,
    caller: &Caller,
    NewInvitation { email, role, workspaces }: NewInvitation,
) -> Result<MadeInvitation, ApiError> {
    let email = normalize_email(&email).map_err(|what| ApiError::invalid(what).at("/email"))?;
    if app.access.installation().look(|state| state.accounts.contains_key(&email)) {
        let message =
            format!("account {email:?} exists already; a reset makes a link for another password");
        return Err(ApiError::new(ErrorKind::AlreadyExists, message).at("/email"));
    }
    let grant = grant(app, role, workspaces)?;
    make_invitation(app, caller, email, grant).await
}

async fn make_invitation(
    app: &Arc<App>,
    caller: &Caller,
    email: String,
    grant: Grant,
) -> Result<MadeInvitation, ApiError> {
    let secret = new_secret()?;
    let token = SecretHash::of(&secret);
    let made = Change::Invite { email: email.clone(), grant: grant.clone(), token };
    change(app, caller, made).await?;
    let now = app.access.now();
    let invitation = app.access.installation().look(|state| {
        let is_reset = state.accounts.contains_key(&email);
        let found = state.find_invitation(token, now);
        let found = found.map(|(email, invitation)| shown_invitation(email, invitation, is_reset));
        // Somebody may have made another one meanwhile.
        found.unwrap_or_else(|| {
            let created_by = caller.actor.clone();
            let replaced = Invitation { grant, created_at: now, created_by, token };
            shown_invitation(&email, &replaced, is_reset)
        })
    });
    Ok(MadeInvitation { invitation, token: secret })
}

/// Withdraws an invitation.
///
/// # Errors
/// 404 where there is none for the address.
pub async fn withdraw(app: &Arc<App>, caller: &Caller, email: String) -> Result<(), ApiError> {
    change(app, caller, Change::WithdrawInvitation { email }).await
}

/// Accepts an invitation: the e-mail address of the account, which is there, or has the password,
/// when this returns.
///
/// # Errors
/// 403 where the invitation is not valid, 429 where too many were tried; if the password is wrong.
pub async fn accept(
    app: &Arc<App>,
    origin: &Origin,
    token: &str,
    password: String,
) -> Result<String, ApiError> {
    app.access.passwords.take_address(origin)?;
    let (token, now) = (SecretHash::of(token), app.access.now());
    let invited = app.access.installation().look(|state| {
        let found = state.find_invitation(token, now);
        found.map(|(email, _)| email.to_owned())
    });
    let email = invited.ok_or(InstallationError::NotInvited)?;
    let wrong = |what: String| ApiError::invalid(what).at("/password");
    let hash = move || PasswordHash::new(&password).map_err(wrong);
    let password = app.access.passwords.hash(hash).await??;
    let actor = Actor::Account { email: email.clone() };
    let accept = Change::AcceptInvitation { email: email.clone(), token, password };
    change_as(app, actor, accept).await?;
    Ok(email)
}
