//! What is done to the order of candidates beyond their scores.

use domain::{ItemIdx, ListRequest};
use rustc_hash::FxHashMap;

use crate::candidates::Candidate;
use crate::{Request, ValueIdx};

/// So many places of a list are diverse, among so many candidates; what follows is in the order of scores.
const DIVERSE_PLACES_MAX: usize = 200;
const DIVERSE_CANDIDATES_MAX: usize = 1_000;

/// What was shown lately steps back: its score is multiplied with `1 - rate (1 - age / rotation time)`, so that it recovers with time.
pub(crate) fn rotate(candidates: &mut [Candidate], request: &Request<'_>) {
    let rate = request.list.rotation_rate;
    if rate == 0.0 || request.impressions.is_empty() {
        return;
    }
    for candidate in candidates.iter_mut() {
        let seen = request.impressions.iter().filter(|seen| seen.item.0 == candidate.item);
        if let Some(last_s) = seen.map(|seen| seen.at_s).max() {
            let age = request.now_s.saturating_sub(last_s) as f32 / request.list.rotation_time_s as f32;
            candidate.score *= 1.0 - rate * (1.0 - age).max(0.0);
        }
    }
    candidates.sort_by(Candidate::best_first);
}

/// Picks one item after the other: the one with the largest `(1 - diversity) score - diversity (mean similarity to those picked)`, scores as
/// shares of the best one's (marginal relevance, Carbonell and Goldstein, SIGIR'98, with the mean, which goes on taking turns after one
/// of each kind is there: max-sum diversification, Borodin et al., PODS'12), among those that the constraints allow and, where promoted items
/// are behind their share, among these. `similarity` is from 0 to 1. O(candidates), and as much again for each diverse place.
pub(crate) fn pick(
    candidates: Vec<Candidate>,
    request: &Request<'_>,
    similarity: impl Fn(u32, u32) -> f32,
) -> Vec<Candidate> {
    let ListRequest { count, diversity, .. } = *request.list;
    let top = candidates.first().map_or(1.0, |best| best.score.max(f32::MIN_POSITIVE));
    let n_diverse = if diversity > 0.0 { DIVERSE_PLACES_MAX } else { 0 };
    // Summed over those picked.
    let mut alike = vec![0f32; candidates.len().min(DIVERSE_CANDIDATES_MAX)];
    let mut picked: Vec<Candidate> = Vec::with_capacity(count.min(candidates.len()));
    let mut room = Room::new(request, candidates.len());
    while picked.len() < count {
        let is_diverse = picked.len() < n_diverse;
        let worth = |n: usize| {
            let similarity = alike[n] / picked.len().max(1) as f32;
            (1.0 - diversity) * candidates[n].score / top - diversity * similarity
        };
        let next = |room: &mut Room<'_>, is_promoted: bool| {
            let looked_at = if is_diverse { 0..alike.len() } else { 0..0 };
            let fitting = looked_at.filter(|&n| room.fits(n, &candidates, is_promoted));
            // Of equal ones the first, which has the better score.
            let best = fitting.reduce(|best, n| if worth(n) > worth(best) { n } else { best });
            best.or_else(|| room.first(&candidates, is_promoted))
        };
        let promoted = room.is_promoted_next(picked.len() + 1).then(|| next(&mut room, true)).flatten();
        let best = promoted.or_else(|| next(&mut room, false));
        let Some(best) = best else { break };
        room.take(best, &candidates);
        if is_diverse {
            for (alike, candidate) in alike.iter_mut().zip(&candidates) {
                *alike += similarity(candidates[best].item, candidate.item);
            }
        }
        picked.push(candidates[best]);
    }
    picked
}

/// What constraints and promotion leave room for.
struct Room<'a> {
    request: &'a Request<'a>,
    is_picked: Vec<bool>,
    /// Before these places of the candidates, and of the promoted ones among them, nothing is left: what has no place once never has one again.
    firsts: [usize; 2],
    /// For each constraint how many of those picked have a value.
    n_with: Vec<FxHashMap<ValueIdx, usize>>,
    n_promoted: usize,
}

impl<'a> Room<'a> {
    fn new(request: &'a Request<'a>, n_candidates: usize) -> Self {
        Self {
            request,
            is_picked: vec![false; n_candidates],
            firsts: [0, 0],
            n_with: vec![FxHashMap::default(); request.constraints.len()],
            n_promoted: 0,
        }
    }

    /// Whether a candidate has a place, among the promoted ones if that is asked.
    fn fits(&self, n: usize, candidates: &[Candidate], is_promoted: bool) -> bool {
        let item = candidates[n].item;
        !self.is_picked[n]
            && (!is_promoted || self.is_promoted(item))
            && self.request.constraints.iter().zip(&self.n_with).all(|(constraint, n_with)| {
                let values = constraint.item_type.values_of(ItemIdx(item));
                values.iter().all(|value| n_with.get(value).is_none_or(|n| *n < constraint.max))
            })
    }

    /// The first candidate, or the first promoted one, that has a place.
    fn first(&mut self, candidates: &[Candidate], is_promoted: bool) -> Option<usize> {
        let from = self.firsts[usize::from(is_promoted)];
        let found = (from..candidates.len()).find(|n| self.fits(*n, candidates, is_promoted));
        self.firsts[usize::from(is_promoted)] = found.unwrap_or(candidates.len());
        found
    }

    fn is_promoted(&self, item: u32) -> bool {
        self.request.promoted.is_some_and(|promoted| (promoted.includes)(ItemIdx(item)))
    }

    /// Whether promoted items are behind their share of the first `n_places`.
    fn is_promoted_next(&self, n_places: usize) -> bool {
        let share = self.request.promoted.map_or(0.0, |promoted| promoted.share);
        self.n_promoted < (share * n_places as f32 + f32::EPSILON).floor() as usize
    }

    fn take(&mut self, n: usize, candidates: &[Candidate]) {
        self.is_picked[n] = true;
        let item = candidates[n].item;
        for (constraint, n_with) in self.request.constraints.iter().zip(&mut self.n_with) {
            for value in constraint.item_type.values_of(ItemIdx(item)) {
                *n_with.entry(*value).or_default() += 1;
            }
        }
        self.n_promoted += usize::from(self.is_promoted(item));
    }
}

#[cfg(test)]
mod tests {
    use domain::{Exclusion, Logic};

    use super::*;
    use crate::{Eligibility, Origin, Promoted};

    fn candidates() -> Vec<Candidate> {
        (0..6).map(|n| Candidate { item: n, score: 1.0 - 0.1 * n as f32, origin: Origin::Model }).collect()
    }

    /// Items 0, 1, 2 are alike, and so are 3, 4, 5.
    fn similarity(a: u32, b: u32) -> f32 {
        if a / 3 == b / 3 { 0.9 } else { 0.0 }
    }

    fn picked(diversity: f32) -> Vec<u32> {
        let list = ListRequest { diversity, ..ListRequest::new(4, Logic::Personal) };
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        let picked = pick(candidates(), &Request::new(&list, &[], &eligibility), similarity);
        picked.into_iter().map(|candidate| candidate.item).collect()
    }

    #[test]
    fn more_diversity_takes_turns_between_what_is_alike() {
        assert_eq!(picked(0.0), [0, 1, 2, 3]);
        assert_eq!(picked(0.6), [0, 3, 1, 4]);
        assert_eq!(picked(1.0), [0, 3, 1, 4]);
    }

    #[test]
    fn promoted_items_come_into_diverse_lists_however_far_behind_they_are() {
        let n = 2 * DIVERSE_CANDIDATES_MAX as u32;
        let candidates =
            (0..n).map(|item| Candidate { item, score: (n - item) as f32, origin: Origin::Model }).collect();
        let is_promoted = |item: ItemIdx| item.0 >= n - 3;
        let list = ListRequest { diversity: 0.5, ..ListRequest::new(6, Logic::Personal) };
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        let promoted = Some(Promoted { includes: &is_promoted, share: 0.5 });
        let request = Request { promoted, ..Request::new(&list, &[], &eligibility) };
        let picked: Vec<u32> =
            pick(candidates, &request, |_, _| 0.0).into_iter().map(|candidate| candidate.item).collect();
        assert_eq!(picked, [0, n - 3, 1, n - 2, 2, n - 1]);
    }
}
