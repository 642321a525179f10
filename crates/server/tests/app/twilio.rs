//! Twilio reports deliveries and what people write. The calls are signed here as its page on
//! security says; `tests/sdk/python/twilio_receipts.py` does the same with its own library.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use connectors::InstanceKey;
use domain::{ChannelKind, Destination};
use engine::{ConfigChange, EngineOptions, Expected, ExternalId, ExternalIdType, SystemClock};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{Answer, TestApp};

const PATH: &str = "/v1/twilio/key/messages";
const TOKEN: &str = "12345";

/// A server behind a proxy whose address Twilio knows, with a destination that is off.
async fn app() -> TestApp {
    let options = EngineOptions {
        instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
        ..EngineOptions::default()
    };
    let app = TestApp::with_options(Arc::new(SystemClock), options).await;
    let settings: BTreeMap<String, Value> = serde_json::from_value(json!({
        "account": "AC0123456789abcdef0123456789abcdef", "secret": TOKEN,
        "receipts_url": format!("https://tastemaker.example{PATH}"),
    }))
    .unwrap();
    let destination = Destination {
        settings,
        enabled: false,
        ..Destination::new("messages", Some("text_messages"))
    };
    let change = ConfigChange::put_destination(&destination);
    let engine = Arc::clone(&app.engine);
    tokio::task::spawn_blocking(move || engine.change_config(change, Expected::Anything))
        .await
        .unwrap()
        .unwrap();
    app
}

/// The members of a form, sorted, as they are signed and as they are sent.
fn form(members: &Value) -> (String, String) {
    let members = members.as_object().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let signed = members.iter().map(|(name, value)| format!("{name}{}", text(value))).collect();
    let pairs: Vec<(&String, String)> =
        members.iter().map(|(name, value)| (name, text(value))).collect();
    (signed, serde_urlencoded::to_string(pairs).unwrap())
}

fn sign(token: &str, path: &str, signed: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(format!("https://tastemaker.example{path}{signed}").as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

async fn call(app: &TestApp, path: &str, members: &Value) -> Answer {
    let (signed, body) = form(members);
    let signature = sign(TOKEN, path, &signed);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-twilio-signature", signature.as_str()),
    ];
    app.post(path, body, &headers).await
}

fn receipt(status: &str) -> Value {
    json!({ "MessageSid": "SM1", "MessageStatus": status, "To": "+4915112345678",
        "From": "+15005550006", "ErrorCode": "30003" })
}

fn written(text: &str) -> Value {
    json!({ "MessageSid": "SM2", "SmsStatus": "received", "From": "+4915112345678",
        "To": "+15005550006", "Body": text })
}

async fn events(app: &TestApp, id: &str) -> Vec<Value> {
    let answer = app.profile(id, "events").await;
    let mut events = answer.body["data"].as_array().cloned().unwrap_or_default();
    events.reverse();
    events
}

#[tokio::test]
async fn reports_become_messages_of_the_person_that_count_once() {
    let app = app().await;
    let path = format!("{PATH}?deliveryId=d-1&userId=ann+%2B1");
    for status in ["sent", "undelivered", "undelivered"] {
        assert_eq!(call(&app, &path, &receipt(status)).await.status, 200, "{status}");
    }
    // She is known by her number from the receipt on.
    for _ in 0..2 {
        assert_eq!(call(&app, PATH, &written(" Stop")).await.status, 200);
    }
    let events = events(&app, "user_id:ann%20+1").await;
    let names: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["Notification Failed", "Unsubscribed"]);
    let expected = json!({
        "channel": "sms", "provider": "twilio", "message_id": "SM1", "phone": "+4915112345678",
        "sender": "+15005550006", "reason": "not_reachable", "code": "30003", "delivery_id": "d-1",
    });
    assert_eq!(events[0]["properties"], expected);
    assert_eq!(events[1]["properties"]["reason"], "stop");
    let ann = ExternalId { type_: ExternalIdType::UserId, value: "ann +1" };
    let said = app.engine.subscriptions(app.engine.user(ann).unwrap()).unwrap();
    assert!(!said.wants_channel(&[ChannelKind::Sms]) && said.wants_channel(&[ChannelKind::Email]));
}

#[tokio::test]
async fn somebody_unknown_is_known_by_the_number() {
    let app = app().await;
    assert_eq!(call(&app, PATH, &written("Hello?")).await.status, 200);
    let events = events(&app, "anonymous_id:phone:+4915112345678").await;
    assert_eq!(events[0]["event"], "Notification Replied");
    assert_eq!(events[0]["properties"]["text"], "Hello?");
}

#[tokio::test]
async fn a_call_that_is_not_twilios_changes_nothing() {
    let app = app().await;
    let (signed, body) = form(&receipt("delivered"));
    let good = sign(TOKEN, PATH, &signed);
    let type_ = ("content-type", "application/x-www-form-urlencoded");
    let other_person = format!("{PATH}?userId=ann");
    let forged = sign("12346", PATH, &signed);
    for (path, headers, status) in [
        (PATH, vec![type_], 403),
        (PATH, vec![type_, ("x-twilio-signature", forged.as_str())], 403),
        (other_person.as_str(), vec![type_, ("x-twilio-signature", good.as_str())], 403),
        (PATH, vec![("x-twilio-signature", good.as_str())], 400),
        ("/v1/twilio/other/messages", vec![type_, ("x-twilio-signature", good.as_str())], 401),
        ("/v1/twilio/key/other", vec![type_, ("x-twilio-signature", good.as_str())], 404),
        ("/v1/twilio/key/engine", vec![type_, ("x-twilio-signature", good.as_str())], 404),
        ("/v1/twilio/off-key/messages", vec![type_, ("x-twilio-signature", good.as_str())], 403),
    ] {
        let answer = app.post(path, body.clone(), &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {headers:?}");
    }
    let answer = call(&app, PATH, &json!({ "MessageStatus": "sent" })).await;
    assert_eq!(answer.status, 400);
    let large = written(&"a".repeat(64 * 1_024));
    assert_eq!(call(&app, PATH, &large).await.status, 400);
    assert_eq!(app.engine.counts().message_ids, 0);
}
