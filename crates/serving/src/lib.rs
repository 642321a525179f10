#![doc = include_str!("../README.md")]

mod accounts;
mod audiences;
mod budget;
mod catalog_counts;
mod catalog_page;
mod cold_start;
mod computed_traits;
mod error;
mod evaluation;
mod expressions;
mod groupings;
mod kept_catalog_counts;
mod kept_counts;
mod likely;
mod listing;
mod lists;
mod look_back;
mod memory;
mod people;
mod profiles;
mod property_uses;
mod recommendation;
mod scenario_fallback;
mod scenarios;
mod search;
mod segment_sizes;
mod serving;
mod snapshot;

pub use audiences::Reach;
pub use budget::{BudgetError, Computing, RequestBudget, RequestLimits};
pub use catalog_page::{
    CATALOG_PLACES_MAX, CatalogPage, CatalogQuery, DailyCount, ItemActivity, SAMPLED_USERS_MAX,
    item_activity,
};
pub use cold_start::build_features;
pub use error::{ListError, QueryError};
pub use evaluation::ExpressionSchema;
pub use expressions::{EVALUATION_TIME_MAX, ExpressionError};
pub use kept_catalog_counts::CatalogCount;
pub use likely::{LikeliestPeople, LikelyQuery};
pub use listing::entity_page;
pub use lists::{ListedContribution, ListedItem, RecommendedList, ServedModel};
pub use memory::{CACHE_BYTES_MAX, MemoryBudget, MemoryPart, Reservation};
pub use people::{ItemLabel, PersonSummary};
pub use profiles::{HistoryItem, RejectionReport, values_bytes};
pub use property_uses::{PropertyUses, find_property_uses};
pub use recommendation::{
    AbsenceRule, CANDIDATES_LOOKED_AT, ListOptions, ListQuestions, MissingEntities, NearPerson,
    PLACES_MAX, PersonFilter, PersonFilters, Placement, PreparedStage, PreviewedEntries,
    PreviewedStage, RECOMMENDED_MAX, RecommendationRequest, Recommended, RemovedByRule,
    RemovedItems, ReturnedProperties, Stage, StageList, expression_mistakes,
};
pub use scenario_fallback::{UnfitScenario, fits_catalog, scenarios_unfit_for};
pub use scenarios::{check_config, check_item_filter, check_scenario, scenario_mistakes};
pub use segment_sizes::{SegmentSize, SegmentSizes, try_segmentation};
pub use serving::{Serving, WaitingImpressions};
pub use snapshot::{LiveState, Snapshot, USERS_PER_STEP};
