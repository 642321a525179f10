#![doc = include_str!("../README.md")]

mod account_traits;
mod answers;
mod attribution;
mod audiences;
mod back_fill;
mod campaign_reports;
mod campaigns;
mod collections;
mod command;
mod computed_traits;
mod config_versions;
mod configuration;
mod counts;
mod destinations;
mod entry;
mod fold;
pub mod format9;
mod holdouts;
mod id_keys;
mod impressions;
mod in_app;
mod interactions;
mod journal_clock;
mod journeys;
mod last_sent;
mod locations;
mod membership;
mod message_ids;
mod part;
mod people;
mod people_filter;
mod read_history;
mod refusal;
mod regulations;
mod rejections;
mod replays;
mod segmentations;
mod sent_value;
mod setup;
mod source_schema;
mod stored;
mod subscriptions;
mod suppressed;
mod synonyms;
mod timers;
mod training;
mod unmatched_events;
mod unread_history;
mod views;
mod violations;
mod weak_signals;

pub use account_traits::AccountTraits;
pub use answers::{
    Answers, FOUND_PEOPLE_MAX, FoundAnswers, FoundBy, Question, question_of_audience,
};
pub use attribution::{
    AHEAD_DAYS_MAX, Attribution, CLUSTERS, Cluster, Clusters, DayInteractions, GroupCounts,
    InteractionCounts, KPI_DAYS_KEPT, KpiCounts, KpiRow, Kpis, ListImpression, PLACES_PER_DAY_MAX,
    Place, RECOMMENDATION_DAYS_KEPT, RECOMMENDATION_ITEMS_MAX, Rate, StoredRecommendation,
    recommendation_day,
};
pub use audiences::{
    AudienceMember, Audiences, FormerMember, FormerMembers, STAYS_PER_PERSON_MAX,
    STAYS_SEARCHED_MAX, Stay,
};
pub use back_fill::{
    BACK_FILLS_KEPT_MAX, BackFill, BackFillCommand, BackFills, NamedItem, SignalOf, UserBackFill,
    UserMerge,
};
pub use campaign_reports::{
    CampaignPeople, CampaignReports, Conversions, DecisionPlace, ItemCounts, LinkCounts,
    MESSAGE_EVENTS, MessageCell, MessageCounts, MessageEvent, PERSON_CONVERSIONS_MAX,
    PERSON_MESSAGES_MAX, REPORT_ITEMS_MAX, REPORT_LINKS_MAX, SENT_ITEMS_MAX, SentItem,
};
pub use campaigns::{
    Begun, BusinessEvent, BusinessEventDone, CAMPAIGN_EVENT, CAMPAIGN_SOURCE, CampaignCounts,
    CampaignDecision, CampaignEntry, CampaignMessage, CampaignRun, CampaignTrigger, CampaignWinner,
    Campaigns, DecisionOutcome, DueMessageOf, HandOver, HandOverOutcome, HandedMessage, HandedOver,
    Handing, KeptCampaign, MESSAGE_ITEMS_MAX, NO_DATE, Notification, NotificationEvent, Occurrence,
    PAST_MESSAGES_MAX, RunState, TriggerDetails, TriggeredPerson, UnderWay, UnnamedPerson,
    VariantResults, WAITING_MAX, Waiting, WaitingEvent, Winner, channel_code, message_id,
    number_message, parse_message_id,
};
pub use collections::{CollectionKind, Collections, Groups, MEMBERS_MAX, Member, Series};
pub use command::{Command, EntityKind, find_user};
pub use computed_traits::{ComputedTraits, ComputedValue};
pub use config_versions::{
    CONFIG_VERSIONS_BYTES_MAX, CONFIG_VERSIONS_MAX, ConfigVersion, ConfigVersions,
};
pub use configuration::{ConfigChange, ConfigCommand, Expected, Resource, Revisions};
pub use counts::Counts;
pub use destinations::{
    DESTINATION_VERSIONS_MAX, DUPLICATES_KEPT_MAX, DeliveryProgress, DestinationVersion,
    Destinations, Standing, UNMAPPED_KEPT_MAX,
};
pub use entry::{
    DecodeError, Entry, INTERACTIONS_PER_ENTRY_MAX, ITEMS_PER_ENTRY_MAX, Outcome,
    encoded_history_bytes, read_writer_build, redact_write_keys,
};
pub use fold::{LateDecision, PreparedEntry, apply};
pub use holdouts::{CountedHoldout, HoldoutCluster, HoldoutGroup, HoldoutGroups, Holdouts};
pub use impressions::{IMPRESSIONS_PER_USER_MAX, Impressions};
pub use in_app::{
    IN_APP_BYTES_MAX, IN_APP_MESSAGES_MAX, IN_APP_SHARDS, InApp, InAppMessage, InAppReport,
};
pub use interactions::{Interactions, StoredInteraction};
pub use journal_clock::{
    BELIEVED_AHEAD_MS, JournalClock, JournalTime, SAMPLE_INTERVAL_MS, SAMPLES,
};
pub use journeys::{
    AskedJourney, CONTEXT_BYTES_MAX, Directory, Entering, EnteringPerson, EntryRun, Fact,
    INSTANCES_MAX, Instance, InstanceId, JOURNEY_CONTEXT, JOURNEY_EVENT, JOURNEY_SOURCE,
    JourneyAnswer, JourneyCounts, JourneyEntry, JourneyFinding, JourneyTrigger, Journeys,
    JourneysOf, KeptJourney, Leave, MessageResult, Moment, NodeCounts, PersonWorld, Plan,
    SimulatedPerson, SimulatedWorld, Simulation, Stage, TIMELINE_MAX, TRIGGERED_PEOPLE_MAX,
    TimelineStep, ToldEvent, VERSIONS_MAX, Version, Versions, World, is_of_control_group, share_of,
};
pub use last_sent::{Due, DuePeople, LastSent, Link, Sent, hash_id};
pub use locations::LocationCommand;
pub use membership::{HistoryRequest, NamingStep, UnreadStep};
pub use message_ids::{GENERATION_IDS_MAX, GENERATION_MS, MessageIds, split_rows};
pub use part::StatePart;
pub use people::{NamedPeople, People, TooManyIds};
pub use people_filter::{Remaining, without_erased, without_suppressed};
pub use read_history::{PEOPLE_PER_ENTRY_MAX, PastEvents, PersonHistory, ReadHistory};
pub use refusal::Refusal;
pub use regulations::{
    IDS_PER_REGULATION_ENTRY_MAX, NamingValue, RECEIPT_BYTES_MAX, REGULATIONS_KEPT_MAX, Regulation,
    RegulationCommand, RegulationStatus, RegulationType, Regulations, VALUES_PER_RECOUNT_MAX,
};
pub use rejections::{REJECTIONS_KEPT_MAX, Rejections};
pub use replays::{REPLAYS_KEPT_MAX, Replay, ReplayCommand, Replays};
pub use segmentations::{
    RuleUpdate, SEGMENTATIONS_MAX, SEGMENTS_MAX, Segment, Segmentation, SegmentationCommand,
    SegmentationKind, Segmentations,
};
pub use sent_value::{SYNC_SOURCE, SentValue, SyncSubject, digest, is_nothing, is_same};
pub use setup::{Setup, compile_mappings};
pub use source_schema::{
    SCHEMA_EVENTS_MAX, SCHEMA_EVENTS_PER_SOURCE_MAX, SCHEMA_NAME_BYTES_MAX, SCHEMA_PROPERTIES_MAX,
    SCHEMA_PROPERTIES_PER_EVENT_MAX, SeenEvent, SeenProperty, SourceSchemas,
};
pub use subscriptions::{
    PersonSubscriptions, SAID_TOPICS_MAX, SUBSCRIPTIONS_MEMBER, Said, SubscriptionStatement,
    Subscriptions,
};
pub use suppressed::{PERSON_KEY_BYTES, PersonHash, PersonKey, Suppressed, SuppressedId};
pub use synonyms::{SYNONYMS_MAX, Synonym, SynonymCommand, Synonyms};
pub use timers::{TIMERS_MAX, Timer, TimerKind, Timers};
pub use training::{TRAININGS_KEPT_MAX, TrainingRecord};
pub use unmatched_events::{
    UNMATCHED_NAME_CHARS_MAX, UNMATCHED_NAMES_MAX, UnmatchedEvent, UnmatchedEvents,
};
pub use unread_history::{HistoryProgress, UnreadHistory};
pub use views::Views;
pub use violations::{VIOLATIONS_MAX, ViolationCount, Violations};
pub use weak_signals::{WEAK_SIGNALS_PER_KIND_MAX, WeakSignals};
