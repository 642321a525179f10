//! Why an item is not in a list, and where it comes from, in words.

use domain::{InteractionKind, Logic, Timestamp};
use engine::{AbsenceRule, Placement};
use resources::recommendations::PlacedItem;

use crate::ui::Unit;

/// The answer to "why is this item not in the list?": a sentence, and more about it.
pub(super) struct Answer {
    pub(super) title: String,
    pub(super) text: String,
}

/// Puts the place of an item, or the rule that keeps it out, into words.
pub(super) fn answer(item: &PlacedItem) -> Answer {
    let name = item.title.as_deref().unwrap_or(&item.id);
    let Placement { is_listed, place, rules, place_without } = &item.placement;
    if let (true, Some(place)) = (is_listed, place) {
        return Answer {
            title: format!("“{name}” is in the list, at place {place}"),
            text: String::new(),
        };
    }
    if rules.is_empty() {
        let text = "No rule keeps it out: others simply fit better.".to_owned();
        let title = match place {
            Some(place) => format!("“{name}” would come at place {place}"),
            None => format!("“{name}” is not among the first {}", engine::PLACES_MAX),
        };
        return Answer { title, text };
    }
    let title = match rules.first() {
        Some(AbsenceRule::Filter { .. }) => format!("“{name}” is not here because of a filter"),
        Some(AbsenceRule::Excluded { .. }) => {
            format!("“{name}” is not here because this person had it already")
        }
        _ => format!("“{name}” is not here"),
    };
    let mut text: Vec<String> = rules.iter().map(sentence).collect();
    let without = if rules.len() == 1 { "Without this" } else { "Without these rules" };
    match (place_without, place) {
        (Some(place), _) => text.push(format!("{without} it would be at place {place}.")),
        (None, Some(place)) => text.push(format!("It comes at place {place}.")),
        (None, None) => {}
    }
    Answer { title, text: text.join(" ") }
}

fn sentence(rule: &AbsenceRule) -> String {
    match rule {
        AbsenceRule::Unknown => "The catalog has no such item.".to_owned(),
        AbsenceRule::Withdrawn => "It is withdrawn from the catalog: no list shows it.".to_owned(),
        AbsenceRule::Off => "Somebody has taken it off everywhere: no list shows it.".to_owned(),
        AbsenceRule::OtherCatalog => "It is in another catalog than the list is of.".to_owned(),
        AbsenceRule::Unavailable => {
            "The catalog says that it is not available: no list shows it.".to_owned()
        }
        AbsenceRule::OutOfStock => "Its stock is used up: no list shows it.".to_owned(),
        AbsenceRule::NotYetValid => "The catalog offers it from a later time on.".to_owned(),
        AbsenceRule::NoLongerValid => {
            "The catalog has offered it up to a time, which is over.".to_owned()
        }
        AbsenceRule::IsSeed => "The list is for this item, and shows what goes with it.".to_owned(),
        AbsenceRule::LeftOut => {
            "The list starts from it: it is in the cart, or what this person did last.".to_owned()
        }
        AbsenceRule::OtherSegment => "It is in another segment than the list is for.".to_owned(),
        AbsenceRule::Filter { name, text } => {
            let name = name.replacen("the scenario's", "The scenario’s", 1);
            let name = if name == "filter" { "Your filter".to_owned() } else { name };
            format!("{name} is not true for it: {text}")
        }
        AbsenceRule::Location { within_km, is_known: true, .. } => {
            format!("It is at no place within {within_km} km of this person.")
        }
        AbsenceRule::Location { .. } => {
            "Where this person is is not known, so nothing is near.".to_owned()
        }
        AbsenceRule::Excluded { kind } => {
            let did = kind.map_or("did something with it long ago", verb);
            format!("This person {did}, and the list leaves such items out.")
        }
        AbsenceRule::NoMatch => "It does not match the search.".to_owned(),
        AbsenceRule::NotFound { logic } => format!("The list does not find it: {}.", finds(*logic)),
        AbsenceRule::MinRelevance => "Its relevance is below the least one.".to_owned(),
        AbsenceRule::Rotation { shown_at_s } => {
            let at = Timestamp(i64::from(*shown_at_s) * 1_000);
            format!("This person saw it lately (at {at}), and the list rotates.")
        }
        AbsenceRule::Diversity => {
            "It is too similar to items that are listed, and the list is to be varied.".to_owned()
        }
        AbsenceRule::Constraint { property, max } => {
            format!("At most {max} items may share a value of “{property}”.")
        }
        AbsenceRule::Promoted => "Promoted items have its place.".to_owned(),
        AbsenceRule::Inactive { within_s } => format!(
            "This person did nothing within {}, and gets no list.",
            Unit::Seconds.text(f64::from(*within_s))
        ),
        AbsenceRule::TooShort { min_count } => {
            format!("The list has fewer than {min_count} items, and is empty then.")
        }
    }
}

fn verb(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::DetailView => "viewed it",
        InteractionKind::Purchase => "bought it",
        InteractionKind::Rating => "rated it",
        InteractionKind::CartAddition => "put it into the cart",
        InteractionKind::Bookmark => "bookmarked it",
        InteractionKind::ViewPortion => "played it",
    }
}

fn finds(logic: Logic) -> &'static str {
    match logic {
        Logic::Personal => "nothing that this person did leads to it",
        Logic::Trending => "nobody did anything with it lately",
        Logic::RecentlyViewed => "this person did not view it",
        Logic::BuyAgain => "this person is not due to buy it again",
        Logic::Similar => "it is not like the item",
        Logic::CrossSell => "it does not go with the item or the cart",
        Logic::WatchNext => "it does not follow what came last",
        Logic::ContinueWatching => "this person did not begin it",
        Logic::Picks => "it is not among the picks",
        Logic::Together => "people do not combine it with what came last",
        Logic::ContentBased => "it has nothing in common with what came last",
        Logic::Newest => "others are newer",
    }
}

/// Where an item comes from, where no reason names it.
pub(super) fn source(source: &str) -> &'static str {
    match source {
        "model" => "what people like this one like",
        "new" => "new, and like what this person likes",
        "trending" => "popular now",
        "recently_viewed" => "viewed lately",
        "buy_again" => "due to be bought again",
        "picked" => "picked by hand",
        "match" => "matches the search",
        "content" => "has something in common with what came last",
        "newest" => "new in the catalog",
        "together" => "people combine it with what came last",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_sentence_with_the_place_that_it_costs() {
        let rules = [
            AbsenceRule::Unknown,
            AbsenceRule::Withdrawn,
            AbsenceRule::Filter { name: "filter".to_owned(), text: "'price' < 20".to_owned() },
            AbsenceRule::Filter {
                name: "the scenario's filter".to_owned(),
                text: "'a'".to_owned(),
            },
            AbsenceRule::Excluded { kind: Some(InteractionKind::ViewPortion) },
            AbsenceRule::Excluded { kind: None },
            AbsenceRule::MinRelevance,
            AbsenceRule::Rotation { shown_at_s: 0 },
            AbsenceRule::Diversity,
            AbsenceRule::Constraint { property: "artist".to_owned(), max: 2 },
            AbsenceRule::Off,
            AbsenceRule::Unavailable,
            AbsenceRule::OutOfStock,
            AbsenceRule::NotYetValid,
            AbsenceRule::NoLongerValid,
            AbsenceRule::Inactive { within_s: 86_400 },
            AbsenceRule::TooShort { min_count: 4 },
        ];
        let lines = rules.map(|rule| {
            let placement = Placement {
                is_listed: false,
                place: None,
                rules: vec![rule],
                place_without: Some(4),
            };
            let item =
                PlacedItem { id: "x".to_owned(), title: Some("Low Tide".to_owned()), placement };
            let Answer { title, text } = answer(&item);
            format!("{title}: {text}")
        });
        assert_eq!(
            lines[2],
            "“Low Tide” is not here because of a filter: Your filter is not true for it: 'price' < 20 \
             Without this it would be at place 4."
        );
        assert!(lines[4].contains("played it"), "{}", lines[4]);
        let distinct: std::collections::BTreeSet<&String> = lines.iter().collect();
        assert_eq!(distinct.len(), lines.len());
    }
}
