//! Lists of users: those interested in an item, and those similar to a user.
//!
//! For an item, a user's score is the item's score in that user's list: `sum_i w_i related(i,
//! item)` over the weighed history w. For another user it is the cosine of the weighed history w
//! with that user's taste vector: their own weighed history plus its scores.

use domain::{Exclusion, ItemIdx, ListRequest, Relevance, UserIdx};
use linalg::TopK;
use rayon::prelude::*;

use crate::candidates::{Candidate, CandidateSources};
use crate::rerank::pick;
use crate::{Eligibility, Histories, HistoryEntry, Origin, Request};

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
    /// The query for users interested in an item. O(items).
    pub fn user_query_for_item(&self, item: ItemIdx) -> UserQuery {
        let all = 0..self.n_items as u32;
        let cold = |from: u32| self.cold_start.similarity(ItemIdx(from), item);
        let by_channel = match self.model {
            None => vec![all.map(cold).collect()],
            Some(model) => {
                let part = |n: usize, from: u32| {
                    let related = &model.channels[n].related;
                    let known = (from as usize) < related.n_rows();
                    let warm = if known { related.get(from as usize, item.0) } else { 0.0 };
                    warm + if n == 0 { cold(from) } else { 0.0 }
                };
                (0..model.channels.len())
                    .map(|n| all.clone().map(|from| part(n, from)).collect())
                    .collect()
            }
        };
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
    let floor = share_min * first.into_sorted().first().map_or(0.0, |(_, score)| *score);
    let has_fallback = list.min_relevance == Relevance::Low;
    let n = match list.diversity > 0.0 {
        true => (RERANKED_PER_USER * list.count).clamp(RERANKED_MIN, RERANKED_MAX.max(list.count)),
        false => list.count,
    };
    let boost = |user: u32| booster.map_or(1.0, |booster| booster(UserIdx(user)));
    let history_len_max =
        (0..scores.len() as u32).map(|user| histories.row(UserIdx(user)).len()).max().unwrap_or(0);
    let lowest =
        scores.iter().filter(|score| **score > 0.0).fold(1f32, |lowest, score| lowest.min(*score));
    let mut best = TopK::new(n);
    for (user, &score) in (0u32..).zip(scores) {
        let is_relevant = score > 0.0 && score >= floor;
        if !is_relevant && !has_fallback {
            continue;
        }
        let activity =
            (1 + histories.row(UserIdx(user)).len()) as f32 / (2 + history_len_max) as f32;
        let score = if is_relevant { score } else { lowest * activity };
        best.offer(user, score * boost(user), || allows(UserIdx(user)));
    }
    let found = best.into_sorted().into_iter();
    let mut found: Vec<Candidate> =
        found.map(|(item, score)| Candidate { item, score, origin: Origin::Model }).collect();
    if list.diversity > 0.0 {
        let eligibility = Eligibility::new(&|_| true, Exclusion::None, &[], []);
        found = pick(found, &Request::new(list, &[], &eligibility), |a, b| {
            let weighed = |user: u32| {
                sources.query_vector(histories.row(UserIdx(user))).first_channel().to_vec()
            };
            cosine(&weighed(a), &weighed(b))
        });
    }
    found.into_iter().map(|candidate| (UserIdx(candidate.item), candidate.score)).collect()
}

/// The cosine of two weighed histories, both in the order of items, clamped to [0, 1].
fn cosine(a: &[(HistoryEntry, f32)], b: &[(HistoryEntry, f32)]) -> f32 {
    let parts = a.iter().filter_map(|(entry, weight)| {
        let n = b.binary_search_by_key(&entry.item, |(other, _)| other.item).ok()?;
        Some(weight * b[n].1)
    });
    (parts.sum::<f32>() / (norm(a) * norm(b))).clamp(0.0, 1.0)
}
