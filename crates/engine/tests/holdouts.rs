//! Holdouts on a simulated shop in which the trait makes people buy more: the engine counts what
//! was simulated, whatever is restarted or lost, and nobody who is held out gets a list.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    AudienceDefinition, Holdout, Interaction, InteractionKind, Timestamp, TraitDefinition,
    TraitPeople, WorkspaceId,
};
use engine::{ConfigChange, Engine, EngineOptions, Entry, Expected, HoldoutGroups, ManualClock};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const START: Timestamp = Timestamp(1_767_225_600_000);
const DAY_MS: i64 = 86_400_000;
const KEY: &str = "next";
const PERCENT: u8 = 20;

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

    fn restart(&mut self) {
        self.engine = None;
        let options = EngineOptions { clock: self.clock.clone(), ..EngineOptions::default() };
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Engine::open_with(id, self.folder.path(), &options, &|_, _| {}).unwrap();
        self.engine = Some(engine);
    }

    fn lose_store(&mut self) {
        self.engine = None;
        fs_err::remove_dir_all(self.folder.path().join("store")).unwrap();
        self.restart();
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn pass_time(&self, ms: i64) {
        let next = Timestamp(self.engine().now().0 + ms);
        self.clock.set(next);
        self.engine().submit_blocking(vec![Entry::Tick { at: next }]).unwrap();
    }

    fn put(&self, change: ConfigChange) {
        self.engine().change_config(change, Expected::Anything).unwrap();
    }

    fn buy(&self, interactions: Vec<Interaction>) {
        for step in interactions.chunks(500) {
            let received_at = self.engine().now();
            let entry = Entry::Interactions { received_at, interactions: step.to_vec() };
            self.engine().submit_blocking(vec![entry]).unwrap();
        }
    }

    fn purchase(&self, person: &str, n: i64, price: f64) -> Interaction {
        Interaction {
            timestamp: Some(Timestamp(self.engine().now().0 - 1_000 + n)),
            price: Some(price),
            ..Interaction::new(person, "lamp", InteractionKind::Purchase)
        }
    }

    fn has_trait(&self, person: &str) -> bool {
        let config = self.engine().config();
        let user = self.engine().find_user(person).unwrap();
        let definition = config.trait_definition(KEY).unwrap();
        self.engine().snapshot().has_trait(definition, user).unwrap()
    }

    fn groups(&self) -> HoldoutGroups {
        self.engine().snapshot().holdouts.get(KEY).unwrap().groups.clone()
    }

    /// People, people with the goal, goals, and what was paid, of those with the trait and of those
    /// held out.
    fn counted(&self) -> [(u32, u32, u64, f64); 2] {
        let HoldoutGroups { treated, held_out } = self.groups();
        [treated.sum(), held_out.sum()].map(|sum| (sum.people, sum.reached, sum.goals, sum.value()))
    }
}

fn definition(who: Option<TraitPeople>, percent: u8) -> TraitDefinition {
    TraitDefinition {
        who,
        holdout: Some(Holdout { percent, goal: InteractionKind::Purchase }),
        ..TraitDefinition::recommended_items(KEY)
    }
}

#[test]
fn the_groups_count_what_was_simulated_and_those_held_out_get_no_list() {
    const SEED: u64 = 17;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let mut shop = Shop::new();
    let people: Vec<String> = (0..400).map(|n| format!("p{n}")).collect();
    // Before the holdout begins nothing counts.
    shop.buy(people.iter().map(|person| shop.purchase(person, 0, 9.0)).collect());
    shop.pass_time(1_000);
    shop.put(ConfigChange::put_trait(&definition(Some(TraitPeople::default()), PERCENT)));
    let mut truth: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for _ in 0..12 {
        shop.pass_time(DAY_MS);
        let mut bought = Vec::new();
        for person in &people {
            let rate = if shop.has_trait(person) { 0.12 } else { 0.04 };
            if random.random_bool(rate) {
                let price = f64::from(random.random_range(100..900)) / 100.0;
                bought.push(shop.purchase(person, 0, price));
                let (goals, paid) = truth.entry(person.clone()).or_default();
                (*goals, *paid) = (*goals + 1, *paid + price);
            }
        }
        // Sent twice.
        shop.buy([bought.clone(), bought].concat());
    }
    // From before the holdout, and late.
    let late =
        Interaction { timestamp: Some(Timestamp(START.0 - DAY_MS)), ..shop.purchase("p0", 0, 5.0) };
    shop.buy(vec![late]);
    let of_group = |has_trait: bool| {
        let people = people.iter().filter(|person| shop.has_trait(person) == has_trait);
        let done: Vec<(u64, f64)> =
            people.map(|person| truth.get(person).copied().unwrap_or_default()).collect();
        let (goals, paid) = done.iter().fold((0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let reached = done.iter().filter(|(goals, _)| *goals > 0).count() as u32;
        (done.len() as u32, reached, goals, (paid * 100.0).round() / 100.0)
    };
    let meant = [of_group(true), of_group(false)];
    assert_eq!(shop.counted(), meant);
    assert!((50..110).contains(&meant[1].0), "a fifth is held out: {meant:?}");

    let mut having = BTreeSet::new();
    let config = shop.engine().config();
    let of_trait = config.trait_definition(KEY).unwrap();
    shop.engine()
        .compute_trait::<engine::RecommendationError>(of_trait, &|_, _| {}, |person, _| {
            having.insert(person.to_owned());
            Ok(())
        })
        .unwrap();
    assert_eq!(having.len() as u32, meant[0].0, "no list is made for who is held out");
    assert!(having.iter().all(|person| shop.has_trait(person)));
    shop.restart();
    assert_eq!(shop.counted(), meant);
    shop.lose_store();
    assert_eq!(shop.counted(), meant);
}

#[test]
fn people_enter_with_the_audience_and_stay_in_the_comparison_when_they_leave_it() {
    let shop = Shop::new();
    let condition = "did \"Song Played\" in the last 3 days".to_owned();
    let audience = AudienceDefinition {
        key: "listeners".into(),
        name: None,
        condition,
        likely: None,
        sync: None,
    };
    shop.put(ConfigChange::put_audience(&audience));
    let who = TraitPeople { audience: Some("listeners".into()), include_anonymous: false };
    shop.put(ConfigChange::put_trait(&definition(Some(who.clone()), 50)));
    let play = |person: &str| {
        let body = serde_json::json!({ "type": "track", "event": "Song Played", "userId": person });
        let received_at = shop.engine().now();
        let arrival = domain::Arrival { received_at, source: "web", peer_ip: None };
        let envelope = domain::Envelope::default();
        let message = domain::check_message(&body.to_string(), None, &envelope, &arrival);
        let entry = Entry::Message(Box::new(message.unwrap()));
        shop.engine().submit_blocking(vec![entry]).unwrap();
    };
    let people: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    // What was bought before a person entered does not count, nor does who never enters.
    shop.pass_time(DAY_MS);
    shop.buy(people.iter().map(|person| shop.purchase(person, 0, 1.0)).collect());
    people[..10].iter().for_each(|person| play(person));
    let n = || shop.counted().map(|(people, reached, ..)| (people, reached));
    assert_eq!(n().iter().map(|(people, _)| people).sum::<u32>(), 10);
    assert_eq!(n().iter().map(|(_, reached)| reached).sum::<u32>(), 0);
    assert!(!shop.has_trait("p15"));
    let having = |people: &[String]| people.iter().filter(|one| shop.has_trait(one)).count();
    assert_eq!(having(&people) as u32, n()[0].0);

    // The window closes: nobody has the trait any more, and what they buy counts as before.
    for _ in 0..2 {
        shop.pass_time(2 * DAY_MS);
    }
    assert_eq!(having(&people), 0);
    shop.buy(people.iter().map(|person| shop.purchase(person, 0, 1.0)).collect());
    let [(treated, treated_reached), (held_out, held_out_reached)] = n();
    assert_eq!((treated + held_out, treated_reached + held_out_reached), (10, 10));

    // While the trait is paused nobody enters.
    let paused = TraitDefinition { paused: true, ..definition(Some(who), 50) };
    shop.put(ConfigChange::put_trait(&paused));
    play("p15");
    assert_eq!(n().iter().map(|(people, _)| people).sum::<u32>(), 10);
}
