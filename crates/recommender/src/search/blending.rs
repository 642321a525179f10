//! The choice of a blend's members and weights.

use domain::ItemIdx;
use linalg::{add_scaled, count_at_least};
use rayon::prelude::*;

use super::Tried;
use super::pool::{Pool, Setting};
use crate::HistoryWeighting;
use crate::blend::{CHANNELS_MAX, Component, ModelConfig, RelevanceScores};
use crate::evaluation::{CUT_OFF, gain, ideal, metrics_of};

/// How long the lists are whose items become a user's likely items, and of how many ways to weight a history.
const LIST_LEN: usize = 40;
const WEIGHTINGS_LISTED: usize = 2;
/// How many models a blend is begun with, in turn.
const FIRSTS_MAX: usize = 3;
/// The most changes of a blend.
const ROUNDS_MAX: usize = 12;
/// The most members of a blend, without the backoff.
const MEMBERS_MAX: usize = 6;
/// What a new member must add, as a share of what there is.
const GAIN_MIN: f64 = 0.002;
/// Weights that a new member is tried with, beside a first one of 1.
const WEIGHTS: [f32; 4] = [0.06, 0.2, 0.5, 1.2];
/// What the backoff weighs beside all others.
const BACKOFF_WEIGHT: f32 = 0.01;
/// What weights are multiplied with while they are made finer.
const REFINEMENTS: [f32; 4] = [0.6, 0.8, 1.25, 1.6];

/// The likely items of all test users in a row, with what is wanted.
struct Candidates {
    /// Where each user's begin, and the end.
    starts: Vec<usize>,
    items: Vec<u32>,
    /// For each user the places of wanted items, and what a perfect list counts.
    wanted: Vec<(Vec<usize>, f64)>,
}

/// What one setting with one weighting says of all candidates.
struct Column {
    /// The place of the setting in the pool.
    setting: usize,
    component: Component,
    values: Vec<f32>,
}

impl Column {
    fn member<'p>(&self, pool: &'p Pool<'_>) -> (&'p Setting, HistoryWeighting, f32) {
        (&pool.settings[self.setting], self.component.weighting, self.component.weight)
    }
}

/// What blending found.
pub(super) struct Blend {
    /// The members with their weights.
    pub(super) components: Vec<Component>,
    /// Its lists for the test users.
    pub(super) lists: Vec<Vec<ItemIdx>>,
    /// What hits score, as shares of the best of their list.
    pub(super) relevance: RelevanceScores,
    /// The best setting of each model on its own.
    pub(super) models: Vec<Tried>,
}

/// Chooses.
pub(super) fn blend(pool: &Pool<'_>, counts: &[u32]) -> Blend {
    let candidates = Candidates::new(pool);
    let columns = columns(pool, &candidates);
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
    let tried = firsts.iter().map(|&n| Tried {
        component: columns[n].component,
        metrics: metrics_of(pool.test, &items_of(&pool.lists(&[columns[n].member(pool)])), counts),
    });
    let models = tried.collect();
    let grown = firsts.iter().take(FIRSTS_MAX).map(|&first| grow(&columns, &candidates, first, solo[first]));
    // Of equal ones the first: simpler models are tried before others.
    let best = grown.reduce(|best, other| if other.1 > best.1 { other } else { best });
    let mut best = best.map(|(members, _)| members).unwrap_or_default();
    add_backoff(&columns, &mut best);
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
    let lists = pool.lists(&members);
    let hits = pool.test.iter().zip(&lists).flat_map(|(user, list)| {
        let best = list.first().map_or(1.0, |(_, score)| *score);
        list.iter().filter(|(item, _)| user.wanted.contains_key(item)).map(move |(_, score)| score / best)
    });
    let relevance = RelevanceScores::from_hits(hits.collect());
    Blend { components: members.iter().map(component).collect(), lists: items_of(&lists), relevance, models }
}

fn items_of(lists: &[Vec<(ItemIdx, f32)>]) -> Vec<Vec<ItemIdx>> {
    lists.iter().map(|list| list.iter().map(|(item, _)| *item).collect()).collect()
}

/// Behind everything else come the neighbours of what a person did, so that lists are filled from their own history before they are filled
/// with what everybody likes.
fn add_backoff(columns: &[Column], members: &mut Vec<(usize, f32)>) {
    let is_neighbours = |n: usize| matches!(columns[n].component.model, ModelConfig::Neighbours(_));
    if members.is_empty() || members.iter().any(|(n, _)| is_neighbours(*n)) {
        return;
    }
    let weightings = weightings_of(columns, members);
    let total: f32 = members.iter().map(|(_, weight)| weight).sum();
    let mut fitting = (0..columns.len())
        .filter(|&n| is_neighbours(n) && weightings.contains(&columns[n].component.weighting));
    members.extend(fitting.next().map(|n| (n, BACKOFF_WEIGHT * total)));
}

/// Adds members to a first one, and changes members for others, as long as that helps. Returns places of columns with weights, and the NDCG.
fn grow(columns: &[Column], candidates: &Candidates, first: usize, solo: f64) -> (Vec<(usize, f32)>, f64) {
    let mut members: Vec<(usize, f32)> = vec![(first, 1.0)];
    let mut best = solo;
    for _ in 0..ROUNDS_MAX {
        let Some((changed, ndcg)) = best_change(columns, candidates, &members) else { break };
        if ndcg < best * (1.0 + GAIN_MIN) {
            break;
        }
        members = changed;
        best = refine(columns, candidates, &mut members, ndcg);
        tracing::debug!(ndcg = best, n_members = members.len(), "blend");
    }
    (members, best)
}

/// The best way to add a member, or to put another in the place of one.
fn best_change(
    columns: &[Column],
    candidates: &Candidates,
    members: &[(usize, f32)],
) -> Option<(Vec<(usize, f32)>, f64)> {
    // What stays, and what is tried beside it.
    let mut bases: Vec<Vec<(usize, f32)>> = Vec::new();
    if members.len() < MEMBERS_MAX {
        bases.push(members.to_vec());
    }
    if members.len() > 1 {
        bases.extend((0..members.len()).map(|n| [&members[..n], &members[n + 1..]].concat()));
    }
    let mut best: Option<(Vec<(usize, f32)>, f64)> = None;
    for base in bases {
        let sums = sums_of(columns, &base);
        let weightings = weightings_of(columns, &base);
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
        let at = (0..tries.len()).max_by(|&a, &b| found[a].total_cmp(&found[b]).then(b.cmp(&a)));
        if let Some(at) = at
            && best.as_ref().is_none_or(|(_, ndcg)| found[at] > *ndcg)
        {
            best = Some(([&base[..], &[tries[at]]].concat(), found[at]));
        }
    }
    best
}

/// Moves one weight at a time as long as that helps; a member that is not needed goes.
fn refine(
    columns: &[Column],
    candidates: &Candidates,
    members: &mut Vec<(usize, f32)>,
    mut best: f64,
) -> f64 {
    for _ in 0..3 {
        let before = best;
        for at in 0..members.len() {
            let (n, weight) = members[at];
            let sums = sums_of(columns, members);
            let tries: Vec<f32> = REFINEMENTS.iter().map(|factor| weight * factor).chain([0.0]).collect();
            let found: Vec<f64> = tries
                .par_iter()
                .map_init(Vec::new, |values, tried| {
                    candidates.ndcg_of_sum(&sums, tried - weight, &columns[n].values, values)
                })
                .collect();
            for (tried, ndcg) in tries.into_iter().zip(found) {
                if ndcg > best || (tried == 0.0 && members.len() > 1 && ndcg >= best * (1.0 - GAIN_MIN / 4.0))
                {
                    best = ndcg;
                    members[at].1 = tried;
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

fn sums_of(columns: &[Column], members: &[(usize, f32)]) -> Vec<f32> {
    let mut sums = vec![0.0; columns[0].values.len()];
    for &(n, weight) in members {
        sums.par_iter_mut().zip(&columns[n].values).for_each(|(sum, value)| *sum += weight * value);
    }
    sums
}

fn weightings_of(columns: &[Column], members: &[(usize, f32)]) -> Vec<HistoryWeighting> {
    let mut weightings: Vec<HistoryWeighting> = Vec::new();
    for (n, _) in members {
        let weighting = columns[*n].component.weighting;
        if !weightings.contains(&weighting) {
            weightings.push(weighting);
        }
    }
    weightings
}

/// Everything in the pool with every way to weight a history, scaled so that the best score of a list is 1 on average.
fn columns(pool: &Pool<'_>, candidates: &Candidates) -> Vec<Column> {
    let mut columns = Vec::new();
    for (at, setting) in pool.settings.iter().enumerate() {
        for &weighting in &setting.weightings {
            let by_user = pool.for_each_user(&setting.matrix, weighting, |user, scores| {
                let items = &candidates.items[candidates.starts[user]..candidates.starts[user + 1]];
                items.iter().map(|&item| scores.values[item as usize]).collect::<Vec<f32>>()
            });
            let tops = by_user.iter().map(|values| values.iter().fold(0f32, |top, value| top.max(*value)));
            let mean = tops.sum::<f32>() / by_user.len().max(1) as f32;
            if mean > 0.0 {
                let component = Component { model: setting.model, weighting, weight: 1.0 / mean };
                let mut values = by_user.concat();
                values.iter_mut().for_each(|value| *value *= component.weight);
                columns.push(Column { setting: at, component, values });
            }
        }
    }
    columns
}

impl Candidates {
    fn new(pool: &Pool<'_>) -> Self {
        let mut likely: Vec<Vec<u32>> = vec![Vec::new(); pool.test.len()];
        for setting in &pool.settings {
            for &weighting in setting.weightings.iter().take(WEIGHTINGS_LISTED) {
                let lists = pool.for_each_user(&setting.matrix, weighting, |_, scores| scores.best(LIST_LEN));
                for (likely, list) in likely.iter_mut().zip(lists) {
                    likely.extend(list.into_iter().map(|(item, _)| item));
                }
            }
        }
        let mut candidates = Self { starts: vec![0], items: Vec::new(), wanted: Vec::new() };
        for (test, mut items) in pool.test.iter().zip(likely) {
            items.sort_unstable();
            items.dedup();
            let is_wanted = |&n: &usize| test.wanted.contains_key(&ItemIdx(items[n]));
            candidates.wanted.push(((0..items.len()).filter(is_wanted).collect(), ideal(test.wanted.len())));
            candidates.items.extend(items);
            candidates.starts.push(candidates.items.len());
        }
        candidates
    }

    /// [`Candidates::ndcg`] of `sums + weight * values`, with room to use again.
    fn ndcg_of_sum(&self, sums: &[f32], weight: f32, values: &[f32], room: &mut Vec<f32>) -> f64 {
        room.clear();
        room.extend_from_slice(sums);
        add_scaled(room, weight, values);
        self.ndcg(room)
    }

    /// The mean NDCG of the order that values give; ties count against it.
    fn ndcg(&self, values: &[f32]) -> f64 {
        let mut total = 0.0;
        for (user, (wanted, ideal)) in self.wanted.iter().enumerate() {
            let values = &values[self.starts[user]..self.starts[user + 1]];
            for &place in wanted {
                let own = values[place];
                let rank = count_at_least(values, own) - 1;
                if rank < CUT_OFF {
                    total += gain(rank) / ideal;
                }
            }
        }
        total / self.wanted.len().max(1) as f64
    }
}
