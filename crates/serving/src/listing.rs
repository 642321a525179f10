//! Listings of the recommender API: items and users with their values, properties, series, interactions.

use std::sync::Arc;

use catalog::{Property, PropertyTable};
use domain::{Interaction, InteractionKind, ItemIdx, PropertyValue, Timestamp, UserIdx};
use reql::Rows;
use state::{CollectionKind, EntityKind, Member, StoredInteraction, Views, find_user};

use crate::evaluation::{EvaluationContext, ExpressionSchema, ItemRows, UserRows, subject_of_kind};
use crate::expressions::{Budget, ExpressionError};
use crate::{QueryError, RequestBudget, Snapshot};

impl Snapshot<'_> {
    /// The properties of items or users, in the order in which they were made.
    pub fn properties(&self, kind: EntityKind) -> Vec<Property> {
        table(self, kind).properties().cloned().collect()
    }

    /// The ids, in their order, of at most `count` of the items that may be recommended or of the
    /// known users, after the first `offset`; with a filter, of those that it lets through.
    ///
    /// # Errors
    /// Where the filter is none, or takes too long.
    pub fn entity_page(
        &self,
        kind: EntityKind,
        filter: Option<&str>,
        offset: usize,
        count: usize,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<String>, ExpressionError> {
        let expression = filter.map(reql::parse).transpose()?;
        let views: &Views = self;
        let users = UserRows { table: &views.users, ids: views.profiles.ids() };
        let items = ItemRows(&views.catalog);
        let (rows, all): (&dyn Rows, Box<dyn Iterator<Item = u32>>) = match kind {
            EntityKind::Item => {
                let available = |item: &u32| views.catalog.is_available(ItemIdx(*item));
                (&items, Box::new((0..views.catalog.n_items() as u32).filter(available)))
            }
            EntityKind::User => (&users, Box::new(users.ids.known_users().map(|user| user.0))),
        };
        let Some(expression) = expression else {
            return Ok(page(all.map(|row| rows.id(row)).collect(), offset, count));
        };
        expression.check_filter(&ExpressionSchema { views, subject: subject_of_kind(kind) })?;
        let (context, budget) = (EvaluationContext::anonymous(views, now), Budget::within(budget));
        let compiled = expression.compile(rows, &context);
        let passing = all.filter(|row| budget.allows_row() && compiled.boolean(*row));
        let ids = passing.map(|row| rows.id(row)).collect();
        budget.check()?;
        Ok(page(ids, offset, count))
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
        let row = row_of(views, kind, id)?;
        let table = table(views, kind);
        let names = table.properties().map(|property| &property.name);
        let names = names.filter(|name| included.is_none_or(|included| included.contains(name)));
        Some(names.map(|name| (name.clone(), table.value(row, name))).collect())
    }

    /// Whether there is such an item, or such a user.
    pub fn has_entity(&self, kind: EntityKind, id: &str) -> bool {
        row_of(self, kind, id).is_some()
    }

    /// The ids of at most `count` of the series or groups, in their order, after the first
    /// `offset`.
    pub fn collection_page(&self, kind: CollectionKind, offset: usize, count: usize) -> Vec<String> {
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
        Ok(Some(named(views, stored?)))
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
        Ok(Some(named(views, stored?)))
    }
}

/// A page of ids in their order, of which only those of the page are copied.
fn page(mut ids: Vec<&str>, offset: usize, count: usize) -> Vec<String> {
    let end = offset.saturating_add(count).min(ids.len());
    if end < ids.len() {
        ids.select_nth_unstable(end);
        ids.truncate(end);
    }
    let offset = offset.min(end);
    if offset > 0 && offset < end {
        ids.select_nth_unstable(offset);
    }
    let page = &mut ids[offset..];
    page.sort_unstable();
    page.iter().map(|id| (*id).to_owned()).collect()
}

pub(crate) fn table(views: &Views, kind: EntityKind) -> &PropertyTable {
    match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    }
}

pub(crate) fn row_of(views: &Views, kind: EntityKind, id: &str) -> Option<u32> {
    match kind {
        EntityKind::Item => views.catalog.available_item(id).map(|item| item.0),
        EntityKind::User => find_user(views, id).map(|user| user.0),
    }
}

/// Interactions by external ids, oldest first; those with deleted items are left out.
fn named(views: &Views, mut stored: Vec<StoredInteraction>) -> Vec<Interaction> {
    stored.sort_by_key(|stored| stored.at);
    let user_id = |user: UserIdx| views.profiles.ids().user_id(user).unwrap_or_default().to_owned();
    stored
        .into_iter()
        .filter(|stored| views.catalog.item(views.catalog.item_id(stored.item)) == Some(stored.item))
        .map(|stored| {
            let (user, item) = (user_id(stored.user), views.catalog.item_id(stored.item));
            stored.into_interaction(&user, item)
        })
        .collect()
}
