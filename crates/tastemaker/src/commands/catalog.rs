//! `tastemaker catalog`: lists the catalogs of products and their versions, goes back to an earlier
//! one, and adds a catalog.

use anyhow::Result;
use catalog::CatalogVersion;
use domain::Timestamp;
use engine::{CatalogCount, ConfigChange, Expected};

use super::Place;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Go back to this version, as it was when it was replaced
    #[arg(long, value_name = "VERSION")]
    activate: Option<u32>,
    /// Add a catalog of products of this name, beside `items`
    #[arg(long, value_name = "NAME")]
    add: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let opened = args.place.open()?;
    if let Some(version) = args.activate {
        opened.engine.activate_catalog(version)?;
    }
    if let Some(name) = &args.add {
        let mut settings = opened.engine.config().settings();
        settings.catalog.products.push(name.clone());
        let change = ConfigChange::put_settings(&settings);
        opened.engine.change_config(change, Expected::Anything)?;
    }
    let versions = opened.engine.catalog_versions();
    let catalogs = opened.engine.catalog_counts();
    if args.place.json {
        let current = versions.first().map_or(0, |current| current.version);
        let output =
            serde_json::json!({ "current": current, "versions": versions, "catalogs": *catalogs });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    if catalogs.len() > 1 {
        let row = |count: &CatalogCount| {
            let counts = [count.n_items, count.n_offered].map(terminal::grouped);
            [count.name.clone()].into_iter().chain(counts).collect()
        };
        let rows: Vec<Vec<String>> = catalogs.iter().map(row).collect();
        println!("{}", terminal::table(&["catalog", "items", "on offer"], &rows));
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
