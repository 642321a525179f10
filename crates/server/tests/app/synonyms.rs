//! Synonyms of the search over the recommender API.

use serde_json::{Value, json};

use super::TestApp;
use super::recombee::{codes, request};

#[tokio::test]
async fn synonyms_are_added_once_listed_in_their_order_and_deleted() {
    let app = TestApp::new().await;
    let add = |term: &str, synonym: &str| {
        request(
            "POST",
            "/synonyms/items/",
            json!({ "term": term, "synonym": synonym, "oneWay": true }),
        )
    };
    let list = |parameters: Value| request("GET", "/synonyms/items/", parameters);
    let answers = app
        .batch_of(json!([
            add("sci-fi", "science fiction"),
            add("sci-fi", "science fiction"),
            add("sci-fi", "future"),
            request("POST", "/synonyms/items/", json!({ "term": "a", "synonym": "b" })),
            list(json!({})),
            list(json!({ "count": 1, "offset": 1 })),
            list(json!({ "count": 0 })),
            add("", "x"),
            add("x", &"y".repeat(1_001)),
            request("POST", "/synonyms/items/", json!({ "term": "a" })),
            request("DELETE", "/synonyms/items/a968271b-d666-4dfb-8a30-f459e564ba7b", Value::Null),
        ]))
        .await;
    assert_eq!(codes(&answers), [201, 409, 201, 201, 200, 200, 400, 400, 400, 400, 404]);
    let id = answers[0].1["id"].as_str().unwrap();
    assert_eq!(
        answers[0].1,
        json!({ "id": id, "term": "sci-fi", "synonym": "science fiction", "oneWay": true })
    );
    assert_eq!(answers[3].1["oneWay"], false);
    let made = [&answers[0].1, &answers[2].1, &answers[3].1];
    assert_eq!(answers[4].1, json!({ "synonyms": made }));
    assert_eq!(answers[5].1, json!({ "synonyms": [made[1]] }));

    let path = format!("/synonyms/items/{id}");
    let answers = app
        .batch_of(json!([
            request("DELETE", &path, Value::Null),
            list(json!({})),
            add("sci-fi", "science fiction"),
            request("DELETE", "/synonyms/items/", Value::Null),
            list(json!({})),
            request("DELETE", "/synonyms/items/", Value::Null),
        ]))
        .await;
    assert_eq!(codes(&answers), [200, 200, 201, 200, 200, 200]);
    assert_eq!(answers[1].1["synonyms"].as_array().unwrap().len(), 2);
    assert_eq!(answers[4].1, json!({ "synonyms": [] }));
}
