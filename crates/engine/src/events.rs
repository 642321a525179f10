//! Queries that need the journal in addition to a snapshot: bodies of messages, counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Message, UserIdx, WorkspaceConfig};
use profiles::{ExternalId, Profile, TimelineEntry, TimelinePage, TimelineQuery};
use serving::{ExpressionError, RequestBudget};
use state::{Counts, EntityKind, Entry};

use crate::timeline_message::{read_bytes, read_message};
use crate::{Engine, EngineError, MessageRates};

/// A message of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its entry in the timeline.
    pub entry: TimelineEntry,
    /// The message.
    pub message: Message,
}

/// The record of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// When the profile was created and changed.
    pub profile: Profile,
    /// Its latest message by timestamp; none where it came from an import or is cut from the
    /// journal.
    pub last_message: Option<Message>,
}

/// The most users of an account whose timelines are read together.
const ACCOUNT_MEMBERS_READ_MAX: usize = 1_000;

impl Engine {
    /// The user with an external id; none if it is unknown.
    pub fn user(&self, id: ExternalId<'_>) -> Option<UserIdx> {
        self.snapshot().profiles.ids().user_by_external_id(id)
    }

    /// Finds a user by a user id or, if there is none, an anonymous id.
    pub fn find_user(&self, id: &str) -> Option<UserIdx> {
        self.snapshot().profiles.ids().user_by_id(id)
    }

    /// The approximate size, in bytes, of the values of items or users as JSON, of all properties
    /// or of those `included`. Unknown ids count nothing.
    pub fn values_bytes(
        &self,
        kind: EntityKind,
        ids: &[String],
        included: Option<&[String]>,
    ) -> u64 {
        serving::values_bytes(&self.shared.live, kind, ids, included)
    }

    /// A page of the ids of available items or of known users: at most `count` after the first
    /// `offset`, of those that pass the filter. The fold can apply entries meanwhile.
    ///
    /// # Errors
    /// If the filter is invalid or takes too long.
    pub fn entity_page(
        &self,
        kind: EntityKind,
        filter: Option<&str>,
        offset: usize,
        count: usize,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<String>, ExpressionError> {
        serving::entity_page(&self.shared.live, kind, filter, offset, count, self.now(), budget)
    }

    /// The configuration in force. Takes no lock.
    pub fn config(&self) -> Arc<WorkspaceConfig> {
        self.shared.config.load_full()
    }

    /// A page of a profile's events, and whether there are more. Those that are cut from the
    /// journal are left out.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn events(
        &self,
        user: UserIdx,
        query: &TimelineQuery,
    ) -> Result<(Vec<Event>, bool), EngineError> {
        let from_offset = query.from_offset.max(self.shared.journal.start().0);
        let query = TimelineQuery { from_offset, ..query.clone() };
        let page = {
            let snapshot = self.snapshot();
            snapshot.profiles.timeline(snapshot.store(), user, &query)?
        };
        self.events_of(page)
    }

    /// A page of the events of all who belong to an account, and whether there are more. Of
    /// accounts with more than [`ACCOUNT_MEMBERS_READ_MAX`] users those of the first so many.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn account_events(
        &self,
        group_id: &str,
        query: &TimelineQuery,
    ) -> Result<(Vec<Event>, bool), EngineError> {
        let from_offset = query.from_offset.max(self.shared.journal.start().0);
        let query = TimelineQuery { from_offset, ..query.clone() };
        let mut page = TimelinePage { entries: Vec::new(), has_more: false };
        {
            let snapshot = self.snapshot();
            let store = snapshot.store();
            let members =
                snapshot.accounts.members(store, group_id, None, ACCOUNT_MEMBERS_READ_MAX)?;
            for user in members {
                let own = snapshot.profiles.timeline(store, user, &query)?;
                page.entries.extend(own.entries);
                page.has_more |= own.has_more;
                sort(&mut page.entries, query.ascending);
                page.has_more |= page.entries.len() > query.limit;
                page.entries.truncate(query.limit);
            }
        }
        self.events_of(page)
    }

    /// The messages of a page of a timeline.
    fn events_of(&self, page: TimelinePage) -> Result<(Vec<Event>, bool), EngineError> {
        let mut events = Vec::with_capacity(page.entries.len());
        for entry in page.entries {
            // It may be cut at this moment.
            let message = self.message(entry.offset)?;
            events.extend(message.map(|message| Event { entry, message }));
        }
        Ok((events, page.has_more))
    }

    /// The record of a profile; none for an unused user index.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn metadata(&self, user: UserIdx) -> Result<Option<Metadata>, EngineError> {
        let (profile, last) = {
            let snapshot = self.snapshot();
            let (profiles, store) = (&snapshot.profiles, snapshot.store());
            (profiles.profile(store, user)?, profiles.last_entry(store, user)?)
        };
        let Some(profile) = profile else { return Ok(None) };
        let last_message = last.map(|entry| self.message(entry.offset)).transpose()?.flatten();
        Ok(Some(Metadata { profile, last_message }))
    }

    /// The numbers of entries, users, items, interactions and more.
    pub fn counts(&self) -> Counts {
        Counts {
            journal_entries: self.shared.journal.end().0,
            queued_bytes: self.shared.queued_bytes() as u64,
            ..self.snapshot().counts()
        }
    }

    /// What became of the messages of the last hour that this process has journalled, by minute.
    pub fn message_rates(&self) -> MessageRates {
        self.shared.rates.read(self.now())
    }

    /// How many messages each source sent in the last hour, rejected ones included; sources without
    /// any are missing. Counted since the workspace was opened.
    pub fn messages_by_source(&self) -> BTreeMap<String, u64> {
        self.shared.source_rates.of_last_hour(self.now())
    }

    /// Reads the message at an offset of the journal; none where it is cut or erased.
    pub(crate) fn message(&self, offset: u64) -> Result<Option<Message>, EngineError> {
        read_message(&self.shared, offset)
    }

    /// Reads the entry at an offset of the journal; none where it is cut.
    pub(crate) fn read_entry(&self, offset: u64) -> Result<Option<Entry>, EngineError> {
        let decode = |bytes: Vec<u8>| Entry::decode(&bytes);
        let entry = read_bytes(&self.shared, offset)?.map(decode).transpose();
        entry.map_err(|source| EngineError::Entry { offset, source })
    }
}

fn sort(entries: &mut [TimelineEntry], ascending: bool) {
    entries.sort_by_key(|entry| (entry.timestamp, entry.offset));
    if !ascending {
        entries.reverse();
    }
}
