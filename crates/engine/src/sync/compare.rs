//! What must leave for some people: their values now, against what was last sent.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::message::MESSAGE_BYTES_MAX;
use domain::{IdStrategy, MessageType, SyncForm, SyncSettings, Timestamp, UserIdx};
use profiles::{ExternalIdType, Identifier};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use serving::{ListError, QueryError, RecommendedList, RequestBudget};
use state::{
    ComputedValue, Due, People, Sent, SentValue, SyncSubject, digest, hash_id, is_nothing, is_same,
};

use super::plan::{Source, Subject};
use crate::list_maker::ListMaker;
use crate::shared::Shared;
use crate::{EngineError, RecommendationError};

/// The comparison of some people at one time.
pub(super) struct Comparison<'a> {
    pub(super) shared: &'a Shared,
    pub(super) lists: ListMaker<'a>,
    pub(super) budget: Arc<RequestBudget>,
    pub(super) subjects: Vec<&'a Subject>,
}

/// The lists of people for one subject.
type Lists = FxHashMap<UserIdx, RecommendedList>;

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
    /// The values that must leave, in the order of the people.
    pub(super) fn find_changed(
        &self,
        people: &[(UserIdx, Due)],
    ) -> Result<Vec<SentValue>, EngineError> {
        let lists: Vec<Option<Lists>> = self
            .subjects
            .iter()
            .map(|subject| self.make_lists(subject, people))
            .collect::<Result<_, _>>()?;
        let found: Result<Vec<Vec<SentValue>>, EngineError> =
            people.par_iter().map(|(user, due)| self.compare(*user, *due, &lists)).collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// The lists of those who get one; none for an audience, and where the catalog cannot answer
    /// the trait.
    fn make_lists(
        &self,
        subject: &Subject,
        people: &[(UserIdx, Due)],
    ) -> Result<Option<Lists>, EngineError> {
        let Source::List(definition) = &subject.source else { return Ok(None) };
        let who = definition.who.as_ref();
        let is_for_anyone =
            names_anonymous(&subject.settings) || who.is_some_and(|who| who.include_anonymous);
        let follows_audience = who.is_some_and(|who| who.audience.is_some());
        let (mut having, mut others) = (Vec::new(), Vec::new());
        let snapshot = self.shared.live.snapshot();
        let ids = snapshot.profiles.ids();
        let is_due = |due: &Due| due.traits || due.audiences && follows_audience;
        for (user, _) in people.iter().filter(|(_, due)| is_due(due)) {
            if is_for_anyone || ids.is_known(*user) {
                let has = snapshot.has_trait(definition, *user)?;
                if has { having.push(*user) } else { others.push(*user) }
            }
        }
        drop(snapshot);
        let lists = self.lists.trait_lists(&having, definition, &self.budget);
        // Whoever has the trait no longer has an empty list.
        let others = others.into_iter().map(|user| (user, RecommendedList::default()));
        let lists = or_none(lists, &definition.key)?;
        Ok(lists.map(|lists| having.into_iter().zip(lists).chain(others).collect()))
    }

    fn compare(
        &self,
        user: UserIdx,
        due: Due,
        lists: &[Option<Lists>],
    ) -> Result<Vec<SentValue>, EngineError> {
        let present = |n: usize| lists[n].as_ref().and_then(|lists| lists.get(&user));
        let is_due = |(n, subject): &(usize, &&Subject)| match subject.source {
            Source::List(_) => present(*n).is_some(),
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
            let present = present_value(subject, &person, present(n));
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
            if snapshot.is_past_unread(store, user, key)? {
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
            let has = self.shared.live.snapshot().has_trait(definition, person.user)?;
            if !has {
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

/// What was made of a trait; none where the definition no longer fits, so that nobody gets it.
fn or_none<T>(made: Result<T, RecommendationError>, key: &str) -> Result<Option<T>, EngineError> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(RecommendationError::List(ListError::Query(QueryError::Store(error)))) => {
            Err(error.into())
        }
        Err(error) => {
            tracing::debug!(%error, trait_ = key, "nobody gets this list");
            Ok(None)
        }
    }
}

/// Whether lists are also for people without a user id.
fn names_anonymous(settings: &SyncSettings) -> bool {
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

fn show_list(list: &RecommendedList) -> Value {
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
