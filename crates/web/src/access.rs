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

pub use self::authorization::{Gate, NothingDone, authorize};
pub use self::call::{Audited, Call, Requirement};
pub use self::caller::{Caller, CallerSession, session_cookie};
pub use self::cross_site::csrf_token;
pub use self::sign_in::{PasswordGate, sign_in};
use crate::admission::{Admission, CallerLimits};

/// What callers are known by, and the limits on those who are not.
pub struct Access {
    pub data: Arc<DataFolder>,
    /// Times of sessions and invitations are by it.
    pub clock: Arc<dyn Clock>,
    pub callers: CallerLimits,
    pub admission: Arc<Admission>,
    pub passwords: PasswordGate,
}

impl Access {
    /// The accounts, sessions and keys, and the audit.
    pub fn installation(&self) -> &InstallationJournal {
        self.data.installation()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
