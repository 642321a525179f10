use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use domain::{Timestamp, TokenKind, UserIdx};
use history::Impression;
use parking_lot::Mutex;
use recommender::{LookBack, Model, PeopleByItem};
use state::Views;

use crate::cold_start::LatestColdStart;
use crate::expressions::Expressions;
use crate::groupings::Groupings;
use crate::kept_catalog_counts::KeptCatalogCounts;
use crate::kept_counts::{KeptCounts, Period, Ranked};
use crate::memory::IDLE_MAX;
use crate::scenario_fallback::{LatestFallbacks, UnfitScenario};
use crate::search::Search;
use crate::{LiveState, MemoryBudget, MemoryPart, Reservation};

/// How often what grows on its own is counted for the memory budget.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);

/// Impressions that the journal does not say yet.
pub trait WaitingImpressions: Send + Sync {
    /// Those of a user, in any order.
    fn impressions(&self, user: UserIdx) -> Vec<Impression>;
}

/// The model in use and the caches of one workspace: everything that lists need beside its state.
pub struct Serving {
    pub(crate) model: ArcSwapOption<Model>,
    pub(crate) cold_start: LatestColdStart,
    pub(crate) groupings: Groupings,
    pub(crate) period_popularity: KeptCounts<Period, Ranked>,
    pub(crate) people_by_item: KeptCounts<LookBack, Arc<PeopleByItem>>,
    pub(crate) expressions: Expressions,
    pub(crate) catalog_counts: KeptCatalogCounts,
    /// Another one after a reset.
    pub(crate) search: ArcSwap<Search>,
    pub(crate) scenario_fallbacks: LatestFallbacks,
    pub(crate) waiting: Arc<dyn WaitingImpressions>,
    memory: Arc<MemoryBudget>,
    held: Mutex<HeldMemory>,
}

/// Reservations of a workspace for memory that cannot be dropped.
struct HeldMemory {
    cold_start: Reservation,
    search: Reservation,
    counted_at: Option<Instant>,
}

impl Serving {
    /// Without a model.
    pub fn new(memory: Arc<MemoryBudget>, waiting: Arc<dyn WaitingImpressions>) -> Self {
        Self {
            model: ArcSwapOption::empty(),
            cold_start: LatestColdStart::default(),
            groupings: Groupings::new(Arc::clone(&memory)),
            period_popularity: KeptCounts::new(Arc::clone(&memory), MemoryPart::PeriodPopularity),
            people_by_item: KeptCounts::new(Arc::clone(&memory), MemoryPart::PeopleByItem),
            expressions: Expressions::new(Arc::clone(&memory)),
            catalog_counts: KeptCatalogCounts::default(),
            search: ArcSwap::from_pointee(Search::new()),
            scenario_fallbacks: LatestFallbacks::default(),
            waiting,
            held: Mutex::new(HeldMemory {
                cold_start: memory.hold(MemoryPart::ColdStartItems, 0),
                search: memory.hold(MemoryPart::SearchIndexes, 0),
                counted_at: None,
            }),
            memory,
        }
    }

    /// The memory budget that all workspaces of the process share.
    pub fn memory(&self) -> &Arc<MemoryBudget> {
        &self.memory
    }

    /// The model in use; none before the first training, or while it is lost.
    pub fn model(&self) -> Option<Arc<Model>> {
        self.model.load_full()
    }

    /// Uses a model from now on, together with its cold-start items.
    pub fn switch_model(&self, live: &LiveState, model: Model) {
        let model = Arc::new(model);
        self.cold_start.switch(live, &model, || self.model.store(Some(Arc::clone(&model))));
    }

    /// The scenarios that do not fit the catalog any more.
    pub fn unfit_scenarios(&self, views: &Views) -> Vec<UnfitScenario> {
        self.scenario_fallbacks.get(views).unfit()
    }

    /// Forgets everything that was made of the state before a reset.
    pub fn clear(&self) {
        self.model.store(None);
        self.cold_start.clear();
        self.groupings.clear();
        self.period_popularity.clear();
        self.people_by_item.clear();
        self.catalog_counts.clear();
        self.search.store(Arc::new(Search::new()));
    }

    /// Brings up to date what lists, searches, filters and boosters keep of items, so that no
    /// request has to. To be called every second or more often.
    pub fn refresh(&self, live: &LiveState, now: Timestamp) {
        self.expressions.refresh(live, now);
        self.cold_start.refresh(live, self.model().as_deref());
        let has_tokens = {
            let config = &live.snapshot().setup.config;
            [TokenKind::Private, TokenKind::Public]
                .iter()
                .any(|kind| config.secrets(*kind).next().is_some())
        };
        let search = self.search.load_full();
        if has_tokens || search.is_wanted() {
            search.refresh(live);
        }
        self.expressions.drop_idle(IDLE_MAX);
        self.groupings.drop_idle(IDLE_MAX);
        self.period_popularity.drop_idle(IDLE_MAX);
        self.people_by_item.drop_idle(IDLE_MAX);
        self.count_memory();
    }

    /// Counts what grows on its own, from time to time: that takes a moment for each item.
    fn count_memory(&self) {
        let mut held = self.held.lock();
        if held.counted_at.is_some_and(|at| at.elapsed() < COUNT_INTERVAL) {
            return;
        }
        held.cold_start.resize(self.cold_start.n_bytes());
        held.search.resize(self.search.load_full().n_bytes());
        held.counted_at = Some(Instant::now());
    }
}
