//! Data that is damaged, cut or gone is noticed and named, and nothing is given up unless somebody
//! says so.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use domain::{Arrival, Envelope, Timestamp, WorkspaceId, check_message};
use engine::{
    DataFolder, Engine, Entry, Finding, Health, LockedFolder, Outcome, TrainingOptions,
    Verification,
};
use serde_json::json;
use store::{Read, Store};
use testkit::{EIO, FaultyDisk, Operation};

fn shop() -> WorkspaceId {
    WorkspaceId::new("shop").unwrap()
}

fn viewed(n: u32) -> Entry {
    let body = json!({
        "type": "track", "messageId": format!("m{n}"), "userId": format!("u{}", n % 17), "event": "Product Viewed",
        "timestamp": 1_600_000_000 + n, "properties": { "product_id": format!("i{}", n * n % 23) },
    });
    let arrival =
        Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    Entry::Message(Box::new(message))
}

/// Opens the workspace of a data folder and hands it over.
fn with_engine<T>(data: &Path, act: impl FnOnce(&Engine) -> T) -> T {
    let data = DataFolder::open(data).unwrap();
    let engine = data.open_workspace(&shop(), &|_, _| {}).unwrap();
    act(&engine)
}

/// A data folder with one workspace that has trained.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    with_engine(folder.path(), |engine| {
        for first in (0..400).step_by(10) {
            engine.submit_blocking((first..first + 10).map(viewed).collect()).unwrap();
        }
        engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    });
    // A second process, whose batches are other ones.
    with_engine(folder.path(), |engine| {
        engine.submit_blocking((400..450).map(viewed).collect()).map(drop)
    })
    .unwrap();
    folder
}

fn verify(data: &Path) -> Verification {
    LockedFolder::lock(data).unwrap().verify_workspace(&shop(), &|_| {}).unwrap()
}

fn open_error(data: &Path) -> String {
    let data = DataFolder::open(data).unwrap();
    assert_eq!(data.workspaces().unwrap(), [shop()]);
    data.open_workspace(&shop(), &|_, _| {}).err().expect("a loss was not noticed").describe()
}

fn segment(data: &Path) -> std::path::PathBuf {
    data.join("workspaces/shop/journal/00000000000000000000.seg")
}

#[test]
fn a_journal_that_is_gone_is_noticed_though_everything_else_of_the_workspace_is_lost_with_it() {
    let folder = filled();
    let data = folder.path();
    let entries = with_engine(data, |engine| engine.counts().journal_entries);
    let whole = fs_err::read(segment(data)).unwrap();
    for lost in ["workspaces/shop/journal", "workspaces/shop", "workspaces"] {
        fs_err::remove_dir_all(data.join(lost)).unwrap();
        // Refused, and refused again: the empty folder that the first try may leave is no new
        // workspace.
        for _ in 0..2 {
            let error = open_error(data);
            assert!(
                error.contains(&format!("entries 0 to {} are missing", entries - 1)),
                "{error}"
            );
            assert!(error.contains("accept-loss"), "{error}");
        }
        let found = verify(data);
        assert!(matches!(&found.problems[..], [Finding::Journal { .. }]), "{:?}", found.problems);
        fs_err::create_dir_all(segment(data).parent().unwrap()).unwrap();
        fs_err::write(segment(data), &whole).unwrap();
        with_engine(data, |engine| assert_eq!(engine.counts().journal_entries, entries));
    }
}

#[test]
fn a_loss_is_accepted_only_as_far_as_it_was_shown_and_the_store_follows() {
    let folder = filled();
    let data = folder.path();
    let whole = fs_err::read(segment(data)).unwrap();
    fs_err::write(segment(data), &whole[..whole.len() - 3]).unwrap();
    let error = open_error(data);
    assert!(error.contains("are missing"), "{error}");
    let (end, acknowledged) = {
        let locked = LockedFolder::lock(data).unwrap();
        let loss = locked.assess_loss(Some(&shop())).unwrap();
        assert!(!loss.is_nothing() && loss.store_position == Some(loss.acknowledged));
        locked.accept_loss(Some(&shop()), &loss).unwrap();
        assert!(locked.assess_loss(Some(&shop())).unwrap().is_nothing());
        assert!(locked.assess_loss(None).unwrap().is_nothing());
        (loss.journal_end(), loss.acknowledged)
    };
    assert!(end > 0 && end < acknowledged);
    with_engine(data, |engine| {
        assert_eq!(engine.counts().journal_entries, end);
        engine.submit_blocking(vec![viewed(1_000)]).unwrap();
    });
    assert_eq!(verify(data).problems, []);
    // Damage within is no loss of the end.
    let mut bytes = whole;
    bytes[100] ^= 1;
    fs_err::write(segment(data), &bytes).unwrap();
    let error = LockedFolder::lock(data).unwrap().assess_loss(Some(&shop())).unwrap_err();
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
}

#[test]
fn a_data_folder_of_before_gets_its_records_and_an_unreadable_one_is_vouched_for_by_the_store() {
    let folder = filled();
    let data = folder.path();
    fs_err::remove_dir_all(data.join("ends")).unwrap();
    with_engine(data, |_| {});
    let record = data.join("ends/shop.end");
    let whole = fs_err::read(&record).unwrap();
    fs_err::write(&record, vec![7; whole.len()]).unwrap();
    assert!(matches!(&verify(data).problems[..], [Finding::EndRecord { .. }]));
    with_engine(data, |_| {});
    assert_eq!(verify(data).problems, []);
    // Without a store nobody vouches.
    fs_err::write(&record, vec![7; whole.len()]).unwrap();
    fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
    let error = open_error(data);
    assert!(error.contains("shop.end is unreadable"), "{error}");
}

#[test]
fn an_emptied_record_hides_no_cut_and_a_stray_one_makes_no_workspace() {
    let folder = filled();
    let data = folder.path();
    let cut = || {
        let bytes = fs_err::read(segment(data)).unwrap();
        fs_err::write(segment(data), &bytes[..bytes.len() - 3]).unwrap();
        fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
    };
    // Of a data folder of before: the model alone says that the journal went further.
    fs_err::remove_dir_all(data.join("ends")).unwrap();
    let bytes = fs_err::read(segment(data)).unwrap();
    let artifact = || {
        fs_err::read_dir(data.join("workspaces/shop/models"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    let model = artifact();
    fs_err::rename(&model, model.with_file_name("000000000451.model")).unwrap();
    cut();
    let error = open_error(data);
    assert!(error.contains("to 450 are missing"), "{error}");
    assert!(verify(data).problems[0].to_string().contains("to 450 of journal shop are missing"));
    {
        let locked = LockedFolder::lock(data).unwrap();
        let loss = locked.assess_loss(Some(&shop())).unwrap();
        assert!(!loss.is_nothing() && loss.acknowledged == 451);
        locked.accept_loss(Some(&shop()), &loss).unwrap();
    }
    with_engine(data, |_| {});
    // Emptied, it is no record that was never there.
    fs_err::write(segment(data), bytes).unwrap();
    fs_err::remove_dir_all(data.join("workspaces/shop/models")).unwrap();
    fs_err::write(data.join("ends/shop.end"), "").unwrap();
    cut();
    let error = open_error(data);
    assert!(error.contains("shop.end is unreadable"), "{error}");
    assert!(
        LockedFolder::lock(data).unwrap().assess_loss(Some(&shop())).unwrap().is_record_unreadable
    );

    fs_err::write(data.join("ends/ghost.end"), "hello").unwrap();
    let ghost = WorkspaceId::new("ghost").unwrap();
    let opened = DataFolder::open(data).unwrap();
    for _ in 0..2 {
        let error = opened.open_workspace(&ghost, &|_, _| {}).err().unwrap().describe();
        assert!(error.contains("ghost.end is unreadable"), "{error}");
    }
    assert!(!data.join("workspaces/ghost").exists());
}

#[test]
fn files_of_another_workspace_are_told_apart() {
    let folder = filled();
    let data = folder.path();
    let (shop_folder, news) = (data.join("workspaces/shop"), WorkspaceId::new("news").unwrap());
    // Somebody copies a workspace under another name: nobody is served the data of another.
    copy_folder(&shop_folder, &data.join("workspaces/news"));
    let opened = DataFolder::open(data).unwrap();
    let error = opened
        .open_workspace(&news, &|_, _| {})
        .err()
        .expect("the segments are the shop's")
        .describe();
    assert!(
        error.contains("workspaces/news/journal/") && error.contains("of another journal"),
        "{error}"
    );
    drop(opened);
    let found = LockedFolder::lock(data).unwrap().verify_workspace(&news, &|_| {}).unwrap();
    assert!(format!("{:?}", found.problems).contains("of another journal"), "{:?}", found.problems);

    let models = shop_folder.join("models");
    let model = fs_err::read_dir(&models).unwrap().next().unwrap().unwrap().path();
    fs_err::rename(&model, models.join("000000000007.model")).unwrap();
    let found = verify(data);
    assert!(format!("{:?}", found.problems).contains("holds the model"), "{:?}", found.problems);
}

fn copy_folder(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs_err::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn a_failed_write_is_refused_with_its_own_reason_and_needs_no_restart() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let engine =
        Engine::open_on(shop(), folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
    engine.submit_blocking(vec![viewed(0)]).unwrap();
    disk.fail_next(Operation::Write, EIO);
    let refused = engine.submit_blocking(vec![viewed(1)]).unwrap_err().to_string();
    assert!(
        refused.contains("cannot write segment") && refused.contains("os error 5"),
        "{refused}"
    );
    assert!(matches!(engine.health(), Health::Failing(why) if why == refused));
    assert_eq!(engine.submit_blocking(vec![viewed(1)]).unwrap(), [Outcome::Applied]);
    assert_eq!(engine.health(), Health::Ready);
}

#[test]
fn a_data_folder_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = filled();
    let data = folder.path();
    let modes = || {
        ["", "workspaces", "workspaces/shop", "ends", "system", "tastemaker.lock", "ends/shop.end"]
            .map(|name| {
                (name, fs_err::metadata(data.join(name)).unwrap().permissions().mode() & 0o777)
            })
    };
    let closed = modes();
    assert!(
        closed.iter().all(|(name, mode)| *mode == if name.contains('.') { 0o600 } else { 0o700 }),
        "{closed:?}"
    );
    // As an older program left them.
    for (name, mode) in &closed {
        fs_err::set_permissions(data.join(name), std::fs::Permissions::from_mode(mode | 0o044))
            .unwrap();
    }
    with_engine(data, |_| {});
    assert_eq!(modes(), closed);
}

#[test]
fn a_flipped_bit_and_a_changed_value_are_found_and_named() {
    let folder = filled();
    let data = folder.path();
    let found = verify(data);
    assert_eq!(found.problems, []);
    assert!(found.pairs > 100 && found.models == 1 && found.entries == 451, "{found:?}");
    assert!(!data.join("workspaces/shop/verify").exists());

    let store_folder = data.join("workspaces/shop/store");
    let name = profiles::KEYSPACES[1];
    {
        let store = Store::open(&store_folder, &profiles::KEYSPACES).unwrap();
        let keyspace = store.keyspace(name);
        let (key, mut value) = store.scan(&keyspace, &[]).next().unwrap().unwrap();
        value.push(0);
        let mut batch = store.batch();
        batch.put(&keyspace, key, value);
        batch.put(&keyspace, b"stray".to_vec(), b"x".to_vec());
        batch.commit(store.position().unwrap()).unwrap();
    }
    let found = verify(data);
    let [Finding::StoreDiffers { keyspace, different: 1, missing: 0, extra: 1, .. }] =
        &found.problems[..]
    else {
        panic!("{:?}", found.problems)
    };
    assert_eq!(*keyspace, name);
    fs_err::remove_dir_all(&store_folder).unwrap();
    with_engine(data, |_| {});
    assert_eq!(verify(data).problems, []);

    let artifact = fs_err::read_dir(data.join("workspaces/shop/models"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let model = fs_err::read(&artifact).unwrap();
    fs_err::write(&artifact, &model[..model.len() - 9]).unwrap();
    assert!(matches!(&verify(data).problems[..], [Finding::Model { .. }]));
    fs_err::write(&artifact, model).unwrap();

    with_engine(data, |engine| {
        let whole = engine.check_journal(&mut |_| ControlFlow::Continue(()));
        assert!(whole.is_complete && engine.findings().is_empty());
        let mut bytes = fs_err::read(segment(data)).unwrap();
        let byte = bytes.len() / 2;
        bytes[byte] ^= 16;
        fs_err::write(segment(data), &bytes).unwrap();
        let mut n_read = 0;
        engine.check_journal(&mut |bytes| {
            n_read += bytes;
            ControlFlow::Continue(())
        });
        assert!(n_read > 0 && n_read < whole.bytes);
        let problems = engine.findings();
        assert!(
            problems[0]
                .to_string()
                .contains("shop/journal/00000000000000000000.seg is damaged at byte"),
            "{problems:?}"
        );
        // A check that was stopped takes nothing back.
        engine.check_journal(&mut |_| ControlFlow::Break(()));
        assert_eq!(engine.findings(), problems);
        bytes[byte] ^= 16;
        fs_err::write(segment(data), &bytes).unwrap();
        engine.check_journal(&mut |_| ControlFlow::Continue(()));
        assert_eq!(engine.findings(), []);
        bytes[byte] ^= 16;
        fs_err::write(segment(data), &bytes).unwrap();
    });
    let found = verify(data);
    assert!(
        found.problems[0].to_string().contains("00000000000000000000.seg is damaged at byte"),
        "{:?}",
        found.problems
    );
}
