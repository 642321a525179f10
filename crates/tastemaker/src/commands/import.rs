//! `tastemaker import`.

mod catalog;
pub(crate) mod interactions;
mod locations;
mod messages;

use anyhow::Result;
use clap::Subcommand;
use domain::TraitDefinition;
use engine::Engine;

use super::{OpenWorkspace, Place};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replace the catalog by a CSV or JSON Lines file, as a whole or not at all
    Catalog(catalog::Args),
    /// Add the interactions of a CSV, JSON Lines or Parquet file: user_id, item_id, timestamp,
    /// kind, value
    Interactions(interactions::Args),
    /// Make a CSV or JSON Lines file a catalog of locations, as a whole or not at all
    Locations(locations::Args),
    /// Take the messages of a CSV, JSON Lines or Parquet file, as if a source had sent them
    Messages(messages::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Catalog(args) => catalog::run(args),
        Command::Interactions(args) => interactions::run(args),
        Command::Locations(args) => locations::run(args),
        Command::Messages(args) => messages::run(args),
    }
}

/// The key of the trait that a workspace gets when an import creates it.
const TRAIT_KEY: &str = "recommended_items";

/// Opens the workspace. A new one gets a trait, so that `tastemaker trait compute` works.
fn open(place: &Place, creates: bool) -> Result<OpenWorkspace> {
    let (opened, is_new) = place.open_or_create(creates)?;
    if is_new {
        add_default_trait(&opened.engine)?;
    }
    Ok(opened)
}

fn add_default_trait(engine: &Engine) -> Result<()> {
    let mut config = (*engine.config()).clone();
    config.traits.push(TraitDefinition::recommended_items(TRAIT_KEY));
    Ok(engine.configure_as(&config)?)
}
