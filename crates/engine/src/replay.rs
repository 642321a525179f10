//! Replays: messages of a span that a destination, or another workspace, gets once more. What
//! begins, comes further and ends is journalled, so that a replay goes on where it stopped.

use state::{Replay, ReplayCommand};
use uuid::Uuid;

use crate::{Command, Engine, Entry, Outcome, Refusal, Span, SubmitError};

/// The most entries that a destination has not read when further messages of a replay join them:
/// those that arrive now wait behind no more than these.
pub const REPLAY_AHEAD_MAX: u64 = 2_000;

/// Errors of replays.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It does not fit the state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal does not take it.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Engine {
    /// The replays, the one that was started last first.
    pub fn replays(&self) -> Vec<Replay> {
        self.snapshot().replays.list().into_iter().cloned().collect()
    }

    /// A replay.
    pub fn replay(&self, id: Uuid) -> Option<Replay> {
        self.snapshot().replays.get(id).cloned()
    }

    /// Journals that a replay of a span begins: to a destination, or without one to another
    /// workspace.
    ///
    /// # Errors
    /// If there is one of this id, or the journal does not take it.
    pub fn start_replay(
        &self,
        id: Uuid,
        destination: Option<String>,
        request: String,
        span: &Span,
    ) -> Result<(), ReplayError> {
        let (from, until) = (span.from, span.until);
        self.submit_replay(vec![ReplayCommand::Start { id, destination, request, from, until }])
    }

    /// Sends messages to a destination once more, by their offsets in rising order.
    ///
    /// # Errors
    /// If the destination is off or gone, or the replay has ended: the messages before the one
    /// that is refused are on their way then. If the journal does not take them.
    pub fn replay_messages(
        &self,
        id: Uuid,
        destination: &str,
        offsets: impl IntoIterator<Item = u64>,
    ) -> Result<(), ReplayError> {
        let message =
            |offset| ReplayCommand::Message { id, destination: destination.to_owned(), offset };
        self.submit_replay(offsets.into_iter().map(message).collect())
    }

    /// Journals how far a replay came: the offset of the first entry that it has not passed, and
    /// the messages that another workspace got since the last note.
    ///
    /// # Errors
    /// If there is no such replay under way, or the journal does not take it.
    pub fn note_replay(
        &self,
        id: Uuid,
        reached: u64,
        replayed: u64,
        is_done: bool,
    ) -> Result<(), ReplayError> {
        self.submit_replay(vec![ReplayCommand::Note { id, reached, replayed, is_done }])
    }

    /// How many messages of a replay may join those that a destination has not read.
    pub fn replay_room(&self, destination: &str) -> usize {
        let Some(status) = self.delivery_status(destination) else { return 0 };
        let n_unread = self.applied().saturating_sub(status.read_to);
        usize::try_from(REPLAY_AHEAD_MAX.saturating_sub(n_unread)).unwrap_or(usize::MAX)
    }

    fn submit_replay(&self, commands: Vec<ReplayCommand>) -> Result<(), ReplayError> {
        let received_at = self.now();
        let entry =
            |command| Entry::Command { received_at, command: Box::new(Command::Replay(command)) };
        let outcomes = self.submit_blocking(commands.into_iter().map(entry).collect())?;
        let refused = outcomes.into_iter().find_map(|outcome| match outcome {
            Outcome::Refused(refusal) => Some(refusal),
            _ => None,
        });
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }
}
