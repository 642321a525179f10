//! Membership against the plain evaluator over all messages, at random instants.

mod account_traits;
mod accounts;
mod computed_traits;
mod history;
mod random_conditions;

use std::collections::BTreeMap;
use std::sync::Arc;

use conditions::{Condition, Event, Person, Surroundings, holds};
use domain::{
    Arrival, AudienceDefinition, Envelope, Message, Timestamp, UserIdx, WorkspaceId, check_message,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use store::Store;
use tempfile::TempDir;

use crate::audiences::STAYS_PER_PERSON_MAX;
use crate::configuration::{ConfigChange, ConfigCommand, Expected};
use crate::fold::{PreparedEntry, apply};
use crate::views::Views;
use crate::{Command, Entry};

const START: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;

/// Audiences whose history is whole whenever they are made: names and times suffice.
const NAMED: [(&str, &str); 8] = [
    ("recent", "did \"Order\" in the last 2 days"),
    ("quiet", "did not \"Order\" in the last 1 day"),
    ("left_cart", "did \"View\" then not \"Order\" within 1 day in the last 5 days"),
    ("once", "did \"Order\" exactly 1 time in the last 4 days and not in audience recent"),
    ("earlier", "did \"View\" between 1 and 3 days ago"),
    ("fresh", "rfm new of \"Order\" over 5 days recency (1 day, 2 days, 3 days, 4 days)"),
    ("vip_recent", "trait vip = true and in audience recent or trait ends within next 2 days"),
    ("offered", "recommended item \"lamp\" or not recommended brand \"a\" and in audience recent"),
];
/// Audiences that test properties.
const FILTERED: [(&str, &str); 2] = [
    ("big", "did \"View\" at least 2 times where total > 3 in the last 3 days"),
    ("soon", "did \"View\" where ends within next 2 days or not trait vip exists"),
];

#[derive(Debug, Clone)]
enum Step {
    Track {
        late_hours: i64,
        name: &'static str,
        total: i64,
        ends_hours: i64,
    },
    Identify {
        vip: bool,
        ends_hours: i64,
    },
    Again(usize),
    /// It was found whether the person is recommended the lamp.
    Found(bool),
    Wait,
}

/// A step, the hours before it, and who takes it.
type Timed = (i64, Option<u8>, Option<u8>, Step);

fn step() -> impl Strategy<Value = Timed> {
    let names = proptest::sample::select(vec!["Order", "View", "Other"]);
    let step = prop_oneof![
        6 => (0..60_i64, names, 0..8_i64, -48..72_i64).prop_map(
            |(late_hours, name, total, ends_hours)| {
                let late_hours = late_hours.saturating_sub(30);
                Step::Track { late_hours, name, total, ends_hours }
            }
        ),
        1 => (any::<bool>(), -48..72_i64)
            .prop_map(|(vip, ends_hours)| Step::Identify { vip, ends_hours }),
        1 => (0..20_usize).prop_map(Step::Again),
        2 => any::<bool>().prop_map(Step::Found),
        3 => Just(Step::Wait),
    ];
    let user = proptest::option::weighted(0.4, 0..2_u8);
    let device = proptest::option::weighted(0.7, 0..4_u8);
    (0..30_i64, user, device, step)
}

struct Fold {
    _folder: TempDir,
    store: Store,
    views: Views,
    now: i64,
    conditions: BTreeMap<String, Condition>,
    /// The messages by their offsets.
    messages: BTreeMap<u64, Message>,
    entries: Vec<Entry>,
}

impl Fold {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let views = Views::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
        Self {
            _folder: folder,
            store,
            views,
            now: START,
            conditions: BTreeMap::new(),
            messages: BTreeMap::new(),
            entries: Vec::new(),
        }
    }

    fn apply(&mut self, entry: Entry) {
        let mut batch = self.store.batch();
        let offset = self.views.applied;
        if let Entry::Message(message) = &entry {
            self.messages.insert(offset, (**message).clone());
        }
        self.entries.push(entry.clone());
        let mappings = Arc::clone(&self.views.setup.mappings);
        apply(&mut self.views, &mut batch, offset, PreparedEntry::new(entry, &mappings)).unwrap();
        self.views.flush(&mut batch);
        batch.commit(self.views.applied).unwrap();
    }

    fn configure(&mut self, audiences: &[(&str, &str)]) {
        for (key, text) in audiences {
            let condition: Condition = text.parse().unwrap();
            self.put_audience(&AudienceDefinition {
                key: (*key).to_owned(),
                name: None,
                condition: condition.to_string(),
                likely: None,
                sync: None,
            });
            self.conditions.insert((*key).to_owned(), condition);
        }
    }

    fn put_audience(&mut self, definition: &AudienceDefinition) {
        let change = ConfigChange::put_audience(definition);
        let command = ConfigCommand { change, expected: Expected::Anything };
        self.command(Command::Configure(Box::new(command)));
    }

    fn command(&mut self, command: Command) {
        let received_at = Timestamp(self.now);
        self.apply(Entry::Command { received_at, command: Box::new(command) });
    }

    fn take(&mut self, (wait_hours, user, device, step): Timed) {
        self.now += wait_hours * HOUR_MS;
        let instant = |ms: i64| Timestamp(ms).to_string();
        let n = self.views.applied;
        let (user, device) = (user.map(|n| format!("u{n}")), device.map(|n| format!("d{n}")));
        let device = if user.is_none() { device.or(Some("d0".to_owned())) } else { device };
        let mut body = match step {
            Step::Wait => return self.apply(Entry::Tick { at: Timestamp(self.now) }),
            Step::Found(holds) => {
                let id = user.unwrap_or_else(|| "u0".to_owned());
                let found = crate::FoundAnswers {
                    at: Timestamp(self.now),
                    question: "recommended item \"lamp\"".to_owned(),
                    people: vec![(profiles::ExternalIdType::UserId, id, holds)],
                    ended: None,
                };
                return self.apply(Entry::Found(Box::new(found)));
            }
            Step::Again(n) => {
                let known: Vec<Message> = self.messages.values().cloned().collect();
                let Some(message) = known.get(n) else {
                    return self.apply(Entry::Tick { at: Timestamp(self.now) });
                };
                let message = Message { received_at: Timestamp(self.now), ..message.clone() };
                return self.apply(Entry::Message(Box::new(message)));
            }
            Step::Track { late_hours, name, total, ends_hours } => json!({
                "type": "track",
                "event": name,
                "timestamp": instant(self.now - late_hours.max(0) * HOUR_MS),
                "properties": {
                    "total": total,
                    "ends": instant(self.now + ends_hours * HOUR_MS),
                },
            }),
            Step::Identify { vip, ends_hours } => {
                let city = ["Berlin", "Paris", "Rome"][ends_hours.rem_euclid(3) as usize];
                let tags = &["a", "b", "c"][..ends_hours.rem_euclid(4) as usize];
                json!({
                    "type": "identify",
                    "traits": {
                        "vip": vip,
                        "ends": instant(self.now + ends_hours * HOUR_MS),
                        "level": ends_hours.rem_euclid(7),
                        "city": city,
                        "tags": tags,
                    },
                    "timestamp": instant(self.now),
                })
            }
        };
        body["messageId"] = format!("m{n}").into();
        for (key, id) in [("userId", user), ("anonymousId", device)] {
            if let Some(id) = id {
                body[key] = id.into();
            }
        }
        let arrival = Arrival { received_at: Timestamp(self.now), source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.apply(Entry::Message(Box::new(message.unwrap())));
    }

    /// All people who have sent a message.
    fn people(&self) -> Vec<UserIdx> {
        let ids = self.views.profiles.ids();
        let all = (0..ids.n_users() as u32).map(UserIdx);
        all.filter(|user| {
            ids.is_alive(*user) && self.views.profiles.has_messages(&self.store, *user).unwrap()
        })
        .collect()
    }

    fn events(&self, user: UserIdx) -> Vec<Event> {
        let offsets = self.views.profiles.message_offsets(&self.store, user).unwrap();
        offsets.iter().filter_map(|offset| Event::from_message(&self.messages[offset])).collect()
    }

    fn stored_traits(&self, user: UserIdx) -> Map<String, Value> {
        let stored = self.views.profiles.traits(&self.store, user).unwrap().into_iter();
        stored.map(|(key, stored)| (key, serde_json::from_str(&stored.json).unwrap())).collect()
    }

    /// The traits of each of their accounts.
    fn stored_accounts(&self, user: UserIdx) -> Vec<Map<String, Value>> {
        let links = self.views.accounts.links(&self.store, user).unwrap().into_iter();
        let traits = |link: profiles::AccountLink| {
            let stored = self.views.accounts.traits(&self.store, &link.group_id).unwrap();
            let stored = stored.into_iter();
            let stored = stored.map(|(key, one)| (key, serde_json::from_str(&one.json).unwrap()));
            stored.chain(self.meant_of_account(&link.group_id)).collect()
        };
        links.map(traits).collect()
    }

    /// Whether the condition holds for somebody with these events.
    fn holds(&self, key: &str, user: UserIdx, events: &[Event], at: i64) -> bool {
        let traits = self.stored_traits(user);
        let accounts = self.stored_accounts(user);
        let answers = self.views.answers.of_person(&self.store, user).unwrap();
        let surroundings = Surroundings {
            traits: &traits,
            accounts: &accounts,
            audiences: &self.conditions,
            answers: &answers,
        };
        let person = Person { events, surroundings };
        holds(&self.conditions[key], &person, Timestamp(at))
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let audiences = &self.views.audiences;
        let mut n_members = BTreeMap::<&str, u64>::new();
        for user in self.people() {
            let events = self.events(user);
            let memberships = audiences.memberships(&self.store, user).unwrap();
            for key in self.conditions.keys() {
                let is_member = memberships.iter().any(|(member_of, _)| member_of == key);
                let meant = self.holds(key, user, &events, self.now);
                prop_assert_eq!(is_member, meant, "{} of {:?}: {:?}", key, user, &events);
                *n_members.entry(key.as_str()).or_default() += u64::from(is_member);
            }
        }
        for key in self.conditions.keys() {
            let members = audiences.members(&self.store, key, None, 100).unwrap();
            prop_assert_eq!(members.len() as u64, n_members.get(&**key).copied().unwrap_or(0));
            prop_assert_eq!(audiences.n_members(key), Some(members.len() as u64));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn membership_is_what_the_conditions_mean(
        before in vec(step(), 0..10),
        after in vec(step(), 1..30),
    ) {
        let mut fold = Fold::new();
        if before.is_empty() {
            fold.configure(&FILTERED);
        }
        for timed in before {
            fold.take(timed);
        }
        fold.configure(&NAMED);
        // Everybody is worked out in the background.
        fold.now += 1_000;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
        fold.check()?;
        for timed in after {
            let is_quiet = matches!(timed.3, Step::Wait);
            fold.take(timed);
            if is_quiet {
                fold.check()?;
            }
        }
        fold.check()?;
        let n_before: Vec<_> = NAMED.map(|(key, _)| fold.views.audiences.n_members(key)).into();
        fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
        let n_after: Vec<_> = NAMED.map(|(key, _)| fold.views.audiences.n_members(key)).into();
        prop_assert_eq!(n_before, n_after);
        fold.now += HOUR_MS;
        fold.apply(Entry::Tick { at: Timestamp(fold.now) });
        fold.check()?;
    }

    /// Events that arrive as they happen: stays begin and end at the very instants.
    #[test]
    fn stays_begin_and_end_at_the_exact_instant(
        steps in vec((1..30_i64, proptest::sample::select(vec!["Order", "View"])), 1..15),
    ) {
        let mut fold = Fold::new();
        fold.configure(&NAMED[..6]);
        for (wait_hours, name) in steps {
            let step = Step::Track { late_hours: 0, name, total: 1, ends_hours: 0 };
            fold.take((wait_hours, Some(0), None, step));
        }
        let user = fold.people()[0];
        let events = fold.events(user);
        let first = events.iter().map(|event| event.timestamp.0).min().unwrap();
        for key in fold.conditions.keys() {
            let stays = fold.views.audiences.stays(&fold.store, key, user).unwrap();
            let mut at = first;
            while at <= fold.now {
                for at in [at, at + HOUR_MS - 1] {
                    let known: Vec<Event> =
                        events.iter().filter(|event| event.timestamp.0 <= at).cloned().collect();
                    let meant = fold.holds(key, user, &known, at);
                    let is_inside = stays.iter().any(|stay| {
                        stay.entered.0 <= at && stay.left.is_none_or(|left| at < left.0)
                    });
                    if at <= fold.now {
                        prop_assert_eq!(is_inside, meant, "{} at {}", key, Timestamp(at));
                    }
                }
                at += HOUR_MS;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Somebody who is one person with another was a member whenever one of them was.
    #[test]
    fn stays_of_two_who_become_one_are_those_of_both_and_do_not_overlap(
        steps in vec(
            (1..40_i64, any::<bool>(), proptest::sample::select(vec!["Order", "View"])), 2..25,
        ),
        wait_hours in 0..60_i64,
    ) {
        let mut fold = Fold::new();
        fold.configure(&NAMED[..6]);
        let track = |name| Step::Track { late_hours: 0, name, total: 1, ends_hours: 0 };
        fold.take((1, Some(0), None, track("View")));
        fold.take((1, None, Some(1), track("Order")));
        for (wait_hours, is_first, name) in steps {
            let (user, device) = if is_first { (Some(0), None) } else { (None, Some(1)) };
            fold.take((wait_hours, user, device, track(name)));
        }
        fold.take((wait_hours, None, None, Step::Wait));
        let stays = |fold: &Fold, key: &str, user| -> Vec<(i64, i64)> {
            let stays = fold.views.audiences.stays(&fold.store, key, user).unwrap();
            let left = |left: Option<Timestamp>| left.map_or(i64::MAX, |left| left.0);
            stays.into_iter().map(|stay| (stay.entered.0, left(stay.left))).collect()
        };
        let is_inside = |stays: &[(i64, i64)], at| {
            stays.iter().any(|(entered, left)| (*entered..*left).contains(&at))
        };
        let people = fold.people();
        prop_assert_eq!(people.len(), 2);
        let keys: Vec<String> = fold.conditions.keys().cloned().collect();
        let before: Vec<Vec<(i64, i64)>> = keys
            .iter()
            .map(|key| people.iter().flat_map(|user| stays(&fold, key, *user)).collect())
            .collect();
        let until = fold.now;
        fold.take((1, Some(0), Some(1), track("Other")));
        let people = fold.people();
        prop_assert_eq!(people.len(), 1);
        for (key, before) in keys.iter().zip(before) {
            let after = stays(&fold, key, people[0]);
            let is_apart = after.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            prop_assert!(is_apart, "{}: {:?}", key, after);
            for at in (START..until).step_by(HOUR_MS as usize / 2) {
                prop_assert_eq!(is_inside(&after, at), is_inside(&before, at), "{} at {}", key, at);
            }
            let n_members = fold.views.audiences.n_members(key);
            let is_member = after.last().is_some_and(|(_, left)| *left == i64::MAX);
            prop_assert_eq!(n_members, Some(u64::from(is_member)), "{}", key);
            let page = fold.views.audiences.members(&fold.store, key, None, 10).unwrap();
            let since: Vec<i64> = page.iter().map(|member| member.entered.0).collect();
            let last = after.last().filter(|_| is_member).map(|(entered, _)| *entered);
            prop_assert_eq!(since, Vec::from_iter(last), "{}", key);
        }
    }
}

#[test]
fn an_audience_that_goes_takes_its_rows_with_it_and_so_does_a_person() {
    let mut fold = Fold::new();
    fold.configure(&NAMED);
    let order = || Step::Track { late_hours: 0, name: "Order", total: 1, ends_hours: 0 };
    fold.take((1, Some(0), None, order()));
    fold.take((1, Some(1), None, order()));
    fold.take((72, None, None, Step::Wait));
    let users = fold.people();
    assert_eq!(fold.views.audiences.n_members("recent"), Some(0));
    assert_eq!(fold.views.audiences.n_members("quiet"), Some(2));
    let stays =
        |fold: &Fold, user| fold.views.audiences.stays(&fold.store, "recent", user).unwrap().len();
    assert_eq!(stays(&fold, users[0]), 1);
    let (kind, id) = (crate::EntityKind::User, "u0".to_owned());
    fold.command(Command::Delete { kind, id });
    assert_eq!(fold.views.audiences.n_members("quiet"), Some(1));
    assert_eq!((stays(&fold, users[0]), stays(&fold, users[1])), (0, 1));
    let left = |since: i64, after| {
        let since = Timestamp(fold.now - since * HOUR_MS);
        let page = fold.views.audiences.left_since(&fold.store, "recent", since, after, 10);
        page.unwrap().people.iter().map(|one| one.user).collect::<Vec<_>>()
    };
    assert_eq!((left(25, None), left(23, None)), (vec![users[1]], vec![]));
    assert_eq!(left(25, Some(users[1])), []);
    let change = ConfigChange::RemoveAudience { key: "quiet".to_owned() };
    let command = ConfigCommand { change, expected: Expected::Present };
    fold.command(Command::Configure(Box::new(command)));
    assert_eq!(fold.views.audiences.n_members("quiet"), None);
    let left = fold.views.audiences.memberships(&fold.store, users[1]).unwrap();
    assert!(left.iter().all(|(key, _)| *key != "quiet"), "{left:?}");
}

#[test]
fn of_many_past_stays_the_last_ones_are_kept_also_of_two_who_are_one() {
    let mut fold = Fold::new();
    fold.configure(&NAMED[..1]);
    let order = || Step::Track { late_hours: 0, name: "Order", total: 1, ends_hours: 0 };
    let mut entered = Vec::new();
    for _ in 0..STAYS_PER_PERSON_MAX + 30 {
        fold.take((60, Some(0), None, order()));
        entered.push(Timestamp(fold.now));
    }
    fold.take((60, None, None, Step::Wait));
    let stays = |fold: &Fold| {
        let user = fold.people()[0];
        let stays = fold.views.audiences.stays(&fold.store, "recent", user).unwrap();
        stays.iter().map(|stay| stay.entered).collect::<Vec<_>>()
    };
    assert_eq!(stays(&fold), entered[30..]);
    fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
    for _ in 0..5 {
        fold.take((60, None, Some(1), order()));
        entered.push(Timestamp(fold.now));
    }
    fold.take((60, Some(0), Some(1), order()));
    entered.push(Timestamp(fold.now));
    assert_eq!(fold.people().len(), 1);
    assert_eq!(stays(&fold), entered[35..], "the present one is not past");
    fold.take((60, None, None, Step::Wait));
    assert_eq!(stays(&fold), entered[36..]);
}
