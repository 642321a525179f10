//! What every list and every model must keep.

use domain::{Exclusion, InteractionKind, ItemIdx, PropertyValue, Timestamp, UserIdx};
use proptest::prelude::*;
use recommender::statistics::{Kernel, PairSums, SequenceSums, SetSums, Sign};
use recommender::{
    ArtifactError, ColdItems, Eligibility, Features, FeaturesBuilder, Histories, HistoryEntry, Model, Origin,
    Recommendation, SearchOptions, Sources, Trained, TrainingSet, decode, encode, recommend,
};

const OPTIONS: SearchOptions = SearchOptions { seed: 7 };

fn train(histories: &Histories, n_items: usize) -> Trained {
    recommender::train(&TrainingSet::snapshot(histories, n_items), &OPTIONS, "t", &|_| {})
}

/// A list of items of which nothing but histories is known.
fn list_of(
    model: Option<&Model>,
    histories: &Histories,
    history: &[HistoryEntry],
    eligibility: &Eligibility<'_>,
    n_items: usize,
    count: usize,
) -> Recommendation {
    let cold = ColdItems::of(Features::none(n_items).into(), model);
    recommend(Sources { model, cold: &cold, histories, n_items }, history, eligibility, count)
}

fn entry(item: u32, kind: InteractionKind, at_s: i64) -> HistoryEntry {
    HistoryEntry::new(ItemIdx(item), kind, Timestamp(at_s * 1_000), None)
}

/// Two groups of users; in each every user has seen all but one of its group's items: even items, odd items.
fn checkerboard(n_users: u32, n_items: u32) -> Histories {
    let mut histories = Histories::default();
    for user in 0..n_users {
        let own = (0..n_items).filter(|item| item % 2 == user % 2).collect::<Vec<_>>();
        let left_out = own[(user / 2) as usize % own.len()];
        // In an order of their own: each item follows each other one for somebody.
        let n_own = own.len();
        for (n, item) in own.iter().enumerate().filter(|(_, item)| **item != left_out) {
            let day = (n * (1 + 2 * (user as usize / 2 % 3)) + user as usize / 2) % n_own;
            histories.add(UserIdx(user), entry(*item, InteractionKind::DetailView, 86_400 * day as i64));
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
    let trained = train(&histories, n_items as usize);
    for user in 0..n_users {
        let history = histories.row(UserIdx(user));
        let eligibility = Eligibility::new(&anything, Exclusion::Interacted, history, []);
        let list = list_of(Some(&trained.model), &histories, history, &eligibility, n_items as usize, 3);
        let first = &list.items[0];
        assert_eq!(first.item.0 % 2, user % 2, "user {user}");
        assert_eq!(first.origin, Origin::Model);
        // Every other own item is seen, so the rest of the list is popular items of the other group.
        assert!(
            list.items[1..].iter().all(|item| item.item.0 % 2 != user % 2 && item.origin == Origin::Trending)
        );
        assert!(!list.is_fallback());

        // The score is the sum of what each history item says in each channel, and the reasons are its parts.
        let part = |h: &HistoryEntry| -> f32 {
            let channels = trained.model.channels.iter().map(|channel| {
                let weighed = channel.weighting.weigh(history);
                let weight =
                    weighed.iter().find(|(entry, _)| entry.item == h.item).map_or(0.0, |(_, weight)| *weight);
                weight * channel.related.get(h.item.pos(), first.item.0)
            });
            channels.sum()
        };
        let parts: Vec<f32> = history.iter().map(part).collect();
        let all: f32 = parts.iter().sum();
        assert!((all - first.score).abs() <= 1e-4 * first.score, "{all} {}", first.score);
        let speaks_for: f32 = parts.iter().filter(|part| **part > 0.0).sum();
        for because in &first.because {
            let n = history.iter().position(|h| h.item == because.item).unwrap();
            assert!((parts[n] / speaks_for - because.share).abs() < 1e-4);
        }
        assert!(first.because.windows(2).all(|pair| pair[0].share >= pair[1].share));
        assert!(first.because.iter().map(|because| because.share).sum::<f32>() <= 1.0 + 1e-5);
    }
    assert!(trained.search.blend.ndcg > trained.search.popularity.ndcg);
}

#[test]
fn artifacts_come_back_or_say_why_not() {
    let histories = checkerboard(10, 6);
    let model = train(&histories, 6).model;
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
        pool.install(|| encode(&train(&histories, 30).model))
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
        let list = list_of(model, &histories, &[], &eligibility, 3, 5);
        assert!(list.is_fallback());
        list.items.iter().map(|item| item.item.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(None), [2, 1, 0]);
    let trained = train(&histories, 3);
    assert_eq!(ids(Some(&trained.model)), [2, 1, 0]);
    let nothing = train(&Histories::default(), 0);
    assert_eq!(ids(Some(&nothing.model)), [0, 1, 2]);
}

#[test]
fn a_new_item_goes_to_people_who_like_its_like_before_any_training() {
    // Jazz for even users, metal for odd ones; item 20 is new jazz.
    let histories = checkerboard(40, 20);
    let mut builder = FeaturesBuilder::default();
    for item in 0..21u32 {
        let genre = if item % 2 == 0 { "jazz" } else { "metal" };
        builder.add(ItemIdx(item), &[("genre", PropertyValue::String(genre.to_owned()))]);
    }
    let features = std::sync::Arc::new(builder.finish(21));
    let model = train(&histories, 20).model;
    for model in [None, Some(&model)] {
        let cold = ColdItems::of(features.clone(), model);
        let sources = Sources { model, cold: &cold, histories: &histories, n_items: 21 };
        for user in 0..40 {
            let history = histories.row(UserIdx(user));
            let eligibility = Eligibility::new(&anything, Exclusion::Interacted, history, []);
            let list = recommend(sources, history, &eligibility, 3);
            let found = list.items.iter().find(|item| item.item.0 == 20 && item.origin == Origin::New);
            assert_eq!(found.is_some(), user % 2 == 0, "user {user}: {list:?}");
            if let Some(found) = found {
                let shares: f32 = found.because.iter().map(|because| because.share).sum();
                assert!(shares > 0.3 && found.because.iter().all(|because| because.item.0 % 2 == 0));
                assert_eq!(features.shared_property(found.because[0].item, found.item), Some("genre"));
            }
        }
    }
}

#[test]
fn a_bad_rating_pushes_like_items_away() {
    let mut histories = checkerboard(40, 20);
    let n_items = 20;
    let model = train(&histories, n_items).model;
    let rate =
        |item, value| HistoryEntry::new(ItemIdx(item), InteractionKind::Rating, Timestamp(0), Some(value));
    let score = |histories: &Histories| {
        let history = histories.row(UserIdx(40));
        let eligibility = Eligibility::new(&anything, Exclusion::Interacted, history, []);
        let list = list_of(Some(&model), histories, history, &eligibility, n_items, 20);
        let of =
            |item: &recommender::Recommended| item.origin == Origin::Model && item.item.0.is_multiple_of(2);
        list.items.iter().filter(|item| of(item)).count()
    };
    histories.add(UserIdx(40), rate(0, 0.9));
    histories.add(UserIdx(40), rate(1, 0.9));
    let before = score(&histories);
    assert!(before > 4);
    histories.add(UserIdx(40), rate(2, -1.0));
    histories.add(UserIdx(40), rate(4, -1.0));
    assert!(score(&histories) < before);
}

fn sums_of(sums: &dyn PairSums) -> Vec<Vec<i64>> {
    let mut row = linalg::Accumulator::new(sums.n_items());
    (0..sums.n_items())
        .map(|item| {
            sums.row(item, &mut row);
            let mut dense = vec![0; sums.n_items()];
            row.drain(|other, sum| dense[other as usize] = sum);
            dense
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sums_of_shards_of_users_are_the_sums_of_all_and_what_is_new_is_added(
        rows in prop::collection::vec(prop::collection::vec((0u32..8, 0usize..6, 0i64..40), 0..10), 1..10),
        cut in 0usize..10,
        new in (0u32..8, 0usize..6, 40i64..50),
    ) {
        let row_of = |row: &[(u32, usize, i64)]| {
            let mut row: Vec<HistoryEntry> =
                row.iter().map(|&(item, kind, day)| entry(item, InteractionKind::ALL[kind], day * 86_400)).collect();
            row.sort_unstable();
            row
        };
        let rows: Vec<Vec<HistoryEntry>> = rows.iter().map(|row| row_of(row)).collect();
        let set = |rows: &[Vec<HistoryEntry>]| TrainingSet::new(rows.to_vec(), 8);
        let as_of_s = 50 * 86_400;
        let sets = |rows: &[Vec<HistoryEntry>], sign| SetSums::of(&set(rows), as_of_s, Some(9.0), 0.5, sign);
        let kernel = Kernel { forward: vec![1.0, 0.7, 0.3], backward: vec![0.0, 0.2] };
        let sequences = |rows: &[Vec<HistoryEntry>], sign| {
            let weight = |n: usize| 1.0 / (n as f32 + 1.0);
            SequenceSums::of(&set(rows), as_of_s, kernel.clone(), Some(9.0), weight, sign)
        };
        let (first, rest) = rows.split_at(cut.min(rows.len()));
        let (sets_all, sequences_all) = (sets(&rows, Sign::Plus), sequences(&rows, Sign::Plus));
        let sets_merged = sets(rest, Sign::Plus).merge(sets(first, Sign::Plus));
        prop_assert_eq!(sums_of(&sets_merged), sums_of(&sets_all));
        prop_assert_eq!(sets_merged.item_sums(), sets_all.item_sums());
        let sequences_merged = sequences(rest, Sign::Plus).merge(sequences(first, Sign::Plus));
        prop_assert_eq!(sums_of(&sequences_merged), sums_of(&sequences_all));
        prop_assert_eq!(sequences_merged.item_sums(), sequences_all.item_sums());

        // The first user does something more.
        let mut changed = rows.clone();
        changed[0].push(entry(new.0, InteractionKind::ALL[new.1], new.2 * 86_400));
        let added = sets_all.merge(sets(&rows[..1], Sign::Minus)).merge(sets(&changed[..1], Sign::Plus));
        prop_assert_eq!(sums_of(&added), sums_of(&sets(&changed, Sign::Plus)));
        let added =
            sequences_all.merge(sequences(&rows[..1], Sign::Minus)).merge(sequences(&changed[..1], Sign::Plus));
        prop_assert_eq!(sums_of(&added), sums_of(&sequences(&changed, Sign::Plus)));
    }

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
        let model = train(&histories, n_items).model;
        let is_available = |item: ItemIdx| !withdrawn.contains(&item.0);
        for user in 0..rows.len() as u32 {
            let history = histories.row(UserIdx(user));
            for exclusion in [Exclusion::None, Exclusion::Purchased, Exclusion::Interacted] {
                let eligibility = Eligibility::new(&is_available, exclusion, history, [ItemIdx(3)]);
                for model in [None, Some(&model)] {
                    let list = list_of(model, &histories, history, &eligibility, n_items, count);
                    let mut items: Vec<u32> = list.items.iter().map(|item| item.item.0).collect();
                    prop_assert!(items.iter().all(|&item| eligibility.allows(ItemIdx(item))));
                    let n_eligible = (0..n_items as u32).filter(|&item| eligibility.allows(ItemIdx(item))).count();
                    prop_assert_eq!(items.len(), count.min(n_eligible));
                    items.sort_unstable();
                    items.dedup();
                    prop_assert_eq!(items.len(), list.items.len());
                    prop_assert_eq!(&list, &list_of(model, &histories, history, &eligibility, n_items, count));
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
