//! `GET /api/workspaces/{workspace}/rejections`: rejected messages, with the reasons.

use axum::Json;
use serde::Deserialize;
use serde_json::{Value, json};

use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

const LIMIT_DEFAULT: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    limit: Option<usize>,
}

/// All-time counts by source and reason, and the latest rejections, newest first.
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Value>, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, engine::REJECTIONS_KEPT_MAX)?;
    let report = workspace.ask(move |engine| Ok(engine.snapshot().rejections(limit))).await?;
    let counts: Vec<Value> = report
        .counts
        .iter()
        .map(|((source, reason), count)| json!({ "source": source, "reason": reason.code(), "count": count }))
        .collect();
    let latest: Vec<Value> = report
        .latest
        .iter()
        .map(|rejection| {
            json!({
                "reason": rejection.reason.code(),
                "detail": rejection.detail,
                "source": rejection.source,
                "message_id": rejection.message_id,
                "type": rejection.type_,
                "received_at": rejection.received_at.to_string(),
                "excerpt": rejection.excerpt,
            })
        })
        .collect();
    Ok(Json(
        json!({ "total": report.counts.values().sum::<u64>(), "counts": counts, "latest": latest }),
    ))
}
