//! Scenarios.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Right::SeePeople;
use maud::{Render, html};
use resources::scenarios;
use web::App;
use web::access::Call;
use web::error::ApiError;
use web::workspaces::Workspace;

use crate::gate::{gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::{EmptyState, Icon};

pub(super) const CALLS: &[Call] = &[read("/console/{workspace}/scenarios", SeePeople)];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console/{workspace}/scenarios", get(list)))
}

async fn list(frame: Frame, Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    let scenarios = scenarios::list(&workspace).await?;
    let body = html! {
        @if scenarios.is_empty() {
            (EmptyState {
                icon: Icon::Scenarios,
                title: "No scenario yet",
                text: "A scenario is a place where recommendations are shown.",
                next: None,
            })
        }
        @for shown in &scenarios { p { (shown.scenario.name) } }
    };
    Ok(Page::new(&frame, Area::Scenarios, "Scenarios").body(body.render()).into_response())
}
