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

pub(crate) use self::authorization::{Gate, NothingDone, authorize};
pub(crate) use self::call::{Audited, Call, Requirement};
pub(crate) use self::caller::{Caller, CallerSession, session_cookie};
pub(crate) use self::cross_site::csrf_token;
pub(crate) use self::sign_in::{PasswordGate, sign_in};
use crate::admission::{Admission, CallerLimits};

/// What callers are known by, and the limits on those who are not.
pub(crate) struct Access {
    pub(crate) data: Arc<DataFolder>,
    /// Times of sessions and invitations are by it.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) callers: CallerLimits,
    pub(crate) admission: Arc<Admission>,
    pub(crate) passwords: PasswordGate,
}

impl Access {
    /// The accounts, sessions and keys, and the audit.
    pub(crate) fn installation(&self) -> &InstallationJournal {
        self.data.installation()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
