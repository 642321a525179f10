//! Holdouts against a plain recomputation from all messages, and against the interactions that are
//! left after any commands.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Arrival, AudienceDefinition, Envelope, Holdout, Identity, Interaction, InteractionKind,
    InteractionSelector, Message, Timestamp, TraitDefinition, TraitPeople, UserIdx,
    WorkspaceConfig, WorkspaceId, check_message,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use store::Store;
use tempfile::TempDir;

use crate::fold::{PreparedEntry, apply};
use crate::holdouts::{HoldoutGroups, Tally, hash_person, micros};
use crate::views::Views;
use crate::{Command, EntityKind, Entry};

const BEGUN: Timestamp = Timestamp(1_767_225_600_000);
const HOUR_MS: i64 = 3_600_000;
const PERCENT: u8 = 40;
const TRAITS: [&str; 3] = ["anyone", "known", "buyers"];

struct Fold {
    _folder: TempDir,
    store: Store,
    views: Views,
    now: Timestamp,
}

impl Fold {
    /// A workspace in which three traits with a holdout were just defined: one for anyone, one for
    /// people with a user id, and one for an audience.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let views = Views::load(&store, &id).unwrap();
        let mut fold = Self { _folder: folder, store, views, now: BEGUN };
        fold.apply(Entry::Tick { at: BEGUN });
        let limits = ["user_id", "anonymous_id"].map(|name| json!({ "name": name, "limit": 100 }));
        let identity = json!({ "version": 1, "id_type": limits });
        let identity: Identity = serde_json::from_value(identity).unwrap();
        let condition = "did \"Order Completed\" in the last 2 days".to_owned();
        let audience = AudienceDefinition {
            key: "buyers".into(),
            name: None,
            condition,
            likely: None,
            sync: None,
        };
        let people = |audience| Some(TraitPeople { audience, include_anonymous: false });
        let who = [None, people(None), people(Some("buyers".to_owned()))];
        let goal = InteractionKind::Purchase;
        let traits = TRAITS.iter().zip(who).map(|(key, who)| TraitDefinition {
            who,
            holdout: Some(Holdout { percent: PERCENT, goal }),
            ..TraitDefinition::recommended_items(*key)
        });
        fold.apply(Entry::Configured(WorkspaceConfig {
            identity: Some(identity),
            audiences: vec![audience],
            traits: traits.collect(),
            ..WorkspaceConfig::empty(id)
        }));
        fold
    }

    fn apply(&mut self, entry: Entry) {
        let mut batch = self.store.batch();
        let offset = self.views.applied;
        apply(&mut self.views, &mut batch, offset, PreparedEntry::unmapped(entry)).unwrap();
        self.views.flush(&mut batch);
        batch.commit(self.views.applied).unwrap();
    }

    fn command(&mut self, command: Command) {
        self.apply(Entry::Command { received_at: self.now, command: Box::new(command) });
    }

    fn groups(&self, key: &str) -> HoldoutGroups {
        self.views.holdouts.get(key).unwrap().groups.clone()
    }

    /// Checks that what is counted follows from who entered and the interactions that there are.
    fn check(&self) -> Result<(), TestCaseError> {
        let ids = self.views.profiles.ids();
        for key in TRAITS {
            let definition = self.views.setup.config.trait_definition(key).unwrap();
            let mut groups = HoldoutGroups::default();
            for user in (0..ids.n_users() as u32).map(UserIdx) {
                let tally = self.views.holdouts.tally(&self.store, key, user).unwrap();
                let is_for = self.views.is_trait_for(&self.store, definition, user).unwrap();
                prop_assert!(tally.is_some() || !is_for || !ids.is_alive(user));
                let Some(tally) = tally else { continue };
                prop_assert!(ids.is_alive(user));
                let first = self.views.profiles.identifiers(&self.store, user).unwrap().remove(0);
                let goal = InteractionKind::Purchase;
                let done = self.views.interactions.by_user(&self.store, user, goal).unwrap();
                let after: Vec<_> = done.iter().filter(|one| one.at > tally.entered).collect();
                let recounted = Tally {
                    entered: tally.entered,
                    hash: hash_person(key, &first.value),
                    goals: after.len() as u32,
                    value_micros: after.iter().map(|one| micros(one.price())).sum(),
                };
                prop_assert_eq!(tally, recounted, "{} of {:?}", key, user);
                groups.add(PERCENT, &tally);
            }
            prop_assert_eq!(self.groups(key).treated.sum(), groups.treated.sum(), "{}", key);
            prop_assert_eq!(self.groups(key).held_out.sum(), groups.held_out.sum(), "{}", key);
        }
        Ok(())
    }
}

/// A purchase by somebody with some of a few ids, which may turn out to be one person's.
#[derive(Debug, Clone)]
struct Sent {
    n: usize,
    user: Option<u8>,
    device: Option<u8>,
    item: u8,
    /// Before the holdouts began, or after.
    hours: i64,
}

impl Sent {
    fn ids(&self) -> BTreeSet<String> {
        let user = self.user.map(|n| format!("u{n}"));
        user.into_iter().chain(self.device.map(|n| format!("d{n}"))).collect()
    }

    fn at(&self) -> Timestamp {
        Timestamp(BEGUN.0 + self.hours * HOUR_MS + self.n as i64 * 1_000)
    }

    fn message(&self) -> Message {
        let product = json!({ "product_id": format!("i{}", self.item), "price": self.item });
        let mut body = json!({
            "type": "track", "event": "Order Completed", "messageId": format!("m{}", self.n),
            "timestamp": self.at().to_string(), "properties": { "products": [product] },
        });
        for (key, id) in [("userId", ("u", self.user)), ("anonymousId", ("d", self.device))] {
            if let (letter, Some(n)) = id {
                body[key] = format!("{letter}{n}").into();
            }
        }
        // All arrive late, at one time.
        let received_at = Timestamp(BEGUN.0 + 48 * HOUR_MS);
        let arrival = Arrival { received_at, source: "web", peer_ip: None };
        check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap()
    }
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let id = || prop::option::of(0u8..6);
    vec((id(), id(), 0u8..4, -40..40_i64), 1..30).prop_map(|all| {
        let number =
            |(n, (user, device, item, hours)): (usize, (Option<u8>, Option<u8>, u8, i64))| {
                let device = if user.is_none() { device.or(Some(0)) } else { device };
                Sent { n, user, device, item, hours }
            };
        all.into_iter().enumerate().map(number).collect()
    })
}

/// What the groups of a trait for everybody did: people are the unions of messages that share ids.
fn recompute(key: &str, sent: &[Sent], is_known_only: bool) -> HoldoutGroups {
    let mut people: Vec<(BTreeSet<String>, BTreeMap<usize, Sent>)> = Vec::new();
    for one in sent {
        let mut person = (one.ids(), BTreeMap::from([(one.n, one.clone())]));
        let (same, others): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|(ids, _)| !ids.is_disjoint(&person.0));
        people = others;
        for (ids, messages) in same {
            person.0.extend(ids);
            person.1.extend(messages);
        }
        people.push(person);
    }
    let mut groups = HoldoutGroups::default();
    for (ids, messages) in people {
        let user_id = ids.iter().find(|id| id.starts_with('u'));
        if is_known_only && user_id.is_none() {
            continue;
        }
        let first = user_id.or(ids.first()).unwrap();
        let after = messages.values().filter(|one| one.at() > BEGUN);
        let prices: Vec<i64> = after.map(|one| micros(Some(f64::from(one.item)))).collect();
        groups.add(
            PERCENT,
            &Tally {
                entered: BEGUN,
                hash: hash_person(key, first),
                goals: prices.len() as u32,
                value_micros: prices.iter().sum(),
            },
        );
    }
    groups
}

/// A command, for people and items by their numbers.
#[derive(Debug, Clone)]
enum Step {
    Buy { user: u8, item: u8, hours: i64 },
    Return { user: u8, item: u8 },
    Merge { target: u8, source: u8 },
    Delete { user: u8 },
    Send(Sent),
    Wait { hours: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let one = (0u8..5, 0u8..3);
    prop_oneof![
        4 => (one.clone(), -30..30_i64)
            .prop_map(|((user, item), hours)| Step::Buy { user, item, hours }),
        1 => one.clone().prop_map(|(user, item)| Step::Return { user, item }),
        2 => (0u8..5, 0u8..5).prop_map(|(target, source)| Step::Merge { target, source }),
        1 => (0u8..5).prop_map(|user| Step::Delete { user }),
        3 => (sent(), any::<usize>())
            .prop_map(|(all, n)| Step::Send(Sent { n: n % 1_000, ..all[0].clone() })),
        2 => (1..40_i64).prop_map(|hours| Step::Wait { hours }),
    ]
}

impl Fold {
    fn take(&mut self, step: Step) {
        let id = |user: u8| format!("u{user}");
        let kind = InteractionKind::Purchase;
        match step {
            Step::Buy { user, item, hours } => {
                let at = Timestamp(self.now.0 + hours.min(0) * HOUR_MS);
                let interaction = Interaction {
                    timestamp: Some(at),
                    price: Some(f64::from(item)),
                    ..Interaction::new(id(user), format!("i{item}"), kind)
                };
                self.command(Command::AddInteraction { interaction, cascade_create: true });
            }
            Step::Return { user, item } => {
                self.command(Command::DeleteInteractions {
                    selector: InteractionSelector {
                        user_id: id(user),
                        item_id: format!("i{item}"),
                        kind,
                        timestamp: None,
                        session_id: None,
                    },
                });
            }
            Step::Merge { target, source } => {
                let (target, source) = (id(target), id(source));
                self.command(Command::MergeUsers { target, source, cascade_create: true });
            }
            Step::Delete { user } => {
                self.command(Command::Delete { kind: EntityKind::User, id: id(user) });
            }
            Step::Send(sent) => {
                let message = Message { received_at: self.now, ..sent.message() };
                self.apply(Entry::Message(Box::new(message)));
            }
            Step::Wait { hours } => {
                self.now = Timestamp(self.now.0 + hours * HOUR_MS);
                self.apply(Entry::Tick { at: self.now });
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn late_repeated_shuffled_and_merging_messages_give_what_a_recomputation_gives(
        (sorted, shuffled) in sent().prop_flat_map(|sent| {
            let repeated = [sent.clone(), sent.iter().take(5).cloned().collect()].concat();
            (Just(sent), Just(repeated).prop_shuffle())
        }),
    ) {
        for order in [&sorted, &shuffled] {
            let mut fold = Fold::new();
            for one in order {
                fold.apply(Entry::Message(Box::new(one.message())));
            }
            for (key, is_known_only) in [("anyone", false), ("known", true)] {
                let meant = recompute(key, &sorted, is_known_only);
                prop_assert_eq!(fold.groups(key).treated.sum(), meant.treated.sum());
                prop_assert_eq!(fold.groups(key).held_out.sum(), meant.held_out.sum());
            }
            fold.check()?;
            let before = TRAITS.map(|key| fold.groups(key));
            fold.views = Views::load(&fold.store, &WorkspaceId::new("shop").unwrap()).unwrap();
            prop_assert_eq!(TRAITS.map(|key| fold.groups(key)), before);
        }
    }

    #[test]
    fn whatever_becomes_of_people_their_groups_count_what_is_left(steps in vec(step(), 1..40)) {
        let mut fold = Fold::new();
        for step in steps {
            fold.take(step);
            fold.check()?;
        }
    }
}

#[test]
fn a_holdout_of_another_share_begins_anew_and_people_enter_it_at_once() {
    let mut fold = Fold::new();
    for user in 0..20 {
        fold.take(Step::Buy { user, item: 1, hours: 0 });
    }
    fold.take(Step::Wait { hours: 1 });
    for user in 0..20 {
        fold.take(Step::Buy { user, item: 1, hours: 0 });
    }
    let both = |fold: &Fold| {
        let HoldoutGroups { treated, held_out } = fold.groups("known");
        [treated.sum(), held_out.sum()]
    };
    let n = |fold: &Fold| both(fold).map(|group| (group.people, group.reached));
    assert_eq!(n(&fold).iter().map(|(people, _)| people).sum::<u32>(), 20);
    assert_eq!(both(&fold).iter().map(|group| group.value()).sum::<f64>(), 20.0);
    let held_out = n(&fold)[1].0;
    assert!((1..20).contains(&held_out));
    let mut config = WorkspaceConfig::clone(&fold.views.setup.config);
    config.traits[1].holdout = Some(Holdout { percent: 50, goal: InteractionKind::Purchase });
    fold.apply(Entry::Configured(config));
    fold.take(Step::Wait { hours: 1 });
    let [(treated, 0), (more, 0)] = n(&fold) else { panic!("{:?}", both(&fold)) };
    assert!(treated + more == 20 && more >= held_out, "who was held out still is");
}
