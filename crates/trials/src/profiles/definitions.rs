//! Fifty audiences, fifty computed traits of all ten types, five recommended-items traits.

use conditions::RfmGroup;
use domain::{
    AudienceDefinition, ComputedTraitDefinition, ComputedTraitType, Logic, SyncSettings,
    TraitDefinition, TraitPeople,
};

use crate::workspace::DESTINATION;

/// Windows that close while the trial runs, and longer ones.
const WINDOWS: [&str; 10] = [
    "in the last 2 minutes",
    "in the last 10 minutes",
    "in the last 30 minutes",
    "in the last 1 hour",
    "in the last 1 day",
    "in the last 7 days",
    "in the last 30 days",
    "between 5 minutes and 20 minutes ago",
    "between 1 day and 10 days ago",
    "since 2025-12-20",
];
const NAMES: [&str; 4] = ["Product Viewed", "Product Added", "Order Completed", "Song Played"];
/// Which events count for a computed trait: `last` or `session` with a period.
const SPANS: [Option<(&str, &str)>; 5] = [
    None,
    Some(("last", "10 minutes")),
    Some(("last", "1 day")),
    Some(("last", "30 days")),
    Some(("session", "30 minutes")),
];

fn audience(n: usize, condition: String) -> AudienceDefinition {
    AudienceDefinition { key: format!("a{n:02}"), name: None, condition, likely: None, sync: None }
}

/// Windows, counts, events in order, groups by recency and frequency, traits and properties: ten of
/// each.
pub(super) fn audiences() -> Vec<AudienceDefinition> {
    let windows = (0..10).map(|n| {
        let not = if n % 3 == 2 { "not " } else { "" };
        format!("did {not}\"{}\" {}", NAMES[n % 4], WINDOWS[n])
    });
    let counts = (0..10).map(|n| {
        let (word, times) = ([("at least", 2), ("exactly", 3), ("at most", 4)])[n % 3];
        format!("did \"{}\" {word} {times} times {}", NAMES[(n + 1) % 4], WINDOWS[n])
    });
    let funnels = (0..10).map(|n| {
        let not = if n % 2 == 1 { "not " } else { "" };
        let within = ["5 minutes", "1 hour", "1 day", "7 days", "30 days"][n / 2];
        format!(
            "did \"Product Added\" then {not}\"Order Completed\" within {within} {}",
            WINDOWS[n]
        )
    });
    let groups = RfmGroup::WORDS.iter().take(10).map(|(_, word)| {
        format!("rfm {word} of \"Order Completed\" over 60 days recency (1 hour, 1 day, 7 days, 30 days)")
    });
    let others = [
        "trait country = \"DE\" and did \"Product Viewed\" in the last 1 hour",
        "trait score > 50 or in audience a03",
        "in audience a10 and not in audience a00",
        "did \"Order Completed\" where total > 100 in the last 10 minutes",
        "did \"Product Viewed\" at least 2 times where brand = \"Brand 3\" in the last 1 hour",
        "did \"Product Added\" where price >= 50 then \"Order Completed\" where total > 20 within 1 hour",
        "trait country in (\"AT\", \"CH\") and trait score <= 30",
        "trait c00 >= 3",
        "trait c01 > 100 or not trait email exists",
        "not (in audience a47 or in audience a40)",
    ];
    let all = windows.chain(counts).chain(funnels).chain(groups);
    let all = all.chain(others.into_iter().map(str::to_owned));
    all.enumerate().map(|(n, condition)| audience(n, condition)).collect()
}

/// Each type over each span.
pub(super) fn computed_traits() -> Vec<ComputedTraitDefinition> {
    let all = SPANS.iter().enumerate().flat_map(|(row, span)| {
        ComputedTraitType::WORDS.iter().enumerate().map(move |(column, (type_, _))| {
            let property = match type_ {
                ComputedTraitType::Count => None,
                ComputedTraitType::Sum | ComputedTraitType::Average => Some("total"),
                ComputedTraitType::Minimum | ComputedTraitType::Maximum => Some("price"),
                _ => Some("brand"),
            };
            let period = |word: &str| {
                span.filter(|(named, _)| *named == word).map(|(_, period)| period.to_owned())
            };
            ComputedTraitDefinition {
                key: format!("c{:02}", row * 10 + column),
                of: Default::default(),
                name: None,
                type_: *type_,
                event: NAMES[(row + column) % 4].to_owned(),
                property: property.map(str::to_owned),
                filters: (column == 3).then(|| "total > 20".to_owned()),
                last: period("last"),
                session: period("session"),
                sync: None,
            }
        })
    });
    all.collect()
}

/// Lists of five that go to the destination.
pub(super) fn lists() -> Vec<TraitDefinition> {
    let list = |key: &str, logic, audience: Option<&str>| TraitDefinition {
        logic,
        who: audience
            .map(|key| TraitPeople { audience: Some(key.to_owned()), include_anonymous: false }),
        sync: Some(SyncSettings::to(&[DESTINATION])),
        ..TraitDefinition::recommended_items(key)
    };
    vec![
        list("next", Logic::Personal, None),
        list("viewed", Logic::RecentlyViewed, None),
        list("goes_with", Logic::Together, Some("a06")),
        list("like_the_last", Logic::ContentBased, Some("a05")),
        list("buyers_next", Logic::Personal, Some("a13")),
    ]
}
