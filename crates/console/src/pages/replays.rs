//! Replays: a span of the journal once more to a destination or into another workspace. First it
//! is counted, then started.

mod form;
mod outcome;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{Administer, ChangeWorkspace, SeePeople};
use domain::{Timestamp, WorkspaceId, grouped};
use maud::{Markup, Render, html};
use resources::replays::{self, ShownReplay};
use web::App;
use web::access::{Call, Caller, MadeResource};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use self::form::TypedReplay;
pub(super) use self::outcome::{back_fill_result, replay_result, replay_text};
use super::jobs;
use super::settings::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::Form;
use crate::ui::{Badge, Button, Cell, Column, RelativeTime, Table, Tone};

const LIST: &str = "/console/{workspace}/replays";
const CONTINUE: &str = "/console/{workspace}/replays/{id}/continue";

pub(super) const CALLS: &[Call] =
    &[read(LIST, SeePeople), edit(LIST, "replay.start"), edit(CONTINUE, "replay.continue")];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new().route(LIST, get(show).post(start)).route(CONTINUE, post(go_on));
    gated(app, CALLS, routes)
}

/// The path of the page.
pub(super) fn path(workspace: &WorkspaceId) -> String {
    format!("/console/{workspace}/replays")
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(given): Parameters<BTreeMap<String, Vec<String>>>,
) -> Result<Response, ApiError> {
    let is_known = |name: &str| form::FIELDS.contains(&name) || form::CHOICES.contains(&name);
    if let Some(name) = given.keys().find(|name| !is_known(name)) {
        let what = format!("there is no parameter {name}");
        return Err(ApiError::invalid(what).of_parameter(name));
    }
    let pairs = given
        .into_iter()
        .flat_map(|(name, texts)| texts.into_iter().map(move |text| (name.clone(), text)));
    let typed = TypedReplay::read(&Typed(pairs.collect()));
    let shown = Shown { app: &app, caller: &caller, frame: &frame, workspace: &workspace };
    Ok(shown.page(&typed, &Mistake::default()).await?.into_response())
}

async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let form = TypedReplay::read(&typed);
    let started = match form.request(typed.text("do") == "count") {
        Ok(request) => {
            let made = request.made_workspace();
            replays::start(&app, &workspace, &caller, request).await.map(|job| (job, made))
        }
        Err(error) => Err(error),
    };
    match started {
        Ok((job, made)) => {
            let mut response = Redirect::to(&jobs::path(workspace.id(), job.id)).into_response();
            if let Some(id) = made {
                response.extensions_mut().insert(MadeResource(id));
            }
            Ok(response)
        }
        Err(error) => {
            let mistake = form.placed(Mistake::of(error)?);
            let shown = Shown { app: &app, caller: &caller, frame: &frame, workspace: &workspace };
            Ok(again(shown.page(&form, &mistake).await?))
        }
    }
}

async fn go_on(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    let job = replays::go_on(&app, &workspace, &caller, &id).await?;
    Ok(Redirect::to(&jobs::path(workspace.id(), job.id)))
}

/// What the page is made of.
struct Shown<'a> {
    app: &'a Arc<App>,
    caller: &'a Caller,
    frame: &'a Frame,
    workspace: &'a RequestedWorkspace,
}

impl<'a> Shown<'a> {
    async fn page(&self, typed: &TypedReplay, mistake: &Mistake) -> Result<Page<'a>, ApiError> {
        let Self { app, caller, frame, workspace } = self;
        let replays = replays::list(app, workspace).await?;
        let may_change = caller.grant.role.has(ChangeWorkspace);
        let destinations: Vec<String> = workspace
            .config()?
            .outgoing_destinations()
            .map(|destination| destination.name.clone())
            .collect();
        let may_make = caller.grant.role.has(Administer) && caller.grant.workspaces.is_none();
        let is_other = |id: &WorkspaceId| id != workspace.id() && caller.grant.covers(id.as_str());
        let others = app.workspaces.open_ids().into_iter().filter(is_other);
        let others: Vec<String> = others.map(|id| id.to_string()).collect();
        let now = workspace.handle().now()?;
        let form = Form {
            action: &path(workspace.id()),
            csrf: &frame.csrf,
            preview: None,
            body: typed.controls(&destinations, &others, may_make, mistake),
        };
        let body = html! {
            @if may_change { section class="card" { (form) } }
            section class="section" aria-labelledby="past-replays" {
                h2 id="past-replays" { "Replays" }
                @if replays.is_empty() {
                    p class="card" { "Nothing was sent once more yet." }
                } @else {
                    div class="card card-table" { (self.table(&replays, may_change, now)) }
                }
            }
        };
        Ok(Page::new(frame, Area::Destinations, "Replay")
            .lead("Messages of the past once more: to a destination that lost them or is to get what changed mappings make of them, or into another workspace.")
            .body(body))
    }

    fn table(&self, replays: &[ShownReplay], may_change: bool, now: Timestamp) -> Table<'a> {
        let mut columns = vec![
            Column::text("To"),
            Column::text("State"),
            Column::number("Messages"),
            Column::number("Of the span"),
            Column::text("Last heard of"),
        ];
        if may_change {
            columns.push(Column::actions("Go on"));
        }
        let rows = replays.iter().map(|replay| self.row(replay, may_change, now));
        Table::new("Replays", columns).rows(rows)
    }

    fn row(&self, replay: &ShownReplay, may_change: bool, now: Timestamp) -> Vec<Cell> {
        let own = self.workspace.id();
        let request = &replay.request;
        let to = request.destination.as_ref().or(request.workspace.as_ref());
        let kind = if request.destination.is_some() { "destination" } else { "workspace" };
        let tone = match replay.state {
            "done" => Tone::Good,
            "running" => Tone::Accent,
            _ => Tone::Warning,
        };
        let n_all = replay.until.saturating_sub(replay.from).max(1);
        let n_done = replay.reached.saturating_sub(replay.from).min(n_all);
        let share = if replay.state == "done" { 100 } else { n_done * 100 / n_all };
        let mut cells = vec![
            Cell::new(html! {
                bdi { (to.map_or("", String::as_str)) }
                span class="under" { (kind) ", from entry " (grouped(replay.from)) }
            }),
            Cell::new(html! {
                @match replay.job {
                    Some(job) => { a href=(jobs::path(own, job)) { (Badge::of(tone, replay.state)) } }
                    None => (Badge::of(tone, replay.state)),
                }
            }),
            Cell::new(grouped(replay.replayed)),
            Cell::new(html! { (share) " %" }),
            Cell::new(html! { (RelativeTime { at: replay.noted_at, now }) }),
        ];
        if may_change {
            cells.push(Cell::new(self.continuing(replay)));
        }
        cells
    }

    fn continuing(&self, replay: &ShownReplay) -> Markup {
        if replay.state != "stopped" {
            return html! {};
        }
        let action = format!("{}/{}/continue", path(self.workspace.id()), replay.id);
        let body = html! { (Button::quiet("Go on")) };
        Form { action: &action, csrf: &self.frame.csrf, preview: None, body }.render()
    }
}
