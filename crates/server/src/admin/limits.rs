//! `GET /api/limits`: the limits in force, and how much of each is used now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use resources::limits::{self, Limit};
use serde::Serialize;
use web::App;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Limits {
    limits: Vec<Limit>,
}

/// Lists the limits in force, and how much of each is used.
#[utoipa::path(
    get,
    path = "/api/limits",
    responses((status = 200, description = "Done", body = Limits)),
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Limits> {
    Json(Limits { limits: limits::list(&app) })
}
