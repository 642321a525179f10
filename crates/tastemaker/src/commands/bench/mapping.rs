//! `tastemaker bench mapping`: what mappings cost a message on one core, beside reading it as JSON.

use std::time::Instant;

use anyhow::{Context, Result};
use domain::{Arrival, Envelope, Message, Timestamp, check_message};
use mapping::recombee::{Settings, TrialMappings, try_message};
use mapping::{Mappings, presets, recommender_presets};
use serde_json::{Value, json};

use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of messages in each measurement
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    messages: u64,
    /// The number of mappings: the presets, then others whose triggers look into the message
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=50))]
    mappings: u64,
    /// The number of rounds, each of which measures everything; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

const SETTINGS: &str =
    r#"{"databaseId": "shop", "privateToken": "secret", "databaseRegion": "eu-west"}"#;

/// What shops send most, with the context that a browser adds.
fn messages() -> Vec<String> {
    let product = |n: u32| {
        json!({ "product_id": format!("p-{n}"), "sku": format!("S{n}"),
        "name": "Lamp", "brand": "Lights", "category": "Home", "price": 19.5, "quantity": 2 })
    };
    let bodies = [
        json!({ "type": "track", "event": "Product Viewed", "properties": product(1) }),
        json!({ "type": "track", "event": "Product Added", "properties": product(2) }),
        json!({ "type": "track", "event": "Order Completed", "properties": {
            "order_id": "o-1", "total": 78, "currency": "EUR",
            "products": [product(3), product(4), product(5)] } }),
        json!({ "type": "page", "name": "Home", "properties": {
            "path": "/home", "referrer": "https://search.example/", "title": "Home" } }),
        json!({ "type": "identify", "traits": { "email": "ann@shop.example", "plan": "gold" } }),
        json!({ "type": "track", "event": "Coupon Entered", "properties": { "coupon": "NEW10" } }),
    ];
    let context = json!({ "ip": "203.0.113.9", "locale": "de-DE", "timezone": "Europe/Berlin",
        "library": { "name": "analytics.js", "version": "next-1.70.0" },
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
        "page": { "path": "/", "url": "https://shop.example/", "title": "Shop", "search": "" } });
    let whole = |mut body: Value| {
        body["userId"] = json!("user-1");
        body["anonymousId"] = json!("5f0c0c3e-0000-4000-8000-000000000000");
        body["messageId"] = json!("ajs-next-1700000000000-5f0c0c3e");
        body["timestamp"] = json!("2026-01-01T12:00:00.000Z");
        body["context"] = context.clone();
        body.to_string()
    };
    bodies.map(whole).into()
}

/// Triggers that look into a message, beside those of the presets.
const TRIGGERS: [&str; 4] = [
    "type = \"track\" and properties.price > 100",
    "contains(event, \"Wish\") and traits.plan = \"gold\"",
    "type = \"identify\" and context.app.name != null",
    "match(properties.path, \"/shop*\")",
];

/// A list of `n` mappings: the presets, then mappings with [`TRIGGERS`] in turn, as JSON.
fn list(presets: &Mappings, n: usize) -> Result<String> {
    let mut list: Vec<Value> = serde_json::from_str(&presets.to_json())?;
    let own = |(place, trigger): (usize, &&str)| {
        json!({ "name": format!("own {place}"), "trigger": trigger, "action": "addBookmark",
            "use_defaults": true })
    };
    list.extend(TRIGGERS.iter().cycle().take(n).enumerate().map(own));
    list.truncate(n);
    Ok(serde_json::to_string(&list)?)
}

/// The fastest of the rounds, in microseconds for each message.
fn measure(args: &Args, n_kinds: usize, mut work: impl FnMut(usize)) -> f64 {
    let round = |_| {
        let started = Instant::now();
        (0..args.messages as usize).for_each(|n| work(n % n_kinds));
        started.elapsed().as_secs_f64() * 1e6 / args.messages as f64
    };
    (0..args.rounds).map(round).fold(f64::INFINITY, f64::min)
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let texts = messages();
    let arrival =
        Arrival { received_at: Timestamp(1_770_000_000_000), source: "web", peer_ip: None };
    let accepted: Vec<Message> = texts
        .iter()
        .map(|text| check_message(text, None, &Envelope::default(), &arrival).ok())
        .collect::<Option<_>>()
        .context("a message of the benchmark is refused")?;
    let n_mappings = args.mappings as usize;
    let for_engine = list(presets(), n_mappings)?;
    let for_engine =
        Mappings::from_json(&for_engine).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let for_destination = TrialMappings::from_json(&list(recommender_presets(), n_mappings)?)
        .map_err(anyhow::Error::msg)?;
    let settings = Settings::from_json(SETTINGS)?;
    let figures = [
        (
            "reading as JSON",
            measure(args, texts.len(), |n| {
                std::hint::black_box(serde_json::from_str::<Value>(&texts[n]).is_ok());
            }),
        ),
        (
            "actions of our own engine",
            measure(args, texts.len(), |n| {
                std::hint::black_box(for_engine.map(&accepted[n]));
            }),
        ),
        (
            "requests of a recommender destination",
            measure(args, texts.len(), |n| {
                std::hint::black_box(try_message(&for_destination, &texts[n], &settings, false));
            }),
        ),
    ];
    if args.json {
        let figures = figures.map(|(name, us)| json!({ "name": name, "microseconds": us }));
        println!("{}", serde_json::to_string_pretty(&json!({ "figures": figures }))?);
        return Ok(());
    }
    println!("{} messages, {n_mappings} mappings, one core:", terminal::grouped(args.messages));
    let rows = figures.map(|(name, us)| vec![name.to_owned(), format!("{us:.2}")]);
    println!("{}", terminal::table(&["for each message", "microseconds"], &rows));
    Ok(())
}
