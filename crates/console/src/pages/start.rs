//! `/console`: the way to the first workspace.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::Render;
use web::App;
use web::access::Call;

use crate::gate::{gated, own_page};
use crate::page::{Area, Frame, Page};
use crate::ui::{EmptyState, Icon};

pub(super) const CALLS: &[Call] = &[own_page("/console"), own_page("/console/")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console", get(show)).route("/console/", get(show)))
}

async fn show(frame: Frame) -> Response {
    if let Some(first) = frame.workspaces.first() {
        return Redirect::to(&Area::Overview.path(first)).into_response();
    }
    let nothing = EmptyState {
        icon: Icon::Settings,
        title: "No workspace yet",
        text: "A workspace holds the people, items and models of one product.",
        next: None,
    };
    Page::new(&frame, Area::Overview, "Workspaces").body(nothing.render()).into_response()
}
