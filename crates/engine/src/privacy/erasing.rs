//! Deleting people from the state, from the files of the store, and from the journal.
//!
//! The order matters. The state is deleted by an entry of the journal that names the ids; the store
//! is made durable, and a snapshot takes the place of those before, before that entry loses the
//! ids: from then on no fold of the journal comes to the old state.

use std::ops::ControlFlow;

use state::{
    Entry, IDS_PER_REGULATION_ENTRY_MAX, NamedPeople, RegulationCommand, Remaining, without_erased,
};

use super::pending::Pending;
use super::receipt::{ErasedJournal, Receipt};
use super::running::{RegulationError, RegulationStep, Surroundings};
use crate::error::store_error;
use crate::{DeadLetterError, Engine, EngineError};

/// About the most bytes of ids of one entry.
const ID_BYTES_PER_ENTRY: usize = 1_024 * 1_024;
/// How many dead letters are looked at in one step.
const DEAD_LETTERS_PER_STEP: usize = 200;

impl Engine {
    /// Removes people from everything but this process' memory of the regulation.
    pub(super) fn erase(
        &self,
        pending: &mut Pending,
        people: &NamedPeople,
        receipt: &mut Receipt,
        around: &Surroundings<'_>,
    ) -> Result<(), RegulationError> {
        // What is under way to destinations ends first; they go on in the erased journal.
        let _paused = self.delivery.as_ref().map(|delivery| delivery.pause());
        (around.note)(RegulationStep::Deleting);
        self.delete_from_state(pending, people)?;
        receipt.state = pending.deleted.unwrap_or_default();
        around.check()?;
        (around.note)(RegulationStep::PurgingStore);
        let store_folder = self.folder().join("store");
        let purged = self.shared.live.store().purge().map_err(store_error(&store_folder))?;
        receipt.store_files = purged.files;
        around.check()?;
        receipt.snapshot = Some(self.take_snapshot(false, &|_| Ok(()))?.position);
        receipt.files = (around.remove_files)()?;
        receipt.journal = self.erase_from_journal(people, around)?;
        Ok(())
    }

    fn delete_from_state(
        &self,
        pending: &mut Pending,
        people: &NamedPeople,
    ) -> Result<(), RegulationError> {
        // Lists that they were shown must not follow the deletion in the journal.
        if let Some(journalled) = self.recorder.journal_all() {
            journalled.blocking_recv().ok();
        }
        if pending.deleted.is_none() {
            let mut deleted = self.count_people(&pending.people)?;
            deleted.dead_letters = self.drop_retried_letters(people)?;
            pending.deleted = Some(deleted);
            pending.write(&self.pending_folder())?;
        }
        let chunks = chunk_ids(&pending.user_ids(), &pending.anonymous_ids());
        for (user_ids, anonymous_ids) in chunks {
            let id = pending.id;
            self.regulate(RegulationCommand::Delete { id, user_ids, anonymous_ids })?;
        }
        if pending.deleted_at.is_none() {
            pending.deleted_at = Some(self.shared.journal.end().0);
            pending.write(&self.pending_folder())?;
        }
        self.serving.clear();
        Ok(())
    }

    /// Drops dead letters of theirs that were sent anew: the fold knows such a letter by the entry
    /// that asked for that, which does not name the message.
    fn drop_retried_letters(&self, people: &NamedPeople) -> Result<u64, RegulationError> {
        let names: Vec<String> =
            self.snapshot().destinations.iter().map(|(name, _)| name.to_owned()).collect();
        let mut n_dropped = 0;
        for name in names {
            let mut after: Option<(bool, u64, String)> = None;
            loop {
                let from = after.as_ref().map(|(sent, at, of)| (*sent, *at, of.as_str()));
                let letters = self.dead_letters(&name, from, DEAD_LETTERS_PER_STEP)?;
                let Some(last) = letters.last() else { break };
                after = Some((last.attempts > 0, last.offset, last.mapping.clone()));
                let mut theirs = Vec::new();
                for letter in &letters {
                    if self.is_letter_of(&name, letter.offset, people)? {
                        theirs.push((letter.offset, letter.mapping.clone()));
                    }
                }
                n_dropped += theirs.len() as u64;
                match self.drop_dead_letters(&name, &theirs) {
                    // Somebody has dropped it meanwhile.
                    Ok(()) | Err(DeadLetterError::Refused(_) | DeadLetterError::NoMessage(_)) => {}
                    Err(DeadLetterError::Engine(error)) => return Err(error.into()),
                    Err(DeadLetterError::Submit(error)) => return Err(error.into()),
                }
            }
        }
        Ok(n_dropped)
    }

    fn is_letter_of(
        &self,
        destination: &str,
        offset: u64,
        people: &NamedPeople,
    ) -> Result<bool, EngineError> {
        let message = self.message_of(destination, offset)?;
        Ok(message.is_some_and(|message| {
            without_erased(Entry::Message(message), people) == Remaining::Nothing
        }))
    }

    fn erase_from_journal(
        &self,
        people: &NamedPeople,
        around: &Surroundings<'_>,
    ) -> Result<ErasedJournal, RegulationError> {
        let mut read_bytes = 0;
        let rewritten = self.shared.journal.rewrite(
            &mut |_, record| Ok(replace_record(record, people)?),
            &mut |bytes, total| {
                read_bytes += bytes;
                let share = read_bytes as f64 / total.max(1) as f64;
                (around.note)(RegulationStep::ErasingJournal(share));
                match (around.is_interrupted)() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            },
        );
        let rewritten = match rewritten {
            Err(journal::RewriteError::Ended) => return Err(RegulationError::Interrupted),
            rewritten => rewritten?,
        };
        Ok(ErasedJournal {
            entries: rewritten.records,
            erased: rewritten.replaced,
            segments: rewritten.segments,
            read_bytes: rewritten.read_bytes,
            written_bytes: rewritten.written_bytes,
            torn_files: rewritten.torn_files,
        })
    }
}

/// What takes the place of a record; none if it stays.
fn replace_record(
    record: &[u8],
    people: &NamedPeople,
) -> Result<Option<Vec<u8>>, state::DecodeError> {
    if !people.may_be_in(record) {
        return Ok(None);
    }
    let entry = Entry::decode(record)?;
    let at = entry.time();
    Ok(match without_erased(entry, people) {
        Remaining::Whole(_) => None,
        Remaining::Part(entry) => Some(entry.encode()),
        Remaining::Nothing => Some(Entry::Erased { at }.encode()),
    })
}

/// Ids in parts that fit an entry each.
fn chunk_ids(user_ids: &[String], anonymous_ids: &[String]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut chunks = vec![(Vec::new(), Vec::new())];
    let (mut n_ids, mut n_bytes) = (0, 0);
    let users = user_ids.iter().map(|id| (true, id));
    for (is_user, id) in users.chain(anonymous_ids.iter().map(|id| (false, id))) {
        if n_ids == IDS_PER_REGULATION_ENTRY_MAX || n_bytes + id.len() > ID_BYTES_PER_ENTRY {
            chunks.push((Vec::new(), Vec::new()));
            (n_ids, n_bytes) = (0, 0);
        }
        n_ids += 1;
        n_bytes += id.len();
        if let Some((users, devices)) = chunks.last_mut() {
            if is_user { users.push(id.clone()) } else { devices.push(id.clone()) }
        }
    }
    chunks
}
