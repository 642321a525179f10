//! Chooses the members and weights of a blend.

use domain::ItemIdx;
use linalg::{add_scaled, count_at_least};
use rayon::prelude::*;

use super::ModelTrial;
use super::pool::{Pool, Setting};
use crate::HistoryWeighting;
use crate::blend::{CHANNELS_MAX, Component, ModelConfig, RelevanceShares};
use crate::evaluation::{CUT_OFF, compute_metrics, gain, ideal_gain};

/// The likely items of all test users, concatenated, and which of them are wanted.
const LIKELY_ITEMS_PER_LIST: usize = 40;
const WEIGHTINGS_LISTED: usize = 2;
/// The number of models that a blend is started from, one after the other.
const FIRST_MEMBERS_MAX: usize = 3;
/// The most changes of a blend.
const ROUNDS_MAX: usize = 12;
/// The most members of a blend, without the backoff.
const MEMBERS_MAX: usize = 6;
/// The minimum relative gain in nDCG of a change.
const GAIN_MIN: f64 = 0.002;
/// The weights that a new member is tried with, relative to the total of the others.
const WEIGHTS: [f32; 4] = [0.06, 0.2, 0.5, 1.2];
/// The weight of the backoff, relative to the total of the others.
const BACKOFF_WEIGHT: f32 = 0.01;
/// The factors that weights are refined with.
const REFINEMENTS: [f32; 4] = [0.6, 0.8, 1.25, 1.6];

/// The likely items of all test users in a row, with what is wanted.
struct Candidates {
    /// The offset of each user's items, and the end: users + 1 entries.
    starts: Vec<usize>,
    items: Vec<u32>,
    /// For each user the positions of wanted items, and the gain of a perfect list.
    wanted: Vec<(Vec<usize>, f64)>,
}

/// The scores of all candidates under one setting and one history weighting.
struct Column {
    /// The index of the setting in the pool.
    setting: usize,
    component: Component,
    values: Vec<f32>,
}

impl Column {
    fn member<'p>(&self, pool: &'p Pool<'_>) -> (&'p Setting, HistoryWeighting, f32) {
        (&pool.settings[self.setting], self.component.weighting, self.component.weight)
    }
}

/// The chosen blend with its evaluation.
pub(super) struct Blend {
    /// The members with their weights.
    pub(super) components: Vec<Component>,
    /// For each member, its mean share (0 to 1) of the scores in the lists of the test users.
    pub(super) shares: Vec<f32>,
    /// The blend's lists for the test users.
    pub(super) lists: Vec<Vec<ItemIdx>>,
    /// The relevance thresholds, from the scores of hits.
    pub(super) relevance: RelevanceShares,
    /// The best setting of each model on its own.
    pub(super) models: Vec<ModelTrial>,
}

/// Chooses a blend from the settings of the pool. `counts` is the number of interactions of each
/// item in the training part.
pub(super) fn choose_blend(pool: &Pool<'_>, counts: &[u32]) -> Blend {
    let candidates = Candidates::new(pool);
    let columns = compute_columns(pool, &candidates);
    let solo: Vec<f64> = columns.par_iter().map(|column| candidates.ndcg(&column.values)).collect();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|&a, &b| solo[b].total_cmp(&solo[a]));
    let mut firsts: Vec<usize> = Vec::new();
    for n in order {
        let name = columns[n].component.model.name();
        if firsts.iter().all(|first| columns[*first].component.model.name() != name) {
            tracing::debug!(ndcg = solo[n], component = ?columns[n].component, "best");
            firsts.push(n);
        }
    }
    let tried = firsts.iter().map(|&n| ModelTrial {
        component: columns[n].component,
        metrics: compute_metrics(
            pool.test,
            &drop_scores(&pool.compute_lists(&[columns[n].member(pool)])),
            counts,
        ),
    });
    let models = tried.collect();
    let grown = firsts
        .iter()
        .take(FIRST_MEMBERS_MAX)
        .map(|&first| grow(&columns, &candidates, first, solo[first]));
    // Of equal blends the first wins: simpler models are tried first.
    let best = grown.reduce(|best, other| if other.1 > best.1 { other } else { best });
    let mut best = best.map(|(members, _)| members).unwrap_or_default();
    add_backoff(&columns, &mut best);
    let shares = candidates.shares(&columns, &best);
    let members = best.into_iter().map(|(n, weight)| {
        let (setting, weighting, scale) = columns[n].member(pool);
        (setting, weighting, weight * scale)
    });
    let members: Vec<_> = members.collect();
    let component = |(setting, weighting, weight): &(&Setting, HistoryWeighting, f32)| Component {
        model: setting.model,
        weighting: *weighting,
        weight: *weight,
    };
    let lists = pool.compute_lists(&members);
    let hits = pool.test.iter().zip(&lists).flat_map(|(user, list)| {
        let best = list.first().map_or(1.0, |(_, score)| *score);
        list.iter()
            .filter(|(item, _)| user.wanted.contains_key(item))
            .map(move |(_, score)| score / best)
    });
    let relevance = RelevanceShares::from_hits(hits.collect());
    Blend {
        components: members.iter().map(component).collect(),
        shares,
        lists: drop_scores(&lists),
        relevance,
        models,
    }
}

fn drop_scores(lists: &[Vec<(ItemIdx, f32)>]) -> Vec<Vec<ItemIdx>> {
    lists.iter().map(|list| list.iter().map(|(item, _)| *item).collect()).collect()
}

/// Adds neighbours with a small weight to a blend without them. So lists are filled from the user's
/// own history before the popular fallback.
fn add_backoff(columns: &[Column], members: &mut Vec<(usize, f32)>) {
    let is_neighbours = |n: usize| matches!(columns[n].component.model, ModelConfig::Neighbours(_));
    if members.is_empty() || members.iter().any(|(n, _)| is_neighbours(*n)) {
        return;
    }
    let weightings = distinct_weightings(columns, members);
    let total: f32 = members.iter().map(|(_, weight)| weight).sum();
    let mut candidates = (0..columns.len())
        .filter(|&n| is_neighbours(n) && weightings.contains(&columns[n].component.weighting));
    members.extend(candidates.next().map(|n| (n, BACKOFF_WEIGHT * total)));
}

/// Grows a blend from a first member: adds and exchanges members while the nDCG improves. Returns
/// (column, weight) pairs and the nDCG.
fn grow(
    columns: &[Column],
    candidates: &Candidates,
    first: usize,
    solo: f64,
) -> (Vec<(usize, f32)>, f64) {
    let mut members: Vec<(usize, f32)> = vec![(first, 1.0)];
    let mut best = solo;
    for _ in 0..ROUNDS_MAX {
        let Some((changed, ndcg)) = find_best_change(columns, candidates, &members) else { break };
        if ndcg < best * (1.0 + GAIN_MIN) {
            break;
        }
        members = changed;
        best = refine(columns, candidates, &mut members, ndcg);
        tracing::debug!(ndcg = best, n_members = members.len(), "blend");
    }
    (members, best)
}

/// Finds the best single addition or exchange of a member.
fn find_best_change(
    columns: &[Column],
    candidates: &Candidates,
    members: &[(usize, f32)],
) -> Option<(Vec<(usize, f32)>, f64)> {
    // The members that stay; one is tried in addition.
    let mut bases: Vec<Vec<(usize, f32)>> = Vec::new();
    if members.len() < MEMBERS_MAX {
        bases.push(members.to_vec());
    }
    if members.len() > 1 {
        bases.extend((0..members.len()).map(|n| [&members[..n], &members[n + 1..]].concat()));
    }
    let mut best: Option<(Vec<(usize, f32)>, f64)> = None;
    for base in bases {
        let sums = sum_columns(columns, &base);
        let weightings = distinct_weightings(columns, &base);
        let total: f32 = base.iter().map(|(_, weight)| weight).sum();
        let is_new = |n: &usize| members.iter().all(|(member, _)| member != n);
        let has_room = |n: &usize| {
            weightings.len() < CHANNELS_MAX || weightings.contains(&columns[*n].component.weighting)
        };
        let tries: Vec<(usize, f32)> = (0..columns.len())
            .filter(|n| is_new(n) && has_room(n))
            .flat_map(|n| WEIGHTS.map(|weight| (n, weight * total)))
            .collect();
        let found: Vec<f64> = tries
            .par_iter()
            .map_init(Vec::new, |values, &(n, weight)| {
                candidates.ndcg_of_sum(&sums, weight, &columns[n].values, values)
            })
            .collect();
        let best_try =
            (0..tries.len()).max_by(|&a, &b| found[a].total_cmp(&found[b]).then(b.cmp(&a)));
        if let Some(index) = best_try
            && best.as_ref().is_none_or(|(_, ndcg)| found[index] > *ndcg)
        {
            best = Some(([&base[..], &[tries[index]]].concat(), found[index]));
        }
    }
    best
}

/// Refines one weight at a time while the nDCG improves. Members that do not contribute are
/// removed.
fn refine(
    columns: &[Column],
    candidates: &Candidates,
    members: &mut Vec<(usize, f32)>,
    mut best: f64,
) -> f64 {
    for _ in 0..3 {
        let before = best;
        for position in 0..members.len() {
            let (n, weight) = members[position];
            let sums = sum_columns(columns, members);
            let tries: Vec<f32> =
                REFINEMENTS.iter().map(|factor| weight * factor).chain([0.0]).collect();
            let found: Vec<f64> = tries
                .par_iter()
                .map_init(Vec::new, |values, tried| {
                    candidates.ndcg_of_sum(&sums, tried - weight, &columns[n].values, values)
                })
                .collect();
            for (tried, ndcg) in tries.into_iter().zip(found) {
                if ndcg > best
                    || (tried == 0.0 && members.len() > 1 && ndcg >= best * (1.0 - GAIN_MIN / 4.0))
                {
                    best = ndcg;
                    members[position].1 = tried;
                }
            }
        }
        members.retain(|(_, weight)| *weight > 0.0);
        if best <= before {
            break;
        }
    }
    best
}

/// The weighted sum of the members' scores.
fn sum_columns(columns: &[Column], members: &[(usize, f32)]) -> Vec<f32> {
    let mut sums = vec![0.0; columns[0].values.len()];
    for &(n, weight) in members {
        sums.par_iter_mut().zip(&columns[n].values).for_each(|(sum, value)| *sum += weight * value);
    }
    sums
}

/// The history weightings of the members, each once.
fn distinct_weightings(columns: &[Column], members: &[(usize, f32)]) -> Vec<HistoryWeighting> {
    let mut weightings: Vec<HistoryWeighting> = Vec::new();
    for (n, _) in members {
        let weighting = columns[*n].component.weighting;
        if !weightings.contains(&weighting) {
            weightings.push(weighting);
        }
    }
    weightings
}

/// The scores of every setting under every history weighting, scaled so that the best score of a
/// user is 1 on average.
fn compute_columns(pool: &Pool<'_>, candidates: &Candidates) -> Vec<Column> {
    let mut columns = Vec::new();
    for (index, setting) in pool.settings.iter().enumerate() {
        for &weighting in &setting.weightings {
            let by_user = pool.map_user_scores(&setting.matrix, weighting, |user, scores| {
                let items = &candidates.items[candidates.starts[user]..candidates.starts[user + 1]];
                items.iter().map(|&item| scores.values[item as usize]).collect::<Vec<f32>>()
            });
            let tops =
                by_user.iter().map(|values| values.iter().fold(0f32, |top, value| top.max(*value)));
            let mean = tops.sum::<f32>() / by_user.len().max(1) as f32;
            if mean > 0.0 {
                let component = Component { model: setting.model, weighting, weight: 1.0 / mean };
                let mut values = by_user.concat();
                values.iter_mut().for_each(|value| *value *= component.weight);
                columns.push(Column { setting: index, component, values });
            }
        }
    }
    columns
}

impl Candidates {
    fn new(pool: &Pool<'_>) -> Self {
        let mut likely_items: Vec<Vec<u32>> = vec![Vec::new(); pool.test.len()];
        for setting in &pool.settings {
            for &weighting in setting.weightings.iter().take(WEIGHTINGS_LISTED) {
                let lists = pool.map_user_scores(&setting.matrix, weighting, |_, scores| {
                    scores.top_items(LIKELY_ITEMS_PER_LIST)
                });
                for (items, list) in likely_items.iter_mut().zip(lists) {
                    items.extend(list.into_iter().map(|(item, _)| item));
                }
            }
        }
        let mut candidates = Self { starts: vec![0], items: Vec::new(), wanted: Vec::new() };
        for (test, mut items) in pool.test.iter().zip(likely_items) {
            items.sort_unstable();
            items.dedup();
            let is_wanted = |&n: &usize| test.wanted.contains_key(&ItemIdx(items[n]));
            candidates.wanted.push((
                (0..items.len()).filter(is_wanted).collect(),
                ideal_gain(test.wanted.len()),
            ));
            candidates.items.extend(items);
            candidates.starts.push(candidates.items.len());
        }
        candidates
    }

    /// The part of each member in what the blend says: its share of the score of an item, as the
    /// mean over the items of all lists. Together they are 1, or 0 where no list has a score.
    fn shares(&self, columns: &[Column], members: &[(usize, f32)]) -> Vec<f32> {
        if members.is_empty() {
            return Vec::new();
        }
        let sums = sum_columns(columns, members);
        let mut shares = vec![0.0f64; members.len()];
        let mut n_listed = 0u32;
        for bounds in self.starts.windows(2) {
            let mut listed: Vec<usize> =
                (bounds[0]..bounds[1]).filter(|&n| sums[n] > 0.0).collect();
            listed.sort_unstable_by(|&a, &b| sums[b].total_cmp(&sums[a]));
            listed.truncate(CUT_OFF);
            n_listed += listed.len() as u32;
            for n in listed {
                for (share, &(column, weight)) in shares.iter_mut().zip(members) {
                    *share += f64::from(weight * columns[column].values[n] / sums[n]);
                }
            }
        }
        shares.iter().map(|share| (share / f64::from(n_listed.max(1))) as f32).collect()
    }

    /// The nDCG of `sums + weight * values`. `scratch` is a reused buffer.
    fn ndcg_of_sum(
        &self,
        sums: &[f32],
        weight: f32,
        values: &[f32],
        scratch: &mut Vec<f32>,
    ) -> f64 {
        scratch.clear();
        scratch.extend_from_slice(sums);
        add_scaled(scratch, weight, values);
        self.ndcg(scratch)
    }

    /// The mean nDCG of the order that `values` give. Ties count against it.
    fn ndcg(&self, values: &[f32]) -> f64 {
        let mut total = 0.0;
        for (user, (wanted, ideal)) in self.wanted.iter().enumerate() {
            let values = &values[self.starts[user]..self.starts[user + 1]];
            for &position in wanted {
                let own = values[position];
                let rank = count_at_least(values, own) - 1;
                if rank < CUT_OFF {
                    total += gain(rank) / ideal;
                }
            }
        }
        total / self.wanted.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::neighbours;

    #[test]
    fn shares_count_what_is_said_and_not_the_scale_of_weights() {
        let column = |values: &[f32]| Column {
            setting: 0,
            component: Component {
                model: ModelConfig::Neighbours(neighbours::Config::default()),
                weighting: HistoryWeighting::default(),
                weight: 1.0,
            },
            values: values.to_vec(),
        };
        // The weight of the second is ten times smaller, its scores are thirty times larger.
        let columns = [column(&[1.0, 1.0, 0.0]), column(&[30.0, 30.0, 0.0])];
        let candidates =
            Candidates { starts: vec![0, 2, 3], items: vec![4, 5, 6], wanted: Vec::new() };
        let shares = candidates.shares(&columns, &[(0, 1.0), (1, 0.1)]);
        assert!((shares[0] - 0.25).abs() < 1e-6 && (shares[1] - 0.75).abs() < 1e-6, "{shares:?}");
        assert_eq!(candidates.shares(&columns, &[]), [0.0; 0]);
    }
}
