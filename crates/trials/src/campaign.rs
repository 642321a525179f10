//! How many messages of a campaign are made and handed over in a second, each with three slots of
//! recommended items, while messages of others are taken.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::{
    Campaign, DeliverySettings, Destination, Interaction, InteractionKind, Timestamp,
    TraitDefinition, grouped,
};
use engine::{ConfigChange, Entry, INTERACTIONS_PER_ENTRY_MAX, TrainingOptions};
use serde_json::json;

use crate::workspace::{START, Workspace, forget_peak, memory_bytes, read_message};

const ITEMS: u64 = 10_000;
/// The interactions of each person.
const INTERACTIONS: u64 = 36;
/// The messages that are submitted at once before the campaign.
const CHUNK: usize = 300;
/// The messages of others that are submitted at once while it goes on: a fiftieth of a second.
const CHUNKS_PER_S: u64 = 50;
/// The longest wait for the campaign.
const SENDING_MAX: Duration = Duration::from_secs(7_200);
const DAY_MS: i64 = 86_400_000;
const CHANNEL: &str = "hook";
const KEY: &str = "news";
/// What a message says: three slots, in which no item comes twice.
const TEXT: &str = "Hello {{ profile.traits.name }}. \
    {% recommend \"next\" count: 3 as first %}{% for item in first %}{{ item.title }}, {% endfor %}\
    {% recommend \"next\" count: 3 as second %}{% for item in second %}{{ item.title }}, {% endfor %}\
    {% recommend \"next\" count: 3 as third %}{% for item in third %}{{ item.title }}, {% endfor %}";

/// Parameters of the trial.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of people.
    pub people: u64,
    /// The messages of a request to the channel.
    pub at_once: u64,
    /// The messages of others in a second.
    pub messages_per_second: u64,
}

/// What was measured.
#[derive(Debug)]
pub struct Report {
    options: Options,
    took: Duration,
    /// Messages of others that were taken meanwhile.
    n_others: u64,
    handed_over: u64,
    unknown: u64,
    failed: u64,
    at_rest_bytes: u64,
    peak_bytes: u64,
    disk_bytes: u64,
}

/// Makes people with a history, trains a model, and sends a campaign to all of them.
///
/// # Errors
/// When the workspace fails, or the messages do not arrive.
pub fn run(options: &Options) -> Result<Report> {
    let workspace = Workspace::open(ITEMS)?;
    make_people(&workspace, options)?;
    workspace.engine.train(TrainingOptions::default(), &|_| {})?;
    put_channel(&workspace, options)?;
    workspace.change(ConfigChange::put_trait(&TraitDefinition::recommended_items("next")))?;
    let at_rest_bytes = memory_bytes()?.0;
    forget_peak()?;
    let (is_over, n_others) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = workspace.receiver.n_values();
    let began = Instant::now();
    put_campaign(&workspace)?;
    std::thread::scope(|scope| {
        let others = scope.spawn(|| send_others(&workspace, options, &is_over, &n_others));
        let all_came = || workspace.receiver.n_values() - before >= options.people;
        let sent = workspace.wait_until("the campaign", SENDING_MAX, all_came);
        is_over.store(true, Ordering::Relaxed);
        others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        sent
    })?;
    let took = began.elapsed();
    let counts = || {
        let snapshot = workspace.engine.snapshot();
        snapshot.campaigns.by_key()[KEY].counts.clone()
    };
    let all_known = || {
        let counts = counts();
        counts.handed_over + counts.unknown + counts.failed.values().sum::<u64>() >= options.people
    };
    workspace.wait_until("what is known of the messages", SENDING_MAX, all_known)?;
    let counts = counts();
    Ok(Report {
        options: options.clone(),
        took,
        n_others: n_others.into_inner(),
        handed_over: counts.handed_over,
        unknown: counts.unknown,
        failed: counts.failed.values().sum(),
        at_rest_bytes,
        peak_bytes: memory_bytes()?.1,
        disk_bytes: workspace.disk_bytes()?,
    })
}

fn user_id(person: u64) -> String {
    format!("p{person}")
}

fn make_people(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut waiting = Vec::with_capacity(CHUNK);
    for person in 0..options.people {
        let body = json!({ "type": "identify", "userId": user_id(person),
            "messageId": format!("{person}"), "traits": { "name": format!("Person {person}"),
            "email": format!("p{person}@shop.example") } });
        waiting.push(Entry::Message(Box::new(read_message(&body.to_string(), START)?)));
        if waiting.len() == CHUNK {
            workspace.engine.submit_blocking(std::mem::take(&mut waiting))?;
        }
    }
    workspace.engine.submit_blocking(waiting)?;
    let mut all = (0..options.people * INTERACTIONS).map(interaction).peekable();
    while all.peek().is_some() {
        let interactions: Vec<_> = all.by_ref().take(INTERACTIONS_PER_ENTRY_MAX).collect();
        let entry = Entry::Interactions { received_at: START, interactions };
        workspace.engine.submit_blocking(vec![entry])?;
    }
    Ok(())
}

/// People like one twentieth of the items.
fn interaction(n: u64) -> Interaction {
    let (person, place) = (n / INTERACTIONS, n % INTERACTIONS);
    let spread = (person * 31 + place * place * 7) % (ITEMS / 20);
    let item = spread * spread / (ITEMS / 20) * 20 + person % 20;
    Interaction {
        timestamp: Some(Timestamp(START.0 - place as i64 * DAY_MS / 3)),
        ..Interaction::new(user_id(person), format!("i{item}"), InteractionKind::DetailView)
    }
}

fn put_channel(workspace: &Workspace, options: &Options) -> Result<()> {
    let settings = BTreeMap::from([
        ("url".to_owned(), json!(format!("http://{}/", workspace.receiver.address))),
        ("batch_size".to_owned(), options.at_once.into()),
    ]);
    let delivery = DeliverySettings { concurrency: Some(64), ..DeliverySettings::default() };
    let mut channel =
        Destination { settings, delivery, ..Destination::new(CHANNEL, Some("webhook")) };
    channel.rules.sources = Some(vec!["campaign".to_owned()]);
    workspace.change(ConfigChange::put_destination(&channel))
}

fn put_campaign(workspace: &Workspace) -> Result<()> {
    let campaign: Campaign = serde_json::from_value(json!({ "key": KEY, "status": "running",
        "channel": CHANNEL, "start": { "type": "at", "at": START },
        "content": { "to": "{{ profile.traits.email }}", "subject": "News", "text": TEXT } }))
    .context("the campaign is one")?;
    workspace.change(ConfigChange::put_campaign(&campaign))
}

/// Views of items at their rate, until the campaign is over.
fn send_others(
    workspace: &Workspace,
    options: &Options,
    is_over: &AtomicBool,
    n_others: &AtomicU64,
) -> Result<()> {
    let (began, per_chunk) = (Instant::now(), options.messages_per_second / CHUNKS_PER_S);
    let mut n_chunks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let due = Duration::from_secs_f64(f64::from(n_chunks) / CHUNKS_PER_S as f64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        n_chunks += 1;
        let entry = |n: u64| {
            let number = n_others.fetch_add(1, Ordering::Relaxed);
            let (person, item) = ((number * 7_919 + n) % options.people, number * 31 % ITEMS);
            let body = json!({ "type": "track", "event": "Product Viewed",
                "userId": user_id(person), "messageId": format!("other {number}"),
                "properties": { "product_id": format!("i{item}") } });
            let message = read_message(&body.to_string(), workspace.engine.now())?;
            Ok(Entry::Message(Box::new(message)))
        };
        let entries = (0..per_chunk).map(entry).collect::<Result<Vec<_>>>()?;
        workspace.engine.submit_blocking(entries)?;
    }
    Ok(())
}

impl Report {
    /// Messages in a second.
    pub fn per_second(&self) -> f64 {
        self.options.people as f64 / self.took.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| format!("{} MiB", grouped(bytes / 1_048_576));
        let s = self.took.as_secs_f64();
        let Options { people, at_once, messages_per_second } = self.options;
        writeln!(f, "{} people, {at_once} messages a request", grouped(people))?;
        writeln!(f, "\n| | measured | asked |\n|---|---:|---:|")?;
        let per_second = self.per_second();
        writeln!(f, "| messages of the campaign a second | {per_second:.0} | 2,000 |")?;
        let others = self.n_others as f64 / s;
        let asked = grouped(messages_per_second);
        writeln!(f, "| messages of others a second | {others:.0} | {asked} |")?;
        writeln!(f, "| handed over | {} | all |", grouped(self.handed_over))?;
        writeln!(f, "| failed, unknown | {}, {} | none |", self.failed, self.unknown)?;
        writeln!(f, "| memory before | {} | |", mib(self.at_rest_bytes))?;
        writeln!(f, "| memory at most | {} | bounded |", mib(self.peak_bytes))?;
        writeln!(f, "| disk | {} | |", mib(self.disk_bytes))
    }
}
