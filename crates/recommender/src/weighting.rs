//! How a user's interactions fade: what a history says now.

use domain::{InteractionWeights, WeakSignalWeights};
use history::HistoryEntry;
use serde::{Deserialize, Serialize};

use crate::WeakHistory;

/// How a user's interactions fade in a request. What happened at the same second is one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HistoryWeighting {
    /// After how many days before the user's last one an interaction speaks half as loud; none never.
    pub half_life_days: Option<f32>,
    /// What an interaction speaks less for each step of the user since; 1 is no less.
    pub step_decay: f32,
}

impl Default for HistoryWeighting {
    /// Nothing fades.
    fn default() -> Self {
        Self { half_life_days: None, step_decay: 1.0 }
    }
}

/// Interactions that speak less than this are not heard.
const HEARD_MIN: f32 = 1e-3;

impl HistoryWeighting {
    /// What a history (oldest first) says now: each of its items once, in the order of items, with the entry that weighs most. The weights'
    /// sizes add up to 1; an item with a bad last rating weighs below 0.
    pub fn weigh(&self, history: &[HistoryEntry], weights: &InteractionWeights) -> Vec<(HistoryEntry, f32)> {
        self.weigh_with_weak(history, WeakHistory::NONE, weights)
    }

    /// The same of a history with weak signals beside it. These are no steps: they make no interaction fade.
    pub fn weigh_with_weak(
        &self,
        history: &[HistoryEntry],
        weak: WeakHistory<'_>,
        weights: &InteractionWeights,
    ) -> Vec<(HistoryEntry, f32)> {
        let newest_weak_s = || weak.signals.last().map_or(0, |signal| signal.at_s);
        let newest_s = history.last().map_or_else(newest_weak_s, |entry| entry.at_s);
        let (mut at_s, mut of_step) = (newest_s, 1.0);
        let mut weighed: Vec<(HistoryEntry, f32)> = Vec::with_capacity(history.len().min(64));
        for entry in history.iter().rev() {
            if entry.at_s != at_s {
                at_s = entry.at_s;
                of_step *= self.step_decay;
            }
            let fading = of_step * decay(newest_s - entry.at_s, self.half_life_days);
            if fading < HEARD_MIN {
                break;
            }
            weighed.push((*entry, entry.weight(weights) * fading));
        }
        if weak.weights != WeakSignalWeights::NONE {
            self.add_weak(history, weak, newest_s, &mut weighed);
        }
        weighed.retain(|(_, weight)| *weight != 0.0);
        // Bad ratings before everything else that was done with the item, then the heaviest.
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

    /// Adds weak signals, each as old as the interactions of its time.
    fn add_weak(
        &self,
        history: &[HistoryEntry],
        weak: WeakHistory<'_>,
        newest_s: u32,
        weighed: &mut Vec<(HistoryEntry, f32)>,
    ) {
        let mut later = history.iter().rev().peekable();
        let (mut at_s, mut of_step) = (None, 1.0);
        for signal in weak.signals.iter().rev() {
            while let Some(entry) = later.next_if(|entry| entry.at_s > signal.at_s) {
                if at_s != Some(entry.at_s) {
                    at_s = Some(entry.at_s);
                    of_step *= self.step_decay;
                }
            }
            let fading = of_step * decay(newest_s.saturating_sub(signal.at_s), self.half_life_days);
            if fading < HEARD_MIN {
                break;
            }
            weighed.push((HistoryEntry::weak(signal), weak.weights.weight(signal.kind) * fading));
        }
    }
}

pub(crate) const SECONDS_PER_DAY: f32 = 86_400.0;

/// 0.5^(age / half-life); 1 where nothing decays.
pub(crate) fn decay(age_s: u32, half_life_days: Option<f32>) -> f32 {
    half_life_days.map_or(1.0, |half_life| (-(age_s as f32) / (half_life * SECONDS_PER_DAY)).exp2())
}
