//! Searches: what they find, at once, and for whom.

use serde_json::{Value, json};

use super::{shop, trained_shop};
use crate::TestApp;
use crate::recombee::request;

impl TestApp {
    async fn found(&self, query: &str) -> String {
        let body = json!({ "count": 100, "searchQuery": query });
        self.list("search/users/u0/items/", body).await.join(" ")
    }
}

#[tokio::test]
async fn words_are_found_by_their_beginning_with_typos_and_by_any_text() {
    let app = shop().await;
    let mut lines = String::new();
    for query in [
        "amber",
        "AMBER",
        "amb",
        "amver",
        "ambre",
        "lamp amber",
        "amber lamp",
        "lampe",
        "large",
        "grape vase",
        "sdhskldf",
        "",
        "   ",
        "\"'",
        "lamp AND rug",
        "Lämp",
        "a",
        "lamp0",
    ] {
        lines += &format!("{query:?}: {}\n", app.found(query).await);
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn synonyms_hold_one_way_or_both_until_they_are_deleted() {
    let app = shop().await;
    let add = |term: &str, synonym: &str, one_way: bool| {
        request(
            "POST",
            "/synonyms/items/",
            json!({ "term": term, "synonym": synonym, "oneWay": one_way }),
        )
    };
    app.change(vec![request("POST", "/items/vase0", json!({ "title": "jar" }))]).await;
    let mut lines = String::new();
    let mut look = async |what: &str| {
        for query in ["jar", "urn", "coral", "reef", "luminaire"] {
            lines += &format!("{what}, {query}: {}\n", app.found(query).await);
        }
    };
    look("none").await;
    let added = app
        .batch_of(json!([
            add("urn", "jar", true),
            add("reef", "coral", false),
            add("luminaire", "coral lamp", false)
        ]))
        .await;
    look("one way, both ways, two words").await;
    let paths =
        added.iter().map(|(_, json)| format!("/synonyms/items/{}", json["id"].as_str().unwrap()));
    let paths: Vec<String> = paths.collect();
    app.change(vec![request("DELETE", &paths[1], Value::Null)]).await;
    look("the second deleted").await;
    app.change(vec![add("jar", "coral", true), request("DELETE", &paths[0], Value::Null)]).await;
    look("jar goes to coral").await;
    app.change(vec![request("DELETE", "/synonyms/items/", Value::Null)]).await;
    look("all deleted").await;
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn a_search_sees_what_was_written_before_it() {
    let app = shop().await;
    let rename = |title: &str| vec![request("POST", "/items/lamp0", json!({ "title": title }))];
    assert_eq!(app.found("quokka").await, "");
    app.change(rename("quokka")).await;
    assert_eq!(app.found("quokka").await, "lamp0");
    app.change(rename("wombat")).await;
    assert_eq!(
        (app.found("quokka").await, app.found("wombat").await),
        (String::new(), "lamp0".to_owned())
    );
    app.change(vec![request("PUT", "/items/new", Value::Null)]).await;
    app.change(vec![request("POST", "/items/new", json!({ "tags": ["wombat"] }))]).await;
    assert_eq!(app.found("wombat").await, "lamp0 new");
    app.change(vec![request("DELETE", "/items/lamp0", Value::Null)]).await;
    assert_eq!(app.found("wombat").await, "new");
    app.change(vec![request("PUT", "/items/lamp0", Value::Null)]).await;
    assert_eq!(app.found("wombat").await, "new", "what comes under a deleted id is something new");
    app.change(vec![request("DELETE", "/items/properties/tags", Value::Null)]).await;
    assert_eq!(app.found("wombat").await, "");
    app.change(vec![request("DELETE", "/", Value::Null)]).await;
    app.change([super::properties(), super::items(), super::users()].concat()).await;
    assert_eq!(app.found("amber").await.split(' ').count(), 3);
    let app = app.reopened();
    assert_eq!(app.found("amber").await.split(' ').count(), 3);
}

#[tokio::test]
async fn filters_and_taste_hold_for_searches() {
    let app = trained_shop().await;
    let search = |user: usize, more: Value| {
        let mut body = json!({ "count": 100, "searchQuery": "amber" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = format!("search/users/u{user}/items/");
        let app = &app;
        async move { app.list(&path, body).await }
    };
    for user in 0..12 {
        let found = search(user, json!({})).await;
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], format!("{}0", super::kind_of(user)), "u{user}: {found:?}");
    }
    assert_eq!(search(0, json!({ "filter": "'category' == \"rug\"" })).await, ["rug0"]);
    assert_eq!(search(0, json!({ "filter": "'price' > 100" })).await.len(), 0);
    let boosted =
        search(0, json!({ "booster": "if 'category' == \"vase\" then 100 else 1" })).await;
    assert_eq!(boosted[0], "vase0");
    app.put_scenario(
        "box",
        json!({ "endpoint": "searchItems", "filter": "'category' != \"lamp\"" }),
    )
    .await;
    assert_eq!(search(0, json!({ "scenario": "box" })).await.len(), 2);
}

#[tokio::test]
async fn best_sellers_of_a_word_come_first_for_people_without_a_history() {
    let app = shop().await;
    let item = |id: &str, title: &str| {
        request("POST", &format!("/items/{id}"), json!({ "title": title, "!cascadeCreate": true }))
    };
    let buy = |user: usize, id: &str| {
        let body = json!({ "userId": format!("buyer{user}"), "itemId": id, "cascadeCreate": true });
        request("POST", "/purchases/", body)
    };
    let items = (0..20).map(|n| item(&format!("plain{n}"), &format!("Bunting {n}")));
    let named = [
        item("seller", "Party bunting with dots"),
        item("sofa", &("wide sofa ".repeat(40) + "bunting")),
    ];
    app.change(items.chain(named).collect()).await;
    let sold = (0..30).map(|user| buy(user, "seller")).chain((0..20).map(|user| buy(user, "sofa")));
    let sold = sold.chain((0..3).map(|user| buy(user, "plain7")));
    app.change(sold.collect()).await;
    for is_trained in [false, true] {
        if is_trained {
            app.train().await;
        }
        for user in ["nobody", "stranger"] {
            let body = json!({ "count": 100, "searchQuery": "bunting", "cascadeCreate": true });
            let found = app.list(&format!("search/users/{user}/items/"), body).await;
            assert_eq!(found.len(), 22);
            assert_eq!(
                found[..2],
                ["seller", "plain7"],
                "trained: {is_trained}, {user}: {found:?}"
            );
            assert_eq!(found[21], "sofa", "a sofa is no bunting, whatever it sells: {found:?}");
        }
    }
}

#[tokio::test]
async fn ids_article_numbers_and_split_and_joined_words_find_their_items() {
    let app = shop().await;
    let properties = [("sku", "int"), ("stock", "int")].map(|(name, type_)| {
        request("PUT", &format!("/items/properties/{name}"), json!({ "type": type_ }))
    });
    app.change(properties.to_vec()).await;
    let item = |id: &str, values: Value| {
        let mut values = values;
        values["!cascadeCreate"] = true.into();
        request("POST", &format!("/items/{id}"), values)
    };
    app.change(vec![
        item("85123A", json!({ "title": "Hanging heart", "sku": 4_006_381, "stock": 8_888 })),
        item("HG-77_b", json!({ "title": "Blue tea cup" })),
        item("c3", json!({ "title": "Lunchbag, spaceboy" })),
        request("PUT", "/items/untitled:9", Value::Null),
        request(
            "POST",
            "/detailviews/",
            json!({ "userId": "u1", "itemId": "seen-only", "cascadeCreate": true }),
        ),
    ])
    .await;
    let lines = [
        ("85123a", "85123A"),
        ("4006381", "85123A"),
        ("8888", ""),
        ("hg77B", "HG-77_b"),
        ("HG 77 b", "HG-77_b"),
        ("teacup", "HG-77_b"),
        ("lunch bag", "c3"),
        ("untitled:9", "untitled:9"),
        ("seen-only", "seen-only"),
    ];
    for (query, expected) in lines {
        assert_eq!(app.found(query).await, expected, "{query}");
    }
    app.change(vec![request("DELETE", "/items/85123A", Value::Null)]).await;
    assert_eq!(app.found("85123a").await, "");
}

#[tokio::test]
async fn segments_are_found_by_name_title_and_items() {
    let app = shop().await;
    let manual = |id: &str, filter: &str, title: &str| {
        let path = format!("/segmentations/manual-reql/rooms/segments/{id}");
        request("PUT", &path, json!({ "filter": filter, "title": title }))
    };
    app.change(vec![
        request("PUT", "/segmentations/manual-reql/rooms", json!({ "sourceType": "items" })),
        manual("s1", "'category' == \"lamp\"", "Dining room"),
        manual("s2", "'category' == \"rug\"", "Bedroom"),
        manual("s3", "'price' > 34", "Attic"),
    ])
    .await;
    app.put_scenario("rooms", json!({ "endpoint": "searchItemSegments", "segmentation": "rooms" }))
        .await;
    app.put_scenario(
        "kinds",
        json!({ "endpoint": "searchItemSegments", "segmentation": "categories" }),
    )
    .await;
    let mut lines = String::new();
    for (scenario, query) in [
        ("kinds", "rug"),
        ("kinds", "ru"),
        ("kinds", "amber"),
        ("kinds", "nothing"),
        ("rooms", "dining"),
        ("rooms", "Bed"),
        ("rooms", "s3"),
        ("rooms", "hazel"),
        ("rooms", "vase"),
    ] {
        let body = json!({ "count": 100, "searchQuery": query, "scenario": scenario });
        let found = app.list("search/users/u0/item-segments/", body).await;
        lines += &format!("{scenario} {query}: {}\n", found.join(" "));
    }
    insta::assert_snapshot!(lines);
    let filtered = json!({ "count": 9, "searchQuery": "amber", "scenario": "kinds", "filter": "'segmentId' != \"rug\"" });
    let mut filtered = app.list("search/users/u0/item-segments/", filtered).await;
    filtered.sort_unstable();
    assert_eq!(filtered, ["lamp", "vase"]);
}

#[tokio::test]
async fn constraints_hold_for_searches() {
    let app = shop().await;
    let constraint = json!([{ "property": "category", "max": 1 }]);
    app.put_scenario("box", json!({ "endpoint": "searchItems", "constraint": constraint })).await;
    let body = json!({ "count": 100, "searchQuery": "small", "scenario": "box" });
    let found = app.list("search/users/u0/items/", body).await;
    assert_eq!(found.len(), 3, "{found:?}");
}
