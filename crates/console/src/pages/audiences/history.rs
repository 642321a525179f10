//! How far the past events are read that an audience asks for.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use domain::WorkspaceId;
use domain::quantity::grouped;
use maud::{Markup, Render, html};
use resources::audiences::{self, Audience, HistoryRead};
use web::App;
use web::workspaces::Workspace;

use super::path;
use crate::live::{Part, fragments};
use crate::ui::{Callout, LiveFragment, Progress, ProgressState};

/// How often it is told how far the reading is.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// How far the reading is, as it goes on; nothing where there is nothing to read.
pub(super) fn section(workspace: &WorkspaceId, audience: &Audience) -> Markup {
    let Some(history) = audience.history else { return html! {} };
    let stream = format!("{}/history/stream", path(workspace, &audience.key));
    LiveFragment { stream: &stream, content: progress(history) }.render()
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id, key) = (Arc::clone(&app), id.clone(), key.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let audience = audiences::read(&workspace, key).await?.value;
            Ok(match audience.history {
                Some(history) => Part::Fragment(progress(history)),
                None => Part::Last(done(&id, &audience)),
            })
        }
    })
}

fn progress(history: HistoryRead) -> Markup {
    let far = match history.people {
        0 => "Those whose past counts are being looked for".to_owned(),
        people => format!("{} of {} people", grouped(history.read), grouped(people)),
    };
    let detail = format!("{far}. Who is not read yet stays in the audience, or out of it.");
    let share = (history.people > 0).then(|| history.read as f64 / history.people as f64);
    let state = ProgressState::Running(share);
    Progress { label: "Past events are being read", state, detail: &detail, actions: None }.render()
}

fn done(workspace: &WorkspaceId, audience: &Audience) -> Markup {
    let members = domain::counted(audience.n_members, "member", "members");
    html! {
        (Callout::success("Past events are read").text(&format!("The audience has {members}.")))
        p { a href=(path(workspace, &audience.key)) { "Show who they are" } }
    }
}
