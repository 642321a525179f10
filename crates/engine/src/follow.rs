//! The fold follows the journal: it applies all entries to the state, those of other processes too.
//!
//! Entries that this process appended are kept in memory until they are applied, and are not read
//! again. Entries of others are read from the journal, decoded and applied in between, in the order
//! of offsets.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use journal::Offset;
use mapping::Mappings;
use state::PreparedEntry;
use store::StoreError;

use crate::decisions::{decide_late, is_decided_on_state};
use crate::error::{describe_error, store_error};
use crate::inbox::{Inbox, Work};
use crate::message_rates::{CountedEntry, MinuteCounts};
use crate::run_delay::RunDelayMeter;
use crate::shared::{Health, Shared};
use crate::source_rates::SourceCounts;
use crate::submission::DurableBatch;
use crate::{EngineError, Entry, Outcome, SnapshotError, SubmitError, state_snapshot};

/// The most entries that are read from the journal and applied at once, and their most bytes.
const REPLAY_BATCH_ENTRIES: usize = 4_096;
const REPLAY_BATCH_BYTES: usize = 8 * 1_024 * 1_024;
/// The number of changes (messages, commands, lists, interactions) after which the fold releases
/// the views, so that queries get a turn.
const CHANGES_PER_LOCK: usize = 128;

/// Applies entries as the journal gets them, until the inbox is closed or an error occurs.
pub(crate) fn follow(shared: &Shared, store_folder: &Path, inbox: &Inbox) {
    // The end of the last work. Offsets after the last entry may belong to no entry.
    let mut position = shared.live.snapshot().applied;
    let mut meter = RunDelayMeter::new();
    while let Some(work) = inbox.next(position) {
        let started = Instant::now();
        let read = |until| replay(shared, store_folder, until, &|_, _| Ok(()));
        let folded = match work {
            Work::Others { until } => {
                read(until).map(|()| position = until).map_err(|error| (error, vec![]))
            }
            Work::Own(DurableBatch { first_offset, submissions }) => {
                let (mut entries, mut replies) =
                    (Vec::new(), Vec::with_capacity(submissions.len()));
                for submission in submissions {
                    replies.push((submission.entries.len(), submission.reply));
                    entries.extend(submission.entries);
                }
                let kinds: Vec<_> =
                    entries.iter().map(|entry| CountedEntry::of(entry.entry())).collect();
                let mut sources = SourceCounts::default();
                entries.iter().for_each(|entry| sources.add(entry.entry()));
                let entries: Vec<_> = (first_offset..).zip(entries).collect();
                // When the journal reports an entry as durable, it has all earlier entries.
                let before = if position < first_offset { read(first_offset) } else { Ok(()) };
                position = first_offset + entries.len() as u64;
                let outcomes = before
                    .and_then(|()| apply_batch(shared, entries).map_err(store_error(store_folder)));
                match outcomes {
                    Ok(outcomes) => {
                        let mut counts = MinuteCounts::default();
                        for (kind, outcome) in kinds.into_iter().zip(&outcomes) {
                            counts.add(kind, outcome);
                        }
                        shared.rates.add(shared.clock.now(), counts);
                        shared.source_rates.add(shared.clock.now(), sources);
                        let mut outcomes = outcomes.into_iter();
                        for (n_entries, reply) in replies {
                            // The caller may no longer wait.
                            reply.send(Ok(outcomes.by_ref().take(n_entries).collect())).ok();
                        }
                        Ok(())
                    }
                    Err(error) => Err((error, replies)),
                }
            }
        };
        meter.measure(&shared.run_delay);
        metrics::histogram!("fold_batch_seconds").record(started.elapsed().as_secs_f64());
        if let Err((error, replies)) = folded {
            let why = describe_error(&error);
            shared.set_health(Health::Broken(format!("the fold has stopped: {why}")));
            for (_, reply) in replies {
                reply.send(Err(SubmitError::Fold(why.clone()))).ok();
            }
            return;
        }
    }
}

/// Applies the entries from the position of the store to the offset `end`. `progress` gets the
/// number of applied and of all offsets, including those without an entry; an error of it ends the
/// replay.
///
/// # Errors
/// Of the journal, the store or `progress`.
pub(crate) fn replay(
    shared: &Shared,
    folder: &Path,
    end: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let prepare = |_, entry, mappings: &Arc<Mappings>| PreparedEntry::new(entry, mappings);
    replay_prepared(shared, folder, end, &prepare, progress)
}

/// As [`replay`], with entries prepared by the caller: by their offset and the mappings that are
/// probably in force there.
pub(crate) fn replay_prepared(
    shared: &Shared,
    folder: &Path,
    end: u64,
    prepare: &dyn Fn(u64, Entry, &Arc<Mappings>) -> PreparedEntry,
    progress: &dyn Fn(u64, u64) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let to_error = store_error(folder);
    let start = shared.live.store().position().map_err(&to_error)?;
    let (mut entries, mut n_bytes) = (Vec::new(), 0);
    let mut expected = start;
    let apply_pending = |entries: &mut Vec<(u64, PreparedEntry)>| {
        apply_batch(shared, std::mem::take(entries)).map(drop).map_err(&to_error)
    };
    for record in shared.journal.read_from(Offset(start)) {
        let (Offset(offset), bytes) = record?;
        // Where a journal skips offsets, there is nothing between them. Where it was cut, there
        // was.
        if offset > expected && shared.journal.start().0 > expected {
            let start = shared.journal.start().0;
            let folder = folder.with_file_name(state_snapshot::FOLDER);
            return Err(SnapshotError::NoBase { folder, start, until: u64::MAX }.into());
        }
        expected = offset + 1;
        if offset >= end {
            break;
        }
        n_bytes += bytes.len();
        let entry =
            Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
        let is_undecided =
            bytes.first().is_some_and(|version| *version <= Entry::UNDECIDED_VERSION_MAX);
        let mut prepared = prepare(offset, entry, &shared.mappings.load());
        if is_undecided && is_decided_on_state(prepared.entry()) {
            apply_pending(&mut entries)?;
            let views = shared.live.snapshot();
            let late = decide_late(&views, prepared.entry());
            drop(views);
            prepared = prepared.with_late_decision(late);
        }
        entries.push((offset, prepared));
        if entries.len() == REPLAY_BATCH_ENTRIES || n_bytes >= REPLAY_BATCH_BYTES {
            n_bytes = 0;
            apply_pending(&mut entries)?;
            progress(offset + 1 - start, end - start)?;
        }
    }
    if start < end {
        if shared.journal.start().0 > expected && expected < end {
            let start = shared.journal.start().0;
            let folder = folder.with_file_name(state_snapshot::FOLDER);
            return Err(SnapshotError::NoBase { folder, start, until: u64::MAX }.into());
        }
        apply_pending(&mut entries)?;
        progress(end - start, end - start)?;
    }
    Ok(())
}

/// Applies entries, each with its offset, and commits all their changes in one step.
pub(crate) fn apply_batch(
    shared: &Shared,
    entries: Vec<(u64, PreparedEntry)>,
) -> Result<Vec<Outcome>, StoreError> {
    let Some((last, _)) = entries.last() else { return Ok(Vec::new()) };
    let position = last + 1;
    let mut batch = shared.live.store().batch();
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut unusual = Vec::new();
    let mut entries = entries.into_iter().peekable();
    while entries.peek().is_some() {
        let mut views = shared.live.write();
        let mut n_changes = 0;
        while n_changes < CHANGES_PER_LOCK
            && let Some((offset, entry)) = entries.next()
        {
            n_changes += entry.n_changes();
            if entry.is_reset() {
                // Everything before is committed, so that after a crash the reset is the next
                // entry.
                views.flush(&mut batch);
                batch.commit(offset)?;
                views.reset(shared.live.store())?;
                batch = shared.live.store().batch();
            }
            let outcome = state::apply(&mut views, &mut batch, offset, entry)?;
            if outcome != Outcome::Applied {
                unusual.push((offset, outcome.clone()));
            }
            outcomes.push(outcome);
        }
        if !Arc::ptr_eq(&shared.config.load(), &views.setup.config) {
            shared.config.store(Arc::clone(&views.setup.config));
            shared.mappings.store(Arc::clone(&views.setup.mappings));
        }
        if !Arc::ptr_eq(&shared.suppressed.load(), &views.regulations.suppressed) {
            shared.suppressed.store(Arc::clone(&views.regulations.suppressed));
        }
    }
    let mut views = shared.live.write();
    views.flush(&mut batch);
    let touched = views.last_sent.take_touched();
    let changed = views.in_app.take_changed();
    drop(views);
    batch.commit(position)?;
    shared.due.add(touched);
    shared.in_app.tell(&changed);
    shared.outcomes.record(position, unusual);
    Ok(outcomes)
}
