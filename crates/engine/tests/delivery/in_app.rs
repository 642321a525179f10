//! In-app messages: whose they are, how long they are kept, and what pages may say of them.

use std::collections::BTreeMap;

use domain::{
    Campaign, CampaignStart, CampaignStatus, DeliveryOptions, DestinationRules, IN_APP_KIND,
    Timestamp,
};
use engine::{
    IN_APP_MESSAGES_MAX, InAppReport, InAppReportCall, InAppReportError, InAppShown, InAppVisitor,
    ManualClock, NewRegulation, RegulationType, Surroundings,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const START: Timestamp = Timestamp(1_767_225_600_000);
const SECRET: &str = "0123456789abcdef";

struct Shop {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    engine: Option<Engine>,
    n_sent: std::cell::Cell<u64>,
}

impl Shop {
    /// With a campaign that shows a message after each event `Episode Finished`.
    fn new(content: &[(&str, &str)]) -> Self {
        let mut shop = Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::new(START)),
            engine: None,
            n_sent: std::cell::Cell::new(0),
        };
        shop.restart();
        put(shop.engine(), &Destination::new("app", Some(IN_APP_KIND)));
        shop.put_campaign(content).unwrap();
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

    fn put_campaign(&self, content: &[(&str, &str)]) -> Result<(), String> {
        let campaign = Campaign {
            key: "next".to_owned(),
            name: None,
            status: CampaignStatus::Running,
            channel: "app".to_owned(),
            topic: None,
            start: CampaignStart::Event {
                event: "Episode Finished".to_owned(),
                filters: None,
                count: None,
                within_s: None,
                after_s: 0,
                unless: None,
            },
            audience: None,
            content: content
                .iter()
                .map(|(f, text)| ((*f).to_owned(), (*text).to_owned()))
                .collect(),
            variants: Vec::new(),
            test: None,
            options: DeliveryOptions::default(),
            control_percent: 0,
            control_group: None,
            conversion: None,
        };
        let change = ConfigChange::put_campaign(&campaign);
        let changed = self.engine().change_config(change, Expected::Anything);
        changed.map(drop).map_err(|error| error.to_string())
    }

    fn submit(&self, mut body: Value, source: &str) {
        let n = self.n_sent.get();
        self.n_sent.set(n + 1);
        self.clock.set(Timestamp(self.engine().now().0 + 1));
        if body.get("messageId").is_none() {
            body["messageId"] = format!("m{n}").into();
        }
        let arrival = Arrival { received_at: self.engine().now(), source, peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.engine().submit_blocking(vec![Entry::Message(Box::new(message.unwrap()))]).unwrap();
    }

    fn identify(&self, user: &str, browser: &str) {
        self.submit(json!({ "type": "identify", "userId": user, "anonymousId": browser }), "web");
    }

    fn finish(&self, browser: &str, title: &str) {
        let body = json!({ "type": "track", "anonymousId": browser, "event": "Episode Finished",
            "properties": { "title": title } });
        self.submit(body, "web");
    }

    fn shown(&self, visitor: &InAppVisitor) -> Vec<InAppShown> {
        self.engine().in_app_messages(visitor).unwrap().0
    }

    fn titles(&self, visitor: &InAppVisitor) -> Vec<String> {
        let title = |shown: &InAppShown| {
            let content: Value = serde_json::from_str(shown.content.get()).unwrap();
            content["title"].as_str().unwrap().to_owned()
        };
        self.shown(visitor).iter().map(title).collect()
    }

    fn await_titles(&self, visitor: &InAppVisitor, expected: &[&str]) {
        await_that("the messages are there", || (self.titles(visitor) == expected).then_some(()));
    }

    /// What a page says of the first message of a visitor.
    fn report(&self, shown: &InAppShown, report: InAppReport, id: &str) -> Value {
        let message = self.engine().in_app_report(&call(shown, report, id)).unwrap();
        self.submit(message.clone(), "campaign");
        message
    }
}

fn call(shown: &InAppShown, report: InAppReport, id: &str) -> InAppReportCall {
    let token = shown.token.clone().unwrap();
    let url = (report == InAppReport::Clicked).then(|| "/next".to_owned());
    InAppReportCall { token, report, id: id.to_owned(), url, item_id: None }
}

fn browser(id: &str) -> InAppVisitor {
    InAppVisitor { anonymous_id: id.to_owned(), user_id: None, user_hash: None }
}

fn user(browser: &str, id: &str) -> InAppVisitor {
    let user_id = Some(id.to_owned());
    InAppVisitor { anonymous_id: browser.to_owned(), user_id, user_hash: None }
}

const MODAL: [(&str, &str); 2] =
    [("display", "modal"), ("title", "After {{ event.properties.title }}")];
const INBOX: [(&str, &str); 2] =
    [("display", "inbox"), ("title", "After {{ event.properties.title }}")];

#[test]
fn a_message_is_for_the_browsers_of_its_person_alone() {
    let mut shop = Shop::new(&MODAL);
    shop.finish("b1", "one");
    shop.finish("b2", "two");
    shop.await_titles(&browser("b1"), &["After one"]);
    shop.await_titles(&browser("b2"), &["After two"]);
    shop.identify("jane", "b1");
    // A user id alone opens nothing: neither of another browser, nor of none.
    for other in [user("b2", "jane"), user("b3", "jane"), browser("jane"), user("b1", "john")] {
        assert_eq!(shop.titles(&other), Vec::<String>::new(), "{other:?}");
    }
    assert_eq!(shop.titles(&user("b1", "jane")), ["After one"]);
    // Another browser of hers has what waits for both, once she has signed in there.
    shop.identify("jane", "b2");
    shop.await_titles(&user("b2", "jane"), &["After two", "After one"]);
    shop.restart();
    assert_eq!(shop.titles(&browser("b1")), ["After two", "After one"]);
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    assert_eq!(shop.titles(&browser("b1")), ["After two", "After one"]);
}

#[test]
fn a_view_ends_what_is_shown_once_and_an_inbox_keeps_until_it_is_dismissed() {
    let shop = Shop::new(&MODAL);
    shop.finish("b1", "one");
    shop.await_titles(&browser("b1"), &["After one"]);
    let modal = shop.shown(&browser("b1")).remove(0);
    let viewed = shop.report(&modal, InAppReport::Viewed, "v1");
    assert_eq!(viewed["event"], "Notification Viewed");
    assert_eq!(viewed["anonymousId"], "b1");
    assert_eq!(
        viewed["properties"],
        json!({ "campaign": "next", "message_id": modal.id, "channel": "app" })
    );
    shop.await_titles(&browser("b1"), &[]);
    let clicked = shop.report(&modal, InAppReport::Clicked, "c1");
    assert_eq!(clicked["properties"]["url"], "/next", "a message that is gone can be clicked");

    shop.put_campaign(&INBOX).unwrap();
    shop.finish("b1", "two");
    shop.await_titles(&browser("b1"), &["After two"]);
    let message = shop.shown(&browser("b1")).remove(0);
    assert_ne!(message.id, modal.id);
    shop.report(&message, InAppReport::Viewed, "v2");
    // The same report once more counts once.
    shop.report(&message, InAppReport::Viewed, "v2");
    shop.report(&message, InAppReport::Clicked, "c2");
    assert_eq!(shop.shown(&browser("b1"))[0].n_views, 1);
    shop.report(&message, InAppReport::Dismissed, "d2");
    shop.await_titles(&browser("b1"), &[]);
}

#[test]
fn nobody_reports_with_a_token_that_is_not_ours_or_for_somebody_who_is_gone() {
    let shop = Shop::new(&MODAL);
    shop.finish("b1", "one");
    shop.await_titles(&browser("b1"), &["After one"]);
    let shown = shop.shown(&browser("b1")).remove(0);
    let mut forged = call(&shown, InAppReport::Viewed, "v");
    let other = if forged.token[5..].starts_with('A') { "B" } else { "A" };
    forged.token.replace_range(5..6, other);
    let refused = |call: &InAppReportCall| shop.engine().in_app_report(call).unwrap_err();
    assert_eq!(refused(&forged), InAppReportError::WrongToken);
    forged.token = "abc".to_owned();
    assert_eq!(refused(&forged), InAppReportError::WrongToken);
    let deleted = NewRegulation {
        type_: RegulationType::DeleteInternal,
        user_ids: Vec::new(),
        anonymous_ids: vec!["b1".to_owned()],
        other_ids: Vec::new(),
    };
    let id = shop.engine().begin_regulation(&deleted).unwrap();
    shop.engine().run_regulation(id, &Surroundings::NONE).unwrap();
    assert_eq!(shop.titles(&browser("b1")), Vec::<String>::new());
    assert_eq!(refused(&call(&shown, InAppReport::Viewed, "v")), InAppReportError::Over);
}

#[test]
fn what_is_too_old_or_too_much_goes() {
    let shop = Shop::new(&[INBOX[0], INBOX[1], ("expires_after_s", "3600")]);
    shop.finish("b1", "one");
    shop.await_titles(&browser("b1"), &["After one"]);
    shop.clock.set(Timestamp(START.0 + 3_600_100));
    assert_eq!(shop.titles(&browser("b1")), Vec::<String>::new());
    for n in 0..=IN_APP_MESSAGES_MAX {
        shop.finish("b1", &n.to_string());
    }
    await_that("the last one is there", || {
        shop.titles(&browser("b1")).contains(&format!("After {IN_APP_MESSAGES_MAX}")).then_some(())
    });
    let titles = shop.titles(&browser("b1"));
    assert_eq!(titles.len(), IN_APP_MESSAGES_MAX);
    assert!(!titles.contains(&"After 0".to_owned()), "the oldest one is gone: {titles:?}");
}

#[test]
fn where_identities_are_verified_a_known_user_needs_the_hash() {
    let shop = Shop::new(&MODAL);
    let settings = BTreeMap::from([
        ("identity_verification".to_owned(), json!(true)),
        ("identity_secret".to_owned(), json!(SECRET)),
    ]);
    put(shop.engine(), &Destination { settings, ..Destination::new("app", Some(IN_APP_KIND)) });
    shop.finish("b1", "one");
    shop.await_titles(&browser("b1"), &["After one"]);
    shop.identify("jane", "b1");
    let hash = |secret: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(b"jane");
        let bytes = mac.finalize().into_bytes();
        Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let jane = |user_hash| InAppVisitor { user_hash, ..user("b1", "jane") };
    for other in [browser("b1"), jane(None), jane(hash("")), jane(Some("é".to_owned()))] {
        assert_eq!(shop.titles(&other), Vec::<String>::new(), "{other:?}");
    }
    assert_eq!(shop.titles(&jane(hash(SECRET))), ["After one"]);
    // Without a secret nobody could prove anything.
    let settings = BTreeMap::from([("identity_verification".to_owned(), json!(true))]);
    let without = Destination { settings, ..Destination::new("app", Some(IN_APP_KIND)) };
    let change = ConfigChange::put_destination(&without);
    let error = shop.engine().change_config(change, Expected::Anything).unwrap_err();
    assert!(error.to_string().contains("settings.identity_secret must have"), "{error}");
}

#[test]
fn fields_and_destinations_that_do_not_fit_are_refused_when_they_are_saved() {
    let shop = Shop::new(&MODAL);
    for (field, text, said) in [
        ("display", "popup", "content.display is \"popup\""),
        ("subject", "x", "content.subject is no field"),
        ("buttons", "[{}]", "content.buttons [0] has no label"),
    ] {
        let error = shop.put_campaign(&[MODAL[1], (field, text)]).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let rules = DestinationRules {
        sources: Some(vec!["campaign".to_owned()]),
        ..DestinationRules::default()
    };
    let with_rules = Destination { rules, ..Destination::new("app", Some(IN_APP_KIND)) };
    let change = ConfigChange::put_destination(&with_rules);
    let error = shop.engine().change_config(change, Expected::Anything).unwrap_err();
    assert!(error.to_string().contains("neither mappings nor rules"), "{error}");
    // What a template comes to is known when it is filled.
    let buttons = r#"[{"label": "Go", "url": {{ event.properties.title | json }}}]"#;
    shop.put_campaign(&[MODAL[0], MODAL[1], ("buttons", buttons)]).unwrap();
    shop.finish("b1", "javascript:alert(1)");
    await_that("it is refused", || {
        let snapshot = shop.engine().snapshot();
        (snapshot.campaigns.by_key()["next"].counts.refused.get("template_error") == Some(&1))
            .then_some(())
    });
    shop.finish("b1", "/next");
    shop.await_titles(&browser("b1"), &["After /next"]);
}

#[test]
fn whoever_waits_is_told_of_changes() {
    let shop = Shop::new(&MODAL);
    let (none, mut for_unknown) = shop.engine().in_app_messages(&browser("b1")).unwrap();
    assert!(none.is_empty());
    shop.finish("b1", "one");
    await_that("a visitor whom nobody knew is told", || {
        for_unknown.has_changed().unwrap().then_some(())
    });
    for_unknown.mark_unchanged();
    shop.await_titles(&browser("b1"), &["After one"]);
    let (messages, for_known) = shop.engine().in_app_messages(&browser("b1")).unwrap();
    shop.finish("b2", "two");
    shop.await_titles(&browser("b2"), &["After two"]);
    assert!(!for_known.has_changed().unwrap(), "what others get is not told");
    shop.report(&messages[0], InAppReport::Viewed, "v");
    await_that("the view is told", || for_known.has_changed().unwrap().then_some(()));
    let (_, before_merge) = shop.engine().in_app_messages(&browser("b1")).unwrap();
    shop.identify("jane", "b2");
    shop.identify("jane", "b1");
    await_that("the merge is told", || before_merge.has_changed().unwrap().then_some(()));
    shop.await_titles(&user("b1", "jane"), &["After two"]);
}
