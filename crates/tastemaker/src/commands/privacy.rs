//! `tastemaker privacy`: people's data, while no server runs, and the search that proves a deletion
//! in any folder.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use engine::{
    ExternalIdType, ModelContribution, NamedPeople, NewRegulation, Receipt, RegulationStatus,
    RegulationStep, RegulationType, RemovedFiles, ScanReport, Surroundings, scan_folder,
};
use fs_err as fs;
use indicatif::ProgressBar;
use resources::privacy::{begin, remove_files_in};
use uuid::Uuid;

use super::Place;
use crate::terminal::{self, counted};

#[derive(Args)]
pub(crate) struct PrivacyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Delete people from everything that a workspace holds; no server may be using it
    Delete {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        people: PeopleArgs,
        /// Refuse new data of them as well
        #[arg(long)]
        suppress: bool,
    },
    /// Refuse new data of people; what is there stays
    Suppress {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        people: PeopleArgs,
    },
    /// Take new data of people again
    Unsuppress {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        people: PeopleArgs,
    },
    /// List what was asked for, or show the receipt of one
    Status {
        #[command(flatten)]
        place: Place,
        /// The regulation
        id: Option<Uuid>,
    },
    /// Search every file of a folder for people: a backup, an archive or a data folder not in use
    Scan {
        /// The folder
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        people: PeopleArgs,
        /// Print JSON, for scripts
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct PeopleArgs {
    /// The user id of a person
    #[arg(long = "user-id", value_name = "ID")]
    user_ids: Vec<String>,
    /// The anonymous id of a person
    #[arg(long = "anonymous-id", value_name = "ID")]
    anonymous_ids: Vec<String>,
    /// An id of another type, such as email:ann@example.com
    #[arg(long = "external-id", value_name = "TYPE:ID", value_parser = parse_id)]
    other_ids: Vec<(ExternalIdType, String)>,
    /// A file with the user id of a person on each line
    #[arg(long, value_name = "FILE")]
    ids_file: Option<PathBuf>,
}

/// Reads an id with its type.
fn parse_id(text: &str) -> Result<(ExternalIdType, String), String> {
    let parts = text.split_once(':').filter(|(_, id)| !id.trim().is_empty());
    let parsed = parts.and_then(|(type_, id)| Some((ExternalIdType::from_word(type_)?, id)));
    let (type_, id) = parsed.ok_or("it must be a type and an id, such as email:ann@example.com")?;
    Ok((type_, id.to_owned()))
}

impl PeopleArgs {
    /// User ids and anonymous ids.
    fn read(&self) -> Result<(Vec<String>, Vec<String>)> {
        let mut user_ids = self.user_ids.clone();
        if let Some(file) = &self.ids_file {
            let text = fs::read_to_string(file).context("cannot read the ids")?;
            // An id may have been stored with white space around it.
            let forms = text.lines().flat_map(|line| [line.trim(), line]);
            let forms: BTreeSet<&str> = forms.filter(|id| !id.trim().is_empty()).collect();
            user_ids.extend(forms.into_iter().map(str::to_owned));
        }
        Ok((user_ids, self.anonymous_ids.clone()))
    }
}

pub(crate) fn run(args: &PrivacyArgs) -> Result<()> {
    match &args.command {
        Command::Delete { place, people, suppress: false } => {
            regulate(place, people, RegulationType::DeleteInternal)
        }
        Command::Delete { place, people, suppress: true } => {
            regulate(place, people, RegulationType::SuppressWithDeleteInternal)
        }
        Command::Suppress { place, people } => {
            regulate(place, people, RegulationType::SuppressOnly)
        }
        Command::Unsuppress { place, people } => {
            regulate(place, people, RegulationType::Unsuppress)
        }
        Command::Status { place, id } => show_status(place, *id),
        Command::Scan { folder, people, json } => scan(folder, people, *json),
    }
}

fn regulate(place: &Place, people: &PeopleArgs, type_: RegulationType) -> Result<()> {
    let (user_ids, anonymous_ids) = people.read()?;
    let new = NewRegulation { type_, user_ids, anonymous_ids, other_ids: people.other_ids.clone() };
    if let Err(what) = new.check() {
        bail!("the command {what}");
    }
    let open = place.open()?;
    let (exports, drafts) =
        (place.data.join("exports"), place.data.join("drafts").join(place.workspace.as_str()));
    let bar = OnceCell::new();
    let around = Surroundings {
        remove_files: &|| {
            let (exports, uploads) = (remove_files_in(&exports)?, remove_files_in(&drafts)?);
            Ok(RemovedFiles { exports, uploads })
        },
        folders: vec![exports.clone(), drafts.clone()],
        note: &|step| show_step(&bar, step, place.json),
        is_interrupted: &|| false,
    };
    let id = begin(&open.engine, &new).map_err(|error| anyhow!(error.message))?.id;
    // What an earlier process has begun comes first.
    let receipt = loop {
        let pass = open.engine.next_pass()?;
        let mut results = open.engine.run_regulations(&pass, &around)?.into_iter();
        if let Some((_, result)) = results.find(|(of, _)| *of == id) {
            break result?;
        }
    };
    if let Some(bar) = bar.get() {
        bar.finish_and_clear();
    }
    print_receipt(&receipt, place.json)?;
    match receipt.status {
        RegulationStatus::Failed => bail!("the search has found ids that were to be deleted"),
        _ => Ok(()),
    }
}

fn show_step(bar: &OnceCell<ProgressBar>, step: RegulationStep, quiet: bool) {
    let bar = bar.get_or_init(|| terminal::share_bar("deleting", quiet));
    terminal::set_share(bar, step.share());
}

fn show_status(place: &Place, id: Option<Uuid>) -> Result<()> {
    let open = place.open()?;
    if let Some(id) = id {
        return match open.engine.regulation(id)? {
            Some((_, Some(receipt))) => print_receipt(&receipt, place.json),
            Some((regulation, None)) => {
                bail!("regulation {id} has not ended: {:?}", regulation.status)
            }
            None => bail!("there is no regulation {id}: without an id, all are listed"),
        };
    }
    let all = open.engine.regulations();
    if place.json {
        let rows: Vec<_> = all
            .iter()
            .map(|one| {
                serde_json::json!({
                    "id": one.id, "type": one.type_, "status": one.status, "people": one.n_people,
                    "requested_at": one.requested_at, "finished_at": one.finished_at,
                })
            })
            .collect();
        let suppressed = open.engine.n_suppressed();
        let shown = serde_json::json!({ "regulations": rows, "suppressed_people": suppressed });
        println!("{}", serde_json::to_string_pretty(&shown)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let ended = one.finished_at.map(|at| at.to_string()).unwrap_or_default();
            let status = serde_json::to_value(one.status).unwrap_or_default();
            vec![
                one.id.to_string(),
                one.type_.word().to_owned(),
                one.n_people.to_string(),
                status.as_str().unwrap_or_default().to_owned(),
                one.requested_at.to_string(),
                ended,
            ]
        })
        .collect();
    println!("{}", terminal::table(&["id", "type", "people", "status", "asked", "ended"], &rows));
    println!(
        "{}.",
        counted(open.engine.n_suppressed() as u64, "suppressed person", "suppressed people")
    );
    Ok(())
}

fn print_receipt(receipt: &Receipt, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(receipt)?);
        return Ok(());
    }
    println!("Regulation {} ({}):", receipt.id, receipt.type_.word());
    let (state, journal) = (&receipt.state, &receipt.journal);
    let rows = [
        ("people", u64::from(receipt.people)),
        ("ids of them", receipt.ids),
        ("ids suppressed or free again", receipt.suppressed_ids),
        ("profiles", state.profiles),
        ("messages", state.messages),
        ("interactions", state.interactions),
        ("values of others, worked out anew", receipt.recounted),
        ("entries of the journal", journal.erased),
        ("segments written anew", journal.segments),
        ("files of the store written anew", receipt.store_files),
        ("exports", receipt.files.exports),
        ("uploads", receipt.files.uploads),
    ];
    let rows: Vec<Vec<String>> =
        rows.iter().map(|(what, n)| vec![(*what).to_owned(), terminal::grouped(*n)]).collect();
    println!("{}", terminal::table(&["", "number"], &rows));
    if receipt.regulations > 1 {
        println!(
            "Done in one pass with {}: the journal, the files and the search were counted for all of them together.",
            counted(u64::from(receipt.regulations) - 1, "other", "others")
        );
    }
    match &receipt.contribution {
        None | Some(ModelContribution::NoModel) => {}
        Some(ModelContribution::Gone { at }) => {
            println!("Lists have nothing of what they did since the training that ended at {at}.");
        }
        Some(ModelContribution::Due | ModelContribution::Refused { .. }) => {
            println!(
                "The model in use is from before: train again, or start the server, which does."
            );
        }
    }
    for answer in &receipt.destinations {
        println!("Destination {}: {:?}.", answer.destination, answer.outcome);
    }
    if let Some(scan) = &receipt.scan {
        print_scan(scan);
    }
    receipt.left.iter().for_each(|left| println!("{left}"));
    Ok(())
}

fn print_scan(scan: &ScanReport) {
    println!(
        "Searched {}, {}, {} for {}: found in {}, mentioned by others in {}.",
        counted(scan.files, "file", "files"),
        counted(scan.entries, "entry", "entries"),
        counted(scan.rows, "row", "rows"),
        counted(scan.ids, "id", "ids"),
        counted(scan.found, "place", "places"),
        counted(scan.mentions, "place", "places"),
    );
    for place in &scan.places {
        let offset = place.offset.map(|at| format!(", entry {at}")).unwrap_or_default();
        println!("  {}{offset}", place.place);
    }
    for file in &scan.unreadable {
        println!("  cannot be read: {file}");
    }
}

fn scan(folder: &Path, people: &PeopleArgs, json: bool) -> Result<()> {
    if !folder.is_dir() {
        bail!("there is nothing to scan: there is no folder {}", folder.display());
    }
    let (mut user_ids, mut anonymous_ids) = people.read()?;
    if user_ids.is_empty() && anonymous_ids.is_empty() && people.other_ids.is_empty() {
        bail!("there is nothing to scan for: the file has no id");
    }
    // Whoever has a list of ids need not know of which type each is.
    user_ids.append(&mut anonymous_ids);
    let of_both = user_ids
        .into_iter()
        .flat_map(|id| [(ExternalIdType::UserId, id.clone()), (ExternalIdType::AnonymousId, id)]);
    let people = NamedPeople::new(of_both.chain(people.other_ids.iter().cloned()))?;
    let report = scan_folder(folder, &people, &mut |_| {})?;
    if report.files == 0 {
        bail!("there is nothing to scan: no file is below {}", folder.display());
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_scan(&report);
    }
    match (report.found, report.unreadable.len() as u64) {
        (0, 0) => Ok(()),
        (0, n) => bail!("{} cannot be read", counted(n, "file", "files")),
        (n, _) => bail!(
            "{} in {}",
            counted(n, "place holds an id", "places hold an id"),
            folder.display()
        ),
    }
}
