//! Journeys with all that is decided outside the fold: messages, clocks, what is sent, simulations.

use std::time::Duration;

use domain::{Journey, Timestamp};
use engine::{EnteringPerson, ExternalId, ExternalIdType, JourneyTrigger, ManualClock, Stage};

use super::*;

/// Thursday, 2026-01-01, midnight in UTC.
const START: Timestamp = Timestamp(1_767_225_600_000);
const HOUR_MS: i64 = 3_600_000;

/// A workspace whose clock is set, with a channel and a campaign that journeys send.
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
        let mut other = webhook(&shop.receiver, json!({}));
        other.rules.sources = Some(vec!["journey".to_owned()]);
        put(shop.engine(), &other);
        shop.put_campaign("running");
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

    fn put_campaign(&self, status: &str) {
        let campaign = json!({ "key": "note", "status": status, "channel": "mail",
            "start": { "type": "triggered" },
            "content": { "to": "{{ profile.traits.email }}",
                "subject": "Cart {{ event.properties.cart }}" } });
        let campaign = serde_json::from_value(campaign).unwrap();
        let change = ConfigChange::put_campaign(&campaign);
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn put(&self, journey: Value) -> Result<(), String> {
        let journey: Journey = serde_json::from_value(journey).unwrap();
        let change = ConfigChange::put_journey(&journey);
        let changed = self.engine().change_config(change, Expected::Anything);
        changed.map(drop).map_err(|error| error.to_string())
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

    fn identify(&self, user: &str) {
        let traits = json!({ "email": format!("{user}@shop.example") });
        self.send(json!({ "type": "identify", "userId": user, "traits": traits }));
    }

    fn track(&self, user: &str, event: &str, properties: Value) {
        self.send(json!({ "type": "track", "userId": user, "event": event,
            "properties": properties }));
    }

    /// What was received: the event, and the subject or the node.
    fn received(&self) -> Vec<(String, String)> {
        let requests = self.receiver.received();
        let bodies = requests.iter().flat_map(|request| match &request.body {
            Value::Array(messages) => messages.clone(),
            message => vec![message.clone()],
        });
        let message = |body: Value| {
            let properties = &body["properties"];
            let what = properties["subject"].as_str().or(properties["node"].as_str());
            (body["event"].as_str().unwrap().to_owned(), what.unwrap_or_default().to_owned())
        };
        bodies.map(message).collect()
    }

    fn await_received(&self, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(event, what)| ((*event).to_owned(), (*what).to_owned()))
            .collect();
        await_that("what is sent is there", || (self.received() == expected).then_some(()));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(self.received(), expected, "and nothing else");
    }

    /// The nodes at which somebody is.
    fn nodes(&self, user: &str) -> Vec<(String, Stage)> {
        let snapshot = self.engine().snapshot();
        let named = ExternalId { type_: ExternalIdType::UserId, value: user };
        let user = snapshot.profiles.ids().user_by_external_id(named).unwrap();
        let row = snapshot.journeys.person(snapshot.store(), user).unwrap();
        let directory = snapshot.journeys.directory();
        let node = |one: &engine::Instance| {
            let versions = directory.journey(directory.key(one.journey)?)?;
            let plan = &versions.version(one.version)?.plan;
            Some((plan.node_name(one.node).to_owned(), one.stage))
        };
        row.instances.iter().filter_map(node).collect()
    }

    fn await_node(&self, user: &str, expected: &str) -> Stage {
        await_that("the person is at the node", || {
            let nodes = self.nodes(user);
            let found = nodes.iter().find(|(node, _)| node == expected);
            found.map(|(_, stage)| *stage)
        })
    }

    fn left(&self, key: &str) -> BTreeMap<String, u64> {
        self.engine().snapshot().journeys.by_key()[key].counts.left.clone()
    }
}

/// A mail, an hour, an event for a destination.
fn carts() -> Value {
    json!({
        "key": "carts", "status": "running", "timeout_s": 864_000,
        "entry": { "type": "event", "event": "Cart Left" }, "reentry": "after_exit",
        "exits": [{ "event": "Cart Emptied" }],
        "nodes": [
            { "name": "mail", "type": "message", "campaign": "note", "sent": "wait",
                "refused": "tell" },
            { "name": "wait", "type": "delay", "seconds": 3_600, "next": "tell" },
            { "name": "tell", "type": "send", "destination": "crm", "next": "morning" },
            { "name": "morning", "type": "delay_until", "time": "09:00", "days": ["friday"] },
        ],
    })
}

#[test]
fn a_person_gets_a_mail_and_goes_on_through_waits_also_after_a_restart() {
    let mut shop = Shop::new();
    shop.put(carts()).unwrap();
    shop.identify("ada");
    shop.track("ada", "Cart Left", json!({ "cart": 7 }));
    shop.await_received(&[("Campaign Message", "Cart 7")]);
    let due = Timestamp(START.0 + HOUR_MS);
    assert_eq!(shop.await_node("ada", "wait"), Stage::Until(due));
    shop.restart();
    shop.pass(HOUR_MS - 1);
    assert_eq!(shop.await_node("ada", "wait"), Stage::Until(due));
    shop.pass(1);
    shop.await_received(&[("Campaign Message", "Cart 7"), ("Journey Step", "tell")]);
    // Nine in the morning of the next day, which is a Friday.
    let morning = Timestamp(START.0 + 33 * HOUR_MS);
    let stage = await_that("the clock was asked", || {
        let stage = shop.await_node("ada", "morning");
        (stage != Stage::Asked).then_some(stage)
    });
    assert_eq!(stage, Stage::Until(morning));
    shop.pass(32 * HOUR_MS);
    assert_eq!(shop.nodes("ada"), []);
    assert_eq!(shop.left("carts"), BTreeMap::from([("completed".to_owned(), 1)]));
    // A lost store comes to the same, and sends nothing twice.
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    assert_eq!(shop.left("carts"), BTreeMap::from([("completed".to_owned(), 1)]));
    shop.await_received(&[("Campaign Message", "Cart 7"), ("Journey Step", "tell")]);
}

#[test]
fn a_refused_message_leads_on_and_one_that_waits_is_taken_back() {
    let shop = Shop::new();
    shop.put(carts()).unwrap();
    // Without an address.
    shop.track("ben", "Cart Left", json!({ "cart": 8 }));
    shop.await_received(&[("Journey Step", "tell")]);
    let mut quiet = json!({ "key": "note", "status": "running", "channel": "mail",
        "start": { "type": "triggered" }, "content": { "to": "x", "subject": "Late" } });
    quiet["options"] =
        json!({ "quiet_hours": { "windows": [{ "from": "00:00", "to": "08:00" }] } });
    let quiet = serde_json::from_value(quiet).unwrap();
    shop.engine().change_config(ConfigChange::put_campaign(&quiet), Expected::Anything).unwrap();
    shop.track("ada", "Cart Left", json!({ "cart": 9 }));
    assert_eq!(shop.await_node("ada", "mail"), Stage::Message);
    let waiting = || shop.engine().snapshot().campaigns.by_key()["note"].n_waiting;
    assert_eq!(waiting(), 1);
    shop.track("ada", "Cart Emptied", json!({}));
    assert_eq!(shop.nodes("ada"), []);
    assert_eq!(waiting(), 0, "who left gets nothing");
    shop.pass(9 * HOUR_MS);
    shop.await_received(&[("Journey Step", "tell")]);
}

#[test]
fn what_is_told_late_and_happened_earlier_leads_out_too() {
    let shop = Shop::new();
    shop.put(carts()).unwrap();
    shop.identify("ada");
    shop.pass(HOUR_MS);
    let at = |minutes: i64| Timestamp(START.0 + minutes * 60_000).to_string();
    // The cart was emptied at 00:50, which is told before it was left at 00:45.
    shop.send(json!({ "type": "track", "userId": "ada", "event": "Cart Emptied",
        "timestamp": at(50) }));
    shop.send(json!({ "type": "track", "userId": "ada", "event": "Cart Left",
        "timestamp": at(45) }));
    assert_eq!(shop.left("carts"), BTreeMap::from([("exit 1".to_owned(), 1)]));
    shop.await_received(&[]);
}

#[test]
fn calls_let_people_enter_and_versions_move_or_keep_them() {
    let shop = Shop::new();
    let journey = |nodes: Value| {
        json!({ "key": "steps", "status": "running", "entry": { "type": "triggered" },
            "nodes": nodes })
    };
    shop.put(journey(
        json!([{ "name": "first", "type": "delay", "seconds": 3_600, "next": "second" },
        { "name": "second", "type": "delay", "seconds": 7_200 }]),
    ))
    .unwrap();
    ["ada", "ben"].iter().for_each(|user| shop.identify(user));
    let trigger = |user: &str| {
        let id = (ExternalIdType::UserId, user.to_owned());
        let people = vec![EnteringPerson { id, properties: "{}".to_owned() }];
        let (at, journey) = (shop.engine().now(), "steps".to_owned());
        shop.engine().trigger_journey(JourneyTrigger { at, journey, people }).unwrap();
    };
    trigger("ada");
    shop.pass(HOUR_MS);
    trigger("ben");
    assert_eq!(shop.nodes("ada")[0].0, "second");
    let mut next = journey(json!([{ "name": "only", "type": "delay", "seconds": 600 }]));
    next["moves"] = json!([{ "from": "first", "to": "only" }]);
    shop.put(next).unwrap();
    shop.pass(1_000);
    let versions = || shop.engine().snapshot().journeys.by_key()["steps"].versions.versions.len();
    assert_eq!(shop.nodes("ada")[0].0, "second", "who is not named finishes the version");
    assert_eq!(shop.nodes("ben")[0].0, "only");
    assert_eq!(versions(), 2);
    shop.pass(2 * HOUR_MS);
    assert_eq!((shop.nodes("ada"), shop.nodes("ben")), (vec![], vec![]));
    // A change of the name alone is no version; who is on none lets the earlier one go.
    shop.put(journey(json!([{ "name": "only", "type": "delay", "seconds": 600 }]))).unwrap();
    shop.pass(1_000);
    assert_eq!(versions(), 1);
}

#[test]
fn a_journey_that_is_stopped_or_removed_lets_everybody_out() {
    let shop = Shop::new();
    shop.put(carts()).unwrap();
    ["ada", "ben"].iter().for_each(|user| shop.identify(user));
    shop.track("ada", "Cart Left", json!({ "cart": 1 }));
    shop.await_node("ada", "wait");
    let with_status = |status: &str| {
        let mut journey = carts();
        journey["status"] = status.into();
        shop.put(journey).unwrap();
        shop.pass(1_000);
    };
    with_status("paused");
    shop.track("ben", "Cart Left", json!({ "cart": 2 }));
    assert_eq!(shop.nodes("ben"), [], "nobody enters");
    shop.await_node("ada", "wait");
    with_status("stopped");
    assert_eq!(shop.nodes("ada"), []);
    assert_eq!(shop.left("carts"), BTreeMap::from([("stopped".to_owned(), 1)]));
    with_status("running");
    shop.track("ben", "Cart Left", json!({ "cart": 2 }));
    shop.await_node("ben", "wait");
    let removal = ConfigChange::RemoveJourney { key: "carts".to_owned() };
    shop.engine().change_config(removal, Expected::Anything).unwrap();
    shop.pass(1_000);
    assert!(shop.engine().snapshot().journeys.by_key().is_empty());
    shop.pass(2 * HOUR_MS);
    shop.await_received(&[("Campaign Message", "Cart 1"), ("Campaign Message", "Cart 2")]);
}

#[test]
fn at_its_time_everybody_of_an_audience_enters() {
    let shop = Shop::new();
    let audience =
        serde_json::from_value(json!({ "key": "known", "condition": "trait email exists" }));
    let change = ConfigChange::put_audience(&audience.unwrap());
    shop.engine().change_config(change, Expected::Anything).unwrap();
    (0..700).for_each(|n| shop.identify(&format!("u{n}")));
    shop.track("nobody", "Other", json!({}));
    let at = Timestamp(START.0 + HOUR_MS);
    shop.put(json!({ "key": "all", "status": "running",
        "entry": { "type": "at", "at": at, "audience": "known" },
        "nodes": [{ "name": "wait", "type": "delay", "seconds": 600 }] }))
        .unwrap();
    shop.pass(HOUR_MS - 1);
    let entered = || shop.engine().snapshot().journeys.by_key()["all"].counts.entered;
    assert_eq!(entered(), 0);
    shop.pass(1_000);
    assert_eq!(entered(), 700);
    shop.pass(HOUR_MS);
    assert_eq!(entered(), 700, "once");
}

#[test]
fn a_simulation_says_what_the_journey_then_does() {
    let shop = Shop::new();
    for n in 0..40 {
        let user = format!("u{n}");
        shop.identify(&user);
        shop.track(&user, "Cart Left", json!({ "cart": n, "total": n }));
        if n % 4 == 0 {
            shop.track(&user, "Cart Emptied", json!({}));
        }
    }
    shop.pass(2 * HOUR_MS);
    let draft = json!({ "key": "draft", "entry": { "type": "event", "event": "Cart Left",
            "where": "total >= 10" },
        "exits": [{ "event": "Cart Emptied" }],
        "nodes": [
            { "name": "wait", "type": "delay", "seconds": 3_600, "next": "mail" },
            { "name": "mail", "type": "message", "campaign": "note", "sent": "rest" },
            { "name": "rest", "type": "delay", "seconds": 86_400 },
        ] });
    let journey: Journey = serde_json::from_value(draft.clone()).unwrap();
    let simulated = shop.engine().simulate_journey(journey).unwrap().unwrap();
    let (counts, inside) = (&simulated.simulation.counts, &simulated.simulation.inside);
    assert_eq!((simulated.n_profiles, simulated.n_simulated), (40, 40));
    assert_eq!((counts.entered, counts.left["exit 1"]), (30, 7));
    assert_eq!(simulated.simulation.messages, BTreeMap::from([("note".to_owned(), 23)]));
    assert_eq!(*inside, BTreeMap::from([("rest".to_owned(), 23)]));
    assert!(shop.engine().snapshot().journeys.by_key().is_empty(), "nothing was changed");
    let mut wrong = draft;
    wrong["nodes"][0]["next"] = "nowhere".into();
    let wrong: Journey = serde_json::from_value(wrong).unwrap();
    let error = shop.engine().simulate_journey(wrong).unwrap().err().unwrap();
    assert!(error.contains("\"wait\"") && error.contains("\"nowhere\""), "{error}");
}
