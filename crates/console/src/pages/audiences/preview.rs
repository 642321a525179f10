//! Who would belong to an audience, as a part of a page.

use domain::WorkspaceId;
use domain::quantity::grouped;
use maud::{Markup, html};
use resources::audience_preview::{SamplePerson, ShownEstimate, ShownPreview, Why};

use super::path;
use crate::pages::calculation::sentence;
use crate::pages::people::address;
use crate::ui::{Callout, Cell, Column, Icon, Table};

/// What the channels are called.
const CHANNELS: [(&str, &str); 5] = [
    ("email", "E-mail"),
    ("phone", "Telephone"),
    ("push", "Device with a push token"),
    ("user_id", "Known by a user id"),
    ("anonymous_only", "Anonymous only"),
];

/// How many people, by which channels, in which other audiences, and some of them.
pub(super) fn shown(preview: &ShownPreview, workspace: &WorkspaceId) -> Markup {
    html! {
        @for warning in &preview.warnings {
            (Callout::warning("As it is, it finds nobody by a part of it").text(&format!("{}.", sentence(warning))))
        }
        p class="stat-value" {
            (number(preview.people)) (if preview.people.high == 1 { " person" } else { " people" })
        }
        p { (asked(preview)) }
        @if preview.people.high > 0 {
            (reach(preview))
            @if !preview.overlaps.is_empty() { (overlaps(preview, workspace)) }
            h3 { "Some of them, and why" }
            @for one in &preview.sample { (person(one, workspace)) }
        }
    }
}

fn asked(preview: &ShownPreview) -> Markup {
    let of = grouped(preview.n_profiles);
    html! {
        @if preview.people.is_exact {
            "Counted, of " (of) " profiles."
        } @else {
            "Between " (grouped(preview.people.low)) " and " (grouped(preview.people.high))
            ", with 95 % certainty: " (grouped(preview.n_asked)) " of " (of)
            " profiles were looked at."
        }
    }
}

pub(in crate::pages) fn number(people: ShownEstimate) -> Markup {
    html! { @if !people.is_exact { "about " } (grouped(people.count)) }
}

/// A number in a table, with its interval.
fn number_cell(people: ShownEstimate) -> Cell {
    Cell::new(html! {
        (number(people))
        @if !people.is_exact {
            span class="under" { (grouped(people.low)) " to " (grouped(people.high)) }
        }
    })
}

fn reach(preview: &ShownPreview) -> Table<'static> {
    let columns = vec![Column::text("Reached by"), Column::number("People")];
    Table::new("Reach", columns).rows(preview.reach.iter().map(|own| {
        let label = CHANNELS.iter().find(|(channel, _)| *channel == own.channel);
        vec![Cell::new(label.map_or(own.channel, |(_, label)| label)), number_cell(own.people)]
    }))
}

fn overlaps(preview: &ShownPreview, workspace: &WorkspaceId) -> Table<'static> {
    let columns =
        vec![Column::text("Also in"), Column::number("People"), Column::number("Its members")];
    Table::new("Overlap with audiences", columns).rows(preview.overlaps.iter().map(|own| {
        vec![
            Cell::new(html! { a href=(path(workspace, &own.audience)) { (own.audience) } }),
            number_cell(own.both),
            Cell::new(grouped(own.n_members)),
        ]
    }))
}

fn person(one: &SamplePerson, workspace: &WorkspaceId) -> Markup {
    let href = address::person(workspace, &one.person.path_name(), "");
    html! {
        h4 { a href=(href) { bdi { (one.person.title()) } } }
        (reasons(std::slice::from_ref(&one.why)))
    }
}

/// What holds for each part of a condition.
pub(in crate::pages) fn reasons(parts: &[Why]) -> Markup {
    html! {
        ul class="reasons" {
            @for part in parts {
                li {
                    (if part.holds { Icon::Check } else { Icon::Cross })
                    span class="visually-hidden" { (if part.holds { "Yes: " } else { "No: " }) }
                    " "
                    @match &part.because {
                        Some(because) => { bdi { (because) } }
                        None => (group_words(&part.part)),
                    }
                    @if !part.parts.is_empty() { (reasons(&part.parts)) }
                }
            }
        }
    }
}

fn group_words(word: &str) -> &str {
    match word {
        "and" => "all of these",
        "or" => "one of these",
        "not" => "not",
        other => other,
    }
}
