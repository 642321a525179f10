//! What a web page needs before it can send: settings and the library.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use domain::{Source, WorkspaceConfig, WorkspaceId};
use engine::{Engine, Entry};
use fs_err as fs;
use web::{BrowserLibrary, Settings};

use crate::TestApp;

const SETTINGS: &str = "/v1/projects/key/settings";
const ENTRY: &str = "/analytics.js/v1/key/analytics.min.js";

/// Settings with a library of two scripts, the second of which is long.
fn settings() -> Settings {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("standalone.js"), "start('__WRITE_KEY__')").unwrap();
    fs::write(folder.path().join("part.bundle.js"), "/* */".repeat(1_000)).unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let library = BrowserLibrary::load(folder.path()).unwrap();
    Settings { browser_library: Some(Arc::new(library)), ..Settings::default() }
}

#[tokio::test]
async fn settings_lead_the_library_to_the_host_that_it_asked() {
    let app = TestApp::new().await;
    let answer = app.get(SETTINGS, &[("host", "shop.example:8443")]).await;
    assert_eq!(answer.status, 200);
    let segment = &answer.body["integrations"]["Segment.io"];
    assert_eq!(
        [&segment["apiKey"], &segment["apiHost"], &segment["protocol"]],
        ["key", "shop.example:8443/v1", "http"]
    );
    assert_eq!(answer.body["integrations"].as_object().unwrap().len(), 1, "nothing else is loaded");
    assert_eq!(answer.body["metrics"]["sampleRate"], 0);
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    // A host that is none must not get into the settings.
    let answer = app.get(SETTINGS, &[("host", "a\"b")]).await;
    assert_eq!(answer.body["integrations"]["Segment.io"]["apiHost"], "localhost/v1");
}

#[tokio::test]
async fn keys_that_no_page_may_send_with_are_told() {
    let app = TestApp::with(settings()).await;
    let mut lines = Vec::new();
    for key in ["nope", "off-key", "bearer-key", "%22"] {
        for path in [
            format!("/v1/projects/{key}/settings"),
            format!("/analytics.js/v1/{key}/analytics.min.js"),
        ] {
            let answer = app.get(&path, &[]).await;
            assert_eq!(answer.headers["access-control-allow-origin"], "*");
            assert_eq!(answer.headers["cache-control"], "no-store");
            lines.push(format!("{path}: {}", answer.line()));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn scripts_of_the_library_are_served_and_no_other_file() {
    let app = TestApp::with(settings()).await;
    let entry = app.get(ENTRY, &[]).await;
    let text = entry.body.as_str().unwrap();
    assert!(text.ends_with("start('key')"), "{text}");
    assert!(text.contains("window[name]"), "calls before it is ready wait in a list");
    assert_eq!(entry.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(entry.headers["x-content-type-options"], "nosniff");
    assert_eq!(entry.headers["cache-control"], "public, max-age=300");
    let part = "/analytics-next/bundles/part.bundle.js";
    let answer = app.get(part, &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(app.get(part, &[]).await.body, "/* */".repeat(1_000));
    for other in ["secret.txt", "missing.js", "..%2Fsecret.txt", "%2e%2e%2fstandalone.js", "a%00"] {
        let answer = app.get(&format!("/analytics-next/bundles/{other}"), &[]).await;
        assert_eq!(answer.status, 404, "{other}: {}", answer.body);
    }
    let without = TestApp::new().await;
    for path in [ENTRY, part] {
        let line = without.get(path, &[]).await.line();
        assert!(line.starts_with("404 not_found: this server has no browser library"), "{line}");
    }
}

#[tokio::test]
async fn a_workspace_may_have_the_first_word_of_a_path_as_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let id = WorkspaceId::new("analytics-next").unwrap();
    let engine = Arc::new(Engine::open(id.clone(), folder.path(), &|_, _| {}).unwrap());
    let source = Source {
        name: "web".to_owned(),
        write_key: "key".to_owned(),
        bearer_tokens: Vec::new(),
        enabled: true,
        earlier_key: None,
        oauth: None,
    };
    let config = WorkspaceConfig { sources: vec![source], ..WorkspaceConfig::empty(id) };
    engine.submit(vec![Entry::Configured(config)]).await.unwrap();
    let router = TestApp::router(&engine, folder.path(), settings(), &[]);
    let status = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request).await.unwrap().status().as_u16()
    };
    assert_eq!(status("/analytics-next/bundles/part.bundle.js").await, 200);
    // The recommender API asks for a signature.
    assert_eq!(status("/analytics-next/items/list/").await, 401);
    assert_eq!(status("/analytics-next/bundles").await, 401);
}
