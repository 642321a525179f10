//! Albums for listeners: who is known and has played a song in the last month gets five, at two
//! tools under the name of the trait; and an order that is thirty days ago is over to the
//! millisecond.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use domain::Timestamp;
use serde_json::{Value, json};
use testkit::Random;

use crate::receiver::Receiver;
use crate::shop::{DAY_MS, START, Shop, event};
use crate::{mean, seeds, share};

const TRAIT: &str = "personalized_album_recommendations";
const AUDIENCE: &str = "order_completed_last_30days";
const TASTES: usize = 5;
const ALBUMS_PER_TASTE: usize = 8;
const SONGS_PER_ALBUM: usize = 4;
/// Who is known and plays songs now.
const LISTENERS: usize = 150;
/// Who is known and played songs two months ago.
const FORMER: usize = 15;
/// Who plays songs and has no user id.
const VISITORS: usize = 15;
const PLAYS: usize = 14;

fn album(taste: usize, n: usize) -> String {
    format!("album-{taste}-{n}")
}

fn song(taste: usize, album: usize, n: usize) -> String {
    format!("song-{taste}-{album}-{n}")
}

/// Half of all people have the first taste, so that it fills the charts.
fn draw_taste(random: &mut Random) -> usize {
    if random.chance(0.5) { 0 } else { 1 + random.below(TASTES - 1) }
}

/// The songs that somebody plays: mostly of albums of their taste.
fn draw_songs(random: &mut Random, taste: usize) -> Vec<(String, String)> {
    let draw = |_| {
        let taste = if random.chance(0.85) { taste } else { draw_taste(random) };
        let n = random.below(ALBUMS_PER_TASTE);
        (song(taste, n, random.below(SONGS_PER_ALBUM)), album(taste, n))
    };
    (0..PLAYS).map(draw).collect()
}

struct World {
    shop: Shop,
    /// The taste of each known listener who plays now.
    tastes: BTreeMap<String, usize>,
    /// How often each album was played.
    plays: BTreeMap<String, usize>,
}

/// The shop after its listeners have played, with a model.
async fn simulate(seed: u64, mut shop: Shop) -> World {
    let mut random = Random::new(seed);
    let mut csv = "item_id,title,album\n".to_owned();
    for taste in 0..TASTES {
        for n in 0..ALBUMS_PER_TASTE {
            for m in 0..SONGS_PER_ALBUM {
                csv += &format!("{0},{0},{1}\n", song(taste, n, m), album(taste, n));
            }
        }
    }
    shop.import(csv).await;
    let mapping = json!({ "name": "Song played", "trigger": "event = \"Song Played\"",
        "action": "addDetailView", "fields": {
            "userId": { "@if": { "exists": { "@path": "$.userId" },
                "then": { "@path": "$.userId" }, "else": { "@path": "$.anonymousId" } } },
            "itemId": { "@path": "$.properties.song_id" },
            "timestamp": { "@path": "$.timestamp" } } });
    shop.put("destinations/engine", json!({ "mappings": [mapping] })).await;

    let (mut tastes, mut plays, mut messages) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for n in 0..LISTENERS + FORMER + VISITORS {
        let (taste, name) = (draw_taste(&mut random), format!("listener-{n}"));
        let days_ago = if (LISTENERS..LISTENERS + FORMER).contains(&n) { 60 } else { 1 };
        for (place, (song, album)) in draw_songs(&mut random, taste).into_iter().enumerate() {
            *plays.entry(album).or_insert(0) += 1;
            let minutes = 20 * DAY_MS / 1_440 * random.below(1_000) as i64 / 1_000;
            let at = START.0 - days_ago * DAY_MS - minutes * place as i64;
            let mut played = event(&name, "Song Played", Timestamp(at), json!({ "song_id": song }));
            if n >= LISTENERS + FORMER {
                played["anonymousId"] = played["userId"].take();
                played.as_object_mut().unwrap().remove("userId");
            }
            messages.push(played);
        }
        if n < LISTENERS {
            tastes.insert(name, taste);
        }
    }
    shop.track(messages).await;
    shop.train().await;
    World { shop, tastes, plays }
}

impl World {
    /// How much of the lists is of their person's taste: of those whose taste is not the charts'.
    fn own_share(&self, lists: &BTreeMap<String, Vec<String>>) -> f64 {
        let niche = self.tastes.iter().filter(|(_, taste)| **taste != 0);
        mean(niche.map(|(user, taste)| {
            let own = format!("album-{taste}-");
            share(&lists[user], |album| album.starts_with(&own))
        }))
    }

    /// The five albums that were played most, for everybody.
    fn charts(&self) -> BTreeMap<String, Vec<String>> {
        let mut albums: Vec<_> = self.plays.iter().map(|(album, n)| (*n, album)).collect();
        albums.sort_unstable_by(|a, b| b.cmp(a));
        let charts: Vec<String> =
            albums.into_iter().take(5).map(|(_, album)| album.clone()).collect();
        self.tastes.keys().map(|user| (user.clone(), charts.clone())).collect()
    }
}

async fn put_destinations(shop: &Shop, mail: &Receiver, recommender: &Receiver) {
    let rules = json!({ "sources": ["sync"] });
    let hook = json!({ "url": format!("http://{}/", mail.address) });
    shop.put("destinations/mail", json!({ "kind": "webhook", "settings": hook, "rules": rules }))
        .await;
    let database = json!({ "databaseId": "music", "privateToken": "secret", "batch_size": 1,
        "databaseRegion": "custom", "apiUri": recommender.address.to_string() });
    let body = json!({ "kind": "recombee", "settings": database, "rules": rules });
    shop.put("destinations/recommender", body).await;
}

/// The list of each person that came, of whom each got one.
fn lists(receiver: &Receiver) -> BTreeMap<String, Vec<String>> {
    let mut lists = BTreeMap::new();
    for came in receiver.values(TRAIT) {
        let list: Vec<String> = serde_json::from_value(came.value).unwrap();
        assert_eq!(lists.insert(came.user.clone(), list), None, "{} got two lists", came.user);
    }
    lists
}

#[tokio::test(flavor = "multi_thread")]
async fn known_listeners_of_the_last_month_get_five_albums_of_their_taste_at_two_tools() {
    for seed in seeds() {
        let mail = Receiver::webhook().await;
        let (recommender, certificate) = Receiver::recommender().await;
        let world = simulate(seed, Shop::open(Some(certificate)).await).await;
        let World { shop, tastes, .. } = &world;
        put_destinations(shop, &mail, &recommender).await;
        let played = json!({ "condition": "did \"Song Played\" in the last 30 days" });
        shop.put("audiences/listeners", played).await;
        // Everybody is worked out behind the answer.
        shop.pass_time_to(Timestamp(START.0 + 60_000)).await;

        let mut definition = json!({ "kind": "recommended_items", "count": 5, "item_type": "album",
            "name": "Personalized Album Recommendations", "who": { "audience": "listeners" } });
        let calculated = shop.call(Method::POST, "traits/calculate", definition.clone()).await;
        assert_eq!(calculated["people"]["n"], LISTENERS, "seed {seed}: {calculated}");
        assert_eq!(calculated["lists"]["n"], LISTENERS, "seed {seed}: {calculated}");

        definition["sync"] = json!({ "destinations": ["mail", "recommender"] });
        shop.put(&format!("traits/{TRAIT}"), definition).await;
        mail.await_values(TRAIT, LISTENERS).await;
        recommender.await_values(TRAIT, LISTENERS).await;
        let at_mail = lists(&mail);
        assert_eq!(at_mail, lists(&recommender), "seed {seed}: both get the same");
        let got: BTreeSet<&String> = at_mail.keys().collect();
        assert_eq!(
            got,
            tastes.keys().collect(),
            "seed {seed}: known, and played in the last month"
        );
        assert!(at_mail.values().all(|list| list.len() == 5), "seed {seed}");

        let (own, charts) = (world.own_share(&at_mail), world.own_share(&world.charts()));
        println!(
            "seed {seed}: {own:.2} of the lists are of their person's taste, {charts:.2} of the charts"
        );
        assert!(own > 0.6 && own > charts + 0.4, "seed {seed}: {own} against {charts}");

        for (user, list) in at_mail.iter().take(10) {
            let traits = shop.traits(&format!("user_id:{user}")).await;
            assert_eq!(traits[TRAIT], json!(list), "seed {seed}: the profile has the same");
        }
        let visitor = format!("anonymous_id:listener-{}", LISTENERS + FORMER);
        assert_eq!(shop.traits(&visitor).await.get(TRAIT), None, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_over_on_the_thirtieth_day_to_the_millisecond_at_both_tools() {
    let mail = Receiver::webhook().await;
    let (recommender, certificate) = Receiver::recommender().await;
    let mut shop = Shop::open(Some(certificate)).await;
    put_destinations(&shop, &mail, &recommender).await;
    let condition = "did \"Order Completed\" in the last 30 days";
    let sync = json!({ "destinations": ["mail", "recommender"] });
    let body = json!({ "condition": condition, "sync": sync });
    shop.put(&format!("audiences/{AUDIENCE}"), body).await;

    let ordered = Timestamp(START.0 + 12_345);
    shop.pass_time_to(ordered).await;
    shop.track(vec![event("ann", "Order Completed", ordered, json!({}))]).await;
    let is = |receiver: &Receiver, expected: &[bool]| {
        let values = receiver.values(AUDIENCE);
        assert!(values.iter().all(|came| came.user == "ann"));
        let values: Vec<Value> = values.into_iter().map(|came| came.value).collect();
        assert_eq!(values, expected.iter().map(|value| json!(value)).collect::<Vec<_>>());
    };
    for receiver in [&mail, &recommender] {
        receiver.await_values(AUDIENCE, 1).await;
        is(receiver, &[true]);
    }
    let over = Timestamp(ordered.0 + 30 * DAY_MS);
    shop.pass_time_to(Timestamp(over.0 - 1)).await;
    assert_eq!(shop.traits("user_id:ann").await[AUDIENCE], true);
    // Longer than a change takes to be found.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    for receiver in [&mail, &recommender] {
        is(receiver, &[true]);
    }
    shop.pass_time_to(over).await;
    assert_eq!(shop.traits("user_id:ann").await[AUDIENCE], false);
    for receiver in [&mail, &recommender] {
        receiver.await_values(AUDIENCE, 2).await;
        is(receiver, &[true, false]);
    }
    assert_eq!(mail.values(AUDIENCE)[1].timestamp, Some(over.to_string()));
}
