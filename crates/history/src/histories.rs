//! The live matrix: each user's most recent interactions, twelve bytes each.

use domain::{InteractionKind, InteractionWeights, ItemIdx, Timestamp, UserIdx};
use rustc_hash::FxHashMap;

use crate::WeakSignal;

/// The most interactions per user that are held in memory and used for training. Older ones are in
/// the store only.
pub const HISTORY_ENTRIES_MAX: usize = 500;

/// One interaction of a user with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryEntry {
    /// Seconds since 1970. The first field, so that entries sort by time.
    pub at_s: u32,
    /// The item that the user interacted with.
    pub item: ItemIdx,
    /// The kind of interaction.
    pub kind: InteractionKind,
    /// The rating or view portion in ten-thousandths; 10,000 for other kinds. A view of strength 0
    /// stands for a weak signal.
    strength: i16,
    /// Whether the interaction cites a recommendation. Models learn from such interactions but are
    /// not evaluated on them.
    pub is_attributed: bool,
}

const _: () = assert!(size_of::<HistoryEntry>() == 12);

const STRENGTH_ONE: f64 = 10_000.0;

impl HistoryEntry {
    /// Creates an entry. `value` is the rating in [-1, 1] or the view portion in [0, 1]; other
    /// kinds ignore it.
    pub fn new(item: ItemIdx, kind: InteractionKind, at: Timestamp, value: Option<f64>) -> Self {
        let strength = match kind {
            InteractionKind::Rating | InteractionKind::ViewPortion => {
                value.unwrap_or(1.0).clamp(-1.0, 1.0)
            }
            _ => 1.0,
        };
        let strength = (strength * STRENGTH_ONE).round() as i16;
        Self { at_s: at.seconds_u32(), item, kind, strength, is_attributed: false }
    }

    /// Represents a weak signal as an entry of a query vector. Histories hold no such entries.
    pub fn from_weak_signal(signal: &WeakSignal) -> Self {
        let WeakSignal { at_s, item, .. } = *signal;
        Self { at_s, item, kind: InteractionKind::DetailView, strength: 0, is_attributed: false }
    }

    /// Whether the entry represents a weak signal.
    pub fn is_weak_signal(&self) -> bool {
        self.kind == InteractionKind::DetailView && self.strength == 0
    }

    /// Returns the entry with `is_attributed` set: whether it cites a recommendation.
    pub fn with_attribution(self, is_attributed: bool) -> Self {
        Self { is_attributed, ..self }
    }

    /// The rating in [-1, 1] or the view portion in [0, 1]; 1 for other kinds, 0 for weak signals.
    pub fn strength(&self) -> f32 {
        f32::from(self.strength) / STRENGTH_ONE as f32
    }

    /// The preference that the interaction expresses: the weight of its kind, scaled by its
    /// strength. Below 0 for a rating below the middle. A view portion scales from 0.2 (started) to
    /// 1 (complete).
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

/// Each user's most recent interactions in order of time, and each item's interaction counts.
///
/// A row depends only on the set of interactions, not on the order in which they arrive.
#[derive(Default)]
pub struct Histories {
    rows: Vec<Vec<HistoryEntry>>,
    counts: Vec<ItemCounts>,
    n_interactions: u64,
}

/// The number of interactions with an item, over all users and all time.
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

    /// The interaction counts of an item; zeros for an unknown item.
    pub fn counts(&self, item: ItemIdx) -> ItemCounts {
        self.counts.get(item.pos()).copied().unwrap_or_default()
    }

    /// The number of interactions over all users and all time.
    pub fn n_interactions(&self) -> u64 {
        self.n_interactions
    }

    /// Adds the interactions of `users` since `first_s` (seconds since 1970) to `popularity`, by
    /// item index. Without `kind` an interaction adds its weight, at least 0; with a kind, every
    /// positive interaction of that kind adds 1.
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
                let weight = match kind {
                    None => entry.weight(weights).max(0.0),
                    Some(kind) => f32::from(u8::from(entry.kind == kind && entry.strength() > 0.0)),
                };
                if weight > 0.0 {
                    *popularity.entry(entry.item.0).or_default() += weight;
                }
            }
        }
    }

    /// The number of rows.
    pub fn n_users(&self) -> usize {
        self.rows.len()
    }

    /// The number of items with counts.
    pub fn n_items(&self) -> usize {
        self.counts.len()
    }

    /// Inserts a new interaction into the user's row and the item's counts.
    pub fn add(&mut self, user: UserIdx, entry: HistoryEntry) {
        self.adjust_counts(&entry, 1);
        if self.rows.len() <= user.pos() {
            self.rows.resize_with(user.pos() + 1, Vec::new);
        }
        let row = &mut self.rows[user.pos()];
        let position = row.partition_point(|other| *other <= entry);
        row.insert(position, entry);
        if row.len() > HISTORY_ENTRIES_MAX {
            row.remove(0);
        }
    }

    /// Removes an interaction from the counts, and from the row if the row still holds it.
    pub fn remove(&mut self, user: UserIdx, entry: HistoryEntry) {
        self.adjust_counts(&entry, -1);
        if let Some(row) = self.rows.get_mut(user.pos())
            && let Ok(position) = row.binary_search(&entry)
        {
            row.remove(position);
        }
    }

    /// Replaces a row by the most recent of all the user's interactions. Counts do not change.
    pub fn replace_row(&mut self, user: UserIdx, mut entries: Vec<HistoryEntry>) {
        entries.sort_unstable();
        entries.drain(..entries.len().saturating_sub(HISTORY_ENTRIES_MAX));
        if self.rows.len() <= user.pos() {
            self.rows.resize_with(user.pos() + 1, Vec::new);
        }
        entries.shrink_to_fit();
        self.rows[user.pos()] = entries;
    }

    /// Adds `by` to the counts of an interaction's item. Rows do not change.
    pub fn adjust_counts(&mut self, entry: &HistoryEntry, by: i32) {
        if self.counts.len() <= entry.item.pos() {
            self.counts.resize(entry.item.pos() + 1, ItemCounts::default());
        }
        let counts = &mut self.counts[entry.item.pos()];
        let kind_count = &mut counts.by_kind[entry.kind as usize];
        *kind_count = kind_count.saturating_add_signed(by);
        if entry.kind == InteractionKind::Rating && entry.strength != 0 {
            let rating_count = if entry.strength < 0 {
                &mut counts.negative_ratings
            } else {
                &mut counts.positive_ratings
            };
            *rating_count = rating_count.saturating_add_signed(by);
        }
        self.n_interactions = self.n_interactions.saturating_add_signed(i64::from(by));
    }
}
