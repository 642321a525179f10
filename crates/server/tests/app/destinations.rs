//! Destinations and their mappings.

use axum::http::Method;
use serde_json::{Value, json};

use super::{TestApp, track};

const ENGINE: &str = "/api/workspaces/shop/destinations/engine";

fn mapping(item: &str) -> Value {
    json!({ "name": "Liked", "trigger": "event = \"Liked\"", "action": "addBookmark", "fields": {
        "userId": {"@path": "$.userId"}, "itemId": {"@path": item} } })
}

#[tokio::test]
async fn mappings_of_our_own_engine_are_read_changed_and_given_back_to_the_presets() {
    let app = TestApp::new().await;
    let presets = app.admin(ENGINE).await;
    assert_eq!(presets.body["uses_presets"], true);
    assert_eq!(presets.body["mappings"].as_array().unwrap().len(), 16);
    let etag = presets.headers["etag"].to_str().unwrap().to_owned();

    let change = json!({ "mappings": [mapping("$.properties.id")] });
    let expected = [("if-match", etag.as_str())];
    let put = app.administer(Method::PUT, ENGINE, change.clone(), &expected).await;
    assert_eq!((put.status.as_u16(), &put.body["uses_presets"]), (200, &json!(false)));
    let stale = app.administer(Method::PUT, ENGINE, change, &expected).await;
    assert_eq!(stale.status, 412, "{}", stale.line());
    app.batch(json!([track(1, "ann", "Liked", json!({ "id": "lamp" }))])).await;
    let lamp = app.admin("/api/workspaces/shop/items/lamp").await;
    assert_eq!(lamp.status, 200, "{}", lamp.line());

    // What is not named stays: its own mappings are replaced only by what is said.
    let nothing = app.administer(Method::PUT, ENGINE, json!({}), &[]).await;
    assert_eq!((nothing.status.as_u16(), &nothing.body["pointer"]), (400, &json!("/mappings")));
    let detail = nothing.body["detail"].as_str().unwrap();
    assert!(detail.contains("or null for the presets"), "{detail}");
    let back = app.administer(Method::PUT, ENGINE, json!({ "mappings": null }), &[]).await;
    assert_eq!(back.body, presets.body);
    let nothing = app.administer(Method::PUT, ENGINE, json!({}), &[]).await;
    assert_eq!(nothing.body, presets.body, "{}", nothing.line());
    let hook = json!({ "kind": "webhook", "settings": { "url": "https://hook.example.com" } });
    let path = "/api/workspaces/shop/destinations/crm";
    let added = app.administer(Method::PUT, path, hook, &[]).await;
    assert_eq!((added.status.as_u16(), &added.body["uses_presets"]), (200, &json!(true)));
    assert_eq!(app.admin(ENGINE.replace("engine", "engin").as_str()).await.status, 404);
}

#[tokio::test]
async fn a_wrong_mapping_is_refused_with_its_place() {
    let app = TestApp::new().await;
    let mut wrong = mapping("$.properties.id");
    wrong["fields"]["itemId"] = json!({ "@pth": "$.properties.id" });
    let change = json!({ "mappings": [mapping("$.a"), wrong] });
    let refused = app.administer(Method::PUT, ENGINE, change, &[]).await;
    assert_eq!(refused.status, 400, "{}", refused.line());
    assert_eq!(refused.body["pointer"], "/mappings/1/fields/itemId", "{}", refused.body);
}

#[tokio::test]
async fn a_trial_says_what_fires_what_each_field_is_and_what_would_happen() {
    let app = TestApp::new().await;
    let path = format!("{ENGINE}/try");
    let message = track(1, "ann", "Liked", json!({ "id": "lamp" }));
    let presets = json!({ "message": message });
    let tried = app.administer(Method::POST, &path, presets, &[]).await;
    let mappings = tried.body["mappings"].as_array().unwrap();
    assert!(mappings.len() == 16 && mappings.iter().all(|made| made["fires"] == false));

    let own = [mapping("$.properties.id"), mapping("$.properties.sku")];
    let mut second = own[1].clone();
    second["name"] = json!("Of another shop");
    let trial = json!({ "message": message, "mappings": [own[0], second] });
    let tried = app.administer(Method::POST, &path, trial, &[]).await;
    let [made, failed] = &tried.body["mappings"].as_array().unwrap()[..] else { panic!() };
    let item = json!({ "field": "itemId", "value": "lamp", "directive": "$.properties.id",
        "from": ["/properties/id"] });
    assert_eq!(made["fields"][0], item);
    assert_eq!(made["effects"][0]["kind"], "bookmark");
    assert_eq!((&failed["fires"], &failed["effects"]), (&json!(true), &json!([])));
    assert_eq!(failed["errors"][0]["place"], "/properties/sku");

    let unsound = json!({ "message": { "type": "track", "event": "Liked" } });
    let refused = app.administer(Method::POST, &path, unsound, &[]).await;
    assert!(refused.body["refusal"].is_string(), "{}", refused.body);
    assert_eq!(app.admin("/api/workspaces/shop/items/lamp").await.status, 404);
}
