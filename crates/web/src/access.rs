//! Who calls, what the caller may do, and what is noted of it for the audit. Front ends share it:
//! nothing here knows a path of theirs.

mod authorization;
mod call;
mod caller;
mod cross_site;
mod sign_in;

use std::sync::Arc;

use domain::Timestamp;
use engine::installation::InstallationJournal;
use engine::{Clock, DataFolder};

pub use self::authorization::{Gate, MadeResource, NothingDone, authorize};
pub use self::call::{Audited, Call, Requirement};
pub use self::caller::{Caller, CallerSession, Who, session_cookie};
pub use self::cross_site::{CSRF_HEADER, csrf_token, is_host_an_address};
pub use self::sign_in::{PasswordGate, sign_in, sign_visitor_in};
use crate::admission::{Admission, CallerLimits};

/// What callers are known by, and the limits on those who are not.
pub struct Access {
    /// The folder with the journal of the installation.
    pub data: Arc<DataFolder>,
    /// Times of sessions and invitations are by it.
    pub clock: Arc<dyn Clock>,
    /// The limits on callers.
    pub callers: CallerLimits,
    /// Counts refused keys.
    pub admission: Arc<Admission>,
    /// The limits on passwords.
    pub passwords: PasswordGate,
}

impl Access {
    /// The accounts, sessions and keys, and the audit.
    pub fn installation(&self) -> &InstallationJournal {
        self.data.installation()
    }

    /// Whether anybody can sign in, or show a key.
    pub fn is_set_up(&self) -> bool {
        self.installation().look(|state| state.n_owners()) > 0
    }

    /// The time that sessions and invitations end by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
