//! Reranking: rotation, diversity, constraints and promoted items.

use domain::{ItemIdx, ListRequest};
use rustc_hash::FxHashMap;

use crate::similarities::Similarities;
use crate::tiers::RankedCandidate;
use crate::{Request, ValueIdx};

/// The first places of a list that are diversified, and the candidates considered for them. Further
/// places follow in order of scores.
const DIVERSE_PLACES_MAX: usize = 200;
const DIVERSE_CANDIDATES_MAX: usize = 1_000;

/// Lowers the scores of recently shown items: `score (1 - rate (1 - age / rotation time))`, where
/// age is the time since the user's last impression of the item.
pub(crate) fn rotate(candidates: &mut [RankedCandidate], request: &Request<'_>) {
    let rate = request.list.rotation_rate;
    if rate == 0.0 || request.impressions.is_empty() {
        return;
    }
    let mut last_s: FxHashMap<u32, u32> = FxHashMap::default();
    for shown in request.impressions {
        let at_s = last_s.entry(shown.item.0).or_default();
        *at_s = shown.at_s.max(*at_s);
    }
    for candidate in candidates.iter_mut() {
        if let Some(last_s) = last_s.get(&candidate.item) {
            let age =
                request.now_s.saturating_sub(*last_s) as f32 / request.list.rotation_time_s as f32;
            candidate.score *= 1.0 - rate * (1.0 - age).max(0.0);
        }
    }
    // Stable: candidates of equal scores keep the order of their tiers.
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
}

/// Selects items one by one: each time the allowed item with the largest `(1 - diversity) score -
/// diversity (mean similarity to the items selected)`, with scores as shares of the best score.
/// Promoted items come first while they are behind their share.
///
/// Maximal marginal relevance (Carbonell and Goldstein, SIGIR'98) with the mean in place of the
/// maximum, which keeps alternating between groups of similar items (max-sum diversification,
/// Borodin et al., PODS'12). `compute_similarities` is called for diverse lists, with the items
/// considered. O(candidates) for the whole list, and again for each diverse place.
pub(crate) fn pick<'a>(
    candidates: Vec<RankedCandidate>,
    request: &Request<'_>,
    compute_similarities: impl FnOnce(&[u32]) -> Similarities<'a>,
) -> Vec<RankedCandidate> {
    let ListRequest { count, diversity, .. } = *request.list;
    let top = candidates.first().map_or(1.0, |best| best.score.max(f32::MIN_POSITIVE));
    let (n_diverse, n_considered) = match diversity > 0.0 {
        true => (DIVERSE_PLACES_MAX, candidates.len().min(DIVERSE_CANDIDATES_MAX)),
        false => (0, 0),
    };
    let considered: Vec<u32> =
        candidates[..n_considered].iter().map(|candidate| candidate.item).collect();
    let relevance: Vec<f32> = candidates[..n_considered]
        .iter()
        .map(|candidate| (1.0 - diversity) * candidate.score / top)
        .collect();
    let mut similarities = (n_considered > 0).then(|| compute_similarities(&considered));
    // For each considered candidate the sum of its similarities to the selected items.
    let mut similarity_sums = vec![0f32; n_considered];
    let mut picked: Vec<RankedCandidate> = Vec::with_capacity(count.min(candidates.len()));
    let mut constraints = ListConstraints::new(request, candidates.len());
    while picked.len() < count {
        let is_diverse = picked.len() < n_diverse;
        let marginal_relevance = |n: usize| {
            let similarity = similarity_sums[n] / picked.len().max(1) as f32;
            relevance[n] - diversity * similarity
        };
        let next = |constraints: &mut ListConstraints<'_>, is_promoted: bool| {
            let considered = if is_diverse { 0..n_considered } else { 0..0 };
            let allowed = considered.filter(|&n| constraints.fits(n, &candidates, is_promoted));
            // Of equal candidates the first wins: it has the better score.
            let best = allowed
                .map(|n| (n, marginal_relevance(n)))
                .reduce(|best, next| if next.1 > best.1 { next } else { best });
            best.map(|(n, _)| n).or_else(|| constraints.find_first(&candidates, is_promoted))
        };
        let promoted = constraints
            .is_promoted_next(picked.len() + 1)
            .then(|| next(&mut constraints, true))
            .flatten();
        let best = promoted.or_else(|| next(&mut constraints, false));
        let Some(best) = best else { break };
        constraints.take(best, &candidates);
        if let Some(similarities) = similarities.as_mut().filter(|_| is_diverse) {
            similarities.add_to(candidates[best].item, &mut similarity_sums);
        }
        picked.push(candidates[best]);
    }
    picked
}

/// The state of constraints and promoted items while a list is selected.
struct ListConstraints<'a> {
    request: &'a Request<'a>,
    is_picked: Vec<bool>,
    /// The positions from which to search all candidates and the promoted ones. Earlier candidates
    /// are used up: once a constraint rejects a candidate, it always does.
    search_from: [usize; 2],
    /// For each constraint the number of selected items per value.
    n_with: Vec<FxHashMap<ValueIdx, usize>>,
    n_promoted: usize,
}

impl<'a> ListConstraints<'a> {
    fn new(request: &'a Request<'a>, n_candidates: usize) -> Self {
        Self {
            request,
            is_picked: vec![false; n_candidates],
            search_from: [0, 0],
            n_with: vec![FxHashMap::default(); request.constraints.len()],
            n_promoted: 0,
        }
    }

    /// Whether a candidate can be selected; with `is_promoted` only promoted ones can.
    fn fits(&self, n: usize, candidates: &[RankedCandidate], is_promoted: bool) -> bool {
        let item = candidates[n].item;
        !self.is_picked[n]
            && (!is_promoted || self.is_promoted(item))
            && self.request.constraints.iter().zip(&self.n_with).all(|(constraint, n_with)| {
                let values = constraint.facet.values_of(ItemIdx(item));
                values.iter().all(|value| n_with.get(value).is_none_or(|n| *n < constraint.max))
            })
    }

    /// The first candidate, or promoted candidate, that can be selected.
    fn find_first(&mut self, candidates: &[RankedCandidate], is_promoted: bool) -> Option<usize> {
        let start = self.search_from[usize::from(is_promoted)];
        let found = (start..candidates.len()).find(|n| self.fits(*n, candidates, is_promoted));
        self.search_from[usize::from(is_promoted)] = found.unwrap_or(candidates.len());
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

    fn take(&mut self, n: usize, candidates: &[RankedCandidate]) {
        self.is_picked[n] = true;
        let item = candidates[n].item;
        for (constraint, n_with) in self.request.constraints.iter().zip(&mut self.n_with) {
            for value in constraint.facet.values_of(ItemIdx(item)) {
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
    use crate::tiers::Tier;
    use crate::{Eligibility, Origin, PromotedItems};

    fn candidate(item: u32, score: f32) -> RankedCandidate {
        RankedCandidate { item, tier: Tier::LOGIC, score, origin: Origin::Model }
    }

    /// Items 0, 1, 2 are similar to each other, and so are 3, 4, 5.
    fn similarities(items: &[u32]) -> Similarities<'static> {
        Similarities::of_vectors(items, |item| vec![(item / 3, 0.9f32.sqrt())])
    }

    fn picked(diversity: f32) -> Vec<u32> {
        let list = ListRequest { diversity, ..ListRequest::new(4, Logic::Personal) };
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        let candidates = (0..6).map(|n| candidate(n, 1.0 - 0.1 * n as f32)).collect();
        let picked = pick(candidates, &Request::new(&list, &[], &eligibility), similarities);
        picked.into_iter().map(|candidate| candidate.item).collect()
    }

    #[test]
    fn more_diversity_alternates_between_groups_of_similar_items() {
        assert_eq!(picked(0.0), [0, 1, 2, 3]);
        assert_eq!(picked(0.6), [0, 3, 1, 4]);
        assert_eq!(picked(1.0), [0, 3, 1, 4]);
    }

    #[test]
    fn promoted_items_come_into_diverse_lists_however_far_behind_they_are() {
        let n = 2 * DIVERSE_CANDIDATES_MAX as u32;
        let candidates = (0..n).map(|item| candidate(item, (n - item) as f32)).collect();
        let is_promoted = |item: ItemIdx| item.0 >= n - 3;
        let list = ListRequest { diversity: 0.5, ..ListRequest::new(6, Logic::Personal) };
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        let promoted = Some(PromotedItems { includes: &is_promoted, share: 0.5 });
        let request = Request { promoted, ..Request::new(&list, &[], &eligibility) };
        let similarities = |items: &[u32]| Similarities::of_vectors(items, |_| Vec::new());
        let picked: Vec<u32> = pick(candidates, &request, similarities)
            .into_iter()
            .map(|candidate| candidate.item)
            .collect();
        assert_eq!(picked, [0, n - 3, 1, n - 2, 2, n - 1]);
    }
}
