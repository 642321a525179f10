//! `tastemaker offline`: makes lists from files, without a server or a data folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use catalog::{Format, ImportOptions, read_file};
use domain::json::to_value;
use domain::{Exclusion, InteractionKind, ItemIdx, ListRequest, Logic, PropertyValue, Timestamp};
use fs_err as fs;
use rayon::prelude::*;
use recommender::{
    CandidateSources, ColdStartItems, Eligibility, FeaturesBuilder, HISTORY_ENTRIES_MAX,
    HistoryEntry, Origin, Request, SearchOptions, TrainingSet, fit_model, recommend,
    search_hyperparameters,
};
use rustc_hash::FxHashMap;
use serde_json::json;

use super::import::interactions::InteractionFile;
use super::recommend::{describe_fallback, read_users};
use super::train::{describe_search, find_shortage};
use crate::terminal::{self, counted, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The interactions: a .csv, .tsv, .jsonl or .parquet file with user_id, item_id and optionally
    /// timestamp, kind and value
    #[arg(long, value_name = "FILE")]
    interactions: PathBuf,
    /// The properties of items: a .csv, .tsv or .jsonl file with item_id and any other columns
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Recommend to every user of the column user_id of this .csv file
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// The number of items, of those that the user has not interacted with
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// The CSV file for the lists: user_id, item_id, score; best first
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The seed of every random choice: the same seed and data give the same lists
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The file for a report in JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The number of threads; one for each core by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,
    /// Print the report instead of tables
    #[arg(long)]
    json: bool,
}

/// External ids and their indices.
#[derive(Default)]
struct Ids {
    indices: FxHashMap<String, u32>,
    names: Vec<String>,
}

impl Ids {
    fn index(&mut self, id: &str) -> u32 {
        if let Some(&index) = self.indices.get(id) {
            return index;
        }
        let index = self.names.len() as u32;
        self.indices.insert(id.to_owned(), index);
        self.names.push(id.to_owned());
        index
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(threads) = args.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()?;
    }
    let started = Instant::now();
    let mut seconds: Vec<(&str, f64)> = Vec::new();
    let mut lap = {
        let mut last = started;
        move |seconds: &mut Vec<(&'static str, f64)>, phase| {
            seconds.push((phase, last.elapsed().as_secs_f64()));
            last = Instant::now();
        }
    };
    let Histories { users, mut items, rows, older } = read_interactions(&args.interactions)?;
    let mut builder = FeaturesBuilder::default();
    if let Some(path) = &args.items {
        read_items(path, &mut items, &mut builder)?;
    }
    let n_items = items.names.len();
    if rows.iter().all(Vec::is_empty) {
        bail!(
            "{} has no interactions: there is nothing to learn from",
            args.interactions.display()
        );
    }
    let wanted = read_users(&args.users)?;
    if wanted.is_empty() {
        bail!("{} names no user to recommend to", args.users.display());
    }
    let set = TrainingSet::new(rows, n_items).with_features(builder.finish(n_items).into());
    lap(&mut seconds, "read");

    let bar = terminal::share_bar("hyperparameter search", args.json);
    let options = SearchOptions { seed: args.seed };
    let progress = |share| {
        terminal::set_share(&bar, share);
        Ok(())
    };
    let (found, _) = search_hyperparameters(&set, &options, &progress)?;
    bar.finish_and_clear();
    lap(&mut seconds, "search");
    let model = fit_model(&set, &found.parameters, "offline", &|| Ok(()))?;
    lap(&mut seconds, "fit");

    let cold = ColdStartItems::new(set.features().clone(), Some(&model));
    let counts = recommender::Histories::default();
    let interaction_weights = *set.interaction_weights();
    let sources = CandidateSources {
        model: Some(&model),
        cold_start: &cold,
        histories: &counts,
        interaction_weights,
        n_items,
    };
    let request = ListRequest {
        exclude: Exclusion::Interacted,
        ..ListRequest::new(args.count as usize, Logic::Personal)
    };
    let lists: Vec<_> = wanted
        .par_iter()
        .map(|user| {
            let user = users.indices.get(user).copied();
            let history = user.map_or(&[][..], |user| set.row(user as usize));
            let older = user.and_then(|user| older.get(&user)).into_iter().flatten().copied();
            let eligibility = Eligibility::new(&|_| true, request.exclude, history, older);
            recommend(sources, &Request::new(&request, history, &eligibility)).into_items()
        })
        .collect();
    lap(&mut seconds, "recommend");
    let mut file = csv::Writer::from_writer(super::create_part_file(&args.out)?);
    file.write_record(["user_id", "item_id", "score"])?;
    for (user, list) in wanted.iter().zip(&lists) {
        for item in list {
            file.write_record([user, &items.names[item.item.pos()], &item.score.to_string()])?;
        }
    }
    file.into_inner().map_err(|error| error.into_error())?.persist(&args.out)?;
    lap(&mut seconds, "write");

    let n_fallback =
        lists.iter().filter(|list| list.iter().all(|item| item.origin == Origin::Trending)).count();
    let total = started.elapsed().as_secs_f64();
    let phases: serde_json::Map<_, _> =
        seconds.iter().map(|(phase, s)| ((*phase).to_owned(), json!(s))).collect();
    let report = json!({
        "users": set.n_users(),
        "items": n_items,
        "interactions": set.entries().len(),
        "lists": wanted.len(),
        "fallback_lists": n_fallback,
        "seconds": phases,
        "seconds_total": total,
        "peak_memory_bytes": peak_memory_bytes(),
        "search": to_value(&found),
    });
    if let Some(path) = &args.report {
        fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("{}", describe_search(&found));
    if let Some(shortage) = find_shortage(set.entries().len() as u64) {
        println!("The lists may be no better than popularity: {shortage}.");
    }
    let mut phases: Vec<Vec<String>> =
        seconds.iter().map(|(phase, s)| vec![(*phase).to_owned(), format!("{s:.1}")]).collect();
    phases.push(vec!["total".to_owned(), format!("{total:.1}")]);
    println!("{}", terminal::table(&["phase", "seconds"], &phases));
    println!(
        "Wrote {} to {}{}; peak memory {} MB.",
        counted(wanted.len() as u64, "list", "lists"),
        args.out.display(),
        describe_fallback(n_fallback as u64),
        grouped(peak_memory_bytes().unwrap_or(0) / 1_000_000)
    );
    Ok(())
}

/// The histories in a file of interactions.
struct Histories {
    users: Ids,
    items: Ids,
    /// Each user's most recent interactions, oldest first.
    rows: Vec<Vec<HistoryEntry>>,
    /// The items of each user's earlier interactions, for users who have any.
    older: FxHashMap<u32, Vec<ItemIdx>>,
}

fn read_interactions(path: &Path) -> Result<Histories> {
    let file = InteractionFile::open(path)?;
    let now = engine::now();
    let (mut users, mut items) = (Ids::default(), Ids::default());
    let mut rows: Vec<Vec<HistoryEntry>> = Vec::new();
    file.each_row(|n, row| {
        let row = match row {
            Ok(row) => row,
            Err((line, reason, detail)) => {
                bail!("{}: row {n} on line {line}: {reason}: {detail}", path.display());
            }
        };
        let user = users.index(&row.user_id) as usize;
        if user == rows.len() {
            rows.push(Vec::new());
        }
        let item = ItemIdx(items.index(&row.item_id));
        let value = matches!(row.kind, InteractionKind::Rating | InteractionKind::ViewPortion)
            .then_some(row.value);
        // A time in the future, such as from another time zone, would make all other interactions
        // look old.
        let at = row.timestamp.unwrap_or(Timestamp(0)).min(now);
        rows[user].push(HistoryEntry::new(item, row.kind, at, value.flatten()));
        Ok(())
    })?;
    let mut older = FxHashMap::default();
    for (user, row) in rows.iter_mut().enumerate() {
        row.sort_unstable();
        let n_older = row.len().saturating_sub(HISTORY_ENTRIES_MAX);
        if n_older > 0 {
            older.insert(user as u32, row.drain(..n_older).map(|entry| entry.item).collect());
        }
    }
    Ok(Histories { users, items, rows, older })
}

fn read_items(path: &Path, items: &mut Ids, builder: &mut FeaturesBuilder) -> Result<()> {
    let name = path.to_string_lossy();
    let Some(format) = Format::from_name(&name) else {
        bail!("{name}: the name must end in .csv, .tsv or .jsonl")
    };
    // The other columns of a row are the item's features.
    let options = ImportOptions { allow_bad_cells: true, ..ImportOptions::default() };
    let read = read_file(fs::File::open(path)?, format, &options);
    let (file, report) = read.with_context(|| format!("cannot read {name}"))?;
    if report.n_bad_cells > 0 {
        eprintln!(
            "{name}: {} not fitting the type of the column taken as empty",
            counted(report.n_bad_cells, "cell", "cells")
        );
    }
    for row in file.rows {
        let item = ItemIdx(items.index(&row.item_id));
        let named = file.columns.iter().zip(row.values);
        let properties: Vec<(&str, PropertyValue)> =
            named.filter_map(|(column, value)| Some((column.name.as_str(), value?))).collect();
        builder.add(item, &properties);
    }
    Ok(())
}

/// The peak memory of this process, in bytes; none if the system does not tell.
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}
