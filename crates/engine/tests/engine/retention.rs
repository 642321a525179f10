//! Retention: what is older than a workspace keeps it is cut, and no answer changes.

use std::sync::Arc;

use domain::Retention;
use engine::{
    Archive, ConfigChange, DataFolder, EngineOptions, Expected, HeldBack, LockedFolder,
    ManualClock, RetentionError, RetentionRun,
};

use super::*;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// When the messages of these tests arrived.
const AT: Timestamp = Timestamp(1_700_000_000_000);

/// A clock at the start of the journal's time.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(AT))
}

fn day(n: i64) -> Timestamp {
    Timestamp(AT.0 + n * DAY_MS)
}

fn options(clock: &Arc<ManualClock>) -> EngineOptions {
    let clock = Arc::clone(clock);
    EngineOptions { clock, ..EngineOptions::default() }
}

fn open_with(folder: &Path, options: &EngineOptions) -> Engine {
    Engine::open_with(WorkspaceId::new("shop").unwrap(), folder, options, &|_, _| {}).unwrap()
}

/// Fills a workspace on the first day, and has its segment closed on the third.
fn fill_old(engine: &Engine, clock: &ManualClock) {
    fill(engine);
    keep(engine, 90);
    clock.set(day(2));
    assert_eq!(run(engine).cut.segments, 0);
}

/// Lives on the 40th day, when the first days are older than 30.
fn live_on_day_40(engine: &Engine, clock: &ManualClock) {
    clock.set(day(40));
    let at = |n| Timestamp(day(40).0 + n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
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

fn without_bodies(mut picture: Value) -> Value {
    for user in picture["users"].as_object_mut().unwrap().values_mut() {
        let user = user.as_object_mut().unwrap();
        user.remove("events");
        user.remove("metadata");
    }
    picture
}

fn archive_in(folder: &Path) -> Option<Arc<Archive>> {
    let options = connectors::OutgoingOptions::default();
    let outgoing = Arc::new(connectors::Outgoing::new(&options).unwrap());
    Some(Arc::new(Archive::in_folder(folder, &outgoing)))
}

#[test]
fn what_is_old_is_archived_and_cut_and_every_answer_stays_without_the_store_too() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = clock();
    let options = EngineOptions { archive: archive_in(archive.path()), ..options(&clock) };
    let engine = open_with(folder.path(), &options);
    assert!(matches!(engine.run_retention(&|_| Ok(())), Err(RetentionError::NotSet)));
    fill_old(&engine, &clock);
    let old_end = engine.counts().journal_entries;
    live_on_day_40(&engine, &clock);
    let young = run(&engine);
    assert_eq!((young.cut.segments, young.snapshot), (0, None), "nothing is 90 days old");
    keep(&engine, 30);
    // A dry run says the same as the run.
    let plan = engine.plan_retention(None).unwrap();
    assert_eq!((plan.days, plan.held_back.clone()), (Some(30), None));
    assert_eq!((plan.cut.segments, plan.cut.end), (1, old_end), "{plan:?}");
    assert_eq!(engine.plan_retention(Some(90)).unwrap().cut.segments, 0);
    let before = without_bodies(picture(&engine));
    let done = run(&engine);
    assert_eq!((done.cut, done.n_archived), (plan.cut, 1));
    assert!(done.snapshot.unwrap().is_checked);
    assert_eq!(engine.last_retention_run().unwrap().unwrap(), done);
    assert_eq!(engine.plan_retention(None).unwrap().journal.start, old_end);
    assert_eq!(without_bodies(picture(&engine)), before);
    let archived = archive.path().join("shop").join(format!("{:020}.seg", 0));
    assert_eq!(fs_err::metadata(archived).unwrap().len(), plan.cut.bytes);
    drop(engine);
    for lost in [&[][..], &["store"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open_with(folder.path(), &options);
        if lost.len() < 2 {
            assert_eq!(without_bodies(picture(&engine)), before, "without {lost:?}");
        } else {
            // Its model cannot be made again: the next training is due, and works.
            assert!(engine.is_training_due(1.0, u64::MAX));
            engine.train(TrainingOptions::default(), &|_| {}).unwrap();
        }
        assert_eq!(run(&engine).cut.segments, 0, "nothing else is old");
    }
}

#[test]
fn a_segment_that_cannot_be_archived_stays() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = archive.path().join("archive");
    fs_err::write(&target, "a file where the folder should be").unwrap();
    let clock = clock();
    let options = EngineOptions { archive: archive_in(&target), ..options(&clock) };
    let engine = open_with(folder.path(), &options);
    fill_old(&engine, &clock);
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let error = engine.run_retention(&|_| Ok(())).unwrap_err();
    assert!(matches!(error, RetentionError::Archive(_)), "{error}");
    let start = || engine.plan_retention(None).unwrap().journal.start;
    assert_eq!(start(), 0);
    fs_err::remove_file(&target).unwrap();
    let done = run(&engine);
    assert!(done.cut.segments > 0 && start() == done.cut.end);
}

#[test]
fn a_destination_that_is_behind_holds_back_what_it_has_not_read() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    // Nothing is delivered here: the destination stays where it was added.
    let engine = open_with(folder.path(), &options(&clock));
    let destination = json!({
        "name": "crm", "kind": "webhook", "enabled": true, "settings": { "url": "https://crm.example/hook" },
    });
    let destination: domain::Destination = serde_json::from_value(destination).unwrap();
    engine.change_config(ConfigChange::put_destination(&destination), Expected::Absent).unwrap();
    let place = engine.snapshot().destinations.get("crm").unwrap().place;
    fill_old(&engine, &clock);
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let held = run(&engine);
    let HeldBack { offset, why } = held.held_back.clone().unwrap();
    assert_eq!((held.cut.segments, held.snapshot, offset), (0, None, place));
    assert!(why.contains("\"crm\" has not read further"), "{why}");
    // One that is off holds back nothing.
    let off = domain::Destination { enabled: false, ..destination };
    engine.change_config(ConfigChange::put_destination(&off), Expected::Anything).unwrap();
    let done = run(&engine);
    assert!(done.held_back.is_none() && done.cut.segments > 0, "{done:?}");
}

#[test]
fn a_log_of_an_export_holds_back_what_it_has_not_written() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open_with(folder.path(), &options(&clock));
    let place = json!({ "name": "db", "kind": "postgresql", "enabled": false,
        "settings": { "host": "db.example", "database": "shop", "user": "tastemaker" } });
    let place: domain::Destination = serde_json::from_value(place).unwrap();
    engine.change_config(ConfigChange::put_destination(&place), Expected::Absent).unwrap();
    let export = json!({ "name": "log", "what": "trait_updates", "into": "db" });
    let export: domain::ScheduledExport = serde_json::from_value(export).unwrap();
    engine.change_config(ConfigChange::put_export(&export), Expected::Absent).unwrap();
    fill_old(&engine, &clock);
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let held = run(&engine).held_back.unwrap();
    assert_eq!(held.offset, 0, "it was never written");
    assert!(held.why.contains("export \"log\" has not written further"), "{}", held.why);
    assert_eq!(engine.export_position(&export).unwrap(), None);
    engine.record_export_position(&export, engine.applied()).unwrap();
    let done = run(&engine);
    assert!(done.held_back.is_none() && done.cut.segments > 0, "{done:?}");
    // Other changes, or another place, begin anew.
    let other = domain::ScheduledExport { into: "lake".to_owned(), ..export };
    assert_eq!(engine.export_position(&other).unwrap(), None);
}

#[test]
fn an_open_delivery_and_a_dead_letter_hold_back_their_messages_and_a_retry_what_it_asks_for() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open_with(folder.path(), &options(&clock));
    let destination = json!({
        "name": "crm", "kind": "webhook", "enabled": true, "settings": { "url": "https://crm.example/hook" },
    });
    let destination: domain::Destination = serde_json::from_value(destination).unwrap();
    engine.change_config(ConfigChange::put_destination(&destination), Expected::Absent).unwrap();
    let added_at = engine.snapshot().destinations.get("crm").unwrap().added_at;
    let message_at = engine.counts().journal_entries;
    fill_old(&engine, &clock);
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let progress = |progress: engine::Progress| {
        let entry = Entry::Delivered(Box::new(engine::DeliveryProgress {
            at: engine.now(),
            destination: "crm".to_owned(),
            added_at,
            progress,
        }));
        engine.submit_blocking(vec![entry]).unwrap();
    };
    let end = engine.counts().journal_entries;
    let open = engine::OpenDelivery {
        offset: message_at,
        mappings: Vec::new(),
        since: engine.now(),
        attempts: 0,
    };
    progress(engine::Progress { place: end, opened: vec![open], ..Default::default() });
    let held = run(&engine).held_back.unwrap();
    assert_eq!(held.offset, message_at);
    assert!(held.why.contains("is open"), "{}", held.why);
    let dead = engine::DeadLetter {
        offset: message_at,
        mapping: "m".to_owned(),
        attempts: 1,
        at: engine.now(),
        since: engine.now(),
        reason: "http_400".to_owned(),
        text: "no".to_owned(),
    };
    progress(engine::Progress {
        place: end,
        closed: vec![message_at],
        dead: vec![dead],
        ..Default::default()
    });
    let held = run(&engine).held_back.unwrap();
    assert_eq!(held.offset, message_at);
    assert!(held.why.contains("dead letter"), "{}", held.why);
    // It is sent anew: the retry, which nobody has read yet, leads back to the message.
    engine.retry_dead_letters("crm", &[(message_at, "m".to_owned())], None).unwrap();
    let held = run(&engine).held_back.unwrap();
    assert_eq!(held.offset, message_at);
    let end = engine.counts().journal_entries;
    progress(engine::Progress { place: end, ..Default::default() });
    assert!(run(&engine).cut.segments > 0);
}

#[test]
fn a_run_that_is_cancelled_cuts_nothing_and_a_clock_that_is_ahead_neither() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open_with(folder.path(), &options(&clock));
    fill_old(&engine, &clock);
    keep(&engine, 30);
    clock.set(day(4_000));
    assert_eq!(run(&engine).cut.segments, 0, "the journal has not heard of that day but once");
    live_on_day_40(&engine, &clock);
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

#[test]
fn a_backup_follows_a_cut_and_its_restore_gives_the_same_answers() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = |name: &str| folder.path().join(name);
    let shop = WorkspaceId::new("shop").unwrap();
    let data = DataFolder::open(&path("data")).unwrap();
    let engine = data.open_workspace_with(&shop, &options(&clock), &|_, _| {}).unwrap();
    fill_old(&engine, &clock);
    engine::back_up(&path("data"), &path("backup"), &|_| {}).unwrap();
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let cut = run(&engine).cut;
    assert!(cut.segments > 0);
    engine.submit_blocking(vec![viewed(9_000, 3, 5), bought(9_001, 4, 6)]).unwrap();
    let before = without_bodies(picture(&engine));
    for _ in 0..2 {
        engine::back_up(&path("data"), &path("backup"), &|_| {}).unwrap();
        let copy = path("backup/workspaces/shop");
        assert!(!copy.join(format!("journal/{:020}.seg", 0)).exists(), "what was cut is gone");
        assert!(copy.join(format!("journal/{:020}.seg", cut.end)).exists());
        assert_eq!(fs_err::read_dir(copy.join("snapshots")).unwrap().count(), 1);
    }
    drop((engine, data));
    engine::restore(&path("backup"), &path("restored"), None, &|_| {}).unwrap();
    for name in ["data", "restored"] {
        let locked = LockedFolder::lock(&path(name)).unwrap();
        let found = locked.verify_workspace(&shop, &|_| {}).unwrap();
        assert_eq!(found.problems, [], "{name}");
        assert!(found.pairs > 100, "{name}: {found:?}");
        assert!(locked.assess_loss(Some(&shop)).unwrap().is_nothing(), "{name}");
    }
    let data = DataFolder::open(&path("restored")).unwrap();
    let engine = data.open_workspace_with(&shop, &options(&clock), &|_, _| {}).unwrap();
    assert_eq!(without_bodies(picture(&engine)), before);
}

#[test]
fn a_workspace_to_which_nothing_comes_is_cut_once_ten_looks_agree_on_the_time() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = open_with(folder.path(), &options(&clock));
    fill_old(&engine, &clock);
    keep(&engine, 30);
    // Off for weeks. A clock that is wrong for some looks is not believed.
    let look = |day_of: i64, n: i64| {
        clock.set(Timestamp(day(day_of).0 + n * 600_000));
        engine.confirm_time().unwrap()
    };
    assert_eq!((0..3).map(|n| look(4_000, n)).collect::<Vec<_>>(), [false; 3]);
    let asked_for = run(&engine);
    assert_eq!(asked_for.cut.segments, 0);
    assert!(asked_for.not_cut.unwrap().contains("the journal's clock is behind"));
    // Three of the ten are the wrong ones, which too say that it is day 40 or later.
    let looks: Vec<bool> = (0..10).map(|n| look(40, n)).collect();
    assert_eq!(looks, [[false; 6].as_slice(), &[true; 4]].concat());
    let entries = engine.counts().journal_entries;
    assert!(look(40, 10), "from then on nothing is journalled before a day has passed");
    assert_eq!(engine.counts().journal_entries, entries);
    assert!(run(&engine).cut.segments > 0);
    // Day by day it follows at once.
    assert!(look(42, 0) && look(44, 0));
}

#[test]
fn a_workspace_without_snapshot_and_store_says_what_is_missing_and_what_to_do() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clock = clock();
    let options = EngineOptions { archive: archive_in(archive.path()), ..options(&clock) };
    let engine = open_with(folder.path(), &options);
    fill_old(&engine, &clock);
    keep(&engine, 30);
    live_on_day_40(&engine, &clock);
    let cut = run(&engine).cut;
    assert!(cut.segments > 0);
    let before = without_bodies(picture(&engine));
    drop(engine);
    let snapshots = folder.path().join("snapshots");
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    fs_err::remove_dir_all(&snapshots).unwrap();
    let id = || WorkspaceId::new("shop").unwrap();
    let error = Engine::open_with(id(), folder.path(), &options, &|_, _| {}).err().unwrap();
    let error = error.describe();
    let missing = format!("{}, a file {:020}.snapshot", snapshots.display(), cut.end);
    assert!(error.contains(&missing) && error.contains("tastemaker restore"), "{error}");
    // The way out where there is no backup: what was cut, from the archive.
    for file in fs_err::read_dir(archive.path().join("shop")).unwrap() {
        let file = file.unwrap();
        fs_err::copy(file.path(), folder.path().join("journal").join(file.file_name())).unwrap();
    }
    assert_eq!(without_bodies(picture(&open_with(folder.path(), &options))), before);
}
