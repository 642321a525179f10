//! Candidates with scores, the fallback, and explanations.

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
use crate::seeds::resolve_seeds;
use crate::{Histories, HistoryEntry, HistoryWeighting, Model, Request, WeakHistory, WeakSignal};

/// Everything that candidates and their scores are computed from.
#[derive(Clone, Copy)]
pub struct CandidateSources<'a> {
    /// The active model. None before the first training.
    pub model: Option<&'a Model>,
    /// Features of all items, and the items that the model does not know.
    pub cold_start: &'a ColdStartItems,
    /// Interaction counts, for popularity before the first training.
    pub histories: &'a Histories,
    /// The weights of interaction kinds that are in force.
    pub interaction_weights: InteractionWeights,
    /// The number of items in the catalog; larger than the model's after new items arrive.
    pub n_items: usize,
}

/// The interactions that popularity is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TrendingBasis<'a> {
    /// All interactions, recent ones most.
    All,
    /// Interactions of one kind, recent ones most.
    Kind(InteractionKind),
    /// The interactions of a period: (item, popularity), most popular first.
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
    /// Orders by descending score; of equal scores the smaller index comes first.
    pub(crate) fn best_first(a: &Self, b: &Self) -> Ordering {
        b.score.total_cmp(&a.score).then(a.item.cmp(&b.item))
    }
}

/// The history weighting before the first training.
const WEIGHTING_WITHOUT_MODEL: HistoryWeighting =
    HistoryWeighting { half_life_days: None, step_decay: 0.9 };

/// The popularity share that a booster multiplies where an item has no popularity.
const BOOSTED_POPULARITY_MIN: f32 = 1e-3;
/// A share of the best score. In a boosted list, scores below twice this share are compressed into
/// the range above it. The fallback stays below it, where a booster can still lift it.
const BOOSTED_TAIL_SHARE: f32 = 0.01;

/// Compresses low scores so that all stay above the fallback of a boosted list. Monotone, and
/// independent of the length of the list.
fn compress_tail(score: f32, top: f32) -> f32 {
    let tail = BOOSTED_TAIL_SHARE * top;
    if score >= 2.0 * tail { score } else { tail + 0.5 * score }
}

/// The popularity share of a fallback item in a boosted list: monotone in `share` and above 0.
fn raise_share(share: f32) -> f32 {
    BOOSTED_POPULARITY_MIN + (1.0 - BOOSTED_POPULARITY_MIN) * share
}

thread_local! {
    /// Reused by all requests of a thread.
    static SUMS: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// The items that candidates are limited to, and the booster of their scores.
#[derive(Clone, Copy)]
pub(crate) struct CandidateScope<'a> {
    /// A superset of the items that may be in the list. None where it is not enumerated.
    pub(crate) candidate_set: Option<&'a [u32]>,
    pub(crate) booster: Option<ItemBooster<'a>>,
}

/// The candidates that a query vector scores above 0.
pub(crate) struct PersonalCandidates {
    /// Best first.
    pub(crate) candidates: Vec<Candidate>,
    /// The upper bound of the fallback's scores, before boosting; at most `top`.
    pub(crate) lowest: f32,
    /// The best score before boosting, of ineligible items too; 1 where there is no score.
    pub(crate) top: f32,
}

/// The weighed history or seeds: for each interaction the weight with which it contributes.
pub(crate) struct QueryVector {
    /// The weights for each channel of the model. Cold-start items use those of the first channel.
    pub(crate) channels: Vec<Vec<(HistoryEntry, f32)>>,
    /// Seed items unknown to the model. They contribute by feature similarity instead.
    unknown_seeds: Vec<(HistoryEntry, f32)>,
}

impl QueryVector {
    /// Multiplies all weights by `factor`.
    fn scaled(mut self, factor: f32) -> Self {
        let weights = self.channels.iter_mut().flatten().chain(&mut self.unknown_seeds);
        weights.for_each(|(_, weight)| *weight *= factor);
        self
    }

    /// Appends the interactions of another query vector, channel by channel.
    fn combined_with(mut self, other: Self) -> Self {
        self.channels.iter_mut().zip(other.channels).for_each(|(own, other)| own.extend(other));
        self.unknown_seeds.extend(other.unknown_seeds);
        self
    }

    /// The weights for the first channel, in the order of items; empty without a channel.
    pub(crate) fn first_channel(&self) -> &[(HistoryEntry, f32)] {
        self.channels.first().map_or(&[], Vec::as_slice)
    }
}

impl CandidateSources<'_> {
    /// The query vector of a history (oldest first).
    pub(crate) fn query_vector(&self, history: &[HistoryEntry]) -> QueryVector {
        self.query_vector_with_weak_signals(history, &[])
    }

    /// As [`Self::query_vector`], with weak signals (oldest first) beside the history.
    pub(crate) fn query_vector_with_weak_signals(
        &self,
        history: &[HistoryEntry],
        signals: &[WeakSignal],
    ) -> QueryVector {
        let weights = &self.interaction_weights;
        let channels = match self.model {
            Some(model) => model.weigh_history(history, signals, weights),
            None => vec![WEIGHTING_WITHOUT_MODEL.weigh(history, weights)],
        };
        QueryVector { channels, unknown_seeds: Vec::new() }
    }

    fn is_warm(&self, item: u32) -> bool {
        self.model.is_some_and(|model| model.is_warm(item))
    }

    /// The smallest share of the best score that is relevant enough. At 0 every score above 0 is.
    pub(crate) fn relevance_share_min(&self, min: Relevance) -> f32 {
        let shares = self.model.map(|model| model.parameters.relevance).unwrap_or_default();
        match min {
            Relevance::Low => 0.0,
            Relevance::Medium => shares.medium,
            Relevance::High => shares.high,
        }
    }

    /// The query vector of a request: the history, or the seeds combined with the requested share
    /// of the history.
    pub(crate) fn query_vector_for_request(&self, request: &Request<'_>) -> QueryVector {
        let seeds = resolve_seeds(request);
        // Without seeds, the list is personal.
        if seeds.is_empty() && request.list.logic != Logic::Similar {
            return self.query_vector_with_weak_signals(request.history, request.weak_signals);
        }
        let from_seeds = self.query_vector_for_seeds(request, &seeds);
        let impact = request.list.user_impact;
        if impact == 0.0 {
            return from_seeds;
        }
        let from_history =
            self.query_vector_with_weak_signals(request.history, request.weak_signals);
        if impact == 1.0 {
            return from_history;
        }
        // A history spreads its weight over many items, a seed over few. Scale both to the same
        // best score; otherwise the history has no effect.
        let (seed_top, history_top) = (self.max_score(&from_seeds), self.max_score(&from_history));
        let scale = if seed_top > 0.0 && history_top > 0.0 { seed_top / history_top } else { 1.0 };
        from_seeds.scaled(1.0 - impact).combined_with(from_history.scaled(impact * scale))
    }

    /// The query vector of seed items, all with the same weight.
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
            // Without a model all items contribute by feature similarity.
            None => Vec::new(),
        };
        let n_channels = self.model.map_or(1, |model| model.channels.len());
        QueryVector { channels: vec![seeds; n_channels], unknown_seeds }
    }

    /// The best score of a query vector, at least 0.
    fn max_score(&self, query: &QueryVector) -> f32 {
        let mut top = 0f32;
        self.drain_scores(query, |_, sum| top = top.max(sum));
        top
    }

    /// Computes the score of every item into a reused accumulator. `read` must leave zeros.
    fn with_scores<R>(&self, query: &QueryVector, read: impl FnOnce(&mut Accumulator) -> R) -> R {
        SUMS.with_borrow_mut(|sums| {
            if sums.len() < self.n_items {
                *sums = Accumulator::new(self.n_items);
            }
            if let Some(model) = self.model {
                model.add_scores(&query.channels, sums);
            }
            self.cold_start.add_scores(query.first_channel(), sums);
            for (entry, weight) in &query.unknown_seeds {
                self.cold_start.features().visit_similar_items(entry.item, |item, cosine| {
                    sums.add(item, weight * cosine * cosine);
                });
            }
            read(sums)
        })
    }

    /// Calls `visit` with each item and its nonzero score, in no particular order.
    pub(crate) fn drain_scores(&self, query: &QueryVector, visit: impl FnMut(u32, f32)) {
        self.with_scores(query, |sums| sums.drain(visit));
    }

    /// The `n` best allowed items that score above 0 and at least `share_min` of the best score,
    /// before boosting.
    pub(crate) fn personal_candidates(
        &self,
        query: &QueryVector,
        n: usize,
        share_min: f32,
        scope: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) -> PersonalCandidates {
        let CandidateScope { candidate_set, booster } = scope;
        let (mut best, mut first) = (TopK::new(n), TopK::new(1));
        let for_each_sum = |visit: &mut dyn FnMut(u32, f32)| {
            self.with_scores(query, |sums| match candidate_set {
                None => sums.drain(visit),
                Some(items) => {
                    items.iter().for_each(|&item| visit(item, sums.get(item)));
                    sums.clear();
                }
            });
        };
        let mut relevant: Vec<(u32, f32)> = Vec::new();
        let mut top = 0f32;
        for_each_sum(&mut |item, sum| {
            if sum > 0.0 {
                top = top.max(sum);
                if share_min > 0.0 {
                    first.offer(item, sum, || allows(item));
                }
                match booster {
                    None => best.offer(item, sum, || allows(item)),
                    // Compression needs the best score, which is known only at the end.
                    Some(_) => relevant.push((item, sum)),
                }
            }
        });
        let floor = share_min * first.into_sorted().first().map_or(0.0, |(_, sum)| *sum);
        if let Some(booster) = booster {
            for &(item, sum) in relevant.iter().filter(|(_, sum)| *sum >= floor) {
                best.offer(item, compress_tail(sum, top) * booster.boost(ItemIdx(item)), || {
                    allows(item)
                });
            }
        }
        let mut best = best.into_sorted();
        if booster.is_none() {
            best.retain(|(_, sum)| *sum >= floor);
        }
        let lowest = match booster {
            None => best.last().map(|(_, score)| *score),
            Some(_) => (top > 0.0).then_some(compress_tail(0.0, top)),
        };
        let origin = |item| if self.is_warm(item) { Origin::Model } else { Origin::ColdStart };
        let candidates = best
            .into_iter()
            .map(|(item, score)| Candidate { item, score, origin: origin(item) })
            .collect();
        let top = if top == 0.0 { 1.0 } else { top };
        PersonalCandidates { candidates, lowest: lowest.unwrap_or(top), top }
    }

    /// The score of each of `items` for a history; 0 where nothing contributes.
    pub fn score_items(&self, history: &[HistoryEntry], items: &[u32]) -> Vec<f32> {
        let mut positions: Vec<(u32, usize)> =
            items.iter().enumerate().map(|(n, &item)| (item, n)).collect();
        positions.sort_unstable();
        let mut scores = vec![0.0; items.len()];
        self.drain_scores(&self.query_vector(history), |item, sum| {
            let first = positions.partition_point(|(other, _)| *other < item);
            for (_, n) in positions[first..].iter().take_while(|(other, _)| *other == item) {
                scores[*n] = sum;
            }
        });
        scores
    }

    /// Appends trending items until there are `n` candidates. `candidates` is sorted, best first.
    /// The new scores are shares of `floor`, so a list without a booster stays sorted.
    pub(crate) fn add_fallback(
        &self,
        candidates: &mut Vec<Candidate>,
        by: TrendingBasis<'_>,
        n: usize,
        floor: f32,
        scope: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) {
        let known: FxHashSet<u32> = candidates.iter().map(|candidate| candidate.item).collect();
        let allows = |item: u32| !known.contains(&item) && allows(item);
        let (missing, n_kept) = (n.saturating_sub(candidates.len()), n.max(candidates.len()));
        let (mut best, boost_max) = match scope.booster {
            None => (TopK::new(missing), 1.0),
            Some(booster) => (TopK::new(n), booster.max_boost().max(0.0)),
        };
        let boosted = |item: u32, share: f32| match scope.booster {
            Some(booster) => raise_share(share) * booster.boost(ItemIdx(item)),
            None => share,
        };
        // Later items must reach the last kept score to get into a boosted list.
        let last = candidates.get(n_kept.wrapping_sub(1)).map(|last| last.score);
        match (by, scope.candidate_set) {
            (TrendingBasis::All, Some(candidate_set)) => {
                let top = self.max_popularity();
                for &item in candidate_set {
                    best.offer(item, boosted(item, self.popularity(item) / top), || allows(item));
                }
            }
            (by, _) => {
                for (item, share) in self.popular_items(by) {
                    // The following items are at most as popular; of equally popular ones they have
                    // larger indices.
                    let is_complete = match scope.booster {
                        None => best.threshold().is_some(),
                        Some(_) => {
                            let possible = raise_share(share) * boost_max;
                            best.threshold().is_some_and(|threshold| possible < threshold)
                                || last.is_some_and(|last| floor * possible < last)
                        }
                    };
                    if is_complete {
                        break;
                    }
                    best.offer(item, boosted(item, share), || allows(item));
                }
            }
        }
        let to_candidate = |(item, share): (u32, f32)| Candidate {
            item,
            score: floor * share,
            origin: Origin::Trending,
        };
        candidates.extend(best.into_sorted().into_iter().map(to_candidate));
        if scope.booster.is_some() {
            candidates.sort_by(Candidate::best_first);
            candidates.truncate(n_kept);
        }
    }

    /// The popularity of the most popular item; above 0.
    fn max_popularity(&self) -> f32 {
        let top = match self.model {
            Some(Model { popularity, .. }) => {
                popularity.ranked.first().map_or(1.0, |item| popularity.scores[*item as usize])
            }
            None => (0..self.n_items as u32).map(|item| self.popularity(item)).fold(1.0, f32::max),
        };
        top.max(f32::MIN_POSITIVE)
    }

    /// Items with their popularity as a share of the most popular one's, most popular first. All
    /// items, or for a kind or period those with any popularity.
    fn popular_items<'b>(
        &'b self,
        by: TrendingBasis<'b>,
    ) -> Box<dyn Iterator<Item = (u32, f32)> + 'b> {
        let all = 0..self.n_items as u32;
        let to_share = |top: Option<f32>| {
            let top = top.unwrap_or(1.0).max(f32::MIN_POSITIVE);
            move |(item, score): (u32, f32)| (item, score / top)
        };
        let kind = match by {
            TrendingBasis::All => None,
            TrendingBasis::Kind(kind) => Some(kind),
            TrendingBasis::Period(ranked) => {
                let top = ranked.first().map(|(_, score)| *score);
                return Box::new(ranked.iter().copied().map(to_share(top)));
            }
        };
        match (self.model, kind) {
            (Some(model), None) => {
                let Popularity { ranked, scores, .. } = &model.popularity;
                let top = ranked.first().map(|&item| scores[item as usize]);
                let ranked =
                    ranked.iter().map(|&item| (item, scores[item as usize])).map(to_share(top));
                // Items without popularity, and items newer than the model, follow in order of
                // their indices.
                Box::new(
                    ranked.chain(all.filter(|&item| !model.is_warm(item)).map(|item| (item, 0.0))),
                )
            }
            (Some(model), Some(kind)) => {
                let entry = model.popularity.by_kind.iter().find(|(other, _)| *other == kind);
                let ranked = entry.map_or(&[][..], |(_, items)| items);
                // Items without such interactions at training time, by their current counts.
                let rank_new = move || {
                    let known: FxHashSet<u32> = ranked.iter().map(|(item, _)| *item).collect();
                    let new = all.filter(|item| !known.contains(item));
                    let counted =
                        new.map(|item| (item, self.count_interactions(ItemIdx(item), Some(kind))));
                    let counted: Vec<_> = counted.filter(|(_, count)| *count > 0.0).collect();
                    let n = counted.len();
                    top_k(counted.into_iter(), n).into_iter().map(|(item, _)| (item, 0.0))
                };
                let ranked =
                    ranked.iter().copied().map(to_share(ranked.first().map(|(_, score)| *score)));
                Box::new(ranked.chain(std::iter::once_with(rank_new).flatten()))
            }
            (None, kind) => {
                let counted = all.map(|item| (item, self.count_interactions(ItemIdx(item), kind)));
                let counted: Vec<_> =
                    counted.filter(|(_, count)| kind.is_none() || *count > 0.0).collect();
                let n = counted.len();
                let ranked = top_k(counted.into_iter(), n);
                let top = ranked.first().map(|(_, count)| *count);
                Box::new(ranked.into_iter().map(to_share(top)))
            }
        }
    }

    /// The popularity of an item. Comparable only between items under the same model.
    pub fn popularity(&self, item: u32) -> f32 {
        match self.model {
            Some(model) => model.popularity.scores.get(item as usize).copied().unwrap_or(0.0),
            None => self.count_interactions(ItemIdx(item), None),
        }
    }

    /// The number of interactions with an item over all time, of all kinds or of one.
    fn count_interactions(&self, item: ItemIdx, kind: Option<InteractionKind>) -> f32 {
        let counts = self.histories.counts(item);
        match kind {
            Some(kind) => counts.by_kind[kind as usize] as f32,
            None => counts.by_kind.iter().map(|&count| count as f32).sum(),
        }
    }

    /// The items that a user viewed, latest first, with scores.
    pub(crate) fn recently_viewed(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.recently_viewed.viewed_items(history),
            None => RecentlyViewed::default().viewed_items(history),
        }
    }

    /// The items that a user is due to buy again, with scores.
    pub(crate) fn due_purchases(&self, history: &[HistoryEntry], now_s: u32) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.buy_again.due_items(history, now_s),
            None => BuyAgain::default().due_items(history, now_s),
        }
    }

    /// The similarity of two items, from 0 to 1: the cosine of their features or the normalized
    /// entry of the first channel, whichever is larger.
    pub(crate) fn similarity(&self, a: u32, b: u32) -> f32 {
        let related =
            self.model.map_or(0.0, |model| model.similarity(a, b).max(model.similarity(b, a)));
        related.max(self.cold_start.features().cosine(ItemIdx(a), ItemIdx(b)))
    }

    /// The strongest contributions to an item's score. Shares are of all positive contributions;
    /// negative ones are ignored.
    pub(crate) fn explain(&self, query: &QueryVector, item: ItemIdx) -> Vec<Contribution> {
        let mut all: Vec<Contribution> = Vec::new();
        let mut add = |entry: &HistoryEntry, part: f32| {
            // A weak signal is no action that an explanation may name.
            if part == 0.0 || entry.is_weak_signal() {
                return;
            }
            match all.binary_search_by_key(&entry.item, |contribution| contribution.item) {
                Ok(n) => all[n].share += part,
                Err(n) => {
                    all.insert(n, Contribution { item: entry.item, kind: entry.kind, share: part })
                }
            }
        };
        if let Some(model) = self.model {
            for (channel, weighed) in model.channels.iter().zip(&query.channels) {
                for (entry, weight) in
                    weighed.iter().filter(|(entry, _)| entry.item.pos() < model.n_items())
                {
                    add(entry, weight * channel.related.get(entry.item.pos(), item.0));
                }
            }
        }
        for (entry, weight) in query.first_channel() {
            add(entry, weight * self.cold_start.contribution(entry.item, item));
        }
        for (entry, weight) in &query.unknown_seeds {
            let cosine = self.cold_start.features().cosine(entry.item, item);
            add(entry, weight * cosine * cosine);
        }
        all.retain(|contribution| contribution.share > 0.0);
        keep_strongest(all)
    }
}

/// Keeps the strongest contributions, as shares of all.
pub(crate) fn keep_strongest(mut all: Vec<Contribution>) -> Vec<Contribution> {
    let total: f32 = all.iter().map(|contribution| contribution.share).sum();
    all.iter_mut().for_each(|contribution| contribution.share /= total);
    all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    all.truncate(CONTRIBUTIONS_MAX);
    all
}

impl Model {
    /// The number of items in the training set.
    pub fn n_items(&self) -> usize {
        self.popularity.scores.len()
    }

    /// Whether the item had any popularity when the model was trained. Other items are cold-start
    /// items.
    pub(crate) fn is_warm(&self, item: u32) -> bool {
        self.popularity.scores.get(item as usize).is_some_and(|score| *score > 0.0)
    }

    /// Weighs a history and weak signals (both oldest first) for each channel. The weights of
    /// interactions are those in force now, not those of the training.
    pub(crate) fn weigh_history(
        &self,
        history: &[HistoryEntry],
        signals: &[WeakSignal],
        weights: &InteractionWeights,
    ) -> Vec<Vec<(HistoryEntry, f32)>> {
        let weak = WeakHistory { signals, weights: self.weak_weights };
        let weigh =
            |weighting: HistoryWeighting| weighting.weigh_with_weak_signals(history, weak, weights);
        self.channels.iter().map(|channel| weigh(channel.weighting)).collect()
    }

    /// Adds the scores of a weighed history to `sums`, over all channels. Items beyond the model's
    /// are ignored.
    pub(crate) fn add_scores(&self, weighed: &[Vec<(HistoryEntry, f32)>], sums: &mut Accumulator) {
        for (channel, weighed) in self.channels.iter().zip(weighed) {
            for (entry, weight) in
                weighed.iter().filter(|(entry, _)| entry.item.pos() < self.n_items())
            {
                let (columns, values) = channel.related.row(entry.item.pos());
                sums.add_each(columns, values, |value| weight * value);
            }
        }
    }

    /// The entry (`from`, `to`) of the first channel relative to the largest of its row, from 0 to
    /// 1.
    fn similarity(&self, from: u32, to: u32) -> f32 {
        let Some(channel) = self.channels.first().filter(|_| (from as usize) < self.n_items())
        else {
            return 0.0;
        };
        let largest =
            channel.related.row(from as usize).1.iter().fold(0f32, |top, value| top.max(*value));
        if largest > 0.0 {
            (channel.related.get(from as usize, to) / largest).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}
