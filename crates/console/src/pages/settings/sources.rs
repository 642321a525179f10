//! Sources: their keys, shown once and rotated with overlap, and whether they are on.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{Timestamp, WorkspaceId};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::Revised;
use resources::sources::{self, NewSource, Rotation, ShownSource, SourcePatch};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, lead_to, may_change, path, workspace_tabs};
use super::shown_once::{Secret, Secrets};
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, Form, InputKind, Select, TextInput};
use crate::ui::{
    Badge, Button, Cell, Column, Confirmation, EmptyState, Icon, RelativeTime, Table, Tone,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/settings", ReadWorkspace),
    edit("/console/{workspace}/settings", "source.create"),
    read("/console/{workspace}/settings/sources/{name}", ReadWorkspace),
    edit("/console/{workspace}/settings/sources/{name}", "source.update"),
    edit("/console/{workspace}/settings/sources/{name}/rotate", "source.rotate"),
    edit("/console/{workspace}/settings/sources/{name}/end-overlap", "source.end_overlap"),
    read("/console/{workspace}/settings/sources/{name}/remove", ReadWorkspace),
    edit("/console/{workspace}/settings/sources/{name}/remove", "source.delete"),
];

/// Choices of the overlap of a rotation, in seconds.
const OVERLAPS: [(&str, &str); 6] = [
    ("0", "Refuse it at once: it has leaked"),
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    ("7776000", "90 days"),
];
/// Long enough for a release of an app: 7 days.
const OVERLAP_DEFAULT: &str = "604800";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = "/console/{workspace}/settings/sources/{name}";
    let routes = Router::new()
        .route("/console/{workspace}/settings", get(list).post(create))
        .route(one, get(show).post(update))
        .route(&format!("{one}/rotate"), post(rotate))
        .route(&format!("{one}/end-overlap"), post(end_overlap))
        .route(&format!("{one}/remove"), get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let shown = sources::list(&app, &workspace).await?;
    let body = list_body(&app, &frame, &shown, &Typed::default(), &Mistake::default(), &caller);
    let page = list_page(&frame).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn list_page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Settings")
        .lead("A source is an app, shop or site that sends messages with a key of its own.")
}

fn list_body(
    app: &App,
    frame: &Frame,
    shown: &[ShownSource],
    typed: &Typed,
    mistake: &Mistake,
    caller: &Caller,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let now = app.access.now();
    let row = |source: &ShownSource| {
        let href = path(workspace, &format!("sources/{}", encode(&source.name)));
        vec![
            Cell::new(html! { a href=(href) { (source.name) } }),
            Cell::new(state(source)),
            Cell::new(earlier_key(source, now)),
            Cell::new(match source.n_bearer_tokens {
                0 => html! { "–" },
                n => html! { (n) },
            }),
        ]
    };
    let columns = vec![
        Column::text("Source"),
        Column::text("State"),
        Column::text("Earlier key"),
        Column::number("Bearer tokens"),
    ];
    let table = Table::new("Sources", columns).rows(shown.iter().map(row));
    let action = path(workspace, "");
    html! {
        (workspace_tabs(frame, workspace, ""))
        @if shown.is_empty() {
            (EmptyState {
                icon: Icon::Live,
                title: "No source yet",
                text: "Make one for each app, shop or site: each gets a key, and its messages say where they come from.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if may_change(caller) {
            section class="card" {
                h2 { "New source" }
                (mistake)
                (Form {
                    action: &action,
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        (TextInput::new(Field::new("name", "Name")
                            .hint("As people call it: “web shop”, “iOS app”")
                            .error(mistake.at("name")))
                            .value(typed.text("name")))
                        div class="actions" { (Button::primary("Make the source")) }
                    },
                })
            }
        }
    }
}

fn state(source: &ShownSource) -> Badge<'static> {
    match source.enabled {
        true => Badge::of(Tone::Good, "on"),
        false => Badge::new("off"),
    }
}

fn earlier_key(source: &ShownSource, now: Timestamp) -> Markup {
    html! {
        @match source.earlier_key_until {
            Some(at) => { "taken until " (RelativeTime { at, now }) },
            None => "–",
        }
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let new = NewSource { name: typed.text("name").to_owned(), ..NewSource::default() };
    match sources::create(&app, &workspace, new).await {
        Ok(made) => {
            let own = encode(&made.value.name).to_string();
            let key = key(workspace.id(), made.value, "Its messages carry this key.");
            // Where it is shown whether the first message arrives.
            let back = format!("{}/{own}", Area::Sources.path(workspace.id()));
            let key = Secret { back, ..key };
            Ok(secrets.lead_to(&app, &caller, key))
        }
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("name");
            let shown = sources::list(&app, &workspace).await?;
            let body = list_body(&app, &frame, &shown, &typed, &mistake, &caller);
            Ok(again(list_page(&frame).body(body)))
        }
    }
}

/// A key that was just made.
fn key(workspace: &WorkspaceId, source: ShownSource, what: &str) -> Secret {
    Secret {
        workspace: Some(workspace.clone()),
        title: format!("The key of {}", source.name),
        label: "Write key",
        code: source.write_key.unwrap_or_default(),
        advice: format!("{what} Copy it now: a lost key cannot be read again, only rotated."),
        back: path(workspace, &format!("sources/{}", encode(&source.name))),
        name: source.name,
        is_write_key: true,
    }
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name).await?;
    let body = source_body(&app, &frame, &source, None, &Mistake::default(), &caller);
    let page = Page::new(&frame, Area::Settings, &source.value.name).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn source_body(
    app: &App,
    frame: &Frame,
    Revised { value: source, revision }: &Revised<ShownSource>,
    typed: Option<&Typed>,
    mistake: &Mistake,
    caller: &Caller,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let own = path(workspace, &format!("sources/{}", encode(&source.name)));
    let revision = html! { input type="hidden" name="revision" value=(revision); };
    let form = |action: &str, body: &Markup| {
        Form { action, csrf: &frame.csrf, preview: None, body: html! { (revision) (body) } }
            .render()
    };
    let (switch, words) = match source.enabled {
        true => ("false", "Switch off"),
        false => ("true", "Switch on"),
    };
    html! {
        p {
            a href={ (Area::Sources.path(workspace)) "/" (encode(&source.name)) } {
                "What it sends and may send"
            }
        }
        section class="card" {
            h2 { "State" }
            p {
                (state(source)) " "
                (if source.enabled { "Its messages are taken." } else { "Its messages are refused." })
                @if source.n_bearer_tokens > 0 {
                    " They need one of " (source.n_bearer_tokens) " bearer tokens as well."
                }
            }
            @if may_change(caller) {
                (form(&own, &html! {
                    div class="actions" { (Button::secondary(words).named("enabled", switch)) }
                }))
            }
        }
        section class="card" {
            h2 { "Write key" }
            @if let Some(at) = source.earlier_key_until {
                p {
                    "The earlier key is taken until " (RelativeTime { at, now: app.access.now() })
                    ", beside the new one."
                }
                @if may_change(caller) {
                    (form(&format!("{own}/end-overlap"), &html! {
                        div class="actions" { (Button::secondary("Refuse the earlier key now")) }
                    }))
                }
            } @else {
                p { "One key is taken. It was shown when it was made, and is not shown again." }
            }
            @if may_change(caller) {
                (form(&format!("{own}/rotate"), &html! {
                    (mistake)
                    (Select {
                        field: Field::new("overlap_s", "The present key stays valid for")
                            .hint("Time to give the new key to everything that sends")
                            .error(mistake.at("overlap_s")),
                        options: &OVERLAPS,
                        value: typed.map_or(OVERLAP_DEFAULT, |typed| typed.text("overlap_s")),
                    })
                    div class="actions" { (Button::primary("Make a new key")) }
                }))
            }
        }
        @if may_change(caller) {
            section class="card" {
                h2 { "Name" }
                (form(&own, &html! {
                    (TextInput::new(Field::new("name", "Name").error(mistake.at("name")))
                        .kind(InputKind::Text)
                        .value(typed.map_or(source.name.as_str(), |typed| typed.text("name"))))
                    div class="actions" {
                        (Button::primary("Rename"))
                        (Button::danger("Remove…").href(&format!("{own}/remove")))
                    }
                }))
            }
        }
    }
}

/// The revision that a form was made from: a form that is sent twice changes nothing the second
/// time.
fn expected(typed: &Typed) -> Expected {
    typed.number("revision").map_or(Expected::Present, Expected::Revision)
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let enabled = match typed.text("enabled") {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let patch = SourcePatch { name: typed.optional("name"), enabled, ..SourcePatch::default() };
    match sources::update(&app, &workspace, name.clone(), patch, expected(&typed)).await {
        Ok(source) => {
            let own = path(workspace.id(), &format!("sources/{}", encode(&source.value.name)));
            let notice = match enabled {
                Some(true) => Notice::On,
                Some(false) => Notice::Off,
                None => Notice::Saved,
            };
            Ok(lead_to(&own, notice))
        }
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("name");
            refused(&app, &frame, &workspace, name, &typed, &mistake, &caller).await
        }
    }
}

async fn refused(
    app: &App,
    frame: &Frame,
    workspace: &web::workspaces::RequestedWorkspace,
    name: String,
    typed: &Typed,
    mistake: &Mistake,
    caller: &Caller,
) -> Result<Response, ApiError> {
    let source = sources::read(app, workspace, name).await?;
    let body = source_body(app, frame, &source, Some(typed), mistake, caller);
    Ok(again(Page::new(frame, Area::Settings, &source.value.name).body(body)))
}

async fn rotate(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let rotated = match typed.number("overlap_s") {
        Ok(overlap_s) => {
            let rotation = Rotation { overlap_s };
            sources::rotate(&app, &workspace, name.clone(), rotation, expected(&typed)).await
        }
        Err(error) => Err(error),
    };
    match rotated {
        Ok(Revised { value: source, .. }) => {
            let what = match source.earlier_key_until {
                Some(_) => "The key before is taken for now too.",
                None => "The key before is refused from now on.",
            };
            Ok(secrets.lead_to(&app, &caller, key(workspace.id(), source, what)))
        }
        Err(error) => {
            let mistake = Mistake::of(error)?;
            refused(&app, &frame, &workspace, name, &typed, &mistake, &caller).await
        }
    }
}

async fn end_overlap(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    sources::end_overlap(&app, &workspace, name.clone(), expected(&typed)).await?;
    let own = path(workspace.id(), &format!("sources/{}", encode(&name)));
    Ok(lead_to(&own, Notice::OverlapEnded))
}

async fn ask_removal(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name).await?.value;
    let own = path(workspace.id(), &format!("sources/{}", encode(&source.name)));
    let title = format!("Remove {}?", source.name);
    let body = Confirmation {
        consequences: &[
            "Its messages are refused from now on: its key leads nowhere.",
            "What it has sent stays.",
        ],
        action: &format!("{own}/remove"),
        csrf: &frame.csrf,
        confirm: "Remove the source",
        back: &own,
    };
    Ok(Page::new(&frame, Area::Settings, &title).body(body.render()).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    sources::delete(&app, &workspace, name, Expected::Present).await?;
    Ok(lead_to(&path(workspace.id(), ""), Notice::Removed))
}
