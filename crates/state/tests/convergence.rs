//! Messages in any order give the same people and accounts as a plain union of their ids.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Arrival, Envelope, Identity, Message, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId,
};
use proptest::prelude::*;
use serde_json::json;
use state::{Entry, PreparedEntry, Views};
use store::Store;

/// By key: the time and the value.
type Traits = BTreeMap<String, (i64, String)>;

/// A message with some of a few ids, all of which may turn out to be one person's.
#[derive(Debug, Clone)]
struct Sent {
    n: usize,
    ids: [Option<u8>; 3],
    kind: u8,
    key: u8,
}

const TYPES: [&str; 3] = ["user_id", "anonymous_id", "email"];

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let id = || prop::option::of(0u8..5);
    let one = (id(), id(), id(), 0u8..3, 0u8..3);
    prop::collection::vec(one, 1..25).prop_map(|all| {
        type Drawn = (Option<u8>, Option<u8>, Option<u8>, u8, u8);
        let number = |(n, (user, device, email, kind, key)): (usize, Drawn)| {
            // One of the two that the form check asks for.
            let device = if user.is_none() { device.or(Some(0)) } else { device };
            Sent { n, ids: [user, device, email], kind, key }
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

impl Sent {
    /// Every message has a time of its own.
    fn timestamp(&self) -> i64 {
        1_600_000_000_000 + self.n as i64 * 60_000
    }

    fn ids(&self) -> Vec<String> {
        let named = TYPES.iter().zip(self.ids);
        named.filter_map(|(type_, id)| Some(format!("{type_}:{type_}-{}", id?))).collect()
    }

    fn message(&self) -> Message {
        let text = |n: usize| self.ids[n].map(|id| format!("{}-{id}", TYPES[n]));
        let mut value = json!({
            "messageId": format!("m{}", self.n), "timestamp": self.timestamp() / 1_000,
            "context": { "traits": { "email": text(2) } },
        });
        for (n, key) in ["userId", "anonymousId"].into_iter().enumerate() {
            if let Some(id) = text(n) {
                value[key] = id.into();
            }
        }
        match self.kind {
            0 => {
                value["type"] = "identify".into();
                value["traits"][format!("t{}", self.key)] = self.n.into();
            }
            1 => {
                value["type"] = "group".into();
                value["groupId"] = format!("g{}", self.key).into();
                value["traits"] = json!({ "size": self.n });
            }
            _ => {
                value["type"] = "track".into();
                value["event"] = "E".into();
            }
        }
        // All arrive late, at one time.
        let received_at = Timestamp(1_700_000_000_000);
        let arrival = Arrival { received_at, source: "web", peer_ip: None };
        domain::check_message(&value.to_string(), None, &Envelope::default(), &arrival).unwrap()
    }
}

/// What is compared of a person.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Person {
    ids: BTreeSet<String>,
    traits: BTreeMap<String, String>,
    times: BTreeSet<i64>,
    groups: BTreeSet<String>,
}

/// What is compared of a workspace: people, and the size that each account has.
type Picture = (BTreeSet<Person>, BTreeMap<String, String>);

/// The union of all messages that share ids, with the latest value of each trait.
fn naive(sent: &[Sent]) -> Picture {
    let mut people: Vec<(Person, Traits)> = Vec::new();
    let mut sizes = BTreeMap::new();
    for one in sent {
        let ids: BTreeSet<String> = one.ids().into_iter().collect();
        let (mut person, mut traits) = (Person::default(), BTreeMap::new());
        let (same, others): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|(other, _)| !other.ids.is_disjoint(&ids));
        people = others;
        for (other, older) in same {
            person.ids.extend(other.ids);
            person.times.extend(other.times);
            person.groups.extend(other.groups);
            for (key, value) in older {
                let kept = traits.entry(key).or_insert_with(|| value.clone());
                *kept = value.max(kept.clone());
            }
        }
        person.ids.extend(ids);
        person.times.insert(one.timestamp());
        match one.kind {
            0 => drop(traits.insert(format!("t{}", one.key), (one.timestamp(), one.n.to_string()))),
            1 => {
                person.groups.insert(format!("g{}", one.key));
                sizes.insert(format!("g{}", one.key), one.n.to_string());
            }
            _ => {}
        }
        people.push((person, traits));
    }
    let whole = people.into_iter().map(|(person, traits)| {
        let traits = traits.into_iter().map(|(key, (_, value))| (key, value)).collect();
        Person { traits, ..person }
    });
    (whole.collect(), sizes)
}

fn folded(order: &[Sent]) -> Picture {
    let folder = tempfile::tempdir().unwrap();
    let store = &Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
    let id = WorkspaceId::new("shop").unwrap();
    let mut views = Views::load(store, &id).unwrap();
    // As many of each type as there are: nothing is left out.
    let rules =
        json!({ "version": 1, "id_type": TYPES.map(|name| json!({ "name": name, "limit": 100 })) });
    let identity: Identity = serde_json::from_value(rules).unwrap();
    let config = WorkspaceConfig { identity: Some(identity), ..WorkspaceConfig::empty(id) };
    let mut batch = store.batch();
    let messages = order.iter().map(|one| Entry::Message(Box::new(one.message())));
    for (offset, entry) in (0..).zip([Entry::Configured(config)].into_iter().chain(messages)) {
        state::apply(&mut views, &mut batch, offset, PreparedEntry::unmapped(entry)).unwrap();
    }
    views.flush(&mut batch);
    batch.commit(views.applied).unwrap();
    picture(store, &views)
}

fn picture(store: &Store, views: &Views) -> Picture {
    let ids = views.profiles.ids();
    let alive = (0..ids.n_users() as u32).map(UserIdx).filter(|user| ids.is_alive(*user));
    let mut sizes = BTreeMap::new();
    let people = alive.map(|user| {
        let identifiers = views.profiles.identifiers(store, user).unwrap();
        let traits = views.profiles.traits(store, user).unwrap();
        let query =
            profiles::TimelineQuery { with_others: true, limit: 1_000, ..Default::default() };
        let timeline = views.profiles.timeline(store, user, &query).unwrap();
        let groups = views.accounts.links(store, user).unwrap();
        for group in &groups {
            let id = &group.group_id;
            let members = views.accounts.members(store, id, None, 1_000).unwrap();
            assert!(members.contains(&user), "{id} has all who belong to it");
            let size = views.accounts.traits(store, id).unwrap().pop().unwrap().1.json;
            sizes.insert(id.clone(), size);
        }
        Person {
            ids: identifiers.iter().map(|id| format!("{}:{}", id.type_.word(), id.value)).collect(),
            traits: traits.into_iter().map(|(key, value)| (key, value.json)).collect(),
            times: timeline.entries.iter().map(|entry| entry.timestamp.0).collect(),
            groups: groups.into_iter().map(|link| link.group_id).collect(),
        }
    });
    (people.collect(), sizes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn late_repeated_and_shuffled_messages_give_the_people_of_a_plain_union(
        (sorted, shuffled) in sent().prop_flat_map(|sent| {
            let repeated = [sent.clone(), sent.iter().take(5).cloned().collect()].concat();
            (Just(sent), Just(repeated).prop_shuffle())
        }),
    ) {
        let expected = naive(&sorted);
        prop_assert_eq!(&folded(&sorted), &expected);
        prop_assert_eq!(&folded(&shuffled), &expected);
    }
}
