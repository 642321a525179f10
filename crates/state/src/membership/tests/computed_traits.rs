//! Computed traits against the plain evaluator over all messages, at random instants.

use conditions::Computation;
use domain::ComputedTraitDefinition;
use store::Read;

use super::*;
use crate::{ComputedValue, StatePart};

/// Traits whose history is whole whenever they are made: names and times suffice.
const NAMED: [&str; 4] = [
    r#"{"key": "n_orders", "type": "count", "event": "Order"}"#,
    r#"{"key": "n_orders_2d", "type": "count", "event": "Order", "last": "2 days"}"#,
    r#"{"key": "n_views_7h", "type": "count", "event": "View", "last": "7 hours"}"#,
    r#"{"key": "n_views_now", "type": "count", "event": "View", "session": "12 hours"}"#,
];
/// Traits that read properties.
pub(super) const READING: [&str; 8] = [
    r#"{"key": "n_big", "type": "count", "event": "Order", "where": "total > 3"}"#,
    r#"{"key": "spent", "type": "sum", "event": "Order", "property": "total"}"#,
    r#"{"key": "spent_3d", "type": "sum", "event": "Order", "property": "total", "last": "3 days"}"#,
    r#"{"key": "usual", "type": "most_frequent", "event": "View", "property": "total"}"#,
    r#"{"key": "seen", "type": "unique_list", "event": "View", "property": "total", "last": "1 day"}"#,
    r#"{"key": "first", "type": "first", "event": "View", "property": "total"}"#,
    r#"{"key": "latest", "type": "last", "event": "View", "property": "total", "last": "1 day"}"#,
    r#"{"key": "in_session", "type": "average", "event": "View", "property": "total", "session": "1 day"}"#,
];
/// Audiences by computed traits.
const AUDIENCES: [(&str, &str); 2] =
    [("regular", "trait n_orders_2d >= 2"), ("spender", "trait spent_3d > 6 or trait usual = 2")];

impl Fold {
    pub(super) fn compute(&mut self, definitions: &[&str]) {
        for json in definitions {
            let definition: ComputedTraitDefinition = serde_json::from_str(json).unwrap();
            let change = ConfigChange::put_computed_trait(&definition);
            let command = ConfigCommand { change, expected: Expected::Anything };
            self.command(Command::Configure(Box::new(command)));
        }
        // Everybody is worked out in the background.
        self.now += 1_000;
        self.apply(Entry::Tick { at: Timestamp(self.now) });
    }

    pub(super) fn computed(&self, user: UserIdx) -> BTreeMap<String, ComputedValue> {
        let values = self.views.computed_traits.values(&self.store, user).unwrap().into_iter();
        values.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    pub(super) fn check_computed(&self) -> Result<(), TestCaseError> {
        for user in self.people() {
            let events = self.events(user);
            let computed = self.computed(user);
            let mut traits = self.stored_traits(user);
            for definition in &self.views.setup.config.computed_traits {
                let meant = Computation::new(definition).unwrap();
                let meant = meant.value(&events, Timestamp(self.now));
                let key = &definition.key;
                prop_assert_eq!(&computed[key].value, &meant, "{} of {:?}", key, &events);
                traits.insert(key.clone(), meant);
            }
            let memberships = self.views.audiences.memberships(&self.store, user).unwrap();
            for (key, condition) in &self.conditions {
                let surroundings = Surroundings {
                    traits: &traits,
                    accounts: &[],
                    audiences: &self.conditions,
                    answers: &[],
                };
                let person = Person { events: &events, surroundings };
                let is_member = memberships.iter().any(|(member_of, _)| member_of == key);
                let meant = holds(condition, &person, Timestamp(self.now));
                prop_assert_eq!(is_member, meant, "{} with {:?}", key, &traits);
            }
        }
        Ok(())
    }

    pub(super) fn all_computed(&self) -> Vec<BTreeMap<String, ComputedValue>> {
        self.people().into_iter().map(|user| self.computed(user)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Messages come late, twice and in any order, and merge people.
    #[test]
    fn values_are_what_all_messages_give(
        before in vec(step(), 0..10),
        after in vec(step(), 1..30),
    ) {
        let mut fold = Fold::new();
        fold.compute(&READING);
        for timed in before {
            fold.take(timed);
        }
        fold.compute(&NAMED);
        fold.configure(&AUDIENCES);
        fold.now += 1_000;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
        fold.check_computed()?;
        for timed in after {
            let is_quiet = matches!(timed.3, Step::Wait);
            fold.take(timed);
            if is_quiet {
                fold.check_computed()?;
            }
        }
        fold.check_computed()?;

        let values = fold.all_computed();
        let mut again = Fold::new();
        for entry in std::mem::take(&mut fold.entries) {
            again.apply(entry);
        }
        prop_assert_eq!(again.all_computed(), values.clone());
        fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
        prop_assert_eq!(fold.all_computed(), values);
        fold.now += HOUR_MS;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
        fold.check_computed()?;
    }
}

pub(super) fn order(total: i64) -> Step {
    Step::Track { late_hours: 0, name: "Order", total, ends_hours: 0 }
}

#[test]
fn a_window_closes_at_the_exact_millisecond_for_traits_and_for_the_audiences_that_read_them() {
    let mut fold = Fold::new();
    fold.compute(&NAMED);
    fold.configure(&AUDIENCES[..1]);
    fold.take((1, Some(0), None, order(1)));
    let first = fold.now;
    fold.take((20, Some(0), None, order(1)));
    let user = fold.people()[0];
    let over = first + 48 * HOUR_MS;
    for (at, n_orders, changed_at) in
        [(over - 1, 2, first + 20 * HOUR_MS), (over, 1, over), (over + 1, 1, over)]
    {
        fold.now = at;
        fold.apply(Entry::Tick { at: Timestamp(at) });
        let computed = &fold.computed(user)["n_orders_2d"];
        let value = (computed.value.clone(), computed.changed_at);
        assert_eq!(value, (json!(n_orders), Timestamp(changed_at)), "{}", at - over);
        let n_members = fold.views.audiences.n_members("regular");
        assert_eq!(n_members, Some(u64::from(n_orders == 2)), "{}", at - over);
    }
    let stays = fold.views.audiences.stays(&fold.store, "regular", user).unwrap();
    assert_eq!(stays.last().unwrap().left, Some(Timestamp(over)));
}

#[test]
fn a_value_is_read_to_its_last_digit() {
    let mut fold = Fold::new();
    let average = r#"{"key": "mean", "type": "average", "event": "Order", "property": "total"}"#;
    fold.compute(&[average]);
    for n in 0..37 {
        fold.take((0, Some(0), None, order(if n < 36 { 93 } else { 92 })));
    }
    let user = fold.people()[0];
    assert_eq!(fold.computed(user)["mean"].value, json!(3_440.0 / 37.0));
}

#[test]
fn what_is_kept_goes_with_the_person_and_with_the_trait() {
    let mut fold = Fold::new();
    fold.compute(&READING);
    fold.take((1, Some(0), None, order(4)));
    fold.take((1, Some(1), None, order(5)));
    let users = fold.people();
    assert_eq!(fold.computed(users[1])["spent"].value, json!(5));
    let n_rows = |fold: &Fold| {
        let keyspaces = crate::ComputedTraits::KEYSPACES[1..].iter();
        keyspaces.map(|name| fold.store.scan(&fold.store.keyspace(name), &[]).count()).sum()
    };
    let of_both: usize = n_rows(&fold);
    fold.command(Command::Delete { kind: crate::EntityKind::User, id: "u0".to_owned() });
    assert_eq!(n_rows(&fold), of_both / 2);
    fold.compute(&[
        r#"{"key": "spent", "type": "maximum", "event": "Order", "property": "total"}"#,
    ]);
    assert_eq!(fold.computed(users[1])["spent"].value, json!(null), "its past is unread");
    fold.read_history();
    assert_eq!(fold.computed(users[1])["spent"].value, json!(5));
    for json in READING {
        let definition: ComputedTraitDefinition = serde_json::from_str(json).unwrap();
        let change = ConfigChange::RemoveComputedTrait { key: definition.key };
        let command = ConfigCommand { change, expected: Expected::Present };
        fold.command(Command::Configure(Box::new(command)));
    }
    fold.compute(&[]);
    assert_eq!(n_rows(&fold), 1, "a person without values");
}
