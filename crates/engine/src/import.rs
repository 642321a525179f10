//! Imports of files: a catalog as a whole, interactions in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use catalog::import::{COLUMNS_MAX, ImportError};
use catalog::{
    CatalogChanges, CatalogFile, CatalogVersion, ChangeExamples, Format, ImportOptions,
    ImportReport, ItemRow, STAGED_VERSIONS_MAX, read_file,
};
use domain::{ITEMS_CATALOG, Interaction, counted, grouped, listed};
use recommender::Cancelled;
use serving::{PropertyUses, find_property_uses, scenarios_unfit_for};
use state::{INTERACTIONS_PER_ENTRY_MAX, ITEMS_PER_ENTRY_MAX};

use crate::list_maker::new_id;
use crate::{Command, Engine, EngineError, Entry, Outcome, Problem, SubmitError};

/// The most bytes of texts in one entry, about: the item that exceeds it is the last one.
const ITEMS_PER_ENTRY_BYTES: usize = 512 * 1_024;
/// The number of items that are compared with the catalog while one snapshot is held.
const ITEMS_PER_COMPARISON: usize = 4_096;
/// The most items that are named where they are in another catalog.
const ELSEWHERE_NAMED_MAX: usize = 3;
/// The number of entries that are submitted together.
const ENTRIES_PER_SUBMIT: usize = 4;

/// The result of an import of interactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportedInteractions {
    /// The number of new interactions.
    pub added: u64,
    /// The number of interactions whose user, item, kind and timestamp were known.
    pub already_there: u64,
    /// The number of interactions of suppressed people, which were refused.
    pub suppressed: u64,
}

/// An import that withdraws more than one in so many items must be confirmed.
const WITHDRAWN_UNCONFIRMED_OF: u64 = 10;

/// The removals that the caller of a catalog import has confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfirmedRemovals {
    /// The most items that the import may withdraw; none for a tenth of the catalog.
    pub n_withdrawn: Option<u64>,
    /// Properties that the import may drop although a scenario, a segmentation or a trait uses
    /// them.
    pub dropped: Vec<String>,
}

/// Errors of catalog imports.
#[derive(Debug, thiserror::Error)]
pub enum CatalogImportError {
    /// The import would withdraw more items than is confirmed.
    #[error(
        "the file leaves out {} of {} and would withdraw them, so nothing was imported: add them to the file, or confirm the number \
         (confirm={n_withdrawn})",
        grouped(*.n_withdrawn),
        counted(*.n_before, "item", "items")
    )]
    Withdraws {
        /// Items that would be withdrawn.
        n_withdrawn: u64,
        /// Items of the current version.
        n_before: u64,
    },
    /// The import would drop properties that are in use, which is not confirmed.
    #[error(
        "the file drops properties that are in use, so nothing was imported: {}: add the columns, or confirm that they go ({})",
        describe_uses(.uses),
        .uses.keys().map(|name| format!("drop={name}")).collect::<Vec<_>>().join(", ")
    )]
    Drops {
        /// The properties, each with the resources that use it.
        uses: BTreeMap<String, Vec<String>>,
    },
    /// The file cannot be one of the catalogs that there are.
    #[error("{0}")]
    Catalog(String),
    /// The import was discarded, because too many others have begun after it, or a property was
    /// made anew with another type.
    #[error(
        "the import was given up, since {STAGED_VERSIONS_MAX} others have begun after it, or a property changed its type meanwhile: \
         import the file again"
    )]
    GivenUp,
    /// The caller has cancelled it.
    #[error("the import was cancelled, so nothing was imported")]
    Cancelled(#[from] Cancelled),
    /// The journal did not take an entry.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

fn describe_uses(uses: &PropertyUses) -> String {
    let described = uses.iter().map(|(name, users)| format!("{name:?} by {}", users.join(" and ")));
    described.collect::<Vec<_>>().join("; ")
}

/// A preview of an import.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct CatalogPreview {
    /// The errors in the file, and the types of its columns.
    pub report: ImportReport,
    /// The changes. If wrong rows refuse the file, these are the changes with bad cells as empty
    /// and other wrong rows left out.
    pub changes: CatalogChanges,
    /// Some of them.
    pub examples: ChangeExamples,
    /// Scenarios that would no longer fit the catalog, with the parts that would be replaced.
    pub scenarios: Vec<String>,
    /// The reasons for which the file would be refused; empty if it would be imported.
    pub refused: Vec<String>,
}

impl Engine {
    /// Reads a catalog file; columns keep the types that the catalog's properties have, where
    /// `options` declare no others.
    ///
    /// # Errors
    /// As [`catalog::read_file`].
    pub fn read_catalog(
        &self,
        reader: impl Read,
        format: Format,
        options: &ImportOptions,
    ) -> Result<(CatalogFile, ImportReport), ImportError> {
        let known = {
            let views = self.snapshot();
            let properties = views.catalog.table().properties();
            properties.map(|property| (property.name.clone(), property.type_)).collect()
        };
        read_file(reader, format, &ImportOptions { known, ..options.clone() })
    }

    /// Previews an import and changes nothing. `open` opens the file, more than once.
    ///
    /// # Errors
    /// If the file cannot be read or has no items.
    pub fn preview_catalog<R: Read>(
        &self,
        open: impl Fn() -> std::io::Result<R>,
        format: Format,
        options: &ImportOptions,
        confirmed: &ConfirmedRemovals,
    ) -> Result<CatalogPreview, ImportError> {
        let mut refused = Vec::new();
        let (file, report) = match self.read_catalog(open()?, format, options) {
            Err(ImportError::Rows(report)) => {
                refused.push(report.refusal());
                let options =
                    ImportOptions { skip_invalid: true, allow_bad_cells: true, ..options.clone() };
                (self.read_catalog(open()?, format, &options)?.0, *report)
            }
            read => read?,
        };
        let changes = self.compare_with_catalog(&file);
        let checks = [
            self.check_catalog(&file),
            check_withdrawal(&changes, confirmed),
            self.check_drops(&changes, confirmed),
        ];
        refused.extend(checks.into_iter().filter_map(|check| Some(check.err()?.to_string())));
        let unfit = {
            let views = self.snapshot();
            scenarios_unfit_for(&views, &views.catalog.columns_with(&file)).into_iter()
        };
        let scenarios = unfit.map(|unfit| Problem::from(unfit).to_string()).collect();
        let examples = self.find_examples(&file, changes.n_withdrawn > 0);
        Ok(CatalogPreview { report, changes, examples, scenarios, refused })
    }

    /// Imports a catalog file as the new current version. A crash in between leaves the old one.
    /// `progress` gets the number of imported and of all items before each step, and may cancel:
    /// until the last one nothing is changed.
    ///
    /// # Errors
    /// If removals are not confirmed, the import is cancelled, or nothing can be written.
    pub fn import_catalog(
        &self,
        file: CatalogFile,
        confirmed: &ConfirmedRemovals,
        progress: &dyn Fn(u64, u64) -> Result<(), Cancelled>,
    ) -> Result<CatalogChanges, CatalogImportError> {
        // The confirmation refers to the version that is current until the import replaces it.
        let _one_at_a_time = self.import_lock.lock();
        self.check_catalog(&file)?;
        let changes = self.compare_with_catalog(&file);
        self.check_removals(&changes, confirmed)?;
        let n_items = file.rows.len() as u64;
        progress(0, n_items)?;
        let import = new_id(self.now());
        let catalog = Some(file.catalog_name().to_owned()).filter(|name| name != ITEMS_CATALOG);
        let (columns, rows) = file.into_staged();
        self.submit_one(Entry::CatalogStaged { import, columns })?;
        let mut n_done = 0;
        let mut parts = split_rows(rows).peekable();
        while parts.peek().is_some() {
            let parts: Vec<Vec<ItemRow>> = parts.by_ref().take(ENTRIES_PER_SUBMIT).collect();
            n_done += parts.iter().map(Vec::len).sum::<usize>() as u64;
            let entries = parts.into_iter().map(|rows| Entry::CatalogItems { import, rows });
            let entries = entries.collect();
            self.submit_import(entries)?;
            progress(n_done, n_items)?;
        }
        let received_at = self.now();
        self.submit_import(vec![Entry::CatalogActivated { import, received_at, catalog }])?;
        // Scenarios that no longer fit are logged now, not with the next list.
        self.serving.unfit_scenarios(&self.snapshot());
        Ok(changes)
    }

    /// Withdraws all items of a catalog of products.
    ///
    /// # Errors
    /// As [`Engine::import_catalog`].
    pub fn remove_catalog_items(
        &self,
        name: &str,
        confirmed: &ConfirmedRemovals,
    ) -> Result<CatalogChanges, CatalogImportError> {
        let nothing =
            CatalogFile { columns: Vec::new(), rows: Vec::new(), catalog: Some(name.to_owned()) };
        self.import_catalog(nothing, confirmed, &|_, _| Ok(()))
    }

    fn submit_import(&self, entries: Vec<Entry>) -> Result<(), CatalogImportError> {
        let outcomes = self.submit_blocking(entries)?;
        if outcomes.contains(&Outcome::NothingStaged) {
            Err(CatalogImportError::GivenUp)
        } else {
            Ok(())
        }
    }

    /// The current version of the catalog, then those that can be activated again, the latest
    /// first.
    pub fn catalog_versions(&self) -> Vec<CatalogVersion> {
        self.snapshot().catalog.versions()
    }

    /// Activates an earlier version of the catalog again, as it was when it was replaced. Does
    /// nothing if the version is current.
    ///
    /// # Errors
    /// If the version is not kept, or nothing can be written.
    pub fn activate_catalog(&self, version: u32) -> Result<(), EngineError> {
        let _one_at_a_time = self.import_lock.lock();
        if self.counts().catalog_version == version {
            return Ok(());
        }
        match self.submit_command(Command::ActivateCatalog { version })? {
            Outcome::Refused(_) => {
                let known = self.catalog_versions();
                let known: Vec<String> =
                    known.iter().map(|known| known.version.to_string()).collect();
                Err(EngineError::NoSuchCatalog { version, known: known.join(", ") })
            }
            _ => {
                // Scenarios that no longer fit are logged now, not with the next list.
                self.serving.unfit_scenarios(&self.snapshot());
                Ok(())
            }
        }
    }

    /// The changes that importing a file would make.
    pub fn compare_with_catalog(&self, file: &CatalogFile) -> CatalogChanges {
        let mut changes = CatalogChanges::from_columns(&self.snapshot().catalog, file);
        // One snapshot for each part, so that the fold can apply entries in between.
        for rows in file.rows.chunks(ITEMS_PER_COMPARISON) {
            changes.count(&self.snapshot().catalog, &file.columns, rows);
        }
        changes
    }

    fn find_examples(&self, file: &CatalogFile, withdraws: bool) -> ChangeExamples {
        let mut examples = ChangeExamples::default();
        for rows in file.rows.chunks(ITEMS_PER_COMPARISON) {
            if !examples.add_rows(&self.snapshot().catalog, &file.columns, rows) {
                break;
            }
        }
        if withdraws {
            examples.add_withdrawn(&self.snapshot().catalog, file);
        }
        examples
    }

    /// Checks that the removals of an import with these changes are confirmed.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check_removals(
        &self,
        changes: &CatalogChanges,
        confirmed: &ConfirmedRemovals,
    ) -> Result<(), CatalogImportError> {
        check_withdrawal(changes, confirmed)?;
        self.check_drops(changes, confirmed)
    }

    /// Checks that there is the catalog of a file, and that the file goes with the items of others:
    /// an id is an item of one catalog, and a property has one type.
    fn check_catalog(&self, file: &CatalogFile) -> Result<(), CatalogImportError> {
        let refuse = |what: String| Err(CatalogImportError::Catalog(what));
        if let Err(what) = self.config().catalog.check_product_catalog(file.catalog_name()) {
            return refuse(format!("{what}, so nothing was imported"));
        }
        {
            let views = self.snapshot();
            for kept in views.catalog.kept_properties(file.catalog_name()) {
                let of_file = file.columns.iter().find(|column| column.name == kept.name);
                if let Some(column) = of_file.filter(|column| column.type_ != kept.type_) {
                    return refuse(format!(
                        "column {:?} is {}, and items of other catalogs have it as {}, so nothing was imported: declare the type \
                         (type={}={}), or rename the column",
                        column.name, column.type_, kept.type_, column.name, kept.type_
                    ));
                }
            }
            let n_columns = views.catalog.columns_with(file).len();
            if n_columns > COLUMNS_MAX {
                return refuse(format!(
                    "with the columns of other catalogs there are {n_columns}, the limit is {COLUMNS_MAX}, so nothing was imported"
                ));
            }
        }
        let (mut n, mut examples) = (0, Vec::new());
        for rows in file.rows.chunks(ITEMS_PER_COMPARISON) {
            let views = self.snapshot();
            for row in rows {
                if let Some(other) = views.catalog.in_other_catalog(file, &row.item_id) {
                    n += 1;
                    if examples.len() < ELSEWHERE_NAMED_MAX {
                        examples.push(format!("{:?} in {other:?}", row.item_id));
                    }
                }
            }
        }
        match n {
            0 => Ok(()),
            _ => refuse(format!(
                "{} of the file {} in another catalog, so nothing was imported: {}: an id is of one item, so give these others, or \
                 take them out of that catalog first",
                counted(n, "item", "items"),
                if n == 1 { "is" } else { "are" },
                listed(&examples, "and")
            )),
        }
    }

    fn check_drops(
        &self,
        changes: &CatalogChanges,
        confirmed: &ConfirmedRemovals,
    ) -> Result<(), CatalogImportError> {
        let dropped = changes.properties.iter().filter(|change| change.to.is_none());
        let names: BTreeSet<&str> = dropped
            .map(|change| change.name.as_str())
            .filter(|name| !confirmed.dropped.iter().any(|confirmed| confirmed == name))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        match find_property_uses(&self.snapshot(), &names) {
            uses if uses.is_empty() => Ok(()),
            uses => Err(CatalogImportError::Drops { uses }),
        }
    }

    /// Adds interactions and skips those that are known already.
    pub fn import_interactions(
        &self,
        interactions: Vec<Interaction>,
    ) -> Result<ImportedInteractions, SubmitError> {
        let mut imported = ImportedInteractions::default();
        let mut interactions = interactions.into_iter().peekable();
        while interactions.peek().is_some() {
            let entries = (0..ENTRIES_PER_SUBMIT).map(|_| Entry::Interactions {
                received_at: self.now(),
                interactions: interactions.by_ref().take(INTERACTIONS_PER_ENTRY_MAX).collect(),
            });
            for outcome in self.submit_blocking(entries.collect())? {
                if let Outcome::Interactions { added, duplicates: already_there, suppressed } =
                    outcome
                {
                    imported.added += u64::from(added);
                    imported.already_there += u64::from(already_there);
                    imported.suppressed += u64::from(suppressed);
                }
            }
        }
        Ok(imported)
    }
}

/// The rows in parts, each for one entry.
pub(crate) fn split_rows(rows: Vec<ItemRow>) -> impl Iterator<Item = Vec<ItemRow>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while part.len() < ITEMS_PER_ENTRY_MAX && bytes < ITEMS_PER_ENTRY_BYTES {
            let Some(row) = rows.next() else { break };
            bytes += row.text_bytes();
            part.push(row);
        }
        (!part.is_empty()).then_some(part)
    })
}

fn check_withdrawal(
    changes: &CatalogChanges,
    confirmed: &ConfirmedRemovals,
) -> Result<(), CatalogImportError> {
    let &CatalogChanges { n_withdrawn, n_before, .. } = changes;
    match n_withdrawn <= confirmed.n_withdrawn.unwrap_or(n_before / WITHDRAWN_UNCONFIRMED_OF) {
        true => Ok(()),
        false => Err(CatalogImportError::Withdraws { n_withdrawn, n_before }),
    }
}
