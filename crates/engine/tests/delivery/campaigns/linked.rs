//! Answers of external APIs in messages: kept, bounded in time and bytes, and with open secrets.

use std::time::Instant;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use domain::WorkspaceSettings;
use parking_lot::Mutex;

use super::*;

/// An API, with the calls that it got: each city, and the authorization.
struct Api {
    address: std::net::SocketAddr,
    calls: Arc<Mutex<Vec<(String, String)>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Api {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let answer = move |Path(city): Path<String>, headers: HeaderMap| {
            let seen = Arc::clone(&seen);
            async move {
                let key = headers.get("authorization").map(|value| value.to_str().unwrap());
                seen.lock().push((city.clone(), key.unwrap_or_default().to_owned()));
                match city.as_str() {
                    "slow" => {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        (StatusCode::OK, String::new())
                    }
                    "huge" => (StatusCode::OK, format!("\"{}\"", "x".repeat(2_000))),
                    "broken" => (StatusCode::OK, "<html>".to_owned()),
                    "away" => (StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()),
                    city => {
                        (StatusCode::OK, json!({ "sky": format!("sun in {city}") }).to_string())
                    }
                }
            }
        };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/weather/{city}", get(answer));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, calls, _runtime: runtime }
    }
}

fn shop_with(api: &Api) -> Shop {
    let shop = Shop::new();
    let content = json!({ "name": "weather", "bytes_max": 1_000, "timeout_ms": 300,
        "url": format!("http://{}/weather/{{city}}", api.address),
        "headers": { "authorization": "Bearer s3cret" } });
    let linked_contents = vec![serde_json::from_value(content).unwrap()];
    shop.settings(|settings| WorkspaceSettings { linked_contents, ..settings }).unwrap();
    shop
}

fn with_subject(subject: &str) -> Campaign {
    let mut campaign = campaign(after("Signed Up", 0, None));
    campaign.content.insert("subject".to_owned(), subject.to_owned());
    campaign
}

const WEATHER: &str = "{% linked \"weather\" city: profile.traits.city as w %}{{ w.sky }}";

#[test]
fn an_answer_is_asked_for_once_with_its_secret_and_kept() {
    let api = Api::start();
    let shop = shop_with(&api);
    let kept = serde_json::to_string(&shop.engine().config().settings()).unwrap();
    assert!(kept.contains("sealed") && !kept.contains("s3cret"), "{kept}");
    for (what, subject) in [
        ("there is no linked content \"news\"", "{% linked \"news\" as w %}x"),
        ("needs city:", "{% linked \"weather\" as w %}x"),
        ("has no {town}", "{% linked \"weather\" city: 1 town: 2 as w %}x"),
    ] {
        let error = shop.put_campaign(&with_subject(subject)).unwrap_err();
        assert!(error.contains(what) && error.contains("line 1, column 4"), "{error}");
    }
    shop.put_campaign(&with_subject(WEATHER)).unwrap();
    for user in ["ada", "ben"] {
        shop.identify(user, json!({ "email": "x@shop.example", "city": "Plzeň/../x" }));
        shop.track(user, "Signed Up", json!({}));
    }
    shop.await_received(&[("ada", "sun in Plzeň/../x"), ("ben", "sun in Plzeň/../x")]);
    assert_eq!(*api.calls.lock(), [("Plzeň/../x".to_owned(), "Bearer s3cret".to_owned())]);
}

#[test]
fn what_does_not_come_in_time_or_is_too_much_refuses_the_message_or_has_a_default() {
    let api = Api::start();
    let shop = shop_with(&api);
    shop.put_campaign(&with_subject(WEATHER)).unwrap();
    let begin = Instant::now();
    for city in ["slow", "huge", "broken", "away"] {
        shop.identify(city, json!({ "email": "x@shop.example", "city": city }));
        shop.track(city, "Signed Up", json!({}));
    }
    shop.await_refused("hello", &[("content_not_available", 4)]);
    assert!(begin.elapsed() < Duration::from_secs(10));
    let default = WEATHER.replacen(" as w", " default: nil as w", 1);
    let subject = format!("{default}{{% unless w %}}rain{{% endunless %}}");
    let subject = subject.replacen("{{ w.sky }}", "{{ w.sky | default: '' }}", 1);
    shop.put_campaign(&with_subject(&subject)).unwrap();
    shop.track("huge", "Signed Up", json!({}));
    shop.await_received(&[("huge", "rain")]);
    // After five failures in a row nobody else waits for it.
    shop.track("slow", "Signed Up", json!({}));
    shop.await_received(&[("huge", "rain"), ("slow", "rain")]);
    let n_slow = api.calls.lock().iter().filter(|(city, _)| city == "slow").count();
    assert_eq!(n_slow, 1);
}

#[test]
fn an_api_inside_the_house_is_not_asked() {
    let api = Api::start();
    let mut shop = shop_with(&api);
    shop.engine = None;
    let options = EngineOptions { clock: shop.clock.clone(), ..options(false) };
    let id = WorkspaceId::new("shop").unwrap();
    shop.engine = Some(Engine::open_with(id, shop.folder.path(), &options, &|_, _| {}).unwrap());
    shop.put_campaign(&with_subject(WEATHER)).unwrap();
    shop.identify("ada", json!({ "email": "x@shop.example", "city": "Brno" }));
    shop.track("ada", "Signed Up", json!({}));
    shop.await_refused("hello", &[("content_not_available", 1)]);
    assert!(api.calls.lock().is_empty());
}
