//! The page on which people choose what they get, as they, mail programs and strangers use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::SubscriptionStatus::{self, NotSaid, Subscribed, Unsubscribed};
use domain::{
    Arrival, ChannelKind, Destination, Envelope, Role, Topic, WorkspaceSettings, check_message,
};
use engine::{ConfigChange, Engine, Entry, Expected, ExternalId, ExternalIdType, PreferencesLink};
use serde_json::json;

use super::office::{Office, Visitor};

const URL: &str = "https://news.shop.example";

/// A shop with a channel and a topic, and somebody whom it knows.
async fn shop() -> (Office, Arc<Engine>) {
    let office = Office::with_shop().await;
    let owner = office.visitor(Role::Owner);
    owner.post("/console/-/workspaces", "id=news&name=News").await.led("/console/news");
    let engines = office.app.workspaces().engines();
    let engine = engines.into_iter().find(|engine| engine.id().as_str() == "shop").unwrap();
    let own = Arc::clone(&engine);
    let prepared = tokio::task::spawn_blocking(move || {
        let topic = json!({ "key": "offers", "name": "Offers <b>", "description": "Once a week." });
        let topics: Vec<Topic> = vec![serde_json::from_value(topic).unwrap()];
        let public_url = Some(URL.to_owned());
        let settings = WorkspaceSettings { topics, public_url, ..own.config().settings() };
        own.change_config(ConfigChange::put_settings(&settings), Expected::Anything).unwrap();
        let settings = [("host", "smtp.shop.example"), ("from", "news@shop.example")];
        let settings: BTreeMap<_, _> =
            settings.map(|(key, value)| (key.to_owned(), value.into())).into();
        let mail = Destination::new("mail", Some("email"));
        let mail = Destination { enabled: false, settings, ..mail };
        own.change_config(ConfigChange::put_destination(&mail), Expected::Anything).unwrap();
        let body = json!({ "type": "identify", "userId": "ann", "traits": {} }).to_string();
        let arrival = Arrival { received_at: own.now(), source: "web", peer_ip: None };
        let message = check_message(&body, None, &Envelope::default(), &arrival).unwrap();
        own.submit_blocking(vec![Entry::Message(Box::new(message))]).unwrap();
    });
    prepared.await.unwrap();
    (office, engine)
}

fn paths(engine: &Engine, topic: Option<&str>) -> (String, String) {
    let link = PreferencesLink {
        id_type: "user_id".to_owned(),
        id: "ann".to_owned(),
        channels: vec![ChannelKind::Email],
        topic: topic.map(str::to_owned),
        campaign: Some("weekly".to_owned()),
    };
    let (page, unsubscribe) = engine.preferences_urls(&link).unwrap();
    let path = |url: &str| url.strip_prefix(URL).unwrap().to_owned();
    (path(&page), path(&unsubscribe))
}

/// What Ann said of mails, and of the topic.
fn said(engine: &Engine) -> (SubscriptionStatus, SubscriptionStatus) {
    let ann = ExternalId { type_: ExternalIdType::UserId, value: "ann" };
    let said = engine.subscriptions(engine.user(ann).unwrap()).unwrap();
    (said.of_channel(ChannelKind::Email), said.of_topic("offers"))
}

/// Of what is said in one millisecond an opt-out wins.
async fn later() {
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_choose_without_an_account_and_see_what_was_saved() {
    let (office, engine) = shop().await;
    let somebody = Visitor::stranger(&office);
    let (page, _) = paths(&engine, None);
    let shown = somebody.get(&page).await;
    assert_eq!(shown.status, 200);
    for words in ["Shop", "E-mail", "Offers &lt;b&gt;", "Once a week.", "No messages at all"] {
        assert!(shown.text.contains(words), "{words} is not in {}", shown.text);
    }
    assert!(!shown.text.contains("Tastemaker") && !shown.text.contains("<script"));
    assert_eq!(said(&engine), (NotSaid, NotSaid), "to read it changes nothing");
    // The mails stay on: nothing is said of them.
    let saved = somebody.post(&page, "channel.email=1").await.led(&page);
    assert_eq!(said(&engine), (NotSaid, Unsubscribed));
    let shown = somebody.get(&saved.location).await;
    assert!(shown.text.contains("Your choices are saved"), "{}", shown.text);
    later().await;
    somebody.post(&page, "channel.email=1&topic.offers=1&channel.fax=1").await.led(&page);
    assert_eq!(said(&engine), (NotSaid, Subscribed));
    later().await;
    somebody.post(&page, "channel.email=1&nothing=1").await.led(&page);
    assert_eq!(said(&engine), (Unsubscribed, Subscribed));
    let shown = somebody.get(&page).await;
    assert!(shown.text.contains("You get no messages at present"), "{}", shown.text);
    // Staff sees it on the page of the person, and changes it for her.
    let support = office.visitor(Role::Support);
    let staff = "/console/shop/people/user_id:ann/subscriptions";
    support.get(staff).await.says(200, "Wants none");
    let people = "/console/shop/people/user_id";
    later().await;
    support.post(staff, "channel.email=subscribed").await.led(people);
    assert_eq!(said(&engine), (Subscribed, Subscribed));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_of_a_mail_program_unsubscribes_and_following_the_link_does_not() {
    let (office, engine) = shop().await;
    let program = Visitor::stranger(&office);
    let (_, of_topic) = paths(&engine, Some("offers"));
    let asked = program.get(&of_topic).await;
    assert!(
        asked.text.contains("no more messages <bdi>about “Offers &lt;b&gt;”"),
        "{}",
        asked.text
    );
    assert_eq!(said(&engine), (NotSaid, NotSaid));
    let done = program.post(&of_topic, "List-Unsubscribe=One-Click").await;
    assert_eq!(done.status, 200, "RFC 8058 has no redirects");
    assert_eq!(said(&engine), (NotSaid, Unsubscribed));
    let (_, of_channel) = paths(&engine, None);
    program.post(&of_channel, "List-Unsubscribe=One-Click").await;
    assert_eq!(said(&engine), (Unsubscribed, Unsubscribed));
    let support = office.visitor(Role::Support);
    let timeline = "/console/shop/people/user_id:ann/timeline";
    support.get(timeline).await.says(200, "Notification Unsubscribed");
    let (page, _) = paths(&engine, None);
    later().await;
    program.post(&page, "channel.email=1").await.led(&page);
    support.get(timeline).await.says(200, "Said which messages they want");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_changed_or_is_of_another_workspace_leads_nowhere() {
    let (office, engine) = shop().await;
    let somebody = Visitor::stranger(&office);
    let (page, _) = paths(&engine, None);
    let flipped = match page.strip_suffix('A') {
        Some(rest) => format!("{rest}E"),
        None => format!("{}A", &page[..page.len() - 1]),
    };
    let other = page.replacen("/shop.", "/news.", 1);
    for wrong in [
        flipped.as_str(),
        &page[..page.len() - 4],
        &other,
        "/preferences/shop.AAAA",
        "/preferences/nothing.AAAA",
        "/preferences/x",
    ] {
        for way in ["", "/unsubscribe"] {
            let address = format!("{wrong}{way}");
            let shown = somebody.get(&address).await;
            assert_eq!(shown.status, 404, "{address}");
            assert!(shown.text.contains("This link is not valid"), "{}", shown.text);
            assert_eq!(somebody.post(&address, "nothing=1").await.status, 404, "{address}");
        }
    }
    assert_eq!(said(&engine), (NotSaid, NotSaid));
}
