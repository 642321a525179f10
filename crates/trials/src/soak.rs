//! A long mixed load on a world that does not grow, so that lasting growth of memory is a leak.

mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::http::Connection;
use crate::process::{Launch, Server};
use world::World;

/// The number of sending connections.
const CONNECTIONS: u64 = 8;
/// The largest growth of memory from the warm-up to the end, as a share.
const GROWTH_MAX: f64 = 0.05;
/// The interval between samples of the memory.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// The most server errors that a connection prints for each kind of call.
const FAILURES_SHOWN: u64 = 3;
/// Caches small enough to be full after the warm-up. A larger cache that still fills would look
/// like a leak.
const SETTINGS: &str = "[limits]\nstore_cache_bytes_max = 16777216\ncache_bytes_max = 67108864\n";
/// The number of progress lines.
const LINES: u64 = 40;

/// Parameters of a soak.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of requests, including the warm-up.
    pub requests: u64,
    /// The number of requests before the reference measurement of the memory. Every cache must be
    /// full by then.
    pub warm_up: u64,
    /// The seed of all random choices.
    pub seed: u64,
}

/// The results of a soak.
#[derive(Debug)]
pub struct Report {
    /// Requests by name of the call and status of the answer.
    pub answers: BTreeMap<(&'static str, u16), u64>,
    /// The memory after the warm-up and at the end, in bytes, on the line that fits all samples
    /// between them best. Single samples do not tell: caches drop idle values every ten minutes,
    /// and the memory goes up and down by a tenth meanwhile.
    pub resident_bytes: (f64, f64),
    took: Duration,
}

impl Report {
    /// The growth of the memory since the warm-up, as a share.
    pub fn growth(&self) -> f64 {
        let (warm, end) = self.resident_bytes;
        end / warm - 1.0
    }

    /// Whether the growth is within the limit.
    pub fn ends_as_it_began(&self) -> bool {
        self.growth() <= GROWTH_MAX
    }

    /// The number of requests that ended with a server error.
    pub fn n_failed(&self) -> u64 {
        self.answers.iter().filter(|((_, status), _)| *status >= 500).map(|(_, n)| n).sum()
    }
}

/// A straight line.
struct Line {
    start: f64,
    slope: f64,
}

impl Line {
    /// The line with the least squared distance to `points` (x, y); none without two different x.
    fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        let common: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
        let slope = common / spread;
        (spread > 0.0).then_some(Self { start: y_mean - slope * x_mean, slope })
    }

    fn at(&self, x: f64) -> f64 {
        self.start + self.slope * x
    }
}

/// Starts a server, with small caches unless there are settings, and sends the load.
///
/// # Errors
///
/// When the server cannot be started, or ends or stops answering before the load does.
pub async fn run(launch: &Launch, options: &Options) -> Result<Report> {
    let settings = tempfile::NamedTempFile::new()?;
    fs_err::write(&settings, SETTINGS)?;
    let config = launch.config.clone().unwrap_or_else(|| settings.path().to_owned());
    let server = Launch { config: Some(config), ..launch.clone() }.start().await?;
    let world = World::new();
    let sent = Arc::new(AtomicU64::new(0));
    world.fill(server.address).await.context("the world cannot be set up")?;
    let started = Instant::now();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let random = StdRng::seed_from_u64(options.seed ^ n << 32);
            let sent = Arc::clone(&sent);
            tokio::spawn(send(server.address, world.clone(), random, sent, options.requests))
        })
        .collect();
    let samples = watch(&server, options, &sent, &tasks).await?;
    let mut answers = BTreeMap::new();
    for task in tasks {
        let own = task
            .await?
            .with_context(|| format!("the load ended; log:\n{}", server.end_of_log()))?;
        own.into_iter().for_each(|(key, n)| *answers.entry(key).or_default() += n);
    }
    let warm: Vec<(f64, f64)> = samples
        .iter()
        .filter(|(n, _)| *n >= options.warm_up)
        .map(|(n, bytes)| (*n as f64, *bytes as f64))
        .collect();
    let line = Line::fit(&warm).context("the load was too short to see the memory")?;
    let resident_bytes = (line.at(options.warm_up as f64), line.at(options.requests as f64));
    let took = started.elapsed();
    server.stop().await?;
    Ok(Report { answers, resident_bytes, took })
}

/// Samples the memory of the server until all requests are sent: pairs of requests sent and bytes.
async fn watch<T>(
    server: &Server,
    options: &Options,
    sent: &AtomicU64,
    tasks: &[tokio::task::JoinHandle<T>],
) -> Result<Vec<(u64, u64)>> {
    let started = Instant::now();
    let (mut samples, mut next_line) = (Vec::new(), 0);
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let n = sent.load(Ordering::Relaxed).min(options.requests);
        let bytes = server.resident_bytes().with_context(|| server.end_of_log())?;
        samples.push((n, bytes));
        if n >= next_line {
            next_line = n + (options.requests / LINES).max(1);
            let (s, mib) = (started.elapsed().as_secs(), bytes as f64 / (1_024.0 * 1_024.0));
            println!("{n:>9} requests {s:>6} s {mib:>8.1} MiB");
        }
        tokio::time::sleep(SAMPLE_INTERVAL).await;
    }
    Ok(samples)
}

/// Sends one request after the other until all connections together have sent enough.
async fn send(
    address: SocketAddr,
    world: World,
    mut random: StdRng,
    sent: Arc<AtomicU64>,
    requests: u64,
) -> Result<BTreeMap<(&'static str, u16), u64>> {
    let mut answers = BTreeMap::new();
    let mut connection: Option<Connection> = None;
    let mut recommendation = None;
    while sent.fetch_add(1, Ordering::Relaxed) < requests {
        let call = world.any_call(&mut random, recommendation.take());
        let mut attempts = 0;
        let answer = loop {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::open(address, None).await?,
            };
            match open.send(&call.request).await {
                Ok(answer) => {
                    connection = Some(open).filter(|_| !answer.closes);
                    break answer;
                }
                // The server may close a connection between two requests.
                Err(_) if attempts == 0 => attempts += 1,
                Err(error) => bail!("{}: {error}", call.name),
            }
        };
        let n: &mut u64 = answers.entry((call.name, answer.status)).or_default();
        *n += 1;
        if answer.status >= 500 && *n <= FAILURES_SHOWN {
            println!("{}: {} {}", call.name, answer.status, String::from_utf8_lossy(&answer.body));
        }
        recommendation = world::find_recommendation_id(&answer.body);
    }
    Ok(answers)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, status), n) in &self.answers {
            writeln!(f, "{name:<20} {status} {n:>9}")?;
        }
        let (warm, end) = self.resident_bytes;
        let mib = |bytes: f64| bytes / (1_024.0 * 1_024.0);
        writeln!(f, "{} s", self.took.as_secs())?;
        write!(
            f,
            "memory: {:.1} MiB after the warm-up, {:.1} MiB at the end: {:+.1} %",
            mib(warm),
            mib(end),
            100.0 * self.growth()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_goes_up_and_down_has_not_grown_and_memory_that_leaks_has() {
        let saw = |n: u32| f64::from(n % 400) * 25.0;
        let grown = |leak: f64| {
            let points: Vec<_> = (400..2_000)
                .map(|n| (f64::from(n), 100_000.0 + saw(n) + leak * f64::from(n)))
                .collect();
            let line = Line::fit(&points).unwrap();
            line.at(2_000.0) / line.at(400.0) - 1.0
        };
        assert!(grown(0.0) < GROWTH_MAX, "{}", grown(0.0));
        assert!(grown(8.0) > GROWTH_MAX, "{}", grown(8.0));
        assert!(Line::fit(&[(1.0, 2.0)]).is_none());
    }
}
