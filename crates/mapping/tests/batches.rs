//! Batches: what differs from messages that are mapped alone.

use mapping::recombee::{BatchMessage, Settings, map_batch};
use mapping::{Mapping, Payload, recommender_presets};

fn batch(mapping: &Mapping, messages: &[&str], is_compatible: bool) -> (String, String) {
    let settings = r#"{"databaseId":"db","privateToken":"t","databaseRegion":"eu-west"}"#;
    let settings = Settings::from_json(settings).expect("settings");
    let payloads: Vec<Payload<'_>> =
        messages.iter().map(|message| Payload::of_json(message).expect("a message")).collect();
    let made = map_batch(mapping, &payloads, &settings, is_compatible);
    let outcomes = made.messages.iter().map(|outcome| match outcome {
        BatchMessage::Accepted => "accepted".to_owned(),
        BatchMessage::NotMatched => "not matched".to_owned(),
        BatchMessage::Spoiled => "spoiled".to_owned(),
        BatchMessage::Refused(errors) => {
            errors.iter().map(|error| error.what.clone()).collect::<Vec<_>>().join("; ")
        }
    });
    let outcomes = outcomes.collect::<Vec<_>>().join(" | ");
    let request =
        made.request.map(|request| serde_json::to_string(&request).expect("plain fields"));
    (request.unwrap_or_default(), outcomes)
}

fn preset(name: &str) -> &'static Mapping {
    recommender_presets().get(name).expect("a preset")
}

#[test]
fn accepted_messages_share_one_request_in_their_order() {
    let (request, outcomes) = batch(
        preset("Ecommerce - Order Completed"),
        &[
            r#"{"type":"track","event":"Order Completed","userId":"a","properties":{"products":[{"sku":"x"},{"sku":"y"}]}}"#,
            r#"{"type":"page","userId":"a"}"#,
            r#"{"type":"track","event":"Order Completed","userId":"b","properties":{"products":[]}}"#,
            r#"{"type":"track","event":"Order Completed","userId":"c"}"#,
            r#"{"type":"track","event":"Order Completed","userId":"d","properties":{"products":{"sku":"z"}}}"#,
        ],
        true,
    );
    assert_eq!(outcomes, "accepted | not matched | accepted | items is missing | accepted");
    let data = r#"{"segmentEventType":"track","segmentEventName":"Order Completed"}"#;
    let entry = |user: &str, item: &str| {
        format!(
            r#"{{"params":{{"cascadeCreate":true,"additionalData":{data},"userId":"{user}","itemId":"{item}"}},"method":"POST","path":"/purchases/"}}"#
        )
    };
    let entries = [entry("a", "x"), entry("a", "y"), entry("d", "z")].join(",");
    assert_eq!(
        request,
        format!(r#"{{"method":"POST","path":"/db/batch/","body":{{"requests":[{entries}]}}}}"#)
    );
}

#[test]
fn empty_texts_stay_in_batches() {
    let view = preset("Ecommerce - Product Viewed");
    let viewed = |user: &str, properties: &str| {
        format!(
            r#"{{"type":"track","event":"Product Viewed","userId":"{user}","properties":{properties}}}"#
        )
    };
    let (request, outcomes) = batch(
        view,
        &[
            &viewed("", r#"{"product_id":"p"}"#),
            &viewed("u", r#"{"product_id":""}"#),
            &viewed("u", r#"{"product_id":"p","timestamp":""}"#),
            &viewed("u", r#"{"product_id":null}"#),
        ],
        true,
    );
    assert_eq!(
        outcomes,
        "accepted | accepted | timestamp should be a date: ISO 8601, or a Unix time | itemId is missing"
    );
    assert!(request.contains(r#""userId":"","itemId":"p""#), "{request}");
    assert!(request.contains(r#""userId":"u","itemId":"""#), "{request}");
}

#[test]
fn deletes_and_merges_keep_their_queries() {
    let (request, _) = batch(
        preset("Ecommerce - Product Removed"),
        &[
            r#"{"type":"track","event":"Product Removed","userId":"u 1","properties":{"sku":"a/b","timestamp":1600000000.5}}"#,
        ],
        true,
    );
    let entry = r#"{"params":{},"method":"DELETE","path":"/cartadditions/?userId=u+1&itemId=a%2Fb&timestamp=1600000000.5"}"#;
    assert!(request.contains(entry), "{request}");
    let (request, _) =
        batch(preset("Alias"), &[r#"{"type":"alias","userId":"u/2","previousId":"anon"}"#], true);
    let entry = r#"{"params":{},"method":"PUT","path":"/users/u/2/merge/anon?cascadeCreate=true"}"#;
    assert!(request.contains(entry), "{request}");
}

#[test]
fn one_bad_entry_spoils_a_compatible_batch_and_no_other() {
    let messages = [
        r#"{"type":"track","event":"Product Viewed","userId":"u","properties":{"sku":"a","timestamp":-1}}"#,
        r#"{"type":"track","event":"Product Viewed","userId":"u","properties":{"sku":"b"}}"#,
    ];
    let view = preset("Ecommerce - Product Viewed");
    let (request, outcomes) = batch(view, &messages, true);
    assert_eq!(
        (request.as_str(), outcomes.as_str()),
        ("", "timestamp cannot be negative | spoiled")
    );
    let (request, outcomes) = batch(view, &messages, false);
    assert_eq!(outcomes, "timestamp cannot be negative | accepted");
    assert!(request.contains(r#""itemId":"b""#) && !request.contains(r#""itemId":"a""#));
}

#[test]
fn without_an_accepted_message_there_is_no_request() {
    let (request, outcomes) = batch(preset("Alias"), &[r#"{"type":"alias","userId":"u"}"#], true);
    assert_eq!((request.as_str(), outcomes.as_str()), ("", "sourceUserId is missing"));
}
