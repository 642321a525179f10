//! What may come into a list, and what speaks for it.

use std::cell::RefCell;
use std::cmp::Ordering;

use domain::{InteractionKind, InteractionWeights, ItemIdx, Logic, Relevance, Timestamp};
use linalg::{Accumulator, TopK, top_k};
use rustc_hash::FxHashSet;

use crate::cold_start::ColdStartItems;
use crate::models::buy_again::BuyAgain;
use crate::models::popularity::Popularity;
use crate::models::recently_viewed::RecentlyViewed;
use crate::recommend::{CONTRIBUTIONS_MAX, Contribution, ItemBooster, Origin};
use crate::seeds::seeds_of;
use crate::{Histories, HistoryEntry, HistoryWeighting, Model, Request, WeakHistory, WeakSignal};

/// What lists are made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// None before the first training.
    pub model: Option<&'a Model>,
    /// What the model does not know.
    pub cold: &'a ColdStartItems,
    /// For popularity before the first training.
    pub histories: &'a Histories,
    /// What counts how much before the first training.
    pub interaction_weights: InteractionWeights,
    /// How many items there are.
    pub n_items: usize,
}

/// Which interactions make items popular.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TrendingBy<'a> {
    /// All interactions, recent ones most.
    All,
    /// Interactions of one kind, recent ones most.
    Kind(InteractionKind),
    /// Those of a period: items by their popularity in it, most popular first.
    Period(&'a [(u32, f32)]),
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

/// What a booster multiplies where an item has no popularity at all.
const BOOSTED_SHARE_MIN: f32 = 1e-3;
/// Of the best score: what is weaker than twice this is drawn together above it where scores are boosted, so that what fills the list up has a
/// place below all of it from which a booster can lift it.
const BOOSTED_TAIL: f32 = 0.01;

/// A score that is boosted: in the order of scores, and not below the tail, whatever part of the list is asked for.
fn above_fallback(score: f32, top: f32) -> f32 {
    let tail = BOOSTED_TAIL * top;
    if score >= 2.0 * tail { score } else { tail + 0.5 * score }
}

/// The popularity of what a boosted list is filled up with: in the order of shares, and above 0.
fn boosted_share(share: f32) -> f32 {
    BOOSTED_SHARE_MIN + (1.0 - BOOSTED_SHARE_MIN) * share
}

thread_local! {
    /// Used again by every request of a thread.
    static SUMS: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// Among which items a list is made, and what their scores are multiplied with.
#[derive(Clone, Copy)]
pub(crate) struct CandidateScope<'a> {
    /// Where only few may be in the list: those that may, at most.
    pub(crate) candidate_set: Option<&'a [u32]>,
    pub(crate) booster: Option<ItemBooster<'a>>,
}

/// What a weighed history speaks for.
pub(crate) struct PersonalCandidates {
    /// Best first.
    pub(crate) candidates: Vec<Candidate>,
    /// Before boosting: what fills the list up stays below this; never above `top`.
    pub(crate) lowest: f32,
    /// Before boosting: the best score, also of what is not allowed; 1 where there is nothing.
    pub(crate) top: f32,
}

/// What a history says, or what a list is for.
pub(crate) struct QueryVector {
    /// To each channel of the model; the cold items hear what the first one hears.
    pub(crate) channels: Vec<Vec<(HistoryEntry, f32)>>,
    /// Items that the list is for and that the model does not know: they speak for what is like them.
    unknown_seeds: Vec<(HistoryEntry, f32)>,
}

impl QueryVector {
    /// With every weight multiplied.
    fn scaled(mut self, factor: f32) -> Self {
        let weights = self.channels.iter_mut().flatten().chain(&mut self.unknown_seeds);
        weights.for_each(|(_, weight)| *weight *= factor);
        self
    }

    /// With what another one says beside it.
    fn combined_with(mut self, other: Self) -> Self {
        self.channels.iter_mut().zip(other.channels).for_each(|(own, other)| own.extend(other));
        self.unknown_seeds.extend(other.unknown_seeds);
        self
    }

    /// To the first channel.
    pub(crate) fn first_channel(&self) -> &[(HistoryEntry, f32)] {
        self.channels.first().map_or(&[], Vec::as_slice)
    }
}

impl Sources<'_> {
    /// What a history says now.
    pub(crate) fn query_vector(&self, history: &[HistoryEntry]) -> QueryVector {
        self.query_vector_with_weak_signals(history, &[])
    }

    /// The same with weak signals beside the history.
    pub(crate) fn query_vector_with_weak_signals(
        &self,
        history: &[HistoryEntry],
        signals: &[WeakSignal],
    ) -> QueryVector {
        let weights = &self.interaction_weights;
        let channels = match self.model {
            Some(model) => model.weigh(history, signals),
            None => vec![WEIGHTING_WITHOUT_MODEL.weigh(history, weights)],
        };
        QueryVector { channels, unknown_seeds: Vec::new() }
    }

    fn is_warm(&self, item: u32) -> bool {
        self.model.is_some_and(|model| model.is_warm(item))
    }

    /// From which share of the best score on something is relevant enough; above 0 all are that anything speaks for.
    pub(crate) fn relevant_share(&self, min: Relevance) -> f32 {
        let shares = self.model.map(|model| model.parameters.relevance).unwrap_or_default();
        match min {
            Relevance::Low => 0.0,
            Relevance::Medium => shares.medium,
            Relevance::High => shares.high,
        }
    }

    /// What speaks in a request: the history, or the items that the list goes with and as much of the history as was asked for.
    pub(crate) fn query_vector_for_request(&self, request: &Request<'_>) -> QueryVector {
        let seeds = seeds_of(request);
        // Who has nothing at hand is like anybody else.
        if seeds.is_empty() && request.list.logic != Logic::Similar {
            return self.query_vector_with_weak_signals(request.history, request.weak_signals);
        }
        let of_seeds = self.query_vector_for_seeds(request, &seeds);
        let impact = request.list.user_impact;
        if impact == 0.0 {
            return of_seeds;
        }
        let of_history = self.query_vector_with_weak_signals(request.history, request.weak_signals);
        if impact == 1.0 {
            return of_history;
        }
        // A history says a little of many items and a seed much of few: each is as loud as its best item, or nobody would hear the history.
        let (top, top_of_history) = (self.max_score(&of_seeds), self.max_score(&of_history));
        let volume = if top > 0.0 && top_of_history > 0.0 { top / top_of_history } else { 1.0 };
        of_seeds.scaled(1.0 - impact).combined_with(of_history.scaled(impact * volume))
    }

    /// The items that the list is for, each as much.
    fn query_vector_for_seeds(&self, request: &Request<'_>, seeds: &[ItemIdx]) -> QueryVector {
        let at = Timestamp(i64::from(request.now_s) * 1_000);
        let weight = 1.0 / seeds.len().max(1) as f32;
        let seeds = seeds.iter();
        let seeds: Vec<(HistoryEntry, f32)> = seeds
            .map(|&item| (HistoryEntry::new(item, InteractionKind::DetailView, at, None), weight))
            .collect();
        let is_unknown = |(entry, _): &&(HistoryEntry, f32)| !self.is_warm(entry.item.0);
        let unknown_seeds = match self.model {
            Some(_) => seeds.iter().filter(is_unknown).copied().collect(),
            // Without a model everything speaks for what is like it.
            None => Vec::new(),
        };
        let n_channels = self.model.map_or(1, |model| model.channels.len());
        QueryVector { channels: vec![seeds; n_channels], unknown_seeds }
    }

    /// The best of what a weighed history says.
    fn max_score(&self, weighed: &QueryVector) -> f32 {
        let mut top = 0f32;
        self.for_each_score(weighed, |_, sum| top = top.max(sum));
        top
    }

    /// Sums up what a weighed history says for each item; whoever reads the sums leaves zeros.
    fn with_scores<R>(&self, weighed: &QueryVector, read: impl FnOnce(&mut Accumulator) -> R) -> R {
        SUMS.with_borrow_mut(|sums| {
            if sums.len() < self.n_items {
                *sums = Accumulator::new(self.n_items);
            }
            if let Some(model) = self.model {
                model.add(&weighed.channels, sums);
            }
            self.cold.add(weighed.first_channel(), sums);
            for (entry, weight) in &weighed.unknown_seeds {
                self.cold.features().for_each_similar(entry.item, |item, cosine| {
                    sums.add(item, weight * cosine * cosine);
                });
            }
            read(sums)
        })
    }

    /// Hands each item for which a weighed history says anything to `take`, in no order.
    pub(crate) fn for_each_score(&self, weighed: &QueryVector, take: impl FnMut(u32, f32)) {
        self.with_scores(weighed, |sums| sums.drain(take));
    }

    /// The best items by what a weighed history says for them: above 0, and not below a share of the best one, before boosting.
    pub(crate) fn personal_candidates(
        &self,
        weighed: &QueryVector,
        n: usize,
        share_min: f32,
        among: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) -> PersonalCandidates {
        let CandidateScope { candidate_set: few, booster } = among;
        let (mut best, mut first) = (TopK::new(n), TopK::new(1));
        let each_sum = |take: &mut dyn FnMut(u32, f32)| {
            self.with_scores(weighed, |sums| match few {
                None => sums.drain(take),
                Some(few) => {
                    few.iter().for_each(|&item| take(item, sums.get(item)));
                    sums.clear();
                }
            });
        };
        let mut relevant: Vec<(u32, f32)> = Vec::new();
        let mut top = 0f32;
        each_sum(&mut |item, sum| {
            if sum > 0.0 {
                top = top.max(sum);
                if share_min > 0.0 {
                    first.offer(item, sum, || allows(item));
                }
                match booster {
                    None => best.offer(item, sum, || allows(item)),
                    // The best score has to be known first.
                    Some(_) => relevant.push((item, sum)),
                }
            }
        });
        let floor = share_min * first.into_sorted().first().map_or(0.0, |(_, sum)| *sum);
        if let Some(booster) = booster {
            for &(item, sum) in relevant.iter().filter(|(_, sum)| *sum >= floor) {
                best.offer(item, above_fallback(sum, top) * booster.boost(ItemIdx(item)), || allows(item));
            }
        }
        let mut best = best.into_sorted();
        if booster.is_none() {
            best.retain(|(_, sum)| *sum >= floor);
        }
        let lowest = match booster {
            None => best.last().map(|(_, score)| *score),
            Some(_) => (top > 0.0).then_some(above_fallback(0.0, top)),
        };
        let origin = |item| if self.is_warm(item) { Origin::Model } else { Origin::New };
        let candidates =
            best.into_iter().map(|(item, score)| Candidate { item, score, origin: origin(item) }).collect();
        let top = if top == 0.0 { 1.0 } else { top };
        PersonalCandidates { candidates, lowest: lowest.unwrap_or(top), top }
    }

    /// What a history says for each of `items`, 0 where it says nothing.
    pub fn score_each(&self, history: &[HistoryEntry], items: &[u32]) -> Vec<f32> {
        let mut places: Vec<(u32, usize)> = items.iter().enumerate().map(|(n, &item)| (item, n)).collect();
        places.sort_unstable();
        let mut scores = vec![0.0; items.len()];
        self.for_each_score(&self.query_vector(history), |item, sum| {
            let first = places.partition_point(|(other, _)| *other < item);
            for (_, n) in places[first..].iter().take_while(|(other, _)| *other == item) {
                scores[*n] = sum;
            }
        });
        scores
    }

    /// Fills up to `n`, behind what is there best first, with trending items. Their scores are shares of `floor`, so that a list that is not
    /// boosted stays sorted by score.
    pub(crate) fn add_fallback(
        &self,
        candidates: &mut Vec<Candidate>,
        by: TrendingBy<'_>,
        n: usize,
        floor: f32,
        among: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) {
        let taken: FxHashSet<u32> = candidates.iter().map(|candidate| candidate.item).collect();
        let allows = |item: u32| !taken.contains(&item) && allows(item);
        let (missing, n_kept) = (n.saturating_sub(candidates.len()), n.max(candidates.len()));
        let (mut best, most) = match among.booster {
            None => (TopK::new(missing), 1.0),
            Some(booster) => (TopK::new(n), booster.max_boost().max(0.0)),
        };
        let boosted = |item: u32, share: f32| match among.booster {
            Some(booster) => boosted_share(share) * booster.boost(ItemIdx(item)),
            None => share,
        };
        // What has to be reached by whatever may still come into a boosted list.
        let last = candidates.get(n_kept.wrapping_sub(1)).map(|last| last.score);
        match (by, among.candidate_set) {
            (TrendingBy::All, Some(few)) => {
                let top = self.top_popularity();
                for &item in few {
                    best.offer(item, boosted(item, self.popularity(item) / top), || allows(item));
                }
            }
            (by, _) => {
                for (item, share) in self.popular_items(by) {
                    // Whatever follows is not more popular, and of equal ones it has the larger index.
                    let is_over = match among.booster {
                        None => best.least().is_some(),
                        Some(_) => {
                            let possible = boosted_share(share) * most;
                            best.least().is_some_and(|least| possible < least)
                                || last.is_some_and(|last| floor * possible < last)
                        }
                    };
                    if is_over {
                        break;
                    }
                    best.offer(item, boosted(item, share), || allows(item));
                }
            }
        }
        let of =
            |(item, share): (u32, f32)| Candidate { item, score: floor * share, origin: Origin::Trending };
        candidates.extend(best.into_sorted().into_iter().map(of));
        if among.booster.is_some() {
            candidates.sort_by(Candidate::best_first);
            candidates.truncate(n_kept);
        }
    }

    /// The popularity of the most popular item.
    fn top_popularity(&self) -> f32 {
        let top = match self.model {
            Some(Model { popularity, .. }) => {
                popularity.ranked.first().map_or(1.0, |item| popularity.scores[*item as usize])
            }
            None => (0..self.n_items as u32).map(|item| self.popularity(item)).fold(1.0, f32::max),
        };
        top.max(f32::MIN_POSITIVE)
    }

    /// Items with their popularity as a share of the most popular one's, most popular first: all items, or those that there is any popularity
    /// of.
    fn popular_items<'b>(&'b self, by: TrendingBy<'b>) -> Box<dyn Iterator<Item = (u32, f32)> + 'b> {
        let all = 0..self.n_items as u32;
        let share_of = |top: Option<f32>| {
            let top = top.unwrap_or(1.0).max(f32::MIN_POSITIVE);
            move |(item, score): (u32, f32)| (item, score / top)
        };
        let kind = match by {
            TrendingBy::All => None,
            TrendingBy::Kind(kind) => Some(kind),
            TrendingBy::Period(ranked) => {
                let top = ranked.first().map(|(_, score)| *score);
                return Box::new(ranked.iter().copied().map(share_of(top)));
            }
        };
        match (self.model, kind) {
            (Some(model), None) => {
                let Popularity { ranked, scores, .. } = &model.popularity;
                let top = ranked.first().map(|&item| scores[item as usize]);
                let ranked = ranked.iter().map(|&item| (item, scores[item as usize])).map(share_of(top));
                // Items without any popularity, and those that came after the training, follow in the order of their indices.
                Box::new(ranked.chain(all.filter(|&item| !model.is_warm(item)).map(|item| (item, 0.0))))
            }
            (Some(model), Some(kind)) => {
                let of_kind = model.popularity.by_kind.iter().find(|(of, _)| *of == kind);
                let ranked = of_kind.map_or(&[][..], |(_, items)| items);
                // What had no such interaction before the training has them now.
                let new = move || {
                    let known: FxHashSet<u32> = ranked.iter().map(|(item, _)| *item).collect();
                    let new = all.filter(|item| !known.contains(item));
                    let counted = new.map(|item| (item, self.live_popularity(ItemIdx(item), Some(kind))));
                    let counted: Vec<_> = counted.filter(|(_, count)| *count > 0.0).collect();
                    let n = counted.len();
                    top_k(counted.into_iter(), n).into_iter().map(|(item, _)| (item, 0.0))
                };
                let ranked = ranked.iter().copied().map(share_of(ranked.first().map(|(_, score)| *score)));
                Box::new(ranked.chain(std::iter::once_with(new).flatten()))
            }
            (None, kind) => {
                let counted = all.map(|item| (item, self.live_popularity(ItemIdx(item), kind)));
                let counted: Vec<_> = counted.filter(|(_, count)| kind.is_none() || *count > 0.0).collect();
                let n = counted.len();
                let ranked = top_k(counted.into_iter(), n);
                let top = ranked.first().map(|(_, count)| *count);
                Box::new(ranked.into_iter().map(share_of(top)))
            }
        }
    }

    /// How popular an item is now; comparable within one state of the model.
    pub fn popularity(&self, item: u32) -> f32 {
        match self.model {
            Some(model) => model.popularity.scores.get(item as usize).copied().unwrap_or(0.0),
            None => self.live_popularity(ItemIdx(item), None),
        }
    }

    /// Before the first training: all interactions of the item, or those of a kind, whenever they were.
    fn live_popularity(&self, item: ItemIdx, kind: Option<InteractionKind>) -> f32 {
        let counts = self.histories.counts(item);
        match kind {
            Some(kind) => counts.by_kind[kind as usize] as f32,
            None => counts.by_kind.iter().map(|&count| count as f32).sum(),
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
    pub(crate) fn similarity(&self, a: u32, b: u32) -> f32 {
        let related = self.model.map_or(0.0, |model| model.similarity(a, b).max(model.similarity(b, a)));
        related.max(self.cold.features().cosine(ItemIdx(a), ItemIdx(b)))
    }

    /// The history items that speak most for an item. Shares are of all that speaks for it; what speaks against it has none.
    pub(crate) fn explain(&self, weighed: &QueryVector, item: ItemIdx) -> Vec<Contribution> {
        let mut all: Vec<Contribution> = Vec::new();
        let mut add = |entry: &HistoryEntry, part: f32| {
            // Nobody is told that they did something because a list held it.
            if part == 0.0 || entry.is_weak() {
                return;
            }
            match all.binary_search_by_key(&entry.item, |because| because.item) {
                Ok(n) => all[n].share += part,
                Err(n) => all.insert(n, Contribution { item: entry.item, kind: entry.kind, share: part }),
            }
        };
        if let Some(model) = self.model {
            for (channel, weighed) in model.channels.iter().zip(&weighed.channels) {
                for (entry, weight) in weighed.iter().filter(|(entry, _)| entry.item.pos() < model.n_items())
                {
                    add(entry, weight * channel.related.get(entry.item.pos(), item.0));
                }
            }
        }
        for (entry, weight) in weighed.first_channel() {
            add(entry, weight * self.cold.contribution(entry.item, item));
        }
        for (entry, weight) in &weighed.unknown_seeds {
            let cosine = self.cold.features().cosine(entry.item, item);
            add(entry, weight * cosine * cosine);
        }
        all.retain(|because| because.share > 0.0);
        keep_strongest(all)
    }
}

/// The strongest parts, as shares of all of them.
pub(crate) fn keep_strongest(mut all: Vec<Contribution>) -> Vec<Contribution> {
    let total: f32 = all.iter().map(|because| because.share).sum();
    all.iter_mut().for_each(|because| because.share /= total);
    all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    all.truncate(CONTRIBUTIONS_MAX);
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
    pub(crate) fn weigh(
        &self,
        history: &[HistoryEntry],
        signals: &[WeakSignal],
    ) -> Vec<Vec<(HistoryEntry, f32)>> {
        let weak = WeakHistory { signals, weights: self.weak_weights };
        let weights = &self.parameters.interaction_weights;
        let of = |weighting: HistoryWeighting| weighting.weigh_with_weak(history, weak, weights);
        self.channels.iter().map(|channel| of(channel.weighting)).collect()
    }

    /// Adds the related items of a weighed history over all channels; items that the model does not know say nothing.
    pub(crate) fn add(&self, weighed: &[Vec<(HistoryEntry, f32)>], sums: &mut Accumulator) {
        for (channel, weighed) in self.channels.iter().zip(weighed) {
            for (entry, weight) in weighed.iter().filter(|(entry, _)| entry.item.pos() < self.n_items()) {
                let (columns, values) = channel.related.row(entry.item.pos());
                sums.add_each(columns, values, |value| weight * value);
            }
        }
    }

    /// How strongly an item speaks for another, beside what it speaks for most.
    fn similarity(&self, from: u32, to: u32) -> f32 {
        let Some(channel) = self.channels.first().filter(|_| (from as usize) < self.n_items()) else {
            return 0.0;
        };
        let most = channel.related.row(from as usize).1.iter().fold(0f32, |top, value| top.max(*value));
        if most > 0.0 { (channel.related.get(from as usize, to) / most).clamp(0.0, 1.0) } else { 0.0 }
    }
}
