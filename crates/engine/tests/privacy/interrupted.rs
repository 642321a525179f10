//! A regulation that ends at any step goes on when it is run again.

use std::cell::Cell;

use engine::{RegulationError, RegulationStep};

use super::*;

#[test]
fn a_regulation_that_ends_at_any_step_goes_on_in_the_next_process() {
    let kind = |step: &RegulationStep| std::mem::discriminant(step);
    let steps = [
        RegulationStep::Suppressing,
        RegulationStep::Deleting,
        RegulationStep::PurgingStore,
        RegulationStep::ErasingJournal(0.0),
        RegulationStep::Searching(0.0),
    ];
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    live_through(&engine, ANN_2, "device-of-ann-172", "ann-before-19992");
    live_through(&engine, ANN, DEVICE, OLD_ID);
    let new = regulation(RegulationType::SuppressWithDeleteInternal, ANN);
    let id = engine.begin_regulation(&new).unwrap();
    drop(engine);
    for last in steps {
        let engine = open(folder.path());
        assert_eq!(engine.pending_regulations().unwrap(), [id]);
        let is_interrupted = Cell::new(false);
        let around = Surroundings {
            note: &|step| {
                if kind(&step) == kind(&last) {
                    is_interrupted.set(true);
                }
            },
            is_interrupted: &|| is_interrupted.get(),
            ..Surroundings::NONE
        };
        let interrupted = engine.run_regulation(id, &around);
        assert!(matches!(interrupted, Err(RegulationError::Interrupted)), "{last:?}");
        drop(engine);
        if last == RegulationStep::ErasingJournal(0.0) {
            // What a lost store comes to has nothing of the person any more.
            fs_err::remove_dir_all(folder.path().join("store")).unwrap();
        }
    }
    let engine = open(folder.path());
    let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!(receipt.status, RegulationStatus::Finished, "{receipt:?}");
    assert_eq!((receipt.ids, receipt.state.profiles, receipt.state.interactions), (3, 1, 5));
    assert_eq!((receipt.scan.unwrap().found, receipt.resumed), (0, true));
    assert_eq!(engine.find_user(ANN), None);
    assert!(engine.find_user(ANN_2).is_some());
    assert!(matches!(
        engine.run_regulation(id, &Surroundings::NONE),
        Err(RegulationError::Unknown(_))
    ));
}

#[test]
fn a_draft_of_ids_that_a_crash_has_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let new = regulation(RegulationType::SuppressOnly, ANN);
    let id = engine.begin_regulation(&new).unwrap();
    let draft = folder.path().join(format!("privacy/{id}.new"));
    fs_err::write(&draft, ANN).unwrap();
    assert_eq!(engine.next_pass().unwrap(), [id]);
    assert!(!draft.exists());
}
