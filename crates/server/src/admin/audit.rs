//! `GET /api/audit`: who did what, the latest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use resources::audit::{self, AuditPage, AuditQuery};
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;

/// Who did what, the latest first.
///
/// `before` of the answer is that of the next page.
#[utoipa::path(
    get,
    path = "/api/audit",
    params(AuditQuery),
    responses((status = 200, description = "Done", body = AuditPage)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<AuditPage>, ApiError> {
    Ok(Json(audit::read(&app, query).await?))
}
