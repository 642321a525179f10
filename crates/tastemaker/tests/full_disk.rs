//! A real disk that is full, below a real server: a small file system in memory, where the
//! operating system lets a test mount one. Meanwhile clients are slow.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod process;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fs_err as fs;
use process::Server;
use serde_json::{Value, json};

/// Mounts a file system at the path in `$0` for the program that follows and its children alone.
const MOUNT: &str = r#"mount -t tmpfs -o size=128m tmpfs "$0" && exec "$@""#;
/// How long the server may take to notice that there is room again.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// Fills the file system at the path in `$0`, and runs the program that follows.
const FILL: &str = r#"cat /dev/zero > "$0/filler" 2> /dev/null; exec "$@""#;
/// Items of a catalog whose list takes a slow reader minutes, far longer than it may take to notice
/// that there is room, and the bytes of their descriptions.
const N_ITEMS: usize = 8_000;
const DESCRIPTION_BYTES: usize = 4_000;
/// A slow client's step, in bytes and time: 200 KiB a second, which is fast enough to be left
/// connected.
const SLOW_BYTES: usize = 4_096;
const SLOW_STEP: Duration = Duration::from_millis(20);

/// Runs a program for which a small file system is mounted at a folder.
fn with_small_disk(folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT]).arg(folder);
    command
}

/// A folder below the data folder, if a test may mount a file system there.
fn mountable(data: &Path, below: &str) -> Option<PathBuf> {
    let folder = data.join(below);
    fs::create_dir_all(&folder).unwrap();
    let can_mount = with_small_disk(&folder).arg("true").stderr(Stdio::null()).status();
    if can_mount.is_ok_and(|status| status.success()) {
        return Some(folder);
    }
    eprintln!("SKIPPED: a test may not mount a file system here");
    None
}

/// A path as the server sees it, for which another file system may be mounted there.
fn seen_by(server: &Server, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap();
    Path::new("/proc").join(server.process.id().to_string()).join("root").join(inside)
}

fn wait_until_ready(server: &Server) {
    let freed = Instant::now();
    while get(server, "readyz").0 != 200 {
        assert!(freed.elapsed() < NOTICED_WITHIN, "{}", get(server, "readyz").1);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_whose_only_workspace_meets_a_full_disk_at_its_start_opens_it_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(workspace) = mountable(&data, "workspaces/shop") else { return };
    let mut command = with_small_disk(&workspace);
    command.args(["sh", "-c", FILL]).arg(&workspace).arg(env!("CARGO_BIN_EXE_tastemaker"));
    let server = Server::start_as(command, &data, "healthz");
    let ready = get(&server, "readyz");
    assert_eq!((ready.0, ready.1["status"].as_str()), (503, Some("not ready")), "{}", ready.1);
    fs::remove_file(seen_by(&server, &workspace).join("filler")).unwrap();
    wait_until_ready(&server);
    assert_eq!(send(&server, 0, &mut BTreeSet::new()), 200);
}

#[test]
fn a_workspace_whose_store_met_a_full_disk_is_opened_again_once_there_is_room_whoever_is_slow() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(store) = mountable(&data, "workspaces/shop/store") else { return };
    let mut command = with_small_disk(&store);
    command.arg(env!("CARGO_BIN_EXE_tastemaker"));
    let server = Server::start_as(command, &data, "readyz");
    import_catalog(&server);
    let mut acknowledged = BTreeSet::new();
    assert_eq!(send(&server, 0, &mut acknowledged), 200);

    // The journal has room, the store has none.
    let filler = seen_by(&server, &store).join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[7; 4_096]).is_ok() {}
    drop(file);
    let n = (1..2_000)
        .find(|n| send(&server, *n, &mut acknowledged) == 503)
        .expect("the store gets full");
    let ready = get(&server, "readyz");
    assert_eq!((ready.0, ready.1["status"].as_str()), (503, Some("not ready")), "{}", ready.1);
    let problem = ready.1["problems"]["shop"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("opens the workspace again"), "{problem}");
    let known = server.event_ids("u0").len();
    assert!(known > 0, "queries go on");
    let (reader, hurry_reader) = read_slowly(&server);
    let (uploader, hurry_uploader) = upload_slowly(&server);

    fs::remove_file(&filler).unwrap();
    wait_until_ready(&server);
    assert!(!reader.is_finished() && !uploader.is_finished(), "both are as slow as ever");
    hurry_reader.store(true, Ordering::Relaxed);
    let answer = reader.join().unwrap();
    let is_whole = answer.ends_with("\r\n0\r\n\r\n");
    let n_items = answer.matches("\"description\"").count();
    assert_eq!(is_whole, n_items >= N_ITEMS, "a part was sent as a whole: {n_items} items");
    hurry_uploader.store(true, Ordering::Relaxed);
    assert_eq!(
        uploader.join().unwrap(),
        "HTTP/1.1 200 OK",
        "what is sent for longer than that is taken"
    );
    assert_eq!(
        send(&server, n, &mut acknowledged),
        200,
        "what was refused is taken when it comes again"
    );
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
    let answer =
        server.agent.post(format!("{}/v1/batch", server.base)).send(batch.to_string()).unwrap();
    let status = answer.status().as_u16();
    match status {
        200 => acknowledged.extend(ids),
        503 => assert!(answer.headers().contains_key("retry-after")),
        other => panic!("status {other}"),
    }
    status
}

fn catalog_row(n: usize) -> String {
    format!("i{n},{n:0>DESCRIPTION_BYTES$}\n")
}

fn import_catalog(server: &Server) {
    let rows: String = (0..N_ITEMS).map(catalog_row).collect();
    let import = server.agent.post(format!("{}/api/workspaces/shop/catalog", server.base));
    let import = import.header("authorization", "Bearer admin").header("content-type", "text/csv");
    let mut answer = import.send(format!("item_id,description\n{rows}")).unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.body_mut().read_to_string().unwrap());
}

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.base.strip_prefix("http://").unwrap()).unwrap()
}

/// Asks for all items and reads them slowly until hurried: the answer with its head, as far as it
/// came.
fn read_slowly(server: &Server) -> (JoinHandle<String>, Arc<AtomicBool>) {
    let target =
        server::sign_target("/shop/items/list/?returnProperties=true", "private", engine::now());
    let (mut stream, hurry) = (connect(server), Arc::new(AtomicBool::new(false)));
    let is_hurried = Arc::clone(&hurry);
    write!(stream, "GET {target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").unwrap();
    // The answer has begun.
    let mut first = vec![0; SLOW_BYTES];
    stream.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&first));
    let reader = std::thread::spawn(move || {
        let (mut answer, mut step) = (first, vec![0; SLOW_BYTES]);
        loop {
            if !is_hurried.load(Ordering::Relaxed) {
                std::thread::sleep(SLOW_STEP);
            }
            match stream.read(&mut step) {
                Ok(n_bytes @ 1..) => answer.extend(&step[..n_bytes]),
                Ok(0) | Err(_) => return String::from_utf8(answer).unwrap(),
            }
        }
    });
    (reader, hurry)
}

/// Uploads a catalog row by row until hurried: the first line of the answer.
fn upload_slowly(server: &Server) -> (JoinHandle<String>, Arc<AtomicBool>) {
    let (mut stream, hurry) = (connect(server), Arc::new(AtomicBool::new(false)));
    let is_hurried = Arc::clone(&hurry);
    let head = "host: shop\r\nconnection: close\r\nauthorization: Bearer admin\r\ncontent-type: text/csv\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let target = format!("/api/workspaces/shop/catalog?confirm={N_ITEMS}");
    write!(stream, "POST {target} HTTP/1.1\r\n{head}14\r\nitem_id,description\n\r\n").unwrap();
    let uploader = std::thread::spawn(move || {
        for n in 0.. {
            let row = catalog_row(n);
            write!(stream, "{:x}\r\n{row}\r\n", row.len()).unwrap();
            if is_hurried.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(SLOW_STEP);
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    });
    (uploader, hurry)
}

fn get(server: &Server, path: &str) -> (u16, Value) {
    let mut answer = server.agent.get(format!("{}/{path}", server.base)).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&body).unwrap())
}
