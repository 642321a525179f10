//! `tastemaker audience`: audiences are listed, made and removed where no server runs.

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use conditions::Condition;
use domain::AudienceDefinition;
use engine::{ConfigChange, Engine, Expected};
use serde_json::json;

use super::Place;
use crate::terminal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the audiences with their conditions and numbers of members
    List(List),
    /// Make an audience, or replace the one of this key
    Create(Create),
    /// Remove an audience that no other one names
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
    /// Who belongs to it, such as: did "Order Completed" in the last 30 days
    condition: String,
    /// A name for people
    #[arg(long)]
    name: Option<String>,
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
    let n_members =
        |key: &str| opened.engine.snapshot().audiences.n_members(key).unwrap_or_default();
    if args.place.json {
        let shown = |audience: &AudienceDefinition| {
            json!({
                "key": audience.key,
                "name": audience.name,
                "condition": audience.condition,
                "n_members": n_members(&audience.key),
            })
        };
        let audiences: Vec<_> = config.audiences.iter().map(shown).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "audiences": audiences }))?);
        return Ok(());
    }
    if config.audiences.is_empty() {
        println!("There are no audiences.");
        return Ok(());
    }
    let row = |audience: &AudienceDefinition| {
        let members = terminal::grouped(n_members(&audience.key));
        vec![audience.key.clone(), members, audience.condition.clone()]
    };
    let rows: Vec<Vec<String>> = config.audiences.iter().map(row).collect();
    println!("{}", terminal::table(&["key", "members", "condition"], &rows));
    Ok(())
}

fn create(args: &Create) -> Result<()> {
    let condition: Condition = match args.condition.parse() {
        Ok(condition) => condition,
        Err(error) => bail!("condition: {error}"),
    };
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let definition = AudienceDefinition {
        key: args.key.clone(),
        name: args.name.clone(),
        condition: condition.to_string(),
        sync: config.audience(&args.key).and_then(|present| present.sync.clone()),
    };
    change(&opened.engine, ConfigChange::put_audience(&definition))?;
    println!("The audience {:?} is there: {}", definition.key, definition.condition);
    println!("Who belongs to it is worked out as messages come, or by the server.");
    Ok(())
}

fn remove(args: &Remove) -> Result<()> {
    let opened = args.place.open()?;
    change(&opened.engine, ConfigChange::RemoveAudience { key: args.key.clone() })?;
    println!("The audience {:?} is removed.", args.key);
    Ok(())
}

fn change(engine: &Engine, change: ConfigChange) -> Result<()> {
    Ok(engine.change_config(change, Expected::Anything)?)
}
