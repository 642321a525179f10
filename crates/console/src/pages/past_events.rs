//! How far the past events are read that an audience or a computed trait asks for.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use domain::quantity::grouped;
use maud::{Markup, Render};
use resources::audiences::HistoryRead;
use web::App;
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use crate::live::{Part, fragments};
use crate::ui::{Progress, ProgressState};

/// How often it is told how far the reading is.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// Tells how far it is, as it goes on. `read` is asked for what there is to show of `key`, in the
/// workspace as it is then.
pub(super) fn follow<F>(
    app: Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    read: impl Fn(RequestedWorkspace, String) -> F + Clone + Send + 'static,
) -> Response
where
    F: Future<Output = Result<Part, ApiError>> + Send + 'static,
{
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id, key, read) = (Arc::clone(&app), id.clone(), key.clone(), read.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            read(workspace, key).await
        }
    })
}

/// How far the reading is. `meanwhile` says what becomes of those who are not read yet.
pub(super) fn progress(history: HistoryRead, meanwhile: &str) -> Markup {
    let HistoryRead { people, read } = history;
    let detail = format!("{} of {} people. {meanwhile}", grouped(read), grouped(people));
    let share = (people > 0).then(|| read as f64 / people as f64);
    let state = ProgressState::Running(share);
    Progress { label: "Past events are being read", state, detail: &detail, actions: None }.render()
}
