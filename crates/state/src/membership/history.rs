//! The past of audiences and computed traits that ask for properties of events.
//!
//! Somebody who has such events from before the definition was made is marked, and stays what they
//! were for it, member or not and with the value that they had, until the engine has read these
//! events ([`HistoryRequest`]) and the fold has added them. Events that come meanwhile are counted
//! as they come: the mark says before which offset the past ends, so each event counts once. Where
//! two people become one of whom one is marked, the other's past cannot be told apart any more: the
//! past of both is read anew, up to the merge.

use conditions::{Computation, Condition, Event, KeptEvents, Tracked};
use domain::{Message, Timestamp, UserIdx};
use profiles::{ExternalId, ExternalIdType, NamedEvent};
use rustc_hash::FxHashMap;
use serde_json::Map;
use store::{Batch, Store, StoreError};

use crate::answers::question_of_audience;
use crate::read_history::{PastEvents, PersonHistory, ReadHistory};
use crate::unread_history::{ANEW, Definition, HistoryProgress, UnreadPerson, has_past};
use crate::views::Views;

/// How many marks are looked at together.
const MARKS_PER_STEP: usize = 1_000;
/// After how many events no further person is looked at.
const EVENTS_PER_STEP: usize = 10_000;

/// What is to be read of one person for one definition.
pub struct HistoryRequest {
    /// The key of the audience or trait.
    pub key: String,
    person: (ExternalIdType, String),
    until: u64,
    asked: Asked,
    events: Vec<NamedEvent>,
}

enum Asked {
    Audience(Condition),
    Trait(Computation),
}

/// The next people whose past is unread.
pub struct UnreadStep {
    /// What is to be read. Somebody whom no entry can name is left out.
    pub requests: Vec<HistoryRequest>,
    /// The last person who was looked at; none where nobody is left.
    pub last: Option<UnreadPerson>,
}

impl HistoryRequest {
    /// The offsets of the messages whose properties are needed.
    pub fn offsets(&self) -> impl Iterator<Item = u64> {
        let read = self.events.iter().filter(|event| self.asked.reads(&event.name));
        read.map(|event| event.offset)
    }

    /// What the past comes to, by the messages at [`HistoryRequest::offsets`]. One that is missing
    /// was cut or erased, and counts as an event without properties.
    pub fn read(self, messages: &FxHashMap<u64, Message>) -> PersonHistory {
        let mut past = match &self.asked {
            Asked::Audience(condition) => PastEvents::Audience(Tracked::new(condition)),
            Asked::Trait(computation) => PastEvents::Trait(KeptEvents::new(computation)),
        };
        for NamedEvent { name, timestamp, offset } in self.events {
            let message = messages.get(&offset).filter(|_| self.asked.reads(&name));
            let found = message.and_then(Event::from_message);
            let event = found.unwrap_or_else(|| Event { name, timestamp, properties: Map::new() });
            match (&self.asked, &mut past) {
                (Asked::Audience(condition), PastEvents::Audience(tracked)) => {
                    tracked.add_read(condition, &event);
                }
                (Asked::Trait(computation), PastEvents::Trait(kept)) => {
                    if let Some(contribution) = computation.contribution(&event) {
                        kept.add(computation, &contribution);
                    }
                }
                // Both are of one kind.
                _ => {}
            }
        }
        PersonHistory { person: self.person, until: self.until, events: Some(past) }
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
        after: Option<UnreadPerson>,
    ) -> Result<UnreadStep, StoreError> {
        let mut step = UnreadStep { requests: Vec::new(), last: None };
        let mut n_events = 0;
        for (unread, until) in self.unread_history.next(store, after, MARKS_PER_STEP)? {
            let request = self.request_history(store, unread, until)?;
            n_events += request.as_ref().map_or(0, |request| request.events.len());
            step.requests.extend(request);
            step.last = Some(unread);
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
        let progress = self.unread_history.progress(Definition::Audience(audience.number))?;
        let is_complete = progress.n_read == progress.n_people && !self.timers.is_walking();
        (!is_complete).then_some(progress)
    }

    /// Whether it is known of everybody whether they belong to an audience.
    pub fn is_worked_out(&self, key: &str) -> bool {
        let question = question_of_audience(key).to_string();
        let is_searched = self.answers.questions().get(&question).map(|asked| asked.last.is_some());
        is_searched.unwrap_or(!self.timers.is_walking() && self.audience_history(key).is_none())
    }

    /// Whether somebody's membership of an audience, or their value of a computed trait, waits for
    /// a past that is unread.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_past_unread(
        &self,
        store: &Store,
        user: UserIdx,
        key: &str,
    ) -> Result<bool, StoreError> {
        let unread = self.unread_history.of_person(store, user)?;
        let of_trait = self.computed_traits.find(key).is_some_and(|(number, _)| {
            unread.iter().any(|(definition, _)| *definition == Definition::Trait(number))
        });
        Ok(of_trait || !unread.is_empty() && self.waits_for_past(key, &unread))
    }

    fn request_history(
        &self,
        store: &Store,
        UnreadPerson { definition, user }: UnreadPerson,
        until: u64,
    ) -> Result<Option<HistoryRequest>, StoreError> {
        let now = self.journal_now();
        let (key, asked, start) = match definition {
            Definition::Audience(number) => {
                let found = self.audiences.by_key().iter().find(|(_, one)| one.number == number);
                let Some((key, _)) = found else { return Ok(None) };
                let Some(condition) = self.audiences.conditions().get(key) else { return Ok(None) };
                (key.clone(), Asked::Audience(condition.clone()), condition.reaches_back_to(now))
            }
            Definition::Trait(number) => {
                let found = self.computed_traits.find_number(number);
                let Some((key, computation)) = found else { return Ok(None) };
                let start = computation.reaches_back_to(now);
                (key.to_owned(), Asked::Trait(computation.clone()), start)
            }
        };
        let Some(person) = self.name_for_entries(store, user)? else { return Ok(None) };
        let mut events = match asked.names() {
            names if names.is_empty() => self.profiles.named_events(store, user)?,
            names => {
                let start = start.unwrap_or(Timestamp(0));
                self.profiles.events_with_names(store, user, &names, start)?
            }
        };
        events.retain(|event| event.offset < until);
        Ok(Some(HistoryRequest { key, person, until, asked, events }))
    }

    /// An id by which entries can name a person.
    pub(super) fn name_for_entries(
        &self,
        store: &Store,
        user: UserIdx,
    ) -> Result<Option<(ExternalIdType, String)>, StoreError> {
        let ids = self.profiles.ids();
        if let Some(id) = ids.user_id(user) {
            return Ok(Some((ExternalIdType::UserId, id.to_owned())));
        }
        let named = self.profiles.identifiers(store, user)?.into_iter().find(|id| {
            ids.user_by_external_id(ExternalId { type_: id.type_, value: &id.value }) == Some(user)
        });
        Ok(named.map(|id| (id.type_, id.value)))
    }

    /// Adds the past that was read, of those for whom it is still needed.
    pub(crate) fn add_read_history(
        &mut self,
        batch: &mut Batch<'_>,
        ReadHistory { key, people, .. }: ReadHistory,
    ) -> Result<(), StoreError> {
        let audience =
            self.audiences.by_key().get(&key).map(|one| Definition::Audience(one.number));
        let computed =
            || self.computed_traits.find(&key).map(|(number, _)| Definition::Trait(number));
        let Some(definition) = audience.or_else(computed) else { return Ok(()) };
        for PersonHistory { person: (type_, id), until, events } in people {
            let person = ExternalId { type_, value: &id };
            let Some(user) = self.profiles.ids().user_by_external_id(person) else { continue };
            if self.unread_history.until(batch, definition, user)? != Some(until) {
                continue;
            }
            match events {
                Some(PastEvents::Audience(past)) => {
                    self.add_past_of_audience(batch, user, &key, past)?;
                }
                Some(PastEvents::Trait(past)) => {
                    self.computed_traits.add_past(batch, user, &key, past)?;
                }
                None => {}
            }
            self.unread_history.end(batch, definition, user)?;
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
            kept.tracked.merge(condition, past);
        }
        self.audiences.put_person(batch, user, &row);
        Ok(())
    }

    /// Takes over which definitions ask for properties, of the configuration that the entry at
    /// `offset` put in force.
    pub(super) fn follow_history(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
    ) -> Result<(), StoreError> {
        let audiences = self.audiences.by_key().iter().filter_map(|(key, audience)| {
            let reads = !self.audiences.conditions().get(key)?.events_to_read().is_empty();
            reads.then_some((Definition::Audience(audience.number), audience.since))
        });
        let traits = self.computed_traits.reading().map(|(number, _)| {
            let definition = Definition::Trait(number);
            (definition, self.unread_history.since(definition).unwrap_or(offset))
        });
        let definitions = audiences.chain(traits).collect();
        self.unread_history.follow(batch, &definitions)
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
                kept.tracked.forget_read(condition);
            }
            let (names, start) = (condition.events_to_read(), condition.reaches_back_to(now));
            let has_past = !names.is_empty() && has_past(&history, &names, start, until);
            match has_past {
                true => self.unread_history.mark(batch, definition, user, until)?,
                false => self.unread_history.end(batch, definition, user)?,
            }
        }
        if !row.audiences.is_empty() {
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
        Ok(())
    }

    /// Whether somebody's membership must wait for a past that is unread.
    pub(super) fn waits_for_past(&self, key: &str, unread: &[(Definition, u64)]) -> bool {
        let is_unread = |wanted: Definition| unread.iter().any(|(one, _)| *one == wanted);
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
    pub(super) fn journal_now(&self) -> Timestamp {
        self.setup.clock.time().bound(Timestamp(i64::MAX))
    }
}

impl Asked {
    /// Whether properties of events of this name are needed.
    fn reads(&self, event: &str) -> bool {
        match self {
            Self::Audience(condition) => condition.reads(event),
            Self::Trait(computation) => computation.reads(event),
        }
    }

    /// The names of the events that must be read; none for events of any name.
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Audience(condition) => condition.events_to_read(),
            Self::Trait(computation) => computation.event_name().into_iter().collect(),
        }
    }
}
