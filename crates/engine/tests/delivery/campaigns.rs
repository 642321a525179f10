//! Campaigns: who gets a message, when, once, and what of the others is counted.

mod linked;
mod preview;
mod reports;
mod subscriptions;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{
    Campaign, CampaignStart, CampaignStatus, CampaignUnless, ClockTime, DeliveryOptions, Exclusion,
    QuietHours, QuietThen, QuietWindow, Timestamp, TraitDefinition,
};
use engine::{
    CampaignEntry, CampaignTrigger, ExternalIdType, ManualClock, NewRegulation, Outcome,
    RegulationType, Surroundings, TriggeredPerson, UnnamedPerson,
};

mod kinds;

use super::*;

mod once;

const START: Timestamp = Timestamp(1_767_225_600_000);
const HOUR_MS: i64 = 3_600_000;

/// A workspace whose clock is set, with a channel.
struct Shop {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    engine: Option<Engine>,
    receiver: Receiver,
    n_sent: std::cell::Cell<u64>,
}

impl Shop {
    fn new() -> Self {
        let mut shop = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(START)),
            engine: None,
            receiver: Receiver::start(),
            n_sent: std::cell::Cell::new(0),
        };
        shop.restart();
        let mut channel = webhook(&shop.receiver, json!({}));
        channel.name = "mail".to_owned();
        channel.rules.sources = Some(vec!["campaign".to_owned()]);
        put(shop.engine(), &channel);
        shop
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.engine = None;
        let options = EngineOptions { clock: self.clock.clone(), ..options(true) };
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Engine::open_with(id, self.folder.path(), &options, &|_, _| {}).unwrap();
        self.engine = Some(engine);
    }

    fn pass(&self, ms: i64) {
        let at = Timestamp(self.engine().now().0 + ms);
        self.clock.set(at);
        self.engine().submit_blocking(vec![Entry::Tick { at }]).unwrap();
    }

    fn send(&self, body: Value) {
        let n = self.n_sent.get();
        self.n_sent.set(n + 1);
        let mut body = body;
        body["messageId"] = format!("m{n}").into();
        let arrival = Arrival { received_at: self.engine().now(), source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.engine().submit_blocking(vec![Entry::Message(Box::new(message.unwrap()))]).unwrap();
    }

    fn identify(&self, user: &str, traits: Value) {
        self.send(json!({ "type": "identify", "userId": user, "traits": traits }));
    }

    fn track(&self, user: &str, event: &str, properties: Value) {
        self.send(json!({ "type": "track", "userId": user, "event": event,
            "properties": properties }));
    }

    fn put_campaign(&self, campaign: &Campaign) -> Result<(), String> {
        let change = ConfigChange::put_campaign(campaign);
        let changed = self.engine().change_config(change, Expected::Anything);
        changed.map(drop).map_err(|error| error.to_string())
    }

    /// The messages that were received.
    fn bodies(&self) -> Vec<Value> {
        let requests = self.receiver.received();
        let bodies = requests.into_iter().flat_map(|request| match request.body {
            Value::Array(messages) => messages,
            message => vec![message],
        });
        bodies.collect()
    }

    /// What was received: who, and the subject.
    fn received(&self) -> Vec<(String, String)> {
        let message = |body: Value| {
            let subject = body["properties"]["subject"].as_str().unwrap_or_default();
            (body["userId"].as_str().unwrap().to_owned(), subject.to_owned())
        };
        let mut received: Vec<_> = self.bodies().into_iter().map(message).collect();
        received.sort();
        received
    }

    fn await_received(&self, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect();
        await_that("the messages are there", || (self.received() == expected).then_some(()));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(self.received(), expected, "and no further one");
    }

    fn refused(&self, key: &str) -> BTreeMap<String, u64> {
        let snapshot = self.engine().snapshot();
        snapshot.campaigns.by_key()[key].counts.refused.clone()
    }

    fn await_refused(&self, key: &str, expected: &[(&str, u64)]) {
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect();
        await_that("the others are counted", || (self.refused(key) == expected).then_some(()));
    }
}

fn campaign(start: CampaignStart) -> Campaign {
    let content = [
        ("to", "{{ profile.traits.email }}"),
        ("subject", "Hello {{ profile.traits.name | default: \"you\" }}"),
    ];
    Campaign {
        key: "hello".to_owned(),
        name: None,
        status: CampaignStatus::Running,
        channel: "mail".to_owned(),
        topic: None,
        start,
        audience: None,
        content: content.map(|(field, text)| (field.to_owned(), text.to_owned())).into(),
        variants: Vec::new(),
        test: None,
        options: DeliveryOptions::default(),
        control_percent: 0,
        control_group: None,
        conversion: None,
    }
}

fn after(event: &str, after_s: u32, unless: Option<&str>) -> CampaignStart {
    CampaignStart::Event {
        event: event.to_owned(),
        filters: None,
        count: None,
        within_s: None,
        after_s,
        unless: unless.map(|event| CampaignUnless { event: event.to_owned(), filters: None }),
    }
}

#[test]
fn a_run_reaches_everybody_once_who_can_be_reached() {
    let mut shop = Shop::new();
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.identify("ben", json!({ "email": "ben@shop.example" }));
    shop.identify("cy", json!({ "name": "Cy" }));
    shop.put_campaign(&campaign(CampaignStart::At { at: Timestamp(0) })).unwrap();
    let expected = [("ada", "Hello Ada"), ("ben", "Hello you")];
    shop.await_received(&expected);
    shop.await_refused("hello", &[("not_reachable", 1)]);
    // Neither a restart nor a lost store sends anything again.
    shop.restart();
    shop.await_received(&expected);
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    shop.await_received(&expected);
    shop.await_refused("hello", &[("not_reachable", 1)]);
    let snapshot = shop.engine().snapshot();
    let kept = &snapshot.campaigns.by_key()["hello"];
    assert_eq!((kept.counts.sent, kept.counts.people, kept.n_waiting), (2, 2, 0));
    assert!(kept.run.unwrap().is_done);
}

#[test]
fn a_cart_that_is_left_gets_a_message_after_a_day_and_a_purchase_none() {
    let shop = Shop::new();
    for user in ["ada", "ben", "cy"] {
        shop.identify(user, json!({ "email": "x@shop.example", "name": user }));
    }
    let day_s = 24 * 3_600;
    let left = campaign(after("Product Added", day_s, Some("Order Completed")));
    shop.put_campaign(&left).unwrap();
    shop.track("ada", "Product Added", json!({ "product_id": "shoe" }));
    shop.track("ben", "Product Added", json!({ "product_id": "shoe" }));
    shop.pass(HOUR_MS);
    shop.track("ben", "Order Completed", json!({}));
    // A second product begins the wait anew.
    shop.track("cy", "Product Added", json!({ "product_id": "ball" }));
    shop.pass(HOUR_MS);
    shop.track("cy", "Product Added", json!({ "product_id": "shoe" }));
    shop.pass(22 * HOUR_MS - 1);
    shop.await_received(&[]);
    shop.pass(1);
    shop.await_received(&[("ada", "Hello ada")]);
    shop.await_refused("hello", &[("did_meanwhile", 1)]);
    shop.pass(2 * HOUR_MS - 1);
    shop.await_received(&[("ada", "Hello ada")]);
    shop.pass(1);
    shop.await_received(&[("ada", "Hello ada"), ("cy", "Hello cy")]);
}

#[test]
fn quiet_hours_hold_messages_back_and_caps_refuse_them() {
    let shop = Shop::new();
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    let window = QuietWindow {
        days: Vec::new(),
        from: ClockTime::parse("00:00").unwrap(),
        to: ClockTime::parse("06:00").unwrap(),
    };
    let quiet = QuietHours { windows: vec![window], then: QuietThen::Later };
    let options = DeliveryOptions {
        quiet_hours: Some(quiet),
        gap_s: Some(7_200),
        ..DeliveryOptions::default()
    };
    // It is midnight.
    shop.put_campaign(&Campaign { options, ..campaign(after("Signed Up", 0, None)) }).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    shop.track("ada", "Signed Up", json!({}));
    shop.pass(6 * HOUR_MS - 1);
    shop.await_received(&[]);
    shop.pass(1);
    shop.await_received(&[("ada", "Hello Ada")]);
    shop.await_refused("hello", &[("campaign_gap", 1)]);
}

#[test]
fn a_message_has_the_event_and_recommended_items_or_is_refused_with_its_reason() {
    let shop = Shop::new();
    for n in 0..4 {
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example" }));
        for item in ["shoe", "ball"] {
            shop.track(&format!("u{n}"), "Product Viewed", json!({ "product_id": item }));
        }
    }
    let definition = TraitDefinition {
        exclude: Some(Exclusion::Interacted),
        ..TraitDefinition::recommended_items("next")
    };
    let change = ConfigChange::put_trait(&definition);
    shop.engine().change_config(change, Expected::Anything).unwrap();
    let with = |subject: &str| {
        let mut campaign = campaign(after("Product Added", 0, None));
        campaign.content.insert("subject".to_owned(), subject.to_owned());
        campaign
    };
    let error = shop.put_campaign(&with("{% recommend \"nxt\" count: 1 as items %}x")).unwrap_err();
    assert!(error.contains("no recommended-items trait \"nxt\""), "{error}");
    let error = shop.put_campaign(&with("Hello {{ profile.traits.name")).unwrap_err();
    assert!(error.contains("content.subject: line 1, column 7"), "{error}");
    let text = "{% recommend \"next\" count: 1 as items %}{{ event.properties.product_id }} and \
                {{ items[0].id }}";
    shop.put_campaign(&with(text)).unwrap();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    shop.track("ada", "Product Viewed", json!({ "product_id": "shoe" }));
    shop.track("ada", "Product Added", json!({ "product_id": "shoe" }));
    shop.await_received(&[("ada", "shoe and ball")]);
    shop.put_campaign(&with("{{ event.properties.colour }}")).unwrap();
    shop.track("ada", "Product Added", json!({ "product_id": "shoe" }));
    shop.await_refused("hello", &[("missing_variable", 1)]);
}

#[test]
fn what_was_sent_lately_is_not_recommended_again() {
    let shop = Shop::new();
    for n in 0..4 {
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example" }));
        for item in ["shoe", "ball"] {
            shop.track(&format!("u{n}"), "Product Viewed", json!({ "product_id": item }));
        }
    }
    let definition = TraitDefinition {
        exclude: Some(Exclusion::Interacted),
        ..TraitDefinition::recommended_items("next")
    };
    let change = ConfigChange::put_trait(&definition);
    shop.engine().change_config(change, Expected::Anything).unwrap();
    let mut campaign = campaign(after("Product Added", 0, None));
    let text = "{% recommend \"next\" count: 1 min: 0 not_sent_days: 7 as items %}\
                {{ items[0].id | default: \"nothing\" }}";
    campaign.content.insert("subject".to_owned(), text.to_owned());
    shop.put_campaign(&campaign).unwrap();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    let mut received = Vec::new();
    for (subject, then_days) in [("ball", 6), ("nothing", 2), ("ball", 0)] {
        shop.track("ada", "Product Added", json!({ "product_id": "shoe" }));
        received.push(("ada", subject));
        received.sort_unstable();
        shop.await_received(&received);
        shop.pass(then_days * 86_400_000);
    }
}

#[test]
fn a_limit_is_reached_by_messages_that_could_be_made_alone() {
    let shop = Shop::new();
    for n in 0..40 {
        let name = (n % 3 != 0).then_some("x");
        shop.identify(&format!("u{n}"), json!({ "email": "x@shop.example", "name": name }));
    }
    let mut campaign = campaign(CampaignStart::At { at: Timestamp(0) });
    campaign.content.insert("subject".to_owned(), "{{ profile.traits.name }}".to_owned());
    campaign.options.people_per_run = Some(10);
    shop.put_campaign(&campaign).unwrap();
    // The tenth whose message can be made is the fifteenth of all.
    shop.await_refused("hello", &[("missing_variable", 5), ("run_limit", 25)]);
    assert_eq!(shop.engine().snapshot().campaigns.by_key()["hello"].counts.sent, 10);
}

#[test]
fn two_who_become_one_get_one_message() {
    let shop = Shop::new();
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.send(json!({ "type": "track", "anonymousId": "phone", "event": "Product Viewed" }));
    let day_s = 24 * 3_600;
    shop.put_campaign(&campaign(after("Product Added", day_s, Some("Order Completed")))).unwrap();
    shop.track("ada", "Product Added", json!({}));
    shop.send(json!({ "type": "track", "anonymousId": "phone", "event": "Product Added" }));
    // The phone is hers: what it bought counts.
    shop.send(json!({ "type": "identify", "userId": "ada", "anonymousId": "phone" }));
    shop.pass(i64::from(day_s) * 1_000);
    shop.await_received(&[("ada", "Hello Ada")]);
    assert_eq!(shop.engine().snapshot().campaigns.by_key()["hello"].n_waiting, 0);
}

#[test]
fn what_waits_for_somebody_who_is_suppressed_goes_and_holds_up_nobody() {
    let shop = Shop::new();
    for user in ["ada", "ben"] {
        shop.identify(user, json!({ "email": "x@shop.example", "name": user }));
    }
    shop.put_campaign(&campaign(after("Signed Up", 3_600, None))).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    shop.track("ben", "Signed Up", json!({}));
    let suppressed = NewRegulation {
        type_: RegulationType::SuppressOnly,
        user_ids: vec!["ada".to_owned()],
        anonymous_ids: Vec::new(),
        other_ids: Vec::new(),
    };
    let id = shop.engine().begin_regulation(&suppressed).unwrap();
    shop.engine().run_regulation(id, &Surroundings::NONE).unwrap();
    shop.pass(HOUR_MS);
    shop.await_received(&[("ben", "Hello ben")]);
    shop.await_refused("hello", &[("suppressed", 1)]);
    assert_eq!(shop.engine().snapshot().campaigns.by_key()["hello"].n_waiting, 0);
}

impl Shop {
    /// Begins messages of the campaign `hello` by a call.
    fn trigger(&self, id: Option<&str>, ignores_limits: bool, people: &[(&str, Value)]) -> Outcome {
        let number = self.engine().snapshot().campaigns.by_key()["hello"].number;
        let people = people.iter().map(|(user, properties)| TriggeredPerson {
            person: Some((ExternalIdType::UserId, (*user).to_owned())),
            properties: properties.to_string(),
        });
        let trigger = CampaignTrigger {
            at: self.engine().now(),
            campaign: "hello".to_owned(),
            number,
            id: id.map(str::to_owned),
            ignores_limits,
            people: people.collect(),
        };
        let entry = Entry::Campaign(Box::new(CampaignEntry::Trigger(trigger)));
        self.engine().submit_blocking(vec![entry]).unwrap().remove(0)
    }
}

#[test]
fn a_call_begins_a_message_for_each_person_with_its_properties_and_once() {
    let mut shop = Shop::new();
    for user in ["ada", "ben"] {
        shop.identify(user, json!({ "email": "x@shop.example", "name": user }));
    }
    let mut ordered = campaign(CampaignStart::Triggered {});
    let subject = "{{ profile.traits.name }}: {{ event.properties.order }}";
    ordered.content.insert("subject".to_owned(), subject.to_owned());
    ordered.options.gap_s = Some(3_600);
    shop.put_campaign(&ordered).unwrap();
    let order = |number: u32| json!({ "order": number });
    let call = [("ada", order(7)), ("gone", order(0)), ("ben", order(8))];
    assert_eq!(shop.trigger(Some("a"), false, &call), Outcome::Applied);
    assert_eq!(shop.trigger(Some("a"), false, &call), Outcome::Duplicate);
    shop.await_received(&[("ada", "ada: 7"), ("ben", "ben: 8")]);
    shop.await_refused("hello", &[("unknown_person", 1)]);
    shop.trigger(None, false, &[("ada", order(9))]);
    shop.await_refused("hello", &[("campaign_gap", 1), ("unknown_person", 1)]);
    shop.trigger(None, true, &[("ada", order(9)), ("ada", order(10))]);
    let expected = [("ada", "ada: 10"), ("ada", "ada: 7"), ("ada", "ada: 9"), ("ben", "ben: 8")];
    shop.await_received(&expected);
    // What waits survives a lost store, with its properties.
    ordered.options.quiet_hours = Some(QuietHours {
        windows: vec![QuietWindow {
            days: Vec::new(),
            from: ClockTime::parse("00:00").unwrap(),
            to: ClockTime::parse("06:00").unwrap(),
        }],
        then: QuietThen::Later,
    });
    shop.put_campaign(&ordered).unwrap();
    shop.trigger(Some("b"), true, &[("ben", order(11))]);
    await_that("it waits", || {
        let snapshot = shop.engine().snapshot();
        (snapshot.campaigns.by_key()["hello"].n_waiting == 1).then_some(())
    });
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    shop.pass(6 * HOUR_MS);
    let expected = [
        ("ada", "ada: 10"),
        ("ada", "ada: 7"),
        ("ada", "ada: 9"),
        ("ben", "ben: 11"),
        ("ben", "ben: 8"),
    ];
    shop.await_received(&expected);
    assert_eq!(shop.engine().snapshot().campaigns.by_key()["hello"].n_waiting, 0);
}

#[test]
fn what_waits_for_somebody_without_an_id_goes_and_is_counted() {
    let shop = Shop::new();
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.put_campaign(&campaign(after("Signed Up", 3_600, None))).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    let (user, occurrence) = {
        let snapshot = shop.engine().snapshot();
        let user = snapshot.profiles.ids().user_by_id("ada").unwrap();
        let waiting = snapshot.campaigns.waiting(snapshot.store(), user).unwrap();
        (user.0, waiting[0].occurrence)
    };
    let (at, campaign) = (shop.engine().now(), "hello".to_owned());
    let unnamed = UnnamedPerson { at, campaign, number: 0, user, occurrence };
    let entry = Entry::Campaign(Box::new(CampaignEntry::Unnamed(unnamed)));
    shop.engine().submit_blocking(vec![entry]).unwrap();
    assert_eq!(shop.engine().snapshot().campaigns.by_key()["hello"].n_waiting, 0);
    shop.await_refused("hello", &[("not_reachable", 1)]);
    shop.pass(HOUR_MS);
    shop.await_received(&[]);
}
