//! Who wants no message gets none, and the links by which they say so.

use domain::{SubscriptionStatus, Topic, WorkspaceSettings};
use engine::{ExternalId, ExternalIdType, SubscriptionChanger, SubscriptionStatement};

use super::*;

fn topic(key: &str, default: &str) -> Topic {
    serde_json::from_value(json!({ "key": key, "default": default })).unwrap()
}

impl Shop {
    pub(super) fn settings(
        &self,
        change: impl FnOnce(WorkspaceSettings) -> WorkspaceSettings,
    ) -> Result<(), String> {
        let settings = change(self.engine().config().settings());
        let change = ConfigChange::put_settings(&settings);
        let changed = self.engine().change_config(change, Expected::Anything);
        changed.map_err(|error| error.to_string())
    }

    /// A shop with a topic that people get unless they say no, and one that they must ask for.
    fn with_topics() -> Self {
        let shop = Self::new();
        let topics = vec![topic("news", "subscribed"), topic("offers", "unsubscribed")];
        let public_url = Some("https://news.shop.example".to_owned());
        shop.settings(|settings| WorkspaceSettings { topics, public_url, ..settings }).unwrap();
        shop
    }

    fn say(&self, user: &str, said: Value) {
        self.send(json!({ "type": "identify", "userId": user,
            "context": { "messaging_subscriptions": said } }));
    }
}

fn about(key: &str, topic: Option<&str>, start: CampaignStart) -> Campaign {
    let mut campaign = campaign(start);
    campaign.key = key.to_owned();
    campaign.topic = topic.map(str::to_owned);
    campaign.content.insert("subject".to_owned(), key.to_owned());
    campaign
}

fn now() -> CampaignStart {
    CampaignStart::At { at: Timestamp(0) }
}

#[test]
fn who_said_no_to_the_channel_or_the_topic_gets_nothing_and_a_default_counts_for_the_others() {
    let shop = Shop::with_topics();
    for user in ["ada", "ben", "cy", "dan"] {
        shop.identify(user, json!({ "email": "x@shop.example" }));
    }
    shop.say("ben", json!([{ "type": "OTHER", "status": "UNSUBSCRIBED" }]));
    shop.say("cy", json!([{ "groups": [{ "name": "news", "status": "UNSUBSCRIBED" }] }]));
    shop.say("dan", json!([{ "groups": [{ "name": "offers", "status": "SUBSCRIBED" }] }]));
    shop.put_campaign(&about("news", Some("news"), now())).unwrap();
    let news = [("ada", "news"), ("dan", "news")];
    shop.await_received(&news);
    shop.await_refused("news", &[("opted_out", 2)]);
    shop.put_campaign(&about("offers", Some("offers"), now())).unwrap();
    let offers = [("ada", "news"), ("dan", "news"), ("dan", "offers")];
    shop.await_received(&offers);
    shop.await_refused("offers", &[("opted_out", 3)]);
    // Without a topic the channel alone counts.
    shop.put_campaign(&about("plain", None, now())).unwrap();
    shop.await_refused("plain", &[("opted_out", 1)]);
    // What they need for what they asked for comes all the same.
    let mut receipt = about("receipt", Some("offers"), now());
    receipt.options.ignores_subscriptions = true;
    shop.put_campaign(&receipt).unwrap();
    let mut all: Vec<(&str, &str)> = offers.to_vec();
    all.extend(["ada", "cy", "dan"].map(|user| (user, "plain")));
    all.extend(["ada", "ben", "cy", "dan"].map(|user| (user, "receipt")));
    all.sort_unstable();
    shop.await_received(&all);
    shop.await_refused("receipt", &[]);
}

#[test]
fn an_opt_out_of_either_counts_after_a_merge_and_a_later_yes_after_that() {
    let mut shop = Shop::with_topics();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    shop.say("ada", json!([{ "groups": [{ "name": "news", "status": "SUBSCRIBED" }] }]));
    shop.send(json!({ "type": "identify", "anonymousId": "phone", "context": {
        "messaging_subscriptions": [{ "groups": [{ "name": "news", "status": "UNSUBSCRIBED" }] }],
    } }));
    shop.put_campaign(&about("hello", Some("news"), after("Signed Up", 3_600, None))).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    shop.send(json!({ "type": "identify", "userId": "ada", "anonymousId": "phone" }));
    // Also of a store that is made again from the journal.
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    shop.pass(HOUR_MS);
    shop.await_refused("hello", &[("opted_out", 1)]);
    shop.await_received(&[]);
    shop.say("ada", json!([{ "groups": [{ "name": "news", "status": "SUBSCRIBED" }] }]));
    // What was said before comes late: it counts no more.
    let earlier = Timestamp(shop.engine().now().0 - 60_000).to_string();
    shop.send(json!({ "type": "identify", "userId": "ada", "timestamp": earlier, "context": {
        "messaging_subscriptions": [{ "groups": [{ "name": "news", "status": "UNSUBSCRIBED" }] }],
    } }));
    shop.track("ada", "Signed Up", json!({}));
    shop.pass(HOUR_MS);
    shop.await_received(&[("ada", "hello")]);
}

#[test]
fn complaints_count_and_what_cannot_be_understood_is_a_rejection() {
    let shop = Shop::with_topics();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    let wants = |kind| {
        let ada = ExternalId { type_: ExternalIdType::UserId, value: "ada" };
        let user = shop.engine().user(ada).unwrap();
        shop.engine().subscriptions(user).unwrap().wants_channel(&[kind])
    };
    shop.track("ada", "Email Marked as Spam", json!({}));
    assert!(!wants(domain::ChannelKind::Email));
    // By the name of the destination, which is a webhook.
    assert!(wants(domain::ChannelKind::Other));
    shop.track("ada", "Notification Complained", json!({ "channel": "mail" }));
    assert!(!wants(domain::ChannelKind::Other));
    shop.track("ada", "Notification Unsubscribed", json!({ "channel": "sms" }));
    assert!(!wants(domain::ChannelKind::Sms));
    shop.pass(1);
    shop.say(
        "ada",
        json!([{ "type": "FAX", "status": "SUBSCRIBED" },
        { "type": "SMS", "status": "SUBSCRIBED" }]),
    );
    assert!(wants(domain::ChannelKind::Sms), "the rest counts");
    let report = shop.engine().snapshot().rejections(1);
    let detail = &report.latest[0].detail;
    assert!(detail.contains("messaging_subscriptions[0].type is \"FAX\""), "{detail}");
}

#[test]
fn a_message_has_links_that_are_for_its_reader_and_its_topic() {
    let shop = Shop::with_topics();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    let mut news = about("news", Some("news"), after("Signed Up", 0, None));
    let links = "{{ preferences_url }} {{ unsubscribe_url }}";
    news.content.insert("subject".to_owned(), links.to_owned());
    shop.put_campaign(&news).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    let sent = await_that("the message", || shop.received().first().cloned());
    let (page, unsubscribe) = sent.1.split_once(' ').unwrap();
    assert_eq!(unsubscribe, format!("{page}/unsubscribe"));
    let token = page.strip_prefix("https://news.shop.example/preferences/").unwrap();
    assert!(token.starts_with("shop.") && !token.contains("ada"), "{token}");
    let link = shop.engine().open_preferences(token).unwrap();
    assert_eq!((link.id.as_str(), link.topic.as_deref()), ("ada", Some("news")));
    for wrong in [&token[..token.len() - 1], &token.replacen("shop.", "news.", 1), "shop.", ""] {
        assert_eq!(shop.engine().open_preferences(wrong), None, "{wrong}");
    }
    let (statement, by) = (link.unsubscribing(), SubscriptionChanger::Unsubscribing(&link));
    shop.engine().change_subscriptions((ExternalIdType::UserId, "ada"), &statement, by).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    shop.await_refused("news", &[("opted_out", 1)]);
    // Staff says in her name that she wants them again.
    let topics = [("news".to_owned(), SubscriptionStatus::Subscribed)].into();
    let statement = SubscriptionStatement { topics, ..SubscriptionStatement::default() };
    shop.pass(1);
    let by = SubscriptionChanger::Staff;
    shop.engine().change_subscriptions((ExternalIdType::UserId, "ada"), &statement, by).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    await_that("the second message", || (shop.received().len() == 2).then_some(()));
}

#[test]
fn a_campaign_names_a_topic_of_its_channel_and_links_need_an_address() {
    let shop = Shop::new();
    let error = shop.put_campaign(&about("a", Some("news"), now())).unwrap_err();
    assert!(error.contains("topic is \"news\": there is no such topic"), "{error}");
    let mail_only = json!({ "key": "news", "channels": ["email"] });
    let topics = vec![serde_json::from_value(mail_only).unwrap()];
    shop.settings(|settings| WorkspaceSettings { topics, ..settings }).unwrap();
    let error = shop.put_campaign(&about("a", Some("news"), now())).unwrap_err();
    assert!(error.contains("whose channels are not other"), "{error}");
    let mut links = about("a", None, now());
    links.content.insert("text".to_owned(), "{{ unsubscribe_url }}".to_owned());
    let error = shop.put_campaign(&links).unwrap_err();
    assert!(error.contains("unsubscribe_url needs public_url"), "{error}");
    // A topic that a campaign names cannot go.
    let topics = vec![topic("news", "subscribed")];
    shop.settings(|settings| WorkspaceSettings { topics, ..settings }).unwrap();
    shop.put_campaign(&about("a", Some("news"), now())).unwrap();
    let error = shop.settings(|settings| WorkspaceSettings { topics: Vec::new(), ..settings });
    assert!(error.unwrap_err().contains("there is no such topic"));
}
