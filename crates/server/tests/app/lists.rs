//! Lists over HTTP: they move with the last click, and can be asked for in many ways.

use domain::{Logic, TraitDefinition};
use engine::Entry;
use serde_json::{Value, json};

use crate::{TestApp, track};

fn view(n: u32, user: &str, item: &str) -> Value {
    let mut view = track(n, user, "Product Viewed", json!({ "product_id": item }));
    view["timestamp"] = (1_700_000_000 + n).into();
    view
}

/// Two groups of shoppers, lamps and rugs, and a trained model.
async fn shop() -> TestApp {
    let app = TestApp::new().await;
    let items: String =
        (0..10).flat_map(|n| [format!("lamp{n},Lux\n"), format!("rug{n},Weave\n")]).collect();
    let admin = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
    let catalog = format!("item_id,brand\n{items}");
    assert_eq!(app.post("/api/workspaces/shop/catalog", catalog, &admin).await.status, 200);
    let views = (0..60u32).flat_map(|user| {
        let group = if user % 2 == 0 { "lamp" } else { "rug" };
        // Everybody leaves out one, and goes through the others in an order of their own.
        let steps = [1, 3, 7][user as usize / 2 % 3];
        let seen = (1..10).map(move |n| (n * steps + user / 2) % 10);
        seen.enumerate().map(move |(n, item)| {
            view(100 * user + n as u32, &format!("u{user}"), &format!("{group}{item}"))
        })
    });
    for part in views.collect::<Vec<Value>>().chunks(100) {
        assert_eq!(app.batch(part.into()).await.status, 200);
    }
    assert_eq!(app.train().await["state"], "done");
    app
}

async fn list(app: &TestApp, parameters: &str) -> Vec<String> {
    let answer = app.admin(&format!("/api/workspaces/shop/recommendations?{parameters}")).await;
    assert_eq!(answer.status, 200, "{parameters}: {}", answer.line());
    answer.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

fn all_of(list: &[String], group: &str) -> bool {
    !list.is_empty() && list.iter().all(|item| item.starts_with(group))
}

#[tokio::test]
async fn an_acknowledged_click_changes_the_next_list() {
    let app = shop().await;
    let unknown = app.profile("user_id:new", "traits").await;
    assert_eq!(unknown.status, 404, "nobody has seen this user");
    for (n, (item, group)) in [("lamp3", "lamp"), ("rug3", "rug")].into_iter().enumerate() {
        // Somebody new each time: their first click makes the list theirs.
        let user = format!("new{n}");
        app.batch(json!([view(90_000 + n as u32, &user, item)])).await;
        let traits = app.profile(&format!("user_id:{user}"), "traits").await.body;
        let items: Vec<String> =
            serde_json::from_value(traits["traits"]["recommended_items"].clone()).unwrap();
        assert!(all_of(&items, group), "{}", serde_json::to_string(&traits).unwrap());
        assert_eq!(traits["traits"]["recommended_items__detail"]["fallback"], false);
        // Clicks on the other side turn it.
        let other = if group == "lamp" { "rug" } else { "lamp" };
        let turned =
            (0..6).map(|k| view(91_000 + 10 * n as u32 + k, &user, &format!("{other}{k}")));
        app.batch(turned.collect::<Vec<Value>>().into()).await;
        let traits = app.profile(&format!("user_id:{user}"), "traits").await.body;
        let items: Vec<String> =
            serde_json::from_value(traits["traits"]["recommended_items"].clone()).unwrap();
        assert!(items[0].starts_with(other), "{}", serde_json::to_string_pretty(&traits).unwrap());
    }
}

#[tokio::test]
async fn an_earlier_model_comes_back() {
    let app = shop().await;
    let admin = [("authorization", "Bearer admin")];
    let first =
        app.admin("/api/workspaces/shop/training").await.body["training"]["version"].clone();
    app.batch(json!([view(90_000, "u0", "lamp1")])).await;
    app.train().await;
    let activate = |version: String| {
        let path = format!("/api/workspaces/shop/models/{version}/activate");
        let app = &app;
        async move { app.post(&path, "", &admin).await }
    };
    let back = activate(first.as_str().unwrap().to_owned()).await;
    assert_eq!(
        (back.status.as_u16(), &back.body["training"]["version"]),
        (200, &first),
        "{}",
        back.line()
    );
    assert_eq!(app.admin("/api/workspaces/shop/models").await.body["active"], first);
    insta::assert_snapshot!(activate("7".to_owned()).await.line(), @"404 not_found: no model 7: `tastemaker models` lists those there are");
}

#[tokio::test]
async fn ten_people_are_shown_with_their_lists_by_two_models() {
    let app = shop().await;
    let models = async || app.admin("/api/workspaces/shop/models").await.body;
    let first = models().await["active"].as_str().unwrap().to_owned();
    let samples = async |version: &str, query: &str| {
        app.admin(&format!("/api/workspaces/shop/models/{version}/samples{query}")).await
    };
    let alone = samples(&first, "").await;
    assert_eq!(alone.status, 404, "{}", alone.line());
    assert!(alone.line().contains("there is no other model than"), "{}", alone.line());

    app.batch(json!([view(90_000, "u0", "lamp1")])).await;
    app.train().await;
    let listed = models().await;
    let second = listed["active"].as_str().unwrap().to_owned();
    for model in listed["models"].as_array().unwrap() {
        assert_eq!(model["is_on_disk"], true);
        let shares = model["blend"].as_array().unwrap().iter();
        assert_eq!(shares.map(|part| part["percent"].as_u64().unwrap()).sum::<u64>(), 100);
    }
    let answer = samples(&second, "").await;
    assert_eq!(answer.status, 200, "{}", answer.line());
    assert_eq!((&answer.body["before"], &answer.body["after"]), (&json!(first), &json!(second)));
    assert_eq!(samples(&second, &format!("?against={first}")).await.body, answer.body);
    let people = answer.body["people"].as_array().unwrap();
    assert_eq!((people.len(), &people[0]["person"]["id"]), (10, &json!("u0")), "the longest first");
    for sampled in people {
        let id = sampled["person"]["id"].as_str().unwrap();
        let after = sampled["items"].as_array().unwrap().iter();
        let after: Vec<&str> = after
            .filter(|item| item["movement"] != "gone")
            .map(|item| item["item"]["id"].as_str().unwrap())
            .collect();
        let shown = list(&app, &format!("user={id}&count=10")).await;
        assert_eq!(after, shown, "{id} has the list that they get");
    }

    let itself = samples(&first, &format!("?against={first}")).await;
    assert_eq!((itself.status.as_u16(), &itself.body["parameter"]), (400, &json!("against")));
    assert_eq!(samples("7", "").await.status, 404);
    let artifact = app.folder.path().join(format!("models/{first}.model"));
    fs_err::remove_file(artifact).unwrap();
    let gone = samples(&first, "").await;
    assert_eq!(gone.status, 404);
    assert!(gone.line().contains("its artifact is missing"), "{}", gone.line());
    assert_eq!(models().await["models"][1]["is_on_disk"], false);
}

#[tokio::test]
async fn a_training_run_is_a_job_that_shows_how_far_it_is_and_how_it_ended() {
    let app = shop().await;
    let admin = [("authorization", "Bearer admin")];
    let path = "/api/workspaces/shop/training";
    // A run of the server's own that goes on for as long as the test wants.
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let (engine, ends) = (std::sync::Arc::clone(&app.engine), std::sync::Mutex::new(ends));
    let own = std::thread::spawn(move || {
        engine.train(engine::TrainingOptions::default(), &|_| _ = ends.lock().unwrap().recv())
    });
    let under_way = loop {
        let run = app.admin(path).await.body["run"].clone();
        if run["state"] == "running" {
            break run;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert!((0.0..=1.0).contains(&under_way["progress"].as_f64().unwrap()), "{under_way}");
    let again = app.post(path, "", &admin).await;
    let problem = &again.body;
    assert_eq!((again.status.as_u16(), &problem["code"]), (409, &json!("training_under_way")));
    assert_eq!(problem["report"]["id"], under_way["id"], "{}", again.line());
    drop(end);
    own.join().unwrap().unwrap();

    app.batch(json!([view(90_000, "u0", "lamp1")])).await;
    let started = app.post(path, "", &admin).await;
    assert_eq!(started.status, 202, "{}", started.line());
    let job = app.ended_job(&started).await;
    assert_eq!((&job["id"], &job["state"]), (&started.body["job"]["id"], &json!("done")));
    assert_eq!((&job["kind"], &job["progress"]["share"]), (&json!("training"), &json!(1.0)));
    assert_eq!(job["started_by"]["kind"], "bootstrap_token");
    let listed = app.admin("/api/workspaces/shop/jobs").await.body;
    assert_eq!(listed["jobs"][0], job, "the latest comes first");
    let run = app.admin(&format!("{path}/{}", job["id"].as_str().unwrap())).await.body;
    assert_eq!((&run["id"], &run["state"]), (&started.body["run"]["id"], &json!("done")));
    assert_eq!(job["result"]["version"], run["training"]["version"]);
    // Cancelling what has ended changes nothing.
    let id = job["id"].as_str().unwrap();
    let cancel = format!("/api/workspaces/shop/jobs/{id}/cancel");
    assert_eq!(app.post(&cancel, "", &admin).await.body, job);
    let last = app.admin(path).await.body;
    assert_eq!(
        (&last["run"]["id"], &last["training"]["version"]),
        (&run["id"], &run["training"]["version"])
    );
    let unknown = app.admin(&format!("{path}/7")).await;
    insta::assert_snapshot!(unknown.line(), @r#"404 not_found: there is no training run "7" since the server started; its model may be among the models"#);
}

#[tokio::test]
async fn lists_can_be_asked_for_in_many_ways() {
    let app = shop().await;
    let order = track(
        95_000,
        "buyer",
        "Order Completed",
        json!({ "products": [{ "product_id": "rug1" }] }),
    );
    app.batch(json!([order, view(95_001, "u0", "lamp5")])).await;
    assert_eq!(list(&app, "user=u0&item_type=brand&exclude=none").await, ["Lux", "Weave"]);
    assert_eq!(list(&app, "user=u0&logic=recently_viewed&count=1").await, ["lamp5"]);
    assert_eq!(list(&app, "logic=trending&interaction=purchase").await, ["rug1"]);
    assert!(
        list(&app, "user=buyer&logic=buy_again").await.is_empty(),
        "it was bought a moment ago"
    );
    assert!(list(&app, "user=u1&min_relevance=high&exclude=none&count=20").await.len() < 20);
    assert_eq!(list(&app, "user=u1&exclude=none&count=20").await.len(), 20);
    let own = list(&app, "user=u1&exclude=none&count=4").await;
    assert!(all_of(&own, "rug"), "{own:?}");
    list(&app, "user=u1&diversity=1&rotation_rate=0.5&rotation_time_s=60").await;
    // What was done last leads to what goes with it, whatever else is in the history.
    let turned = (0..5).map(|n| view(95_010 + n, "wanderer", &format!("rug{n}")));
    let turned = turned.chain([view(95_020, "wanderer", "lamp3")]);
    app.batch(turned.collect::<Vec<Value>>().into()).await;
    let last = "user=wanderer&logic=together&fallback=none&exclude=interacted";
    assert!(all_of(&list(&app, last).await, "lamp"));
    let both = list(&app, &format!("{last}&anchors=3&count=20")).await;
    assert!(both.iter().any(|item| item.starts_with("rug")), "{both:?}");
    let bought = format!("{last}&interaction=purchase");
    assert!(list(&app, &bought).await.is_empty(), "nothing was bought");
    let alike = list(&app, &last.replace("together", "content_based")).await;
    assert!(all_of(&alike, "lamp"), "of the same brand: {alike:?}");
    assert_eq!(list(&app, "user=u1&logic=newest&exclude=none&count=2").await, ["rug9", "lamp9"]);
    let strangers = "user=stranger&logic=newest&active_within_s=3600";
    assert!(list(&app, strangers).await.is_empty());
    assert!(list(&app, "user=u1&logic=newest&min_count=200").await.is_empty());

    let mut lines = Vec::new();
    for parameters in [
        "diversity=2",
        "diversity=nan",
        "rotation_rate=-1",
        "rotation_time_s=0",
        "min_relevance=huge",
        "logic=best",
        "logic=buy_again&exclude=purchased",
        "logic=personal&interaction=purchase",
        "logic=personal&anchors=3",
        "logic=together&anchors=11",
        "min_count=201",
        "item_type=colour",
        "item_type=brand&diversity=0.5",
        "count=0",
        "cuont=3",
    ] {
        let answer = app.admin(&format!("/api/workspaces/shop/recommendations?{parameters}")).await;
        lines.push(format!("{parameters}\n  {}", answer.line()));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_trait_rotates_with_each_reading_and_one_that_cannot_be_answered_says_why() {
    let app = shop().await;
    let mut config = (*app.engine.config()).clone();
    config.traits = vec![
        TraitDefinition {
            rotation_rate: 1.0,
            count: 3,
            ..TraitDefinition::recommended_items("turning")
        },
        TraitDefinition {
            item_type: Some("colour".to_owned()),
            ..TraitDefinition::recommended_items("colours")
        },
        TraitDefinition {
            logic: Logic::RecentlyViewed,
            count: 2,
            ..TraitDefinition::recommended_items("seen")
        },
    ];
    config.validate().unwrap();
    app.engine.submit(vec![Entry::Configured(config)]).await.unwrap();
    let read = || async { app.profile("user_id:u0", "traits").await.body["traits"].clone() };
    let (first, second) = (read().await, read().await);
    let ids = |traits: &Value| traits["turning"].as_array().unwrap().clone();
    assert!(ids(&second).iter().all(|item| !ids(&first).contains(item)), "{first} {second}");
    let of_detail =
        first["turning__detail"]["items"].as_array().unwrap().iter().map(|item| item["id"].clone());
    assert_eq!(
        of_detail.collect::<Vec<_>>(),
        ids(&first),
        "a trait and its companion are one list"
    );
    assert_eq!(first["colours"], json!([]));
    assert_eq!(
        first["colours__detail"]["error"],
        "the catalog has no property \"colour\"; it has: brand"
    );
    assert_eq!(first["seen"], json!(["lamp9", "lamp8"]));
}
