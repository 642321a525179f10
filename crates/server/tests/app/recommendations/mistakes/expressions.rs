//! Wrong filters, boosters and other expressions.

use serde_json::{Value, json};

use super::{DELETE, GET, POST, PUT, Table, full_shop, state};

#[tokio::test]
async fn wrong_expressions_are_named_with_the_place() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let deep =
        |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    let long = |part: &str, n: usize| vec![part; n].join(" and ");
    for filter in [
        "'price".to_owned(),
        "\"price".to_owned(),
        "'price' >> 1".to_owned(),
        "'price' = 1".to_owned(),
        "price > 1".to_owned(),
        "'price' > 'title'".to_owned(),
        "'title' > 1".to_owned(),
        "'available' + 1 > 1".to_owned(),
        "'tags' * 2 == 1".to_owned(),
        "'colour' == \"red\"".to_owned(),
        "context_item[\"colour\"] == 1".to_owned(),
        "context_item".to_owned(),
        "now".to_owned(),
        "now() + \"x\" > 1".to_owned(),
        "size('price') > 1".to_owned(),
        "size() > 1".to_owned(),
        "round(1, 2, 3) > 1".to_owned(),
        "nothing('price')".to_owned(),
        "map(lambda 'x': 'x', 'price') == {}".to_owned(),
        "exists('tags')".to_owned(),
        "exists(lambda 'x' 'x', 'tags')".to_owned(),
        "exists(lambda 'x': 5, 'tags')".to_owned(),
        "if true then 1".to_owned(),
        "if 1 then true else false".to_owned(),
        "(true".to_owned(),
        "true)".to_owned(),
        "{1, 2".to_owned(),
        "1 2".to_owned(),
        "'price' in 5".to_owned(),
        "'a' 'b'".to_owned(),
        "\u{0}".to_owned(),
        "💡".to_owned(),
        "'price' > 99999999999999999999999999 in".to_owned(),
        "geo_radius([1, 2]) == 1".to_owned(),
        "reduce(\"?\", 'tags') == 1".to_owned(),
        deep("(", ")", 101),
        deep("(", ")", 30_000),
        deep("not ", "", 16_000),
        deep("if true then ", " else false", 2_500),
        deep("[", "][0]", 12_000),
        long("'price' > 1", 7_700),
        long("'price' > 1", 30_000),
    ] {
        table
            .call(
                &app,
                POST,
                "recomms/users/u0/items/",
                json!({ "count": 3, "filter": filter }).to_string(),
            )
            .await;
    }
    for booster in ["'tags'", "\"5\"", "{}", "'released' == 1", "1 if true"] {
        let body = json!({ "count": 3, "booster": booster }).to_string();
        table.call(&app, POST, "recomms/users/u0/items/", body).await;
    }
    for (method, path, body) in [
        (GET, "items/list/?filter='price'", Value::Null),
        (GET, "items/list/?filter='colour'%20==%201", Value::Null),
        (GET, "users/list/?filter='price'%20==%201", Value::Null),
        (POST, "more-items/", json!({ "filter": "'price' >", "changes": { "price": 1 } })),
        (POST, "more-items/", json!({ "filter": "'colour' > 1", "changes": { "price": 1 } })),
        (POST, "more-items/", json!({ "filter": "true", "changes": { "price": "dear" } })),
        (POST, "more-items/", json!({ "filter": "true", "changes": { "colour": "red" } })),
        (DELETE, "more-items/", json!({ "filter": "'price'" })),
        (DELETE, "more-items/", json!({})),
        (
            PUT,
            "segmentations/auto-reql/new",
            json!({ "sourceType": "items", "expression": "{'title'" }),
        ),
        (POST, "segmentations/auto-reql/auto", json!({ "expression": "'price'" })),
        (PUT, "segmentations/manual-reql/manual/segments/b", json!({ "filter": "'price'" })),
    ] {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        table.call(&app, method, path, body).await;
    }
    insta::assert_snapshot!(table.end(&app, before).await);
}
