//! A real shop's history in, a quality band out, so that no speed-up costs accuracy unnoticed.
//!
//! The data is not part of the project: the test looks for a folder `shared` beside the checkout
//! (or named by `TASTEMAKER_SHARED`) and says that it is skipped where there is none.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What was asked of the engine; the best of a widely used library on the same split is .0867 (its
/// BM25 neighbours).
const NDCG_AT_20_MIN: f64 = 0.134;

#[test]
fn purchases_of_the_next_month_are_recommended() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("TASTEMAKER_SHARED").map_or(beside, PathBuf::from);
    let prepare = shared.join("bench/prepare.py");
    if !prepare.exists() {
        println!(
            "SKIPPED: no benchmark data beside the checkout (set TASTEMAKER_SHARED to the folder that has bench/ and data/)"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let tastemaker = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_tastemaker"), arguments);
    run("python3", &[prepare.to_str().unwrap(), "online-retail-2010", "."]);
    let files = [
        "--interactions",
        "train.csv",
        "--items",
        "items.csv",
        "--users",
        "test.csv",
        "--out",
        "lists.csv",
    ];
    tastemaker(&[&["offline"], &files[..], &["--count", "20"]].concat());

    let (wanted, had) =
        (pairs(&folder.path().join("test.csv")), pairs(&folder.path().join("train.csv")));
    let lists = pairs(&folder.path().join("lists.csv"));
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let mut ndcg = 0.0;
    for (user, wanted) in &wanted {
        let (list, had) = (&lists[user], had[user].iter().collect::<BTreeSet<_>>());
        assert_eq!(list.len(), 20, "user {user}");
        assert!(list.iter().all(|item| !had.contains(item)), "user {user} already had something");
        let hits = list.iter().enumerate().filter(|(_, item)| wanted.contains(item));
        ndcg += hits.map(|(rank, _)| gain(rank)).sum::<f64>()
            / (0..wanted.len().min(20)).map(gain).sum::<f64>();
    }
    ndcg /= wanted.len() as f64;
    println!("NDCG@20 {ndcg:.4}");
    assert!(ndcg >= NDCG_AT_20_MIN, "NDCG@20 is {ndcg:.4}, at least {NDCG_AT_20_MIN} is expected");
}

/// The items of each user, in the order of the file.
fn pairs(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        users.entry(row[0].to_owned()).or_default().push(row[1].to_owned());
    }
    users
}
