//! Segmentations of the recommender API.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::TestApp;
use super::recombee::{codes, request};

#[tokio::test]
async fn segmentations_of_the_three_kinds_are_made_changed_and_deleted() {
    let app = TestApp::new().await;
    let named = json!({ "sourceType": "items", "title": "T", "description": "D" });
    let with = |key: &str, value: &str| {
        let mut parameters = named.clone();
        parameters[key] = value.into();
        parameters
    };
    let list = || request("GET", "/segmentations/list/", json!({ "sourceType": "items" }));
    let answers = app
        .batch_of(json!([
            request("PUT", "/items/properties/str_property", json!({ "type": "string" })),
            request("PUT", "/items/properties/number", json!({ "type": "int" })),
            request("PUT", "/segmentations/property-based/p", with("propertyName", "str_property")),
            request("PUT", "/segmentations/auto-reql/a", with("expression", "{'str_property'}")),
            request("PUT", "/segmentations/manual-reql/m", json!({ "sourceType": "items" })),
            request(
                "PUT",
                "/segmentations/manual-reql/m/segments/s",
                json!({ "filter": "'number' > 1", "title": "S" })
            ),
            request(
                "PUT",
                "/segmentations/manual-reql/m/segments/other",
                json!({ "filter": "'str_property' != null" })
            ),
            list(),
            request("POST", "/segmentations/property-based/p", json!({ "title": null })),
            request(
                "POST",
                "/segmentations/auto-reql/a",
                json!({ "expression": "{'str_property' + 'str_property'}" })
            ),
            request("POST", "/segmentations/manual-reql/m", json!({ "description": "New" })),
            request(
                "POST",
                "/segmentations/manual-reql/m/segments/s",
                json!({ "filter": "'number' > 2" })
            ),
            request("DELETE", "/segmentations/manual-reql/m/segments/other", Value::Null),
            list(),
            request("GET", "/segmentations/list/m", Value::Null),
            request("DELETE", "/segmentations/m", Value::Null),
            request("GET", "/segmentations/list/m", Value::Null),
            request("GET", "/segmentations/list/", Value::Null),
        ]))
        .await;
    let expected =
        [201, 201, 201, 201, 201, 201, 201, 200, 200, 200, 200, 200, 200, 200, 200, 200, 404, 400];
    assert_eq!(codes(&answers), expected);
    insta::assert_json_snapshot!(
        answers.iter().filter(|(_, json)| *json != "ok").collect::<Vec<_>>()
    );
    assert_eq!(app.call(Method::DELETE, "", "").await.status, StatusCode::OK);
    let empty = app.call(Method::GET, "segmentations/list/?sourceType=items", "").await;
    assert_eq!(empty.body, json!({ "segmentations": [] }));
}

#[tokio::test]
async fn mistakes_in_segmentations_are_named_and_change_nothing() {
    let app = TestApp::new().await;
    app.call(Method::PUT, "items/properties/brand?type=string", "").await;
    app.call(Method::PUT, "items/properties/number?type=int", "").await;
    app.call(Method::PUT, "segmentations/manual-reql/m?sourceType=items", "").await;
    let long = json!({ "sourceType": "items", "title": "x".repeat(10_001) }).to_string();
    let mut table = String::new();
    for (method, path, body) in [
        (Method::PUT, "property-based/a%20b?sourceType=items&propertyName=brand", ""),
        (Method::PUT, "property-based/p?propertyName=brand", ""),
        (Method::PUT, "property-based/p?propertyName=brand&sourceType=users", ""),
        (Method::PUT, "property-based/p?sourceType=items", ""),
        (Method::PUT, "property-based/p?sourceType=items&propertyName=number", ""),
        (Method::PUT, "property-based/p?sourceType=items&propertyName=colour", ""),
        (Method::PUT, "auto-reql/a", r#"{"sourceType": "items"}"#),
        (Method::PUT, "auto-reql/a", r#"{"sourceType": "items", "expression": "{'brand'"}"#),
        (Method::PUT, "auto-reql/a", r#"{"sourceType": "items", "expression": "{'colour'}"}"#),
        (Method::PUT, "auto-reql/a", r#"{"sourceType": "items", "expression": "'brand'"}"#),
        (Method::PUT, "manual-reql/m", r#"{"sourceType": "items"}"#),
        (Method::PUT, "manual-reql/n", &long),
        (Method::POST, "auto-reql/m", r#"{"expression": "{'brand'}"}"#),
        (Method::POST, "auto-reql/a", r#"{"expression": "{'brand'}"}"#),
        (Method::PUT, "manual-reql/m/segments/s", ""),
        (Method::PUT, "manual-reql/m/segments/s", r#"{"filter": "'brand'"}"#),
        (Method::PUT, "manual-reql/n/segments/s", r#"{"filter": "true"}"#),
        (Method::POST, "manual-reql/m/segments/s", r#"{"filter": "true"}"#),
        (Method::DELETE, "manual-reql/m/segments/s", ""),
        (Method::DELETE, "a", ""),
    ] {
        let answer =
            app.call(method.clone(), &format!("segmentations/{path}"), body.to_owned()).await;
        let body: String = body.chars().take(60).collect();
        table += &format!(
            "{method} {path} {body}\n  {} {}\n",
            answer.status.as_u16(),
            answer.body["error"]
        );
    }
    insta::assert_snapshot!(table);
    let all = app.call(Method::GET, "segmentations/list/?sourceType=items", "").await;
    assert_eq!(all.body["segmentations"].as_array().unwrap().len(), 1);
}
