#![doc = include_str!("../README.md")]

mod answers;
mod artifacts;
mod attribution;
mod background;
mod backup;
mod budget;
mod check;
mod clock;
mod command;
mod configuration;
mod data_folder;
mod engine;
mod entry;
mod expressions;
mod filter;
mod finding;
mod fold;
mod import;
mod interactions;
mod item_types;
mod journal_clock;
mod journal_files;
mod listing;
mod lists;
mod loss;
mod memory;
mod message_ids;
mod problems;
mod query;
mod recommendation;
mod recorder;
mod rejections;
mod scenario_fallback;
mod scenarios;
mod search;
mod segmentations;
mod series;
mod serving;
mod shown;
mod store_picture;
mod synonyms;
mod training;
mod training_runs;
mod untaken;
mod user_state;
mod verify;
mod views;
mod writer;

pub use answers::{Answers, SampleList};
pub use artifacts::ArtifactsError;
pub use attribution::{
    AHEAD_DAYS_MAX, DAYS_KEPT, DayInteractions, InteractionCounts, KEPT_DAYS, KpiCounts, KpiRow, Kpis,
    PLACES_PER_DAY_MAX, Place, RECOMMENDATION_ITEMS_MAX, Rate, ServedList,
};
pub use background::{BackgroundThread, Next, RESTART_INTERVAL, Signals};
pub use backup::{
    BackedUpWorkspace, BackupError, BackupProgress, BackupReport, FailedCopy, RestoreReport, back_up, restore,
};
pub use budget::{BudgetError, Computing, RequestBudget, RequestLimits};
pub use clock::{CLOCK_BELIEVED_AFTER, CLOCK_JUMP_MS, clock_problem, now};
pub use command::{Command, EntityKind, Refusal};
pub use configuration::{ConfigChange, ConfigCommand, ConfigError, Expected, Resource, Revisions};
pub use data_folder::{
    ADMIN_TOKENS_MAX, AdminTokenError, AdminTokens, BOOTSTRAP_TOKEN, DataFolder, DataFolderError,
    LockedFolder,
};
pub use engine::{Engine, EngineError, EngineOptions};
pub use entry::{DecodeError, Entry, Outcome};
pub use expressions::ExpressionError;
pub use finding::Finding;
pub use import::{
    CatalogImportError, CatalogPreview, INTERACTIONS_PER_ENTRY_MAX, ITEMS_PER_ENTRY_MAX, ImportedInteractions,
};
pub use journal_clock::{BELIEVED_AHEAD_MS, SAMPLE_INTERVAL_MS, SAMPLES};
pub use lists::{ListedItem, ListedReason, RecommendedList, USERS_PER_STEP};
pub use loss::{Loss, LossError};
pub use memory::{CACHE_BYTES_MAX, MemoryBudget, MemoryPart, Reservation};
pub use message_ids::{GENERATION_IDS_MAX, WINDOW_MS};
pub use problems::Problem;
pub use query::{Counts, Event, HistoryItem, Metadata, RejectionReport};
pub use recommendation::{
    ListOptions, Missing, RECOMMENDED_MAX, RecommendationError, RecommendationRequest,
    RecommendationResponse, Recommended, ReturnedProperties,
};
pub use rejections::REJECTIONS_KEPT_MAX;
pub use scenarios::{ScenarioError, check_config};
pub use segmentations::{
    RuleUpdate, SEGMENTATIONS_MAX, SEGMENTS_MAX, Segment, Segmentation, SegmentationCommand, SegmentationKind,
};
pub use series::{CollectionKind, MEMBERS_MAX, Member};
pub use serving::PastRecommendation;
pub use shown::SHOWN_PER_USER_MAX;
pub use store_picture::KeyspaceDigest;
pub use synonyms::{SYNONYMS_MAX, Synonym, SynonymCommand};
pub use training::{FIRST_TRAINING_INTERACTIONS, TRAININGS_KEPT_MAX, Training, TrainingOptions};
pub use training_runs::{TRAINING_RUNS_KEPT_MAX, TrainingRun, TrainingRunState};
pub use untaken::{UNTAKEN_NAME_CHARS_MAX, UNTAKEN_NAMES_MAX, UntakenEvent};
pub use verify::{Verification, VerifyError, VerifyProgress};
pub use writer::{Health, QUEUE_BYTES_MAX, SubmitError};

pub use journal::JournalCheck;
pub use profiles::{ExternalId, ExternalIdType, Identifier, StoredTrait, TimelineEntry, TimelineQuery};
pub use recommender::Origin;
pub use recommender::evaluation::{Comparison, Metrics};
pub use recommender::{Component, ModelConfig, Search, SplitKind};
pub use reql::{ErrorKind as ReqlErrorKind, ReqlError};

/// Checks that a text is an expression; what it names may be missing.
pub fn check_expression(text: &str) -> Result<(), ReqlError> {
    reql::parse(text).map(|_| ())
}
