//! What a preview of a campaign shows, and that it leaves nothing behind.

use super::*;

fn preview(shop: &Shop, campaign: &Campaign, user: &str) -> engine::CampaignPreview {
    let user = shop.engine().find_user(user).unwrap();
    shop.engine().preview_campaign(campaign, user).unwrap().unwrap()
}

fn subject(preview: &engine::CampaignPreview) -> Option<String> {
    let fields: Value = serde_json::from_str(preview.fields.as_ref()?).unwrap();
    Some(fields["subject"].as_str().unwrap().to_owned())
}

fn reason(preview: &engine::CampaignPreview) -> Option<&str> {
    preview.refused.as_ref().map(|(reason, _)| reason.as_str())
}

#[test]
fn a_preview_has_the_message_or_the_reason_and_writes_nothing() {
    let shop = Shop::new();
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.identify("cy", json!({ "name": "Cy" }));
    let end = shop.engine().snapshot().applied;
    let draft = Campaign {
        status: CampaignStatus::Draft,
        ..campaign(CampaignStart::At { at: Timestamp(0) })
    };
    let shown = preview(&shop, &draft, "ada");
    assert_eq!(subject(&shown).as_deref(), Some("Hello Ada"));
    assert_eq!(shown.message.unwrap().event.as_deref(), Some("Campaign Message"));
    assert_eq!((shown.refused, shown.waits_until, shown.event_at), (None, None, None));
    let shown = preview(&shop, &draft, "cy");
    assert_eq!((reason(&shown), shown.fields.is_none()), (Some("not_reachable"), true));
    let mut lacking = draft.clone();
    lacking.content.insert("subject".to_owned(), "{{ profile.traits.city }}".to_owned());
    let shown = preview(&shop, &lacking, "ada");
    let (reason, detail) = shown.refused.unwrap();
    assert_eq!(reason, "missing_variable");
    assert!(detail.unwrap().contains("content.subject: line 1, column 4"));
    // It is midnight: the message waits, and is shown nevertheless.
    let clock = |text| ClockTime::parse(text).unwrap();
    let window = QuietWindow { days: Vec::new(), from: clock("00:00"), to: clock("06:00") };
    let quiet = QuietHours { windows: vec![window], then: QuietThen::Later };
    let mut at_night = draft.clone();
    at_night.options.quiet_hours = Some(quiet);
    let shown = preview(&shop, &at_night, "ada");
    assert_eq!(subject(&shown).as_deref(), Some("Hello Ada"));
    assert_eq!(shown.waits_until, Some(Timestamp(START.0 + 6 * HOUR_MS)));
    assert_eq!(shop.engine().snapshot().applied, end);
    assert!(shop.engine().snapshot().campaigns.by_key().is_empty());
    shop.await_received(&[]);
}

#[test]
fn a_preview_has_the_latest_event_that_begins_the_campaign() {
    let shop = Shop::new();
    for user in ["ada", "ben"] {
        shop.identify(user, json!({ "email": "x@shop.example" }));
    }
    for (price, product) in [(9, "shoe"), (9, "ball"), (1, "sock")] {
        shop.pass(1_000);
        shop.track("ada", "Product Added", json!({ "price": price, "product": product }));
    }
    let mut draft = campaign(CampaignStart::Event {
        event: "Product Added".to_owned(),
        filters: Some("price > 5".to_owned()),
        count: None,
        within_s: None,
        after_s: 3_600,
        unless: Some(CampaignUnless { event: "Order Completed".to_owned(), filters: None }),
    });
    let text = "{{ event.properties.product | default: \"nothing\" }}";
    draft.content.insert("subject".to_owned(), text.to_owned());
    let shown = preview(&shop, &draft, "ada");
    assert_eq!(subject(&shown).as_deref(), Some("ball"));
    assert_eq!(shown.event_at, Some(Timestamp(START.0 + 2_000)));
    let shown = preview(&shop, &draft, "ben");
    assert_eq!((subject(&shown).as_deref(), shown.event_at), (Some("nothing"), None));
    shop.pass(60_000);
    shop.track("ada", "Order Completed", json!({}));
    let shown = preview(&shop, &draft, "ada");
    assert_eq!(reason(&shown), Some("did_meanwhile"));
    assert_eq!(subject(&shown).as_deref(), Some("ball"), "it can be looked at all the same");
}

#[test]
fn what_could_not_be_saved_is_refused_with_its_place() {
    let shop = Shop::new();
    let mut draft = campaign(CampaignStart::At { at: Timestamp(0) });
    shop.engine().check_campaign(&draft).unwrap();
    draft.content.insert("subject".to_owned(), "{{ profile.".to_owned());
    let what = shop.engine().check_campaign(&draft).unwrap_err();
    assert!(what.starts_with("campaign \"hello\": content.subject: line 1"), "{what}");
    draft.channel = "nowhere".to_owned();
    let what = shop.engine().check_campaign(&draft).unwrap_err();
    assert!(what.contains("channel is \"nowhere\""), "{what}");
}
