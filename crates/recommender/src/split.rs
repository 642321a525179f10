//! What is hidden of a training set to choose parameters on, in the way that fits the data.

use std::collections::BTreeMap;

use domain::ItemIdx;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::{HistoryEntry, TrainingSet};

/// The most interactions that models are fitted on while parameters are chosen; of larger sets every n-th user is taken.
const INTERACTIONS_MAX: usize = 3_000_000;
/// The most users that are judged.
const USERS_MAX: usize = 4_000;
/// The most users times items that are scored for one setting; 4 bytes each.
const SCORES_MAX: usize = 60_000_000;
/// Fewer users than this are no basis for a split by time.
const USERS_MIN: usize = 100;
/// The share of interactions after the cut of a split by time.
const SHARE_AFTER_CUT: f64 = 0.1;
/// One of so many of a user's items is hidden where there is no order. Were it a few, each would still have its closest items beside it, and
/// whatever only finds those would look best.
const ONE_HIDDEN_OF: u64 = 2;

/// How a training set is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// Everything after a moment is hidden: timestamps mean something across users.
    Time,
    /// What some users did last is hidden: only the order within a user means something.
    LastStep,
    /// Some items of some users are hidden: there is no order.
    Random,
}

/// A training set without what is to be predicted.
pub struct Split {
    /// How it was made.
    pub kind: SplitKind,
    /// What may be learned from.
    pub train: TrainingSet,
    /// What is to be predicted.
    pub test: Vec<TestUser>,
}

/// A user to predict for.
pub struct TestUser {
    /// What is known, oldest first.
    pub history: Vec<HistoryEntry>,
    /// New items that the user went on to choose, and when: seconds since 1970.
    pub wanted: BTreeMap<ItemIdx, u32>,
}

impl Split {
    /// Splits in the way that fits.
    pub fn of(set: &TrainingSet, seed: u64) -> Self {
        // Of a large set only every n-th user is looked at, at any size the same ones for the same set.
        let step = set.entries().len().div_ceil(INTERACTIONS_MAX).max(1);
        let rows: Vec<&[HistoryEntry]> = (0..set.n_users()).step_by(step).map(|user| set.row(user)).collect();
        let kind = kind_of(&rows);
        let users_max = (SCORES_MAX / set.n_items().max(1)).clamp(USERS_MIN, USERS_MAX);
        if kind == SplitKind::Time
            && let Some(split) = Self::by_time(set, &rows, users_max)
        {
            return split;
        }
        let kind = if kind == SplitKind::Time { SplitKind::LastStep } else { kind };
        let candidates: Vec<usize> = (0..rows.len()).filter(|&n| rows[n].len() >= 2).collect();
        let test_step = candidates.len().div_ceil(users_max).max(1);
        let is_test: FxHashSet<usize> = candidates.into_iter().step_by(test_step).collect();
        let mut test = Vec::new();
        let mut train = Vec::with_capacity(rows.len());
        for (n, row) in rows.iter().enumerate() {
            if !is_test.contains(&n) {
                train.push(row.to_vec());
                continue;
            }
            let last_s = row.last().map_or(0, |entry| entry.at_s);
            let is_hidden = |entry: &HistoryEntry| match kind {
                SplitKind::Random => {
                    mixed(seed ^ (n as u64) << 32 ^ u64::from(entry.item.0)).is_multiple_of(ONE_HIDDEN_OF)
                }
                _ => entry.at_s == last_s,
            };
            let (hidden, known): (Vec<_>, Vec<_>) = row.iter().copied().partition(is_hidden);
            test.extend(TestUser::new(&known, &hidden));
            train.push(known);
        }
        Self { kind, train: set.with_rows(train), test }
    }

    fn by_time(set: &TrainingSet, rows: &[&[HistoryEntry]], users_max: usize) -> Option<Self> {
        let mut times: Vec<u32> = rows.iter().flat_map(|row| row.iter().map(|entry| entry.at_s)).collect();
        let at = ((times.len() as f64 * (1.0 - SHARE_AFTER_CUT)) as usize).min(times.len().checked_sub(1)?);
        let cut_s = *times.select_nth_unstable(at).1;
        let parts = |row: &[HistoryEntry]| row.partition_point(|entry| entry.at_s < cut_s);
        let all: Vec<TestUser> = rows
            .iter()
            .filter_map(|row| {
                let (known, hidden) = row.split_at(parts(row));
                TestUser::new(known, hidden)
            })
            .collect();
        if all.len() < USERS_MIN {
            return None;
        }
        let step = all.len().div_ceil(users_max).max(1);
        let test = all.into_iter().step_by(step).collect();
        let train = rows.iter().map(|row| row[..parts(row)].to_vec());
        Some(Self { kind: SplitKind::Time, train: set.with_rows(train), test })
    }
}

impl TestUser {
    /// None where nothing is known or nothing new is hidden.
    fn new(known: &[HistoryEntry], hidden: &[HistoryEntry]) -> Option<Self> {
        let known_items: FxHashSet<ItemIdx> = known.iter().map(|entry| entry.item).collect();
        let new = hidden.iter().filter(|entry| !known_items.contains(&entry.item));
        let wanted: BTreeMap<ItemIdx, u32> = new.map(|entry| (entry.item, entry.at_s)).collect();
        (!known.is_empty() && !wanted.is_empty()).then(|| Self { history: known.to_vec(), wanted })
    }
}

/// Time means something where most users' interactions lie at different times, and users do not all begin at the same one: a clock that
/// starts with each user is an order.
fn kind_of(rows: &[&[HistoryEntry]]) -> SplitKind {
    let rows: Vec<_> = rows.iter().filter(|row| row.len() >= 2).collect();
    let n_ordered = rows.iter().filter(|row| row[0].at_s < row[row.len() - 1].at_s).count();
    if 2 * n_ordered < rows.len() {
        return SplitKind::Random;
    }
    let first_s = rows.iter().map(|row| row[0].at_s).min().unwrap_or(0);
    let n_first = rows.iter().filter(|row| row[0].at_s == first_s).count();
    if 2 * n_first > rows.len() { SplitKind::LastStep } else { SplitKind::Time }
}

/// Numbers without a pattern (the finalizer of SplitMix64).
fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}
