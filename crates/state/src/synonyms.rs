//! Synonyms of the search: terms that also find each other.

use std::collections::BTreeMap;

use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use store::{Batch, Keyspace, Store, StoreError};

use crate::command::{Done, Refusal};
use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::views::{Views, first_revision};

const SYNONYMS: &str = "state.synonyms";

/// The most synonyms of a workspace.
pub const SYNONYMS_MAX: usize = 10_000;

/// A search for the term also finds the synonym and, unless it is one way, the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synonym {
    /// What clients call it.
    pub id: String,
    /// What is searched.
    pub term: String,
    /// What is found too.
    pub synonym: String,
    /// Whether a search for the synonym does not find the term.
    pub one_way: bool,
}

/// A change of the synonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SynonymCommand {
    /// Adds one.
    Add(Synonym),
    /// Deletes one.
    Delete {
        /// Which.
        id: String,
    },
    /// Deletes all.
    DeleteAll,
}

/// The synonyms of a workspace: in memory, written through to the store.
pub struct Synonyms {
    keyspace: Keyspace,
    /// In the order in which they were made.
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

    /// Counted up on every change since the start, for whoever keeps something made of them.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Term, synonym and whether it is one way, as the search takes them.
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

    /// Deletes those that `is_meant`; says how many.
    fn delete(&mut self, batch: &mut Batch<'_>, is_meant: impl Fn(&Synonym) -> bool) -> usize {
        let meant = self.by_number.iter().filter(|(_, synonym)| is_meant(synonym));
        let meant: Vec<u64> = meant.map(|(number, _)| *number).collect();
        for number in &meant {
            self.by_number.remove(number);
            batch.remove(&self.keyspace, number.to_be_bytes());
        }
        self.revision += u64::from(!meant.is_empty());
        meant.len()
    }
}

pub(crate) fn apply(views: &mut Views, batch: &mut Batch<'_>, command: SynonymCommand) -> Done {
    let synonyms = &mut views.synonyms;
    match command {
        SynonymCommand::Add(new) => {
            let is_same = |other: &Synonym| other.term == new.term && other.synonym == new.synonym;
            if synonyms.by_number.values().any(is_same) {
                let (term, synonym) = (&new.term, &new.synonym);
                return Err(Refusal::AlreadyThere(format!("{term:?} has the synonym {synonym:?} already")));
            }
            if synonyms.by_number.len() >= SYNONYMS_MAX {
                return Err(Refusal::Invalid(format!("there are {SYNONYMS_MAX} synonyms, the limit")));
            }
            synonyms.insert(batch, new);
        }
        SynonymCommand::Delete { id } => {
            if synonyms.delete(batch, |synonym| synonym.id == id) == 0 {
                return Err(Refusal::missing("synonym", &id));
            }
        }
        SynonymCommand::DeleteAll => {
            synonyms.delete(batch, |_| true);
        }
    }
    Ok(())
}
