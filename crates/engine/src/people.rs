//! People as the journal tells of them: who was active lately, and what merged profiles.

use domain::{MessageType, UserIdx};
use journal::Offset;
use profiles::{ExternalId, NamedEvents, PastMerge};
use state::{Command, Entry};

use crate::{Engine, EngineError};

/// How many entries of the journal are looked at in one step on the way back.
const ENTRIES_PER_STEP: u64 = 256;
/// How many steps are made at most.
const STEPS_MAX: u64 = 4;
/// Larger entries are imports: nobody was there. In bytes.
const ENTRY_BYTES_MAX: usize = 128 * 1_024;
/// How many of a person's latest messages are counted by their events.
const COUNTED_MESSAGES_MAX: usize = 1_000;

/// What merged a profile into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeCause {
    /// A message of a type: alias asks for it, others have ids of both profiles.
    Message(MessageType),
    /// A call of the recommender API.
    Command,
}

impl Engine {
    /// The people of whom the latest entries of the journal tell, the latest first, at most `limit`
    /// of them. Looks at a bounded part of the journal, however long it is.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn recent_people(&self, limit: usize) -> Result<Vec<UserIdx>, EngineError> {
        let mut people: Vec<UserIdx> = Vec::new();
        let mut until = self.shared.journal.end().0;
        for _ in 0..STEPS_MAX {
            let from = until.saturating_sub(ENTRIES_PER_STEP);
            for user in self.people_between(from, until)?.into_iter().rev() {
                if !people.contains(&user) {
                    people.push(user);
                }
            }
            until = from;
            if people.len() >= limit || until <= self.shared.journal.start().0 {
                break;
            }
        }
        people.truncate(limit);
        Ok(people)
    }

    /// The users of the messages and commands in a part of the journal, in its order.
    fn people_between(&self, from: u64, until: u64) -> Result<Vec<UserIdx>, EngineError> {
        let mut entries = Vec::new();
        for record in self.shared.journal.read_from(Offset(from)) {
            let (offset, bytes) = record?;
            if offset.0 >= until {
                break;
            }
            if bytes.len() <= ENTRY_BYTES_MAX {
                let decoded = Entry::decode(&bytes);
                entries.push(
                    decoded.map_err(|source| EngineError::Entry { offset: offset.0, source })?,
                );
            }
        }
        let snapshot = self.snapshot();
        let ids = snapshot.profiles.ids();
        let users = entries.iter().filter_map(|entry| match entry {
            Entry::Message(message) => {
                ids.user_by_message(message.user_id.as_deref(), message.anonymous_id.as_deref())
            }
            Entry::Command { command, .. } => match &**command {
                Command::AddInteraction { interaction, .. } => ids.user_by_id(&interaction.user_id),
                _ => None,
            },
            Entry::ListImpressions { lists } => {
                let user = lists.last()?.user.as_ref();
                let (type_, value) = user?;
                ids.user_by_external_id(ExternalId { type_: *type_, value })
            }
            _ => None,
        });
        Ok(users.collect())
    }

    /// The merges into a profile, oldest first, each with what caused it; no cause where the entry
    /// is of another kind than merges, or was cut from the journal.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn merges(
        &self,
        user: UserIdx,
    ) -> Result<Vec<(PastMerge, Option<MergeCause>)>, EngineError> {
        let merges = self.snapshot().merges(user)?;
        let with_cause = merges.into_iter().map(|merge| {
            let cause = match self.read_entry(merge.offset)? {
                Some(Entry::Message(message)) => Some(MergeCause::Message(message.type_)),
                Some(Entry::Command { .. }) => Some(MergeCause::Command),
                _ => None,
            };
            Ok((merge, cause))
        });
        with_cause.collect()
    }

    /// Counts a person's events by their names, among the latest messages.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn count_events(&self, user: UserIdx) -> Result<NamedEvents, EngineError> {
        let snapshot = self.snapshot();
        let events = snapshot.profiles.count_events(snapshot.store(), user, COUNTED_MESSAGES_MAX);
        Ok(events?)
    }
}
