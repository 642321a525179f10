//! What a recommended-items trait comes to, as numbers and charts.

use maud::{Markup, Render, html};
use resources::traits::{Accuracy, Calculation, Difference, MeasuredGroup, SampleList, Share};

use crate::page::{Frame, item_path};
use crate::ui::chart::{Bar, BarChart};
use crate::ui::{Callout, Cell, Column, StatTile, Table, Tone, Unit};

/// The results, for the card of their step.
pub(super) fn render(frame: &Frame, calculation: &Calculation) -> Markup {
    html! {
        div id="results" class="section" {
            (numbers(calculation))
            (kinds_of_lists(calculation))
            @match (&calculation.accuracy, calculation.not_measured) {
                (Some(accuracy), _) => (accuracy_of(accuracy)),
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

fn bounds(share: &Share) -> Option<(f64, f64)> {
    Some((share.low, share.high))
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

fn accuracy_of(accuracy: &Accuracy) -> Markup {
    let labels: Vec<String> = accuracy.by_activity.iter().map(interactions).collect();
    let bars: Vec<Bar<'_>> = labels
        .iter()
        .zip(&accuracy.by_activity)
        .map(|(label, group)| Bar {
            label,
            value: group.hit_rate.value,
            interval: bounds(&group.hit_rate),
            tone: Tone::Good,
        })
        .collect();
    let columns = vec![
        Column::text("People with"),
        Column::number("People"),
        Column::number("Lists with a hit"),
        Column::number("Popular items"),
        Column::number("Ahead by"),
        Column::number("95 % interval"),
    ];
    let row = |label: &str, group: &MeasuredGroup| {
        let share = |share: &Share| Cell::new(Unit::Share.text(share.value));
        vec![
            Cell::new(label),
            Cell::new(Unit::Count("").text(group.n_people as f64)),
            share(&group.hit_rate),
            share(&group.popular_hit_rate),
            Cell::new(Unit::Share.text(group.ahead.value)),
            Cell::new(Unit::Share.interval_text(group.ahead.low, group.ahead.high)),
        ]
    };
    let rows = labels.iter().zip(&accuracy.by_activity).map(|(label, group)| row(label, group));
    let rows = std::iter::once(row("all", &accuracy.all)).chain(rows);
    let table = Table::new("Accuracy beside popularity", columns).rows(rows).captioned();
    html! {
        h3 { "How accurate such lists were" }
        p {
            "When the model was trained, the last choices of "
            (Unit::Count("people").text(accuracy.all.n_people as f64))
            " were hidden from it. A list of " (accuracy.length)
            " has a hit where it holds at least one of the new items that its person went on to choose. "
            "Filters and other rules of this list were not part of it."
        }
        @if bars.len() > 1 {
            (BarChart {
                title: "Lists with a hit, by how active people were",
                unit: Unit::Share,
                of: "People with",
                bars: &bars,
            })
        }
        (table)
        @if let Some(difference) = &accuracy.most_active { (verdict(difference)) }
    }
}

/// Whether lists are worth more for the most active fifth, as is often advised.
fn verdict(difference: &Difference) -> Markup {
    let title = match difference {
        Difference { low, .. } if *low > 0.0 => "The most active people gain more from their lists",
        Difference { high, .. } if *high < 0.0 => {
            "The most active people gain less from their lists"
        }
        _ => "Nothing shows that the most active people gain more or less",
    };
    let text = format!(
        "How far lists are ahead of popular items differs by {} between the most active group and \
         all others (95 % interval: {}).",
        Unit::Share.text(difference.value),
        Unit::Share.interval_text(difference.low, difference.high),
    );
    Callout::info(title).text(&text).render()
}

fn interactions(group: &MeasuredGroup) -> String {
    let (min, max) = (group.interactions_min, group.interactions_max);
    match min == max {
        true => domain::counted(min.into(), "interaction", "interactions"),
        false => format!("{min} to {max} interactions"),
    }
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
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
