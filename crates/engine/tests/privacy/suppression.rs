//! New data of suppressed people is refused, whichever way it comes.

use serde_json::json;

use super::*;

#[test]
fn a_suppressed_person_is_refused_through_each_way_in_until_that_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    live_through(&engine, ANN, DEVICE, OLD_ID);
    let receipt = regulate(&engine, RegulationType::SuppressOnly, ANN);
    assert_eq!((receipt.status, receipt.suppressed_ids), (RegulationStatus::Finished, 3));
    assert_eq!((receipt.scan, engine.n_suppressed()), (None, 1));
    let user = engine.find_user(ANN).unwrap();
    let end = |engine: &Engine| engine.counts().journal_entries;
    let before = (end(&engine), format!("{:?}", engine.snapshot().history(user, 100)));

    let submit = |entry| engine.submit_blocking(vec![entry]).unwrap().remove(0);
    let identify = json!({ "type": "identify", "messageId": "x", "userId": ANN, "traits": {} });
    let alias =
        json!({ "type": "alias", "messageId": "y", "userId": "bob-at-home", "previousId": ANN });
    for entry in [
        track(&engine, "a", json!({ "userId": ANN }), "i8"),
        track(&engine, "b", json!({ "anonymousId": DEVICE }), "i8"),
        track(&engine, "c", json!({ "userId": "bob-at-home", "anonymousId": DEVICE }), "i8"),
        track(&engine, "d", json!({ "userId": OLD_ID }), "i8"),
        message(&engine, &identify),
        message(&engine, &alias),
        rejection(&engine, ANN),
        command(&engine, Command::Add { kind: EntityKind::User, id: ANN.to_owned() }),
        command(
            &engine,
            Command::SetValues {
                kind: EntityKind::User,
                id: ANN.to_owned(),
                values: "{}".to_owned(),
                cascade_create: true,
            },
        ),
        command(
            &engine,
            Command::AddInteraction { interaction: interaction(ANN, "i8"), cascade_create: true },
        ),
        Entry::Interactions {
            received_at: engine.now(),
            interactions: vec![interaction(ANN, "i8")],
        },
    ] {
        assert_eq!(submit(entry), Outcome::Suppressed);
    }
    // Nothing of it is journalled, and it is counted.
    assert_eq!((end(&engine), format!("{:?}", engine.snapshot().history(user, 100))), before);
    assert_eq!(engine.n_refused_of_suppressed(), 11);

    // Of an import of several people, theirs are left out.
    let interactions = vec![interaction(ANN, "i8"), interaction("carl-at-sea", "i8")];
    let imported = engine.import_interactions(interactions).unwrap();
    assert_eq!((imported.added, imported.suppressed), (1, 1));
    // Others are taken, one of a similar id too.
    let other = track(&engine, "e", json!({ "userId": ANN_2 }), "i8");
    assert_eq!(submit(other), Outcome::Applied);

    // What was on its way when they were suppressed is refused by the fold: see `state`.
    // Whoever lifts it by one id lifts it for all ids of the person.
    let receipt = regulate(&engine, RegulationType::Unsuppress, OLD_ID);
    assert_eq!((receipt.status, receipt.suppressed_ids), (RegulationStatus::Finished, 3));
    assert_eq!(engine.n_suppressed(), 0);
    let welcome = track(&engine, "f", json!({ "anonymousId": DEVICE }), "i8");
    assert_eq!(submit(welcome), Outcome::Applied);
}

#[test]
fn a_suppressed_text_is_refused_as_an_id_of_any_type_and_with_white_space_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    // Nobody has sent any of them yet.
    let new = NewRegulation {
        type_: RegulationType::SuppressOnly,
        user_ids: vec![ANN.to_owned(), format!(" {OLD_ID}\t")],
        anonymous_ids: vec![DEVICE.to_owned()],
        other_ids: Vec::new(),
    };
    let id = engine.begin_regulation(&new).unwrap();
    let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!((receipt.people, receipt.suppressed_ids), (3, 3));
    let before = engine.counts().journal_entries;
    let submit = |entry| engine.submit_blocking(vec![entry]).unwrap().remove(0);
    let alias = |ids: Value| {
        let mut body = json!({ "type": "alias", "messageId": "a" });
        body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        message(&engine, &body)
    };
    let mut n = 0;
    for id in [ANN, OLD_ID, DEVICE] {
        for id in [id.to_owned(), format!(" {id}"), format!("{id}\u{2003}"), format!("\u{a0}{id} ")]
        {
            let further = json!({ "userId": "bob", "context": {
                "externalIds": [{ "id": id, "type": "crm_id", "collection": "users" }] } });
            for entry in [
                track(&engine, "m", json!({ "userId": id }), "i"),
                track(&engine, "m", json!({ "anonymousId": id }), "i"),
                track(&engine, "m", further, "i"),
                alias(json!({ "userId": "bob", "previousId": id })),
                alias(json!({ "userId": id, "previousId": "bob" })),
                rejection(&engine, &id),
                command(&engine, Command::Add { kind: EntityKind::User, id: id.clone() }),
                command(
                    &engine,
                    Command::AddInteraction {
                        interaction: interaction(&id, "i"),
                        cascade_create: true,
                    },
                ),
                Entry::Interactions {
                    received_at: engine.now(),
                    interactions: vec![interaction(&id, "i")],
                },
                Entry::ListImpressions { lists: vec![list(&engine, &id)] },
            ] {
                let shown = format!("{entry:?}");
                assert_eq!(submit(entry), Outcome::Suppressed, "{shown}");
                n += 1;
            }
        }
    }
    assert_eq!((engine.counts().journal_entries, engine.n_refused_of_suppressed()), (before, n));
    // It is lifted by the text as well.
    let new = NewRegulation {
        type_: RegulationType::Unsuppress,
        user_ids: vec![format!("{DEVICE} ")],
        anonymous_ids: vec![ANN.to_owned(), OLD_ID.to_owned()],
        other_ids: Vec::new(),
    };
    let id = engine.begin_regulation(&new).unwrap();
    let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!((receipt.suppressed_ids, engine.n_suppressed()), (3, 0));
    let taken = track(&engine, "m", json!({ "userId": format!(" {ANN}") }), "i");
    assert_eq!(submit(taken), Outcome::Applied);
}

#[test]
fn a_regulation_names_people_in_bounds() {
    let new = |ids: Vec<String>| NewRegulation {
        type_: RegulationType::SuppressOnly,
        user_ids: ids,
        anonymous_ids: Vec::new(),
        other_ids: Vec::new(),
    };
    assert!(new(vec!["x".to_owned(); 5_000]).check().is_ok());
    assert!(new(vec!["x".to_owned(); 5_001]).check().unwrap_err().contains("5001 people"));
    assert!(new(Vec::new()).check().is_err());
    assert!(new(vec![String::new()]).check().is_err());
    assert!(new(vec!["x".repeat(1_001)]).check().is_err());
}
