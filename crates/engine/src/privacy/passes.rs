//! Doing what regulations ask for, step by step. Those that wait are done in one pass, so that the
//! store and each segment are written anew once for all of them, and every file is searched once.
//! Each step can be repeated after a crash.

use state::{
    NamedPeople, RECEIPT_BYTES_MAX, Regulation, RegulationCommand, RegulationStatus, TooManyIds,
};
use uuid::Uuid;

use super::forwarding::ForwardOutcome;
use super::pending::Pending;
use super::receipt::Receipt;
use super::running::{RegulationError, RegulationStep, Surroundings};
use super::{REGULATION_PEOPLE_MAX, describe_left, pending};
use crate::{Engine, EngineError};

/// The most people of one pass.
pub const PASS_PEOPLE_MAX: usize = REGULATION_PEOPLE_MAX;
/// The most regulations of one pass.
pub const PASS_REGULATIONS_MAX: usize = 100;

/// A regulation with the receipt as far as it is known, or the reason why it is not at its end.
pub type RegulationResult = (Uuid, Result<Receipt, RegulationError>);

/// A regulation in a pass.
pub(super) struct Work {
    pub(super) pending: Pending,
    pub(super) receipt: Receipt,
}

impl Engine {
    /// All people of some regulations, whom messages name by the rules of now.
    pub(super) fn name_people<'a>(
        &self,
        works: impl Iterator<Item = &'a Work>,
    ) -> Result<NamedPeople, TooManyIds> {
        let people = NamedPeople::new(works.flat_map(|work| work.pending.ids()))?;
        Ok(people.with_rules(self.snapshot().setup.identity.clone()))
    }

    /// The regulations of the next pass, the oldest first: those for which something can be done
    /// now, which do not wait until a destination is told once more, up to [`PASS_PEOPLE_MAX`]
    /// people and [`PASS_REGULATIONS_MAX`] regulations.
    ///
    /// # Errors
    /// If the folder of their files cannot be read.
    pub fn next_pass(&self) -> Result<Vec<Uuid>, EngineError> {
        let now = self.now();
        let due = pending::list(&self.pending_folder())?.into_iter();
        let mut n_people = 0;
        let fits = |pending: &Pending| {
            n_people += pending.people.len();
            n_people <= PASS_PEOPLE_MAX
        };
        let due = due.filter(|pending| pending.is_due(now)).take(PASS_REGULATIONS_MAX);
        Ok(due.take_while(fits).map(|pending| pending.id).collect())
    }

    /// Does what a regulation asks for, and returns the receipt: see [`Engine::run_regulations`].
    ///
    /// # Errors
    /// See [`RegulationError`].
    pub fn run_regulation(
        &self,
        id: Uuid,
        around: &Surroundings<'_>,
    ) -> Result<Receipt, RegulationError> {
        let mut results = self.run_regulations(&[id], around)?;
        results.pop().map_or(Err(RegulationError::Unknown(id)), |(_, result)| result)
    }

    /// Does in one pass what regulations ask for. One pass runs at a time. Regulations that were
    /// interrupted, or wait until a destination is told once more, go on when this is called again
    /// with them.
    ///
    /// # Errors
    /// See [`RegulationError`]. One that waits for a destination is an error of its own result
    /// only.
    pub fn run_regulations(
        &self,
        ids: &[Uuid],
        around: &Surroundings<'_>,
    ) -> Result<Vec<RegulationResult>, RegulationError> {
        let _one_at_a_time = self.privacy_lock.lock();
        // A workspace that is being closed waits for nobody.
        let around = &Surroundings {
            is_interrupted: &|| self.check_training().is_err() || (around.is_interrupted)(),
            folders: around.folders.clone(),
            ..*around
        };
        let (mut results, mut open) = (Vec::new(), Vec::new());
        for id in ids {
            let folder = self.pending_folder();
            let pending = Pending::read(&folder, *id)?.ok_or(RegulationError::Unknown(*id))?;
            match self.regulation(*id)? {
                Some((Regulation { finished_at: Some(_), .. }, Some(receipt))) => {
                    // A crash came before the file was removed.
                    pending::remove(&folder, *id)?;
                    results.push((*id, Ok(receipt)));
                    continue;
                }
                Some(_) => {}
                None => self.journal_begin(&pending)?,
            }
            open.push(pending);
        }
        let works = self.run_here(open, around)?;
        let (mut forwarding, ended): (Vec<Work>, Vec<Work>) =
            works.into_iter().partition(|work| work.pending.type_.forwards());
        results.extend(self.end(ended)?);
        for Work { pending, receipt } in &mut forwarding {
            pending.receipt = Some(Box::new(receipt.clone()));
            pending.write(&self.pending_folder())?;
        }
        for mut work in forwarding {
            (around.note)(RegulationStep::Forwarding);
            match self.forward(&mut work.pending, around) {
                Ok(answers) => {
                    work.receipt.destinations = answers;
                    results.extend(self.end(vec![work])?);
                }
                Err(waiting @ RegulationError::Waiting { .. }) => {
                    results.push((work.pending.id, Err(waiting)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(results)
    }

    /// What is done here, before destinations are told.
    fn run_here(
        &self,
        open: Vec<Pending>,
        around: &Surroundings<'_>,
    ) -> Result<Vec<Work>, RegulationError> {
        let (mut done, mut works) = (Vec::new(), Vec::new());
        for mut pending in open {
            if let Some(receipt) = pending.receipt.take() {
                done.push(Work { pending, receipt: *receipt });
                continue;
            }
            (around.note)(RegulationStep::Suppressing);
            self.expand_all(&mut pending)?;
            let mut receipt = new_receipt(&pending, self.now());
            receipt.suppressed_ids = match pending.type_.suppresses() {
                true => self.suppress(&pending)?,
                false => self.unsuppress_if_asked(&pending)?,
            };
            works.push(Work { pending, receipt });
        }
        let mut deletions: Vec<&mut Work> =
            works.iter_mut().filter(|work| work.pending.type_.deletes()).collect();
        if !deletions.is_empty() {
            let people = self.name_people(deletions.iter().map(|work| &**work))?;
            self.erase(&mut deletions, &people, around)?;
            around.check()?;
            self.prove(&mut deletions, &people, around)?;
        }
        works.append(&mut done);
        Ok(works)
    }

    /// Searches every file for the people of all deletions. Where something is found, it is
    /// searched for each deletion, so that the receipts of the others stay true.
    fn prove(
        &self,
        works: &mut [&mut Work],
        people: &NamedPeople,
        around: &Surroundings<'_>,
    ) -> Result<(), RegulationError> {
        let erased_until = works.iter().find_map(|work| work.receipt.erased_until);
        let scan = self.scan(people, erased_until, around)?;
        let is_divided = scan.found > 0 && works.len() > 1;
        for work in works {
            let scan = match is_divided {
                true => {
                    self.scan(&self.name_people([&**work].into_iter())?, erased_until, around)?
                }
                false => scan.clone(),
            };
            work.receipt.models = scan.models;
            work.receipt.scan = Some(scan);
        }
        Ok(())
    }

    /// Journals the receipts, and removes the files with the ids.
    fn end(&self, works: Vec<Work>) -> Result<Vec<RegulationResult>, EngineError> {
        let mut receipts = Vec::with_capacity(works.len());
        for Work { pending, mut receipt } in works {
            receipt.finished_at = self.now();
            if pending.type_.deletes() {
                receipt.left.extend(describe_left(receipt.finished_at));
            }
            receipt.contribution = self.find_contribution(&receipt);
            receipt.status = final_status(&receipt);
            receipts.push(receipt);
        }
        let step = |receipt: &Receipt| {
            let json = serde_json::to_string(receipt).expect("plain fields are JSON");
            assert!(json.len() <= RECEIPT_BYTES_MAX, "the lists of a receipt are bounded");
            RegulationCommand::End { id: receipt.id, status: receipt.status, receipt: json }
        };
        self.regulate(receipts.iter().map(step))?;
        for receipt in &receipts {
            pending::remove(&self.pending_folder(), receipt.id)?;
        }
        Ok(receipts.into_iter().map(|receipt| (receipt.id, Ok(receipt))).collect())
    }

    /// Finds all ids of everybody, and keeps them: they cannot be found once the profiles are gone.
    pub(super) fn expand_all(&self, pending: &mut Pending) -> Result<(), EngineError> {
        if pending.is_expanded {
            return Ok(());
        }
        pending.people = self.expand_people(std::mem::take(&mut pending.people))?;
        pending.n_people = pending.people.len() as u32;
        pending.is_expanded = true;
        Ok(pending.write(&self.pending_folder())?)
    }
}

fn new_receipt(pending: &Pending, now: domain::Timestamp) -> Receipt {
    let Pending { id, type_, n_people, requested_at, .. } = *pending;
    Receipt {
        ids: pending.ids().count() as u64,
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
