//! Items for those who look through a catalog: all that are there, turned off or not.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Day, Exclusion, InteractionKind, ItemIdx, Timestamp, UserIdx};
use recommender::Eligibility;
use reql::Subject;
use state::Views;

use crate::evaluation::{EvaluationContext, ExpressionSchema, ItemRows};
use crate::expressions::{Budget, ExpressionError};
use crate::{ListError, LiveState, RequestBudget, Serving};

/// Items are looked through up to this place of their order.
pub const CATALOG_PLACES_MAX: usize = 10_000;
/// How many rows are evaluated between two turns of the fold.
const ROWS_PER_STEP: u32 = 4_096;

/// Which items to look at, and in which part of their order.
#[derive(Debug, Clone, Default)]
pub struct CatalogQuery {
    /// Words to search for; the items that match best come first. Without words, those with the
    /// most interactions.
    pub words: Option<String>,
    /// An expression that they pass.
    pub filter: Option<String>,
    /// Only those of this catalog of products.
    pub catalog: Option<String>,
    /// Only those that are turned off, or only the others.
    pub is_off: Option<bool>,
    /// How many to pass over. With `count`, at most [`CATALOG_PLACES_MAX`].
    pub offset: usize,
    /// How many to list.
    pub count: usize,
}

/// A part of the items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// Their ids, in order.
    pub ids: Vec<String>,
    /// Whether more come after them.
    pub has_more: bool,
}

impl Serving {
    /// Looks through the items of a catalog. Without words it goes through all of them in steps,
    /// within the time that an expression has.
    ///
    /// # Errors
    /// If the filter is wrong, the query takes too long, or nothing can be searched yet.
    pub fn catalog_page(
        &self,
        live: &LiveState,
        query: &CatalogQuery,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<CatalogPage, ListError> {
        let places = query.offset.saturating_add(query.count).min(CATALOG_PLACES_MAX);
        let found = match query.words.as_deref().map(str::trim).filter(|words| !words.is_empty()) {
            Some(words) => self.search_catalog(live, query, words, places + 1, now, budget)?,
            None => self.most_used(live, query, places + 1, now, budget)?,
        };
        let views: &Views = &live.snapshot();
        let has_more = found.len() > places;
        let ids = found.into_iter().take(places).skip(query.offset);
        let ids = ids.map(|item| views.catalog.item_id(item).to_owned()).collect();
        Ok(CatalogPage { ids, has_more })
    }

    fn search_catalog(
        &self,
        live: &LiveState,
        query: &CatalogQuery,
        words: &str,
        n: usize,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<ItemIdx>, ListError> {
        let search = self.search.load_full();
        search.catch_up(live)?;
        let in_use = self.model_in_use(live);
        let (snapshot, budget) = (live.snapshot(), Budget::within(budget));
        let views: &Views = &snapshot;
        let matches = with_filter(views, query, now, &budget, |allows| {
            let eligibility = Eligibility::new(allows, Exclusion::None, &[], []);
            search.matches(views, words, n, &eligibility, in_use.sources(views))
        })?;
        Ok(matches.into_iter().map(|(item, _)| ItemIdx(item)).collect())
    }

    fn most_used(
        &self,
        live: &LiveState,
        query: &CatalogQuery,
        n: usize,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<ItemIdx>, ListError> {
        let budget = Budget::within(budget);
        // The fewest first, so that the rest can be cut off.
        let mut found: Vec<(Reverse<u64>, ItemIdx)> = Vec::new();
        for first in (0..).step_by(ROWS_PER_STEP as usize) {
            let snapshot = live.snapshot();
            let views: &Views = &snapshot;
            let n_rows = views.catalog.n_items() as u32;
            if first >= n_rows {
                break;
            }
            let step = (first..(first + ROWS_PER_STEP).min(n_rows)).map(ItemIdx);
            let counts = views.interactions.histories();
            with_filter(views, query, now, &budget, |allows| {
                let passing = step.filter(|item| allows(*item)).map(|item| {
                    let by_kind = counts.counts(item).by_kind;
                    (Reverse(by_kind.into_iter().map(u64::from).sum()), item)
                });
                found.extend(passing);
            })?;
            if found.len() > 2 * n {
                found.select_nth_unstable(n);
                found.truncate(n);
            }
        }
        found.sort_unstable();
        found.truncate(n);
        Ok(found.into_iter().map(|(_, item)| item).collect())
    }
}

/// Gives `use_` the check of a query for single items.
fn with_filter<T>(
    views: &Views,
    query: &CatalogQuery,
    now: Timestamp,
    budget: &Budget,
    use_: impl FnOnce(&dyn Fn(ItemIdx) -> bool) -> T,
) -> Result<T, ListError> {
    let filter = query.filter.as_deref().map(str::trim).filter(|filter| !filter.is_empty());
    let wrong = |error: reql::ReqlError| in_filter(error.into());
    let expression = filter.map(reql::parse).transpose().map_err(wrong)?;
    if let Some(expression) = &expression {
        let schema = ExpressionSchema { views, subject: Subject::Items };
        expression.check_filter(&schema).map_err(wrong)?;
    }
    let rows = ItemRows(&views.catalog);
    let context = EvaluationContext::anonymous(views, now);
    let compiled = expression.as_ref().map(|expression| expression.compile(&rows, &context));
    let allows = |item: ItemIdx| {
        views.catalog.is_available(item)
            && query.catalog.as_deref().is_none_or(|name| views.catalog.catalog_of(item) == name)
            && query.is_off.is_none_or(|is_off| views.catalog.is_off(item) == is_off)
            && compiled
                .as_ref()
                .is_none_or(|compiled| budget.allows_row() && compiled.evaluate_boolean(item.0))
    };
    let used = use_(&allows);
    budget.check().map_err(in_filter)?;
    Ok(used)
}

fn in_filter(source: ExpressionError) -> ListError {
    ListError::Expression { what: "filter".to_owned(), source }
}

/// The most people whose histories are looked at for the interactions with one item.
pub const SAMPLED_USERS_MAX: usize = 20_000;

/// How often people did something with an item on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyCount {
    /// The day.
    pub day: Day,
    /// What they did.
    pub kind: InteractionKind,
    /// How often, in the sample.
    pub n: u64,
    /// How often of these after a recommendation that the interaction cites.
    pub n_led: u64,
}

/// The interactions of a sample of people with an item, by day and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemActivity {
    /// Only what was there, in the order of the days.
    pub counts: Vec<DailyCount>,
    /// How many people were looked at: every person, or one in a few, evenly.
    pub n_sampled: u64,
    /// How many people there are.
    pub n_users: u64,
}

/// Counts the interactions with an item since a day, in the present histories of at most
/// [`SAMPLED_USERS_MAX`] people.
pub fn item_activity(live: &LiveState, item: ItemIdx, since: Day) -> ItemActivity {
    let n_users = live.snapshot().interactions.histories().n_users();
    let step = n_users.div_ceil(SAMPLED_USERS_MAX).max(1);
    let sampled: Vec<u32> = (0..n_users as u32).step_by(step).collect();
    let first_s = since.start().seconds_u32();
    let mut counts: BTreeMap<(Day, InteractionKind), (u64, u64)> = BTreeMap::new();
    for users in sampled.chunks(crate::USERS_PER_STEP) {
        let snapshot = live.snapshot();
        let histories = snapshot.interactions.histories();
        for user in users {
            let row = histories.row(UserIdx(*user));
            let from = row.partition_point(|entry| entry.at_s < first_s);
            for entry in row[from..].iter().filter(|entry| entry.item == item) {
                let day = Day::from_timestamp(Timestamp(i64::from(entry.at_s) * 1_000));
                let (n, n_led) = counts.entry((day, entry.kind)).or_default();
                *n += 1;
                *n_led += u64::from(entry.is_attributed);
            }
        }
    }
    let counts = counts.into_iter();
    let counts = counts.map(|((day, kind), (n, n_led))| DailyCount { day, kind, n, n_led });
    ItemActivity {
        counts: counts.collect(),
        n_sampled: sampled.len() as u64,
        n_users: n_users as u64,
    }
}
