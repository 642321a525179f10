//! Several catalogs of products: each file takes the place of its own, and lists are of one.

use serde_json::{Value, json};

use super::TestApp;

impl TestApp {
    async fn put_catalog(&self, query: &str, file: &str) -> super::Answer {
        let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
        let path = format!("/api/workspaces/shop/catalog{query}");
        self.post(&path, file.to_owned(), &headers).await
    }

    async fn catalog_call(&self, method: &str, rest: &str, body: &Value) -> super::Answer {
        let request = axum::http::Request::builder().method(method);
        let request = request.uri(format!("/api/workspaces/shop/{rest}"));
        let request = request.header("authorization", "Bearer admin");
        self.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await
    }

    /// The ids of a list for somebody new, in alphabetical order.
    async fn listed_of_catalog(&self, settings: &Value) -> Vec<String> {
        let body = json!({
            "endpoint": "recommendItemsToUser", "user": "new", "count": 9, "settings": settings,
        });
        let answer = self.catalog_call("POST", "recommendations", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let entries = answer.body["items"].as_array().unwrap().iter();
        let mut ids: Vec<String> =
            entries.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    }
}

#[tokio::test]
async fn a_list_of_a_catalog_has_only_its_items_and_a_file_replaces_only_those() {
    let app = TestApp::new().await;
    let shoes = "item_id,title,stock\ns1,Boot,3\ns2,Sandal,0\n";
    assert_eq!(app.put_catalog("", shoes).await.status, 200);
    let music = "item_id,title,artist\nm1,Blue,Joni\nm2,Kind,Miles\n";
    let refused = app.put_catalog("?catalog=music", music).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.line().contains("there is no catalog \"music\""), "{}", refused.line());
    let named = json!({ "catalog": { "products": ["music"], "stock": "stok" } });
    let answer = app.catalog_call("PATCH", "settings", &named).await;
    let warning = answer.body["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("items have no such property"), "{}", answer.body);
    let named = json!({ "catalog": { "products": ["music"], "stock": "stock" } });
    let answer = app.catalog_call("PATCH", "settings", &named).await;
    assert_eq!((answer.status.as_u16(), answer.body.get("warnings")), (200, None));

    assert_eq!(app.put_catalog("?catalog=music", music).await.status, 200);
    let stolen = app.put_catalog("?catalog=music", "item_id,title\nm1,Blue\ns1,Boot\n").await;
    assert!(stolen.line().contains("\"s1\" in \"items\""), "{}", stolen.line());
    let other_type = "item_id,title\nm1,1\nm2,2\n";
    let refused = app.put_catalog("?catalog=music&type=title=int", other_type).await;
    assert!(
        refused.line().contains("items of other catalogs have it as string"),
        "{}",
        refused.line()
    );
    // No item of another catalog is withdrawn.
    assert_eq!(app.put_catalog("", shoes).await.body["changes"]["n_withdrawn"], json!(0));
    let shown = app.admin("/api/workspaces/shop/catalog").await.body;
    assert_eq!(
        shown["catalogs"],
        json!([
            { "name": "items", "n_items": 2, "n_offered": 1 },
            { "name": "music", "n_items": 2, "n_offered": 2 },
        ])
    );

    assert_eq!(app.listed_of_catalog(&json!({})).await, ["m1", "m2", "s1"]);
    assert_eq!(app.listed_of_catalog(&json!({ "catalog": "music" })).await, ["m1", "m2"]);
    assert_eq!(app.listed_of_catalog(&json!({ "catalog": "items" })).await, ["s1"]);
    let items = app.admin("/api/workspaces/shop/items?catalog=music").await.body;
    assert_eq!(items["items"].as_array().unwrap().len(), 2);
    assert_eq!(items["items"][0]["catalog"], json!("music"));
    let unknown = app.admin("/api/workspaces/shop/items?catalog=books").await;
    assert_eq!(unknown.status, 400, "{}", unknown.body);

    let body = json!({
        "endpoint": "recommendItemsToUser", "user": "new", "count": 9, "with_removed": true,
        "settings": { "catalog": "music" },
    });
    let removed = app.catalog_call("POST", "recommendations", &body).await.body["removed"].clone();
    let rule = removed["by_rule"].as_array().unwrap().iter();
    let rule = rule.clone().find(|rule| rule["rule"] == json!("other_catalog"));
    assert_eq!(rule.map(|rule| rule["n"].clone()), Some(json!(2)), "{removed}");
}

#[tokio::test]
async fn definitions_name_catalogs_that_there_are_and_keep_them() {
    let app = TestApp::new().await;
    let scenario = json!({ "endpoint": "recommendItemsToUser", "catalog": "music" });
    let refused = app.catalog_call("PUT", "scenarios/home", &scenario).await;
    assert!(refused.line().contains("there is no catalog \"music\""), "{}", refused.line());
    let own = json!({ "kind": "recommended_items", "catalog": "music" });
    let refused = app.catalog_call("PUT", "traits/albums", &own).await;
    assert!(refused.line().contains("there is no catalog \"music\""), "{}", refused.line());
    let named = json!({ "catalog": { "products": ["music"] } });
    assert_eq!(app.catalog_call("PATCH", "settings", &named).await.status, 200);
    for (path, body) in [("scenarios/home", &scenario), ("traits/albums", &own)] {
        let put = app.catalog_call("PUT", path, body).await;
        assert_eq!(put.status, 201, "{path}: {}", put.body);
    }
    let users = json!({ "endpoint": "recommendUsersToItem", "catalog": "music" });
    assert_eq!(app.catalog_call("PUT", "scenarios/people", &users).await.status, 400);

    // It goes once nothing names it and it has no items.
    let none = json!({ "catalog": null });
    let refused = app.catalog_call("PATCH", "settings", &none).await;
    assert!(refused.line().contains("there is no catalog \"music\""), "{}", refused.line());
    for path in ["scenarios/home", "traits/albums"] {
        assert_eq!(app.catalog_call("DELETE", path, &Value::Null).await.status, 204);
    }
    assert_eq!(app.put_catalog("?catalog=music", "item_id\nm1\nm2\n").await.status, 200);
    let refused = app.catalog_call("PATCH", "settings", &none).await;
    assert!(refused.line().contains("has 2 items: remove them first"), "{}", refused.line());
    let empty_first = json!({ "catalog": { "products": ["empty", "music"] } });
    assert_eq!(app.catalog_call("PATCH", "settings", &empty_first).await.status, 200);
    let refused = app.catalog_call("PATCH", "settings", &none).await;
    assert!(refused.line().contains("\"music\" has 2 items"), "{}", refused.line());
    let refused = app.catalog_call("DELETE", "catalog/music", &Value::Null).await;
    insta::assert_snapshot!(refused.line(), @r#"422 not_confirmed: it would withdraw the 2 items of the catalog "music", so nothing was removed: confirm the number (confirm=2)"#);
    assert_eq!(
        app.catalog_call("DELETE", "catalog/books?confirm=2", &Value::Null).await.status,
        404
    );
    assert_eq!(
        app.catalog_call("DELETE", "catalog/music?confirm=2", &Value::Null).await.status,
        200
    );
    let reset = app.catalog_call("PATCH", "settings", &none).await;
    assert_eq!((reset.status.as_u16(), reset.body.get("catalog")), (200, None), "{}", reset.body);
}

#[tokio::test]
async fn what_a_product_based_audience_names_and_nobody_knows_is_said() {
    let app = TestApp::new().await;
    assert_eq!(app.put_catalog("", "item_id,brand\na,Oak\n").await.status, 200);
    let of = |target: Value| {
        let mut likely = json!({ "size": 5 });
        likely.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        json!({ "likely": likely })
    };
    for (target, unknown) in [
        (json!({ "items": ["a", "gone"] }), json!(["item \"gone\""])),
        (
            json!({ "property": "brand", "value": "Elm" }),
            json!(["value \"Elm\" of the property \"brand\""]),
        ),
        (json!({ "property": "brnd", "value": "Oak" }), json!(["property \"brnd\""])),
        (json!({ "property": "brand", "value": "Oak" }), Value::Null),
    ] {
        let saved = app.catalog_call("PUT", "audiences/fans", &of(target.clone())).await;
        assert!(saved.status.is_success(), "{}", saved.body);
        assert_eq!(saved.body["unknown"], unknown, "{target}: {}", saved.body);
        let preview = app
            .catalog_call("POST", "audience_previews/likely", &of(target.clone())["likely"])
            .await;
        if preview.status == 200 {
            assert_eq!(preview.body["unknown"], unknown, "{target}: {}", preview.body);
        }
    }
}
