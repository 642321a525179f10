//! What there is, as the recommender API lists it: items and users with their values, properties, series, interactions.

use catalog::{Property, PropertyTable};
use domain::{Interaction, InteractionKind, PropertyValue, UserIdx};

use crate::command::user_of;
use crate::interactions::Stored;
use crate::series::{CollectionKind, Member};
use crate::views::Views;
use crate::{Engine, EngineError, EntityKind};

impl Engine {
    /// The properties of items or users, in the order in which they were made.
    pub fn properties(&self, kind: EntityKind) -> Vec<Property> {
        table(&self.shared.views.read(), kind).properties().cloned().collect()
    }

    /// The ids of all items that may be recommended, or of all known users, in their order.
    pub fn entity_ids(&self, kind: EntityKind) -> Vec<String> {
        let views = self.shared.views.read();
        let mut ids: Vec<String> = match kind {
            EntityKind::Item => (0..views.catalog.n_items() as u32)
                .map(domain::ItemIdx)
                .filter(|item| views.catalog.is_available(*item))
                .map(|item| views.catalog.item_id(item).to_owned())
                .collect(),
            EntityKind::User => {
                let users = views.profiles.ids();
                users.known_users().filter_map(|user| users.user_id(user)).map(str::to_owned).collect()
            }
        };
        drop(views);
        ids.sort_unstable();
        ids
    }

    /// Every property of an item or user with its value; none where there is no such item or user.
    pub fn entity_values(
        &self,
        kind: EntityKind,
        id: &str,
    ) -> Option<Vec<(Property, Option<PropertyValue>)>> {
        let views = self.shared.views.read();
        let row = row_of(&views, kind, id)?;
        let table = table(&views, kind);
        let value = |property: &Property| (property.clone(), table.value(row, &property.name));
        Some(table.properties().map(value).collect())
    }

    /// The ids of all series, or of all groups, in their order.
    pub fn collection_ids(&self, kind: CollectionKind) -> Vec<String> {
        let views = self.shared.views.read();
        views.collections_of(kind).ids().map(str::to_owned).collect()
    }

    /// The members of a series or group in the order of their times; none where there is none of this id.
    pub fn members(&self, kind: CollectionKind, id: &str) -> Option<Vec<Member>> {
        let views = self.shared.views.read();
        views.collections_of(kind).members(id).map(<[Member]>::to_vec)
    }

    /// All interactions of a kind of a user; none where there is no such user.
    pub fn interactions_of_user(
        &self,
        user_id: &str,
        kind: InteractionKind,
    ) -> Result<Option<Vec<Interaction>>, EngineError> {
        let views = self.shared.views.read();
        let Some(user) = user_of(&views, user_id) else { return Ok(None) };
        let stored = views.interactions.of_user(&self.shared.store, user, kind);
        Ok(Some(named(&views, stored.map_err(|source| self.of_store(source))?)))
    }

    /// All interactions of a kind with an item; none where there is no such item.
    pub fn interactions_of_item(
        &self,
        item_id: &str,
        kind: InteractionKind,
    ) -> Result<Option<Vec<Interaction>>, EngineError> {
        let views = self.shared.views.read();
        let Some(item) = views.catalog.existing(item_id) else { return Ok(None) };
        let stored = views.interactions.of_item(&self.shared.store, item, kind);
        Ok(Some(named(&views, stored.map_err(|source| self.of_store(source))?)))
    }
}

pub(crate) fn table(views: &Views, kind: EntityKind) -> &PropertyTable {
    match kind {
        EntityKind::Item => views.catalog.table(),
        EntityKind::User => &views.users,
    }
}

pub(crate) fn row_of(views: &Views, kind: EntityKind, id: &str) -> Option<u32> {
    match kind {
        EntityKind::Item => views.catalog.existing(id).map(|item| item.0),
        EntityKind::User => user_of(views, id).map(|user| user.0),
    }
}

/// By external ids, oldest first; what was done with deleted items is left out.
fn named(views: &Views, mut stored: Vec<Stored>) -> Vec<Interaction> {
    stored.sort_by_key(|stored| stored.at);
    let user_id = |user: UserIdx| views.profiles.ids().user_id(user).unwrap_or_default().to_owned();
    stored
        .into_iter()
        .filter(|stored| views.catalog.item(views.catalog.item_id(stored.item)) == Some(stored.item))
        .map(|stored| {
            let (user, item) = (user_id(stored.user), views.catalog.item_id(stored.item));
            stored.named(&user, item)
        })
        .collect()
}
