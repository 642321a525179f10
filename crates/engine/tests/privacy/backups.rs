//! Backups from before a deletion hold the person; the next one into the same folder does not.

use engine::{DataFolder, back_up, restore};

use super::*;

#[test]
fn the_next_backup_into_the_same_folder_holds_nothing_of_the_person_and_is_restored() {
    let place = tempfile::tempdir().unwrap();
    let (data, backup) = (place.path().join("data"), place.path().join("backup"));
    let id = WorkspaceId::new("shop").unwrap();
    let scan = |folder: &Path| scan_folder(folder, &ann(), &mut |_| {}).unwrap();
    let with_engine = |work: &dyn Fn(&Engine)| {
        let folder = DataFolder::open(&data).unwrap();
        let engine = folder.open_workspace(&id, &|_, _| {}).unwrap();
        work(&engine);
    };
    with_engine(&|engine| {
        live_through(engine, ANN_2, "device-of-ann-172", "ann-before-19992");
        live_through(engine, ANN, DEVICE, OLD_ID);
    });
    back_up(&data, &backup, &|_| {}).unwrap();
    assert!(scan(&backup).found > 10);
    with_engine(&|engine| {
        let receipt = regulate(engine, RegulationType::SuppressWithDeleteInternal, ANN);
        assert_eq!(receipt.status, RegulationStatus::Finished);
        assert!(receipt.left[0].contains("Backups"));
        engine.submit_blocking(vec![track(engine, "z", json!({ "userId": ANN_2 }), "i1")]).unwrap();
    });
    assert_eq!(scan(&data).found, 0);
    let report = back_up(&data, &backup, &|_| {}).unwrap();
    assert!(report.failed.is_empty(), "{report:?}");
    let left = scan(&backup);
    assert_eq!((left.found, left.mentions), (0, 0), "{left:?}");
    assert_eq!(left.unreadable, Vec::<String>::new());
    assert!(left.entries > 20 && left.rows > 20, "{left:?}");
    // One more continues it as always.
    with_engine(&|engine| {
        engine.submit_blocking(vec![track(engine, "y", json!({ "userId": ANN_2 }), "i1")]).unwrap();
    });
    back_up(&data, &backup, &|_| {}).unwrap();
    let restored = place.path().join("restored");
    restore(&backup, &restored, None, &|_| {}).unwrap();
    let folder = DataFolder::open(&restored).unwrap();
    let engine = folder.open_workspace(&id, &|_, _| {}).unwrap();
    assert_eq!(engine.find_user(ANN), None);
    assert!(engine.find_user(ANN_2).is_some());
    assert!(engine.is_suppressed(ANN), "a restored backup refuses them too");
}
