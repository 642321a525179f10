//! Pair sums of shards of users add up.

use domain::InteractionKind;
use proptest::prelude::*;
use recommender::statistics::{Kernel, PairSums, SequenceSums, SetSums, Sign};
use recommender::{HistoryEntry, TrainingSet};

use crate::fixtures::entry;

fn to_rows(sums: &dyn PairSums) -> Vec<Vec<i64>> {
    let mut row = linalg::Accumulator::new(sums.n_items());
    (0..sums.n_items())
        .map(|item| {
            sums.add_row(item, &mut row);
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
        let sets = |rows: &[Vec<HistoryEntry>], sign| SetSums::compute(&set(rows), as_of_s, Some(9.0), 0.5, sign);
        let kernel = Kernel { forward: vec![1.0, 0.7, 0.3], backward: vec![0.0, 0.2] };
        let sequences = |rows: &[Vec<HistoryEntry>], sign| {
            let weight = |n: usize| 1.0 / (n as f32 + 1.0);
            SequenceSums::compute(&set(rows), as_of_s, kernel.clone(), Some(9.0), weight, sign)
        };
        let (first, rest) = rows.split_at(cut.min(rows.len()));
        let (sets_all, sequences_all) = (sets(&rows, Sign::Plus), sequences(&rows, Sign::Plus));
        let sets_merged = sets(rest, Sign::Plus).merge(sets(first, Sign::Plus));
        prop_assert_eq!(to_rows(&sets_merged), to_rows(&sets_all));
        prop_assert_eq!(sets_merged.item_sums(), sets_all.item_sums());
        let sequences_merged = sequences(rest, Sign::Plus).merge(sequences(first, Sign::Plus));
        prop_assert_eq!(to_rows(&sequences_merged), to_rows(&sequences_all));
        prop_assert_eq!(sequences_merged.item_sums(), sequences_all.item_sums());

        // The first user has a further interaction.
        let mut changed = rows.clone();
        changed[0].push(entry(new.0, InteractionKind::ALL[new.1], new.2 * 86_400));
        let added = sets_all.merge(sets(&rows[..1], Sign::Minus)).merge(sets(&changed[..1], Sign::Plus));
        prop_assert_eq!(to_rows(&added), to_rows(&sets(&changed, Sign::Plus)));
        let added =
            sequences_all.merge(sequences(&rows[..1], Sign::Minus)).merge(sequences(&changed[..1], Sign::Plus));
        prop_assert_eq!(to_rows(&added), to_rows(&sequences(&changed, Sign::Plus)));
    }
}
