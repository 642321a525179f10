//! The vendor's logics and their settings.

use axum::http::Method;
use serde_json::{Value, json};

use super::{line, shop, trained_shop};
use crate::TestApp;
use crate::recombee::request;

const PATH: &str = "recomms/users/new/items/";
/// When somebody new did the first thing: after everybody else.
const FIRST_S: usize = 1_750_000_000;

/// What somebody new did, in the order of time.
async fn done(app: &TestApp, interactions: &[(&str, &str)]) {
    let of = |(n, (kind, item)): (usize, &(&str, &str))| {
        let params = json!({ "userId": "new", "itemId": item, "timestamp": FIRST_S + n, "cascadeCreate": true });
        request("POST", &format!("/{kind}/"), params)
    };
    app.change(interactions.iter().enumerate().map(of).collect()).await;
}

async fn played(app: &TestApp, portions: &[(&str, &str, f64)]) {
    let of = |(n, (item, session, portion)): (usize, &(&str, &str, f64))| {
        let params = json!({ "userId": "new", "itemId": item, "sessionId": session, "portion": portion,
            "timestamp": FIRST_S + n, "cascadeCreate": true });
        request("POST", "/viewportions/", params)
    };
    app.change(portions.iter().enumerate().map(of).collect()).await;
}

fn with(name: &str, settings: Value) -> Value {
    json!({ "count": 8, "logic": { "name": name, "settings": settings } })
}

fn are_all(list: &[String], kind: &str) -> bool {
    !list.is_empty() && list.iter().all(|id| id.starts_with(kind))
}

#[tokio::test]
async fn a_cart_is_gone_with_by_what_goes_with_its_items() {
    let app = trained_shop().await;
    done(&app, &[("cartadditions", "rug0"), ("purchases", "rug1"), ("cartadditions", "lamp2")])
        .await;
    let list = app.list(PATH, json!({ "count": 3, "logic": "ecommerce:cross-sell" })).await;
    assert!(are_all(&list, "lamp") && !list.contains(&"lamp2".to_owned()), "{list:?}");
    let of_item = app
        .list("recomms/items/vase3/items/", json!({ "count": 3, "logic": "ecommerce:cross-sell" }));
    assert!(are_all(&of_item.await, "vase"));
    let nobody = json!({ "count": 3, "logic": "ecommerce:cross-sell", "allowNonexistent": true });
    assert_eq!(app.list("recomms/users/nobody/items/", nobody).await.len(), 3);
}

#[tokio::test]
async fn what_is_watched_next_goes_with_what_was_watched_last() {
    let app = trained_shop().await;
    done(&app, &[("detailviews", "rug0"), ("detailviews", "rug1"), ("detailviews", "vase2")]).await;
    let list = app.list(PATH, json!({ "count": 3, "logic": "video:watch-next" })).await;
    assert!(are_all(&list, "vase") && !list.contains(&"vase2".to_owned()), "{list:?}");
    let like_it = json!({ "count": 3, "logic": "video:more-like-this" });
    assert!(are_all(&app.list("recomms/items/rug3/items/", like_it).await, "rug"));
}

#[tokio::test]
async fn what_was_begun_and_not_finished_is_continued() {
    let app = shop().await;
    played(
        &app,
        &[("lamp0", "a", 0.5), ("lamp1", "a", 0.05), ("lamp2", "a", 0.95), ("lamp3", "a", 0.3)],
    )
    .await;
    done(&app, &[("detailviews", "rug0")]).await;
    let logic = "video:continue-watching";
    assert_eq!(
        app.list(PATH, with(logic, json!({}))).await,
        ["lamp3", "lamp0"],
        "nothing fills it up"
    );
    let wide = json!({ "watchingStartedPercentage": 1, "watchingCompletedPercentage": 100 });
    assert_eq!(app.list(PATH, with(logic, wide)).await, ["lamp3", "lamp2", "lamp1", "lamp0"]);
    let narrow = json!({ "watchingStartedPercentage": 40 });
    assert_eq!(app.list(PATH, with(logic, narrow)).await, ["lamp0"]);
    // Finished a while after it was begun.
    played(
        &app,
        &[
            ("rug0", "a", 1.0),
            ("rug1", "a", 1.0),
            ("rug2", "a", 1.0),
            ("rug3", "a", 1.0),
            ("lamp0", "b", 1.0),
        ],
    )
    .await;
    assert_eq!(app.list(PATH, with(logic, json!({}))).await, ["lamp3"], "the last portion counts");
}

#[tokio::test]
async fn picks_are_listed_and_nothing_else() {
    let app = trained_shop().await;
    done(&app, &[("detailviews", "rug0"), ("detailviews", "rug1")]).await;
    let logic = "video:editorial-picks";
    let picks = json!(["lamp1", "nothing", "rug2", "vase3", "lamp1"]);
    let list = app.list(PATH, with(logic, json!({ "picks": picks }))).await;
    assert_eq!(list, ["lamp1", "rug2", "vase3"]);
    let by_taste = json!({ "picks": picks, "personalizedReordering": true });
    assert_eq!(app.list(PATH, with(logic, by_taste)).await[0], "rug2");
    played(&app, &[("vase3", "a", 0.2)]).await;
    let unwatched = json!({ "picks": picks, "excludeAlreadyWatched": true });
    assert_eq!(app.list(PATH, with(logic, unwatched)).await, ["lamp1", "rug2"]);
    // An editor of news leaves the order to the reader's taste unless they say otherwise.
    let news = "news:editors-picks";
    assert_eq!(app.list(PATH, with(news, json!({ "picks": picks }))).await[0], "rug2");
    let by_editor = json!({ "picks": picks, "personalizedReordering": false });
    assert_eq!(app.list(PATH, with(news, by_editor)).await, ["lamp1", "rug2", "vase3"]);
    let unread = json!({ "picks": ["rug0", "lamp1"], "excludeAlreadyRead": true });
    assert_eq!(app.list(PATH, with(news, unread)).await, ["lamp1"]);
    let scenario =
        json!({ "endpoint": "recommendItemsToUser", "logic": "picks", "picks": ["rug2", "lamp1"] });
    app.put_scenario("picked", scenario).await;
    assert_eq!(
        app.list(PATH, json!({ "count": 8, "scenario": "picked" })).await,
        ["rug2", "lamp1"]
    );
}

#[tokio::test]
async fn what_was_viewed_is_listed_by_its_age_and_in_the_order_that_is_asked_for() {
    let app = shop().await;
    done(&app, &[("detailviews", "rug0"), ("detailviews", "rug1")]).await;
    let list = |settings: Value| {
        let mut body = with("recombee:recently-viewed", settings);
        body["count"] = 2.into();
        app.list(PATH, body)
    };
    assert_eq!(list(json!({})).await, ["rug1", "rug0"]);
    assert_eq!(list(json!({ "recencyOrdering": "ascending" })).await, ["rug0", "rug1"]);
    // All of that is long ago; what fills up the list is not.
    let hour_ago = engine::now().0 / 1_000 - 3_600;
    let view = json!({ "userId": "new", "itemId": "vase0", "timestamp": hour_ago });
    app.change(vec![request("POST", "/detailviews/", view)]).await;
    assert_eq!(list(json!({ "maxAge": 3 * 3_600 })).await[0], "vase0");
    assert_eq!(list(json!({})).await, ["vase0", "rug1"]);
    let scenario = json!({ "endpoint": "recommendItemsToUser", "logic": "recently_viewed",
        "max_age_s": 3 * 3_600, "fallback": "none" });
    app.put_scenario("today", scenario).await;
    assert_eq!(app.list(PATH, json!({ "count": 8, "scenario": "today" })).await, ["vase0"]);
    let half_an_hour = json!({ "count": 8, "scenario": "today",
        "logic": { "name": "recombee:recently-viewed", "settings": { "maxAge": 1_800 } } });
    assert!(app.list(PATH, half_an_hour).await.is_empty());
}

#[tokio::test]
async fn what_is_popular_in_a_period_is_counted_from_what_happened_in_it() {
    for app in [shop().await, trained_shop().await] {
        let of_all = app.list(
            PATH,
            json!({ "count": 3, "logic": "recombee:popular", "allowNonexistent": true }),
        );
        let of_all = of_all.await;
        let ago = |hours: i64| engine::now().0 / 1_000 - 3_600 * hours;
        let seen =
            [("detailviews", "vase7", 1), ("purchases", "rug7", 2), ("purchases", "lamp7", 50)];
        let params = |(n, (kind, item, hours)): (usize, &(&str, &str, i64))| {
            let params = json!({ "userId": format!("n{n}"), "itemId": item, "timestamp": ago(*hours),
                "cascadeCreate": true });
            request("POST", &format!("/{kind}/"), params)
        };
        app.change(seen.iter().enumerate().map(params).collect()).await;
        let list = |settings: Value, count: usize| {
            let mut body = with("recombee:popular", settings);
            body["count"] = count.into();
            app.list("recomms/users/u0/items/", body)
        };
        // A purchase weighs more than a view; what is popular at all times follows.
        let day = list(json!({ "timePeriod": 86_400 }), 5).await;
        assert_eq!(day[..2], ["rug7", "vase7"]);
        assert_eq!(day.len(), 5);
        let week = list(json!({ "timePeriod": 7 * 86_400 }), 3).await;
        assert_eq!(week.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert!(
            ["lamp7", "rug7", "vase7"].iter().all(|item| week.contains(&(*item).to_owned())),
            "{week:?}"
        );
        assert_ne!(of_all, week);
        let scenario = json!({ "endpoint": "recommendItemsToUser", "logic": "trending",
            "interaction": "purchase", "max_age_s": 86_400 });
        app.put_scenario("sold", scenario).await;
        let sold =
            app.list("recomms/users/u0/items/", json!({ "count": 8, "scenario": "sold" })).await;
        assert_eq!(sold, ["rug7"], "purchases of a day, and nothing else");
        let filtered = with("recombee:popular", json!({ "timePeriod": 86_400 }));
        let filtered =
            json!({ "filter": "'category' == \"vase\"", "count": 2, "logic": filtered["logic"] });
        let filtered = app.list("recomms/users/u0/items/", filtered).await;
        assert!(filtered[0] == "vase7" && are_all(&filtered, "vase"), "{filtered:?}");
    }
}

#[tokio::test]
async fn what_is_popular_among_some_users_is_counted_from_what_they_did() {
    let app = trained_shop().await;
    let hour_ago = engine::now().0 / 1_000 - 3_600;
    let bought = [("u1", "rug7"), ("u3", "rug7"), ("u5", "rug7"), ("u4", "vase7")];
    let purchase = |(user, item): &(&str, &str)| {
        request(
            "POST",
            "/purchases/",
            json!({ "userId": user, "itemId": item, "timestamp": hour_ago }),
        )
    };
    app.change(bought.iter().map(purchase).collect()).await;
    let first = async |user: &str, filter: &str| {
        let settings = json!({ "timePeriod": 86_400, "userSegmentFilter": filter });
        let path = format!("recomms/users/{user}/items/");
        app.list(&path, with("recombee:popular", settings)).await[0].clone()
    };
    // Odd users live in Oslo, the others in Brno.
    for (user, filter, expected) in [
        ("u0", "", "rug7"),
        ("u0", "'city' == \"Oslo\"", "rug7"),
        ("u0", "'city' == \"Brno\"", "vase7"),
        ("u0", "'userId' == \"u4\"", "vase7"),
        ("u0", "'city' == context_user[\"city\"]", "vase7"),
        ("u7", "'city' == context_user[\"city\"]", "rug7"),
        ("u2", "'city' == context_user[\"city\"]", "vase7"),
    ] {
        assert_eq!(first(user, filter).await, expected, "{user}, {filter}");
    }
    let list =
        |settings: Value| app.list("recomms/users/u0/items/", with("video:popular", settings));
    let of_nobody = json!({ "timePeriod": 86_400, "userSegmentFilter": "'city' == \"Rome\"" });
    assert_eq!(list(of_nobody).await, list(json!({})).await, "what is trending fills it up");
    let at_any_time = list(json!({ "userSegmentFilter": "'userId' == \"u1\"" })).await;
    let seen_by_u1 = json!({ "count": 24, "filter": "'itemId' in map(lambda 'i': 'i'[\"itemId\"], \
        user_interactions(\"u1\", {\"detail_views\", \"purchases\"}))", "allowNonexistent": true });
    let seen_by_u1 = app.list("recomms/users/nobody/items/", seen_by_u1).await;
    assert!(
        at_any_time[..5].iter().all(|id| seen_by_u1.contains(id)),
        "{at_any_time:?}, {seen_by_u1:?}"
    );
    let scenario = json!({ "endpoint": "recommendItemsToUser", "logic": "trending",
        "max_age_s": 86_400, "user_filter": "'city' == context_user[\"city\"]" });
    app.put_scenario("here", scenario).await;
    let here = json!({ "count": 1, "scenario": "here" });
    assert_eq!(app.list("recomms/users/u0/items/", here.clone()).await, ["vase7"]);
    app.change(vec![request("DELETE", "/users/properties/city", Value::Null)]).await;
    assert_eq!(
        app.list("recomms/users/u0/items/", here).await,
        ["rug7"],
        "lists go without the filter"
    );
}

#[tokio::test]
async fn a_search_follows_the_user_as_far_as_the_call_says() {
    let app = trained_shop().await;
    let found = async |user: &str, settings: Value| {
        let body = json!({ "count": 3, "searchQuery": "amber", "allowNonexistent": true,
            "logic": { "name": "search:personalized", "settings": settings } });
        app.list(&format!("search/users/{user}/items/"), body).await
    };
    let by_text = found("nobody", json!({})).await;
    for user in ["u0", "u1", "u2"] {
        assert_eq!(found(user, json!({ "personalizationImpact": 0 })).await, by_text, "{user}");
    }
    let mut firsts = Vec::new();
    for user in ["u0", "u1", "u2"] {
        firsts.push(found(user, json!({ "personalizationImpact": 1 })).await[0].clone());
    }
    firsts.dedup();
    assert_eq!(firsts.len(), 3, "each likes another kind: {firsts:?}");
}

#[tokio::test]
async fn videos_that_were_watched_are_left_out_of_personal_lists_unless_the_call_says_otherwise() {
    let app = shop().await;
    played(&app, &[("lamp0", "a", 0.5)]).await;
    let has_it = async |name: &str, settings: Value| {
        let mut body = with(name, settings);
        body["count"] = 24.into();
        app.list(PATH, body).await.contains(&"lamp0".to_owned())
    };
    assert!(!has_it("video:personal", json!({})).await);
    assert!(has_it("video:personal", json!({ "excludeAlreadyWatched": false })).await);
    assert!(has_it("recombee:personal", json!({})).await);
}

#[tokio::test]
async fn videos_are_listed_by_their_kind() {
    let app = shop().await;
    let movies = with("video:personal", json!({ "assetType": "movies" }));
    let unknown = app.asked("recomms/users/u0/items/", movies.clone()).await;
    assert_eq!(unknown.status, 400, "no property says what items are: {}", line(&unknown));
    app.change(vec![
        request("PUT", "/items/properties/assetType", json!({ "type": "string" })),
        request("POST", "/items/lamp0", json!({ "assetType": "movie" })),
        request("POST", "/items/rug0", json!({ "assetType": "series" })),
    ])
    .await;
    assert_eq!(app.list("recomms/users/u1/items/", movies).await, ["lamp0"]);
}

#[tokio::test]
async fn settings_that_a_logic_does_not_have_are_named() {
    let app = shop().await;
    let mut lines = String::new();
    for body in [
        with("video:watch-next", json!({ "assetTipe": "movies" })),
        with("ecommerce:cross-sell", json!({ "picks": ["lamp0"] })),
        with("video:continue-watching", json!({ "watchingStartedPercentage": 120 })),
        with("video:continue-watching", json!({ "watchingStartedPercentage": 95 })),
        with("video:editorial-picks", json!({})),
        with("video:editorial-picks", json!({ "picks": ["a b"] })),
        with("video:editorial-picks", json!({ "picks": [5] })),
        with("video:personal", json!({ "assetType": "songs" })),
        with("recombee:recently-viewed", json!({ "recencyOrdering": "best" })),
        with("recombee:recently-viewed", json!({ "maxAge": -1 })),
        with("recombee:popular", json!({ "timePeriod": "7 days" })),
        with("recombee:popular", json!({ "userSegmentFilter": "'town' == 1" })),
        with("recombee:popular", json!({ "userSegmentFilter": "'city'" })),
        with("recombee:popular", json!({ "userSegmentFilter": "'city' ==" })),
        with("recombee:popular", json!({ "personalizationImpact": 0.5 })),
        with("search:personalized", json!({ "personalizationImpact": 2 })),
        with("news:search", json!({ "freshnessWeight": 0.5 })),
        with("recombee:personal", json!("fast")),
    ] {
        let answer = app.call(Method::POST, "recomms/users/u0/items/", body.to_string()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        lines += &format!("{}\n  {}\n", body["logic"], answer.body["error"].as_str().unwrap());
    }
    insta::assert_snapshot!(lines);
    let empty = json!({ "count": 3, "logic": { "name": "recombee:personal", "settings": [] } });
    assert_eq!(app.list("recomms/users/u0/items/", empty).await.len(), 3);
}

#[tokio::test]
async fn a_call_that_names_the_logic_of_its_endpoint_keeps_what_goes_with_it_in_the_scenario() {
    let app = trained_shop().await;
    done(&app, &[("detailviews", "rug0"), ("detailviews", "rug1")]).await;
    let scenario = r#"{"endpoint": "recommendItemsToUser", "exclude": "interacted"}"#;
    assert_eq!(app.scenario(Method::PUT, "fresh", scenario).await.status, 201);
    let unnamed = app.list(PATH, json!({ "count": 50, "scenario": "fresh" })).await;
    assert!(!unnamed.contains(&"rug0".to_owned()), "{unnamed:?}");
    for logic in ["recombee:default", "recombee:personal"] {
        let call = json!({ "count": 50, "scenario": "fresh", "logic": logic });
        assert_eq!(app.list(PATH, call).await, unnamed, "{logic}");
    }
}
