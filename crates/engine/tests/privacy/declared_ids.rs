//! People are named by ids that identity rules declare, such as an e-mail address.

use domain::{AudienceDefinition, ComputedTraitDefinition, Identity};

use super::receiver::await_that;
use super::*;

const ADDRESS: &str = "ann@shop.example";

fn open_with_rules(folder: &Path) -> Engine {
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
fn a_workspace_without_rules_does_not_know_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let why = by_address(RegulationType::SuppressOnly).check_types(&engine.config()).unwrap_err();
    assert!(why.contains("\"email\"") && why.contains("set rules"), "{why}");
    assert!(by_address(RegulationType::Unsuppress).check_types(&engine.config()).is_ok());
}
