//! One request: candidates from the model, then from popularity, through the eligibility pass, with reasons.

use std::cell::RefCell;

use domain::{InteractionKind, ItemIdx};
use linalg::{Accumulator, TopK, top_k};

use crate::cold::ColdItems;
use crate::{Eligibility, Histories, HistoryEntry, HistoryWeighting, Model};

/// The most history items that a reason names.
const REASONS_MAX: usize = 3;

/// Where a recommended item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user's own history, by what others did.
    Model,
    /// The user's own history, by what items are like: no model knows the item yet.
    New,
    /// What everybody likes now.
    Trending,
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
    /// The history items that contributed most, strongest first; none for trending items.
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
        self.items.iter().all(|item| item.origin == Origin::Trending)
    }
}

/// What lists are made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// None before the first training.
    pub model: Option<&'a Model>,
    /// What the model does not know.
    pub cold: &'a ColdItems,
    /// For popularity before the first training.
    pub histories: &'a Histories,
    /// How many items there are.
    pub n_items: usize,
}

/// How a history is read as long as there is no model.
const WEIGHTING_WITHOUT_MODEL: HistoryWeighting = HistoryWeighting { half_life_days: None, step_decay: 0.9 };

/// Recommends up to `count` items; fewer only where fewer are eligible.
pub fn recommend(
    sources: Sources<'_>,
    history: &[HistoryEntry],
    eligibility: &Eligibility<'_>,
    count: usize,
) -> Recommendation {
    let Sources { model, histories, n_items, .. } = sources;
    let allows = |&(item, _): &(u32, f32)| eligibility.allows(ItemIdx(item));
    let mut items = Vec::with_capacity(count);
    let weighed = sources.weigh(history);
    let best = sources.best(&weighed, count, |item| eligibility.allows(ItemIdx(item)));
    items.extend(best.into_iter().map(|(item, score)| Recommended {
        item: ItemIdx(item),
        score,
        origin: if sources.is_warm(item) { Origin::Model } else { Origin::New },
        because: sources.because(&weighed, ItemIdx(item)),
    }));
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
            origin: Origin::Trending,
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
    static ROOM: RefCell<Room> = RefCell::new(Room::new(0));
}

/// Used again by every request of a thread.
struct Room {
    sums: Accumulator,
    cosines: Accumulator,
}

impl Room {
    fn new(n_items: usize) -> Self {
        Self { sums: Accumulator::new(n_items), cosines: Accumulator::new(n_items) }
    }
}

/// What a history says: to each channel of the model, then, last, to the cold items.
pub(crate) type Weighed = Vec<Vec<(HistoryEntry, f32)>>;

impl Sources<'_> {
    /// What a history says now.
    pub(crate) fn weigh(&self, history: &[HistoryEntry]) -> Weighed {
        let Some(model) = self.model else { return vec![WEIGHTING_WITHOUT_MODEL.weigh(history)] };
        let mut weighed = model.weigh(history);
        let of_cold = model.channels.first().map_or(WEIGHTING_WITHOUT_MODEL, |channel| channel.weighting);
        weighed.push(of_cold.weigh(history));
        weighed
    }

    fn is_warm(&self, item: u32) -> bool {
        self.model.is_some_and(|model| model.is_warm(item))
    }

    /// The best items by what a weighed history says for them, best first.
    fn best(&self, weighed: &Weighed, count: usize, allows: impl Fn(u32) -> bool) -> Vec<(u32, f32)> {
        ROOM.with_borrow_mut(|room| {
            if room.sums.len() < self.n_items {
                *room = Room::new(self.n_items);
            }
            let Room { sums, cosines } = room;
            if let Some(model) = self.model {
                model.add(weighed, sums);
            }
            if let Some(weighed) = weighed.last() {
                self.cold.add(weighed, cosines, sums);
            }
            let mut best = TopK::new(count);
            sums.drain(|item, sum| {
                if sum > 0.0 {
                    best.offer(item, sum, || allows(item));
                }
            });
            best.into_sorted()
        })
    }

    /// The history items that speak most for an item. Shares are of all that speaks for it; what speaks against it has none.
    fn because(&self, weighed: &Weighed, item: ItemIdx) -> Vec<Because> {
        let mut all: Vec<Because> = Vec::new();
        let mut add = |entry: &HistoryEntry, part: f32| {
            if part == 0.0 {
                return;
            }
            match all.binary_search_by_key(&entry.item, |because| because.item) {
                Ok(n) => all[n].share += part,
                Err(n) => all.insert(n, Because { item: entry.item, kind: entry.kind, share: part }),
            }
        };
        if let Some(model) = self.model {
            for (channel, weighed) in model.channels.iter().zip(weighed) {
                let in_model = weighed.iter().filter(|(entry, _)| entry.item.pos() < model.popularity.len());
                for (entry, weight) in in_model {
                    add(entry, weight * channel.related.get(entry.item.pos(), item.0));
                }
            }
        }
        if let Some(weighed) = weighed.last() {
            weighed.iter().for_each(|(entry, weight)| add(entry, weight * self.cold.part(entry.item, item)));
        }
        all.retain(|because| because.share > 0.0);
        let total: f32 = all.iter().map(|because| because.share).sum();
        all.iter_mut().for_each(|because| because.share /= total);
        all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
        all.truncate(REASONS_MAX);
        all
    }
}

impl Model {
    /// Whether anybody had done anything with the item when the model was made.
    pub(crate) fn is_warm(&self, item: u32) -> bool {
        self.popularity.get(item as usize).is_some_and(|popularity| *popularity > 0.0)
    }

    /// What a history says now, to each channel.
    pub(crate) fn weigh(&self, history: &[HistoryEntry]) -> Weighed {
        self.channels.iter().map(|channel| channel.weighting.weigh(history)).collect()
    }

    /// Adds the related items of a weighed history over all channels; items that the model does not know say nothing.
    pub(crate) fn add(&self, weighed: &Weighed, sums: &mut Accumulator) {
        for (channel, weighed) in self.channels.iter().zip(weighed) {
            for (entry, weight) in
                weighed.iter().filter(|(entry, _)| entry.item.pos() < self.popularity.len())
            {
                let (columns, values) = channel.related.row(entry.item.pos());
                sums.add_each(columns, values, |value| weight * value);
            }
        }
    }
}
