//! The views: the state of a workspace in memory. They are loaded from the store at the start and
//! changed by the fold only.

use catalog::{Catalog, Locations, NamedBy, OfferedItems, PropertyTable};
use domain::{Day, Interaction, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::{Accounts, Merge, Origin, Profiles};
use store::{Batch, Keyspace, Store, StoreError};

use crate::Counts;
use crate::account_traits::AccountTraits;
use crate::answers::Answers;
use crate::attribution::{Attribution, CountedInteraction, parse_recommendation_id};
use crate::audiences::Audiences;
use crate::back_fill::BackFills;
use crate::campaign_reports::CampaignReports;
use crate::campaigns::Campaigns;
use crate::collections::{CollectionKind, Collections, Groups, Series};
use crate::computed_traits::ComputedTraits;
use crate::config_versions::ConfigVersions;
use crate::configuration::Revisions;
use crate::destinations::Destinations;
use crate::holdouts::Holdouts;
use crate::impressions::Impressions;
use crate::in_app::InApp;
use crate::interactions::{AddOutcome, Interactions, interaction_time};
use crate::journeys::Journeys;
use crate::last_sent::LastSent;
use crate::message_ids::MessageIds;
use crate::part::StatePart;
use crate::regulations::{KEPT_BY_RESETS, Regulations};
use crate::rejections::Rejections;
use crate::replays::Replays;
use crate::segmentations::Segmentations;
use crate::setup::Setup;
use crate::source_schema::SourceSchemas;
use crate::subscriptions::Subscriptions;
use crate::synonyms::Synonyms;
use crate::timers::Timers;
use crate::unmatched_events::UnmatchedEvents;
use crate::unread_history::UnreadHistory;
use crate::violations::Violations;
use crate::weak_signals::WeakSignals;

/// Declares [`Views`] from the list of its parts, with the methods that visit every part.
macro_rules! views {
    ($($(#[$doc:meta])* $part:ident: $type:ty,)*) => {
        /// The state of a workspace.
        pub struct Views {
            $($(#[$doc])* pub $part: $type,)*
            /// The offset up to which the journal has been applied, including the batch under way:
            /// one more than the offset of the last entry.
            pub applied: u64,
        }

        impl Views {
            /// The keyspaces of all parts, for opening the store.
            pub const KEYSPACES: &'static [&'static [&'static str]] =
                &[$(<$type as StatePart>::KEYSPACES,)*];

            fn load_parts(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError> {
                Ok(Self { $($part: StatePart::load(store, id)?,)* applied: store.position()? })
            }

            /// Moves all rows of the source to the target.
            pub(crate) fn merge_users(
                &mut self,
                batch: &mut Batch<'_>,
                merge: Merge,
            ) -> Result<(), StoreError> {
                let now = self.setup.clock.time();
                let accounts = self.before_merge(batch, merge)?;
                $(StatePart::merge_users(&mut self.$part, batch, merge, now)?;)*
                self.complete_merged(batch, merge.target)?;
                match accounts {
                    Some(before) => self.merge_in_accounts(batch, merge.target, before),
                    None => Ok(()),
                }
            }

            /// Deletes all rows of a user.
            pub(crate) fn delete_user(
                &mut self,
                batch: &mut Batch<'_>,
                user: UserIdx,
            ) -> Result<(), StoreError> {
                let accounts = self.counted_accounts(batch, user)?;
                $(StatePart::delete_user(&mut self.$part, batch, user)?;)*
                accounts.iter().try_for_each(|group_id| self.count_account(batch, group_id))
            }

            /// Writes pending changes of all parts. To be called before a batch is committed.
            pub fn flush(&mut self, batch: &mut Batch<'_>) {
                $(StatePart::flush(&mut self.$part, batch);)*
            }

            /// Counts of all parts. Those of the journal and its queue are 0: the caller fills them
            /// in.
            pub fn counts(&self) -> Counts {
                let mut counts = Counts::default();
                $(StatePart::count(&self.$part, &mut counts);)*
                counts
            }
        }
    };
}

views! {
    /// The configuration, the training runs and the journal's clock.
    setup: Setup,
    /// Users with their external ids, traits and timelines.
    profiles: Profiles,
    /// Items and their properties.
    catalog: Catalog,
    /// The properties of users.
    users: PropertyTable,
    /// Ordered collections of items.
    series: Series,
    /// Unordered collections of items.
    groups: Groups,
    /// Divisions of the items into segments.
    segmentations: Segmentations,
    /// Synonyms for text search.
    synonyms: Synonyms,
    /// Interactions of users with items.
    interactions: Interactions,
    /// Weak signals of users: clicks and list views.
    weak_signals: WeakSignals,
    /// Ids of recently applied messages, to detect duplicates.
    message_ids: MessageIds,
    /// Counts of rejected messages, and the latest ones.
    rejections: Rejections,
    /// Counts of events that no preset matches.
    unmatched_events: UnmatchedEvents,
    /// Events and properties that each source has sent.
    source_schemas: SourceSchemas,
    /// Counts of violations of tracking plans.
    violations: Violations,
    /// Recent impressions of each user.
    impressions: Impressions,
    /// How far each destination came.
    destinations: Destinations,
    /// Scheduled effects.
    timers: Timers,
    /// Recommendations that can be cited, and their KPIs.
    attribution: Attribution,
    /// Replays, and how far each came.
    replays: Replays,
    /// Back-fills that messages are subject to.
    back_fills: BackFills,
    /// Regulations about people's data, and who is suppressed.
    regulations: Regulations,
    /// Audiences, and who belongs to them.
    audiences: Audiences,
    /// What group messages say of accounts, and who belongs to them.
    accounts: Accounts,
    /// Traits that are computed from people's events, and their values.
    computed_traits: ComputedTraits,
    /// What destinations were last told of each person.
    last_sent: LastSent,
    /// Catalogs of locations.
    locations: Locations,
    /// Earlier versions of scenarios, traits and audiences.
    config_versions: ConfigVersions,
    /// What the people of traits with a holdout did.
    holdouts: Holdouts,
    /// Whose past must still be read from the journal for audiences and computed traits.
    unread_history: UnreadHistory,
    /// Answers to conditions that follow from models.
    answers: Answers,
    /// What is kept of accounts for computed traits of theirs.
    account_traits: AccountTraits,
    /// Campaigns, and what waits for people.
    campaigns: Campaigns,
    /// Journeys, and where people are in them.
    journeys: Journeys,
    /// What became of the messages of campaigns.
    campaign_reports: CampaignReports,
    /// What people said of channels and topics.
    subscriptions: Subscriptions,
    /// In-app messages that wait to be shown.
    in_app: InApp,
}

impl Views {
    /// Loads the views of the workspace `id`. A reset that a crash interrupted is finished first.
    ///
    /// # Errors
    /// If the store cannot be read, or holds a row that this program did not write.
    pub fn load(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError> {
        if store.is_clearing()? {
            store.clear(&kept_by_resets(store))?;
        }
        let mut views = Self::load_parts(store, id)?;
        views.watch_lists();
        Ok(views)
    }

    /// Puts a configuration in force.
    pub(crate) fn put_config(
        &mut self,
        batch: &mut Batch<'_>,
        offset: u64,
        config: WorkspaceConfig,
        revisions: Revisions,
    ) -> Result<(), StoreError> {
        let at = self.setup.clock.time().bound(Timestamp(i64::MAX));
        self.config_versions.follow_config(batch, &self.setup.config, &config, (offset, at))?;
        self.setup.put_config(batch, config, revisions);
        self.unmatched_events.remove_matched(batch, &self.setup.mappings);
        self.source_schemas.retain_configured(batch, &self.setup.config);
        self.violations.retain_configured(batch, &self.setup.config);
        self.destinations.follow_config(batch, offset, &self.setup.config)?;
        if self.last_sent.follow_config(batch, &self.setup.config) {
            self.begin_forgetting_sent(batch)?;
        }
        self.follow_campaigns(batch)?;
        self.follow_definitions(batch, offset)?;
        self.follow_journeys(batch, offset)
    }

    /// Clears the store except for the keyspaces of [`Setup`] and [`Regulations`], and reloads the
    /// views. Applying the entry `Reset` does the rest.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub fn reset(&mut self, store: &Store) -> Result<(), StoreError> {
        store.clear(&kept_by_resets(store))?;
        let reloaded = Self::load_parts(store, &self.setup.config.id)?;
        *self = Self { applied: self.applied, ..reloaded };
        Ok(())
    }

    /// The items that may be offered at `now`.
    pub fn offered(&self, now: Timestamp) -> OfferedItems<'_> {
        self.catalog.offered(&self.setup.config.catalog, now)
    }

    /// All collections of a kind.
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

    /// Whether a [`crate::Entry::Tick`] with the time `at` would fire a timer, or bring the
    /// journal's clock closer to the due time of one.
    pub fn is_tick_due(&self, at: Timestamp) -> bool {
        let Some(due) = self.timers.next_due().filter(|due| *due <= at) else { return false };
        let mut clock = self.setup.clock.clone();
        clock.observe(at);
        due <= clock.time().bound(at) || clock != self.setup.clock
    }

    /// Adds an interaction of a user and creates its item if it is new. If `replaces_view_portion`,
    /// a view portion replaces the earlier one of the same session.
    pub(crate) fn add_interaction(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        interaction: Interaction,
        named_by: NamedBy,
        origin: Origin<'_>,
        replaces_view_portion: bool,
    ) -> Result<AddOutcome, StoreError> {
        let item = self.catalog.get_or_create_named_item(batch, &interaction.item_id, named_by);
        let at = interaction_time(interaction.timestamp, origin);
        let counted = CountedInteraction {
            kind: interaction.kind,
            price: interaction.price,
            cited: parse_recommendation_id(interaction.recomm_id.as_deref()),
        };
        let n_before = self.interactions.histories().n_interactions();
        let added =
            self.interactions.add(batch, user, item, at, interaction, replaces_view_portion)?;
        // A view portion that replaces an earlier one was counted with that one.
        if self.interactions.histories().n_interactions() > n_before {
            let arrived = Day::from_timestamp(self.setup.clock.time().bound(origin.received_at));
            self.attribution.count_interaction(batch, &counted, arrived)?;
            self.count_for_holdouts(batch, user, counted.kind, at, counted.price)?;
        } else if added == AddOutcome::New {
            self.holdouts.touch(user);
        }
        self.last_sent.touch_traits(user);
        Ok(added)
    }
}

/// The keyspaces that a reset leaves as they are.
fn kept_by_resets(store: &Store) -> Vec<Keyspace> {
    let own = [crate::setup::KEYSPACE, crate::config_versions::KEYSPACE];
    let names = KEPT_BY_RESETS.into_iter().chain(own);
    names.map(|name| store.keyspace(name)).collect()
}
