//! Filters in the expression language over items and users.

mod user_facts;

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{Catalog, PropertyTable};
use domain::{
    Endpoint, Entries, InteractionKind, ItemIdx, PropertyType, PropertyValue, Timestamp, UserIdx,
};
use profiles::IdTable;
use recommender::{Facet, ValueIdx};
use reql::{Context, InteractionCount, Rows, Schema, Set, Subject, Type, Value};
use state::{EntityKind, Views, find_user};
use store::Store;

/// Segmentations that expressions of a request ask for, by their ids.
pub(crate) type Segmentations = BTreeMap<String, Arc<Facet>>;

/// The properties that there are.
pub struct ExpressionSchema<'a> {
    /// The state that has them.
    pub views: &'a Views,
    /// The kind of entities: items, users or segments.
    pub subject: Subject,
}

/// The kind of candidates of an endpoint.
pub(crate) fn endpoint_subject(endpoint: Endpoint) -> Subject {
    match endpoint.entries() {
        Entries::Items => Subject::Items,
        Entries::Segments => Subject::Segments,
        Entries::Users => Subject::Users,
    }
}

/// The subject of expressions over a kind of entities.
pub(crate) fn kind_subject(kind: EntityKind) -> Subject {
    match kind {
        EntityKind::Item => Subject::Items,
        EntityKind::User => Subject::Users,
    }
}

impl Schema for ExpressionSchema<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        self.views.catalog.table().property(name).map(|property| to_reql_type(property.type_))
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.views.users.property(name).map(|property| to_reql_type(property.type_))
    }

    fn context_user_property(&self, name: &str) -> Option<Type> {
        self.user_property(name).or_else(|| user_facts::type_of(self.views, name))
    }

    fn nearest_context_user_property(&self, name: &str) -> Option<String> {
        let declared = self.views.users.properties().map(|property| property.name.as_str());
        user_facts::nearest(name, declared.chain(user_facts::names(self.views)))
    }

    fn subject(&self) -> Subject {
        self.subject
    }
}

/// A schema in which any property may be named: one that is not there is null.
pub(crate) struct LenientSchema<'a>(pub(crate) ExpressionSchema<'a>);

impl Schema for LenientSchema<'_> {
    fn item_property(&self, name: &str) -> Option<Type> {
        self.0.item_property(name).or(Some(Type::Null))
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        self.0.user_property(name).or(Some(Type::Null))
    }

    fn context_user_property(&self, name: &str) -> Option<Type> {
        self.0.context_user_property(name).or(Some(Type::Null))
    }

    fn segment_property(&self, _name: &str) -> Option<Type> {
        Some(Type::Null)
    }

    fn subject(&self) -> Subject {
        self.0.subject()
    }
}

pub(crate) fn to_reql_type(type_: PropertyType) -> Type {
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

pub(crate) struct ItemRows<'a>(pub(crate) &'a Catalog);

impl Rows for ItemRows<'_> {
    fn column(&self, name: &str) -> Option<reql::Column<'_>> {
        self.0.table().column(name)
    }

    fn id(&self, row: u32) -> &str {
        self.0.item_id(ItemIdx(row))
    }

    fn find_row(&self, id: &str) -> Option<u32> {
        self.0.item(id).map(|item| item.0)
    }
}

pub(crate) struct UserRows<'a> {
    pub(crate) table: &'a PropertyTable,
    pub(crate) ids: &'a IdTable,
}

impl Rows for UserRows<'_> {
    fn column(&self, name: &str) -> Option<reql::Column<'_>> {
        self.table.column(name)
    }

    fn id(&self, row: u32) -> &str {
        self.ids.user_id(UserIdx(row)).unwrap_or_default()
    }

    fn find_row(&self, id: &str) -> Option<u32> {
        self.ids.user_by_id(id).map(|user| user.0)
    }

    fn subject(&self) -> Subject {
        Subject::Users
    }
}

/// Segments, which have no properties.
pub(crate) struct SegmentRows<'a>(pub(crate) &'a Facet);

impl Rows for SegmentRows<'_> {
    fn column(&self, _: &str) -> Option<reql::Column<'_>> {
        None
    }

    fn id(&self, row: u32) -> &str {
        self.0.text(ValueIdx(row))
    }

    fn find_row(&self, id: &str) -> Option<u32> {
        self.0.value(id).map(|value| value.0)
    }

    fn subject(&self) -> Subject {
        Subject::Segments
    }
}

/// The data that filters read beside the candidates.
#[derive(Clone, Copy)]
pub(crate) struct EvaluationContext<'a> {
    pub(crate) views: &'a Views,
    /// Has the audiences and traits of the user; none where there is no user.
    pub(crate) store: Option<&'a Store>,
    /// The time in whole seconds, so that all calls within a second get the same.
    pub(crate) now_s: f64,
    pub(crate) seed: u64,
    pub(crate) item: Option<ItemIdx>,
    pub(crate) user: Option<UserIdx>,
    pub(crate) segment: Option<&'a str>,
    /// Those whose segments expressions ask for; none where segments are what is being made.
    pub(crate) segmentations: Option<&'a Segmentations>,
    /// For an expression that a browser sent: the id by which it named the user. Such an expression
    /// reads no interactions, and only those properties of the user that the workspace has made
    /// public.
    pub(crate) restriction: Option<PublicRestriction<'a>>,
}

/// The view of an expression that a browser sent.
#[derive(Clone, Copy)]
pub(crate) struct PublicRestriction<'a> {
    /// The id that the browser named the user by.
    pub(crate) user_id: Option<&'a str>,
}

impl<'a> EvaluationContext<'a> {
    /// A context without an item, user or segment.
    pub(crate) fn anonymous(views: &'a Views, now: Timestamp) -> Self {
        Self {
            views,
            store: None,
            now_s: now.0.div_euclid(1_000) as f64,
            seed: now.0 as u64,
            item: None,
            user: None,
            segment: None,
            segmentations: None,
            restriction: None,
        }
    }

    fn segments(&self, segmentation: &str) -> Option<Arc<Facet>> {
        self.views.segmentations.get(segmentation)?;
        self.segmentations?.get(segmentation).cloned()
    }
}

/// The value of a property, as expressions read it.
fn read_value(table: &PropertyTable, row: u32, property: &str) -> Value {
    let is_set = table.property(property).is_some_and(|of| of.type_ == PropertyType::Set);
    match table.value(row, property) {
        Some(value) => to_reql_value(value),
        None if is_set => Value::Set(Set::default()),
        None => Value::Null,
    }
}

impl Context for EvaluationContext<'_> {
    fn now_s(&self) -> f64 {
        self.now_s
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn context_item(&self, property: &str) -> Value {
        let Some(item) = self.item else { return Value::Null };
        match property {
            "itemId" => Value::text(self.views.catalog.item_id(item)),
            _ => read_value(self.views.catalog.table(), item.0, property),
        }
    }

    fn context_user(&self, property: &str) -> Value {
        if let Some(PublicRestriction { user_id }) = self.restriction {
            let is_public = |name: &String| name == property;
            match property {
                // The id as given, whether the user exists or not.
                "userId" => return user_id.map_or(Value::Null, Value::text),
                _ if self.views.setup.config.public_user_properties.iter().any(is_public) => {}
                _ => return Value::Null,
            }
        }
        let Some(user) = self.user else { return Value::Null };
        match property {
            "userId" => self.views.profiles.ids().user_id(user).map_or(Value::Null, Value::text),
            _ if self.views.users.property(property).is_some() => {
                read_value(&self.views.users, user.0, property)
            }
            _ => self.store.map_or(Value::Null, |store| {
                user_facts::read_logged(self.views, store, user, property)
            }),
        }
    }

    fn context_segment(&self, key: &str) -> Value {
        match (key, self.segment) {
            ("segmentId", Some(segment)) => Value::text(segment),
            _ => Value::Null,
        }
    }

    fn item_value(&self, item_id: &str, property: &str) -> Value {
        match self.views.catalog.available_item(item_id) {
            None => Value::Null,
            Some(_) if property == "itemId" => Value::text(item_id),
            Some(item) => read_value(self.views.catalog.table(), item.0, property),
        }
    }

    fn segment_items(&self, segmentation: &str, segment: &str) -> Value {
        let Some(segments) = self.segments(segmentation) else { return Value::Null };
        let Some(value) = segments.value(segment) else { return Value::Set(Set::default()) };
        let members = segments.items_of(value).iter().map(|item| ItemIdx(*item));
        Value::Set(Set::new(
            members.map(|item| Value::text(self.views.catalog.item_id(item))).collect(),
        ))
    }

    fn item_segments(&self, segmentation: &str, item_id: &str) -> Value {
        let found = self.segments(segmentation).zip(self.views.catalog.available_item(item_id));
        let Some((segments, item)) = found else { return Value::Null };
        Value::Set(Set::new(
            segments
                .values_of(item)
                .iter()
                .map(|value| Value::text(segments.text(*value)))
                .collect(),
        ))
    }

    fn interaction_count(
        &self,
        kind: InteractionCount,
        item_id: &str,
        arguments: &[std::sync::Arc<str>],
    ) -> Option<f64> {
        let item = self.views.catalog.available_item(item_id)?;
        let counts = self.views.interactions.histories().counts(item);
        if kind == InteractionCount::Ratings && !arguments.is_empty() {
            let of_sign = arguments.iter().map(|sign| match &**sign {
                "negative" => Some(counts.negative_ratings),
                "positive" => Some(counts.positive_ratings),
                _ => None,
            });
            return of_sign.sum::<Option<u32>>().map(f64::from);
        }
        let kind = match kind {
            InteractionCount::Bookmarks => InteractionKind::Bookmark,
            InteractionCount::DetailViews => InteractionKind::DetailView,
            InteractionCount::Purchases => InteractionKind::Purchase,
            InteractionCount::Ratings => InteractionKind::Rating,
        };
        Some(f64::from(counts.by_kind[kind as usize]))
    }

    fn user_interactions(
        &self,
        user_id: &str,
        kinds: &[reql::InteractionKind],
        n: Option<usize>,
    ) -> Value {
        if self.restriction.is_some() {
            return Value::Null;
        }
        let Some(user) = find_user(self.views, user_id) else { return Value::Array([].into()) };
        let row = self.views.interactions.histories().row(user);
        let named = row.iter().filter_map(|entry| {
            let (kind, word) = to_reql_kind(entry.kind);
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
fn to_reql_kind(kind: InteractionKind) -> (reql::InteractionKind, &'static str) {
    match kind {
        InteractionKind::DetailView => (reql::InteractionKind::DetailView, "detail_view"),
        InteractionKind::Purchase => (reql::InteractionKind::Purchase, "purchase"),
        InteractionKind::Rating => (reql::InteractionKind::Rating, "rating"),
        InteractionKind::CartAddition => (reql::InteractionKind::CartAddition, "cart_addition"),
        InteractionKind::Bookmark => (reql::InteractionKind::Bookmark, "bookmark"),
        InteractionKind::ViewPortion => (reql::InteractionKind::ViewPortion, "view_portion"),
    }
}

fn to_reql_value(value: PropertyValue) -> Value {
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
