//! Invariants of the house that a search can check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Files longer than this are asked whether a second topic is in them, in lines.
const FILE_LINES_ASKED: usize = 500;
/// Names that fill up without end.
const NAMES_REFUSED: [&str; 6] = ["util", "utils", "common", "helpers", "misc", "types"];
/// Which crates may use a dependency; whoever else does breaks an invariant of the architecture page.
const ONLY_IN: [(&str, &[&str]); 12] = [
    ("axum", &["server", "tastemaker"]),
    ("tower-http", &["server"]),
    ("ureq", &["tastemaker"]),
    ("tokio", &["engine", "server", "tastemaker", "trials"]),
    ("hyper", &["server"]),
    ("tokio-rustls", &["server"]),
    ("rustix", &["tastemaker"]),
    ("rustls", &["tastemaker"]),
    ("tantivy", &["search"]),
    ("fjall", &["store"]),
    // From a seed that the caller gives.
    ("rand", &["tastemaker", "recommender", "linalg", "fuzz", "trials"]),
    ("faer", &["linalg"]),
];
/// What the fold and all that it calls must not read: clocks and chance.
const FOLD_FILES: [&str; 19] = [
    "crates/catalog/src/columns.rs",
    "crates/catalog/src/table.rs",
    "crates/engine/src/attribution.rs",
    "crates/engine/src/attribution",
    "crates/engine/src/command.rs",
    "crates/engine/src/command",
    "crates/engine/src/scenarios.rs",
    "crates/engine/src/segmentations.rs",
    "crates/engine/src/series.rs",
    "crates/engine/src/synonyms.rs",
    "crates/engine/src/fold.rs",
    "crates/engine/src/interactions.rs",
    "crates/engine/src/journal_clock.rs",
    "crates/engine/src/message_ids.rs",
    "crates/engine/src/rejections.rs",
    "crates/engine/src/shown.rs",
    "crates/profiles/src",
    "crates/catalog/src/items.rs",
    "crates/mapping/src",
];
const FOLD_REFUSED: [&str; 5] = ["SystemTime", "Instant::now", "now()", "rand::", "Uuid::new"];

pub(crate) fn run(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    check_crates(root, &mut faults)?;
    let sources = sources(root)?;
    check_sources(root, &sources, &mut faults);
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

/// A crate depends on lower layers only (for tests on any), and some dependencies are for some crates.
fn check_crates(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--locked"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let name = |package: &Value| package["name"].as_str().unwrap_or_default().to_owned();
    let layers: BTreeMap<String, Option<u64>> =
        packages.iter().map(|package| (name(package), package["metadata"]["layer"].as_u64())).collect();
    for package in packages {
        let own = name(package);
        let Some(layer) = layers[&own] else {
            faults.push(format!("crate {own} has no [package.metadata] layer"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let other = name(dependency);
            if dependency["kind"] == "dev" {
                continue;
            }
            if let Some(Some(below)) = layers.get(&other)
                && *below >= layer
            {
                faults.push(format!(
                    "crate {own} (layer {layer}) depends on {other} (layer {below}): arrows point down"
                ));
            }
            if let Some((_, allowed)) = ONLY_IN.iter().find(|(only, _)| *only == other)
                && !allowed.contains(&own.as_str())
            {
                faults.push(format!("crate {own} uses {other}, which is for {} only", allowed.join(", ")));
            }
        }
    }
    Ok(())
}

/// Every Rust file that is the project's own.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "*.rs"])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(PathBuf::from).filter(|path| root.join(path).exists()).collect())
}

fn check_sources(root: &Path, sources: &[PathBuf], faults: &mut Vec<String>) {
    for path in sources {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if NAMES_REFUSED.contains(&stem) {
            faults.push(format!("{}: name a module after what it holds", path.display()));
        }
        if FOLD_FILES.iter().any(|place| path.starts_with(place)) {
            let text = fs_err::read_to_string(root.join(path)).unwrap_or_default();
            for (n, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if let Some(refused) = FOLD_REFUSED.iter().find(|refused| code.contains(**refused)) {
                    faults.push(format!(
                        "{}:{}: {refused} in the fold: the time is the entry's own",
                        path.display(),
                        n + 1
                    ));
                }
            }
        }
    }
}

fn report_sizes(root: &Path, sources: &[PathBuf]) {
    for path in sources {
        let lines = fs_err::read_to_string(root.join(path)).unwrap_or_default().lines().count();
        if lines > FILE_LINES_ASKED {
            println!("tidy: {} has {lines} lines: is there a second topic in it?", path.display());
        }
    }
}
