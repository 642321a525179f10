//! Works out the computed traits of people, and who belongs to which audience: at every message,
//! and at the exact instant at which time alone changes it.
//!
//! A message adds to what is kept of a person ([`ComputedTraits`](crate::ComputedTraits),
//! [`Audiences`](crate::Audiences)). The computed traits and then the audiences that it concerns
//! are worked out: those that ask for its event or for a trait that it changes, or name such an
//! audience. A timer is set to the first instant at which one of the person's changes by itself, or
//! an earlier one; when it fires, those are worked out that are due. After a trait or an audience
//! was made or changed, timers go through all people in steps; who sends a message meanwhile is
//! brought up to date by it.

mod account_traits;
mod accounts;
mod history;
mod holdouts;
mod recount;

use std::cell::Cell;
use std::sync::Arc;

use conditions::{Event, Surroundings, Tracked};
use domain::{Message, MessageType, Timestamp, UserIdx};
use profiles::NamedEvent;
use serde_json::{Map, Value};
use store::{Batch, StoreError};

use self::account_traits::When;
pub use self::history::{HistoryRequest, UnreadStep};
pub use self::recount::NamingStep;
use crate::answers::Question;
use crate::audiences::{Kept, PersonRow};
use crate::computed_traits::Parts;
use crate::stored::Stored;
use crate::timers::{Timer, TimerKind};
use crate::unread_history::{Definition, has_past};
use crate::views::Views;

/// How many people one timer works out after a change of an audience.
const PEOPLE_PER_STEP: u32 = 500;

/// Which audiences are worked out.
#[derive(Debug, Clone, Copy)]
enum Meant<'a> {
    All,
    /// Those of these numbers, which ascend.
    These(&'a [u32]),
}

impl Meant<'_> {
    fn has(self, number: u32) -> bool {
        match self {
            Self::All => true,
            Self::These(numbers) => numbers.binary_search(&number).is_ok(),
        }
    }
}

impl Views {
    /// Adds a message of a person to what is kept for computed traits and audiences, and works out
    /// those that it concerns. `set` are the keys of the traits that it sets.
    pub(crate) fn track_message(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        message: &Message,
        set: &[String],
    ) -> Result<(), StoreError> {
        let now = self.journal_now();
        let name = match message.type_ {
            MessageType::Track | MessageType::Page | MessageType::Screen => message.event_name(),
            MessageType::Identify | MessageType::Group | MessageType::Alias => "",
        };
        let asks_traits = self.computed_traits.asks_for(name);
        let mut concerned = self.audiences.asked_for().by_event(name).to_vec();
        let begins_campaign = self.campaigns.asks_for(name);
        let moves_journeys = self.journeys.asks_for(name);
        let is_asked = asks_traits || begins_campaign || moves_journeys || !concerned.is_empty();
        let event = is_asked.then(|| Event::from_message(message)).flatten();
        let Self { computed_traits, unread_history, profiles, audiences, .. } = self;
        let (mut due, mut changed, mut of_accounts) = (None, Vec::new(), Parts::new());
        if asks_traits && let Some(event) = &event {
            let added =
                computed_traits.add_event(batch, profiles, unread_history, (user, event), now)?;
            (due, changed, of_accounts) = (added.due, added.changed, added.of_accounts);
        }
        let changed = set.iter().map(String::as_str).chain(changed);
        concerned.extend(changed.flat_map(|key| audiences.asked_for().by_trait(key)));
        concerned.sort_unstable();
        self.add_to_accounts(batch, user, &of_accounts, When::Entry)?;
        let membership_due = self.track_membership(batch, user, event.as_ref(), &concerned, now)?;
        if begins_campaign && let Some(event) = &event {
            let offset = self.applied - 1;
            self.campaigns.follow_event(batch, user, event, offset, now)?;
        }
        if let Some(due) = [due, membership_due].into_iter().flatten().min() {
            let timer = Timer { due, kind: TimerKind::WorkOutPerson, id: user.0 };
            self.timers.schedule_no_later(batch, timer)?;
        }
        match event.filter(|_| moves_journeys) {
            Some(event) => self.follow_journey_event(batch, user, &event, now),
            None => Ok(()),
        }
    }

    /// Adds an event to what is kept for audiences, and works out those that are concerned: all of
    /// a person who was not up to date. Returns when time alone changes one of these.
    fn track_membership(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        event: Option<&Event>,
        concerned: &[u32],
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        if self.audiences.is_empty() {
            return Ok(None);
        }
        let row = self.audiences.person(batch, user)?;
        let is_current = row.as_ref().is_some_and(|row| row.seen == self.audiences.changed_at());
        if is_current && concerned.is_empty() {
            return Ok(None);
        }
        let mut row = self.bring_up_to_date(batch, user, row.unwrap_or_default())?;
        if let Some(event) = event {
            for (audience, condition) in self.audiences.asking(&event.name) {
                if let Some(kept) = row.kept_mut(audience.number) {
                    kept.tracked.get_mut()?.add(condition, event);
                }
            }
        }
        let meant = if is_current { Meant::These(concerned) } else { Meant::All };
        let unread = self.unread_history.of_person(user);
        self.work_out_membership(batch, user, row, meant, now, &unread)
    }

    /// Works out all people whom the entry has touched.
    pub(crate) fn work_out_pending(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let now = self.journal_now();
        for user in self.timers.take_pending() {
            self.work_out(batch, user, now)?;
        }
        Ok(())
    }

    /// Follows the computed traits and audiences of the configuration, which the entry at `offset`
    /// put in force.
    pub(crate) fn follow_definitions(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
    ) -> Result<(), StoreError> {
        let now = self.journal_now();
        let config = Arc::clone(&self.setup.config);
        let values_change = self.computed_traits.follow_config(batch, &config, now);
        self.account_traits.retain_shown(batch, &self.computed_traits);
        let audiences_change = self.audiences.follow_config(batch, offset, &config)?;
        let questions_change = self.answers.follow_config(batch, &config);
        self.watch_lists();
        let asks_accounts = self.audiences.asked_for().asks_accounts();
        let reads_values = self.audiences.read_traits() || asks_accounts;
        if questions_change || values_change && reads_values {
            self.audiences.mark_changed(batch, offset);
        }
        self.follow_history(batch, offset);
        let known = self.setup.clock.time().known();
        let may_enter = self.holdouts.follow_config(batch, &config, known)?;
        if values_change || audiences_change || questions_change || may_enter {
            self.begin_working_out(batch)
        } else {
            Ok(())
        }
    }

    /// Starts to work out everybody, after a change of a computed trait, an audience or a holdout.
    fn begin_working_out(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        if self.profiles.ids().n_users() == 0 {
            return Ok(());
        }
        let due = self.journal_now();
        let timer = Timer { due, kind: TimerKind::WorkOutEverybody, id: 0 };
        self.timers.schedule(batch, timer).map(drop)
    }

    /// Works out people from an index on, and schedules the next step.
    pub(crate) fn work_out_from(
        &mut self,
        batch: &mut Batch<'_>,
        first: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let n_users = self.profiles.ids().n_users() as u32;
        let end = first.saturating_add(PEOPLE_PER_STEP).min(n_users);
        for user in (first..end).map(UserIdx) {
            if !self.profiles.ids().is_alive(user) {
                continue;
            }
            let is_counted =
                self.profiles.has_messages(batch, user)? || self.answers.has_any(batch, user)?;
            if is_counted {
                self.work_out_after_change(batch, user, now)?;
            }
            self.enter_holdouts(batch, user)?;
        }
        if end < n_users {
            let due = Timestamp(now.0 + 1);
            let timer = Timer { due, kind: TimerKind::WorkOutEverybody, id: end };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }

    fn work_out_after_change(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.computed_traits.forget_gone(batch, user)?;
        self.forget_gone_of_accounts(batch, user)?;
        self.mark_past_of_traits(batch, user)?;
        let (mut is_changed, of_accounts) =
            self.computed_traits.take_history(batch, &self.profiles, user, false)?;
        self.add_to_accounts(batch, user, &of_accounts, When::Timer(now))?;
        if is_changed {
            self.last_sent.touch_traits(user);
        }
        self.answers.forget_gone(batch, user)?;
        if !self.audiences.is_empty() {
            let row = self.audiences.person(batch, user)?;
            if row.as_ref().is_none_or(|row| row.seen != self.audiences.changed_at()) {
                let row = self.bring_up_to_date(batch, user, row.unwrap_or_default())?;
                self.audiences.put_person(batch, user, &row);
                is_changed = true;
            }
        }
        self.end_past_of_nameless(batch, user, When::Timer(now))?;
        if is_changed { self.work_out(batch, user, now) } else { Ok(()) }
    }

    /// Has the audiences of a person worked out, of whom an answer is another one now. Who has sent
    /// no message counts from then on.
    pub(crate) fn follow_answer(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let row = self.audiences.person(batch, user)?.unwrap_or_default();
        let row = self.bring_up_to_date(batch, user, row)?;
        self.audiences.put_person(batch, user, &row);
        self.timers.add_pending(user);
        Ok(())
    }

    /// Has people named as due whose lists may have changed, where audiences ask for lists.
    pub(crate) fn watch_lists(&mut self) {
        let asks_lists = self.answers.questions().values().any(Question::asks_lists);
        self.last_sent.watch_lists(asks_lists);
    }

    /// Gives a person what is kept for audiences that are new or changed since they were last
    /// worked out, with their history as far as the names and times of events say. Where a
    /// condition asks for more of them, it is marked to be read.
    fn bring_up_to_date(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        mut row: PersonRow,
    ) -> Result<PersonRow, StoreError> {
        if row.seen == self.audiences.changed_at() {
            return Ok(row);
        }
        row.seen = self.audiences.changed_at();
        let now = self.journal_now();
        let by_key = self.audiences.by_key();
        row.retain(|number| by_key.values().any(|one| one.number == number));
        let mut history: Option<Vec<NamedEvent>> = None;
        for (key, audience) in by_key {
            let kept = row.kept(audience.number);
            if kept.is_some_and(|kept| kept.since == audience.since) {
                continue;
            }
            let entered = kept.and_then(|kept| kept.entered);
            let n_stays = kept.map_or(0, |kept| kept.n_stays);
            let Some(condition) = self.audiences.conditions().get(key) else { continue };
            let mut tracked = Tracked::new(condition);
            let history = match &history {
                Some(history) => history,
                None => history.insert(self.profiles.named_events(batch, user)?),
            };
            for event in history.iter().filter(|event| event.offset < audience.since) {
                tracked.add_named(condition, &event.name, event.timestamp);
            }
            let (names, start) = (condition.events_to_read(), condition.reaches_back_to(now));
            let definition = Definition::Audience(audience.number);
            match !names.is_empty() && has_past(history, &names, start, audience.since) {
                true => self.unread_history.mark(batch, definition, user, audience.since),
                false => self.unread_history.end(batch, definition, user),
            }
            let (number, since, is_partial) = (audience.number, audience.since, false);
            let tracked = Stored::new(tracked);
            row.put(Kept { number, since, tracked, entered, due: None, is_partial, n_stays });
        }
        Ok(row)
    }

    /// Gives a person who was merged the history of both, before anything is added.
    pub(crate) fn complete_merged(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        self.computed_traits.take_history(batch, &self.profiles, user, true)?;
        let Some(row) = self.audiences.person(batch, user)? else {
            return self.mark_merged(batch, user, &[]);
        };
        let mut row = self.bring_up_to_date(batch, user, row)?;
        let partial = row.all().iter().filter(|kept| kept.is_partial);
        let partial: Vec<u32> = partial.map(|kept| kept.number).collect();
        if !partial.is_empty() {
            let history = self.profiles.named_events(batch, user)?;
            for (key, audience) in self.audiences.by_key() {
                let condition = self.audiences.conditions().get(key);
                let kept = row.kept_mut(audience.number).filter(|kept| kept.is_partial);
                let Some((condition, kept)) = condition.zip(kept) else { continue };
                kept.is_partial = false;
                let tracked = kept.tracked.get_mut()?;
                tracked.forget_named(condition);
                for event in &history {
                    tracked.add_named(condition, &event.name, event.timestamp);
                }
            }
        }
        self.audiences.put_person(batch, user, &row);
        self.mark_merged(batch, user, &partial)
    }

    /// Works out one person at an instant: first the computed traits, which conditions read.
    pub(crate) fn work_out(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.work_out_those(batch, user, now, true)
    }

    /// Works out what time alone changes of a person at an instant.
    pub(crate) fn work_out_due(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.work_out_those(batch, user, now, false)
    }

    fn work_out_those(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        now: Timestamp,
        are_all: bool,
    ) -> Result<(), StoreError> {
        let unread = self.unread_history.of_person(user);
        let is_unread = |number: u32| unread.contains(&Definition::Trait(number));
        let (values_due, changed) = self.computed_traits.work_out(batch, user, now, &is_unread)?;
        let by_trait = |key: &&str| self.audiences.asked_for().by_trait(key);
        let mut concerned: Vec<u32> = changed.iter().flat_map(by_trait).copied().collect();
        if !changed.is_empty() {
            self.last_sent.touch_traits(user);
        }
        let membership_due = match self.audiences.person(batch, user)? {
            Some(row) if !self.audiences.is_empty() => {
                let is_current = row.seen == self.audiences.changed_at();
                let row = self.bring_up_to_date(batch, user, row)?;
                let is_due = |kept: &&Kept| kept.due.is_some_and(|due| due <= now);
                concerned.extend(row.all().iter().filter(is_due).map(|kept| kept.number));
                concerned.sort_unstable();
                let meant = match are_all || !is_current {
                    true => Meant::All,
                    false => Meant::These(&concerned),
                };
                self.work_out_membership(batch, user, row, meant, now, &unread)?
            }
            _ => None,
        };
        match [values_due, membership_due].into_iter().flatten().min() {
            Some(due) => {
                let timer = Timer { due, kind: TimerKind::WorkOutPerson, id: user.0 };
                self.timers.schedule(batch, timer).map(drop)
            }
            None => self.timers.cancel(batch, TimerKind::WorkOutPerson, user.0),
        }
    }

    /// Works out to which audiences a person belongs at an instant: of those that are meant, except
    /// where an unread past must be waited for. Returns the first instant at which time alone
    /// changes one of all.
    fn work_out_membership(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        mut row: PersonRow,
        meant: Meant<'_>,
        now: Timestamp,
        unread: &[Definition],
    ) -> Result<Option<Timestamp>, StoreError> {
        let traits = self.read_traits(batch, user, meant)?;
        let accounts = self.read_accounts(batch, user, &|number| meant.has(number))?;
        let answers = self.answers.of_person(batch, user)?;
        let (by_key, conditions) = (self.audiences.by_key(), self.audiences.conditions());
        let surroundings = Surroundings {
            traits: &traits,
            accounts: &accounts,
            audiences: conditions,
            answers: &answers,
        };
        let asked = by_key.iter().filter(|(_, audience)| meant.has(audience.number));
        let asked = asked.filter_map(|(key, one)| Some((key, one.number, conditions.get(key)?)));
        let mut found = Vec::new();
        for (key, number, condition) in asked {
            if let Some(kept) = row.kept_mut(number) {
                kept.tracked.get_mut()?.prune(condition, now);
                if !unread.is_empty() && self.waits_for_past(key, unread) {
                    kept.due = None;
                    continue;
                }
                found.push((key, number, condition));
            }
        }
        let failure = Cell::new(None);
        let tracked = |key: &str| {
            let kept = row.kept(by_key.get(key)?.number)?;
            kept.tracked.get().map_err(|error| failure.set(Some(error))).ok()
        };
        let forecasts = found.into_iter().filter_map(|(key, number, condition)| {
            let forecast = tracked(key)?.forecast(condition, &surroundings, &tracked, now);
            Some((number, forecast.holds(), forecast.next_change()))
        });
        let forecasts: Vec<_> = forecasts.collect();
        if let Some(failure) = failure.take() {
            return Err(failure);
        }
        for (number, is_member, due) in forecasts {
            let Some(kept) = row.kept_mut(number) else { continue };
            kept.due = due;
            if kept.entered.is_some() != is_member {
                self.last_sent.touch_audiences(user);
                self.holdouts.touch(user);
                if is_member {
                    self.journeys.note_audience(user, number);
                }
            }
            self.audiences.set_member(batch, user, kept, is_member, now)?;
        }
        self.audiences.put_person(batch, user, &row);
        Ok(row.next_due())
    }

    /// The traits for which these audiences ask, computed or set by a source, as JSON.
    fn read_traits(
        &self,
        batch: &Batch<'_>,
        user: UserIdx,
        meant: Meant<'_>,
    ) -> Result<Map<String, Value>, StoreError> {
        let asked = self.audiences.asked_for().traits_of(|number| meant.has(number));
        let keys: Vec<&str> = asked.collect();
        let mut traits = Map::new();
        for key in &keys {
            if let Some(stored) = self.profiles.stored_trait(batch, user, key)?
                && let Ok(value) = serde_json::from_str(&stored.json)
            {
                traits.insert((*key).to_owned(), value);
            }
        }
        for (key, computed) in self.computed_traits.values_with_keys(batch, user, &keys)? {
            traits.insert(key.to_owned(), computed.value);
        }
        Ok(traits)
    }
}

#[cfg(test)]
mod tests;
