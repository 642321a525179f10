//! The way to a page: through the same gate as calls of the API, by a table of its own.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use domain::Right;
use web::App;
use web::access::{Audited, Call, Gate, Requirement, authorize};

/// Lets through what the rows of `calls` allow; a request without a row is answered 405.
pub(crate) fn gated(
    app: &Arc<App>,
    calls: &'static [Call],
    routes: Router<Arc<App>>,
) -> Router<Arc<App>> {
    let gate = Gate { access: Arc::clone(&app.access), calls };
    routes.route_layer(from_fn_with_state(gate, authorize))
}

/// A page that whoever has a right may read.
pub(crate) const fn read(path: &'static str, right: Right) -> Call {
    Call { method: "GET", path, requirement: Requirement::Right(right), audited: Audited::Not }
}

/// A form that shows what it would do, and changes nothing.
#[expect(dead_code)]
pub(crate) const fn preview(path: &'static str, right: Right) -> Call {
    Call { method: "POST", path, requirement: Requirement::Right(right), audited: Audited::Not }
}

/// A form that changes a workspace. The action is the name of the same change in the admin API.
pub(crate) const fn edit(path: &'static str, action: &'static str) -> Call {
    Call {
        method: "POST",
        path,
        requirement: Requirement::Right(Right::ChangeWorkspace),
        audited: Audited::Call(action),
    }
}

/// A form that changes the installation: the change itself is the record.
#[expect(dead_code)]
pub(crate) const fn administer(path: &'static str, action: &'static str) -> Call {
    Call {
        method: "POST",
        path,
        requirement: Requirement::Right(Right::Administer),
        audited: Audited::Change(action),
    }
}

/// A page about the caller's own account.
pub(crate) const fn own_page(path: &'static str) -> Call {
    Call { method: "GET", path, requirement: Requirement::Caller, audited: Audited::Not }
}

/// A form about the caller's own account.
pub(crate) const fn own(path: &'static str, action: &'static str) -> Call {
    Call {
        method: "POST",
        path,
        requirement: Requirement::Caller,
        audited: Audited::Change(action),
    }
}

/// A page for everybody.
pub(crate) const fn open_page(path: &'static str) -> Call {
    Call { method: "GET", path, requirement: Requirement::Nothing, audited: Audited::Not }
}

/// A form for everybody: what it takes shows who sends it.
pub(crate) const fn open(path: &'static str, action: &'static str) -> Call {
    Call {
        method: "POST",
        path,
        requirement: Requirement::Nothing,
        audited: Audited::Change(action),
    }
}
