//! `tastemaker trait`.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args as ClapArgs, Subcommand};
use domain::json::to_value;
use domain::{TraitDefinition, WorkspaceConfig, grouped};
use engine::{RecommendedList, RequestBudget};
use resources::accuracy::{Accuracy, Difference, MeasuredGroup, Share};
use resources::calculation::Calculation;
use resources::comparison::Measure;
use resources::traits::{self, HoldoutGroupResults, HoldoutResults};
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
    /// Compute a trait for everybody who has it and a user id, and write it to a file
    Compute(Compute),
    /// Work out what a trait comes to: how many people, how many personal lists, how accurate
    Calculate(Calculate),
    /// Compare those who have a trait with those who are held out of it
    Holdout(Holdout),
}

#[derive(ClapArgs)]
struct Calculate {
    /// The key of a trait of the workspace, or with --definition of none yet
    key: String,
    #[command(flatten)]
    place: Place,
    /// A file with the JSON of a definition that is not saved
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
}

#[derive(ClapArgs)]
struct Holdout {
    /// The trait's key
    key: String,
    #[command(flatten)]
    place: Place,
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
    match &args.command {
        Command::Compute(args) => compute(args),
        Command::Calculate(args) => calculate(args),
        Command::Holdout(args) => holdout(args),
    }
}

/// The trait of a key.
fn find<'c>(config: &'c WorkspaceConfig, key: &str) -> Result<&'c TraitDefinition> {
    config.trait_definition(key).with_context(|| {
        let known: Vec<&str> = config.traits.iter().map(|trait_| trait_.key.as_str()).collect();
        let there_are = if known.is_empty() {
            "there is none".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        format!("workspace {} has no trait {key:?}; {there_are}", config.id)
    })
}

fn calculate(args: &Calculate) -> Result<()> {
    let opened = args.place.open()?;
    let definition = match &args.definition {
        Some(file) => {
            let json = fs_err::read(file)?;
            traits::parse(&args.key, &json).map_err(|error| anyhow!(error.message))?
        }
        None => find(&opened.engine.config(), &args.key)?.clone(),
    };
    let budget = Arc::new(RequestBudget::unlimited());
    let calculation = Calculation::make(&opened.engine, &definition, &budget)
        .map_err(|error| anyhow!(error.message))?;
    match args.place.json {
        true => println!("{}", serde_json::to_string(&calculation)?),
        false => print_calculation(&calculation),
    }
    Ok(())
}

fn print_calculation(
    Calculation { people, lists, accuracy, not_measured, samples, .. }: &Calculation,
) {
    let about = match people.is_exact {
        true => String::new(),
        false => format!(" (estimated, {} to {})", grouped(people.low), grouped(people.high)),
    };
    println!("{} would get the trait{about}.", counted(people.n, "person", "people"));
    println!(
        "Of {}: {} personal, {} popular or the like, {} empty; {}.",
        counted(lists.n, "list", "lists"),
        percent(&lists.personal),
        percent(&lists.fallback),
        percent(&lists.empty),
        counted(lists.distinct_items, "different item", "different items"),
    );
    match (accuracy, not_measured) {
        (Some(accuracy), _) => print_accuracy(accuracy),
        (None, Some(why)) => println!("Accuracy: {why}."),
        (None, None) => {}
    }
    for sample in samples {
        let items: Vec<&str> = sample.items.iter().map(|item| item.name()).collect();
        println!("{}: {}", sample.person.as_deref().unwrap_or("somebody"), items.join(", "));
    }
}

fn print_accuracy(accuracy: &Accuracy) {
    println!(
        "Lists of {} with a hit among people's last choices, which the model had not seen:",
        accuracy.length
    );
    let row = |name: String, group: &MeasuredGroup| {
        let Difference { value, low, high } = group.ahead;
        vec![
            name,
            grouped(group.n_people),
            percent(&group.hit_rate),
            percent(&group.popular_hit_rate),
            format!("{:+.1} ({:+.1} to {:+.1})", 100.0 * value, 100.0 * low, 100.0 * high),
        ]
    };
    let of_group = |group: &MeasuredGroup| {
        row(format!("{} to {}", group.interactions_min, group.interactions_max), group)
    };
    let all = std::iter::once(row("all".to_owned(), &accuracy.all));
    let rows: Vec<Vec<String>> = all.chain(accuracy.by_activity.iter().map(of_group)).collect();
    let header = ["interactions", "people", "hit", "popular", "ahead, points"];
    println!("{}", terminal::table(&header, &rows));
}

fn holdout(args: &Holdout) -> Result<()> {
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let results = HoldoutResults::read(&opened.engine, find(&config, &args.key)?)
        .map_err(|error| anyhow!(error.message))?;
    match args.place.json {
        true => println!("{}", serde_json::to_string(&results)?),
        false => print_holdout(&results),
    }
    Ok(())
}

fn print_holdout(results: &HoldoutResults) {
    let row = |name: &str, group: &HoldoutGroupResults| {
        let rate = group.goal_rate.value.map_or_else(String::new, percent_of);
        let (people, reached) = (grouped(group.people), grouped(group.reached));
        let (goals, value) = (grouped(group.goals), format!("{:.2}", group.value));
        vec![name.to_owned(), people, reached, rate, goals, value]
    };
    let rows = [row("held out", &results.held_out), row("with the trait", &results.with_trait)];
    let goal = results.goal;
    let header = ["group", "people", &format!("with a {goal}"), "share", "times", "paid"];
    println!("{}", terminal::table(&header, &rows));
    for comparison in &results.comparisons {
        let name = match comparison.measure {
            Measure::GoalsPerPerson => "Times by a person",
            Measure::ValuePerPerson => "Paid by a person",
            _ => "People",
        };
        println!("{name}: {}.", comparison.sentence);
    }
}

fn percent_of(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn percent(share: &Share) -> String {
    format!("{:.1} %", 100.0 * share.value)
}

fn compute(args: &Compute) -> Result<()> {
    let mut sink = Sink::create(&args.out, &args.key)?;
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let definition = find(&config, &args.key)?;
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
