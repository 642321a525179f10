//! What can be asked of a workspace.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    InteractionKind, Message, PropertyValue, Rejection, RejectionReason, Timestamp, UserIdx, WorkspaceConfig,
};
use journal::Offset;
use profiles::{ExternalId, Identifier, Profile, StoredTrait, TimelineEntry, TimelineQuery};
use store::StoreError;

use crate::{Counts, Engine, EngineError, EntityKind, Entry, UntakenEvent, listing};

/// How many rows are looked at between two turns of the fold.
const ROWS_PER_STEP: usize = 1_000;

/// One interaction of a user, by external ids.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryItem {
    /// The item.
    pub item_id: String,
    /// What was done.
    pub kind: InteractionKind,
    /// When, to the second.
    pub at: Timestamp,
}

/// A message of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the timeline.
    pub entry: TimelineEntry,
    /// The message.
    pub message: Message,
}

/// What a profile says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// Its own record.
    pub profile: Profile,
    /// Its latest message by timestamp; none where it came from an import.
    pub last_message: Option<Message>,
}

/// Rejections with their counts by source and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionReport {
    /// Of all time.
    pub counts: BTreeMap<(String, RejectionReason), u64>,
    /// Newest first.
    pub latest: Vec<Rejection>,
}

impl Engine {
    /// The configuration as it is now.
    pub fn config(&self) -> Arc<WorkspaceConfig> {
        self.shared.config.load_full()
    }

    /// The user of an external id.
    pub fn user(&self, id: ExternalId<'_>) -> Option<UserIdx> {
        self.shared.views.read().profiles.ids().user_of(id)
    }

    /// The user of a text: a user id before an anonymous id.
    pub fn user_of_text(&self, id: &str) -> Option<UserIdx> {
        self.shared.views.read().profiles.ids().user_of_text(id)
    }

    /// A user's latest interactions, newest first.
    pub fn history(&self, user: UserIdx, limit: usize) -> Vec<HistoryItem> {
        let views = self.shared.views.read();
        let row = views.interactions.histories().row(user);
        let named = row.iter().rev().take(limit).map(|entry| HistoryItem {
            item_id: views.catalog.item_id(entry.item).to_owned(),
            kind: entry.kind,
            at: Timestamp(i64::from(entry.at_s) * 1_000),
        });
        named.collect()
    }

    /// An item's properties; none for an item that nobody knows.
    pub fn item_properties(&self, item_id: &str) -> Option<BTreeMap<String, PropertyValue>> {
        let views = self.shared.views.read();
        let values = views.catalog.table().values(views.catalog.item(item_id)?.0);
        Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// About how many bytes the values of items or users take as JSON, all of them or those of some properties. Ids that nobody has take
    /// nothing.
    pub fn values_bytes(&self, kind: EntityKind, ids: &[String], included: Option<&[String]>) -> u64 {
        /// Quotes, colon and comma, or a number.
        const FIXED_BYTES: usize = 8;
        let mut bytes = 0;
        for ids in ids.chunks(ROWS_PER_STEP) {
            let views = self.shared.views.read();
            let table = listing::table(&views, kind);
            let is_included =
                |name: &&str| included.is_none_or(|names| names.iter().any(|known| known == name));
            let names: Vec<&str> =
                table.properties().map(|property| property.name.as_str()).filter(is_included).collect();
            for row in ids.iter().filter_map(|id| listing::row_of(&views, kind, id)) {
                let values = names.iter().map(|name| FIXED_BYTES + name.len() + table.text_bytes(row, name));
                bytes += values.sum::<usize>() as u64;
            }
        }
        bytes
    }

    /// The traits that sources set on a profile, in the order of their keys.
    pub fn stored_traits(&self, user: UserIdx) -> Result<Vec<(String, StoredTrait)>, EngineError> {
        let views = self.shared.views.read();
        views.profiles.traits(&self.shared.store, user).map_err(|source| self.of_store(source))
    }

    /// The external ids of a profile.
    pub fn identifiers(&self, user: UserIdx) -> Result<Vec<Identifier>, EngineError> {
        let views = self.shared.views.read();
        views.profiles.identifiers(&self.shared.store, user).map_err(|source| self.of_store(source))
    }

    /// A page of a profile's events, and whether there are more.
    pub fn events(&self, user: UserIdx, query: &TimelineQuery) -> Result<(Vec<Event>, bool), EngineError> {
        let page = {
            let views = self.shared.views.read();
            views
                .profiles
                .timeline(&self.shared.store, user, query)
                .map_err(|source| self.of_store(source))?
        };
        let events =
            page.entries.into_iter().map(|entry| Ok(Event { entry, message: self.message(entry.offset)? }));
        Ok((events.collect::<Result<_, EngineError>>()?, page.has_more))
    }

    /// What a profile says of itself; none for a user index that stands for nobody.
    pub fn metadata(&self, user: UserIdx) -> Result<Option<Metadata>, EngineError> {
        let (profile, last) = {
            let views = self.shared.views.read();
            let profile =
                views.profiles.profile(&self.shared.store, user).map_err(|source| self.of_store(source))?;
            let last = views
                .profiles
                .last_message(&self.shared.store, user)
                .map_err(|source| self.of_store(source))?;
            (profile, last)
        };
        let Some(profile) = profile else { return Ok(None) };
        let last_message = last.map(|entry| self.message(entry.offset)).transpose()?;
        Ok(Some(Metadata { profile, last_message }))
    }

    /// Rejections with their counts, the latest `limit` of them in full.
    pub fn rejections(&self, limit: usize) -> RejectionReport {
        let views = self.shared.views.read();
        RejectionReport {
            counts: views.rejections.counts().clone(),
            latest: views.rejections.latest().take(limit).cloned().collect(),
        }
    }

    /// Events that no preset takes, the most frequent first, of all time.
    pub fn untaken_events(&self) -> Vec<UntakenEvent> {
        self.shared.views.read().untaken.all()
    }

    /// How much of everything there is.
    pub fn counts(&self) -> Counts {
        let views = self.shared.views.read();
        Counts {
            journal_entries: self.shared.journal.end().0,
            queued_bytes: self.shared.queued_bytes() as u64,
            ..views.counts()
        }
    }

    /// The message at an offset of the journal.
    fn message(&self, offset: u64) -> Result<Message, EngineError> {
        let bytes = self.shared.journal.get(Offset(offset))?.unwrap_or_default();
        match Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })? {
            Entry::Message(message) => Ok(*message),
            _ => Err(self.of_store(StoreError::Unreadable { what: "timeline" })),
        }
    }

    pub(crate) fn of_store(&self, source: StoreError) -> EngineError {
        EngineError::Store { folder: std::path::PathBuf::from("store"), source }
    }
}
