//! What every list and every model must keep.

use domain::{Exclusion, InteractionKind, ItemIdx, Timestamp, UserIdx};
use proptest::prelude::*;
use recommender::{
    ArtifactError, Eligibility, Histories, HistoryEntry, Origin, TrainingSet, decode, encode, recommend,
    train,
};

fn entry(item: u32, kind: InteractionKind, at_s: i64) -> HistoryEntry {
    HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
}

/// Two groups of users; in each every user has seen all but one of its group's items: even items, odd items.
fn checkerboard(n_users: u32, n_items: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_users {
        let own = (0..n_items).filter(|item| item % 2 == user % 2).collect::<Vec<_>>();
        let left_out = own[(user / 2) as usize % own.len()];
        for (n, item) in own.iter().enumerate().filter(|(_, item)| **item != left_out) {
            histories.add(UserIdx(user), entry(*item, InteractionKind::DetailView, 86_400 * n as i64));
        }
    }
    histories
}

fn anything(_: ItemIdx) -> bool {
    true
}

#[test]
fn a_checkerboard_gives_each_user_the_one_item_that_is_missing() {
    let (n_users, n_items) = (40, 20);
    let histories = checkerboard(n_users, n_items);
    let trained = train(&TrainingSet::snapshot(&histories, n_items as usize), "t", &|_| {});
    for user in 0..n_users {
        let history = histories.row(UserIdx(user));
        let eligibility = Eligibility::new(&anything, Exclusion::Interacted, history, []);
        let list = recommend(Some(&trained.model), &histories, history, &eligibility, n_items as usize, 3);
        let first = &list.items[0];
        assert_eq!(first.item.0 % 2, user % 2, "user {user}");
        assert_eq!(first.origin, Origin::Model);
        // Every other own item is seen, so the rest of the list is popular items of the other group.
        assert!(
            list.items[1..].iter().all(|item| item.item.0 % 2 != user % 2 && item.origin == Origin::Popular)
        );
        assert!(!list.is_fallback());

        // The reasons are the terms of the sum.
        let all: f32 = history
            .iter()
            .map(|h| {
                let age_days = (history.last().unwrap().at_s - h.at_s) as f32 / 86_400.0;
                let decay = trained
                    .model
                    .parameters
                    .history_half_life_days
                    .map_or(1.0, |half| (-age_days / half).exp2());
                0.4 * decay * trained.model.related.get(h.item.pos(), first.item.0)
            })
            .sum();
        assert!((all - first.score).abs() <= 1e-5 * all, "{all} {}", first.score);
        assert!(first.because.windows(2).all(|pair| pair[0].share >= pair[1].share));
        assert!(first.because.iter().map(|because| because.share).sum::<f32>() <= 1.0 + 1e-5);
    }
    assert!(trained.metrics.ndcg > trained.popularity_metrics.ndcg);
}

#[test]
fn artifacts_come_back_or_say_why_not() {
    let histories = checkerboard(10, 6);
    let model = train(&TrainingSet::snapshot(&histories, 6), "t", &|_| {}).model;
    let bytes = encode(&model);
    assert_eq!(decode(&bytes).unwrap(), model);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(decode(&flipped).is_err(), "byte {at}");
        assert!(decode(&bytes[..at]).is_err());
    }
    let mut newer = bytes;
    newer[4] = 9;
    assert_eq!(decode(&newer).unwrap_err(), ArtifactError::Version { found: 9 });
}

#[test]
fn threads_do_not_change_a_model() {
    let histories = checkerboard(60, 30);
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| encode(&train(&TrainingSet::snapshot(&histories, 30), "t", &|_| {}).model))
    };
    assert_eq!(fit(1), fit(3));
}

#[test]
fn without_a_history_or_a_model_the_popular_items_come() {
    let mut histories = Histories::default();
    for (user, item) in [(0, 2), (1, 2), (2, 1)] {
        histories.add(UserIdx(user), entry(item, InteractionKind::Purchase, 0));
    }
    let eligibility = Eligibility::new(&anything, Exclusion::Purchased, &[], []);
    let ids = |model| {
        let list = recommend(model, &histories, &[], &eligibility, 3, 5);
        assert!(list.is_fallback());
        list.items.iter().map(|item| item.item.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [2, 1, 0]);
    let trained = train(&TrainingSet::snapshot(&histories, 3), "t", &|_| {});
    assert_eq!(ids(Some(&trained.model)), [2, 1, 0]);
    let nothing = train(&TrainingSet::snapshot(&Histories::default(), 0), "t", &|_| {});
    assert_eq!(ids(Some(&nothing.model)), [0, 1, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn lists_are_complete_distinct_and_keep_their_promises(
        rows in prop::collection::vec(prop::collection::vec((0u32..12, 0usize..6, 0i64..40), 0..12), 1..12),
        withdrawn in prop::collection::hash_set(0u32..14, 0..5),
        count in 0usize..16,
    ) {
        let mut histories = Histories::default();
        for (user, row) in rows.iter().enumerate() {
            for &(item, kind, day) in row {
                histories.add(UserIdx(user as u32), entry(item, InteractionKind::ALL[kind], day * 86_400));
            }
        }
        let n_items = histories.n_items();
        let model = train(&TrainingSet::snapshot(&histories, n_items), "t", &|_| {}).model;
        let is_available = |item: ItemIdx| !withdrawn.contains(&item.0);
        for user in 0..rows.len() as u32 {
            let history = histories.row(UserIdx(user));
            for exclusion in [Exclusion::None, Exclusion::Purchased, Exclusion::Interacted] {
                let eligibility = Eligibility::new(&is_available, exclusion, history, [ItemIdx(3)]);
                for model in [None, Some(&model)] {
                    let list = recommend(model, &histories, history, &eligibility, n_items, count);
                    let mut items: Vec<u32> = list.items.iter().map(|item| item.item.0).collect();
                    prop_assert!(items.iter().all(|&item| eligibility.allows(ItemIdx(item))));
                    let n_eligible = (0..n_items as u32).filter(|&item| eligibility.allows(ItemIdx(item))).count();
                    prop_assert_eq!(items.len(), count.min(n_eligible));
                    items.sort_unstable();
                    items.dedup();
                    prop_assert_eq!(items.len(), list.items.len());
                    prop_assert_eq!(&list, &recommend(model, &histories, history, &eligibility, n_items, count));
                }
            }
        }
    }

    #[test]
    fn a_row_depends_on_what_is_in_it_not_on_the_order(
        mut entries in prop::collection::vec((0u32..9, 0usize..6, 0i64..1_000), 0..700),
        seed in any::<u64>(),
    ) {
        entries.sort_unstable();
        entries.dedup();
        let fill = |entries: &[(u32, usize, i64)]| {
            let mut histories = Histories::default();
            for &(item, kind, at) in entries {
                histories.add(UserIdx(0), entry(item, InteractionKind::ALL[kind], at));
            }
            histories
        };
        let ordered = fill(&entries);
        let n = entries.len().max(1);
        entries.rotate_left((seed % n as u64) as usize);
        entries.reverse();
        let other = fill(&entries);
        prop_assert_eq!(ordered.row(UserIdx(0)), other.row(UserIdx(0)));
        let mut replaced = Histories::default();
        let all = entries.iter().map(|&(item, kind, at)| entry(item, InteractionKind::ALL[kind], at)).collect();
        replaced.replace(UserIdx(0), all);
        prop_assert_eq!(ordered.row(UserIdx(0)), replaced.row(UserIdx(0)));
    }
}
