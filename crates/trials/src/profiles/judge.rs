//! The plain evaluator over everything that some people have sent, which the trial keeps itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use conditions::{Computation, Condition, Event, Person, Surroundings, holds};
use domain::{Message, Timestamp};
use engine::Engine;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::definitions;
use super::traffic::user_id;

/// The most differences that are printed.
const SHOWN_MAX: usize = 5;

/// What sampled people have sent.
pub(super) struct Judge {
    /// One person of so many is sampled.
    one_of: u64,
    sampled: Mutex<BTreeMap<u64, Sampled>>,
    audiences: BTreeMap<String, Condition>,
    computed: Vec<(String, Computation)>,
}

#[derive(Default)]
struct Sampled {
    events: Vec<Event>,
    /// By key: the latest instant and the value of then.
    traits: BTreeMap<String, (Timestamp, Value)>,
}

/// Values that were compared, and how many differed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Compared {
    /// Memberships of audiences.
    pub(super) n_memberships: u64,
    /// Memberships that the condition does not mean.
    pub(super) n_memberships_wrong: u64,
    /// Values of computed traits.
    pub(super) n_values: u64,
    /// Values that are not those of all messages.
    pub(super) n_values_wrong: u64,
}

impl Judge {
    pub(super) fn new(one_of: u64) -> Result<Self> {
        let parse = |definition: domain::AudienceDefinition| {
            let condition = definition.condition.parse::<Condition>();
            let condition = condition.with_context(|| definition.condition.clone())?;
            Ok((definition.key, condition))
        };
        let audiences = definitions::audiences().into_iter().map(parse).collect::<Result<_>>()?;
        let read = |definition: domain::ComputedTraitDefinition| {
            let computation = Computation::new(&definition).map_err(anyhow::Error::msg)?;
            Ok((definition.key, computation))
        };
        let computed =
            definitions::computed_traits().into_iter().map(read).collect::<Result<_>>()?;
        Ok(Self { one_of: one_of.max(1), sampled: Mutex::default(), audiences, computed })
    }

    /// Keeps a message of somebody who is sampled.
    pub(super) fn note(&self, person: u64, message: &Message) {
        if !person.is_multiple_of(self.one_of) {
            return;
        }
        let mut sampled = self.sampled.lock();
        let sampled = sampled.entry(person).or_default();
        match Event::from_message(message) {
            Some(event) => sampled.events.push(event),
            None => sampled.learn(message),
        }
    }

    /// Compares what the engine keeps with what everything sent means at the instant `now`, which
    /// the journal must have reached.
    pub(super) fn compare(&self, engine: &Engine, now: Timestamp) -> Result<Compared> {
        let mut compared = Compared::default();
        for (person, sampled) in &*self.sampled.lock() {
            let user = engine.find_user(&user_id(*person)).context("a sampled person is known")?;
            let snapshot = engine.snapshot();
            let kept: BTreeSet<String> =
                snapshot.audiences_of(user)?.into_iter().map(str::to_owned).collect();
            let values = snapshot.computed_traits(user)?.into_iter();
            let values: BTreeMap<String, Value> =
                values.map(|(key, computed)| (key, computed.value)).collect();
            drop(snapshot);
            let mut traits = sampled.traits();
            for (key, computation) in &self.computed {
                let meant = computation.value(&sampled.events, now);
                let is_right = values.get(key) == Some(&meant);
                compared.n_values += 1;
                compared.n_values_wrong += u64::from(!is_right);
                if !is_right && compared.n_values_wrong as usize <= SHOWN_MAX {
                    println!("{key} of person {person}: {:?}, meant {meant}", values.get(key));
                }
                traits.insert(key.clone(), meant);
            }
            let members = self.meant_audiences(&sampled.events, &traits, now);
            compared.n_memberships += self.audiences.len() as u64;
            for key in members.symmetric_difference(&kept) {
                compared.n_memberships_wrong += 1;
                if compared.n_memberships_wrong as usize <= SHOWN_MAX {
                    let condition = &self.audiences[key];
                    println!(
                        "{key} of person {person}: meant {}: {condition}",
                        members.contains(key)
                    );
                }
            }
        }
        Ok(compared)
    }

    fn meant_audiences(
        &self,
        events: &[Event],
        traits: &Map<String, Value>,
        now: Timestamp,
    ) -> BTreeSet<String> {
        let surroundings =
            Surroundings { traits, accounts: &[], audiences: &self.audiences, answers: &[] };
        let person = Person { events, surroundings };
        let meant = self.audiences.iter().filter(|(_, condition)| holds(condition, &person, now));
        meant.map(|(key, _)| key.clone()).collect()
    }
}

impl Sampled {
    fn learn(&mut self, message: &Message) {
        let Some(Ok(Value::Object(body))) = message.body.as_deref().map(serde_json::from_str)
        else {
            return;
        };
        for (key, value) in body {
            let newer = (message.timestamp, value);
            match self.traits.get_mut(&key) {
                Some(older) if older.0 <= newer.0 => *older = newer,
                Some(_) => {}
                None => drop(self.traits.insert(key, newer)),
            }
        }
    }

    fn traits(&self) -> Map<String, Value> {
        self.traits.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
    }
}

impl Compared {
    pub(super) fn add(&mut self, other: Self) {
        self.n_memberships += other.n_memberships;
        self.n_memberships_wrong += other.n_memberships_wrong;
        self.n_values += other.n_values;
        self.n_values_wrong += other.n_values_wrong;
    }
}
