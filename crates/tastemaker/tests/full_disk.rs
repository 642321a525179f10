//! A real disk that is full, below a real server: a small file system in memory, where the operating system lets a test mount one.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod process;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;
use process::Server;
use serde_json::{Value, json};

/// Mounts a file system at the path in `$0` for the program that follows and its children alone.
const MOUNT: &str = r#"mount -t tmpfs -o size=128m tmpfs "$0" && exec "$@""#;
/// How long the server may take to notice that there is room again.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// Runs a program for which a small file system is mounted at a folder.
fn with_small_disk(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT]).arg(folder);
    command
}

#[test]
fn a_workspace_whose_store_met_a_full_disk_is_opened_again_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = data.join("workspaces/shop/store");
    fs::create_dir_all(&store).unwrap();
    let can_mount = with_small_disk(&store).arg("true").stderr(Stdio::null()).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: a test may not mount a file system here");
        return;
    }
    let mut command = with_small_disk(&store);
    command.arg(env!("CARGO_BIN_EXE_tastemaker"));
    let server = Server::start_as(command, &data, "readyz");
    let seen_by_server = |path: &Path| {
        let inside = path.strip_prefix("/").unwrap();
        Path::new("/proc").join(server.process.id().to_string()).join("root").join(inside)
    };
    let mut acknowledged = BTreeSet::new();
    assert_eq!(send(&server, 0, &mut acknowledged), 200);

    // The journal has room, the store has none.
    let filler = seen_by_server(&store).join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    drop(file);
    let n = (1..2_000).find(|n| send(&server, *n, &mut acknowledged) == 503).expect("the store gets full");
    let ready = get(&server, "readyz");
    assert_eq!((ready.0, ready.1["status"].as_str()), (503, Some("not ready")), "{}", ready.1);
    let problem = ready.1["problems"]["shop"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("opens the workspace again"), "{problem}");
    let known = server.event_ids("u0").len();
    assert!(known > 0, "queries go on");

    fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    while get(&server, "readyz").0 != 200 {
        assert!(freed.elapsed() < NOTICED_WITHIN, "{}", get(&server, "readyz").1);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(send(&server, n, &mut acknowledged), 200, "what was refused is taken when it comes again");
    assert_eq!(send(&server, 5_000, &mut acknowledged), 200);
    let there = server.event_ids("u0");
    let unique: BTreeSet<&String> = there.iter().collect();
    assert_eq!(unique.len(), there.len(), "nothing is there twice");
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !unique.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    // Without its small disk the store is made from the journal alone.
    drop(server);
    assert_eq!(Server::start(&data).event_ids("u0"), there);
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_no_signal() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap = folder.path().join("bootstrap.toml");
    fs::write(&bootstrap, "[[workspace]]\nid = \"shop\"").unwrap();
    // In blocks of 512 bytes: the store makes larger files.
    let limited = r#"ulimit -f 256 && exec "$0" "$@""#;
    let said = Command::new("sh")
        .args([
            "-c",
            limited,
            env!("CARGO_BIN_EXE_tastemaker"),
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--bootstrap",
        ])
        .args([&bootstrap, Path::new("--data"), &folder.path().join("data")])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(1), "{error}");
    assert!(error.contains("workspaces/shop/store") && error.contains("File too large"), "{error}");
}

/// Sends a batch that compresses to nothing in the journal, and gives the status of the answer.
fn send(server: &Server, n: usize, acknowledged: &mut BTreeSet<String>) -> u16 {
    let ids: Vec<String> = (0..20).map(|k| format!("m-{n}-{k}")).collect();
    let messages: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({
                "type": "track", "messageId": id, "userId": "u0", "event": "Product Viewed",
                "properties": { "product_id": format!("item {n}") },
            })
        })
        .collect();
    let batch = json!({ "writeKey": "key", "batch": messages });
    let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(batch.to_string()).unwrap();
    let status = answer.status().as_u16();
    match status {
        200 => acknowledged.extend(ids),
        503 => assert!(answer.headers().contains_key("retry-after")),
        other => panic!("status {other}"),
    }
    status
}

fn get(server: &Server, path: &str) -> (u16, Value) {
    let mut answer = server.agent.get(format!("{}/{path}", server.base)).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&body).unwrap())
}
