//! Listings of the recommender API: items and users with their values, properties, series,
//! interactions.

use std::sync::Arc;

use catalog::{Property, PropertyTable};
use domain::{Interaction, InteractionKind, ItemIdx, PropertyValue, Timestamp, UserIdx};
use reql::Rows;
use state::{CollectionKind, EntityKind, Member, StoredInteraction, Views, find_user};

use crate::evaluation::{EvaluationContext, ExpressionSchema, ItemRows, UserRows, kind_subject};
use crate::expressions::{Budget, ExpressionError};
use crate::{LiveState, QueryError, RequestBudget, Snapshot};

/// How many items or users are looked at between two turns of the fold.
const ROWS_PER_STEP: usize = 500;

/// The ids, in their order, of at most `count` of the items that may be recommended or of the known
/// users, after the first `offset`; with a filter, of those that it lets through. They are looked
/// at a step at a time, so that the fold gets its turns: what changes meanwhile may be on the page
/// as it was or as it is.
///
/// # Errors
/// If the filter is none, or takes too long.
pub fn entity_page(
    live: &LiveState,
    kind: EntityKind,
    filter: Option<&str>,
    offset: usize,
    count: usize,
    now: Timestamp,
    budget: &Arc<RequestBudget>,
) -> Result<Vec<String>, ExpressionError> {
    let expression = filter.map(reql::parse).transpose()?;
    if let Some(expression) = &expression {
        let schema = ExpressionSchema { views: &live.snapshot(), subject: kind_subject(kind) };
        expression.check_filter(&schema)?;
    }
    let budget = Budget::within(budget);
    let mut first = SmallestIds::new(offset.saturating_add(count));
    for step in (0u32..).step_by(ROWS_PER_STEP) {
        {
            let snapshot = live.snapshot();
            let views: &Views = &snapshot;
            let users = UserRows { table: &views.users, ids: views.profiles.ids() };
            let items = ItemRows(&views.catalog);
            let (rows, n_rows): (&dyn Rows, usize) = match kind {
                EntityKind::Item => (&items, views.catalog.n_items()),
                EntityKind::User => (&users, users.ids.n_users()),
            };
            if step as usize >= n_rows {
                break;
            }
            let is_listed = |row: &u32| match kind {
                EntityKind::Item => views.catalog.is_available(ItemIdx(*row)),
                EntityKind::User => users.ids.is_known(UserIdx(*row)),
            };
            let context = EvaluationContext::anonymous(views, now);
            let compiled = expression.as_ref().map(|expression| expression.compile(rows, &context));
            let passes = |row: &u32| {
                compiled
                    .as_ref()
                    .is_none_or(|compiled| budget.allows_row() && compiled.evaluate_boolean(*row))
            };
            let step = step..(step + ROWS_PER_STEP as u32).min(n_rows as u32);
            step.filter(is_listed).filter(passes).for_each(|row| first.add(rows.id(row)));
        }
        budget.check()?;
        first.cut();
    }
    Ok(first.after(offset))
}

/// The first ids, in their order, of those that are added.
struct SmallestIds {
    count: usize,
    /// At most twice the count and a step.
    ids: Vec<String>,
    /// The largest id that may still be among the first; none where any may.
    last: Option<String>,
}

impl SmallestIds {
    fn new(count: usize) -> Self {
        Self { count, ids: Vec::new(), last: None }
    }

    fn add(&mut self, id: &str) {
        if self.last.as_deref().is_none_or(|last| id <= last) {
            self.ids.push(id.to_owned());
        }
    }

    /// Lets go of what is not among the first, once it is as much as those.
    fn cut(&mut self) {
        if self.ids.len() / 2 >= self.count {
            self.ids.sort_unstable();
            self.ids.truncate(self.count);
            self.last = self.ids.last().cloned();
        }
    }

    /// Those after the first `offset`.
    fn after(mut self, offset: usize) -> Vec<String> {
        self.ids.sort_unstable();
        self.ids.truncate(self.count);
        self.ids.drain(..offset.min(self.ids.len()));
        self.ids
    }
}

impl Snapshot<'_> {
    /// The properties of items or users, in the order in which they were made.
    pub fn properties(&self, kind: EntityKind) -> Vec<Property> {
        table(self, kind).properties().cloned().collect()
    }

    /// The values of an item or user by names: of the properties that are included, or of all; none
    /// where there is no such item or user.
    pub fn entity_values(
        &self,
        kind: EntityKind,
        id: &str,
        included: Option<&[String]>,
    ) -> Option<Vec<(String, Option<PropertyValue>)>> {
        let views: &Views = self;
        let row = find_row(views, kind, id)?;
        let table = table(views, kind);
        let names = table.properties().map(|property| &property.name);
        let names = names.filter(|name| included.is_none_or(|included| included.contains(name)));
        Some(names.map(|name| (name.clone(), table.value(row, name))).collect())
    }

    /// Whether there is such an item, or such a user.
    pub fn has_entity(&self, kind: EntityKind, id: &str) -> bool {
        find_row(self, kind, id).is_some()
    }

    /// The ids of at most `count` of the series or groups, in their order, after the first
    /// `offset`.
    pub fn collection_page(
        &self,
        kind: CollectionKind,
        offset: usize,
        count: usize,
    ) -> Vec<String> {
        let views: &Views = self;
        views.collections(kind).ids().skip(offset).take(count).map(str::to_owned).collect()
    }

    /// The ids of all series, or of all groups, in their order.
    pub fn collection_ids(&self, kind: CollectionKind) -> Vec<String> {
        let views: &Views = self;
        views.collections(kind).ids().map(str::to_owned).collect()
    }

    /// The members of a series or group in the order of their times; none where there is none of
    /// this id.
    pub fn members(&self, kind: CollectionKind, id: &str) -> Option<Vec<Member>> {
        let views: &Views = self;
        views.collections(kind).members(id).map(<[Member]>::to_vec)
    }

    /// All interactions of a kind of a user; none where there is no such user.
    pub fn interactions_of_user(
        &self,
        user_id: &str,
        kind: InteractionKind,
    ) -> Result<Option<Vec<Interaction>>, QueryError> {
        let views: &Views = self;
        let Some(user) = find_user(views, user_id) else { return Ok(None) };
        let stored = views.interactions.by_user(self.store(), user, kind);
        Ok(Some(resolve_ids(views, stored?)))
    }

    /// All interactions of a kind with an item; none where there is no such item.
    pub fn interactions_of_item(
        &self,
        item_id: &str,
        kind: InteractionKind,
    ) -> Result<Option<Vec<Interaction>>, QueryError> {
        let views: &Views = self;
        let Some(item) = views.catalog.available_item(item_id) else { return Ok(None) };
        let stored = views.interactions.by_item(self.store(), item, kind);
        Ok(Some(resolve_ids(views, stored?)))
    }
}

pub(crate) fn table(views: &Views, kind: EntityKind) -> &PropertyTable {
    match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    }
}

pub(crate) fn find_row(views: &Views, kind: EntityKind, id: &str) -> Option<u32> {
    match kind {
        EntityKind::Item => views.catalog.available_item(id).map(|item| item.0),
        EntityKind::User => find_user(views, id).map(|user| user.0),
    }
}

/// Interactions by external ids, oldest first; those with deleted items are left out.
fn resolve_ids(views: &Views, mut stored: Vec<StoredInteraction>) -> Vec<Interaction> {
    stored.sort_by_key(|stored| stored.at);
    let user_id = |user: UserIdx| views.profiles.ids().user_id(user).unwrap_or_default().to_owned();
    stored
        .into_iter()
        .filter(|stored| {
            views.catalog.item(views.catalog.item_id(stored.item)) == Some(stored.item)
        })
        .map(|stored| {
            let (user, item) = (user_id(stored.user), views.catalog.item_id(stored.item));
            stored.into_interaction(&user, item)
        })
        .collect()
}
