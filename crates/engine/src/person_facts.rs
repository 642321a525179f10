//! What is known of one person, read no further than a condition asks for: traits first, then
//! those of accounts, the names and times of events, and the properties of events, which are in the
//! journal, last.

use std::collections::BTreeMap;

use conditions::{Answer, Condition, Event, Explanation, Known, KnownEvent, Properties, decide};
use domain::{Timestamp, UserIdx};
use profiles::NamedEvent;
use serde_json::{Map, Value};
use serving::{QueryError, Snapshot};

use crate::member_bits::has_bit;
use crate::{Engine, EngineError};

/// Of how many events of a person properties are read, the latest ones. Earlier ones count as
/// events without these properties.
const EVENTS_READ_MAX: usize = 1_000;
/// How many of them are read before what is known is judged again. It doubles each time.
const EVENTS_READ_FIRST: usize = 8;

/// A condition that is asked of people at one instant.
pub(crate) struct Question<'c> {
    pub(crate) condition: &'c Condition,
    pub(crate) now: Timestamp,
    /// The first instant from which events are read.
    start: Timestamp,
    names: Vec<&'c str>,
    trait_keys: Vec<&'c str>,
    account_keys: Vec<&'c str>,
    asks_audiences: bool,
    /// The parts that ask for lists, which are answered last.
    pub(crate) lists: Vec<&'c Condition>,
}

/// The members of audiences that were read for all people at once, a bit for each, by key.
pub(crate) type Members = BTreeMap<String, Vec<u64>>;

/// What is known of a person so far. What is none was not read.
pub(crate) struct Facts {
    user: UserIdx,
    traits: Option<Map<String, Value>>,
    /// The traits of each account.
    accounts: Option<Vec<Map<String, Value>>>,
    audiences: Option<Vec<String>>,
    /// Latest first.
    events: Option<Vec<FoundEvent>>,
    /// What was found for conditions that follow from models.
    answers: Option<Vec<Answer>>,
}

struct FoundEvent {
    event: NamedEvent,
    properties: FoundProperties,
}

enum FoundProperties {
    Unread,
    Gone,
    Read(Map<String, Value>),
}

impl<'c> Question<'c> {
    /// Asks whether the condition holds. `is_list` says which traits are lists.
    pub(crate) fn new(
        condition: &'c Condition,
        now: Timestamp,
        is_list: &dyn Fn(&str) -> bool,
    ) -> Self {
        Self {
            condition,
            now,
            start: condition.reaches_back_to(now).unwrap_or(Timestamp(0)),
            names: condition.events(),
            trait_keys: condition.trait_keys(),
            account_keys: condition.account_keys(),
            asks_audiences: !condition.audiences().is_empty(),
            lists: condition.asked_of_lists(is_list),
        }
    }

    /// Asks why it holds, or does not: events are read that were before its windows too.
    fn why(condition: &'c Condition, now: Timestamp) -> Self {
        Self { start: Timestamp(0), ..Self::new(condition, now, &|_| false) }
    }

    /// Whether what is known decides the condition.
    pub(crate) fn decide(&self, facts: &Facts, members: &Members) -> Option<bool> {
        facts.with_known(members, &self.lists, |known| decide(self.condition, known, self.now))
    }

    /// Reads of a person what the store has, until it decides the condition.
    pub(crate) fn read(
        &self,
        snapshot: &Snapshot<'_>,
        user: UserIdx,
        members: &Members,
    ) -> Result<Facts, QueryError> {
        let mut facts = Facts::unread(user);
        for read in
            [Self::read_traits, Self::read_accounts, Self::read_audiences, Self::read_events]
        {
            if self.decide(&facts, members).is_some() {
                break;
            }
            read(self, snapshot, &mut facts)?;
        }
        Ok(facts)
    }

    fn read_traits(&self, snapshot: &Snapshot<'_>, facts: &mut Facts) -> Result<(), QueryError> {
        facts.traits = Some(snapshot.condition_traits(facts.user, &self.trait_keys)?);
        Ok(())
    }

    fn read_accounts(&self, snapshot: &Snapshot<'_>, facts: &mut Facts) -> Result<(), QueryError> {
        facts.accounts = Some(match self.account_keys.is_empty() {
            true => Vec::new(),
            false => snapshot.condition_accounts(facts.user, &self.account_keys)?,
        });
        Ok(())
    }

    fn read_audiences(&self, snapshot: &Snapshot<'_>, facts: &mut Facts) -> Result<(), QueryError> {
        if self.asks_audiences {
            let keys = snapshot.audiences_of(facts.user)?;
            facts.audiences = Some(keys.into_iter().map(str::to_owned).collect());
        }
        Ok(())
    }

    fn read_events(&self, snapshot: &Snapshot<'_>, facts: &mut Facts) -> Result<(), QueryError> {
        let found = match self.names.is_empty() {
            true => Vec::new(),
            false => snapshot.events_with_names(facts.user, &self.names, self.start)?,
        };
        let unread = |event| FoundEvent { event, properties: FoundProperties::Unread };
        facts.events = Some(found.into_iter().map(unread).collect());
        Ok(())
    }

    fn asks_for(&self, found: &FoundEvent) -> bool {
        let FoundEvent { event, properties } = found;
        matches!(properties, FoundProperties::Unread)
            && self.condition.asks_for_properties(&event.name, event.timestamp, self.now)
    }
}

impl Facts {
    fn unread(user: UserIdx) -> Self {
        Self { user, traits: None, accounts: None, audiences: None, events: None, answers: None }
    }

    /// All there is to know of somebody who has done nothing and of whom nothing was said.
    pub(crate) fn nobody() -> Self {
        Self {
            // No audience has a bit for it.
            user: UserIdx(u32::MAX),
            traits: Some(Map::new()),
            accounts: Some(Vec::new()),
            audiences: Some(Vec::new()),
            events: Some(Vec::new()),
            answers: Some(Vec::new()),
        }
    }

    /// What was found for the parts that ask for lists.
    pub(crate) fn set_answers(&mut self, answers: Vec<Answer>) {
        self.answers = Some(answers);
    }

    /// Whether a list has found something for the person.
    pub(crate) fn is_found(&self) -> bool {
        self.answers.iter().flatten().any(|(_, holds)| *holds)
    }

    pub(crate) fn into_answers(self) -> Option<Vec<Answer>> {
        self.answers
    }

    fn with_known<T>(
        &self,
        members: &Members,
        lists: &[&Condition],
        use_known: impl FnOnce(&Known<'_>) -> T,
    ) -> T {
        let events: Option<Vec<KnownEvent<'_>>> =
            self.events.as_ref().map(|events| events.iter().map(FoundEvent::known).collect());
        let is_member = |key: &str| match members.get(key) {
            Some(bits) => Some(has_bit(bits, self.user)),
            None => self.audiences.as_ref().map(|keys| keys.iter().any(|own| own == key)),
        };
        use_known(&Known {
            events: events.as_deref(),
            traits: self.traits.as_ref(),
            accounts: self.accounts.as_deref(),
            is_member: &is_member,
            answers: self.answers.as_deref(),
            open: if self.answers.is_none() { lists } else { &[] },
        })
    }
}

impl FoundEvent {
    fn known(&self) -> KnownEvent<'_> {
        let properties = match &self.properties {
            FoundProperties::Unread => Properties::Unread,
            FoundProperties::Gone => Properties::Gone,
            FoundProperties::Read(properties) => Properties::Read(properties),
        };
        KnownEvent { name: &self.event.name, timestamp: self.event.timestamp, properties }
    }
}

impl Engine {
    /// Reads properties of events, latest first, until they decide the condition; to the end where
    /// `is_whole`. Stops where `goes_on` says so, which it is asked before each read.
    pub(crate) fn read_properties(
        &self,
        question: &Question<'_>,
        facts: &mut Facts,
        members: &Members,
        is_whole: bool,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), EngineError> {
        let (mut n_read, mut n_until_judged) = (0, EVENTS_READ_FIRST);
        for place in 0..facts.events.as_ref().map_or(0, Vec::len) {
            let Some(found) = facts.events.as_mut().and_then(|events| events.get_mut(place)) else {
                break;
            };
            if !question.asks_for(found) {
                continue;
            }
            if !goes_on() {
                return Ok(());
            }
            let is_within = n_read < EVENTS_READ_MAX;
            let message = if is_within { self.message(found.event.offset)? } else { None };
            found.properties = match message.as_ref().and_then(Event::from_message) {
                Some(event) => FoundProperties::Read(event.properties),
                None => FoundProperties::Gone,
            };
            n_read += 1;
            if n_read == n_until_judged && !is_whole {
                if question.decide(facts, members).is_some() {
                    return Ok(());
                }
                n_until_judged *= 2;
            }
        }
        Ok(())
    }

    /// Why a condition holds for a person now, or does not.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn explain_condition(
        &self,
        condition: &Condition,
        user: UserIdx,
    ) -> Result<Explanation, EngineError> {
        let snapshot = self.snapshot();
        let answers = snapshot.answers.of_person(snapshot.store(), user)?;
        drop(snapshot);
        self.explain_with_answers(condition, user, answers)
    }

    /// As [`Self::explain_condition`], where it was just found what lists say.
    pub(crate) fn explain_with_answers(
        &self,
        condition: &Condition,
        user: UserIdx,
        answers: Vec<Answer>,
    ) -> Result<Explanation, EngineError> {
        let question = Question::why(condition, self.now());
        let members = Members::new();
        let mut facts = Facts { answers: Some(answers), ..Facts::unread(user) };
        {
            let snapshot = self.snapshot();
            question.read_traits(&snapshot, &mut facts)?;
            question.read_accounts(&snapshot, &mut facts)?;
            question.read_audiences(&snapshot, &mut facts)?;
            question.read_events(&snapshot, &mut facts)?;
        }
        self.read_properties(&question, &mut facts, &members, true, &|| true)?;
        Ok(facts
            .with_known(&members, &[], |known| Explanation::new(condition, known, question.now)))
    }
}
