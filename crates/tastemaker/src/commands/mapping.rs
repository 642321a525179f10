//! `tastemaker mapping`: what messages would become at a destination.

use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use fs_err as fs;
use mapping::MAPPINGS_BYTES_MAX;
use mapping::recombee::{Settings, Trial, TrialMappings, try_message};

/// The longest line of messages, in bytes. What sources send is far shorter.
const LINE_BYTES_MAX: usize = 1 << 20;
/// The longest file of settings, in bytes.
const SETTINGS_BYTES_MAX: u64 = 64 << 10;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the requests that messages would become, as a JSON line for each line of the standard
    /// input; sends nothing
    Try(TryArgs),
}

#[derive(clap::Args)]
struct TryArgs {
    /// The kind of destination
    #[arg(long, value_name = "KIND")]
    destination: Destination,
    /// The settings of the destination, as a JSON object
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// The mappings, as a JSON array; without it, the presets
    #[arg(long, value_name = "FILE")]
    mappings: Option<PathBuf>,
    /// Make exactly the requests of the original, with its known defects
    #[arg(long)]
    compatible: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Destination {
    Recombee,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Try(args) => try_messages(args, io::stdin().lock(), io::stdout().lock()),
    }
}

fn try_messages(args: &TryArgs, messages: impl BufRead, output: impl Write) -> Result<()> {
    let Destination::Recombee = args.destination;
    let settings = read_file(&args.settings, SETTINGS_BYTES_MAX)?;
    let settings = Settings::from_json(&settings)
        .with_context(|| format!("the settings {}", args.settings.display()))?;
    let mappings = match &args.mappings {
        None => TrialMappings::presets(),
        Some(path) => TrialMappings::from_json(&read_file(path, MAPPINGS_BYTES_MAX as u64)?)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("the mappings {}", path.display()))?,
    };
    let written = write_trials(messages, output, |message| {
        try_message(&mappings, message, &settings, args.compatible)
    });
    match written {
        // Whoever reads the output has seen enough.
        Err(Failure::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Output(error)) => Err(error).context("the output cannot be written"),
        Err(Failure::Input(error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

enum Failure {
    Input(anyhow::Error),
    Output(io::Error),
}

fn write_trials(
    mut messages: impl BufRead,
    output: impl Write,
    try_one: impl Fn(&str) -> Trial,
) -> Result<(), Failure> {
    let mut output = BufWriter::new(output);
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let read = messages.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
        let read = read.context("the standard input").map_err(Failure::Input)?;
        if read == 0 {
            break;
        }
        let message = check_line(&line, number).map_err(Failure::Input)?;
        if message.is_empty() {
            continue;
        }
        let trial = serde_json::to_string(&try_one(message)).expect("a trial is plain JSON");
        writeln!(output, "{trial}").map_err(Failure::Output)?;
    }
    output.flush().map_err(Failure::Output)
}

fn check_line(line: &[u8], number: u64) -> Result<&str> {
    if line.len() > LINE_BYTES_MAX {
        bail!("line {number} has more than {LINE_BYTES_MAX} bytes");
    }
    let line = str::from_utf8(line).with_context(|| format!("line {number}"))?;
    Ok(line.trim())
}

fn read_file(path: &Path, bytes_max: u64) -> Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        bail!("{} has more than {bytes_max} bytes", path.display());
    }
    Ok(text)
}
