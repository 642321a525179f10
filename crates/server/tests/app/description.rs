//! The API describes itself.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn the_document_stays_as_clients_know_it() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/api/openapi.json", &[]).await.status, 401);
    let mut document = app.admin("/api/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    document["info"]["version"].take();
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_call_has_a_summary_and_a_name_of_its_own() {
    let app = TestApp::new().await;
    let document = app.admin("/api/openapi.json").await.body;
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let summary = call["summary"].as_str().unwrap_or_default();
            assert!(summary.ends_with('.'), "{method} {path}: {summary:?}");
            assert!(names.insert(call["operationId"].to_string()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_page_has_the_place_that_an_error_leads_to_and_loads_nothing() {
    let app = TestApp::new().await;
    let missing = app.admin("/api/workspaces/none").await.body;
    let (path, place) = missing["type"].as_str().unwrap().split_once('#').unwrap();
    let page = app.admin(path).await;
    assert_eq!(page.status, 200);
    let html = page.body.as_str().unwrap();
    assert!(html.contains(&format!("id=\"{place}\"")), "{place} is missing");
    assert!(html.contains("GET /api/workspaces/{workspace}/items"));
    assert!(!html.contains("<script") && !html.contains("src="));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
}
