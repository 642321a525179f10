//! `tastemaker catalog`: lists the versions of the catalog, and goes back to an earlier one.

use anyhow::Result;
use catalog::CatalogVersion;
use domain::Timestamp;

use super::Place;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Go back to this version, as it was when it was replaced
    #[arg(long, value_name = "VERSION")]
    activate: Option<u32>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    if let Some(version) = args.activate {
        opened.engine.activate_catalog(version)?;
    }
    let versions = opened.engine.catalog_versions();
    if args.place.json {
        let current = versions.first().map_or(0, |current| current.version);
        let output = serde_json::json!({ "current": current, "versions": versions });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    if versions.is_empty() {
        println!("No catalog yet: `tastemaker import catalog` imports one.");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = versions.iter().enumerate().map(row).collect();
    println!("{}", terminal::table(&["version", "", "items", "since"], &rows));
    Ok(())
}

fn row((n, version): (usize, &CatalogVersion)) -> Vec<String> {
    vec![
        version.version.to_string(),
        if n == 0 { "current".to_owned() } else { String::new() },
        terminal::grouped(version.n_items),
        version.activated_at.as_ref().map(Timestamp::to_string).unwrap_or_default(),
    ]
}
