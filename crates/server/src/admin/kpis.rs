//! `GET /api/workspaces/{workspace}/kpis`: how many recommendations there were, and how many clicks
//! and conversions they led to, as JSON or as CSV.

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use resources::results::{self, ResultsQuery, to_csv};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

const CSV: &str = "text/csv";

/// Recommendations, and the clicks and conversions that they led to.
///
/// CSV where the caller accepts `text/csv`.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/kpis",
    params(ResultsQuery),
    responses((status = 200, description = "Done", body = results::Results)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    headers: HeaderMap,
    Parameters(query): Parameters<ResultsQuery>,
) -> Result<Response, ApiError> {
    let results = results::read(&workspace, query).await?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let media_types = accept.unwrap_or_default().split([',', ';']).map(str::trim);
    let wants_csv = media_types.into_iter().any(|media_type| media_type.eq_ignore_ascii_case(CSV));
    let mut response = match wants_csv {
        true => ([(header::CONTENT_TYPE, CSV)], to_csv(&results)?).into_response(),
        false => Json(results).into_response(),
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(response)
}
