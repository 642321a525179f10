//! Wrong calls of the operations that make no list.

use serde_json::json;

use super::super::interactions;
use super::{DELETE, GET, POST, PUT, Table, full_shop, state};

#[tokio::test]
async fn wrong_calls_of_the_other_operations_are_named() {
    let app = full_shop().await;
    let before = state(&app).await;
    let mut table = Table::default();
    let known = &interactions()[0]["params"];
    let again =
        json!({ "userId": known["userId"], "itemId": known["itemId"], "timestamp": known["timestamp"] })
            .to_string();
    let with = |more: &str| format!("{{\"userId\": \"u0\", \"itemId\": \"lamp0\"{more}}}");
    for (method, path, body) in [
        (PUT, "items/lamp0", String::new()),
        (DELETE, "items/nothing", String::new()),
        (GET, "items/nothing", String::new()),
        (POST, "items/nothing", "{\"price\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"price\": \"1\"}".to_owned()),
        (POST, "items/lamp0", "{\"price\": [1]}".to_owned()),
        (POST, "items/lamp0", "{\"price\": 1, \"tags\": \"x\"}".to_owned()),
        (POST, "items/lamp0", "{\"tags\": [1]}".to_owned()),
        (POST, "items/lamp0", "{\"available\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"available\": \"true\"}".to_owned()),
        (POST, "items/lamp0", "{\"title\": 5}".to_owned()),
        (POST, "items/lamp0", "{\"released\": \"yesterday\"}".to_owned()),
        (POST, "items/lamp0", "{\"released\": 1e300}".to_owned()),
        (POST, "items/lamp0", "{\"released\": \"+999999-01-01T00:00:00Z\"}".to_owned()),
        (POST, "items/lamp0", "{\"released\": true}".to_owned()),
        (POST, "items/lamp0", "{\"colour\": \"red\"}".to_owned()),
        (POST, "items/lamp0", "{\"itemId\": \"x\"}".to_owned()),
        (POST, "items/lamp0", "{\"\": 1}".to_owned()),
        (POST, "items/lamp0", "{\"!cascadeCreate\": 5}".to_owned()),
        (PUT, "items/properties/price", "{\"type\": \"int\"}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": 5}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": \"string\", \"role\": 5}".to_owned()),
        (PUT, "items/properties/new", "{\"type\": \"string\", \"role\": \"hero\"}".to_owned()),
        (PUT, "items/properties/a%20b", "{\"type\": \"string\"}".to_owned()),
        (PUT, "users/properties/userid", "{\"type\": \"string\"}".to_owned()),
        (PUT, "users/properties/new", "{\"type\": \"image\"}".to_owned()),
        (DELETE, "items/properties/nothing", String::new()),
        (GET, "items/properties/nothing", String::new()),
        (GET, "items/list/?count=-1", String::new()),
        (GET, "items/list/?offset=-1", String::new()),
        (GET, "items/list/?offset=1.5", String::new()),
        (PUT, "users/u0", String::new()),
        (PUT, "users/u0/merge/nobody", String::new()),
        (PUT, "users/nobody/merge/u0", String::new()),
        (PUT, "users/a%20b/merge/u0", String::new()),
        (PUT, "series/s1", String::new()),
        (PUT, "series/a%20b", String::new()),
        (DELETE, "series/nothing", String::new()),
        (
            POST,
            "series/s1/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp0\", \"time\": 1}".to_owned(),
        ),
        (POST, "series/s1/items/", "{\"itemType\": \"item\", \"itemId\": \"lamp1\"}".to_owned()),
        (
            POST,
            "series/s1/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp1\", \"time\": \"x\"}".to_owned(),
        ),
        (
            POST,
            "series/nothing/items/",
            "{\"itemType\": \"item\", \"itemId\": \"lamp1\", \"time\": 1}".to_owned(),
        ),
        (DELETE, "series/s1/items/?itemType=item&itemId=lamp7", String::new()),
        (GET, "series/nothing/items/", String::new()),
        (POST, "detailviews/", again),
        (POST, "detailviews/", "{}".to_owned()),
        (POST, "detailviews/", "{\"userId\": \"u0\"}".to_owned()),
        (POST, "detailviews/", with(", \"timestamp\": -1")),
        (POST, "detailviews/", with(", \"timestamp\": \"yesterday\"")),
        (POST, "detailviews/", with(", \"timestamp\": 1e300")),
        (POST, "detailviews/", with(", \"timestamp\": \"9999999-01-01\"")),
        (POST, "detailviews/", with(", \"timestamp\": \"2026-02-30T00:00:00Z\"")),
        (POST, "detailviews/", with(", \"timestamp\": true")),
        (POST, "detailviews/", with(", \"duration\": -1")),
        (POST, "detailviews/", with(", \"duration\": \"x\"")),
        (POST, "detailviews/", with(", \"additionalData\": 5")),
        (POST, "detailviews/", with(", \"recommId\": 5")),
        (POST, "detailviews/", with(", \"cascadeCreate\": \"maybe\"")),
        (POST, "detailviews/", "{\"userId\": \"nobody\", \"itemId\": \"lamp0\"}".to_owned()),
        (POST, "detailviews/", "{\"userId\": \"u0\", \"itemId\": \"nothing\"}".to_owned()),
        (POST, "purchases/", with(", \"amount\": \"x\"")),
        (POST, "purchases/", with(", \"amount\": -1")),
        (POST, "purchases/", with(", \"price\": [1]")),
        (POST, "purchases/", with(", \"price\": \"NaN\"")),
        (POST, "ratings/", with(", \"rating\": 1.5")),
        (POST, "ratings/", with(", \"rating\": \"good\"")),
        (POST, "ratings/", with("")),
        (POST, "viewportions/", with(", \"portion\": 2")),
        (POST, "viewportions/", with("")),
        (POST, "viewportions/", with(", \"portion\": 0.5, \"sessionId\": \"a b\"")),
        (POST, "viewportions/", with(", \"portion\": 0.1, \"sessionId\": \"s\", \"timestamp\": 9")),
        (DELETE, "detailviews/", "{}".to_owned()),
        (DELETE, "detailviews/?userId=u0&itemId=vase7", String::new()),
        (DELETE, "bookmarks/?userId=u0&itemId=lamp0", String::new()),
        (DELETE, "detailviews/?userId=u0&itemId=lamp1&timestamp=x", String::new()),
        (GET, "users/nobody/detailviews/", String::new()),
        (GET, "items/nothing/detailviews/", String::new()),
        (POST, "clicks/", with("")),
        (POST, "synonyms/items/", "{\"term\": \"urn\", \"synonym\": \"vase\"}".to_owned()),
        (POST, "synonyms/items/", "{\"term\": 5, \"synonym\": \"vase\"}".to_owned()),
        (POST, "synonyms/items/", "{\"term\": \"a\", \"synonym\": \"\"}".to_owned()),
        (
            POST,
            "synonyms/items/",
            "{\"term\": \"a\", \"synonym\": \"b\", \"oneWay\": \"maybe\"}".to_owned(),
        ),
        (DELETE, "synonyms/items/7", String::new()),
        (GET, "synonyms/items/?count=x", String::new()),
        (
            PUT,
            "segmentations/property-based/categories",
            "{\"sourceType\": \"items\", \"propertyName\": \"tags\"}".to_owned(),
        ),
        (
            PUT,
            "segmentations/property-based/new",
            "{\"sourceType\": \"items\", \"propertyName\": 5}".to_owned(),
        ),
        (PUT, "segmentations/nothing/new", "{\"sourceType\": \"items\"}".to_owned()),
        (GET, "segmentations/list/nothing", String::new()),
        (DELETE, "segmentations/nothing", String::new()),
        (PUT, "segmentations/manual-reql/manual/segments/a", "{\"filter\": \"true\"}".to_owned()),
        (
            PUT,
            "segmentations/manual-reql/manual/segments/a%20b",
            "{\"filter\": \"true\"}".to_owned(),
        ),
        (
            POST,
            "segmentations/manual-reql/manual/segments/nothing",
            "{\"filter\": \"true\"}".to_owned(),
        ),
        (PUT, "scenarios/new", "{\"endpoint\": \"searchItems\"}".to_owned()),
        (DELETE, "items/", String::new()),
        (DELETE, "users/", String::new()),
        (POST, "", "{}".to_owned()),
    ] {
        table.call(&app, method, path, body).await;
    }
    insta::assert_snapshot!(table.end(&app, before).await);
}
