//! `tastemaker demo`: from events to personal lists with simulated listeners, in a minute.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use arc_swap::ArcSwap;
use catalog::{Format, ImportOptions, read_file};
use domain::{
    Endpoint, Exclusion, Grant, Role, Scenario, Source, TraitDefinition, WorkspaceConfig,
    WorkspaceId,
};
use engine::installation::{Actor, Change, PasswordHash, make_secret};
use engine::{ConfirmedRemovals, Engine, TrainingOptions};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::recommend::{explain, find_title};
use super::serve::stop_signal;
use crate::background::Background;
use crate::demo::albums::{ALBUMS_CSV, albums};
use crate::demo::listeners::{World, user_id};
use crate::opener::open_workspace;
use crate::reload::LiveSettings;
use crate::service::Service;
use crate::settings::{Settings, Training};
use crate::terminal::{self, accent, bold, dim, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The address to listen on
    #[arg(long, value_name = "ADDR", value_parser = crate::address::parse, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Stop after showing the recommendations
    #[arg(long)]
    no_serve: bool,
    /// The number of listeners to simulate
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    users: u32,
    /// The seed of every random choice: the same seed simulates the same listeners
    #[arg(long, value_name = "N", default_value_t = 42)]
    seed: u64,
}

const WORKSPACE: &str = "music";
const TRAIT_KEY: &str = "personalized_album_recommendations";
/// A place where lists are shown, for the pages of the console.
const SCENARIO: &str = "home";
const WRITE_KEY: &str = "demo-write-key";
const PROFILE_TOKEN: &str = "demo-profile-token";
const ADMIN_TOKEN: &str = "demo-admin-token";
/// The account that visitors of the console are signed in to.
const VISITOR: &str = "visitor@demo.example";
/// How many connections send messages.
const SENDERS: usize = 2;
/// The size in bytes at which a batch is sent: well under the limit of the tracking API.
const BATCH_BYTES: usize = 120_000;
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The exit code of an interrupted program.
const INTERRUPTED_STATUS: i32 = 130;
/// How many listeners are shown.
const SHOWN: u32 = 5;
const PLAYS_SHOWN: usize = 4;

pub(crate) fn run(args: &Args) -> Result<()> {
    let started = Instant::now();
    let folder = tempfile::Builder::new().prefix("tastemaker-demo-").tempdir()?;
    let visitor = Some(VISITOR.to_owned());
    // It trains once: what it prints stays true of the pages.
    let training = Training { enabled: false, ..Training::default() };
    let settings = Settings { listen: args.listen, visitor, training, ..Settings::default() };
    prepare(folder.path())?;
    let service = Service::open(folder.path(), None, &settings)?;
    let engine = service.engines().remove(0);
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind(args.listen)).with_context(|| {
        format!("cannot listen on {}: name another address with --listen", args.listen)
    })?;
    let address = listener.local_addr()?;
    let is_serving = Arc::new(AtomicBool::new(false));
    runtime.block_on(async {
        remove_when_interrupted(folder.path().to_owned(), Arc::clone(&is_serving))
    })?;
    let live = LiveSettings::new(ArcSwap::from_pointee(settings.clone()));
    let background = Background::start(&service, &live)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let result = std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let limits = settings.connections(service.n_workspaces());
            let listener = web::Listener { socket: listener, tls: None };
            runtime.block_on(service.serve(
                vec![listener],
                limits,
                || settings.shutdown.deadline(),
                async {
                    stopped.await.ok();
                },
            ));
        });
        let shown = show(args, &engine, address, started).and_then(|()| {
            if !args.no_serve {
                is_serving.store(true, Ordering::Relaxed);
                print_requests(&engine, address)?;
                runtime.block_on(async {
                    stop_signal()?.await;
                    anyhow::Ok(())
                })?;
                println!("\nStopped; the demo's data was removed.");
            }
            Ok(())
        });
        stop.send(()).ok();
        serving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        shown
    });
    background.stop();
    drop(engine);
    service.close();
    result
}

/// Removes the demo's data if the demo is interrupted before it serves, which ends it at once.
fn remove_when_interrupted(folder: PathBuf, is_serving: Arc<AtomicBool>) -> Result<()> {
    let interrupted = stop_signal()?;
    tokio::spawn(async move {
        interrupted.await;
        if !is_serving.load(Ordering::Relaxed) {
            fs_err::remove_dir_all(folder).ok();
            std::process::exit(INTERRUPTED_STATUS);
        }
    });
    Ok(())
}

/// Makes the account of visitors. Nobody knows its password.
fn add_visitor(data: &engine::DataFolder) -> Result<()> {
    let password = PasswordHash::new(&make_secret()?).map_err(anyhow::Error::msg)?;
    let grant = Grant::everywhere(Role::Owner);
    let add = Change::AddAccount { email: VISITOR.to_owned(), grant, password };
    Ok(data.installation().change(engine::now(), &Actor::CommandLine, add)?)
}

/// Makes the workspace with its source and its trait, before it is served.
fn prepare(folder: &std::path::Path) -> Result<()> {
    let data = engine::DataFolder::open(folder)?;
    data.set_admin_token(ADMIN_TOKEN)?;
    add_visitor(&data)?;
    let id = WorkspaceId::new(WORKSPACE)?;
    let config = WorkspaceConfig {
        profile_token: Some(PROFILE_TOKEN.to_owned()),
        sources: vec![Source {
            name: "player".to_owned(),
            write_key: WRITE_KEY.to_owned(),
            bearer_tokens: Vec::new(),
            enabled: true,
            earlier_key: None,
            oauth: None,
        }],
        traits: vec![TraitDefinition {
            exclude: Some(Exclusion::Interacted),
            ..TraitDefinition::recommended_items(TRAIT_KEY)
        }],
        scenarios: vec![Scenario::new(SCENARIO, Endpoint::RecommendItemsToUser)],
        ..WorkspaceConfig::empty(id.clone())
    };
    let engine = open_workspace(&data, &id, false)?;
    engine.configure_as(&config)?;
    let (file, _) = read_file(ALBUMS_CSV.as_bytes(), Format::Csv, &ImportOptions::default())?;
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(()))?;
    Ok(())
}

fn show(args: &Args, engine: &Engine, address: SocketAddr, started: Instant) -> Result<()> {
    println!("{}", bold("Tastemaker demo: a music service with personal album recommendations"));
    let n_albums = engine.counts().available_items;
    println!(
        "{} real albums in the catalog; {} simulated listeners send their plays to {}\n",
        grouped(n_albums),
        grouped(u64::from(args.users)),
        accent(&format!("http://{address}/v1/batch"))
    );
    let sending = Instant::now();
    let n_messages = send_messages(args.users, args.seed, address)?;
    let seconds = sending.elapsed().as_secs_f64();
    println!(
        "{} messages acknowledged in {seconds:.1} s ({} per second), each durable and applied",
        grouped(n_messages),
        grouped((n_messages as f64 / seconds) as u64)
    );

    let bar = terminal::share_bar("training", false);
    let training =
        engine.train(TrainingOptions::default(), &|share| terminal::set_share(&bar, share))?;
    bar.finish_and_clear();
    println!(
        "trained on {} interactions in {:.1} s; on plays that were kept back its lists score {:.3} (NDCG@20, at most 1), \
         and the most popular albums {:.3}",
        grouped(training.n_interactions),
        training.duration_ms as f64 / 1_000.0,
        training.search.blend.ndcg,
        training.search.popularity.ndcg
    );
    if let Some(why) = &training.refused {
        println!("the model is not used: {why}");
    }

    let config = engine.config();
    let definition = config.trait_definition(TRAIT_KEY).context("the demo has its trait")?;
    let bar = terminal::bar("computing the trait", "listeners", u64::from(args.users), false);
    let computing = Instant::now();
    let (mut n_lists, mut distinct) = (0u64, rustc_hash::FxHashSet::default());
    engine.compute_trait::<anyhow::Error>(
        definition,
        &|done, _| bar.set_position(done),
        |_, list| {
            n_lists += 1;
            distinct.extend(list.items.into_iter().map(|item| item.item_id));
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    println!(
        "computed {TRAIT_KEY} for {} listeners in {:.2} s; {} of {} albums are recommended to at least one listener",
        grouped(n_lists),
        computing.elapsed().as_secs_f64(),
        grouped(distinct.len() as u64),
        grouped(n_albums)
    );
    for n in 0..SHOWN {
        show_listener(engine, definition, (n * (args.users / SHOWN) + n) % args.users)?;
    }
    println!("\n{}", dim(&format!("{:.0} s in total", started.elapsed().as_secs_f64())));
    Ok(())
}

/// Prints what a listener played lately, and their recommendations with explanations.
fn show_listener(engine: &Engine, definition: &TraitDefinition, listener: u32) -> Result<()> {
    let user_id = user_id(listener);
    let user = engine.find_user(&user_id).with_context(|| format!("{user_id} has sent nothing"))?;
    let traits = engine.snapshot().stored_traits(user)?;
    let name = traits
        .iter()
        .find(|(key, _)| key == "first_name")
        .map_or("", |(_, value)| value.json.trim_matches('"'));
    println!("\n{} {}", bold(name), dim(&format!("({user_id})")));
    println!("  recently played");
    let mut played: Vec<String> = Vec::new();
    let history = engine.snapshot().history(user, 50);
    for item in history {
        if item.kind == domain::InteractionKind::ViewPortion && !played.contains(&item.item_id) {
            println!("     {}", dim(&album_line(engine, &item.item_id)?));
            played.push(item.item_id);
        }
        if played.len() == PLAYS_SHOWN {
            break;
        }
    }
    let list = engine.recommend(Some(user), &definition.list())?;
    println!("  recommended, with the part of the score that each play gives");
    for (n, item) in list.items.iter().enumerate() {
        println!("  {}  {}", accent(&(n + 1).to_string()), album_line(engine, &item.item_id)?);
        println!("     {}", dim(&explain(engine, item)?));
    }
    Ok(())
}

fn album_line(engine: &Engine, item_id: &str) -> Result<String> {
    let properties = engine.snapshot().item_properties(item_id).unwrap_or_default();
    let text = |key: &str| {
        properties.get(key).map_or(String::new(), |value| match value.to_json() {
            serde_json::Value::String(text) => text,
            serde_json::Value::Array(texts) => {
                texts.iter().filter_map(|text| text.as_str()).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        })
    };
    Ok(format!(
        "{} · {} ({}; {})",
        find_title(engine, item_id)?,
        text("artist"),
        text("year"),
        text("genres")
    ))
}

/// Sends every listener's messages over HTTP, as their players would.
fn send_messages(n_listeners: u32, seed: u64, address: SocketAddr) -> Result<u64> {
    let albums = albums()?;
    let world = World::new(&albums, seed, engine::now());
    let bar = terminal::bar("sending plays", "listeners", u64::from(n_listeners), false);
    let (next, n_messages) = (AtomicU32::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let agent: ureq::Agent = ureq::Agent::config_builder()
                        .timeout_global(Some(SEND_TIMEOUT))
                        .build()
                        .into();
                    let url = format!("http://{address}/v1/batch");
                    let mut is_done = false;
                    while !is_done {
                        let mut body = format!(r#"{{"writeKey":"{WRITE_KEY}","batch":["#);
                        let mut n = 0;
                        while body.len() < BATCH_BYTES && !is_done {
                            let listener = next.fetch_add(1, Ordering::Relaxed);
                            is_done = listener >= n_listeners;
                            if !is_done {
                                n += world.write_messages(listener, &mut body);
                                bar.inc(1);
                            }
                        }
                        if n > 0 {
                            body.push_str("]}");
                            let answer =
                                agent.post(&url).content_type("application/json").send(&body)?;
                            ensure!(
                                answer.status() == 200,
                                "the server answered {}",
                                answer.status()
                            );
                            n_messages.fetch_add(n, Ordering::Relaxed);
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        senders.into_iter().try_for_each(|sender| {
            sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    bar.finish_and_clear();
    Ok(n_messages.into_inner())
}

fn print_requests(engine: &Engine, address: SocketAddr) -> Result<()> {
    let base = format!("http://{address}");
    let profile =
        format!("{base}/v1/spaces/{WORKSPACE}/collections/users/profiles/user_id:{}", user_id(0));
    println!("\n{} on {}; Ctrl-C stops it.", bold("Serving"), accent(&base));
    println!("Look around in the console, where you are signed in already:");
    println!("  {}", accent(&format!("{base}/console")));
    println!("Read a listener's recommendations, with explanations:");
    println!(
        "  curl -s -u {PROFILE_TOKEN}: '{profile}/traits?include={TRAIT_KEY},{TRAIT_KEY}__detail'"
    );
    let config = engine.config();
    let definition = config.trait_definition(TRAIT_KEY).context("the demo has its trait")?;
    // The trait leaves out known albums, so an album that a listener plays leaves their list.
    let list = engine.recommend(engine.find_user(&user_id(0)), &definition.list())?;
    if let Some(album) = list.items.first() {
        println!(
            "Play the first album, {}, then read again: it leaves the list, because the listener now knows it.",
            find_title(engine, &album.item_id)?
        );
        println!(
            "  curl -s -u {WRITE_KEY}: {base}/v1/track -d '{{\"userId\":\"{}\",\"event\":\"Video Playback Completed\",\"properties\":{{\"content_asset_id\":\"{}\"}}}}'",
            user_id(0),
            album.item_id
        );
    }
    println!("See the listener's latest events:");
    println!("  curl -s -u {PROFILE_TOKEN}: '{profile}/events?limit=3'");
    Ok(())
}
