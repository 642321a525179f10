//! Finds the candidates of a list: those of its logic or of the parts of its mix, then those of its
//! fallback, then the backfill. Each comes behind those before it, and none comes twice.

use domain::{Fallback, ItemIdx, ListRequest, Logic, Relevance};
use rustc_hash::FxHashSet;

use crate::candidates::{CandidateScope, CandidateSources, QueryVector, TrendingBasis};
use crate::evaluation::gain;
use crate::own_history;
use crate::request::{Origin, Request};
use crate::seeds::find_implicit_seeds;
use crate::tiers::{OpenPlaces, ScoreRange, Tier, TieredCandidates};
use crate::together::CombinedItems;

/// With a booster: how many of the newest items it orders.
const NEWEST_BOOSTED: usize = 1_000;

/// A candidate: the item, its score, its origin.
type ScoredItem = (u32, f32, Origin);

/// The candidates of one source, in any order, with scores within the range.
struct Found {
    range: ScoreRange,
    candidates: Vec<ScoredItem>,
}

impl Found {
    /// The candidates, best first; of equal ones the smaller index.
    fn sorted(mut self) -> Self {
        self.candidates.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self
    }

    /// The same order with scores up to 1, whatever a booster made of them.
    fn by_rank(self) -> Self {
        let candidates = self.sorted().candidates.into_iter().enumerate();
        let candidates =
            candidates.map(|(place, (item, _, origin))| (item, gain(place) as f32, origin));
        Self { range: ScoreRange::up_to(1.0), candidates: candidates.collect() }
    }
}

/// Finds the `n` best allowed candidates by the request's logic or mix, then those of the fallback
/// and the backfill.
pub(crate) fn find_candidates(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
    n: usize,
    allows: &dyn Fn(u32) -> bool,
) -> TieredCandidates {
    let list = request.list;
    // A booster orders each part of a mix and each tier behind it, and moves nothing between them.
    let mut found = TieredCandidates::new(request.booster.filter(|_| list.mix.is_empty()));
    let places = found.open_places(n);
    let own = match list.mix.is_empty() {
        true => find_by_logic(sources, request, query, n, &places, allows),
        false => find_mix(sources, request, n, &places, allows),
    };
    found.add(Tier::LOGIC, own.range, own.candidates);
    found.truncate(n);
    if list.min_relevance != Relevance::Low || list.fallback == Fallback::None {
        return found;
    }
    // The fallback only fills missing places, unless reranking may remove candidates.
    let may_lose_candidates =
        list.rotation_rate > 0.0 || request.values.is_some() || !request.constraints.is_empty();
    let n = if may_lose_candidates { n } else { list.count };
    let n_kept = n.max(found.len());
    for (number, logic) in list.fallback.logics().iter().enumerate() {
        let places = found.open_places(n);
        if places.n > 0 && !covers(request, *logic) {
            let next = find_fallback(sources, request, *logic, &places, &found.items(), allows);
            found.add(Tier::fallback(number), next.range, next.candidates);
            found.truncate(n_kept);
        }
    }
    let places = found.open_places(n);
    if let Some(backfill) = request.backfill
        && places.n > 0
    {
        let seeds = (backfill.seeds)();
        let list =
            ListRequest { count: places.n, logic: Logic::Similar, mix: Vec::new(), ..list.clone() };
        let behind = Request {
            list: &list,
            seeds: &seeds,
            eligibility: backfill.eligibility,
            candidate_set: backfill.candidate_set,
            backfill: None,
            ..*request
        };
        let known = found.items();
        let allows =
            |item: u32| !known.contains(&item) && backfill.eligibility.allows(ItemIdx(item));
        let query = sources.query_vector_for_request(&behind);
        found.add_backfill(find_candidates(sources, &behind, &query, places.n, &allows));
        found.truncate(n_kept);
    }
    found
}

/// Whether a list has found all that a logic of its fallback finds.
fn covers(request: &Request<'_>, fallback: Logic) -> bool {
    let list = request.list;
    if !list.logics().any(|logic| logic == fallback) {
        return false;
    }
    match fallback {
        // Of a period, or of one kind of interaction, are other items than of all.
        Logic::Trending => request.period_popularity.is_none() || list.interaction.is_some(),
        _ => true,
    }
}

/// Finds candidates for the places that are open to a logic of the fallback, beside the known ones.
fn find_fallback(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    logic: Logic,
    places: &OpenPlaces,
    known: &FxHashSet<u32>,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let mut found = if logic == Logic::Trending {
        // What is popular with everybody, whichever interactions count for the list itself.
        let is_new = |item: u32| !known.contains(&item) && allows(item);
        find_trending(sources, request, TrendingBasis::All, places, &is_new)
    } else {
        // Known ones are left out afterwards: scores by rank must not depend on which are known.
        let n = places.n + known.len();
        let mut found = find_part(sources, request, logic, n, places, allows);
        found.candidates.retain(|(item, ..)| !known.contains(item));
        found
    };
    if !request.list.mix.is_empty() && request.booster.is_some() {
        found = found.by_rank();
    }
    found
}

/// Finds candidates by another logic than that of the request, with its other settings.
fn find_part(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    logic: Logic,
    n: usize,
    places: &OpenPlaces,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let list = ListRequest { logic, mix: Vec::new(), ..request.list.clone() };
    let part = Request { list: &list, ..*request };
    let seeds = find_implicit_seeds(&part);
    let allows = |item: u32| !seeds.contains(&ItemIdx(item)) && allows(item);
    let query = sources.query_vector_for_request(&part);
    find_by_logic(sources, &part, &query, n, places, &allows)
}

/// Mixes the candidates of several logics. Each place goes to the part that is furthest behind its
/// share of the places so far, and to the best item of that part that is not listed yet; an item
/// that several parts find is listed once. What scores 0, as with a booster of 0, comes last. So a
/// short mix is the beginning of a longer one.
fn find_mix(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    n: usize,
    places: &OpenPlaces,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let mut last: Vec<(u32, Origin)> = Vec::new();
    let parts = request.list.mix.iter().map(|part| {
        let mut found = find_part(sources, request, part.logic, n, places, allows).sorted();
        let n_first = found.candidates.partition_point(|(_, score, _)| *score > 0.0);
        let of_part = found.candidates.split_off(n_first).into_iter();
        last.extend(of_part.map(|(item, _, origin)| (item, origin)));
        (part.weight, found.candidates)
    });
    let mixed = interleave(parts.collect(), n);
    let listed: FxHashSet<u32> = mixed.iter().map(|(item, _)| *item).collect();
    last.sort_by_key(|(item, _)| *item);
    last.dedup_by_key(|(item, _)| *item);
    let last = last.into_iter().filter(|(item, _)| !listed.contains(item));
    let first = mixed.iter().enumerate();
    let first = first.map(|(place, (item, origin))| (*item, gain(place) as f32, *origin));
    let candidates = first.chain(last.map(|(item, origin)| (item, 0.0, origin)));
    Found { range: ScoreRange::up_to(1.0), candidates: candidates.collect() }
}

/// The first `n` places of a mix of ranked parts, each with its weight.
fn interleave(parts: Vec<(f32, Vec<ScoredItem>)>, n: usize) -> Vec<(u32, Origin)> {
    let mut open: Vec<_> = parts
        .into_iter()
        .map(|(weight, found)| (weight, 0usize, found.into_iter().peekable()))
        .collect();
    let mut listed = FxHashSet::default();
    let mut mixed = Vec::with_capacity(n);
    while mixed.len() < n {
        for (_, _, found) in &mut open {
            while found.next_if(|(item, ..)| listed.contains(item)).is_some() {}
        }
        open.retain_mut(|(_, _, found)| found.peek().is_some());
        // Of equal ones the first. Shares are compared as places each with one more, divided by the
        // weight, which needs no sum of the weights and so none of the parts that have ended.
        let due = |(weight, n_taken, _): &(f32, usize, _)| (*n_taken as f32 + 1.0) / weight;
        let next = open.iter_mut().min_by(|a, b| due(a).total_cmp(&due(b)));
        let Some((_, n_taken, found)) = next else { break };
        if let Some((item, _, origin)) = found.next() {
            *n_taken += 1;
            listed.insert(item);
            mixed.push((item, origin));
        }
    }
    mixed
}

/// Finds the `n` best allowed candidates of the request's logic.
fn find_by_logic(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
    n: usize,
    places: &OpenPlaces,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let Request { list, candidate_set, booster, .. } = *request;
    let scope = CandidateScope { candidate_set, booster };
    let (own, origin) = match list.logic {
        Logic::Together if let Some(people) = request.people_by_item => {
            let combined = CombinedItems::count(people, sources.histories, request);
            (combined.rank(), Origin::Together)
        }
        Logic::Personal
        | Logic::Similar
        | Logic::CrossSell
        | Logic::WatchNext
        | Logic::Together => {
            let share_min = sources.relevance_share_min(list.min_relevance);
            let personal = sources.personal_candidates(query, n, share_min, scope, allows);
            return Found { range: personal.range, candidates: personal.candidates };
        }
        Logic::ContentBased => {
            let alike = sources.personal_candidates(query, n, 0.0, scope, allows);
            let candidates = alike.candidates.into_iter();
            let candidates = candidates.map(|(item, score, _)| (item, score, Origin::Content));
            return Found { range: alike.range, candidates: candidates.collect() };
        }
        Logic::Trending => {
            let by = match (request.period_popularity, list.interaction) {
                (Some(ranked), _) => TrendingBasis::Period(ranked),
                (None, Some(kind)) => TrendingBasis::Kind(kind),
                (None, None) => TrendingBasis::All,
            };
            return find_trending(sources, request, by, places, allows);
        }
        Logic::RecentlyViewed => {
            (own_history::find_viewed_items(sources, request), Origin::RecentlyViewed)
        }
        Logic::ContinueWatching => {
            (own_history::find_unfinished_items(request), Origin::RecentlyViewed)
        }
        Logic::Picks => (own_history::order_picks(sources, request), Origin::Picked),
        Logic::Newest => {
            // A booster may bring forward what is not among the newest alone.
            let n = if booster.is_some() { n.max(NEWEST_BOOSTED) } else { n };
            let newest = own_history::find_newest_items(sources, n, candidate_set, allows);
            (newest, Origin::Newest)
        }
        Logic::BuyAgain => {
            (sources.due_purchases(request.history, request.now_s), Origin::BuyAgain)
        }
    };
    let range = ScoreRange::up_to(1.0);
    let score = |item: u32, score: f32| match booster {
        Some(booster) => range.boost(score, booster.boost(ItemIdx(item))),
        None => score,
    };
    let own = own.into_iter().filter(|(item, _)| allows(*item));
    let candidates = own.map(|(item, own)| (item, score(item, own), origin)).collect();
    Found { range, candidates }
}

fn find_trending(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    by: TrendingBasis<'_>,
    places: &OpenPlaces,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let Request { candidate_set, booster, .. } = *request;
    let scope = CandidateScope { candidate_set, booster };
    let trending = sources.trending_candidates(by, places, scope, allows).into_iter();
    let candidates = trending.map(|(item, share)| (item, share, Origin::Trending)).collect();
    Found { range: ScoreRange::POPULARITY, candidates }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(parts: &[(f32, &[u32])], n: usize) -> Vec<u32> {
        let part = |(weight, items): &(f32, &[u32])| {
            (*weight, items.iter().map(|item| (*item, 1.0, Origin::Model)).collect())
        };
        interleave(parts.iter().map(part).collect(), n).into_iter().map(|(item, _)| item).collect()
    }

    #[test]
    fn places_are_shared_by_weight_and_no_item_comes_twice() {
        let (a, b): (Vec<u32>, Vec<u32>) = ((0..20).collect(), (100..120).collect());
        let ten = mix(&[(70.0, &a), (30.0, &b)], 10);
        assert_eq!(ten, [0, 1, 100, 2, 3, 101, 4, 5, 6, 102]);
        assert_eq!(mix(&[(0.7, &a), (0.3, &b)], 5), ten[..5], "only ratios count");
        // What both find is listed once, and takes its place from the part that lists it.
        assert_eq!(mix(&[(1.0, &[1, 2, 3]), (1.0, &[1, 2, 9])], 9), [1, 2, 3, 9]);
        // A part that ends leaves its places to the others.
        assert_eq!(mix(&[(1.0, &[1]), (1.0, &[5, 6, 7])], 9), [1, 5, 6, 7]);
        assert_eq!(mix(&[(1.0, &[]), (1.0, &[])], 9), [0; 0]);
    }
}
