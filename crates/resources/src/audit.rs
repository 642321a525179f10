//! Who did what.

use std::sync::Arc;

use domain::{Timestamp, WorkspaceId};
use engine::installation::{AUDIT_PAGE_MAX, AuditFilter, AuditRecord};
use serde::{Deserialize, Serialize};
use web::App;
use web::access::Who;
use web::error::ApiError;
use web::parameters::count;

const LIMIT_DEFAULT: usize = 50;

/// Which records are wanted; the latest where nothing is said.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// The kind or the name of the actor.
    pub who: Option<String>,
    /// The action, such as `scenario.put`, or all of a resource, such as `scenario`.
    pub what: Option<String>,
    /// The workspace.
    #[param(value_type = Option<String>)]
    pub workspace: Option<WorkspaceId>,
    /// Not before this day or time.
    pub from: Option<String>,
    /// Before this day or time.
    pub until: Option<String>,
    /// The place of the page: what the page before said.
    pub before: Option<u64>,
    /// The most records.
    pub limit: Option<usize>,
}

/// A page of the audit.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct AuditPage {
    /// The records, the latest first.
    pub audit: Vec<ShownRecord>,
    /// The place of the next page; none where this is the last one.
    pub before: Option<u64>,
}

/// Something that somebody did.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownRecord {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub who: Who,
    /// The action, such as `scenario.put`.
    pub what: String,
    /// The name of what it was done to.
    pub resource: Option<String>,
    /// The workspace.
    #[schema(value_type = Option<String>)]
    pub workspace: Option<WorkspaceId>,
    /// `done`, `refused` or `failed`.
    pub outcome: &'static str,
}

impl From<&AuditRecord> for ShownRecord {
    fn from(AuditRecord { at, by, deed, .. }: &AuditRecord) -> Self {
        Self {
            at: *at,
            who: Who::from(by),
            what: deed.action.clone(),
            resource: deed.resource.clone(),
            workspace: deed.workspace.clone(),
            outcome: deed.outcome.word(),
        }
    }
}

/// A page of records. It is read from the end of the journal of the installation, a bounded number
/// of entries at a time.
///
/// # Errors
/// If a time or the limit is wrong, or the journal cannot be read.
pub async fn read(app: &Arc<App>, query: AuditQuery) -> Result<AuditPage, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, AUDIT_PAGE_MAX)?;
    let filter = AuditFilter {
        who: query.who,
        what: query.what,
        workspace: query.workspace,
        from: parse_time("from", query.from.as_deref())?,
        until: parse_time("until", query.until.as_deref())?,
    };
    let turn = app.admission.administrators_account().take_question_turn().await?;
    let app = Arc::clone(app);
    let read = move || {
        let _until_it_has_ended = turn;
        app.access.installation().audit(&filter, query.before, limit)
    };
    let page = tokio::task::spawn_blocking(read).await??;
    let audit = page.records.iter().map(ShownRecord::from).collect();
    Ok(AuditPage { audit, before: page.before })
}

fn parse_time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let parse = |text| {
        let wrong = || {
            ApiError::invalid(format!(
                "{name} is {text:?}, it must be a day as 2026-01-31 or a time as 2026-01-31T12:00:00Z"
            ))
        };
        Timestamp::parse_zoned(text).ok_or_else(wrong)
    };
    text.map(parse).transpose()
}
