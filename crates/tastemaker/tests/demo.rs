//! What the demo says is true.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const TRAIT: &str = "personalized_album_recommendations";
const USERS: &str = "60";

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The answer of a command that the demo shows.
fn answer_of(command: &str) -> Value {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command}: {error}: {text}"))
}

/// The number before a word of a line.
fn number(line: &str, word: &str) -> u64 {
    let (before, _) =
        line.split_once(word).unwrap_or_else(|| panic!("{line:?} says nothing of {word:?}"));
    let last = before.split_whitespace().next_back().unwrap();
    last.replace(',', "").parse().unwrap_or_else(|error| panic!("{line:?}: {last:?}: {error}"))
}

#[test]
fn all_that_the_demo_says_is_true_with_any_listeners() {
    for seed in 1..=4 {
        check_demo(seed);
    }
}

fn check_demo(seed: u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tastemaker"));
    command.args([
        "demo",
        "--listen",
        "127.0.0.1:0",
        "--users",
        USERS,
        "--seed",
        &seed.to_string(),
    ]);
    let mut demo = Demo(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines: Vec<String> = Vec::new();
    for line in BufReader::new(demo.0.stdout.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.len() > 1 && lines[lines.len() - 2] == "See the listener's latest events:" {
            break;
        }
    }
    let all = format!("seed {seed}:\n{}", lines.join("\n"));
    let line = |text: &str| {
        lines.iter().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {all}"))
    };
    let commands: Vec<&str> = lines
        .iter()
        .filter_map(|line| Some(line.trim()).filter(|l| l.starts_with("curl")))
        .collect();
    let [read, play, events] = commands[..] else { panic!("{all}") };
    let (_, base) = line("Serving").split_once("http://").unwrap();
    let base = format!("http://{}", base.split_once(';').unwrap().0);
    let admin = |path: &str| {
        answer_of(&format!(
            "curl -s -H 'authorization: Bearer demo-admin-token' {base}/api/workspaces/music{path}"
        ))
    };

    let counts = &admin("")["counts"];
    let n_albums = include_str!("../src/demo/albums.csv").lines().count() as u64 - 1;
    assert_eq!(number(line("real albums"), " real albums"), n_albums, "{all}");
    assert_eq!(
        number(line("real albums"), " simulated listeners"),
        USERS.parse::<u64>().unwrap(),
        "{all}"
    );
    assert_eq!(counts["known_users"], USERS.parse::<u64>().unwrap(), "{all}");
    let n_messages = number(line("messages acknowledged"), " messages acknowledged");
    assert!(counts["journal_entries"].as_u64().unwrap() >= n_messages && n_messages > 0, "{all}");
    let run = &admin("/training")["run"]["training"];
    assert_eq!(number(line("trained on"), " interactions"), run["n_interactions"], "{all}");
    assert!(line("trained on").contains(&format!(
        "score {:.3} (NDCG@20",
        run["search"]["blend"]["ndcg"].as_f64().unwrap()
    )));
    let said = line(&format!("{TRAIT} for"));
    assert_eq!(number(said, " listeners"), USERS.parse::<u64>().unwrap(), "{all}");
    assert!((1..=n_albums).contains(&number(said, &format!(" of {n_albums} albums"))), "{all}");
    // Nobody is recommended what they have just played.
    let mut played: Vec<&str> = Vec::new();
    for line in &lines {
        let text = line.trim_start();
        if line.starts_with("     ") {
            played.push(text);
        } else if text == "recently played" {
            played.clear();
        } else if let Some((_, album)) = text.split_once("  ").filter(|_| line.starts_with("  ")) {
            assert!(!played.contains(&album.trim()), "{album:?} was played: {all}");
        }
    }

    let list = |answer: &Value| -> Vec<String> {
        serde_json::from_value(answer["traits"][TRAIT].clone()).unwrap()
    };
    let before = answer_of(read);
    let first = list(&before)[0].clone();
    let detail = &before["traits"][format!("{TRAIT}__detail")];
    assert!(
        detail.to_string().contains("reasons") || detail.to_string().contains("because"),
        "no reasons: {detail}"
    );
    assert!(play.contains(&first), "{first} is first: {all}");
    assert_eq!(answer_of(play)["success"], true);
    let after = list(&answer_of(read));
    assert!(
        after != list(&before) && !after.contains(&first),
        "{first} left the list: {after:?}\n{all}"
    );
    let newest = &answer_of(events)["data"][0];
    assert!(newest.to_string().contains(&first), "they played {first}: {newest}\n{all}");
}
