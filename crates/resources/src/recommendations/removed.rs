//! What the rules of a previewed list keep out of it.

use engine::{AbsenceRule, RemovedByRule, RemovedItems};
use serde::Serialize;

/// What the rules of a list keep out of it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownRemoved {
    /// How many candidates the logic and its fallback find without any rule, up to 1,000.
    pub n_candidates: usize,
    /// The rules that keep any out, in the order in which they are asked. A candidate that several
    /// keep out counts for the first.
    pub by_rule: Vec<ShownRemovedByRule>,
}

/// What one rule keeps out of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownRemovedByRule {
    /// The rule.
    #[serde(flatten)]
    pub rule: AbsenceRule,
    /// How many candidates it keeps out.
    pub n: usize,
    /// Up to 5 of them, those that would come first.
    pub items: Vec<NamedItem>,
}

/// An item with its title.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct NamedItem {
    /// The id.
    pub id: String,
    /// Its title, where the catalog has one.
    pub title: Option<String>,
}

impl ShownRemoved {
    pub(super) fn new(removed: RemovedItems, title: &impl Fn(&str) -> Option<String>) -> Self {
        let by_rule = removed.by_rule.into_iter().map(|RemovedByRule { rule, n, items }| {
            let items = items.into_iter().map(|id| NamedItem { title: title(&id), id });
            ShownRemovedByRule { rule, n, items: items.collect() }
        });
        Self { n_candidates: removed.n_candidates, by_rule: by_rule.collect() }
    }
}
