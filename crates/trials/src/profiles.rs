//! An hour of traffic of many people beside many definitions: what it costs, whether what is kept
//! of people is exact at random instants, and how soon a changed list is delivered.

mod definitions;
mod judge;
mod report;
mod traffic;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::Timestamp;
use engine::{Entry, TrainingOptions};
use parking_lot::Mutex;

use crate::workspace::{START, Workspace, forget_peak, memory_bytes, read_message};
use judge::{Compared, Judge};
pub use report::Report;
use traffic::{Mixed, PropertyNames, REPEATED_ONE_OF, Traffic, user_id};

/// The number of items.
const ITEMS: u64 = 5_000;
/// The threads that send.
const SENDERS: usize = 4;
/// The messages that are submitted at once.
const CHUNK: u64 = 100;
/// The messages that are submitted at once while they keep to the rate: a hundredth of a second.
const PACED_CHUNKS_PER_S: u64 = 100;
/// How many people are compared, about.
const SAMPLED: u64 = 300;
/// How often they are compared.
const INSTANTS: u64 = 8;
/// Of the traffic, the share that is sent before there are definitions, to compare with.
const SHARE_WITHOUT: f64 = 0.15;
/// The longest wait for everybody's lists.
const SENDING_MAX: Duration = Duration::from_secs(3_600);
/// The longest wait until all past events are read.
const READING_MAX: Duration = Duration::from_secs(3_600);
/// How often that is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Where nothing has come for so long, everything has.
const QUIET: Duration = Duration::from_secs(2);

/// Parameters of the trial.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of people.
    pub people: u64,
    /// The messages that each has sent before, the first of which says who they are.
    pub history: u64,
    /// The messages of a simulated second.
    pub messages_per_second: u64,
    /// The simulated minutes.
    pub minutes: u64,
    /// For how many real seconds messages are sent at their rate, to measure how soon lists come.
    pub paced_seconds: u64,
    /// The seed of all random choices.
    pub seed: u64,
}

/// A running trial.
struct Trial<'a> {
    options: &'a Options,
    traffic: Traffic,
    workspace: Workspace,
    judge: Judge,
}

/// Makes the people, sends the traffic without and with definitions, and compares and measures.
///
/// # Errors
/// When the workspace fails or lists do not arrive.
pub fn run(options: &Options) -> Result<Report> {
    let empty_bytes = memory_bytes()?.0;
    let traffic = Traffic {
        people: options.people,
        items: ITEMS,
        per_second: options.messages_per_second,
        seed: options.seed,
    };
    let judge = Judge::new(options.people / SAMPLED)?;
    let trial = Trial { options, traffic, workspace: Workspace::open(ITEMS)?, judge };
    say("people are made");
    let filled = trial.make_people()?;
    trial.workspace.engine.train(TrainingOptions::default(), &|_| {})?;
    let at_rest_bytes = memory_bytes()?.0;

    let total = options.messages_per_second * 60 * options.minutes;
    let first_with = (total as f64 * SHARE_WITHOUT) as u64 / CHUNK * CHUNK;
    say("traffic without definitions");
    let without = trial.send_traffic(0..first_with, PropertyNames::Others)?;
    say("definitions are made, and everybody's lists are sent for the first time");
    let (worked_out_s, past_read_s) = trial.define(trial.traffic.sent_at(first_with))?;
    let (first_sending_s, n_first_values) = trial.send_lists_first()?;
    let defined_bytes = memory_bytes()?.0;
    forget_peak()?;
    let (with, compared) = trial.send_and_compare(first_with..total)?;
    let peak_bytes = memory_bytes()?.1;
    say("traffic at its rate, to measure how soon lists come");
    let paced = trial.send_paced()?;
    Ok(Report {
        options: options.clone(),
        filled,
        without,
        with,
        compared,
        worked_out_s,
        past_read_s,
        first_sending_s,
        n_first_values,
        paced,
        memory: report::Memory { empty_bytes, at_rest_bytes, defined_bytes, peak_bytes },
        disk_bytes: trial.workspace.disk_bytes()?,
    })
}

/// Messages that were sent, and how long it took.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    n: u64,
    took: Duration,
}

impl Rate {
    fn per_second(self) -> f64 {
        self.n as f64 / self.took.as_secs_f64()
    }
}

/// Traffic at its rate.
#[derive(Debug)]
struct Paced {
    rate: Rate,
    /// From a message to each list that it changed, in order.
    latencies_ms: Vec<f64>,
}

impl Trial<'_> {
    /// Sends what everybody sent before the trial.
    fn make_people(&self) -> Result<Rate> {
        let per_person = self.options.history;
        let steps = (self.options.people * per_person).div_ceil(CHUNK);
        self.send(0..steps, |step| {
            let numbers = step * CHUNK..((step + 1) * CHUNK).min(self.options.people * per_person);
            let entry = |n: u64| {
                let sent = self.traffic.history(n / per_person, n % per_person);
                let message = read_message(&sent.json, START)?;
                self.judge.note(sent.person, &message);
                Ok(Entry::Message(Box::new(message)))
            };
            numbers.map(entry).collect()
        })
    }

    /// Sends messages of the traffic as fast as the engine takes them. Their time goes on with
    /// them.
    fn send_traffic(&self, numbers: Range<u64>, names: PropertyNames) -> Result<Rate> {
        let latest = Mutex::new(self.workspace.engine.now());
        self.send(numbers.start / CHUNK..numbers.end / CHUNK, |step| {
            let received_at = self.traffic.sent_at((step + 1) * CHUNK);
            {
                let mut latest = latest.lock();
                *latest = received_at.max(*latest);
                self.workspace.clock.set(*latest);
            }
            let mut entries = Vec::with_capacity(CHUNK as usize + 1);
            for n in step * CHUNK..(step + 1) * CHUNK {
                let sent = self.traffic.message(n, names);
                let message = read_message(&sent.json, received_at)?;
                self.judge.note(sent.person, &message);
                let entry = Entry::Message(Box::new(message));
                if n.is_multiple_of(REPEATED_ONE_OF) {
                    entries.push(entry.clone());
                }
                entries.push(entry);
            }
            Ok(entries)
        })
    }

    /// Makes and submits entries, a step at a time, with all senders.
    fn send(
        &self,
        steps: Range<u64>,
        make: impl Fn(u64) -> Result<Vec<Entry>> + Sync,
    ) -> Result<Rate> {
        let (next, n, started) = (AtomicU64::new(steps.start), AtomicU64::new(0), Instant::now());
        let send = || {
            loop {
                let step = next.fetch_add(1, Ordering::Relaxed);
                if step >= steps.end {
                    return anyhow::Ok(());
                }
                let entries = make(step)?;
                n.fetch_add(entries.len() as u64, Ordering::Relaxed);
                self.workspace.engine.submit_blocking(entries)?;
            }
        };
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
            senders.into_iter().try_for_each(|sender| {
                sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        Ok(Rate { n: n.into_inner(), took: started.elapsed() })
    }

    /// Puts all definitions in force, without sending, and waits until everybody is worked out, and
    /// then until all past events are read: the seconds of each.
    fn define(&self, at: Timestamp) -> Result<(f64, f64)> {
        let mut config = (*self.workspace.engine.config()).clone();
        config.audiences = definitions::audiences();
        config.computed_traits = definitions::computed_traits();
        let started = Instant::now();
        self.workspace.clock.set(at);
        self.workspace.engine.configure_as(&config).context("the definitions are taken")?;
        // A step of the work is due a millisecond after the one before.
        self.workspace.tick(Timestamp(at.0 + 60_000))?;
        let worked_out = Instant::now();
        while !self.workspace.engine.snapshot().is_everybody_worked_out() {
            let took = worked_out.elapsed();
            ensure!(
                took < READING_MAX,
                "past events are not read within {} s",
                READING_MAX.as_secs()
            );
            std::thread::sleep(POLL_INTERVAL);
        }
        let past_read_s = worked_out.elapsed().as_secs_f64();
        Ok(((worked_out - started).as_secs_f64(), past_read_s))
    }

    /// Makes the lists and waits until everybody was looked at: the seconds, and how many lists
    /// came.
    fn send_lists_first(&self) -> Result<(f64, u64)> {
        let engine = &self.workspace.engine;
        let mut config = (*engine.config()).clone();
        config.traits = definitions::lists();
        let started = Instant::now();
        engine.configure_as(&config).context("the lists are taken")?;
        self.await_lists(SENDING_MAX)?;
        Ok((started.elapsed().as_secs_f64(), self.workspace.receiver.n_values()))
    }

    /// Sends traffic, and compares at random instants in it.
    fn send_and_compare(&self, numbers: Range<u64>) -> Result<(Rate, Compared)> {
        let mut random = Mixed(self.options.seed);
        let n_steps = (numbers.end - numbers.start) / CHUNK;
        let mut ends: Vec<u64> = (1..INSTANTS)
            .map(|_| numbers.start + random.below(n_steps + 1) * CHUNK)
            .chain([numbers.end])
            .collect();
        ends.sort_unstable();
        let (mut rate, mut compared, mut from) =
            (Rate::default(), Compared::default(), numbers.start);
        for until in ends {
            say(&format!("traffic with definitions until minute {:.1}", self.minute(until)));
            let part = self.send_traffic(from..until, PropertyNames::Asked)?;
            rate = Rate { n: rate.n + part.n, took: rate.took + part.took };
            let now = Timestamp(self.workspace.engine.now().0 + random.below(30_000) as i64);
            self.workspace.tick(now)?;
            compared.add(self.judge.compare(&self.workspace.engine, now)?);
            from = until;
        }
        Ok((rate, compared))
    }

    fn minute(&self, n: u64) -> f64 {
        n as f64 / self.options.messages_per_second as f64 / 60.0
    }

    /// Sends views at their rate in real time.
    fn send_paced(&self) -> Result<Paced> {
        let per_chunk = (self.options.messages_per_second / PACED_CHUNKS_PER_S).max(1);
        let chunks_per_s = self.options.messages_per_second as f64 / per_chunk as f64;
        // What was due before is out of the way.
        self.await_lists(SENDING_MAX)?;
        self.workspace.receiver.take_latencies_ms();
        let (from, started) = (self.workspace.engine.now(), Instant::now());
        let n_chunks = (self.options.paced_seconds as f64 * chunks_per_s) as u64;
        let rate = self.send(0..n_chunks, |step| {
            let due = Duration::from_secs_f64(step as f64 / chunks_per_s);
            std::thread::sleep(due.saturating_sub(started.elapsed()));
            let now = Timestamp(from.0 + started.elapsed().as_millis() as i64);
            self.workspace.clock.set(now);
            let entry = |n: u64| {
                let sent = self.traffic.paced_view(n, now);
                let message = read_message(&sent.json, now)?;
                self.workspace.receiver.expect(user_id(sent.person));
                Ok(Entry::Message(Box::new(message)))
            };
            (step * per_chunk..(step + 1) * per_chunk).map(entry).collect()
        })?;
        self.await_lists(SENDING_MAX)?;
        let mut latencies_ms = self.workspace.receiver.take_latencies_ms();
        latencies_ms.sort_unstable_by(f64::total_cmp);
        ensure!(!latencies_ms.is_empty(), "no list came at the destination");
        Ok(Paced { rate, latencies_ms })
    }

    /// Waits until nobody is left to be looked at, and nothing more comes.
    fn await_lists(&self, most: Duration) -> Result<()> {
        let Workspace { engine, receiver, .. } = &self.workspace;
        let (mut n_values, mut since) = (receiver.n_values(), Instant::now());
        self.workspace.wait_until("the sending of lists", most, || {
            let status = engine.sync_status().unwrap_or_default();
            let is_looking = status.waiting > 0 || status.sweep.is_some();
            if is_looking || receiver.n_values() != n_values {
                (n_values, since) = (receiver.n_values(), Instant::now());
            }
            since.elapsed() > QUIET && status.last_sweep.is_some()
        })
    }
}

fn say(what: &str) {
    let at_s = START_OF_PROCESS.elapsed().as_secs();
    println!("{at_s:>6} s  {what}");
}

static START_OF_PROCESS: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
