//! Late, repeated and shuffled messages come to the same as their sorted set, all at once: people,
//! traits, memberships, the model and the lists; and so does a store that was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use catalog::{Format, ImportOptions, read_file};
use conditions::Condition;
use domain::{
    Arrival, AudienceDefinition, ComputedTraitDefinition, Envelope, Identity, Logic, Timestamp,
    TraitDefinition, UserIdx, WorkspaceConfig, WorkspaceId, check_message,
};
use engine::{
    ConfirmedRemovals, Engine, EngineOptions, Entry, ManualClock, RequestBudget, TrainingOptions,
};
use serde_json::{Value, json};
use testkit::Random;

const RUNS: u64 = 8;
const N_MESSAGES: usize = 260;
const N_ITEMS: usize = 14;
/// Everything arrives late, at one time.
const ARRIVAL: Timestamp = Timestamp(1_767_225_600_000);
const MINUTE_MS: i64 = 60_000;

const AUDIENCES: [&str; 6] = [
    "did \"Product Viewed\" at least 3 times in the last 1 day",
    "did \"Product Added\" then not \"Order Completed\" within 5 hours",
    "rfm loyal of \"Product Viewed\" over 2 days recency (2 hours, 5 hours, 1 day, 2 days)",
    "did \"Order Completed\" where total > 40 and in audience a0",
    "trait n_views >= 5 or trait t1 > 100",
    "trait usual_item exists and not in audience a1",
];
const COMPUTED: [&str; 6] = [
    r#"{"key": "n_views", "type": "count", "event": "Product Viewed"}"#,
    r#"{"key": "spent", "type": "sum", "event": "Order Completed", "property": "total"}"#,
    r#"{"key": "mean", "type": "average", "event": "Order Completed", "property": "total", "last": "2 days"}"#,
    r#"{"key": "usual_item", "type": "most_frequent", "event": "Product Viewed", "property": "product_id"}"#,
    r#"{"key": "first_item", "type": "first", "event": "Product Viewed", "property": "product_id"}"#,
    r#"{"key": "seen_now", "type": "unique_list", "event": "Product Viewed", "property": "product_id", "session": "2 hours"}"#,
];
const LISTS: [Logic; 6] = [
    Logic::Personal,
    Logic::Together,
    Logic::ContentBased,
    Logic::Trending,
    Logic::RecentlyViewed,
    Logic::BuyAgain,
];

/// Messages in the order of their times, of people who turn out to be fewer than they seemed.
fn draw_messages(random: &mut Random) -> Vec<Value> {
    (0..N_MESSAGES).map(|n| draw_message(random, n)).collect()
}

fn draw_message(random: &mut Random, n: usize) -> Value {
    let at = Timestamp(ARRIVAL.0 - (N_MESSAGES - n) as i64 * 11 * MINUTE_MS);
    let person = random.below(24);
    let mut body = json!({ "messageId": format!("m{n}"), "timestamp": at.to_string() });
    // Most messages have one id; some join two.
    let (has_user, has_device) = [(true, false), (false, true), (true, true)]
        [if random.chance(0.1) { 2 } else { random.below(2) }];
    if has_user {
        body["userId"] = format!("u{}", person % 12).into();
    }
    if has_device {
        body["anonymousId"] =
            format!("d{}", if random.chance(0.9) { person } else { random.below(24) }).into();
    }
    // People like every second item.
    let item = (random.below(N_ITEMS / 2) * 2 + person % 2) % N_ITEMS;
    let product = format!("i{item}");
    let (event, properties) = match random.below(12) {
        0 => {
            body["type"] = "identify".into();
            let (key, value) = (format!("t{}", random.below(3)), n);
            body["traits"] = json!({ key: value });
            return body;
        }
        1 => ("Product Added", json!({ "product_id": product })),
        2 => (
            "Order Completed",
            json!({ "total": random.below(100),
            "products": [{ "product_id": product, "quantity": 1, "price": 5 }] }),
        ),
        _ => ("Product Viewed", json!({ "product_id": product })),
    };
    body["type"] = "track".into();
    body["event"] = event.into();
    body["properties"] = properties;
    body
}

fn open(folder: &Path) -> Engine {
    let clock = Arc::new(ManualClock::new(ARRIVAL));
    let options = EngineOptions { clock, ..EngineOptions::default() };
    Engine::open_with(WorkspaceId::new("shop").unwrap(), folder, &options, &|_, _| {}).unwrap()
}

fn configuration() -> WorkspaceConfig {
    let rules = json!({ "version": 1, "id_type": [{ "name": "user_id", "limit": 100 },
        { "name": "anonymous_id", "limit": 100 }] });
    let identity: Identity = serde_json::from_value(rules).unwrap();
    let audience = |(n, text): (usize, &&str)| {
        let condition = text.parse::<Condition>().unwrap().to_string();
        AudienceDefinition { key: format!("a{n}"), name: None, condition, likely: None, sync: None }
    };
    let computed = |json: &&str| serde_json::from_str::<ComputedTraitDefinition>(json).unwrap();
    WorkspaceConfig {
        identity: Some(identity),
        audiences: AUDIENCES.iter().enumerate().map(audience).collect(),
        computed_traits: COMPUTED.iter().map(computed).collect(),
        ..WorkspaceConfig::empty(WorkspaceId::new("shop").unwrap())
    }
}

/// A workspace that has got these messages, with a model.
fn fold(folder: &Path, messages: &[Value]) -> Engine {
    let engine = open(folder);
    let csv = (0..N_ITEMS).fold("item_id,title,kind\n".to_owned(), |csv, n| {
        csv + &format!("i{n},Item {n},{}\n", ["even", "odd"][n % 2])
    });
    let (file, _) = read_file(csv.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(())).unwrap();
    engine.configure_as(&configuration()).unwrap();
    let entry = |body: &Value| {
        let arrival = Arrival { received_at: ARRIVAL, source: "web", peer_ip: None };
        let checked = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        Entry::Message(Box::new(checked.unwrap()))
    };
    for part in messages.chunks(30) {
        engine.submit_blocking(part.iter().map(entry).collect()).unwrap();
    }
    let options = TrainingOptions { refusal_margin: f64::INFINITY, ..Default::default() };
    engine.train(options, &|_| {}).unwrap();
    engine
}

/// Everything of a person that must not depend on how the messages came, by the ids.
type Picture = BTreeMap<BTreeSet<String>, Value>;

fn picture(engine: &Engine) -> Picture {
    let snapshot = engine.snapshot();
    let ids = snapshot.profiles.ids();
    let alive: Vec<UserIdx> =
        (0..ids.n_users() as u32).map(UserIdx).filter(|user| ids.is_alive(*user)).collect();
    drop(snapshot);
    alive.into_iter().map(|user| (ids_of(engine, user), person(engine, user))).collect()
}

fn ids_of(engine: &Engine, user: UserIdx) -> BTreeSet<String> {
    let ids = engine.snapshot().identifiers(user).unwrap().into_iter();
    ids.map(|id| format!("{}:{}", id.type_.word(), id.value)).collect()
}

fn person(engine: &Engine, user: UserIdx) -> Value {
    let snapshot = engine.snapshot();
    let traits: BTreeMap<String, String> = snapshot
        .stored_traits(user)
        .unwrap()
        .into_iter()
        .map(|(key, one)| (key, one.json))
        .collect();
    let computed: BTreeMap<String, Value> = snapshot
        .computed_traits(user)
        .unwrap()
        .into_iter()
        .map(|(key, one)| (key, one.value))
        .collect();
    let audiences: BTreeSet<String> =
        snapshot.audiences_of(user).unwrap().into_iter().map(str::to_owned).collect();
    drop(snapshot);
    let budget = Arc::new(RequestBudget::unlimited());
    let list = |logic: Logic| {
        let definition = TraitDefinition {
            logic,
            count: N_ITEMS as u32,
            ..TraitDefinition::recommended_items("list")
        };
        let list = engine.trait_list(user, &definition, &budget).unwrap();
        let items = list.items.iter().map(|item| (item.item_id.clone(), item.score));
        (format!("{logic:?}"), items.collect())
    };
    let lists: BTreeMap<String, Vec<(String, f32)>> = LISTS.map(list).into();
    json!({ "traits": traits, "computed": computed, "audiences": audiences, "lists": lists })
}

/// The bytes of the models.
fn models(folder: &Path) -> BTreeSet<Vec<u8>> {
    let files = fs_err::read_dir(folder.join("models")).unwrap();
    files.map(|file| fs_err::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn late_repeated_and_shuffled_messages_come_to_the_same_people_audiences_models_and_lists() {
    let first = std::env::var("CONVERGENCE_SEED").ok().map(|seed| seed.parse().unwrap());
    let first = first.unwrap_or(u64::from(std::process::id()) << 16);
    for seed in first..first + RUNS {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let sorted = draw_messages(&mut random);
        let mut shuffled = sorted.clone();
        shuffled.extend_from_within(..N_MESSAGES / 5);
        for n in (1..shuffled.len()).rev() {
            shuffled.swap(n, random.below(n + 1));
        }
        let [one, other] = [&sorted, &shuffled].map(|messages| {
            let folder = tempfile::tempdir().unwrap();
            let engine = fold(folder.path(), messages);
            (folder, engine)
        });
        let expected = picture(&one.1);
        assert_same(&expected, &picture(&other.1), &format!("seed {seed}, shuffled"));
        let (folder, engine) = other;
        drop(engine);
        let model = models(folder.path());
        for lost in ["store", "models"] {
            fs_err::remove_dir_all(folder.path().join(lost)).unwrap();
        }
        assert_same(&expected, &picture(&open(folder.path())), &format!("seed {seed}, lost"));
        assert!(models(folder.path()) == model, "seed {seed}: the model is another one");
    }
}

fn assert_same(expected: &Picture, found: &Picture, what: &str) {
    let ids = |picture: &Picture| picture.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(expected), ids(found), "{what}: the people");
    for (ids, person) in expected {
        assert_eq!(person, &found[ids], "{what}: {ids:?}");
    }
}
