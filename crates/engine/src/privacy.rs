//! People's data: refusing new data of people, deleting what is there from every file, and the
//! receipt that says what was removed where and proves it.
//!
//! What is asked for is a regulation. Its ids wait in a file of the workspace until it has ended;
//! the journal and the store hold them only until they are erased. Every step can be repeated, so
//! that a regulation that a crash has interrupted goes on where it was.

mod counts;
mod erasing;
mod forwarding;
mod passes;
mod pending;
mod receipt;
mod recounting;
mod running;
mod scan;
mod suppressing;

use std::path::PathBuf;

use domain::id::ID_BYTES_MAX;
use domain::{Timestamp, listed};
use profiles::{ExternalId, ExternalIdType};
use state::{
    Command, PERSON_KEY_BYTES, People, Regulation, RegulationCommand, RegulationType, Remaining,
    without_suppressed,
};
use uuid::Uuid;

pub use self::forwarding::{DestinationAnswer, ForwardOutcome};
pub use self::passes::{PASS_PEOPLE_MAX, PASS_REGULATIONS_MAX, RegulationResult};
use self::pending::{Pending, Person};
pub use self::receipt::{DeletedState, ErasedJournal, ModelContribution, Receipt, RemovedFiles};
pub use self::running::{RegulationError, RegulationStep, Surroundings};
pub use self::scan::{MENTIONS_SHOWN_MAX, Mention, ScanReport, scan_folder};
use crate::error::store_error;
use crate::suppression::Refused;
use crate::{Engine, EngineError, Entry, Outcome, SubmitError};

/// The most people of one regulation.
pub const REGULATION_PEOPLE_MAX: usize = 5_000;

/// A regulation that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRegulation {
    /// What is asked for.
    pub type_: RegulationType,
    /// User ids, each of a person.
    pub user_ids: Vec<String>,
    /// Anonymous ids, each of a person.
    pub anonymous_ids: Vec<String>,
    /// Ids of other types, each of a person.
    pub other_ids: Vec<(ExternalIdType, String)>,
}

impl NewRegulation {
    /// Checks the number and the form of the ids.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let n_people = self.user_ids.len() + self.anonymous_ids.len() + self.other_ids.len();
        if !(1..=REGULATION_PEOPLE_MAX).contains(&n_people) {
            return Err(format!(
                "names {n_people} people, and from 1 to {REGULATION_PEOPLE_MAX} can be named at once"
            ));
        }
        let others = self.other_ids.iter().map(|(_, id)| id);
        let mut ids = self.user_ids.iter().chain(&self.anonymous_ids).chain(others);
        match ids.find(|id| id.trim().is_empty() || id.len() > ID_BYTES_MAX) {
            Some(id) if id.trim().is_empty() => Err("names an empty id".to_owned()),
            Some(_) => Err(format!("names an id of more than {ID_BYTES_MAX} bytes")),
            None => Ok(()),
        }
    }

    fn people(&self) -> Vec<Person> {
        let users = self.user_ids.iter().map(|id| (ExternalIdType::UserId, id));
        let devices = self.anonymous_ids.iter().map(|id| (ExternalIdType::AnonymousId, id));
        let others = self.other_ids.iter().map(|(type_, id)| (*type_, id));
        let of_one = |(type_, id): (_, &String)| {
            let mut person = Person::default();
            person.add(type_, id.clone());
            person
        };
        users.chain(devices).chain(others).map(of_one).collect()
    }
}

impl Engine {
    /// Checks that the workspace can tell whose ids of other types a regulation names: that its
    /// identity rules know the type, or somebody has the id. A suppression is lifted by the text
    /// alone, whatever the rules are by now.
    ///
    /// # Errors
    /// Says what is wrong, and what can be named.
    pub fn check_types(&self, new: &NewRegulation) -> Result<(), String> {
        if new.type_ == RegulationType::Unsuppress {
            return Ok(());
        }
        let snapshot = self.snapshot();
        let rules = snapshot.setup.identity.as_deref();
        let is_unknown = |(type_, value): &&(ExternalIdType, String)| {
            let id = ExternalId { type_: *type_, value };
            !rules.is_some_and(|rules| rules.knows(*type_))
                && snapshot.profiles.ids().user_by_external_id(id).is_none()
        };
        let Some((type_, _)) = new.other_ids.iter().find(is_unknown) else { return Ok(()) };
        let word = type_.word();
        Err(match rules {
            None => format!(
                "names an id of the type {word:?}, and the workspace has no identity rules by \
                 which messages are known to carry one: set rules, or name user ids and anonymous \
                 ids"
            ),
            Some(rules) => {
                let known: Vec<&str> = rules.types().map(|known| known.word()).collect();
                format!(
                    "names an id of the type {word:?}, which the identity rules of the workspace \
                     do not know, and nobody has this id: name one of the types {}, or declare \
                     the type in the rules",
                    listed(&known, "or")
                )
            }
        })
    }

    /// Takes a regulation, durably. [`Engine::run_regulation`] does what it asks for.
    ///
    /// # Errors
    /// If the file of its ids cannot be written, or the journal does not take it.
    pub fn begin_regulation(&self, new: &NewRegulation) -> Result<Uuid, EngineError> {
        // Those of one millisecond keep their order.
        let id = Uuid::now_v7();
        let expanded = self.expand_people(new.people())?;
        let n_people = expanded.len() as u32;
        // Whoever is not suppressed may get further ids until the deletion.
        let is_expanded = new.type_.suppresses();
        let pending = Pending {
            id,
            type_: new.type_,
            n_people,
            requested_at: self.now(),
            people: if is_expanded { expanded } else { new.people() },
            is_expanded,
            deleted: None,
            receipt: None,
            forwarding: None,
        };
        pending.write(&self.pending_folder())?;
        self.journal_begin(&pending)?;
        if new.type_.suppresses() {
            // At once, whatever the queue of regulations is.
            self.suppress(&pending)?;
        }
        Ok(id)
    }

    /// The regulations that are not at their end, the oldest first.
    ///
    /// # Errors
    /// If the folder of their files cannot be read.
    pub fn pending_regulations(&self) -> Result<Vec<Uuid>, EngineError> {
        let pending = pending::list(&self.pending_folder())?;
        Ok(pending.into_iter().map(|pending| pending.id).collect())
    }

    /// Ends regulations whose ids are lost, such as in a workspace that was restored from a backup:
    /// nobody can do what they asked for. Returns how many there were.
    ///
    /// # Errors
    /// If the folder of their files cannot be read, or the journal does not take their ends.
    pub fn end_lost_regulations(&self) -> Result<usize, EngineError> {
        // One that ends meanwhile would look lost. A file is there before its beginning is known.
        let _one_at_a_time = self.privacy_lock.lock();
        let open = self.regulations().into_iter();
        let open: Vec<Regulation> =
            open.filter(|regulation| regulation.finished_at.is_none()).collect();
        let kept = self.pending_regulations()?;
        let is_lost = |regulation: &&Regulation| !kept.contains(&regulation.id);
        let lost: Vec<&Regulation> = open.iter().filter(is_lost).collect();
        for regulation in &lost {
            let receipt = Receipt::of_lost(regulation, self.now());
            let json = serde_json::to_string(&receipt).expect("plain fields are JSON");
            let (id, status) = (regulation.id, receipt.status);
            self.regulate([RegulationCommand::End { id, status, receipt: json }])?;
        }
        Ok(lost.len())
    }

    /// All regulations, the latest first.
    pub fn regulations(&self) -> Vec<Regulation> {
        self.snapshot().regulations.list().into_iter().cloned().collect()
    }

    /// A regulation, with its receipt once it has ended; none if there is no such one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn regulation(
        &self,
        id: Uuid,
    ) -> Result<Option<(Regulation, Option<Receipt>)>, EngineError> {
        let snapshot = self.snapshot();
        let Some(regulation) = snapshot.regulations.get(id).cloned() else { return Ok(None) };
        let receipt = snapshot.regulations.receipt(snapshot.store(), id);
        let receipt = receipt.map_err(store_error(&self.folder().join("store")))?;
        drop(snapshot);
        let receipt: Option<Receipt> = receipt.and_then(|json| serde_json::from_str(&json).ok());
        let receipt = receipt
            .map(|receipt| Receipt { contribution: self.find_contribution(&receipt), ..receipt });
        Ok(Some((regulation, receipt)))
    }

    /// What the model in use has of the people of a deletion; none where nothing was deleted.
    fn find_contribution(&self, receipt: &Receipt) -> Option<ModelContribution> {
        let erased_until = receipt.erased_until?;
        let snapshot = self.snapshot();
        let Some(active) = snapshot.setup.active_training() else {
            return Some(ModelContribution::NoModel);
        };
        let since = || snapshot.setup.trainings.iter().filter(|run| run.offset >= erased_until);
        if active.offset >= erased_until {
            let made = since().filter(|run| run.refused.is_none());
            let first = made.map(|run| run.finished_at).min();
            return Some(ModelContribution::Gone { at: first.unwrap_or(active.finished_at) });
        }
        let refused =
            since().next_back().and_then(|run| Some((run.finished_at, run.refused.clone()?)));
        Some(match refused {
            Some((at, why)) => ModelContribution::Refused { at, why },
            None => ModelContribution::Due,
        })
    }

    /// How many people are suppressed.
    pub fn n_suppressed(&self) -> usize {
        self.snapshot().regulations.n_suppressed()
    }

    /// Whether new data with an id is refused, whatever its type.
    pub fn is_suppressed(&self, id: &str) -> bool {
        self.shared.suppressed.load().has_any(id)
    }

    /// How many entries of suppressed people were refused since the workspace was opened.
    pub fn n_refused_of_suppressed(&self) -> u64 {
        self.shared.n_refused.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The entries without what is about suppressed people: before anything is journalled, for
    /// every way in. With each, its outcome where nothing is left of it, and how many interactions
    /// were taken out.
    pub(crate) fn refuse_suppressed(&self, entries: Vec<Entry>) -> (Vec<Entry>, Vec<Refused>) {
        let suppressed = self.shared.suppressed.load();
        if suppressed.is_empty() {
            let refused = vec![Refused::Nothing; entries.len()];
            return (entries, refused);
        }
        let rules = self.snapshot().setup.identity.clone();
        let (mut taken, mut refused) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let n_rows = count_rows(&entry);
            refused.push(match without_suppressed(entry, &**suppressed, rules.as_deref()) {
                Remaining::Nothing => Refused::All,
                Remaining::Whole(entry) => {
                    taken.push(entry);
                    Refused::Nothing
                }
                Remaining::Part(entry) => {
                    let n_left = count_rows(&entry);
                    taken.push(entry);
                    Refused::Rows(n_rows - n_left)
                }
            });
        }
        let n_refused = refused.iter().filter(|refused| **refused != Refused::Nothing).count();
        if n_refused > 0 {
            let workspace = self.id().to_string();
            metrics::counter!("suppressed_entries_total", "workspace" => workspace)
                .increment(n_refused as u64);
            let total = &self.shared.n_refused;
            total.fetch_add(n_refused as u64, std::sync::atomic::Ordering::Relaxed);
        }
        (taken, refused)
    }

    fn pending_folder(&self) -> PathBuf {
        self.folder().join("privacy")
    }

    fn journal_begin(&self, pending: &Pending) -> Result<(), EngineError> {
        let has_key = self.snapshot().regulations.key().is_some();
        let key = match has_key {
            true => None,
            false => Some(new_key()?),
        };
        let Pending { id, type_, n_people, .. } = *pending;
        self.regulate([RegulationCommand::Begin { id, type_, n_people, key }])
    }

    /// Journals steps together.
    fn regulate(
        &self,
        commands: impl IntoIterator<Item = RegulationCommand>,
    ) -> Result<(), EngineError> {
        let received_at = self.now();
        let entry = |command| {
            let command = Box::new(Command::Regulate(Box::new(command)));
            Entry::Command { received_at, command }
        };
        let entries: Vec<Entry> = commands.into_iter().map(entry).collect();
        if entries.is_empty() {
            return Ok(());
        }
        for outcome in self.submit_blocking(entries)? {
            if let Outcome::Refused(refusal) = outcome {
                tracing::warn!(workspace = %self.id(), %refusal, "a step of a regulation is refused");
            }
        }
        Ok(())
    }
}

fn count_rows(entry: &Entry) -> u32 {
    match entry {
        Entry::Interactions { interactions, .. } => interactions.len() as u32,
        _ => 0,
    }
}

fn new_key() -> Result<Vec<u8>, EngineError> {
    let mut key = vec![0; PERSON_KEY_BYTES];
    getrandom::fill(&mut key).map_err(std::io::Error::other)?;
    Ok(key)
}

impl From<SubmitError> for RegulationError {
    fn from(error: SubmitError) -> Self {
        Self::Engine(error.into())
    }
}

/// When a regulation ended, for the sentence about backups.
pub(crate) fn describe_left(at: Timestamp) -> Vec<String> {
    vec![format!(
        "Backups and archives of the journal from before {at} hold these people. Back up into the same folder again, which replaces what was erased; remove other copies, and archives of segments that were cut. Prove it with: tastemaker privacy scan --folder FOLDER --ids-file FILE"
    )]
}
