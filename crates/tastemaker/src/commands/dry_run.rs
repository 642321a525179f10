//! `tastemaker serve --bootstrap FILE --dry-run`: what the file would change.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use domain::{WorkspaceConfig, WorkspaceId};
use engine::{ConfigChange, DataFolder, Engine};

use crate::bootstrap::{Bootstrap, check_write_keys, configs_asked_for};
use crate::opener::open_workspace;

/// Prints the changes to a data folder, a line for each, and makes none of them.
///
/// # Errors
/// If the file would be refused, or the folder cannot be opened.
pub(crate) fn run(folder: &Path, bootstrap: &Bootstrap) -> Result<()> {
    let lines = lines(folder, bootstrap)?;
    if lines.is_empty() {
        println!("The file changes nothing.");
    }
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn lines(folder: &Path, bootstrap: &Bootstrap) -> Result<Vec<String>> {
    // Opening a folder that is not there would make it.
    let data = folder.exists().then(|| DataFolder::open(folder)).transpose()?;
    let ids = data.as_ref().map(DataFolder::workspaces).transpose()?.unwrap_or_default();
    let mut engines: Vec<Arc<Engine>> = Vec::new();
    for (data, id) in data.iter().flat_map(|data| ids.iter().map(move |id| (data, id))) {
        engines.push(Arc::new(open_workspace(data, id, false)?));
    }
    let configs = configs_asked_for(Some(bootstrap), &engines)?;
    let new = bootstrap.new_workspaces(|id| ids.contains(id));
    check_write_keys(configs.iter().chain(&new))?;

    let mut lines = Vec::new();
    if bootstrap.changes_admin_token(data.as_ref()) {
        lines.push("sets the admin_token".to_owned());
    }
    for (engine, asked) in engines.iter().zip(&configs) {
        lines.extend(changes(engine.id(), &engine.config(), asked));
    }
    for asked in &new {
        lines.push(format!("{}: makes the workspace", asked.id));
        lines.extend(changes(&asked.id, &WorkspaceConfig::empty(asked.id.clone()), asked));
    }
    Ok(lines)
}

fn changes(id: &WorkspaceId, in_force: &WorkspaceConfig, asked: &WorkspaceConfig) -> Vec<String> {
    let line = |change: &ConfigChange| {
        let verb = if change.is_removal() { "removes" } else { "sets" };
        format!("{id}: {verb} {}", change.resource())
    };
    ConfigChange::diff(in_force, asked).iter().map(line).collect()
}
