//! Catalog files over the admin API: options, what they would change, and the way back.

use axum::http::Method;
use serde_json::{Value, json};

use super::{Answer, TestApp};

const CATALOG: &str = "/api/workspaces/shop/catalog";

impl TestApp {
    async fn upload(&self, query: &str, file: &str) -> Answer {
        let headers = [("authorization", "Bearer admin"), ("content-type", "text/csv")];
        self.post(&format!("{CATALOG}{query}"), file.to_owned(), &headers).await
    }

    async fn activate(&self, version: impl std::fmt::Display) -> Answer {
        let path = format!("{CATALOG}/versions/{version}/activate");
        self.post(&path, "", &[("authorization", "Bearer admin")]).await
    }
}

#[tokio::test]
async fn a_file_is_shown_first_confirmed_and_taken_back() {
    let app = TestApp::new().await;
    let rows = (0..20).map(|n| format!("i{n},{n}.5,0{n}\n")).collect::<String>();
    let first = app
        .upload("?type=price=double&type=code=string", &format!("item_id,price,code\n{rows}"))
        .await;
    assert_eq!(
        (first.status.as_u16(), &first.body["changes"]["n_new"]),
        (200, &json!(20)),
        "{}",
        first.body
    );

    let mut lines = Vec::new();
    let wrong = "item_id,price,code\ni1,n/a,1\n";
    for (query, file) in [
        ("?type=price=money", wrong),
        ("?type=prize=int", wrong),
        ("?dry_run=maybe", wrong),
        ("?confirm=all", wrong),
        ("?comfirm=19", wrong),
        ("", wrong),
        ("?allow_bad_cells=true", wrong),
        ("?allow_bad_cells=true&confirm=18", wrong),
        ("?skip_invalid=true&confirm=19", wrong),
    ] {
        lines.push(app.upload(query, file).await.line());
    }
    insta::assert_snapshot!(lines.join("\n"));
    let shown = app.upload("?dry_run=true", wrong).await;
    assert_eq!(shown.status, 200);
    insta::assert_json_snapshot!(shown.body);
    assert_eq!(app.admin(CATALOG).await.body["current"], 1, "nothing of all that changed it");

    let done = app.upload("?allow_bad_cells=true&confirm=19", wrong).await;
    assert_eq!(
        (done.status.as_u16(), &done.body["catalog_version"]),
        (200, &json!(2)),
        "{}",
        done.body
    );
    assert_eq!(
        (&done.body["report"]["n_bad_cells"], &done.body["changes"]["n_withdrawn"]),
        (&json!(1), &json!(19))
    );
    let versions = |answer: &Value| {
        let numbers = answer["versions"].as_array().unwrap().iter();
        numbers
            .map(|kept| (kept["version"].as_u64().unwrap(), kept["n_items"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(&app.admin(CATALOG).await.body), [(2, 1), (1, 20)]);
    let back = app.activate(1).await;
    assert_eq!((back.status.as_u16(), versions(&back.body)), (200, vec![(1, 20), (2, 1)]));
    insta::assert_snapshot!(app.activate(9).await.line(), @"404 not_found: catalog version 9 is not kept; there are: 1, 2");
    insta::assert_snapshot!(app.activate("x").await.line(), @r#"400 validation_error: "x" is no catalog version: those are whole numbers"#);
}

#[tokio::test]
async fn a_scenario_that_does_not_fit_any_more_is_no_outage_and_is_told_everywhere() {
    let app = TestApp::new().await;
    app.upload("", "item_id,price\na,1.5\nb,2.5\n").await;
    let body = r#"{"endpoint": "recommendItemsToUser", "filter": "'price' < 2", "diversity": 0.1}"#;
    let put = app.scenario(Method::PUT, "home", body).await;
    assert_eq!((put.status.as_u16(), &put.body["problems"]), (201, &Value::Null));
    let ask = || async {
        let body = json!({ "count": 5, "scenario": "home", "cascadeCreate": true }).to_string();
        let answer = app.call(Method::POST, "recomms/users/u/items/", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["recomms"].as_array().unwrap().len()
    };
    assert_eq!(ask().await, 1);
    // The prices are texts now, which somebody has declared.
    app.upload("?type=price=string", "item_id,price\na,cheap\nb,dear\n").await;
    assert_eq!(ask().await, 2);
    let ready = app.get("/readyz", &[]).await;
    let told = ready.body["problems"]["shop"][0].as_str().unwrap_or_default();
    assert!(
        ready.status == 200
            && told.contains("scenario \"home\" does not fit the catalog: filter: "),
        "{}",
        ready.body
    );
    let kept = app.scenario(Method::GET, "home", "").await;
    insta::assert_json_snapshot!(kept.body);
    let all = app.admin("/api/workspaces/shop/scenarios").await;
    assert_eq!(all.body["scenarios"][0], kept.body);
    // What is shown can be sent back as it is, or mended.
    let again = app.scenario(Method::PUT, "home", &kept.body.to_string()).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &kept.body));
    app.scenario(
        Method::PUT,
        "home",
        r#"{"endpoint": "recommendItemsToUser", "filter": "'price' == \"cheap\""}"#,
    )
    .await;
    assert_eq!(ask().await, 1);
    assert_eq!(app.get("/readyz", &[]).await.body["problems"], Value::Null);
}
