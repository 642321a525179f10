//! Sources: whether they send, how they begin, what they may send and what they have sent. Keys and
//! names are changed in the settings.

mod list;
mod overview;
mod plan;
mod schema;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::Right::{ReadWorkspace, SeePeople};
use domain::{Right, WorkspaceId};
use maud::{Markup, Render};
use resources::sources::ShownSource;
use web::App;
use web::access::{Call, Caller};

use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::{Badge, Callout, Tab, Tone, tabs};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/sources", ReadWorkspace),
    read("/console/{workspace}/sources/{name}", ReadWorkspace),
    edit("/console/{workspace}/sources/{name}", "source.update"),
    read("/console/{workspace}/sources/{name}/stream", ReadWorkspace),
    read("/console/{workspace}/sources/{name}/plan", ReadWorkspace),
    edit("/console/{workspace}/sources/{name}/plan", "source.update"),
    read("/console/{workspace}/sources/{name}/schema", SeePeople),
    read("/console/{workspace}/sources/{name}/violations", SeePeople),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = "/console/{workspace}/sources/{name}";
    let routes = Router::new()
        .route("/console/{workspace}/sources", get(list::show))
        .route(one, get(overview::show).post(overview::save))
        .route(&format!("{one}/stream"), get(overview::follow))
        .route(&format!("{one}/plan"), get(plan::show).post(plan::save))
        .route(&format!("{one}/schema"), get(schema::show))
        .route(&format!("{one}/violations"), get(schema::show_violations));
    gated(app, CALLS, routes)
}

/// The path of a page of a source.
fn path(workspace: &WorkspaceId, name: &str, part: &str) -> String {
    format!("{}/{}{part}", Area::Sources.path(workspace), encode(name))
}

/// A page of a source with its tabs.
fn page<'a>(frame: &'a Frame, source: &'a ShownSource, part: &str, body: &Markup) -> Page<'a> {
    let parts =
        [("", "Source"), ("/schema", "Schema"), ("/plan", "Plan"), ("/violations", "Violations")];
    let tab_list = frame.workspace.as_ref().map(|workspace| {
        let hrefs = parts.map(|(own, label)| (own, label, path(workspace, &source.name, own)));
        let shown = hrefs.iter().filter(|(.., href)| frame.may_open(href));
        let shown = shown.map(|(own, label, href)| Tab {
            label,
            href,
            count: None,
            is_current: *own == part,
        });
        tabs(&format!("Source {}", source.name), &shown.collect::<Vec<_>>())
    });
    let body = maud::html! { @if let Some(list) = &tab_list { (list) } (body) };
    Page::new(frame, Area::Sources, &source.name).body(body)
}

fn state(source: &ShownSource) -> Badge<'static> {
    match source.enabled {
        true => Badge::of(Tone::Good, "on"),
        false => Badge::new("off"),
    }
}

fn may_change(caller: &Caller) -> bool {
    caller.grant.role.has(Right::ChangeWorkspace)
}

fn saved() -> Markup {
    Callout::success("Saved. It is in force for the next message.").announced().render()
}

/// The parameter of a page that a form leads to.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Noticed {
    notice: Option<Notice>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Saved,
}
