//! Whether a model is judged on what people chose, or on what the model before it showed them.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;

use domain::{Exclusion, Interaction, InteractionKind, ListRequest, Logic, Timestamp, WorkspaceId};
use engine::{Engine, Training, TrainingOptions};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

const SEED: u64 = 13;
const USERS: usize = 600;
/// A fashion, a way in which items go together, has so many groups of so many items.
const GROUPS: usize = 20;
const ITEMS_PER_GROUP: usize = 20;
const BEGIN_S: i64 = 1_700_000_000;
const DAY_S: i64 = 86_400;
/// The second fashion comes on this day.
const SECOND_DAY: i64 = 30;
/// How many visits a user makes in the second fashion, and the share of them in which they only
/// look at the list.
const VISITS: usize = 12;
const LED_SHARE: f64 = 0.7;

/// The items of a group of the first fashion: every twentieth.
fn first_fashion(group: usize) -> Vec<usize> {
    (0..ITEMS_PER_GROUP).map(|n| n * GROUPS + group).collect()
}

/// The items of a group of the second: neighbours.
fn second_fashion(group: usize) -> Vec<usize> {
    (0..ITEMS_PER_GROUP).map(|n| group * ITEMS_PER_GROUP + n).collect()
}

fn group_of(user: usize) -> usize {
    user % GROUPS
}

fn viewed(user: usize, item: &str, at_s: i64) -> Interaction {
    Interaction {
        timestamp: Some(Timestamp(at_s * 1_000)),
        ..Interaction::new(format!("u{user}"), item, InteractionKind::DetailView)
    }
}

/// A list of new items, as the model in use makes it.
fn list(engine: &Engine, user: usize) -> Vec<String> {
    let request =
        ListRequest { exclude: Exclusion::Interacted, ..ListRequest::new(10, Logic::Personal) };
    let user = engine.find_user(&format!("u{user}"));
    engine.recommend(user, &request).unwrap().items.into_iter().map(|item| item.item_id).collect()
}

/// The share of what lists hold that is of the second fashion's group of whoever they are for: what
/// people would choose.
fn worth(engine: &Engine) -> f64 {
    let of_user = |user: usize| {
        let wanted: Vec<String> =
            second_fashion(group_of(user)).into_iter().map(|item| format!("i{item}")).collect();
        let list = list(engine, user);
        list.iter().filter(|item| wanted.contains(item)).count() as f64 / list.len() as f64
    };
    (0..USERS).map(of_user).sum::<f64>() / USERS as f64
}

/// A shop in which a fashion passes: the model of the first one chooses what most people see in the
/// second. Whether what they choose from its lists says so is up to `cites`. Returns the run on all
/// of it, and what lists were worth before and after.
fn shop(folder: &Path, cites: bool) -> (Training, f64, f64) {
    let random = &mut StdRng::seed_from_u64(SEED);
    let engine = Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap();
    let options = TrainingOptions { seed: SEED, ..Default::default() };
    let mut first = Vec::new();
    for user in 0..USERS {
        for item in first_fashion(group_of(user)).sample(random, 8) {
            let at_s = BEGIN_S + random.random_range(0..SECOND_DAY * DAY_S);
            first.push(viewed(user, &format!("i{item}"), at_s));
        }
    }
    engine.import_interactions(first).unwrap();
    assert_eq!(engine.train(options, &|_| {}).unwrap().refused, None);

    let mut visits: Vec<usize> = (0..USERS).flat_map(|user| [user; VISITS]).collect();
    visits.shuffle(random);
    let step_s = SECOND_DAY * DAY_S / visits.len() as i64;
    for (n, user) in visits.into_iter().enumerate() {
        let at_s = BEGIN_S + SECOND_DAY * DAY_S + n as i64 * step_s;
        let chosen = if random.random_bool(LED_SHARE) {
            // What stands first is what most people click on.
            let clicked = list(&engine, user).into_iter().take(2);
            let clicked = clicked.map(|item| Interaction {
                recomm_id: cites.then(|| format!("list{n}")),
                ..viewed(user, &item, at_s)
            });
            clicked.collect()
        } else {
            let item = *second_fashion(group_of(user)).choose(random).unwrap();
            vec![viewed(user, &format!("i{item}"), at_s)]
        };
        engine.import_interactions(chosen).unwrap();
    }
    let before = worth(&engine);
    let training = engine.train(options, &|_| {}).unwrap();
    (training, before, worth(&engine))
}

#[test]
fn a_better_model_is_not_refused_because_the_one_before_it_chose_what_people_saw() {
    println!("seed {SEED}");
    let folder = tempfile::tempdir().unwrap();
    let (training, before, after) = shop(&folder.path().join("cites"), true);
    println!(
        "judged on free choices: {:?}, lists were worth {before:.3} and are {after:.3}",
        training.beside_current
    );
    assert_eq!(training.refused, None);
    assert!(after > 2.0 * before, "{after} beside {before}");
    let comparison = training.beside_current.unwrap();
    assert!(comparison.low > 0.0, "better beyond chance: {comparison:?}");

    // The same shop whose clients do not say what led where: judged on everything, as all were
    // before, the same model is refused.
    let (training, before, after) = shop(&folder.path().join("silent"), false);
    println!("judged on everything: {:?}, lists are worth {after:.3}", training.beside_current);
    assert!(training.refused.unwrap().contains("that of the model in use is"));
    assert_eq!(before, after);
}
