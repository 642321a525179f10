//! What another model would change: the lists of ten people by two models, side by side.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{WorkspaceId, counted};
use maud::{Markup, Render, html};
use resources::model_samples::{self, ModelSamples, MovedItem, Movement, SampledPerson};
use resources::training::{self, Models, ShownModel};
use serde::Deserialize;
use web::App;
use web::error::{ApiError, ErrorKind};
use web::parameters::Parameters;
use web::workspaces::Workspace;

use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page, encode, item_path};
use crate::pages::people::address;
use crate::ui::form::{Field, Select};
use crate::ui::{
    Button, Callout, EmptyState, Icon, LiveFragment, RankDiff, RankedItem, own_picture, picture,
    skeleton_lines,
};

/// How soon the lists are asked for, and again where another comparison is made meanwhile.
const LIVE_INTERVAL: Duration = Duration::from_millis(300);
/// Lines that hold the place of the lists.
const PLACE_LINES: usize = 12;

/// The page with what a model changes beside the one in use.
pub(super) fn path(workspace: &WorkspaceId, after: &str) -> String {
    format!("{}?after={}", base(workspace), encode(after))
}

fn base(workspace: &WorkspaceId) -> String {
    format!("{}/samples", Area::Models.path(workspace))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The version of the model of the lists before; by default the one in use, or the one before.
    before: Option<String>,
    /// The version of the model of the lists after; by default the one in use.
    after: Option<String>,
    /// Makes the lists with the page, for browsers without scripts.
    #[serde(default)]
    now: bool,
}

/// Two models that are compared.
struct Pair {
    before: String,
    after: String,
}

impl Pair {
    /// None where there are no two models whose lists can be made.
    fn new(query: &Query, models: &Models) -> Option<Self> {
        let newest = || models.models.iter().find(|model| model.is_on_disk);
        let after = query.after.clone().or_else(|| models.active.clone());
        let after = after.or_else(|| newest().map(|model| model.training.version.clone()))?;
        let other = || models.to_compare_with(&after).map(str::to_owned);
        Some(Self { before: query.before.clone().or_else(other)?, after })
    }

    fn query(&self) -> String {
        format!("before={}&after={}", encode(&self.before), encode(&self.after))
    }
}

/// The way from the page of all models.
pub(super) fn section(workspace: &WorkspaceId, models: &[ShownModel]) -> Markup {
    let n_on_disk = models.iter().filter(|model| model.is_on_disk).count();
    html! {
        section class="card section" {
            h2 { "What changes for people" }
            @if n_on_disk < 2 {
                p class="muted" { "Once there are two models, ten people are shown with their lists by both." }
            } @else {
                p class="muted" { "Ten people, some with long and some with short histories, with their lists by two models and what moves." }
                div class="actions" {
                    (Button::secondary("Ten people before and after").href(&base(workspace)))
                }
            }
        }
    }
}

/// The page stands before its lists, for which a model is read from disk.
pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let models = training::models(&workspace).await?;
    let id = workspace.id();
    let body = match Pair::new(&query, &models) {
        None => nothing_to_compare(id, &models),
        Some(pair) => {
            let lists = match query.now {
                true => {
                    let (before, after) = (pair.before.clone(), pair.after.clone());
                    shown(id, model_samples::read(&workspace, after, Some(before)).await)
                }
                false => lists_to_come(id, &pair),
            };
            html! { (choice(id, &pair, &models)) (lists) }
        }
    };
    let page = Page::new(&frame, Area::Models, "Ten people before and after")
        .lead("The same people with their lists by two models, from what they did until now.")
        .body(body);
    Ok(page.into_response())
}

/// The lists alone, for the page that is there already.
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Response {
    let id = workspace.id().clone();
    let (before, after) = (query.before, query.after.unwrap_or_default());
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id) = (Arc::clone(&app), id.clone());
        let (before, after) = (before.clone(), after.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            match model_samples::read(&workspace, after, before).await {
                Err(error) if error.kind == ErrorKind::TooManyRequests => {
                    Ok(Part::Fragment(html! {
                        p { "Lists are being compared for somebody else. Yours follow." }
                    }))
                }
                made => Ok(Part::Last(shown(&id, made))),
            }
        }
    })
}

fn lists_to_come(id: &WorkspaceId, pair: &Pair) -> Markup {
    let query = pair.query();
    let stream = format!("{}/stream?{query}", base(id));
    let content = html! {
        p class="needs-script" { "The lists are being made." }
        (skeleton_lines(PLACE_LINES))
        noscript {
            a class="button button-secondary" href={ "?" (query) "&now=true" } { "Make the lists" }
        }
    };
    LiveFragment { stream: &stream, content }.render()
}

fn nothing_to_compare(id: &WorkspaceId, models: &Models) -> Markup {
    let (title, text) = match models.models.iter().any(|model| model.is_on_disk) {
        true => (
            "Only one model so far",
            "Train another one once something new has happened. Then its lists stand beside these.",
        ),
        false => (
            "No model yet",
            "A model learns from a hundred interactions or more. It takes two to compare.",
        ),
    };
    let next = Some(html! { (Button::secondary("Models").href(&Area::Models.path(id))) });
    EmptyState { icon: Icon::Models, title, text, next }.render()
}

/// Sent by GET, so that every choice has an address.
fn choice(id: &WorkspaceId, pair: &Pair, models: &Models) -> Markup {
    let is_chosen =
        |version: &str| [&pair.before, &pair.after].into_iter().any(|one| one == version);
    let shown = models.models.iter().map(|model| (&model.training.version, model.is_on_disk));
    let options: Vec<(&str, String)> = shown
        .filter(|(version, is_on_disk)| *is_on_disk || is_chosen(version))
        .map(|(version, _)| (version.as_str(), named(version, models.active.as_deref())))
        .collect();
    let options: Vec<(&str, &str)> =
        options.iter().map(|(version, label)| (*version, label.as_str())).collect();
    html! {
        form class="filters" action=(base(id)) {
            (Select { field: Field::new("before", "Before"), options: &options, value: &pair.before })
            (Select { field: Field::new("after", "After"), options: &options, value: &pair.after })
            (Button::secondary("Compare"))
        }
    }
}

fn named(version: &str, active: Option<&str>) -> String {
    let in_use = if active == Some(version) { ", in use" } else { "" };
    format!("Model {version}{in_use}")
}

fn shown(id: &WorkspaceId, made: Result<ModelSamples, ApiError>) -> Markup {
    match made {
        Err(error) => Callout::warning("No lists now").text(&error.message).render(),
        Ok(samples) if samples.people.is_empty() => EmptyState {
            icon: Icon::People,
            title: "Nobody has done anything yet",
            text: "Lists follow from what people do. Send messages, or import interactions.",
            next: None,
        }
        .render(),
        Ok(samples) => html! {
            div class="stack" {
                p { (sum_up(&samples)) }
                @for sampled in &samples.people { (person(id, &samples, sampled)) }
            }
        },
    }
}

/// What changes for all of them, in a sentence or two.
fn sum_up(samples: &ModelSamples) -> String {
    let items = || samples.people.iter().flat_map(|sampled| &sampled.items);
    let is_new_first = |item: &&MovedItem| item.after == Some(1) && item.before != Some(1);
    let n_places = items().filter(|item| item.after.is_some()).count();
    let (n_new, n_first) = (samples.count(Movement::New), items().filter(is_new_first).count());
    if items().all(|item| item.movement == Movement::Same) {
        return "Nothing moves: both models make the same lists for these people.".to_owned();
    }
    format!(
        "Of {} in the lists after, {} not in the list before. For {n_first} of {} another item comes first.",
        counted(n_places as u64, "item", "items"),
        if n_new == 1 { "1 was".to_owned() } else { format!("{n_new} were") },
        counted(samples.people.len() as u64, "person", "people"),
    )
}

fn person(id: &WorkspaceId, samples: &ModelSamples, sampled: &SampledPerson) -> Markup {
    let person = &sampled.person;
    let hrefs: Vec<String> =
        sampled.items.iter().map(|moved| item_path(id, &moved.item.id)).collect();
    let items: Vec<RankedItem<'_>> = sampled
        .items
        .iter()
        .zip(&hrefs)
        .map(|(moved, href)| RankedItem {
            title: moved.item.name(),
            picture: Some(picture(
                &moved.item.id,
                moved.item.name(),
                own_picture(moved.item.picture.as_deref()),
            )),
            href,
            before: moved.before,
            after: moved.after,
        })
        .collect();
    let active = samples.active.as_deref();
    let (before, after) = (named(&samples.before, active), named(&samples.after, active));
    let n = counted(person.n_interactions as u64, "interaction", "interactions");
    let more = if person.has_older_interactions { " and more" } else { "" };
    html! {
        section class="card section" {
            div class="section-head" {
                h2 {
                    a href=(address::person(id, &person.path_name(), "")) { bdi { (person.title()) } }
                }
                p { (n) (more) ". " (changes(sampled)) }
                a href=(address::try_it(id, &person.id)) {
                    "Try it" span class="visually-hidden" { " for " (person.title()) }
                }
            }
            (RankDiff { labels: (&before, &after), items: &items })
        }
    }
}

/// What moves in the list of a person, in a sentence.
fn changes(sampled: &SampledPerson) -> String {
    let words = [
        (Movement::New, "new"),
        (Movement::Gone, "gone"),
        (Movement::Up, "up"),
        (Movement::Down, "down"),
    ];
    let counts = words.map(|(movement, word)| (sampled.count(movement), word));
    let parts: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    match parts.is_empty() {
        true => "Nothing moves.".to_owned(),
        false => format!("{}.", parts.join(", ")),
    }
}
