#![doc = include_str!("../README.md")]

mod artifacts;
mod attribution;
mod command;
mod data_folder;
mod engine;
mod entry;
mod filter;
mod fold;
mod import;
mod interactions;
mod listing;
mod message_ids;
mod query;
mod recorder;
mod rejections;
mod series;
mod serving;
mod shown;
mod training;
mod views;
mod writer;

pub use artifacts::ArtifactsError;
pub use attribution::{
    DAYS_KEPT, DayInteractions, InteractionCounts, KEPT_DAYS, KpiCounts, KpiRow, Kpis, PLACES_PER_DAY_MAX,
    Place, RECOMMENDATION_ITEMS_MAX, Rate, ServedList,
};
pub use command::{Command, EntityKind, Refusal};
pub use data_folder::{DataFolder, DataFolderError};
pub use engine::{Engine, EngineError};
pub use entry::{DecodeError, Entry, Outcome};
pub use import::{INTERACTIONS_PER_ENTRY_MAX, ITEMS_PER_ENTRY_MAX, ImportedInteractions};
pub use message_ids::{GENERATION_IDS_MAX, WINDOW_MS};
pub use query::{
    Counts, Event, HistoryItem, ListedItem, ListedReason, Metadata, RecommendedList, RejectionReport,
    USERS_PER_STEP,
};
pub use rejections::REJECTIONS_KEPT_MAX;
pub use series::{CollectionKind, MEMBERS_MAX, Member};
pub use serving::{Handout, PastRecommendation};
pub use shown::SHOWN_PER_USER_MAX;
pub use training::{TRAININGS_KEPT_MAX, Training, TrainingOptions};
pub use writer::{Health, QUEUE_BYTES_MAX, SubmitError};

pub use profiles::{ExternalId, ExternalIdType, Identifier, StoredTrait, TimelineEntry, TimelineQuery};
pub use recommender::Origin;
pub use recommender::evaluation::{Comparison, Metrics};
pub use recommender::{Component, ModelConfig, Search, SplitKind};
pub use reql::{ErrorKind as ReqlErrorKind, ReqlError};

/// The clock, for entries that are about to be submitted; the fold never calls it.
pub fn now() -> domain::Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    domain::Timestamp(since_1970.as_millis() as i64)
}
