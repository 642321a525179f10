//! Whose past must still be read from the journal, and for which audience or computed trait.
//!
//! The state has the names and times of past events, their properties are in the journal. A
//! definition that asks for properties therefore marks the people who have such events when it is
//! made. The engine reads these events and journals what they come to
//! ([`ReadHistory`](crate::ReadHistory)), which ends the mark. Rows of this part only; what marks
//! people, and what a mark means for them, is in `membership/history.rs`.

use std::collections::BTreeMap;

use domain::{Timestamp, UserIdx, WorkspaceId};
use profiles::{Merge, NamedEvent};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const DEFINITIONS: &str = "state.history_definitions";
const UNREAD: &str = "state.unread_history";

/// The end of the past of somebody who was just merged, until the entry is done.
pub(crate) const ANEW: u64 = u64::MAX;

/// An audience or a computed trait, by the number that names it in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Definition {
    Audience(u32),
    Trait(u32),
}

impl Definition {
    fn key(self) -> KeyBuf {
        self.key_behind(KeyBuf::new())
    }

    fn key_behind(self, key: KeyBuf) -> KeyBuf {
        let (kind, number) = match self {
            Self::Audience(number) => (0, number),
            Self::Trait(number) => (1, number),
        };
        key.u8(kind).u32(number)
    }

    fn read(parts: &mut KeyParts<'_>) -> Option<Self> {
        match (parts.u8()?, parts.u32()?) {
            (0, number) => Some(Self::Audience(number)),
            (1, number) => Some(Self::Trait(number)),
            _ => None,
        }
    }
}

/// How far the past of people was read for one definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryProgress {
    /// The people whose past was found to be needed and is read.
    pub n_read: u64,
    /// All of them.
    pub n_people: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct DefinitionRow {
    /// The offset of the entry from which on events are counted as they come.
    since: u64,
    /// How many people were marked since everything was read.
    n_marked: u64,
}

#[derive(Debug)]
struct Known {
    row: DefinitionRow,
    /// Who is marked.
    unread: Marks,
    is_written: bool,
}

/// A bit for each person by index.
#[derive(Debug, Default)]
struct Marks {
    bits: Vec<u64>,
    n_set: u64,
}

impl Marks {
    fn has(&self, user: UserIdx) -> bool {
        self.bits.get(user.pos() / 64).is_some_and(|word| (word >> (user.pos() % 64)) & 1 == 1)
    }

    fn set(&mut self, user: UserIdx, is_set: bool) {
        if self.has(user) == is_set {
            return;
        }
        let word = user.pos() / 64;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] ^= 1 << (user.pos() % 64);
        self.n_set = if is_set { self.n_set + 1 } else { self.n_set - 1 };
    }

    fn users(&self) -> impl Iterator<Item = UserIdx> + '_ {
        let all = 0..self.bits.len() as u32 * 64;
        all.map(UserIdx).filter(|user| self.has(*user))
    }
}

/// The people whose past must be read.
pub struct UnreadHistory {
    definitions: Keyspace,
    unread: Keyspace,
    known: BTreeMap<Definition, Known>,
}

impl StatePart for UnreadHistory {
    const KEYSPACES: &'static [&'static str] = &[DEFINITIONS, UNREAD];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            definitions: store.keyspace(DEFINITIONS),
            unread: store.keyspace(UNREAD),
            known: BTreeMap::new(),
        };
        for pair in store.scan(&loaded.definitions, &[]) {
            let (key, value) = pair?;
            let definition = Definition::read(&mut KeyParts::new(&key)).ok_or_else(unreadable)?;
            let row = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            let known = Known { row, unread: Marks::default(), is_written: true };
            loaded.known.insert(definition, known);
        }
        for pair in store.scan(&loaded.unread, &[]) {
            let (user, definition) = read_key(&pair?.0)?;
            loaded.known.get_mut(&definition).ok_or_else(unreadable)?.unread.set(user, true);
        }
        Ok(loaded)
    }

    /// Where the past of either is unread, that of the merged person is, up to the merge.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        let of_both = [self.of_person(source), self.of_person(target)].concat();
        for definition in of_both {
            self.end(batch, definition, source);
            self.mark(batch, definition, target, ANEW);
        }
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let unread = self.of_person(user);
        unread.into_iter().for_each(|definition| self.end(batch, definition, user));
        Ok(())
    }

    /// Writes how many people were marked.
    fn flush(&mut self, batch: &mut Batch<'_>) {
        for (definition, known) in &mut self.known {
            if !known.is_written {
                known.is_written = true;
                let row = postcard::to_stdvec(&known.row).expect("plain fields always encode");
                batch.put(&self.definitions, definition.key(), row);
            }
        }
    }
}

impl UnreadHistory {
    /// The people behind `after` whose past must be read, in the order of their indices.
    pub(crate) fn people_behind(&self, after: Option<UserIdx>) -> impl Iterator<Item = UserIdx> {
        let first = after.map_or(0, |after| after.pos() + 1);
        let n_words = self.known.values().map(|known| known.unread.bits.len()).max().unwrap_or(0);
        let words = (first / 64..n_words).map(|at| {
            let of_all = self.known.values().filter_map(|known| known.unread.bits.get(at));
            (at, of_all.fold(0, |all, word| all | word))
        });
        let users = words.filter(|(_, word)| *word != 0).flat_map(|(at, word)| {
            let set = (0..64).filter(move |bit| (word >> bit) & 1 == 1);
            set.map(move |bit| UserIdx((at * 64 + bit) as u32))
        });
        users.filter(move |user| user.pos() >= first)
    }

    /// Whether nobody's past must be read.
    pub(crate) fn is_complete(&self) -> bool {
        self.known.values().all(|known| known.unread.n_set == 0)
    }

    /// How far the past was read for a definition; none for one that does not ask for properties.
    pub(crate) fn progress(&self, definition: Definition) -> Option<HistoryProgress> {
        let known = self.known.get(&definition)?;
        let n_people = known.row.n_marked;
        Some(HistoryProgress { n_read: n_people.saturating_sub(known.unread.n_set), n_people })
    }

    /// The offset from which on events are counted as they come; none for a definition that does
    /// not ask for properties.
    pub(crate) fn since(&self, definition: Definition) -> Option<u64> {
        self.known.get(&definition).map(|known| known.row.since)
    }

    /// Takes over the definitions that ask for properties, each with the offset from which on its
    /// events are counted as they come. One with another offset begins anew.
    pub(crate) fn follow(
        &mut self,
        batch: &mut Batch<'_>,
        definitions: &BTreeMap<Definition, u64>,
    ) {
        let known: Vec<Definition> = self.known.keys().copied().collect();
        for definition in known {
            if self.since(definition) != definitions.get(&definition).copied() {
                let gone = self.known.remove(&definition);
                batch.remove(&self.definitions, definition.key());
                for user in gone.iter().flat_map(|gone| gone.unread.users()) {
                    batch.remove(&self.unread, unread_key(definition, user));
                }
            }
        }
        for (definition, since) in definitions {
            let row = DefinitionRow { since: *since, n_marked: 0 };
            let begun = || Known { row, unread: Marks::default(), is_written: false };
            self.known.entry(*definition).or_insert_with(begun);
        }
    }

    /// Marks somebody: their past before the offset `until` must be read.
    pub(crate) fn mark(
        &mut self,
        batch: &mut Batch<'_>,
        definition: Definition,
        user: UserIdx,
        until: u64,
    ) {
        let Some(known) = self.known.get_mut(&definition) else { return };
        batch.put(&self.unread, unread_key(definition, user), until.to_be_bytes());
        if !known.unread.has(user) {
            if known.unread.n_set == 0 {
                known.row.n_marked = 0;
            }
            known.unread.set(user, true);
            known.row.n_marked += 1;
            known.is_written = false;
        }
    }

    /// Ends the mark of somebody, if there is one.
    pub(crate) fn end(&mut self, batch: &mut Batch<'_>, definition: Definition, user: UserIdx) {
        if let Some(known) = self.known.get_mut(&definition)
            && known.unread.has(user)
        {
            batch.remove(&self.unread, unread_key(definition, user));
            known.unread.set(user, false);
        }
    }

    /// The offset before which somebody's past must be read; none where it need not be.
    pub(crate) fn until(
        &self,
        read: &dyn Read,
        definition: Definition,
        user: UserIdx,
    ) -> Result<Option<u64>, StoreError> {
        if !self.is_unread(definition, user) {
            return Ok(None);
        }
        let value = read.get(&self.unread, &unread_key(definition, user).build())?;
        value.map(|value| read_offset(&value)).transpose()
    }

    /// The definitions for which somebody's past must be read, in order.
    pub(crate) fn of_person(&self, user: UserIdx) -> Vec<Definition> {
        let unread = self.known.iter().filter(|(_, known)| known.unread.has(user));
        unread.map(|(definition, _)| *definition).collect()
    }

    /// Whether somebody's past must be read for a definition.
    pub(crate) fn is_unread(&self, definition: Definition, user: UserIdx) -> bool {
        self.known.get(&definition).is_some_and(|known| known.unread.has(user))
    }
}

/// Whether there is an event before the offset `until` that must be read: of one of these names, or
/// of any where there are none.
pub(crate) fn has_past(
    history: &[NamedEvent],
    names: &[&str],
    start: Option<Timestamp>,
    until: u64,
) -> bool {
    history.iter().any(|event| {
        event.offset < until
            && start.is_none_or(|start| event.timestamp >= start)
            && (names.is_empty() || names.contains(&event.name.as_str()))
    })
}

fn unread_key(definition: Definition, user: UserIdx) -> KeyBuf {
    definition.key_behind(KeyBuf::new().u32(user.0))
}

fn read_key(key: &[u8]) -> Result<(UserIdx, Definition), StoreError> {
    let mut parts = KeyParts::new(key);
    let user = parts.u32().map(UserIdx).ok_or_else(unreadable)?;
    let definition = Definition::read(&mut parts).ok_or_else(unreadable)?;
    Ok((user, definition))
}

fn read_offset(value: &[u8]) -> Result<u64, StoreError> {
    value.try_into().map(u64::from_be_bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "unread history" }
}
