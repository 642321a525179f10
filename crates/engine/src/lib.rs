#![doc = include_str!("../README.md")]

mod active_model;
mod answers;
mod artifacts;
mod audience_preview;
mod audiences;
mod back_fill;
mod background;
mod backup;
mod campaign_messages;
mod campaign_preview;
mod campaigns;
mod check;
mod clock;
mod computed_traits;
mod configuration;
mod data_folder;
mod dead_letters;
mod decisions;
mod delivery;
mod delivery_receipts;
mod delivery_trial;
mod disk_use;
mod due_people;
mod engine;
mod enrichment;
mod error;
mod events;
mod exports;
mod finding;
mod follow;
mod history_reading;
mod import;
mod in_app;
mod in_app_changes;
mod inbox;
pub mod installation;
mod items;
mod journal_files;
mod journal_inspection;
mod journey_simulation;
mod journey_triggers;
mod journeys;
mod likely_preview;
mod list_calculation;
mod list_maker;
mod lists;
mod live;
mod locations;
mod loss;
mod lost_model;
mod member_bits;
mod message_links;
mod message_rates;
mod model_comparison;
mod next;
mod opening;
mod outcomes;
mod pace;
mod past_recommendations;
mod people;
mod person_facts;
mod person_filters;
mod preferences_link;
mod present_problems;
mod privacy;
mod problems;
mod profile_log;
mod recommendation;
mod recommendation_error;
mod recorder;
mod replay;
mod retention;
mod run_delay;
mod scenarios;
mod schedules;
mod scratch;
mod segment_rules;
mod segments;
mod shared;
mod sizes;
mod snapshot_error;
mod snapshot_taking;
mod source_rates;
mod span;
mod state_snapshot;
mod store_picture;
mod stores;
mod submission;
mod subscriptions;
mod suppression;
mod sync;
mod sync_links;
mod ticker;
mod timeline_message;
mod training;
mod training_record;
mod training_runs;
mod trait_lists;
mod verify;
mod writer;

pub use answers::{Answers, SampleList};
pub use artifacts::ArtifactsError;
pub use audience_preview::{
    AudiencePreview, Channel, Estimate, Overlap, PREVIEW_SAMPLE_MAX, PREVIEW_TIME, PreviewError,
    PreviewLimits, SampledPerson,
};
pub use back_fill::{
    BACK_FILL_EXAMPLES_MAX, BackFillError, BackFillExample, BackFillReport, BackFillRequest,
};
pub use background::{
    Activity, BackgroundThread, BackgroundWork, FAILURE_BYTES_MAX, FAILURES_KEPT_MAX, Failures,
    LastStep, Next, RESTART_INTERVAL, Signals, ThreadStatus, WorkLog, WorkResult,
};
pub use backup::{
    BackedUpWorkspace, BackupError, BackupProgress, BackupReport, FailedCopy, RestoreReport,
    back_up, restore,
};
pub use campaigns::CampaignPreview;
pub use clock::{
    CLOCK_BELIEVED_AFTER, CLOCK_JUMP_MS, Clock, ManualClock, SystemClock, clock_problem, now,
};
pub use configuration::{ConfigError, check_config};
pub use data_folder::{DataFolder, DataFolderError, LockedFolder};
pub use dead_letters::DeadLetterError;
pub use decisions::is_decided_on_state;
pub use delivery::DeliveryStatus;
pub use delivery_trial::{DeliveryPreview, PreviewedDelivery, TriedDelivery, TriedRequests};
pub use disk_use::{DiskRoom, DiskUse};
pub use engine::{Engine, EngineOptions};
pub use error::{EngineError, TrainingError, describe_error};
pub use events::{Event, Metadata};
pub use finding::{CheckProgress, Finding};
pub use import::{CatalogImportError, CatalogPreview, ConfirmedRemovals, ImportedInteractions};
pub use in_app::{InAppReportCall, InAppReportError, InAppShown, InAppVisitor};
pub use items::ITEM_ACTIVITY_DAYS;
pub use journal_inspection::{InspectedEntry, InspectionError, inspect_journal};
pub use likely_preview::{
    CurvePoint, LIKELY_PREVIEW_TIME, LikelyPreview, RESPONDERS_MIN, Response, ResponseCurve,
};
pub use list_calculation::{
    CALCULATED_LISTS_MAX, CALCULATION_TIME_MAX, ListCalculation, Recipients,
};
pub use live::{
    AppliedEntry, ENTRIES_SEARCHED_MAX, ENTRY_BYTES_SEARCHED_MAX, LatestEntries, NEW_ENTRIES_MAX,
    NewEntries,
};
pub use locations::LocationsError;
pub use loss::{Loss, LossError};
pub use message_rates::{MINUTES_KEPT, MessageRates, Minute, MinuteCounts};
pub use model_comparison::{COMPARED_ITEMS, COMPARED_PEOPLE, ComparedLists};
pub use outcomes::{OUTCOME_TEXT_BYTES_MAX, OUTCOMES_KEPT_MAX};
pub use past_recommendations::PastRecommendation;
pub use people::MergeCause;
pub use preferences_link::{PREFERENCES_PATH, PreferencesLink, workspace_of_token};
pub use privacy::{
    DeletedState, DestinationAnswer, ErasedJournal, ForwardOutcome, MENTIONS_SHOWN_MAX, Mention,
    ModelContribution, NewRegulation, PASS_PEOPLE_MAX, PASS_REGULATIONS_MAX, REGULATION_PEOPLE_MAX,
    Receipt, RegulationError, RegulationResult, RegulationStep, RemovedFiles, ScanReport,
    Surroundings, scan_folder,
};
pub use problems::Problem;
pub use profile_log::{ProfileChange, ProfileLog, ProfileUpdate, ProfileUpdates};
pub use recommendation::{PreviewedRecommendations, RecommendationResponse};
pub use recommendation_error::RecommendationError;
pub use replay::{REPLAY_AHEAD_MAX, ReplayError};
pub use retention::{
    HeldBack, JournalPart, RetentionError, RetentionPlan, RetentionRun, RetentionStep,
};
pub use schedules::{Scheduled, ScheduledRun};
pub use segment_rules::RuleFault;
pub use shared::Health;
pub use sizes::DISK_USE_AGE_MAX;
pub use snapshot_error::SnapshotError;
pub use snapshot_taking::{SnapshotStep, TakenSnapshot};
pub use span::{
    ENTRIES_PER_SPAN_STEP, MessageFilter, SPAN_IDS_KEPT_MAX, Span, SpanPlace, SpanReader,
};
pub use store_picture::KeyspaceDigest;
pub use submission::{QUEUE_BYTES_MAX, SubmitError};
pub use subscriptions::{PREFERENCES_SOURCE, STAFF_SOURCE, SubscriptionChanger};
pub use sync::{LastSweep, SweepStatus, SyncStatus};
pub use training::{FIRST_TRAINING_INTERACTIONS, TrainingOptions, describe_too_few_interactions};
pub use training_record::Training;
pub use training_runs::{BegunTraining, TRAINING_RUNS_KEPT_MAX, TrainingRun, TrainingRunState};
pub use verify::{Verification, VerifyError, VerifyProgress};

pub use self::journey_simulation::{JourneySimulation, SIMULATED_DAYS, SIMULATED_PEOPLE_MAX};
pub use activation::{
    BreakerState, DeadLetter, Held, OpenDelivery, Progress, Status as DispatcherStatus,
};
pub use campaign_messages::{DecidedMessage, WaitingMessage};
pub use campaigns::{LINK_TOKEN_BYTES_MAX, LINKS_PATH, MessageLink, OPENS_PATH, workspace_of_link};
pub use connectors::{
    Archive, DescribedRequest, EXPORT_KINDS, ExportPlace, Kind, LogMove, ReceiptCall, ReceiptError,
    SettingSchema, SettingType, kind as destination_kind, kinds as destination_kinds,
};
pub use journal::JournalCheck;
pub use profiles::{
    Account, AccountLink, ExternalId, ExternalIdType, FoundPerson, Identifier, NamedEvents,
    PastMerge, StoredTrait, TermKind, TimelineEntry, TimelineQuery,
};
pub use recommender::evaluation::{Comparison, Metrics};
pub use recommender::{ActivityGroup, Hits, MEASURED_LENGTHS};
pub use recommender::{Cancelled, Component, HyperparameterSearch, ModelConfig, SplitKind};
pub use recommender::{Origin, WeakSignalTrial};
pub use reql::{ErrorKind as ReqlErrorKind, ReqlError, function_names as reql_functions};
pub use serving::{
    AbsenceRule, BudgetError, CACHE_BYTES_MAX, CANDIDATES_LOOKED_AT, CATALOG_PLACES_MAX,
    CatalogCount, CatalogPage, CatalogQuery, Computing, DailyCount, EVALUATION_TIME_MAX,
    ExpressionError, HistoryItem, ItemActivity, ItemLabel, ListError, ListOptions, ListQuestions,
    ListedContribution, ListedItem, MemoryBudget, MemoryPart, MissingEntities, PLACES_MAX,
    PersonSummary, Placement, PreviewedEntries, PreviewedStage, QueryError, RECOMMENDED_MAX,
    RecommendationRequest, Recommended, RecommendedList, RejectionReport, RemovedByRule,
    RemovedItems, RequestBudget, RequestLimits, Reservation, ReturnedProperties, SegmentSize,
    SegmentSizes, Snapshot, USERS_PER_STEP, scenario_mistakes,
};
pub use state::{
    AHEAD_DAYS_MAX, BACK_FILLS_KEPT_MAX, BELIEVED_AHEAD_MS, BackFill, BackFillCommand, CLUSTERS,
    Cluster, Clusters, CollectionKind, Command, ComputedValue, ConfigChange, ConfigCommand,
    ConfigVersion, Counts, DayInteractions, DecodeError, DeliveryProgress, EntityKind, Entry,
    Expected, GENERATION_IDS_MAX, GENERATION_MS, GroupCounts, HistoryProgress, HoldoutCluster,
    HoldoutGroup, HoldoutGroups, IMPRESSIONS_PER_USER_MAX, INTERACTIONS_PER_ENTRY_MAX,
    ITEMS_PER_ENTRY_MAX, InteractionCounts, KPI_DAYS_KEPT, KpiCounts, KpiRow, Kpis, Link,
    ListImpression, LocationCommand, MEMBERS_MAX, Member, NamedItem, NamedPeople, NamingValue,
    Outcome, PLACES_PER_DAY_MAX, PastEvents, PersonHistory, PersonKey, Place,
    RECOMMENDATION_DAYS_KEPT, RECOMMENDATION_ITEMS_MAX, REJECTIONS_KEPT_MAX, REPLAYS_KEPT_MAX,
    Rate, ReadHistory, Refusal, Regulation, RegulationCommand, RegulationStatus, RegulationType,
    Replay, ReplayCommand, Resource, Revisions, RuleUpdate, SAMPLE_INTERVAL_MS, SAMPLES,
    SEGMENTATIONS_MAX, SEGMENTS_MAX, SYNONYMS_MAX, SeenEvent, SeenProperty, Segment, Segmentation,
    SegmentationCommand, SegmentationKind, SentValue, SignalOf, SuppressedId, SyncSubject, Synonym,
    SynonymCommand, TRAININGS_KEPT_MAX, UNMATCHED_NAME_CHARS_MAX, UNMATCHED_NAMES_MAX,
    UnmatchedEvent, UserBackFill, UserMerge, VIOLATIONS_MAX, ViolationCount,
    WEAK_SIGNALS_PER_KIND_MAX, redact_write_keys,
};
pub use state::{
    BusinessEvent, BusinessEventDone, CAMPAIGN_EVENT, CAMPAIGN_SOURCE, CampaignCounts,
    CampaignDecision, CampaignEntry, CampaignMessage, CampaignPeople, CampaignRun, CampaignTrigger,
    CampaignWinner, Conversions, DecisionOutcome, HandOver, HandOverOutcome, HandedMessage,
    HandedOver, Handing, ItemCounts, LinkCounts, MessageCell, MessageCounts, MessageEvent,
    Occurrence, TriggeredPerson, UnnamedPerson, VariantResults,
};
pub use state::{
    EnteringPerson, Instance, InstanceId, JourneyAnswer, JourneyCounts, JourneyEntry,
    JourneyFinding, JourneyTrigger, Moment, NodeCounts, Plan, Stage, TRIGGERED_PEOPLE_MAX,
    TimelineStep,
};
pub use state::{FoundAnswers, FoundBy, question_of_audience};
pub use state::{IN_APP_BYTES_MAX, IN_APP_MESSAGES_MAX, InAppReport};
pub use state::{PersonSubscriptions, SUBSCRIPTIONS_MEMBER, Said, SubscriptionStatement};

/// Checks that a text is an expression; what it names may be missing.
pub fn check_expression(text: &str) -> Result<(), ReqlError> {
    reql::parse(text).map(|_| ())
}
