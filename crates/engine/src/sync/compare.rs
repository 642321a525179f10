//! What must leave for some people: their values now, against what was last sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::message::MESSAGE_BYTES_MAX;
use domain::{IdStrategy, MessageType, SyncForm, SyncSettings, Timestamp, UserIdx};
use profiles::{ExternalIdType, Identifier};
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use serving::{RecommendedList, RequestBudget};
use state::{
    ComputedValue, Due, FoundAnswers, People, Sent, SentValue, SyncSubject, digest, hash_id,
    is_nothing, is_same,
};

use super::lists::{Lists, or_none};
use super::plan::{ListQuestion, Source, Subject};
use crate::EngineError;
use crate::list_maker::ListMaker;
use crate::shared::Shared;

/// The comparison of some people at one time.
pub(super) struct Comparison<'a> {
    pub(super) shared: &'a Shared,
    pub(super) lists: ListMaker<'a>,
    pub(super) budget: Arc<RequestBudget>,
    pub(super) subjects: Vec<&'a Subject>,
    pub(super) questions: Vec<&'a ListQuestion>,
}

/// What is known of a person.
struct Person {
    user: UserIdx,
    /// The id by which entries name the person.
    named: (ExternalIdType, String),
    ids: Vec<Identifier>,
    /// What was last sent, by the number of the link.
    sent: BTreeMap<u32, Vec<Sent>>,
    /// The audiences of the person, with the instant of entry.
    audiences: BTreeMap<String, Timestamp>,
    /// The values of computed traits.
    computed: BTreeMap<String, ComputedValue>,
    /// The keys of subjects whose value is not known yet, since past events are unread.
    unread: BTreeSet<String>,
}

/// A value of a person.
struct Present<'l> {
    value: Value,
    digest: u64,
    list: Option<&'l RecommendedList>,
}

/// A value that must leave for an id.
struct Changed<'a> {
    subject: &'a Subject,
    id: &'a Identifier,
    destinations: Vec<String>,
}

impl Comparison<'_> {
    /// The values that must leave, in the order of the people, and the answers that have changed.
    pub(super) fn find_changed(
        &self,
        people: &[(UserIdx, Due)],
    ) -> Result<(Vec<SentValue>, Vec<FoundAnswers>), EngineError> {
        let lists =
            Lists::make(&self.lists, &self.budget, &self.subjects, &self.questions, people)?;
        let values: Result<Vec<Vec<SentValue>>, EngineError> =
            people.par_iter().map(|(user, due)| self.compare(*user, *due, &lists)).collect();
        let values = values?.into_iter().flatten().collect();
        Ok((values, self.find_answers(people, &lists)?))
    }

    fn compare(
        &self,
        user: UserIdx,
        due: Due,
        lists: &Lists,
    ) -> Result<Vec<SentValue>, EngineError> {
        let present = |n: usize, subject: &Subject| lists.of_subject(n, subject, user);
        let is_due = |(n, subject): &(usize, &&Subject)| match subject.source {
            Source::List(_) => present(*n, subject).is_some(),
            Source::Computed => due.traits,
            Source::Audience => due.audiences,
        };
        let subjects: Vec<_> = self.subjects.iter().enumerate().filter(is_due).collect();
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let Some(person) = self.read_person(user)? else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for (n, subject) in subjects {
            if person.unread.contains(subject.subject.key()) {
                continue;
            }
            let present = present_value(subject, &person, present(n, subject));
            for changed in find_changed_ids(subject, &person, present.digest) {
                self.push_values(&mut values, &person, &present, changed)?;
            }
        }
        Ok(values)
    }

    /// None for somebody who is gone or suppressed, or whom no message can name.
    fn read_person(&self, user: UserIdx) -> Result<Option<Person>, EngineError> {
        let snapshot = self.shared.live.snapshot();
        if !snapshot.profiles.ids().is_alive(user) {
            return Ok(None);
        }
        let store = snapshot.store();
        let sent = snapshot.last_sent.rows(store, user)?.into_iter().collect();
        let ids = snapshot.profiles.identifiers(store, user)?;
        let suppressed = self.shared.suppressed.load();
        if ids.iter().any(|id| suppressed.has(id.type_, &id.value)) {
            return Ok(None);
        }
        let name = match snapshot.profiles.ids().user_id(user) {
            Some(id) => Some((ExternalIdType::UserId, id.to_owned())),
            None => pick(&ids, ExternalIdType::AnonymousId, IdStrategy::Last)
                .first()
                .map(|id| (id.type_, id.value.clone())),
        };
        let Some(named) = name else { return Ok(None) };
        let audiences = snapshot.audiences.memberships(store, user)?.into_iter();
        let audiences = audiences.map(|(key, entered)| (key.to_owned(), entered)).collect();
        let computed = snapshot.computed_traits(user)?.into_iter().collect();
        let mut unread = BTreeSet::new();
        for key in self.subjects.iter().map(|subject| subject.subject.key()) {
            if snapshot.is_past_unread(user, key) {
                unread.insert(key.to_owned());
            }
        }
        Ok(Some(Person { user, named, ids, sent, audiences, computed, unread }))
    }

    fn push_values(
        &self,
        values: &mut Vec<SentValue>,
        person: &Person,
        present: &Present<'_>,
        changed: Changed<'_>,
    ) -> Result<(), EngineError> {
        let Subject { subject, settings, .. } = changed.subject;
        let recipient = (changed.id.type_, changed.id.value.clone());
        let detail = present.list.filter(|_| settings.detail).map(show_detail);
        let value = SentValue {
            at: self.lists.now,
            subject: subject.clone(),
            identifier: (recipient != person.named).then_some(recipient),
            person: person.named.clone(),
            value: present.value.to_string(),
            detail,
            attached: self.attach(person, &settings.with_traits)?,
            since: self.find_since(person, subject)?,
            digest: present.digest,
            type_: MessageType::Identify,
            destinations: changed.destinations,
        };
        if settings.form != SyncForm::Identify {
            values.push(SentValue { type_: MessageType::Track, ..value.clone() });
        }
        if settings.form != SyncForm::Track {
            values.push(value);
        }
        Ok(())
    }

    /// Since when a person has a value: the instant at which they entered or left an audience, or
    /// at which a computed trait got it.
    fn find_since(&self, person: &Person, subject: &SyncSubject) -> Result<Timestamp, EngineError> {
        let key = match subject {
            SyncSubject::Audience(key) => key,
            SyncSubject::Trait(key) => {
                let computed = person.computed.get(key);
                return Ok(computed.map_or(self.lists.now, |computed| computed.changed_at));
            }
        };
        if let Some(entered) = person.audiences.get(key) {
            return Ok(*entered);
        }
        let snapshot = self.shared.live.snapshot();
        let stays = snapshot.audiences.stays(snapshot.store(), key, person.user)?;
        Ok(stays.last().and_then(|stay| stay.left).unwrap_or(self.lists.now))
    }

    /// The further traits that go along, as the text of an object: those that sources have set, the
    /// lists of other traits, and audiences. What would be too long together is left out.
    fn attach(&self, person: &Person, keys: &[String]) -> Result<Option<String>, EngineError> {
        let (mut attached, mut n_bytes) = (Map::new(), 0);
        for key in keys {
            let Some(value) = self.read_trait(person, key)? else { continue };
            let length = key.len() + value.to_string().len();
            if n_bytes + length <= MESSAGE_BYTES_MAX {
                n_bytes += length;
                attached.insert(key.clone(), value);
            }
        }
        Ok((!attached.is_empty()).then(|| Value::Object(attached).to_string()))
    }

    fn read_trait(&self, person: &Person, key: &str) -> Result<Option<Value>, EngineError> {
        let config = self.shared.config.load();
        if config.audience(key).is_some() {
            return Ok(Some(person.audiences.contains_key(key).into()));
        }
        if let Some(computed) = person.computed.get(key) {
            return Ok(Some(computed.value.clone()));
        }
        if let Some(definition) = config.trait_definition(key) {
            let has = self.lists.shows_trait(person.user, definition, &self.budget);
            if or_none(has, key)? != Some(true) {
                return Ok(None);
            }
            let list = self.lists.trait_list(person.user, definition, &self.budget);
            return Ok(or_none(list, key)?.as_ref().map(show_list));
        }
        let snapshot = self.shared.live.snapshot();
        let stored = snapshot.profiles.stored_trait(snapshot.store(), person.user, key)?;
        Ok(stored.and_then(|stored| serde_json::from_str(&stored.json).ok()))
    }
}

/// Whether lists are also for people without a user id.
pub(super) fn names_anonymous(settings: &SyncSettings) -> bool {
    let anonymous = ExternalIdType::AnonymousId;
    settings.identifiers.iter().any(|one| one.type_ == anonymous.word())
}

fn present_value<'l>(
    subject: &Subject,
    person: &Person,
    list: Option<&'l RecommendedList>,
) -> Present<'l> {
    let key = subject.subject.key();
    let value = match list {
        Some(list) => show_list(list),
        None if subject.source == Source::Computed => {
            person.computed.get(key).map(|computed| computed.value.clone()).unwrap_or_default()
        }
        None => Value::from(person.audiences.contains_key(key)),
    };
    Present { digest: digest(&value), value, list }
}

pub(super) fn show_list(list: &RecommendedList) -> Value {
    list.items.iter().map(|item| Value::from(item.item_id.as_str())).collect()
}

fn show_detail(list: &RecommendedList) -> String {
    let items = list.items.iter().map(|item| json!({ "id": item.item_id, "score": item.score }));
    let items: Vec<Value> = items.collect();
    json!({ "items": items, "model": list.model, "fallback": list.fallback }).to_string()
}

/// The ids for which a value must leave, each with the destinations.
fn find_changed_ids<'a>(subject: &'a Subject, person: &'a Person, digest: u64) -> Vec<Changed<'a>> {
    let sent_for = |number: u32, id: &Identifier| {
        let hash = hash_id(id.type_, &id.value);
        person.sent.get(&number)?.iter().find(|sent| sent.id == hash)
    };
    let changes = subject.settings.changes;
    // What is taken away is taken away wherever it went.
    let ids: Vec<&Identifier> = match is_nothing(digest) {
        true => person.ids.iter().collect(),
        false => choose_ids(&subject.settings, &person.ids),
    };
    let mut changed = Vec::new();
    for id in ids {
        let is_due = |number, round| match sent_for(number, id) {
            Some(sent) => sent.round < round || !is_same(sent.digest, digest, changes),
            None => !is_nothing(digest),
        };
        let due = subject.links.iter().filter(|link| is_due(link.number, link.round));
        let destinations: Vec<String> = due.map(|link| link.destination.clone()).collect();
        if !destinations.is_empty() {
            changed.push(Changed { subject, id, destinations });
        }
    }
    changed
}

/// The ids that get messages.
fn choose_ids<'a>(settings: &SyncSettings, ids: &'a [Identifier]) -> Vec<&'a Identifier> {
    if !settings.identifiers.is_empty() {
        let chosen = settings.identifiers.iter().filter_map(|one| {
            Some(pick(ids, ExternalIdType::from_word(&one.type_)?, one.strategy))
        });
        return chosen.flatten().collect();
    }
    let user_ids = pick(ids, ExternalIdType::UserId, IdStrategy::All);
    match user_ids.is_empty() {
        true => pick(ids, ExternalIdType::AnonymousId, IdStrategy::Last),
        false => user_ids,
    }
}

/// The ids of a type that a strategy takes.
fn pick(ids: &[Identifier], type_: ExternalIdType, strategy: IdStrategy) -> Vec<&Identifier> {
    let mut of_type: Vec<&Identifier> = ids.iter().filter(|id| id.type_ == type_).collect();
    match strategy {
        IdStrategy::All => return of_type,
        IdStrategy::First => of_type.sort_by_key(|id| (id.created_at, &id.value)),
        IdStrategy::Last => of_type.sort_by_key(|id| Reverse((id.created_at, &id.value))),
    }
    of_type.truncate(1);
    of_type
}
