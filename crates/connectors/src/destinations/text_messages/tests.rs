//! Senders to a stand-in: a receiver on this machine that gives the answers of a provider.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mapping::{Mappings, Payload};
use serde_json::json;

use super::*;
use crate::kind;
use crate::testing::{self, Answer, Receiver, reasons};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

fn twilio(url: &str, more: &Value) -> Value {
    let mut settings = json!({
        "account": ACCOUNT, "secret": "token", "url": url,
        "sender": "+15005550006", "whatsapp_sender": "+14155238886",
    });
    let more = more.as_object().cloned().unwrap_or_default();
    settings.as_object_mut().unwrap().extend(more);
    settings
}

/// What is prepared of the fields of an action.
fn prepare(sender: &dyn Sender, action: &str, fields: Value) -> Result<Arc<Prepared>, String> {
    let mapping = json!([{"name": "M", "trigger": "type = \"track\"", "action": action,
        "fields": fields}]);
    let actions = kind("text_messages").unwrap().actions;
    let mappings = Mappings::from_json_for(actions, &mapping.to_string()).unwrap();
    let message = json!({"type": "track", "event": "E", "userId": "u-1"});
    testing::prepare(sender, &mappings, &[message]).remove(0)
}

/// Sends an SMS to a stand-in that gives this answer.
async fn send(settings: impl Fn(&str) -> Value, answer: Answer) -> (Receiver, String) {
    let receiver = Receiver::start([answer]).await;
    let sender = testing::connect("text_messages", settings(&receiver.url));
    let fields = json!({"to": "+4915112345678", "text": "Hi"});
    let prepared = prepare(&*sender, "send_sms", fields).unwrap();
    let outcomes = sender.send(vec![prepared]).await;
    (receiver, reasons(&outcomes).remove(0))
}

async fn outcome(settings: impl Fn(&str) -> Value, status: u16, body: &str) -> String {
    send(settings, (status, &[], body.to_owned())).await.1
}

#[tokio::test]
async fn twilio_is_called_with_a_form() {
    let answer = (201, [].as_slice(), json!({"sid": "SM1", "error_code": null}).to_string());
    let (receiver, outcome) = send(|url| twilio(url, &json!({})), answer).await;
    assert_eq!(outcome, "");
    let received = &receiver.received()[0];
    assert_eq!(received.path, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    assert_eq!(received.headers["content-type"], "application/x-www-form-urlencoded");
    let basic = BASE64.encode(format!("{ACCOUNT}:token"));
    assert_eq!(received.headers["authorization"], format!("Basic {basic}"));
}

#[tokio::test]
async fn twilios_codes_become_reasons() {
    for (status, code, reason) in [
        (400, 21610, "opted_out"),
        (400, 21211, "invalid_number"),
        (400, 21614, "invalid_number"),
        (400, 21612, "not_reachable"),
        (400, 21408, "blocked"),
        (400, 63016, "needs_template"),
        (429, 20429, "retry too_many"),
        (401, 20003, "http_401"),
        (400, 21602, "http_400"),
        (201, 30007, "blocked"),
    ] {
        let key = if status == 201 { "error_code" } else { "code" };
        let body = json!({key: code, "message": "m", "status": status}).to_string();
        let found = outcome(|url| twilio(url, &json!({})), status, &body).await;
        assert_eq!(found, reason, "{code}");
    }
}

#[tokio::test]
async fn what_nobody_knows_is_told_apart_and_repeated_only_where_that_is_wanted() {
    for (status, reason) in [
        (500, "unknown http_500"),
        (504, "unknown http_504"),
        (503, "retry http_503"),
        (429, "retry http_429"),
    ] {
        let found = outcome(|url| twilio(url, &json!({})), status, "<p>").await;
        assert_eq!(found, reason, "{status}");
    }
    for (settings, once) in [
        (twilio("http://127.0.0.1:9", &json!({})), Once::AtMost),
        (twilio("http://127.0.0.1:9", &json!({"when_unknown": "repeat"})), Once::AtLeast),
        (custom("http://127.0.0.1:9"), Once::AtLeast),
    ] {
        assert_eq!(testing::connect("text_messages", settings).once(), once);
    }
    // Nothing was sent where there was no connection.
    let sender = testing::connect("text_messages", twilio("http://127.0.0.1:9", &json!({})));
    let fields = json!({"to": "+4915112345678", "text": "Hi"});
    let prepared = prepare(&*sender, "send_sms", fields).unwrap();
    assert_eq!(reasons(&sender.send(vec![prepared]).await), ["retry no_connection"]);
}

#[tokio::test]
async fn the_check_asks_for_the_account() {
    let receiver = Receiver::start([(401, [].as_slice(), "{}".to_owned())]).await;
    let sender = testing::connect("text_messages", twilio(&receiver.url, &json!({})));
    assert_eq!(reasons(&[sender.check().await]), ["http_401"]);
    let received = &receiver.received()[0];
    assert_eq!((received.method.as_str(), received.body.clone()), ("GET", Value::Null));
    assert_eq!(received.path, format!("/2010-04-01/Accounts/{ACCOUNT}.json"));
}

#[tokio::test]
async fn fields_that_cannot_be_sent_are_refused() {
    let url = "https://api.twilio.com";
    let sender = testing::connect("text_messages", twilio(url, &json!({"sms_segments_max": 2})));
    for (action, fields, what) in [
        (
            "send_sms",
            json!({"to": "0151 1234567", "text": "Hi"}),
            "M: to is a phone number without",
        ),
        ("send_sms", json!({"to": "+4915112345678", "text": " "}), "M: text is empty"),
        (
            "send_sms",
            json!({"to": "+4915112345678", "text": "ж".repeat(135)}),
            "M: text is 3 segments of SMS in the UCS-2, the limit is 2",
        ),
        (
            "send_sms",
            json!({"to": "+4915112345678", "text": "Hi", "media": ["ftp://a/b"]}),
            "M: media \"ftp://a/b\" should begin with https://",
        ),
        (
            "send_whatsapp",
            json!({"to": "+4915112345678", "text": "Hi", "template": "HX"}),
            "M: text cannot be beside a template",
        ),
        (
            "send_whatsapp",
            json!({"to": "+4915112345678", "template": "welcome"}),
            "M: template should be a content SID",
        ),
        (
            "send_whatsapp",
            json!({"to": "+4915112345678", "template": "HX", "variables": {"1": {"a": "b"}}}),
            "M: variables has no single value for \"1\"",
        ),
    ] {
        let found = prepare(&*sender, action, fields).unwrap_err();
        assert!(found.starts_with(what), "{found}");
    }
    let sender = testing::connect("text_messages", twilio(url, &json!({"sender": ""})));
    let fields = json!({"to": "+4915112345678", "text": "Hi"});
    let found = prepare(&*sender, "send_sms", fields).unwrap_err();
    assert_eq!(found, "M: from is missing, and the destination has no sender");
}

#[tokio::test]
async fn the_number_of_segments_is_told() {
    let sender = testing::connect("text_messages", twilio("https://api.twilio.com", &json!({})));
    let text = "a".repeat(161);
    let prepared =
        prepare(&*sender, "send_sms", json!({"to": "+4915112345678", "text": text})).unwrap();
    assert_eq!(sender.notes(&prepared), ["2 segments of SMS in the GSM alphabet"]);
}

#[tokio::test]
async fn the_cloud_api_says_what_became_of_a_message() {
    for (status, code, reason) in [
        (400, 131_026, "not_reachable"),
        (400, 131_047, "needs_template"),
        (400, 131_050, "opted_out"),
        (429, 130_429, "retry too_many"),
        (401, 190, "http_401"),
    ] {
        let body = json!({"error": {"message": "m", "code": code}}).to_string();
        let receiver = Receiver::start([(status, [].as_slice(), body)]).await;
        let settings = json!({"provider": "whatsapp_cloud", "account": "1055", "secret": "t",
            "url": receiver.url});
        let sender = testing::connect("text_messages", settings);
        let fields = json!({"to": "+4915112345678", "text": "Hi"});
        let prepared = prepare(&*sender, "send_whatsapp", fields).unwrap();
        assert_eq!(reasons(&Arc::clone(&sender).send(vec![prepared]).await), [reason], "{code}");
        assert_eq!(receiver.received()[0].headers["authorization"], "Bearer t");
        assert_eq!(receiver.received()[0].path, "/v23.0/1055/messages");
        let fields = json!({"to": "+4915112345678", "text": "Hi", "from": "A"});
        let found = prepare(&*sender, "send_sms", fields).unwrap_err();
        assert_eq!(found, "M: the WhatsApp Cloud API sends no SMS");
    }
}

/// The settings of a provider of which the answer says everything.
fn custom(url: &str) -> Value {
    json!({
        "provider": "custom", "secret": "k", "secret_header": "x-api-key", "url": url,
        "sender": "Shop", "body": r#"{"to": {"@path": "$.to"}, "text": {"@path": "$.text"}}"#,
        "repeat_header": "Idempotency-Key", "success_path": "$.messages.0.status",
        "success_values": "0, queued", "code_path": "$.messages.0.status",
        "give_up_codes": "3, 6", "repeat_codes": "1",
    })
}

#[tokio::test]
async fn the_answers_of_a_described_provider_are_read_as_the_settings_say() {
    let answer = |status: &Value| json!({"messages": [{"status": status}]}).to_string();
    for (status, body, reason) in [
        (200, answer(&json!("0")), ""),
        (200, answer(&json!(0)), ""),
        (202, answer(&json!("queued")), ""),
        (200, answer(&json!("1")), "retry try_later"),
        (200, answer(&json!("6")), "provider_error"),
        (200, answer(&json!("9")), "provider_error"),
        (200, "{}".to_owned(), "not_taken"),
        (200, "<p>".to_owned(), "unknown unreadable_answer"),
        (400, answer(&json!("3")), "provider_error"),
        (400, answer(&json!("9")), "http_400"),
        (500, "<p>".to_owned(), "unknown http_500"),
    ] {
        assert_eq!(outcome(custom, status, &body).await, reason, "{status} {body}");
    }
    let (receiver, _) = send(custom, (200, &[], answer(&json!("0")))).await;
    let received = &receiver.received()[0];
    assert_eq!(received.body, json!({"to": "+4915112345678", "text": "Hi"}));
    assert_eq!(received.headers["x-api-key"], "k");
    assert_eq!(received.headers["idempotency-key"], "delivery-1");
    assert!(!received.headers.contains_key("authorization"));
}

#[tokio::test]
async fn mistakes_in_settings_name_them() {
    let connect = |settings: Value| {
        let settings = serde_json::from_value(settings).unwrap();
        let outgoing = testing::outgoing();
        kind("text_messages").unwrap().connect(&settings, &outgoing).map(drop)
    };
    let with = |base: Value, key: &str, value: &str| {
        let mut settings = base;
        settings[key] = value.into();
        settings
    };
    let url = "https://sms.example.com/send";
    assert_eq!(connect(custom(url)), Ok(()));
    assert_eq!(connect(twilio(url, &json!({}))), Ok(()));
    for (settings, error) in [
        (
            with(twilio(url, &json!({})), "account", ""),
            "account is missing; provider twilio needs it",
        ),
        (
            with(twilio(url, &json!({})), "account", "../x"),
            "account should have letters and digits",
        ),
        (with(twilio(url, &json!({})), "account", "AC1"), "account should be an account SID"),
        (with(twilio(url, &json!({})), "country_code", "049"), "country_code should be 1 to 3"),
        (
            with(twilio(url, &json!({})), "receipts_url", "https://a/b?c"),
            "receipts_url should have no",
        ),
        (
            with(custom(url), "receipts_url", url),
            "receipts_url is a setting of the provider twilio, not of custom",
        ),
        (with(twilio(url, &json!({})), "body", "{}"), "body is a setting of the provider custom"),
        (with(custom(url), "url", ""), "url is missing; provider custom needs it"),
        (with(custom(url), "body", "{"), "body is no JSON"),
        (with(custom(url), "body", "[]"), "body should be a JSON object"),
        (with(custom(url), "body", r#"{"a": {"@pth": "$.to"}}"#), "body /a"),
        (with(custom(url), "body", r#"{}, "x": {}"#), "body is no JSON"),
        (with(custom(url), "success_values", ""), "success_values should be set together"),
        (with(custom(url), "code_path", ""), "code_path is missing"),
        (with(custom(url), "secret_header", "a b"), "secret_header is \"a b\""),
    ] {
        let found = connect(settings).unwrap_err().to_string();
        assert!(found.starts_with(error), "{found}");
    }
}

#[test]
fn receipts_of_a_campaigns_message_come_to_an_address_that_names_both() {
    let url = "https://shop.example/v1/twilio/key/sms";
    let settings = twilio("https://api.twilio.com", &json!({"receipts_url": url}));
    let sender = testing::connect("text_messages", settings);
    let mut message = testing::message(&json!({"type": "track", "event": "Campaign Message",
        "userId": "u-1", "messageId": "m-1", "properties": {"campaign": "news"}}));
    message.source = domain::CAMPAIGN_SOURCE.to_owned();
    let mapping = json!([{"name": "M", "trigger": "type = \"track\"", "action": "send_sms",
        "fields": {"to": "+4915112345678", "text": "Hi"}}]);
    let actions = kind("text_messages").unwrap().actions;
    let mappings = Mappings::from_json_for(actions, &mapping.to_string()).unwrap();
    let payload = Payload::for_destination(&message);
    let mapping = mappings.get("M").unwrap();
    let fields = mapping.check(&payload, sender.batching().mode()).unwrap();
    let (action, delivery_id) = (mapping.action, "d-1".to_owned());
    let prepared = sender.prepare(Made { action, fields, message: &message, delivery_id }).unwrap();
    let callback = sender.describe(&[Arc::new(prepared)])[0].body["StatusCallback"].clone();
    let expected = format!("{url}?deliveryId=d-1&userId=u-1&campaign=news&messageId=m-1");
    assert_eq!(callback, expected);
}
