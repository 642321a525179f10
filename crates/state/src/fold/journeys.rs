//! What the fold does with facts about journeys, and with what moves people in them.

use std::sync::Arc;

use conditions::Event;
use domain::{JOURNEY_ENTRY, JourneyEntrance, Timestamp, TraitChange, UserIdx};
use profiles::{ExternalId, StoredTrait};
use serde_json::{Map, Value};
use store::{Batch, StoreError};

use crate::Outcome;
use crate::campaigns::{Begun, DecisionOutcome, Occurrence, TriggerDetails};
use crate::journeys::{
    Directory, Entering, EntryRun, Fact, Instance, InstanceId, JOURNEY_SOURCE, JourneyAnswer,
    JourneyEntry, JourneyFinding, JourneyTrigger, JourneysOf, MessageResult, Moment, PersonWorld,
    Plan, ToldEvent, World, changed_trait,
};
use crate::people::People;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;

/// How many people one timer moves after a change of the journeys, or lets enter.
const PEOPLE_PER_STEP: usize = 500;
/// How often what moves people changes audiences that move them in turn, in one entry.
const ROUNDS_MAX: usize = 10;

/// A person of the fold, who is moved.
struct FoldWorld<'w, 'b> {
    views: &'w mut Views,
    batch: &'w mut Batch<'b>,
    user: UserIdx,
    now: Timestamp,
}

impl World for FoldWorld<'_, '_> {
    type Error = StoreError;

    fn traits(&mut self, keys: &[&str]) -> Result<Map<String, Value>, StoreError> {
        let Views { profiles, computed_traits, .. } = &*self.views;
        let mut traits = Map::new();
        for key in keys {
            if let Some(stored) = profiles.stored_trait(self.batch, self.user, key)?
                && let Ok(value) = serde_json::from_str(&stored.json)
            {
                traits.insert((*key).to_owned(), value);
            }
        }
        for (key, computed) in computed_traits.values_with_keys(self.batch, self.user, keys)? {
            traits.insert(key.to_owned(), computed.value);
        }
        Ok(traits)
    }

    fn is_member(&mut self, audience: &str) -> Result<bool, StoreError> {
        Ok(self.views.audiences.member_since(self.batch, audience, self.user)?.is_some())
    }

    fn person_id(&mut self) -> Result<String, StoreError> {
        let ids = self.views.profiles.identifiers(self.batch, self.user)?;
        Ok(ids.into_iter().next().map_or_else(String::new, |id| id.value))
    }

    fn update(&mut self, _: Timestamp, changes: &[TraitChange]) -> Result<(), StoreError> {
        let user = self.user;
        for change in changes {
            let stored = self.views.profiles.stored_trait(self.batch, user, &change.key)?;
            // What is set here is the newest, also where the wait ended before what was told last.
            let updated_at = stored.as_ref().map_or(self.now, |one| one.updated_at.max(self.now));
            let present = stored.and_then(|stored| serde_json::from_str(&stored.json).ok());
            let json = changed_trait(present.as_ref(), change).to_string();
            let value = StoredTrait { json, updated_at, source: JOURNEY_SOURCE.to_owned() };
            self.views.profiles.set_trait(self.batch, user, &change.key, &value)?;
        }
        self.views.last_sent.touch_traits(user);
        self.views.work_out(self.batch, user, self.now)
    }

    fn begin_message(
        &mut self,
        campaign: &str,
        _: &str,
        instance: &Instance,
    ) -> Result<bool, StoreError> {
        let occurrence = occurrence(instance.id(), instance.step);
        let entry = instance.context.iter().find(|(name, _)| name == JOURNEY_ENTRY);
        let properties = entry.map_or_else(|| "{}".to_owned(), |(_, json)| json.clone());
        let details = TriggerDetails { properties, ignores_limits: false };
        let campaigns = &mut self.views.campaigns;
        let begun =
            campaigns.begin(self.batch, campaign, self.user, occurrence, &details, self.now)?;
        Ok(begun == Begun::Waits)
    }

    fn drop_message(&mut self, campaign: &str, instance: &Instance) -> Result<(), StoreError> {
        let occurrence = occurrence(instance.id(), instance.step);
        self.views.campaigns.take_back(self.batch, campaign, self.user, occurrence)
    }

    fn trigger(&mut self, _: &str, _: &Instance) {}

    fn note(&mut self, plan: &Plan, instance: &Instance, _: Timestamp, fact: &Fact) {
        let node = plan.node_name(instance.node);
        self.views.journeys.count(&plan.definition.key, node, fact);
    }
}

impl PersonWorld for FoldWorld<'_, '_> {
    fn count_refused(&mut self, plan: &Plan, reason: &'static str) {
        self.views.journeys.count_refused(&plan.definition.key, reason);
    }
}

fn occurrence(id: InstanceId, step: u32) -> Occurrence {
    Occurrence::Journey { instance: id.code(), step }
}

/// Applies a fact. Somebody who is suppressed, or whom nobody knows, does not enter. A second
/// finding is skipped by the destination too.
pub(super) fn apply_journey(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: &JourneyEntry,
) -> Result<Outcome, StoreError> {
    match entry {
        JourneyEntry::Trigger(trigger) => {
            apply_trigger(views, batch, offset, trigger)?;
            Ok(Outcome::Applied)
        }
        JourneyEntry::Answer(answer) => {
            if apply_answer(views, batch, offset, answer)? {
                return Ok(Outcome::Applied);
            }
            views.destinations.record_skipped(batch, offset);
            Ok(Outcome::Duplicate)
        }
    }
}

fn apply_trigger(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    trigger: &JourneyTrigger,
) -> Result<(), StoreError> {
    let now = views.journal_now();
    for person in &trigger.people {
        let (type_, id) = &person.id;
        if views.regulations.suppressed.has(*type_, id) {
            continue;
        }
        let named = ExternalId { type_: *type_, value: id };
        let Some(user) = views.profiles.ids().user_by_external_id(named) else { continue };
        let properties = serde_json::from_str(&person.properties).unwrap_or_default();
        let entering = Entering { moment: Moment { at: now, offset }, properties };
        views.move_person(batch, user, now, |row, directory, world| {
            row.begin(directory, &trigger.journey, entering, world)
        })?;
    }
    Ok(())
}

fn apply_answer(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    answer: &JourneyAnswer,
) -> Result<bool, StoreError> {
    let Some((type_, id)) = &answer.person else { return Ok(false) };
    let person = ExternalId { type_: *type_, value: id };
    let Some(user) = views.profiles.ids().user_by_external_id(person) else { return Ok(false) };
    let now = views.journal_now();
    let moment = Moment { at: now, offset };
    let until = match &answer.finding {
        JourneyFinding::Until(until) => Some(*until),
        JourneyFinding::Sent { .. } => None,
    };
    let mut is_found = false;
    views.move_person(batch, user, now, |row, directory, world| {
        is_found = row.take_answer(directory, (answer.id(), answer.step), moment, until, world)?;
        Ok(())
    })?;
    let is_suppressed = views.regulations.suppressed.has(*type_, id);
    Ok(is_found && !is_suppressed)
}

impl Views {
    /// Moves a person, and sets the timer to when time alone moves them.
    fn move_person(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
        work: impl FnOnce(&mut JourneysOf, &Directory, &mut FoldWorld<'_, '_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (before, places) = self.journeys.read_person(batch, user)?;
        let mut row = before.clone();
        let directory = Arc::clone(self.journeys.directory());
        let mut world = FoldWorld { views: &mut *self, batch: &mut *batch, user, now };
        work(&mut row, &directory, &mut world)?;
        if row != before {
            self.journeys.put_person(batch, user, places, &row);
        }
        match row.next_due(&directory) {
            Some(due) => {
                let timer = Timer { due, kind: TimerKind::MoveJourneys, id: user.0 };
                self.timers.schedule(batch, timer).map(drop)
            }
            None => self.timers.cancel(batch, TimerKind::MoveJourneys, user.0),
        }
    }

    /// Moves a person by an event that is told now.
    pub(crate) fn follow_journey_event(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let moment = Moment { at: event.timestamp.min(now), offset: self.applied - 1 };
        let seen = ToldEvent { moment, event: event.clone() };
        self.move_person(batch, user, now, |row, directory, world| {
            row.take_event(directory, &seen, now, world)
        })
    }

    /// Moves a person by time.
    pub(crate) fn move_by_time(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.move_person(batch, user, now, |row, directory, world| {
            row.pass_time(directory, now, world)
        })
    }

    /// Moves a person by what became of a message.
    pub(crate) fn follow_journey_message(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        occurrence: Occurrence,
        outcome: &DecisionOutcome,
    ) -> Result<(), StoreError> {
        let result = match outcome {
            DecisionOutcome::Sent(_) => MessageResult::Sent,
            DecisionOutcome::Refused { .. } => MessageResult::Refused,
            DecisionOutcome::Waits { .. } => return Ok(()),
        };
        let Occurrence::Journey { instance, step } = occurrence else { return Ok(()) };
        let now = self.journal_now();
        let moment = Moment { at: now, offset: self.applied - 1 };
        self.move_person(batch, user, now, |row, directory, world| {
            row.take_message(directory, (instance, step), moment, result, world).map(drop)
        })
    }

    /// Moves people who entered audiences, and takes back what merged people left in campaigns.
    pub(super) fn follow_noted(
        &mut self,
        batch: &mut Batch<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (user, campaign, id, step) in self.journeys.take_dropped() {
            self.campaigns.take_back(batch, &campaign, user, occurrence(id, step))?;
        }
        for _ in 0..ROUNDS_MAX {
            let noted = self.journeys.take_noted();
            if noted.is_empty() {
                return Ok(());
            }
            for (user, number) in noted {
                let by_key = self.audiences.by_key();
                let found = by_key.iter().find(|(_, audience)| audience.number == number);
                let Some(key) = found.map(|(key, _)| key.clone()) else { continue };
                if !self.journeys.directory().asks_for_audience(&key) {
                    continue;
                }
                let moment = Moment { at: now, offset: self.applied - 1 };
                self.move_person(batch, user, now, |row, directory, world| {
                    row.take_audience(directory, &key, moment, world)
                })?;
            }
        }
        drop(self.journeys.take_noted());
        Ok(())
    }

    /// Follows the journeys of the configuration, and begins to move people by it.
    pub(crate) fn follow_journeys(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
    ) -> Result<(), StoreError> {
        let config = Arc::clone(&self.setup.config);
        let now = self.journal_now();
        if !self.journeys.follow_config(batch, &config, Moment { at: now, offset }) {
            return Ok(());
        }
        let timer = Timer { due: now, kind: TimerKind::WalkJourneys, id: 0 };
        self.timers.schedule(batch, timer)?;
        for (number, at) in self.journeys.entered_at_times() {
            let timer = Timer { due: at.max(now), kind: TimerKind::EnterJourney, id: number };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }

    /// Moves some people by a change of the journeys, and schedules the next step.
    pub(super) fn walk_journeys(
        &mut self,
        batch: &mut Batch<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(first) = self.journeys.walk() else { return Ok(()) };
        let people = self.journeys.people_from(batch, first, PEOPLE_PER_STEP)?;
        let last = people.last().filter(|_| people.len() == PEOPLE_PER_STEP).copied();
        for user in people {
            self.move_person(batch, user, now, |row, directory, world| {
                row.settle(directory, world)
            })?;
        }
        self.journeys.set_walk(batch, last.map(|last| last.0.saturating_add(1)));
        if last.is_some() {
            let due = Timestamp(now.0 + 1);
            let timer = Timer { due, kind: TimerKind::WalkJourneys, id: 0 };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }

    /// Lets some people enter a journey that has a time, and schedules the next step.
    pub(super) fn enter_journey(
        &mut self,
        batch: &mut Batch<'_>,
        number: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let directory = Arc::clone(self.journeys.directory());
        let Some(key) = directory.key(number) else { return Ok(()) };
        let plan = directory.journey(key).map(|versions| Arc::clone(&versions.latest().plan));
        let Some(plan) = plan.filter(|plan| plan.is_open()) else { return Ok(()) };
        let JourneyEntrance::At { at, audience } = &plan.definition.entry else { return Ok(()) };
        if *at > now {
            let timer = Timer { due: *at, kind: TimerKind::EnterJourney, id: number };
            return self.timers.schedule(batch, timer).map(drop);
        }
        let run = self.journeys.by_key()[key].run.filter(|run| run.at == *at);
        if run.is_some_and(|run| run.is_done) {
            return Ok(());
        }
        let first = run.map_or(0, |run| run.next_user);
        let n_users = self.profiles.ids().n_users() as u32;
        let end = first.saturating_add(PEOPLE_PER_STEP as u32).min(n_users);
        for user in (first..end).map(UserIdx) {
            if !self.profiles.ids().is_alive(user)
                || self.audiences.member_since(batch, audience, user)?.is_none()
            {
                continue;
            }
            let entering =
                Entering { moment: Moment { at: now, offset: 0 }, properties: Map::new() };
            self.move_person(batch, user, now, |row, directory, world| {
                row.begin(directory, key, entering, world)
            })?;
        }
        let is_done = end >= n_users;
        self.journeys.note_run(key, EntryRun { at: *at, next_user: end, is_done });
        if !is_done {
            let due = Timestamp(now.0 + 1);
            let timer = Timer { due, kind: TimerKind::EnterJourney, id: number };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }
}
