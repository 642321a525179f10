//! The catalog of a workspace, as it is now, into another one: items through the import of that
//! one, series and groups by its commands.

use std::collections::BTreeMap;

use catalog::{CatalogFile, ImportReport, ItemRow};
use domain::{Column, ItemIdx, grouped};
use engine::{Cancelled, CollectionKind, Command, ConfirmedRemovals, Entry};
use web::error::ApiError;
use web::jobs::JobControl;
use web::workspaces::WorkspaceHandle;

use super::run::FindEngine;
use crate::catalog::put_in_force;
use crate::message_files::submit_patiently;

/// How many items are read while one snapshot is held.
const ITEMS_PER_STEP: usize = 1_024;

/// How many commands are submitted at once.
const COMMANDS_PER_STEP: usize = 500;

/// Makes the available items, with their properties, the catalog of another workspace, and its
/// series and groups those of that one. Returns how many items there are.
pub(super) fn copy(
    control: &JobControl,
    from: &FindEngine<'_>,
    to: &WorkspaceHandle,
) -> Result<u64, ApiError> {
    let n_items = copy_items(control, from, to)?;
    for kind in [CollectionKind::Series, CollectionKind::Group] {
        copy_collections(control, from, to, kind)?;
    }
    Ok(n_items)
}

/// Where there are no items, nothing is done: an import has some.
fn copy_items(
    control: &JobControl,
    from: &FindEngine<'_>,
    to: &WorkspaceHandle,
) -> Result<u64, ApiError> {
    let files = read(control, from)?;
    let mut n_items = 0;
    for file in files {
        n_items += file.rows.len() as u64;
        put(control, file, to)?;
    }
    Ok(n_items)
}

/// Makes the items of one catalog those of the other workspace's catalog of this name.
fn put(control: &JobControl, file: CatalogFile, to: &WorkspaceHandle) -> Result<(), ApiError> {
    let n_items = file.rows.len() as u64;
    let report = ImportReport {
        n_rows: n_items,
        n_items,
        columns: file.columns.clone(),
        ..ImportReport::default()
    };
    let progress = |n_done: u64, n_all: u64| {
        let doing = format!("{} of {} items are copied first", grouped(n_done), grouped(n_all));
        control.tell(0.0, doing);
        if control.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    };
    let engine = to.blocking().engine()?;
    let confirmed = ConfirmedRemovals::default();
    let imported = put_in_force(&engine, Ok((file, report)), &confirmed, &progress);
    imported.map_err(|error| control.check().err().unwrap_or(error))?;
    Ok(())
}

/// The items of each catalog that has any.
fn read(control: &JobControl, from: &FindEngine<'_>) -> Result<Vec<CatalogFile>, ApiError> {
    let (columns, n_known): (Vec<Column>, usize) = {
        let engine = from()?;
        let views = engine.snapshot();
        let properties = views.catalog.table().properties();
        let column = |property: &catalog::Property| Column {
            name: property.name.clone(),
            type_: property.type_,
        };
        (properties.map(column).collect(), views.catalog.n_items())
    };
    let mut by_catalog: BTreeMap<String, Vec<ItemRow>> = BTreeMap::new();
    for first in (0..n_known).step_by(ITEMS_PER_STEP) {
        control.check()?;
        let engine = from()?;
        let views = engine.snapshot();
        let (catalog, table) = (&views.catalog, views.catalog.table());
        let step = (first..(first + ITEMS_PER_STEP).min(n_known)).map(|item| ItemIdx(item as u32));
        let row = |item: ItemIdx| ItemRow {
            item_id: catalog.item_id(item).to_owned(),
            values: columns.iter().map(|column| table.value(item.0, &column.name)).collect(),
        };
        let is_on = |item: &ItemIdx| catalog.is_available(*item) && !catalog.is_off(*item);
        for item in step.filter(is_on) {
            let name = catalog.catalog_of(item).to_owned();
            by_catalog.entry(name).or_default().push(row(item));
        }
    }
    let file =
        |(catalog, rows)| CatalogFile { columns: columns.clone(), rows, catalog: Some(catalog) };
    Ok(by_catalog.into_iter().map(file).collect())
}

/// All series, or all groups. What is there already is refused and stays as it is; so is a member
/// that is no item there.
fn copy_collections(
    control: &JobControl,
    from: &FindEngine<'_>,
    to: &WorkspaceHandle,
    kind: CollectionKind,
) -> Result<(), ApiError> {
    let commands: Vec<Command> = {
        let engine = from()?;
        let views = engine.snapshot();
        let ids = views.collection_ids(kind);
        let members = ids.iter().flat_map(|id| {
            let members = views.members(kind, id).unwrap_or_default().into_iter();
            members.map(move |member| Command::InsertMember {
                kind,
                id: id.clone(),
                member,
                cascade_create: false,
            })
        });
        // All are made before one has another as its member.
        let made = ids.iter().map(|id| Command::AddCollection {
            kind,
            id: id.clone(),
            cascade_create: false,
        });
        made.chain(members).collect()
    };
    for step in commands.chunks(COMMANDS_PER_STEP) {
        control.tell(0.0, "series and groups are copied first");
        let engine = to.blocking().engine()?;
        let received_at = engine.now();
        let entry =
            |command: &Command| Entry::Command { received_at, command: Box::new(command.clone()) };
        submit_patiently(&engine, step.iter().map(entry).collect(), &|| control.check())?;
    }
    Ok(())
}
