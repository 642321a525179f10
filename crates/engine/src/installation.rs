//! What belongs to the installation and to no workspace: accounts, invitations, sessions, API keys,
//! and the audit. A journal of its own and a fold over it, as a workspace has.

mod accounts;
mod api_keys;
mod audit;
mod entry;
mod invitations;
mod password;
mod secret;
mod sessions;
mod state;

use std::time::Duration;

use domain::Timestamp;
use journal::{AppendError, FileJournal, Journal, Offset};
use parking_lot::{Mutex, RwLock};

pub use self::accounts::{ACCOUNTS_MAX, Account, Accounts, EMAIL_BYTES_MAX, normalize_email};
pub use self::api_keys::{API_KEYS_MAX, ApiKey, ApiKeys, BOOTSTRAP_KEY};
pub use self::audit::{AUDIT_PAGE_MAX, AuditFilter, AuditPage, AuditRecord};
pub use self::entry::{Actor, Change, Deed, DeedOutcome};
use self::entry::{Entry, Fact};
pub use self::invitations::{INVITATION_AGE_MAX, INVITATIONS_MAX, Invitation, Invitations};
pub use self::password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PasswordHash, verify_password};
pub use self::secret::{SecretHash, make_secret};
pub use self::sessions::{
    SESSION_AGE_MAX, SESSION_IDLE_MAX, SESSION_USE_INTERVAL, SESSIONS_PER_ACCOUNT_MAX, Session,
    Sessions,
};
pub use self::state::{InstallationError, InstallationState};

/// The journal of the installation, with the state that its entries make.
pub struct InstallationJournal {
    journal: FileJournal,
    state: RwLock<InstallationState>,
    /// Held from the check of a change until it is applied.
    changing: Mutex<()>,
}

impl InstallationJournal {
    /// Folds a journal.
    ///
    /// # Errors
    /// If it cannot be read, or a later build has written into it.
    pub(crate) fn new(journal: FileJournal) -> Result<Self, InstallationError> {
        let mut state = InstallationState::default();
        for record in journal.read_from(Offset(0)) {
            let (_, bytes) = record?;
            state.apply(Entry::decode(&bytes).map_err(InstallationError::Entry)?);
        }
        Ok(Self { journal, state: RwLock::new(state), changing: Mutex::default() })
    }

    /// Looks at the state. `look` must be quick: everybody who changes something waits for it.
    pub fn look<T>(&self, look: impl FnOnce(&InstallationState) -> T) -> T {
        look(&self.state.read())
    }

    /// Changes something: it is durable and in force when this returns. The entry is the record of
    /// the audit as well.
    ///
    /// # Errors
    /// If the change is wrong or does not fit what there is, and where the journal does not take
    /// it.
    pub fn change(
        &self,
        at: Timestamp,
        by: &Actor,
        change: Change,
    ) -> Result<(), InstallationError> {
        let _one_at_a_time = self.changing.lock();
        self.state.read().check(&change, at)?;
        let entry = Entry { at: Some(at), by: Some(by.clone()), fact: Fact::Changed(change) };
        self.journal.append(&[&entry.encode()])?;
        self.state.write().apply(entry);
        Ok(())
    }

    /// Notes for the audit what was done elsewhere, or was refused.
    ///
    /// # Errors
    /// If the journal does not take it.
    pub fn note(&self, at: Timestamp, by: &Actor, deed: Deed) -> Result<(), AppendError> {
        let entry = Entry { at: Some(at), by: Some(by.clone()), fact: Fact::Done(deed) };
        self.journal.append(&[&entry.encode()]).map(drop)
    }

    /// The latest records of the audit before a place, at most [`AUDIT_PAGE_MAX`].
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, InstallationError> {
        Ok(audit::read_page(&self.journal, filter, before, limit)?)
    }
}

/// A time so much later.
fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(by.as_millis() as i64))
}
