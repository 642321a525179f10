//! How a workspace is doing.

use serde_json::json;

use super::TestApp;

const SHOP: &str = "/api/workspaces/shop";

#[tokio::test]
async fn the_overview_counts_what_became_of_messages_and_names_why_some_were_refused() {
    let app = TestApp::new().await;
    let good = json!({ "type": "track", "event": "Seen", "userId": "ann", "messageId": "one" });
    app.batch(json!([good, good, { "type": "track", "userId": "ann" }])).await;
    let overview = app.admin(&format!("{SHOP}/overview")).await.body;
    let sum = |outcome: &str| -> u64 {
        let minutes = overview["messages"]["minutes"].as_array().unwrap();
        minutes.iter().map(|minute| minute[outcome].as_u64().unwrap()).sum()
    };
    let sums = ["applied", "duplicates", "rejected", "applied_in_part"].map(sum);
    assert_eq!(sums, [1, 1, 1, 0]);
    let attention = &overview["attention"][0];
    assert_eq!(attention["place"], "rejections");
    assert!(attention["title"].as_str().unwrap().contains("1 message"), "{attention}");
    let figures = &overview["figures"];
    assert_eq!(figures["days"].as_array().unwrap().len(), 28);
    assert_eq!(figures["results"]["click_through_rate"]["value"], json!(null));
    assert_eq!(figures["model"], json!(null));
}
