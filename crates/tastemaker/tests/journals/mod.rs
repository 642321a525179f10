//! Looking into journals.

use serde_json::{Value, json};

use crate::process::Server;
use crate::run;

#[test]
fn a_journal_is_told_entry_by_entry_while_a_server_appends_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(&folder.join("data"));
    let url = format!("{}/v1/track", server.base);
    for item in ["lamp", "chair"] {
        let message = json!({
            "writeKey": "key", "userId": "ann", "event": "Product Viewed", "messageId": item, "properties": { "sku": item },
        });
        assert_eq!(server.agent.post(&url).send(message.to_string()).unwrap().status(), 200);
    }
    let inspect = |rest: &[&str]| {
        let told = run(
            folder,
            &[&["journal", "inspect", "--data", "data", "--workspace", "shop"], rest].concat(),
        );
        let (out, err) = told.split_once("\n---\n").unwrap();
        let lines = out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(err, "The journal ends at offset 6.");
        lines
    };
    let lines = inspect(&[]);
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(
        lines[0].contains(r#"command            put token "private": kind "private", name "#),
        "{}",
        lines[0]
    );
    assert!(
        lines[4].ends_with(r#"message            track "Product Viewed" of "ann" from "web""#),
        "{}",
        lines[4]
    );
    assert_eq!(inspect(&["--from", "4", "--limit", "1"]), lines[4..5]);
    assert_eq!(inspect(&["--from", "6"]), [""; 0]);

    let entries: Vec<Value> =
        inspect(&["--json"]).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let offsets: Vec<_> = entries.iter().map(|entry| entry["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4, 5]);
    let change = |n: usize| &entries[n]["fields"]["command"]["configure"]["change"];
    assert_eq!(change(0)["put_token"]["token"]["token"], "…");
    assert_eq!(change(2)["put_source"]["source"]["write_key"], "…");
    assert_eq!(entries[5]["fields"]["body"], r#"{"sku":"chair"}"#);
    assert_eq!(entries[5]["written_by"], env!("CARGO_PKG_VERSION"));
    assert!(entries[5]["time"].as_str().unwrap().ends_with('Z'));

    let missing = run(folder, &["journal", "inspect", "--data", "data", "--workspace", "shpo"]);
    assert!(missing.contains("no workspace shpo in data; there are: shop"), "{missing}");
    let place = ["--data", "data", "--workspace", "shop"];
    let beyond = run(folder, &[&["journal", "inspect", "--from", "9"], &place[..]].concat());
    assert!(beyond.contains("--from 9 is beyond the end of the journal, at offset 6"), "{beyond}");
    let nowhere = run(folder, &["journal", "inspect", "--data", "nodir", "--workspace", "shop"]);
    assert!(nowhere.contains("there is no data folder nodir"), "{nowhere}");
}
