//! The past of audiences and computed traits that ask for properties of events.
//!
//! Somebody who has such events from before the definition was made is marked, and stays what they
//! were for it, member or not and with the value that they had, until the engine has read these
//! events ([`HistoryRequest`]) and the fold has added them. Events that come meanwhile are counted
//! as they come: the mark says before which offset the past ends, so each event counts once. Where
//! two people become one of whom one is marked, the other's past cannot be told apart any more: the
//! past of both is read anew, up to the merge.

use std::sync::Arc;

use conditions::{Computation, Condition, Event, KeptEvents, Tracked};
use domain::{Message, Timestamp, UserIdx};
use profiles::{ExternalId, ExternalIdType, NamedEvent};
use rustc_hash::FxHashMap;
use serde_json::Map;
use store::{Batch, Read, Store, StoreError};

use super::account_traits::When;
use crate::answers::question_of_audience;
use crate::computed_traits::Parts;
use crate::read_history::{PastEvents, PersonHistory, ReadHistory};
use crate::unread_history::{ANEW, Definition, HistoryProgress, has_past};
use crate::views::Views;

/// After how many events no further person is looked at. To read the messages of many together
/// takes one pass through the journal.
const EVENTS_PER_STEP: usize = 50_000;
/// How many people are looked at together at most.
const PEOPLE_PER_STEP: usize = 10_000;

/// What is to be read of one person.
pub struct HistoryRequest {
    person: (ExternalIdType, String),
    events: Vec<NamedEvent>,
    /// For what, each with the offset before which the past ends.
    asked: Vec<(Arc<Asked>, u64)>,
}

/// An audience or a computed trait that asks for properties.
struct Asked {
    key: String,
    of: AskedOf,
    /// The names of the events that count; none for events of any name.
    names: Vec<String>,
    /// The first instant whose events may count; none where those of all times may.
    start: Option<Timestamp>,
}

enum AskedOf {
    Audience(Condition),
    Trait(Computation),
}

/// The next people whose past is unread.
pub struct UnreadStep {
    /// What is to be read. Somebody whom no entry can name is left out.
    pub requests: Vec<HistoryRequest>,
    /// The last person who was looked at; none where nobody is left.
    pub last: Option<UserIdx>,
}

impl HistoryRequest {
    /// The offsets of the messages whose properties are needed.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        let is_read = |event: &&NamedEvent| {
            let mut asked = self.asked.iter();
            asked.any(|(asked, until)| asked.counts(event, *until) && asked.reads(&event.name))
        };
        self.events.iter().filter(is_read).map(|event| event.offset)
    }

    /// What the past comes to, by the messages at [`HistoryRequest::offsets`]. One that is missing
    /// was cut or erased, and counts as an event without properties.
    pub fn read(&self, messages: &FxHashMap<u64, Message>) -> Vec<PersonHistory> {
        let read = |(asked, until): &(Arc<Asked>, u64)| PersonHistory {
            key: asked.key.clone(),
            person: self.person.clone(),
            until: *until,
            events: Some(self.read_for(asked, *until, messages)),
        };
        self.asked.iter().map(read).collect()
    }

    fn read_for(
        &self,
        asked: &Asked,
        until: u64,
        messages: &FxHashMap<u64, Message>,
    ) -> PastEvents {
        let events = self.events.iter().filter(|event| asked.counts(event, until)).map(|known| {
            let message = messages.get(&known.offset).filter(|_| asked.reads(&known.name));
            message.and_then(Event::from_message).unwrap_or_else(|| Event {
                name: known.name.clone(),
                timestamp: known.timestamp,
                properties: Map::new(),
            })
        });
        match &asked.of {
            AskedOf::Audience(condition) => {
                let mut tracked = Tracked::new(condition);
                events.for_each(|event| tracked.add_read(condition, &event));
                PastEvents::Audience(tracked)
            }
            AskedOf::Trait(computation) => {
                let mut kept = KeptEvents::new(computation);
                let counting = events.filter_map(|event| computation.contribution(&event));
                counting.for_each(|contribution| kept.add(computation, &contribution));
                PastEvents::Trait(kept)
            }
        }
    }
}

impl Views {
    /// The next people behind `after` whose past is unread, with their events.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn unread_history(
        &self,
        store: &Store,
        after: Option<UserIdx>,
    ) -> Result<UnreadStep, StoreError> {
        let mut step = UnreadStep { requests: Vec::new(), last: None };
        let (mut n_events, mut known) = (0, FxHashMap::default());
        for user in self.unread_history.people_behind(after).take(PEOPLE_PER_STEP) {
            let request = self.request_history(store, user, &mut known)?;
            n_events += request.as_ref().map_or(0, |request| request.events.len());
            step.requests.extend(request);
            step.last = Some(user);
            if n_events >= EVENTS_PER_STEP {
                break;
            }
        }
        Ok(step)
    }

    /// How far the past was read for an audience; none where nobody's is unread and nobody is being
    /// looked for.
    pub fn audience_history(&self, key: &str) -> Option<HistoryProgress> {
        let audience = self.audiences.by_key().get(key)?;
        self.history_of(Definition::Audience(audience.number))
    }

    /// The same for a computed trait.
    pub fn computed_trait_history(&self, key: &str) -> Option<HistoryProgress> {
        let (number, _) = self.computed_traits.find(key)?;
        self.history_of(Definition::Trait(number))
    }

    fn history_of(&self, definition: Definition) -> Option<HistoryProgress> {
        let progress = self.unread_history.progress(definition)?;
        let is_complete = progress.n_read == progress.n_people && !self.timers.is_walking();
        (!is_complete).then_some(progress)
    }

    /// Whether everybody is worked out, and nobody's past is unread.
    pub fn is_everybody_worked_out(&self) -> bool {
        !self.timers.is_walking() && self.unread_history.is_complete()
    }

    /// Whether it is known of everybody whether they belong to an audience.
    pub fn is_worked_out(&self, key: &str) -> bool {
        let question = question_of_audience(key).to_string();
        let is_searched = self.answers.questions().get(&question).map(|asked| asked.last.is_some());
        is_searched.unwrap_or(!self.timers.is_walking() && self.audience_history(key).is_none())
    }

    /// Whether somebody's membership of an audience, or their value of a computed trait, waits for
    /// a past that is unread.
    pub fn is_past_unread(&self, user: UserIdx, key: &str) -> bool {
        let unread = self.unread_history.of_person(user);
        let of_trait = self.computed_traits.find(key);
        of_trait.is_some_and(|(number, _)| unread.contains(&Definition::Trait(number)))
            || !unread.is_empty() && self.waits_for_past(key, &unread)
    }

    fn request_history(
        &self,
        store: &Store,
        user: UserIdx,
        known: &mut FxHashMap<Definition, Option<Arc<Asked>>>,
    ) -> Result<Option<HistoryRequest>, StoreError> {
        let Some(person) = self.name_for_entries(store, user)? else { return Ok(None) };
        let mut asked = Vec::new();
        for definition in self.unread_history.of_person(user) {
            let Some(until) = self.unread_history.until(store, definition, user)? else { continue };
            let found = known.entry(definition).or_insert_with(|| self.asked(definition));
            asked.extend(found.as_ref().map(|found| (Arc::clone(found), until)));
        }
        let mut events = self.profiles.named_events(store, user)?;
        let counts =
            |event: &NamedEvent| asked.iter().any(|(asked, until)| asked.counts(event, *until));
        events.retain(counts);
        Ok(Some(HistoryRequest { person, events, asked }))
    }

    fn asked(&self, definition: Definition) -> Option<Arc<Asked>> {
        let now = self.journal_now();
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let asked = match definition {
            Definition::Audience(number) => {
                let mut audiences = self.audiences.by_key().iter();
                let (key, _) = audiences.find(|(_, one)| one.number == number)?;
                let condition = self.audiences.conditions().get(key)?.clone();
                let names = owned(condition.events_to_read());
                let start = condition.reaches_back_to(now);
                Asked { key: key.clone(), of: AskedOf::Audience(condition), names, start }
            }
            Definition::Trait(number) => {
                let (key, computation) = self.computed_traits.find_number(number)?;
                let names = owned(computation.event_name().into_iter().collect());
                let start = computation.reaches_back_to(now);
                let of = AskedOf::Trait(computation.clone());
                Asked { key: key.to_owned(), of, names, start }
            }
        };
        Some(Arc::new(asked))
    }

    /// An id by which entries can name a person.
    pub(super) fn name_for_entries(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Option<(ExternalIdType, String)>, StoreError> {
        let ids = self.profiles.ids();
        if let Some(id) = ids.user_id(user) {
            return Ok(Some((ExternalIdType::UserId, id.to_owned())));
        }
        let named = self.profiles.identifiers(read, user)?.into_iter().find(|id| {
            ids.user_by_external_id(ExternalId { type_: id.type_, value: &id.value }) == Some(user)
        });
        Ok(named.map(|id| (id.type_, id.value)))
    }

    /// Ends the marks of a person whom no entry can name any more: their past cannot be read.
    pub(super) fn end_past_of_nameless(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        when: When,
    ) -> Result<(), StoreError> {
        let unread = self.unread_history.of_person(user);
        if unread.is_empty() || self.name_for_entries(batch, user)?.is_some() {
            return Ok(());
        }
        for definition in unread {
            self.unread_history.end(batch, definition, user);
        }
        self.add_past_to_accounts(batch, user, &Parts::new(), when)?;
        self.timers.add_pending(user);
        Ok(())
    }

    /// Adds the past that was read, of those for whom it is still needed.
    pub(crate) fn add_read_history(
        &mut self,
        batch: &mut Batch<'_>,
        ReadHistory { people, .. }: ReadHistory,
    ) -> Result<(), StoreError> {
        for PersonHistory { key, person: (type_, id), until, events } in people {
            let audience =
                self.audiences.by_key().get(&key).map(|one| Definition::Audience(one.number));
            let computed =
                || self.computed_traits.find(&key).map(|(number, _)| Definition::Trait(number));
            let Some(definition) = audience.or_else(computed) else { continue };
            let person = ExternalId { type_, value: &id };
            let Some(user) = self.profiles.ids().user_by_external_id(person) else { continue };
            if self.unread_history.until(batch, definition, user)? != Some(until) {
                continue;
            }
            let of_accounts = match definition {
                Definition::Trait(number) => Some(number),
                Definition::Audience(_) => None,
            };
            let of_accounts = of_accounts.filter(|one| self.computed_traits.is_of_accounts(*one));
            let mut contributed = Parts::new();
            match events {
                Some(PastEvents::Audience(past)) => {
                    self.add_past_of_audience(batch, user, &key, past)?;
                }
                Some(PastEvents::Trait(past)) => {
                    contributed.extend(of_accounts.map(|number| (number, past.clone())));
                    self.computed_traits.add_past(batch, user, &key, past)?;
                }
                None => {}
            }
            self.unread_history.end(batch, definition, user);
            if of_accounts.is_some() {
                self.add_past_to_accounts(batch, user, &contributed, When::Entry)?;
            }
            self.timers.add_pending(user);
            // Nothing was sent to destinations while it was unread.
            self.last_sent.touch_whole(user);
        }
        Ok(())
    }

    fn add_past_of_audience(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        key: &str,
        past: Tracked,
    ) -> Result<(), StoreError> {
        let row = self.audiences.person(batch, user)?.unwrap_or_default();
        let mut row = self.bring_up_to_date(batch, user, row)?;
        let number = self.audiences.by_key().get(key).map(|audience| audience.number);
        let kept = number.and_then(|number| row.kept_mut(number));
        if let Some((kept, condition)) = kept.zip(self.audiences.conditions().get(key)) {
            kept.tracked.get_mut()?.merge(condition, past);
        }
        self.audiences.put_person(batch, user, &row);
        Ok(())
    }

    /// Takes over which definitions ask for properties, of the configuration that the entry at
    /// `offset` put in force.
    pub(super) fn follow_history(&mut self, batch: &mut Batch<'_>, offset: u64) {
        let audiences = self.audiences.by_key().iter().filter_map(|(key, audience)| {
            let reads = !self.audiences.conditions().get(key)?.events_to_read().is_empty();
            reads.then_some((Definition::Audience(audience.number), audience.since))
        });
        let traits = self.computed_traits.reading().map(|(number, _)| {
            let definition = Definition::Trait(number);
            (definition, self.unread_history.since(definition).unwrap_or(offset))
        });
        let definitions = audiences.chain(traits).collect();
        self.unread_history.follow(batch, &definitions);
    }

    /// Marks a person for the computed traits of which nothing is kept of them yet.
    pub(super) fn mark_past_of_traits(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let now = self.journal_now();
        let Self { computed_traits, unread_history, profiles, .. } = self;
        computed_traits.mark_past(batch, profiles, unread_history, user, now)
    }

    /// Marks a person who was merged, where the past of one of both is not in what is kept.
    /// `partial` are the audiences that one of them had no row of.
    pub(super) fn mark_merged(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        partial: &[u32],
    ) -> Result<(), StoreError> {
        // While people are walked through, one whom nothing has touched may have a past.
        let is_walking = self.timers.is_walking();
        if !is_walking && self.unread_history.is_complete() {
            return Ok(());
        }
        let (now, until) = (self.journal_now(), self.applied - 1);
        let history = self.profiles.named_events(batch, user)?;
        let mut row = self.audiences.person(batch, user)?.unwrap_or_default();
        for (key, audience) in self.audiences.by_key() {
            let definition = Definition::Audience(audience.number);
            let is_anew = self.unread_history.until(batch, definition, user)? == Some(ANEW)
                || is_walking && partial.contains(&audience.number);
            let Some(condition) = self.audiences.conditions().get(key).filter(|_| is_anew) else {
                continue;
            };
            if let Some(kept) = row.kept_mut(audience.number) {
                kept.tracked.get_mut()?.forget_read(condition);
            }
            let (names, start) = (condition.events_to_read(), condition.reaches_back_to(now));
            let has_past = !names.is_empty() && has_past(&history, &names, start, until);
            match has_past {
                true => self.unread_history.mark(batch, definition, user, until),
                false => self.unread_history.end(batch, definition, user),
            }
        }
        if !row.all().is_empty() {
            self.audiences.put_person(batch, user, &row);
        }
        let Self { computed_traits, unread_history, profiles, .. } = self;
        computed_traits.restart_merged(
            batch,
            unread_history,
            user,
            (&history, until, now),
            is_walking,
        )?;
        if is_walking {
            computed_traits.mark_past(batch, profiles, unread_history, user, now)?;
        }
        self.end_past_of_nameless(batch, user, When::Entry)
    }

    /// Whether somebody's membership must wait for a past that is unread.
    pub(super) fn waits_for_past(&self, key: &str, unread: &[Definition]) -> bool {
        let is_unread = |wanted: Definition| unread.contains(&wanted);
        let audience = self.audiences.by_key().get(key);
        if audience.is_some_and(|audience| is_unread(Definition::Audience(audience.number))) {
            return true;
        }
        let Some(condition) = self.audiences.conditions().get(key) else { return false };
        let mut traits = condition.trait_keys().into_iter();
        traits.any(|key| {
            let found = self.computed_traits.find(key);
            found.is_some_and(|(number, _)| is_unread(Definition::Trait(number)))
        }) || {
            // An audience whose people are searched for names itself.
            let mut others = condition.audiences().into_iter().filter(|other| *other != key);
            others.any(|other| self.waits_for_past(other, unread))
        }
    }

    /// The time of the journal.
    pub(crate) fn journal_now(&self) -> Timestamp {
        self.setup.clock.time().bound(Timestamp(i64::MAX))
    }
}

impl Asked {
    /// Whether an event belongs to the past that ends before an offset.
    fn counts(&self, event: &NamedEvent, until: u64) -> bool {
        (self.names.is_empty() || self.names.contains(&event.name))
            && event.offset < until
            && self.start.is_none_or(|start| event.timestamp >= start)
    }

    /// Whether properties of events of this name are needed.
    fn reads(&self, event: &str) -> bool {
        match &self.of {
            AskedOf::Audience(condition) => condition.reads(event),
            AskedOf::Trait(computation) => computation.reads(event),
        }
    }
}
