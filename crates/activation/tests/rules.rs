//! The rules of a destination, one a test.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::borrow::Cow;

use activation::{Rules, Withheld};
use domain::{DestinationRules, Message, MessageType, Timestamp};
use proptest::prelude::*;

const EMAIL_HASH: &str = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";

fn message() -> Message {
    Message {
        message_id: "m-1".to_owned(),
        type_: MessageType::Track,
        user_id: Some("ada".to_owned()),
        anonymous_id: None,
        previous_id: None,
        group_id: None,
        event: Some("Order Completed".to_owned()),
        name: None,
        category: None,
        body: Some(r#"{"total":1.50,"email":" User@Example.com","lines":[{"sku":"a","price":2}]}"#.to_owned()),
        context: Some(r#"{"ip":"1.2.3.4","a.b":1,"consent":{"categoryPreferences":{"ads":true,"mail":false}}}"#.to_owned()),
        integrations: None,
        timestamp: Timestamp(0),
        original_timestamp: None,
        sent_at: None,
        received_at: Timestamp(0),
        violations: Vec::new(),
        enriched: Vec::new(),
        source: "shop".to_owned(),
    }
}

fn rules(json: &str) -> Rules {
    let rules: DestinationRules = serde_json::from_str(json).unwrap();
    Rules::compile(&rules).unwrap()
}

fn error(json: &str) -> String {
    let rules: DestinationRules = serde_json::from_str(json).unwrap();
    Rules::compile(&rules).unwrap_err().to_string()
}

/// Why a message is withheld, or that it is not.
fn label(json: &str, message: &Message) -> &'static str {
    let names = ["hook", "Webhook"];
    rules(json).apply(message, &names).err().map_or("delivered", |withheld| withheld.label())
}

fn body(json: &str) -> String {
    rules(json).apply(&message(), &[]).unwrap().body.clone().unwrap_or_default()
}

fn context(json: &str) -> String {
    rules(json).apply(&message(), &[]).unwrap().context.clone().unwrap_or_default()
}

#[test]
fn without_rules_a_message_is_not_copied() {
    assert!(matches!(rules("{}").apply(&message(), &["hook"]), Ok(Cow::Borrowed(_))));
    let rules = rules(r#"{"block_fields":["properties.none","traits.email"]}"#);
    assert!(matches!(rules.apply(&message(), &["hook"]), Ok(Cow::Borrowed(_))));
}

#[test]
fn only_messages_of_named_sources_are_delivered() {
    assert_eq!(label(r#"{"sources":["shop"]}"#, &message()), "delivered");
    assert_eq!(label(r#"{"sources":["app"]}"#, &message()), "source");
}

#[test]
fn consent_is_enforced_where_the_message_has_preferences() {
    let with = |context: &str| Message { context: Some(context.to_owned()), ..message() };
    let both = r#"{"consent_categories":["ads","mail"]}"#;
    let ads = r#"{"consent_categories":["ads"]}"#;
    assert_eq!(label(ads, &message()), "delivered");
    let category = "mail".to_owned();
    assert_eq!(rules(both).apply(&message(), &[]), Err(Withheld::Consent { category }));
    for absent in ["{}", r#"{"consent":null}"#] {
        assert_eq!(label(ads, &with(absent)), "delivered", "{absent}");
    }
    for denied in [r#"{"consent":{}}"#, r#"{"consent":{"categoryPreferences":{}}}"#] {
        assert_eq!(label(ads, &with(denied)), "consent", "{denied}");
        assert_eq!(label("{}", &with(denied)), "delivered", "{denied}");
    }
}

#[test]
fn integrations_name_the_destination_or_all() {
    for (integrations, expected) in [
        ("{}", "delivered"),
        (r#"{"All":false}"#, "integrations"),
        (r#"{"All":false,"Webhook":true}"#, "delivered"),
        (r#"{"All":false,"hook":{"path":"/x"}}"#, "delivered"),
        (r#"{"All":false,"webhook":true}"#, "integrations"),
        (r#"{"hook":false}"#, "integrations"),
        (r#"{"hook":true,"Webhook":false}"#, "integrations"),
        (r#"{"All":false,"hook":null}"#, "integrations"),
        (r#"{"all":false,"Other":false}"#, "delivered"),
    ] {
        let message = Message { integrations: Some(integrations.to_owned()), ..message() };
        assert_eq!(label("{}", &message), expected, "{integrations}");
    }
}

#[test]
fn a_sample_holds_whole_users() {
    let user = |n: u32| Message { user_id: Some(format!("user-{n}")), ..message() };
    let count = |rule: &str| (0..2_000).filter(|n| label(rule, &user(*n)) == "delivered").count();
    assert_eq!(count(r#"{"sample_percent":0}"#), 0);
    assert_eq!(count(r#"{"sample_percent":100}"#), 2_000);
    assert!((400..600).contains(&count(r#"{"sample_percent":25}"#)));
}

#[test]
fn filters_drop_and_come_after_consent_and_integrations() {
    let drop = r#"{"drop":["type = \"page\"","event = \"Order Completed\""]}"#;
    assert_eq!(label(drop, &message()), "filter");
    let excluded = Message { integrations: Some(r#"{"All":false}"#.to_owned()), ..message() };
    assert_eq!(label(drop, &excluded), "integrations");
}

#[test]
fn fields_are_blocked_allowed_and_hashed_and_the_rest_stays_as_it_was_written() {
    let blocked = body(r#"{"block_fields":["properties.email","properties.lines.price"]}"#);
    assert_eq!(blocked, r#"{"total":1.50,"lines":[{"sku":"a"}]}"#);
    let allowed = r#"{"allow_fields":["properties.total","properties.lines.sku"]}"#;
    assert_eq!(body(allowed), r#"{"total":1.50,"lines":[{"sku":"a"}]}"#);
    assert_eq!(context(allowed), "");
    assert_eq!(context(r#"{"allow_fields":["context.a\\.b"]}"#), r#"{"a.b":1}"#);
    let hashed =
        body(r#"{"hash_fields":["properties.email"],"block_fields":["properties.lines"]}"#);
    assert_eq!(hashed, format!(r#"{{"total":1.50,"email":"{EMAIL_HASH}"}}"#));
    let ids = rules(r#"{"hash_fields":["userId","anonymousId"]}"#);
    let message = ids.apply(&message(), &[]).unwrap().into_owned();
    assert_eq!((message.user_id.map(|id| id.len()), message.anonymous_id), (Some(64), None));
}

#[test]
fn errors_name_the_rule_and_what_is_wrong() {
    assert_eq!(
        error(r#"{"drop":["type = \"a\"",""]}"#),
        "drop[1]: Failed to validate subscription"
    );
    assert_eq!(
        error(r#"{"sample_percent":101}"#),
        "sample_percent: it must be a number from 0 to 100"
    );
    assert!(error(r#"{"hash_fields":["userId","email"]}"#).contains("must begin with properties"));
    assert!(error(r#"{"block_fields":["traits..a"]}"#).contains("empty step"));
    let many = format!(r#"{{"sources":[{}"a"]}}"#, r#""a","#.repeat(200));
    assert_eq!(error(&many), "sources: it has 201 entries, the limit is 200");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-c\\\\\" é]{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[abc.]{1,2}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn blocked_fields_are_gone_and_the_rest_is_the_same(value in json()) {
        let text = format!(r#"{{"a":{value},"b":{value}}}"#);
        let message = Message { body: Some(text), ..message() };
        let blocked = rules(r#"{"block_fields":["properties.a"]}"#);
        let blocked = blocked.apply(&message, &[]).unwrap().into_owned();
        prop_assert_eq!(blocked.body.unwrap(), format!(r#"{{"b":{value}}}"#));
        let hashed = rules(r#"{"hash_fields":["properties.a"]}"#);
        let hashed = hashed.apply(&message, &[]).unwrap().into_owned().body.unwrap();
        let hashed: serde_json::Value = serde_json::from_str(&hashed).unwrap();
        prop_assert_eq!(&hashed["b"], &value);
    }

    #[test]
    fn no_text_and_no_place_makes_the_rules_panic(text in ".{0,40}", place in ".{0,20}") {
        let message = Message {
            body: Some(text.clone()),
            context: Some(text.clone()),
            integrations: Some(text),
            ..message()
        };
        let place = format!("properties.{place}");
        for rules in [
            DestinationRules { block_fields: vec![place.clone()], ..Default::default() },
            DestinationRules { allow_fields: Some(vec![place.clone()]), ..Default::default() },
            DestinationRules { hash_fields: vec![place], ..Default::default() },
        ] {
            if let Ok(rules) = Rules::compile(&rules) {
                let _ = rules.apply(&message, &["hook"]);
            }
        }
    }
}
