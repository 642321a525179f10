//! What a recommended-items trait or a scenario comes to, as numbers and charts.

use maud::{Markup, Render, html};
use resources::accuracy::Share;
use resources::calculation::{Calculation, SampleList};

use crate::page::{Frame, item_path};
use crate::pages::accuracy::{self, bounds};
use crate::ui::chart::{Bar, BarChart};
use crate::ui::{Callout, StatTile, Tone, Unit};

/// The results, for the card of their step.
pub(in crate::pages) fn render(frame: &Frame, calculation: &Calculation) -> Markup {
    html! {
        div id="results" class="section" {
            (numbers(calculation))
            (kinds_of_lists(calculation))
            @match (&calculation.accuracy, calculation.not_measured) {
                (Some(accuracy), _) => (accuracy::render(accuracy)),
                (None, why) => (Callout::info("How accurate it would be was not measured")
                    .text(&format!("{}.", sentence(why.unwrap_or_default())))),
            }
            (samples(frame, &calculation.samples))
        }
    }
}

fn tile(
    label: &'static str,
    value: f64,
    unit: Unit<'static>,
    interval: Option<(f64, f64)>,
) -> Markup {
    StatTile { label, value: Some(value), unit, interval, change: None, trend: &[], href: None }
        .render()
}

fn numbers(Calculation { people, lists, accuracy, .. }: &Calculation) -> Markup {
    let interval = (!people.is_exact).then_some((people.low as f64, people.high as f64));
    html! {
        div class="stats" {
            (tile("People who get it", people.n as f64, Unit::Count(""), interval))
            (tile("Lists that are personal", lists.personal.value, Unit::Share, bounds(&lists.personal)))
            (tile("Different items", lists.distinct_items as f64, Unit::Count(""), None))
            @if let Some(accuracy) = accuracy {
                (tile("Lists with a hit", accuracy.all.hit_rate.value, Unit::Share, bounds(&accuracy.all.hit_rate)))
            }
        }
        p class="field-hint" {
            @if people.is_exact { "Everybody was counted" }
            @else { "Estimated from " (Unit::Count("people").text(people.n_asked as f64)) }
            ". Of the people who get it, lists were made for "
            (Unit::Count("").text(lists.n as f64)) " taken by chance, "
            "and the different items are those of their lists."
        }
    }
}

fn kinds_of_lists(Calculation { lists, .. }: &Calculation) -> Markup {
    let bar = |label, share: &Share, tone| Bar {
        label,
        value: share.value,
        interval: bounds(share),
        tone,
    };
    let bars = [
        bar("personal", &lists.personal, Tone::Good),
        bar("popular or the like", &lists.fallback, Tone::Neutral),
        bar("empty", &lists.empty, Tone::Bad),
    ];
    BarChart { title: "What the lists are", unit: Unit::Share, of: "List", bars: &bars }.render()
}

fn samples(frame: &Frame, samples: &[SampleList]) -> Markup {
    html! {
        @if !samples.is_empty() { h3 { "Three people and their lists" } }
        div class="fields" {
            @for sample in samples {
                div {
                    h4 { (sample.person.as_deref().unwrap_or("Somebody")) }
                    @if sample.items.is_empty() { p { "An empty list" } }
                    @if sample.fallback { p class="field-hint" { "Nothing follows from what they did" } }
                    ol {
                        @for item in &sample.items {
                            li {
                                @if let Some((workspace, title)) = frame.workspace.as_ref().zip(item.title.as_ref()) {
                                    a href=(item_path(workspace, &item.id)) { (title) }
                                } @else { bdi { (item.id) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A clause as the beginning of a sentence.
pub(super) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
