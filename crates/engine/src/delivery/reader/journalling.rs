//! How a reader journals how far it came, while it goes on.

use std::time::{Duration, Instant};

use activation::Progress;
use state::{DeliveryProgress, PreparedEntry};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::super::handing::{Settled, entries_after};
use super::{Reader, Work};
use crate::{Entry, Outcome, SubmitError};

/// How often progress is journalled. With the time that this takes, a crash repeats less than a
/// second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(300);

/// Progress on its way to the journal, with what became of messages of campaigns: both together, so
/// that what is done is known to be, and the other way round.
pub(super) struct Journalling {
    receiver: oneshot::Receiver<Result<Vec<Outcome>, SubmitError>>,
    /// None until the journal has answered.
    result: Option<Result<(), SubmitError>>,
    progress: Option<Progress>,
    settled: Vec<Settled>,
}

impl Work {
    /// The journal has answered.
    fn note_journalled(
        &mut self,
        result: Result<(), SubmitError>,
        progress: Option<Progress>,
        settled: Vec<Settled>,
    ) -> Result<(), String> {
        match result {
            Ok(()) if progress.is_some() => self.dispatcher.confirm_progress(),
            Ok(()) => {}
            Err(error) => {
                if let Some(progress) = progress {
                    self.dispatcher.progress_failed(progress);
                }
                self.hand_overs.put_back(settled);
                return Err(error.to_string());
            }
        }
        Ok(())
    }
}

impl Reader {
    /// What became of messages of campaigns is journalled as soon as what was before is.
    pub(super) fn journal_progress(&mut self) -> Result<(), String> {
        let is_due = |work: &Work| {
            work.hand_overs.has_settled() || work.progress_at.elapsed() >= PROGRESS_INTERVAL
        };
        match &self.work {
            Some(work) if work.journalling.is_none() && is_due(work) => self.put_progress(),
            _ => Ok(()),
        }
    }

    pub(super) fn put_progress(&mut self) -> Result<(), String> {
        let at = self.now();
        let Some(work) = &mut self.work else { return Ok(()) };
        work.progress_at = Instant::now();
        let progress = work.dispatcher.take_progress();
        let settled = work.hand_overs.take_settled();
        let entry = progress.clone().map(|progress| {
            Entry::Delivered(Box::new(DeliveryProgress {
                at,
                destination: self.name.clone(),
                added_at: self.added_at,
                progress,
            }))
        });
        let after = entries_after(at, &self.name, self.added_at, &settled);
        let entries = entry.into_iter().chain(self.means.without_suppressed(after));
        let mappings = self.means.shared.mappings.load();
        let prepared: Vec<PreparedEntry> =
            entries.map(|entry| PreparedEntry::new(entry, &mappings)).collect();
        if prepared.is_empty() {
            return Ok(());
        }
        match self.means.writer.submit(&self.means.shared, prepared) {
            Ok(receiver) => {
                work.journalling = Some(Journalling { receiver, result: None, progress, settled });
                Ok(())
            }
            Err(error) => work.note_journalled(Err(error), progress, settled),
        }
    }

    /// Takes the answer of the journal, if it is there.
    pub(super) fn take_journalled(&mut self) -> Result<(), String> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let Some(journalling) = &mut work.journalling else { return Ok(()) };
        if journalling.result.is_none() {
            journalling.result = match journalling.receiver.try_recv() {
                Ok(result) => Some(result.map(drop)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Closed) => Some(Err(SubmitError::Stopping)),
            };
        }
        match work.journalling.take_if(|journalling| journalling.result.is_some()) {
            Some(Journalling { result: Some(result), progress, settled, .. }) => {
                work.note_journalled(result, progress, settled)
            }
            _ => Ok(()),
        }
    }

    /// Waits for the answer of the journal.
    pub(super) fn await_journalled(&mut self) -> Result<(), String> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let Some(journalling) = work.journalling.take() else { return Ok(()) };
        let Journalling { receiver, result, progress, settled } = journalling;
        let result = result.unwrap_or_else(|| {
            receiver.blocking_recv().unwrap_or(Err(SubmitError::Stopping)).map(drop)
        });
        work.note_journalled(result, progress, settled)
    }
}

/// Waits until the journal has answered; for ever where it is not asked.
pub(super) async fn journalled(journalling: &mut Option<Journalling>) {
    match journalling {
        Some(Journalling { receiver, result: result @ None, .. }) => {
            let answer = receiver.await.unwrap_or(Err(SubmitError::Stopping));
            *result = Some(answer.map(drop));
        }
        Some(_) => {}
        None => std::future::pending().await,
    }
}
