//! Identity by the rules of a workspace: the flat matching of the ids of messages.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use domain::{Arrival, Envelope, Identity, Message, Timestamp, UserIdx, check_message};
use profiles::{ExternalId, ExternalIdType, IdentityRules, KEYSPACES, Origin, Profiles};
use serde_json::{Value, json};
use store::Store;

const DAY_MS: i64 = 86_400_000;

struct Fixture {
    store: Store,
    profiles: Profiles,
    rules: IdentityRules,
    position: u64,
    _folder: tempfile::TempDir,
}

fn message(value: &Value, at: Timestamp) -> Message {
    let arrival = Arrival { received_at: at, source: "web", peer_ip: None };
    check_message(&value.to_string(), None, &Envelope::default(), &arrival).unwrap()
}

fn identify(user: &str, anonymous: &str, email: &str) -> Value {
    let mut value = json!({ "type": "identify", "traits": {} });
    let mut set = |key: &str, text: &str| {
        if !text.is_empty() {
            value[key] = text.into();
        }
    };
    set("userId", user);
    set("anonymousId", anonymous);
    if !email.is_empty() {
        value["traits"]["email"] = email.into();
    }
    value
}

impl Fixture {
    fn new(rules: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &KEYSPACES).unwrap();
        let profiles = Profiles::load(&store).unwrap();
        let config: Identity = serde_json::from_value(rules).unwrap();
        config.validate().unwrap();
        let rules = IdentityRules::new(&config);
        Self { store, profiles, rules, position: 0, _folder: folder }
    }

    /// Applies a message that arrives on a day, and returns on whom it landed.
    fn apply(&mut self, value: &Value, day: i64) -> Option<UserIdx> {
        let message = message(value, Timestamp(day * DAY_MS));
        let mut batch = self.store.batch();
        let origin = Origin::message(self.position, &message);
        let ids = self.rules.ids_of(&message);
        let resolved =
            self.profiles.resolve_by_rules(&mut batch, &self.rules, ids, origin).unwrap();
        self.position += 1;
        batch.commit(self.position).unwrap();
        resolved.user
    }

    /// The ids of every profile, also after they are loaded from the store again.
    fn print(&self) -> String {
        let printed = print(&self.store, &self.profiles);
        assert_eq!(printed, print(&self.store, &Profiles::load(&self.store).unwrap()));
        printed
    }
}

fn print(store: &Store, profiles: &Profiles) -> String {
    let users = (0..profiles.ids().n_users() as u32).map(UserIdx);
    let alive = users.filter(|user| profiles.ids().is_alive(*user));
    let lines = alive.map(|user| {
        let ids = profiles.identifiers(store, user).unwrap();
        let ids: Vec<String> = ids
            .iter()
            .map(|id| {
                let found = profiles
                    .ids()
                    .user_by_external_id(ExternalId { type_: id.type_, value: &id.value });
                assert_eq!(found == Some(user), id.is_unique, "{}", id.value);
                format!("{}:{}", id.type_.word(), id.value)
            })
            .collect();
        format!("{} {} {}", user.0, profiles.ids().user_id(user).unwrap_or("-"), ids.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_id_that_would_give_a_profile_two_user_ids_is_left_out() {
    let mut fixture = Fixture::new(json!({ "version": 1 }));
    fixture.apply(&identify("abc123", "", "jane@example.com"), 0);
    // The address is Jane's: it is left out, and the message makes a new profile.
    fixture.apply(&identify("abc456", "", "jane@example.com"), 0);
    // A device with two people on it.
    fixture.apply(&identify("abc123", "laptop", ""), 0);
    fixture.apply(&identify("abc456", "laptop", ""), 0);
    insta::assert_snapshot!(fixture.print(), @r"
    0 abc123 user_id:abc123 anonymous_id:laptop email:jane@example.com
    1 abc456 user_id:abc456
    ");
}

#[test]
fn one_message_merges_all_who_have_its_ids_into_who_is_known() {
    let mut fixture = Fixture::new(json!({ "version": 1 }));
    fixture.apply(&identify("", "phone", "ann@example.com"), 0);
    fixture.apply(&identify("", "laptop", ""), 0);
    fixture.apply(&identify("ann", "tablet", ""), 0);
    fixture.apply(&identify("", "laptop", "ann@example.com"), 0);
    fixture.apply(&identify("ann", "phone", ""), 0);
    insta::assert_snapshot!(fixture.print(), @"2 ann user_id:ann anonymous_id:laptop anonymous_id:phone anonymous_id:tablet email:ann@example.com");
    let merges = fixture.profiles.merges(&fixture.store, UserIdx(2)).unwrap();
    assert_eq!(merges.len(), 2);
}

#[test]
fn blocked_values_are_no_ids() {
    let rules =
        json!({ "version": 1, "id_type": [{ "name": "email", "blocked": ["test@example.com"] }] });
    let mut fixture = Fixture::new(rules);
    for user in ["null", "anonymous", "-1", "0000-0000", "0"] {
        assert_eq!(fixture.apply(&identify(user, "", ""), 0), None, "{user}");
    }
    let device = fixture.apply(&identify("null", "phone", "test@example.com"), 0);
    assert_eq!(device, fixture.apply(&identify("", "phone", ""), 0));
    insta::assert_snapshot!(fixture.print(), @"0 - anonymous_id:phone");
}

#[test]
fn a_limit_counts_what_was_added_in_its_period() {
    let rules = json!({ "version": 1, "id_type": [
        { "name": "anonymous_id", "limit": 2, "period": "weekly" }, { "name": "email", "limit": 0 },
    ] });
    let mut fixture = Fixture::new(rules);
    for (day, device) in [(0, "a"), (1, "b"), (2, "c"), (9, "d")] {
        fixture.apply(&identify("ann", device, "ann@example.com"), day);
    }
    // The third within a week belongs to nobody.
    insta::assert_snapshot!(fixture.print(), @"0 ann user_id:ann anonymous_id:a anonymous_id:b anonymous_id:d");
}

#[test]
fn declared_types_come_from_their_places_and_the_list_of_external_ids() {
    let rules = json!({ "version": 1, "id_type": [
        { "name": "phone", "priority": 3, "from": ["traits.phone", "properties.customer.phone"] },
        { "name": "household", "unique": false, "from": ["traits.household"] },
    ] });
    let mut fixture = Fixture::new(rules);
    let ann = json!({ "type": "identify", "userId": "ann", "traits": { "phone": 4917, "household": "h1" } });
    let bob = json!({ "type": "identify", "userId": "bob", "traits": { "household": "h1" } });
    let call = json!({ "type": "track", "anonymousId": "desk", "event": "Called",
                       "properties": { "customer": { "phone": "4917" } } });
    let external = |id: &str, type_: &str, collection: &str| json!({ "id": id, "type": type_, "collection": collection, "encoding": "none" });
    let app = json!({ "type": "track", "anonymousId": "app", "event": "Opened", "context": {
        "device": { "type": "iOS", "id": "d1", "advertisingId": "ad1", "adTrackingEnabled": true, "token": "t1" },
        "externalIds": [external("4917", "phone", "users"), external("card-7", "loyalty", "users"),
                        external("x", "Upper", "users"), external("y", "user_id", "users"),
                        external("acme", "group", "accounts"), { "id": "z", "type": "half" }] } });
    for message in [&ann, &bob, &call, &app] {
        fixture.apply(message, 0);
    }
    insta::assert_snapshot!(fixture.print(), @r"
    0 ann user_id:ann anonymous_id:app anonymous_id:desk household:h1 ios.id:d1 ios.idfa:ad1 ios.push_token:t1 loyalty:card-7 phone:4917
    1 bob user_id:bob household:h1
    ");
    let found = fixture.profiles.search(&fixture.store, "card", 10).unwrap();
    assert_eq!((found[0].kind.word(), found[0].text.as_str()), ("loyalty", "card-7"));

    let mut batch = fixture.store.batch();
    let id = |word: &str, value: &'static str| ExternalId {
        type_: ExternalIdType::from_word(word).unwrap(),
        value,
    };
    for (word, value, had) in
        [("loyalty", "card-7", true), ("household", "h1", true), ("loyalty", "card-7", false)]
    {
        let id = id(word, value);
        let removed = fixture.profiles.remove_external_id(&mut batch, UserIdx(0), id).unwrap();
        assert_eq!(removed, had, "{word}");
    }
    batch.commit(100).unwrap();
    assert!(fixture.profiles.search(&fixture.store, "card", 10).unwrap().is_empty());
    insta::assert_snapshot!(fixture.print(), @r"
    0 ann user_id:ann anonymous_id:app anonymous_id:desk ios.id:d1 ios.idfa:ad1 ios.push_token:t1 phone:4917
    1 bob user_id:bob household:h1
    ");
}
