//! Answers to conditions that the fold cannot work out, since they follow from models: who is
//! recommended what, and who is most likely to act on some items. They are found outside, and
//! journalled where they change for a person.
//!
//! A question is a single condition of an audience, or an audience that has no condition. It has a
//! number, which is used once: what is kept for a question that nobody asks any more never counts
//! again, and goes when the person is worked out anew.

use std::collections::{BTreeMap, BTreeSet};

use conditions::{Answer, Condition};
use domain::{Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::{ExternalIdType, Merge};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const QUESTIONS: &str = "state.questions";
const ANSWERS: &str = "state.answers";
/// The row of the next number. Keys of questions begin with 1.
const COUNTER_KEY: [u8; 1] = [0];

/// The most people of one [`FoundAnswers`].
pub const FOUND_PEOPLE_MAX: usize = 250;

/// For whom a condition has begun to hold, or ceased to.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundAnswers {
    /// When it was found.
    pub at: Timestamp,
    /// The question: a single condition as text.
    pub question: String,
    /// Each person by a user id, or an anonymous id of somebody without, with whether it holds. At
    /// most [`FOUND_PEOPLE_MAX`].
    pub people: Vec<(ExternalIdType, String, bool)>,
    /// What the search was by, in the last entry of a search among everybody.
    pub ended: Option<FoundBy>,
}

/// What a search among everybody was by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBy {
    /// When it ended.
    pub at: Timestamp,
    /// The definition of the audience, as JSON.
    pub definition: String,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// How many people have any interest in the items.
    pub n_interested: u64,
}

/// A question, and the last search among everybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    number: u32,
    /// The condition.
    pub condition: Condition,
    /// The last search among everybody; none for conditions that are asked person by person, and
    /// before the first search has ended.
    pub last: Option<FoundBy>,
}

impl Question {
    /// Whether it is asked person by person, of their lists; not so of an audience without a
    /// condition.
    pub fn asks_lists(&self) -> bool {
        !matches!(self.condition, Condition::Audience(_))
    }
}

/// The questions of a workspace, and of whom the answer is yes.
pub struct Answers {
    questions: Keyspace,
    answers: Keyspace,
    by_text: BTreeMap<String, Question>,
    next_number: u32,
}

impl StatePart for Answers {
    const KEYSPACES: &'static [&'static str] = &[QUESTIONS, ANSWERS];

    counts_nothing!();
    writes_at_once!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let questions = store.keyspace(QUESTIONS);
        let (mut by_text, mut next_number) = (BTreeMap::new(), 0);
        for pair in store.scan(&questions, &[]) {
            let (key, value) = pair?;
            if key == COUNTER_KEY {
                next_number = decode(&value)?;
                continue;
            }
            let (number, text, last): (u32, String, Option<FoundBy>) = decode(&value)?;
            let condition = text.parse().map_err(|_| unreadable())?;
            by_text.insert(text, Question { number, condition, last });
        }
        Ok(Self { questions, answers: store.keyspace(ANSWERS), by_text, next_number })
    }

    /// What holds for one of both holds for the target, until it is asked again.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        if self.by_text.is_empty() {
            return Ok(());
        }
        let theirs = self.row(batch, source)?;
        let row = self.row(batch, target)?.into_iter().chain(theirs).collect();
        self.put_row(batch, source, &BTreeSet::new());
        self.put_row(batch, target, &row);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.put_row(batch, user, &BTreeSet::new());
        Ok(())
    }
}

impl Answers {
    /// The questions by their text.
    pub fn questions(&self) -> &BTreeMap<String, Question> {
        &self.by_text
    }

    /// The answers of a person to all questions.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn of_person(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<Answer>, StoreError> {
        if self.by_text.is_empty() {
            return Ok(Vec::new());
        }
        let row = self.row(read, user)?;
        let answer = |one: &Question| (one.condition.clone(), row.contains(&one.number));
        Ok(self.by_text.values().map(answer).collect())
    }

    /// The people from `first` on for whom a condition holds, by the next `n_rows` rows of anybody,
    /// and where the rows behind these begin; none at the end.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn people(
        &self,
        store: &Store,
        question: &str,
        first: u32,
        n_rows: usize,
    ) -> Result<(Vec<UserIdx>, Option<u32>), StoreError> {
        let number = self.by_text.get(question).map(|asked| asked.number);
        let (from, until) = (KeyBuf::new().u32(first).build(), KeyBuf::new().u32(u32::MAX).build());
        let (mut people, mut last) = (Vec::new(), None);
        for (n, pair) in store.scan_range(&self.answers, &from, &until).take(n_rows).enumerate() {
            let (key, value) = pair?;
            let user = KeyParts::new(&key).u32().ok_or_else(unreadable)?;
            let row: BTreeSet<u32> = decode(&value)?;
            if number.is_some_and(|number| row.contains(&number)) {
                people.push(UserIdx(user));
            }
            last = (n + 1 == n_rows).then_some(user + 1);
        }
        Ok((people, last))
    }

    /// Whether anything holds for a person, by a question of now or before.
    pub(crate) fn has_any(&self, read: &dyn Read, user: UserIdx) -> Result<bool, StoreError> {
        Ok(!self.by_text.is_empty() && !self.row(read, user)?.is_empty())
    }

    /// Notes whether a condition holds for a person. Returns whether that is a change; false where
    /// nobody asks.
    pub(crate) fn set(
        &self,
        batch: &mut Batch<'_>,
        question: &str,
        user: UserIdx,
        holds: bool,
    ) -> Result<bool, StoreError> {
        let Some(Question { number, .. }) = self.by_text.get(question) else { return Ok(false) };
        let mut row = self.row(batch, user)?;
        let is_changed = if holds { row.insert(*number) } else { row.remove(number) };
        if is_changed {
            self.put_row(batch, user, &row);
        }
        Ok(is_changed)
    }

    /// Notes the end of a search among everybody.
    pub(crate) fn end_search(&mut self, batch: &mut Batch<'_>, question: &str, by: FoundBy) {
        if let Some(asked) = self.by_text.get_mut(question) {
            asked.last = Some(by);
            put_question(&self.questions, batch, question, asked);
        }
    }

    /// Follows the audiences and traits of a configuration. Returns whether questions have come or
    /// gone: people must then be worked out anew.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
    ) -> bool {
        let wanted = questions_of(config);
        let gone: Vec<_> =
            self.by_text.extract_if(.., |text, _| !wanted.contains_key(text)).collect();
        for (_, question) in &gone {
            batch.remove(&self.questions, question_key(question.number));
        }
        let n_before = self.next_number;
        for (text, condition) in wanted {
            if !self.by_text.contains_key(&text) {
                let question = Question { number: self.next_number, condition, last: None };
                self.next_number += 1;
                put_question(&self.questions, batch, &text, &question);
                self.by_text.insert(text, question);
            }
        }
        if self.next_number > n_before {
            batch.put(&self.questions, COUNTER_KEY, encode(&self.next_number));
        }
        self.next_number > n_before || !gone.is_empty()
    }

    /// Forgets what is kept of a person for questions that nobody asks any more.
    pub(crate) fn forget_gone(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let mut row = self.row(batch, user)?;
        let n_before = row.len();
        row.retain(|number| self.by_text.values().any(|asked| asked.number == *number));
        if row.len() < n_before {
            self.put_row(batch, user, &row);
        }
        Ok(())
    }

    fn row(&self, read: &dyn Read, user: UserIdx) -> Result<BTreeSet<u32>, StoreError> {
        let value = read.get(&self.answers, &KeyBuf::new().u32(user.0).build())?;
        value.map_or(Ok(BTreeSet::new()), |value| decode(&value))
    }

    /// Writes a row, none where it is empty.
    fn put_row(&self, batch: &mut Batch<'_>, user: UserIdx, row: &BTreeSet<u32>) {
        let key = KeyBuf::new().u32(user.0);
        match row.is_empty() {
            true => batch.remove(&self.answers, key),
            false => batch.put(&self.answers, key, encode(row)),
        }
    }
}

/// The question that an audience without a condition is: who belongs to it.
pub fn question_of_audience(key: &str) -> Condition {
    Condition::Audience(key.to_owned())
}

/// What a configuration asks, by text.
fn questions_of(config: &WorkspaceConfig) -> BTreeMap<String, Condition> {
    let mut questions = BTreeMap::new();
    let mut ask = |condition: &Condition| {
        questions.insert(condition.to_string(), condition.clone());
    };
    let is_list = |key: &str| config.trait_definition(key).is_some();
    for audience in &config.audiences {
        if audience.likely.is_some() {
            ask(&question_of_audience(&audience.key));
        } else if let Ok(condition) = audience.condition.parse::<Condition>() {
            condition.asked_of_lists(&is_list).into_iter().for_each(&mut ask);
        }
    }
    questions
}

fn put_question(keyspace: &Keyspace, batch: &mut Batch<'_>, text: &str, question: &Question) {
    let row = (question.number, text, &question.last);
    batch.put(keyspace, question_key(question.number), encode(&row));
}

fn question_key(number: u32) -> KeyBuf {
    KeyBuf::new().u8(1).u32(number)
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "answer" }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}
