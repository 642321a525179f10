//! What somebody can do who has found the public token in a page, and what not; ids that only
//! messages may give.

use axum::http::{Method, StatusCode};
use domain::WorkspaceConfig;
use engine::Entry;
use serde_json::{Value, json};

use super::TestApp;
use super::recombee::{codes, request};

async fn shop() -> TestApp {
    let app = TestApp::new().await;
    let answers = app
        .batch_of(json!([
            request("PUT", "/items/properties/price", json!({ "type": "double" })),
            request("PUT", "/users/properties/email", json!({ "type": "string" })),
            request("PUT", "/users/properties/tier", json!({ "type": "string" })),
            request("POST", "/items/lamp", json!({ "price": 20, "!cascadeCreate": true })),
            request("POST", "/items/chair", json!({ "price": 40, "!cascadeCreate": true })),
            request(
                "POST",
                "/users/ann",
                json!({ "email": "ann@x.com", "tier": "gold", "!cascadeCreate": true })
            ),
            request(
                "POST",
                "/detailviews/",
                json!({ "userId": "ann", "itemId": "lamp", "timestamp": 5 })
            ),
        ]))
        .await;
    assert!(codes(&answers).iter().all(|code| [200, 201].contains(code)), "{answers:?}");
    app
}

async fn users(app: &TestApp) -> Value {
    app.call(Method::GET, "users/list/", "").await.body
}

#[tokio::test]
async fn browsers_make_users_by_interactions_only_and_never_learn_who_is_there() {
    let app = shop().await;
    for user in ["ann", "bob"] {
        let list = json!({ "count": 2, "cascadeCreate": true });
        let answer = app.public(&format!("recomms/users/{user}/items/"), list).await;
        assert_eq!(answer.status, StatusCode::OK, "{user}: {}", answer.body);
        let list = app.public(&format!("recomms/users/{user}/items/"), json!({ "count": 2 })).await;
        assert_eq!(list.status, StatusCode::OK, "{user}: {}", list.body);
        let search = json!({ "count": 2, "searchQuery": "lamp" });
        let found = app.public(&format!("search/users/{user}/items/"), search).await;
        assert_eq!(found.status, StatusCode::OK, "{user}: {}", found.body);
    }
    assert_eq!(users(&app).await, json!(["ann"]), "no list made anybody");

    let view = |user: &str, item: &str| json!({ "userId": user, "itemId": item, "timestamp": 5 });
    let of_ann = app.public("detailviews/", view("ann", "lamp")).await;
    let of_bob = app.public("detailviews/", view("bob", "lamp")).await;
    assert_eq!(
        (of_ann.status, of_ann.body),
        (of_bob.status, of_bob.body),
        "one was there, one is new"
    );
    assert_eq!(users(&app).await, json!(["ann", "bob"]));
    assert_eq!(
        app.public("detailviews/", view("bob", "nothing")).await.status,
        StatusCode::NOT_FOUND
    );
    let of_ann = app.call(Method::GET, "users/ann/detailviews/", "").await;
    assert_eq!(of_ann.body.as_array().unwrap().len(), 1, "the second one changed nothing");
}

#[tokio::test]
async fn browsers_merge_users_where_the_workspace_allows_it_and_learn_nothing_by_it() {
    let app = shop().await;
    for merged in ["ann", "nobody"] {
        let answer = app
            .public(&format!("users/eve/merge/{merged}"), json!({ "cascadeCreate": true }))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{merged}: {}", answer.body);
        assert!(
            answer.body["error"].as_str().unwrap().contains("public_merge_users"),
            "{}",
            answer.body
        );
        let batch = json!({ "requests": [request("PUT", &format!("/users/eve/merge/{merged}"), json!({}))] });
        let answer = app.public("batch/", batch).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{merged}: {}", answer.body);
        assert!(
            answer.body["error"].as_str().unwrap().contains("public_merge_users"),
            "{}",
            answer.body
        );
    }
    assert_eq!(users(&app).await, json!(["ann"]), "they are refused until it is said otherwise");

    let config = WorkspaceConfig { public_merge_users: true, ..(*app.engine.config()).clone() };
    app.engine.submit(vec![Entry::Configured(config)]).await.unwrap();
    let app = app.reopened();
    let of_absent = app.public("users/eve/merge/nobody", json!({})).await;
    assert_eq!(users(&app).await, json!(["ann"]), "there is nobody to merge");
    let of_there = app.public("users/eve/merge/ann", json!({})).await;
    assert_eq!(of_there.status, StatusCode::OK, "{}", of_there.body);
    assert_eq!(
        (of_there.status, of_there.body),
        (of_absent.status, of_absent.body),
        "one is there, one is not"
    );
    let of_eve = app.call(Method::GET, "users/eve/detailviews/", "").await;
    assert_eq!(of_eve.body[0]["itemId"], "lamp", "what ann did is of eve: {}", of_eve.body);

    let batch = json!({ "requests": [
        request("PUT", "/users/zoe/merge/eve", json!({ "cascadeCreate": false })),
        request("PUT", "/users/zoe/merge/nobody", json!({})),
    ] });
    let answer = app.public("batch/", batch).await;
    assert_eq!(answer.body[0]["code"], 200, "{}", answer.body);
    assert_eq!(answer.body[0], answer.body[1]);
    assert_eq!(users(&app).await, json!(["zoe"]));
    // What else is about users is for servers still.
    for path in ["users/zoe", "users/properties/x"] {
        assert_eq!(app.public(path, json!({})).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_request_of_a_batch_is_right_or_wrong_by_what_those_before_it_have_changed() {
    let app = shop().await;
    let view = |item: &str, creates: bool| {
        let params = json!({ "userId": "ann", "itemId": item, "cascadeCreate": creates });
        request("POST", "/detailviews/", params)
    };
    let batch = json!({ "requests": [view("new", false), view("new", true), view("new", false)] });
    let answers = app.public("batch/", batch).await.body;
    let codes_of = answers.as_array().unwrap().iter().map(|answer| answer["code"].clone());
    assert_eq!(Value::from_iter(codes_of), json!([404, 200, 200]), "{answers}");

    let odd = "auth0|12";
    let message = json!({ "userId": odd, "type": "identify", "traits": {} });
    assert_eq!(app.batch(json!([message])).await.status, 200);
    let of_odd = json!({ "userId": odd, "itemId": "new", "cascadeCreate": true });
    let answers = app
        .batch_of(json!([
            request("POST", "/detailviews/", of_odd.clone()),
            request("DELETE", "/users/auth0%7C12", json!({})),
            request("POST", "/detailviews/", of_odd),
        ]))
        .await;
    assert_eq!(codes(&answers), [200, 200, 400], "{answers:?}");
}

#[tokio::test]
async fn ids_tell_browsers_nothing_either() {
    let app = shop().await;
    app.put_scenario("both", json!({ "endpoint": "compositeRecommendation" })).await;
    let there = ["a+b@x.com", "auth0|12"];
    let seen = |n, user| super::track(n, user, "Product Viewed", json!({ "product_id": "lamp" }));
    assert_eq!(app.batch(json!([seen(1, there[0]), seen(2, there[1])])).await.status, 200);
    for (user, absent) in
        [(there[0], "c+d@x.com"), (there[1], "auth0|13"), ("ann", "bob"), ("", ""), ("x y", "y x")]
    {
        let answers = async |user: &str| {
            let encoded: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let mut lines = String::new();
            for (path, body) in [
                (format!("recomms/users/{encoded}/items/"), json!({ "count": 1 })),
                (
                    "recomms/items/lamp/items/".to_owned(),
                    json!({ "count": 1, "targetUserId": user }),
                ),
                (
                    format!("search/users/{encoded}/items/"),
                    json!({ "count": 1, "searchQuery": "lamp" }),
                ),
                (
                    "recomms/composite/".to_owned(),
                    json!({ "count": 1, "scenario": "both", "userId": user }),
                ),
                (
                    "detailviews/".to_owned(),
                    json!({ "userId": user, "itemId": "lamp", "timestamp": 5 }),
                ),
            ] {
                let answer = app.public(&path, body).await;
                let error = answer.body["error"].to_string().replace(user, "USER");
                lines += &format!("{path} {} {error}\n", answer.status).replace(&encoded, "USER");
            }
            lines
        };
        let [of_there, of_absent] = [answers(user).await, answers(absent).await];
        assert_eq!(of_there, of_absent, "{user} is there, {absent} is not");
        assert!(user.is_empty() || !of_there.contains("400"), "{of_there}");
    }
}

#[tokio::test]
async fn what_users_did_is_listed_to_browsers_by_scenarios_only() {
    let app = shop().await;
    app.put_scenario(
        "seen",
        json!({ "endpoint": "recommendItemsToUser", "logic": "recently_viewed", "fallback": "none" }),
    )
    .await;
    app.put_scenario("both", json!({ "endpoint": "compositeRecommendation" })).await;
    let own =
        app.public("recomms/users/ann/items/", json!({ "count": 5, "scenario": "seen" })).await;
    assert_eq!(own.body["recomms"], json!([{ "id": "lamp" }]), "{}", own.body);
    for name in [
        "recently_viewed",
        "buy_again",
        "recombee:recently-viewed",
        "media:continue-watching",
        "ecommerce:buy-again",
    ] {
        for logic in [json!(name), json!({ "name": name })] {
            let list = json!({ "count": 5, "logic": logic });
            let of_source = json!({ "count": 5, "scenario": "both", "userId": "ann", "sourceSettings": { "logic": logic } });
            let of_result =
                json!({ "count": 5, "scenario": "both", "userId": "ann", "logic": logic });
            for (path, body) in [
                ("recomms/users/ann/items/", list.clone()),
                ("recomms/users/nobody/items/", list.clone()),
                (
                    "recomms/items/lamp/items/",
                    json!({ "count": 5, "targetUserId": "ann", "logic": logic }),
                ),
                ("recomms/composite/", of_source),
                ("recomms/composite/", of_result),
            ] {
                let refused = app.public(path, body.clone()).await;
                assert_eq!(
                    refused.status,
                    StatusCode::FORBIDDEN,
                    "{path} {body}: {}",
                    refused.body
                );
                assert!(refused.body["error"].as_str().unwrap().contains("in a scenario"));
                let batch =
                    json!({ "requests": [request("POST", &format!("/{path}"), body.clone())] });
                assert_eq!(app.public("batch/", batch).await.body[0]["code"], 403);
                let mut of_server = body;
                of_server["allowNonexistent"] = true.into();
                let allowed = app.call(Method::POST, path, of_server.to_string()).await;
                assert_eq!(allowed.status, StatusCode::OK, "{path}: {}", allowed.body);
            }
        }
    }
}

#[tokio::test]
async fn whose_interactions_count_is_for_scenarios_to_say_not_for_browsers() {
    let app = shop().await;
    let filter = "'email' == \"ann@x.com\"";
    let logic = json!({ "name": "recombee:popular", "settings": { "userSegmentFilter": filter } });
    app.put_scenario("both", json!({ "endpoint": "compositeRecommendation" })).await;
    let of_source = json!({ "count": 1, "scenario": "both", "userId": "ann", "sourceSettings": { "logic": logic } });
    for (path, body) in [
        ("recomms/users/bob/items/", json!({ "count": 1, "logic": logic })),
        ("recomms/composite/", of_source),
    ] {
        let refused = app.public(path, body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.body);
        assert!(refused.body["error"].as_str().unwrap().contains("in a scenario"));
    }
    let scenario =
        json!({ "endpoint": "recommendItemsToUser", "logic": "trending", "user_filter": filter });
    app.put_scenario("hers", scenario).await;
    let list =
        app.public("recomms/users/bob/items/", json!({ "count": 1, "scenario": "hers" })).await;
    assert_eq!(list.body["recomms"], json!([{ "id": "lamp" }]), "{}", list.body);
}

#[tokio::test]
async fn a_list_of_a_server_that_a_browser_continues_is_blinded() {
    let app = shop().await;
    let expressions = json!({ "email": "context_user[\"email\"]" });
    let list = json!({ "count": 1, "reqlExpressions": expressions }).to_string();
    let begun = app.call(Method::POST, "recomms/users/ann/items/", list).await;
    assert_eq!(begun.body["recomms"][0]["reqlEvaluations"]["email"], "ann@x.com");
    let id = begun.body["recommId"].as_str().unwrap();
    let next = app.public(&format!("recomms/next/items/{id}"), json!({ "count": 1 })).await;
    assert_eq!(
        next.body["recomms"][0]["reqlEvaluations"],
        json!({ "email": null }),
        "{}",
        next.body
    );

    let begun = app
        .public("recomms/users/ann/items/", json!({ "count": 1, "reqlExpressions": expressions }))
        .await;
    let id = begun.body["recommId"].as_str().unwrap();
    let next = app.call(Method::POST, &format!("recomms/next/items/{id}"), "{\"count\": 1}").await;
    assert_eq!(
        next.body["recomms"][0]["reqlEvaluations"],
        json!({ "email": null }),
        "{}",
        next.body
    );
}

#[tokio::test]
async fn expressions_of_browsers_read_public_properties_of_users_and_those_of_scenarios_all() {
    let app = shop().await;
    let expressions = json!({
        "email": "context_user[\"email\"]",
        "tier": "context_user[\"tier\"]",
        "id": "context_user[\"userId\"]",
    });
    let list = json!({ "count": 1, "reqlExpressions": expressions });
    let told = |answer: super::Answer| answer.body["recomms"][0]["reqlEvaluations"].clone();
    let own = told(app.call(Method::POST, "recomms/users/ann/items/", list.to_string()).await);
    assert_eq!(own, json!({ "email": "ann@x.com", "tier": "gold", "id": "ann" }));
    let public = told(app.public("recomms/users/ann/items/", list.clone()).await);
    assert_eq!(public, json!({ "email": null, "tier": null, "id": "ann" }));
    let nobody = told(app.public("recomms/users/nobody/items/", list.clone()).await);
    assert_eq!(
        nobody,
        json!({ "email": null, "tier": null, "id": "nobody" }),
        "as if they were there"
    );
    // A filter tells by what is in the list.
    let filter = json!({ "count": 1, "filter": "context_user[\"email\"] == \"ann@x.com\"" });
    assert_eq!(app.public("recomms/users/ann/items/", filter).await.body["recomms"], json!([]));

    let config = WorkspaceConfig {
        public_user_properties: vec!["tier".to_owned()],
        ..(*app.engine.config()).clone()
    };
    app.engine.submit(vec![Entry::Configured(config)]).await.unwrap();
    let public = told(app.public("recomms/users/ann/items/", list).await);
    assert_eq!(public, json!({ "email": null, "tier": "gold", "id": "ann" }));

    // What a scenario says was written by the shop.
    let filter = "context_user[\"email\"] == \"ann@x.com\" and size(user_interactions(context_user[\"userId\"], {\"detail_views\"})) == 1";
    let scenario = json!({ "endpoint": "recommendItemsToUser", "filter": filter });
    let put = axum::http::Request::put("/api/workspaces/shop/scenarios/home")
        .header("authorization", "Bearer admin")
        .body(scenario.to_string().into());
    let put = app.send(put.unwrap()).await;
    assert!(put.status.is_success(), "{}", put.body);
    let listed =
        app.public("recomms/users/ann/items/", json!({ "count": 5, "scenario": "home" })).await;
    assert_eq!(listed.body["recomms"].as_array().unwrap().len(), 2, "{}", listed.body);
}

#[tokio::test]
async fn signatures_expire_and_cover_what_is_read() {
    let app = shop().await;
    let mut lines = String::new();
    let now = engine::now().0 / 1_000;
    for time in [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e999",
        "",
        "0x10",
        &format!("{now}&x=1"),
        &format!("{}", now + 20),
    ] {
        let target = format!("/shop/items/list/?hmac_timestamp={time}");
        let answer = app.signed(Method::GET, &target, "hmac_sign", "private", "").await;
        let shown = time.replace(&now.to_string(), "NOW").replace(&(now + 20).to_string(), "SOON");
        lines += &format!(
            "{shown:?}: {} {}\n",
            answer.status.as_u16(),
            answer.body["error"].as_str().unwrap_or("-")
        );
    }
    insta::assert_snapshot!(lines);

    // Somebody who sees a signed address must not read more with it than the one who signed it.
    let signed = format!("/shop/items/list/?filter='price'<30&count=5&hmac_timestamp={now}");
    let mac = |text: &str| {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"private").unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let get = async |target: &str| {
        let uri = format!("{target}&hmac_sign={}", mac(&signed));
        let request = axum::http::Request::get(uri).body(axum::body::Body::empty()).unwrap();
        app.send(request).await
    };
    let encoded = signed.replace('\'', "%27").replace('<', "%3C");
    assert_eq!(
        get(&encoded).await.body,
        json!(["lamp"]),
        "some libraries encode what was signed as it is"
    );
    for (separator, code) in [("&", "%26"), ("=", "%3D"), ("?", "%3F"), ("list/", "list%2F")] {
        let mutated = encoded.replacen(separator, code, 1);
        assert_eq!(get(&mutated).await.status, StatusCode::UNAUTHORIZED, "{mutated}");
    }
    let dropped = encoded.replace("&count", "%26count");
    assert_eq!(get(&dropped).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_messages_know_can_be_recommended_to_and_erased() {
    let app = shop().await;
    let strange = ["a+b@x.com", "auth0|12", "Zoë Ångström", "a/b", "100%", "{\"id\": 1}"];
    let messages: Vec<Value> = strange
        .iter()
        .enumerate()
        .map(|(n, user)| {
            super::track(n as u32, user, "Product Viewed", json!({ "product_id": "lamp" }))
        })
        .collect();
    assert_eq!(app.batch(Value::from(messages)).await.status, 200);
    for user in strange {
        let encoded: String = user.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let listed = app
            .call(Method::POST, &format!("recomms/users/{encoded}/items/"), "{\"count\": 1}")
            .await;
        assert_eq!(listed.status, StatusCode::OK, "{user}: {}", listed.body);
        let viewed = app.call(Method::GET, &format!("users/{encoded}/detailviews/"), "").await;
        assert_eq!(viewed.body.as_array().map(Vec::len), Some(1), "{user}: {}", viewed.body);
        let bought = json!({ "userId": user, "itemId": "chair" }).to_string();
        assert_eq!(
            app.call(Method::POST, "purchases/", bought).await.status,
            StatusCode::OK,
            "{user}"
        );
        let erased = app.call(Method::DELETE, &format!("users/{encoded}"), "").await;
        assert_eq!(erased.status, StatusCode::OK, "{user}: {}", erased.body);
        // This API gives no such ids itself.
        let made = app.call(Method::PUT, &format!("users/{encoded}"), "").await;
        assert_eq!(made.status, StatusCode::BAD_REQUEST, "{user}: {}", made.body);
    }
    assert_eq!(users(&app).await, json!(["ann"]));
    // An anonymous id names its user as well.
    let message = json!({ "type": "track", "messageId": "anon", "anonymousId": "c o o k i e", "event": "Product Viewed", "properties": { "product_id": "lamp" } });
    assert_eq!(app.batch(json!([message])).await.status, 200);
    assert_eq!(
        app.call(Method::DELETE, "users/c%20o%20o%20k%20i%20e", "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn senders_keep_their_messages_for_a_workspace_that_is_not_open() {
    let mut app = shop().await;
    // The earlier one has the installation's folder.
    app.router = axum::Router::new();
    let closed = [("other", "a flipped bit")];
    app.router = TestApp::router(&app.engine, app.folder.path(), web::Settings::default(), &closed);
    let message = json!({ "writeKey": "nobody knows", "batch": [] }).to_string();
    let sent = app.post("/v1/batch", message, &[]).await;
    assert_eq!(sent.status, StatusCode::SERVICE_UNAVAILABLE, "{}", sent.body);
    assert!(sent.headers.contains_key("retry-after"));
    let now = engine::now().0 / 1_000;
    let list = app
        .signed(
            Method::GET,
            &format!("/other/items/list/?hmac_timestamp={now}"),
            "hmac_sign",
            "x",
            "",
        )
        .await;
    assert_eq!(list.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.admin("/api/workspaces/other").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.admin("/api/workspaces/third").await.status, StatusCode::NOT_FOUND);

    let ready = app.get("/readyz", &[]).await;
    assert_eq!(ready.status, StatusCode::OK, "the other one is served");
    assert_eq!(ready.body["status"], "degraded");
    assert!(
        ready.body["problems"]["other"][0].as_str().unwrap().contains("a flipped bit"),
        "{}",
        ready.body
    );
    assert_eq!(app.get("/readyz?workspace=shop", &[]).await.body["status"], "ready");
    assert_eq!(
        app.get("/readyz?workspace=other", &[]).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(app.get("/readyz?workspace=third", &[]).await.status, StatusCode::NOT_FOUND);
    let metrics = app.get("/metrics", &[]).await;
    let text = metrics.body.as_str().unwrap();
    for line in
        ["engine_workspaces_closed 1", "engine_ready 0", "memory_bytes{part=", "memory_bytes_max "]
    {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}
