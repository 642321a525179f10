//! All items of a workspace: ids and availability in memory, properties in the store.

use domain::{Column, ItemIdx, PropertyValue, Timestamp};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, Store, StoreError};

use crate::keys::{self, Keys};

/// The catalog of one workspace.
pub struct Catalog {
    keys: Keys,
    by_id: FxHashMap<String, ItemIdx>,
    items: Vec<Item>,
    current: Option<CatalogVersion>,
    /// The highest version that anything was staged under.
    last_version: u32,
    n_available: usize,
}

#[derive(Clone, Serialize, Deserialize)]
struct ItemRecord {
    item_id: String,
    /// A message or an import of interactions has named it.
    in_messages: bool,
    /// A page or screen message has named it.
    in_pages: bool,
    /// Some version of the catalog has listed it.
    ever_listed: bool,
}

struct Item {
    record: ItemRecord,
    /// The current version lists it.
    listed: bool,
}

/// What kind of message names an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// Something was done with it.
    Action,
    /// It is the name of a page or screen, which may be an article or just the way to the checkout.
    Page,
}

impl Item {
    fn is_available(&self, has_catalog: bool) -> bool {
        let record = &self.record;
        self.listed || (!record.ever_listed && (record.in_messages || (record.in_pages && !has_catalog)))
    }
}

/// A version of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogVersion {
    /// Its number, from 1 on.
    pub version: u32,
    /// Its properties.
    pub columns: Vec<Column>,
    /// How many items it lists.
    pub n_items: u64,
    /// When it became current; none while it is staged.
    pub activated_at: Option<Timestamp>,
}

/// An item of an import: its id and a value or none for each column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRow {
    /// The external id.
    pub item_id: String,
    /// In the order of the columns.
    pub values: Vec<Option<PropertyValue>>,
}

impl ItemRow {
    /// The bytes of its texts, which are most of it.
    pub fn text_bytes(&self) -> usize {
        let texts = self.values.iter().flatten().map(|value| match value {
            PropertyValue::String(text) => text.len(),
            PropertyValue::Set(texts) => texts.iter().map(String::len).sum(),
            _ => 8,
        });
        self.item_id.len() + texts.sum::<usize>()
    }
}

impl Catalog {
    /// Loads ids and availability.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = Keys::open(store);
        let (mut by_id, mut items) = (FxHashMap::default(), Vec::new());
        for pair in store.scan(&keys.items, &[]) {
            let record: ItemRecord = keys::decode("item", &pair?.1)?;
            by_id.insert(record.item_id.clone(), ItemIdx(items.len() as u32));
            items.push(Item { record, listed: false });
        }
        let (mut current, mut last_version) = (None, 0);
        for pair in store.scan(&keys.versions, &[]) {
            let version: CatalogVersion = keys::decode("catalog version", &pair?.1)?;
            last_version = version.version;
            if version.activated_at.is_some() {
                current = Some(version);
            }
        }
        let mut catalog = Self { keys, by_id, items, current, last_version, n_available: 0 };
        if let Some(current) = &catalog.current {
            for item in catalog.listed_by(store, current.version)? {
                catalog.items[item.pos()].listed = true;
            }
        }
        catalog.n_available = catalog.count_available();
        Ok(catalog)
    }

    /// The index of an item.
    pub fn item(&self, item_id: &str) -> Option<ItemIdx> {
        self.by_id.get(item_id).copied()
    }

    /// The external id of an item.
    pub fn item_id(&self, item: ItemIdx) -> &str {
        &self.items[item.pos()].record.item_id
    }

    /// Whether an item may be recommended, as far as the catalog has a say.
    pub fn is_available(&self, item: ItemIdx) -> bool {
        self.items.get(item.pos()).is_some_and(|item| item.is_available(self.current.is_some()))
    }

    /// How many item indices have been given out.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// How many items may be recommended.
    pub fn n_available(&self) -> usize {
        self.n_available
    }

    /// The current version; none before the first import.
    pub fn current(&self) -> Option<&CatalogVersion> {
        self.current.as_ref()
    }

    /// The highest version that anything was staged under, 0 for none.
    pub fn last_version(&self) -> u32 {
        self.last_version
    }

    /// The properties of an item in the current version, unset ones left out.
    pub fn properties<'a>(
        &'a self,
        read: &dyn Read,
        item: ItemIdx,
    ) -> Result<Vec<(&'a str, PropertyValue)>, StoreError> {
        let Some(current) = &self.current else { return Ok(Vec::new()) };
        let key = property_key(current.version, item);
        let Some(bytes) = read.get(&self.keys.properties, &key)? else { return Ok(Vec::new()) };
        let values: Vec<Option<PropertyValue>> = keys::decode("properties", &bytes)?;
        let named = current.columns.iter().zip(values);
        Ok(named.filter_map(|(column, value)| Some((column.name.as_str(), value?))).collect())
    }

    /// The index of an item that a message names, made where it is new.
    pub fn item_of_message(&mut self, batch: &mut Batch<'_>, item_id: &str, named_by: NamedBy) -> ItemIdx {
        let item = self.item_or_new(batch, item_id);
        let has_catalog = self.current.is_some();
        let entry = &mut self.items[item.pos()];
        let was_available = entry.is_available(has_catalog);
        let noted = match named_by {
            NamedBy::Action => &mut entry.record.in_messages,
            NamedBy::Page => &mut entry.record.in_pages,
        };
        if !std::mem::replace(noted, true) {
            let is_available = entry.is_available(has_catalog);
            self.n_available += usize::from(is_available) - usize::from(was_available);
            self.put_item(batch, item);
        }
        item
    }

    /// Starts a version; whatever was staged before is given up.
    pub fn stage(&mut self, batch: &mut Batch<'_>, columns: Vec<Column>) {
        self.last_version += 1;
        let version = CatalogVersion { version: self.last_version, columns, n_items: 0, activated_at: None };
        batch.put(&self.keys.versions, version_key(version.version), keys::encode(&version));
    }

    /// Adds items to the staged version.
    pub fn stage_items(&mut self, batch: &mut Batch<'_>, rows: &[ItemRow]) {
        for row in rows {
            let item = self.item_or_new(batch, &row.item_id);
            let key = property_key(self.last_version, item);
            batch.put(&self.keys.properties, key, keys::encode(&row.values));
        }
    }

    /// Makes the staged version the current one and removes every other; false where none is staged.
    pub fn activate(&mut self, batch: &mut Batch<'_>, at: Timestamp) -> Result<bool, StoreError> {
        let key = version_key(self.last_version);
        let Some(bytes) = batch.get(&self.keys.versions, &key)? else { return Ok(false) };
        let mut version: CatalogVersion = keys::decode("catalog version", &bytes)?;
        if version.activated_at.is_some() {
            return Ok(false);
        }
        let listed = self.listed_by(batch, version.version)?;
        self.items.iter_mut().for_each(|item| item.listed = false);
        for &item in &listed {
            let entry = &mut self.items[item.pos()];
            entry.listed = true;
            if !std::mem::replace(&mut entry.record.ever_listed, true) {
                self.put_item(batch, item);
            }
        }
        version.n_items = listed.len() as u64;
        version.activated_at = Some(at);
        for keyspace in [&self.keys.properties, &self.keys.versions] {
            let old: Vec<_> = batch.scan(keyspace, &[]).collect::<Result<_, _>>()?;
            for (old_key, _) in old.into_iter().filter(|(old_key, _)| !old_key.starts_with(&key)) {
                batch.remove(keyspace, old_key);
            }
        }
        batch.put(&self.keys.versions, key, keys::encode(&version));
        self.current = Some(version);
        self.n_available = self.count_available();
        Ok(true)
    }

    fn item_or_new(&mut self, batch: &mut Batch<'_>, item_id: &str) -> ItemIdx {
        if let Some(item) = self.item(item_id) {
            return item;
        }
        let item = ItemIdx(self.items.len() as u32);
        let record = ItemRecord {
            item_id: item_id.to_owned(),
            in_messages: false,
            in_pages: false,
            ever_listed: false,
        };
        self.by_id.insert(record.item_id.clone(), item);
        self.items.push(Item { record, listed: false });
        self.put_item(batch, item);
        item
    }

    fn put_item(&self, batch: &mut Batch<'_>, item: ItemIdx) {
        let record = &self.items[item.pos()].record;
        batch.put(&self.keys.items, KeyBuf::new().u32(item.0), keys::encode(record));
    }

    fn count_available(&self) -> usize {
        self.items.iter().filter(|item| item.is_available(self.current.is_some())).count()
    }

    fn listed_by(&self, read: &dyn Read, version: u32) -> Result<Vec<ItemIdx>, StoreError> {
        read.scan(&self.keys.properties, &version_key(version))
            .map(|pair| {
                let (key, _) = pair?;
                let mut parts = KeyParts::new(&key);
                parts.u32();
                parts.u32().map(ItemIdx).ok_or(StoreError::Unreadable { what: "properties" })
            })
            .collect()
    }
}

fn version_key(version: u32) -> Vec<u8> {
    KeyBuf::new().u32(version).build()
}

fn property_key(version: u32, item: ItemIdx) -> Vec<u8> {
    KeyBuf::new().u32(version).u32(item.0).build()
}
