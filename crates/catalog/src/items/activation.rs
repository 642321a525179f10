//! How imports become versions of the catalog, and which version is in force.

use domain::{Column, ItemIdx, Timestamp};
use store::{Batch, StoreError};
use uuid::Uuid;

use super::{Catalog, ItemRow};
use crate::{CatalogVersion, Property};

impl Catalog {
    /// Starts the version of an import. Discards an earlier attempt under the same id, and the
    /// oldest unfinished import where there are [`crate::STAGED_VERSIONS_MAX`].
    ///
    /// # Errors
    /// The store's.
    pub fn stage(
        &mut self,
        batch: &mut Batch<'_>,
        import: Uuid,
        columns: Vec<Column>,
    ) -> Result<(), StoreError> {
        for discarded in self.versions.make_room(batch, import) {
            self.table.remove_version(batch, discarded)?;
        }
        let version = self.versions.stage(batch, import);
        // Role and settings of a property persist while its type stays the same.
        let known = |column: &Column| {
            let known =
                self.table.property(&column.name).filter(|known| known.type_ == column.type_);
            known.cloned().unwrap_or_else(|| Property::new(column.name.clone(), column.type_))
        };
        let properties = columns.iter().map(known).collect();
        self.table.stage_schema(batch, version, properties);
        Ok(())
    }

    /// Adds items to the version of an import. Returns false where the import is not staged.
    pub fn stage_items(&mut self, batch: &mut Batch<'_>, import: Uuid, rows: &[ItemRow]) -> bool {
        let Some(version) = self.versions.staged(import) else { return false };
        for row in rows {
            let item = self.get_or_create_item(batch, &row.item_id);
            self.table.stage(batch, version, item.0, &row.values);
        }
        true
    }

    /// Activates the version of an import of one catalog; the items of others go on in it. Removes
    /// versions beyond [`crate::PREVIOUS_VERSIONS_MAX`]. Returns false where the import is not
    /// staged, or has another type for a property of others: then it is staged no more.
    ///
    /// # Errors
    /// The store's.
    pub fn activate(
        &mut self,
        batch: &mut Batch<'_>,
        import: Uuid,
        catalog: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(version) = self.versions.take_staged(import) else { return Ok(false) };
        if !self.carry_over(batch, version.version, catalog)? {
            self.versions.remove_row(batch, version.version);
            self.table.remove_version(batch, version.version)?;
            return Ok(false);
        }
        self.switch(batch, version, at)?;
        for old in self.versions.remove_too_old(batch) {
            self.table.remove_version(batch, old)?;
        }
        Ok(true)
    }

    /// Activates an earlier version again. Returns false where none of this number is kept.
    ///
    /// # Errors
    /// The store's.
    pub fn activate_previous(
        &mut self,
        batch: &mut Batch<'_>,
        version: u32,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(previous) = self.versions.take_previous(version) else { return Ok(false) };
        self.switch(batch, previous, at)?;
        Ok(true)
    }

    fn switch(
        &mut self,
        batch: &mut Batch<'_>,
        next: CatalogVersion,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let n_items_before = self.n_listed();
        self.items.iter_mut().for_each(|item| item.listed = false);
        for row in self.table.row_numbers(batch, next.version)? {
            let entry = &mut self.items[row as usize];
            // An item may have been deleted since it was staged.
            entry.listed = !entry.record.is_deleted;
            if !std::mem::replace(&mut entry.record.ever_listed, true) {
                self.put_item(batch, ItemIdx(row));
            }
        }
        self.versions.switch(batch, next, at, self.n_listed(), n_items_before);
        self.table.switch(batch, next.version)?;
        self.n_available = self.count_available();
        self.n_known = self.items.iter().filter(|item| item.record.is_known()).count();
        Ok(())
    }
}
