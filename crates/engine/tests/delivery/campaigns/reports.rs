//! What becomes of messages: links that are followed, what is bought, and what a person got.

use catalog::Property;
use domain::{CampaignConversion, PropertyType, UtmParameters};
use engine::{Command, DecisionOutcome, EntityKind, MessageCounts, MessageEvent, MessageLink};

use super::*;

const PUBLIC_URL: &str = "https://news.shop.example";

impl Shop {
    fn set_public_url(&self) {
        let mut settings = self.engine().config().settings();
        settings.public_url = Some(PUBLIC_URL.to_owned());
        let change = ConfigChange::put_settings(&settings);
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn command(&self, command: Command) {
        let (received_at, command) = (self.engine().now(), Box::new(command));
        self.engine().submit_blocking(vec![Entry::Command { received_at, command }]).unwrap();
    }

    /// The properties of the messages that were received.
    fn properties(&self) -> Vec<Value> {
        self.bodies().into_iter().map(|body| body["properties"].clone()).collect()
    }

    fn tell(&self, told: Value) {
        let arrival =
            Arrival { received_at: self.engine().now(), source: "campaign", peer_ip: None };
        let message = check_message(&told.to_string(), None, &Envelope::default(), &arrival);
        self.engine().submit_blocking(vec![Entry::Message(Box::new(message.unwrap()))]).unwrap();
    }

    fn click(&self, link: &MessageLink, id: &str) {
        self.tell(link.told(self.engine().now(), id, false));
    }

    fn total(&self, key: &str) -> MessageCounts {
        let snapshot = self.engine().snapshot();
        let number = snapshot.campaigns.by_key()[key].number;
        let reports = &snapshot.campaign_reports;
        let cells = reports.cells(snapshot.store(), number, 0..u32::MAX).unwrap();
        let mut total = MessageCounts::default();
        cells.into_iter().for_each(|cell| total += cell.counts);
        total
    }

    fn items(&self, key: &str) -> Vec<(String, (i64, i64, i64))> {
        let snapshot = self.engine().snapshot();
        let number = snapshot.campaigns.by_key()[key].number;
        let items = snapshot.campaign_reports.items(snapshot.store(), number).unwrap();
        let counts = |item: engine::ItemCounts| (item.shown, item.clicked, item.bought);
        items.into_iter().map(|(id, item)| (id, counts(item))).collect()
    }
}

/// The tokens of addresses with a path in a text.
fn tokens<'t>(text: &'t str, path: &str) -> Vec<&'t str> {
    let start = format!("{PUBLIC_URL}{path}/");
    let parts = text.split(&start).skip(1);
    parts.map(|rest| rest.split(['"', '\'', ' ', '\n', '<']).next().unwrap()).collect()
}

fn conversion() -> CampaignConversion {
    CampaignConversion {
        event: "Order Completed".to_owned(),
        filters: None,
        within_s: 3_600,
        revenue: Some("total".to_owned()),
    }
}

/// Somebody who viewed a shoe is recommended the ball, in a mail with links.
fn recommend(shop: &Shop) -> Campaign {
    let property = Property::new("link", PropertyType::String);
    shop.command(Command::AddProperty { kind: EntityKind::Item, property });
    for item in ["shoe", "ball"] {
        shop.command(Command::SetValues {
            kind: EntityKind::Item,
            id: item.to_owned(),
            values: json!({ "link": format!("https://shop.example/{item}?a=1&b=2") }).to_string(),
            cascade_create: true,
        });
    }
    for n in 0..4 {
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
    let mut campaign = campaign(after("Signed Up", 0, None));
    let html = "<body>{% recommend \"next\" count: 1 as items %}<a href=\"{{ items[0].link }}\">\
                Look</a> <a href='https://shop.example/all'>All</a> \
                <a href=\"https://news.shop.example/preferences/x\">Less</a></body>";
    campaign.content.insert("html".to_owned(), html.to_owned());
    campaign.content.insert("text".to_owned(), "See https://shop.example/all.".to_owned());
    campaign.options.utm =
        Some(UtmParameters { source: Some("news".to_owned()), ..UtmParameters::default() });
    campaign.conversion = Some(conversion());
    campaign
}

#[test]
fn links_lead_over_this_server_and_what_is_bought_after_a_click_counts_once() {
    let mut shop = Shop::new();
    let campaign = recommend(&shop);
    shop.set_public_url();
    shop.put_campaign(&campaign).unwrap();
    shop.identify("ada", json!({ "email": "ada@shop.example" }));
    shop.track("ada", "Product Viewed", json!({ "product_id": "shoe" }));
    shop.track("ada", "Signed Up", json!({}));
    shop.await_received(&[("ada", "Hello you")]);
    let properties = shop.properties().remove(0);
    let html = properties["html"].as_str().unwrap();
    assert!(html.contains("\"https://news.shop.example/preferences/x\""), "{html}");
    assert!(html.ends_with("style=\"border:0\"></body>"), "{html}");
    let links: Vec<MessageLink> = tokens(html, "/l")
        .into_iter()
        .map(|token| shop.engine().read_link(token).unwrap())
        .collect();
    let targets: Vec<_> = links.iter().map(|link| link.target.clone().unwrap()).collect();
    let target = |n: u32, url: &str| (n, url.to_owned());
    assert_eq!(
        targets,
        [
            target(0, "https://shop.example/ball?a=1&b=2&utm_source=news"),
            target(1, "https://shop.example/all?utm_source=news"),
        ]
    );
    assert_eq!([&links[0].item, &links[1].item], [&Some("ball".to_owned()), &None]);
    let text = properties["text"].as_str().unwrap();
    let in_text = shop.engine().read_link(tokens(text, "/l")[0].trim_end_matches('.')).unwrap();
    assert_eq!(in_text.target.unwrap().1, "https://shop.example/all?utm_source=news");
    let image = tokens(html, "/o")[0].strip_suffix(".gif").unwrap();
    let opened = shop.engine().read_open(image).unwrap();
    assert_eq!(opened.person, ("user_id".to_owned(), "ada".to_owned()));
    assert!(shop.engine().read_link(image).is_none());

    shop.tell(opened.told(shop.engine().now(), "o1", true));
    shop.click(&links[0], "c1");
    shop.click(&links[0], "c1");
    shop.click(&links[0], "c2");
    shop.pass(HOUR_MS);
    let order = json!({ "total": 20.5, "products": [{ "product_id": "ball" }] });
    shop.track("ada", "Order Completed", order.clone());
    shop.pass(1);
    shop.track("ada", "Order Completed", order);
    let check = |shop: &Shop| {
        let total = shop.total("hello");
        let happened =
            |event: MessageEvent| (total.users[event as usize], total.events[event as usize]);
        assert_eq!((total.sent, total.people), (1, 1));
        assert_eq!(happened(MessageEvent::Clicked), (1, 2));
        assert_eq!(happened(MessageEvent::ViewedByMachine), (1, 1));
        assert_eq!(happened(MessageEvent::Viewed), (0, 0));
        for conversions in [total.click_through, total.view_through] {
            assert_eq!((conversions.people, conversions.events), (1, 1));
            assert_eq!(conversions.revenue_micros, 20_500_000);
        }
        assert_eq!(shop.items("hello"), [("ball".to_owned(), (1, 1, 1))]);
    };
    check(&shop);
    shop.restart();
    check(&shop);
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    check(&shop);
}

#[test]
fn links_stay_where_they_are_not_counted() {
    let shop = Shop::new();
    let mut campaign = recommend(&shop);
    campaign.options.track_links = Some(false);
    campaign.options.track_opens = Some(false);
    let receive = |shop: &Shop, n: usize| {
        shop.identify(&format!("p{n}"), json!({ "email": "x@shop.example" }));
        shop.track(&format!("p{n}"), "Product Viewed", json!({ "product_id": "shoe" }));
        shop.track(&format!("p{n}"), "Signed Up", json!({}));
        await_that("it is received", || (shop.properties().len() == n + 1).then_some(()));
        shop.properties().remove(n)["html"].as_str().unwrap().to_owned()
    };
    let plain = "https://shop.example/ball?a=1&amp;b=2";
    // The campaign says so, and there is no public address either.
    shop.put_campaign(&campaign).unwrap();
    assert!(receive(&shop, 0).contains(plain));
    shop.set_public_url();
    let html = receive(&shop, 1);
    assert!(html.contains(plain) && !html.contains("<img"), "{html}");
    campaign.options.track_opens = None;
    shop.put_campaign(&campaign).unwrap();
    let html = receive(&shop, 2);
    assert!(html.contains(plain) && html.contains("<img"), "{html}");
}

#[test]
fn a_message_can_be_looked_at_as_it_was_and_so_can_why_others_were_not_sent() {
    let shop = Shop::new();
    let mut campaign = campaign(CampaignStart::At { at: Timestamp(0) });
    campaign.content.insert("subject".to_owned(), "Hi {{ profile.traits.name }}".to_owned());
    shop.identify("ada", json!({ "email": "ada@shop.example", "name": "Ada" }));
    shop.identify("ben", json!({ "email": "ben@shop.example" }));
    shop.put_campaign(&campaign).unwrap();
    shop.await_received(&[("ada", "Hi Ada")]);
    shop.await_refused("hello", &[("missing_variable", 1)]);
    let later =
        Campaign { key: "later".to_owned(), ..self::campaign(after("Signed Up", 60, None)) };
    shop.put_campaign(&later).unwrap();
    shop.track("ada", "Signed Up", json!({}));
    let user = |id: &str| shop.engine().find_user(id).unwrap();
    let sent = shop.engine().decided_messages(user("ada"), None, 10).unwrap();
    let [message] = &sent[..] else { panic!("{sent:?}") };
    let DecisionOutcome::Sent(made) = &message.decision.outcome else { panic!("{message:?}") };
    let fields: Value = serde_json::from_str(&made.fields).unwrap();
    assert_eq!(fields["subject"], "Hi Ada");
    assert_eq!(message.message_id, shop.bodies()[0]["messageId"]);
    let by_id = shop.engine().decided_message(user("ada"), &message.message_id).unwrap();
    assert_eq!(by_id.as_ref(), Some(message));
    // It is nobody else's.
    assert_eq!(shop.engine().decided_message(user("ben"), &message.message_id).unwrap(), None);
    let [refused] = &shop.engine().decided_messages(user("ben"), None, 10).unwrap()[..] else {
        panic!("there is one decision")
    };
    let DecisionOutcome::Refused { reason, detail } = &refused.decision.outcome else {
        panic!("{refused:?}")
    };
    assert_eq!(reason, "missing_variable");
    assert!(detail.as_ref().unwrap().contains("profile.traits.name"), "{detail:?}");
    let waiting = shop.engine().waiting_messages(user("ada")).unwrap();
    assert_eq!(waiting[0].campaign, "later");
    assert_eq!(waiting[0].due, Timestamp(START.0 + 60_000));
}

#[test]
fn the_control_group_is_compared_as_if_it_had_got_the_message() {
    let shop = Shop::new();
    let mut campaign = campaign(CampaignStart::At { at: Timestamp(0) });
    (campaign.control_percent, campaign.conversion) = (50, Some(conversion()));
    // Behind the limit there is nobody whom the control group could be compared with.
    campaign.options.people_per_run = Some(10);
    let n = 60;
    for user in 0..n {
        shop.identify(&format!("u{user}"), json!({ "email": "x@shop.example" }));
    }
    shop.put_campaign(&campaign).unwrap();
    await_that("the run is done", || {
        let snapshot = shop.engine().snapshot();
        snapshot.campaigns.by_key()["hello"].run.is_some_and(|run| run.is_done).then_some(())
    });
    let refused = shop.refused("hello");
    let n_control = refused["control_group"];
    assert!((1..=30).contains(&n_control), "{refused:?}");
    assert_eq!(n_control + refused["run_limit"] + 10, n);
    for user in 0..n {
        shop.track(&format!("u{user}"), "Order Completed", json!({ "total": 2 }));
    }
    let snapshot = shop.engine().snapshot();
    let groups = &snapshot.campaign_reports.people(0).unwrap().groups;
    let (with, without) = (groups.treated.sum(), groups.held_out.sum());
    assert_eq!((with.people, with.reached, with.value()), (10, 10, 20.0));
    let n_control = n_control as u32;
    assert_eq!((without.people, without.reached), (n_control, n_control));
}

#[test]
fn the_variant_that_people_click_wins_as_soon_as_that_is_sure() {
    let shop = Shop::new();
    shop.set_public_url();
    let variant = |key: &str| {
        json!({ "key": key, "content": { "subject": key,
            "html": "<body><a href=\"https://shop.example/all\">All</a></body>" } })
    };
    let mut campaign = campaign(CampaignStart::At { at: Timestamp(0) });
    campaign.variants = serde_json::from_value(json!([variant("plain"), variant("bold")])).unwrap();
    campaign.test = serde_json::from_value(json!({ "objective": "clicks" })).unwrap();
    let n = 260;
    for user in 0..n {
        shop.identify(&format!("u{user}"), json!({ "email": "x@shop.example" }));
    }
    shop.put_campaign(&campaign).unwrap();
    await_that("everybody has one", || (shop.bodies().len() == n).then_some(()));
    let winner = || shop.engine().snapshot().campaigns.by_key()["hello"].variants.winner.clone();
    assert_eq!(winner(), None);
    for (nth, sent) in shop.properties().into_iter().enumerate() {
        if sent["subject"] == "bold" {
            let token = tokens(sent["html"].as_str().unwrap(), "/l")[0].to_owned();
            shop.click(&shop.engine().read_link(&token).unwrap(), &format!("c{nth}"));
        }
    }
    let winner = await_that("it is decided", winner);
    assert_eq!((winner.variant.as_str(), winner.is_sure), ("bold", true));
}
