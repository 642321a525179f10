//! The state that the entries of the installation's journal make, and which changes it takes.

use domain::{Grant, Role, Timestamp};

use super::accounts::ACCOUNTS_MAX;
use super::api_keys::{API_KEYS_MAX, BOOTSTRAP_KEY, check_name};
use super::entry::{Change, Entry, Fact};
use super::invitations::INVITATIONS_MAX;
use super::{
    Account, Accounts, ApiKey, ApiKeys, Invitation, Invitations, SecretHash, Session, Sessions,
    normalize_email,
};

/// Errors of changing what belongs to the installation.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// A value is wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is one of this name.
    #[error("{what} {name:?} exists already: remove it first, or choose another name")]
    AlreadyExists {
        /// The kind of resource.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There is none of this name.
    #[error("no {what} {name:?}; there are: {known}")]
    NotFound {
        /// The kind of resource.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The invitation was accepted, withdrawn or replaced before, or it has expired.
    #[error("the invitation is not valid, or not any more: ask for another one")]
    NotInvited,
    /// Without it, nobody could administer the installation.
    #[error("{what} {name:?} is the only one that is an owner: add another before")]
    LastOwner {
        /// The kind of resource.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// There are as many as there may be.
    #[error("there are {max} {what}s, the limit: remove one first")]
    TooMany {
        /// The kind of resource.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The journal of the installation did not take it.
    #[error("the journal of the installation takes nothing")]
    Append(#[from] journal::AppendError),
    /// The journal of the installation cannot be read.
    #[error("the journal of the installation cannot be read")]
    Read(#[from] journal::ReadError),
    /// An entry of it is unreadable, or a later build wrote it.
    #[error("cannot read the journal of the installation: {0}")]
    Entry(String),
}

/// What belongs to the installation: a fold over its journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstallationState {
    /// Accounts, by e-mail address.
    pub accounts: Accounts,
    /// Invitations, by e-mail address.
    pub invitations: Invitations,
    /// Sessions.
    pub sessions: Sessions,
    /// API keys, by name.
    pub api_keys: ApiKeys,
}

impl InstallationState {
    /// How many accounts and keys can administer the installation.
    pub fn n_owners(&self) -> usize {
        let accounts = self.accounts.values().filter(|account| account.is_active_owner());
        accounts.count() + self.api_keys.values().filter(|key| key.is_owner()).count()
    }

    /// The account and the session of a token that is valid.
    pub fn find_session(
        &self,
        token: SecretHash,
        now: Timestamp,
    ) -> Option<(&str, &Account, &Session)> {
        let session = self.sessions.find(token, now)?;
        let account = self.accounts.get(&session.email)?;
        (!account.is_disabled).then_some((session.email.as_str(), account, session))
    }

    /// The invitation of a secret, with the address that it is for.
    pub fn find_invitation(
        &self,
        token: SecretHash,
        now: Timestamp,
    ) -> Option<(&str, &Invitation)> {
        let invitation = self.invitations.iter().find(|(_, own)| own.token == token);
        let (email, invitation) = invitation?;
        (invitation.expires_at() > now).then_some((email.as_str(), invitation))
    }

    /// Checks a change before it is journalled.
    ///
    /// # Errors
    /// If it is wrong, or does not fit what there is.
    pub(super) fn check(&self, change: &Change, at: Timestamp) -> Result<(), InstallationError> {
        match change {
            Change::SetBootstrapKey { .. }
            | Change::UseSession { .. }
            | Change::EndSession { .. } => Ok(()),
            Change::AddApiKey { name, grant, .. } => {
                check_name(name).map_err(InstallationError::Invalid)?;
                check_grant(grant)?;
                check_new("API key", name, &self.api_keys, API_KEYS_MAX)
            }
            Change::RemoveApiKey { name } => {
                let key = self.find("API key", name, &self.api_keys)?;
                self.check_owner_left("API key", name, key.is_owner())
            }
            Change::AddAccount { email, grant, .. } => {
                check_email(email)?;
                check_grant(grant)?;
                check_new("account", email, &self.accounts, ACCOUNTS_MAX)
            }
            Change::ChangeAccount { email, grant, is_disabled } => {
                check_grant(grant)?;
                let account = self.find("account", email, &self.accounts)?;
                let stays = grant.role == Role::Owner && !is_disabled;
                self.check_owner_left("account", email, account.is_active_owner() && !stays)
            }
            Change::RemoveAccount { email } => {
                let account = self.find("account", email, &self.accounts)?;
                self.check_owner_left("account", email, account.is_active_owner())
            }
            Change::SetPassword { email, .. } | Change::EndSessions { email } => {
                self.find("account", email, &self.accounts).map(drop)
            }
            Change::OpenSession { email, .. } => {
                match self.find("account", email, &self.accounts)?.is_disabled {
                    true => {
                        Err(InstallationError::Invalid(format!("account {email:?} is disabled")))
                    }
                    false => Ok(()),
                }
            }
            Change::Invite { email, grant, .. } => {
                check_email(email)?;
                check_grant(grant)?;
                let open = self.invitations.iter();
                let open = open.filter(|(other, own)| *other != email && own.expires_at() > at);
                check_room("open invitation", open.count(), INVITATIONS_MAX)
            }
            Change::WithdrawInvitation { email } => {
                self.find("invitation", email, &self.invitations).map(drop)
            }
            Change::AcceptInvitation { email, token, .. } => {
                let found = self.find_invitation(*token, at);
                if found.is_none_or(|(invited, _)| invited != email) {
                    return Err(InstallationError::NotInvited);
                }
                match self.accounts.contains_key(email) {
                    true => Ok(()),
                    false => check_room("account", self.accounts.len(), ACCOUNTS_MAX),
                }
            }
        }
    }

    fn find<'m, T>(
        &self,
        what: &'static str,
        name: &str,
        among: &'m std::collections::BTreeMap<String, T>,
    ) -> Result<&'m T, InstallationError> {
        among.get(name).ok_or_else(|| {
            let known: Vec<&str> = among.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            InstallationError::NotFound { what, name: name.to_owned(), known }
        })
    }

    fn check_owner_left(
        &self,
        what: &'static str,
        name: &str,
        goes: bool,
    ) -> Result<(), InstallationError> {
        match goes && self.n_owners() == 1 {
            true => Err(InstallationError::LastOwner { what, name: name.to_owned() }),
            false => Ok(()),
        }
    }

    /// Applies an entry. What does not fit any more changes nothing.
    pub(super) fn apply(&mut self, entry: Entry) {
        let Entry { at, by, fact: Fact::Changed(change) } = entry else { return };
        let time = at.unwrap_or_default();
        match change {
            Change::SetBootstrapKey { hash } => {
                let grant = Grant::everywhere(Role::Owner);
                let key = ApiKey { grant, hash, created_at: at, created_by: by };
                self.api_keys.insert(BOOTSTRAP_KEY.to_owned(), key);
            }
            Change::AddApiKey { name, grant, hash } => {
                let key = ApiKey { grant, hash, created_at: at, created_by: by };
                self.api_keys.insert(name, key);
            }
            Change::RemoveApiKey { name } => drop(self.api_keys.remove(&name)),
            Change::AddAccount { email, grant, password } => {
                self.invitations.remove(&email);
                let account = Account { grant, is_disabled: false, created_at: time, password };
                self.accounts.insert(email, account);
            }
            Change::ChangeAccount { email, grant, is_disabled } => {
                self.sessions.end_all_of(&email);
                if let Some(account) = self.accounts.get_mut(&email) {
                    (account.grant, account.is_disabled) = (grant, is_disabled);
                }
            }
            Change::RemoveAccount { email } => {
                self.sessions.end_all_of(&email);
                self.invitations.remove(&email);
                self.accounts.remove(&email);
            }
            Change::SetPassword { email, password } => {
                self.sessions.end_all_of(&email);
                if let Some(account) = self.accounts.get_mut(&email) {
                    account.password = password;
                }
            }
            Change::Invite { email, grant, token } => {
                self.invitations.retain(|_, own| own.expires_at() > time);
                let Some(created_by) = by else { return };
                let invitation = Invitation { grant, created_at: time, created_by, token };
                self.invitations.insert(email, invitation);
            }
            Change::WithdrawInvitation { email } => drop(self.invitations.remove(&email)),
            Change::AcceptInvitation { email, password, .. } => {
                let Some(Invitation { grant, .. }) = self.invitations.remove(&email) else {
                    return;
                };
                self.sessions.end_all_of(&email);
                let new = Account { grant, is_disabled: false, created_at: time, password };
                self.accounts
                    .entry(email)
                    .and_modify(|account| account.password = new.password.clone())
                    .or_insert(new);
            }
            Change::OpenSession { email, token } => self.sessions.open(token, email, time),
            Change::UseSession { token } => self.sessions.note_use(token, time),
            Change::EndSession { token } => self.sessions.end(token),
            Change::EndSessions { email } => self.sessions.end_all_of(&email),
        }
    }
}

fn check_grant(grant: &Grant) -> Result<(), InstallationError> {
    grant.validate().map_err(InstallationError::Invalid)
}

fn check_email(email: &str) -> Result<(), InstallationError> {
    match normalize_email(email) {
        Ok(normal) if normal == email => Ok(()),
        Ok(normal) => {
            Err(InstallationError::Invalid(format!("email is {email:?}, not {normal:?}")))
        }
        Err(what) => Err(InstallationError::Invalid(what)),
    }
}

fn check_new<T>(
    what: &'static str,
    name: &str,
    among: &std::collections::BTreeMap<String, T>,
    max: usize,
) -> Result<(), InstallationError> {
    match among.contains_key(name) {
        true => Err(InstallationError::AlreadyExists { what, name: name.to_owned() }),
        false => check_room(what, among.len(), max),
    }
}

fn check_room(what: &'static str, n: usize, max: usize) -> Result<(), InstallationError> {
    match n < max {
        true => Ok(()),
        false => Err(InstallationError::TooMany { what, max }),
    }
}
