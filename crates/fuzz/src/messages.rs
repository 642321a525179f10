//! Messages of the tracking API.

use domain::id::ID_BYTES_MAX;
use domain::message::{
    EXCERPT_BYTES_MAX, FUTURE_TOLERANCE_MS, GROUP_ID_CHARS_MAX, MESSAGE_BYTES_MAX,
    MESSAGE_ID_CHARS_BELOW,
};
use domain::source_controls::VIOLATIONS_PER_MESSAGE_MAX;
use domain::{
    Arrival, Envelope, Message, MessageType, RejectionReason, Source, SourceControls, Timestamp,
    check_message,
};
use serde_json::value::RawValue;

/// Texts with a meaning in a message.
pub const DICTIONARY: &[&str] = &[
    "\"type\":\"track\",",
    "\"type\":\"alias\",",
    "\"type\":\"group\",",
    "\"type\":\"identify\",",
    "\"type\":\"page\",",
    "\"messageId\":",
    "\"userId\":\"u\",",
    "\"anonymousId\":\"a\",",
    "\"previousId\":\"p\",",
    "\"groupId\":\"g\",",
    "\"event\":\"Product Viewed\",",
    "\"event\":\"Order Completed\",",
    "\"event\":\"Product Added\",",
    "\"event\":\"Video Content Playing\",",
    "\"event\":\"Video Playback Paused\",",
    "\"name\":\"Home\",",
    "\"category\":\"c\",",
    "\"properties\":{",
    "\"traits\":{",
    "\"context\":{",
    "\"direct\":true,",
    "\"channel\":\"browser\",",
    "\"timestamp\":\"2023-11-14T22:13:20Z\",",
    "\"timestamp\":",
    "\"sentAt\":\"2023-11-14T23:13:20Z\",",
    "\"originalTimestamp\":",
    "\"products\":[{\"sku\":1},{\"product_id\":\"i\"}],",
    "\"sku\":\"i\",",
    "\"product_id\":7,",
    "\"price\":1e308,",
    "\"quantity\":\"1e9\",",
    "\"profit\":-1,",
    "\"position\":5,",
    "\"total_length\":10,",
    "\"content_asset_id\":\"v\",",
    "\"content_asset_ids\":[\"v\"],",
    "\"session\":\"s\",",
    "\"recomm_id\":\"r\",",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "1e999",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "-0",
    "9999-12-31T23:59:59Z",
    "1970-01-01",
    "\u{feff}",
    "\u{2028}",
];

/// The time of arrival of all messages, in milliseconds since 1970.
const RECEIVED_AT: Timestamp = Timestamp(1_700_000_000_000);

/// The first byte selects the path of the message and whether it is in a batch, the others are its
/// text.
pub fn run(bytes: &[u8]) {
    let Some((path, text)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let shared =
        RawValue::from_string(r#"{"app":"shop","direct":true}"#.to_owned()).expect("it is JSON");
    let envelope = if path & 0x80 == 0 {
        Envelope::default()
    } else {
        Envelope { context: Some(&shared), ..Envelope::default() }
    };
    let Some(message) = check_text(&text, path & 0x7f, &envelope) else { return };
    check_message_is_sound(&message);
    check_is_accepted_again(&message);
    check_plan(message, &text);
}

/// What a plan lets through is as sound as the message was, and has nothing that the plan takes
/// out.
fn check_plan(message: Message, text: &str) {
    const PLAN: &str = r#"{
        "events": [{ "name": "Product Viewed", "properties": [
            { "name": "product_id", "required": true, "types": ["string"], "pattern": "^[a-z]+$" }
        ] }],
        "identify": [{ "name": "a", "types": ["date-time"] }],
        "unplanned_properties": "omit", "violations": "omit",
        "blocked_events": ["Order Completed"], "blocked_properties": ["price"]
    }"#;
    let plan = serde_json::from_str(PLAN).expect("it is a plan");
    let source = Source { plan: Some(plan), ..Source::new("web", "key") };
    match SourceControls::new(&source).check(message, text) {
        Ok(message) => {
            check_message_is_sound(&message);
            assert!(message.violations.len() <= VIOLATIONS_PER_MESSAGE_MAX);
            let body = message.body.as_deref().map_or_else(Vec::new, domain::json::members);
            assert!(body.iter().all(|(name, _)| name != "price"), "a blocked property");
        }
        Err(rejection) => {
            assert_eq!(rejection.reason, RejectionReason::EventBlocked);
            assert!(rejection.excerpt.len() <= EXCERPT_BYTES_MAX, "an excerpt over its limit");
        }
    }
}

/// Checks the form of a text, and the invariants of its rejection where it is refused.
pub(crate) fn check_text(text: &str, path: u8, envelope: &Envelope<'_>) -> Option<Message> {
    let type_ = MessageType::ALL.get(usize::from(path % 8)).copied();
    let peer_ip = Some([192, 0, 2, 7].into());
    let arrival = Arrival { received_at: RECEIVED_AT, source: "web", peer_ip };
    match check_message(text, type_, envelope, &arrival) {
        Ok(message) => {
            assert!(type_.is_none_or(|type_| message.type_ == type_), "the path's type wins");
            Some(message)
        }
        Err(rejection) => {
            assert!(rejection.excerpt.len() <= EXCERPT_BYTES_MAX, "an excerpt over its limit");
            assert!(
                rejection.detail.len() <= 4 * EXCERPT_BYTES_MAX,
                "a detail of {}",
                rejection.detail.len()
            );
            assert!(rejection.source == "web" && rejection.received_at == RECEIVED_AT);
            None
        }
    }
}

fn check_message_is_sound(message: &Message) {
    assert!(
        !message.message_id.is_empty()
            && message.message_id.chars().count() < MESSAGE_ID_CHARS_BELOW
    );
    assert!(message.user_id.is_some() || message.anonymous_id.is_some(), "nobody's message");
    for id in [&message.user_id, &message.anonymous_id, &message.previous_id].into_iter().flatten()
    {
        assert!((1..=ID_BYTES_MAX).contains(&id.len()), "an id of {} bytes", id.len());
    }
    if let Some(id) = &message.group_id {
        assert!((1..=GROUP_ID_CHARS_MAX).contains(&id.chars().count()), "a group id out of bounds");
    }
    assert_eq!(message.event.is_some(), message.type_ == MessageType::Track);
    assert_eq!(message.previous_id.is_some(), message.type_ == MessageType::Alias);
    assert_eq!(message.group_id.is_some(), message.type_ == MessageType::Group);
    assert!(!message.event_name().is_empty());
    let latest = RECEIVED_AT.0 + FUTURE_TOLERANCE_MS;
    assert!((0..=latest).contains(&message.timestamp.0), "it happened at {}", message.timestamp);
    assert!(
        message.text_bytes() <= 2 * MESSAGE_BYTES_MAX,
        "{} bytes of texts",
        message.text_bytes()
    );
    for part in [&message.body, &message.context, &message.integrations].into_iter().flatten() {
        let value: serde_json::Value =
            serde_json::from_str(part).expect("a part that is kept can be read");
        assert!(value.is_object(), "a part that is no object");
    }
}

/// The JSON form of a message is accepted and gives the same message.
fn check_is_accepted_again(message: &Message) {
    let text = message.to_json().to_string();
    let arrival = Arrival { received_at: RECEIVED_AT, source: "web", peer_ip: None };
    let again = match check_message(&text, None, &Envelope::default(), &arrival) {
        Ok(again) => again,
        // Escapes and what the batch said may make it longer.
        Err(rejection) if rejection.reason == RejectionReason::MessageTooLarge => return,
        Err(rejection) => panic!("accepted and then refused: {}", rejection.detail),
    };
    let (before, after) = (message.to_json(), again.to_json());
    assert!(crate::closeness::is_same(&before, &after), "{before} became {after}");
}
