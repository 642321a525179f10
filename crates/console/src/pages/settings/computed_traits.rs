//! Computed traits: values of people that are computed from their events.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{ComputedTraitDefinition, ComputedTraitOf, ComputedTraitType};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::audiences::HistoryRead;
use resources::computed_traits::{self, ComputedTrait};
use serde_json::{Map, Value};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, lead_to, lead_to_new, may_change, path, workspace_tabs};
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::live::Part;
use crate::page::{Area, Frame, Page, encode};
use crate::pages::{past_events, sync, versions};
use crate::ui::form::{Field, Form, InputKind, Select, TextInput};
use crate::ui::{
    Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, LiveFragment, Table,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/settings/computed-traits", ReadWorkspace),
    edit("/console/{workspace}/settings/computed-traits", "computed_trait.put"),
    read("/console/{workspace}/settings/computed-traits/{key}", ReadWorkspace),
    edit("/console/{workspace}/settings/computed-traits/{key}", "computed_trait.put"),
    read("/console/{workspace}/settings/computed-traits/{key}/history/stream", ReadWorkspace),
    read("/console/{workspace}/settings/computed-traits/{key}/remove", ReadWorkspace),
    edit("/console/{workspace}/settings/computed-traits/{key}/remove", "computed_trait.delete"),
];

const TYPES: [(ComputedTraitType, &str); 10] = [
    (ComputedTraitType::Count, "Number of events"),
    (ComputedTraitType::Sum, "Sum"),
    (ComputedTraitType::Average, "Average"),
    (ComputedTraitType::Minimum, "Smallest number"),
    (ComputedTraitType::Maximum, "Largest number"),
    (ComputedTraitType::MostFrequent, "Most frequent value"),
    (ComputedTraitType::First, "First value"),
    (ComputedTraitType::Last, "Last value"),
    (ComputedTraitType::UniqueList, "List of distinct values"),
    (ComputedTraitType::UniqueListCount, "Number of distinct values"),
];
/// The choice of events. The words are the keys of a definition that hold the period.
const SPANS: [(&str, &str); 3] =
    [("", "All"), ("last", "Of the last"), ("session", "Of the present session, which ends after")];
/// Whose trait it is, in words.
const OWNERS: [(ComputedTraitOf, &str); 2] = [
    (ComputedTraitOf::People, "People, from their events"),
    (ComputedTraitOf::Accounts, "Accounts, from the events of all members"),
];
/// The texts of a form that are keys of a definition.
const TEXTS: [&str; 6] = ["name", "of", "type", "event", "property", "where"];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = "/console/{workspace}/settings/computed-traits/{key}";
    let routes = Router::new()
        .route("/console/{workspace}/settings/computed-traits", get(list).post(create))
        .route(one, get(show).post(update))
        .route(&format!("{one}/history/stream"), get(follow_history))
        .route(&format!("{one}/remove"), get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

async fn list(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let shown = computed_traits::list(&workspace).await?;
    let body = list_body(&frame, &shown, &Typed::default(), &Mistake::default(), &caller);
    let page = list_page(&frame).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn list_page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Computed traits").lead(
        "A computed trait is a value of each person from their events, right at every event and instant.",
    )
}

fn list_body(
    frame: &Frame,
    shown: &[ComputedTrait],
    typed: &Typed,
    mistake: &Mistake,
    caller: &Caller,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let row = |ComputedTrait { definition, .. }: &ComputedTrait| {
        let href = own_path(workspace, &definition.key);
        let type_ = TYPES.iter().find(|(type_, _)| *type_ == definition.type_);
        let type_ = type_.map_or(definition.type_.word(), |(_, words)| words);
        vec![
            Cell::new(html! { a href=(href) { code { (definition.key) } } }),
            Cell::new(definition.of.word()),
            Cell::new(html! {
                (type_)
                @if let Some(property) = &definition.property { " of " bdi { (property) } }
            }),
            Cell::new(html! { bdi { (definition.event) } }),
            Cell::new(which_events(definition)),
        ]
    };
    let columns = ["Trait", "Of", "Value", "From the event", "Which"].map(Column::text).into();
    let table = Table::new("Computed traits", columns).rows(shown.iter().map(row));
    html! {
        (workspace_tabs(frame, workspace, "computed-traits"))
        @if shown.is_empty() {
            (EmptyState {
                icon: Icon::People,
                title: "No computed trait yet",
                text: "With one, every profile has a value such as its number of orders, for audiences and mails.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if may_change(caller) {
            section class="card" {
                h2 { "New computed trait" }
                (form(frame, &path(workspace, "computed-traits"), typed, mistake, true))
            }
        }
    }
}

fn which_events(definition: &ComputedTraitDefinition) -> String {
    match (&definition.last, &definition.session) {
        (Some(period), _) => format!("of the last {period}"),
        (None, Some(pause)) => format!("of the session, until {pause} without an event"),
        (None, None) => "all".to_owned(),
    }
}

fn form(frame: &Frame, action: &str, typed: &Typed, mistake: &Mistake, is_new: bool) -> Markup {
    let text = |name: &'static str, label, hint| {
        let field = Field::new(name, label).hint(hint).error(mistake.at(name));
        let is_needed = matches!(name, "key" | "event");
        TextInput::new(if is_needed { field } else { field.optional() })
            .kind(if name == "name" { InputKind::Text } else { InputKind::Code })
            .value(typed.text(name))
            .render()
    };
    let select = |name: &'static str, label, options: &[(&str, &str)]| {
        let field = Field::new(name, label).error(mistake.at(name));
        Select { field, options, value: typed.text(name) }.render()
    };
    let types = TYPES.map(|(type_, words)| (type_.word(), words));
    let owners = OWNERS.map(|(of, words)| (of.word(), words));
    html! {
        (mistake)
        (Form {
            action,
            csrf: &frame.csrf,
            preview: None,
            body: html! {
                div class="fields" {
                    @if is_new { (text("key", "Key", "Its name on the profile: a-z, 0-9 and “_”")) }
                    (text("name", "Name", "For people"))
                    (select("of", "A trait of", &owners))
                    (select("type", "Value", &types))
                    (text("property", "Of the property", "All but the number of events need one; products.$.brand reaches into lists"))
                    (text("event", "From the event", "Page Viewed and Screen Viewed for pages and screens"))
                    (text("where", "Where", "Tests of its properties: total > 50, brand = \"Acme\""))
                    (select("span", "Which events", &SPANS))
                    (text("period", "Period", "Such as 30 days, or 30 minutes for a session"))
                }
                div class="actions" {
                    (Button::primary(if is_new { "Make the computed trait" } else { "Save" }))
                    @if !is_new { (Button::danger("Remove…").href(&format!("{action}/remove"))) }
                }
            },
        })
    }
}

/// A definition as a form has it.
fn typed_of(definition: &ComputedTraitDefinition) -> Typed {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let span = match (&definition.last, &definition.session) {
        (Some(_), _) => "last",
        (None, Some(_)) => "session",
        (None, None) => "",
    };
    let period = definition.last.as_ref().or(definition.session.as_ref());
    let typed = [
        ("name", text(&definition.name)),
        ("of", definition.of.word().to_owned()),
        ("type", definition.type_.word().to_owned()),
        ("event", definition.event.clone()),
        ("property", text(&definition.property)),
        ("where", text(&definition.filters)),
        ("span", span.to_owned()),
        ("period", period.cloned().unwrap_or_default()),
    ];
    Typed(typed.map(|(name, text)| (name.to_owned(), text)).into())
}

/// The definition that was typed.
fn parse(key: &str, typed: &Typed) -> Result<ComputedTraitDefinition, ApiError> {
    let mut keys = Map::new();
    for name in TEXTS {
        if let Some(text) = typed.optional(name) {
            keys.insert(name.to_owned(), Value::from(text));
        }
    }
    keys.entry("event").or_insert_with(|| "".into());
    match (typed.optional("span"), typed.text("period")) {
        (Some(span), period) => drop(keys.insert(span, period.into())),
        (None, "") => {}
        (None, _) => {
            let what = "choose which events, or leave the period empty";
            return Err(ApiError::invalid(what).at("/period"));
        }
    }
    computed_traits::parse(key, Value::Object(keys).to_string().as_bytes())
}

fn mistake_of(error: ApiError) -> Result<Mistake, ApiError> {
    Ok(Mistake::of(error)?.moved(&["last", "session"], "period"))
}

fn own_path(workspace: &domain::WorkspaceId, key: &str) -> String {
    path(workspace, &format!("computed-traits/{}", encode(key)))
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let key = typed.text("key").to_owned();
    let put = match parse(&key, &typed) {
        Ok(definition) => {
            computed_traits::put(&app, &workspace, definition, Expected::Absent).await
        }
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => Ok(lead_to_new(&path(workspace.id(), "computed-traits"), &key)),
        Err(error) => {
            let mistake = mistake_of(error)?;
            let shown = computed_traits::list(&workspace).await?;
            let body = list_body(&frame, &shown, &typed, &mistake, &caller);
            Ok(again(list_page(&frame).body(body)))
        }
    }
}

async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let ComputedTrait { definition, history } = computed_traits::read(&workspace, key).await?.value;
    let own = own_path(workspace.id(), &definition.key);
    let typed = typed_of(&definition);
    let body = html! {
        @if let Some(history) = history {
            section class="card" {
                (LiveFragment { stream: &format!("{own}/history/stream"), content: progress(history) })
            }
        }
        section class="card" {
            @if may_change(&caller) {
                p { "One that computes something else than before begins anew." }
                (form(&frame, &own, &typed, &Mistake::default(), false))
            } @else {
                dl class="facts" {
                    @for (name, value) in &typed.0 {
                        @if !value.is_empty() { div { dt { (name) } dd { bdi { (value) } } } }
                    }
                }
            }
        }
    };
    let versions = versions::Kind::Computed.path(workspace.id(), &definition.key);
    let destinations = sync::Kind::Computed.path(workspace.id(), &definition.key);
    let page = Page::new(&frame, Area::Settings, &definition.key).actions(html! {
        @if definition.of.is_people() {
            (Button::secondary("Destinations").href(&destinations))
        }
        (Button::quiet("Versions").href(&versions))
    });
    let above = path(workspace.id(), "computed-traits");
    Ok(page.below("Computed traits", &above).body(body).into_response())
}

/// How far past events are read, as it goes on.
async fn follow_history(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Response {
    past_events::follow(app, &workspace, key, |workspace, key| async move {
        let history = computed_traits::read(&workspace, key).await?.value.history;
        Ok(match history {
            Some(history) => Part::Fragment(progress(history)),
            None => Part::Last(Callout::success("Past events are read").render()),
        })
    })
}

fn progress(history: HistoryRead) -> Markup {
    past_events::progress(history, "Who is not read yet keeps the value of before.")
}

async fn update(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let put = match parse(&key, &typed) {
        Ok(mut definition) => {
            // The form says nothing of destinations.
            let config = workspace.config()?;
            let present = config.computed_trait(&key);
            definition.sync = present.and_then(|present| present.sync.clone());
            computed_traits::put(&app, &workspace, definition, Expected::Present).await
        }
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => Ok(lead_to(&path(workspace.id(), "computed-traits"), Notice::Saved)),
        Err(error) => {
            let mistake = mistake_of(error)?;
            let form = form(&frame, &own_path(workspace.id(), &key), &typed, &mistake, false);
            let body = html! { section class="card" { (form) } };
            Ok(again(Page::new(&frame, Area::Settings, &key).body(body)))
        }
    }
}

async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let definition = computed_traits::read(&workspace, key).await?.value.definition;
    let own = own_path(workspace.id(), &definition.key);
    let title = format!("Remove the computed trait {}?", definition.key);
    let body = Confirmation {
        consequences: &[
            "It disappears from all profiles at once, with all that was kept for it.",
            "Conditions that ask for it find no value.",
        ],
        action: &format!("{own}/remove"),
        csrf: &frame.csrf,
        confirm: "Remove the computed trait",
        back: &own,
    };
    Ok(Page::new(&frame, Area::Settings, &title).body(body.render()).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    computed_traits::delete(&app, &workspace, key, Expected::Present).await?;
    Ok(lead_to(&path(workspace.id(), "computed-traits"), Notice::Removed))
}
