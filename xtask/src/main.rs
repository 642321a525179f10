//! `cargo xtask`: what developers and CI run.

mod tidy;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask COMMAND
  ci     formatting, clippy with warnings denied, tidy, test: exactly what CI runs
  test   all tests: those of the crates, then real SDKs against a real server
         (needs Node.js with npm and Python 3 with venv; says what is missing)
  tidy   layers of crates, invariants that a search can check, sizes of files
  kill   the kill test at full length: a server under load is killed 60 times
  help   this text";

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("ci") => ci(),
        Some("test") => test(),
        Some("tidy") => tidy::run(&root()),
        Some("kill") => kill(),
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
    test()
}

fn test() -> Result<()> {
    // insta must not write snapshots here: a difference is a failure.
    run("tests of the crates", "cargo", &["test", "--workspace", "--locked"], &[("INSTA_UPDATE", "no")])?;
    run("the binary for the SDK tests", "cargo", &["build", "--package", "tastemaker", "--locked"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = target.join("debug/tastemaker");
    run("SDKs against a server", "tests/sdk/run", &[binary.to_str().context("the path is text")?], &[])
}

fn kill() -> Result<()> {
    let arguments = ["test", "--release", "--package", "tastemaker", "--test", "kill", "--", "--nocapture"];
    run("kill test", "cargo", &arguments, &[("TASTEMAKER_KILL_ROUNDS", "60")])
}

fn step(name: &str) {
    println!("\n==> {name}");
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the root").to_owned()
}
