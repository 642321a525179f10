//! What each call of the admin API takes, and its name in the audit: one table. A call without a
//! row is refused.

use axum::http::Method;
use domain::Right;
use domain::Right::{Administer, ChangeWorkspace, ReadWorkspace, SeePeople};

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Nothing: whoever calls shows who they are with it.
    Nothing,
    /// An account or a key, of any role.
    Caller,
    /// A right.
    Right(Right),
}

/// What is noted of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audited {
    /// Nothing: it only reads.
    Not,
    /// The call, under this name.
    Call(&'static str),
    /// The same where it is refused; where it is done, the change itself is the record.
    Change(&'static str),
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    /// The path, as routes are written.
    pub(crate) path: &'static str,
    pub(crate) requirement: Requirement,
    pub(crate) audited: Audited,
}

const fn read(path: &'static str, right: Right) -> Call {
    let requirement = Requirement::Right(right);
    Call { method: "GET", path, requirement, audited: Audited::Not }
}

/// A call that changes a workspace.
const fn edit(method: &'static str, path: &'static str, action: &'static str) -> Call {
    let requirement = Requirement::Right(ChangeWorkspace);
    Call { method, path, requirement, audited: Audited::Call(action) }
}

/// A call that changes the installation.
const fn administer(method: &'static str, path: &'static str, action: &'static str) -> Call {
    let requirement = Requirement::Right(Administer);
    Call { method, path, requirement, audited: Audited::Change(action) }
}

/// A call about the caller's own account.
const fn own(method: &'static str, path: &'static str, action: &'static str) -> Call {
    Call { method, path, requirement: Requirement::Caller, audited: Audited::Change(action) }
}

/// A call that shows who calls.
const fn open(method: &'static str, path: &'static str, action: &'static str) -> Call {
    Call { method, path, requirement: Requirement::Nothing, audited: Audited::Change(action) }
}

pub(crate) const CALLS: &[Call] = &[
    open("POST", "/api/session", "session.create"),
    own("DELETE", "/api/session", "session.delete"),
    Call {
        method: "GET",
        path: "/api/account",
        requirement: Requirement::Caller,
        audited: Audited::Not,
    },
    own("PUT", "/api/account/password", "password.update"),
    own("DELETE", "/api/account/sessions", "sessions.delete"),
    read("/api/accounts", Administer),
    administer("PATCH", "/api/accounts/{email}", "account.update"),
    administer("DELETE", "/api/accounts/{email}", "account.delete"),
    administer("POST", "/api/accounts/{email}/reset", "invitation.create"),
    read("/api/invitations", Administer),
    administer("POST", "/api/invitations", "invitation.create"),
    administer("DELETE", "/api/invitations/{email}", "invitation.delete"),
    open("POST", "/api/invitations/accept", "invitation.accept"),
    read("/api/api_keys", Administer),
    administer("POST", "/api/api_keys", "api_key.create"),
    administer("DELETE", "/api/api_keys/{name}", "api_key.delete"),
    read("/api/audit", Administer),
    read("/api/workspaces", SeePeople),
    Call {
        method: "POST",
        path: "/api/workspaces",
        requirement: Requirement::Right(Administer),
        audited: Audited::Call("workspace.create"),
    },
    read("/api/workspaces/{workspace}", SeePeople),
    Call {
        method: "DELETE",
        path: "/api/workspaces/{workspace}",
        requirement: Requirement::Right(Administer),
        audited: Audited::Call("workspace.delete"),
    },
    read("/api/workspaces/{workspace}/settings", ReadWorkspace),
    edit("PATCH", "/api/workspaces/{workspace}/settings", "settings.update"),
    read("/api/workspaces/{workspace}/interaction_weights", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/interaction_weights", "interaction_weights.put"),
    read("/api/workspaces/{workspace}/sources", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/sources", "source.create"),
    read("/api/workspaces/{workspace}/sources/{name}", ReadWorkspace),
    edit("PATCH", "/api/workspaces/{workspace}/sources/{name}", "source.update"),
    edit("DELETE", "/api/workspaces/{workspace}/sources/{name}", "source.delete"),
    edit("POST", "/api/workspaces/{workspace}/sources/{name}/rotate", "source.rotate"),
    read("/api/workspaces/{workspace}/tokens", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/tokens", "token.create"),
    read("/api/workspaces/{workspace}/tokens/{name}", ReadWorkspace),
    edit("DELETE", "/api/workspaces/{workspace}/tokens/{name}", "token.delete"),
    read("/api/workspaces/{workspace}/traits", ReadWorkspace),
    read("/api/workspaces/{workspace}/traits/{key}", ReadWorkspace),
    edit("PUT", "/api/workspaces/{workspace}/traits/{key}", "trait.put"),
    edit("DELETE", "/api/workspaces/{workspace}/traits/{key}", "trait.delete"),
    read("/api/workspaces/{workspace}/rejections", SeePeople),
    read("/api/workspaces/{workspace}/events", ReadWorkspace),
    read("/api/workspaces/{workspace}/recommendations", SeePeople),
    read("/api/workspaces/{workspace}/recommendations/{recomm_id}", SeePeople),
    read("/api/workspaces/{workspace}/scenarios", SeePeople),
    read("/api/workspaces/{workspace}/scenarios/{name}", SeePeople),
    edit("PUT", "/api/workspaces/{workspace}/scenarios/{name}", "scenario.put"),
    edit("DELETE", "/api/workspaces/{workspace}/scenarios/{name}", "scenario.delete"),
    read("/api/workspaces/{workspace}/kpis", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/training", "training.start"),
    read("/api/workspaces/{workspace}/training", ReadWorkspace),
    read("/api/workspaces/{workspace}/training/{id}", ReadWorkspace),
    read("/api/workspaces/{workspace}/models", ReadWorkspace),
    edit("POST", "/api/workspaces/{workspace}/models/{version}/activate", "model.activate"),
    edit("POST", "/api/workspaces/{workspace}/catalog", "catalog.import"),
    read("/api/workspaces/{workspace}/catalog", SeePeople),
    edit("POST", "/api/workspaces/{workspace}/catalog/versions/{version}/activate", "catalog.activate"),
];

/// The row of a call; none where there is no such call.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Call> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    CALLS.iter().find(|call| call.method == method && call.path == path)
}
