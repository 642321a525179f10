//! What each rule of a scenario keeps out of the list of its preview.

use domain::InteractionKind;
use engine::AbsenceRule;
use maud::{Markup, Render, html};
use resources::recommendations::{ShownRemoved, ShownRemovedByRule};

use crate::ui::{Cell, Column, Table, Unit};

/// The rules with the number of items that they keep out, and some of these.
pub(super) fn render(removed: &ShownRemoved) -> Markup {
    let n_candidates = Unit::Count("").text(removed.n_candidates as f64);
    if removed.by_rule.is_empty() {
        return html! { p class="field-hint" { "No rule keeps any of the first " (n_candidates) " candidates out." } };
    }
    let columns =
        vec![Column::text("Kept out by"), Column::number("Items"), Column::text("Such as")];
    let row = |rule: &ShownRemovedByRule| {
        let names = rule.items.iter().map(|item| item.title.as_deref().unwrap_or(&item.id));
        vec![
            Cell::new(words(&rule.rule)),
            Cell::new(rule.n),
            Cell::new(names.collect::<Vec<_>>().join(", ")),
        ]
    };
    let table = Table::new("What the rules keep out", columns).captioned();
    html! {
        (table.rows(removed.by_rule.iter().map(row)).render())
        p class="field-hint" { "Of the first " (n_candidates) " candidates without any rule." }
    }
}

fn words(rule: &AbsenceRule) -> String {
    match rule {
        AbsenceRule::Unknown | AbsenceRule::Withdrawn => "withdrawn from the catalog".to_owned(),
        AbsenceRule::Off => "taken off all lists".to_owned(),
        AbsenceRule::OtherCatalog => "in another catalog".to_owned(),
        AbsenceRule::Unavailable => "not available".to_owned(),
        AbsenceRule::OutOfStock => "out of stock".to_owned(),
        AbsenceRule::NotYetValid => "offered from a later time on".to_owned(),
        AbsenceRule::NoLongerValid => "offered no more".to_owned(),
        AbsenceRule::IsSeed | AbsenceRule::LeftOut => "what the list starts from".to_owned(),
        AbsenceRule::OtherSegment => "in another segment".to_owned(),
        AbsenceRule::Filter { name, text } if name == "event_filter" => {
            format!("what they did last: {text}")
        }
        AbsenceRule::Filter { name, .. } if name == "freshness" => "not new".to_owned(),
        AbsenceRule::Filter { name, .. } => name.clone(),
        AbsenceRule::Location { within_km, is_known: true, .. } => {
            format!("farther than {within_km} km away")
        }
        AbsenceRule::Location { .. } => "where they are is not known".to_owned(),
        AbsenceRule::Excluded { kind } => match kind {
            Some(InteractionKind::Purchase) => "bought already".to_owned(),
            Some(InteractionKind::DetailView) => "seen already".to_owned(),
            Some(kind) => format!("{} already", kind.participle()),
            None => "had to do with it long ago".to_owned(),
        },
        AbsenceRule::NoMatch | AbsenceRule::NotFound { .. } => "not found".to_owned(),
        AbsenceRule::MinRelevance => "least relevance".to_owned(),
        AbsenceRule::Rotation { .. } => "rotation: shown lately".to_owned(),
        AbsenceRule::Diversity => "variety: too similar to others".to_owned(),
        AbsenceRule::Constraint { property, max } => format!("at most {max} with one {property}"),
        AbsenceRule::Promoted => "promoted items have the place".to_owned(),
        AbsenceRule::Inactive { within_s } => {
            let within = Unit::Seconds.text(f64::from(*within_s));
            format!("the person did nothing within {within}")
        }
        AbsenceRule::TooShort { min_count } => format!("the list has fewer than {min_count} items"),
    }
}
