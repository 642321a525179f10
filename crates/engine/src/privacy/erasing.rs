//! Deleting people from the state, from the files of the store, and from the journal.
//!
//! The order matters. The state is deleted by an entry of the journal that names the ids; the store
//! is made durable, and a snapshot takes the place of those before, before that entry loses the
//! ids: from then on no fold of the journal comes to the old state.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use domain::Message;
use profiles::ExternalIdType;
use state::{
    Entry, IDS_PER_REGULATION_ENTRY_MAX, NamedPeople, RegulationCommand, Remaining, TooManyIds,
    without_erased,
};

use super::passes::Work;
use super::pending::Person;
use super::receipt::{DeletedState, ErasedJournal};
use super::running::{RegulationError, RegulationStep, Surroundings};
use crate::error::store_error;
use crate::{DeadLetterError, Engine};

/// About the most bytes of ids of one entry.
const ID_BYTES_PER_ENTRY: usize = 1_024 * 1_024;
/// How many dead letters are looked at in one step.
const DEAD_LETTERS_PER_STEP: usize = 200;

impl Engine {
    /// Removes the people of all these deletions from everything but this process' memory of the
    /// regulations.
    pub(super) fn erase(
        &self,
        works: &mut [&mut Work],
        people: &NamedPeople,
        around: &Surroundings<'_>,
    ) -> Result<(), RegulationError> {
        // No past or value of theirs may follow the deletion in the journal.
        let _unread = self.history_reading.pause();
        let _unsent = self.syncing.as_ref().map(|syncing| syncing.pause());
        // What is under way to destinations ends first; they go on in the erased journal.
        let _paused = self.delivery.as_ref().map(|delivery| delivery.pause());
        (around.note)(RegulationStep::Deleting);
        let erased_until = self.delete_from_state(works, people)?;
        around.check()?;
        let recounted = match works.first() {
            Some(work) => self.recount_naming(work.pending.id, people, around)?,
            None => 0,
        };
        (around.note)(RegulationStep::PurgingStore);
        let store_folder = self.folder().join("store");
        let purged = self.shared.live.store().purge().map_err(store_error(&store_folder))?;
        around.check()?;
        let snapshot = self.take_snapshot(false, &|_| Ok(()))?.position;
        let files = (around.remove_files)()?;
        let journal = self.erase_from_journal(people, erased_until, around)?;
        let n_works = works.len() as u32;
        for Work { pending, receipt } in works.iter_mut().map(|work| &mut **work) {
            receipt.regulations = n_works;
            receipt.state = pending.deleted.unwrap_or_default();
            receipt.store_files = purged.files;
            receipt.recounted = recounted;
            (receipt.erased_until, receipt.snapshot) = (Some(erased_until), Some(snapshot));
            (receipt.files, receipt.journal) = (files, journal);
        }
        Ok(())
    }

    /// Returns the offset behind the deletion: what the journal has from there on has arrived
    /// since.
    fn delete_from_state(
        &self,
        works: &mut [&mut Work],
        people: &NamedPeople,
    ) -> Result<u64, RegulationError> {
        let n_letters = self.drop_retried_letters(works, people)?;
        // Whom two regulations name is removed for the first.
        let mut counted = BTreeSet::new();
        for (work, dead_letters) in works.iter_mut().zip(n_letters) {
            let pending = &mut work.pending;
            let deleted = self.count_people(&pending.people, &mut counted)?;
            work.receipt.resumed = pending.deleted.is_some();
            if !work.receipt.resumed {
                pending.deleted = Some(DeletedState { dead_letters, ..deleted });
                pending.write(&self.pending_folder())?;
            }
        }
        let deletions = works.iter().flat_map(|work| {
            let (pending, id) = (&work.pending, work.pending.id);
            chunk_ids(pending.ids()).into_iter().map(move |part| RegulationCommand::Delete {
                id,
                user_ids: part.user_ids,
                anonymous_ids: part.anonymous_ids,
                other_ids: part.other_ids,
            })
        });
        // Lists that they were shown must not follow the deletion in the journal.
        if let Some(journalled) = self.recorder.journal_all() {
            journalled.blocking_recv().ok();
        }
        self.regulate(deletions)?;
        self.serving.clear();
        Ok(self.snapshot().regulations.erased_until())
    }

    /// Drops dead letters of theirs that were sent anew: the fold knows such a letter by the entry
    /// that asked for that, which does not name the message. Returns how many there were of each
    /// regulation.
    fn drop_retried_letters(
        &self,
        works: &[&mut Work],
        people: &NamedPeople,
    ) -> Result<Vec<u64>, RegulationError> {
        let of_each: Result<Vec<NamedPeople>, TooManyIds> =
            works.iter().map(|work| self.name_people([&**work].into_iter())).collect();
        let (of_each, mut n_dropped) = (of_each?, vec![0; works.len()]);
        let names: Vec<String> =
            self.snapshot().destinations.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let mut after: Option<(bool, u64, String)> = None;
            loop {
                let from = after.as_ref().map(|(sent, at, of)| (*sent, *at, of.as_str()));
                let letters = self.dead_letters(&name, from, DEAD_LETTERS_PER_STEP)?;
                let Some(last) = letters.last() else { break };
                after = Some((last.attempts > 0, last.offset, last.mapping.clone()));
                let mut theirs = Vec::new();
                for letter in &letters {
                    let Some(message) = self.message_of(&name, letter.offset)? else { continue };
                    if is_of(&message, people) {
                        theirs.push((letter.offset, letter.mapping.clone()));
                        let whose = of_each.iter().position(|people| is_of(&message, people));
                        whose.into_iter().for_each(|at| n_dropped[at] += 1);
                    }
                }
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

    fn erase_from_journal(
        &self,
        people: &NamedPeople,
        erased_until: u64,
        around: &Surroundings<'_>,
    ) -> Result<ErasedJournal, RegulationError> {
        let mut read_bytes = 0;
        let rewritten = self.shared.journal.rewrite(
            // The state has what has arrived since: the journal keeps it.
            &mut |offset, record| match offset.0 < erased_until {
                true => Ok(replace_record(record, people)?),
                false => Ok(None),
            },
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

/// Whether a message goes with these people as a whole.
fn is_of(message: &Message, people: &NamedPeople) -> bool {
    let entry = Entry::Message(Box::new(message.clone()));
    without_erased(entry, people) == Remaining::Nothing
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
fn chunk_ids(ids: impl Iterator<Item = (ExternalIdType, String)>) -> Vec<Person> {
    let mut chunks = vec![Person::default()];
    let (mut n_ids, mut n_bytes) = (0, 0);
    for (type_, id) in ids {
        if n_ids == IDS_PER_REGULATION_ENTRY_MAX || n_bytes + id.len() > ID_BYTES_PER_ENTRY {
            chunks.push(Person::default());
            (n_ids, n_bytes) = (0, 0);
        }
        n_ids += 1;
        n_bytes += id.len();
        if let Some(chunk) = chunks.last_mut() {
            chunk.add(type_, id);
        }
    }
    chunks
}
