//! A/B tests of scenarios over the admin API.

use axum::body::Body;
use axum::http::{Method, Request};
use engine::{Entry, ListImpression, Place};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, TestApp};

impl TestApp {
    async fn test_call(&self, method: Method, below: &str, body: Value) -> Answer {
        let uri = format!("/api/workspaces/shop/scenarios/{below}");
        let request =
            Request::builder().method(method).uri(uri).header("authorization", "Bearer admin");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

fn list_of(group: &str) -> ListImpression {
    let endpoint = "recommendItemsToUser".to_owned();
    ListImpression {
        recomm_id: Some(Uuid::now_v7()),
        user: None,
        at: engine::now(),
        items: Vec::new(),
        place: Place::Scenario { endpoint, scenario: Some("home".to_owned()) },
        group: Some(group.to_owned()),
        model: None,
        rotates: false,
        n_next: 0,
        request: None,
    }
}

#[tokio::test]
async fn a_test_is_started_shared_out_anew_and_ended_with_the_settings_of_its_winner() {
    let app = TestApp::new().await;
    let home = json!({ "endpoint": "recommendItemsToUser", "filter": "'a'", "diversity": 0.25 });
    assert_eq!(app.test_call(Method::PUT, "home", home).await.status, 201);
    let groups = |n: usize| {
        let b = json!({ "name": "b", "share": 0.5, "diversity": 0.5, "booster": "2" });
        let both = [json!({ "name": "a", "share": 0.5 }), b];
        json!({ "group": both[..n] })
    };
    let mut lines = Vec::new();
    lines.push(app.test_call(Method::GET, "home/test", json!({})).await.line());
    lines.push(app.test_call(Method::POST, "home/test", groups(1)).await.line());
    lines.push(app.test_call(Method::POST, "home/test/end", json!({})).await.line());
    lines.push(app.test_call(Method::POST, "none/test", groups(2)).await.line());
    let started = app.test_call(Method::POST, "home/test", groups(2)).await;
    assert_eq!(started.status, 201, "{}", started.line());
    assert!(started.body["test_started_at"].is_string());
    lines.push(app.test_call(Method::POST, "home/test", groups(2)).await.line());

    let shares = |a: f64, b: f64| json!({ "shares": { "a": a, "b": b } });
    lines.push(app.test_call(Method::PATCH, "home/test", shares(0.5, 0.6)).await.line());
    lines.push(
        app.test_call(Method::PATCH, "home/test", json!({ "shares": { "c": 1 } })).await.line(),
    );
    let shared = app.test_call(Method::PATCH, "home/test", shares(0.25, 0.75)).await;
    assert_eq!(shared.body["group"][1]["share"], 0.75, "{}", shared.line());
    assert_eq!(shared.body["test_started_at"], started.body["test_started_at"]);

    let lists = vec![list_of("a"), list_of("b"), list_of("b"), list_of("earlier")];
    app.engine.submit(vec![Entry::ListImpressions { lists }]).await.unwrap();
    let results = app.test_call(Method::GET, "home/test", json!({})).await.body;
    let counted = |n: usize| {
        let group = &results["groups"][n];
        (group["name"].clone(), group["share"].clone(), group["recommendations"].clone())
    };
    assert_eq!(counted(0), (json!("a"), json!(0.25), json!(1)));
    assert_eq!(counted(1), (json!("b"), json!(0.75), json!(2)));
    let comparisons = results["comparisons"].as_array().unwrap();
    let measures: Vec<&Value> = comparisons.iter().map(|one| &one["measure"]).collect();
    assert_eq!(measures, ["click_through_rate", "conversion_rate"]);
    assert_eq!(comparisons[0]["verdict"], "too_early");

    let winner = |name: &str| json!({ "winner": name });
    lines.push(app.test_call(Method::POST, "home/test/end", winner("c")).await.line());
    let ended = app.test_call(Method::POST, "home/test/end", winner("b")).await.body;
    let expected = json!({
        "name": "home", "endpoint": "recommendItemsToUser", "filter": "'a'", "booster": "2",
        "diversity": 0.5,
    });
    assert_eq!(ended, expected);
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn results_are_summed_and_written_as_csv() {
    let app = TestApp::new().await;
    let mut hostile = list_of("b");
    hostile.place = Place::Scenario {
        endpoint: "recommendItemsToUser".to_owned(),
        scenario: Some("=1+1".to_owned()),
    };
    let lists = vec![list_of("a"), list_of("b"), list_of("b"), hostile];
    app.engine.submit(vec![Entry::ListImpressions { lists }]).await.unwrap();
    let rows = |answer: &Answer| {
        let rows = answer.body["kpis"].as_array().unwrap().clone();
        let row =
            |row: Value| format!("{} {} {}", row["scenario"], row["group"], row["recommendations"]);
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    let get = async |parameters: &str| {
        app.admin(&format!("/api/workspaces/shop/kpis?{parameters}")).await
    };
    assert_eq!(rows(&get("by=kind").await), ["null null 4"]);
    assert_eq!(rows(&get("by=day&scenario=home").await), ["null null 3"]);
    assert_eq!(rows(&get("by=scenario").await), ["\"=1+1\" null 1", "\"home\" null 3"]);
    assert_eq!(rows(&get("by=group&scenario=home&group=b").await), ["\"home\" \"b\" 2"]);
    assert_eq!(get("by=week").await.status, 400);
    let headers = [("authorization", "Bearer admin"), ("accept", "text/csv")];
    let csv = app.get("/api/workspaces/shop/kpis?by=scenario", &headers).await;
    assert_eq!(csv.status, 200);
    let text = csv.body.as_str().unwrap_or_default();
    assert!(text.contains(",'=1+1,"), "{text}");
}
