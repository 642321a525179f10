//! Regulations that wait are done in one pass.

use std::cell::Cell;

use engine::{PASS_PEOPLE_MAX, PASS_REGULATIONS_MAX, RegulationStep};

use super::*;

fn named(type_: RegulationType, user_ids: &[&str], anonymous_ids: &[&str]) -> NewRegulation {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let (user_ids, anonymous_ids) = (owned(user_ids), owned(anonymous_ids));
    NewRegulation { type_, user_ids, anonymous_ids, other_ids: Vec::new() }
}

#[test]
fn a_person_who_is_named_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    live_through(&engine, ANN, DEVICE, OLD_ID);
    live_through(&engine, ANN_2, "device-of-ann-172", "ann-before-19992");
    for type_ in [RegulationType::SuppressOnly, RegulationType::DeleteInternal] {
        let new = named(type_, &[ANN, ANN_2, ANN, " nobody-17", "nobody-17"], &[DEVICE]);
        let id = engine.begin_regulation(&new).unwrap();
        assert_eq!(engine.regulations()[0].n_people, 3);
        let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
        let n_profiles = if type_.deletes() { 2 } else { 0 };
        assert_eq!((receipt.people, receipt.state.profiles), (3, n_profiles), "{receipt:?}");
        assert_eq!(receipt.ids, 8, "three of each of the two, and one with and without a space");
        assert_eq!(receipt.suppressed_ids, if type_.suppresses() { 7 } else { 0 });
    }
}

#[test]
fn whoever_is_named_with_space_around_the_id_or_as_the_other_kind_is_found() {
    for (users, devices) in [([" ann-000017 "], vec![]), (["nobody-17"], vec![ANN])] {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        live_through(&engine, ANN, DEVICE, OLD_ID);
        let new = named(RegulationType::DeleteInternal, &users, &devices);
        let id = engine.begin_regulation(&new).unwrap();
        let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
        assert_eq!(
            (receipt.state.profiles, receipt.scan.as_ref().unwrap().found),
            (1, 0),
            "{receipt:?}"
        );
        assert_eq!(engine.find_user(ANN), None);
    }
}

#[test]
fn regulations_that_wait_are_done_in_one_pass_with_a_receipt_of_its_own_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    live_through(&engine, ANN, DEVICE, OLD_ID);
    live_through(&engine, ANN_2, "device-of-ann-172", "ann-before-19992");
    live_through(&engine, "carl-000018", "device-of-carl", "carl-before");
    let carl = engine.find_user("carl-000018").unwrap();
    let carls = format!("{:?}", engine.snapshot().history(carl, 100));
    let asked = [
        named(RegulationType::SuppressOnly, &["dora-000019"], &[]),
        named(RegulationType::SuppressWithDeleteInternal, &[ANN], &[]),
        named(RegulationType::DeleteInternal, &[ANN_2], &["nobody-0001"]),
        named(RegulationType::DeleteInternal, &[OLD_ID], &[]),
    ];
    let ids: Vec<_> = asked.iter().map(|new| engine.begin_regulation(new).unwrap()).collect();
    assert_eq!(engine.next_pass().unwrap(), ids);

    // Whoever is not suppressed comes back while the journal is written anew.
    let (is_back, steps) = (Cell::new(false), Cell::new(0));
    let around = Surroundings {
        note: &|step| {
            steps.set(steps.get() + i32::from(step == RegulationStep::PurgingStore));
            if matches!(step, RegulationStep::ErasingJournal(_)) && !is_back.replace(true) {
                let again = track(&engine, "again", json!({ "userId": ANN_2 }), "i1");
                engine.submit_blocking(vec![again]).unwrap();
            }
        },
        ..Surroundings::NONE
    };
    let results = engine.run_regulations(&ids, &around).unwrap();
    assert_eq!((steps.get(), is_back.get(), results.len()), (1, true, 4));
    assert_eq!(engine.next_pass().unwrap(), Vec::<uuid::Uuid>::new());
    let receipts: Vec<Receipt> =
        ids.iter().map(|id| engine.regulation(*id).unwrap().unwrap().1.unwrap()).collect();
    for (id, result) in results {
        let kept = receipts.iter().find(|receipt| receipt.id == id);
        assert_eq!(kept, Some(&result.unwrap()));
    }
    let counts: Vec<_> = receipts
        .iter()
        .map(|one| (one.regulations, one.people, one.ids, one.suppressed_ids, one.state.profiles))
        .collect();
    // The last one names a person whom the second has removed.
    assert_eq!(counts, [(1, 1, 1, 1, 0), (3, 1, 3, 3, 1), (3, 2, 4, 0, 1), (3, 1, 3, 0, 0)]);
    let interactions: Vec<_> = receipts.iter().map(|one| one.state.interactions).collect();
    assert_eq!(interactions, [0, 5, 5, 0]);
    let scan = receipts[1].scan.clone().unwrap();
    assert_eq!((scan.found, scan.ids, receipts[0].scan.is_none()), (0, 7, true), "{scan:?}");
    assert!(scan.arrived_since > 0, "{scan:?}");
    assert!(receipts[1].journal.erased >= 24, "{:?}", receipts[1].journal);
    for of_all in &receipts[2..] {
        assert_eq!((of_all.journal, of_all.snapshot), (receipts[1].journal, receipts[1].snapshot));
        assert_eq!(
            (of_all.scan.as_ref(), of_all.status),
            (Some(&scan), RegulationStatus::Finished)
        );
    }
    drop(engine);

    // What has arrived since is in the journal as well as in the state.
    for lost in [None, Some("store")] {
        lost.iter().for_each(|lost| fs_err::remove_dir_all(folder.path().join(lost)).unwrap());
        let engine = open(folder.path());
        assert_eq!((engine.find_user(ANN), engine.find_user(OLD_ID)), (None, None), "{lost:?}");
        assert_eq!(format!("{:?}", engine.snapshot().history(carl, 100)), carls, "{lost:?}");
        let back = engine.find_user(ANN_2).unwrap();
        assert_eq!(engine.snapshot().history(back, 100).len(), 1, "{lost:?}");
        assert_eq!(engine.find_user("device-of-ann-172"), None, "{lost:?}");
    }
}

#[test]
fn a_pass_is_bounded_by_people_and_by_regulations() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let begin = |n: usize| {
        let user_ids = (0..n).map(|at| format!("customer-{at:06}")).collect();
        let type_ = RegulationType::Unsuppress;
        let new =
            NewRegulation { type_, user_ids, anonymous_ids: Vec::new(), other_ids: Vec::new() };
        engine.begin_regulation(&new).unwrap()
    };
    let all = begin(PASS_PEOPLE_MAX);
    let few: Vec<_> = (0..PASS_REGULATIONS_MAX + 1).map(|_| begin(1)).collect();
    for pass in [&[all][..], &few[..PASS_REGULATIONS_MAX], &few[PASS_REGULATIONS_MAX..]] {
        assert_eq!(engine.next_pass().unwrap(), pass);
        let results = engine.run_regulations(pass, &Surroundings::NONE).unwrap();
        assert!(results.iter().all(|(_, result)| result.is_ok()));
    }
    assert_eq!(engine.next_pass().unwrap(), Vec::<uuid::Uuid>::new());
}
