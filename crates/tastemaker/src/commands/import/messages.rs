//! `tastemaker import messages`.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use domain::counted;
use engine::Entry;
use fs_err as fs;
use resources::message_files::{
    Import, MessageFile, MessageFormat, MessageImport, Options, submit_patiently,
};
use serde_json::json;
use web::error::ApiError;

use super::Place;
use crate::terminal::{self, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv, .tsv, .jsonl or .parquet file whose columns are members of messages: type, userId,
    /// event, timestamp, properties.product_id
    file: PathBuf,
    /// The source whose messages they are
    #[arg(long)]
    source: String,
    #[command(flatten)]
    place: Place,
    /// A member that is in a column of another name, such as properties.product_id=sku
    #[arg(long, value_name = "MEMBER=COLUMN")]
    member: Vec<String>,
    /// The type of a member, such as properties.price=number (text, number, boolean, json)
    #[arg(long = "type", value_name = "MEMBER=TYPE")]
    types: Vec<String>,
    /// What a member is where the row does not say, such as type=track
    #[arg(long, value_name = "MEMBER=VALUE")]
    set: Vec<String>,
    /// Only check the rows
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = args.file.to_string_lossy();
    let ending = args.file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let format = match ending.as_str() {
        "csv" | "tsv" => MessageFormat::Csv,
        "jsonl" | "ndjson" => MessageFormat::Jsonl,
        "parquet" => MessageFormat::Parquet,
        _ => bail!("{name}: the name must end in .csv, .tsv, .jsonl or .parquet"),
    };
    // From a pipe the first reading would take everything.
    if !fs::metadata(&args.file)?.is_file() {
        bail!("{name} is no regular file, and it is read more than once");
    }
    let options = Options {
        format,
        member: args.member.clone(),
        types: args.types.clone(),
        set: args.set.clone(),
        dry_run: args.dry_run,
    };
    let opened = args.place.open()?;
    let engine = &opened.engine;
    let told = |error: ApiError| anyhow!(error.message);
    let import =
        Import::new(&engine.config().sources, args.source.clone(), &options).map_err(told)?;
    let bar = terminal::bar("importing", "rows", 0, args.place.json);
    let mut submit = |entries: Vec<Entry>| submit_patiently(engine, entries, &|| Ok(()));
    let file = MessageFile::Path(args.file.clone());
    let imported = import.run(&file, engine::now(), &mut submit, &mut |share, report| {
        bar.set_length((report.n_rows as f64 / share.max(1e-9)) as u64);
        bar.set_position(report.n_rows);
        Ok(())
    });
    bar.finish_and_clear();
    print(&imported.map_err(told)?, args);
    Ok(())
}

fn print(imported: &MessageImport, args: &Args) {
    if args.place.json {
        println!("{}", json!(imported));
        return;
    }
    for row in &imported.first_refused {
        println!("  row {}: {}: {}", row.line, row.reason, row.detail);
    }
    if !imported.unknown_columns.is_empty() {
        let columns: Vec<&str> = imported.unknown_columns.iter().map(String::as_str).collect();
        eprintln!("ignored columns that are no member of a message: {}", columns.join(", "));
    }
    let verb = if args.dry_run { "Would take" } else { "Took" };
    let mut output = format!("{verb} {}", counted(imported.n_accepted, "message", "messages"));
    for (n, what) in [
        (imported.n_duplicates, "taken before"),
        (imported.n_suppressed, "of suppressed people"),
        (imported.n_refused, "refused"),
    ] {
        if n > 0 {
            output += &format!(", {} {what}", grouped(n));
        }
    }
    println!("{output}.");
}
