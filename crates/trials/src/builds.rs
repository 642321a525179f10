//! How long previews, calculations and full builds take, by the number of people.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use conditions::Condition;
use domain::{
    AudienceDefinition, ComputedTraitDefinition, Interaction, InteractionKind, SyncSettings,
    Timestamp, TraitDefinition, TraitPeople, grouped,
};
use engine::{
    ConfigChange, Entry, INTERACTIONS_PER_ENTRY_MAX, PreviewLimits, RequestBudget, SyncSubject,
    TrainingOptions,
};
use serde_json::json;

use crate::workspace::{DESTINATION, START, Workspace, memory_bytes, read_message};

const ITEMS: u64 = 10_000;
/// The messages that are submitted at once.
const CHUNK: usize = 300;
/// The longest wait for everybody's lists.
const SENDING_MAX: Duration = Duration::from_secs(3_600);
const DAY_MS: i64 = 86_400_000;
/// What is previewed.
const CONDITIONS: [&str; 6] = [
    "did \"Order\" at least 2 times in the last 30 days",
    "did not \"Order\" in the last 20 days",
    "did \"View\" then not \"Order\" within 5 days in the last 40 days",
    "trait country = \"DE\" and did \"View\" between 10 and 40 days ago",
    "rfm promising of \"Order\"",
    "did \"Order\" where total > 50 in the last 30 days",
];

/// Parameters of the trial.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of people.
    pub people: u64,
    /// The messages of each, the first of which says who they are.
    pub messages: u64,
    /// The interactions of each that come without messages.
    pub interactions: u64,
}

/// What was measured: rows of what, measured, asked.
pub struct Report {
    options: Options,
    rows: Vec<[String; 3]>,
}

/// Makes people, previews audiences, calculates traits, and builds each kind of definition for
/// everybody.
///
/// # Errors
/// When the workspace fails, or lists are not sent in time.
pub fn run(options: &Options) -> Result<Report> {
    let workspace = Workspace::open(ITEMS)?;
    let mut report = Report { options: options.clone(), rows: Vec::new() };
    let began = Instant::now();
    make_people(&workspace, options)?;
    report.add("people, messages and interactions taken", began.elapsed(), "");
    let began = Instant::now();
    workspace.engine.train(TrainingOptions::default(), &|_| {})?;
    report.add("a model with its search, trained", began.elapsed(), "");
    preview(&workspace, &mut report)?;
    build_kept(&workspace, &mut report)?;
    calculate(&workspace, &mut report)?;
    send_first(&workspace, options, &mut report)?;
    let mib = memory_bytes()?.0 / 1_048_576;
    report.rows.push(["memory at the end".into(), format!("{} MiB", grouped(mib)), String::new()]);
    Ok(report)
}

/// Everybody's messages, then their interactions.
fn make_people(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut waiting = Vec::with_capacity(CHUNK);
    for n in 0..options.people * options.messages {
        let text = message(n / options.messages, n % options.messages);
        waiting.push(Entry::Message(Box::new(read_message(&text, START)?)));
        if waiting.len() == CHUNK {
            workspace.engine.submit_blocking(std::mem::take(&mut waiting))?;
        }
    }
    workspace.engine.submit_blocking(waiting)?;
    let all = (0..options.people * options.interactions).map(|n| interaction(n, options));
    let mut all = all.peekable();
    while all.peek().is_some() {
        let interactions: Vec<_> = all.by_ref().take(INTERACTIONS_PER_ENTRY_MAX).collect();
        let entry = Entry::Interactions { received_at: START, interactions };
        workspace.engine.submit_blocking(vec![entry])?;
    }
    Ok(())
}

fn user_id(person: u64) -> String {
    format!("p{person}")
}

fn message(person: u64, n: u64) -> String {
    let at = Timestamp(START.0 - 1 - ((person * 7 + n * 311) % (60 * 24)) as i64 * DAY_MS / 24);
    let country = ["DE", "FR", "AT"][person as usize % 3];
    let event = ["Order", "View", "Other"][((person / 3 + n) % 3) as usize];
    let mut body = match n {
        0 => json!({ "type": "identify",
            "traits": { "email": format!("p{person}@shop.example"), "country": country } }),
        _ => json!({ "type": "track", "event": event,
            "properties": { "total": (person * 13 + n * 29) % 100 } }),
    };
    body["messageId"] = format!("{person}-{n}").into();
    body["userId"] = user_id(person).into();
    body["timestamp"] = at.to_string().into();
    body.to_string()
}

/// People like one twentieth of the items.
fn interaction(n: u64, options: &Options) -> Interaction {
    let (person, place) = (n / options.interactions, n % options.interactions);
    let spread = (person * 31 + place * place * 7) % (ITEMS / 20);
    let item = spread * spread / (ITEMS / 20) * 20 + person % 20;
    Interaction {
        timestamp: Some(Timestamp(START.0 - place as i64 * DAY_MS / 3)),
        ..Interaction::new(user_id(person), format!("i{item}"), InteractionKind::DetailView)
    }
}

fn preview(workspace: &Workspace, report: &mut Report) -> Result<()> {
    for text in CONDITIONS {
        let condition: Condition = text.parse().context(text)?;
        let budget = Arc::new(RequestBudget::unlimited());
        let began = Instant::now();
        let limits = PreviewLimits::default();
        let preview = workspace.engine.preview_audience(&condition, limits, &budget)?;
        let took = began.elapsed();
        let asked = match preview.people.is_exact() {
            true => "all".to_owned(),
            false => format!("{} asked", grouped(preview.n_asked)),
        };
        report.add(&format!("preview of {text} ({asked})"), took, "2 s");
    }
    Ok(())
}

/// Builds an audience and a computed trait: until everybody is worked out.
fn build_kept(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let definition = AudienceDefinition {
        key: "buyers".to_owned(),
        name: None,
        condition: CONDITIONS[0].to_owned(),
        likely: None,
        sync: None,
    };
    let took = build(workspace, ConfigChange::put_audience(&definition))?;
    report.add("an audience, full build", took, "");
    let definition =
        json!({ "key": "orders", "type": "count", "event": "Order", "last": "30 days" });
    let definition: ComputedTraitDefinition = serde_json::from_value(definition)?;
    let took = build(workspace, ConfigChange::put_computed_trait(&definition))?;
    report.add("a computed trait, full build", took, "");
    Ok(())
}

fn build(workspace: &Workspace, change: ConfigChange) -> Result<Duration> {
    let began = Instant::now();
    workspace.change(change)?;
    // A step of the work is due a millisecond after the one before.
    workspace.tick(Timestamp(workspace.engine.now().0 + 60_000))?;
    Ok(began.elapsed())
}

fn calculate(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let of = |audience: Option<&str>, item_type: Option<&str>| TraitDefinition {
        who: Some(TraitPeople { audience: audience.map(str::to_owned), include_anonymous: false }),
        item_type: item_type.map(str::to_owned),
        ..TraitDefinition::recommended_items("next")
    };
    let cases = [
        ("for everybody", of(None, None)),
        ("for an audience", of(Some("buyers"), None)),
        ("of brands, for an audience", of(Some("buyers"), Some("brand"))),
    ];
    for (what, definition) in cases {
        let budget = Arc::new(RequestBudget::unlimited());
        let began = Instant::now();
        let found = workspace.engine.calculate_trait(&definition, &budget)?;
        let took = began.elapsed();
        let n_lists = grouped(found.n_lists);
        report.add(&format!("calculate {what} ({n_lists} lists)"), took, "2 s");
    }
    Ok(())
}

/// Sends everybody's list of five for the first time, the destination aside: until each was made,
/// compared, journalled and handed to delivery.
fn send_first(workspace: &Workspace, options: &Options, report: &mut Report) -> Result<()> {
    let definition = TraitDefinition {
        sync: Some(SyncSettings::to(&[DESTINATION])),
        ..TraitDefinition::recommended_items("next")
    };
    let began = Instant::now();
    workspace.change(ConfigChange::put_trait(&definition))?;
    let subject = SyncSubject::Trait("next".to_owned());
    let n_people = || {
        let links = workspace.engine.sync_links(&subject).map(|(_, links)| links);
        links.and_then(|links| links.first().map(|(_, link)| link.n_people)).unwrap_or(0)
    };
    let all_made = || n_people() >= options.people;
    workspace.wait_until("the first sending", SENDING_MAX, all_made)?;
    let took = began.elapsed();
    report.add("lists of five for everybody, first sending", took, "120 s for 2,000,000");
    let all_came = || workspace.receiver.n_values() >= options.people;
    workspace.wait_until("the delivery of the lists", SENDING_MAX, all_came)?;
    report.add("the same, until all are at the destination", began.elapsed(), "");
    Ok(())
}

impl Report {
    fn add(&mut self, what: &str, took: Duration, asked: &str) {
        let took = format!("{:.2} s", took.as_secs_f64());
        println!("{took:>12}  {what}");
        self.rows.push([what.to_owned(), took, asked.to_owned()]);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { people, messages, interactions } = self.options;
        let people = grouped(people);
        writeln!(f, "{people} people, {messages} messages and {interactions} interactions each")?;
        writeln!(f, "\n| | measured | asked |\n|---|---:|---:|")?;
        for [what, measured, asked] in &self.rows {
            writeln!(f, "| {what} | {measured} | {asked} |")?;
        }
        Ok(())
    }
}
