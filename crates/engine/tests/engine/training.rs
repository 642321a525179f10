//! Training runs: when they end, and which models they put in force.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{Exclusion, Interaction, InteractionKind, Timestamp};
use engine::{EngineError, Entry, Health, TrainingError, TrainingOptions, TrainingRunState};

use super::{asked, open, viewed};

#[test]
fn a_training_run_is_cut_short_at_its_next_step_and_none_is_begun_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let views = (0..600u32).map(|n| {
        Interaction::new(
            format!("u{}", n % 40),
            format!("i{}", n * n % 31),
            InteractionKind::DetailView,
        )
    });
    engine.import_interactions(views.collect()).unwrap();
    let n_steps = AtomicUsize::new(0);
    let cut = engine.train(TrainingOptions::default(), &|_| {
        n_steps.fetch_add(1, Ordering::Relaxed);
        engine.cut_training_short();
    });
    assert!(matches!(cut, Err(EngineError::Training(TrainingError::Cancelled(_)))), "{cut:?}");
    assert_eq!(n_steps.into_inner(), 1);
    assert!(!engine.is_training() && engine.training().is_none());
    let state = engine.last_training_run().unwrap().state;
    assert!(matches!(state, TrainingRunState::Failed { .. }), "{state:?}");
    let again = engine.train(TrainingOptions::default(), &|_| {});
    assert!(matches!(again, Err(EngineError::Training(TrainingError::Cancelled(_)))), "{again:?}");
    assert_eq!(engine.health(), Health::Ready, "the workspace goes on");
}

#[test]
fn a_worse_model_is_refused_and_an_earlier_one_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let group = |offset: u32| {
        (0..60u32).flat_map(move |user| {
            (0..10u32).filter(move |n| *n != user % 10).map(move |n| {
                let item = format!("i{}", offset + user % 2 * 10 + n);
                let at = Timestamp(
                    1_600_000_000_000 + i64::from(offset * 2 + (n * 7 + user) % 10) * 86_400_000,
                );
                Interaction {
                    timestamp: Some(at),
                    ..Interaction::new(format!("g{user}"), item, InteractionKind::DetailView)
                }
            })
        })
    };
    let always = TrainingOptions { refusal_margin: f64::INFINITY, ..Default::default() };
    let first = {
        let engine = open(folder.path());
        // Whatever is not many times as good counts as worse.
        let strict = TrainingOptions { refusal_margin: -10.0, ..Default::default() };
        engine.import_interactions(group(0).take(90).collect()).unwrap();
        let little = engine.train(strict, &|_| {}).unwrap();
        let why = "there are 90 interactions; a first model needs at least 100";
        assert_eq!((little.refused.as_deref(), engine.training()), (Some(why), None));
        engine.import_interactions(group(0).skip(90).collect()).unwrap();
        let first = engine.train(always, &|_| {}).unwrap();
        assert!(first.refused.is_none() && first.beside_current.is_none());
        engine.import_interactions(group(20).collect()).unwrap();
        let refused = engine.train(strict, &|_| {}).unwrap();
        assert!(refused.refused.as_ref().is_some_and(|why| why.contains("that of")), "{refused:?}");
        assert_eq!(engine.training().unwrap(), first);
        assert!(!engine.is_training_due(0.1, u64::MAX));
        let second = engine.train(always, &|_| {}).unwrap();
        assert_ne!(second.version, first.version);
        assert_eq!(engine.training().unwrap(), second);
        engine.activate_model(&first.version).unwrap();
        let unknown = engine.activate_model("000000000000").unwrap_err().to_string();
        assert_eq!(unknown, "no model 000000000000: `tastemaker models` lists those there are");
        first
    };
    for lost in [None, Some("models"), Some("store")] {
        lost.iter().for_each(|lost| fs_err::remove_dir_all(folder.path().join(lost)).unwrap());
        let engine = open(folder.path());
        assert_eq!(engine.training().unwrap(), first);
        let versions: Vec<String> =
            engine.trainings().into_iter().map(|training| training.version).collect();
        assert!(versions.len() >= 2 && versions.contains(&first.version), "{versions:?}");
        let list =
            engine.recommend(engine.find_user("g0"), &asked(3, Exclusion::Interacted)).unwrap();
        assert_eq!(list.model, Some(first.version.clone()));
    }
}

#[test]
fn a_model_that_hits_nothing_takes_no_place_from_one_that_did() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for n in 0..300 {
        engine.submit_blocking(vec![viewed(n, n % 30, n / 30 + n % 2)]).unwrap();
    }
    let first = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(first.refused.is_none() && first.search.blend.ndcg > 0.0);
    // Nothing new has happened, but from now on views count nothing.
    let mut config = (*engine.config()).clone();
    config.interaction_weights.view = 0.0;
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    let second = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(second.refused.is_some_and(|why| why.starts_with("it finds no held-out interaction")));
    assert_eq!(engine.training().unwrap().version, first.version);
}
