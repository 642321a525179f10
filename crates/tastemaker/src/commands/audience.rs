//! `tastemaker audience`: audiences are listed, previewed, made and removed where no server runs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use conditions::Condition;
use domain::{AudienceDefinition, LikelyAudience};
use engine::{ConfigChange, Engine, Expected, RequestBudget};
use resources::audience_preview::{self, ShownEstimate, Why};
use resources::audiences::describe_likely;
use resources::likely_preview;
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
    /// List the audiences with their conditions and numbers of members
    List(List),
    /// Show who would belong to an audience with a condition
    Preview(Preview),
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
struct Preview {
    /// Who would belong to it, such as: did "Order Completed" in the last 30 days
    #[arg(required_unless_present = "likely", conflicts_with = "likely")]
    condition: Option<String>,
    /// In place of a condition the items on which people are likely to act: JSON such as
    /// {"property": "brand", "value": "Acme", "size": 1000}, or a file of it
    #[arg(long, value_name = "JSON|FILE")]
    likely: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Create {
    /// The key, of a-z, 0-9 and '_'
    key: String,
    /// Who belongs to it, such as: did "Order Completed" in the last 30 days
    #[arg(required_unless_present = "likely", conflicts_with = "likely")]
    condition: Option<String>,
    /// In place of a condition the items on which its people are likely to act, as for a preview
    #[arg(long, value_name = "JSON|FILE")]
    likely: Option<String>,
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
        Command::Preview(args) => preview(args),
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
                "likely": audience.likely,
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
        let who = audience.likely.as_ref().map(describe_likely);
        let who = who.unwrap_or_else(|| audience.condition.clone());
        vec![audience.key.clone(), members, terminal::shortened(&who)]
    };
    let rows: Vec<Vec<String>> = config.audiences.iter().map(row).collect();
    println!("{}", terminal::table(&["key", "members", "condition"], &rows));
    Ok(())
}

fn preview(args: &Preview) -> Result<()> {
    if let Some(likely) = &args.likely {
        return preview_likely(args, &read_likely(likely)?);
    }
    let condition = parse(args.condition.as_deref().unwrap_or_default())?;
    let opened = args.place.open()?;
    let budget = Arc::new(RequestBudget::unlimited());
    let shown = match audience_preview::preview_with(&opened.engine, &condition, &budget) {
        Ok(shown) => shown,
        Err(error) => bail!("{}", error.message),
    };
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let of = terminal::grouped(shown.n_profiles);
    let asked = match shown.n_asked < shown.n_profiles {
        true => format!("; {} of them were looked at", terminal::grouped(shown.n_asked)),
        false => String::new(),
    };
    println!("{} people, of {of} profiles{asked}.", number(shown.people));
    let row = |what: &str, people: ShownEstimate| vec![what.to_owned(), number(people)];
    let mut rows: Vec<Vec<String>> =
        shown.reach.iter().map(|own| row(own.channel, own.people)).collect();
    let overlaps = shown.overlaps.iter();
    rows.extend(overlaps.map(|own| row(&format!("in audience {}", own.audience), own.both)));
    println!("{}", terminal::table(&["of these", "people"], &rows));
    for one in &shown.sample {
        println!("\n{}", one.person.path_name());
        print_reasons(&one.why, 1);
    }
    Ok(())
}

fn preview_likely(args: &Preview, likely: &LikelyAudience) -> Result<()> {
    let opened = args.place.open()?;
    let budget = Arc::new(RequestBudget::unlimited());
    let shown = match likely_preview::preview_with(&opened.engine, likely, &budget) {
        Ok(shown) => shown,
        Err(error) => bail!("{}", error.message),
    };
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let (items, of) = (terminal::grouped(shown.n_items), terminal::grouped(shown.n_people));
    println!("{} people are interested in {items} items, of {of}.", number(shown.interested));
    if let Some(why) = &shown.no_curve {
        println!("How the best respond cannot be said yet: {why}.");
    }
    if let Some(curve) = &shown.curve {
        let percent = |share: f64| format!("{:.2} %", share * 100.0);
        let rows: Vec<Vec<String>> = curve
            .points
            .iter()
            .map(|point| {
                vec![
                    terminal::grouped(point.size),
                    percent(point.rate),
                    format!("{} to {}", percent(point.low), percent(point.high)),
                    terminal::grouped(point.expected),
                    terminal::grouped(point.expected_random),
                ]
            })
            .collect();
        let columns = ["people", "acted", "95 % interval", "expected", "at random"];
        println!("{}", terminal::table(&columns, &rows));
        println!("Who acted after {}, which model {} had not seen.", curve.since, curve.model);
    }
    for one in &shown.sample {
        println!("{}  {:.3}", one.person.path_name(), one.score);
    }
    Ok(())
}

/// Reads a definition from JSON, or from a file of it.
fn read_likely(text: &str) -> Result<LikelyAudience> {
    let json = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        fs_err::read_to_string(text)?
    };
    serde_json::from_str(&json).map_err(|error| anyhow::anyhow!("likely: {error}"))
}

/// A number of people with its interval.
fn number(people: ShownEstimate) -> String {
    let ShownEstimate { count, low, high, is_exact } = people;
    let [count, low, high] = [count, low, high].map(terminal::grouped);
    if is_exact { count } else { format!("about {count} ({low} to {high})") }
}

fn print_reasons(why: &Why, depth: usize) {
    let (indent, holds) = ("  ".repeat(depth), if why.holds { "yes" } else { "no" });
    match &why.because {
        Some(because) => println!("{indent}{holds}: {because}"),
        None => println!("{indent}{holds}: {}", why.part),
    }
    why.parts.iter().for_each(|part| print_reasons(part, depth + 1));
}

fn parse(condition: &str) -> Result<Condition> {
    match condition.parse() {
        Ok(condition) => Ok(condition),
        Err(error) => bail!("condition: {error}"),
    }
}

fn create(args: &Create) -> Result<()> {
    let condition = args.condition.as_deref().map(parse).transpose()?;
    let likely = args.likely.as_deref().map(read_likely).transpose()?;
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let definition = AudienceDefinition {
        key: args.key.clone(),
        name: args.name.clone(),
        condition: condition.map(|condition| condition.to_string()).unwrap_or_default(),
        likely,
        sync: match &args.sync {
            Some(file) => Some(read_sync(file)?),
            None => config.audience(&args.key).and_then(|present| present.sync.clone()),
        },
    };
    change(&opened.engine, ConfigChange::put_audience(&definition))?;
    let who = definition.likely.as_ref().map(describe_likely);
    let who = who.unwrap_or_else(|| definition.condition.clone());
    let text = format!(
        "The audience {:?} is there: {who}\n\
         Who belongs to it is worked out as messages come, or by the server.",
        definition.key
    );
    terminal::print_done(args.place.json, &definition, &text)
}

fn remove(args: &Remove) -> Result<()> {
    let opened = args.place.open()?;
    change(&opened.engine, ConfigChange::RemoveAudience { key: args.key.clone() })?;
    let text = format!("The audience {:?} is removed.", args.key);
    terminal::print_done(args.place.json, &json!({ "removed": args.key }), &text)
}

fn change(engine: &Engine, change: ConfigChange) -> Result<()> {
    Ok(engine.change_config(change, Expected::Anything)?)
}
