//! How much memory all that is kept to be fast may take together, over all workspaces of a process.
//!
//! A cache reserves its bytes first, by part, and keeps its data only as long as the
//! reservation. What can be dropped asks ([`MemoryBudget::reserve`]) and is told no beyond the
//! budget or its part's share of it; what cannot be dropped only counts ([`MemoryBudget::hold`]),
//! and leaves less for the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The default budget, in bytes.
pub const CACHE_BYTES_MAX: usize = 512 * 1_024 * 1_024;

/// A refresh drops values that were not used within this time.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(600);

/// A use of memory that is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryPart {
    /// Parsed filters and boosters.
    Expressions,
    /// Values of filters and boosters for all items.
    ExpressionValues,
    /// Groupings of items by property values and segments.
    ItemGroupings,
    /// Popularity in the periods that lists have requested.
    PeriodPopularity,
    /// The people of each item in the windows that lists learn from.
    PeopleByItem,
    /// Features of cold-start items; cannot be dropped.
    ColdStartItems,
    /// The full text indexes; cannot be dropped.
    SearchIndexes,
    /// Lists on their way to the journal; cannot be dropped.
    ImpressionQueues,
    /// Answers that wait for their callers to receive them; cannot be dropped.
    Answers,
}

impl MemoryPart {
    /// Every part, once.
    pub const ALL: [Self; 9] = [
        Self::Expressions,
        Self::ExpressionValues,
        Self::ItemGroupings,
        Self::PeriodPopularity,
        Self::PeopleByItem,
        Self::ColdStartItems,
        Self::SearchIndexes,
        Self::ImpressionQueues,
        Self::Answers,
    ];

    /// The part's name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expressions => "expressions",
            Self::ExpressionValues => "expression_values",
            Self::ItemGroupings => "item_groupings",
            Self::PeriodPopularity => "period_popularity",
            Self::PeopleByItem => "people_by_item",
            Self::ColdStartItems => "cold_start_items",
            Self::SearchIndexes => "search_indexes",
            Self::ImpressionQueues => "impression_queues",
            Self::Answers => "answers",
        }
    }

    /// One of so many parts of the budget is for it at most, so that a flood of one kind leaves
    /// room for the others.
    fn share_divisor(self) -> usize {
        match self {
            Self::Expressions
            | Self::ExpressionValues
            | Self::PeriodPopularity
            | Self::PeopleByItem => 4,
            Self::ItemGroupings | Self::Answers => 2,
            Self::ColdStartItems | Self::SearchIndexes | Self::ImpressionQueues => 1,
        }
    }
}

/// The limit on the memory of caches, with the bytes in use by part.
pub struct MemoryBudget {
    bytes_max: usize,
    bytes: [AtomicUsize; MemoryPart::ALL.len()],
    total_bytes: AtomicUsize,
}

impl MemoryBudget {
    /// Creates a budget of this many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, bytes: Default::default(), total_bytes: AtomicUsize::new(0) })
    }

    /// The budget, in bytes.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The largest number of bytes that a part may take.
    pub fn share(&self, part: MemoryPart) -> usize {
        self.bytes_max / part.share_divisor()
    }

    /// Bytes that a part takes now.
    pub fn n_bytes(&self, part: MemoryPart) -> usize {
        self.bytes[part as usize].load(Ordering::Relaxed)
    }

    /// How many bytes each part takes, in the order of [`MemoryPart::ALL`].
    pub fn bytes_by_part(&self) -> [(MemoryPart, usize); MemoryPart::ALL.len()] {
        MemoryPart::ALL.map(|part| (part, self.n_bytes(part)))
    }

    /// Reserves bytes for a part; `None` if they do not fit.
    pub fn reserve(self: &Arc<Self>, part: MemoryPart, n_bytes: usize) -> Option<Reservation> {
        let mut reservation = self.hold(part, 0);
        reservation.try_resize(n_bytes).then_some(reservation)
    }

    /// Counts bytes that cannot be dropped, even beyond the budget.
    pub fn hold(self: &Arc<Self>, part: MemoryPart, n_bytes: usize) -> Reservation {
        let mut reservation = Reservation { budget: Arc::clone(self), part, n_bytes: 0 };
        reservation.resize(n_bytes);
        reservation
    }

    /// How many more bytes may be reserved for a part.
    pub fn room(&self, part: MemoryPart) -> usize {
        let of_part = self.share(part).saturating_sub(self.n_bytes(part));
        of_part.min(self.bytes_max.saturating_sub(self.total_bytes.load(Ordering::Relaxed)))
    }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self {
            bytes_max: CACHE_BYTES_MAX,
            bytes: Default::default(),
            total_bytes: AtomicUsize::new(0),
        }
    }
}

/// Bytes of a part, given back when it is dropped.
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    part: MemoryPart,
    n_bytes: usize,
}

impl Reservation {
    /// Number of bytes reserved.
    pub fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Changes the reservation to this many bytes, even beyond the budget.
    pub fn resize(&mut self, n_bytes: usize) {
        let (of_part, total) = (&self.budget.bytes[self.part as usize], &self.budget.total_bytes);
        for count in [of_part, total] {
            count.fetch_add(n_bytes, Ordering::Relaxed);
            count.fetch_sub(self.n_bytes, Ordering::Relaxed);
        }
        self.n_bytes = n_bytes;
    }

    /// Changes the reservation to this many bytes if they fit; returns false if they do not.
    pub fn try_resize(&mut self, n_bytes: usize) -> bool {
        let n_before = self.n_bytes;
        // Counted first, so that two that come at once do not both find the last room.
        self.resize(n_bytes);
        let of_part = self.budget.n_bytes(self.part);
        let total = self.budget.total_bytes.load(Ordering::Relaxed);
        let has_room = of_part <= self.budget.share(self.part) && total <= self.budget.bytes_max;
        if !has_room && n_bytes > n_before {
            self.resize(n_before);
            return false;
        }
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_fits_the_budget_and_its_share_and_comes_back() {
        let budget = MemoryBudget::new(400);
        let bytes = |part: MemoryPart| budget.bytes_by_part()[part as usize].1;
        let expressions = budget.reserve(MemoryPart::Expressions, 100).unwrap();
        assert!(
            budget.reserve(MemoryPart::Expressions, 1).is_none(),
            "a quarter is the part's share"
        );
        assert_eq!(
            (bytes(MemoryPart::Expressions), budget.room(MemoryPart::Expressions)),
            (100, 0)
        );
        let mut groupings = budget.reserve(MemoryPart::ItemGroupings, 150).unwrap();
        assert!(groupings.try_resize(200) && !groupings.try_resize(201));
        assert_eq!(groupings.n_bytes(), 200);

        let mut index = budget.hold(MemoryPart::SearchIndexes, 90);
        assert_eq!(budget.room(MemoryPart::ExpressionValues), 10);
        index.resize(500);
        assert!(budget.reserve(MemoryPart::ExpressionValues, 1).is_none());
        assert!(groupings.try_resize(10), "whoever gives back may");
        drop((expressions, groupings, index));
        assert!(budget.bytes_by_part().iter().all(|(_, n_bytes)| *n_bytes == 0));
        assert_eq!(budget.room(MemoryPart::SearchIndexes), 400);
    }
}
