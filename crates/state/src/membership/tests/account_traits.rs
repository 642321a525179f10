//! Computed traits of accounts against the plain evaluator over all messages of all members.

use conditions::Computation;
use domain::ComputedTraitDefinition;

use super::accounts::new_fold;
use super::computed_traits::order;
use super::*;
use crate::{ComputedValue, EntityKind, ReadHistory};

/// One of each type, and counts, whose history is whole whenever they are made.
const OF_ACCOUNTS: [&str; 12] = [
    r#"{"key": "a_orders", "of": "accounts", "type": "count", "event": "Order"}"#,
    r#"{"key": "a_orders_2d", "of": "accounts", "type": "count", "event": "Order", "last": "2 days"}"#,
    r#"{"key": "a_big", "of": "accounts", "type": "count", "event": "Order", "where": "total > 3"}"#,
    r#"{"key": "a_spent_3d", "of": "accounts", "type": "sum", "event": "Order", "property": "total", "last": "3 days"}"#,
    r#"{"key": "a_mean", "of": "accounts", "type": "average", "event": "Order", "property": "total"}"#,
    r#"{"key": "a_least", "of": "accounts", "type": "minimum", "event": "View", "property": "total", "last": "1 day"}"#,
    r#"{"key": "a_most", "of": "accounts", "type": "maximum", "event": "View", "property": "total"}"#,
    r#"{"key": "a_usual", "of": "accounts", "type": "most_frequent", "event": "View", "property": "total"}"#,
    r#"{"key": "a_first", "of": "accounts", "type": "first", "event": "View", "property": "total"}"#,
    r#"{"key": "a_latest", "of": "accounts", "type": "last", "event": "View", "property": "total", "last": "1 day"}"#,
    r#"{"key": "a_seen", "of": "accounts", "type": "unique_list", "event": "View", "property": "total", "last": "2 days"}"#,
    r#"{"key": "a_n_seen", "of": "accounts", "type": "unique_list_count", "event": "View", "property": "total"}"#,
];
/// Of a person, with the events that the account counts.
const OF_PEOPLE: [&str; 1] =
    [r#"{"key": "spent", "type": "sum", "event": "Order", "property": "total"}"#];
const AUDIENCES: [(&str, &str); 4] = [
    ("spenders", "account trait a_spent_3d > 6"),
    ("busy", "account trait a_orders_2d >= 2 and did \"Order\" in the last 2 days"),
    ("no_habit", "not account trait a_usual exists or account trait a_first > 3"),
    ("both", "in audience spenders and account trait plan = \"pro\""),
];
const GROUPS: [&str; 3] = ["a0", "a1", "a2"];

impl Fold {
    /// The values that all messages of all members give, by key.
    pub(super) fn meant_of_account(&self, group_id: &str) -> Vec<(String, Value)> {
        let definitions = self.views.setup.config.computed_traits.iter();
        let mut definitions = definitions.filter(|one| !one.of.is_people()).peekable();
        if definitions.peek().is_none() {
            return Vec::new();
        }
        let members = self.views.accounts.members(&self.store, group_id, None, 10_000).unwrap();
        let events: Vec<Event> = members.into_iter().flat_map(|user| self.events(user)).collect();
        let meant = |one: &ComputedTraitDefinition| {
            let computation = Computation::new(one).unwrap();
            (one.key.clone(), computation.value(&events, Timestamp(self.now)))
        };
        definitions.map(meant).collect()
    }

    fn of_account(&self, group_id: &str) -> BTreeMap<String, ComputedValue> {
        let Views { account_traits, computed_traits, .. } = &self.views;
        let values = account_traits.values(&self.store, computed_traits, group_id).unwrap();
        values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn check_accounts(&self) -> Result<(), TestCaseError> {
        for group_id in GROUPS {
            let kept = self.of_account(group_id);
            let meant = self.meant_of_account(group_id);
            prop_assert_eq!(kept.len(), meant.len(), "all are shown");
            for (key, value) in meant {
                prop_assert_eq!(&kept[&key].value, &value, "{} of {}", key, group_id);
            }
        }
        self.check()
    }

    /// Reads all pasts, and works out everybody.
    fn settle(&mut self) {
        self.read_history();
        for _ in 0..2 {
            self.now += 1_000;
            self.apply(Entry::Tick { at: Timestamp(self.now) });
        }
    }

    fn is_settled(&self) -> bool {
        self.views.is_everybody_worked_out()
    }

    fn forget_definition(&mut self, json: &str) {
        let definition: ComputedTraitDefinition = serde_json::from_str(json).unwrap();
        let change = ConfigChange::RemoveComputedTrait { key: definition.key };
        let command = ConfigCommand { change, expected: Expected::Anything };
        self.command(Command::Configure(Box::new(command)));
    }
}

#[derive(Debug, Clone)]
enum Happening {
    Step(Timed),
    Join { user: u8, device: u8, group: usize },
    Define(usize),
    Forget(usize),
    Delete(u8),
    Read,
    Journal,
    Check,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => step().prop_map(Happening::Step),
        5 => (0..3_u8, 0..4_u8, 0..GROUPS.len())
            .prop_map(|(user, device, group)| Happening::Join { user, device, group }),
        4 => (0..OF_ACCOUNTS.len()).prop_map(Happening::Define),
        1 => (0..OF_ACCOUNTS.len()).prop_map(Happening::Forget),
        1 => (0..3_u8).prop_map(Happening::Delete),
        2 => Just(Happening::Read),
        2 => Just(Happening::Journal),
        3 => Just(Happening::Check),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Members join, become one and are deleted, messages come late and twice, and traits are made
    /// in the middle of it.
    #[test]
    fn values_of_accounts_are_what_all_messages_of_all_members_give(
        happenings in vec(happening(), 1..80),
        is_defined_first: bool,
    ) {
        let mut fold = new_fold();
        if is_defined_first {
            fold.compute(&OF_ACCOUNTS);
        }
        fold.compute(&OF_PEOPLE);
        fold.configure(&AUDIENCES);
        let mut waiting: Vec<ReadHistory> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Step(timed) => fold.take(timed),
                // A device joins before it is known whose it is, and a person as such.
                Happening::Join { user, device, group } => {
                    let id = if user == 2 { format!("d{device}") } else { format!("u{user}") };
                    fold.join(&id, user == 2, GROUPS[group]);
                }
                Happening::Define(n) => fold.compute(&OF_ACCOUNTS[n..=n]),
                Happening::Forget(n) => fold.forget_definition(OF_ACCOUNTS[n]),
                Happening::Delete(user) => {
                    let (kind, id) = (EntityKind::User, format!("u{user}"));
                    fold.command(Command::Delete { kind, id });
                }
                Happening::Read => waiting.extend(fold.read_step(None).0),
                Happening::Journal => fold.journal(std::mem::take(&mut waiting)),
                Happening::Check => {
                    if !fold.is_settled() {
                        fold.settle();
                    }
                    fold.apply(Entry::Tick { at: Timestamp(fold.now) });
                    fold.check_accounts()?;
                }
            }
        }
        fold.settle();
        fold.journal(waiting);
        fold.check_accounts()?;

        let values = GROUPS.map(|group_id| fold.of_account(group_id));
        let mut again = new_fold();
        for entry in fold.entries.split_off(1) {
            again.apply(entry);
        }
        prop_assert_eq!(&GROUPS.map(|group_id| again.of_account(group_id)), &values);
        fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
        prop_assert_eq!(&GROUPS.map(|group_id| fold.of_account(group_id)), &values);
        fold.now += 7 * HOUR_MS;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
        fold.check_accounts()?;
    }
}

impl Fold {
    fn join(&mut self, id: &str, is_device: bool, group_id: &str) {
        let mut body = json!({ "type": "group", "groupId": group_id, "traits": { "plan": "pro" } });
        body[if is_device { "anonymousId" } else { "userId" }] = id.into();
        self.send(body);
    }

    fn track(&mut self, id: &str, event: &str) {
        self.send(json!({ "type": "track", "userId": id, "event": event }));
    }

    fn send(&mut self, mut body: Value) {
        body["messageId"] = format!("m{}", self.views.applied).into();
        body["timestamp"] = Timestamp(self.now).to_string().into();
        let arrival = Arrival { received_at: Timestamp(self.now), source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.apply(Entry::Message(Box::new(message.unwrap())));
    }
}

#[test]
fn a_window_of_an_account_closes_at_the_exact_millisecond_and_for_all_members() {
    let mut fold = new_fold();
    fold.compute(&OF_ACCOUNTS[1..2]);
    fold.configure(&[("busy", "account trait a_orders_2d >= 2")]);
    fold.join("u0", false, "a0");
    fold.join("u1", false, "a0");
    fold.join("quiet", false, "a0");
    fold.take((1, Some(0), None, order(1)));
    let first = fold.now;
    assert_eq!(fold.n_members("busy"), 0);
    fold.take((20, Some(1), None, order(1)));
    assert_eq!(fold.n_members("busy"), 3, "also who has ordered nothing");
    let over = first + 48 * HOUR_MS;
    for (at, n_orders) in [(over - 1, 2), (over + 5, 1)] {
        fold.now = at;
        fold.apply(Entry::Tick { at: Timestamp(at) });
        assert_eq!(fold.of_account("a0")["a_orders_2d"].value, json!(n_orders));
    }
    assert_eq!(fold.of_account("a0")["a_orders_2d"].changed_at, Timestamp(over));
    for user in fold.people() {
        let stays = fold.views.audiences.stays(&fold.store, "busy", user).unwrap();
        assert_eq!(stays.last().unwrap().left, Some(Timestamp(over)));
    }
}

#[test]
fn an_account_of_many_is_counted_anew_in_steps_while_its_members_go_on() {
    let mut fold = new_fold();
    fold.compute(&OF_ACCOUNTS[..1]);
    fold.configure(&[("busy", "account trait a_orders >= 1300")]);
    for n in 0..1_300 {
        let id = format!("p{n}");
        fold.join(&id, false, "big");
        fold.track(&id, "Order");
    }
    for _ in 0..3 {
        fold.now += 1;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
    }
    let n_orders = |fold: &Fold| fold.of_account("big")["a_orders"].value.clone();
    assert_eq!((n_orders(&fold), fold.n_members("busy")), (json!(1_300), 1_300));
    let (kind, id) = (EntityKind::User, "p700".to_owned());
    fold.command(Command::Delete { kind, id });
    assert_eq!(n_orders(&fold), json!(1_300), "the value stays while members are counted");
    // One who is counted, one who is not.
    fold.track("p3", "Order");
    fold.track("p1200", "Order");
    fold.join("p1300", false, "big");
    fold.track("p1300", "Order");
    for _ in 0..8 {
        fold.now += 1;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
    }
    assert_eq!((n_orders(&fold), fold.n_members("busy")), (json!(1_302), 1_300));
    assert_eq!(fold.views.timers.next_due(), None);
    // Everybody becomes one with another at once, and nothing counts twice.
    fold.command(Command::Delete { kind, id: "p1".to_owned() });
    let (target, source) = ("p5".to_owned(), "p900".to_owned());
    fold.command(Command::MergeUsers { target, source, cascade_create: false });
    for _ in 0..8 {
        fold.now += 1;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
    }
    assert_eq!(n_orders(&fold), json!(1_301));
}

#[test]
fn a_trait_of_accounts_is_not_shown_before_the_past_of_all_is_read() {
    let mut fold = new_fold();
    fold.join("u0", false, "a0");
    fold.join("u1", false, "a0");
    fold.take((1, Some(0), None, order(5)));
    fold.take((1, Some(1), None, order(6)));
    fold.configure(&[("poor", "account trait a_spent_3d < 8")]);
    fold.compute(&OF_ACCOUNTS[3..4]);
    fold.take((1, Some(1), None, order(1)));
    assert_eq!((fold.of_account("a0").len(), fold.n_members("poor")), (0, 0));
    fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
    fold.settle();
    assert_eq!(fold.of_account("a0")["a_spent_3d"].value, json!(12));
    let user = fold.people()[0];
    assert!(fold.views.audiences.stays(&fold.store, "poor", user).unwrap().is_empty());
    fold.take((70, None, None, Step::Wait));
    assert_eq!(fold.n_members("poor"), 2);
    // What people contribute is no trait of theirs.
    assert!(fold.computed(user).is_empty());
}
