//! One suite for all models of `models/`.

use std::cell::Cell;

use domain::{InteractionKind, ItemIdx, PropertyValue, Timestamp, UserIdx};
use recommender::models::{content, neighbours, ridge, sequence, sequence_ridge, spectral};
use recommender::{
    ArtifactError, Cancelled, Component, FeaturesBuilder, Histories, HistoryEntry,
    HistoryWeighting, Model, ModelConfig, Parameters, TrainingSet, decode, encode, fit_model,
};

use crate::fixtures::{DAY_S, checkerboard, entry};

const KEPT: u32 = 50;

/// Every model of a blend with the defaults of hyperparameter search. Popularity, recently viewed
/// and buy-again are fitted along with each of them.
fn every_model() -> Vec<ModelConfig> {
    // As many directions as there are groups: further singular values are all equal.
    let small = spectral::Config { rank: 2, ..Default::default() };
    let all = vec![
        ModelConfig::Neighbours(neighbours::Config::default()),
        ModelConfig::Spectral(small),
        ModelConfig::Ridge(ridge::Config::default()),
        ModelConfig::Ridge(ridge::Config { nearest: Some(12), ..Default::default() }),
        ModelConfig::Sequence(sequence::Config::default()),
        ModelConfig::SequenceRidge(sequence_ridge::Config::FAST),
        ModelConfig::Content(content::Config::default()),
    ];
    // A new variant does not compile here without a number. The assertion fails where it is missing
    // in `all`.
    let number = |model: &ModelConfig| match model {
        ModelConfig::Neighbours(_) => 0,
        ModelConfig::Spectral(_) => 1,
        ModelConfig::Ridge(_) => 2,
        ModelConfig::Sequence(_) => 3,
        ModelConfig::SequenceRidge(_) => 4,
        ModelConfig::Content(_) => 5,
    };
    let mut numbers: Vec<usize> = all.iter().map(number).collect();
    numbers.dedup();
    assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>());
    all
}

/// A training set with a property for each item: even or odd.
fn set_of(rows: Vec<Vec<HistoryEntry>>, n_items: usize) -> TrainingSet {
    let mut builder = FeaturesBuilder::default();
    for item in 0..n_items as u32 {
        let group = if item % 2 == 0 { "even" } else { "odd" };
        builder.add(ItemIdx(item), &[("group", PropertyValue::String(group.to_owned()))]);
    }
    TrainingSet::new(rows, n_items).with_features(builder.finish(n_items).into())
}

fn rows_of(histories: &Histories) -> Vec<Vec<HistoryEntry>> {
    (0..histories.n_users() as u32).map(|user| histories.row(UserIdx(user)).to_vec()).collect()
}

fn fit(model: ModelConfig, set: &TrainingSet) -> Model {
    let component = Component { model, weighting: HistoryWeighting::default(), weight: 1.0 };
    fit_model(set, &Parameters::new(vec![component], KEPT), "t", &|| Ok(()))
        .expect("nothing cancels the run")
}

fn dense(model: &Model) -> Vec<Vec<f32>> {
    let n = model.n_items();
    let related = &model.channels[0].related;
    (0..n).map(|row| (0..n as u32).map(|column| related.get(row, column)).collect()).collect()
}

#[test]
fn each_model_finds_the_two_groups_and_no_item_contributes_to_itself() {
    // The last item has no interactions.
    let set = set_of(rows_of(&checkerboard(40, 20)), 21);
    for config in every_model() {
        let model = fit(config, &set);
        let name = config.name();
        let mut wrong = 0;
        for (item, row) in dense(&model).iter().enumerate() {
            assert!(row.iter().all(|value| value.is_finite()), "{name}");
            assert_eq!(row[item], 0.0, "{name}: item {item} contributes to itself");
            if !matches!(config, ModelConfig::Content(_)) {
                assert!(
                    item != 20 || row.iter().all(|value| *value == 0.0),
                    "{name}: an unknown item contributes"
                );
                assert_eq!(row[20], 0.0, "{name}: an item contributes to an unknown one");
            }
            let group_sum = |parity: usize| {
                let others = (0..20).filter(|&other| other != item && other % 2 == parity);
                others.map(|other| row[other]).sum::<f32>()
            };
            wrong += usize::from(item < 20 && group_sum(item % 2) <= group_sum(1 - item % 2));
        }
        assert_eq!(wrong, 0, "{name}");
    }
}

#[test]
fn each_is_the_same_for_any_number_of_threads_and_comes_back_from_its_artifact() {
    let set = set_of(rows_of(&checkerboard(60, 30)), 30);
    for config in every_model() {
        let fit_on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| encode(&fit(config, &set)))
        };
        let bytes = fit_on(1);
        assert_eq!(bytes, fit_on(3), "{}", config.name());
        assert_eq!(decode(&bytes).unwrap(), fit(config, &set), "{}", config.name());
    }
}

#[test]
fn a_ridge_over_all_other_items_equals_the_dense_one() {
    let set = set_of(rows_of(&checkerboard(40, 20)), 20);
    let config = ridge::Config { penalty: 0.5, ..Default::default() };
    let dense_one = dense(&fit(ModelConfig::Ridge(config), &set)).concat();
    let nearest = ridge::Config { nearest: Some(19), ..config };
    let largest = dense_one.iter().fold(0f32, |top, value| top.max(value.abs()));
    for (x, y) in dense_one.iter().zip(dense(&fit(ModelConfig::Ridge(nearest), &set)).concat()) {
        assert!((x - y).abs() < 1e-3 * largest, "{x} {y}");
    }
}

#[test]
fn the_order_of_users_changes_no_model() {
    let mut rows = rows_of(&checkerboard(40, 20));
    let set = set_of(rows.clone(), 20);
    rows.reverse();
    let reversed = set_of(rows, 20);
    for config in every_model() {
        let (a, b) = (fit(config, &set), fit(config, &reversed));
        assert_eq!((&a.popularity, &a.buy_again), (&b.popularity, &b.buy_again));
        // Sums are exact; a decomposition is as exact as its arithmetic.
        let tolerance = if matches!(config, ModelConfig::Spectral(_)) { 0.05 } else { 1e-5 };
        let largest = dense(&a).concat().into_iter().fold(0f32, |top, value| top.max(value.abs()));
        for (x, y) in dense(&a).concat().iter().zip(dense(&b).concat()) {
            assert!((x - y).abs() <= tolerance * largest, "{}: {x} {y}", config.name());
        }
    }
}

#[test]
fn no_model_fails_on_little_or_odd_data() {
    let rated = |item, value| {
        HistoryEntry::new(ItemIdx(item), InteractionKind::Rating, Timestamp(0), Some(value))
    };
    let long: Vec<HistoryEntry> =
        (0..400).map(|n| entry(n % 5, InteractionKind::Purchase, i64::from(n) * DAY_S)).collect();
    let odd = [
        ("nothing", vec![], 0),
        ("no interactions", vec![vec![], vec![]], 3),
        ("one interaction", vec![vec![entry(0, InteractionKind::DetailView, 0)]], 1),
        (
            "one user",
            vec![vec![
                entry(0, InteractionKind::DetailView, 0),
                entry(1, InteractionKind::Purchase, 9),
            ]],
            2,
        ),
        ("bad ratings only", vec![vec![rated(0, -1.0), rated(1, -0.5)], vec![rated(0, -1.0)]], 2),
        (
            "everything in one second",
            vec![(0..6).map(|n| entry(n, InteractionKind::DetailView, 7)).collect()],
            6,
        ),
        ("the same items over and over", vec![long.clone(), long], 5),
        (
            "the latest second there is",
            vec![vec![entry(0, InteractionKind::Purchase, i64::from(u32::MAX))]],
            2,
        ),
    ];
    for (name, rows, n_items) in odd {
        let mut set = set_of(rows, n_items);
        for config in every_model() {
            let model = fit(config, &set);
            assert!(
                dense(&model).concat().iter().all(|value| value.is_finite()),
                "{}: {name}",
                config.name()
            );
            assert!(model.popularity.scores.iter().all(|score| score.is_finite()), "{name}");
            assert_eq!(decode(&encode(&model)).unwrap(), model, "{name}");
        }
        recommender::train(&mut set, &crate::fixtures::OPTIONS, "t", &|_| Ok(())).unwrap();
    }
}

#[test]
fn a_run_ends_at_whichever_step_it_is_told_to() {
    let run = |steps_max: usize| {
        let mut set = TrainingSet::snapshot(&checkerboard(40, 12), &[], 12);
        let n_steps = Cell::new(0);
        let trained = recommender::train(&mut set, &crate::fixtures::OPTIONS, "t", &|_| {
            n_steps.set(n_steps.get() + 1);
            if n_steps.get() > steps_max { Err(Cancelled) } else { Ok(()) }
        });
        (trained.is_ok(), n_steps.get())
    };
    let (is_whole, n_steps) = run(usize::MAX);
    assert!(
        is_whole && n_steps > 20,
        "{n_steps} steps are too few: a step takes seconds on large data"
    );
    for steps_max in 0..n_steps {
        assert_eq!(run(steps_max), (false, steps_max + 1));
    }
}

#[test]
fn unreadable_artifacts_give_the_reason() {
    let histories = checkerboard(10, 6);
    let model = crate::fixtures::train(&histories, 6).model;
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
