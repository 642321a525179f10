//! `GET /api/audit`: who did what, the latest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::{Timestamp, WorkspaceId};
use engine::installation::{AUDIT_PAGE_MAX, AuditFilter, AuditRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor_json;
use web::App;
use web::error::ApiError;
use web::parameters::{Parameters, count};

const LIMIT_DEFAULT: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    who: Option<String>,
    what: Option<String>,
    workspace: Option<WorkspaceId>,
    from: Option<String>,
    until: Option<String>,
    before: Option<u64>,
    limit: Option<usize>,
}

/// `before` of the answer is that of the next page.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Value>, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, AUDIT_PAGE_MAX)?;
    let filter = AuditFilter {
        who: query.who,
        what: query.what,
        workspace: query.workspace,
        from: time("from", query.from.as_deref())?,
        until: time("until", query.until.as_deref())?,
    };
    let turn = app.admission.administrators_account().take_question_turn().await?;
    let read = move || {
        let _until_it_has_ended = turn;
        app.access.installation().audit(&filter, query.before, limit)
    };
    let page = tokio::task::spawn_blocking(read).await??;
    let records: Vec<Value> = page.records.iter().map(record_json).collect();
    Ok(Json(json!({ "audit": records, "before": page.before })))
}

fn record_json(AuditRecord { at, by, deed, .. }: &AuditRecord) -> Value {
    json!({
        "at": at.to_string(),
        "who": actor_json(by),
        "what": deed.action,
        "resource": deed.resource,
        "workspace": deed.workspace,
        "outcome": deed.outcome.word(),
    })
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text| {
        let wrong = || {
            ApiError::invalid(format!(
                "{name} is {text:?}, it must be a day or a time as 2026-01-31T12:00:00Z"
            ))
        };
        Timestamp::parse(text).ok_or_else(wrong)
    };
    text.map(parse).transpose()
}
