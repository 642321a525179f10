//! Synonyms for text search.

use std::collections::BTreeMap;

use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use store::{Batch, Keyspace, Store, StoreError};

use crate::part::{StatePart, counts_nothing, first_revision, has_no_users, writes_at_once};
use crate::refusal::{CommandResult, Refusal};

const SYNONYMS: &str = "state.synonyms";

/// The most synonyms of a workspace.
pub const SYNONYMS_MAX: usize = 10_000;

/// A synonym: a search for `term` also finds `synonym`, and the reverse unless `one_way`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synonym {
    /// The id for clients.
    pub id: String,
    /// The term in a query.
    pub term: String,
    /// The other term that a search for `term` finds.
    pub synonym: String,
    /// Whether a search for `synonym` does not find `term`.
    pub one_way: bool,
}

/// A change of the synonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SynonymCommand {
    /// Adds a synonym.
    Add(Synonym),
    /// Deletes a synonym.
    Delete {
        /// The id of the synonym.
        id: String,
    },
    /// Deletes all synonyms.
    DeleteAll,
}

/// The synonyms of a workspace, in memory and in the store.
pub struct Synonyms {
    keyspace: Keyspace,
    /// By number, in the order in which they were added.
    by_number: BTreeMap<u64, Synonym>,
    revision: u64,
}

impl StatePart for Synonyms {
    const KEYSPACES: &'static [&'static str] = &[SYNONYMS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(SYNONYMS);
        let mut by_number = BTreeMap::new();
        for pair in store::Read::scan(store, &keyspace, &[]) {
            let (key, value) = pair?;
            let unreadable = || StoreError::Unreadable { what: "synonym" };
            let number = u64::from_be_bytes(key.try_into().map_err(|_| unreadable())?);
            by_number.insert(number, postcard::from_bytes(&value).map_err(|_| unreadable())?);
        }
        Ok(Self { keyspace, by_number, revision: first_revision() })
    }
}

impl Synonyms {
    /// All synonyms, oldest first.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Synonym> {
        self.by_number.values()
    }

    /// A number that grows with every change, for caches of search indexes.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Triples of term, synonym and `one_way`, as the search index expects them.
    pub fn pairs(&self) -> impl Iterator<Item = (String, String, bool)> {
        self.by_number
            .values()
            .map(|synonym| (synonym.term.clone(), synonym.synonym.clone(), synonym.one_way))
    }

    fn insert(&mut self, batch: &mut Batch<'_>, synonym: Synonym) {
        let number = self.by_number.last_key_value().map_or(0, |(last, _)| last + 1);
        let value = postcard::to_stdvec(&synonym).expect("plain fields always encode");
        batch.put(&self.keyspace, number.to_be_bytes(), value);
        self.by_number.insert(number, synonym);
        self.revision += 1;
    }

    /// Deletes the synonyms that match. Returns their number.
    fn delete(&mut self, batch: &mut Batch<'_>, matches: impl Fn(&Synonym) -> bool) -> usize {
        let matching = self.by_number.iter().filter(|(_, synonym)| matches(synonym));
        let numbers: Vec<u64> = matching.map(|(number, _)| *number).collect();
        for number in &numbers {
            self.by_number.remove(number);
            batch.remove(&self.keyspace, number.to_be_bytes());
        }
        self.revision += u64::from(!numbers.is_empty());
        numbers.len()
    }

    /// Applies a command.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        command: SynonymCommand,
    ) -> CommandResult {
        match command {
            SynonymCommand::Add(new) => {
                let is_same =
                    |other: &Synonym| other.term == new.term && other.synonym == new.synonym;
                if self.by_number.values().any(is_same) {
                    let (term, synonym) = (&new.term, &new.synonym);
                    return Err(Refusal::AlreadyExists(format!(
                        "{term:?} has the synonym {synonym:?} already"
                    )));
                }
                if self.by_number.len() >= SYNONYMS_MAX {
                    return Err(Refusal::Invalid(format!(
                        "there are {SYNONYMS_MAX} synonyms, the limit"
                    )));
                }
                self.insert(batch, new);
            }
            SynonymCommand::Delete { id } => {
                if self.delete(batch, |synonym| synonym.id == id) == 0 {
                    return Err(Refusal::missing("synonym", &id));
                }
            }
            SynonymCommand::DeleteAll => {
                self.delete(batch, |_| true);
            }
        }
        Ok(())
    }
}
