//! `tastemaker computed-trait`: computed traits are listed, made and removed where no server runs.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Subcommand};
use domain::{ComputedTraitDefinition, ComputedTraitOf, ComputedTraitType};
use engine::{ConfigChange, Engine, Expected};
use serde_json::json;

use super::{Place, read_sync};
use crate::terminal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the computed traits
    List(List),
    /// Make a computed trait, or replace the one of this key
    Create(Create),
    /// Remove a computed trait
    Remove(Remove),
}

#[derive(ClapArgs)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Create {
    /// The key, of a-z, 0-9 and '_'
    key: String,
    /// What is computed
    #[arg(value_parser = PossibleValuesParser::new(ComputedTraitType::WORDS.map(|(_, word)| word)))]
    r#type: String,
    /// The name of the event, such as: Order Completed
    event: String,
    /// A trait of accounts, from the events of all their members
    #[arg(long, conflicts_with_all = ["session", "sync"])]
    of_accounts: bool,
    /// The property whose values count; none for count
    #[arg(long)]
    property: Option<String>,
    /// Tests of the event's properties, such as: total > 50, brand = "Acme"
    #[arg(long = "where")]
    filters: Option<String>,
    /// Only events of the last so long, such as: 30 days
    #[arg(long, conflicts_with = "session")]
    last: Option<String>,
    /// Only events of the present session, which is over after so long without an event
    #[arg(long)]
    session: Option<String>,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
    /// A JSON file that says to which destinations it goes, and how; without it that stays as it is
    #[arg(long, value_name = "FILE")]
    sync: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Remove {
    /// The key
    key: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Create(args) => create(args),
        Command::Remove(args) => remove(args),
    }
}

fn list(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let config = opened.engine.config();
    if args.place.json {
        let traits = json!({ "computed_traits": config.computed_traits });
        println!("{}", serde_json::to_string_pretty(&traits)?);
        return Ok(());
    }
    if config.computed_traits.is_empty() {
        println!("There are no computed traits.");
        return Ok(());
    }
    let row = |one: &ComputedTraitDefinition| {
        let last = one.last.as_ref().map(|period| format!("last {period}"));
        let session = one.session.as_ref().map(|pause| format!("session, {pause}"));
        vec![
            one.key.clone(),
            one.of.word().to_owned(),
            one.type_.word().to_owned(),
            one.property.clone().unwrap_or_default(),
            one.event.clone(),
            one.filters.clone().unwrap_or_default(),
            last.or(session).unwrap_or_else(|| "ever".to_owned()),
        ]
    };
    let rows: Vec<Vec<String>> = config.computed_traits.iter().map(row).collect();
    let columns = ["key", "of", "type", "property", "event", "where", "which events"];
    println!("{}", terminal::table(&columns, &rows));
    Ok(())
}

fn create(args: &Create) -> Result<()> {
    let found = ComputedTraitType::WORDS.iter().find(|(_, word)| *word == args.r#type);
    let Some((type_, _)) = found else { bail!("type {:?} is unknown", args.r#type) };
    let opened = args.place.open()?;
    let present = opened.engine.config().computed_trait(&args.key).cloned();
    let definition = ComputedTraitDefinition {
        key: args.key.clone(),
        of: match args.of_accounts {
            true => ComputedTraitOf::Accounts,
            false => ComputedTraitOf::People,
        },
        name: args.name.clone(),
        type_: *type_,
        event: args.event.clone(),
        property: args.property.clone(),
        filters: args.filters.clone(),
        last: args.last.clone(),
        session: args.session.clone(),
        sync: match &args.sync {
            Some(file) => Some(read_sync(file)?),
            None => present.and_then(|present| present.sync).filter(|_| !args.of_accounts),
        },
    };
    change(&opened.engine, ConfigChange::put_computed_trait(&definition))?;
    let text = format!("The computed trait {:?} is there.", definition.key);
    terminal::print_done(args.place.json, &definition, &text)
}

fn remove(args: &Remove) -> Result<()> {
    let opened = args.place.open()?;
    change(&opened.engine, ConfigChange::RemoveComputedTrait { key: args.key.clone() })?;
    let text = format!("The computed trait {:?} is removed.", args.key);
    terminal::print_done(args.place.json, &json!({ "removed": args.key }), &text)
}

fn change(engine: &Engine, change: ConfigChange) -> Result<()> {
    Ok(engine.change_config(change, Expected::Anything)?)
}
