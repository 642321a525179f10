//! Popularity in a period that ends now, or among some of the users: counted from the histories
//! when a list asks for it, and kept for a while.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{InteractionKind, ListRequest, Logic, Timestamp, UserIdx};
use lru::LruCache;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::expressions::Budget;
use crate::groupings::Segmentations;
use crate::recommendation::within;
use crate::{
    ListError, LiveState, MemoryBudget, MemoryPart, RequestBudget, Reservation, Serving, Stage,
    USERS_PER_STEP,
};

/// The most periods whose popularity is kept, within what the memory budget allows: some for each
/// of the world's countries.
const PERIODS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("above 0");
/// Popularity is kept for this long, or, if that is longer, for `INTERVAL_FACTOR` times as long as
/// counting took.
const KEPT_FOR: Duration = Duration::from_secs(1);
const INTERVAL_FACTOR: u32 = 100;

/// Items with interactions in the period and their popularity, most popular first.
pub(crate) type Ranked = Arc<[(u32, f32)]>;

/// The interactions that are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Period {
    /// Since when, in seconds before now; none for any time.
    length_s: Option<u32>,
    /// Interactions of which kind; none for all kinds.
    kind: Option<InteractionKind>,
    /// The users whose interactions count, by the key of their filter.
    users: String,
}

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

    fn get(&self, period: &Period) -> Option<Ranked> {
        let mut counted = self.counted.lock();
        let known = counted.get(period)?;
        let kept_for = KEPT_FOR.max(known.duration * INTERVAL_FACTOR);
        (known.at.elapsed() < kept_for).then(|| Arc::clone(&known.ranked))
    }

    fn put(&self, period: Period, ranked: &Ranked, duration: Duration) {
        let mut counted = self.counted.lock();
        counted.pop(&period);
        // Others give way; where that is not enough, it is used once.
        while !counted.is_empty()
            && self.memory.room(MemoryPart::PeriodPopularity) < size_of_val(&**ranked)
        {
            counted.pop_lru();
        }
        if let Some(_room) =
            self.memory.reserve(MemoryPart::PeriodPopularity, size_of_val(&**ranked))
        {
            let ranked = Arc::clone(ranked);
            counted.put(period, Counted { ranked, at: Instant::now(), duration, _room });
        }
    }
}

impl Serving {
    /// The popularity in the period and among the users that a list of trending items asks for;
    /// none where it asks for neither. The fold gets its turns meanwhile. O(users + interactions in
    /// the period).
    ///
    /// # Errors
    /// If the request's budget is used up, or the filter of users is wrong or takes too long.
    pub(crate) fn period_popularity(
        &self,
        live: &LiveState,
        stage: &Stage<'_>,
        list: &ListRequest,
        segmentations: &Segmentations,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Option<Ranked>, ListError> {
        if list.logic != Logic::Trending || (list.max_age_s.is_none() && !stage.has_user_filter()) {
            return Ok(None);
        }
        let evaluation = Budget::within(budget);
        let users = {
            let views = live.snapshot();
            self.with_user_filter(stage, segmentations, (&views, now), &evaluation, |users| {
                users.key()
            })?
        };
        let period =
            users.map(|users| Period { length_s: list.max_age_s, kind: list.interaction, users });
        if let Some(ranked) = period.as_ref().and_then(|period| self.period_popularity.get(period))
        {
            return Ok(Some(ranked));
        }
        let started = Instant::now();
        let first_s =
            list.max_age_s.map_or(0, |length_s| now.seconds_u32().saturating_sub(length_s));
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
            self.with_user_filter(stage, segmentations, (&views, now), &evaluation, |filter| {
                let users = step.map(UserIdx).filter(|user| filter.allows(*user));
                histories.add_period_popularity(
                    users,
                    first_s,
                    list.interaction,
                    weights,
                    &mut popularity,
                );
            })?;
            within(evaluation.check())?;
        }
        let mut ranked: Vec<(u32, f32)> = popularity.into_iter().collect();
        ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let ranked = Ranked::from(ranked);
        if let Some(period) = period {
            self.period_popularity.put(period, &ranked, started.elapsed());
        }
        Ok(Some(ranked))
    }
}
