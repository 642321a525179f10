//! People are named by ids that identity rules declare, such as an e-mail address.

use domain::{AudienceDefinition, ComputedTraitDefinition, Identity};

use super::receiver::await_that;
use super::*;

const ADDRESS: &str = "ann@shop.example";

pub(crate) fn open_with_rules(folder: &Path) -> Engine {
    let engine = open(folder);
    let rules: Identity = serde_json::from_value(json!({ "version": 1 })).unwrap();
    let mut settings = engine.config().settings();
    settings.identity = Some(rules);
    engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything).unwrap();
    engine
}

fn by_address(type_: RegulationType) -> NewRegulation {
    let email = ExternalIdType::from_word("email").unwrap();
    let (user_ids, anonymous_ids) = (Vec::new(), Vec::new());
    NewRegulation { type_, user_ids, anonymous_ids, other_ids: vec![(email, ADDRESS.to_owned())] }
}

fn identify(engine: &Engine, id: &str, user: &str) -> Entry {
    let body = json!({ "type": "identify", "messageId": id, "userId": user,
        "traits": { "email": ADDRESS } });
    message(engine, &body)
}

#[test]
fn a_suppressed_address_is_refused_under_any_user_id() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with_rules(folder.path());
    let submit = |entry| engine.submit_blocking(vec![entry]).unwrap().remove(0);
    assert_eq!(submit(identify(&engine, "1", ANN)), Outcome::Applied);
    let id = engine.begin_regulation(&regulation(RegulationType::SuppressOnly, ANN)).unwrap();
    engine.run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!(submit(identify(&engine, "2", "ann-again")), Outcome::Suppressed);
    let context = json!({ "userId": "ann-again", "context": { "traits": { "email": ADDRESS } } });
    assert_eq!(submit(track(&engine, "3", context, "i")), Outcome::Suppressed);
    assert_eq!(submit(track(&engine, "4", json!({ "userId": "bob" }), "i")), Outcome::Applied);
    let lifted = engine.begin_regulation(&by_address(RegulationType::Unsuppress)).unwrap();
    engine.run_regulation(lifted, &Surroundings::NONE).unwrap();
    assert_eq!(submit(identify(&engine, "5", ANN)), Outcome::Applied);
}

#[test]
fn a_deletion_by_address_removes_the_person_and_what_was_read_of_their_past() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with_rules(folder.path());
    let submit = |entries| engine.submit_blocking(entries).unwrap();
    let invite = json!({ "type": "track", "messageId": "4", "userId": "bob-at-home",
        "event": "Invited", "properties": { "whom": ANN, "email": ADDRESS } });
    submit(vec![
        identify(&engine, "1", ANN),
        track(&engine, "2", json!({ "userId": ANN }), "i1"),
        track(&engine, "3", json!({ "userId": "bob-at-home" }), "i1"),
        message(&engine, &invite),
    ]);
    let audience = AudienceDefinition {
        key: "viewers".to_owned(),
        name: None,
        condition: "did \"Product Viewed\" where product_id = \"i1\"".to_owned(),
        likely: None,
        sync: None,
    };
    engine.change_config(ConfigChange::put_audience(&audience), Expected::Anything).unwrap();
    let invited = json!({ "key": "invited", "type": "unique_list", "event": "Invited",
        "property": "whom" });
    let invited: ComputedTraitDefinition = serde_json::from_value(invited).unwrap();
    engine.change_config(ConfigChange::put_computed_trait(&invited), Expected::Anything).unwrap();
    let n_members = || engine.snapshot().audiences.n_members("viewers");
    await_that("two members", || {
        submit(vec![Entry::Tick { at: engine.now() }]);
        (n_members() == Some(2)).then_some(())
    });
    let id = engine.begin_regulation(&by_address(RegulationType::DeleteInternal)).unwrap();
    let receipt = engine.run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!((receipt.people, receipt.state.profiles), (1, 1));
    let scan = receipt.scan.unwrap();
    // What others did names the person: their message, and the value of the trait.
    assert!(scan.found == 0 && scan.mentions > 0, "{scan:?}");
    assert_eq!((engine.find_user(ANN), n_members()), (None, Some(1)));
    assert!(!shown_entries(&engine).contains(ADDRESS));
    engine.stop();
    assert_eq!(files_with(folder.path(), ADDRESS), Vec::<PathBuf>::new());
}

#[test]
fn types_of_ids_are_those_that_the_rules_know_or_of_which_somebody_has_the_id() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let why = engine.check_types(&by_address(RegulationType::SuppressOnly)).unwrap_err();
    assert!(why.contains("\"email\"") && why.contains("set rules"), "{why}");
    assert!(engine.check_types(&by_address(RegulationType::Unsuppress)).is_ok());
    engine.stop();
    drop(engine);

    let engine = open_with_rules(folder.path());
    assert!(engine.check_types(&by_address(RegulationType::SuppressOnly)).is_ok());
    let by = |type_: &str, value: &str| {
        let type_ = ExternalIdType::from_word(type_).unwrap();
        let other_ids = vec![(type_, value.to_owned())];
        NewRegulation { other_ids, ..by_address(RegulationType::DeleteInternal) }
    };
    let why = engine.check_types(&by("emial", ADDRESS)).unwrap_err();
    assert!(why.contains("\"emial\"") && why.contains("anonymous_id, "), "{why}");
    assert!(why.contains("email") && why.contains("ios.push_token"), "{why}");
    // Senders may name ids of any type: who has one can be named by it.
    let context = json!({ "userId": ANN, "context": { "externalIds": [
        { "id": "c-1", "type": "crm_id", "collection": "users", "encoding": "none" }] } });
    engine.submit_blocking(vec![track(&engine, "1", context, "i")]).unwrap();
    assert!(engine.check_types(&by("crm_id", "c-1")).is_ok());
    assert!(engine.check_types(&by("crm_id", "c-2")).unwrap_err().contains("nobody has this id"));
}

/// The ids of a person are suppressed and lifted together, whichever of them were named before and
/// after the deletion.
#[test]
fn all_ids_of_a_person_are_lifted_together_in_whatever_order_they_were_suppressed() {
    let by_user = |type_| regulation(type_, ANN);
    let by_old = |type_| regulation(type_, OLD_ID);
    let by_device = |type_| NewRegulation {
        user_ids: Vec::new(),
        anonymous_ids: vec![DEVICE.to_owned()],
        ..regulation(type_, ANN)
    };
    let by_all = |type_| NewRegulation {
        user_ids: vec![OLD_ID.to_owned(), ANN.to_owned()],
        ..by_address(type_)
    };
    type By<'a> = &'a dyn Fn(RegulationType) -> NewRegulation;
    let ways: [By<'_>; 5] = [&by_address, &by_user, &by_old, &by_device, &by_all];
    let ids = [ANN, OLD_ID, DEVICE, ADDRESS];
    for (first, second, third, lifting) in
        [(0, 1, 0, 0), (0, 0, 1, 2), (1, 0, 3, 0), (2, 1, 0, 3), (3, 4, 0, 1), (4, 2, 2, 0)]
    {
        let folder = tempfile::tempdir().unwrap();
        let engine = open_with_rules(folder.path());
        let run = |new: &NewRegulation| {
            let id = engine.begin_regulation(new).unwrap();
            engine.run_regulation(id, &Surroundings::NONE).unwrap()
        };
        let known = json!({ "type": "identify", "messageId": "1", "userId": ANN,
            "anonymousId": DEVICE, "traits": { "email": ADDRESS } });
        let alias =
            json!({ "type": "alias", "messageId": "2", "userId": ANN, "previousId": OLD_ID });
        let old = track(&engine, "3", json!({ "userId": OLD_ID }), "i");
        let entries = vec![old, message(&engine, &known), message(&engine, &alias)];
        engine.submit_blocking(entries).unwrap();
        let case = format!("{first} {second} {third}, lifted by {lifting}");

        let receipt = run(&ways[first](RegulationType::SuppressWithDeleteInternal));
        assert_eq!((receipt.suppressed_ids, receipt.state.profiles), (4, 1), "{case}");
        run(&ways[second](RegulationType::SuppressWithDeleteInternal));
        run(&ways[third](RegulationType::SuppressOnly));
        assert_eq!(engine.n_suppressed(), 1, "{case}");
        assert!(ids.iter().all(|id| engine.is_suppressed(id)), "{case}");

        let receipt = run(&ways[lifting](RegulationType::Unsuppress));
        assert_eq!((receipt.suppressed_ids, engine.n_suppressed()), (4, 0), "{case}");
        let left: Vec<_> = ids.iter().filter(|id| engine.is_suppressed(id)).collect();
        assert!(left.is_empty(), "{case}: {left:?}");
    }
}

#[test]
fn who_is_suppressed_with_somebody_else_stays_so_when_only_the_other_is_lifted() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with_rules(folder.path());
    let both = NewRegulation {
        user_ids: vec![ANN.to_owned(), "bob".to_owned()],
        ..regulation(RegulationType::SuppressOnly, ANN)
    };
    for new in [&both, &regulation(RegulationType::Unsuppress, ANN)] {
        let id = engine.begin_regulation(new).unwrap();
        engine.run_regulation(id, &Surroundings::NONE).unwrap();
    }
    assert!(!engine.is_suppressed(ANN) && engine.is_suppressed("bob"));
    drop(engine);
    assert!(open(folder.path()).is_suppressed("bob"));
}
