//! Cold-start items: items that the active model does not know, with their features.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use domain::ItemIdx;
use parking_lot::Mutex;
use recommender::{ColdStartItems, Features, FeaturesBuilder, Model};

use crate::LiveState;

/// Number of items read at a time. The lock of the views is free between two such steps.
const ITEMS_PER_STEP: usize = 1_000;

/// The items that a model does not know, of one state of the catalog.
pub(crate) struct ColdStart {
    /// The versions of model and catalog.
    of: (Option<String>, Option<u32>),
    /// The state of the properties.
    revision: u64,
    made_at: Instant,
    /// Duration of the computation.
    duration: Duration,
    /// Time of the first list that used it although the properties had changed.
    outdated_since: OnceLock<Instant>,
    pub(crate) items: ColdStartItems,
}

/// The shortest interval at which cold-start items are computed again after a change ...
const COLD_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// ... and takes at most this share of the time.
const COLD_INTERVAL_FACTOR: u32 = 10;
/// A list makes it itself where [`crate::Serving::refresh`] is behind by so many intervals.
const COLD_INTERVALS_BEHIND: u32 = 2;

impl ColdStart {
    /// Those of another model, over the same features.
    pub(crate) fn for_model(&self, model: &Model) -> Self {
        Self {
            of: (Some(model.version.clone()), self.of.1),
            revision: self.revision,
            made_at: self.made_at,
            duration: self.duration,
            outdated_since: OnceLock::new(),
            items: self.items.for_model(model),
        }
    }

    fn interval(&self) -> Duration {
        COLD_INTERVAL_MIN.max(self.duration * COLD_INTERVAL_FACTOR)
    }

    /// Single items change all the time; their features are computed again from time to time.
    fn is_due(&self, revision: u64) -> bool {
        self.revision != revision && self.made_at.elapsed() >= self.interval()
    }

    /// Lists go by what is known for a moment longer.
    fn is_fresh(&self, revision: u64) -> bool {
        let asked_since = || self.outdated_since.get_or_init(Instant::now).elapsed();
        self.revision == revision || asked_since() < self.interval() * COLD_INTERVALS_BEHIND
    }
}

/// A cache of the cold-start items of one workspace.
#[derive(Default)]
pub(crate) struct LatestColdStart {
    made: ArcSwapOption<ColdStart>,
    /// Held while they are computed.
    computing: Mutex<()>,
}

impl LatestColdStart {
    /// The cold-start items of a model; computed again when the model or the items have changed.
    pub(crate) fn get(&self, live: &LiveState, model: Option<&Model>) -> Arc<ColdStart> {
        let (of, revision) = read_cold_start_revision(live, model);
        let known = || self.made.load_full().filter(|cold| cold.of == of);
        let _computing = match known() {
            Some(cold) if cold.is_fresh(revision) => return cold,
            // One makes it anew; the others go on with what was known a moment ago.
            Some(cold) => match self.computing.try_lock() {
                Some(computing) => computing,
                None => return cold,
            },
            None => self.computing.lock(),
        };
        if let Some(cold) = known().filter(|cold| cold.is_fresh(revision)) {
            return cold;
        }
        let cold = Arc::new(make_cold_start(live, model));
        self.made.store(Some(Arc::clone(&cold)));
        cold
    }

    /// Computes the cold-start items of a model again if they are in use and items have changed.
    pub(crate) fn refresh(&self, live: &LiveState, model: Option<&Model>) {
        let (of, revision) = read_cold_start_revision(live, model);
        if self.made.load_full().is_some_and(|cold| cold.of == of && cold.is_due(revision)) {
            let _computing = self.computing.lock();
            self.made.store(Some(Arc::new(make_cold_start(live, model))));
        }
    }

    /// Computes the cold-start items of another model, and calls `switch` when they are known, to
    /// put that model in use.
    pub(crate) fn switch(&self, live: &LiveState, model: &Model, switch: impl FnOnce()) {
        let _computing = self.computing.lock();
        let cold = make_cold_start(live, Some(model));
        switch();
        self.made.store(Some(Arc::new(cold)));
    }

    pub(crate) fn clear(&self) {
        self.made.store(None);
    }

    /// Memory that they take, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.made.load_full().map_or(0, |cold| cold.items.n_bytes())
    }
}

fn read_cold_start_revision(
    live: &LiveState,
    model: Option<&Model>,
) -> ((Option<String>, Option<u32>), u64) {
    let catalog = &live.snapshot().catalog;
    let catalog_version = catalog.current().map(|version| version.version);
    ((model.map(|model| model.version.clone()), catalog_version), catalog.table().revision())
}

fn make_cold_start(live: &LiveState, model: Option<&Model>) -> ColdStart {
    let started = Instant::now();
    let (of, revision) = read_cold_start_revision(live, model);
    let n_items = live.snapshot().catalog.n_items();
    let items = ColdStartItems::new(build_features(live, n_items), model);
    let (made_at, duration) = (Instant::now(), started.elapsed());
    ColdStart { of, revision, made_at, duration, outdated_since: OnceLock::new(), items }
}

/// The features of the items, from their properties; read a few items at a time, so that the fold
/// can run in between.
pub fn build_features(live: &LiveState, n_items: usize) -> Arc<Features> {
    let mut builder = FeaturesBuilder::default();
    for first in (0..n_items).step_by(ITEMS_PER_STEP) {
        let views = live.snapshot();
        for item in first..(first + ITEMS_PER_STEP).min(n_items) {
            builder.add(ItemIdx(item as u32), &views.catalog.table().values(item as u32));
        }
    }
    Arc::new(builder.finish(n_items))
}
