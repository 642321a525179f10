//! `tastemaker serve --bootstrap FILE --dry-run`: shows the changes that the file would make.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use domain::{WorkspaceConfig, WorkspaceId};
use engine::{ConfigChange, DataFolder, Engine};

use crate::bootstrap::{Bootstrap, check_write_keys, merge_configs};
use crate::opener::open_workspace;

/// Prints the changes to a data folder, a line for each, and makes none of them.
///
/// # Errors
/// If the file would be refused, or the folder cannot be opened.
pub(crate) fn run(folder: &Path, bootstrap: &Bootstrap) -> Result<()> {
    let lines = describe_all_changes(folder, bootstrap)?;
    if lines.is_empty() {
        println!("The file changes nothing.");
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn describe_all_changes(folder: &Path, bootstrap: &Bootstrap) -> Result<Vec<String>> {
    // Opening a folder that is not there would make it.
    let data = folder.exists().then(|| DataFolder::open(folder)).transpose()?;
    let ids = data.as_ref().map(DataFolder::workspaces).transpose()?.unwrap_or_default();
    let mut engines: Vec<Arc<Engine>> = Vec::new();
    for (data, id) in data.iter().flat_map(|data| ids.iter().map(move |id| (data, id))) {
        engines.push(Arc::new(open_workspace(data, id, false)?));
    }
    let configs = merge_configs(Some(bootstrap), &engines)?;
    let new = bootstrap.new_workspaces(|id| ids.contains(id));
    check_write_keys(configs.iter().chain(&new))?;

    let mut lines = Vec::new();
    if bootstrap.changes_admin_token(data.as_ref()) {
        lines.push("sets the admin_token".to_owned());
    }
    for (engine, requested) in engines.iter().zip(&configs) {
        lines.extend(describe_changes(engine.id(), &engine.config(), requested));
    }
    for requested in &new {
        lines.push(format!("{}: makes the workspace", requested.id));
        lines.extend(describe_changes(
            &requested.id,
            &WorkspaceConfig::empty(requested.id.clone()),
            requested,
        ));
    }
    Ok(lines)
}

fn describe_changes(
    id: &WorkspaceId,
    in_force: &WorkspaceConfig,
    requested: &WorkspaceConfig,
) -> Vec<String> {
    let line = |change: &ConfigChange| {
        let verb = if change.is_removal() { "removes" } else { "sets" };
        format!("{id}: {verb} {}", change.resource())
    };
    ConfigChange::diff(in_force, requested).iter().map(line).collect()
}
