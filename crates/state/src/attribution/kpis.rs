//! Figures by day, place and group: in memory, what a batch changed written before it is committed.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Day, InteractionKind};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use super::{Place, Rate};

pub(super) const KEYSPACE: &str = "state.kpis";

/// For how many days figures are kept.
pub const DAYS_KEPT: u32 = 800;
/// How many places and groups of a day have a row of their own; what comes later counts together.
pub const PLACES_PER_DAY_MAX: usize = 1_000;
/// The scenario, or trait, of what counts together.
const OTHERS: &str = "(others)";
/// The row of a day in which all its interactions are; places have rows from 1.
const INTERACTIONS_ROW: u32 = 0;

/// Counts of interactions by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InteractionCounts([u64; InteractionKind::ALL.len()]);

impl InteractionCounts {
    /// How many of a kind.
    pub fn count(&self, kind: InteractionKind) -> u64 {
        self.0[kind as usize]
    }

    pub(super) fn add(&mut self, kind: InteractionKind) {
        self.0[kind as usize] += 1;
    }
}

/// What was recommended at a place on a day, and what became of it until now.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct KpiCounts {
    /// How many recommendations were handed out.
    pub recommendations: u64,
    /// To how many different users, as they were then: two that are merged later stay two.
    pub users: u64,
    /// Interactions that cite them.
    pub interactions: InteractionCounts,
    /// The prices of the purchases among those.
    pub revenue: f64,
    /// Recommendations that a detail view cites.
    pub clicked_recommendations: u64,
    /// Recommendations that a purchase cites.
    pub converted_recommendations: u64,
}

impl KpiCounts {
    /// Recommendations that were clicked, of all.
    pub fn click_through_rate(&self) -> Rate {
        Rate::new(self.clicked_recommendations, self.recommendations)
    }

    /// Recommendations that led to a purchase, of all.
    pub fn conversion_rate(&self) -> Rate {
        Rate::new(self.converted_recommendations, self.recommendations)
    }

    /// A price beyond all numbers is none.
    pub(super) fn add_revenue(&mut self, price: f64) {
        let revenue = self.revenue + price;
        if revenue.is_finite() {
            self.revenue = revenue;
        }
    }
}

/// The figures of one place and group on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct KpiRow {
    /// The day on which the recommendations were made.
    pub day: Day,
    /// Where.
    pub place: Place,
    /// The group of an A/B test.
    pub group: Option<String>,
    /// What became of them.
    pub counts: KpiCounts,
}

/// The interactions that arrived on a day, whether they cite something or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayInteractions {
    /// The day.
    pub day: Day,
    /// How many came.
    pub counts: InteractionCounts,
}

/// Figures of a range of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis {
    /// In the order of days, places and groups.
    pub rows: Vec<KpiRow>,
    /// In the order of days.
    pub interactions: Vec<DayInteractions>,
}

/// A place and a group.
pub(super) type RowName = (Place, Option<String>);

#[derive(Default)]
struct Row {
    number: u32,
    counts: KpiCounts,
    is_dirty: bool,
}

#[derive(Default)]
struct DayKpis {
    interactions: InteractionCounts,
    interactions_are_dirty: bool,
    rows: BTreeMap<RowName, Row>,
}

pub(super) struct KpiTable {
    keyspace: Keyspace,
    by_day: BTreeMap<Day, DayKpis>,
    dirty_days: BTreeSet<Day>,
}

/// Where that counts for which a day has no row.
pub(super) fn others_of(place: &Place) -> RowName {
    let place = match place {
        Place::Trait(_) => Place::Trait(OTHERS.to_owned()),
        Place::Scenario { endpoint, .. } => {
            Place::Scenario { endpoint: endpoint.clone(), scenario: Some(OTHERS.to_owned()) }
        }
    };
    (place, None)
}

impl KpiTable {
    pub(super) fn load(store: &Store) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(KEYSPACE);
        let mut by_day: BTreeMap<Day, DayKpis> = BTreeMap::new();
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let (day, number) = parts.u32().zip(parts.u32()).ok_or_else(unreadable)?;
            let figures = by_day.entry(Day(day)).or_default();
            if number == INTERACTIONS_ROW {
                figures.interactions = decode(&value)?;
            } else {
                let (place, group, counts): (Place, Option<String>, KpiCounts) = decode(&value)?;
                figures.rows.insert((place, group), Row { number, counts, is_dirty: false });
            }
        }
        Ok(Self { keyspace, by_day, dirty_days: BTreeSet::new() })
    }

    /// Whether a place and group have a row of their own on a day, or may get one.
    pub(super) fn has_room(&self, day: Day, name: &RowName) -> bool {
        let of_day = self.by_day.get(&day);
        of_day.is_none_or(|day| day.rows.len() < PLACES_PER_DAY_MAX || day.rows.contains_key(name))
    }

    /// The row of a place and group, made where it is new, with its number within the day.
    pub(super) fn row_mut(&mut self, day: Day, name: RowName) -> (u32, &mut KpiCounts) {
        self.dirty_days.insert(day);
        let rows = &mut self.by_day.entry(day).or_default().rows;
        let next = rows.len() as u32 + INTERACTIONS_ROW + 1;
        let row = rows.entry(name).or_insert_with(|| Row { number: next, ..Default::default() });
        row.is_dirty = true;
        (row.number, &mut row.counts)
    }

    /// The interactions that arrived on a day.
    pub(super) fn interactions_mut(&mut self, day: Day) -> &mut InteractionCounts {
        self.dirty_days.insert(day);
        let figures = self.by_day.entry(day).or_default();
        figures.interactions_are_dirty = true;
        &mut figures.interactions
    }

    /// Forgets the oldest day where it is before this one, whole: the numbers of its rows have no gaps.
    pub(super) fn forget(&mut self, batch: &mut Batch<'_>, before: Day) {
        let Some(oldest) = self.by_day.first_entry().filter(|oldest| *oldest.key() < before) else { return };
        let (day, figures) = oldest.remove_entry();
        self.dirty_days.remove(&day);
        let rows = figures.rows.into_values().map(|row| row.number);
        for number in rows.chain([INTERACTIONS_ROW]) {
            batch.remove(&self.keyspace, key(day, number));
        }
    }

    pub(super) fn flush(&mut self, batch: &mut Batch<'_>) {
        for day in std::mem::take(&mut self.dirty_days) {
            let Some(figures) = self.by_day.get_mut(&day) else { continue };
            if std::mem::take(&mut figures.interactions_are_dirty) {
                batch.put(&self.keyspace, key(day, INTERACTIONS_ROW), encode(&figures.interactions));
            }
            for ((place, group), row) in &mut figures.rows {
                if std::mem::take(&mut row.is_dirty) {
                    batch.put(&self.keyspace, key(day, row.number), encode(&(place, group, row.counts)));
                }
            }
        }
    }

    pub(super) fn kpis(&self, from: Day, until: Day) -> Kpis {
        let mut kpis = Kpis { rows: Vec::new(), interactions: Vec::new() };
        if from > until {
            return kpis;
        }
        for (&day, figures) in self.by_day.range(from..=until) {
            let counts = figures.interactions;
            if counts != InteractionCounts::default() {
                kpis.interactions.push(DayInteractions { day, counts });
            }
            let rows = figures.rows.iter().map(|((place, group), row)| KpiRow {
                day,
                place: place.clone(),
                group: group.clone(),
                counts: row.counts,
            });
            kpis.rows.extend(rows);
        }
        kpis
    }
}

fn key(day: Day, number: u32) -> Vec<u8> {
    KeyBuf::new().u32(day.0).u32(number).build()
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "figure" }
}
