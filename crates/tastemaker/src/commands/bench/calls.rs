//! `tastemaker bench calls`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::Router;
use axum::routing::get;
use catalog::{CatalogFile, ItemRow};
use domain::{Column, PropertyType, PropertyValue, Timestamp, WorkspaceConfig, WorkspaceId};
use engine::{
    BackgroundThread, Command, ConfirmedRemovals, DataFolder, Engine, Entry, Outcome, RuleUpdate,
    Segmentation, SegmentationCommand, SegmentationKind,
};
use serde_json::json;
use tokio::sync::Semaphore;

use super::holds::Holds;
use super::load::{self, Load};
use super::simulation::{self, Simulation};
use crate::background::Refresher;
use crate::bootstrap::Bootstrap;
use crate::configuration;
use crate::service::Service;
use crate::settings::Settings;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of items in the catalog
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    items: u32,
    /// The number of users
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    users: u32,
    /// The number of requests per second
    #[arg(long, value_name = "N", default_value_t = 500.0)]
    rate: f64,
    /// The length of each measurement in seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

const TOKEN: &str = "bench";
const INTERACTIONS_PER_USER: u64 = 41;
const CONNECTIONS: u32 = 16;
const COUNT: usize = 10;
const CATEGORIES: u32 = 50;
/// How many items change each second while lists of them are requested.
const CHANGES_PER_S: u64 = 20;
/// How often in a second the rule of a segmentation of all items changes, so that it is rebuilt.
const REBUILDS_PER_S: u64 = 4;
/// About the computing of a list with filter and booster. The latency of a server that does nothing
/// else shows the share of the machine.
const COMPUTED_BY_REFERENCE: Duration = Duration::from_millis(1);

const FILTER: &str = "'available' == true and 'price' < 80 and 'category' != \"c7\"";
const BOOSTER: &str =
    "(if \"new\" in 'tags' then 1.5 else 1) * (1 + 1 / (1 + (now() - 'released') / 86400))";
const SELECTIVE_FILTER: &str = "'category' == \"c7\" and 'price' > 99.7";
const USER_FILTER: &str = "'category' != context_user[\"userId\"] and 'price' < 80";
const SEGMENTATION: &str = "kinds";
const SEGMENTATION_FILTER: &str = "size(item_segments(\"kinds\", 'itemId')) > 0";
const RULES: [&str; 2] = ["'tags'", "if 'price' < 50 then {\"cheap\"} else 'tags'"];

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("tastemaker-bench-").tempdir()?;
    let text = format!("[[workspace]]\nid = \"bench\"\nprivate_token = \"{TOKEN}\"\n");
    let bootstrap: Bootstrap = configuration::parse(&text)?;
    fill(args, folder.path())?;
    let mut settings = Settings::default();
    settings.training.enabled = false;
    let service = Service::open(folder.path(), Some(bootstrap), &settings)?;
    let refresher = BackgroundThread::start(Refresher::new(Arc::clone(&service.app)))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (n_users, seconds) = (args.users, args.seconds);
    let calls = |more: serde_json::Value| -> load::Requests {
        let mut body = json!({ "count": COUNT });
        more.as_object().into_iter().flatten().for_each(|(name, value)| body[name] = value.clone());
        let body = body.to_string();
        Arc::new(move |n| {
            let user = load::pick(n, n_users);
            let target = format!("/bench/recomms/users/u{user}/items/");
            load::post(&server::sign_target(&target, TOKEN, engine::now()), &body)
        })
    };
    let both = || calls(json!({ "filter": FILTER, "booster": BOOSTER }));
    let healthz: load::Requests = Arc::new(|_| load::get("/healthz"));
    let (loads, held): (Vec<(&str, Load)>, Holds) = runtime.block_on(async {
        let address = super::serve(server::router(Arc::clone(&service.app))).await?;
        let at_rate =
            |requests| load::run(address, CONNECTIONS, Some(args.rate), seconds, requests);
        load::run(address, CONNECTIONS, None, 1, both()).await?;
        let reference = super::serve(reference()).await?;
        let computing =
            load::run(reference, CONNECTIONS, Some(args.rate), seconds, Arc::clone(&healthz));
        let mut loads = vec![
            ("a bare server that computes for 1 ms", computing.await?),
            ("/healthz", at_rate(Arc::clone(&healthz)).await?),
            ("lists", at_rate(calls(json!({}))).await?),
            ("lists with filter and booster", at_rate(both()).await?),
        ];
        let engine = service.engines().remove(0);
        let changing = tokio::spawn(change_items(Arc::clone(&engine), args.items, seconds));
        loads.push(("the same while items change", at_rate(both()).await?));
        changing.await??;
        create_segmentation(&engine).await?;
        let held_before = Holds::parse(&service.app.metrics_text());
        let changing = tokio::spawn(change_rule(Arc::clone(&engine), seconds));
        let segmented = calls(json!({ "filter": SEGMENTATION_FILTER }));
        let rebuilding = load::run(address, 1, Some(REBUILDS_PER_S as f64), seconds, segmented);
        let (during, rebuilding) = tokio::join!(at_rate(both()), rebuilding);
        let held = Holds::parse(&service.app.metrics_text()).since(&held_before);
        loads.push(("the same while a segmentation is rebuilt", during?));
        loads.push(("with a filter on that segmentation", rebuilding?));
        changing.await??;
        loads.push((
            "with a filter that few items pass",
            at_rate(calls(json!({ "filter": SELECTIVE_FILTER }))).await?,
        ));
        loads.push((
            "with a filter that asks for the user",
            at_rate(calls(json!({ "filter": USER_FILTER }))).await?,
        ));
        let closed = |requests| load::run(address, CONNECTIONS, None, seconds, requests);
        loads.push(("filter and booster, as many as get through", closed(both()).await?));
        loads.push(("/healthz, as many as get through", closed(healthz).await?));
        anyhow::Ok((loads, held))
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    refresher.stop();
    service.close();
    if args.json {
        let loads: serde_json::Map<_, _> =
            loads.into_iter().map(|(name, load)| (name.to_owned(), json!(load))).collect();
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "items": args.items,
                "users": args.users,
                "loads": loads,
                "holds_of_views": { "count": held.count(), "p99_below_ms": held.p99_below_ms() },
            }))?
        );
        return Ok(());
    }
    let rows: Vec<Vec<String>> = loads
        .iter()
        .map(|(name, load)| {
            let requests_per_s = terminal::grouped(load.requests_per_s.round() as u64);
            vec![
                (*name).to_owned(),
                requests_per_s,
                format!("{:.2}", load.p50_ms),
                format!("{:.2}", load.p99_ms),
                load.stolen_share.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share)),
            ]
        })
        .collect();
    let n_items = terminal::grouped(u64::from(args.items));
    let header =
        [&format!("{n_items} items"), "requests/s", "p50 ms", "p99 ms", "taken by the host"];
    println!("{}", terminal::table(&header, &rows));
    let longest = match held.p99_below_ms() {
        Some(ms) => format!("99 % of them for at most {ms} ms"),
        None => "more than 1 % of them for longer than any bucket of the histogram".to_owned(),
    };
    println!(
        "While the segmentation was rebuilt, the views were held {} times, {longest}.",
        terminal::grouped(held.count()),
    );
    Ok(())
}

/// A server that only computes for a fixed time, for as many requests at once as there are cores.
fn reference() -> Router {
    let turns =
        Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)));
    let compute = || {
        let started = Instant::now();
        while started.elapsed() < COMPUTED_BY_REFERENCE {
            std::hint::spin_loop();
        }
    };
    let answer = move || async move {
        let _turn = turns.acquire().await;
        tokio::task::spawn_blocking(compute).await.ok();
    };
    Router::new().route("/healthz", get(answer))
}

/// Makes a workspace with a catalog, histories and a model.
fn fill(args: &Args, folder: &std::path::Path) -> Result<()> {
    let id: WorkspaceId = "bench".parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let data = DataFolder::open(folder)?;
    let engine = data.open_workspace(&id, &|_, _| {})?;
    engine.submit_blocking(vec![Entry::Configured(WorkspaceConfig::empty(id))])?;
    engine.import_catalog(catalog(args.items), &ConfirmedRemovals::default(), &|_, _| Ok(()))?;
    let interactions = u64::from(args.users) * INTERACTIONS_PER_USER;
    let set = Simulation { users: args.users, items: args.items, interactions }.histories();
    simulation::import(&engine, &set, args.users, args.json)?;
    engine.stop();
    Ok(())
}

/// A catalog of items `i0`, `i1` ... with a property of each common type.
pub(super) fn catalog(n_items: u32) -> CatalogFile {
    let columns = [
        ("category", PropertyType::String),
        ("price", PropertyType::Double),
        ("available", PropertyType::Boolean),
        ("released", PropertyType::Timestamp),
        ("tags", PropertyType::Set),
    ];
    let columns = columns.map(|(name, type_)| Column { name: name.to_owned(), type_ });
    CatalogFile { columns: columns.into(), rows: (0..n_items).map(row).collect(), catalog: None }
}

fn row(item: u32) -> ItemRow {
    let spread = item.wrapping_mul(2_654_435_761);
    let released_ms = engine::now().0 - i64::from(spread % 1_000) * 86_400_000;
    let mut tags = vec![format!("t{}", spread % 97), format!("t{}", spread / 97 % 89)];
    if spread.is_multiple_of(11) {
        tags.push("new".to_owned());
    }
    let values = vec![
        Some(PropertyValue::String(format!("c{}", spread % CATEGORIES))),
        Some(PropertyValue::Double(f64::from(spread / 7 % 10_000) / 100.0)),
        Some(PropertyValue::Boolean(!spread.is_multiple_of(13))),
        Some(PropertyValue::Timestamp(Timestamp(released_ms))),
        Some(PropertyValue::Set(tags)),
    ];
    ItemRow { item_id: format!("i{item}"), values }
}

/// Sets prices of single items, as a shop does all day.
async fn change_items(engine: Arc<Engine>, n_items: u32, seconds: u64) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1_000 / CHANGES_PER_S));
    for n in 0..seconds * CHANGES_PER_S {
        ticks.tick().await;
        let command = Command::SetValues {
            kind: engine::EntityKind::Item,
            id: format!("i{}", load::pick(n, n_items)),
            values: json!({ "price": n % 100 }).to_string(),
            cascade_create: false,
        };
        submit(&engine, command).await?;
    }
    Ok(())
}

/// Submits a command that must not be refused.
async fn submit(engine: &Arc<Engine>, command: Command) -> Result<()> {
    let engine = Arc::clone(engine);
    let entry = Entry::Command { received_at: engine.now(), command: Box::new(command) };
    let submit = move || engine.submit_blocking(vec![entry]);
    let outcomes = tokio::task::spawn_blocking(submit).await??;
    ensure!(matches!(outcomes[..], [Outcome::Applied]), "a command was refused: {outcomes:?}");
    Ok(())
}

/// Makes a segmentation of all items.
async fn create_segmentation(engine: &Arc<Engine>) -> Result<()> {
    let segmentation = Segmentation {
        id: SEGMENTATION.to_owned(),
        kind: SegmentationKind::AutoReql { expression: RULES[0].to_owned() },
        title: None,
        description: None,
    };
    submit(engine, Command::Segmentation(SegmentationCommand::Create(segmentation))).await
}

/// Changes the rule of the segmentation, so that the next call that uses it rebuilds it.
async fn change_rule(engine: Arc<Engine>, seconds: u64) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1_000 / REBUILDS_PER_S));
    for rule in RULES.iter().cycle().skip(1).take((seconds * REBUILDS_PER_S) as usize) {
        ticks.tick().await;
        let change = SegmentationCommand::Update {
            id: SEGMENTATION.to_owned(),
            rule: RuleUpdate::AutoReql(Some((*rule).to_owned())),
            title: None,
            description: None,
        };
        submit(&engine, Command::Segmentation(change)).await?;
    }
    Ok(())
}
