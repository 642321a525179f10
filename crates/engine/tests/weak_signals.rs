//! Whether weak signals are used where they say what people will choose, and left alone where they
//! are noise.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;

use domain::{
    Arrival, Envelope, Exclusion, Interaction, InteractionKind, ListRequest, Logic, Timestamp,
    WeakSignalKind, WeakSignalWeights, WorkspaceConfig, WorkspaceId, check_message,
};
use engine::{Engine, Entry, TrainingOptions};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const SEED: u64 = 13;
const USERS: usize = 500;
/// Tastes, with so many items each.
const GROUPS: usize = 20;
const ITEMS_PER_GROUP: usize = 20;
const BEGIN_S: i64 = 1_700_000_000;
const DAYS_S: i64 = 30 * 86_400;
/// Views of each user, of which this share is of their taste.
const VIEWS: usize = 5;
const TASTE_SHARE: f64 = 0.6;
const CLICKS: usize = 8;
const LISTS: usize = 3;

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

/// A shop in which people view few items, and click on many and look at lists of many: items of
/// their taste where the kind is among `of_taste`, or any.
fn shop(folder: &Path, of_taste: &[WeakSignalKind], weights: WeakSignalWeights) -> Engine {
    let random = &mut StdRng::seed_from_u64(SEED);
    let engine = open(folder);
    let config =
        WorkspaceConfig { weak_signals: weights, ..WorkspaceConfig::empty(engine.id().clone()) };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    let anything = |random: &mut StdRng| random.random_range(0..GROUPS * ITEMS_PER_GROUP);
    let mut views = Vec::new();
    let mut messages = Vec::new();
    let mut message = |user: usize, at_s: i64, event: &str, properties: Value| {
        let received_at = Timestamp(1_000 * (BEGIN_S + 2 * DAYS_S));
        let arrival = Arrival { received_at, source: "web", peer_ip: None };
        let body = json!({
            "type": "track", "userId": format!("u{user}"), "event": event, "timestamp": at_s,
            "messageId": format!("m{}", messages.len()), "properties": properties,
        });
        let message =
            check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
        messages.push(Entry::Message(Box::new(message)));
    };
    for user in 0..USERS {
        let of_own = |random: &mut StdRng| {
            user % GROUPS * ITEMS_PER_GROUP + random.random_range(0..ITEMS_PER_GROUP)
        };
        let at_s = |random: &mut StdRng| BEGIN_S + random.random_range(0..DAYS_S);
        for _ in 0..VIEWS {
            let is_of_taste = random.random_bool(TASTE_SHARE);
            let item = if is_of_taste { of_own(random) } else { anything(random) };
            let view = Interaction::new(
                format!("u{user}"),
                format!("i{item}"),
                InteractionKind::DetailView,
            );
            views.push(Interaction { timestamp: Some(Timestamp(1_000 * at_s(random))), ..view });
        }
        let hinted = |random: &mut StdRng, kind: WeakSignalKind| {
            let item = if of_taste.contains(&kind) { of_own(random) } else { anything(random) };
            json!({ "product_id": format!("i{item}") })
        };
        for _ in 0..CLICKS {
            message(user, at_s(random), "Product Clicked", hinted(random, WeakSignalKind::Click));
        }
        for _ in 0..LISTS {
            let products: Vec<Value> =
                (0..6).map(|_| hinted(random, WeakSignalKind::ListView)).collect();
            message(user, at_s(random), "Product List Viewed", json!({ "products": products }));
        }
    }
    engine.import_interactions(views).unwrap();
    engine.submit_blocking(messages).unwrap();
    engine
}

/// The lists of some users.
fn lists(engine: &Engine) -> Vec<Vec<String>> {
    let request =
        ListRequest { exclude: Exclusion::Interacted, ..ListRequest::new(10, Logic::Personal) };
    let list = |user: usize| {
        let user = engine.find_user(&format!("u{user}"));
        let items = engine.recommend(user, &request).unwrap().items;
        items.into_iter().map(|item| item.item_id).collect()
    };
    (0..100).map(list).collect()
}

/// The share of lists that is of the taste of whoever they are for.
fn worth(engine: &Engine) -> f64 {
    let lists = lists(engine);
    let is_of_taste = |user: usize, item: &str| {
        item[1..].parse::<usize>().unwrap() / ITEMS_PER_GROUP == user % GROUPS
    };
    let hits = lists.iter().enumerate().map(|(user, list)| {
        list.iter().filter(|item| is_of_taste(user, item)).count() as f64 / list.len() as f64
    });
    hits.sum::<f64>() / lists.len() as f64
}

#[test]
fn weak_signals_are_used_where_they_make_lists_better_and_nowhere_else() {
    println!("seed {SEED}");
    let folder = tempfile::tempdir().unwrap();
    let options = TrainingOptions { seed: SEED, ..Default::default() };
    let train = |name: &str, of_taste: &[WeakSignalKind], weights: WeakSignalWeights| {
        let engine = shop(&folder.path().join(name), of_taste, weights);
        let training = engine.train(options, &|_| {}).unwrap();
        assert_eq!(training.refused, None);
        let trials = training.weak_signals.clone();
        let worth = worth(&engine);
        println!("{name}: lists are worth {worth:.3}");
        trials.iter().for_each(|trial| println!("{name}: {}", trial.describe()));
        (engine, trials, worth)
    };
    let (off, no_trials, worth_off) = train("off", &WeakSignalKind::ALL, WeakSignalWeights::NONE);
    assert_eq!(no_trials, [], "a weight of 0 is not even tried");
    let (on, trials, worth_on) = train("taste", &WeakSignalKind::ALL, WeakSignalWeights::default());
    let click = trials[0];
    assert_eq!((click.kind, click.weight, click.is_on), (WeakSignalKind::Click, 0.2, true));
    assert!(click.comparison.unwrap().low > 0.0);
    assert!(worth_on > worth_off + 0.1, "{worth_on} beside {worth_off}");
    let (noise, trials, _) = train("noise", &[], WeakSignalWeights::default());
    let found: Vec<_> = trials.iter().map(|trial| (trial.kind, trial.is_on)).collect();
    assert_eq!(found, WeakSignalKind::ALL.map(|kind| (kind, false)));
    // Clicks on whatever is cheap, say, and lists that people chose to look at.
    let (listed, trials, worth_listed) =
        train("listed", &[WeakSignalKind::ListView], WeakSignalWeights::default());
    let found: Vec<_> = trials.iter().map(|trial| (trial.kind, trial.is_on)).collect();
    assert_eq!(found, [(WeakSignalKind::Click, false), (WeakSignalKind::ListView, true)]);
    assert!(worth_listed > worth_off + 0.1, "{worth_listed} beside {worth_off}");
    drop((off, noise, listed));

    // A lost store and a lost model come back with the weights that the run found.
    let expected = lists(&on);
    let place = folder.path().join("taste");
    drop(on);
    fs_err::remove_dir_all(place.join("store")).unwrap();
    fs_err::remove_dir_all(place.join("models")).unwrap();
    let again = open(&place);
    assert_eq!(lists(&again), expected);

    // Somebody who clicked and did nothing else has a list of their taste, which names nothing that
    // they never did.
    let body =
        json!({ "userId": "new", "event": "Product Clicked", "properties": { "sku": "i3" } });
    let arrival = Arrival {
        received_at: Timestamp(1_000 * (BEGIN_S + 2 * DAYS_S)),
        source: "web",
        peer_ip: None,
    };
    let type_ = Some(domain::MessageType::Track);
    let message = check_message(&body.to_string(), type_, &Envelope::default(), &arrival).unwrap();
    again.submit_blocking(vec![Entry::Message(Box::new(message))]).unwrap();
    let request = ListRequest::new(5, Logic::Personal);
    let list = again.recommend(again.find_user("new"), &request).unwrap();
    assert!(!list.fallback);
    assert!(list.items.iter().all(|item| item.explanation.is_empty()), "{:?}", list.items);
}
