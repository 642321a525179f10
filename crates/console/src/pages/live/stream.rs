//! The stream of entries as HTML: events `entry`, each an element of the list.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use domain::Timestamp;
use futures_util::{Stream, StreamExt};
use maud::{Markup, Render, html};
use resources::live::{self, Filter, Update};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::streams::STREAM_HEARTBEAT;
use web::workspaces::Workspace;

use super::{ENTRIES_SHOWN_MAX, entry};
use crate::ui::{ArrivedEntry, Icon, Tone};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    source: Option<String>,
    event: Option<String>,
    user: Option<String>,
    outcome: Option<String>,
    after: Option<u64>,
}

/// The id of an event is the `after` of a stream that goes on behind it.
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let filter = Filter::new(query.source, query.event, query.user, query.outcome)?;
    // The page keeps no more of them.
    let updates =
        live::follow(&app, &caller, &workspace, filter, query.after, ENTRIES_SHOWN_MAX).await?;
    let id = workspace.id().clone();
    let events = updates.map(move |update| {
        let now = app.installation.options.clock.now();
        let (html, after) = match update {
            Update::Entry { entry, after } => (entry::render(&id, &entry, now), after),
            Update::Missed { entries, after } => (missed(entries, now), after),
        };
        // Events cannot hold the character itself.
        let html = html.into_string().replace('\r', "&#13;");
        Ok(Event::default().event("entry").id(after.to_string()).data(html))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(STREAM_HEARTBEAT)))
}

fn missed(n_entries: u64, now: Timestamp) -> Markup {
    ArrivedEntry {
        icon: Icon::Warning,
        tone: Tone::Warning,
        what: html! {
            "Too much at once: up to " (domain::grouped(n_entries))
            " messages and calls are not shown here. Filters make it less."
        },
        at: now,
        now,
        facts: &[],
        outcome: "not shown",
    }
    .render()
}
