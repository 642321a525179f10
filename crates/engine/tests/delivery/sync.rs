//! Traits and audiences at destinations: everybody at first, then only who changed.

mod likely;
mod recommended;

use std::time::Duration;

use domain::{
    AudienceDefinition, Holdout, IdStrategy, Interaction, InteractionKind, ListChanges, SyncForm,
    SyncIdentifier, SyncSettings, Timestamp, TraitDefinition, UserIdx,
};
use engine::{Command, EntityKind, ManualClock};
use state::{Sent, SyncSubject, is_nothing};

use super::*;

const START: Timestamp = Timestamp(1_767_225_600_000);
const DAY_MS: i64 = 86_400_000;
const KEY: &str = "order_completed_last_30days";

/// A workspace whose clock is set.
struct Shop {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    engine: Option<Engine>,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut shop = Self { folder, clock: Arc::new(ManualClock::new(START)), engine: None };
        shop.restart();
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

    /// Lets time pass, as the journal's clock believes it: two days at a time at most.
    fn pass_time_to(&self, at: Timestamp) {
        while self.clock_now() < at {
            let next = Timestamp((self.clock_now().0 + 2 * DAY_MS).min(at.0));
            self.clock.set(next);
            self.engine().submit_blocking(vec![Entry::Tick { at: next }]).unwrap();
        }
    }

    fn clock_now(&self) -> Timestamp {
        self.engine().now()
    }

    fn send(&self, body: Value) {
        let arrival = Arrival { received_at: self.clock_now(), source: "web", peer_ip: None };
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        self.engine().submit_blocking(vec![Entry::Message(Box::new(message.unwrap()))]).unwrap();
    }

    fn order(&self, ids: Value) {
        let mut body = json!({ "type": "track", "event": "Order Completed" });
        body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        self.send(body);
    }

    /// A destination that gets what is sent of traits and audiences, and no other message.
    fn put_destination(&self, name: &str, receiver: &Receiver) {
        let mut destination = webhook(receiver, json!({}));
        name.clone_into(&mut destination.name);
        destination.rules.sources = Some(vec!["sync".to_owned()]);
        put(self.engine(), &destination);
    }

    fn put_audience(&self, sync: SyncSettings) {
        let definition = AudienceDefinition {
            key: KEY.to_owned(),
            name: None,
            condition: "did \"Order Completed\" in the last 30 days".to_owned(),
            likely: None,
            sync: Some(sync),
        };
        let change = ConfigChange::put_audience(&definition);
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn put_trait(&self, definition: TraitDefinition) {
        let change = ConfigChange::put_trait(&definition);
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn view(&self, user: &str, item: &str) {
        let interaction = Interaction {
            timestamp: Some(self.clock_now()),
            ..Interaction::new(user, item, InteractionKind::DetailView)
        };
        self.command(Command::AddInteraction { interaction, cascade_create: true });
    }

    fn command(&self, command: Command) {
        let entry = Entry::Command { received_at: self.clock_now(), command: Box::new(command) };
        self.engine().submit_blocking(vec![entry]).unwrap();
    }

    /// Waits until everybody was looked at, and nobody waits.
    fn await_looked_at(&self) {
        await_that("everybody is looked at", || {
            let status = self.engine().sync_status()?;
            (status.waiting == 0 && status.sweep.is_none() && status.last_sweep.is_some())
                .then_some(())
        });
        // Who was taken from the queue last is being compared.
        std::thread::sleep(Duration::from_millis(300));
    }

    /// What was last sent: person, link, and for each id a digest.
    fn last_sent(&self) -> Vec<(u32, u32, Vec<Sent>)> {
        let snapshot = self.engine().snapshot();
        let n_users = snapshot.profiles.ids().n_users() as u32;
        let rows = (0..n_users).flat_map(|user| {
            let rows = snapshot.last_sent.rows(snapshot.store(), UserIdx(user)).unwrap();
            rows.into_iter().map(move |(link, row)| (user, link, row))
        });
        rows.collect()
    }
}

/// The id and the value of each message that came.
fn values(receiver: &Receiver, key: &str) -> Vec<(String, Value)> {
    let value = |received: receiver::Received| {
        let body = received.body;
        let id = [&body["userId"], &body["anonymousId"]].into_iter().find_map(Value::as_str);
        (id.unwrap().to_owned(), body["traits"][key].clone())
    };
    receiver.received().into_iter().map(value).collect()
}

fn await_values(receiver: &Receiver, key: &str, n: usize) -> Vec<(String, Value)> {
    await_that(&format!("{n} values"), || {
        let values = values(receiver, key);
        (values.len() >= n).then_some(values)
    })
}

fn pair(id: &str, value: impl Into<Value>) -> (String, Value) {
    (id.to_owned(), value.into())
}

#[test]
fn an_audience_is_sent_to_everybody_at_first_and_then_only_who_changed() {
    let (mut shop, crm, other) = (Shop::new(), Receiver::start(), Receiver::start());
    shop.put_destination("crm", &crm);
    shop.order(json!({ "userId": "ann" }));
    shop.order(json!({ "anonymousId": "device" }));
    shop.send(json!({ "type": "track", "event": "Other", "userId": "cleo" }));
    shop.put_audience(SyncSettings::to(&["crm"]));
    let mut first = await_values(&crm, KEY, 2);
    first.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(first, [pair("ann", true), pair("device", true)]);
    let message = crm.received()[0].body.clone();
    assert_eq!(message["context"]["personas"]["computation_key"], KEY);
    assert_eq!(message["integrations"], json!({ "All": false, "crm": true }));
    assert!(message["messageId"].as_str().unwrap().starts_with("personas_"));

    // A second order changes nothing; it moves the end of the stay.
    shop.pass_time_to(Timestamp(START.0 + DAY_MS));
    shop.order(json!({ "userId": "ann" }));
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 2);

    // A destination that comes later gets everybody, and it alone.
    shop.put_destination("other", &other);
    shop.put_audience(SyncSettings::to(&["crm", "other"]));
    await_values(&other, KEY, 2);
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 2);

    // A restart sends nothing twice.
    shop.restart();
    shop.await_looked_at();
    assert_eq!((crm.received().len(), other.received().len()), (2, 2));

    // The window of the device closes a day before that of Ann.
    shop.pass_time_to(Timestamp(START.0 + 30 * DAY_MS - 1));
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 2, "not before the instant");
    shop.clock.set(Timestamp(START.0 + 30 * DAY_MS));
    let left = await_values(&crm, KEY, 3);
    assert_eq!(left[2], pair("device", false));
    assert_eq!(crm.received()[2].body["timestamp"], Timestamp(START.0 + 30 * DAY_MS).to_string());
    await_values(&other, KEY, 3);

    let subject = SyncSubject::Audience(KEY.to_owned());
    let (_, links) = shop.engine().sync_links(&subject).unwrap();
    assert_eq!(links.iter().map(|(_, link)| link.n_people).collect::<Vec<_>>(), [1, 1]);

    // Everything once more, to one of them.
    shop.engine().sync_again(subject, Some("other".to_owned())).unwrap().unwrap();
    let again = await_values(&other, KEY, 5);
    assert!(again[3..].contains(&pair("ann", true)) && again[3..].contains(&pair("device", false)));
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 3);

    // The journal has what was sent: a lost store comes to the same, and nothing is sent again.
    let before = shop.last_sent();
    shop.engine = None;
    fs_err::remove_dir_all(shop.folder.path().join("store")).unwrap();
    shop.restart();
    assert_eq!(shop.last_sent(), before);
    shop.await_looked_at();
    assert_eq!((crm.received().len(), other.received().len()), (3, 5));
}

#[test]
fn ids_that_come_later_get_the_value_too_and_the_deleted_get_nothing() {
    let (shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    let identifier = |type_: &str, strategy| SyncIdentifier { type_: type_.to_owned(), strategy };
    let identifiers =
        vec![identifier("user_id", IdStrategy::First), identifier("anonymous_id", IdStrategy::All)];
    shop.put_audience(SyncSettings {
        identifiers,
        form: SyncForm::Both,
        with_traits: vec!["plan".to_owned()],
        ..SyncSettings::to(&["crm"])
    });
    shop.send(json!({ "type": "identify", "userId": "ann", "traits": { "plan": "free" } }));
    shop.order(json!({ "userId": "ann" }));
    await_values(&crm, KEY, 2);
    let bodies: Vec<Value> = crm.received().into_iter().map(|received| received.body).collect();
    assert_eq!(bodies[0]["event"], "Audience Entered");
    assert_eq!(bodies[0]["properties"], json!({ "plan": "free", KEY: true, "audience_key": KEY }));
    assert_eq!(bodies[1]["traits"], json!({ "plan": "free", KEY: true }));

    shop.send(
        json!({ "type": "track", "event": "Other", "userId": "ann", "anonymousId": "phone" }),
    );
    await_values(&crm, KEY, 4);
    assert_eq!(crm.received()[3].body["anonymousId"], "phone");
    assert_eq!(crm.received()[3].body["userId"], Value::Null);

    // Somebody who is merged brings along what their ids were sent.
    shop.order(json!({ "anonymousId": "tablet" }));
    await_values(&crm, KEY, 6);
    shop.send(
        json!({ "type": "track", "event": "Other", "userId": "ann", "anonymousId": "tablet" }),
    );
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 6);
    let subject = SyncSubject::Audience(KEY.to_owned());
    let n_people = || shop.engine().sync_links(&subject).unwrap().1[0].1.n_people;
    assert_eq!(n_people(), 1);

    let delete = Command::Delete { kind: EntityKind::User, id: "ann".to_owned() };
    shop.command(delete);
    assert_eq!(n_people(), 0);
    shop.pass_time_to(Timestamp(START.0 + 31 * DAY_MS));
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 6);
}

#[test]
fn a_list_is_sent_when_it_changes_by_the_setting_of_what_a_change_is() {
    let (shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    shop.put_destination("sets", &Receiver::start());
    let viewed = |sync| TraitDefinition {
        logic: domain::Logic::RecentlyViewed,
        sync: Some(sync),
        ..TraitDefinition::recommended_items("viewed")
    };
    shop.view("ann", "lamp");
    shop.put_trait(viewed(SyncSettings { detail: true, ..SyncSettings::to(&["crm"]) }));
    assert_eq!(await_values(&crm, "viewed", 1), [pair("ann", vec!["lamp"])]);
    let detail = crm.received()[0].body["traits"]["viewed__detail"].clone();
    assert_eq!(detail["items"][0]["id"], "lamp");

    // A click is one message: within a second where nothing else runs.
    shop.clock.set(Timestamp(START.0 + 1_000));
    let clicked = std::time::Instant::now();
    shop.view("ann", "sofa");
    assert_eq!(await_values(&crm, "viewed", 2)[1], pair("ann", vec!["sofa", "lamp"]));
    assert!(clicked.elapsed() < Duration::from_secs(5), "{:?}", clicked.elapsed());

    // The same items in another order are a change by default, and none of the set.
    let by_set = SyncSettings { changes: ListChanges::Set, ..SyncSettings::to(&["crm"]) };
    shop.put_trait(viewed(by_set));
    shop.clock.set(Timestamp(START.0 + 2_000));
    shop.view("ann", "lamp");
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 2);
    shop.put_trait(viewed(SyncSettings::to(&["crm"])));
    assert_eq!(await_values(&crm, "viewed", 3)[2], pair("ann", vec!["lamp", "sofa"]));

    // While it is paused nothing is sent, and what changed is sent afterwards.
    shop.put_trait(viewed(SyncSettings { paused: true, ..SyncSettings::to(&["crm"]) }));
    shop.clock.set(Timestamp(START.0 + 3_000));
    shop.view("ann", "desk");
    shop.await_looked_at();
    assert_eq!(crm.received().len(), 3);
    shop.put_trait(viewed(SyncSettings::to(&["crm"])));
    assert_eq!(await_values(&crm, "viewed", 4)[3], pair("ann", vec!["desk", "lamp", "sofa"]));
}

#[test]
fn who_is_held_out_of_a_trait_gets_no_list_and_one_who_had_it_an_empty_one() {
    let (shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    let people: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    people.iter().for_each(|person| shop.view(person, "lamp"));
    let viewed = |percent: Option<u8>| TraitDefinition {
        logic: domain::Logic::RecentlyViewed,
        sync: Some(SyncSettings::to(&["crm"])),
        holdout: percent.map(|percent| Holdout { percent, goal: InteractionKind::Purchase }),
        ..TraitDefinition::recommended_items("viewed")
    };
    let has = |person: &String, definition: &TraitDefinition| {
        let user = shop.engine().find_user(person).unwrap();
        shop.engine().snapshot().has_trait(definition, user).unwrap()
    };
    let held_out = |percent: u8| {
        let definition = viewed(Some(percent));
        people.iter().filter(|person| !has(person, &definition)).count()
    };
    let (few, many) = (held_out(20), held_out(50));
    assert!(0 < few && few < many, "{few} {many}");
    shop.put_trait(viewed(Some(20)));
    let first = await_values(&crm, "viewed", people.len() - few);
    shop.await_looked_at();
    assert_eq!(crm.received().len(), people.len() - few);
    assert!(
        first
            .iter()
            .all(|(person, list)| has(person, &viewed(Some(20))) && *list == json!(["lamp"]))
    );
    shop.put_trait(viewed(Some(50)));
    let emptied = await_values(&crm, "viewed", first.len() + many - few).split_off(first.len());
    shop.await_looked_at();
    assert_eq!(crm.received().len(), first.len() + many - few);
    assert!(emptied.iter().all(|(_, list)| *list == json!([])), "{emptied:?}");
}

#[test]
fn what_goes_nowhere_any_more_is_forgotten_and_its_destination_cannot_go_before() {
    let (shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    shop.put_audience(SyncSettings::to(&["crm"]));
    shop.order(json!({ "userId": "ann" }));
    await_values(&crm, KEY, 1);
    let remove = ConfigChange::RemoveDestination { name: "crm".to_owned() };
    let refused = shop.engine().change_config(remove, Expected::Anything).unwrap_err();
    assert!(refused.to_string().contains("there is no destination \"crm\""), "{refused}");

    let remove = ConfigChange::RemoveAudience { key: KEY.to_owned() };
    shop.engine().change_config(remove, Expected::Anything).unwrap();
    await_that("nothing is kept", || {
        shop.engine().tick().unwrap();
        shop.last_sent().is_empty().then_some(())
    });
    // It is another one when it comes again: everybody is sent.
    shop.put_audience(SyncSettings::to(&["crm"]));
    await_values(&crm, KEY, 2);
    let rows = shop.last_sent();
    assert!(!is_nothing(rows[0].2[0].digest), "{rows:?}");
}

/// `cargo test --release -p engine --test delivery -- --ignored --nocapture first_sending`
#[test]
#[ignore = "a measurement"]
fn the_first_sending_to_everybody() {
    const PEOPLE: usize = 200_000;
    const ITEMS: usize = 2_000;
    let (shop, crm) = (Shop::new(), Receiver::start());
    shop.put_destination("crm", &crm);
    // The destination itself is left aside.
    crm.answer(|_| 200);
    for chunk in (0..PEOPLE).collect::<Vec<_>>().chunks(200) {
        let interactions = chunk.iter().flat_map(|person| {
            (0..5).map(move |n| Interaction {
                timestamp: Some(Timestamp(START.0 - n as i64 * 1_000)),
                ..Interaction::new(
                    format!("person-{person}"),
                    format!("item-{}", (person * 7 + n * 31 * (person % 5 + 1)) % ITEMS),
                    InteractionKind::DetailView,
                )
            })
        });
        let entry =
            Entry::Interactions { received_at: START, interactions: interactions.collect() };
        shop.engine().submit_blocking(vec![entry]).unwrap();
    }
    shop.engine().train(engine::TrainingOptions::default(), &|_| {}).unwrap();
    let started = std::time::Instant::now();
    shop.put_trait(TraitDefinition {
        sync: Some(SyncSettings::to(&["crm"])),
        ..TraitDefinition::recommended_items("next")
    });
    loop {
        let status = shop.engine().sync_status().unwrap();
        let n_people = shop.engine().sync_links(&SyncSubject::Trait("next".to_owned())).unwrap();
        if status.sweep.is_none() && n_people.1[0].1.n_people == PEOPLE as u64 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = started.elapsed();
    println!("{PEOPLE} lists in {took:?}: {:.0}/s", PEOPLE as f64 / took.as_secs_f64());
}
