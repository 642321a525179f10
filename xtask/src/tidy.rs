//! Checks invariants of the architecture by the manifests and the text of the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::circles;

/// Longer files are reported, since they may cover a second topic, in lines.
const FILE_LINES_REPORTED: usize = 500;
/// The longest comment line, in characters; rustfmt keeps code to the same width.
const COMMENT_CHARS_MAX: usize = 100;
/// Module names without a topic, which are refused.
const NAMES_REFUSED: [&str; 6] = ["util", "utils", "common", "helpers", "misc", "types"];
/// Dependencies that only some crates may use, by the architecture page.
const ONLY_IN: [(&str, &[&str]); 12] = [
    ("axum", &["web", "server", "console", "tastemaker", "trials"]),
    ("tower-http", &["web", "server", "console"]),
    ("ureq", &["tastemaker"]),
    (
        "tokio",
        &["connectors", "engine", "web", "resources", "server", "console", "tastemaker", "trials"],
    ),
    ("hyper", &["web"]),
    ("tokio-rustls", &["connectors", "web"]),
    ("rustix", &["engine", "tastemaker", "xtask"]),
    ("rustls", &["connectors", "tastemaker"]),
    ("tantivy", &["search"]),
    ("fjall", &["store"]),
    // The caller passes the seed.
    ("rand", &["tastemaker", "recommender", "linalg", "fuzz", "trials"]),
    ("faer", &["linalg"]),
];
/// The pure crate: its state follows from the journal alone. Its dependencies in the workspace are
/// checked too ...
const PURE: &str = "state";
/// ... except the store of its rows, the evaluator of expressions, and the crate whose form check
/// generates missing message ids before messages are journalled.
const PURE_EXCEPTIONS: [&str; 3] = ["store", "reql", "domain"];
/// Dependencies that these crates must not have: threads, sockets, randomness, models.
const PURE_REFUSED_CRATES: [&str; 8] =
    ["tokio", "rayon", "rand", "parking_lot", "recommender", "search", "journal", "tracing"];
/// Texts that their code must not contain: clocks, randomness and threads.
const PURE_REFUSED: [&str; 6] =
    ["SystemTime", "Instant::now", "Uuid::new", "Uuid::now", "thread::", "rand::"];

pub(crate) fn run(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    let packages = packages(root)?;
    check_layers(&packages, &mut faults);
    let pure = check_pure_crates(&packages, &mut faults);
    let sources = sources(root)?;
    check_sources(root, &sources, &pure, &mut faults);
    circles::check(root, &sources, &mut faults);
    report_sizes(root, &sources);
    if faults.is_empty() {
        println!("tidy: {} source files, no faults", sources.len());
        return Ok(());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    bail!("{} faults", faults.len())
}

/// The packages of the workspace from `cargo metadata`.
fn packages(root: &Path) -> Result<Vec<Value>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo metadata lists no packages"),
    }
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

/// The dependencies of a crate, without those for tests only.
fn dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|dependency| dependency["kind"] != "dev").map(name)
}

/// Checks that a crate depends on lower layers only, and the rules of [`ONLY_IN`].
fn check_layers(packages: &[Value], faults: &mut Vec<String>) {
    let layers: BTreeMap<&str, Option<u64>> = packages
        .iter()
        .map(|package| (name(package), package["metadata"]["layer"].as_u64()))
        .collect();
    for package in packages {
        let own = name(package);
        let Some(layer) = layers[own] else {
            faults.push(format!("crate {own} has no [package.metadata] layer"));
            continue;
        };
        for other in dependencies(package) {
            if let Some(Some(below)) = layers.get(other)
                && *below >= layer
            {
                faults.push(format!(
                    "crate {own} (layer {layer}) depends on {other} (layer {below}): arrows point down"
                ));
            }
            if let Some((_, allowed)) = ONLY_IN.iter().find(|(only, _)| *only == other)
                && !allowed.contains(&own)
            {
                faults.push(format!(
                    "crate {own} uses {other}, which is for {} only",
                    allowed.join(", ")
                ));
            }
        }
    }
}

/// Returns the folders of the pure crates. Checks their dependencies.
fn check_pure_crates(packages: &[Value], faults: &mut Vec<String>) -> Vec<PathBuf> {
    let (mut names, mut folders) = (vec![PURE], Vec::new());
    for n in 0.. {
        let Some(own) = names.get(n).copied() else { break };
        let Some(package) = packages.iter().find(|package| name(package) == own) else { continue };
        folders.push(Path::new("crates").join(own).join("src"));
        for other in dependencies(package) {
            if PURE_REFUSED_CRATES.contains(&other) {
                faults.push(format!("crate {own} uses {other}, and the fold must not"));
            }
            if !names.contains(&other) && !PURE_EXCEPTIONS.contains(&other) {
                names.push(other);
            }
        }
    }
    folders
}

/// Every Rust file under version control.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(PathBuf::from).filter(|path| root.join(path).exists()).collect())
}

fn check_sources(root: &Path, sources: &[PathBuf], pure: &[PathBuf], faults: &mut Vec<String>) {
    for path in sources {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if NAMES_REFUSED.contains(&stem) {
            faults.push(format!("{}: name a module after what it holds", path.display()));
        }
        let is_pure = pure.iter().any(|folder| path.starts_with(folder));
        let text = fs_err::read_to_string(root.join(path)).unwrap_or_default();
        for (n, line) in text.lines().enumerate() {
            let place = || format!("{}:{}", path.display(), n + 1);
            if line.trim_start().starts_with("//") && line.chars().count() > COMMENT_CHARS_MAX {
                faults.push(format!("{}: wrap the comment at {COMMENT_CHARS_MAX}", place()));
            }
            let code = line.split("//").next().unwrap_or_default();
            let refused = PURE_REFUSED.iter().find(|refused| is_pure && code.contains(**refused));
            if let Some(refused) = refused {
                faults.push(format!(
                    "{}: {refused} in the fold: the time is the entry's own",
                    place()
                ));
            }
        }
    }
}

fn report_sizes(root: &Path, sources: &[PathBuf]) {
    for path in sources {
        let lines = fs_err::read_to_string(root.join(path)).unwrap_or_default().lines().count();
        if lines > FILE_LINES_REPORTED {
            println!("tidy: {} has {lines} lines: is there a second topic in it?", path.display());
        }
    }
}
