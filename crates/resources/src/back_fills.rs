//! Back-fills: the mappings of our own engine are applied to the past, as a job, with a preview.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{ENGINE_DESTINATION, Interaction, InteractionKind};
use engine::{BackFillError, BackFillExample, BackFillReport, BackFillRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::App;
use web::access::Caller;
use web::error::{ApiError, ErrorKind};
use web::jobs::{Job, JobControl, JobKind, JobOutcome, NewJob, Once};
use web::workspaces::RequestedWorkspace;

use crate::places::Place;

/// A back-fill that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackFill {
    /// The beginning of the span: an offset or a time of arrival; without it that of the journal,
    /// or behind the last reset.
    #[serde(default)]
    pub from: Option<Place>,
    /// The end, which is not included; the present one without it.
    #[serde(default)]
    pub until: Option<Place>,
    /// Only says what would change.
    #[serde(default)]
    pub preview: bool,
}

/// What a back-fill changed, or would change.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownBackFill {
    /// Whether nothing was changed yet.
    pub is_preview: bool,
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// Interactions that are new, by kind.
    pub added: BTreeMap<InteractionKind, u64>,
    /// Interactions that are gone, by kind.
    pub removed: BTreeMap<InteractionKind, u64>,
    /// Interactions of which only the values changed, by kind.
    pub changed: BTreeMap<InteractionKind, u64>,
    /// Clicks and list views that are new.
    pub signals_added: u64,
    /// Clicks and list views that are gone.
    pub signals_removed: u64,
    /// Items that messages name only now.
    pub items_created: u64,
    /// Items that no message names any more, and no catalog lists.
    pub items_removed: u64,
    /// People of whom something changed.
    pub people: u64,
    /// People who are there only now.
    pub people_created: u64,
    /// Pairs of ids that belong to one person now.
    pub merges: u64,
    /// People whom earlier mappings merged and these do not: they stay one.
    pub merges_kept: u64,
    /// The first changes, at most 10.
    pub examples: Vec<ShownChange>,
}

/// What the earlier mappings made, and what these make. Absent where there is nothing.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownChange {
    /// The id of the person.
    pub user_id: String,
    /// What there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What there is then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

/// Starts a back-fill as a job, or finds what it would change. The result is a [`ShownBackFill`].
///
/// # Errors
/// 404 where the destination is not our own engine, 400 for a wrong span, 409 where one is under
/// way.
pub fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    destination: &str,
    request: &NewBackFill,
) -> Result<Job, ApiError> {
    if destination != ENGINE_DESTINATION {
        let message = format!(
            "only our own engine ({ENGINE_DESTINATION}) holds what mappings made: send messages \
             to {destination:?} once more by a replay"
        );
        return Err(ApiError::not_found(message));
    }
    let place =
        |place: &Option<Place>, field| place.as_ref().map(|place| place.parse(field)).transpose();
    let asked = BackFillRequest {
        from: place(&request.from, "from")?,
        until: place(&request.until, "until")?,
        is_preview: request.preview,
    };
    let once = Once::UnderWay("back-fill".to_owned());
    if let Some(job) = app.jobs.find_once(workspace.id(), &once) {
        let message = format!("a back-fill is under way: job {}", job.id);
        return Err(ApiError::new(ErrorKind::JobUnderWay, message));
    }
    let handle = workspace.handle().clone();
    let new = NewJob {
        once: Some(once),
        ..NewJob::new(workspace.id().clone(), JobKind::BackFill, caller.actor.clone())
    };
    let work = move |control: &JobControl| {
        let progress = |share: f64, doing: &'static str| {
            control.tell(share, doing);
            match control.is_cancelled() {
                true => Err(engine::Cancelled.into()),
                false => Ok(()),
            }
        };
        let report = handle.blocking().engine()?.back_fill(&asked, &progress);
        control.check()?;
        let report = report.map_err(back_fill_error)?;
        Ok(JobOutcome::of(&ShownBackFill::new(report, asked.is_preview)))
    };
    app.jobs.start(new, work)
}

fn back_fill_error(error: BackFillError) -> ApiError {
    match error {
        BackFillError::UnderWay => ApiError::new(ErrorKind::JobUnderWay, error.to_string()),
        BackFillError::Refused(refusal) => refusal.into(),
        BackFillError::Engine(error) => error.into(),
        BackFillError::Submit(error) => error.into(),
    }
}

impl ShownBackFill {
    fn new(report: BackFillReport, is_preview: bool) -> Self {
        Self {
            is_preview,
            from: report.from,
            until: report.until,
            added: report.added,
            removed: report.removed,
            changed: report.changed,
            signals_added: report.signals_added,
            signals_removed: report.signals_removed,
            items_created: report.items_created,
            items_removed: report.items_removed,
            people: report.people,
            people_created: report.people_created,
            merges: report.merges,
            merges_kept: report.merges_kept,
            examples: report.examples.into_iter().map(ShownChange::new).collect(),
        }
    }
}

impl ShownChange {
    fn new(example: BackFillExample) -> Self {
        let show = |interaction: Interaction| domain::json::to_value(&interaction);
        Self {
            user_id: example.user_id,
            before: example.before.map(show),
            after: example.after.map(show),
        }
    }
}
