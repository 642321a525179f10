//! What mappings make of messages, on the command line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const SETTINGS: &str =
    r#"{"databaseId": "shop", "privateToken": "secret", "databaseRegion": "eu-west"}"#;

/// The answer of `mapping try` in a folder: its lines, or what it complains of.
pub(crate) fn try_messages(
    folder: &Path,
    arguments: &[&str],
    messages: &[u8],
) -> Result<Vec<Value>, String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(["mapping", "try", "--destination", "recombee", "--settings", "settings.json"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its settings reads nothing.
    let _ = child.stdin.take().unwrap().write_all(messages);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).unwrap());
    }
    let output = String::from_utf8(output.stdout).unwrap();
    Ok(output.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_line_of_messages_gives_a_line_of_requests() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("settings.json"), SETTINGS).unwrap();
    let messages = concat!(
        r#"{"type": "track", "event": "Product Viewed", "userId": "u", "properties": {"sku": "s"}}"#,
        "\n\n",
        r#"{"type": "alias", "userId": "u 1", "previousId": "anon"}"#,
        "\n",
        r#"{"type": "identify", "userId": "u"}"#,
        "\nno message"
    );
    let view = json!({ "method": "POST", "path": "/shop/detailviews/", "body": {
        "userId": "u", "itemId": "s", "cascadeCreate": true,
        "additionalData": {"segmentEventType": "track", "segmentEventName": "Product Viewed"} } });
    let merge = |path: &str| json!({ "method": "PUT", "path": path, "body": {} });
    let escaped = merge("/shop/users/u%201/merge/anon?cascadeCreate=true");
    let plain = merge("/shop/users/u 1/merge/anon?cascadeCreate=true");
    for (arguments, merge) in [(&[][..], escaped), (&["--compatible"][..], plain)] {
        let lines = try_messages(folder.path(), arguments, messages.as_bytes()).unwrap();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines[0], json!({ "requests": [view], "errors": [] }));
        assert_eq!(lines[1], json!({ "requests": [merge], "errors": [] }));
        assert_eq!(lines[2], json!({ "requests": [], "errors": [] }));
        assert_eq!(lines[3]["requests"], json!([]));
        let complaint = lines[3]["errors"][0]["message"].as_str().unwrap();
        assert!(complaint.starts_with("the message is "), "{complaint}");
    }
}

#[test]
fn mappings_of_a_file_take_the_place_of_the_presets_and_broken_ones_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("settings.json"), SETTINGS).unwrap();
    let mappings = json!([
        { "name": "Saved", "trigger": "event = \"Saved\"", "action": "addBookmark",
          "fields": { "userId": {"@path": "$.userId"}, "itemId": "i-1" } },
        { "name": "Broken", "trigger": "event = \"Saved\"", "action": "addBookmark",
          "fields": { "userId": {"@pth": "$.userId"} } },
    ]);
    fs_err::write(folder.path().join("mappings.json"), mappings.to_string()).unwrap();
    let message = br#"{"type": "track", "event": "Saved", "userId": "u"}"#;
    let lines = try_messages(folder.path(), &["--mappings", "mappings.json"], message).unwrap();
    assert_eq!(lines[0]["requests"][0]["path"], "/shop/bookmarks/");
    assert_eq!(lines[0]["errors"][0]["mapping"], "Broken");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SETTINGS.replace("eu-west", "mars");
    fs_err::write(folder.path().join("settings.json"), settings).unwrap();
    let refused = try_messages(folder.path(), &[], b"").unwrap_err();
    assert!(refused.contains("databaseRegion should be one of eu-west"), "{refused}");
    let too_long = vec![b'x'; (1 << 20) + 1];
    fs_err::write(folder.path().join("settings.json"), SETTINGS).unwrap();
    let refused = try_messages(folder.path(), &[], &too_long).unwrap_err();
    assert!(refused.contains("line 1 has more than 1048576 bytes"), "{refused}");
}
