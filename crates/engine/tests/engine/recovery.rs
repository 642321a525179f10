//! Lost and damaged stores, models and journals, and disks that fail.

use std::sync::Arc;

use domain::{Exclusion, WorkspaceId};
use engine::{
    DataFolder, DataFolderError, Engine, EngineError, EngineOptions, Health, Outcome, Problem,
    SubmitError,
};
use testkit::FaultyDisk;

use super::{asked, fill, open, picture, viewed};

#[test]
fn a_lost_store_and_a_lost_model_change_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    assert!(before["training"]["search"]["blend"]["n_users"].as_u64().unwrap() > 0);
    assert_eq!(before["users"].as_object().unwrap().len(), 16, "u5 became u4");
    drop(engine);
    for lost in [&[][..], &["store"], &["models"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(picture(&engine), before, "without {lost:?}");
    }
    // A damaged artifact is made again as well.
    let artifact =
        fs_err::read_dir(folder.path().join("models")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs_err::read(&artifact).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&artifact, bytes).unwrap();
    assert_eq!(picture(&open(folder.path())), before);
}

#[test]
fn a_damaged_store_is_folded_again_by_itself_and_one_that_is_only_out_of_reach_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    drop(engine);
    let store = folder.path().join("store");
    let keyspaces = fs_err::read_dir(store.join("keyspaces")).unwrap();
    let n_keyspaces = keyspaces.count();
    assert!(n_keyspaces > 20, "{n_keyspaces}");
    for lost in ["keyspaces/13", "keyspaces/1", "keyspaces/0", "keyspaces", "0.jnl", "version"] {
        let path = store.join(lost);
        if path.is_dir() {
            fs_err::remove_dir_all(path).unwrap()
        } else {
            fs_err::remove_file(path).unwrap()
        }
        assert_eq!(picture(&open(folder.path())), before, "without {lost}");
    }
    // Of a start that met a full disk.
    fs_err::write(store.join("version"), "").unwrap();
    assert_eq!(picture(&open(folder.path())), before);
    // A value that is not what this program writes, found only when the views are loaded.
    {
        let damaged = store::Store::open(&store, &profiles::KEYSPACES).unwrap();
        let mut batch = damaged.batch();
        for keyspace in profiles::KEYSPACES {
            batch.put(&damaged.keyspace(keyspace), b"x".to_vec(), b"y".to_vec());
        }
        batch.commit(damaged.position().unwrap()).unwrap();
    }
    assert_eq!(picture(&open(folder.path())), before);
    // While somebody else has it, nothing is wrong with it, and nothing is removed.
    let held = store::Store::open(&store, &[]).unwrap();
    let id = WorkspaceId::new("shop").unwrap();
    let error = Engine::open(id, folder.path(), &|_, _| {}).err().unwrap();
    assert!(matches!(error, EngineError::Store { .. }), "{error}");
    drop(held);
    assert_eq!(picture(&open(folder.path())), before);
}

#[test]
fn a_workspace_opens_without_its_model_and_makes_it_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    fill(&engine);
    let before = picture(&engine);
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("models")).unwrap();
    let options = EngineOptions { opens_without_model: true, ..EngineOptions::default() };
    let open_without = || {
        let id = WorkspaceId::new("shop").unwrap();
        Engine::open_with(id, folder.path(), &options, &|_, _| {}).unwrap()
    };
    // The entries' times are of this year and of another, which is a problem as well.
    let is_of_model = |problem: &Problem| matches!(problem, Problem::ModelLost { .. });
    let told_of = |engine: &Engine| {
        let problems = engine.problems().into_iter().filter(is_of_model);
        problems.map(|problem| problem.to_string()).collect::<String>()
    };
    let engine = open_without();
    let told = || told_of(&engine);
    assert!(
        told().contains(
            "its artifact is missing; until then lists are of the model before it, or what is trending"
        ),
        "{}",
        told()
    );
    let list = engine.recommend(engine.find_user("u3"), &asked(5, Exclusion::None)).unwrap();
    assert_eq!((list.items.len(), list.model), (5, None));
    // It cannot be made while something is in the way, a full disk or a file.
    let obstacle = folder.path().join("remake");
    fs_err::write(&obstacle, "").unwrap();
    assert!(engine.remake_lost_model().is_err());
    assert!(told().contains("the last attempt failed and is repeated: "), "{}", told());
    fs_err::remove_file(obstacle).unwrap();
    assert!(engine.remake_lost_model().unwrap());
    assert_eq!((told(), picture(&engine)), (String::new(), before.clone()));
    assert!(!engine.remake_lost_model().unwrap());
    drop(engine);
    let engine = open_without();
    assert_eq!((told_of(&engine), picture(&engine)), (String::new(), before));
}

#[test]
fn a_full_disk_refuses_and_recovers_and_a_failed_fsync_breaks() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let open = |disk: &FaultyDisk| {
        let id = WorkspaceId::new("shop").unwrap();
        Engine::open_on(id, folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap()
    };
    let engine = open(&disk);
    engine.submit_blocking(vec![viewed(0, 0, 0)]).unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 40));
    let refused = engine.submit_blocking(vec![viewed(1, 1, 1)]);
    assert!(matches!(refused, Err(SubmitError::Journal(_))), "{refused:?}");
    assert!(matches!(engine.health(), Health::Failing(_)));
    disk.set_capacity(None);
    // Ready again without anybody having to send something.
    for _ in 0..100 {
        if engine.health() == Health::Ready {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(engine.health(), Health::Ready);
    assert_eq!(engine.submit_blocking(vec![viewed(1, 1, 1)]).unwrap(), [Outcome::Applied]);

    // A workspace also opens while the disk is full.
    drop(engine);
    disk.set_capacity(Some(disk.used_bytes()));
    let engine = open(&disk);
    assert!(engine.submit_blocking(vec![viewed(2, 2, 2)]).is_err());
    let told = engine.problems().iter().map(ToString::to_string).collect::<String>();
    assert!(told.starts_with("nothing can be written: "), "{told}");
    assert_eq!(engine.snapshot().history(engine.find_user("u1").unwrap(), 9).len(), 1);
    disk.set_capacity(None);
    assert_eq!(engine.submit_blocking(vec![viewed(1, 1, 1)]).unwrap(), [Outcome::Duplicate]);
    assert!(engine.problems().is_empty());

    disk.set_fails_sync(true);
    assert!(engine.submit_blocking(vec![viewed(2, 2, 2)]).is_err());
    disk.set_fails_sync(false);
    assert!(matches!(engine.health(), Health::Broken(_)));
    assert!(engine.submit_blocking(vec![viewed(3, 3, 3)]).is_err());
    drop(engine);
    // What was acknowledged is there; of the rest nothing is promised.
    let engine = open(&disk.after_power_loss(0));
    let repeated = vec![viewed(0, 0, 0), viewed(1, 1, 1)];
    assert_eq!(engine.submit_blocking(repeated).unwrap(), [Outcome::Duplicate, Outcome::Duplicate]);
}

#[test]
fn a_journal_that_lost_what_the_store_has_seen_is_refused() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let id = || WorkspaceId::new("shop").unwrap();
    let engine = Engine::open_on(id(), folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
    engine.submit_blocking(vec![viewed(0, 0, 0)]).unwrap();
    drop(engine);
    let error = Engine::open_on(id(), folder.path(), Arc::new(FaultyDisk::default()), &|_, _| {})
        .err()
        .unwrap();
    assert!(
        error.describe().contains("everything below 1 was acknowledged"),
        "{}",
        error.describe()
    );
}

#[test]
fn a_data_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataFolder::open(folder.path()).unwrap();
    data.set_admin_token("secret").unwrap();
    let Err(error @ DataFolderError::Locked { .. }) = DataFolder::open(folder.path()) else {
        panic!("no lock")
    };
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    drop(data);
    assert!(DataFolder::open(folder.path()).unwrap().is_set_as_admin_token("secret"));
}
