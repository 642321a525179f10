//! Attribution: counts the interactions that cite a recommendation. Each recommendation is stored
//! under its id. An interaction that cites the id counts for the day and the place of the
//! recommendation. Its item need not have been in the list: clients cite the list that led there.

mod by_day;
mod clusters;
mod kpis;
mod list_impression;
mod rate;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Day, InteractionKind, Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Read, Store, StoreError};
use uuid::Uuid;

use self::by_day::ByDay;
use self::kpis::{KpiTable, RowName, make_others_row};

pub use self::clusters::{CLUSTERS, Cluster, Clusters};
pub use self::kpis::{
    DayInteractions, GroupCounts, InteractionCounts, KPI_DAYS_KEPT, KpiCounts, KpiRow, Kpis,
    PLACES_PER_DAY_MAX,
};
pub use self::list_impression::{ListImpression, Place};
pub use self::rate::Rate;

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};
use crate::people::{NamedPeople, People};

const RECOMMENDATIONS: &str = "state.recommendations";
const USERS: &str = "state.kpi_users";

/// For how many days a recommendation is stored and can be cited.
pub const RECOMMENDATION_DAYS_KEPT: u32 = 30;
/// How many days a list, or its id, may be ahead of the journal's clock. A list further ahead is
/// not stored. After a downtime that is longer, no earlier recommendation can be cited any more.
pub const AHEAD_DAYS_MAX: u32 = RECOMMENDATION_DAYS_KEPT;
/// The most items that are stored of one recommendation with all lists that continue it.
pub const RECOMMENDATION_ITEMS_MAX: usize = 10_000;
/// The most expired rows of a keyspace that one entry deletes, in addition to those for its lists.
const REMOVED_PER_ENTRY_MAX: usize = 1_000;
/// The most expired rows that each list of an entry deletes. More than one, so that expired rows do
/// not pile up.
const REMOVED_PER_LIST_MAX: usize = 2;

/// A stored recommendation: the first list and those that continue it. It holds the index of the
/// user and no external id, so that nothing of a deleted user is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRecommendation {
    /// The user it was for; none if it was for no user.
    pub user: Option<UserIdx>,
    /// The time of the first list.
    pub at: Timestamp,
    /// The time of the latest list.
    pub last_at: Timestamp,
    /// The number of lists that have continued it.
    pub n_next: u32,
    /// The place of the list.
    pub place: Place,
    /// The group of the A/B test that the user is in; none without a test.
    pub group: Option<String>,
    /// The version of the model; none before the first training run.
    pub model: Option<String>,
    /// External ids of the items, best first, list after list.
    pub items: Vec<String>,
    /// JSON text of the request; none if the recommendation cannot be continued.
    pub request: Option<String>,
    /// Whether a detail view has cited it.
    pub was_clicked: bool,
    /// Whether a purchase has cited it.
    pub was_converted: bool,
    /// Whether it counts in the common row of its day, because no row was left for its place.
    is_among_others: bool,
}

impl StoredRecommendation {
    /// Creates the recommendation that begins with a list.
    pub fn new(list: ListImpression, user: Option<UserIdx>) -> Self {
        Self {
            user,
            at: list.at,
            last_at: list.at,
            n_next: list.n_next,
            place: list.place,
            group: list.group,
            model: list.model,
            items: list.items,
            request: list.request,
            was_clicked: false,
            was_converted: false,
            is_among_others: false,
        }
    }

    /// Appends a list that continues the recommendation.
    pub fn extend(&mut self, list: ListImpression) {
        self.n_next = self.n_next.max(list.n_next);
        self.last_at = self.last_at.max(list.at);
        let room = RECOMMENDATION_ITEMS_MAX.saturating_sub(self.items.len());
        self.items.extend(list.items.into_iter().take(room));
    }

    /// Whether it counts for a group of an A/B test.
    fn is_in_group(&self) -> bool {
        self.group.is_some() && !self.is_among_others
    }

    fn kpi_row(&self) -> RowName {
        match self.is_among_others {
            true => make_others_row(&self.place),
            false => (self.place.clone(), self.group.clone()),
        }
    }
}

/// The values of an interaction that attribution needs.
pub(crate) struct CountedInteraction {
    pub(crate) kind: InteractionKind,
    pub(crate) price: Option<f64>,
    pub(crate) cited: Option<Uuid>,
}

/// Recommendations that can be cited, and their KPIs by day.
pub struct Attribution {
    recommendations: ByDay,
    /// The users that are counted in each row of KPIs.
    users: ByDay,
    kpi_table: KpiTable,
}

impl StatePart for Attribution {
    const KEYSPACES: &'static [&'static str] = &[RECOMMENDATIONS, USERS, kpis::KEYSPACE];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self {
            recommendations: ByDay::new(store.keyspace(RECOMMENDATIONS)),
            users: ByDay::new(store.keyspace(USERS)),
            kpi_table: KpiTable::load(store)?,
        })
    }

    /// Does nothing: the rows expire by day and hold no external id of a user.
    fn merge_users(
        &mut self,
        _: &mut Batch<'_>,
        _: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn delete_user(&mut self, _: &mut Batch<'_>, _: UserIdx) -> Result<(), StoreError> {
        Ok(())
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        self.kpi_table.flush(batch);
    }
}

impl Attribution {
    /// Stores and counts a list that has a recommendation id. `today` is the day of its entry. A
    /// place that `is_configured` always has a row of its own.
    ///
    /// Returns false if another list has continued the recommendation in the same way. Two servers
    /// may do so at once; the first in the journal counts.
    pub(crate) fn record(
        &mut self,
        batch: &mut Batch<'_>,
        list: ListImpression,
        user: Option<UserIdx>,
        today: Day,
        is_configured: bool,
    ) -> Result<bool, StoreError> {
        let Some((id, day)) = list.recomm_id.and_then(|id| Some((id, recommendation_day(id)?)))
        else {
            return Ok(true);
        };
        if day < today.earlier(RECOMMENDATION_DAYS_KEPT) || day.earlier(AHEAD_DAYS_MAX) > today {
            return Ok(true);
        }
        let stored = match (list.n_next, self.stored_recommendation(batch, id)?) {
            (0, None) => {
                let mut stored = StoredRecommendation::new(list, user);
                // Clients may name any scenario. Unknown names must not use up the rows of a day.
                stored.is_among_others =
                    !is_configured && !self.kpi_table.has_room(day, &stored.kpi_row());
                let row = self.kpi_table.row_mut(day, stored.kpi_row());
                row.counts.recommendations += 1;
                if stored.is_in_group() {
                    row.clusters.of(user, id).recommendations += 1;
                }
                if let Some(user) = user {
                    let key = KeyBuf::new().u32(day.0).u32(row.number).u32(user.0).build();
                    if batch.get(self.users.keyspace(), &key)?.is_none() {
                        row.counts.users += 1;
                        self.users.put(batch, key, Vec::new());
                    }
                }
                stored
            }
            (n_next @ 1.., Some(stored)) if n_next <= stored.n_next => return Ok(false),
            (1.., Some(mut stored)) => {
                stored.extend(list);
                stored
            }
            // The recommendation to continue is unknown, or the first list is stored already.
            (1.., None) | (0, Some(_)) => return Ok(true),
        };
        self.put(batch, id, day, &stored);
        Ok(true)
    }

    /// Counts a new interaction that arrived on the day `arrived`.
    pub(crate) fn count_interaction(
        &mut self,
        batch: &mut Batch<'_>,
        counted: &CountedInteraction,
        arrived: Day,
    ) -> Result<(), StoreError> {
        let CountedInteraction { kind, price, cited } = *counted;
        self.kpi_table.interactions_mut(arrived).add(kind);
        let Some((id, day)) = cited.and_then(|id| Some((id, recommendation_day(id)?))) else {
            return Ok(());
        };
        if day < arrived.earlier(RECOMMENDATION_DAYS_KEPT) {
            return Ok(());
        }
        let Some(mut stored) = self.stored_recommendation(batch, id)? else { return Ok(()) };
        let row = self.kpi_table.row_mut(day, stored.kpi_row());
        row.counts.interactions.add(kind);
        let of_group = match stored.is_in_group() {
            true => row.clusters.of(stored.user, id),
            false => &mut Cluster::default(),
        };
        let (was_counted, n_recommendations, n_in_cluster) = match kind {
            InteractionKind::DetailView => (
                &mut stored.was_clicked,
                &mut row.counts.clicked_recommendations,
                &mut of_group.clicked,
            ),
            InteractionKind::Purchase => {
                row.counts.add_revenue(price.unwrap_or(0.0));
                (
                    &mut stored.was_converted,
                    &mut row.counts.converted_recommendations,
                    &mut of_group.converted,
                )
            }
            _ => return Ok(()),
        };
        if !std::mem::replace(was_counted, true) {
            *n_recommendations += 1;
            *n_in_cluster += 1;
            self.put(batch, id, day, &stored);
        }
        Ok(())
    }

    /// Deletes some of the rows that have expired on the day `today`, more the more lists the entry
    /// had.
    pub(crate) fn remove_expired(
        &mut self,
        batch: &mut Batch<'_>,
        today: Day,
        n_lists: usize,
    ) -> Result<(), StoreError> {
        let n_max = REMOVED_PER_ENTRY_MAX + REMOVED_PER_LIST_MAX * n_lists;
        self.recommendations.remove_before(
            batch,
            today.earlier(RECOMMENDATION_DAYS_KEPT),
            n_max,
        )?;
        self.users.remove_before(batch, today.earlier(RECOMMENDATION_DAYS_KEPT), n_max)?;
        self.kpi_table.remove_before(batch, today.earlier(KPI_DAYS_KEPT));
        Ok(())
    }

    /// The KPIs of the days from `from` to `until`, both included.
    pub fn kpis(&self, from: Day, until: Day) -> Kpis {
        self.kpi_table.kpis(from, until)
    }

    /// What came of the lists of each group of a place on the days from `from` to `until`, both
    /// included.
    pub fn groups(&self, place: &Place, from: Day, until: Day) -> BTreeMap<String, GroupCounts> {
        self.kpi_table.groups(place, from, until)
    }

    /// The sums over all places and groups, for each day from `from` to `until` that has any. Users
    /// are left out: one who got lists at two places would count twice.
    pub fn sum_kpis(&self, from: Day, until: Day) -> Vec<(Day, KpiCounts)> {
        self.kpi_table.sum_by_day(from, until)
    }

    /// The recommendation of an id; none if it is unknown or has expired.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn stored_recommendation(
        &self,
        read: &dyn Read,
        id: Uuid,
    ) -> Result<Option<StoredRecommendation>, StoreError> {
        let Some(day) = recommendation_day(id) else { return Ok(None) };
        let unreadable = |_| StoreError::Unreadable { what: "recommendation" };
        let value = read.get(self.recommendations.keyspace(), &key(id, day))?;
        value.map(|value| postcard::from_bytes(&value).map_err(unreadable)).transpose()
    }

    /// Forgets for whom recommendations were, and how they were asked for. They stay as counts.
    pub(crate) fn forget_users(
        &mut self,
        batch: &mut Batch<'_>,
        users: &BTreeSet<UserIdx>,
    ) -> Result<(), StoreError> {
        self.change_each(batch, &|stored| {
            let is_theirs = stored.user.is_some_and(|user| users.contains(&user));
            if is_theirs {
                (stored.user, stored.request) = (None, None);
            }
            is_theirs
        })
    }

    /// Takes people out of the lists of people that others were shown, and out of what was asked
    /// for somebody whom nobody knew.
    pub(crate) fn forget_listed(
        &mut self,
        batch: &mut Batch<'_>,
        people: &NamedPeople,
    ) -> Result<(), StoreError> {
        self.change_each(batch, &|stored| {
            let request = stored.request.as_deref();
            if request.is_some_and(|request| {
                people.may_be_in(request.as_bytes()) && is_asked_for(request, people)
            }) {
                stored.request = None;
                return true;
            }
            if !lists_people(&stored.place) {
                return false;
            }
            let n_items = stored.items.len();
            stored.items.retain(|id| !people.has_any(id));
            let is_asked = stored.request.as_deref().is_some_and(|text| people.are_named_in(text));
            if is_asked {
                stored.request = None;
            }
            is_asked || stored.items.len() < n_items
        })
    }

    /// Changes stored recommendations; `change` says whether it has changed one.
    fn change_each(
        &mut self,
        batch: &mut Batch<'_>,
        change: &dyn Fn(&mut StoredRecommendation) -> bool,
    ) -> Result<(), StoreError> {
        let mut changed = Vec::new();
        for pair in batch.scan(self.recommendations.keyspace(), &[]) {
            let (key, value) = pair?;
            let unreadable = |_| StoreError::Unreadable { what: "recommendation" };
            let mut stored: StoredRecommendation =
                postcard::from_bytes(&value).map_err(unreadable)?;
            if change(&mut stored) {
                let value = postcard::to_stdvec(&stored).expect("plain fields always encode");
                changed.push((key, value));
            }
        }
        for (key, value) in changed {
            self.recommendations.put(batch, key, value);
        }
        Ok(())
    }

    fn put(&mut self, batch: &mut Batch<'_>, id: Uuid, day: Day, stored: &StoredRecommendation) {
        let value = postcard::to_stdvec(stored).expect("plain fields always encode");
        self.recommendations.put(batch, key(id, day), value);
    }
}

/// Parses a recommendation id; none if it is no UUID of version 7, which this program generates.
pub(crate) fn parse_recommendation_id(recomm_id: Option<&str>) -> Option<Uuid> {
    Uuid::try_parse(recomm_id?).ok().filter(|id| recommendation_day(*id).is_some())
}

/// The day on which a recommendation id was generated. None if it is no UUID of version 7.
pub fn recommendation_day(id: Uuid) -> Option<Day> {
    let at = id.get_timestamp().filter(|_| id.get_version_num() == 7)?;
    let (seconds, _) = at.to_unix();
    Some(Day::from_timestamp(Timestamp(i64::try_from(seconds).ok()?.checked_mul(1_000)?)))
}

fn key(id: Uuid, day: Day) -> Vec<u8> {
    let (high, low) = id.as_u64_pair();
    KeyBuf::new().u32(day.0).u64(high).u64(low).build()
}

/// Whether what was asked for, as JSON, is a list for one of these people.
pub(crate) fn is_asked_for(request: &str, people: &dyn People) -> bool {
    let request: Option<serde_json::Value> = serde_json::from_str(request).ok();
    request.is_some_and(|request| {
        request["user_id"].as_str().is_some_and(|user_id| people.has_any(user_id))
    })
}

/// Whether the items of a list at a place are people.
pub(crate) fn lists_people(place: &Place) -> bool {
    matches!(place, Place::Scenario { endpoint, .. } if endpoint.starts_with("recommendUsers"))
}
