//! Snapshots of the state: they take the place of the journal's beginning, and change no answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{EngineError, Problem, SnapshotError, SnapshotStep};
use journal::{FileJournal, Journal, JournalOptions, Offset, RealDisk};

use super::*;

fn take(engine: &Engine) -> engine::TakenSnapshot {
    engine.take_snapshot(true, &|_| Ok(())).unwrap()
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder.join("snapshots")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Cuts everything below an offset out of the journal of a workspace that is not open.
fn cut(folder: &Path, offset: u64) {
    let disk = Arc::new(RealDisk::open(folder.join("journal")).unwrap());
    let options = JournalOptions {
        name: "shop".to_owned(),
        snapshot: Offset(offset),
        ..JournalOptions::default()
    };
    let journal = FileJournal::open_with(disk, options).unwrap();
    journal.close_segment().unwrap();
    assert_eq!(journal.cut_before(Offset(offset)).unwrap().0, offset);
}

/// All but what is in the journal only.
fn without_bodies(mut picture: Value) -> Value {
    for user in picture["users"].as_object_mut().unwrap().values_mut() {
        let user = user.as_object_mut().unwrap();
        user.remove("events");
        user.remove("metadata");
    }
    picture
}

#[test]
fn a_lost_store_begins_with_the_snapshot_and_gives_the_same_answers_without_the_journals_beginning()
{
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let first = take(&engine);
    assert!(first.is_checked && first.rows > 100 && first.bytes > 1_000, "{first:?}");
    engine.submit_blocking(vec![viewed(9_000, 3, 5), bought(9_001, 4, 6)]).unwrap();
    let before = picture(&engine);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(picture(&engine), before, "from the snapshot and two entries");
    // The second takes the place of the first, and is checked from there.
    let second = take(&engine);
    assert!(second.is_checked && second.position > first.position);
    assert_eq!(engine.snapshot_position().unwrap(), second.position);
    drop(engine);
    let [path] = &snapshots(folder.path())[..] else { panic!("{:?}", snapshots(folder.path())) };
    assert!(path.ends_with(format!("{:020}.snapshot", second.position)));

    cut(folder.path(), second.position);
    let before = without_bodies(before);
    for lost in ["", "store"] {
        if !lost.is_empty() {
            fs_err::remove_dir_all(folder.path().join(lost)).unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(without_bodies(picture(&engine)), before, "lost: {lost:?}");
        // What is cut is not listed any more, and nothing fails for it.
        let user = engine.find_user("u3").unwrap();
        let query = TimelineQuery { limit: 10, ..Default::default() };
        assert_eq!(engine.events(user, &query).unwrap(), (Vec::new(), false));
        assert_eq!(engine.metadata(user).unwrap().unwrap().last_message, None);
        assert!(!engine.merges(engine.find_user("u4").unwrap()).unwrap().is_empty());
        assert!(engine.recent_people(5).unwrap().is_empty());
        let latest = engine.latest_entries(None, 10, &Some).unwrap();
        assert_eq!((latest.found.len(), latest.before), (0, None));
        assert_eq!(engine.entry(3).unwrap(), None);
        assert!(take(&engine).is_checked, "of nothing new");
    }
    // It goes on.
    let engine = open(folder.path());
    engine.submit_blocking(vec![viewed(9_100, 3, 7)]).unwrap();
    let user = engine.find_user("u3").unwrap();
    let (events, _) =
        engine.events(user, &TimelineQuery { limit: 9, ..Default::default() }).unwrap();
    assert_eq!(events.len(), 1);
    let before = picture(&engine);
    assert!(take(&engine).is_checked, "from the snapshot before");
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(picture(&open(folder.path())), before);
}

#[test]
fn a_flipped_bit_of_a_snapshot_is_named_and_nothing_of_it_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    let position = take(&engine).position;
    drop(engine);
    let path = snapshots(folder.path()).remove(0);
    let whole = fs_err::read(&path).unwrap();
    let store = folder.path().join("store");
    let damaged: Vec<Vec<u8>> = (0..whole.len())
        .step_by(whole.len() / 40)
        .chain([whole.len() - 1])
        .map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            bytes
        })
        .chain([Vec::new(), whole[..whole.len() / 2].to_vec(), [&whole[..], b"x"].concat()])
        .collect();
    // With the whole journal, it is folded from its first entry.
    fs_err::write(&path, &damaged[5]).unwrap();
    fs_err::remove_dir_all(&store).unwrap();
    assert_eq!(picture(&open(folder.path())), before);
    // A store that is there needs no snapshot.
    cut(folder.path(), position);
    let kept = folder.path().join("kept");
    fs_err::rename(&store, &kept).unwrap();
    for (n, bytes) in damaged.iter().enumerate() {
        fs_err::write(&path, bytes).unwrap();
        let error = Engine::open(WorkspaceId::new("shop").unwrap(), folder.path(), &|_, _| {});
        let error = error.err().unwrap_or_else(|| panic!("damage {n} was not noticed"));
        let EngineError::Snapshot(SnapshotError::Damaged { path: named, .. }) = &error else {
            panic!("damage {n}: {error}")
        };
        assert_eq!(*named, path, "{error}");
    }
    fs_err::remove_dir_all(&store).ok();
    fs_err::rename(&kept, &store).unwrap();
    let engine = open(folder.path());
    assert_eq!(without_bodies(picture(&engine)), without_bodies(before.clone()));
    // Nothing can be checked against it, so that another one is taken as it is.
    assert!(!take(&engine).is_checked);
    engine.submit_blocking(vec![viewed(9_000, 3, 5)]).unwrap();
    assert!(take(&engine).is_checked, "from the one that was not checked");
    drop(engine);
    // Without any, the store is the only one that knows, which is a problem.
    fs_err::remove_dir_all(folder.path().join("snapshots")).unwrap();
    let engine = open(folder.path());
    let is_told =
        || engine.problems().iter().any(|problem| matches!(problem, Problem::Snapshot { .. }));
    assert!(is_told());
    assert!(!take(&engine).is_checked && !is_told());
}

#[test]
fn a_store_that_is_no_fold_of_its_journal_makes_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let good = take(&engine);
    engine.submit_blocking(vec![viewed(9_000, 3, 5)]).unwrap();
    drop(engine);
    {
        let names = state::Views::KEYSPACES.concat();
        let store = store::Store::open(&folder.path().join("store"), &names).unwrap();
        let mut batch = store.batch();
        let name = names.iter().find(|name| name.contains("external")).unwrap_or(&names[1]);
        let keyspace = store.keyspace(name);
        let (key, _) = store::Read::scan(&store, &keyspace, &[]).next().unwrap().unwrap();
        batch.remove(&keyspace, key);
        batch.commit(store.position().unwrap()).unwrap();
    }
    let engine = open(folder.path());
    let error = engine.take_snapshot(true, &|_| Ok(())).unwrap_err();
    assert!(matches!(error, EngineError::Snapshot(SnapshotError::Differs { .. })), "{error}");
    let problems = engine.problems();
    let told = problems.iter().find(|problem| matches!(problem, Problem::Snapshot { .. })).unwrap();
    assert!(told.to_string().contains("nothing is cut from the journal"), "{told}");
    assert_eq!(engine.snapshot_position().unwrap(), good.position, "the one before stays");
    assert_eq!(snapshots(folder.path()).len(), 1);
    drop(engine);
    // The store is made again, as its check says.
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert!(take(&engine).is_checked);
    assert!(!engine.problems().iter().any(|problem| matches!(problem, Problem::Snapshot { .. })));
}

#[test]
fn a_snapshot_that_is_cancelled_at_any_step_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let good = take(&engine);
    engine.submit_blocking(vec![viewed(9_000, 3, 5)]).unwrap();
    let is_at = |step: SnapshotStep, n: u8| match step {
        SnapshotStep::Write(_) => n == 0,
        SnapshotStep::Fold(..) => n == 1,
        SnapshotStep::Compare(_) => n == 2,
    };
    for n in 0..3 {
        let error = engine
            .take_snapshot(true, &|step| {
                if is_at(step, n) { Err(engine::Cancelled) } else { Ok(()) }
            })
            .unwrap_err();
        assert!(
            matches!(error, EngineError::Snapshot(SnapshotError::Cancelled(_))),
            "{n}: {error}"
        );
        assert_eq!(snapshots(folder.path()).len(), 1, "{n}");
        for scratch in ["snapshot-fold", "snapshot-load"] {
            assert!(!folder.path().join(scratch).exists(), "{n}");
        }
    }
    assert_eq!(engine.snapshot_position().unwrap(), good.position);
    drop(engine);
    // What a dead process has left is no snapshot, and goes away with the next one.
    let part = folder.path().join(format!("snapshots/{:020}.part", 7));
    fs_err::write(&part, "half").unwrap();
    fs_err::create_dir_all(folder.path().join("snapshot-fold")).unwrap();
    fs_err::write(folder.path().join("snapshot-fold/version"), "").unwrap();
    let engine = open(folder.path());
    assert!(take(&engine).is_checked);
    assert!(!part.exists());
}

/// The model in use whose run lies before the start of the journal.
#[test]
fn a_model_that_cannot_be_made_again_is_told_of_and_the_next_training_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    engine.submit_blocking(vec![viewed(9_000, 3, 5)]).unwrap();
    let position = take(&engine).position;
    assert!(!engine.is_training_due(1.0, u64::MAX));
    drop(engine);
    cut(folder.path(), position);
    fs_err::remove_dir_all(folder.path().join("models")).unwrap();
    let engine = open(folder.path());
    let is_told =
        || engine.problems().iter().any(|problem| matches!(problem, Problem::ModelGone { .. }));
    assert!(is_told() && engine.is_training_due(1.0, u64::MAX));
    let list = engine.recommend(engine.find_user("u3"), &asked(5, Exclusion::None)).unwrap();
    assert_eq!((list.items.len(), list.model), (5, None));
    assert!(!engine.remake_lost_model().unwrap());
    let gone = engine.training().unwrap().version;
    let error = engine.activate_model(&gone).unwrap_err().to_string();
    assert!(error.contains("the journal begins at offset"), "{error}");
    engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    assert!(!engine.is_training_due(1.0, u64::MAX));
}
