//! Who calls, what the caller may do, and what is noted of it for the audit. Front ends share it:
//! nothing here knows a resource of an API.

mod authorization;
mod caller;
mod cross_site;
mod rights;
mod sign_in;

pub(crate) use self::authorization::{NothingDone, authorize};
pub(crate) use self::caller::{Caller, CallerSession, session_cookie};
pub(crate) use self::cross_site::csrf_token;
#[cfg(test)]
pub(crate) use self::rights::CALLS;
pub(crate) use self::sign_in::{PasswordGate, sign_in};
