//! Replays into another workspace, back-fills, and metrics of destinations.

use axum::http::Method;
use serde_json::{Value, json};

use super::{TestApp, track};

const REPLAYS: &str = "/api/workspaces/shop/replays";
const ENGINE: &str = "/api/workspaces/shop/destinations/engine";

#[tokio::test]
async fn messages_go_into_another_workspace_with_their_ids_and_times() {
    let app = TestApp::new().await;
    let new = json!({ "id": "copy", "name": "Copy" });
    let created = app.administer(Method::POST, "/api/workspaces", new, &[]).await;
    assert!(created.status.is_success(), "{}", created.line());
    let messages: Vec<Value> = (0..20)
        .map(|n| track(n, "ann", "Product Viewed", json!({ "product_id": "lamp" })))
        .collect();
    app.batch(json!(messages)).await;

    let request = json!({ "workspace": "copy", "events": ["Product Viewed"] });
    let mut counted = request.clone();
    counted["dry_run"] = true.into();
    let job = app.administer(Method::POST, REPLAYS, counted, &[]).await;
    assert_eq!(job.status, 202, "{}", job.line());
    let result = app.ended_job(&job).await["result"].clone();
    assert_eq!((&result["messages"], &result["by_type"]), (&json!(20), &json!({ "track": 20 })));
    let nothing = app.admin(REPLAYS).await.body;
    assert_eq!(nothing["replays"], json!([]), "a count is no replay");

    for n_duplicates in [0, 20] {
        let job = app.administer(Method::POST, REPLAYS, request.clone(), &[]).await;
        assert_eq!(job.status, 202, "{}", job.line());
        let job = app.ended_job(&job).await;
        assert_eq!(job["state"], "done", "{job}");
        let result = &job["result"];
        assert_eq!(
            (&result["replayed"], &result["duplicates"]),
            (&json!(20), &json!(n_duplicates))
        );
    }
    let listed = app.admin(REPLAYS).await.body;
    assert_eq!(listed["replays"][0]["state"], "done");
    let id = listed["replays"][0]["id"].as_str().unwrap();
    let go_on = format!("{REPLAYS}/{id}/continue");
    let again = app.post(&go_on, "", &[("authorization", "Bearer admin")]).await;
    assert_eq!(again.status, 409, "it has come to its end");
    let faster = app.administer(Method::POST, &go_on, json!({ "rate": 5 }), &[]).await;
    assert_eq!((faster.status.as_u16(), &faster.body["pointer"]), (400, &json!("/rate")));
    let copied = app.admin("/api/workspaces/copy/people/ann").await;
    assert_eq!(copied.status, 200, "{}", copied.line());

    let wrong = [
        json!({}),
        json!({ "destination": "crm", "workspace": "copy" }),
        json!({ "workspace": "shop" }),
        json!({ "workspace": "nowhere" }),
        json!({ "destination": "engine" }),
        json!({ "workspace": "copy", "from": "yesterday" }),
        json!({ "workspace": "copy", "from": "2026" }),
        json!({ "workspace": "copy", "until": true }),
        json!({ "workspace": "copy", "until": -1 }),
        json!({ "workspace": "copy", "messages_per_second": 0 }),
        json!({ "workspace": "copy", "source": "nowhere" }),
    ];
    let mut refused = Vec::new();
    for request in wrong {
        let answer = app.administer(Method::POST, REPLAYS, request, &[]).await;
        refused.push(format!("{} {}", answer.body["detail"], answer.body["pointer"]));
    }
    insta::assert_snapshot!(refused.join("\n"));
}

#[tokio::test]
async fn a_new_workspace_is_made_with_the_sources_and_the_catalog_comes_first() {
    let app = TestApp::new().await;
    let csv = "item_id,title,price,categories\nlamp,Lamp,19.5,home|light\nchair,Chair,,home\noff-1,Off,1,home\n";
    let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let imported = app.post("/api/workspaces/shop/catalog", csv, &headers).await;
    assert_eq!(imported.status, 200, "{}", imported.line());
    let series = "/api/workspaces/shop/series";
    for (path, body) in [
        (series.to_owned(), json!({ "id": "rooms" })),
        (format!("{series}/rooms/members"), json!({ "id": "chair", "time": 2 })),
        (format!("{series}/rooms/members"), json!({ "id": "lamp", "time": 1 })),
    ] {
        let made = app.administer(Method::POST, &path, body, &[]).await;
        assert!(made.status.is_success(), "{}", made.line());
    }
    let off = app.administer(Method::PUT, "/api/workspaces/shop/items/off-1/off", json!({}), &[]);
    assert!(off.await.status.is_success());
    let messages: Vec<Value> = (0..5)
        .map(|n| track(n, "ann", "Product Viewed", json!({ "product_id": "lamp" })))
        .collect();
    app.batch(json!(messages)).await;
    let request = json!({ "workspace": "fresh", "create_workspace": true, "catalog": true });
    let mut counted = request.clone();
    counted["dry_run"] = true.into();
    let job = app.administer(Method::POST, REPLAYS, counted, &[]).await;
    assert_eq!(app.ended_job(&job).await["result"]["messages"], 5, "{}", job.line());
    assert_eq!(app.admin("/api/workspaces/fresh").await.status, 404, "a count makes nothing");

    let job = app.administer(Method::POST, REPLAYS, request.clone(), &[]).await;
    let job = app.ended_job(&job).await;
    let result = &job["result"];
    assert_eq!((&result["replayed"], &result["items"]), (&json!(5), &json!(2)), "{job}");
    let names = |answer: &Value| -> Vec<Value> {
        answer["sources"].as_array().unwrap().iter().map(|source| source["name"].clone()).collect()
    };
    let own = app.admin("/api/workspaces/shop/sources").await.body;
    let copied = app.admin("/api/workspaces/fresh/sources").await.body;
    assert_eq!(names(&copied), names(&own));
    let own = app.admin("/api/workspaces/shop/items/lamp").await;
    let copied = app.admin("/api/workspaces/fresh/items/lamp").await;
    assert_eq!(copied.status, 200, "{}", copied.line());
    assert_eq!(copied.body["properties"], own.body["properties"]);
    let rooms = app.admin("/api/workspaces/shop/series/rooms").await.body;
    assert_eq!(app.admin("/api/workspaces/fresh/series/rooms").await.body, rooms);
    assert!(own.body["properties"].is_object(), "{}", own.line());
    assert_eq!(app.admin("/api/workspaces/fresh/people/ann").await.status, 200);
    let audit = app.admin("/api/audit?what=replay.start&limit=1").await.body;
    assert_eq!(audit["audit"][0]["resource"], "fresh", "{audit}");

    for (request, status, pointer) in [
        (request, 409, "/workspace"),
        (
            json!({ "workspace": "other", "create_workspace": true, "source": "web" }),
            400,
            "/source",
        ),
        (json!({ "workspace": "Not an id", "create_workspace": true }), 400, "/workspace"),
        (json!({ "destination": "crm", "catalog": true }), 400, "/catalog"),
    ] {
        let answer = app.administer(Method::POST, REPLAYS, request, &[]).await;
        assert_eq!(answer.status, status, "{}", answer.line());
        assert_eq!(answer.body["pointer"], pointer, "{}", answer.line());
    }
}

#[tokio::test]
async fn mappings_are_applied_to_the_past_after_a_preview() {
    let app = TestApp::new().await;
    app.batch(json!([track(1, "ann", "Liked", json!({ "id": "lamp" }))])).await;
    let mapping = json!({ "name": "Liked", "trigger": "event = \"Liked\"",
        "action": "addBookmark", "fields": {
            "userId": {"@path": "$.userId"}, "itemId": {"@path": "$.properties.id"} } });
    let put = app.administer(Method::PUT, ENGINE, json!({ "mappings": [mapping] }), &[]).await;
    assert_eq!(put.status, 200, "{}", put.line());
    let path = format!("{ENGINE}/backfill");
    let lamp = "/api/workspaces/shop/items/lamp";
    for (preview, status) in [(true, 404), (false, 200)] {
        let request = json!({ "preview": preview });
        let job = app.administer(Method::POST, &path, request, &[]).await;
        assert_eq!(job.status, 202, "{}", job.line());
        let job = app.ended_job(&job).await;
        let result = &job["result"];
        assert_eq!(result["added"], json!({ "bookmark": 1 }), "{job}");
        assert_eq!((&result["items_created"], &result["is_preview"]), (&json!(1), &json!(preview)));
        assert_eq!(result["examples"][0]["after"]["item_id"], "lamp");
        assert_eq!(app.admin(lamp).await.status, status);
    }
    let digits = app.administer(Method::POST, &path, json!({ "from": "1772323200" }), &[]).await;
    assert_eq!((digits.status.as_u16(), &digits.body["pointer"]), (400, &json!("/from")));
    let other = path.replace("engine", "crm");
    let other = app.administer(Method::POST, &other, json!({}), &[]).await;
    assert_eq!(other.status, 404, "{}", other.line());
}

#[tokio::test]
async fn destinations_have_metrics() {
    let app = TestApp::new().await;
    let hook = json!({ "kind": "webhook", "mappings": null,
        "settings": { "url": "https://hook.example.com" } });
    let path = "/api/workspaces/shop/destinations/crm";
    let put = app.administer(Method::PUT, path, hook, &[]).await;
    assert_eq!(put.status, 200, "{}", put.line());
    let metrics = app.get("/metrics", &[]).await;
    let text = metrics.body.as_str().unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("destination_") || line.contains(" destination_"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
