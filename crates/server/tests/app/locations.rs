//! Catalogs of locations over the admin API.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use super::{Answer, TestApp};

const STORES: &str = "/api/workspaces/shop/locations/stores";
const FILE: &str = "location_id,latitude,longitude,city\n\
                    mitte,52.52,13.41,Berlin\nhamburg,53.55,10.0,Hamburg\n7,52.39,13.06,Potsdam\n";

impl TestApp {
    async fn call_locations(&self, method: Method, path: &str, file: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", "Bearer admin");
        let request = request.header("content-type", "text/csv");
        self.send(request.body(Body::from(file.to_owned())).unwrap()).await
    }
}

#[tokio::test]
async fn a_file_of_locations_is_taken_whole_or_not_at_all_and_says_what_is_near() {
    let app = TestApp::new().await;
    let put = async |path: &str, file: &str| app.call_locations(Method::PUT, path, file).await;
    let dry = put(&format!("{STORES}?dry_run=true"), FILE).await;
    assert_eq!((dry.status.as_u16(), &dry.body["report"]["n_items"]), (200, &json!(3)));
    assert_eq!(app.admin(STORES).await.status, 404);
    let made = put(STORES, FILE).await;
    assert_eq!((made.status.as_u16(), &made.body["n_before"]), (200, &json!(0)));
    let wrong = "location_id,latitude,longitude\na,91,0\nb,1,1\n";
    let refused = put(STORES, wrong).await;
    insta::assert_snapshot!(refused.line(), @"422 import_refused: 1 of 2 rows is invalid, so nothing was imported: correct the file, or skip invalid rows (skip_invalid)");
    let skipped = put(&format!("{STORES}?dry_run=true&skip_invalid=true"), wrong).await;
    assert_eq!(skipped.body["report"]["n_invalid"], 1, "{}", skipped.body);

    let page = app.admin(&format!("{STORES}?count=1&offset=1")).await.body;
    assert_eq!((&page["n_found"], &page["n_locations"]), (&json!(3), &json!(3)));
    assert_eq!(page["locations"][0]["location_id"], "hamburg");
    assert_eq!(page["locations"][0]["values"]["city"], "Hamburg");
    let near = "latitude=52.5&longitude=13.4&within_km=40";
    let page = app.admin(&format!("{STORES}?{near}")).await.body;
    let ids = page["locations"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|location| location["location_id"].as_str().unwrap()).collect();
    assert_eq!((&page["n_found"], ids), (&json!(2), vec!["mitte", "7"]));
    for (query, expected) in [
        ("latitude=1", "belong together"),
        ("latitude=1&longitude=200&within_km=1", "longitude is 200"),
        ("count=0", "count is 0"),
    ] {
        let refused = app.admin(&format!("{STORES}?{query}")).await;
        assert!(refused.status == 400 && refused.line().contains(expected), "{}", refused.line());
    }
    let refused = put("/api/workspaces/shop/locations/My%20Stores", FILE).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    for n in 0..4 {
        assert_eq!(put(&format!("/api/workspaces/shop/locations/l{n}"), FILE).await.status, 200);
    }
    let refused = put("/api/workspaces/shop/locations/more", FILE).await;
    assert!(refused.line().contains("the limit is 5"), "{}", refused.line());
    assert_eq!(app.call_locations(Method::DELETE, STORES, "").await.status, 204);
    assert_eq!(app.call_locations(Method::DELETE, STORES, "").await.status, 404);
    let left = app.admin("/api/workspaces/shop/locations").await.body;
    assert_eq!(left["catalogs"].as_array().unwrap().len(), 4);
}
