//! One request: candidates from the model, then from popularity, through the eligibility pass, with reasons.

use std::cell::RefCell;

use domain::{InteractionKind, ItemIdx};
use linalg::{Accumulator, top_k};

use crate::model::weigh_history;
use crate::{Eligibility, Histories, HistoryEntry, Model};

/// The most history items that a reason names.
const REASONS_MAX: usize = 3;

/// Where a recommended item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user's own history.
    Model,
    /// What everybody likes.
    Popular,
}

/// A history item that speaks for a recommended one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Because {
    /// The history item.
    pub item: ItemIdx,
    /// What the user did with it.
    pub kind: InteractionKind,
    /// Its part of the score, from 0 to 1.
    pub share: f32,
}

/// One item of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The item.
    pub item: ItemIdx,
    /// The score; comparable within one origin of one list only.
    pub score: f32,
    /// Where it came from.
    pub origin: Origin,
    /// The history items that contributed most, strongest first; none for popular items.
    pub because: Vec<Because>,
}

/// A ranked list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recommendation {
    /// Best first.
    pub items: Vec<Recommended>,
}

impl Recommendation {
    /// Whether nothing in the list comes from the user's own history.
    pub fn is_fallback(&self) -> bool {
        self.items.iter().all(|item| item.origin == Origin::Popular)
    }
}

/// Recommends up to `count` of `n_items` items; fewer only where fewer are eligible.
pub fn recommend(
    model: Option<&Model>,
    histories: &Histories,
    history: &[HistoryEntry],
    eligibility: &Eligibility<'_>,
    n_items: usize,
    count: usize,
) -> Recommendation {
    let allows = |&(item, _): &(u32, f32)| eligibility.allows(ItemIdx(item));
    let mut items = Vec::with_capacity(count);
    if let Some(model) = model {
        let weighed = weigh_history(history, model.parameters.history_half_life_days);
        let best = score(model, &weighed, |entries| top_k(entries.filter(allows), count));
        items.extend(best.into_iter().map(|(item, score)| Recommended {
            item: ItemIdx(item),
            score,
            origin: Origin::Model,
            because: because(model, &weighed, item, score),
        }));
    }
    if items.len() < count {
        let taken: Vec<u32> = items.iter().map(|item| item.item.0).collect();
        let missing = count - taken.len();
        let popular: Vec<(u32, f32)> = match model {
            Some(model) => {
                let ranked = model.by_popularity.iter().map(|&item| (item, model.popularity[item as usize]));
                // Items without any popularity, and those that came after the training, follow in the order of their indices.
                let rest = (0..n_items as u32)
                    .filter(|&item| model.popularity.get(item as usize).is_none_or(|score| *score == 0.0))
                    .map(|item| (item, 0.0));
                ranked
                    .chain(rest)
                    .filter(allows)
                    .filter(|(item, _)| !taken.contains(item))
                    .take(missing)
                    .collect()
            }
            None => {
                let counted =
                    (0..n_items as u32).map(|item| (item, live_popularity(histories, ItemIdx(item))));
                top_k(counted.filter(allows), missing)
            }
        };
        items.extend(popular.into_iter().map(|(item, score)| Recommended {
            item: ItemIdx(item),
            score,
            origin: Origin::Popular,
            because: Vec::new(),
        }));
    }
    Recommendation { items }
}

/// Before the first training: all interactions of the item, whenever they were.
fn live_popularity(histories: &Histories, item: ItemIdx) -> f32 {
    histories.counts(item).iter().map(|&count| count as f32).sum()
}

thread_local! {
    static SUMS: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// Sums the related items of a weighed history and hands the sums above 0 to `take`.
pub(crate) fn score<T>(
    model: &Model,
    weighed: &[(HistoryEntry, f32)],
    take: impl FnOnce(&mut dyn Iterator<Item = (u32, f32)>) -> T,
) -> T {
    SUMS.with_borrow_mut(|sums| {
        if sums.len() < model.popularity.len() {
            *sums = Accumulator::new(model.popularity.len());
        }
        for (entry, weight) in weighed.iter().filter(|(entry, _)| entry.item.pos() < model.popularity.len()) {
            let (columns, values) = model.related.row(entry.item.pos());
            sums.add_scaled(*weight, columns, values);
        }
        let taken = take(&mut sums.entries().filter(|(_, sum)| *sum > 0.0));
        sums.clear();
        taken
    })
}

fn because(model: &Model, weighed: &[(HistoryEntry, f32)], item: u32, score: f32) -> Vec<Because> {
    let in_model = weighed.iter().filter(|(entry, _)| entry.item.pos() < model.popularity.len());
    let mut all: Vec<Because> = in_model
        .map(|(entry, weight)| Because {
            item: entry.item,
            kind: entry.kind,
            share: weight * model.related.get(entry.item.pos(), item) / score,
        })
        .filter(|because| because.share > 0.0)
        .collect();
    all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    all.truncate(REASONS_MAX);
    all
}
