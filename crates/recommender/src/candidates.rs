//! What may come into a list, and what speaks for it.

use std::cell::RefCell;
use std::cmp::Ordering;

use domain::{InteractionKind, InteractionWeights, ItemIdx, Relevance};
use linalg::{Accumulator, TopK, top_k};
use rustc_hash::FxHashSet;

use crate::cold::ColdItems;
use crate::models::buy_again::BuyAgain;
use crate::models::recently_viewed::RecentlyViewed;
use crate::recommend::{Because, Origin, REASONS_MAX};
use crate::{Histories, HistoryEntry, HistoryWeighting, Model};

/// What lists are made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// None before the first training.
    pub model: Option<&'a Model>,
    /// What the model does not know.
    pub cold: &'a ColdItems,
    /// For popularity before the first training.
    pub histories: &'a Histories,
    /// What counts how much before the first training.
    pub interaction_weights: InteractionWeights,
    /// How many items there are.
    pub n_items: usize,
}

/// An item that may come into a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) item: u32,
    pub(crate) score: f32,
    pub(crate) origin: Origin,
}

impl Candidate {
    /// By score; of equal ones the smaller index first.
    pub(crate) fn best_first(a: &Self, b: &Self) -> Ordering {
        b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
    }
}

/// How a history is read as long as there is no model.
const WEIGHTING_WITHOUT_MODEL: HistoryWeighting = HistoryWeighting { half_life_days: None, step_decay: 0.9 };

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

/// What a history says to each channel of the model; the cold items hear what the first one hears.
pub(crate) type Weighed = Vec<Vec<(HistoryEntry, f32)>>;

impl Sources<'_> {
    /// What a history says now.
    pub(crate) fn weigh(&self, history: &[HistoryEntry]) -> Weighed {
        let weights = &self.interaction_weights;
        match self.model {
            Some(model) => model.weigh(history),
            None => vec![WEIGHTING_WITHOUT_MODEL.weigh(history, weights)],
        }
    }

    fn is_warm(&self, item: u32) -> bool {
        self.model.is_some_and(|model| model.is_warm(item))
    }

    /// From which score on an item is relevant enough; above 0 all are that anything speaks for.
    pub(crate) fn relevance(&self, min: Relevance) -> f32 {
        let scores = self.model.map(|model| model.parameters.relevance).unwrap_or_default();
        match min {
            Relevance::Low => 0.0,
            Relevance::Medium => scores.medium,
            Relevance::High => scores.high,
        }
    }

    /// The best items above 0, and not below `floor`, by what a weighed history says for them, best first.
    pub(crate) fn personal(
        &self,
        weighed: &Weighed,
        n: usize,
        floor: f32,
        allows: impl Fn(u32) -> bool,
    ) -> Vec<Candidate> {
        let floor = floor.max(f32::MIN_POSITIVE);
        let best = ROOM.with_borrow_mut(|room| {
            if room.sums.len() < self.n_items {
                *room = Room::new(self.n_items);
            }
            let Room { sums, cosines } = room;
            if let Some(model) = self.model {
                model.add(weighed, sums);
            }
            if let Some(weighed) = weighed.first() {
                self.cold.add(weighed, cosines, sums);
            }
            let mut best = TopK::new(n);
            sums.drain(|item, sum| {
                if sum >= floor {
                    best.offer(item, sum, || allows(item));
                }
            });
            best.into_sorted()
        });
        let origin = |item| if self.is_warm(item) { Origin::Model } else { Origin::New };
        best.into_iter().map(|(item, score)| Candidate { item, score, origin: origin(item) }).collect()
    }

    /// Fills up to `n` with trending items, of all kinds of interactions or of one. Their scores are shares of the most popular one's, below
    /// the lowest of those that are there, so that a list stays sorted by score.
    pub(crate) fn fill(
        &self,
        candidates: &mut Vec<Candidate>,
        kind: Option<InteractionKind>,
        n: usize,
        allows: impl Fn(u32) -> bool,
    ) {
        let Some(missing) = n.checked_sub(candidates.len()).filter(|missing| *missing > 0) else { return };
        let taken: FxHashSet<u32> = candidates.iter().map(|candidate| candidate.item).collect();
        let allows = |(item, _): &(u32, f32)| !taken.contains(item) && allows(*item);
        let trending: Vec<(u32, f32)> = match (self.model, kind) {
            (Some(model), None) => {
                let popularity = &model.popularity;
                let ranked = popularity.ranked.iter().map(|&item| (item, popularity.scores[item as usize]));
                // Items without any popularity, and those that came after the training, follow in the order of their indices.
                let rest =
                    (0..self.n_items as u32).filter(|&item| !model.is_warm(item)).map(|item| (item, 0.0));
                ranked.chain(rest).filter(allows).take(missing).collect()
            }
            (Some(model), Some(kind)) => {
                let of_kind = model.popularity.by_kind.iter().find(|(of, _)| *of == kind);
                let ranked = of_kind.map_or(&[][..], |(_, items)| items);
                let mut found: Vec<_> = ranked.iter().copied().filter(allows).take(missing).collect();
                if found.len() < missing {
                    // What had no such interaction before the training has them now.
                    let known: FxHashSet<u32> = ranked.iter().map(|(item, _)| *item).collect();
                    let new = (0..self.n_items as u32).filter(|item| !known.contains(item));
                    let counted = new.map(|item| (item, self.live_popularity(ItemIdx(item), Some(kind))));
                    let counted = counted.filter(|(_, count)| *count > 0.0).filter(allows);
                    let best = top_k(counted, missing - found.len());
                    found.extend(best.into_iter().map(|(item, _)| (item, 0.0)));
                }
                found
            }
            (None, kind) => {
                let all =
                    (0..self.n_items as u32).map(|item| (item, self.live_popularity(ItemIdx(item), kind)));
                top_k(all.filter(|(_, count)| kind.is_none() || *count > 0.0).filter(allows), missing)
            }
        };
        let top = trending.first().map_or(1.0, |(_, score)| score.max(f32::MIN_POSITIVE));
        let floor = candidates.last().map_or(1.0, |candidate| candidate.score);
        candidates.extend(trending.into_iter().map(|(item, score)| Candidate {
            item,
            score: floor * (score / top),
            origin: Origin::Trending,
        }));
    }

    /// Before the first training: all interactions of the item, or those of a kind, whenever they were.
    fn live_popularity(&self, item: ItemIdx, kind: Option<InteractionKind>) -> f32 {
        let counts = self.histories.counts(item);
        match kind {
            Some(kind) => counts[kind as usize] as f32,
            None => counts.iter().map(|&count| count as f32).sum(),
        }
    }

    /// What a person looked at, with scores.
    pub(crate) fn recently_viewed(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.recently_viewed.viewed(history),
            None => RecentlyViewed::default().viewed(history),
        }
    }

    /// What a person is due to buy again, with scores.
    pub(crate) fn due(&self, history: &[HistoryEntry], now_s: u32) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.buy_again.due(history, now_s),
            None => BuyAgain::default().due(history, now_s),
        }
    }

    /// How alike two items are, from 0 to 1: by their properties, or by how strongly one speaks for the other.
    pub(crate) fn likeness(&self, a: u32, b: u32) -> f32 {
        let related = self.model.map_or(0.0, |model| model.likeness(a, b).max(model.likeness(b, a)));
        related.max(self.cold.features().cosine(ItemIdx(a), ItemIdx(b)))
    }

    /// The history items that speak most for an item. Shares are of all that speaks for it; what speaks against it has none.
    pub(crate) fn because(&self, weighed: &Weighed, item: ItemIdx) -> Vec<Because> {
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
                for (entry, weight) in weighed.iter().filter(|(entry, _)| entry.item.pos() < model.n_items())
                {
                    add(entry, weight * channel.related.get(entry.item.pos(), item.0));
                }
            }
        }
        if let Some(weighed) = weighed.first() {
            weighed.iter().for_each(|(entry, weight)| add(entry, weight * self.cold.part(entry.item, item)));
        }
        all.retain(|because| because.share > 0.0);
        strongest(all)
    }
}

/// The strongest parts, as shares of all of them.
pub(crate) fn strongest(mut all: Vec<Because>) -> Vec<Because> {
    let total: f32 = all.iter().map(|because| because.share).sum();
    all.iter_mut().for_each(|because| because.share /= total);
    all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    all.truncate(REASONS_MAX);
    all
}

impl Model {
    /// The number of items of the training set.
    pub fn n_items(&self) -> usize {
        self.popularity.scores.len()
    }

    /// Whether anybody had done anything with the item when the model was made.
    pub(crate) fn is_warm(&self, item: u32) -> bool {
        self.popularity.scores.get(item as usize).is_some_and(|score| *score > 0.0)
    }

    /// What a history says now, to each channel.
    pub(crate) fn weigh(&self, history: &[HistoryEntry]) -> Weighed {
        let weights = &self.parameters.interaction_weights;
        self.channels.iter().map(|channel| channel.weighting.weigh(history, weights)).collect()
    }

    /// Adds the related items of a weighed history over all channels; items that the model does not know say nothing.
    pub(crate) fn add(&self, weighed: &Weighed, sums: &mut Accumulator) {
        for (channel, weighed) in self.channels.iter().zip(weighed) {
            for (entry, weight) in weighed.iter().filter(|(entry, _)| entry.item.pos() < self.n_items()) {
                let (columns, values) = channel.related.row(entry.item.pos());
                sums.add_each(columns, values, |value| weight * value);
            }
        }
    }

    /// How strongly an item speaks for another, beside what it speaks for most.
    fn likeness(&self, from: u32, to: u32) -> f32 {
        let Some(channel) = self.channels.first().filter(|_| (from as usize) < self.n_items()) else {
            return 0.0;
        };
        let most = channel.related.row(from as usize).1.iter().fold(0f32, |top, value| top.max(*value));
        if most > 0.0 { (channel.related.get(from as usize, to) / most).clamp(0.0, 1.0) } else { 0.0 }
    }
}
