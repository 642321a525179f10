//! `tastemaker trait`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand};
use domain::json::to_value;
use engine::RecommendedList;
use tempfile::NamedTempFile;

use super::recommend::describe_fallback;
use super::{Place, create_part_file};
use crate::terminal::{self, counted};

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compute a trait for every known user and write it to a file
    Compute(Compute),
}

#[derive(ClapArgs)]
struct Compute {
    /// The trait's key
    key: String,
    #[command(flatten)]
    place: Place,
    /// The file to write: .csv (one row for each item) or .jsonl (one line for each user, as in the
    /// Profile API)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Command::Compute(args) = &args.command;
    let mut sink = Sink::create(&args.out, &args.key)?;
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let Some(definition) = config.trait_definition(&args.key) else {
        let known: Vec<&str> = config.traits.iter().map(|trait_| trait_.key.as_str()).collect();
        let there_are = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        bail!("workspace {} has no trait {:?}; {there_are}", config.id, args.key);
    };
    let bar = terminal::bar(
        "computing the trait",
        "users",
        opened.engine.counts().known_users,
        args.place.json,
    );
    let (mut n_users, mut n_fallback) = (0u64, 0u64);
    opened.engine.compute_trait::<anyhow::Error>(
        definition,
        &|done, total| {
            bar.set_length(total);
            bar.set_position(done);
        },
        |user_id, list| {
            n_users += 1;
            n_fallback += u64::from(list.fallback);
            sink.write(user_id, &list)
        },
    )?;
    sink.finish()?;
    bar.finish_and_clear();
    if args.place.json {
        println!(
            "{}",
            serde_json::json!({ "trait": args.key, "users": n_users, "fallback": n_fallback, "out": args.out })
        );
    } else {
        println!(
            "Wrote {} of {} to {}{}.",
            args.key,
            counted(n_users, "user", "users"),
            args.out.display(),
            describe_fallback(n_fallback)
        );
    }
    Ok(())
}

/// The output file, in the format of its extension. It gets its name only when it is complete.
struct Sink {
    out: PathBuf,
    key: String,
    form: Form,
}

enum Form {
    Csv(Box<csv::Writer<NamedTempFile>>),
    JsonLines(BufWriter<NamedTempFile>),
}

impl Sink {
    fn create(out: &Path, key: &str) -> Result<Self> {
        let form = match out.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => {
                let mut writer = csv::Writer::from_writer(create_part_file(out)?);
                writer
                    .write_record(["user_id", "rank", "item_id", "score", "source", "because"])?;
                Form::Csv(Box::new(writer))
            }
            Some("jsonl" | "ndjson") => Form::JsonLines(BufWriter::new(create_part_file(out)?)),
            _ => bail!("{}: the name must end in .csv or .jsonl", out.display()),
        };
        Ok(Self { out: out.to_owned(), key: key.to_owned(), form })
    }

    fn write(&mut self, user_id: &str, list: &RecommendedList) -> Result<()> {
        match &mut self.form {
            Form::Csv(writer) => {
                for (n, item) in list.items.iter().enumerate() {
                    let source = server::source_word(item.origin);
                    let because: Vec<&str> =
                        item.explanation.iter().map(|reason| reason.item_id.as_str()).collect();
                    let (rank, score) = ((n + 1).to_string(), item.score.to_string());
                    writer.write_record([
                        user_id,
                        &rank,
                        &item.item_id,
                        &score,
                        source,
                        &because.join("|"),
                    ])?;
                }
            }
            Form::JsonLines(writer) => {
                let ids: Vec<&str> = list.items.iter().map(|item| item.item_id.as_str()).collect();
                let detail = to_value(&server::ListBody::new(list, engine::now()));
                let key = &self.key;
                let line = serde_json::json!({ "user_id": user_id, key: ids, format!("{key}__detail"): detail });
                writeln!(writer, "{line}")?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let part = match self.form {
            Form::Csv(writer) => writer.into_inner().map_err(|error| error.into_error())?,
            Form::JsonLines(writer) => writer.into_inner().map_err(|error| error.into_error())?,
        };
        part.persist(self.out)?;
        Ok(())
    }
}
