//! Where a trait, a computed trait or an audience goes: which destinations get it and how, how far
//! the first sending is, and sending it again.

pub(super) mod form;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{Right, SyncSettings, WorkspaceConfig, WorkspaceId, grouped};
use engine::{Expected, SyncSubject};
use maud::{Markup, Render, html};
use resources::syncs::{self, ShownSync, SyncAgain};
use resources::{audiences, computed_traits, traits};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::json;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use crate::ROOT;
use crate::gate::{edit, gated, read};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page, destination_path, encode};
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::Form;
use crate::ui::{
    Badge, Button, Callout, Cell, Column, LiveFragment, Progress, ProgressState, RelativeTime,
    Table, Tone,
};

/// How often it is told how far a sending is.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

const TRAIT: &str = "/console/{workspace}/settings/traits/{key}/sync";
const TRAIT_STREAM: &str = "/console/{workspace}/settings/traits/{key}/sync/stream";
const TRAIT_AGAIN: &str = "/console/{workspace}/settings/traits/{key}/sync/again";
const COMPUTED: &str = "/console/{workspace}/settings/computed-traits/{key}/sync";
const COMPUTED_STREAM: &str = "/console/{workspace}/settings/computed-traits/{key}/sync/stream";
const COMPUTED_AGAIN: &str = "/console/{workspace}/settings/computed-traits/{key}/sync/again";
const AUDIENCE: &str = "/console/{workspace}/audiences/of/{key}/sync";
const AUDIENCE_STREAM: &str = "/console/{workspace}/audiences/of/{key}/sync/stream";
const AUDIENCE_AGAIN: &str = "/console/{workspace}/audiences/of/{key}/sync/again";

pub(super) const CALLS: &[Call] = &[
    read(TRAIT, ReadWorkspace),
    read(TRAIT_STREAM, ReadWorkspace),
    edit(TRAIT, "trait.put"),
    edit(TRAIT_AGAIN, "trait.sync_again"),
    read(COMPUTED, ReadWorkspace),
    read(COMPUTED_STREAM, ReadWorkspace),
    edit(COMPUTED, "computed_trait.put"),
    edit(COMPUTED_AGAIN, "trait.sync_again"),
    read(AUDIENCE, ReadWorkspace),
    read(AUDIENCE_STREAM, ReadWorkspace),
    edit(AUDIENCE, "audience.put"),
    edit(AUDIENCE_AGAIN, "audience.sync_again"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let of_kind = |kind: Kind, page: &str, stream: &str, send_again: &str| {
        Router::new()
            .route(page, get(show).post(save))
            .route(stream, get(follow))
            .route(send_again, post(send))
            .layer(Extension(kind))
    };
    let routes = of_kind(Kind::Trait, TRAIT, TRAIT_STREAM, TRAIT_AGAIN)
        .merge(of_kind(Kind::Computed, COMPUTED, COMPUTED_STREAM, COMPUTED_AGAIN))
        .merge(of_kind(Kind::Audience, AUDIENCE, AUDIENCE_STREAM, AUDIENCE_AGAIN));
    gated(app, CALLS, routes)
}

/// What goes to destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Trait,
    Computed,
    Audience,
}

/// What became of the last form.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Saved,
    SentAgain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Noticed {
    notice: Option<Notice>,
}

impl Kind {
    /// The page of the trait or audience itself.
    fn own_path(self, workspace: &WorkspaceId, key: &str) -> String {
        let key = encode(key);
        match self {
            Self::Trait => format!("{ROOT}/{workspace}/settings/traits/{key}"),
            Self::Computed => format!("{ROOT}/{workspace}/settings/computed-traits/{key}"),
            Self::Audience => format!("{}/of/{key}", Area::Audiences.path(workspace)),
        }
    }

    /// The page of where it goes.
    pub(super) fn path(self, workspace: &WorkspaceId, key: &str) -> String {
        format!("{}/sync", self.own_path(workspace, key))
    }

    fn area(self) -> Area {
        match self {
            Self::Trait | Self::Computed => Area::Settings,
            Self::Audience => Area::Audiences,
        }
    }

    fn subject(self, key: &str) -> SyncSubject {
        match self {
            Self::Trait | Self::Computed => SyncSubject::Trait(key.to_owned()),
            Self::Audience => SyncSubject::Audience(key.to_owned()),
        }
    }

    /// How it goes to destinations now.
    async fn settings(
        self,
        workspace: &RequestedWorkspace,
        key: &str,
    ) -> Result<Option<SyncSettings>, ApiError> {
        let key = key.to_owned();
        Ok(match self {
            Self::Trait => traits::read(workspace, key).await?.value.sync,
            Self::Computed => computed_traits::read(workspace, key).await?.value.definition.sync,
            Self::Audience => audiences::read(workspace, key).await?.value.sync,
        })
    }

    /// Lets it go to destinations by other settings; the rest of its definition stays.
    async fn put(
        self,
        app: &Arc<App>,
        workspace: &RequestedWorkspace,
        key: &str,
        sync: Option<SyncSettings>,
    ) -> Result<(), ApiError> {
        let config = workspace.config()?;
        let gone = || ApiError::not_found(format!("there is no {key:?} any more"));
        let expected = Expected::Present;
        match self {
            Self::Trait => {
                let mut definition = config.trait_definition(key).cloned().ok_or_else(gone)?;
                definition.sync = sync;
                traits::put(app, workspace, definition, expected).await.map(drop)
            }
            Self::Computed => {
                let mut definition = config.computed_trait(key).cloned().ok_or_else(gone)?;
                definition.sync = sync;
                computed_traits::put(app, workspace, definition, expected).await.map(drop)
            }
            Self::Audience => {
                let mut definition = config.audience(key).cloned().ok_or_else(gone)?;
                definition.sync = sync;
                audiences::put(app, workspace, definition, expected).await.map(drop)
            }
        }
    }
}

impl Render for Notice {
    fn render(&self) -> Markup {
        let title = match self {
            Self::Saved => "Saved. It is in force now.",
            Self::SentAgain => "Everybody is sent again.",
        };
        Callout::success(title).announced().render()
    }
}

/// The names of the destinations that can get traits and audiences.
pub(super) fn destination_names(config: &WorkspaceConfig) -> Vec<String> {
    config.outgoing_destinations().map(|destination| destination.name.clone()).collect()
}

async fn show(
    Extension(kind): Extension<Kind>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let settings = kind.settings(&workspace, &key).await?;
    let typed = Typed(form::typed_of(settings.as_ref()));
    let shown = match settings {
        Some(_) => Some(syncs::read(&workspace, kind.subject(&key)).await?),
        None => None,
    };
    let may_change = caller.grant.role.has(Right::ChangeWorkspace);
    let own = kind.path(workspace.id(), &key);
    let body = html! {
        (card(&frame, kind, &own, &*workspace.config()?, &typed, &Mistake::default(), may_change))
        @if let Some(shown) = &shown { (sent(&frame, &workspace, &own, shown, may_change)?) }
    };
    let page = page(&frame, &workspace, kind, &key).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn page<'f>(frame: &'f Frame, workspace: &RequestedWorkspace, kind: Kind, key: &str) -> Page<'f> {
    Page::new(frame, kind.area(), "Destinations")
        .below(key, &kind.own_path(workspace.id(), key))
        .lead(html! { "Where " code { (key) } " goes, for each person whose value changes." })
}

fn card(
    frame: &Frame,
    kind: Kind,
    own: &str,
    config: &WorkspaceConfig,
    typed: &Typed,
    mistake: &Mistake,
    may_change: bool,
) -> Markup {
    let controls = form::controls(&destination_names(config), typed, mistake, kind == Kind::Trait);
    let form = Form {
        action: own,
        csrf: &frame.csrf,
        preview: None,
        body: html! {
            (controls)
            @if may_change { div class="actions" { (Button::primary("Save")) } }
        },
    };
    html! {
        section class="card" {
            (mistake)
            p { "Everybody who has a value is sent at first, then only who changes. Without a destination it goes nowhere." }
            (form.for_those_who(may_change))
        }
    }
}

/// What destinations were told so far, as it goes on.
fn sent(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    own: &str,
    shown: &ShownSync,
    may_change: bool,
) -> Result<Markup, ApiError> {
    let content = told(workspace, shown)?;
    Ok(html! {
        section class="card" id="sent" {
            h2 { "What was sent" }
            @for problem in &shown.problems { (Callout::warning(problem)) }
            (LiveFragment { stream: &format!("{own}/stream"), content })
            @if may_change {
                p { "Sends everybody once more, whatever was sent before." }
                (Form {
                    action: &format!("{own}/again"),
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! { div class="actions" { (Button::secondary("Send again")) } },
                })
            }
        }
    })
}

async fn follow(
    State(app): State<Arc<App>>,
    Extension(kind): Extension<Kind>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Response {
    let (id, subject) = (workspace.id().clone(), kind.subject(&key));
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id, subject) = (Arc::clone(&app), id.clone(), subject.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let shown = syncs::read(&workspace, subject).await?;
            Ok(Part::Fragment(told(&workspace, &shown)?))
        }
    })
}

/// How far everybody was looked at, and what each destination was told.
fn told(workspace: &RequestedWorkspace, shown: &ShownSync) -> Result<Markup, ApiError> {
    let now = workspace.handle().now()?;
    let rows = shown.destinations.iter().map(|one| {
        vec![
            Cell::new(html! {
                a href=(destination_path(workspace.id(), &one.destination, "")) { (one.destination) }
                @if !one.enabled { " " (Badge::of(Tone::Neutral, "off")) }
            }),
            Cell::new(grouped(one.people)),
            Cell::new(grouped(one.sent)),
            Cell::new(match one.last_at {
                Some(at) => RelativeTime { at, now }.render(),
                None => html! { "nothing yet" },
            }),
        ]
    });
    let columns = vec![
        Column::text("Destination"),
        Column::number("People with a value there"),
        Column::number("Values sent"),
        Column::text("Last"),
    ];
    let table = Table::new("What destinations were told", columns).rows(rows);
    Ok(html! { div class="stack" { (progress(shown)) (table) } })
}

/// How far everybody has been looked at.
fn progress(shown: &ShownSync) -> Markup {
    let Some(status) = &shown.progress else { return html! {} };
    if let Some(sweep) = &status.sweep {
        let share = sweep.people_done as f64 / sweep.people.max(1) as f64;
        let left = sweep.left_s.map_or_else(String::new, |left_s| {
            format!(", about {} left", domain::counted(left_s, "second", "seconds"))
        });
        let detail =
            format!("{} of {} people{left}", grouped(sweep.people_done), grouped(sweep.people));
        return Progress {
            label: "Everybody is looked at",
            state: ProgressState::Running(Some(share)),
            detail: &detail,
            actions: None,
        }
        .render();
    }
    let Some(last) = &status.last_sweep else { return html! {} };
    let detail = format!(
        "{} people in {:.1} seconds; since then, whoever changes",
        grouped(last.people),
        last.duration_ms as f64 / 1_000.0
    );
    let (label, state) = ("Everybody was looked at", ProgressState::Done);
    Progress { label, state, detail: &detail, actions: None }.render()
}

async fn save(
    State(app): State<Arc<App>>,
    Extension(kind): Extension<Kind>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    kind.settings(&workspace, &key).await?;
    let read = |settings: Value| {
        let read: Result<SyncSettings, ApiError> =
            json::read(settings.to_string().as_bytes(), "sync");
        read.map_err(|error| {
            let place = error.pointer.clone().unwrap_or_default();
            error.at(format!("/sync{place}"))
        })
    };
    let put = match form::parse(&typed).map(read).transpose() {
        Ok(sync) => kind.put(&app, &workspace, &key, sync).await,
        Err(error) => Err(error),
    };
    let own = kind.path(workspace.id(), &key);
    match put {
        Ok(()) => Ok(Redirect::to(&format!("{own}?notice=saved")).into_response()),
        Err(error) => {
            let mistake = form::placed(Mistake::of(error)?).among(&form::FIELDS);
            let card = card(&frame, kind, &own, &*workspace.config()?, &typed, &mistake, true);
            Ok(again(page(&frame, &workspace, kind, &key).body(card)))
        }
    }
}

async fn send(
    Extension(kind): Extension<Kind>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    syncs::send_again(&workspace, kind.subject(&key), SyncAgain::default()).await?;
    let own = kind.path(workspace.id(), &key);
    Ok(Redirect::to(&format!("{own}?notice=sent_again#sent")).into_response())
}
