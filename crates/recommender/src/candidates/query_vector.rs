//! Query vectors: what lists are computed from, as weights of items.

use domain::{InteractionKind, InteractionWeights, ItemIdx, Logic, Timestamp};

use super::CandidateSources;
use crate::request::Request;
use crate::seeds::resolve_seeds;
use crate::{HistoryEntry, HistoryWeighting, Model, WeakHistory, WeakSignal};

/// The history weighting before the first training.
const WEIGHTING_WITHOUT_MODEL: HistoryWeighting =
    HistoryWeighting { half_life_days: None, step_decay: 0.9 };

/// The weighed history or seeds: for each interaction the weight with which it contributes.
pub(crate) struct QueryVector {
    /// The weights for each channel of the model. Cold-start items use those of the first channel.
    pub(crate) channels: Vec<Vec<(HistoryEntry, f32)>>,
    /// Seed items unknown to the model. They contribute by feature similarity instead.
    pub(super) unknown_seeds: Vec<(HistoryEntry, f32)>,
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

    /// The query vector of a request: the history, or the seeds combined with the requested share
    /// of the history.
    pub(crate) fn query_vector_for_request(&self, request: &Request<'_>) -> QueryVector {
        let seeds = resolve_seeds(request);
        let logic = request.list.logic;
        // Without seeds, the list is personal, unless it is for them alone.
        if seeds.is_empty() && logic != Logic::Similar && !logic.has_anchors() {
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
            .map(|&item| (HistoryEntry::new(item, last_kind(request, item), at, None), weight))
            .collect();
        let n_channels = self.model.map_or(1, |model| model.channels.len());
        if request.list.logic == Logic::ContentBased {
            return QueryVector { channels: vec![Vec::new(); n_channels], unknown_seeds: seeds };
        }
        let is_unknown = |(entry, _): &&(HistoryEntry, f32)| !self.is_warm(entry.item.0);
        let unknown_seeds = match self.model {
            Some(_) => seeds.iter().filter(is_unknown).copied().collect(),
            // Without a model all items contribute by feature similarity.
            None => Vec::new(),
        };
        QueryVector { channels: vec![seeds; n_channels], unknown_seeds }
    }
}

/// What the user did last with a seed, which explanations name; a view if it is none of theirs.
pub(crate) fn last_kind(request: &Request<'_>, seed: ItemIdx) -> InteractionKind {
    let last = request.history.iter().rev().find(|entry| entry.item == seed);
    last.map_or(InteractionKind::DetailView, |entry| entry.kind)
}

impl Model {
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
}
