//! Doing what a regulation asks for, step by step. Each step can be repeated after a crash.

use std::path::PathBuf;

use profiles::ExternalIdType;
use state::{
    IDS_PER_REGULATION_ENTRY_MAX, NamedPeople, PersonKey, RECEIPT_BYTES_MAX, RegulationCommand,
    RegulationStatus, SuppressedId, TooManyIds,
};
use uuid::Uuid;

use super::describe_left;
use super::forwarding::ForwardOutcome;
use super::pending::{Pending, Person};
use super::receipt::{Receipt, RemovedFiles};
use crate::{Engine, EngineError};

/// Why a regulation has not come to its end. It goes on when it is run again.
#[derive(Debug, thiserror::Error)]
pub enum RegulationError {
    /// There is no regulation of the id that is not at its end.
    #[error("there is no regulation {0} that is under way")]
    Unknown(Uuid),
    /// It was cancelled, or the workspace is being closed.
    #[error("the regulation was interrupted; it goes on by itself")]
    Interrupted,
    /// A destination has not answered yet, and is told once more at a time.
    #[error("a destination has not deleted them yet; it is told once more")]
    Waiting {
        /// The time of the next attempt.
        until: domain::Timestamp,
    },
    /// The ids are too many or too long.
    #[error(transparent)]
    TooManyIds(#[from] TooManyIds),
    /// The journal cannot be written anew.
    #[error("cannot erase people from the journal")]
    Journal(#[from] journal::RewriteError),
    /// The workspace failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<std::io::Error> for RegulationError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// What is being done, with the share of it that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RegulationStep {
    /// New data is refused from now on.
    Suppressing,
    /// People are deleted from profiles, histories and lists.
    Deleting,
    /// The files of the store are written anew.
    PurgingStore,
    /// Segments of the journal are written anew.
    ErasingJournal(f64),
    /// Every file is searched.
    Searching(f64),
    /// Destinations are told.
    Forwarding,
}

impl RegulationStep {
    /// The share of the regulation that is done before it, from 0 to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::Suppressing => 0.01,
            Self::Deleting => 0.03,
            Self::PurgingStore => 0.06,
            Self::ErasingJournal(share) => 0.1 + 0.5 * share,
            Self::Searching(share) => 0.6 + 0.35 * share,
            Self::Forwarding => 0.96,
        }
    }
}

/// What a regulation needs of the process around the workspace.
pub struct Surroundings<'a> {
    /// Removes files with data of people that are outside of the workspace's folder.
    pub remove_files: &'a dyn Fn() -> std::io::Result<RemovedFiles>,
    /// Folders outside of the workspace's that are searched as well.
    pub folders: Vec<PathBuf>,
    /// Notes a step.
    pub note: &'a dyn Fn(RegulationStep),
    /// Whether to stop.
    pub is_interrupted: &'a dyn Fn() -> bool,
}

impl Surroundings<'_> {
    /// A workspace alone.
    pub const NONE: Surroundings<'static> = Surroundings {
        remove_files: &|| Ok(RemovedFiles { exports: 0, uploads: 0 }),
        folders: Vec::new(),
        note: &|_| {},
        is_interrupted: &|| false,
    };

    pub(super) fn check(&self) -> Result<(), RegulationError> {
        if (self.is_interrupted)() { Err(RegulationError::Interrupted) } else { Ok(()) }
    }
}

impl Engine {
    /// Does what a regulation asks for, and returns the receipt. One runs at a time. A regulation
    /// that was interrupted, or waits until a destination is told once more, goes on when this is
    /// called again.
    ///
    /// # Errors
    /// See [`RegulationError`].
    pub fn run_regulation(
        &self,
        id: Uuid,
        around: &Surroundings<'_>,
    ) -> Result<Receipt, RegulationError> {
        let _one_at_a_time = self.privacy_lock.lock();
        // A workspace that is being closed waits for nobody.
        let around = &Surroundings {
            is_interrupted: &|| self.check_training().is_err() || (around.is_interrupted)(),
            folders: around.folders.clone(),
            ..*around
        };
        let folder = self.pending_folder();
        let pending = Pending::read(&folder, id)?.ok_or(RegulationError::Unknown(id))?;
        if let Some((regulation, Some(receipt))) = self.regulation(id)?
            && regulation.finished_at.is_some()
        {
            // A crash came before the file was removed.
            pending.remove(&folder)?;
            return Ok(receipt);
        }
        if self.regulation(id)?.is_none() {
            self.journal_begin(&pending)?;
        }
        let receipt = self.run(pending, around)?;
        let pending = Pending::read(&folder, id)?.ok_or(RegulationError::Unknown(id))?;
        let json = serde_json::to_string(&receipt).expect("plain fields are JSON");
        assert!(json.len() <= RECEIPT_BYTES_MAX, "the lists of a receipt are bounded");
        self.regulate(RegulationCommand::End { id, status: receipt.status, receipt: json })?;
        pending.remove(&folder)?;
        Ok(receipt)
    }

    fn run(
        &self,
        mut pending: Pending,
        around: &Surroundings<'_>,
    ) -> Result<Receipt, RegulationError> {
        let mut receipt = match pending.receipt.take() {
            Some(receipt) => *receipt,
            None => self.run_here(&mut pending, around)?,
        };
        if pending.type_.forwards() {
            (around.note)(RegulationStep::Forwarding);
            pending.receipt = Some(Box::new(receipt.clone()));
            receipt.destinations = self.forward(&mut pending, around)?;
        }
        receipt.finished_at = self.now();
        if pending.type_.deletes() {
            receipt.left.extend(describe_left(receipt.finished_at));
        }
        receipt.status = final_status(&receipt);
        Ok(receipt)
    }

    /// What is done here, before destinations are told.
    fn run_here(
        &self,
        pending: &mut Pending,
        around: &Surroundings<'_>,
    ) -> Result<Receipt, RegulationError> {
        self.expand_all(pending)?;
        let mut receipt = new_receipt(pending, self.now());
        (around.note)(RegulationStep::Suppressing);
        receipt.suppressed_ids = match pending.type_.suppresses() {
            true => self.suppress(pending)?,
            false => self.unsuppress_if_asked(pending)?,
        };
        if pending.type_.deletes() {
            let people = NamedPeople::new(pending.user_ids(), pending.anonymous_ids())?;
            self.erase(pending, &people, &mut receipt, around)?;
            around.check()?;
            let scan = self.scan(&people, pending.deleted_at, around)?;
            receipt.models = scan.models;
            receipt.scan = Some(scan);
        }
        Ok(receipt)
    }

    /// Finds all ids of everybody, and keeps them: they cannot be found once the profiles are gone.
    pub(super) fn expand_all(&self, pending: &mut Pending) -> Result<(), EngineError> {
        if pending.is_expanded {
            return Ok(());
        }
        let people = std::mem::take(&mut pending.people);
        pending.people =
            people.into_iter().map(|person| self.expand(person)).collect::<Result<_, _>>()?;
        pending.is_expanded = true;
        Ok(pending.write(&self.pending_folder())?)
    }

    fn person_key(&self) -> Option<PersonKey> {
        self.snapshot().regulations.key().cloned()
    }

    pub(super) fn suppress(&self, pending: &Pending) -> Result<u64, EngineError> {
        let Some(key) = self.person_key() else { return Ok(0) };
        let of_person = |person: &Person| {
            let ids = hashes(&key, person);
            let first = ids.first().copied();
            ids.into_iter()
                .map(|id| SuppressedId { id, person: first.unwrap_or(id) })
                .collect::<Vec<_>>()
        };
        let ids: Vec<SuppressedId> = pending.people.iter().flat_map(of_person).collect();
        for ids in ids.chunks(IDS_PER_REGULATION_ENTRY_MAX) {
            self.regulate(RegulationCommand::Suppress { id: pending.id, ids: ids.to_vec() })?;
        }
        Ok(ids.len() as u64)
    }

    fn unsuppress_if_asked(&self, pending: &Pending) -> Result<u64, RegulationError> {
        let is_asked = pending.type_ == state::RegulationType::Unsuppress;
        let Some(key) = self.person_key().filter(|_| is_asked) else { return Ok(0) };
        let before = self.shared.suppressed.load().len();
        let ids: Vec<_> = pending.people.iter().flat_map(|person| hashes(&key, person)).collect();
        for ids in ids.chunks(IDS_PER_REGULATION_ENTRY_MAX) {
            self.regulate(RegulationCommand::Unsuppress { id: pending.id, ids: ids.to_vec() })?;
        }
        Ok(before.saturating_sub(self.shared.suppressed.load().len()) as u64)
    }
}

fn hashes(key: &PersonKey, person: &Person) -> Vec<state::PersonHash> {
    let users = person.user_ids.iter().map(|id| key.hash(ExternalIdType::UserId, id));
    let devices = person.anonymous_ids.iter().map(|id| key.hash(ExternalIdType::AnonymousId, id));
    users.chain(devices).collect()
}

fn new_receipt(pending: &Pending, now: domain::Timestamp) -> Receipt {
    let n_ids = pending.people.iter().map(|p| p.user_ids.len() + p.anonymous_ids.len());
    let Pending { id, type_, n_people, requested_at, .. } = *pending;
    Receipt {
        ids: n_ids.sum::<usize>() as u64,
        ..Receipt::new(id, type_, n_people, requested_at, now)
    }
}

/// A search that finds an id is a failure; a destination that could not delete is a part.
fn final_status(receipt: &Receipt) -> RegulationStatus {
    let is_clean = receipt.scan.as_ref().is_none_or(|scan| scan.found == 0);
    let is_told = |answer: &super::DestinationAnswer| answer.outcome == ForwardOutcome::Deleted;
    match (is_clean, receipt.destinations.iter().all(is_told)) {
        (false, _) => RegulationStatus::Failed,
        (true, false) => RegulationStatus::PartialSuccess,
        (true, true) => RegulationStatus::Finished,
    }
}
