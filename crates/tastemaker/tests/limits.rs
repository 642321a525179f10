//! A real server with few file descriptors, and what it may leave readable.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod process;
#[path = "process/training.rs"]
mod training;

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use process::Server;
use serde_json::json;
use training::train;

const DESCRIPTORS: u32 = 256;
const CONNECTIONS: usize = 600;

#[test]
fn descriptors_are_left_for_files_when_connections_take_all() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut limited = Command::new("sh");
    limited.args([
        "-c",
        &format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\""),
        env!("CARGO_BIN_EXE_tastemaker"),
    ]);
    let server = Server::start_as(limited, &data, "readyz");
    let address = server.base.strip_prefix("http://").unwrap();
    let mut idle = Vec::new();
    for n in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).unwrap();
        if n % 2 == 0 {
            stream
                .write_all(b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
                .ok();
        }
        idle.push(stream);
        if n % 50 != 0 {
            continue;
        }
        let messages: Vec<_> = (0..100)
            .map(|m| {
                json!({ "type": "track", "messageId": format!("{n}-{m}"), "userId": format!("u{}", m % 10),
                        "event": "Product Viewed", "properties": { "sku": format!("i{}", m % 7) } })
            })
            .collect();
        let batch = json!({ "writeKey": "key", "batch": messages }).to_string();
        let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(batch).unwrap();
        assert_eq!(answer.status(), 200, "after {n} connections");
    }
    let n_kept: usize = (0..10).map(|user| server.event_ids(&format!("u{user}")).len()).sum();
    assert_eq!(n_kept, CONNECTIONS.div_ceil(50) * 100);
    // A model is a new file.
    assert_eq!(train(&server)["state"], "done");
    assert_eq!(server.agent.get(format!("{}/readyz", server.base)).call().unwrap().status(), 200);
}

#[test]
fn what_a_server_writes_is_its_users_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let body = json!({ "userId": "u", "event": "Product Viewed", "properties": { "sku": "i" }, "writeKey": "key" });
    let sent =
        server.agent.post(format!("{}/v1/track", server.base)).send(body.to_string()).unwrap();
    assert_eq!(sent.status(), 200);
    drop(server);
    let mut n_files = 0;
    check(&data, &mut n_files);
    assert!(n_files > 5, "{n_files}");
}

fn check(folder: &Path, n_files: &mut usize) {
    let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder) & 0o077, 0, "{}", folder.display());
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check(&path, n_files);
        } else {
            *n_files += 1;
            assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
        }
    }
}
