//! `tastemaker bench console`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::{
    Arrival, Envelope, Scenario, Source, TraitDefinition, WorkspaceConfig, WorkspaceId,
    check_message,
};
use engine::{
    BackgroundThread, Command, ConfirmedRemovals, DataFolder, Engine, Entry, Segmentation,
    SegmentationCommand, SegmentationKind,
};
use serde_json::json;

use super::load::{self, ADMIN_TOKEN};
use super::simulation::{self, Simulation};
use super::{calls, ingest, quantiles};
use crate::background::Refresher;
use crate::service::Service;
use crate::settings::Settings;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of people
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(1_000..=50_000_000))]
    users: u32,
    /// The number of items
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    items: u32,
    /// The approximate number of interactions
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    interactions: u64,
    /// How often each page is requested
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(20..=100_000))]
    requests: u64,
    /// The length of each measurement of ingestion in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The number of rounds of ingestion, each with and without somebody at the console
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

const SCENARIO: &str = "homepage";
/// How long somebody looks at a page before the next, while messages come in.
const LOOKED_AT: Duration = Duration::from_millis(500);

/// How long a page may refuse after the start, since what it reads is being made.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// One person of so many has a name and an e-mail address.
const NAMED_OF: u32 = 10;
/// How many people are named at once.
const NAMED_PER_STEP: usize = 1_000;

/// The pages, as templates: all that wait for nothing but their first byte. `{user}` and `{item}`
/// are other ones each time.
const PAGES: &[&str] = &[
    "/console/bench",
    "/console/bench/people",
    "/console/bench/people?q=person",
    "/console/bench/people?q=person+{user}",
    "/console/bench/people/user_id:{user}",
    "/console/bench/people/user_id:{user}/timeline",
    "/console/bench/people/user_id:{user}/history",
    "/console/bench/people/user_id:{user}/identity",
    "/console/bench/search?q=c7",
    "/console/bench/catalog",
    "/console/bench/catalog?q=c7",
    "/console/bench/catalog?filter=%27price%27%3C20",
    "/console/bench/catalog/items/{item}",
    "/console/bench/catalog/items/{item}/people",
    "/console/bench/catalog/versions",
    "/console/bench/catalog/import",
    "/console/bench/try-it?user={user}",
    "/console/bench/try-it?item={item}",
    "/console/bench/scenarios",
    "/console/bench/scenarios/homepage",
    "/console/bench/results",
    "/console/bench/models",
    "/console/bench/segments",
    "/console/bench/segments/new",
    "/console/bench/segments/of/categories",
    "/console/bench/segments/synonyms",
    "/console/bench/segments/series",
    "/console/bench/settings",
    "/console/bench/settings/general",
    "/console/bench/settings/tokens",
    "/console/bench/settings/traits",
    "/console/bench/operations",
    "/console/-/workspaces",
    "/console/-/accounts",
    "/console/-/api-keys",
    "/console/-/audit",
    "/console/-/limits",
];

/// The first bytes of a page.
#[derive(serde::Serialize)]
struct FirstBytes {
    page: &'static str,
    p50_ms: f64,
    p95_ms: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("tastemaker-bench-").tempdir()?;
    fill(args, folder.path())?;
    let mut settings = Settings::default();
    settings.training.enabled = false;
    let service = Service::open(folder.path(), None, &settings)?;
    let refresher = BackgroundThread::start(Refresher::new(Arc::clone(&service.app)))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (pages, alone, beside) = runtime.block_on(measure(args, &service))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    refresher.stop();
    service.close();
    report(args, &pages, alone, beside)
}

/// The first bytes of each page; messages a second alone, and while somebody looks at the pages.
async fn measure(args: &Args, service: &Service) -> Result<(Vec<FirstBytes>, f64, f64)> {
    let routes = server::routes(&service.app).merge(console::routes(&service.app));
    let router = web::layered(Arc::clone(&service.app), routes);
    let address = super::serve(router).await?;
    let (users, items) = (args.users, args.items);
    let request = move |page: &str, n: u64| {
        let (user, item) = (load::pick(n, users), load::pick(n, items));
        load::get(
            &page.replace("{user}", &format!("u{user}")).replace("{item}", &format!("i{item}")),
        )
    };
    let bar = terminal::bar("looking", "pages", PAGES.len() as u64 + 1, args.json);
    let mut pages = Vec::new();
    for page in ["/healthz"].into_iter().chain(PAGES.iter().copied()) {
        let requests = |n| request(page, n);
        // What is made once, such as a segmentation's groups, is made before.
        let warm_up = || load::time_first_bytes(address, 1, &requests);
        let started = Instant::now();
        while let Err(error) = warm_up().await {
            ensure!(started.elapsed() < READY_WITHIN, "{page}: {error:#}");
            tokio::time::sleep(LOOKED_AT).await;
        }
        let latencies_ms = load::time_first_bytes(address, args.requests, &requests).await;
        let latencies_ms = latencies_ms.with_context(|| page)?;
        let [p50_ms, p95_ms] = quantiles(latencies_ms, [0.5, 0.95])?;
        pages.push(FirstBytes { page, p50_ms, p95_ms });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let load = ingest::Args {
        connections: 4,
        batch: 100,
        seconds: args.seconds,
        rounds: args.rounds,
        json: args.json,
    };
    let next_message = Arc::new(AtomicU64::new(0));
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let bar = terminal::bar("measuring", "rounds", args.rounds, args.json);
    for _ in 0..args.rounds {
        alone.push(ingest::measure(&load, address, &next_message).await?.messages_per_s);
        let looking = tokio::spawn(async move {
            for (n, page) in PAGES.iter().cycle().enumerate() {
                let looked = load::time_first_bytes(address, 1, &|_| request(page, n as u64)).await;
                if looked.is_err() {
                    return looked.map(drop);
                }
                tokio::time::sleep(LOOKED_AT).await;
            }
            Ok(())
        });
        beside.push(ingest::measure(&load, address, &next_message).await?.messages_per_s);
        if looking.is_finished() {
            looking.await??;
        } else {
            looking.abort();
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((pages, ingest::median(&mut alone), ingest::median(&mut beside)))
}

fn report(args: &Args, pages: &[FirstBytes], alone: f64, beside: f64) -> Result<()> {
    if args.json {
        let output = json!({
            "users": args.users, "items": args.items, "pages": pages,
            "messages_per_s": { "alone": alone, "beside_the_console": beside },
        });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = pages
        .iter()
        .map(|FirstBytes { page, p50_ms, p95_ms }| {
            vec![(*page).to_owned(), format!("{p50_ms:.2}"), format!("{p95_ms:.2}")]
        })
        .collect();
    let people = terminal::grouped(u64::from(args.users));
    let header = [&format!("first byte, {people} people"), "p50 ms", "p95 ms"];
    println!("{}", terminal::table(&header, &rows));
    println!(
        "Ingestion: {} messages/s alone, {} while somebody looks at a page every {} ms ({:+.1} %).",
        terminal::grouped(alone as u64),
        terminal::grouped(beside as u64),
        LOOKED_AT.as_millis(),
        100.0 * (beside / alone - 1.0)
    );
    Ok(())
}

/// Makes a workspace with a source, a trait, a scenario, a catalog, histories and a model.
fn fill(args: &Args, folder: &std::path::Path) -> Result<()> {
    let id: WorkspaceId = "bench".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let data = DataFolder::open(folder)?;
    data.set_admin_token(ADMIN_TOKEN)?;
    let engine = data.open_workspace(&id, &|_, _| {})?;
    let scenario = Scenario::from_json(SCENARIO, br#"{"endpoint": "recommendItemsToUser"}"#)
        .map_err(anyhow::Error::msg)?;
    engine.configure_as(&WorkspaceConfig {
        sources: vec![Source {
            name: "bench".to_owned(),
            write_key: ingest::WRITE_KEY.to_owned(),
            bearer_tokens: Vec::new(),
            enabled: true,
            earlier_key: None,
            oauth: None,
        }],
        traits: vec![TraitDefinition::recommended_items("recommended_items")],
        scenarios: vec![scenario],
        ..WorkspaceConfig::empty(id)
    })?;
    engine.import_catalog(calls::catalog(args.items), &ConfirmedRemovals::default(), &|_, _| {
        Ok(())
    })?;
    let simulation =
        Simulation { users: args.users, items: args.items, interactions: args.interactions };
    let segmentation = Segmentation {
        id: "categories".to_owned(),
        kind: SegmentationKind::Property { name: "category".to_owned() },
        title: None,
        description: None,
    };
    let command = Command::Segmentation(SegmentationCommand::Create(segmentation));
    let received_at = engine.now();
    engine.submit_blocking(vec![Entry::Command { received_at, command: Box::new(command) }])?;
    simulation::import(&engine, &simulation.histories(), args.users, args.json)?;
    name_people(&engine, args)?;
    engine.stop();
    Ok(())
}

/// Gives every [`NAMED_OF`]th person a name and an e-mail address, as sources do.
fn name_people(engine: &Engine, args: &Args) -> Result<()> {
    let bar = terminal::bar("naming", "people", u64::from(args.users), args.json);
    let arrival = Arrival { received_at: engine.now(), source: "bench", peer_ip: None };
    let named: Vec<u32> = (0..args.users).step_by(NAMED_OF as usize).collect();
    for users in named.chunks(NAMED_PER_STEP) {
        let messages = users.iter().map(|user| {
            let message = json!({
                "type": "identify", "messageId": format!("name-{user}"), "userId": format!("u{user}"),
                "traits": { "name": format!("Person u{user}"), "email": format!("u{user}@example.org") },
            });
            let checked = check_message(&message.to_string(), None, &Envelope::default(), &arrival);
            checked.map(|message| Entry::Message(Box::new(message))).map_err(|rejection| anyhow::anyhow!(rejection.detail))
        });
        engine.submit_blocking(messages.collect::<Result<_>>()?)?;
        bar.inc(users.len() as u64 * u64::from(NAMED_OF));
    }
    bar.finish_and_clear();
    Ok(())
}
