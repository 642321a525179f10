//! The validation split: which interactions are hidden from models to judge them. Its kind follows
//! from the data.
//!
//! Models are judged on items that users found by themselves. Interactions that cite a
//! recommendation reflect first of all what the list showed. See
//! `docs/decisions/0017-judging-on-free-choices.md`.

use std::collections::{BTreeMap, BTreeSet};

use domain::ItemIdx;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::{HistoryEntry, TrainingSet, WeakSignal};

/// The most interactions that models are fitted on during hyperparameter search. Larger sets are
/// sampled, every n-th user.
const INTERACTIONS_MAX: usize = 3_000_000;
/// The most test users.
const USERS_MAX: usize = 4_000;
/// The most scores (test users x items) per setting; 4 bytes each.
const SCORES_MAX: usize = 60_000_000;
/// The minimum number of test users of a split by time.
const USERS_MIN: usize = 100;
/// The share of interactions after the cut of a split by time.
const SHARE_AFTER_CUT: f64 = 0.1;
/// Where there is no order, every second item of a test user is hidden. With fewer hidden items
/// each would keep its closest neighbours in the history, which favours models that find only
/// those.
const HIDDEN_ONE_IN: u64 = 2;

/// The way that a training set is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// All interactions after a moment are hidden. Timestamps are comparable between users.
    Time,
    /// The last step of test users is hidden. Only the order within a user is meaningful.
    LastStep,
    /// Random items of test users are hidden. There is no order.
    Random,
}

/// A training part and test users.
pub struct Split {
    /// The kind of the split.
    pub kind: SplitKind,
    /// The interactions that models are fitted on.
    pub train: TrainingSet,
    /// The users whose hidden items are to be predicted.
    pub test: Vec<TestUser>,
}

/// A user whose hidden items are to be predicted.
pub struct TestUser {
    /// The known interactions, oldest first.
    pub history: Vec<HistoryEntry>,
    /// The weak signals before the cut of a split by time, oldest first; empty for other splits.
    pub weak_signals: Vec<WeakSignal>,
    /// The new items that the user chose later, with the time in seconds since 1970.
    pub wanted: BTreeMap<ItemIdx, u32>,
    /// The new items whose first interaction cites a recommendation. They are neither hits nor
    /// misses, and are excluded from judged lists.
    pub attributed: BTreeSet<ItemIdx>,
}

/// The interactions that models are judged on.
#[derive(Clone, Copy, PartialEq)]
enum JudgedChoices {
    /// Interactions that cite no recommendation.
    Free,
    /// All interactions, where every one cites a recommendation.
    All,
}

impl JudgedChoices {
    fn includes(self, entry: &HistoryEntry) -> bool {
        self == Self::All || !entry.is_attributed
    }
}

impl Split {
    /// Splits a training set in the way that fits its data.
    pub fn new(set: &TrainingSet, seed: u64) -> Self {
        let split = Self::split_for(set, seed, JudgedChoices::Free);
        if split.test.is_empty() { Self::split_for(set, seed, JudgedChoices::All) } else { split }
    }

    /// Splits a training set, judging models on `judged`.
    fn split_for(set: &TrainingSet, seed: u64, judged: JudgedChoices) -> Self {
        // Sample large sets by every n-th user: the same users for the same set.
        let step = set.entries().len().div_ceil(INTERACTIONS_MAX).max(1);
        let rows: Vec<&[HistoryEntry]> =
            (0..set.n_users()).step_by(step).map(|user| set.row(user)).collect();
        let kind = detect_kind(&rows);
        let users_max = (SCORES_MAX / set.n_items().max(1)).clamp(USERS_MIN, USERS_MAX);
        let weak = |n: usize| set.weak_row(n * step);
        if kind == SplitKind::Time
            && let Some(split) = Self::split_by_time(set, &rows, &weak, users_max, judged)
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
            let last_s =
                row.iter().rev().find(|entry| judged.includes(entry)).map_or(0, |entry| entry.at_s);
            let is_hidden = |entry: &HistoryEntry| match kind {
                SplitKind::Random => mix_bits(seed ^ (n as u64) << 32 ^ u64::from(entry.item.0))
                    .is_multiple_of(HIDDEN_ONE_IN),
                _ => entry.at_s >= last_s,
            };
            let (hidden, known): (Vec<_>, Vec<_>) = row.iter().copied().partition(is_hidden);
            test.extend(TestUser::new(&known, &hidden, judged));
            train.push(known);
        }
        Self { kind, train: set.with_rows(train), test }
    }

    /// Splits at the moment after which the last tenth of the judged interactions lies. None where
    /// too few users interact on both sides of it.
    fn split_by_time<'a>(
        set: &'a TrainingSet,
        rows: &[&[HistoryEntry]],
        weak: &dyn Fn(usize) -> &'a [WeakSignal],
        users_max: usize,
        judged: JudgedChoices,
    ) -> Option<Self> {
        let entries = rows.iter().flat_map(|row| row.iter()).filter(|entry| judged.includes(entry));
        let mut times: Vec<u32> = entries.map(|entry| entry.at_s).collect();
        let cut = ((times.len() as f64 * (1.0 - SHARE_AFTER_CUT)) as usize)
            .min(times.len().checked_sub(1)?);
        let cut_s = *times.select_nth_unstable(cut).1;
        let known_len = |row: &[HistoryEntry]| row.partition_point(|entry| entry.at_s < cut_s);
        let weak_before = |n: usize| {
            let row = weak(n);
            row[..row.partition_point(|signal| signal.at_s < cut_s)].to_vec()
        };
        let all: Vec<TestUser> = rows
            .iter()
            .enumerate()
            .filter_map(|(n, row)| {
                let (known, hidden) = row.split_at(known_len(row));
                TestUser::new(known, hidden, judged)
                    .map(|user| TestUser { weak_signals: weak_before(n), ..user })
            })
            .collect();
        if all.len() < USERS_MIN {
            return None;
        }
        let step = all.len().div_ceil(users_max).max(1);
        let test = all.into_iter().step_by(step).collect();
        let train = rows.iter().map(|row| row[..known_len(row)].to_vec());
        let train_weak = (0..rows.len()).map(weak_before).collect();
        let train = set.with_rows(train).with_weak_signals(train_weak, set.weak_weights_to_try());
        Some(Self { kind: SplitKind::Time, train, test })
    }
}

impl TestUser {
    /// Creates a test user from known and hidden interactions, both oldest first. None where
    /// nothing is known or no hidden new item counts.
    fn new(known: &[HistoryEntry], hidden: &[HistoryEntry], judged: JudgedChoices) -> Option<Self> {
        let known_items: FxHashSet<ItemIdx> = known.iter().map(|entry| entry.item).collect();
        let (mut wanted, mut led_to) = (BTreeMap::new(), BTreeSet::new());
        for entry in hidden.iter().filter(|entry| !known_items.contains(&entry.item)) {
            // Later interactions with a recommended item are effects of the recommendation.
            if led_to.contains(&entry.item) {
                continue;
            }
            if judged.includes(entry) {
                wanted.insert(entry.item, entry.at_s);
            } else if !wanted.contains_key(&entry.item) {
                led_to.insert(entry.item);
            }
        }
        let history = known.to_vec();
        (!known.is_empty() && !wanted.is_empty()).then_some(Self {
            history,
            weak_signals: Vec::new(),
            wanted,
            attributed: led_to,
        })
    }

    /// The items excluded from the user's judged lists: known and recommended ones.
    pub(crate) fn excluded_items(&self) -> impl Iterator<Item = u32> + '_ {
        self.history
            .iter()
            .map(|entry| entry.item.0)
            .chain(self.attributed.iter().map(|item| item.0))
    }
}

/// Timestamps are comparable where most users' interactions differ in time and users do not all
/// start at the same time. A clock that starts with each user only gives an order.
fn detect_kind(rows: &[&[HistoryEntry]]) -> SplitKind {
    let rows: Vec<_> = rows.iter().filter(|row| row.len() >= 2).collect();
    let n_ordered = rows.iter().filter(|row| row[0].at_s < row[row.len() - 1].at_s).count();
    if 2 * n_ordered < rows.len() {
        return SplitKind::Random;
    }
    let first_s = rows.iter().map(|row| row[0].at_s).min().unwrap_or(0);
    let n_first = rows.iter().filter(|row| row[0].at_s == first_s).count();
    if 2 * n_first > rows.len() { SplitKind::LastStep } else { SplitKind::Time }
}

/// Mixes the bits of a number (the finalizer of SplitMix64).
fn mix_bits(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use domain::{InteractionKind, Timestamp};

    use super::*;

    fn viewed(item: u32, at_s: i64, is_attributed: bool) -> HistoryEntry {
        let at = Timestamp(at_s * 1_000);
        HistoryEntry::new(ItemIdx(item), InteractionKind::DetailView, at, None)
            .with_attribution(is_attributed)
    }

    #[test]
    fn items_of_attributed_interactions_are_neither_hits_nor_misses() {
        let known = [viewed(0, 1, false)];
        let hidden = [
            viewed(1, 2, true),
            viewed(2, 3, false),
            // A user returns to a recommended item on their own, and the other way round.
            viewed(1, 4, false),
            viewed(2, 5, true),
            viewed(0, 6, false),
            viewed(3, 7, true),
        ];
        let items = |user: &TestUser| user.wanted.keys().map(|item| item.0).collect::<Vec<_>>();
        let user = TestUser::new(&known, &hidden, JudgedChoices::Free).expect("one choice is free");
        assert_eq!(items(&user), [2]);
        assert_eq!(user.excluded_items().collect::<Vec<_>>(), [0, 1, 3]);
        assert!(TestUser::new(&known, &hidden[..1], JudgedChoices::Free).is_none());
        let user = TestUser::new(&known, &hidden, JudgedChoices::All).expect("all choices count");
        assert_eq!(items(&user), [1, 2, 3]);
    }

    #[test]
    fn a_split_hides_a_tenth_of_the_free_choices_or_of_everything_where_there_are_none() {
        // All users find four items by themselves, then follow recommendations.
        let row = |user: u32, is_attributed: bool| -> Vec<HistoryEntry> {
            let free = (0..4).map(|n| viewed(n, i64::from(400 * n + user), is_attributed));
            free.chain((4..9).map(|n| viewed(n, i64::from(400 * n + user), true))).collect()
        };
        let set = TrainingSet::new((0..400).map(|user| row(user, false)), 9);
        let split = Split::new(&set, 7);
        assert_eq!((split.kind, split.test.len()), (SplitKind::Time, 160));
        assert!(
            split
                .test
                .iter()
                .all(|user| user.wanted.keys().eq([&ItemIdx(3)]) && user.attributed.len() == 5)
        );
        let set = TrainingSet::new((0..400).map(|user| row(user, true)), 9);
        assert!(
            Split::new(&set, 7)
                .test
                .iter()
                .all(|user| !user.wanted.is_empty() && user.attributed.is_empty())
        );
        assert!(!Split::new(&set, 7).test.is_empty());
    }
}
