#![doc = include_str!("../README.md")]

pub mod day;
pub mod endpoint;
pub mod id;
pub mod interaction;
pub mod json;
pub mod list;
pub mod message;
pub mod property;
pub mod quantity;
pub mod role;
pub mod scenario;
pub mod source_controls;
pub mod subscription;
pub mod time_zone;
pub mod timestamp;
pub mod value_type;
pub mod weak_signal;
pub mod workspace;

pub use day::Day;
pub use endpoint::{Endpoint, Entries, Target};
pub use id::{ItemIdx, UserIdx, WorkspaceId, WorkspaceIdError};
pub use interaction::{Interaction, InteractionKind, InteractionSelector};
pub use list::{
    AssetType, EventFilter, Exclusion, ExpressionRole, Fallback, Freshness, InteractionWeights,
    Keep, ListCaller, ListRequest, ListSettings, LocationFilter, Logic, MixPart, Relevance,
};
pub use message::{
    Arrival, Envelope, Message, MessageType, Rejection, RejectionReason, Violation, ViolationKind,
    check_message,
};
pub use property::{Column, PropertyType, PropertyValue};
pub use quantity::{counted, grouped, listed};
pub use role::{Grant, Right, Role};
pub use scenario::{Group, Scenario};
pub use source_controls::SourceControls;
pub use subscription::{ChannelKind, SubscriptionStatus};
pub use time_zone::{ClockTime, TimeZone, Weekday};
pub use timestamp::Timestamp;
pub use value_type::ValueType;
pub use weak_signal::{WeakSignalKind, WeakSignalWeights};
pub use workspace::{
    AUDIENCES_MAX, AfterCrash, AudienceDefinition, BestTime, CAMPAIGN_COUNT_MAX, CAMPAIGN_SOURCE,
    CAMPAIGN_WAIT_S_MAX, CAMPAIGNS_MAX, COMPUTED_TRAITS_MAX, CONTENT_BYTES_MAX,
    CONVERSION_WITHIN_S_MAX, Campaign, CampaignConversion, CampaignEvery, CampaignStart,
    CampaignStatus, CampaignUnless, CampaignVariant, CatalogSettings, ChannelLimits,
    ComputedTraitDefinition, ComputedTraitOf, ComputedTraitType, ControlGroup, ControlGroups,
    DELIVERY_CONCURRENCY_MAX, DELIVERY_RATE_MAX, DESTINATION_NAME_BYTES_MAX, DESTINATIONS_MAX,
    DeliveryOptions, DeliverySettings, Destination, DestinationRules, ENGINE_DESTINATION,
    EarlierKey, Enrichment, ExportFormat, Exportable, Feed, FeedFormat, HoldBranch, Holdout,
    IN_APP_KIND, ITEMS_CATALOG, IdStrategy, IdType, IdTypeName, Identity, JOURNEY_END,
    JOURNEY_ENTRY, JOURNEY_NODES_MAX, JOURNEYS_MAX, Journey, JourneyAction, JourneyConnector,
    JourneyEntrance, JourneyEvent, JourneyGoal, JourneyMove, JourneyNode, JourneyStatus,
    LIKELY_HOURS_MAX, LIKELY_ITEMS_MAX, LIKELY_SIZE_MAX, LikelyAudience, LikelyTarget, LimitPeriod,
    LinkedContent, ListChanges, LocalTime, NOTIFICATION_DELIVERED, NOTIFICATION_FAILED,
    NOTIFICATION_SENT, NothingLeft, OAuth, OAuthKey, PRESETS_LATEST, PRODUCT_CATALOGS_MAX,
    PastZones, QuietHours, QuietThen, QuietWindow, RETENTION_DAYS_MAX, RandomBranch, Reentry,
    Retention, SYNC_ALL_IDS_MAX, SYNC_ID_TYPES_MAX, SYNC_TIMES_MAX, SYNC_WITH_TRAITS_MAX,
    ScheduledExport, Source, SplitBranch, SyncForm, SyncIdentifier, SyncSettings, SyncTimes,
    TOKEN_LIFETIME_S_DEFAULT, TimeOfDay, Token, TokenKind, Topic, TopicDefault, TrackingPlan,
    TraitChange, TraitChangeKind, TraitDefinition, TraitKind, TraitPeople, UrlPart, UtmParameters,
    VARIANTS_MAX, VariantObjective, VariantTest, WorkspaceConfig, WorkspaceConfigError,
    WorkspaceSettings, check_attached_traits, check_catalog_name,
};
