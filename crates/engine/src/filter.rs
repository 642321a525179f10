//! Filters in the expression language over items and users.

use catalog::{Catalog, PropertyTable};
use domain::{InteractionKind, ItemIdx, PropertyType, PropertyValue, UserIdx};
use profiles::IdTable;
use reql::{Context, InteractionCount, ReqlError, Rows, Schema, Set, Subject, Type, Value};

use crate::command::user_of;
use crate::views::Views;
use crate::{Engine, EntityKind, now};

impl Engine {
    /// The ids of the items or users that a filter lets through, in their order.
    pub fn filtered_ids(&self, kind: EntityKind, filter: &str) -> Result<Vec<String>, ReqlError> {
        let expression = reql::parse(filter)?;
        let mut ids: Vec<String> = {
            let views = self.shared.views.read();
            expression.check_filter(&SchemaOf { views: &views, kind })?;
            let context = ContextOf { views: &views, now_s: now().0 as f64 / 1_000.0 };
            let passes = |rows: &dyn Rows, all: &mut dyn Iterator<Item = u32>| {
                let compiled = expression.compile(rows, &context);
                let passing = all.filter(|row| compiled.boolean(*row));
                passing.map(|row| rows.id(row).to_owned()).collect()
            };
            match kind {
                EntityKind::Item => {
                    let available = |item: &u32| views.catalog.is_available(ItemIdx(*item));
                    let mut all = (0..views.catalog.n_items() as u32).filter(available);
                    passes(&ItemRows(&views.catalog), &mut all)
                }
                EntityKind::User => {
                    let ids = views.profiles.ids();
                    let mut all = ids.known_users().map(|user| user.0);
                    passes(&UserRows { table: &views.users, ids }, &mut all)
                }
            }
        };
        ids.sort_unstable();
        Ok(ids)
    }
}

/// The properties that there are.
pub(crate) struct SchemaOf<'a> {
    pub(crate) views: &'a Views,
    pub(crate) kind: EntityKind,
}

impl Schema for SchemaOf<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        self.views.catalog.table().property(name).map(|property| type_of(property.type_))
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.views.users.property(name).map(|property| type_of(property.type_))
    }

    fn subject(&self) -> Subject {
        match self.kind {
            EntityKind::Item => Subject::Items,
            EntityKind::User => Subject::Users,
        }
    }
}

fn type_of(type_: PropertyType) -> Type {
    match type_ {
        PropertyType::Int => Type::Int,
        PropertyType::Double => Type::Double,
        PropertyType::Boolean => Type::Boolean,
        PropertyType::Timestamp => Type::Timestamp,
        PropertyType::String | PropertyType::Image => Type::String,
        PropertyType::Set => Type::Set,
        PropertyType::ImageList => Type::Array,
    }
}

struct ItemRows<'a>(&'a Catalog);

impl Rows for ItemRows<'_> {
    fn column(&self, name: &str) -> Option<reql::Column<'_>> {
        self.0.table().column(name)
    }

    fn id(&self, row: u32) -> &str {
        self.0.item_id(ItemIdx(row))
    }

    fn row_of(&self, id: &str) -> Option<u32> {
        self.0.item(id).map(|item| item.0)
    }
}

struct UserRows<'a> {
    table: &'a PropertyTable,
    ids: &'a IdTable,
}

impl Rows for UserRows<'_> {
    fn column(&self, name: &str) -> Option<reql::Column<'_>> {
        self.table.column(name)
    }

    fn id(&self, row: u32) -> &str {
        self.ids.user_id(UserIdx(row)).unwrap_or_default()
    }

    fn row_of(&self, id: &str) -> Option<u32> {
        self.ids.user_of_text(id).map(|user| user.0)
    }

    fn subject(&self) -> Subject {
        Subject::Users
    }
}

/// What filters ask beside the candidates.
struct ContextOf<'a> {
    views: &'a Views,
    now_s: f64,
}

impl Context for ContextOf<'_> {
    fn now_s(&self) -> f64 {
        self.now_s
    }

    fn seed(&self) -> u64 {
        self.now_s.to_bits()
    }

    fn item_value(&self, item_id: &str, property: &str) -> Value {
        let catalog = &self.views.catalog;
        let Some(item) = catalog.existing(item_id) else { return Value::Null };
        if property == "itemId" {
            return Value::text(item_id);
        }
        let is_set = catalog.table().property(property).is_some_and(|of| of.type_ == PropertyType::Set);
        match catalog.table().value(item.0, property) {
            Some(value) => value_of(value),
            None if is_set => Value::Set(Set::unset()),
            None => Value::Null,
        }
    }

    fn interaction_count(
        &self,
        kind: InteractionCount,
        item_id: &str,
        _: &[std::sync::Arc<str>],
    ) -> Option<f64> {
        let item = self.views.catalog.existing(item_id)?;
        let kind = match kind {
            InteractionCount::Bookmarks => InteractionKind::Bookmark,
            InteractionCount::DetailViews => InteractionKind::DetailView,
            InteractionCount::Purchases => InteractionKind::Purchase,
            InteractionCount::Ratings => InteractionKind::Rating,
        };
        Some(f64::from(self.views.interactions.histories().counts(item)[kind as usize]))
    }

    fn user_interactions(&self, user_id: &str, kinds: &[reql::InteractionKind], n: Option<usize>) -> Value {
        let Some(user) = user_of(self.views, user_id) else { return Value::Array([].into()) };
        let row = self.views.interactions.histories().row(user);
        let named = row.iter().filter_map(|entry| {
            let (kind, word) = kind_of(entry.kind);
            let entries = [
                ("userId", Value::text(user_id)),
                ("itemId", Value::text(self.views.catalog.item_id(entry.item))),
                ("timestamp", Value::Timestamp(f64::from(entry.at_s))),
                ("type", Value::text(word)),
            ];
            let entries = entries.into_iter().map(|(name, value)| (name.into(), value));
            kinds.contains(&kind).then(|| Value::Dictionary(std::sync::Arc::new(entries.collect())))
        });
        let all: Vec<Value> = named.collect();
        let skipped = n.map_or(0, |n| all.len().saturating_sub(n));
        Value::Array(all[skipped..].into())
    }
}

/// The language's kind, and its word.
fn kind_of(kind: InteractionKind) -> (reql::InteractionKind, &'static str) {
    match kind {
        InteractionKind::DetailView => (reql::InteractionKind::DetailView, "detail_view"),
        InteractionKind::Purchase => (reql::InteractionKind::Purchase, "purchase"),
        InteractionKind::Rating => (reql::InteractionKind::Rating, "rating"),
        InteractionKind::CartAddition => (reql::InteractionKind::CartAddition, "cart_addition"),
        InteractionKind::Bookmark => (reql::InteractionKind::Bookmark, "bookmark"),
        InteractionKind::ViewPortion => (reql::InteractionKind::ViewPortion, "view_portion"),
    }
}

fn value_of(value: PropertyValue) -> Value {
    let texts = |texts: Vec<String>| texts.iter().map(|text| Value::text(text)).collect::<Vec<_>>();
    match value {
        PropertyValue::Int(value) => Value::Int(value),
        PropertyValue::Double(value) => Value::Double(value),
        PropertyValue::Boolean(value) => Value::Boolean(value),
        PropertyValue::Timestamp(at) => Value::Timestamp(at.0 as f64 / 1_000.0),
        PropertyValue::String(text) | PropertyValue::Image(text) => Value::text(&text),
        PropertyValue::Set(members) => Value::Set(Set::new(texts(members))),
        PropertyValue::ImageList(list) => Value::Array(texts(list).into()),
    }
}
