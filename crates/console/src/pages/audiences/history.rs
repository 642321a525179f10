//! How far it is known who belongs to an audience: whether everybody is worked out, and how far the
//! past events are read that it asks for.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use domain::WorkspaceId;
use maud::{Markup, Render, html};
use resources::audiences::{self, Audience};
use web::App;
use web::workspaces::Workspace;

use super::path;
use crate::live::Part;
use crate::pages::past_events;
use crate::ui::{Callout, LiveFragment, Progress, ProgressState};

/// How far it is, as it goes on; nothing once it is known of everybody.
pub(super) fn section(workspace: &WorkspaceId, audience: &Audience) -> Markup {
    let Some(content) = progress(audience) else { return html! {} };
    let stream = format!("{}/history/stream", path(workspace, &audience.key));
    LiveFragment { stream: &stream, content }.render()
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Response {
    past_events::follow(app, &workspace, key, |workspace, key| async move {
        let audience = audiences::read(&workspace, key).await?.value;
        Ok(match progress(&audience) {
            Some(progress) => Part::Fragment(progress),
            None => Part::Last(done(workspace.id(), &audience)),
        })
    })
}

/// How far it is; none once it is known of everybody. People who are likely to act are looked for,
/// which the page says in its own words.
fn progress(audience: &Audience) -> Option<Markup> {
    if let Some(history) = audience.history {
        let meanwhile = "Who is not read yet stays in the audience, or out of it.";
        return Some(past_events::progress(history, meanwhile));
    }
    let is_under_way = !audience.is_worked_out && audience.likely.is_none();
    is_under_way.then(|| {
        let state = ProgressState::Running(None);
        let detail = "Then it is known of everybody whether they belong to it.";
        Progress { label: "Everybody is being worked out", state, detail, actions: None }.render()
    })
}

fn done(workspace: &WorkspaceId, audience: &Audience) -> Markup {
    let members = domain::counted(audience.n_members, "member", "members");
    html! {
        (Callout::success("Everybody is worked out").text(&format!("The audience has {members}.")))
        p { a href=(path(workspace, &audience.key)) { "Show who they are" } }
    }
}
