//! Calls, what each of them takes, and its name in the audit. A front end has a table of its own.

use axum::http::Method;
use domain::Right;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: whoever calls shows who they are with it.
    Nothing,
    /// An account or a key, of any role.
    Caller,
    /// A right.
    Right(Right),
}

/// What is noted of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audited {
    /// Nothing: it only reads.
    Not,
    /// The call, under this name.
    Call(&'static str),
    /// The same where it is refused; where it is done, the change itself is the record.
    Change(&'static str),
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The path, as routes are written.
    pub path: &'static str,
    /// What the caller must be or have.
    pub requirement: Requirement,
    /// What is noted of it.
    pub audited: Audited,
}

impl Call {
    /// The row of a call in a table; none where there is no such call.
    pub(super) fn find(
        calls: &'static [Self],
        method: &Method,
        path: &str,
    ) -> Option<&'static Self> {
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        calls.iter().find(|call| call.method == method && call.path == path)
    }

    /// The methods that a path takes.
    pub(super) fn methods(
        calls: &'static [Self],
        path: &str,
    ) -> impl Iterator<Item = &'static str> {
        let calls = calls.iter().filter(move |call| call.path == path);
        calls.map(|call| if call.method == "GET" { "GET,HEAD" } else { call.method })
    }
}
