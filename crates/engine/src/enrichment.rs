//! Columns of the catalog that are added to events when they arrive, before they are journalled:
//! from then on they are ordinary properties, whatever the catalog says later.

use std::collections::BTreeMap;

use catalog::Catalog;
use domain::message::MESSAGE_BYTES_MAX;
use domain::{Enrichment, ItemIdx, Message, MessageType};
use serde_json::value::{RawValue, to_raw_value};

use crate::{Engine, Entry};

/// The property of an event that lists several items.
const PRODUCTS: &str = "products";

type Object = BTreeMap<String, Box<RawValue>>;

impl Engine {
    /// Adds the columns that the settings of the catalog name to the events that they name.
    pub(crate) fn enrich(&self, entries: &mut [Entry]) {
        let config = self.config();
        if config.catalog.enrich.is_empty() {
            return;
        }
        for entry in entries {
            let Entry::Message(message) = entry else { continue };
            let is_event = matches!(
                message.type_,
                MessageType::Track | MessageType::Page | MessageType::Screen
            );
            let name = message.event_name();
            let mut enrichments = config.catalog.enrich.iter();
            if let Some(enrichment) = enrichments.find(|one| is_event && one.event == name) {
                enrich(&self.snapshot().catalog, enrichment, message);
            }
        }
    }
}

/// Adds columns of the items that an event names, unless the event has properties of their names.
/// What would make the message larger than a message may be is left out.
fn enrich(catalog: &Catalog, enrichment: &Enrichment, message: &mut Message) {
    let body = message.body.as_deref().unwrap_or_default();
    let Ok(mut properties) = serde_json::from_str::<Object>(body) else { return };
    let bytes_left = MESSAGE_BYTES_MAX.saturating_sub(message.text_bytes());
    let mut added = Added { catalog, enrichment, bytes_left, names: Vec::new() };
    added.add_to(&mut properties, "");
    let products = properties.get(PRODUCTS);
    let products =
        products.map(|products| serde_json::from_str::<Vec<Box<RawValue>>>(products.get()));
    if let Some(Ok(mut products)) = products {
        for product in &mut products {
            // What is no object names no item, and stays as it is.
            if let Ok(mut object) = serde_json::from_str::<Object>(product.get()) {
                added.add_to(&mut object, "products.");
                *product = as_json(&object);
            }
        }
        properties.insert(PRODUCTS.to_owned(), as_json(&products));
    }
    if !added.names.is_empty() {
        message.enriched = added.names;
        message.body = Some(as_json(&properties).get().to_owned());
    }
}

/// What is added to one event.
struct Added<'a> {
    catalog: &'a Catalog,
    enrichment: &'a Enrichment,
    bytes_left: usize,
    /// Each property once, with its place.
    names: Vec<String>,
}

impl Added<'_> {
    fn add_to(&mut self, object: &mut Object, place: &str) {
        let Some(item) = self.named_item(object) else { return };
        for column in &self.enrichment.columns {
            if object.contains_key(column) {
                continue;
            }
            let Some(value) = self.catalog.table().value(item.0, column) else { continue };
            let value = as_json(&value.to_json());
            // With a colon and a comma.
            let n_bytes = as_json(column).get().len() + value.get().len() + 2;
            if n_bytes > self.bytes_left {
                continue;
            }
            self.bytes_left -= n_bytes;
            object.insert(column.clone(), value);
            let name = format!("{place}{column}");
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
    }

    /// The item that the property of the event names, by a text or a number.
    fn named_item(&self, object: &Object) -> Option<ItemIdx> {
        let id = object.get(&self.enrichment.item_property)?.get();
        match serde_json::from_str(id).ok()? {
            serde_json::Value::String(id) => self.catalog.item(&id),
            serde_json::Value::Number(id) => self.catalog.item(&id.to_string()),
            _ => None,
        }
    }
}

fn as_json(value: &(impl serde::Serialize + ?Sized)) -> Box<RawValue> {
    to_raw_value(value).expect("values of properties are plain JSON")
}
