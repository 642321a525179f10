//! Retention: what is older than a workspace keeps it is cut, and no answer changes.

use std::sync::Arc;

use domain::Retention;
use engine::{
    Archive, ConfigChange, EngineOptions, Expected, HeldBack, ManualClock, RetentionError,
    RetentionRun,
};

use super::*;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// When the messages of these tests arrived.
const AT: Timestamp = Timestamp(1_700_000_000_000);

fn at_day(n: i64) -> EngineOptions {
    let clock = Arc::new(ManualClock::new(Timestamp(AT.0 + n * DAY_MS)));
    EngineOptions { clock, ..EngineOptions::default() }
}

fn open_with(folder: &Path, options: &EngineOptions) -> Engine {
    Engine::open_with(WorkspaceId::new("shop").unwrap(), folder, options, &|_, _| {}).unwrap()
}

fn keep(engine: &Engine, days: u32) {
    let settings = domain::WorkspaceSettings {
        retention: Some(Retention { days }),
        ..engine.config().settings()
    };
    engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything).unwrap();
}

fn run(engine: &Engine) -> RetentionRun {
    engine.run_retention(&|_| Ok(())).unwrap()
}

/// Entries of a day, enough for the journal's clock to believe that it is that day.
fn live_on(engine: &Engine, day: i64) {
    let at = |n| Timestamp(AT.0 + day * DAY_MS + n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn without_bodies(mut picture: Value) -> Value {
    for user in picture["users"].as_object_mut().unwrap().values_mut() {
        let user = user.as_object_mut().unwrap();
        user.remove("events");
        user.remove("metadata");
    }
    picture
}

#[test]
fn what_is_old_is_archived_and_cut_and_every_answer_stays_without_the_store_too() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outgoing =
        Arc::new(connectors::Outgoing::new(&connectors::OutgoingOptions::default()).unwrap());
    let engine = open_with(folder.path(), &at_day(0));
    fill(&engine);
    assert!(matches!(engine.run_retention(&|_| Ok(())), Err(RetentionError::NotSet)));
    drop(engine);
    let options = EngineOptions {
        archive: Some(Arc::new(Archive::in_folder(archive.path(), &outgoing))),
        ..at_day(40)
    };
    let engine = open_with(folder.path(), &options);
    keep(&engine, 90);
    live_on(&engine, 40);
    let young = run(&engine);
    assert_eq!((young.cut.segments, young.snapshot), (0, None), "nothing is 90 days old");
    let old_end = engine.counts().journal_entries;
    keep(&engine, 30);
    live_on(&engine, 40);
    // A dry run says the same as the run.
    let plan = engine.plan_retention(None).unwrap();
    assert_eq!((plan.days, plan.held_back.clone()), (Some(30), None));
    assert!(plan.cut.segments > 0 && plan.cut.end <= old_end, "{plan:?}");
    let before = without_bodies(picture(&engine));
    let done = run(&engine);
    assert_eq!((done.cut, done.n_archived), (plan.cut, plan.cut.segments));
    assert!(done.snapshot.unwrap().is_checked);
    assert_eq!(engine.last_retention_run().unwrap().unwrap(), done);
    assert_eq!(engine.plan_retention(None).unwrap().journal.start, done.cut.end);
    assert_eq!(without_bodies(picture(&engine)), before);
    let archived: Vec<_> =
        fs_err::read_dir(archive.path().join("shop")).unwrap().map(|file| file.unwrap()).collect();
    assert_eq!(archived.len() as u64, done.n_archived);
    assert!(archived.iter().all(|file| file.path().extension().unwrap() == "seg"));
    drop(engine);
    for lost in [&[][..], &["store"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open_with(folder.path(), &options);
        if lost.len() < 2 {
            assert_eq!(without_bodies(picture(&engine)), before, "without {lost:?}");
        } else {
            // Its model cannot be made again: the next training is due.
            assert!(engine.is_training_due(1.0, u64::MAX));
            engine.train(TrainingOptions::default(), &|_| {}).unwrap();
        }
        assert_eq!(run(&engine).cut.segments, 0, "nothing else is old");
    }
}

#[test]
fn a_segment_that_cannot_be_archived_stays() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outgoing =
        Arc::new(connectors::Outgoing::new(&connectors::OutgoingOptions::default()).unwrap());
    let target = archive.path().join("archive");
    fs_err::write(&target, "a file where the folder should be").unwrap();
    let options = EngineOptions {
        archive: Some(Arc::new(Archive::in_folder(&target, &outgoing))),
        ..at_day(40)
    };
    let engine = open_with(folder.path(), &options);
    fill(&engine);
    keep(&engine, 30);
    live_on(&engine, 40);
    let error = engine.run_retention(&|_| Ok(())).unwrap_err();
    assert!(matches!(error, RetentionError::Archive(_)), "{error}");
    let start = |engine: &Engine| engine.plan_retention(None).unwrap().journal.start;
    assert_eq!(start(&engine), 0);
    fs_err::remove_file(&target).unwrap();
    let done = run(&engine);
    assert!(done.cut.segments > 0 && start(&engine) == done.cut.end);
}

#[test]
fn a_destination_that_is_behind_holds_back_what_it_has_not_read() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing is delivered here: the destination stays where it was added.
    let engine = open_with(folder.path(), &at_day(40));
    fill(&engine);
    let destination = json!({
        "name": "crm", "kind": "webhook", "enabled": true, "settings": { "url": "https://crm.example/hook" },
    });
    let destination: domain::Destination = serde_json::from_value(destination).unwrap();
    engine.change_config(ConfigChange::put_destination(&destination), Expected::Absent).unwrap();
    let place = engine.snapshot().destinations.get("crm").unwrap().place;
    engine.submit_blocking(vec![viewed(9_000, 3, 5)]).unwrap();
    keep(&engine, 30);
    live_on(&engine, 40);
    let held = run(&engine);
    let HeldBack { offset, why } = held.held_back.clone().unwrap();
    assert_eq!((held.cut.segments, offset), (0, place));
    assert!(why.contains("\"crm\" has not read further"), "{why}");
    // One that is off holds back nothing.
    let off = domain::Destination { enabled: false, ..destination };
    engine.change_config(ConfigChange::put_destination(&off), Expected::Anything).unwrap();
    live_on(&engine, 40);
    let done = run(&engine);
    assert!(done.held_back.is_none() && done.cut.segments > 0, "{done:?}");
}

#[test]
fn a_run_that_is_cancelled_cuts_nothing_and_a_clock_that_is_ahead_neither() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(folder.path(), &at_day(40));
    fill(&engine);
    keep(&engine, 30);
    // The journal has not heard of day 40 but once.
    assert_eq!(engine.plan_retention(None).unwrap().cut.segments, 0);
    live_on(&engine, 40);
    for n in 0..4 {
        let steps = std::sync::atomic::AtomicUsize::new(0);
        let note = |_| match steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == n {
            true => Err(engine::Cancelled),
            false => Ok(()),
        };
        assert!(engine.run_retention(&note).is_err(), "step {n}");
        assert_eq!(engine.plan_retention(None).unwrap().journal.start, 0, "step {n}");
    }
    assert!(run(&engine).cut.segments > 0);
}
