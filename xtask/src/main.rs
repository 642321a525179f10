//! `cargo xtask`: the commands of developers and CI.

mod circles;
mod limits;
mod memory_folder;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use memory_folder::MemoryFolder;

const HELP: &str = "\
cargo xtask COMMAND
  ci     formatting, clippy with warnings denied, tidy, test: exactly what CI runs
  test   all tests: those of the crates, then real SDKs against a real server, then the pages of
         the console in a browser (needs Node.js with npm, Python 3 with venv and Chromium; says
         what is missing)
  tidy   layers of crates, circles of modules, invariants that a search can check, sizes of files
  kill   the kill test at full length: a server under load is killed 60 times
  fuzz   [--seconds N] every fuzz body for N seconds, 60 unless told, with its kept corpus:
         guided by coverage where cargo-fuzz is installed, else mutations on the stable compiler
  siege  [--seconds N] [--connections N] [--same-address] [--nofile N] [--seed S]: an honest client
         beside 2000 hostile connections; --help says more
  soak   [--requests N] [--warm-up N] [--seed S]: two million mixed requests, after which the server
         has the memory that it had after the warm-up
  search --folder D [--words W,W] [--seed S]: where the best sellers of words stand in searches of
         people without a history, with purchases in D/train.csv and titles in D/items.csv
  profiles [--people N] [--history N] [--messages-per-second N] [--minutes N] [--paced-seconds N]
         [--seed S]: an hour of a million people's traffic beside fifty audiences, fifty computed
         traits and five lists
  builds [--people N] [--messages N] [--interactions N]: how long previews, calculations and full
         builds take
  campaign [--people N] [--at-once N] [--messages-per-second N]: how many messages of a campaign
         with three slots are made and handed over in a second, while others are taken
  help   this text";
/// How long CI runs each fuzz body, in seconds.
const FUZZ_SECONDS: &str = "20";

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("ci") => ci(),
        Some("test") => test(),
        Some("tidy") => tidy::run(&root()),
        Some("kill") => kill(),
        Some("fuzz") => fuzz(),
        Some(trial @ ("siege" | "soak" | "search" | "profiles" | "builds" | "campaign")) => {
            run_trial(trial)
        }
        None | Some("help" | "--help") => {
            println!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("no command {other:?}\n{HELP}"),
    }
}

fn ci() -> Result<()> {
    run("formatting", "cargo", &["fmt", "--all", "--check"], &[])?;
    run(
        "clippy",
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        &[],
    )?;
    step("tidy");
    tidy::run(&root())?;
    let scratch = MemoryFolder::make();
    test_crates(scratch.as_ref())?;
    build_as_tests_do()?;
    let suites = [SDK_SUITE.command()?, CONSOLE_SUITE.command()?, fuzz_command(FUZZ_SECONDS)];
    together(&suites, scratch.as_ref())
}

/// A program to run, with a name for people.
struct NamedCommand {
    name: &'static str,
    program: String,
    arguments: Vec<String>,
}

/// Tests from outside: a script that takes the paths of binaries.
struct Suite {
    name: &'static str,
    script: &'static str,
    binaries: &'static [&'static str],
}

const SDK_SUITE: Suite =
    Suite { name: "SDKs against a server", script: "tests/sdk/run", binaries: &["tastemaker"] };
const CONSOLE_SUITE: Suite = Suite {
    name: "pages of the console in a browser",
    script: "tests/console/run",
    binaries: &["examples/gallery", "tastemaker"],
};

impl Suite {
    fn command(&self) -> Result<NamedCommand> {
        let folder = target_folder().join("debug");
        let path = |binary: &&str| {
            let path = folder.join(binary);
            path.to_str().map(str::to_owned).context("the path of a binary is text")
        };
        let arguments = self.binaries.iter().map(path).collect::<Result<_>>()?;
        Ok(NamedCommand { name: self.name, program: self.script.to_owned(), arguments })
    }
}

/// Runs commands at once, since each waits most of the time. Their lines say whose they are.
fn together(commands: &[NamedCommand], scratch: Option<&MemoryFolder>) -> Result<()> {
    let run = |command: &NamedCommand| -> Result<bool> {
        step(command.name);
        let mut process = Command::new(&command.program);
        process.args(&command.arguments).envs(scratch.map(MemoryFolder::variable));
        Ok(limits::run(command.name, process.current_dir(root()))?.success())
    };
    let outcomes: Vec<Result<bool>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            commands.iter().map(|command| scope.spawn(move || run(command))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let mut failed = Vec::new();
    for (command, outcome) in commands.iter().zip(outcomes) {
        match outcome {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => eprintln!("{error:#}"),
        }
        failed.push(command.name);
    }
    if !failed.is_empty() {
        bail!("{} failed", failed.join(" and "));
    }
    Ok(())
}

fn test() -> Result<()> {
    let scratch = MemoryFolder::make();
    test_crates(scratch.as_ref())?;
    build_as_tests_do()?;
    together(&[SDK_SUITE.command()?, CONSOLE_SUITE.command()?], scratch.as_ref())
}

fn test_crates(scratch: Option<&MemoryFolder>) -> Result<()> {
    // insta must not write snapshots here: a difference is a failure.
    let mut environment = vec![("INSTA_UPDATE", "no".to_owned())];
    environment.extend(scratch.map(MemoryFolder::variable));
    match fetch_broker()? {
        Some(jars) => environment.push(("KAFKA_JARS", jars)),
        None => println!("skipped: the tests with a Kafka broker, without Maven and Java"),
    }
    let tests = "tests of the crates";
    step(tests);
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--workspace", "--locked"]).envs(environment).current_dir(root());
    if !limits::run(tests, &mut cargo)?.success() {
        bail!("{tests} failed");
    }
    Ok(())
}

/// The folder with the program of a Kafka broker, fetched from Maven the first time. None where
/// there is no Maven or no Java, which CI must have.
fn fetch_broker() -> Result<Option<String>> {
    let is_there = |program: &str| {
        let quiet = Command::new(program)
            .arg("-version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        quiet.is_ok_and(|status| status.success())
    };
    if !(is_there("java") && is_there("mvn")) {
        match std::env::var_os("CI") {
            Some(_) => bail!("the tests with a Kafka broker need Maven and Java"),
            None => return Ok(None),
        }
    }
    let folder = target_folder().join("kafka");
    let (jars, description) = (folder.join("jars"), root().join("tests/kafka/pom.xml"));
    let jars_text = jars.to_str().context("the path is text")?.to_owned();
    let (wanted, fetched) = (fs_err::read(&description)?, folder.join("fetched.xml"));
    if fs_err::read(&fetched).ok().as_ref() != Some(&wanted) {
        fs_err::remove_dir_all(&folder).ok();
        let description = description.to_str().context("the path is text")?;
        let output = format!("-DoutputDirectory={jars_text}");
        let arguments = ["-q", "-B", "-f", description, "dependency:copy-dependencies", &output];
        run("a Kafka broker", "mvn", &arguments, &[])?;
        fs_err::write(fetched, wanted)?;
    }
    Ok(Some(jars_text))
}

/// Builds all binaries with the features of the tests, so that nothing is compiled twice.
fn build_as_tests_do() -> Result<()> {
    let arguments = ["build", "--workspace", "--all-targets", "--locked"];
    run("the binaries as the tests have them", "cargo", &arguments, &[])
}

fn kill() -> Result<()> {
    let arguments =
        ["test", "--release", "--package", "tastemaker", "--test", "kill", "--", "--nocapture"];
    run("kill test", "cargo", &arguments, &[("TASTEMAKER_KILL_ROUNDS", "60")])
}

fn fuzz() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let seconds = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => FUZZ_SECONDS,
        ["--seconds", seconds] => *seconds,
        _ => bail!("fuzz takes --seconds N and nothing else\n{HELP}"),
    }
    .to_owned();
    let is_installed = Command::new("cargo")
        .args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if is_installed { fuzz_guided(&seconds) } else { fuzz_stable(&seconds) }
}

/// Runs a trial of the release binary. The rest of the command line goes to the trial.
fn run_trial(trial: &str) -> Result<()> {
    let packages =
        ["build", "--release", "--locked", "--package", "tastemaker", "--package", "trials"];
    run("the binaries", "cargo", &packages, &[])?;
    let folder = target_folder().join("release");
    let server = folder.join("tastemaker");
    let mut arguments = vec!["--server".to_owned(), server.display().to_string(), trial.to_owned()];
    arguments.extend(std::env::args().skip(2));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(trial, &folder.join("trials").display().to_string(), &arguments, &[])
}

/// Runs mutations of the corpora, with the profile of the tests, which is built already.
fn fuzz_stable(seconds: &str) -> Result<()> {
    build_as_tests_do()?;
    let NamedCommand { name, program, arguments } = fuzz_command(seconds);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(name, &program, &arguments, &[])
}

fn fuzz_command(seconds: &str) -> NamedCommand {
    let program = target_folder().join("debug/fuzz").display().to_string();
    let arguments = ["all", "--seconds", seconds].map(str::to_owned).to_vec();
    NamedCommand { name: "fuzz", program, arguments }
}

/// Runs the bodies under libFuzzer. The stable compiler can instrument too, behind
/// `RUSTC_BOOTSTRAP`.
fn fuzz_guided(seconds: &str) -> Result<()> {
    let corpora = root().join("target/fuzz/corpus");
    let text = |path: &Path| path.to_str().map(str::to_owned).context("the path is text");
    let folder = text(&corpora)?;
    run(
        "corpora",
        "cargo",
        &["run", "--package", "fuzz", "--", "all", "--write-corpus", &folder],
        &[],
    )?;
    let mut bodies: Vec<PathBuf> =
        fs_err::read_dir(&corpora)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    bodies.sort();
    for corpus in bodies {
        let body =
            corpus.file_name().and_then(|name| name.to_str()).context("a body has a name")?;
        let time = format!("-max_total_time={seconds}");
        #[rustfmt::skip]
        let arguments = [
            "fuzz", "run", "--fuzz-dir", "crates/fuzz/coverage", "--sanitizer", "none", body, &text(&corpus)?,
            "--", &time, "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1",
        ];
        run(body, "cargo", &arguments, &[("RUSTC_BOOTSTRAP", "1")])?;
    }
    Ok(())
}

/// When the first step began.
static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

fn step(name: &str) {
    println!("\n==> {name} ({} s)", STARTED.elapsed().as_secs());
}

fn run(name: &str, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    step(name);
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{name}: {program} {} failed", arguments.join(" "));
    }
    Ok(())
}

fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the root").to_owned()
}
