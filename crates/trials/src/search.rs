//! The ranks of best sellers in text searches of users without a history, on the data of a real
//! shop.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use catalog::{CatalogFile, Format, ImportOptions, read_file};
use domain::{
    Endpoint, Interaction, InteractionKind, PropertyValue, Timestamp, WorkspaceConfig, WorkspaceId,
};
use engine::{
    ConfirmedRemovals, Engine, Entry, MissingEntities, RecommendationRequest, RequestBudget,
    TrainingOptions,
};
use serde::Deserialize;

/// The default search words: ten words of the titles of `online-retail-2010`, chosen before the
/// first run.
pub const WORDS: [&str; 10] =
    ["bag", "bunting", "clock", "lantern", "mug", "cake", "candle", "heart", "tin", "box"];
/// The largest rank at which a best seller counts as found.
pub const PLACE_MAX: usize = 3;
/// The number of results that are examined for a best seller.
const RESULTS_EXAMINED: usize = 1_000;
/// The length of the recent period at the end of the data, in seconds: 30 days.
const LATELY_S: i64 = 30 * 86_400;

/// A row of `train.csv`.
#[derive(Deserialize)]
struct Sale {
    user_id: String,
    item_id: String,
    /// Seconds since 1970.
    timestamp: i64,
}

/// The ranks of the best sellers of all words.
pub struct Report {
    words: Vec<Word>,
    /// The number of items that are the first result of a search for their id.
    n_found_by_id: usize,
    /// The number of items with a title.
    n_items: usize,
}

struct Word {
    word: String,
    /// The number of items whose title has the word.
    n_items: usize,
    /// The item with the most buyers of all time.
    best: BestSeller,
    /// The item with the most buyers of the last 30 days; none where nobody bought any.
    best_lately: Option<BestSeller>,
}

struct BestSeller {
    title: String,
    n_buyers: usize,
    /// The rank, from 1 on; none where the search does not find the item.
    place: Option<usize>,
}

impl Word {
    fn best_sellers(&self) -> impl Iterator<Item = &BestSeller> {
        [&self.best].into_iter().chain(&self.best_lately)
    }
}

impl BestSeller {
    fn is_in_front(&self) -> bool {
        self.place.is_some_and(|place| place <= PLACE_MAX)
    }
}

impl Report {
    /// The number of words without a best seller, of all time or of the last 30 days, among the
    /// first [`PLACE_MAX`] results.
    pub fn n_behind(&self) -> usize {
        self.words.iter().filter(|word| !word.best_sellers().any(BestSeller::is_in_front)).count()
    }
}

/// Fills an engine with `train.csv` (user_id, item_id, timestamp: purchases) and `items.csv`
/// (item_id, title) of a folder, trains a model, and searches for each word as an unknown user.
///
/// # Errors
///
/// When a file cannot be read, a title has none of the words, or the engine fails.
pub fn run(folder: &Path, words: &[String], seed: u64) -> Result<Report> {
    let items = folder.join("items.csv");
    let (file, _) = read_file(fs_err::File::open(&items)?, Format::Csv, &ImportOptions::default())
        .with_context(|| items.display().to_string())?;
    let sales: Vec<Sale> = csv::Reader::from_path(folder.join("train.csv"))
        .and_then(|mut reader| reader.deserialize().collect())
        .with_context(|| folder.join("train.csv").display().to_string())?;
    let titles = read_titles(&file)?;

    let data = tempfile::tempdir()?;
    let engine = Engine::open(WorkspaceId::new("shop")?, data.path(), &|_, _| {})?;
    let config =
        WorkspaceConfig { private_token: Some("private".to_owned()), ..(*engine.config()).clone() };
    engine.submit_blocking(vec![Entry::Configured(config)])?;
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(()))?;
    let purchases = sales.iter().map(|sale| Interaction {
        timestamp: Some(Timestamp(sale.timestamp * 1_000)),
        ..Interaction::new(&sale.user_id, &sale.item_id, InteractionKind::Purchase)
    });
    engine.import_interactions(purchases.collect())?;
    engine.train(TrainingOptions { seed, ..Default::default() }, &|_| {})?;
    // A server builds the index in the background, for workspaces with tokens.
    engine.refresh();

    let newest = sales.iter().map(|sale| sale.timestamp).max().unwrap_or(0);
    let all_time = collect_buyers(&sales, i64::MIN);
    let lately = collect_buyers(&sales, newest - LATELY_S);
    let places = |word: &String| {
        let has_word =
            |title: &str| title.split(|c: char| !c.is_alphanumeric()).any(|other| other == word);
        let matching: Vec<&String> =
            titles.iter().filter(|(_, title)| has_word(title)).map(|(item, _)| item).collect();
        let found = search(&engine, word, RESULTS_EXAMINED)?;
        let best = |buyers: &BTreeMap<&str, BTreeSet<&str>>| {
            let n_buyers = |item: &&String| buyers.get(item.as_str()).map_or(0, BTreeSet::len);
            let item =
                matching.iter().copied().max_by_key(n_buyers).filter(|item| n_buyers(item) > 0)?;
            let place = found.iter().position(|other| other == item).map(|at| at + 1);
            Some(BestSeller { title: titles[item].clone(), n_buyers: n_buyers(&item), place })
        };
        let best_of_all = best(&all_time).with_context(|| format!("nobody bought any {word:?}"))?;
        let (n_items, best_lately) = (matching.len(), best(&lately));
        Ok(Word { word: word.clone(), n_items, best: best_of_all, best_lately })
    };
    let words = words.iter().map(places).collect::<Result<_>>()?;
    let is_first =
        |item: &String| Ok::<_, anyhow::Error>(search(&engine, item, 1)?.first() == Some(item));
    let mut n_found_by_id = 0;
    for item in titles.keys() {
        n_found_by_id += usize::from(is_first(item)?);
    }
    Ok(Report { words, n_found_by_id, n_items: titles.len() })
}

/// Titles in lower case, by item id.
fn read_titles(file: &CatalogFile) -> Result<BTreeMap<String, String>> {
    let column = file.columns.iter().position(|column| column.name == "title");
    let column = column.context("items.csv has no column title")?;
    let titles: BTreeMap<String, String> = file
        .rows
        .iter()
        .filter_map(|row| match &row.values[column] {
            Some(PropertyValue::String(title)) => Some((row.item_id.clone(), title.to_lowercase())),
            _ => None,
        })
        .collect();
    ensure!(!titles.is_empty(), "items.csv has no titles");
    Ok(titles)
}

/// The buyers of each item since a time, which is in seconds since 1970.
fn collect_buyers(sales: &[Sale], after_s: i64) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut buyers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for sale in sales.iter().filter(|sale| sale.timestamp > after_s) {
        buyers.entry(&sale.item_id).or_default().insert(&sale.user_id);
    }
    buyers
}

/// The results of a search by an unknown user, the best first.
fn search(engine: &Engine, query: &str, count: usize) -> Result<Vec<String>> {
    let request = RecommendationRequest {
        user_id: Some("somebody new".to_owned()),
        search_query: Some(query.to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(Endpoint::SearchItems, count)
    };
    let budget = Arc::new(RequestBudget::unlimited());
    let answer = engine.request_recommendations(&request, &budget)?;
    Ok(answer.recommended.into_iter().map(|entry| entry.id).collect())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |best: &BestSeller| {
            let place = best.place.map_or("not found".to_owned(), |place| place.to_string());
            format!("{place:>9}  {} ({} buyers)", best.title, best.n_buyers)
        };
        writeln!(f, "{:<10} {:>5}  {:>9}  best seller", "word", "items", "place")?;
        for word in &self.words {
            writeln!(f, "{:<10} {:>5}  {}", word.word, word.n_items, shown(&word.best))?;
            if let Some(lately) = &word.best_lately {
                writeln!(f, "{:<17}{}", "  last 30 days", shown(lately))?;
            }
        }
        let best_sellers = || self.words.iter().flat_map(Word::best_sellers);
        let (n_front, n) =
            (best_sellers().filter(|best| best.is_in_front()).count(), best_sellers().count());
        writeln!(f, "{n_front} of {n} best sellers are among the first {PLACE_MAX}")?;
        let (n, n_behind) = (self.words.len(), self.n_behind());
        writeln!(
            f,
            "{} of {n} words have a best seller among the first {PLACE_MAX}",
            n - n_behind
        )?;
        write!(f, "{} of {} items come first for their id", self.n_found_by_id, self.n_items)
    }
}
