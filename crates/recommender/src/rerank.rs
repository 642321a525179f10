//! What is done to the order of candidates beyond their scores.

use domain::ItemIdx;

use crate::Request;
use crate::candidates::Candidate;

/// An item that a user was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub item: ItemIdx,
    /// When, in seconds since 1970.
    pub at_s: u32,
}

/// What was shown lately steps back: its score is multiplied with `1 - rate (1 - age / rotation time)`, so that it recovers with time.
pub(crate) fn rotate(candidates: &mut [Candidate], request: &Request<'_>) {
    let rate = request.list.rotation_rate;
    if rate == 0.0 || request.shown.is_empty() {
        return;
    }
    for candidate in candidates.iter_mut() {
        let shown = request.shown.iter().filter(|shown| shown.item.0 == candidate.item);
        if let Some(last_s) = shown.map(|shown| shown.at_s).max() {
            let age = request.now_s.saturating_sub(last_s) as f32 / request.list.rotation_time_s as f32;
            candidate.score *= 1.0 - rate * (1.0 - age).max(0.0);
        }
    }
    candidates.sort_by(Candidate::best_first);
}

/// Picks one item after the other: the one with the largest `(1 - diversity) score - diversity (mean likeness to those picked)`, scores as
/// shares of the best one's (marginal relevance, Carbonell and Goldstein, SIGIR'98, with the mean, which goes on taking turns after one
/// of each kind is there: max-sum diversification, Borodin et al., PODS'12). `likeness` is from 0 to 1. O(candidates x count).
pub(crate) fn diversify(
    mut candidates: Vec<Candidate>,
    diversity: f32,
    count: usize,
    likeness: impl Fn(u32, u32) -> f32,
) -> Vec<Candidate> {
    let top = candidates.first().map_or(1.0, |best| best.score.max(f32::MIN_POSITIVE));
    // Summed over those picked.
    let mut alike = vec![0f32; candidates.len()];
    let mut picked: Vec<Candidate> = Vec::with_capacity(count);
    while picked.len() < count && !candidates.is_empty() {
        let worth = |n: usize| {
            (1.0 - diversity) * candidates[n].score / top - diversity * alike[n] / picked.len().max(1) as f32
        };
        // Of equal ones the first, which has the better score.
        let best = (1..candidates.len()).fold(0, |best, n| if worth(n) > worth(best) { n } else { best });
        let next = candidates.remove(best);
        alike.remove(best);
        for (alike, candidate) in alike.iter_mut().zip(&candidates) {
            *alike += likeness(next.item, candidate.item);
        }
        picked.push(next);
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn candidates() -> Vec<Candidate> {
        (0..6).map(|n| Candidate { item: n, score: 1.0 - 0.1 * n as f32, origin: Origin::Model }).collect()
    }

    /// Items 0, 1, 2 are alike, and so are 3, 4, 5.
    fn likeness(a: u32, b: u32) -> f32 {
        if a / 3 == b / 3 { 0.9 } else { 0.0 }
    }

    fn picked(diversity: f32) -> Vec<u32> {
        diversify(candidates(), diversity, 4, likeness).into_iter().map(|candidate| candidate.item).collect()
    }

    #[test]
    fn more_diversity_takes_turns_between_what_is_alike() {
        assert_eq!(picked(0.0), [0, 1, 2, 3]);
        assert_eq!(picked(0.6), [0, 3, 1, 4]);
        assert_eq!(picked(1.0), [0, 3, 1, 4]);
    }
}
