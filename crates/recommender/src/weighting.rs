//! The weighting of histories: how interactions fade with age.

use domain::{InteractionWeights, WeakSignalWeights};
use history::{HistoryEntry, WeakSignal};
use serde::{Deserialize, Serialize};

/// How interactions fade with age in a query vector. Interactions in the same second are one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistoryWeighting {
    /// The half-life in days, counted back from the user's latest interaction; None for no decay.
    pub half_life_days: Option<f32>,
    /// The factor for each later step of the user, from 0 to 1; 1 is no decay.
    pub step_decay: f32,
}

/// A user's weak signals with the weights in force.
#[derive(Debug, Clone, Copy)]
pub struct WeakHistory<'a> {
    /// The signals, oldest first.
    pub signals: &'a [WeakSignal],
    /// The weight of each kind; kinds of weight 0 are ignored.
    pub weights: WeakSignalWeights,
}

impl WeakHistory<'_> {
    /// No signals.
    pub const NONE: Self = Self { signals: &[], weights: WeakSignalWeights::NONE };
}

impl Default for HistoryWeighting {
    /// No decay.
    fn default() -> Self {
        Self { half_life_days: None, step_decay: 1.0 }
    }
}

/// Interactions that have faded below this factor are ignored.
const FADING_MIN: f32 = 1e-3;

impl HistoryWeighting {
    /// Weighs a history (oldest first). Each item occurs once, in the order of items, with its
    /// interaction of the largest weight. The absolute weights add up to 1. An item with a negative
    /// rating weighs below 0.
    pub fn weigh(
        &self,
        history: &[HistoryEntry],
        weights: &InteractionWeights,
    ) -> Vec<(HistoryEntry, f32)> {
        self.weigh_with_weak_signals(history, WeakHistory::NONE, weights)
    }

    /// As [`Self::weigh`], with weak signals beside the history. Weak signals are no steps: they do
    /// not make interactions fade.
    pub fn weigh_with_weak_signals(
        &self,
        history: &[HistoryEntry],
        weak: WeakHistory<'_>,
        weights: &InteractionWeights,
    ) -> Vec<(HistoryEntry, f32)> {
        let newest_weak_s = || weak.signals.last().map_or(0, |signal| signal.at_s);
        let newest_s = history.last().map_or_else(newest_weak_s, |entry| entry.at_s);
        let (mut at_s, mut step_factor) = (newest_s, 1.0);
        let mut weighed: Vec<(HistoryEntry, f32)> = Vec::with_capacity(history.len().min(64));
        for entry in history.iter().rev() {
            if entry.at_s != at_s {
                at_s = entry.at_s;
                step_factor *= self.step_decay;
            }
            let fading = step_factor * decay(newest_s - entry.at_s, self.half_life_days);
            if fading < FADING_MIN {
                break;
            }
            weighed.push((*entry, entry.weight(weights) * fading));
        }
        if weak.weights != WeakSignalWeights::NONE {
            self.add_weak_signals(history, weak, newest_s, &mut weighed);
        }
        weighed.retain(|(_, weight)| *weight != 0.0);
        // Negative ratings take precedence over all other interactions with the item, then the
        // largest weight.
        weighed.sort_by(|a, b| {
            let is_good = |weight: f32| weight > 0.0;
            a.0.item
                .cmp(&b.0.item)
                .then(is_good(a.1).cmp(&is_good(b.1)))
                .then(b.1.abs().total_cmp(&a.1.abs()))
        });
        weighed.dedup_by_key(|(entry, _)| entry.item);
        let total: f32 = weighed.iter().map(|(_, weight)| weight.abs()).sum();
        weighed.iter_mut().for_each(|(_, weight)| *weight /= total);
        weighed
    }

    /// Adds weak signals, faded like interactions of the same time.
    fn add_weak_signals(
        &self,
        history: &[HistoryEntry],
        weak: WeakHistory<'_>,
        newest_s: u32,
        weighed: &mut Vec<(HistoryEntry, f32)>,
    ) {
        let mut later = history.iter().rev().peekable();
        let (mut at_s, mut step_factor) = (None, 1.0);
        for signal in weak.signals.iter().rev() {
            while let Some(entry) = later.next_if(|entry| entry.at_s > signal.at_s) {
                if at_s != Some(entry.at_s) {
                    at_s = Some(entry.at_s);
                    step_factor *= self.step_decay;
                }
            }
            let fading =
                step_factor * decay(newest_s.saturating_sub(signal.at_s), self.half_life_days);
            if fading < FADING_MIN {
                break;
            }
            weighed.push((
                HistoryEntry::from_weak_signal(signal),
                weak.weights.weight(signal.kind) * fading,
            ));
        }
    }
}

/// The length of a day, in seconds.
pub(crate) const SECONDS_PER_DAY: f32 = 86_400.0;

/// `0.5^(age / half-life)`; 1 without a half-life.
pub(crate) fn decay(age_s: u32, half_life_days: Option<f32>) -> f32 {
    half_life_days.map_or(1.0, |half_life| (-(age_s as f32) / (half_life * SECONDS_PER_DAY)).exp2())
}
