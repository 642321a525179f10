//! `tastemaker recommend`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use domain::{
    Exclusion, InteractionKind, ListCaller, ListRequest, ListSettings, Logic, PropertyValue,
    Relevance,
};
use engine::{Engine, Origin, RecommendedList, USERS_PER_STEP};
use fs_err as fs;
use rustc_hash::FxHashSet;
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::Place;
use super::train::describe_missing_model;
use crate::terminal::{self, counted, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Recommend to this user
    #[arg(long, value_name = "U", conflicts_with = "users", required_unless_present = "users")]
    user: Option<String>,
    /// Recommend to every user of the column user_id of a CSV file
    #[arg(long, value_name = "FILE", requires = "out")]
    users: Option<PathBuf>,
    /// The CSV file for the lists of --users: user_id, item_id, score; best first
    #[arg(long, value_name = "FILE", requires = "users")]
    out: Option<PathBuf>,
    /// The number of items
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// How items are chosen: personal (the default), trending, recently_viewed, continue_watching,
    /// buy_again, cross_sell, watch_next, together, content_based or newest
    #[arg(long, value_name = "LOGIC", value_parser = parse_word::<Logic>)]
    logic: Option<Logic>,
    /// With --logic trending, together or content_based: count only interactions of this kind
    /// (view, purchase, rating, cart, bookmark, portion)
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    interaction: Option<InteractionKind>,
    /// With --logic together or content_based: how many of the last items the list goes with
    #[arg(long, value_name = "N")]
    anchors: Option<u32>,
    /// Items to exclude: none, purchased, watched or interacted; the default is interacted for
    /// personal and trending items, else that of the logic
    #[arg(long, value_name = "WHAT", value_parser = parse_word::<Exclusion>)]
    exclude: Option<Exclusion>,
    /// Recommend values of this property, such as artists or brands, in place of items
    #[arg(long, value_name = "PROPERTY")]
    item_type: Option<String>,
    /// From 0 (the most relevant items, the default) to 1 (the most different items)
    #[arg(long, value_name = "SHARE")]
    diversity: Option<f32>,
    /// How relevant an item must be to the user: low (the default; trending items fill up the
    /// list), medium or high
    #[arg(long, value_name = "LEVEL", value_parser = parse_word::<Relevance>)]
    min_relevance: Option<Relevance>,
    /// Explain each item by the user's history
    #[arg(long)]
    explain: bool,
}

/// Parses a word of the configuration.
fn parse_word<T: DeserializeOwned>(text: &str) -> Result<T, serde::de::value::Error> {
    T::deserialize(text.into_deserializer())
}

fn parse_kind(word: &str) -> Result<InteractionKind, String> {
    let known = || InteractionKind::ALL.map(InteractionKind::word).join(", ");
    InteractionKind::from_word(word).ok_or_else(|| format!("there are: {}", known()))
}

impl Args {
    fn request(&self) -> Result<ListRequest> {
        let settings = ListSettings {
            logic: self.logic,
            anchors: self.anchors,
            interaction: self.interaction,
            exclude: self.exclude,
            item_type: self.item_type.clone(),
            diversity: self.diversity,
            min_relevance: self.min_relevance,
            ..ListSettings::default()
        };
        let request = settings.request(self.count as usize, ListCaller::CommandLine);
        request.validate_for_user().map_err(anyhow::Error::msg)?;
        Ok(request)
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let request = args.request()?;
    let opened = args.place.open()?;
    match (&args.user, &args.users, &args.out) {
        (Some(user), _, _) => print_list(args, &opened.engine, user, &request),
        (_, Some(users), Some(out)) => write_lists(args, &opened.engine, users, out, &request),
        _ => unreachable!("clap asks for --user, or --users with --out"),
    }
}

fn print_list(args: &Args, engine: &Engine, user_id: &str, request: &ListRequest) -> Result<()> {
    let user = engine.find_user(user_id);
    let list = engine.recommend(user, request)?;
    if args.place.json {
        let body = server::ListBody::new(&list, engine::now()).with_user_known(user.is_some());
        println!("{}", serde_json::to_string_pretty(&body)?);
        return Ok(());
    }
    if user.is_none() {
        let is_trending = list.fallback || request.logic == Logic::Personal;
        let rest = if is_trending { "; these items are trending:" } else { "." };
        println!("User {user_id:?} is unknown{rest}");
    } else if list.fallback {
        println!(
            "There are no personal recommendations for {user_id:?} yet; these items are trending:"
        );
    }
    if list.items.is_empty() {
        let why = match (request.logic, request.min_relevance) {
            (Logic::RecentlyViewed, _) => "they have viewed no item that is still available",
            (Logic::BuyAgain, _) => "none of their purchases is due again",
            (Logic::Together | Logic::ContentBased, _) => {
                "they did nothing that others combine with, or that is like, another item"
            }
            (Logic::ContinueWatching, _) => "they have finished every item that they began",
            (Logic::Personal, Relevance::Medium | Relevance::High) => {
                "no item is relevant enough (see --min-relevance)"
            }
            (Logic::Trending, _) if request.interaction.is_some() => {
                "there are no interactions of that kind"
            }
            _ => "every available item is excluded (see --exclude)",
        };
        println!("There are no items for {user_id:?}: {why}.");
        return Ok(());
    }
    println!("{}", list_table(engine, &list)?);
    if args.explain {
        for (n, item) in list.items.iter().enumerate() {
            println!("{:>3}  {}", n + 1, explain(engine, item)?);
        }
    }
    if list.model.is_none() {
        println!("{}", describe_missing_model(engine.counts().interactions));
    }
    Ok(())
}

fn list_table(engine: &Engine, list: &RecommendedList) -> Result<String> {
    let rows: Vec<Vec<String>> = list
        .items
        .iter()
        .enumerate()
        .map(|(n, item)| {
            let origin = match item.origin {
                Origin::Model => "history",
                Origin::ColdStart => "new",
                Origin::Trending => "trending",
                Origin::RecentlyViewed => "viewed",
                Origin::BuyAgain => "due",
                Origin::Picked => "picked",
                Origin::Match => "match",
                Origin::Content => "content",
                Origin::Newest => "newest",
                Origin::Together => "together",
            };
            let title = if list.item_type.is_some() {
                String::new()
            } else {
                find_title(engine, &item.item_id)?
            };
            Ok(vec![
                format!("{:>2}  {}", n + 1, item.item_id),
                title,
                format!("{:.4}", item.score),
                origin.to_owned(),
            ])
        })
        .collect::<Result<_>>()?;
    let first = list.item_type.as_deref().unwrap_or("item");
    Ok(terminal::table(&[first, "title", "score", "source"], &rows))
}

/// Formats the explanation of an item.
pub(crate) fn explain(engine: &Engine, item: &engine::ListedItem) -> Result<String> {
    if item.explanation.is_empty() {
        return Ok("trending".to_owned());
    }
    if item.origin == Origin::BuyAgain {
        return Ok("due to be bought again".to_owned());
    }
    let (mut parts, mut last) = (Vec::new(), None);
    for reason in &item.explanation {
        let name = find_title(engine, &reason.item_id)?;
        let name = if name.is_empty() { reason.item_id.clone() } else { name };
        // "played A, B, viewed C": the verb is repeated only where it changes.
        let verb = if last == Some(reason.kind) {
            String::new()
        } else {
            format!("{} ", reason.kind.participle())
        };
        let similarity = reason
            .similar_in
            .as_ref()
            .map_or(String::new(), |property| format!(", similar in {property}"));
        let people = reason.n_people.map_or(String::new(), |n| format!(", {n} people did both"));
        parts.push(format!("{verb}{name} ({:.0} %{people}{similarity})", 100.0 * reason.share));
        last = Some(reason.kind);
    }
    Ok(format!("because you {}", parts.join(", ")))
}

/// Finds the title of an item; empty if it has none.
pub(crate) fn find_title(engine: &Engine, item_id: &str) -> Result<String> {
    let properties = engine.snapshot().item_properties(item_id).unwrap_or_default();
    let title = ["title", "name"].iter().find_map(|key| properties.get(*key));
    Ok(match title {
        Some(PropertyValue::String(title)) => title.clone(),
        _ => String::new(),
    })
}

fn write_lists(
    args: &Args,
    engine: &Engine,
    users: &Path,
    out: &Path,
    request: &ListRequest,
) -> Result<()> {
    let user_ids = read_users(users)?;
    let bar = terminal::bar("recommending", "users", user_ids.len() as u64, args.place.json);
    let mut file = csv::Writer::from_writer(super::create_part_file(out)?);
    file.write_record(["user_id", "item_id", "score"])?;
    let (mut n_unknown, mut n_fallback) = (0u64, 0u64);
    for step in user_ids.chunks(USERS_PER_STEP) {
        let users: Vec<_> = step.iter().map(|user_id| engine.find_user(user_id)).collect();
        let lists = engine.recommend_many(&users, request)?;
        for ((user_id, user), list) in step.iter().zip(users).zip(lists) {
            n_unknown += u64::from(user.is_none());
            n_fallback += u64::from(list.fallback);
            for item in &list.items {
                file.write_record([user_id, &item.item_id, &item.score.to_string()])?;
            }
        }
        bar.inc(step.len() as u64);
    }
    file.into_inner().map_err(|error| error.into_error())?.persist(out)?;
    bar.finish_and_clear();
    let n_users = user_ids.len() as u64;
    if args.place.json {
        let output = serde_json::json!({ "users": n_users, "unknown": n_unknown, "fallback": n_fallback, "out": out });
        println!("{output}");
    } else {
        println!(
            "Wrote {} of up to {} to {}{}.",
            counted(n_users, "list", "lists"),
            counted(args.count.into(), "item", "items"),
            out.display(),
            describe_fallback(n_fallback)
        );
        if n_unknown > 0 {
            println!("The file names {}.", counted(n_unknown, "unknown user", "unknown users"));
        }
    }
    Ok(())
}

/// Describes how many of the written lists are fallbacks; empty if none is.
pub(super) fn describe_fallback(n_fallback: u64) -> String {
    match n_fallback {
        0 => String::new(),
        n => format!(", {} of them with trending items only", grouped(n)),
    }
}

/// Reads the users of a file, each once, in the order of the file.
pub(crate) fn read_users(path: &Path) -> Result<Vec<String>> {
    let mut reader = csv::Reader::from_reader(fs::File::open(path)?);
    let header = reader.headers().with_context(|| format!("cannot read {}", path.display()))?;
    let Some(column) = header.iter().position(|name| name == "user_id") else {
        let names: Vec<&str> = header.iter().collect();
        bail!("{} has no column user_id; it has: {}", path.display(), names.join(", "));
    };
    let mut seen = FxHashSet::default();
    let mut users = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("cannot read {}", path.display()))?;
        let user = record.get(column).unwrap_or_default();
        if seen.insert(user.to_owned()) {
            users.push(user.to_owned());
        }
    }
    Ok(users)
}
