//! `tastemaker bench scale`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::{Exclusion, ListRequest, Logic, WorkspaceConfig, WorkspaceId};
use engine::DataFolder;
use rayon::prelude::*;
use recommender::models::neighbours;
use recommender::{
    CandidateSources, ColdStartItems, Component, Eligibility, Features, Histories,
    HistoryWeighting, ModelConfig, Parameters, Request, TrainingSet, fit_model, recommend,
};
use serde_json::json;

use super::load::{self, ADMIN_TOKEN, Load};
use super::simulation::{self, Simulation};
use crate::bootstrap::Bootstrap;
use crate::commands::offline::peak_memory_bytes;
use crate::configuration;
use crate::service::Service;
use crate::settings::Settings;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of users
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    users: u32,
    /// The number of items
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    items: u32,
    /// The approximate number of interactions
    #[arg(long, value_name = "N", default_value_t = 8_190_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    interactions: u64,
    /// The number of users that are imported into a running server for HTTP requests; 0 for none
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    served: u32,
    /// The length of each measurement in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// A CSV file to write the histories to, for other programs: user_id,item_id
    #[arg(long, value_name = "FILE")]
    write: Option<std::path::PathBuf>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

const COUNT: usize = 5;
const KEPT_PER_ITEM: u32 = 200;
/// The number of requests per second at which latency is measured.
const RATE: f64 = 2_000.0;
const CONNECTIONS: u32 = 16;

pub(crate) fn run(args: &Args) -> Result<()> {
    let lap = |started: Instant| started.elapsed().as_secs_f64();
    let started = Instant::now();
    let set = Simulation { users: args.users, items: args.items, interactions: args.interactions }
        .histories();
    let simulated_s = lap(started);
    if let Some(path) = &args.write {
        write(&set, path)?;
    }
    let n_interactions = set.entries().len() as u64;

    let started = Instant::now();
    let model = fit_model(&set, &parameters(), "scale", &|| Ok(()))?;
    let fit_s = lap(started);

    let started = Instant::now();
    let n_items = args.items as usize;
    let cold = ColdStartItems::new(Features::empty(n_items).into(), Some(&model));
    let histories = Histories::default();
    let interaction_weights = *set.interaction_weights();
    let sources = CandidateSources {
        model: Some(&model),
        cold_start: &cold,
        histories: &histories,
        interaction_weights,
        n_items,
    };
    let request =
        ListRequest { exclude: Exclusion::Interacted, ..ListRequest::new(COUNT, Logic::Personal) };
    let n_full = (0..set.n_users())
        .into_par_iter()
        .filter(|&user| {
            let history = set.row(user);
            let eligibility = Eligibility::new(&|_| true, request.exclude, history, []);
            recommend(sources, &Request::new(&request, history, &eligibility)).into_items().len()
                == COUNT
        })
        .count();
    let lists_s = lap(started);
    let peak = peak_memory_bytes().unwrap_or(0);
    let n_users = set.n_users() as f64;
    drop(model);
    let loads = if args.served > 0 { Some(serve(args, &set)?) } else { None };

    if args.json {
        let output = json!({
            "users": set.n_users(), "items": args.items, "interactions": n_interactions,
            "seconds": { "simulate": simulated_s, "fit": fit_s, "lists": lists_s },
            "full_lists": n_full, "peak_memory_bytes": peak, "loads": loads,
        });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    println!(
        "{} users, {} items, {} interactions, simulated in {simulated_s:.1} s",
        terminal::grouped(set.n_users() as u64),
        terminal::grouped(u64::from(args.items)),
        terminal::grouped(n_interactions)
    );
    let per_s = |n: f64, seconds: f64| terminal::grouped((n / seconds) as u64);
    let rows = [
        vec![
            "fit with given parameters".to_owned(),
            format!("{fit_s:.1}"),
            format!("{} interactions", per_s(n_interactions as f64, fit_s)),
        ],
        vec![
            format!("top {COUNT} for every user"),
            format!("{lists_s:.1}"),
            format!("{} users", per_s(n_users, lists_s)),
        ],
        vec!["both".to_owned(), format!("{:.1}", fit_s + lists_s), String::new()],
    ];
    println!("{}", terminal::table(&["phase", "seconds", "per second"], &rows));
    println!(
        "peak memory {} MB; {} full lists",
        terminal::grouped(peak / 1_000_000),
        terminal::grouped(n_full as u64)
    );
    if let Some(Loads { at_rate, beside_training, training_s, closed, healthz }) = &loads {
        let row = |name: &str, load: &Load| {
            vec![
                name.to_owned(),
                terminal::grouped(load.requests_per_s as u64),
                format!("{:.2}", load.p50_ms),
                format!("{:.2}", load.p99_ms),
            ]
        };
        let rows = [
            row("lists, sent at a fixed rate", at_rate),
            row("the same beside a training", beside_training),
            row("lists, as many as possible", closed),
            row("/healthz, as many as possible", healthz),
        ];
        println!(
            "{}",
            terminal::table(&["requests over HTTP", "requests/s", "p50 ms", "p99 ms"], &rows)
        );
        println!(
            "lists at {:.0} % of /healthz; p99 beside a training ({training_s:.1} s) {:.1} times that at rest",
            100.0 * closed.requests_per_s / healthz.requests_per_s,
            beside_training.p99_ms / at_rate.p99_ms
        );
    }
    Ok(())
}

/// The neighbour model with its default hyperparameters, and as many related items as the libraries
/// that it is compared with keep.
fn parameters() -> Parameters {
    let neighbours = Component {
        model: ModelConfig::Neighbours(neighbours::Config::default()),
        weighting: HistoryWeighting::default(),
        weight: 1.0,
    };
    Parameters::new(vec![neighbours], KEPT_PER_ITEM)
}

fn write(set: &TrainingSet, path: &std::path::Path) -> Result<()> {
    let mut file =
        csv::Writer::from_path(path).with_context(|| format!("cannot write {}", path.display()))?;
    file.write_record(["user_id", "item_id", "timestamp", "kind", "value"])?;
    for user in 0..set.n_users() {
        for entry in set.row(user) {
            let fields = [format!("u{user}"), format!("i{}", entry.item.0), entry.at_s.to_string()];
            file.write_record([&fields[0], &fields[1], &fields[2], "view", "1"])?;
        }
    }
    Ok(file.flush()?)
}

/// The result of the requests.
#[derive(serde::Serialize)]
struct Loads {
    at_rate: Load,
    beside_training: Load,
    /// How long that training took, in seconds.
    training_s: f64,
    closed: Load,
    healthz: Load,
}

/// Imports some of the users into a running server with its own model, and measures requests for
/// their lists beside empty requests.
fn serve(args: &Args, set: &TrainingSet) -> Result<Loads> {
    let folder = tempfile::Builder::new().prefix("tastemaker-bench-").tempdir()?;
    let n_served = args.served.min(args.users);
    let bootstrap: Bootstrap = configuration::parse(&format!(
        "admin_token = \"{ADMIN_TOKEN}\"\n[[workspace]]\nid = \"bench\"\n"
    ))?;
    let id: WorkspaceId = "bench".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    {
        let data = DataFolder::open(folder.path())?;
        let engine = data.open_workspace(&id, &|_, _| {})?;
        engine
            .submit_blocking(vec![engine::Entry::Configured(WorkspaceConfig::empty(id.clone()))])?;
        simulation::import(&engine, set, n_served, args.json)?;
        engine.stop();
    }
    let mut settings = Settings::default();
    settings.training.enabled = false;
    let service = Service::open(folder.path(), Some(bootstrap), &settings)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let loads = runtime.block_on(async {
        let address = super::serve(server::router(Arc::clone(&service.app))).await?;
        let lists: load::Requests = Arc::new(move |n| {
            let user = load::pick(n, n_served);
            load::get(&format!("/api/workspaces/bench/recommendations?user=u{user}&count={COUNT}"))
        });
        let healthz: load::Requests = Arc::new(|_| load::get("/healthz"));
        load::run(address, CONNECTIONS, None, 1, Arc::clone(&lists)).await?;
        let at_rate =
            load::run(address, CONNECTIONS, Some(RATE), args.seconds, Arc::clone(&lists)).await?;
        let engine = service.engines().remove(0);
        let training =
            tokio::task::spawn_blocking(move || engine.train(settings.training.options(), &|_| {}));
        let training_s = Instant::now();
        let beside_training =
            load::run(address, CONNECTIONS, Some(RATE), args.seconds, Arc::clone(&lists)).await?;
        ensure!(
            !training.is_finished(),
            "the training ended before the load: ask for fewer --seconds"
        );
        training.await??;
        let training_s = training_s.elapsed().as_secs_f64();
        let closed = load::run(address, CONNECTIONS, None, args.seconds, lists).await?;
        let healthz = load::run(address, CONNECTIONS, None, args.seconds, healthz).await?;
        anyhow::Ok(Loads { at_rate, beside_training, training_s, closed, healthz })
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    service.close();
    Ok(loads)
}
