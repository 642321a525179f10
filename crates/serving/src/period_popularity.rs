//! Popularity in a period that ends now: counted from the histories when a list asks for it, and
//! kept for a while.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{InteractionKind, ListRequest, Logic, Timestamp};
use lru::LruCache;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::{
    BudgetError, LiveState, MemoryBudget, MemoryPart, RequestBudget, Reservation, Serving, USERS_PER_STEP,
};

/// The most periods whose popularity is kept.
const PERIODS_MAX: NonZeroUsize = NonZeroUsize::new(32).expect("above 0");
/// Popularity is kept for this long, or, if that is longer, for `INTERVAL_FACTOR` times as long as
/// counting took.
const KEPT_FOR: Duration = Duration::from_secs(1);
const INTERVAL_FACTOR: u32 = 100;

/// The items that anybody interacted with, and their popularity, most popular first.
pub(crate) type Ranked = Arc<[(u32, f32)]>;

/// A period, by its length in seconds, and the kind of interactions that count; none for all kinds.
type Period = (u32, Option<InteractionKind>);

/// A cache of the popularity in the periods that lists have used.
pub(crate) struct PeriodPopularity {
    counted: Mutex<LruCache<Period, Counted>>,
    memory: Arc<MemoryBudget>,
}

struct Counted {
    ranked: Ranked,
    at: Instant,
    duration: Duration,
    _room: Reservation,
}

impl PeriodPopularity {
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { counted: Mutex::new(LruCache::new(PERIODS_MAX)), memory }
    }

    pub(crate) fn clear(&self) {
        self.counted.lock().clear();
    }

    /// Drops popularity that was counted longer ago than `idle_max`.
    pub(crate) fn drop_idle(&self, idle_max: Duration) {
        let mut counted = self.counted.lock();
        while counted.peek_lru().is_some_and(|(_, counted)| counted.at.elapsed() >= idle_max) {
            counted.pop_lru();
        }
    }

    fn get(&self, period: Period) -> Option<Ranked> {
        let mut counted = self.counted.lock();
        let known = counted.get(&period)?;
        let kept_for = KEPT_FOR.max(known.duration * INTERVAL_FACTOR);
        (known.at.elapsed() < kept_for).then(|| Arc::clone(&known.ranked))
    }

    fn put(&self, period: Period, ranked: &Ranked, duration: Duration) {
        let mut counted = self.counted.lock();
        counted.pop(&period);
        // Others give way; where that is not enough, it is used once.
        while !counted.is_empty() && self.memory.room(MemoryPart::PeriodPopularity) < size_of_val(&**ranked) {
            counted.pop_lru();
        }
        if let Some(_room) = self.memory.reserve(MemoryPart::PeriodPopularity, size_of_val(&**ranked)) {
            let ranked = Arc::clone(ranked);
            counted.put(period, Counted { ranked, at: Instant::now(), duration, _room });
        }
    }
}

impl Serving {
    /// The popularity in the period that a list of trending items asks for; none for other lists.
    /// The fold gets its turns meanwhile. O(users + interactions in the period).
    ///
    /// # Errors
    /// Where the request's budget is used up.
    pub(crate) fn period_popularity(
        &self,
        live: &LiveState,
        list: &ListRequest,
        now: Timestamp,
        budget: &RequestBudget,
    ) -> Result<Option<Ranked>, BudgetError> {
        let Some(length_s) = list.max_age_s.filter(|_| list.logic == Logic::Trending) else {
            return Ok(None);
        };
        let period = (length_s, list.interaction);
        if let Some(ranked) = self.period_popularity.get(period) {
            return Ok(Some(ranked));
        }
        let started = Instant::now();
        let first_s = now.seconds_u32().saturating_sub(length_s);
        let mut popularity = FxHashMap::default();
        let mut done = 0;
        loop {
            budget.check()?;
            let views = live.snapshot();
            let histories = views.interactions.histories();
            let n_users = histories.n_users() as u32;
            if done >= n_users {
                break;
            }
            let step = done..n_users.min(done + USERS_PER_STEP as u32);
            done = step.end;
            let weights = &views.setup.config.interaction_weights;
            histories.add_period_popularity(step, first_s, list.interaction, weights, &mut popularity);
        }
        let mut ranked: Vec<(u32, f32)> = popularity.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let ranked = Ranked::from(ranked);
        self.period_popularity.put(period, &ranked, started.elapsed());
        Ok(Some(ranked))
    }
}
