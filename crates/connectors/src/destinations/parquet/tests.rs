use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::{self, Receiver, reasons};
use crate::{Kind, NetworkPolicy, OutgoingOptions, kind};

fn parquet_kind() -> &'static Kind {
    kind("parquet").unwrap()
}

fn outgoing(folder: Option<&TempDir>) -> Arc<Outgoing> {
    let options = OutgoingOptions {
        policy: NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] },
        files_folder: folder.map(|folder| folder.path().to_owned()),
        ..OutgoingOptions::default()
    };
    Arc::new(Outgoing::new(&options).unwrap())
}

fn connect(settings: Value, folder: Option<&TempDir>) -> Result<Arc<dyn Sender>, SettingsError> {
    let settings = serde_json::from_value(settings).unwrap();
    parquet_kind().connect(&settings, &outgoing(folder))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn views() -> [Value; 2] {
    let view = |id: &str, properties: Value| {
        json!({"type": "track", "event": "Product/Viewed", "userId": "u", "messageId": id,
            "timestamp": "2026-01-01T23:59:59.500Z", "properties": properties})
    };
    [view("m-1", json!({"price": 2.5, "tags": ["a"]})), view("m-2", json!({}))]
}

#[tokio::test]
async fn files_are_read_back_and_a_repeat_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let sender = connect(json!({"storage": "folder", "path": "a/b"}), Some(&folder)).unwrap();
    let batch = testing::prepare_by_presets(parquet_kind(), &*sender, &views());
    for _ in 0..2 {
        assert_eq!(reasons(&Arc::clone(&sender).send(batch.clone()).await), ["", ""]);
    }
    let written = files(folder.path());
    assert_eq!(written.len(), 1);
    let name = written[0].strip_prefix(folder.path()).unwrap().to_str().unwrap();
    assert!(
        name.starts_with("a/b/event=Product%2FViewed/date=2026-01-01/2026-01-02T03-04-05-000Z-")
    );
    let reader = SerializedFileReader::try_from(written[0].as_path()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let column = |row: usize, name: &str| {
        let found = rows[row].get_column_iter().find(|(column, _)| *column == name);
        found.unwrap().1.clone()
    };
    assert_eq!(column(0, "message_id"), Field::Str("m-1".to_owned()));
    assert_eq!(column(1, "message_id"), Field::Str("m-2".to_owned()));
    assert_eq!(column(0, "timestamp"), Field::TimestampMillis(1_767_311_999_500));
    assert_eq!(column(0, "properties"), Field::Str("{\"price\":2.5,\"tags\":[\"a\"]}".to_owned()));
    assert_eq!(Arc::clone(&sender).check().await, Ok(()));
    let described = sender.describe(&batch);
    assert!(described[0].path.starts_with("a/b/event="), "the folder itself is the operator's");
}

#[test]
fn columns_have_the_type_of_all_their_values() {
    let rows = [
        json!({"n": 1, "b": true, "t": "x", "mixed": 1, "seen_at": "2026-01-01T00:00:00Z", "l": [1]}),
        json!({"n": 2.5, "b": null, "mixed": "a", "seen_at": null}),
    ];
    let rows: Vec<_> = rows.iter().map(|row| row.as_object().unwrap()).collect();
    let file = encode(&rows).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("f"), file).unwrap();
    let reader = SerializedFileReader::try_from(folder.path().join("f").as_path()).unwrap();
    let read = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string());
    assert_eq!(
        read.collect::<Vec<_>>(),
        [
            "{b: true, l: \"[1]\", mixed: \"1\", n: 1.0, seen_at: 2026-01-01 00:00:00.000 +00:00, t: \"x\"}",
            "{b: null, l: null, mixed: \"a\", n: 2.5, seen_at: null, t: null}",
        ]
    );
}

#[tokio::test]
async fn files_lie_below_the_allowed_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let mistake = |settings: Value, folder: Option<&TempDir>| {
        connect(settings, folder).map(drop).unwrap_err().setting
    };
    assert_eq!(mistake(json!({"storage": "folder"}), None), "storage");
    for path in ["../x", "a/../../x", "a/./../b"] {
        let settings = json!({"storage": "folder", "path": path});
        assert_eq!(mistake(settings, Some(&folder)), "path", "{path}");
    }
    let absolute = connect(json!({"storage": "folder", "path": "/etc"}), Some(&folder)).unwrap();
    assert_eq!(absolute.check().await, Ok(()));
    assert!(folder.path().join("etc/_tastemaker_check").is_file());
    assert_eq!(mistake(json!({"bucket": "b"}), None), "access_key_id");
    let bad = json!({"bucket": "b/../c", "access_key_id": "a", "secret_access_key": "s"});
    assert_eq!(mistake(bad, None), "bucket");
}

async fn put(answer: testing::Answer) -> (Receiver, Vec<String>) {
    let receiver = Receiver::start([answer]).await;
    let settings = json!({"bucket": "shop", "path": "raw", "endpoint": receiver.url,
        "access_key_id": "AKID", "secret_access_key": "secret", "region": "eu-central-1"});
    let sender = connect(settings, None).unwrap();
    let batch = testing::prepare_by_presets(parquet_kind(), &*sender, &views());
    let outcomes = sender.send(batch).await;
    (receiver, reasons(&outcomes))
}

#[tokio::test]
async fn a_bucket_gets_signed_requests() {
    let (receiver, outcomes) = put((200, &[("etag", "\"x\"")], String::new())).await;
    assert_eq!(outcomes, ["", ""]);
    let received = &receiver.received()[0];
    assert_eq!(received.method, "PUT");
    let path = &received.path;
    assert!(path.starts_with("/shop/raw/event%3DProduct%252FViewed/date%3D2026-01-01/"), "{path}");
    let authorization = &received.headers["authorization"];
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
    assert!(authorization.contains("/eu-central-1/s3/aws4_request"), "{authorization}");
}

#[tokio::test]
async fn answers_of_a_bucket_decide_for_the_file() {
    for (status, outcome) in
        [(403, "http_403"), (404, "http_404"), (429, "retry http_429"), (503, "retry http_503")]
    {
        let (receiver, outcomes) = put((status, &[], "<Error/>".to_owned())).await;
        assert_eq!(outcomes, [outcome; 2]);
        assert_eq!(receiver.received().len(), 1);
    }
}

#[tokio::test]
async fn a_bucket_within_the_house_is_refused() {
    let options = OutgoingOptions::default();
    let outgoing = Arc::new(Outgoing::new(&options).unwrap());
    let settings = json!({"bucket": "shop", "endpoint": "http://169.254.169.254",
        "access_key_id": "AKID", "secret_access_key": "secret"});
    let settings = serde_json::from_value(settings).unwrap();
    let sender = parquet_kind().connect(&settings, &outgoing).unwrap();
    assert_eq!(reasons(&[sender.check().await]), ["refused_address"]);
}
