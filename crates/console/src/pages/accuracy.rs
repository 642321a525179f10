//! How accurate lists are beside popularity: of traits and scenarios before they go live.

use maud::{Markup, Render, html};
use resources::accuracy::{Accuracy, Difference, MeasuredGroup, Share};

use crate::ui::chart::{Bar, BarChart};
use crate::ui::{Callout, Cell, Column, Table, Tone, Unit};

/// The hits of such lists and of popular ones, for all and by how active people were.
pub(super) fn render(accuracy: &Accuracy) -> Markup {
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

/// The ends of the interval of a share.
pub(super) fn bounds(share: &Share) -> Option<(f64, f64)> {
    Some((share.low, share.high))
}
