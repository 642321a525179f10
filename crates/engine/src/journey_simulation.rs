//! What a journey would have done with people in the last days.

use std::time::{Duration, Instant};

use conditions::Event;
use domain::{Journey, JourneyAction, TimeZone, Timestamp, UserIdx};
use serde_json::Value;
use state::{Moment, SimulatedPerson, Simulation, ToldEvent};

use crate::audience_preview::people_order::PeopleOrder;
use crate::journeys::{ZONE_TRAIT, check_journey, clock_time};
use crate::timeline_message::read_message;
use crate::{Engine, EngineError};

/// How far back a simulation goes, in days.
pub const SIMULATED_DAYS: i64 = 30;
/// The most people of a simulation.
pub const SIMULATED_PEOPLE_MAX: u64 = 20_000;
/// How long people are simulated.
const SIMULATED_TIME: Duration = Duration::from_secs(3);
/// The most events of one person that are read; the latest ones are left out.
const EVENTS_MAX: usize = 1_000;
const DAY_MS: i64 = 86_400_000;

/// What a journey would have done.
pub struct JourneySimulation {
    /// The first instant.
    pub from: Timestamp,
    /// The last instant.
    pub until: Timestamp,
    /// How many profiles there are.
    pub n_profiles: u64,
    /// How many of them were simulated: a random sample, or all.
    pub n_simulated: u64,
    /// What became of these.
    pub simulation: Simulation,
}

impl Engine {
    /// Simulates a journey on what people did in the last 30 days, with their traits and audiences
    /// as they are now. Messages count as sent at once.
    ///
    /// # Errors
    /// A sentence if the journey does not fit the workspace; and if the store or the journal cannot
    /// be read.
    pub fn simulate_journey(
        &self,
        journey: Journey,
    ) -> Result<Result<JourneySimulation, String>, EngineError> {
        let mut config = (*self.config()).clone();
        config.put_journey(journey.clone());
        let checked = config.validate().map_err(|error| error.what);
        if let Err(what) = checked.and_then(|()| check_journey(&config, &journey)) {
            return Ok(Err(what));
        }
        let until = self.now();
        let from = Timestamp(until.0 - SIMULATED_DAYS * DAY_MS);
        let mut simulation = match Simulation::new(journey, from, until) {
            Ok(simulation) => simulation,
            Err(what) => return Ok(Err(what)),
        };
        let (n_users, n_profiles) = {
            let snapshot = self.snapshot();
            let ids = snapshot.profiles.ids();
            let users = (0..ids.n_users() as u32).map(UserIdx);
            (ids.n_users(), users.filter(|user| ids.is_alive(*user)).count() as u64)
        };
        let (events, audiences) = (simulation.events(), simulation.audiences());
        let (order, deadline) = (PeopleOrder::new(n_users), Instant::now() + SIMULATED_TIME);
        let zone_of_workspace = config.time_zone.clone().unwrap_or(TimeZone::UTC);
        let mut n_simulated = 0;
        for place in 0..order.n_places() {
            if n_simulated >= SIMULATED_PEOPLE_MAX || Instant::now() >= deadline {
                break;
            }
            let Some(user) = order.at(place) else { continue };
            let Some(person) = self.read_simulated(user, from, &events, &audiences)? else {
                continue;
            };
            let zone = person.traits.get(ZONE_TRAIT).and_then(Value::as_str);
            let zone = zone.and_then(TimeZone::named);
            let clock = |action: &JourneyAction, at: Timestamp| {
                let is_own = matches!(
                    action,
                    JourneyAction::DelayUntil { local_time: domain::LocalTime::Person, .. }
                );
                let own = zone.as_ref().filter(|_| is_own);
                clock_time(action, own.unwrap_or(&zone_of_workspace), at)
            };
            simulation.add(person, &clock);
            n_simulated += 1;
        }
        Ok(Ok(JourneySimulation { from, until, n_profiles, n_simulated, simulation }))
    }

    /// What is known of a person; none who is gone.
    fn read_simulated(
        &self,
        user: UserIdx,
        from: Timestamp,
        events: &std::collections::BTreeSet<String>,
        audiences: &std::collections::BTreeSet<String>,
    ) -> Result<Option<SimulatedPerson>, EngineError> {
        let mut person = SimulatedPerson::default();
        let found = {
            let snapshot = self.snapshot();
            if !snapshot.profiles.ids().is_alive(user) {
                return Ok(None);
            }
            let ids = snapshot.profiles.identifiers(snapshot.store(), user);
            let ids = ids.map_err(serving::QueryError::from)?;
            person.id = ids.into_iter().next().map_or_else(String::new, |id| id.value);
            for (key, stored) in snapshot.stored_traits(user)? {
                if let Ok(value) = serde_json::from_str(&stored.json) {
                    person.traits.insert(key, value);
                }
            }
            for (key, computed) in snapshot.computed_traits(user)? {
                person.traits.insert(key, computed.value);
            }
            let members = snapshot.audiences_of(user)?;
            person.audiences = members.into_iter().map(str::to_owned).collect();
            for key in audiences {
                let stays = snapshot.audiences.stays(snapshot.store(), key, user);
                let stays = stays.map_err(serving::QueryError::from)?;
                person.entered.extend(stays.into_iter().map(|stay| (stay.entered, key.clone())));
            }
            let names: Vec<&str> = events.iter().map(String::as_str).collect();
            match names.is_empty() {
                true => Vec::new(),
                false => snapshot.events_with_names(user, &names, from)?,
            }
        };
        for named in found.into_iter().take(EVENTS_MAX) {
            let Some(message) = read_message(&self.shared, named.offset)? else { continue };
            let Some(event) = Event::from_message(&message) else { continue };
            let at = event.timestamp.min(message.received_at);
            let moment = Moment { at, offset: named.offset };
            person.events.push(ToldEvent { moment, event });
        }
        Ok(Some(person))
    }
}
