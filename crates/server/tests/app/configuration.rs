//! Configuration over the admin API: each change is in force with the next request.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use domain::Timestamp;
use engine::{Health, ManualClock};
use serde_json::{Value, json};
use web::Settings;

use super::{Answer, TestApp, basic, track};

const SHOP: &str = "/api/workspaces/shop";

impl TestApp {
    pub(crate) async fn administer(
        &self,
        method: Method,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", "Bearer admin");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    /// The status of a message with this write key.
    async fn sent_with(&self, key: &str) -> u16 {
        let message = json!({ "userId": "ann", "event": "Seen" }).to_string();
        self.post("/v1/track", message, &[("authorization", &basic(key))]).await.status.as_u16()
    }
}

fn etag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_source_counts_with_the_next_message_and_its_key_is_shown_once() {
    let app = TestApp::new().await;
    let sources = format!("{SHOP}/sources");
    let made = app.administer(Method::POST, &sources, json!({ "name": "my app" }), &[]).await;
    assert_eq!(made.status, 201, "{}", made.line());
    let key = made.body["write_key"].as_str().unwrap().to_owned();
    let path = made.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(path, format!("{sources}/my%20app"));
    assert_eq!(app.sent_with(&key).await, 200);
    let again = app.administer(Method::POST, &sources, json!({ "name": "my app" }), &[]).await;
    insta::assert_snapshot!(again.line(), @r#"409 already_exists: source "my app" is there already"#);
    for shown in [app.admin(&path).await, app.admin(&sources).await, app.admin(SHOP).await] {
        assert!(!shown.body.to_string().contains(&key), "{}", shown.body);
    }

    app.administer(Method::PATCH, &path, json!({ "enabled": false }), &[]).await;
    assert_eq!(app.sent_with(&key).await, 403);
    let renamed =
        app.administer(Method::PATCH, &path, json!({ "name": "app", "enabled": true }), &[]).await;
    assert_eq!((renamed.status.as_u16(), renamed.body["name"].as_str()), (200, Some("app")));
    assert_eq!((app.sent_with(&key).await, app.admin(&path).await.status.as_u16()), (200, 404));

    let path = format!("{sources}/app");
    let rotated = app.administer(Method::POST, &format!("{path}/rotate"), Value::Null, &[]).await;
    let other = rotated.body["write_key"].as_str().unwrap().to_owned();
    assert_eq!((app.sent_with(&key).await, app.sent_with(&other).await), (401, 200));
    let app = app.reopened();
    assert_eq!((app.sent_with(&key).await, app.sent_with(&other).await), (401, 200));
    assert_eq!(app.administer(Method::DELETE, &path, Value::Null, &[]).await.status, 204);
    assert_eq!(app.sent_with(&other).await, 401);
}

#[tokio::test]
async fn a_rotated_write_key_is_taken_until_its_time_is_over_or_somebody_ends_it() {
    let start = Timestamp::parse("2031-05-01T12:00:00Z").unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let app = TestApp::at(clock.clone()).await;
    let web = format!("{SHOP}/sources/web");
    let rotate =
        async |body: Value| app.administer(Method::POST, &format!("{web}/rotate"), body, &[]).await;
    let first = rotate(json!({ "overlap_s": 60 })).await;
    assert_eq!(first.body["earlier_key_until"], "2031-05-01T12:01:00.000Z");
    let second = first.body["write_key"].as_str().unwrap().to_owned();
    assert_eq!((app.sent_with("key").await, app.sent_with(&second).await), (200, 200));
    let new = json!({ "name": "other", "write_key": "key" });
    let taken = app.administer(Method::POST, &format!("{SHOP}/sources"), new, &[]).await;
    assert_eq!(taken.status, 409, "an earlier key is nobody else's");
    assert!(app.admin(&web).await.body.get("write_key").is_none());

    clock.set(Timestamp(start.0 + 60_000));
    assert_eq!((app.sent_with("key").await, app.sent_with(&second).await), (401, 200));
    assert!(app.admin(&web).await.body.get("earlier_key_until").is_none());

    let third = rotate(json!({ "overlap_s": 3_600 })).await;
    let third = third.body["write_key"].as_str().unwrap().to_owned();
    assert_eq!((app.sent_with(&second).await, app.sent_with(&third).await), (200, 200));
    let earlier = format!("{web}/earlier_key");
    assert_eq!(app.administer(Method::DELETE, &earlier, Value::Null, &[]).await.status, 204);
    assert_eq!((app.sent_with(&second).await, app.sent_with(&third).await), (401, 200));

    let fourth = rotate(json!({ "overlap_s": 60 })).await.body["write_key"].clone();
    rotate(Value::Null).await;
    let fourth = fourth.as_str().unwrap();
    assert_eq!(app.sent_with(fourth).await, 401, "without an overlap it is refused at once");
    assert_eq!(rotate(json!({ "overlap_s": 7_776_001 })).await.status, 400);
}

#[tokio::test]
async fn a_change_of_what_somebody_else_has_changed_is_refused_with_the_present_etag() {
    let app = TestApp::new().await;
    let definition = |count: u32| json!({ "kind": "recommended_items", "count": count });
    let scenario = |endpoint: &str| json!({ "endpoint": endpoint });
    let puts = [
        ("traits/t", definition(2), definition(3)),
        ("scenarios/s", scenario("searchItems"), scenario("recommendItemsToUser")),
    ];
    for (path, body, other) in puts {
        let path = format!("{SHOP}/{path}");
        let none = [("if-none-match", "*")];
        let made = app.administer(Method::PUT, &path, body.clone(), &none).await;
        assert_eq!(made.status, 201, "{}", made.line());
        assert_eq!(app.administer(Method::PUT, &path, body.clone(), &none).await.status, 412);
        let read = etag(&app.admin(&path).await);
        assert_eq!(read, etag(&made));
        let same = app.administer(Method::PUT, &path, body.clone(), &[("if-match", &read)]).await;
        assert_eq!((same.status.as_u16(), etag(&same)), (200, read.clone()), "{}", same.line());
        assert_eq!(etag(&app.admin(&path).await), read, "nothing has changed");
        let replaced = app.administer(Method::PUT, &path, other, &[("if-match", &read)]).await;
        assert_eq!(replaced.status, 200, "{}", replaced.line());
        assert_ne!(etag(&replaced), read);
        let versions = app.admin(&format!("{path}/versions")).await.body["versions"].clone();
        assert_eq!(versions.as_array().unwrap().len(), 2, "{versions}");
        for (method, body) in [(Method::PUT, body.clone()), (Method::DELETE, Value::Null)] {
            let stale = app.administer(method, &path, body, &[("if-match", &read)]).await;
            assert_eq!(stale.status, 412, "{}", stale.line());
            assert_eq!(etag(&stale), etag(&replaced));
            assert!(stale.line().contains("changed since you last read"), "{}", stale.line());
        }
        let wrong = app.administer(Method::PUT, &path, body, &[("if-match", "17")]).await;
        assert!(wrong.line().contains(r#"such as "17", or *"#), "{}", wrong.line());
    }
    for (count, method, path, body) in [
        (4, Method::PATCH, "settings", json!({ "name": "Shop" })),
        (5, Method::PUT, "interaction_weights", json!({ "view": 0.1 })),
        (6, Method::PATCH, "sources/web", json!({ "enabled": false })),
        (7, Method::DELETE, "tokens/profile", Value::Null),
    ] {
        let path = format!("{SHOP}/{path}");
        let read = etag(&app.admin(&path).await);
        app.administer(Method::PUT, &format!("{SHOP}/traits/t"), definition(count), &[]).await;
        let done =
            app.administer(method.clone(), &path, body.clone(), &[("if-match", &read)]).await;
        assert!(
            done.status.is_success(),
            "a change of something else is no clash: {}",
            done.line()
        );
        if method != Method::DELETE {
            let stale = app.administer(method, &path, body, &[("if-match", &read)]).await;
            assert_eq!(stale.status, 412, "{}", stale.line());
        }
    }
}

/// An answer whose body is newer or older than its `ETag` would let a change that was made of it
/// overwrite another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_etag_has_one_body_while_others_change_the_resource() {
    let app = Arc::new(TestApp::new().await);
    let changing = Arc::clone(&app);
    let changes = tokio::spawn(async move {
        for n in 0..300u32 {
            let (name, view) =
                (json!({ "name": n.to_string() }), json!({ "view": f64::from(n) / 1_000.0 }));
            changing.administer(Method::PATCH, &format!("{SHOP}/settings"), name, &[]).await;
            changing
                .administer(Method::PUT, &format!("{SHOP}/interaction_weights"), view, &[])
                .await;
        }
    });
    let mut bodies: BTreeMap<(&str, String), Value> = BTreeMap::new();
    while !changes.is_finished() {
        for resource in ["settings", "interaction_weights"] {
            let answer = app.admin(&format!("{SHOP}/{resource}")).await;
            let known =
                bodies.entry((resource, etag(&answer))).or_insert_with(|| answer.body.clone());
            assert_eq!(*known, answer.body);
        }
    }
    changes.await.unwrap();
}

#[tokio::test]
async fn settings_keep_what_a_patch_leaves_out() {
    let app = TestApp::new().await;
    let settings = format!("{SHOP}/settings");
    for patch in [json!({ "click": 0, "list_view": 0 }), json!({ "click": 0.1 })] {
        let done =
            app.administer(Method::PATCH, &settings, json!({ "weak_signals": patch }), &[]).await;
        assert_eq!(done.status, 200, "{}", done.line());
    }
    assert_eq!(
        app.admin(&settings).await.body["weak_signals"],
        json!({ "click": 0.1, "list_view": 0.0 })
    );
}

#[tokio::test]
async fn tokens_and_traits_count_with_the_next_call() {
    let app = TestApp::new().await;
    app.batch(json!([track(1, "ann", "Product Viewed", json!({ "product_id": "lamp" }))])).await;
    let tokens = format!("{SHOP}/tokens");
    let body = json!({ "name": "second", "kind": "private" });
    let made = app.administer(Method::POST, &tokens, body, &[]).await;
    assert_eq!(made.status, 201, "{}", made.line());
    let secret = made.body["token"].as_str().unwrap().to_owned();
    let called_with = async |token: &str| {
        let target = format!("/shop/items/list/?hmac_timestamp={}", engine::now().0 / 1_000);
        app.signed(Method::GET, &target, "hmac_sign", token, "").await.status.as_u16()
    };
    assert_eq!((called_with("private").await, called_with(&secret).await), (200, 200));
    let revoke = async |name: &str| {
        app.administer(Method::DELETE, &format!("{tokens}/{name}"), Value::Null, &[])
            .await
            .status
            .as_u16()
    };
    assert_eq!(revoke("private").await, 204);
    assert_eq!((called_with("private").await, called_with(&secret).await), (401, 200));
    let listed = app.admin(&tokens).await.body;
    assert!(!listed.to_string().contains(&secret), "{listed}");

    let path = format!("{SHOP}/traits/seen");
    let body = json!({ "kind": "recommended_items", "logic": "recently_viewed" });
    assert_eq!(app.administer(Method::PUT, &path, body, &[]).await.status, 201);
    let seen = async || app.profile("user_id:ann", "traits").await.body["traits"]["seen"].clone();
    assert_eq!(seen().await, json!(["lamp"]));
    assert_eq!(app.administer(Method::DELETE, &path, Value::Null, &[]).await.status, 204);
    assert_eq!(seen().await, Value::Null);
    assert_eq!(revoke("profile").await, 204);
    assert_eq!(app.profile("user_id:ann", "traits").await.status, 401);

    let admins = "/api/api_keys";
    let last =
        app.administer(Method::DELETE, &format!("{admins}/bootstrap"), Value::Null, &[]).await;
    assert_eq!(last.status, 409, "{}", last.line());
    let key = json!({ "name": "console", "role": "owner" });
    let made = app.administer(Method::POST, admins, key, &[]).await;
    let bearer = format!("Bearer {}", made.body["key"].as_str().unwrap());
    assert_eq!(app.get(admins, &[("authorization", &bearer)]).await.status, 200);
    app.administer(Method::DELETE, &format!("{admins}/bootstrap"), Value::Null, &[]).await;
    assert_eq!(app.admin(SHOP).await.status, 401);
}

#[tokio::test]
async fn a_workspace_is_made_served_and_removed_while_others_go_on() {
    let app = TestApp::new().await;
    let made = app
        .administer(Method::POST, "/api/workspaces", json!({ "id": "news", "name": "News" }), &[])
        .await;
    assert_eq!(
        (made.status.as_u16(), made.body["name"].as_str()),
        (201, Some("News")),
        "{}",
        made.line()
    );
    let news = "/api/workspaces/news";
    let sources = format!("{news}/sources");
    let taken = app
        .administer(Method::POST, &sources, json!({ "name": "web", "write_key": "key" }), &[])
        .await;
    insta::assert_snapshot!(taken.line(), @r#"409 write_key_taken: source "web": write_key is that of another source: give each its own (at /write_key)"#);
    let source = json!({ "name": "web", "write_key": "of-news" });
    assert_eq!(app.administer(Method::POST, &sources, source, &[]).await.status, 201);
    assert_eq!(app.sent_with("of-news").await, 200);

    let refused =
        app.administer(Method::DELETE, &format!("{news}?confirm=shop"), Value::Null, &[]).await;
    insta::assert_snapshot!(refused.line(), @"400 validation_error: this removes workspace news with all its data: repeat its id to confirm, as ?confirm=news (parameter confirm)");
    let removed =
        app.administer(Method::DELETE, &format!("{news}?confirm=news"), Value::Null, &[]).await;
    assert_eq!(removed.status, 200, "{}", removed.line());
    let moved_to =
        app.folder.path().join("installation").join(removed.body["moved_to"].as_str().unwrap());
    assert!(moved_to.join("news/journal").is_dir() && moved_to.join("news.end").is_file());
    assert_eq!(app.admin(news).await.status, 404);
    assert_eq!((app.sent_with("of-news").await, app.sent_with("key").await), (401, 200));
    let again = app.administer(Method::POST, "/api/workspaces", json!({ "id": "news" }), &[]).await;
    assert_eq!(again.status, 201, "{}", again.line());
    assert_eq!(app.admin(&sources).await.body, json!({ "sources": [] }));
}

#[tokio::test]
async fn a_workspace_that_somebody_uses_is_not_removed_and_goes_on() {
    let settings = Settings { removal_wait_max: Duration::from_millis(20), ..Settings::default() };
    let app = TestApp::with(settings).await;
    let user = Arc::clone(&app.engine);
    let refused =
        app.administer(Method::DELETE, &format!("{SHOP}?confirm=shop"), Value::Null, &[]).await;
    insta::assert_snapshot!(refused.line(), @"409 in_use: requests still use workspace shop: nothing was removed, try again later");
    assert_eq!(app.sent_with("key").await, 200);
    assert_eq!(user.health(), Health::Ready);
}

#[tokio::test]
async fn changed_interaction_weights_alter_the_next_list() {
    let app = TestApp::new().await;
    // Whoever views one of a kind views the others as well, so each speaks for its kind.
    let kinds = ["lamp", "vase"];
    let of_kind = |kind: &str, n: u32| json!({ "product_id": format!("{kind}-{}", n % 10) });
    let views = (0..600u32).map(|n| {
        let (user, kind) = (n / 5, kinds[(n / 5 % 2) as usize]);
        track(n, &format!("u{user}"), "Product Viewed", of_kind(kind, user + n % 5))
    });
    let own = [
        track(1_000, "ann", "Product Viewed", of_kind("lamp", 0)),
        track(1_001, "ann", "Product Added", of_kind("vase", 0)),
    ];
    for messages in views.chain(own).collect::<Vec<_>>().chunks(100) {
        assert_eq!(app.batch(json!(messages)).await.status, 200);
    }
    let run = app.train().await;
    assert_eq!(run["state"], "done", "{run}");
    let weights = format!("{SHOP}/interaction_weights");
    let first_kinds = async |view: f32, cart: f32| {
        let body = json!({ "view": view, "cart": cart });
        let put = app.administer(Method::PUT, &weights, body, &[]).await;
        assert_eq!(put.status, 200, "{}", put.line());
        let list = app.admin(&format!("{SHOP}/recommendations?user=ann&count=3")).await.body;
        let kind =
            |item: &Value| item["id"].as_str().unwrap().split('-').next().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(first_kinds(1.0, 0.0).await, ["lamp"; 3]);
    assert_eq!(first_kinds(0.0, 1.0).await, ["vase"; 3]);
    assert_eq!(first_kinds(1.0, 0.0).await, ["lamp"; 3]);
}

#[tokio::test]
async fn mistakes_name_the_key_and_change_nothing() {
    let app = TestApp::new().await;
    let before = app.engine.config();
    let mut lines = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/api/workspaces", json!({ "id": "Shop" })),
        (Method::POST, "/api/workspaces", json!({ "id": "shop" })),
        (Method::POST, "/api/workspaces", json!({ "id": "new", "name": "" })),
        (Method::POST, "/api/api_keys", json!({ "name": "a b", "role": "editor" })),
        (Method::POST, "/api/api_keys", json!({ "name": "a", "role": "admin" })),
        (Method::DELETE, "/api/api_keys/nope", Value::Null),
        (Method::POST, "sources", json!({ "name": "" })),
        (Method::POST, "sources", json!({ "name": "app", "write_key": "a:b" })),
        (Method::POST, "sources", json!({ "name": "app", "write_key": "key" })),
        (Method::POST, "sources", json!({ "nam": "app" })),
        (Method::POST, "sources", json!({ "name": "x".repeat(257) })),
        (Method::PATCH, "sources/web", json!({ "write_key": "off-key" })),
        (Method::PATCH, "sources/web", json!({ "name": "old" })),
        (Method::PATCH, "sources/nope", json!({ "enabled": true })),
        (Method::DELETE, "sources/nope", Value::Null),
        (Method::POST, "tokens", json!({ "name": "x", "kind": "secret" })),
        (Method::POST, "tokens", json!({ "name": "public", "kind": "private" })),
        (Method::POST, "tokens", json!({ "name": "x", "kind": "public", "token": "private" })),
        (Method::DELETE, "tokens/nope", Value::Null),
        (Method::PUT, "traits/x__detail", json!({ "kind": "recommended_items" })),
        (Method::PUT, "traits/x", json!({ "kind": "recommended_items", "count": 0 })),
        (Method::PUT, "traits/x", json!({ "key": "y", "kind": "recommended_items" })),
        (Method::PUT, "traits/x", json!({ "kind": "recommended_items", "cuont": 1 })),
        (Method::PUT, "interaction_weights", json!({ "view": 2 })),
        (Method::PUT, "interaction_weights", Value::Null),
        (Method::PATCH, "settings", json!({ "public_merge_users": "yes" })),
        (Method::PATCH, "settings", json!({ "private_token": "x" })),
    ] {
        let full = if path.starts_with('/') { path.to_owned() } else { format!("{SHOP}/{path}") };
        let answer = app.administer(method.clone(), &full, body.clone(), &[]).await;
        lines.push(format!("{method} {path} {body}\n  {}", answer.line()));
    }
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(app.engine.config(), before);
}

/// A typing error in a parameter must not pass for a parameter that is not given.
#[tokio::test]
async fn no_admin_route_passes_over_a_query_parameter_that_it_does_not_have() {
    let app = TestApp::new().await;
    let (source, _) = include_str!("../../src/admin/rights.rs").split_once("#[cfg(test)]").unwrap();
    let routes = source.split('"').filter(|text| text.starts_with("/api/"));
    let mut n_refused = 0;
    for route in routes.collect::<BTreeSet<_>>() {
        let path = route.replace("{workspace}", "shop").replace("{version}", "1");
        let path = path.replace("{name}", "web").replace("{key}", "recommended_items");
        let path = path
            .replace("{email}", "ann@example.com")
            .replace("{offset}", "1")
            .replace("{mapping}", "a")
            .replace("{member}", "a")
            .replace("{item_id}", "a")
            .replace("{catalog}", "a");
        let path = path.replace("{id}", "1").replace("{recomm_id}", &uuid::Uuid::nil().to_string());
        assert!(!path.contains('{'), "{route}");
        let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        for method in methods {
            let path = format!("{path}?cuont=5");
            let answer = app.administer(method.clone(), &path, json!({}), &[]).await;
            let line = answer.line();
            if answer.status != 405 {
                n_refused += 1;
                let refused = "400 validation_error: there is no query parameter \"cuont\"; ";
                assert!(line.starts_with(refused), "{method} {path}: {line}");
            }
        }
    }
    assert!(n_refused > 35, "{n_refused}");
}
