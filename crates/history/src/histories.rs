//! The live matrix: what each user did most recently, twelve bytes an interaction.

use domain::{InteractionKind, InteractionWeights, ItemIdx, Timestamp, UserIdx};
use rustc_hash::FxHashMap;

use crate::WeakSignal;

/// The most interactions of one user that are held in memory and trained on; older ones are in the store.
pub const HISTORY_ENTRIES_MAX: usize = 500;

/// One interaction of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryEntry {
    /// When, in seconds since 1970. First, so that entries sort by time.
    pub at_s: u32,
    /// With what.
    pub item: ItemIdx,
    /// What was done.
    pub kind: InteractionKind,
    /// The rating or portion in ten-thousandths; 10,000 for other kinds, 0 for a weak signal, which is a view of no
    /// strength of its own.
    strength: i16,
    /// Whether a recommendation led there: models learn from it, and are not judged on it.
    pub is_led: bool,
}

const _: () = assert!(size_of::<HistoryEntry>() == 12);

const STRENGTH_ONE: f64 = 10_000.0;

impl HistoryEntry {
    /// An entry; `value` is the rating in [-1, 1] or the portion in [0, 1] and counts for these two kinds only.
    pub fn new(item: ItemIdx, kind: InteractionKind, at: Timestamp, value: Option<f64>) -> Self {
        let strength = match kind {
            InteractionKind::Rating | InteractionKind::ViewPortion => value.unwrap_or(1.0).clamp(-1.0, 1.0),
            _ => 1.0,
        };
        let strength = (strength * STRENGTH_ONE).round() as i16;
        Self { at_s: at.seconds_u32(), item, kind, strength, is_led: false }
    }

    /// A weak signal in a query vector: never in a history.
    pub fn weak(signal: &WeakSignal) -> Self {
        let WeakSignal { at_s, item, .. } = *signal;
        Self { at_s, item, kind: InteractionKind::DetailView, strength: 0, is_led: false }
    }

    /// Whether it stands for a weak signal.
    pub fn is_weak(&self) -> bool {
        self.kind == InteractionKind::DetailView && self.strength == 0
    }

    /// The same, and whether it cites the recommendation that led there.
    pub fn led(self, is_led: bool) -> Self {
        Self { is_led, ..self }
    }

    /// The rating or portion, 1 for other kinds.
    pub fn strength(&self) -> f32 {
        f32::from(self.strength) / STRENGTH_ONE as f32
    }

    /// What the interaction says about taste; below 0 for a rating below the middle. A portion counts from a fifth (started) to the whole.
    pub fn weight(&self, weights: &InteractionWeights) -> f32 {
        let strength = match self.kind {
            InteractionKind::Rating if self.strength < 0 => 0.5 * self.strength(),
            InteractionKind::Rating => 0.5 + 0.5 * self.strength(),
            InteractionKind::ViewPortion => 0.2 + 0.8 * self.strength(),
            _ => 1.0,
        };
        weights.weight(self.kind) * strength
    }
}

/// Per user the most recent interactions in the order of time, and per item how many there are of each kind.
///
/// What a row holds depends only on which interactions there are, not on the order in which they came.
#[derive(Default)]
pub struct Histories {
    rows: Vec<Vec<HistoryEntry>>,
    counts: Vec<ItemCounts>,
    n_interactions: u64,
}

/// How often people interacted with an item, over all users and all time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// Interactions by kind, in the order of [`InteractionKind::ALL`].
    pub by_kind: [u32; InteractionKind::ALL.len()],
    /// Ratings below the middle.
    pub negative_ratings: u32,
    /// Ratings above the middle.
    pub positive_ratings: u32,
}

impl Histories {
    /// A user's interactions, oldest first.
    pub fn row(&self, user: UserIdx) -> &[HistoryEntry] {
        self.rows.get(user.pos()).map_or(&[], Vec::as_slice)
    }

    /// Whether older interactions of the user may be in the store only.
    pub fn is_full(&self, user: UserIdx) -> bool {
        self.row(user).len() >= HISTORY_ENTRIES_MAX
    }

    /// How many interactions an item has.
    pub fn counts(&self, item: ItemIdx) -> ItemCounts {
        self.counts.get(item.pos()).copied().unwrap_or_default()
    }

    /// How many interactions there are over all users and all time.
    pub fn n_interactions(&self) -> u64 {
        self.n_interactions
    }

    /// Adds to each item's popularity the interactions of some users from `first_s` (seconds since
    /// 1970) on: the sum of all weights, or the number of interactions of one kind.
    pub fn add_period_popularity(
        &self,
        users: impl Iterator<Item = UserIdx>,
        first_s: u32,
        kind: Option<InteractionKind>,
        weights: &InteractionWeights,
        popularity: &mut FxHashMap<u32, f32>,
    ) {
        for user in users {
            let row = self.row(user);
            for entry in &row[row.partition_point(|entry| entry.at_s < first_s)..] {
                let worth = match kind {
                    None => entry.weight(weights).max(0.0),
                    Some(kind) => f32::from(u8::from(entry.kind == kind && entry.strength() > 0.0)),
                };
                if worth > 0.0 {
                    *popularity.entry(entry.item.0).or_default() += worth;
                }
            }
        }
    }

    /// How many users have a row.
    pub fn n_users(&self) -> usize {
        self.rows.len()
    }

    /// How many items have a count.
    pub fn n_items(&self) -> usize {
        self.counts.len()
    }

    /// Adds an interaction that is new.
    pub fn add(&mut self, user: UserIdx, entry: HistoryEntry) {
        self.count(&entry, 1);
        if self.rows.len() <= user.pos() {
            self.rows.resize_with(user.pos() + 1, Vec::new);
        }
        let row = &mut self.rows[user.pos()];
        let at = row.partition_point(|other| *other <= entry);
        row.insert(at, entry);
        if row.len() > HISTORY_ENTRIES_MAX {
            row.remove(0);
        }
    }

    /// Takes an interaction out of the counts and, where it is there, out of the row.
    pub fn remove(&mut self, user: UserIdx, entry: HistoryEntry) {
        self.count(&entry, -1);
        if let Some(row) = self.rows.get_mut(user.pos())
            && let Ok(at) = row.binary_search(&entry)
        {
            row.remove(at);
        }
    }

    /// Sets a row from all of a user's interactions without touching the counts.
    pub fn replace(&mut self, user: UserIdx, mut all: Vec<HistoryEntry>) {
        all.sort_unstable();
        all.drain(..all.len().saturating_sub(HISTORY_ENTRIES_MAX));
        if self.rows.len() <= user.pos() {
            self.rows.resize_with(user.pos() + 1, Vec::new);
        }
        all.shrink_to_fit();
        self.rows[user.pos()] = all;
    }

    /// Counts an interaction up or down; rows are not touched.
    pub fn count(&mut self, entry: &HistoryEntry, by: i32) {
        if self.counts.len() <= entry.item.pos() {
            self.counts.resize(entry.item.pos() + 1, ItemCounts::default());
        }
        let counts = &mut self.counts[entry.item.pos()];
        let of_kind = &mut counts.by_kind[entry.kind as usize];
        *of_kind = of_kind.saturating_add_signed(by);
        if entry.kind == InteractionKind::Rating && entry.strength != 0 {
            let of_sign =
                if entry.strength < 0 { &mut counts.negative_ratings } else { &mut counts.positive_ratings };
            *of_sign = of_sign.saturating_add_signed(by);
        }
        self.n_interactions = self.n_interactions.saturating_add_signed(i64::from(by));
    }
}
