//! What commands print with `--json`: JSON and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Deserializer, Value, json};

use super::{Server, interactions, run, write};

/// Commands that this test does not run: they need a server, or what is no file of the folder.
const NOT_RUN: [&str; 3] = ["tail", "feed run", "accounts reset-password"];
const SHOP: &[&str] = &["--data", "data", "--workspace", "shop"];
const DATA: &[&str] = &["--data", "data"];
const NONE: &[&str] = &[];

/// The commands in an order in which each has something to do, with their arguments and the place.
fn runs() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    vec![
        ("import interactions", "views.csv", SHOP),
        ("import catalog", "items.csv", SHOP),
        ("import messages", "messages.jsonl --source web", SHOP),
        ("import locations", "stores stores.csv", SHOP),
        ("catalog", "", SHOP),
        ("train", "", SHOP),
        ("evaluate", "", SHOP),
        ("models", "", SHOP),
        ("events", "", SHOP),
        ("recommend", "--user u0", SHOP),
        ("trait compute", "held --out held.csv", SHOP),
        ("trait calculate", "held", SHOP),
        ("trait holdout", "held", SHOP),
        ("audience create", "viewers did_View", SHOP),
        ("audience list", "", SHOP),
        ("audience preview", "did_View", SHOP),
        ("audience remove", "viewers", SHOP),
        ("journey list", "", SHOP),
        ("journey show", "viewers", SHOP),
        ("journey simulate", "viewers", SHOP),
        ("computed-trait create", "n_views count View", SHOP),
        ("computed-trait list", "", SHOP),
        ("computed-trait remove", "n_views", SHOP),
        ("campaign list", "", SHOP),
        ("campaign show", "welcome", SHOP),
        ("campaign report", "welcome --from 2026-01-01", SHOP),
        ("feed put", "shop https://127.0.0.1:1/items.csv csv", SHOP),
        ("feed list", "", SHOP),
        ("feed show", "shop", SHOP),
        ("feed remove", "shop", SHOP),
        ("export put", "nightly people lake", SHOP),
        ("export list", "", SHOP),
        ("export show", "nightly", SHOP),
        ("export run", "nightly --config data.settings.toml", SHOP),
        ("export remove", "nightly", SHOP),
        ("retention", "--dry-run", SHOP),
        ("journal inspect", "--limit 3", SHOP),
        ("privacy suppress", "--user-id u1", SHOP),
        ("privacy unsuppress", "--user-id u1", SHOP),
        ("privacy delete", "--user-id u2", SHOP),
        ("privacy status", "", SHOP),
        ("privacy scan", "--folder data --user-id nobody-at-all", NONE),
        ("accept-loss", "", SHOP),
        ("accounts add", "ann@example.com --role owner", DATA),
        ("accounts list", "", DATA),
        ("verify", "", DATA),
        ("backup", "--to backup", DATA),
        ("restore", "backup --data restored", NONE),
        ("offline", "--interactions views.csv --users users.csv --out lists.csv", NONE),
    ]
}

/// Every command that takes `--json`, found by the help of all.
fn commands_with_json(path: &[String], found: &mut BTreeSet<String>) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tastemaker")).args(path).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    if help.contains("--json") {
        found.insert(path.join(" "));
    }
    let Some((_, commands)) = help.split_once("\nCommands:\n") else { return };
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        let name = line.strip_prefix("  ").filter(|line| !line.starts_with(' '));
        let name = name.and_then(|line| line.split_whitespace().next());
        if let Some(name) = name.filter(|name| *name != "help") {
            commands_with_json(&[path, &[name.to_owned()]].concat(), found);
        }
    }
}

/// A workspace with a destination to export into and a trait that some are held out of.
fn make_shop(folder: &Path) {
    write(folder, "data.settings.toml", "[destinations]\nfiles_folder = \"files\"\n");
    fs_err::create_dir(folder.join("files")).unwrap();
    let server = Server::start(&folder.join("data"));
    for (path, body) in [
        (
            "destinations/lake",
            json!({ "kind": "parquet", "enabled": false,
                "settings": { "storage": "folder", "path": "lake" } }),
        ),
        (
            "traits/held",
            json!({ "kind": "recommended_items", "count": 3, "who": {},
                "holdout": { "percent": 50 } }),
        ),
        (
            "campaigns/welcome",
            json!({ "channel": "lake", "content": { "to": "a" }, "control_percent": 10,
                "start": { "type": "event", "event": "Signed Up" },
                "conversion": { "event": "View", "within_s": 60 } }),
        ),
        (
            "journeys/viewers",
            json!({ "entry": { "type": "event", "event": "View" },
                "nodes": [{ "name": "out", "type": "exit" }] }),
        ),
    ] {
        let url = format!("{}/api/workspaces/shop/{path}", server.base);
        let put = server.agent.put(url).header("authorization", "Bearer admin");
        let mut answer = put.content_type("application/json").send(body.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert!(answer.status().is_success(), "{path}: {text}");
    }
}

#[test]
fn every_command_prints_json_alone_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make_shop(folder);
    write(folder, "views.csv", &interactions());
    write(folder, "items.csv", "item_id,title\ni0,One\n");
    write(folder, "stores.csv", "location_id,latitude,longitude\nberlin,52.5,13.4\n");
    write(folder, "users.csv", "user_id\nu0\n");
    let message = json!({ "type": "track", "userId": "u0", "event": "View", "messageId": "m" });
    write(folder, "messages.jsonl", &format!("{message}\n"));

    let mut commands = BTreeSet::new();
    commands_with_json(&[], &mut commands);
    let runs = runs();
    // Measurements take long.
    commands.retain(|command| !command.starts_with("bench "));
    let known = runs.iter().map(|(command, ..)| *command).chain(NOT_RUN);
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    assert_eq!(commands, known, "a command with --json needs a row here");

    let mut wrong = Vec::new();
    for (command, arguments, place) in runs {
        let words = arguments.split_whitespace().map(|word| match word {
            "did_View" => "did \"View\"",
            other => other,
        });
        let arguments: Vec<&str> = command
            .split(' ')
            .chain(words)
            .chain(place.iter().copied())
            .chain(["--json"])
            .collect();
        let said = run(folder, &arguments);
        let out = said.strip_prefix("exit 0\n").and_then(|out| out.rsplit_once("\n---\n"));
        let values = out.map(|(out, _)| Deserializer::from_str(out).into_iter::<Value>());
        let values: Option<Vec<Value>> =
            values.and_then(|values| values.collect::<Result<_, _>>().ok());
        if values
            .is_none_or(|values| values.is_empty() || values.iter().any(|one| !one.is_object()))
        {
            wrong.push(format!("{}: {said}", arguments.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
