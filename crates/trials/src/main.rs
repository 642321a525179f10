//! The trials on the command line; `cargo xtask` builds the server first.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use trials::{builds, campaign, profiles, search, siege, soak};

/// That of the server, since memory is measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Trials of a real server.
#[derive(Parser)]
#[command(name = "trials", max_term_width = 100)]
struct Cli {
    /// The binary of the server
    #[arg(long, value_name = "FILE", global = true, default_value = "target/release/tastemaker")]
    server: PathBuf,
    /// A settings file for the server [default: the program's own; for a soak, small caches]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The most file descriptors that the server may open [default: as it is]
    #[arg(long, value_name = "N", global = true)]
    nofile: Option<u64>,
    /// Repeats a run [default: another each time]
    #[arg(long, value_name = "S", global = true)]
    seed: Option<u64>,
    #[command(subcommand)]
    trial: Trial,
}

#[derive(Subcommand)]
enum Trial {
    /// Hostile connections beside an honest client
    Siege {
        /// How long the siege lasts
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u64,
        /// How many hostile connections there are at once
        #[arg(long, value_name = "N", default_value_t = 2_000)]
        connections: usize,
        /// How many requests the honest client sends a second
        #[arg(long, value_name = "N", default_value_t = 100)]
        rate: u32,
        /// Hostile connections come from the address of the honest client
        #[arg(long)]
        same_address: bool,
    },
    /// A long mixed load in a world that does not grow
    Soak {
        /// How many requests are sent
        #[arg(long, value_name = "N", default_value_t = 2_000_000)]
        requests: u64,
        /// How many of them are the warm-up [default: a fifth]
        #[arg(long, value_name = "N")]
        warm_up: Option<u64>,
    },
    /// An hour of traffic of many people beside audiences, computed traits and lists
    Profiles {
        /// The number of people
        #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        people: u64,
        /// The messages that each has sent before
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        history: u64,
        /// The messages of a simulated second
        #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=100_000))]
        messages_per_second: u64,
        /// The simulated minutes, which go by as fast as messages are taken
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: u64,
        /// For how many real seconds messages are sent at their rate, to see how soon lists come
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
        paced_seconds: u64,
    },
    /// How long previews, calculations and full builds take, by the number of people
    Builds {
        /// The number of people
        #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        people: u64,
        /// The messages of each
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..=1_000))]
        messages: u64,
        /// The interactions of each that come without messages
        #[arg(long, value_name = "N", default_value_t = 36, value_parser = clap::value_parser!(u64).range(1..=500))]
        interactions: u64,
    },
    /// How many messages of a campaign are made and handed over in a second
    Campaign {
        /// The number of people
        #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
        people: u64,
        /// The messages of a request to the channel
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        at_once: u64,
        /// The messages of others in a second meanwhile
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=100_000))]
        messages_per_second: u64,
    },
    /// Where the best sellers of words stand in searches of people without a history
    Search {
        /// A folder with train.csv (purchases: user_id, item_id, timestamp) and items.csv (item_id,
        /// title)
        #[arg(long, value_name = "FOLDER")]
        folder: PathBuf,
        /// What is searched for
        #[arg(long, value_name = "WORDS", value_delimiter = ',', default_values_t = search::WORDS.map(str::to_owned))]
        words: Vec<String>,
    },
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let clock_s = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let seed = cli.seed.unwrap_or_else(clock_s);
    println!("seed {seed}");
    let server =
        trials::process::Launch { binary: cli.server, config: cli.config, nofile: cli.nofile };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.trial {
        Trial::Profiles { people, history, messages_per_second, minutes, paced_seconds } => {
            let options = profiles::Options {
                people,
                history,
                messages_per_second,
                minutes,
                paced_seconds,
                seed,
            };
            let report = profiles::run(&options)?;
            println!("{report}");
            let shortfalls = report.shortfalls();
            ensure!(shortfalls.is_empty(), "{}", shortfalls.join("; "));
        }
        Trial::Builds { people, messages, interactions } => {
            println!("{}", builds::run(&builds::Options { people, messages, interactions })?);
        }
        Trial::Campaign { people, at_once, messages_per_second } => {
            let options = campaign::Options { people, at_once, messages_per_second };
            println!("{}", campaign::run(&options)?);
        }
        Trial::Search { folder, words } => {
            let report = search::run(&folder, &words, seed)?;
            println!("{report}");
            ensure!(
                report.n_behind() == 0,
                "the best sellers of {} words are further behind",
                report.n_behind()
            );
        }
        Trial::Siege { seconds, connections, rate, same_address } => {
            let options = siege::Options { seconds, connections, rate, same_address, seed };
            let report = runtime.block_on(siege::run(&server, &options))?;
            println!("{report}");
            ensure!(
                report.passes(),
                "the honest client did not keep 99 % of its answers within 100 ms"
            );
        }
        Trial::Soak { requests, warm_up } => {
            let warm_up = warm_up.unwrap_or(requests / 5);
            let options = soak::Options { requests, warm_up, seed };
            let report = runtime.block_on(soak::run(&server, &options))?;
            println!("{report}");
            ensure!(
                report.ends_as_it_began(),
                "the process has more memory than after the warm-up"
            );
            ensure!(
                report.n_failed() == 0,
                "{} requests ended with an error of the server",
                report.n_failed()
            );
        }
    }
    Ok(())
}
