//! An archive in a folder and in a bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::*;
use crate::{NetworkPolicy, OutgoingOptions};

/// Objects by path, and whether what is read is other than what was put.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    parts: Mutex<BTreeMap<u32, Vec<u8>>>,
    is_faulty: std::sync::atomic::AtomicBool,
}

async fn answer(
    State(bucket): State<Arc<Bucket>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    let tagged =
        [(header::ETAG, "\"x\""), (header::LAST_MODIFIED, "Mon, 30 Nov 2026 00:00:00 GMT")];
    let number = query.split('&').find_map(|pair| pair.strip_prefix("partNumber="));
    if let Some(number) = number {
        bucket.parts.lock().unwrap().insert(number.parse().unwrap(), body.to_vec());
        return tagged.into_response();
    }
    if method == Method::POST && query.contains("uploadId=") {
        let parts = std::mem::take(&mut *bucket.parts.lock().unwrap());
        bucket.objects.lock().unwrap().insert(path, parts.into_values().flatten().collect());
        let done =
            "<CompleteMultipartUploadResult><ETag>\"x\"</ETag></CompleteMultipartUploadResult>";
        return done.into_response();
    }
    if method == Method::POST {
        let begun = "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>";
        return begun.into_response();
    }
    if method == Method::PUT {
        bucket.objects.lock().unwrap().insert(path, body.to_vec());
        return tagged.into_response();
    }
    let Some(object) = bucket.objects.lock().unwrap().get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((start, end)) = range else {
        let length = [(header::CONTENT_LENGTH, object.len().to_string())];
        return (tagged, length).into_response();
    };
    let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
    let end = end.min(object.len() - 1);
    let mut piece = object[start..=end].to_vec();
    if bucket.is_faulty.load(std::sync::atomic::Ordering::Relaxed) {
        piece[0] ^= 1;
    }
    let content_range = format!("bytes {start}-{end}/{}", object.len());
    (StatusCode::PARTIAL_CONTENT, tagged, [(header::CONTENT_RANGE, content_range)], piece)
        .into_response()
}

fn outgoing() -> Arc<Outgoing> {
    let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    Arc::new(Outgoing::new(&OutgoingOptions { policy, ..OutgoingOptions::default() }).unwrap())
}

/// A file of this many bytes.
fn file(folder: &tempfile::TempDir, n_bytes: usize) -> (std::path::PathBuf, Vec<u8>) {
    let bytes: Vec<u8> = (0..n_bytes).map(|n| ((n * n) >> 7) as u8).collect();
    let path = folder.path().join("0.seg");
    fs_err::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_gets_small_and_large_files_and_is_read_back() {
    let bucket = Arc::<Bucket>::default();
    let app = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&bucket));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let settings = json!({ "bucket": "shop", "path": "old", "endpoint": endpoint,
        "access_key_id": "AKID", "secret_access_key": "secret" });
    let settings = serde_json::from_value(settings).unwrap();
    let archive = Archive::of_settings(&settings, &outgoing()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for n_bytes in [0, 1_000, 700_000, 17 * 1_024 * 1_024] {
        let (path, bytes) = file(&folder, n_bytes);
        tokio::task::block_in_place(|| archive.put("shop/0.seg", &path)).unwrap();
        let there = bucket.objects.lock().unwrap()["/shop/old/shop/0.seg"].clone();
        assert!(there == bytes, "{n_bytes} bytes, {} there", there.len());
    }
    bucket.is_faulty.store(true, std::sync::atomic::Ordering::Relaxed);
    let (path, _) = file(&folder, 1_000);
    let error = tokio::task::block_in_place(|| archive.put("shop/0.seg", &path)).unwrap_err();
    assert!(error.to_string().contains("is other than it was put, at byte 0"), "{error}");
    assert!(error.file.starts_with("s3://shop/old/shop/"), "{error}");
}

#[test]
fn a_folder_gets_a_whole_file_or_an_error() {
    let (folder, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = Archive::in_folder(target.path(), &outgoing());
    let (path, bytes) = file(&folder, 1_300_000);
    for _ in 0..2 {
        archive.put("shop/0.seg", &path).unwrap();
        assert!(fs_err::read(target.path().join("shop/0.seg")).unwrap() == bytes);
    }
    assert_eq!(fs_err::read_dir(target.path().join("shop")).unwrap().count(), 1);
    let missing = folder.path().join("1.seg");
    assert!(archive.put("shop/1.seg", &missing).is_err());
    assert!(!target.path().join("shop/1.seg").exists());
}
