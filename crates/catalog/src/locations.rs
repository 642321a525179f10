//! Catalogs of locations, such as shops: where each is, and whatever else a file says of it.
//!
//! A catalog is replaced as a whole. What an import brings is staged beside the catalog in force
//! until its last step, so that one that ends early changes nothing.

use std::collections::BTreeMap;

use domain::{ItemIdx, PropertyValue, Timestamp};
use reql::Column;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};
use uuid::Uuid;

use crate::{ItemRow, Property, PropertyTable, keys};

/// The most catalogs of locations of a workspace.
pub const LOCATION_CATALOGS_MAX: usize = 5;
/// The most locations of one catalog. Ids and columns are in memory, about 200 bytes each.
pub const LOCATIONS_MAX: usize = 200_000;
/// The most imports under way; one more discards the oldest.
const STAGED_MAX: usize = 2;
/// The column with the degrees north of the equator, -90 to 90.
pub const LATITUDE: &str = "latitude";
/// The column with the degrees east of Greenwich, -180 to 180.
pub const LONGITUDE: &str = "longitude";
/// The property in which the id of a location is stored, as the last one of a version. No column of
/// a file has this name, since there it is the id.
const ID: &str = "location_id";
/// The mean radius of the earth.
const EARTH_RADIUS_KM: f64 = 6_371.0;
const KM_PER_DEGREE: f64 = EARTH_RADIUS_KM * std::f64::consts::PI / 180.0;

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
}

impl Point {
    /// The distance on the surface of a sphere, in kilometres.
    pub fn km_to(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let up = ((to - from) / 2.0).sin();
        let haversine = up * up + from.cos() * to.cos() * across * across;
        2.0 * EARTH_RADIUS_KM * haversine.sqrt().min(1.0).asin()
    }
}

/// All catalogs of locations of a workspace.
pub struct Locations {
    records: Keyspace,
    schema: Keyspace,
    rows: Keyspace,
    catalogs: BTreeMap<String, LocationCatalog>,
    /// Imports under way, the oldest first.
    staged: Vec<Record>,
}

/// A catalog of locations.
pub struct LocationCatalog {
    record: Record,
    table: PropertyTable,
    /// The ids by row.
    ids: Vec<String>,
    by_id: FxHashMap<String, u32>,
    /// Every location with its row, from south to north.
    points: Vec<(Point, u32)>,
}

/// What is stored of a catalog, and of an import of one.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    /// The name of the catalog.
    name: String,
    /// The number under which its rows are stored, from 1 on.
    version: u32,
    import: Uuid,
    n_rows: u32,
    /// When it was put in force; none while it is staged.
    activated_at: Option<Timestamp>,
}

/// A location with its distance from a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near<'a> {
    /// The location.
    pub location_id: &'a str,
    /// Its distance in kilometres.
    pub km: f64,
}

impl LocationCatalog {
    fn load(read: &dyn Read, record: Record, mut table: PropertyTable) -> Result<Self, StoreError> {
        table.switch(read, record.version)?;
        let unreadable = || StoreError::Unreadable { what: "location" };
        let mut catalog = Self {
            ids: Vec::with_capacity(record.n_rows as usize),
            by_id: FxHashMap::default(),
            points: Vec::with_capacity(record.n_rows as usize),
            record,
            table,
        };
        for row in 0..catalog.record.n_rows {
            let Some(PropertyValue::String(id)) = catalog.table.value(row, ID) else {
                return Err(unreadable());
            };
            let degrees = |name: &str| match catalog.table.value(row, name) {
                Some(PropertyValue::Double(degrees)) => Ok(degrees),
                _ => Err(unreadable()),
            };
            let point = Point { latitude: degrees(LATITUDE)?, longitude: degrees(LONGITUDE)? };
            catalog.points.push((point, row));
            catalog.by_id.insert(id.clone(), row);
            catalog.ids.push(id);
        }
        catalog.points.sort_by(|(a, _), (b, _)| a.latitude.total_cmp(&b.latitude));
        Ok(catalog)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// When it was put in force.
    pub fn activated_at(&self) -> Option<Timestamp> {
        self.record.activated_at
    }

    /// The number of locations.
    pub fn n_locations(&self) -> usize {
        self.ids.len()
    }

    /// The columns, without the id.
    pub fn columns(&self) -> impl Iterator<Item = &Property> {
        self.table.properties().filter(|property| property.name != ID)
    }

    /// The ids in the order of the file.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The values of a location by column, without unset ones; none where there is no such
    /// location.
    pub fn values(&self, location_id: &str) -> Option<Vec<(&str, PropertyValue)>> {
        let row = *self.by_id.get(location_id)?;
        let mut values = self.table.values(row);
        values.retain(|(name, _)| *name != ID);
        Some(values)
    }

    /// The locations within `km` kilometres of a point, the nearest first. Only those in the band
    /// of latitudes around the point are looked at.
    pub fn within(&self, point: Point, km: f64) -> Vec<Near<'_>> {
        let degrees = km / KM_PER_DEGREE;
        let south = point.latitude - degrees;
        let first = self.points.partition_point(|(other, _)| other.latitude < south);
        let band = self.points[first..].iter();
        let band = band.take_while(|(other, _)| other.latitude <= point.latitude + degrees);
        let mut near: Vec<Near<'_>> = band
            .map(|(other, row)| Near {
                location_id: &self.ids[*row as usize],
                km: point.km_to(*other),
            })
            .filter(|near| near.km <= km)
            .collect();
        near.sort_by(|a, b| a.km.total_cmp(&b.km).then(a.location_id.cmp(b.location_id)));
        near
    }

    /// The items whose `property` holds the id of a location within `km` kilometres of a point.
    pub fn items_near<'a>(
        &'a self,
        items: &'a PropertyTable,
        property: &str,
        point: Point,
        km: f64,
    ) -> ItemsNear<'a> {
        let near = self.within(point, km).into_iter();
        ItemsNear {
            location_ids: near.map(|near| near.location_id).collect(),
            column: items.column(property),
        }
    }
}

/// The items at some locations.
pub struct ItemsNear<'a> {
    location_ids: FxHashSet<&'a str>,
    /// The ids of each item's locations; none where the catalog of items has no such property.
    column: Option<reql::Column<'a>>,
}

impl ItemsNear<'_> {
    /// Whether an item is at one of the locations. An item without a location is at none.
    pub fn has(&self, item: ItemIdx) -> bool {
        let row = item.pos();
        let is_near = |id: &str| self.location_ids.contains(id);
        match &self.column {
            Some(Column::String(cells, texts)) => {
                cells.get(row).copied().flatten().is_some_and(|id| is_near(texts.text(id)))
            }
            Some(Column::Set(cells, texts)) => {
                let ids = cells.get(row).and_then(Option::as_deref).unwrap_or_default();
                ids.iter().any(|id| is_near(texts.text(*id)))
            }
            // A column of a file may look like numbers; the ids are texts all the same.
            Some(Column::Int(cells)) => {
                cells.get(row).copied().flatten().is_some_and(|id| is_near(&id.to_string()))
            }
            _ => false,
        }
    }
}

impl Locations {
    /// Loads all catalogs.
    ///
    /// # Errors
    /// The store's, or an unreadable value.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        let [records, schema, rows] = keys::LOCATION_KEYSPACES.map(|name| store.keyspace(name));
        let (catalogs, staged) = (BTreeMap::new(), Vec::new());
        let mut locations = Self { records, schema, rows, catalogs, staged };
        for pair in store.scan(&locations.records.clone(), &[]) {
            let record: Record = keys::decode("catalog of locations", &pair?.1)?;
            match record.activated_at {
                Some(_) => locations.take_up(store, record)?,
                None => locations.staged.push(record),
            }
        }
        Ok(locations)
    }

    /// The catalog of a name.
    pub fn catalog(&self, name: &str) -> Option<&LocationCatalog> {
        self.catalogs.get(name)
    }

    /// All catalogs, by name.
    pub fn catalogs(&self) -> impl Iterator<Item = &LocationCatalog> {
        self.catalogs.values()
    }

    /// Starts an import of the catalog `name`. Discards an earlier attempt under the same id, and
    /// the oldest import where there is no room for one more.
    ///
    /// # Errors
    /// The store's.
    pub fn stage(
        &mut self,
        batch: &mut Batch<'_>,
        import: Uuid,
        name: String,
        columns: Vec<domain::Column>,
    ) -> Result<(), StoreError> {
        if let Some(place) = self.staged_place(import) {
            let again = self.staged.remove(place);
            self.remove_version(batch, again.version)?;
        } else if self.staged.len() == STAGED_MAX {
            let oldest = self.staged.remove(0);
            self.remove_version(batch, oldest.version)?;
        }
        let version = 1 + self.versions().max().unwrap_or(0);
        let columns = columns.into_iter().map(|column| Property::new(column.name, column.type_));
        let id = Property::new(ID, domain::PropertyType::String);
        let properties = columns.chain([id]).collect();
        self.empty_table().stage_schema(batch, version, properties);
        let record = Record { name, version, import, n_rows: 0, activated_at: None };
        self.put(batch, &record);
        self.staged.push(record);
        Ok(())
    }

    /// Adds locations to an import. Returns false where the import is not staged.
    pub fn stage_rows(&mut self, batch: &mut Batch<'_>, import: Uuid, rows: Vec<ItemRow>) -> bool {
        let Some(place) = self.staged_place(import) else { return false };
        let table = self.empty_table();
        let record = &mut self.staged[place];
        for ItemRow { item_id, mut values } in rows {
            values.push(Some(PropertyValue::String(item_id)));
            table.stage(batch, record.version, record.n_rows, &values);
            record.n_rows += 1;
        }
        let record = record.clone();
        self.put(batch, &record);
        true
    }

    /// Puts an import in force in place of the catalog of its name. Returns false where the import
    /// is not staged.
    ///
    /// # Errors
    /// The store's.
    pub fn activate(
        &mut self,
        batch: &mut Batch<'_>,
        import: Uuid,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(place) = self.staged_place(import) else { return Ok(false) };
        let record = Record { activated_at: Some(at), ..self.staged.remove(place) };
        self.remove(batch, &record.name)?;
        self.put(batch, &record);
        self.take_up(batch, record)?;
        Ok(true)
    }

    /// Removes a catalog. Returns false where there is none of this name.
    ///
    /// # Errors
    /// The store's.
    pub fn remove(&mut self, batch: &mut Batch<'_>, name: &str) -> Result<bool, StoreError> {
        let Some(catalog) = self.catalogs.remove(name) else { return Ok(false) };
        self.remove_version(batch, catalog.record.version)?;
        Ok(true)
    }

    fn take_up(&mut self, read: &dyn Read, record: Record) -> Result<(), StoreError> {
        let name = record.name.clone();
        let catalog = LocationCatalog::load(read, record, self.empty_table())?;
        self.catalogs.insert(name, catalog);
        Ok(())
    }

    fn staged_place(&self, import: Uuid) -> Option<usize> {
        self.staged.iter().position(|staged| staged.import == import)
    }

    fn versions(&self) -> impl Iterator<Item = u32> {
        let in_force = self.catalogs.values().map(|catalog| &catalog.record);
        in_force.chain(&self.staged).map(|record| record.version)
    }

    fn empty_table(&self) -> PropertyTable {
        PropertyTable::empty(self.schema.clone(), self.rows.clone(), 0)
    }

    fn put(&self, batch: &mut Batch<'_>, record: &Record) {
        let key = KeyBuf::new().u32(record.version).build();
        batch.put(&self.records, key, keys::encode(record));
    }

    fn remove_version(&self, batch: &mut Batch<'_>, version: u32) -> Result<(), StoreError> {
        batch.remove(&self.records, KeyBuf::new().u32(version).build());
        self.empty_table().remove_version(batch, version)
    }
}
