//! All items of a workspace: ids, availability and properties.

mod activation;

use domain::{ItemIdx, PropertyValue, Timestamp};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::keys::{self, Keys};
use crate::off::OffItems;
use crate::versions::Versions;
use crate::{CatalogVersion, Property, PropertyTable};

/// The catalog of one workspace.
pub struct Catalog {
    keyspace: Keyspace,
    /// Includes deleted items whose index is reused by the next item of the id.
    by_id: FxHashMap<String, ItemIdx>,
    items: Vec<Item>,
    table: PropertyTable,
    versions: Versions,
    n_available: usize,
    n_known: usize,
    off: OffItems,
}

#[derive(Clone, Serialize, Deserialize)]
struct ItemRecord {
    item_id: String,
    /// An interaction names it: a message or an import of interactions.
    in_messages: bool,
    /// A page or screen message names it.
    in_pages: bool,
    /// At least one version of the catalog has listed it.
    ever_listed: bool,
    /// It was deleted. Another item may have the same id now.
    is_deleted: bool,
}

struct Item {
    record: ItemRecord,
    /// Whether the current version lists it.
    listed: bool,
}

/// The kind of message that names an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// An interaction with the item.
    Action,
    /// A view of a page or screen with this name, which may be an article or just the checkout.
    Page,
}

impl ItemRecord {
    fn new(item_id: &str) -> Self {
        Self {
            item_id: item_id.to_owned(),
            in_messages: false,
            in_pages: false,
            ever_listed: false,
            is_deleted: false,
        }
    }

    /// Whether there is such an item, available or withdrawn. Otherwise the record is a place for
    /// what an import may still put in force.
    fn is_known(&self) -> bool {
        !self.is_deleted && (self.ever_listed || !self.is_unnamed())
    }

    /// Whether no message has named it. Then nothing refers to its index, which can be reused after
    /// a deletion.
    fn is_unnamed(&self) -> bool {
        !self.in_messages && !self.in_pages
    }
}

impl Item {
    fn is_available(&self, has_catalog: bool) -> bool {
        let record = &self.record;
        let is_named = record.in_messages || (record.in_pages && !has_catalog);
        !record.is_deleted && (self.listed || (!record.ever_listed && is_named))
    }
}

/// One item of an import: its id and an optional value for each column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRow {
    /// The external id of the item.
    pub item_id: String,
    /// Values in the order of the columns; none where a cell is empty.
    pub values: Vec<Option<PropertyValue>>,
}

impl ItemRow {
    /// The approximate size, in bytes: of texts their length, of other values 8.
    pub fn text_bytes(&self) -> usize {
        let texts = self.values.iter().flatten().map(|value| match value {
            PropertyValue::String(text) | PropertyValue::Image(text) => text.len(),
            PropertyValue::Set(texts) | PropertyValue::ImageList(texts) => {
                texts.iter().map(String::len).sum()
            }
            _ => 8,
        });
        self.item_id.len() + texts.sum::<usize>()
    }
}

impl Catalog {
    /// Loads items, versions and the properties of the current version.
    ///
    /// # Errors
    /// The store's, or an unreadable value.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = Keys::open(store);
        let (mut by_id, mut items) = (FxHashMap::default(), Vec::new());
        for pair in store.scan(&keys.items, &[]) {
            let record: ItemRecord = keys::decode("item", &pair?.1)?;
            if !record.is_deleted || record.is_unnamed() {
                by_id.insert(record.item_id.clone(), ItemIdx(items.len() as u32));
            }
            items.push(Item { record, listed: false });
        }
        let versions = Versions::load(store, keys.versions)?;
        let version = versions.current().map_or(0, |current| current.version);
        let table = keys::item_table(store, version)?;
        for row in table.row_numbers(store, version)? {
            items[row as usize].listed = true;
        }
        let off = OffItems::load(store, keys.off)?;
        let mut catalog = Self {
            keyspace: keys.items,
            by_id,
            items,
            table,
            versions,
            n_available: 0,
            n_known: 0,
            off,
        };
        catalog.n_available = catalog.count_available();
        catalog.n_known = catalog.items.iter().filter(|item| item.record.is_known()).count();
        Ok(catalog)
    }

    /// The index of an item; none where no message and no version of the catalog has ever had it,
    /// or it is deleted. What only an import has that was not put in force is no item.
    pub fn item(&self, item_id: &str) -> Option<ItemIdx> {
        self.index(item_id).filter(|item| self.items[item.pos()].record.is_known())
    }

    /// The index that an id has in the fold: that of an item, or the one that an import has
    /// reserved for it.
    pub fn index(&self, item_id: &str) -> Option<ItemIdx> {
        self.by_id.get(item_id).copied().filter(|item| !self.is_deleted(*item))
    }

    /// Whether the item of an index was deleted; another one may have its id now.
    pub fn is_deleted(&self, item: ItemIdx) -> bool {
        self.items[item.pos()].record.is_deleted
    }

    /// The external id of an item.
    pub fn item_id(&self, item: ItemIdx) -> &str {
        &self.items[item.pos()].record.item_id
    }

    /// Whether the catalog has an item now. Whether lists may have it: [`Catalog::offered`].
    pub fn is_available(&self, item: ItemIdx) -> bool {
        self.items.get(item.pos()).is_some_and(|item| item.is_available(self.has_catalog()))
    }

    /// Whether an item was turned off, available or not.
    pub fn is_off(&self, item: ItemIdx) -> bool {
        self.off.has(item)
    }

    /// Another number after each change of an item, of its values, or of whether it is turned off.
    pub fn revision(&self) -> u64 {
        // Both only grow.
        self.table.revision() + self.off.n_switches()
    }

    /// The number of items that are turned off, available or not.
    pub fn n_off(&self) -> usize {
        self.off.n_items()
    }

    /// Turns an item off or on again. It stays off, whatever imports and versions list, until it is
    /// turned on or deleted. Changes nothing else of it.
    pub fn switch_item(&mut self, batch: &mut Batch<'_>, item: ItemIdx, is_on: bool) {
        self.off.switch(batch, item, is_on);
    }

    /// The number of items, available or withdrawn: those that [`Catalog::item`] finds.
    pub fn n_known(&self) -> usize {
        self.n_known
    }

    /// The number of assigned item indices, including those of deleted items and those that an
    /// import has reserved.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The number of available items.
    pub fn n_available(&self) -> usize {
        self.n_available
    }

    /// The current version; none before the first import.
    pub fn current(&self) -> Option<&CatalogVersion> {
        self.versions.current()
    }

    /// The current version, then the earlier ones that can be activated again, the latest first.
    pub fn versions(&self) -> Vec<CatalogVersion> {
        let mut current = self.versions.current().copied();
        if let Some(current) = &mut current {
            current.n_items = self.n_listed() as u64;
        }
        current.into_iter().chain(self.versions.previous().iter().rev().copied()).collect()
    }

    /// Whether the current version lists an item.
    pub fn is_listed(&self, item: ItemIdx) -> bool {
        self.items[item.pos()].listed
    }

    /// The number of items that the current version lists. Takes time proportional to all items.
    pub fn n_listed(&self) -> usize {
        self.items.iter().filter(|item| item.listed).count()
    }

    /// The highest version number assigned so far, 0 for none.
    pub fn last_version(&self) -> u32 {
        self.versions.last_version()
    }

    /// The item properties of the current version.
    pub fn table(&self) -> &PropertyTable {
        &self.table
    }

    /// The item with an id, if it is available. For the recommender API only these items exist.
    pub fn available_item(&self, item_id: &str) -> Option<ItemIdx> {
        self.item(item_id).filter(|item| self.is_available(*item))
    }

    /// Adds a property with a new name. Creates a first version where there is none.
    pub fn add_property(&mut self, batch: &mut Batch<'_>, property: Property, at: Timestamp) {
        self.ensure_version(batch, at);
        self.table.add_property(batch, property);
    }

    /// Deletes a property with its values. Returns false where there is none of this name.
    pub fn delete_property(&mut self, batch: &mut Batch<'_>, name: &str) -> bool {
        self.table.delete_property(batch, name)
    }

    /// Lists an item in the current version and sets values of existing properties. Creates the
    /// item and a first version where they are missing.
    pub fn set(
        &mut self,
        batch: &mut Batch<'_>,
        item_id: &str,
        values: &[(&str, Option<PropertyValue>)],
        at: Timestamp,
    ) -> ItemIdx {
        self.ensure_version(batch, at);
        let item = self.get_or_create_item(batch, item_id);
        let entry = &mut self.items[item.pos()];
        let was_available = entry.is_available(true);
        entry.listed = true;
        self.n_available += usize::from(!was_available);
        self.n_known += usize::from(!entry.record.is_known());
        if !std::mem::replace(&mut entry.record.ever_listed, true) {
            self.put_item(batch, item);
        }
        self.table.set(batch, item.0, values);
        item
    }

    /// Deletes an item from all versions. Its interactions keep its index, which no id refers to
    /// any more. The index of an item without interactions is reused by the next item of the same
    /// id, so that repeated creation and deletion does not fill the tables.
    pub fn delete(&mut self, batch: &mut Batch<'_>, item: ItemIdx) {
        let has_catalog = self.has_catalog();
        let entry = &mut self.items[item.pos()];
        self.n_available -= usize::from(entry.is_available(has_catalog));
        self.n_known -= usize::from(entry.record.is_known());
        entry.listed = false;
        entry.record.is_deleted = true;
        if !entry.record.is_unnamed() {
            self.by_id.remove(&entry.record.item_id);
        }
        self.put_item(batch, item);
        self.off.switch(batch, item, true);
        self.table.remove(batch, item.0);
        // An earlier version must not bring the item back.
        for previous in self.versions.previous() {
            self.table.remove_beside(batch, previous.version, item.0);
        }
    }

    /// Creates a first version where there is none.
    fn ensure_version(&mut self, batch: &mut Batch<'_>, at: Timestamp) {
        if self.has_catalog() {
            return;
        }
        let version = self.versions.create_first(batch, at);
        self.table.start(version);
        self.n_available = self.count_available();
    }

    /// The index of an item that a message names. Creates the item where it is new.
    pub fn get_or_create_named_item(
        &mut self,
        batch: &mut Batch<'_>,
        item_id: &str,
        named_by: NamedBy,
    ) -> ItemIdx {
        let item = self.get_or_create_item(batch, item_id);
        let has_catalog = self.has_catalog();
        let entry = &mut self.items[item.pos()];
        let was_available = entry.is_available(has_catalog);
        self.n_known += usize::from(!entry.record.is_known());
        let is_named = match named_by {
            NamedBy::Action => &mut entry.record.in_messages,
            NamedBy::Page => &mut entry.record.in_pages,
        };
        if !std::mem::replace(is_named, true) {
            let is_available = entry.is_available(has_catalog);
            self.n_available += usize::from(is_available) - usize::from(was_available);
            self.put_item(batch, item);
        }
        item
    }

    /// Says which messages name an item. Creates the item where it is new and one does.
    pub fn set_named(
        &mut self,
        batch: &mut Batch<'_>,
        item_id: &str,
        by_action: bool,
        by_page: bool,
    ) {
        let item = match self.index(item_id) {
            None if !by_action && !by_page => return,
            None => self.get_or_create_item(batch, item_id),
            Some(item) => item,
        };
        let has_catalog = self.has_catalog();
        let entry = &mut self.items[item.pos()];
        let (was_available, was_known) = (entry.is_available(has_catalog), entry.record.is_known());
        (entry.record.in_messages, entry.record.in_pages) = (by_action, by_page);
        let (is_available, is_known) = (entry.is_available(has_catalog), entry.record.is_known());
        self.n_available += usize::from(is_available);
        self.n_available -= usize::from(was_available);
        self.n_known += usize::from(is_known);
        self.n_known -= usize::from(was_known);
        self.put_item(batch, item);
    }

    /// Which messages name an item: whether an interaction does, and whether a page does.
    pub fn named_by(&self, item: ItemIdx) -> (bool, bool) {
        let record = &self.items[item.pos()].record;
        (record.in_messages, record.in_pages)
    }

    fn get_or_create_item(&mut self, batch: &mut Batch<'_>, item_id: &str) -> ItemIdx {
        if let Some(item) = self.index(item_id) {
            return item;
        }
        let entry = Item { record: ItemRecord::new(item_id), listed: false };
        let item = match self.by_id.get(item_id) {
            Some(&deleted) => {
                self.items[deleted.pos()] = entry;
                deleted
            }
            None => {
                let item = ItemIdx(self.items.len() as u32);
                self.by_id.insert(item_id.to_owned(), item);
                self.items.push(entry);
                item
            }
        };
        self.put_item(batch, item);
        item
    }

    fn put_item(&self, batch: &mut Batch<'_>, item: ItemIdx) {
        let record = &self.items[item.pos()].record;
        batch.put(&self.keyspace, KeyBuf::new().u32(item.0), keys::encode(record));
    }

    fn has_catalog(&self) -> bool {
        self.versions.current().is_some()
    }

    fn count_available(&self) -> usize {
        self.items.iter().filter(|item| item.is_available(self.has_catalog())).count()
    }
}
