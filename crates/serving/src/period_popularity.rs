//! Popularity in a period that ends now, or among some of the users, which is kept for a while.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::InteractionKind;
use lru::LruCache;
use parking_lot::Mutex;

use crate::{MemoryBudget, MemoryPart, Reservation};

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
pub(crate) struct Period {
    /// Since when, in seconds before now; none for any time.
    pub(crate) length_s: Option<u32>,
    /// Interactions of which kind; none for all kinds.
    pub(crate) kind: Option<InteractionKind>,
    /// The users whose interactions count, by the key of their filter.
    pub(crate) users: String,
}

/// A cache of the popularity in the periods that lists have used.
pub(crate) struct PeriodPopularity {
    counted: Mutex<LruCache<Period, RankedPeriod>>,
    memory: Arc<MemoryBudget>,
}

struct RankedPeriod {
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

    /// The popularity that was counted in a period; none where that is too long ago.
    pub(crate) fn get(&self, period: &Period) -> Option<Ranked> {
        let mut counted = self.counted.lock();
        let known = counted.get(period)?;
        let kept_for = KEPT_FOR.max(known.duration * INTERVAL_FACTOR);
        (known.at.elapsed() < kept_for).then(|| Arc::clone(&known.ranked))
    }

    /// Keeps the popularity that was counted just now.
    pub(crate) fn put(&self, period: Period, ranked: &Ranked, duration: Duration) {
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
            counted.put(period, RankedPeriod { ranked, at: Instant::now(), duration, _room });
        }
    }
}
