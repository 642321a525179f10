//! What a person wants to hear, as staff reads and changes it.

use axum::http::Method;
use serde_json::json;

use crate::TestApp;

const SHOP: &str = "/api/workspaces/shop";
const ANN: &str = "/api/workspaces/shop/people/user_id:ann/subscriptions";

#[tokio::test]
async fn staff_changes_what_a_person_is_subscribed_to_and_it_is_in_her_history() {
    let app = TestApp::new().await;
    let topics = json!({ "topics": [{ "key": "news", "name": "News" }] });
    let set = app.administer(Method::PATCH, &format!("{SHOP}/settings"), topics, &[]).await;
    assert_eq!(set.status, 200, "{}", set.line());
    assert_eq!(app.admin(ANN).await.status, 404, "nobody has the id yet");
    app.batch(json!([{ "type": "identify", "userId": "ann", "traits": {}, "context": {
        "messaging_subscriptions": [{ "type": "SMS", "status": "UNSUBSCRIBED" }],
    } }]))
    .await;
    let shown = app.admin(ANN).await.body;
    assert_eq!(shown["channels"][0]["channel"], "sms");
    assert_eq!(shown["channels"][0]["wanted"], false);
    assert_eq!(shown["topics"][0]["status"], "not_said");
    assert_eq!(shown["topics"][0]["wanted"], true);
    assert_eq!(shown.get("page_url"), None, "without a public address");
    for (wrong, place) in [
        (json!({ "topics": { "offers": "subscribed" } }), "there is no topic \"offers\""),
        (json!({ "channels": { "fax": "subscribed" } }), "fax"),
        (json!({ "channels": { "sms": "maybe" } }), "maybe"),
        (json!({ "all": "unsubscribed" }), "all"),
    ] {
        let answer = app.administer(Method::PATCH, ANN, wrong, &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.line());
        assert!(answer.line().contains(place), "{}", answer.line());
    }
    assert_eq!(app.admin(ANN).await.body, shown, "a mistake changes nothing");
    let change =
        json!({ "channels": { "sms": "subscribed" }, "topics": { "news": "unsubscribed" } });
    let changed = app.administer(Method::PATCH, ANN, change, &[]).await;
    assert_eq!(changed.status, 200, "{}", changed.line());
    assert_eq!(changed.body["channels"][0]["status"], "subscribed");
    assert_eq!(changed.body["topics"][0]["wanted"], false);
    let timeline = app.admin(&format!("{SHOP}/people/user_id:ann/timeline")).await.body;
    assert_eq!(timeline["events"][0]["source_id"], "staff", "{timeline}");
    let said = &timeline["events"][0]["context"]["messaging_subscriptions"];
    assert_eq!(said[0], json!({ "type": "SMS", "status": "SUBSCRIBED" }));
}
