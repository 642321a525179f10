//! `tastemaker import interactions`. The file is read twice: checked whole, then imported, so that a wrong row imports nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use domain::id::ID_BYTES_MAX;
use domain::{Interaction, InteractionKind, Timestamp};
use engine::ImportedInteractions;
use fs_err as fs;
use serde_json::json;

use super::{Place, open};
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv file with the columns user_id and item_id; timestamp (ISO 8601 or Unix), kind (view, purchase, rating,
    /// cart, bookmark, portion) and value (rating -1 to 1, portion 0 to 1, amount) may be missing
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Make the workspace where it is missing, also beside others
    #[arg(long)]
    create: bool,
    /// Leave wrong rows out instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
}

const COLUMNS: [&str; 5] = ["user_id", "item_id", "timestamp", "kind", "value"];
/// How many interactions are handed over at once.
const CHUNK: usize = 20_000;
/// The most wrong rows that are shown; all are counted.
const ERRORS_SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Args) -> Result<()> {
    let columns = Columns::of(&args.file)?;
    let checked = check(&columns, args)?;
    if checked.n_invalid > 0 && !args.skip_invalid {
        bail!(
            "{}: {} of {} rows are wrong, nothing was imported; --skip-invalid leaves them out",
            args.file.display(),
            checked.n_invalid,
            checked.n_rows
        );
    }
    let opened = open(&args.place, args.create)?;
    let bar = terminal::bar("importing", "interactions", checked.n_rows, args.place.json);
    let mut imported = ImportedInteractions::default();
    let mut hand_over = |chunk: Vec<Interaction>| -> Result<()> {
        let own = opened.engine.import_interactions(chunk)?;
        imported.added += own.added;
        imported.already_there += own.already_there;
        Ok(())
    };
    let mut chunk = Vec::with_capacity(CHUNK);
    columns.each_row(|n, row| {
        bar.set_position(n);
        chunk.extend(row.ok());
        if chunk.len() == CHUNK { hand_over(std::mem::take(&mut chunk)) } else { Ok(()) }
    })?;
    hand_over(chunk)?;
    bar.finish_and_clear();
    if args.place.json {
        let told = json!({
            "rows": checked.n_rows,
            "added": imported.added,
            "already_there": imported.already_there,
            "invalid": checked.n_invalid,
            "unknown_columns": columns.unknown,
        });
        println!("{told}");
    } else {
        println!(
            "{} interactions added, {} were there already, {} rows left out.",
            terminal::grouped(imported.added),
            terminal::grouped(imported.already_there),
            terminal::grouped(checked.n_invalid)
        );
    }
    Ok(())
}

struct Checked {
    n_rows: u64,
    n_invalid: u64,
}

/// Reads the file once and says what is wrong with it.
fn check(columns: &Columns, args: &Args) -> Result<Checked> {
    if !columns.unknown.is_empty() && !args.place.json {
        eprintln!(
            "left out: unknown columns {}; known are {}",
            columns.unknown.join(", "),
            COLUMNS.join(", ")
        );
    }
    let bytes = fs::metadata(&args.file)?.len();
    let bar = terminal::bar("checking the file", "bytes", bytes, args.place.json);
    let mut checked = Checked { n_rows: 0, n_invalid: 0 };
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut shown = Vec::new();
    columns.each_row(|n, row| {
        checked.n_rows = n;
        if let Err((line, reason, detail)) = row {
            checked.n_invalid += 1;
            *reasons.entry(reason.to_owned()).or_default() += 1;
            if shown.len() < ERRORS_SHOWN_MAX {
                shown.push((line, reason, detail));
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if args.place.json {
        if checked.n_invalid > 0 && !args.skip_invalid {
            let errors: Vec<_> = shown
                .iter()
                .map(|(row, reason, detail)| json!({ "row": row, "reason": reason, "detail": detail }))
                .collect();
            println!(
                "{}",
                json!({ "rows": checked.n_rows, "invalid": checked.n_invalid, "reasons": reasons, "errors": errors })
            );
        }
    } else if checked.n_invalid > 0 {
        let rows: Vec<_> =
            reasons.iter().map(|(reason, n)| vec![reason.clone(), terminal::grouped(*n)]).collect();
        println!("{}", terminal::table(&["wrong rows", "count"], &rows));
        for (line, reason, detail) in shown {
            println!("  row {line}: {reason}: {detail}");
        }
    }
    Ok(checked)
}

/// A file whose header is known.
pub(crate) struct Columns {
    path: PathBuf,
    /// Where each of [`COLUMNS`] is.
    places: [Option<usize>; COLUMNS.len()],
    unknown: Vec<String>,
}

pub(crate) type RowError = (u64, &'static str, String);

impl Columns {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(fs::File::open(path)?);
        let header = reader.headers().with_context(|| format!("cannot read {}", path.display()))?;
        let names: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let places = COLUMNS.map(|column| names.iter().position(|name| name == column));
        if let Some(missing) =
            COLUMNS[..2].iter().zip(places).find_map(|(column, place)| place.is_none().then_some(column))
        {
            bail!("{} has no column {missing}; it has: {}", path.display(), names.join(", "));
        }
        let unknown = names.into_iter().filter(|name| !COLUMNS.contains(&name.as_str())).collect();
        Ok(Self { path: path.to_owned(), places, unknown })
    }

    /// Hands over every row with its number, from 1 on, as an interaction or as what is wrong with it.
    pub(crate) fn each_row(
        &self,
        mut take: impl FnMut(u64, Result<Interaction, RowError>) -> Result<()>,
    ) -> Result<()> {
        let file = fs::File::open(&self.path)?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(std::io::BufReader::with_capacity(1 << 20, file));
        let mut record = csv::ByteRecord::new();
        let mut n = 0;
        while reader
            .read_byte_record(&mut record)
            .with_context(|| format!("cannot read {}", self.path.display()))?
        {
            n += 1;
            let line = record.position().map_or(0, csv::Position::line);
            take(n, self.interaction(&record).map_err(|(reason, detail)| (line, reason, detail)))?;
        }
        Ok(())
    }

    fn interaction(&self, record: &csv::ByteRecord) -> Result<Interaction, (&'static str, String)> {
        let field = |n: usize| -> Result<&str, (&'static str, String)> {
            let bytes = self.places[n].and_then(|place| record.get(place)).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| ("text is not UTF-8", format!("column {}", COLUMNS[n])))
        };
        let id = |n: usize| match field(n)? {
            "" => Err(("an id is missing", format!("column {}", COLUMNS[n]))),
            id if id.len() > ID_BYTES_MAX => Err((
                "an id is too long",
                format!("column {}: {} bytes, the limit is {ID_BYTES_MAX}", COLUMNS[n], id.len()),
            )),
            id => Ok(id),
        };
        let kind = match field(3)? {
            "" => InteractionKind::DetailView,
            word => InteractionKind::from_word(word).ok_or_else(|| {
                let known: Vec<&str> = InteractionKind::ALL.iter().map(|kind| kind.word()).collect();
                ("kind is unknown", format!("{word:?}; known are {}", known.join(", ")))
            })?,
        };
        let mut interaction = Interaction::new(id(0)?, id(1)?, kind);
        interaction.timestamp = match field(2)? {
            "" => None,
            text => Some(Timestamp::parse(text).ok_or_else(|| {
                (
                    "timestamp cannot be read",
                    format!("{text:?} is neither ISO 8601 nor a Unix time from 1970 on"),
                )
            })?),
        };
        let value = match field(4)? {
            "" => None,
            text => {
                let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
                Some(value.ok_or_else(|| ("value is not a number", format!("{text:?}")))?)
            }
        };
        let within = |low: f64| match value {
            Some(value) if (low..=1.0).contains(&value) => Ok(Some(value)),
            Some(value) => {
                Err(("value is out of range", format!("a {kind} of {value}, it must be from {low} to 1")))
            }
            None => Err(("value is missing", format!("a {kind} needs one"))),
        };
        match kind {
            InteractionKind::Rating => interaction.value = within(-1.0)?,
            InteractionKind::ViewPortion => interaction.value = within(0.0)?,
            InteractionKind::Purchase | InteractionKind::CartAddition => interaction.amount = value,
            InteractionKind::DetailView | InteractionKind::Bookmark => {}
        }
        Ok(interaction)
    }
}
