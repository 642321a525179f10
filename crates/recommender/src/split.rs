//! What is hidden of a training set to choose parameters on, in the way that fits the data.
//!
//! Models are judged on what people found by themselves: what a list led to says first of all what the list showed. Why, and what else was
//! thought of: `docs/decisions/0017-judging-on-free-choices.md`.

use std::collections::{BTreeMap, BTreeSet};

use domain::ItemIdx;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::{HistoryEntry, TrainingSet, WeakSignal};

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
    /// The weak signals before the cut of a split by time, oldest first; none of other splits.
    pub weak: Vec<WeakSignal>,
    /// New items that the user went on to choose, and when: seconds since 1970.
    pub wanted: BTreeMap<ItemIdx, u32>,
    /// New items that a recommendation led to first: they are neither hits nor misses, and in no list that is judged.
    pub led_to: BTreeSet<ItemIdx>,
}

/// What a model is judged on.
#[derive(Clone, Copy, PartialEq)]
enum Judged {
    /// What people found by themselves.
    Free,
    /// Everything: nobody found anything by themselves.
    All,
}

impl Judged {
    fn takes(self, entry: &HistoryEntry) -> bool {
        self == Self::All || !entry.is_led
    }
}

impl Split {
    /// Splits in the way that fits.
    pub fn new(set: &TrainingSet, seed: u64) -> Self {
        let split = Self::judging(set, seed, Judged::Free);
        if split.test.is_empty() { Self::judging(set, seed, Judged::All) } else { split }
    }

    fn judging(set: &TrainingSet, seed: u64, judged: Judged) -> Self {
        // Of a large set only every n-th user is looked at, at any size the same ones for the same set.
        let step = set.entries().len().div_ceil(INTERACTIONS_MAX).max(1);
        let rows: Vec<&[HistoryEntry]> = (0..set.n_users()).step_by(step).map(|user| set.row(user)).collect();
        let kind = kind_of(&rows);
        let users_max = (SCORES_MAX / set.n_items().max(1)).clamp(USERS_MIN, USERS_MAX);
        let weak = |n: usize| set.weak_row(n * step);
        if kind == SplitKind::Time
            && let Some(split) = Self::by_time(set, &rows, &weak, users_max, judged)
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
            let last_s = row.iter().rev().find(|entry| judged.takes(entry)).map_or(0, |entry| entry.at_s);
            let is_hidden = |entry: &HistoryEntry| match kind {
                SplitKind::Random => {
                    mixed(seed ^ (n as u64) << 32 ^ u64::from(entry.item.0)).is_multiple_of(ONE_HIDDEN_OF)
                }
                _ => entry.at_s >= last_s,
            };
            let (hidden, known): (Vec<_>, Vec<_>) = row.iter().copied().partition(is_hidden);
            test.extend(TestUser::new(&known, &hidden, judged));
            train.push(known);
        }
        Self { kind, train: set.with_rows(train), test }
    }

    fn by_time<'a>(
        set: &'a TrainingSet,
        rows: &[&[HistoryEntry]],
        weak: &dyn Fn(usize) -> &'a [WeakSignal],
        users_max: usize,
        judged: Judged,
    ) -> Option<Self> {
        let entries = rows.iter().flat_map(|row| row.iter()).filter(|entry| judged.takes(entry));
        let mut times: Vec<u32> = entries.map(|entry| entry.at_s).collect();
        let at = ((times.len() as f64 * (1.0 - SHARE_AFTER_CUT)) as usize).min(times.len().checked_sub(1)?);
        let cut_s = *times.select_nth_unstable(at).1;
        let parts = |row: &[HistoryEntry]| row.partition_point(|entry| entry.at_s < cut_s);
        let weak_before = |n: usize| {
            let row = weak(n);
            row[..row.partition_point(|signal| signal.at_s < cut_s)].to_vec()
        };
        let all: Vec<TestUser> = rows
            .iter()
            .enumerate()
            .filter_map(|(n, row)| {
                let (known, hidden) = row.split_at(parts(row));
                TestUser::new(known, hidden, judged).map(|user| TestUser { weak: weak_before(n), ..user })
            })
            .collect();
        if all.len() < USERS_MIN {
            return None;
        }
        let step = all.len().div_ceil(users_max).max(1);
        let test = all.into_iter().step_by(step).collect();
        let train = rows.iter().map(|row| row[..parts(row)].to_vec());
        let train_weak = (0..rows.len()).map(weak_before).collect();
        let train = set.with_rows(train).with_weak_signals(train_weak, set.weak_weights_to_try());
        Some(Self { kind: SplitKind::Time, train, test })
    }
}

impl TestUser {
    /// None where nothing is known or nothing new that counts is hidden; both are oldest first.
    fn new(known: &[HistoryEntry], hidden: &[HistoryEntry], judged: Judged) -> Option<Self> {
        let known_items: FxHashSet<ItemIdx> = known.iter().map(|entry| entry.item).collect();
        let (mut wanted, mut led_to) = (BTreeMap::new(), BTreeSet::new());
        for entry in hidden.iter().filter(|entry| !known_items.contains(&entry.item)) {
            // Whoever was led to an item and buys it later was led to buy it.
            if led_to.contains(&entry.item) {
                continue;
            }
            if judged.takes(entry) {
                wanted.insert(entry.item, entry.at_s);
            } else if !wanted.contains_key(&entry.item) {
                led_to.insert(entry.item);
            }
        }
        let history = known.to_vec();
        (!known.is_empty() && !wanted.is_empty()).then_some(Self {
            history,
            weak: Vec::new(),
            wanted,
            led_to,
        })
    }

    /// The items that are in none of the user's judged lists.
    pub(crate) fn closed(&self) -> impl Iterator<Item = u32> + '_ {
        self.history.iter().map(|entry| entry.item.0).chain(self.led_to.iter().map(|item| item.0))
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

#[cfg(test)]
mod tests {
    use domain::{InteractionKind, Timestamp};

    use super::*;

    fn viewed(item: u32, at_s: i64, is_led: bool) -> HistoryEntry {
        let at = Timestamp(at_s * 1_000);
        HistoryEntry::new(ItemIdx(item), InteractionKind::DetailView, at, None).led(is_led)
    }

    #[test]
    fn what_a_list_led_to_is_neither_a_hit_nor_a_miss_when_models_are_judged() {
        let known = [viewed(0, 1, false)];
        let hidden = [
            viewed(1, 2, true),
            viewed(2, 3, false),
            // Somebody who was led to an item comes back to it by themselves, and the other way round.
            viewed(1, 4, false),
            viewed(2, 5, true),
            viewed(0, 6, false),
            viewed(3, 7, true),
        ];
        let items = |user: &TestUser| user.wanted.keys().map(|item| item.0).collect::<Vec<_>>();
        let user = TestUser::new(&known, &hidden, Judged::Free).expect("one is free");
        assert_eq!(items(&user), [2]);
        assert_eq!(user.closed().collect::<Vec<_>>(), [0, 1, 3]);
        assert!(TestUser::new(&known, &hidden[..1], Judged::Free).is_none());
        let user = TestUser::new(&known, &hidden, Judged::All).expect("all count");
        assert_eq!(items(&user), [1, 2, 3]);
    }

    #[test]
    fn a_split_leaves_a_tenth_of_the_free_choices_to_be_judged_and_everything_where_there_are_none() {
        // Everybody finds four items by themselves, later all follow lists.
        let row = |user: u32, is_led: bool| -> Vec<HistoryEntry> {
            let free = (0..4).map(|n| viewed(n, i64::from(400 * n + user), is_led));
            free.chain((4..9).map(|n| viewed(n, i64::from(400 * n + user), true))).collect()
        };
        let set = TrainingSet::new((0..400).map(|user| row(user, false)), 9);
        let split = Split::new(&set, 7);
        assert_eq!((split.kind, split.test.len()), (SplitKind::Time, 160));
        assert!(split.test.iter().all(|user| user.wanted.keys().eq([&ItemIdx(3)]) && user.led_to.len() == 5));
        let set = TrainingSet::new((0..400).map(|user| row(user, true)), 9);
        assert!(
            Split::new(&set, 7).test.iter().all(|user| !user.wanted.is_empty() && user.led_to.is_empty())
        );
        assert!(!Split::new(&set, 7).test.is_empty());
    }
}
