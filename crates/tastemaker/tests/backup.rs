//! Backups of a real server under load, restored elsewhere: what was acknowledged before is there,
//! and answers are the same. And the commands that look after a data folder.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod process;
#[path = "process/training.rs"]
mod training;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use process::Server;
use serde_json::{Value, json};
use training::train;

const CLIENTS: u32 = 3;
const USERS: u64 = 12;

/// Message ids that were acknowledged, with their users.
type Acknowledged = BTreeMap<String, String>;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// What a command says that must work.
fn succeed(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a command says that must fail.
fn fail(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn send(server: &Server, client: &str, acknowledged: &Mutex<Acknowledged>, is_over: &AtomicBool) {
    let mut n = 0u64;
    while !is_over.load(Ordering::Relaxed) {
        let messages: Vec<Value> = (0..10)
            .map(|_| {
                n += 1;
                json!({
                    "type": "track", "messageId": format!("{client}-{n}"), "userId": format!("u{}", n % USERS),
                    "event": "Product Viewed",
                    "properties": { "sku": format!("i{}", n % USERS % 3 * 10 + n * n % 10) },
                })
            })
            .collect();
        let body = json!({ "writeKey": "key", "batch": messages }).to_string();
        let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(body).unwrap();
        if answer.status() == 200 {
            let text = |message: &Value, key: &str| message[key].as_str().unwrap().to_owned();
            let ids = messages
                .iter()
                .map(|message| (text(message, "messageId"), text(message, "userId")));
            acknowledged.lock().unwrap().extend(ids);
        }
        // A backup is to run beside this, not behind it.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn check_events(server: &Server, acknowledged: &Acknowledged) {
    for user in (0..USERS).map(|n| format!("u{n}")) {
        let mut found = server.event_ids(&user);
        found.sort_unstable();
        let n_found = found.len();
        found.dedup();
        assert_eq!(found.len(), n_found, "an event of {user} is there twice");
        let expected = acknowledged.iter().filter(|(_, of)| **of == user);
        for (id, _) in expected {
            assert!(
                found.binary_search(id).is_ok(),
                "message {id} of {user} was acknowledged before the backup"
            );
        }
    }
}

fn lists(server: &Server) -> Vec<Value> {
    let list =
        |n| server.profile(&format!("u{n}"), "traits")["traits"]["recommended_items"].clone();
    (0..USERS).map(list).collect()
}

fn wait_for_metric(server: &Server, line: &str) {
    for _ in 0..200 {
        let mut answer = server.agent.get(format!("{}/metrics", server.base)).call().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        if text.lines().any(|found| found == line) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{line} never came");
}

fn kill(mut server: Server) {
    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    server.process.wait().unwrap();
}

#[test]
fn a_backup_under_load_holds_what_was_acknowledged_and_is_restored_with_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // A model of what comes in meanwhile may be refused; this one stays in use then.
    filled(folder);
    let server = Server::start(&folder.join("data"));
    let (acknowledged, is_over) = (Mutex::new(Acknowledged::new()), AtomicBool::new(false));
    let mut before_first = Acknowledged::new();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (server, acknowledged, is_over) = (&server, &acknowledged, &is_over);
            scope.spawn(move || send(server, &format!("c{client}"), acknowledged, is_over));
        }
        while acknowledged.lock().unwrap().len() < 600 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let trained = train(&server);
        assert_eq!(trained["state"], "done");
        before_first = acknowledged.lock().unwrap().clone();
        let report = succeed(folder, &["backup", "--data", "data", "--to", "backup"]);
        assert!(
            report["workspaces"][0]["entries"].as_u64().unwrap() as usize >= before_first.len()
        );
        let models = &report["workspaces"][0]["models"];
        assert!(models.as_u64().unwrap() >= 1, "{report}, after {trained}");
        is_over.store(true, Ordering::Relaxed);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > before_first.len(), "nothing came in beside the backup");

    succeed(folder, &["restore", "backup", "--data", "first"]);
    let first = Server::start(&folder.join("first"));
    check_events(&first, &before_first);
    drop(first);

    // The first check of the journals began with the server.
    wait_for_metric(&server, "journal_check_progress{workspace=\"shop\"} 1");
    assert_eq!(train(&server)["state"], "done");
    let report = succeed(folder, &["backup", "--data", "data", "--to", "backup"]);
    let shown = lists(&server);
    kill(server);
    let restored = succeed(folder, &["restore", "backup", "--data", "second"]);
    assert_eq!(restored["workspaces"], report["workspaces"]);
    let second = Server::start(&folder.join("second"));
    check_events(&second, &acknowledged);
    assert_eq!(lists(&second), shown);
    assert!(
        shown.iter().all(|list| list.as_array().is_some_and(|list| !list.is_empty())),
        "{shown:?}"
    );
    // A server that was killed after a backup goes on, and so do its backups.
    let again = Server::start(&folder.join("data"));
    check_events(&again, &acknowledged);
    assert_eq!(lists(&again), shown);
    drop((again, second));
    succeed(folder, &["backup", "--data", "data", "--to", "backup"]);
    succeed(folder, &["verify", "--data", "data"]);
    succeed(folder, &["verify", "--data", "second"]);
}

/// A data folder with a few hundred interactions.
fn filled(folder: &Path) {
    let rows =
        (0..300).map(|n| format!("u{},i{},{},view,1\n", n % 17, n * n % 23, 1_600_000_000 + n));
    let csv = format!("user_id,item_id,timestamp,kind,value\n{}", rows.collect::<String>());
    fs_err::write(folder.join("views.csv"), csv).unwrap();
    succeed(
        folder,
        &["import", "interactions", "views.csv", "--data", "data", "--workspace", "shop"],
    );
    let trained = succeed(folder, &["train", "--data", "data", "--workspace", "shop"]);
    assert_eq!(trained["refused"], Value::Null, "{trained}");
}

const SEGMENT: &str = "workspaces/shop/journal/00000000000000000000.seg";

fn flip(path: &Path, at: usize) {
    let mut bytes = fs_err::read(path).unwrap();
    bytes[at] ^= 1;
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_or_missing_workspace_keeps_no_other_out_of_the_backup() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    let import = |workspace: &str, file: &str| {
        let place = ["--data", "data", "--workspace", workspace, "--create"];
        succeed(folder, &[&["import", "interactions", file][..], &place].concat());
    };
    let rows = "user_id,item_id,timestamp,kind,value\n".to_owned() + &"a,b,1,view,1\n".repeat(900);
    fs_err::write(folder.join("first.csv"), rows).unwrap();
    fs_err::write(folder.join("more.csv"), "user_id,item_id,timestamp,kind,value\nc,d,2,view,1\n")
        .unwrap();
    import("news", "first.csv");
    let backup = ["backup", "--data", "data", "--to", "backup"];
    let entries = |report: &Value, id: &str| {
        let all = report["workspaces"].as_array().unwrap().iter();
        all.clone().find(|workspace| workspace["id"] == id).unwrap()["entries"].as_u64().unwrap()
    };
    let before = succeed(folder, &backup);

    flip(&folder.join("data").join(SEGMENT), 100);
    import("news", "more.csv");
    let said = fail(folder, &backup);
    assert!(
        said.contains("shop: cannot back up") && said.contains("its earlier copy of"),
        "{said}"
    );
    fs_err::rename(folder.join("data/workspaces/shop"), folder.join("shop-elsewhere")).unwrap();
    let said = fail(folder, &backup);
    assert!(said.contains("entries 0 to") && said.contains("its earlier copy of"), "{said}");
    fs_err::remove_file(folder.join("data/ends/shop.end")).unwrap();
    let said = fail(folder, &backup);
    assert!(said.contains("workspace shop is not in the data folder"), "{said}");

    let restored = succeed(folder, &["restore", "backup", "--data", "restored"]);
    assert_eq!(entries(&restored, "shop"), entries(&before, "shop"));
    assert!(entries(&restored, "news") > entries(&before, "news"), "{restored}");
    succeed(folder, &["verify", "--data", "restored"]);

    // The one that is lost comes back beside the other, which has taken more since.
    let only = |id| ["restore", "backup", "--data", "data", "--workspace", id];
    let said = fail(folder, &only("shops"));
    assert!(said.contains("the backup has no workspace shops; it has: news, shop"), "{said}");
    let said = fail(folder, &only("news"));
    assert!(said.contains("data/workspaces/news is there: move it away"), "{said}");
    import("news", "more.csv");
    let restored = succeed(folder, &only("shop"));
    assert_eq!(restored["workspaces"].as_array().unwrap().len(), 1);
    assert_eq!(entries(&restored, "shop"), entries(&before, "shop"));
    succeed(folder, &["verify", "--data", "data"]);
    let last = succeed(folder, &backup);
    assert!(entries(&last, "news") > entries(&before, "news") + 1, "{last}");
}

#[test]
fn damage_is_named_and_leaves_the_earlier_backup_whole() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    let backup = ["backup", "--data", "data", "--to", "backup"];
    succeed(folder, &backup);
    let segment = folder.join("data").join(SEGMENT);
    flip(&segment, 100);
    let said = fail(folder, &backup);
    assert!(said.contains("00000000000000000000.seg is damaged at byte"), "{said}");
    let said = fail(folder, &["verify", "--data", "data"]);
    assert!(
        said.contains(
            "shop: segment data/workspaces/shop/journal/00000000000000000000.seg is damaged at byte"
        ),
        "{said}"
    );
    succeed(folder, &["restore", "backup", "--data", "restored"]);
    succeed(folder, &["verify", "--data", "restored"]);
    flip(&segment, 100);
    succeed(folder, &backup);

    let said = fail(folder, &["restore", "backup", "--data", "restored"]);
    assert!(said.contains("restored is not empty"), "{said}");
    let said = fail(folder, &["backup", "--data", "data", "--to", "restored"]);
    assert!(said.contains("restored is not empty and not a backup"), "{said}");
    // Another history is not mixed with this one.
    fs_err::create_dir(folder.join("other")).unwrap();
    let rows = "user_id,item_id,timestamp,kind,value\n".to_owned() + &"a,b,1,view,1\n".repeat(900);
    fs_err::write(folder.join("other/other.csv"), rows).unwrap();
    succeed(
        &folder.join("other"),
        &["import", "interactions", "other.csv", "--data", "data", "--workspace", "shop"],
    );
    let said = fail(folder, &["backup", "--data", "other/data", "--to", "backup"]);
    assert!(said.contains("back up to another folder"), "{said}");

    flip(&folder.join("backup").join(SEGMENT), 100);
    let said = fail(folder, &["restore", "backup", "--data", "third"]);
    assert!(
        said.contains("is missing or not what the backup wrote") && !folder.join("third").exists(),
        "{said}"
    );
    flip(&folder.join("backup").join(SEGMENT), 100);
    // A manifest that expects other answers is not met.
    let manifest = folder.join("backup/backup.json");
    let text = fs_err::read_to_string(&manifest).unwrap();
    let said = fail(folder, &["backup", "--data", "data", "--to", "data/deep/backup"]);
    assert!(said.contains("is within the data folder"), "{said}");
    // Also by way of a folder that is not there.
    let said = fail(folder, &["backup", "--data", "data", "--to", "nope/../data/deep"]);
    assert!(said.contains("is within the data folder") && !folder.join("nope").exists(), "{said}");
    let said = fail(folder, &["restore", "backup", "--data", "nope/../backup/x"]);
    assert!(said.contains("is within the backup") && !folder.join("backup/x").exists(), "{said}");
    // A backup is no data folder, and only one backup at a time writes it.
    let place = ["--data", "backup", "--workspace", "shop"];
    for command in [&["train"][..], &["import", "interactions", "views.csv"], &["accept-loss"]] {
        let said = fail(folder, &[command, &place].concat());
        assert!(said.contains("backup is a backup"), "{said}");
    }
    let said = fail(folder, &["serve", "--data", "backup", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("backup is a backup") && !folder.join("backup/ends").exists(), "{said}");
    let held = fs_err::File::open(folder.join("backup/tastemaker.lock")).unwrap();
    held.file().lock().unwrap();
    let said = fail(folder, &backup);
    assert!(said.contains("backup is being written by process"), "{said}");
    drop(held);
    let said = fail(folder, &["restore", "backup", "--data", "data"]);
    assert!(said.contains("data is not empty"), "{said}");
    let mut told: Value = serde_json::from_str(&text).unwrap();
    told["workspaces"][0]["answers"]["lists"][0]["items"][0] = "nothing".into();
    told["workspaces"][0]["answers"]["keyspaces"][1]["pairs"] = 7.into();
    fs_err::write(&manifest, told.to_string()).unwrap();
    let said = fail(folder, &["restore", "backup", "--data", "third"]);
    assert!(
        said.contains("does not answer as it did")
            && said.contains("nothing")
            && said.contains("keyspace"),
        "{said}"
    );
}

#[test]
fn a_lost_workspace_is_no_empty_one_and_its_loss_is_accepted_by_saying_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    fs_err::remove_dir_all(folder.join("data/workspaces/shop")).unwrap();
    let said = fail(folder, &["models", "--data", "data", "--workspace", "shop"]);
    assert!(said.contains("entries 0 to 5 are missing") && said.contains("accept-loss"), "{said}");
    assert!(
        !folder.join("data/workspaces/shop").exists(),
        "nothing is in the way of what is put back"
    );
    let accept = ["accept-loss", "--data", "data", "--workspace", "shop"];
    let said = fail(folder, &accept);
    assert!(
        said.contains("Workspace shop has lost 6 entries, 0 to 5; 0 before them remain.")
            && said.contains("--yes"),
        "{said}"
    );
    fail(folder, &["models", "--data", "data", "--workspace", "shop"]);
    let told = succeed(folder, &[&accept[..], &["--yes"]].concat());
    assert_eq!(
        told,
        json!({
            "accepted": true, "acknowledged": 6, "journal_end": 0, "record_unreadable": false, "store_position": null,
        })
    );
    let told = succeed(folder, &["models", "--data", "data", "--workspace", "shop"]);
    assert_eq!(told["models"], json!([]));
    assert_eq!(succeed(folder, &accept)["accepted"], false);
}

#[test]
fn retention_says_what_would_be_cut_and_cuts_only_what_is_to_be_cut() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    filled(folder);
    let command = ["retention", "--data", "data", "--workspace", "shop"];
    let plan = succeed(folder, &[&command[..], &["--dry-run"]].concat());
    assert_eq!((&plan["days"], &plan["cut"]["segments"]), (&json!(null), &json!(0)), "{plan}");
    assert!(plan["journal"]["end"].as_u64().unwrap() > 0, "{plan}");
    let text = run(folder, &[&command[..], &["--dry-run"]].concat());
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("The workspace keeps it for ever"), "{text}");
    let refused = fail(folder, &command);
    assert!(refused.contains("set retention.days first"), "{refused}");
}
