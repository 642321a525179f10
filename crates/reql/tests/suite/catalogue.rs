//! A small catalogue with every type of property, as rows, schema and context.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use reql::{
    Column, Context, InteractionCount, InteractionKind, Rows, Schema, Set, TextId, Texts, Type,
    Value,
};

/// The values of an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Item {
    pub(crate) price: Option<f64>,
    pub(crate) stock: Option<i64>,
    pub(crate) deleted: Option<bool>,
    pub(crate) released_ms: Option<i64>,
    pub(crate) brand: Option<&'static str>,
    pub(crate) title: Option<&'static str>,
    pub(crate) countries: Option<Vec<&'static str>>,
}

/// Items by column; the ids are `i0`, `i1` and so on.
#[derive(Default)]
pub(crate) struct Catalogue {
    ids: Vec<String>,
    price: Vec<Option<f64>>,
    stock: Vec<Option<i64>>,
    deleted: Vec<Option<bool>>,
    released: Vec<Option<i64>>,
    brand: Vec<Option<TextId>>,
    title: Vec<Option<TextId>>,
    countries: Vec<Option<Box<[TextId]>>>,
    texts: Dictionary,
}

#[derive(Default)]
struct Dictionary {
    texts: Vec<&'static str>,
    ids: BTreeMap<&'static str, TextId>,
}

impl Dictionary {
    fn insert(&mut self, text: &'static str) -> TextId {
        *self.ids.entry(text).or_insert_with(|| {
            self.texts.push(text);
            TextId(NonZeroU32::new(self.texts.len() as u32).expect("one was pushed"))
        })
    }
}

impl Texts for Dictionary {
    fn text(&self, id: TextId) -> &str {
        self.texts[id.0.get() as usize - 1]
    }

    fn id(&self, text: &str) -> Option<TextId> {
        self.ids.get(text).copied()
    }
}

impl Catalogue {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let mut catalogue = Self::default();
        for (row, item) in items.into_iter().enumerate() {
            let texts = &mut catalogue.texts;
            catalogue.ids.push(format!("i{row}"));
            catalogue.price.push(item.price);
            catalogue.stock.push(item.stock);
            catalogue.deleted.push(item.deleted);
            catalogue.released.push(item.released_ms);
            catalogue.brand.push(item.brand.map(|text| texts.insert(text)));
            catalogue.title.push(item.title.map(|text| texts.insert(text)));
            catalogue.countries.push(item.countries.map(|countries| {
                let mut ids: Vec<_> =
                    countries.into_iter().map(|text| texts.insert(text)).collect();
                ids.sort();
                ids.dedup();
                ids.into()
            }));
        }
        // A row beyond the end of its column has no value.
        while catalogue.stock.last() == Some(&None) {
            catalogue.stock.pop();
        }
        catalogue
    }

    /// Three items: all values, others, none.
    pub(crate) fn sample() -> Self {
        Self::of(vec![
            Item {
                price: Some(9.5),
                stock: Some(7),
                deleted: Some(false),
                released_ms: Some(1_600_000_000_500),
                brand: Some("acme"),
                title: Some("Großer Hut"),
                countries: Some(vec!["cz", "de"]),
            },
            Item {
                price: Some(120.0),
                stock: Some(-3),
                deleted: Some(true),
                released_ms: Some(0),
                brand: Some("zeta"),
                title: Some(""),
                countries: Some(vec![]),
            },
            Item::default(),
        ])
    }
}

impl Rows for Catalogue {
    fn column(&self, name: &str) -> Option<Column<'_>> {
        Some(match name {
            "price" => Column::Double(&self.price),
            "stock" => Column::Int(&self.stock),
            "deleted" => Column::Boolean(&self.deleted),
            "released" => Column::Timestamp(&self.released),
            "brand" => Column::String(&self.brand, &self.texts),
            "title" => Column::String(&self.title, &self.texts),
            "countries" => Column::Set(&self.countries, &self.texts),
            _ => return None,
        })
    }

    fn id(&self, row: u32) -> &str {
        &self.ids[row as usize]
    }

    fn find_row(&self, id: &str) -> Option<u32> {
        self.ids.iter().position(|known| known == id).map(|row| row as u32)
    }
}

impl Schema for Catalogue {
    fn item_property(&self, name: &str) -> Option<Type> {
        Some(match name {
            "price" => Type::Double,
            "stock" => Type::Int,
            "deleted" => Type::Boolean,
            "released" => Type::Timestamp,
            "brand" | "title" => Type::String,
            "countries" => Type::Set,
            _ => return None,
        })
    }

    fn user_property(&self, name: &str) -> Option<Type> {
        match name {
            "age" => Some(Type::Int),
            "follows" => Some(Type::Set),
            _ => None,
        }
    }
}

/// A request at a fixed time, for item `i0` and user `u`.
pub(crate) struct Request;

impl Context for Request {
    fn now_s(&self) -> f64 {
        1_700_000_000.0
    }

    fn seed(&self) -> u64 {
        42
    }

    fn context_item(&self, property: &str) -> Value {
        match property {
            "itemId" => Value::text("i0"),
            "price" => Value::Double(100.0),
            "countries" => Value::Set(Set::default()),
            _ => Value::Null,
        }
    }

    fn context_user(&self, property: &str) -> Value {
        match property {
            "userId" => Value::text("u"),
            "age" => Value::Int(30),
            "follows" => Value::Set(Set::new(vec![Value::text("cz"), Value::text("acme")])),
            _ => Value::Null,
        }
    }

    fn context_segment(&self, key: &str) -> Value {
        if key == "segmentId" { Value::text("shoes") } else { Value::Null }
    }

    fn item_value(&self, item_id: &str, property: &str) -> Value {
        Value::text(&format!("{property} of {item_id}"))
    }

    fn segment_items(&self, segmentation: &str, segment: &str) -> Value {
        Value::Set(Set::new(vec![
            Value::text("i0"),
            Value::text(&format!("{segmentation}/{segment}")),
        ]))
    }

    fn item_segments(&self, segmentation: &str, item_id: &str) -> Value {
        Value::Set(Set::new(vec![Value::text(&format!("{segmentation}/{item_id}"))]))
    }

    fn interaction_count(
        &self,
        kind: InteractionCount,
        item_id: &str,
        arguments: &[Arc<str>],
    ) -> Option<f64> {
        let weight = if kind == InteractionCount::Ratings { 10.0 } else { 1.0 };
        (item_id != "i1").then_some(weight + arguments.len() as f64)
    }

    fn user_interactions(
        &self,
        user_id: &str,
        kinds: &[InteractionKind],
        n: Option<usize>,
    ) -> Value {
        let interaction = |number: usize| {
            let entries = [
                ("userId", Value::text(user_id)),
                ("itemId", Value::text(&format!("i{number}"))),
                ("timestamp", Value::Timestamp(number as f64)),
                (
                    "type",
                    kinds.first().map_or(Value::Null, |kind| Value::text(&format!("{kind:?}"))),
                ),
            ];
            let entries = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
            Value::Dictionary(Arc::new(entries))
        };
        // No user has done more.
        Value::Array((0..n.unwrap_or(3).min(100)).map(interaction).collect())
    }
}
