//! What became of recommendations: each is remembered under its id, and what cites the id counts on the day and the place where it was
//! handed out. The item need not have been in the list: clients cite what led there.

mod by_day;
mod kpis;
mod list_impression;
mod rate;

use domain::{Day, InteractionKind, Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Read, Store, StoreError};
use uuid::Uuid;

use self::by_day::ByDay;
use self::kpis::{KpiTable, RowName, others_of};

pub use self::kpis::{
    DAYS_KEPT, DayInteractions, InteractionCounts, KpiCounts, KpiRow, Kpis, PLACES_PER_DAY_MAX,
};
pub use self::list_impression::{ListImpression, Place};
pub use self::rate::Rate;

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const RECOMMENDATIONS: &str = "state.recommendations";
const USERS: &str = "state.kpi_users";

/// For how many days a recommendation can be cited.
pub const KEPT_DAYS: u32 = 30;
/// How many days a list, or its id, may be ahead of the journal's clock: one that is further ahead is not remembered. After a downtime that
/// is longer nothing from before can be cited any more.
pub const AHEAD_DAYS_MAX: u32 = KEPT_DAYS;
/// The most items that are remembered of one recommendation with all lists that continue it.
pub const RECOMMENDATION_ITEMS_MAX: usize = 10_000;
/// How many of what is too old are forgotten with each entry, beside ...
const FORGOTTEN_PER_ENTRY: usize = 1_000;
/// ... as many for each list in it, so that no flood of lists outruns the forgetting.
const FORGOTTEN_PER_LIST: usize = 2;

/// What is remembered of a recommendation. A user stays an index here, so that no id of somebody deleted is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredRecommendation {
    /// Who got it; none where it was for nobody.
    pub user: Option<UserIdx>,
    /// When the first list of it was handed out.
    pub at: Timestamp,
    /// When the last list of it was handed out.
    pub last_at: Timestamp,
    /// How many lists have continued it.
    pub n_next: u32,
    /// Where it appeared.
    pub place: Place,
    /// The group of an A/B test.
    pub group: Option<String>,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// External ids, best first, list after list.
    pub items: Vec<String>,
    /// The call as JSON; none of what cannot be continued.
    pub request: Option<String>,
    /// Whether a detail view cites it.
    pub was_clicked: bool,
    /// Whether a purchase cites it.
    pub was_converted: bool,
    /// Whether its day had no room for a row of its own.
    is_among_others: bool,
}

impl StoredRecommendation {
    /// The recommendation that a list begins.
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

    /// Adds a list that continues it.
    pub fn extend(&mut self, list: ListImpression) {
        self.n_next = self.n_next.max(list.n_next);
        self.last_at = self.last_at.max(list.at);
        let room = RECOMMENDATION_ITEMS_MAX.saturating_sub(self.items.len());
        self.items.extend(list.items.into_iter().take(room));
    }

    fn row_name(&self) -> RowName {
        match self.is_among_others {
            true => others_of(&self.place),
            false => (self.place.clone(), self.group.clone()),
        }
    }
}

/// An interaction as far as it counts.
pub(crate) struct Counted {
    pub(crate) kind: InteractionKind,
    pub(crate) price: Option<f64>,
    pub(crate) cited: Option<Uuid>,
}

/// Recommendations that can be cited, and their metrics by day.
pub struct Attribution {
    recommendations: ByDay,
    /// Who is counted in which row.
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

    /// Counts by day, and lists for as long as they can be cited: neither says an id of a user.
    fn merge_users(&mut self, _: &mut Batch<'_>, _: Merge, _: JournalTime) -> Result<(), StoreError> {
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
    /// Remembers a list that was handed out under an id, and counts it; `today` is the day of the entry that says so. False
    /// where the list continues what another one has continued meanwhile: of those that two servers make at once the
    /// journal's first is given.
    pub(crate) fn record(
        &mut self,
        batch: &mut Batch<'_>,
        list: ListImpression,
        user: Option<UserIdx>,
        today: Day,
        is_configured: bool,
    ) -> Result<bool, StoreError> {
        let Some((id, day)) = list.recomm_id.and_then(|id| Some((id, day_of(id)?))) else { return Ok(true) };
        if day < today.earlier(KEPT_DAYS) || day.earlier(AHEAD_DAYS_MAX) > today {
            return Ok(true);
        }
        let remembered = match (list.n_next, self.stored_recommendation(batch, id)?) {
            (0, None) => {
                let mut remembered = StoredRecommendation::new(list, user);
                // Clients may name any scenario: those take no row from what somebody has set up.
                remembered.is_among_others =
                    !is_configured && !self.kpi_table.has_room(day, &remembered.row_name());
                let (number, counts) = self.kpi_table.row_mut(day, remembered.row_name());
                counts.recommendations += 1;
                if let Some(user) = user {
                    let key = KeyBuf::new().u32(day.0).u32(number).u32(user.0).build();
                    if batch.get(self.users.keyspace(), &key)?.is_none() {
                        counts.users += 1;
                        self.users.put(batch, key, Vec::new());
                    }
                }
                remembered
            }
            (n_next @ 1.., Some(remembered)) if n_next <= remembered.n_next => return Ok(false),
            (1.., Some(mut remembered)) => {
                remembered.extend(list);
                remembered
            }
            // Nobody knows what it continues; or it came before.
            (1.., None) | (0, Some(_)) => return Ok(true),
        };
        self.put(batch, id, day, &remembered);
        Ok(true)
    }

    /// Counts a new interaction that arrived on a day.
    pub(crate) fn count_interaction(
        &mut self,
        batch: &mut Batch<'_>,
        counted: &Counted,
        arrived: Day,
    ) -> Result<(), StoreError> {
        let Counted { kind, price, cited } = *counted;
        self.kpi_table.interactions_mut(arrived).add(kind);
        let Some((id, day)) = cited.and_then(|id| Some((id, day_of(id)?))) else { return Ok(()) };
        if day < arrived.earlier(KEPT_DAYS) {
            return Ok(());
        }
        let Some(mut remembered) = self.stored_recommendation(batch, id)? else { return Ok(()) };
        let (_, counts) = self.kpi_table.row_mut(day, remembered.row_name());
        counts.interactions.add(kind);
        let (was, n_first) = match kind {
            InteractionKind::DetailView => (&mut remembered.was_clicked, &mut counts.clicked_recommendations),
            InteractionKind::Purchase => {
                counts.add_revenue(price.unwrap_or(0.0));
                (&mut remembered.was_converted, &mut counts.converted_recommendations)
            }
            _ => return Ok(()),
        };
        if !std::mem::replace(was, true) {
            *n_first += 1;
            self.put(batch, id, day, &remembered);
        }
        Ok(())
    }

    /// Forgets some of what is too old on the day of an entry that brought so many lists.
    pub(crate) fn forget(
        &mut self,
        batch: &mut Batch<'_>,
        today: Day,
        n_lists: usize,
    ) -> Result<(), StoreError> {
        let n_max = FORGOTTEN_PER_ENTRY + FORGOTTEN_PER_LIST * n_lists;
        self.recommendations.forget(batch, today.earlier(KEPT_DAYS), n_max)?;
        self.users.forget(batch, today.earlier(KEPT_DAYS), n_max)?;
        self.kpi_table.forget(batch, today.earlier(DAYS_KEPT));
        Ok(())
    }

    /// The metrics of recommendations made from one day to another, both included.
    pub fn kpis(&self, from: Day, until: Day) -> Kpis {
        self.kpi_table.kpis(from, until)
    }

    /// The recommendation of an id; none where it is unknown or forgotten.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn stored_recommendation(
        &self,
        read: &dyn Read,
        id: Uuid,
    ) -> Result<Option<StoredRecommendation>, StoreError> {
        let Some(day) = day_of(id) else { return Ok(None) };
        let unreadable = |_| StoreError::Unreadable { what: "recommendation" };
        let value = read.get(self.recommendations.keyspace(), &key(id, day))?;
        value.map(|value| postcard::from_bytes(&value).map_err(unreadable)).transpose()
    }

    fn put(&mut self, batch: &mut Batch<'_>, id: Uuid, day: Day, remembered: &StoredRecommendation) {
        let value = postcard::to_stdvec(remembered).expect("plain fields always encode");
        self.recommendations.put(batch, key(id, day), value);
    }
}

/// The recommendation that a text cites; none where it is no id that this program makes.
pub(crate) fn cited(recomm_id: Option<&str>) -> Option<Uuid> {
    Uuid::try_parse(recomm_id?).ok().filter(|id| day_of(*id).is_some())
}

/// The day on which an id was made, which a UUID of version 7 begins with.
pub fn day_of(id: Uuid) -> Option<Day> {
    let at = id.get_timestamp().filter(|_| id.get_version_num() == 7)?;
    let (seconds, _) = at.to_unix();
    Some(Day::from_timestamp(Timestamp(i64::try_from(seconds).ok()?.checked_mul(1_000)?)))
}

fn key(id: Uuid, day: Day) -> Vec<u8> {
    let (high, low) = id.as_u64_pair();
    KeyBuf::new().u32(day.0).u64(high).u64(low).build()
}
