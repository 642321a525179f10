//! `tastemaker campaign`: campaigns are listed and shown with what they did, where no server runs.

use anyhow::{Result, anyhow};
use clap::{Args as ClapArgs, Subcommand};
use domain::Campaign;
use engine::Engine;
use resources::campaign_report::{CampaignOutcome, ConversionOutcome, MessageOutcome, ReportQuery};
use resources::campaigns::{self, CampaignReport};
use serde_json::json;

use super::Place;
use crate::terminal;

/// The links and items that a report prints.
const ROWS_PRINTED: usize = 20;
const WHAT: [&str; 8] =
    ["sent", "people", "delivered", "failed", "viewed", "clicked", "bought", "revenue"];

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the campaigns with what they sent
    List(List),
    /// Show a campaign with what it sent and what it did not
    Show(Show),
    /// Show what became of the messages of a campaign, by day and variant
    Report(Report),
}

#[derive(ClapArgs)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Show {
    /// The key of the campaign
    key: String,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Report {
    /// The key of the campaign
    key: String,
    /// The first day, such as 2026-06-01; that of the first message without it
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day; today without it
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Report(args) => report(args),
    }
}

fn list(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let all = campaigns::all(&opened.engine);
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "campaigns": all }))?);
        return Ok(());
    }
    if all.is_empty() {
        println!("There are no campaigns.");
        return Ok(());
    }
    let row = |CampaignReport { campaign, results }: &CampaignReport| -> Result<Vec<String>> {
        let numbers = [results.sent, results.refused.values().sum(), results.waiting];
        let mut row = vec![campaign.key.clone(), status(campaign)?, campaign.channel.clone()];
        row.extend(numbers.map(terminal::grouped));
        Ok(row)
    };
    let rows = all.iter().map(row).collect::<Result<Vec<_>>>()?;
    let header = ["key", "status", "channel", "sent", "not sent", "waiting"];
    println!("{}", terminal::table(&header, &rows));
    Ok(())
}

fn show(args: &Show) -> Result<()> {
    let opened = args.place.open()?;
    let CampaignReport { campaign, results } = find(&opened.engine, &args.key)?;
    if args.place.json {
        let shown = CampaignReport { campaign, results };
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    println!("{} ({}), by {}", campaign.key, status(&campaign)?, campaign.channel);
    let sent = terminal::counted(results.sent, "message", "messages");
    let waiting = terminal::counted(results.waiting, "waits", "wait");
    println!("{sent} sent, {waiting}.");
    let rows: Vec<Vec<String>> = results
        .refused
        .iter()
        .map(|(reason, n)| vec![reason.clone(), terminal::grouped(*n)])
        .collect();
    if !rows.is_empty() {
        println!("{}", terminal::table(&["not sent because", "messages"], &rows));
    }
    Ok(())
}

fn report(args: &Report) -> Result<()> {
    let opened = args.place.open()?;
    let query = ReportQuery { from: args.from.clone(), until: args.until.clone() };
    let outcome = CampaignOutcome::read(&opened.engine, &args.key, &query)
        .map_err(|error| anyhow!(error.message))?;
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        return Ok(());
    }
    print_report(&outcome);
    Ok(())
}

fn print_report(outcome: &CampaignOutcome) {
    let mut rows = Vec::new();
    for day in &outcome.days {
        rows.push(row(&day.day, day.variant.as_deref(), &day.messages));
    }
    for variant in outcome.variants.iter().filter(|_| outcome.variants.len() > 1) {
        rows.push(row("all days", variant.variant.as_deref(), &variant.messages));
    }
    rows.push(row("all", None, &outcome.total));
    let header: Vec<&str> = ["day", "variant"].into_iter().chain(WHAT).collect();
    println!("{}", terminal::table(&header, &rows));
    let ConversionOutcome { people, times, revenue, .. } = outcome.total.click_through;
    let people = terminal::counted(people, "person", "people");
    let times = terminal::counted(times, "time", "times");
    println!("After a click: {people} bought {times}, revenue {revenue:.2}.");
    for (what, n) in &outcome.refused {
        println!("Not sent: {} because of {what}.", terminal::grouped(*n));
    }
    let link = |url: &Option<String>| url.clone().unwrap_or_else(|| "all others".to_owned());
    let links = outcome.links.iter().take(ROWS_PRINTED).map(|one| {
        let numbers = [one.clicks, one.messages].map(terminal::grouped);
        [vec![terminal::shortened(&link(&one.url))], numbers.into()].concat()
    });
    print_table(&["link", "clicks", "messages"], links.collect());
    let items = outcome.items.iter().take(ROWS_PRINTED).map(|one| {
        let numbers = [one.shown, one.clicked, one.bought].map(terminal::grouped);
        [vec![terminal::shortened(&link(&one.item_id))], numbers.into()].concat()
    });
    print_table(&["item", "shown", "clicked", "bought"], items.collect());
    if let Some(control) = &outcome.control {
        println!("{}.", control.sentence);
    }
}

fn print_table(header: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        println!("{}", terminal::table(header, &rows));
    }
}

fn row(day: &str, variant: Option<&str>, messages: &MessageOutcome) -> Vec<String> {
    let converted = &messages.view_through;
    let numbers = [
        messages.sent,
        messages.people,
        messages.delivered.people,
        messages.failed.people,
        messages.viewed.people,
        messages.clicked.people,
        converted.people,
    ];
    let mut row = vec![day.to_owned(), variant.unwrap_or_default().to_owned()];
    row.extend(numbers.map(terminal::grouped));
    row.push(format!("{:.2}", converted.revenue));
    row
}

fn find(engine: &Engine, key: &str) -> Result<CampaignReport> {
    campaigns::find(engine, key).map_err(|error| anyhow!(error.message))
}

/// The status in a word.
fn status(campaign: &Campaign) -> Result<String> {
    let word = serde_json::to_value(campaign.status)?;
    Ok(word.as_str().unwrap_or_default().to_owned())
}
