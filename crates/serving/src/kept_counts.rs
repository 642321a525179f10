//! What was counted over all people in a period that ends now, kept for a while: popularity, and
//! who acted on each item.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{InteractionKind, Timestamp};
use lru::LruCache;
use parking_lot::Mutex;

use crate::{MemoryBudget, MemoryPart, Reservation};

/// The most periods whose counts are kept, within what the memory budget allows: some for each of
/// the world's countries.
const PERIODS_MAX: NonZeroUsize = NonZeroUsize::new(1_000).expect("above 0");
/// Counts are kept for this long, or, if that is longer, for `INTERVAL_FACTOR` times as long as
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

/// A cache of what was counted in the periods that lists have used.
pub(crate) struct KeptCounts<P, C> {
    counted: Mutex<LruCache<P, Counted<C>>>,
    memory: Arc<MemoryBudget>,
    part: MemoryPart,
}

struct Counted<C> {
    counts: C,
    at: Instant,
    /// The time of the workspace at which the period ended.
    now: Timestamp,
    duration: Duration,
    _room: Reservation,
}

impl<C> Counted<C> {
    /// Whether the counts are recent enough, by the time of this process and by that of the
    /// workspace.
    fn holds_at(&self, now: Timestamp) -> bool {
        let kept_for = KEPT_FOR.max(self.duration * INTERVAL_FACTOR);
        let passed = Duration::from_millis(now.0.abs_diff(self.now.0));
        self.at.elapsed().max(passed) < kept_for
    }
}

impl<P: Hash + Eq, C: Clone> KeptCounts<P, C> {
    /// Keeps nothing yet.
    pub(crate) fn new(memory: Arc<MemoryBudget>, part: MemoryPart) -> Self {
        Self { counted: Mutex::new(LruCache::new(PERIODS_MAX)), memory, part }
    }

    pub(crate) fn clear(&self) {
        self.counted.lock().clear();
    }

    /// Drops what was counted longer ago than `idle_max`.
    pub(crate) fn drop_idle(&self, idle_max: Duration) {
        let mut counted = self.counted.lock();
        while counted.peek_lru().is_some_and(|(_, counted)| counted.at.elapsed() >= idle_max) {
            counted.pop_lru();
        }
    }

    /// What was counted in a period; none where that is too long ago.
    pub(crate) fn get(&self, period: &P, now: Timestamp) -> Option<C> {
        let mut counted = self.counted.lock();
        let known = counted.get(period)?;
        known.holds_at(now).then(|| known.counts.clone())
    }

    /// Keeps what was counted just now, `n_bytes` of it.
    pub(crate) fn put(
        &self,
        period: P,
        counts: &C,
        n_bytes: usize,
        now: Timestamp,
        duration: Duration,
    ) {
        let mut counted = self.counted.lock();
        counted.pop(&period);
        // Others give way; where that is not enough, it is used once.
        while !counted.is_empty() && self.memory.room(self.part) < n_bytes {
            counted.pop_lru();
        }
        if let Some(_room) = self.memory.reserve(self.part, n_bytes) {
            let (counts, at) = (counts.clone(), Instant::now());
            counted.put(period, Counted { counts, at, now, duration, _room });
        }
    }
}
