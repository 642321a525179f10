//! Feeds, scheduled exports and catalogs of locations on the command line.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use super::{run, write};

/// A server that answers every request with a catalog of two items and a wrong row.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/items.csv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), [0; 4_096]);
            let _n = stream.read(&mut head).unwrap_or_default();
            let body = "item_id,title\na,One\nb,Two\n,Nothing\n";
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            // A caller may have gone.
            stream.write_all(format!("{head}{body}").as_bytes()).ok();
        }
    });
    address
}

fn shop(folder: &Path, arguments: &[&str]) -> String {
    run(folder, &[arguments, &["--data", "data", "--workspace", "shop"]].concat())
}

fn as_json(text: &str) -> Value {
    let text = text.strip_prefix("exit 0\n").unwrap_or_else(|| panic!("{text}"));
    serde_json::from_str(text.split_once("\n---").unwrap().0).unwrap()
}

#[test]
fn a_feed_is_made_fetched_and_removed_with_the_rows_that_were_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "items.csv", "item_id,title\na,One\n");
    write(folder, "settings.toml", "[destinations]\nallowed_networks = [\"127.0.0.0/8\"]\n");
    shop(folder, &["import", "catalog", "items.csv"]);
    assert!(shop(folder, &["feed", "list"]).contains("There are no feeds."));
    let address = serve();
    let made = shop(folder, &["feed", "put", "shop", &address, "csv", "--skip-invalid"]);
    assert!(made.starts_with("exit 0\nThe feed \"shop\" is there."), "{made}");
    let refused = shop(folder, &["feed", "put", "My feed", &address, "csv"]);
    assert!(refused.contains("exit 1") && refused.contains("name must be"), "{refused}");
    let ran = shop(folder, &["feed", "run", "shop", "--json", "--config", "settings.toml"]);
    let ran = as_json(&ran);
    assert_eq!((&ran["n_rows"], &ran["n_skipped"]), (&json!(2), &json!(1)), "{ran}");
    let listed = shop(folder, &["feed", "list"]);
    assert!(listed.contains("2 rows, 1 left out; version 2: 1 new"), "{listed}");
    let refused = shop(folder, &["feed", "run", "shop"]);
    assert!(refused.contains("exit 1") && refused.contains("feed: "), "{refused}");
    let shown = as_json(&shop(folder, &["feed", "show", "shop", "--json"]));
    assert_eq!((&shown["skip_invalid"], &shown["every_minutes"]), (&json!(true), &json!(60)));
    assert!(shown["last_run"]["error"].is_string(), "{shown}");
    assert!(shop(folder, &["feed", "remove", "shop"]).starts_with("exit 0"));
    let gone = shop(folder, &["feed", "show", "shop"]);
    assert!(gone.contains("no feed \"shop\""), "{gone}");
}

#[test]
fn a_scheduled_export_needs_a_place_and_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "items.csv", "item_id,title\na,One\n");
    shop(folder, &["import", "catalog", "items.csv"]);
    let refused = shop(folder, &["export", "put", "nightly", "people", "lake"]);
    assert!(refused.contains("exit 1") && refused.contains("lake"), "{refused}");
    let refused = shop(folder, &["export", "put", "nightly", "everything", "lake"]);
    assert!(refused.contains("exit 2") && refused.contains("people"), "{refused}");
    let refused = shop(folder, &["export", "put", "nightly", "people", "lake", "--only", "vip"]);
    assert!(refused.contains("exit 1") && refused.contains("exported whole"), "{refused}");
    let refused = shop(folder, &["export", "put", "nightly", "audiences", "lake", "--only", "vip"]);
    assert!(refused.contains("no such audience"), "{refused}");
    assert!(shop(folder, &["export", "list"]).contains("There are no scheduled exports."));
    let gone = shop(folder, &["export", "show", "nightly"]);
    assert!(gone.contains("exit 1") && gone.contains("no export \"nightly\""), "{gone}");
    let gone = shop(folder, &["export", "run", "nightly"]);
    assert!(gone.contains("exit 1") && gone.contains("no export \"nightly\""), "{gone}");
}

#[test]
fn a_file_of_locations_is_imported_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "items.csv", "item_id,title\na,One\n");
    shop(folder, &["import", "catalog", "items.csv"]);
    write(folder, "stores.csv", "location_id,latitude,longitude\nmitte,52.52,13.41\n");
    write(folder, "wrong.csv", "location_id,latitude,longitude\nmitte,95,13.41\n");
    let done = shop(folder, &["import", "locations", "stores", "stores.csv"]);
    assert!(done.contains("The catalog \"stores\" has 1 location."), "{done}");
    let refused = shop(folder, &["import", "locations", "stores", "wrong.csv"]);
    assert!(refused.contains("exit 1") && refused.contains("latitude is 95"), "{refused}");
    let dry = shop(folder, &["import", "locations", "other", "stores.csv", "--dry-run"]);
    assert!(dry.contains("Nothing was changed"), "{dry}");
}
