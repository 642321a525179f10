//! Merges and deletions lose no value and leave no row of a deleted or merged user.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Property;
use domain::{
    Arrival, Envelope, Interaction, InteractionKind, MessageType, PropertyType, PropertyValue,
    Timestamp, WorkspaceId,
};
use profiles::ExternalIdType;
use proptest::prelude::*;
use store::key::KeyParts;
use store::{Read, Store};
use uuid::Uuid;

use state::{Command, EntityKind, Entry, ListImpression, Place, PreparedEntry, Views};

const IDS: [&str; 6] = ["ann", "bob", "cid", "dan", "eve", "fay"];
const PROPERTIES: [&str; 3] = ["city", "size", "tier"];

/// The number of items that exist from the start.
const KNOWN_ITEMS: usize = 8;

/// A change of users, given by their position in `IDS`.
#[derive(Debug, Clone)]
enum Step {
    SetValue { user: usize, property: usize, value: u8 },
    Buy { user: usize, item: u8 },
    Show { user: usize, item: u8 },
    ViewList { user: usize, item: usize },
    Merge { target: usize, source: usize },
    Alias { target: usize, source: usize },
    Delete { user: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let user = || 0..IDS.len();
    prop_oneof![
        4 => (user(), 0..PROPERTIES.len(), any::<u8>())
            .prop_map(|(user, property, value)| Step::SetValue { user, property, value }),
        3 => (user(), any::<u8>()).prop_map(|(user, item)| Step::Buy { user, item }),
        2 => (user(), any::<u8>()).prop_map(|(user, item)| Step::Show { user, item }),
        2 => (user(), 0..KNOWN_ITEMS).prop_map(|(user, item)| Step::ViewList { user, item }),
        2 => (user(), user()).prop_map(|(target, source)| Step::Merge { target, source }),
        2 => (user(), user()).prop_map(|(target, source)| Step::Alias { target, source }),
        1 => user().prop_map(|user| Step::Delete { user }),
    ]
}

impl Step {
    fn entry(&self, n: usize) -> Entry {
        let at = Timestamp(1_000_000 + n as i64 * 1_000);
        let id = |user: usize| IDS[user].to_owned();
        let command = match *self {
            Self::SetValue { user, property, value } => {
                let values = format!("{{\"{}\": \"{value}\"}}", PROPERTIES[property]);
                Command::SetValues {
                    kind: EntityKind::User,
                    id: id(user),
                    values,
                    cascade_create: true,
                }
            }
            Self::Buy { user, item } => {
                let item = format!("item-{item}");
                let interaction = Interaction::new(IDS[user], &item, InteractionKind::Purchase);
                Command::AddInteraction { interaction, cascade_create: true }
            }
            Self::Show { user, item } => {
                let list = ListImpression {
                    recomm_id: Some(Uuid::now_v7()),
                    user: Some((ExternalIdType::UserId, id(user))),
                    at,
                    items: vec![format!("item-{item}")],
                    place: Place::Trait("recommended_items".to_owned()),
                    group: None,
                    model: None,
                    rotates: true,
                    n_next: 0,
                    request: None,
                };
                return Entry::ListImpressions { lists: vec![list] };
            }
            Self::ViewList { user, item } => {
                let body = format!(
                    r#"{{"userId": "{}", "event": "Product List Viewed",
                        "properties": {{"products": [{{"sku": "known-{item}"}}]}}}}"#,
                    IDS[user]
                );
                let arrival = Arrival { received_at: at, source: "web", peer_ip: None };
                let type_ = Some(MessageType::Track);
                let message = domain::check_message(&body, type_, &Envelope::default(), &arrival);
                return Entry::Message(Box::new(message.expect("a valid track")));
            }
            Self::Merge { target, source } => {
                Command::MergeUsers { target: id(target), source: id(source), cascade_create: true }
            }
            Self::Alias { target, source } => {
                let body =
                    format!(r#"{{"userId": "{}", "previousId": "{}"}}"#, IDS[target], IDS[source]);
                let arrival = Arrival { received_at: at, source: "web", peer_ip: None };
                let type_ = Some(MessageType::Alias);
                let message = domain::check_message(&body, type_, &Envelope::default(), &arrival);
                return Entry::Message(Box::new(message.expect("a valid alias")));
            }
            Self::Delete { user } => Command::Delete { kind: EntityKind::User, id: id(user) },
        };
        Entry::Command { received_at: at, command: Box::new(command) }
    }
}

/// The expected state of one user.
#[derive(Debug, Clone, Default, PartialEq)]
struct Person {
    ids: BTreeSet<&'static str>,
    values: BTreeMap<&'static str, String>,
    bought: BTreeSet<String>,
    viewed: BTreeSet<String>,
}

/// Applies the steps to a plain model.
fn expected(steps: &[Step]) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    fn find_or_add(people: &mut Vec<Person>, user: usize) -> usize {
        let found = people.iter().position(|person| person.ids.contains(IDS[user]));
        found.unwrap_or_else(|| {
            people.push(Person { ids: [IDS[user]].into(), ..Person::default() });
            people.len() - 1
        })
    }
    for step in steps {
        match *step {
            Step::SetValue { user, property, value } => {
                let person = find_or_add(&mut people, user);
                people[person].values.insert(PROPERTIES[property], value.to_string());
            }
            Step::Buy { user, item } => {
                let person = find_or_add(&mut people, user);
                people[person].bought.insert(format!("item-{item}"));
            }
            Step::Show { .. } => {}
            Step::ViewList { user, item } => {
                let person = find_or_add(&mut people, user);
                people[person].viewed.insert(format!("known-{item}"));
            }
            Step::Merge { target, source } | Step::Alias { target, source } => {
                let source_exists = people.iter().any(|person| person.ids.contains(IDS[source]));
                let is_command = matches!(step, Step::Merge { .. });
                if is_command && !source_exists {
                    continue;
                }
                let kept = find_or_add(&mut people, target);
                if !source_exists {
                    people[kept].ids.insert(IDS[source]);
                    continue;
                }
                let gone = find_or_add(&mut people, source);
                if kept == gone {
                    continue;
                }
                let gone_person = std::mem::take(&mut people[gone]);
                let person = &mut people[kept];
                person.ids.extend(gone_person.ids);
                for (name, value) in gone_person.values {
                    person.values.entry(name).or_insert(value);
                }
                person.bought.extend(gone_person.bought);
                person.viewed.extend(gone_person.viewed);
                if is_command {
                    person.ids.remove(IDS[source]);
                }
            }
            Step::Delete { user } => people.retain(|person| !person.ids.contains(IDS[user])),
        }
    }
    people.retain(|person| !person.ids.is_empty());
    people
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn merges_and_deletions_lose_no_value_and_leave_no_row_of_a_user_who_no_longer_exists(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = &Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let mut views = Views::load(store, &WorkspaceId::new("shop").unwrap()).unwrap();
        let property = |name: &&str| Entry::Command {
            received_at: Timestamp(1_000_000),
            command: Box::new(Command::AddProperty {
                kind: EntityKind::User,
                property: Property::new(*name, PropertyType::String),
            }),
        };
        let item = |n: usize| Entry::Command {
            received_at: Timestamp(1_000_000),
            command: Box::new(Command::Add { kind: EntityKind::Item, id: format!("known-{n}") }),
        };
        let entries: Vec<Entry> = PROPERTIES.iter().map(property)
            .chain((0..KNOWN_ITEMS).map(item))
            .chain(steps.iter().enumerate().map(|(n, step)| step.entry(n)))
            .collect();
        let mut batch = store.batch();
        for (offset, entry) in (0..).zip(entries) {
            state::apply(&mut views, &mut batch, offset, PreparedEntry::unmapped(entry)).unwrap();
        }
        views.flush(&mut batch);
        batch.commit(views.applied).unwrap();

        let people = expected(&steps);
        let mut existing = BTreeSet::new();
        for person in &people {
            let users: BTreeSet<u32> = person.ids.iter()
                .map(|id| views.profiles.ids().user_by_id(id).expect("a user with this id").0)
                .collect();
            prop_assert_eq!(users.len(), 1, "{:?} are one user", person.ids);
            let user = domain::UserIdx(*users.first().unwrap());
            existing.insert(user.0);
            let values: BTreeMap<&str, String> = views.users.values(user.0).into_iter()
                .map(|(name, value)| match value {
                    PropertyValue::String(text) => (name, text),
                    other => panic!("{other:?}"),
                })
                .collect();
            let wanted: BTreeMap<&str, String> =
                person.values.iter().map(|(name, value)| (*name, value.clone())).collect();
            prop_assert_eq!(values, wanted, "the values of {:?}", person.ids);
            let bought: BTreeSet<String> = views.interactions
                .by_user(store, user, InteractionKind::Purchase).unwrap().into_iter()
                .map(|stored| views.catalog.item_id(stored.item).to_owned())
                .collect();
            prop_assert_eq!(&bought, &person.bought, "purchases of {:?}", person.ids);
            let viewed: BTreeSet<String> = views.weak_signals.by_user(user).iter()
                .map(|signal| views.catalog.item_id(signal.item).to_owned())
                .collect();
            prop_assert_eq!(&viewed, &person.viewed, "items in lists that {:?} viewed", person.ids);
        }
        let n_before = |name: &str| if name == "catalog.user_values" { 4 } else { 0 };
        for name in ["state.interactions", "state.impressions", "state.weak_signals", "catalog.user_values", "profiles.identifiers",
                     "profiles.traits", "profiles.timeline"] {
            for pair in store.scan(&store.keyspace(name), &[]) {
                let key = pair.unwrap().0;
                let user = KeyParts::new(&key[n_before(name)..]).u32().unwrap();
                prop_assert!(existing.contains(&user), "{} has a row of user {}, who no longer exists", name, user);
            }
        }
    }
}
