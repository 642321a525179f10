//! The state of a workspace that is held in memory: rebuilt from the store at start, changed by the fold alone.

use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{Catalog, PropertyTable};
use domain::{UserIdx, WorkspaceId};
use profiles::{Merge, Profiles};
use store::{Batch, Store, StoreError};

use crate::Counts;
use crate::attribution::Attribution;
use crate::impressions::Impressions;
use crate::interactions::Interactions;
use crate::message_ids::MessageIds;
use crate::part::StatePart;
use crate::rejections::Rejections;
use crate::segmentations::Segmentations;
use crate::series::{CollectionKind, Collections, Groups, Series};
use crate::setup::Setup;
use crate::synonyms::Synonyms;
use crate::timers::Timers;
use crate::unmatched_events::UnmatchedEvents;
use crate::weak_signals::WeakSignals;

/// Where what counts its changes begins to count: never where it did before, so that nothing made before a reset looks fresh after it.
pub(crate) fn first_revision() -> u64 {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    LOADS.fetch_add(1, Ordering::Relaxed) << 32
}

/// Makes the views of the list of their parts: whatever goes over all parts follows from it.
macro_rules! views {
    ($($(#[$doc:meta])* $part:ident: $type:ty,)*) => {
        /// The state of a workspace.
        pub struct Views {
            $($(#[$doc])* pub $part: $type,)*
            /// The offset up to which the journal has been applied, the batch under way included: one more than that of
            /// the last entry.
            pub applied: u64,
        }

        impl Views {
            /// The keyspaces of all parts, for opening the store.
            pub const KEYSPACES: &'static [&'static [&'static str]] =
                &[$(<$type as StatePart>::KEYSPACES,)*];

            fn load_parts(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError> {
                Ok(Self { $($part: StatePart::load(store, id)?,)* applied: store.position()? })
            }

            /// Moves whatever is the source's to the target.
            pub(crate) fn merge_users(
                &mut self,
                batch: &mut Batch<'_>,
                merge: Merge,
            ) -> Result<(), StoreError> {
                let now = self.setup.clock.time();
                $(StatePart::merge_users(&mut self.$part, batch, merge, now)?;)*
                Ok(())
            }

            /// Forgets whatever is a user's.
            pub(crate) fn delete_user(
                &mut self,
                batch: &mut Batch<'_>,
                user: UserIdx,
            ) -> Result<(), StoreError> {
                $(StatePart::delete_user(&mut self.$part, batch, user)?;)*
                Ok(())
            }

            /// Writes what must be written before a batch is committed.
            pub fn flush(&mut self, batch: &mut Batch<'_>) {
                $(StatePart::flush(&mut self.$part, batch);)*
            }

            /// How much of everything there is; what waits for the journal is not the state's to know.
            pub fn counts(&self) -> Counts {
                let mut counts = Counts::default();
                $(StatePart::count(&self.$part, &mut counts);)*
                counts
            }
        }
    };
}

views! {
    /// Configuration, training runs, the journal's clock.
    setup: Setup,
    /// Who there is, by which ids, with traits and timelines.
    profiles: Profiles,
    /// Items with their properties.
    catalog: Catalog,
    /// The users' properties.
    users: PropertyTable,
    /// Items that follow each other.
    series: Series,
    /// Items that belong together.
    groups: Groups,
    /// Ways to put items into segments.
    segmentations: Segmentations,
    /// Terms that also find each other.
    synonyms: Synonyms,
    /// What users did with items.
    interactions: Interactions,
    /// Clicks and list views.
    weak_signals: WeakSignals,
    /// Messages that were applied lately.
    message_ids: MessageIds,
    /// Messages that were not taken.
    rejections: Rejections,
    /// Events that no preset takes.
    untaken: UnmatchedEvents,
    /// What users were shown lately.
    impressions: Impressions,
    /// What is to be done at a time.
    timers: Timers,
    /// Recommendations that can be cited, and what became of them.
    attribution: Attribution,
}

impl Views {
    /// Rebuilds the views of the workspace `id`.
    ///
    /// # Errors
    /// Where the store cannot be read, or holds what this program did not write.
    pub fn load(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError> {
        if store.is_clearing()? {
            store.clear(&store.keyspace(crate::setup::KEYSPACE))?;
        }
        Self::load_parts(store, id)
    }

    /// Clears the store of everything but single values of the workspace, and the views with it; the entry
    /// that asks for it does the rest.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub fn reset(&mut self, store: &Store) -> Result<(), StoreError> {
        store.clear(&store.keyspace(crate::setup::KEYSPACE))?;
        let fresh = Self::load_parts(store, &self.setup.config.id)?;
        *self = Self { applied: self.applied, ..fresh };
        Ok(())
    }

    /// The series, or the groups.
    pub fn collections(&self, kind: CollectionKind) -> &Collections {
        match kind {
            CollectionKind::Series => &self.series.0,
            CollectionKind::Group => &self.groups.0,
        }
    }

    pub(crate) fn collections_mut(&mut self, kind: CollectionKind) -> &mut Collections {
        match kind {
            CollectionKind::Series => &mut self.series.0,
            CollectionKind::Group => &mut self.groups.0,
        }
    }
}
