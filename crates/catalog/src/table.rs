//! Typed properties of rows: schema and cells are in memory and written through to the store.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Column, PropertyType, PropertyValue};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::columns::Cells;
use crate::keys;
use crate::membership::CATALOG_COLUMN;
use crate::texts::Texts;

/// A property of items or of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Unique in its table.
    pub name: String,
    /// The type of its values.
    pub type_: PropertyType,
    /// The role, such as `title`. At most one property has a role.
    pub role: Option<String>,
    /// Further data of the client, as JSON text: settings of the role and notes.
    pub settings: Option<String>,
}

impl Property {
    /// A property without role and settings.
    pub fn new(name: impl Into<String>, type_: PropertyType) -> Self {
        Self { name: name.into(), type_, role: None, settings: None }
    }
}

/// A row as it is stored: the number of each property with its value.
type Row = Vec<(u32, PropertyValue)>;

struct Entry {
    /// Never reused: a property that is deleted and created again gets a new number.
    number: u32,
    property: Property,
    cells: Cells,
}

/// Rows, of items or users, with typed properties.
pub struct PropertyTable {
    schema: Keyspace,
    rows: Keyspace,
    /// The version that is read; it precedes the row number in keys.
    version: u32,
    entries: Vec<Entry>,
    next_number: u32,
    texts: Texts,
    /// Incremented with every change of a value.
    revision: u64,
    /// Incremented with every change of the properties.
    schema_revision: u64,
    /// The rows of the latest changes, the oldest first.
    changes: VecDeque<u32>,
}

/// The most changes that are kept. A reader that is further behind reads all rows.
const CHANGES_KEPT_MAX: usize = 65_536;

/// Counts the loaded tables of this process, so that revisions of two tables never coincide.
static LOADS: AtomicU64 = AtomicU64::new(0);
const REVISION_BITS: u32 = 44;

/// A schema as it is stored.
#[derive(Default, Serialize, Deserialize)]
struct SchemaRecord {
    next_number: u32,
    properties: Vec<(u32, Property)>,
}

impl PropertyTable {
    /// Loads schema and rows of a version.
    ///
    /// # Errors
    /// The store's, or an unreadable value.
    pub fn load(
        store: &Store,
        schema: Keyspace,
        rows: Keyspace,
        version: u32,
    ) -> Result<Self, StoreError> {
        let mut table = Self::empty(schema, rows, version);
        table.switch(store, version)?;
        Ok(table)
    }

    /// A table without properties.
    pub(crate) fn empty(schema: Keyspace, rows: Keyspace, version: u32) -> Self {
        let first_revision = LOADS.fetch_add(1, Ordering::Relaxed) << REVISION_BITS;
        Self {
            schema,
            rows,
            version,
            entries: Vec::new(),
            next_number: 0,
            texts: Texts::default(),
            revision: first_revision,
            schema_revision: first_revision,
            changes: VecDeque::new(),
        }
    }

    /// The properties in the order of their creation, without the column of
    /// [`Catalog::catalog_of`](crate::Catalog::catalog_of).
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.open_entries().map(|entry| &entry.property)
    }

    fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.property.name != CATALOG_COLUMN)
    }

    /// The property with a name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties().find(|property| property.name == name)
    }

    /// The cells of a property, for filters and boosters; none for lists of images, which they
    /// cannot read.
    pub fn column(&self, name: &str) -> Option<reql::Column<'_>> {
        let is_readable = |property: &Property| {
            property.name == name && property.type_ != PropertyType::ImageList
        };
        let entry = self.entries.iter().find(|entry| is_readable(&entry.property))?;
        Some(entry.cells.column(&self.texts))
    }

    /// Incremented with every change of a value. Unique in the process.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Incremented with every change of the properties. Unique in the process.
    pub fn schema_revision(&self) -> u64 {
        self.schema_revision
    }

    /// The value of a property in a row; none where it is unset or there is no such property.
    pub fn value(&self, row: u32, name: &str) -> Option<PropertyValue> {
        let entry = self.entries.iter().find(|entry| entry.property.name == name)?;
        entry.cells.value(entry.property.type_, &self.texts, row as usize)
    }

    /// The size of the texts of a value, in bytes; 0 for other types.
    pub fn text_bytes(&self, row: u32, name: &str) -> usize {
        let entry = self.entries.iter().find(|entry| entry.property.name == name);
        entry.map_or(0, |entry| entry.cells.text_bytes(&self.texts, row as usize))
    }

    /// The names and values of a row, without unset ones.
    pub fn values(&self, row: u32) -> Vec<(&str, PropertyValue)> {
        let value =
            |entry: &Entry| entry.cells.value(entry.property.type_, &self.texts, row as usize);
        self.open_entries()
            .filter_map(|entry| Some((entry.property.name.as_str(), value(entry)?)))
            .collect()
    }

    /// Whether a row has exactly these values, which are in the order of the columns.
    pub(crate) fn holds(
        &self,
        row: u32,
        columns: &[Column],
        values: &[Option<PropertyValue>],
    ) -> bool {
        let is_unchanged = |entry: &Entry| {
            let place = columns.iter().position(|column| column.name == entry.property.name);
            let given = place.and_then(|place| values[place].as_ref());
            let known = entry.cells.value(entry.property.type_, &self.texts, row as usize);
            match (known, given) {
                (Some(PropertyValue::Set(known)), Some(PropertyValue::Set(given))) => {
                    // Stored sets are sorted and without duplicates.
                    known.iter().collect::<BTreeSet<_>>() == given.iter().collect::<BTreeSet<_>>()
                }
                (known, given) => known.as_ref() == given,
            }
        };
        let is_new = |column: &Column| self.property(&column.name).is_none();
        let has_new =
            columns.iter().zip(values).any(|(column, value)| value.is_some() && is_new(column));
        !has_new && self.open_entries().all(is_unchanged)
    }

    /// The rows that changed since a revision, with repetitions; none where the changes are no
    /// longer kept.
    pub fn changed_since(&self, revision: u64) -> Option<impl Iterator<Item = u32>> {
        let n = self.revision.checked_sub(revision).map(|n| n as usize)?;
        let from = self.changes.len().checked_sub(n)?;
        Some(self.changes.range(from..).copied())
    }

    /// Adds a property with a new name.
    pub fn add_property(&mut self, batch: &mut Batch<'_>, property: Property) {
        let cells = Cells::new(property.type_);
        self.entries.push(Entry { number: self.next_number, property, cells });
        self.next_number += 1;
        self.put_schema(batch);
    }

    /// Deletes a property with its values. Returns false where there is none of this name.
    pub fn delete_property(&mut self, batch: &mut Batch<'_>, name: &str) -> bool {
        let is_meant =
            |entry: &Entry| entry.property.name == name && entry.property.name != CATALOG_COLUMN;
        let Some(at) = self.entries.iter().position(is_meant) else {
            return false;
        };
        self.entries.remove(at).cells.release_all(&mut self.texts);
        self.put_schema(batch);
        self.record_full_change();
        true
    }

    /// Sets or clears values of existing properties; names without a property are ignored.
    pub fn set(
        &mut self,
        batch: &mut Batch<'_>,
        row: u32,
        values: &[(&str, Option<PropertyValue>)],
    ) {
        for (name, value) in values {
            let Some(entry) = self.entries.iter_mut().find(|entry| entry.property.name == *name)
            else {
                continue;
            };
            entry.cells.set(&mut self.texts, row as usize, value.as_ref());
        }
        let stored = self.stored_row(row, |entry| Some(entry.number));
        batch.put(&self.rows, row_key(self.version, row), keys::encode(&stored));
        self.record_change(row);
    }

    /// A row as it is stored where properties have the given numbers.
    fn stored_row(&self, row: u32, number: impl Fn(&Entry) -> Option<u32>) -> Row {
        let stored = |entry: &Entry| {
            let value = entry.cells.value(entry.property.type_, &self.texts, row as usize)?;
            Some((number(entry)?, value))
        };
        self.entries.iter().filter_map(stored).collect()
    }

    /// The properties that at least one of some rows has a value of.
    pub(crate) fn used_by(&self, rows: impl Iterator<Item = u32>) -> Vec<&Property> {
        let used = self.used_entries(rows);
        let is_open = |entry: &&Entry| entry.property.name != CATALOG_COLUMN;
        used.into_iter().filter(is_open).map(|entry| &entry.property).collect()
    }

    fn used_entries(&self, rows: impl Iterator<Item = u32>) -> Vec<&Entry> {
        let (mut unused, mut used): (Vec<&Entry>, Vec<&Entry>) =
            (self.entries.iter().collect(), Vec::new());
        for row in rows {
            if unused.is_empty() {
                break;
            }
            unused.retain(|entry| {
                let is_used = entry.cells.has(row as usize);
                if is_used {
                    used.push(entry);
                }
                !is_used
            });
        }
        used.sort_unstable_by_key(|entry| entry.number);
        used
    }

    /// Adds rows to another version than the one that is read. It gets the properties that they
    /// have values of and that it lacks. Returns false, and changes nothing, where it has one of
    /// them with another type.
    pub(crate) fn carry(
        &self,
        batch: &mut Batch<'_>,
        version: u32,
        rows: &[u32],
    ) -> Result<bool, StoreError> {
        let mut schema = self.read_schema(batch, version)?;
        let mut numbers: FxHashMap<u32, u32> = FxHashMap::default();
        for entry in self.used_entries(rows.iter().copied()) {
            let same = |(_, other): &&(u32, Property)| other.name == entry.property.name;
            let number = match schema.properties.iter().find(same) {
                Some((_, other)) if other.type_ != entry.property.type_ => return Ok(false),
                Some((number, _)) => *number,
                None => {
                    let number = schema.next_number;
                    schema.properties.push((number, entry.property.clone()));
                    schema.next_number += 1;
                    number
                }
            };
            numbers.insert(entry.number, number);
        }
        batch.put(&self.schema, version_key(version), keys::encode(&schema));
        for row in rows {
            let stored = self.stored_row(*row, |entry| numbers.get(&entry.number).copied());
            batch.put(&self.rows, row_key(version, *row), keys::encode(&stored));
        }
        Ok(true)
    }

    fn read_schema(&self, read: &dyn Read, version: u32) -> Result<SchemaRecord, StoreError> {
        match read.get(&self.schema, &version_key(version))? {
            Some(bytes) => keys::decode("properties", &bytes),
            None => Ok(SchemaRecord::default()),
        }
    }

    /// Moves the values of the source row to the target row, where the target has none, and removes
    /// the source row.
    pub fn merge(&mut self, batch: &mut Batch<'_>, target: u32, source: u32) {
        let values_of_row = |row: u32| -> Vec<(String, PropertyValue)> {
            self.values(row).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        let (kept, source_values) = (values_of_row(target), values_of_row(source));
        let is_new = |name: &str| kept.iter().all(|(other, _)| other != name);
        let moved = source_values.iter().filter(|(name, _)| is_new(name));
        let moved: Vec<_> =
            moved.map(|(name, value)| (name.as_str(), Some(value.clone()))).collect();
        if !moved.is_empty() {
            self.set(batch, target, &moved);
        }
        self.remove(batch, source);
    }

    /// Removes a row of a version beside the one that is read.
    pub(crate) fn remove_beside(&self, batch: &mut Batch<'_>, version: u32, row: u32) {
        batch.remove(&self.rows, row_key(version, row));
    }

    /// Removes a row with all its values.
    pub fn remove(&mut self, batch: &mut Batch<'_>, row: u32) {
        for entry in &mut self.entries {
            entry.cells.set(&mut self.texts, row as usize, None);
        }
        batch.remove(&self.rows, row_key(self.version, row));
        self.record_change(row);
    }

    /// Switches to a new, empty version. The table must have no properties.
    pub(crate) fn start(&mut self, version: u32) {
        assert!(self.entries.is_empty(), "a new version starts from an empty table");
        self.version = version;
    }

    /// Starts another version than the one that is read; [`Self::stage`] adds its rows.
    pub(crate) fn stage_schema(
        &self,
        batch: &mut Batch<'_>,
        version: u32,
        properties: Vec<Property>,
    ) {
        let next_number = properties.len() as u32;
        let properties = (0..).zip(properties).collect();
        let record = SchemaRecord { next_number, properties };
        batch.put(&self.schema, version_key(version), keys::encode(&record));
    }

    /// Adds a row to another version than the one that is read. Values are in the order of the
    /// properties.
    pub(crate) fn stage(
        &self,
        batch: &mut Batch<'_>,
        version: u32,
        row: u32,
        values: &[Option<PropertyValue>],
    ) {
        let stored: Row =
            (0..).zip(values).filter_map(|(n, value)| Some((n, value.clone()?))).collect();
        batch.put(&self.rows, row_key(version, row), keys::encode(&stored));
    }

    /// The row numbers of a version, ascending.
    pub(crate) fn row_numbers(
        &self,
        read: &dyn Read,
        version: u32,
    ) -> Result<Vec<u32>, StoreError> {
        read.scan(&self.rows, &version_key(version)).map(|pair| parse_row_key(&pair?.0)).collect()
    }

    /// Removes another version than the one that is read.
    pub(crate) fn remove_version(
        &self,
        batch: &mut Batch<'_>,
        version: u32,
    ) -> Result<(), StoreError> {
        let prefix = version_key(version);
        for keyspace in [&self.rows, &self.schema] {
            let pairs: Vec<_> = batch.scan(keyspace, &prefix).collect::<Result<_, _>>()?;
            pairs.into_iter().for_each(|(key, _)| batch.remove(keyspace, key));
        }
        Ok(())
    }

    /// Loads another version in place of the current one.
    pub(crate) fn switch(&mut self, read: &dyn Read, version: u32) -> Result<(), StoreError> {
        self.version = version;
        self.schema_revision += 1;
        self.record_full_change();
        self.texts = Texts::default();
        let record = self.read_schema(read, version)?;
        self.next_number = record.next_number;
        self.entries = record
            .properties
            .into_iter()
            .map(|(number, property)| Entry { number, cells: Cells::new(property.type_), property })
            .collect();
        for pair in read.scan(&self.rows, &version_key(version)) {
            let (key, value) = pair?;
            let row = parse_row_key(&key)?;
            let stored: Row = keys::decode("values", &value)?;
            for (number, value) in stored {
                // Values of a deleted property stay stored until the row is written again.
                if let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == number) {
                    entry.cells.set(&mut self.texts, row as usize, Some(&value));
                }
            }
        }
        Ok(())
    }

    fn put_schema(&mut self, batch: &mut Batch<'_>) {
        self.schema_revision += 1;
        let properties =
            self.entries.iter().map(|entry| (entry.number, entry.property.clone())).collect();
        let record = SchemaRecord { next_number: self.next_number, properties };
        batch.put(&self.schema, version_key(self.version), keys::encode(&record));
    }

    fn record_change(&mut self, row: u32) {
        if self.changes.len() == CHANGES_KEPT_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(row);
        self.revision += 1;
    }

    fn record_full_change(&mut self) {
        self.changes.clear();
        self.revision += 1;
    }
}

fn version_key(version: u32) -> Vec<u8> {
    KeyBuf::new().u32(version).build()
}

fn row_key(version: u32, row: u32) -> Vec<u8> {
    KeyBuf::new().u32(version).u32(row).build()
}

fn parse_row_key(key: &[u8]) -> Result<u32, StoreError> {
    let mut parts = KeyParts::new(key);
    parts.u32();
    parts.u32().ok_or(StoreError::Unreadable { what: "values" })
}
