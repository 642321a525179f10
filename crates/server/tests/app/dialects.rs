//! What clients of other languages write differently.

use std::io::{Read, Write};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::TestApp;
use super::recombee::{codes, request};

async fn shop() -> TestApp {
    let app = TestApp::new().await;
    let items = (0..40).map(|n| {
        request("POST", &format!("/items/item-{n}"), json!({ "n": n, "!cascadeCreate": true }))
    });
    let define = request("PUT", "/items/properties/n", json!({ "type": "int" }));
    let user = request("PUT", "/users/u", Value::Null);
    let all: Vec<Value> = [define, user].into_iter().chain(items).collect();
    assert!(codes(&app.batch_of(all.into()).await).iter().all(|code| matches!(code, 200 | 201)));
    app
}

/// PHP writes an empty array where an object is empty.
#[tokio::test]
async fn an_empty_array_and_null_are_an_empty_object() {
    let app = shop().await;
    for body in ["[]", "null", ""] {
        let put = app.call(Method::PUT, "users/php/", body).await;
        assert!(
            matches!(put.status, StatusCode::CREATED | StatusCode::CONFLICT),
            "{body:?}: {}",
            put.body
        );
    }
    let view = json!({ "userId": "u", "itemId": "item-1", "additionalData": [] });
    let list = json!({ "count": 2, "reqlExpressions": [] });
    let answers = app
        .batch_of(json!([
            request("PUT", "/items/php", json!([])),
            request("POST", "/detailviews/", view),
            request("POST", "/recomms/users/u/items/", list),
        ]))
        .await;
    assert_eq!(codes(&answers), [201, 200, 200], "{answers:?}");
    for wrong in [json!([1]), json!("x"), json!(5)] {
        let answer = app.call(Method::PUT, "users/php2/", wrong.to_string()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// Clients in Python send what is not set as `None`.
#[tokio::test]
async fn parameters_of_the_query_that_are_empty_or_none_are_not_given() {
    let app = shop().await;
    for query in ["count=None&offset=None&filter=", "count=&filter=None&returnProperties=None"] {
        let all = app.call(Method::GET, &format!("items/list/?{query}"), "").await;
        assert_eq!(all.status, StatusCode::OK, "{}", all.body);
        assert_eq!(all.body.as_array().unwrap().len(), 40);
    }
    let view = json!({ "userId": "u", "itemId": "item-1", "timestamp": 5 });
    assert_eq!(
        app.call(Method::POST, "detailviews/", view.to_string()).await.status,
        StatusCode::OK
    );
    let gone =
        app.call(Method::DELETE, "detailviews/?userId=u&itemId=item-1&timestamp=None", "").await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.body);
    let nobody = app.call(Method::DELETE, "detailviews/?userId=None&itemId=item-1", "").await;
    assert!(nobody.body.to_string().contains("None"), "a user may be called so: {}", nobody.body);
}

#[tokio::test]
async fn lists_and_searches_answer_get_with_their_parameters_in_the_query() {
    let app = shop().await;
    let expressions = "reqlExpressions=%7B%22twice%22%3A%22%27n%27%20*%202%22%7D";
    let path = format!(
        "recomms/users/u/items/?count=3&filter=%27n%27%20%3C%205&returnProperties=true&{expressions}\
            &logic=%7B%22name%22%3A%22recombee%3Apopular%22%7D"
    );
    let list = app.call(Method::GET, &path, "").await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    let entries = list.body["recomms"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    for entry in entries {
        let n = entry["values"]["n"].as_i64().unwrap();
        assert!(n < 5 && entry["reqlEvaluations"]["twice"] == json!(2 * n), "{entry}");
    }
    let found = app.call(Method::GET, "search/users/u/items/?searchQuery=item-7&count=1", "").await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.body);
    let head = app.call(Method::HEAD, "items/list/", "").await;
    assert_eq!(head.status, StatusCode::OK);
    let nothing = app.call(Method::HEAD, "items/none", "").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn batches_take_methods_in_small_letters_and_whole_numbers_with_a_point() {
    let app = shop().await;
    let answers = app
        .batch_of(json!([
            request("post", "/items/item-1", json!({ "n": 5.0 })),
            request("Get", "/items/item-1", Value::Null),
            request("post", "/items/item-1", json!({ "n": 5.5 })),
        ]))
        .await;
    assert_eq!(codes(&answers), [200, 200, 400], "{answers:?}");
    assert_eq!(answers[1].1["n"], json!(5));
}

#[tokio::test]
async fn bodies_and_answers_are_compressed_where_clients_want_it() {
    let app = shop().await;
    // So many that the answer is sent in several chunks.
    let lists = vec![request("GET", "/items/list/?returnProperties=true", Value::Null); 200];
    let requests = json!({ "requests": lists });
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(requests.to_string().as_bytes()).unwrap();
    let request = Request::builder()
        .method(Method::POST)
        .uri(server::sign_target("/shop/batch/", "private", engine::now()))
        .header(header::CONTENT_ENCODING, "gzip")
        .header(header::ACCEPT_ENCODING, "gzip")
        .body(Body::from(gzip.finish().unwrap()))
        .unwrap();
    let (parts, bytes) = app.send_raw(request).await;
    assert_eq!(parts.status, StatusCode::OK);
    assert_eq!(parts.headers[header::CONTENT_ENCODING], "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    let answers: Value = serde_json::from_str(&text).unwrap();
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 200);
    assert_eq!(answers[199]["json"].as_array().unwrap().len(), 40);
}
