//! The configuration of a workspace: its tokens, sources, traits, audiences and scenarios.

mod audience;
mod campaign;
mod campaign_start;
mod campaign_variants;
mod catalog;
mod changes;
mod computed_trait;
mod control_groups;
mod conversion;
mod delivery_options;
mod destination;
mod destination_rules;
mod feed;
mod identity;
mod journey;
mod linked_content;
mod oauth;
mod retention;
mod scheduled_export;
mod settings;
mod source;
mod sync;
mod token;
mod topic;
mod tracking_plan;
mod trait_definition;

pub use audience::{AUDIENCES_MAX, AudienceDefinition, likely::*};
pub use campaign::{
    CAMPAIGN_SOURCE, CAMPAIGNS_MAX, CONTENT_BYTES_MAX, Campaign, CampaignStatus,
    NOTIFICATION_DELIVERED, NOTIFICATION_FAILED, NOTIFICATION_SENT,
};
pub use campaign_start::{
    CAMPAIGN_COUNT_MAX, CAMPAIGN_WAIT_S_MAX, CampaignEvery, CampaignStart, CampaignUnless,
};
pub use campaign_variants::{CampaignVariant, VARIANTS_MAX, VariantObjective, VariantTest};
pub use catalog::{
    CatalogSettings, ENRICHED_COLUMNS_MAX, ENRICHED_EVENTS_MAX, Enrichment, ITEMS_CATALOG,
    PRODUCT_CATALOGS_MAX, check_catalog_name,
};
pub use computed_trait::{
    COMPUTED_TRAITS_MAX, ComputedTraitDefinition, ComputedTraitOf, ComputedTraitType,
};
pub use control_groups::{ControlGroup, ControlGroups};
pub use conversion::{CONVERSION_WITHIN_S_MAX, CampaignConversion, UtmParameters};
pub use delivery_options::{
    BestTime, ChannelLimits, DeliveryOptions, LocalTime, PastZones, QuietHours, QuietThen,
    QuietWindow,
};
pub use destination::{
    AfterCrash, DELIVERY_CONCURRENCY_MAX, DELIVERY_RATE_MAX, DESTINATION_NAME_BYTES_MAX,
    DESTINATIONS_MAX, DeliverySettings, Destination, ENGINE_DESTINATION, IN_APP_KIND,
};
pub use destination_rules::{
    DROP_FILTERS_MAX, DestinationRules, RULE_ENTRIES_MAX, RULE_ENTRY_BYTES_MAX,
};
pub use feed::{FEED_MINUTES_MAX, FEED_MINUTES_MIN, FEEDS_MAX, Feed, FeedFormat};
pub use identity::{
    BLOCKED_MAX, ID_PLACES_MAX, ID_TYPE_NAME_BYTES_MAX, ID_TYPES_MAX, IDENTITY_VERSION_LATEST,
    IDS_OF_TYPE_MAX, IdType, IdTypeName, Identity, LimitPeriod,
};
pub use journey::{
    HoldBranch, JOURNEY_END, JOURNEY_ENTRY, JOURNEY_NODES_MAX, JOURNEYS_MAX, Journey,
    JourneyAction, JourneyConnector, JourneyEntrance, JourneyEvent, JourneyGoal, JourneyMove,
    JourneyNode, JourneyStatus, RandomBranch, Reentry, SplitBranch, TraitChange, TraitChangeKind,
};
pub use linked_content::{
    LINKED_BYTES_MAX, LINKED_CONTENTS_MAX, LINKED_TIMEOUT_MS_MAX, LinkedContent, UrlPart,
};
pub use oauth::{OAuth, OAuthKey, TOKEN_LIFETIME_S_DEFAULT};
pub use retention::{RETENTION_DAYS_MAX, Retention};
pub use scheduled_export::{
    EXPORT_HOURS_MAX, ExportFormat, Exportable, SCHEDULED_EXPORTS_MAX, ScheduledExport,
};
pub use settings::WorkspaceSettings;
pub use source::{EarlierKey, MESSAGES_PER_SECOND_MAX, Source};
pub use sync::{
    IdStrategy, ListChanges, SYNC_ALL_IDS_MAX, SYNC_ID_TYPES_MAX, SYNC_TIMES_MAX,
    SYNC_WITH_TRAITS_MAX, SyncForm, SyncIdentifier, SyncSettings, SyncTimes, TimeOfDay,
    check_attached_traits,
};
pub use token::{TOKEN_NAME_BYTES_MAX, TOKENS_MAX, Token, TokenKind};
pub use topic::{TOPICS_MAX, Topic, TopicDefault};
pub use tracking_plan::{
    EventControl, PATTERN_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX, PATTERNS_MAX, PLANNED_EVENTS_MAX,
    PLANNED_NAME_BYTES_MAX, PLANNED_PROPERTIES_MAX, PLANNED_PROPERTIES_PER_EVENT_MAX, PlannedEvent,
    PlannedProperty, PlannedType, PropertyControl, TrackingPlan, compile_pattern,
};
pub use trait_definition::{
    Holdout, NothingLeft, TRAIT_COUNT_DEFAULT, TraitDefinition, TraitKind, TraitPeople,
};

use serde::{Deserialize, Serialize};

use self::audience::check_audiences;
use self::campaign::check_campaigns;
use self::changes::{put_named, remove_named};
use self::computed_trait::check_computed_traits;
use self::feed::check_feeds;
use self::journey::check_journeys;
use self::scheduled_export::check_exports;
use self::source::check_sources;
use self::sync::check_syncs;
use self::trait_definition::check_traits;
use crate::scenario::{Scenario, check_scenarios};
use crate::{InteractionWeights, TimeZone, WeakSignalWeights, WorkspaceId};

/// The newest numbered set of presets, which a new workspace gets.
pub const PRESETS_LATEST: u32 = 2;
/// The set of configurations without a number: they are older than the second set.
const PRESETS_FIRST: u32 = 1;

/// The configuration of one workspace. Each of its resources is changed by a command of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceConfig {
    /// Names the workspace in URLs and on disk.
    pub id: WorkspaceId,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Signs recommender API calls from servers.
    pub private_token: Option<String>,
    /// Signs recommender API calls from browsers.
    pub public_token: Option<String>,
    /// The HTTP Basic user of the Profile API.
    pub profile_token: Option<String>,
    /// Further tokens, beside the one of each kind above.
    #[serde(default, rename = "token", skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
    /// Properties of users that expressions sent by browsers may read; no others.
    #[serde(default)]
    pub public_user_properties: Vec<String>,
    /// Whether browsers may merge users. Anybody can read the public token in a page, and may then
    /// merge any two users whose ids they know.
    #[serde(default)]
    pub public_merge_users: bool,
    /// The senders of messages.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
    /// The recommended-items traits on every profile.
    #[serde(default, rename = "trait")]
    pub traits: Vec<TraitDefinition>,
    /// The numbered set of presets that maps messages; none for the first. A change has no effect
    /// on messages that were mapped before.
    #[serde(default)]
    pub presets: Option<u32>,
    /// The weights of weak signals. Training decides which kinds are used.
    #[serde(default)]
    pub weak_signals: WeakSignalWeights,
    /// How long entries of the journal are kept; for ever without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The rules by which messages are put together to people; without them, those of
    /// `user_id` and `anonymous_id` alone. They hold for later messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What columns of the catalog mean, and which are added to events.
    #[serde(default, skip_serializing_if = "CatalogSettings::is_default")]
    pub catalog: CatalogSettings,
    /// The weights of interactions. A model keeps the weights that it was trained with.
    #[serde(default)]
    pub interaction_weights: InteractionWeights,
    /// The places where recommendations appear.
    #[serde(default, rename = "scenario")]
    pub scenarios: Vec<Scenario>,
    /// The destinations that differ from their defaults.
    #[serde(default, rename = "destination", skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
    /// The audiences that are kept.
    #[serde(default, rename = "audience", skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<AudienceDefinition>,
    /// The traits that are computed from events.
    #[serde(default, rename = "computed_trait", skip_serializing_if = "Vec::is_empty")]
    pub computed_traits: Vec<ComputedTraitDefinition>,
    /// The exports that are made again and again.
    #[serde(default, rename = "export", skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<ScheduledExport>,
    /// The catalog files that are fetched again and again.
    #[serde(default, rename = "feed", skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
    /// The time zone whose days and hours count for campaigns; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// People who get nothing of campaigns, so that their effect is measured.
    #[serde(default, skip_serializing_if = "ControlGroups::is_default")]
    pub control_groups: ControlGroups,
    /// The address of this server for the people who get messages, without a slash at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// What people may subscribe to and unsubscribe from.
    #[serde(default, rename = "topic", skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
    /// The external APIs whose answers templates print.
    #[serde(default, rename = "linked_content", skip_serializing_if = "Vec::is_empty")]
    pub linked_contents: Vec<LinkedContent>,
    /// The campaigns.
    #[serde(default, rename = "campaign", skip_serializing_if = "Vec::is_empty")]
    pub campaigns: Vec<Campaign>,
    /// The journeys.
    #[serde(default, rename = "journey", skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<Journey>,
}

/// Limits on a configuration.
const TOKEN_BYTES_MAX: usize = 256;

/// The allowed form of tokens and keys, for messages.
fn token_form() -> String {
    format!("1 to {TOKEN_BYTES_MAX} printable ASCII characters without ':'")
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("workspace {workspace}: {what}")]
pub struct WorkspaceConfigError {
    /// The workspace with the invalid configuration.
    pub workspace: WorkspaceId,
    /// The mistake and the way out.
    pub what: String,
}

impl WorkspaceConfig {
    /// A configuration without tokens, sources, traits and scenarios.
    pub fn empty(id: WorkspaceId) -> Self {
        Self {
            id,
            name: None,
            private_token: None,
            public_token: None,
            profile_token: None,
            tokens: Vec::new(),
            public_user_properties: Vec::new(),
            public_merge_users: false,
            sources: Vec::new(),
            traits: Vec::new(),
            presets: Some(PRESETS_LATEST),
            weak_signals: WeakSignalWeights::default(),
            retention: None,
            identity: None,
            catalog: CatalogSettings::default(),
            interaction_weights: InteractionWeights::default(),
            scenarios: Vec::new(),
            destinations: Vec::new(),
            audiences: Vec::new(),
            computed_traits: Vec::new(),
            exports: Vec::new(),
            feeds: Vec::new(),
            time_zone: None,
            control_groups: ControlGroups::default(),
            public_url: None,
            topics: Vec::new(),
            linked_contents: Vec::new(),
            campaigns: Vec::new(),
            journeys: Vec::new(),
        }
    }

    /// The numbered set of presets in force.
    pub fn preset_set(&self) -> u32 {
        self.presets.unwrap_or(PRESETS_FIRST)
    }

    /// The scenario of a name.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// The trait of a key.
    pub fn trait_definition(&self, key: &str) -> Option<&TraitDefinition> {
        self.traits.iter().find(|trait_| trait_.key == key)
    }

    /// The audience of a key.
    pub fn audience(&self, key: &str) -> Option<&AudienceDefinition> {
        self.audiences.iter().find(|audience| audience.key == key)
    }

    /// The computed trait of a key.
    pub fn computed_trait(&self, key: &str) -> Option<&ComputedTraitDefinition> {
        self.computed_traits.iter().find(|computed| computed.key == key)
    }

    /// The computed trait of people with a key.
    pub fn computed_trait_of_people(&self, key: &str) -> Option<&ComputedTraitDefinition> {
        self.computed_trait(key).filter(|computed| computed.of.is_people())
    }

    /// The campaign of a key.
    pub fn campaign(&self, key: &str) -> Option<&Campaign> {
        self.campaigns.iter().find(|campaign| campaign.key == key)
    }

    /// The journey of a key.
    pub fn journey(&self, key: &str) -> Option<&Journey> {
        self.journeys.iter().find(|journey| journey.key == key)
    }

    /// The topic of a key.
    pub fn topic(&self, key: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.key == key)
    }

    /// The linked content of a name.
    pub fn linked_content(&self, name: &str) -> Option<&LinkedContent> {
        self.linked_contents.iter().find(|content| content.name == name)
    }

    /// The scheduled export of a name.
    pub fn export(&self, name: &str) -> Option<&ScheduledExport> {
        self.exports.iter().find(|export| export.name == name)
    }

    /// The destination of a name, where it differs from its defaults.
    pub fn destination(&self, name: &str) -> Option<&Destination> {
        self.destinations.iter().find(|destination| destination.name == name)
    }

    /// The destinations but our own engine.
    pub fn outgoing_destinations(&self) -> impl Iterator<Item = &Destination> {
        self.destinations.iter().filter(|destination| destination.name != ENGINE_DESTINATION)
    }

    /// The mappings of our own engine in their JSON form; none for the presets.
    pub fn engine_mappings(&self) -> Option<&[serde_json::Value]> {
        self.destination(ENGINE_DESTINATION)?.mappings.as_deref()
    }

    /// The source of a name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// The scalar settings.
    pub fn settings(&self) -> WorkspaceSettings {
        WorkspaceSettings {
            name: self.name.clone(),
            public_merge_users: self.public_merge_users,
            public_user_properties: self.public_user_properties.clone(),
            presets: self.presets,
            weak_signals: self.weak_signals,
            retention: self.retention,
            identity: self.identity.clone(),
            catalog: self.catalog.clone(),
            time_zone: self.time_zone.clone(),
            control_groups: self.control_groups.clone(),
            public_url: self.public_url.clone(),
            topics: self.topics.clone(),
            linked_contents: self.linked_contents.clone(),
        }
    }

    /// Replaces the scalar settings.
    pub fn set_settings(&mut self, settings: WorkspaceSettings) {
        let WorkspaceSettings {
            name,
            public_merge_users,
            public_user_properties,
            presets,
            weak_signals,
            retention,
            identity,
            catalog,
            time_zone,
            control_groups,
            linked_contents,
            public_url,
            topics,
        } = settings;
        (self.name, self.public_merge_users) = (name, public_merge_users);
        self.public_user_properties = public_user_properties;
        (self.presets, self.weak_signals) = (presets, weak_signals);
        (self.retention, self.identity, self.catalog) = (retention, identity, catalog);
        (self.time_zone, self.control_groups) = (time_zone, control_groups);
        self.public_url = public_url;
        (self.topics, self.linked_contents) = (topics, linked_contents);
    }

    /// The feed of a name.
    pub fn feed(&self, name: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.name == name)
    }

    /// Adds a feed or replaces the one of its name.
    pub fn put_feed(&mut self, feed: Feed) {
        put_named(&mut self.feeds, feed, |feed| &feed.name);
    }

    /// Removes a feed; false where there is none of this name.
    pub fn remove_feed(&mut self, name: &str) -> bool {
        remove_named(&mut self.feeds, name, |feed| &feed.name)
    }

    /// Adds a destination or replaces the one of its name.
    pub fn put_destination(&mut self, destination: Destination) {
        put_named(&mut self.destinations, destination, |destination| &destination.name);
    }

    /// Removes a destination; false where there is none of this name.
    pub fn remove_destination(&mut self, name: &str) -> bool {
        remove_named(&mut self.destinations, name, |destination| &destination.name)
    }

    /// Checks bounds and forms, and that names and secrets are unique.
    ///
    /// # Errors
    /// Names the first mistake.
    pub fn validate(&self) -> Result<(), WorkspaceConfigError> {
        let refuse = |what: String| Err(WorkspaceConfigError { workspace: self.id.clone(), what });
        let tokens = [
            ("private_token", &self.private_token),
            ("public_token", &self.public_token),
            ("profile_token", &self.profile_token),
        ];
        for (name, token) in tokens {
            if token.as_ref().is_some_and(|token| !is_token(token)) {
                return refuse(format!("{name} must be {}", token_form()));
            }
        }
        if let Err(what) = self.check_tokens() {
            return refuse(what);
        }
        if let Err(what) = self.settings().validate() {
            return refuse(what);
        }
        if let Err(what) = self.interaction_weights.validate() {
            return refuse(format!("interaction_weights: {what}"));
        }
        if let Err(what) = self.weak_signals.validate() {
            return refuse(format!("weak_signals.{what}"));
        }
        if !(PRESETS_FIRST..=PRESETS_LATEST).contains(&self.preset_set()) {
            return refuse(format!(
                "presets is {}, the sets are {PRESETS_FIRST} to {PRESETS_LATEST}",
                self.preset_set()
            ));
        }
        let checked = check_sources(&self.sources)
            .and_then(|()| check_traits(self))
            .and_then(|()| check_audiences(&self.audiences, &self.traits))
            .and_then(|()| {
                check_computed_traits(&self.computed_traits, &self.audiences, &self.traits)
            })
            .and_then(|()| check_syncs(self))
            .and_then(|()| check_campaigns(self))
            .and_then(|()| check_journeys(self));
        if let Err(what) = checked {
            return refuse(what);
        }
        if let Err(what) = check_exports(self) {
            return refuse(what);
        }
        if let Err(what) = check_feeds(&self.feeds) {
            return refuse(what);
        }
        let scenarios = check_scenarios(&self.scenarios);
        if let Err(what) = scenarios.and_then(|()| self.check_named_catalogs()) {
            return refuse(what);
        }
        if self.outgoing_destinations().count() > DESTINATIONS_MAX {
            return refuse(format!(
                "{} destinations exceed the limit of {DESTINATIONS_MAX}",
                self.outgoing_destinations().count()
            ));
        }
        for (n, destination) in self.destinations.iter().enumerate() {
            if let Err(what) = destination.validate() {
                return refuse(format!("destination {:?}: {what}", destination.name));
            }
            if self.destinations[..n].iter().any(|other| other.name == destination.name) {
                return refuse(format!("two destinations are named {:?}", destination.name));
            }
        }
        Ok(())
    }
}

impl WorkspaceConfig {
    /// Checks that there are the catalogs that feeds and scenarios name.
    fn check_named_catalogs(&self) -> Result<(), String> {
        let of_feeds = self
            .feeds
            .iter()
            .filter_map(|feed| Some((format!("feed {:?}", feed.name), feed.catalog.as_deref()?)));
        let of_scenarios = self.scenarios.iter().flat_map(|scenario| {
            let of_groups = scenario.groups.iter().map(|group| &group.settings);
            let named = of_groups.chain([&scenario.settings]);
            let named = named.filter_map(|settings| settings.catalog.as_deref());
            named.map(|catalog| (format!("scenario {:?}", scenario.name), catalog))
        });
        for (who, name) in of_feeds.chain(of_scenarios) {
            let checked = self.catalog.check_product_catalog(name);
            checked.map_err(|what| format!("{who}: catalog: {what}"))?;
        }
        Ok(())
    }
}

/// Tokens travel in headers and URLs; ':' would end the user part of HTTP Basic.
fn is_token(token: &str) -> bool {
    (1..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}
