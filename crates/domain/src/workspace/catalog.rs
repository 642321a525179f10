//! What columns of the catalog mean, and what of it is added to events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most events to which columns are added.
pub const ENRICHED_EVENTS_MAX: usize = 100;
/// The most columns that are added to an event.
pub const ENRICHED_COLUMNS_MAX: usize = 20;
/// The catalog of products that items are in of which no file says another. It is always there.
pub const ITEMS_CATALOG: &str = "items";
/// The most other catalogs of products.
pub const PRODUCT_CATALOGS_MAX: usize = 20;
/// The most catalogs of locations that items may refer to.
const LOCATION_PROPERTIES_MAX: usize = 5;
/// The longest name of an event, a property or a catalog of locations, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What columns of the catalog mean. A column that the catalog does not have, or an empty cell,
/// says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogSettings {
    /// The property that says whether an item may be offered: false, or a text such as
    /// `out_of_stock`, keeps it out of every list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<String>,
    /// The property with the number of pieces in stock: 0 or less keeps an item out of every list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<String>,
    /// The property with the instant from which on an item is offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The property with the instant from which on an item is offered no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// Catalogs of products beside [`ITEMS_CATALOG`], which files, feeds and definitions may name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// By the name of a catalog of locations, the property of items that holds ids of its
    /// locations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub location_property: BTreeMap<String, String>,
    /// Columns that are added to events when they arrive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enrich: Vec<Enrichment>,
}

/// Columns of the item that an event names, which are added to the event as properties when it
/// arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrichment {
    /// The name of the event.
    pub event: String,
    /// The property of the event, or of each element of its `products`, that holds the id of the
    /// item.
    #[serde(default = "item_property_by_default")]
    pub item_property: String,
    /// The columns, each added under its own name unless the event has such a property.
    pub columns: Vec<String>,
}

fn item_property_by_default() -> String {
    "product_id".to_owned()
}

impl CatalogSettings {
    /// Whether no column has a meaning and no event is enriched.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The properties that keep items out of lists, each with the name of its setting.
    pub fn offer_properties(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let properties = [
            ("available", &self.available),
            ("stock", &self.stock),
            ("valid_from", &self.valid_from),
            ("valid_until", &self.valid_until),
        ];
        properties.into_iter().filter_map(|(setting, name)| Some((setting, name.as_deref()?)))
    }

    /// The names of the catalogs of products.
    pub fn product_catalogs(&self) -> impl Iterator<Item = &str> {
        [ITEMS_CATALOG].into_iter().chain(self.products.iter().map(String::as_str))
    }

    /// Checks that there is a catalog of products of a name.
    ///
    /// # Errors
    /// A sentence that names those that there are, and how to add one.
    pub fn check_product_catalog(&self, name: &str) -> Result<(), String> {
        if self.product_catalogs().any(|known| known == name) {
            return Ok(());
        }
        let known: Vec<&str> = self.product_catalogs().collect();
        Err(format!(
            "there is no catalog {name:?}: there are [{}]; the setting catalog.products adds one",
            known.join(", ")
        ))
    }

    /// Checks names and counts. Whether the catalog has the columns is not checked: its next
    /// version may have them.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn validate(&self) -> Result<(), String> {
        for (setting, name) in self.offer_properties() {
            check_name(setting, name)?;
        }
        if self.products.len() > PRODUCT_CATALOGS_MAX {
            return Err(format!(
                "products has {} catalogs, the limit is {PRODUCT_CATALOGS_MAX}",
                self.products.len()
            ));
        }
        for (n, name) in self.products.iter().enumerate() {
            check_catalog_name(name).map_err(|what| format!("products: {name:?}: {what}"))?;
            if name == ITEMS_CATALOG {
                return Err(format!("products: {name:?} is always there: leave it out"));
            }
            if self.products[..n].contains(name) {
                return Err(format!("products: {name:?} is there twice"));
            }
        }
        if self.location_property.len() > LOCATION_PROPERTIES_MAX {
            return Err(format!(
                "location_property has {} catalogs, the limit is {LOCATION_PROPERTIES_MAX}",
                self.location_property.len()
            ));
        }
        for (catalog, property) in &self.location_property {
            check_catalog_name(catalog)
                .map_err(|what| format!("location_property: {catalog:?}: {what}"))?;
            check_name(&format!("location_property.{catalog}"), property)?;
        }
        if self.enrich.len() > ENRICHED_EVENTS_MAX {
            return Err(format!(
                "enrich has {} events, the limit is {ENRICHED_EVENTS_MAX}",
                self.enrich.len()
            ));
        }
        for (n, enrichment) in self.enrich.iter().enumerate() {
            let event = &enrichment.event;
            enrichment.validate().map_err(|what| format!("enrich: event {event:?}: {what}"))?;
            if self.enrich[..n].iter().any(|other| other.event == *event) {
                return Err(format!(
                    "enrich: event {event:?} is there twice: name all its columns in one"
                ));
            }
        }
        Ok(())
    }
}

impl Enrichment {
    fn validate(&self) -> Result<(), String> {
        check_name("event", &self.event)?;
        check_name("item_property", &self.item_property)?;
        if !(1..=ENRICHED_COLUMNS_MAX).contains(&self.columns.len()) {
            return Err(format!(
                "columns has {} names, it must have 1 to {ENRICHED_COLUMNS_MAX}",
                self.columns.len()
            ));
        }
        self.columns.iter().try_for_each(|column| check_name("columns", column))
    }
}

fn check_name(key: &str, name: &str) -> Result<(), String> {
    match name.len() {
        1..=NAME_BYTES_MAX => Ok(()),
        n => Err(format!("{key} has {n} bytes, it must have 1 to {NAME_BYTES_MAX}")),
    }
}

/// Checks the name of a catalog, which stands in paths.
///
/// # Errors
/// Says which form it must have.
pub fn check_catalog_name(name: &str) -> Result<(), String> {
    const CHARS_MAX: usize = 60;
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    match (1..=CHARS_MAX).contains(&name.len()) && name.bytes().all(is_part) {
        true => Ok(()),
        false => Err(format!("the name must be 1 to {CHARS_MAX} characters of a-z, 0-9 and '_'")),
    }
}
