//! Lists of users: those interested in an item, and those similar to a user.
//!
//! For an item, a user's score is the item's score in that user's list: `sum_i w_i related(i,
//! item)` over the weighed history w; for several items it is the sum of theirs. For another
//! user it is the cosine of the weighed history w with that user's taste vector: their own weighed
//! history plus its scores.

use domain::{Exclusion, ItemIdx, ListRequest, Relevance, UserIdx};
use linalg::TopK;
use rayon::prelude::*;

use crate::candidates::CandidateSources;
use crate::rerank::pick;
use crate::similarities::Similarities;
use crate::tiers::{RankedCandidate, ScoreRange, Tier, TieredCandidates};
use crate::{Channel, Eligibility, Histories, HistoryEntry, Origin, Request};

/// The most cold-start items of a query that count, the newest.
const COLD_ITEMS_MAX: usize = 100;
/// The number of candidates of a diverse list of users: per user of the list, at least, and at
/// most.
const RERANKED_PER_USER: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 1_000;

/// The vector that users' weighed histories are multiplied with.
pub struct UserQuery {
    /// For each channel the value of each item.
    by_channel: Vec<Vec<f32>>,
    /// Whether scores are normalized by the length of the weighed history.
    is_cosine: bool,
}

impl CandidateSources<'_> {
    /// The query for users interested in items: a user's score is the sum of the scores of the
    /// items in that user's list. O(entries of the model, and features times items for each of up
    /// to [`COLD_ITEMS_MAX`] cold-start items).
    pub fn user_query_for_items(&self, items: &[ItemIdx]) -> UserQuery {
        let mut is_wanted = vec![false; self.n_items];
        items
            .iter()
            .filter(|item| item.pos() < self.n_items)
            .for_each(|item| is_wanted[item.pos()] = true);
        let cold: Vec<ItemIdx> = items
            .iter()
            .rev()
            .copied()
            .filter(|item| !self.is_warm(item.0))
            .take(COLD_ITEMS_MAX)
            .collect();
        let from_cold = |from: u32| {
            cold.iter().map(|item| self.cold_start.similarity(ItemIdx(from), *item)).sum::<f32>()
        };
        let all = 0..self.n_items as u32;
        let mut by_channel: Vec<Vec<f32>> = match self.model {
            None => vec![vec![0.0; self.n_items]],
            Some(model) => {
                let part = |channel: &Channel, from: u32| match (from as usize)
                    < channel.related.n_rows()
                {
                    true => {
                        let (columns, values) = channel.related.row(from as usize);
                        let related = columns.iter().zip(values);
                        related
                            .filter(|(item, _)| is_wanted[**item as usize])
                            .map(|(_, value)| value)
                            .sum()
                    }
                    false => 0.0,
                };
                let parts = |channel| all.clone().map(|from| part(channel, from)).collect();
                model.channels.iter().map(parts).collect()
            }
        };
        if !cold.is_empty()
            && let Some(first) = by_channel.first_mut()
        {
            first.par_iter_mut().zip(all).for_each(|(value, from)| *value += from_cold(from));
        }
        UserQuery { by_channel, is_cosine: false }
    }

    /// The query for users with a similar history.
    pub fn user_query_for_history(&self, history: &[HistoryEntry]) -> UserQuery {
        let weighed = self.query_vector(history);
        let mut taste = vec![0f32; self.n_items];
        self.drain_scores(&weighed, |item, sum| taste[item as usize] = sum.max(0.0));
        let top = taste.iter().fold(0f32, |top, value| top.max(*value)).max(f32::MIN_POSITIVE);
        // Scale the history's own items and its scores to the same maximum, 1.
        taste.iter_mut().for_each(|value| *value /= top);
        let own = weighed.first_channel();
        let top_own =
            own.iter().fold(0f32, |top, (_, weight)| top.max(*weight)).max(f32::MIN_POSITIVE);
        own.iter().for_each(|(entry, weight)| taste[entry.item.pos()] += weight / top_own);
        UserQuery { by_channel: vec![taste], is_cosine: true }
    }

    /// Scores users, one for each history (oldest first). Runs in parallel.
    pub fn score_users(&self, query: &UserQuery, histories: &[&[HistoryEntry]]) -> Vec<f32> {
        histories.par_iter().map(|history| self.score_user(query, history)).collect()
    }

    /// The weighed history as (item, weight), scaled to length 1.
    fn taste_direction(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        let query = self.query_vector(history);
        let weighed = query.first_channel();
        let length = norm(weighed);
        weighed.iter().map(|(entry, weight)| (entry.item.0, weight / length)).collect()
    }

    fn score_user(&self, query: &UserQuery, history: &[HistoryEntry]) -> f32 {
        if history.is_empty() {
            return 0.0;
        }
        let weighed = self.query_vector(history);
        let channels = query.by_channel.iter().zip(&weighed.channels);
        let parts = channels.flat_map(|(values, weighed)| {
            let value = |entry: &HistoryEntry| values.get(entry.item.pos()).copied().unwrap_or(0.0);
            weighed.iter().map(move |(entry, weight)| weight * value(entry))
        });
        let sum: f32 = parts.sum();
        match query.is_cosine {
            true => sum / norm(weighed.first_channel()),
            false => sum,
        }
    }
}

fn norm(weighed: &[(HistoryEntry, f32)]) -> f32 {
    weighed.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(f32::MIN_POSITIVE)
}

/// Ranks users by their scores, best first. At low relevance the most active users follow as the
/// fallback.
pub fn rank_users(
    sources: CandidateSources<'_>,
    scores: &[f32],
    histories: &Histories,
    list: &ListRequest,
    booster: Option<&dyn Fn(UserIdx) -> f32>,
    allows: &dyn Fn(UserIdx) -> bool,
) -> Vec<(UserIdx, f32)> {
    let share_min = sources.relevance_share_min(list.min_relevance);
    let mut first = TopK::new(1);
    if share_min > 0.0 {
        (0u32..)
            .zip(scores)
            .for_each(|(user, &score)| first.offer(user, score, || allows(UserIdx(user))));
    }
    let score_min = share_min * first.into_sorted().first().map_or(0.0, |(_, score)| *score);
    let n = match list.diversity > 0.0 {
        true => (RERANKED_PER_USER * list.count).clamp(RERANKED_MIN, RERANKED_MAX.max(list.count)),
        false => list.count,
    };
    // The factors of users have no known bound.
    let mut found = TieredCandidates::with_boost_max(booster.map(|_| f32::INFINITY));
    let boosted = |range: ScoreRange, user: u32, score: f32| match booster {
        Some(booster) => range.boost(score, booster(UserIdx(user))),
        None => score,
    };
    let add_best =
        |found: &mut TieredCandidates, tier, range, users: &mut dyn Iterator<Item = (u32, f32)>| {
            let mut best = TopK::new(found.open_places(n).n);
            for (user, score) in users {
                best.offer(user, boosted(range, user, score), || allows(UserIdx(user)));
            }
            let best = best.into_sorted().into_iter();
            found.add(tier, range, best.map(|(user, score)| (user, score, Origin::Model)));
        };
    let is_relevant = |score: f32| score > 0.0 && score >= score_min;
    let scored = || (0u32..).zip(scores.iter().copied());
    let top = scores.iter().fold(0f32, |top, score| top.max(*score));
    let range = ScoreRange::up_to(if top > 0.0 { top } else { 1.0 });
    let mut relevant = scored().filter(|(_, score)| is_relevant(*score));
    add_best(&mut found, Tier::LOGIC, range, &mut relevant);
    if list.min_relevance == Relevance::Low && found.open_places(n).n > 0 {
        let n_entries = |user: u32| histories.row(UserIdx(user)).len();
        let longest = (0..scores.len() as u32).map(n_entries).max().unwrap_or(0);
        let activity = |user: u32| (1 + n_entries(user)) as f32 / (2 + longest) as f32;
        let others = scored().filter(|(_, score)| !is_relevant(*score));
        let mut active = others.map(|(user, _)| (user, activity(user)));
        add_best(&mut found, Tier::POPULARITY, ScoreRange::POPULARITY, &mut active);
    }
    found.truncate(n);
    let mut ranked = found.into_ranked();
    if list.diversity > 0.0 {
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        ranked = pick(ranked, &Request::new(list, &[], &eligibility), |users| {
            Similarities::of_vectors(users, |user| {
                sources.taste_direction(histories.row(UserIdx(user)))
            })
        });
    }
    let to_user = |RankedCandidate { item, score, .. }: RankedCandidate| (UserIdx(item), score);
    ranked.into_iter().map(to_user).collect()
}
