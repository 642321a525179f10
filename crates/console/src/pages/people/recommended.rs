//! What a person is recommended now, with reasons in words, and the choice of another list.

use maud::{Markup, html};
use resources::person_lists::{self, ListName, PersonList, PersonRecommendation};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use super::address;
use super::profile::Person;
use crate::page::Area;
use crate::page::item_path;
use crate::ui::form::{Field, Select};
use crate::ui::{Badge, Button, Callout, EmptyState, Explanation, Icon, ItemCard, Reason};

/// The section with the list that was chosen, or else with the first one.
pub(super) async fn section(
    workspace: &RequestedWorkspace,
    person: &Person,
    chosen: Option<ListName>,
) -> Result<Markup, ApiError> {
    let names = person_lists::names(workspace)?;
    let Some(name) = chosen.or_else(|| names.first().cloned()) else {
        return Ok(html! {
            section class="section" { h2 { "Recommended now" } (nothing_to_show(person)) }
        });
    };
    let made = person_lists::read(workspace, person.name.clone(), name.clone()).await;
    let list = match made {
        // What the list itself cannot do is said in its place.
        Err(error) if error.kind.status().is_client_error() => {
            html! { (Callout::error(&error.message)) }
        }
        made => render(person, &made?),
    };
    Ok(html! {
        section class="section" {
            h2 { "Recommended now" }
            (choice(person, &names, name))
            (list)
        }
    })
}

/// Sent by GET, so that every choice has an address.
fn choice(person: &Person, names: &[ListName], chosen: ListName) -> Markup {
    let options: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let label = match name {
                ListName::Trait(key) => format!("Trait {key}"),
                ListName::Scenario(name) => format!("Scenario {name}"),
            };
            (String::from(name.clone()), label)
        })
        .collect();
    let options: Vec<(&str, &str)> =
        options.iter().map(|(value, label)| (value.as_str(), label.as_str())).collect();
    html! {
        form class="filters" action=(person.path("")) {
            (Select { field: Field::new("list", "List"), options: &options, value: &String::from(chosen) })
            (Button::secondary("Show"))
        }
    }
}

fn render(person: &Person, list: &PersonList) -> Markup {
    html! {
        @if let Some(problem) = &list.problem { (Callout::warning("This list cannot be made").text(problem)) }
        @if let Some(group) = &list.group { p { "This person is in group " strong { (group) } " of the A/B test." } }
        @if list.fallback {
            (Callout::info("Nothing follows from what this person did yet")
                .text("The list has what is popular with everybody."))
        }
        @if list.items.is_empty() && list.problem.is_none() {
            (EmptyState {
                icon: Icon::Catalog,
                title: "The list is empty",
                text: "No item passes its rules for this person. Try it says which rule removes an item.",
                next: Some(html! {
                    (Button::secondary("Try settings").href(&address::try_it(&person.workspace, &person.profile.person.id)))
                }),
            })
        }
        ol class="recommended" { @for item in &list.items { li class="card" { (card(person, item)) } } }
    }
}

fn card(person: &Person, one: &PersonRecommendation) -> Markup {
    let hrefs: Vec<String> =
        one.because.iter().map(|because| item_path(&person.workspace, &because.item.id)).collect();
    let reasons: Vec<Reason> = one
        .because
        .iter()
        .zip(&hrefs)
        .map(|(because, href)| Reason {
            verb: because.kind.participle(),
            item: because.item.name(),
            href,
            people: because.people,
            share: f64::from(because.share),
        })
        .collect();
    let href = match one.is_item {
        true => item_path(&person.workspace, &one.item.id),
        false => Area::Segments.path(&person.workspace),
    };
    let more = html! {
        @if reasons.is_empty() { @if let Some(source) = one.source { (Badge::new(origin_words(source))) } }
        @else { (Explanation { who: "this person", reasons: &reasons }) }
        @if let Some(property) = one.because.iter().find_map(|because| because.similar_in.as_ref()) {
            p class="item-detail" { "New in the catalog, and alike in " (property) "." }
        }
    };
    html! {
        @if one.is_item {
            (ItemCard {
                id: &one.item.id,
                title: one.item.title.as_deref(),
                detail: one.item.detail.as_deref(),
                picture: None,
                href: &href,
                more: Some(more),
            })
        } @else {
            p { bdi { (one.item.id) } } (more)
        }
    }
}

/// Why an item is there that follows from nothing the person did.
fn origin_words(source: &str) -> &'static str {
    match source {
        "trending" => "popular with everybody",
        "recently_viewed" => "seen lately",
        "buy_again" => "due to be bought again",
        "picked" => "picked by hand",
        "new" => "new in the catalog",
        "match" => "matches the search",
        "together" => "combined by others with what came last",
        _ => "by the model",
    }
}

fn nothing_to_show(person: &Person) -> Markup {
    html! {
        (EmptyState {
            icon: Icon::Scenarios,
            title: "No list yet",
            text: "Recommended-items traits and scenarios say what is recommended where. Make one, or try settings by hand.",
            next: Some(html! {
                (Button::secondary("Scenarios").href(&Area::Scenarios.path(&person.workspace)))
                (Button::quiet("Try settings").href(&address::try_it(&person.workspace, &person.profile.person.id)))
            }),
        })
    }
}
