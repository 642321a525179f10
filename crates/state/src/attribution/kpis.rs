//! KPIs by day, place and group. All are in memory; changed rows are written before a batch is
//! committed.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Day, InteractionKind};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use super::{Clusters, Place, Rate};

pub(super) const KEYSPACE: &str = "state.kpis";

/// For how many days KPIs are stored.
pub const KPI_DAYS_KEPT: u32 = 800;
/// The number of places and groups that have a row of their own on one day. Later ones share a row.
pub const PLACES_PER_DAY_MAX: usize = 1_000;
/// The scenario or trait of the shared row.
const OTHERS: &str = "(others)";
/// The number of the row that counts all interactions of a day. Rows of places start at 1.
const INTERACTIONS_ROW: u32 = 0;

/// Counts of interactions by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InteractionCounts([u64; InteractionKind::ALL.len()]);

impl InteractionCounts {
    /// The number of interactions of a kind.
    pub fn count(&self, kind: InteractionKind) -> u64 {
        self.0[kind as usize]
    }

    pub(super) fn add(&mut self, kind: InteractionKind) {
        self.0[kind as usize] += 1;
    }

    fn add_all(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

/// The counts of the recommendations of one day, place and group, and of the interactions that cite
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct KpiCounts {
    /// The number of recommendations.
    pub recommendations: u64,
    /// The number of distinct users who got them. Users who are merged later still count as two.
    pub users: u64,
    /// The interactions that cite the recommendations.
    pub interactions: InteractionCounts,
    /// The sum of the prices of the purchases among those interactions.
    pub revenue: f64,
    /// The number of recommendations that a detail view cites.
    pub clicked_recommendations: u64,
    /// The number of recommendations that a purchase cites.
    pub converted_recommendations: u64,
}

impl KpiCounts {
    /// The share of recommendations that were clicked.
    pub fn click_through_rate(&self) -> Rate {
        Rate::new(self.clicked_recommendations, self.recommendations)
    }

    /// The share of recommendations that led to a purchase.
    pub fn conversion_rate(&self) -> Rate {
        Rate::new(self.converted_recommendations, self.recommendations)
    }

    /// Adds the counts of another row. Users of both count twice.
    pub fn add_all(&mut self, other: &Self) {
        self.recommendations += other.recommendations;
        self.users += other.users;
        self.interactions.add_all(&other.interactions);
        self.add_revenue(other.revenue);
        self.clicked_recommendations += other.clicked_recommendations;
        self.converted_recommendations += other.converted_recommendations;
    }

    /// The sums with other counts. The number of users stays that of `self`.
    pub fn plus(mut self, other: &Self) -> Self {
        let users = self.users;
        self.add_all(other);
        Self { users, ..self }
    }

    /// Adds a price, unless the sum would overflow.
    pub(super) fn add_revenue(&mut self, price: f64) {
        let revenue = self.revenue + price;
        if revenue.is_finite() {
            self.revenue = revenue;
        }
    }
}

/// The KPIs of one day, place and group.
#[derive(Debug, Clone, PartialEq)]
pub struct KpiRow {
    /// The day of the recommendations, by their ids.
    pub day: Day,
    /// The place of the lists.
    pub place: Place,
    /// The group of an A/B test; none without a test.
    pub group: Option<String>,
    /// The counts until now.
    pub counts: KpiCounts,
}

/// The lists of a group of an A/B test over some days.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupCounts {
    /// The counts, with users counted anew each day.
    pub counts: KpiCounts,
    /// The same by clusters of people.
    pub clusters: Clusters,
}

/// All interactions that arrived on a day, including those that cite no recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayInteractions {
    /// The day of the arrival.
    pub day: Day,
    /// The counts by kind.
    pub counts: InteractionCounts,
}

/// The KPIs of a range of days.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpis {
    /// Ordered by day, place and group.
    pub rows: Vec<KpiRow>,
    /// Ordered by day.
    pub interactions: Vec<DayInteractions>,
}

/// The place and the group of a row.
pub(super) type RowName = (Place, Option<String>);

#[derive(Default)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) counts: KpiCounts,
    /// Sums by person, for intervals; empty in rows that are of no group of an A/B test.
    pub(super) clusters: Clusters,
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

/// The shared row for a place that gets no row of its own.
pub(super) fn make_others_row(place: &Place) -> RowName {
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
            let day_kpis = by_day.entry(Day(day)).or_default();
            if number == INTERACTIONS_ROW {
                day_kpis.interactions = decode(&value)?;
            } else {
                let (place, group, counts, clusters) = decode(&value)?;
                let row = Row { number, counts, clusters, is_dirty: false };
                day_kpis.rows.insert((place, group), row);
            }
        }
        Ok(Self { keyspace, by_day, dirty_days: BTreeSet::new() })
    }

    /// Whether a place and group have a row of their own on a day, or may get one.
    pub(super) fn has_room(&self, day: Day, name: &RowName) -> bool {
        let day_kpis = self.by_day.get(&day);
        day_kpis
            .is_none_or(|day| day.rows.len() < PLACES_PER_DAY_MAX || day.rows.contains_key(name))
    }

    /// The row of a place and group, which will be written. Adds the row if it is new.
    pub(super) fn row_mut(&mut self, day: Day, name: RowName) -> &mut Row {
        self.dirty_days.insert(day);
        let rows = &mut self.by_day.entry(day).or_default().rows;
        let next = rows.len() as u32 + INTERACTIONS_ROW + 1;
        let row = rows.entry(name).or_insert_with(|| Row { number: next, ..Default::default() });
        row.is_dirty = true;
        row
    }

    /// The counts of the interactions that arrived on a day.
    pub(super) fn interactions_mut(&mut self, day: Day) -> &mut InteractionCounts {
        self.dirty_days.insert(day);
        let day_kpis = self.by_day.entry(day).or_default();
        day_kpis.interactions_are_dirty = true;
        &mut day_kpis.interactions
    }

    /// Deletes the oldest day if it is before `before`. A day is deleted as a whole, so that the
    /// numbers of its rows have no gaps.
    pub(super) fn remove_before(&mut self, batch: &mut Batch<'_>, before: Day) {
        let Some(oldest) = self.by_day.first_entry().filter(|oldest| *oldest.key() < before) else {
            return;
        };
        let (day, day_kpis) = oldest.remove_entry();
        self.dirty_days.remove(&day);
        let rows = day_kpis.rows.into_values().map(|row| row.number);
        for number in rows.chain([INTERACTIONS_ROW]) {
            batch.remove(&self.keyspace, key(day, number));
        }
    }

    pub(super) fn flush(&mut self, batch: &mut Batch<'_>) {
        for day in std::mem::take(&mut self.dirty_days) {
            let Some(day_kpis) = self.by_day.get_mut(&day) else { continue };
            if std::mem::take(&mut day_kpis.interactions_are_dirty) {
                batch.put(
                    &self.keyspace,
                    key(day, INTERACTIONS_ROW),
                    encode(&day_kpis.interactions),
                );
            }
            for ((place, group), row) in &mut day_kpis.rows {
                if std::mem::take(&mut row.is_dirty) {
                    batch.put(
                        &self.keyspace,
                        key(day, row.number),
                        encode(&(place, group, row.counts, &row.clusters)),
                    );
                }
            }
        }
    }

    pub(super) fn sum_by_day(&self, from: Day, until: Day) -> Vec<(Day, KpiCounts)> {
        if from > until {
            return Vec::new();
        }
        let sum = |day: &DayKpis| {
            let counts = day.rows.values().map(|row| &row.counts);
            counts.fold(KpiCounts::default(), KpiCounts::plus)
        };
        self.by_day.range(from..=until).map(|(day, kpis)| (*day, sum(kpis))).collect()
    }

    pub(super) fn kpis(&self, from: Day, until: Day) -> Kpis {
        let mut kpis = Kpis { rows: Vec::new(), interactions: Vec::new() };
        if from > until {
            return kpis;
        }
        for (&day, day_kpis) in self.by_day.range(from..=until) {
            let counts = day_kpis.interactions;
            if counts != InteractionCounts::default() {
                kpis.interactions.push(DayInteractions { day, counts });
            }
            let rows = day_kpis.rows.iter().map(|((place, group), row)| KpiRow {
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

impl KpiTable {
    /// The groups of a place, by name.
    pub(super) fn groups(
        &self,
        place: &Place,
        from: Day,
        until: Day,
    ) -> BTreeMap<String, GroupCounts> {
        let mut groups: BTreeMap<String, GroupCounts> = BTreeMap::new();
        if from > until {
            return groups;
        }
        for day_kpis in self.by_day.range(from..=until).map(|(_, day_kpis)| day_kpis) {
            let first = (place.clone(), None);
            let rows = day_kpis.rows.range(first..).take_while(|((other, _), _)| other == place);
            for ((_, group), row) in rows {
                let Some(group) = group else { continue };
                let sum = groups.entry(group.clone()).or_default();
                sum.counts.add_all(&row.counts);
                sum.clusters.add_all(&row.clusters);
            }
        }
        groups
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
