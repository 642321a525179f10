//! A series that was just watched: the very next request lists similar ones, what its viewers
//! watch, and what has come up lately.

use std::collections::BTreeSet;

use domain::Timestamp;
use serde_json::{Value, json};
use testkit::Random;

use crate::shop::{DAY_MS, START, Shop, event};
use crate::{seeds, share};

const LANGUAGES: [&str; 3] = ["english", "french", "korean"];
const GENRES: [&str; 4] = ["drama", "comedy", "crime", "documentary"];
const PER_SHELF: usize = 8;
const VIEWERS: usize = 320;
/// Series that the same people watch, though they are of several languages and genres.
const CIRCLES: [[&str; 6]; 4] = [
    [
        WATCHED,
        "french-crime-1",
        "korean-comedy-2",
        "english-documentary-3",
        "french-comedy-4",
        "korean-crime-5",
    ],
    [
        "french-drama-1",
        "english-crime-2",
        "korean-documentary-3",
        "english-comedy-4",
        "french-documentary-0",
        "korean-drama-2",
    ],
    [
        "korean-drama-3",
        "french-comedy-1",
        "english-crime-5",
        "french-documentary-2",
        "english-comedy-0",
        "korean-documentary-6",
    ],
    [
        "english-comedy-2",
        "korean-crime-0",
        "french-drama-4",
        "korean-documentary-1",
        "english-crime-7",
        "french-comedy-7",
    ],
];
/// What Jane watches.
const WATCHED: &str = "english-drama-0";
/// What everybody has watched in the last days.
const RISING: [&str; 3] = ["korean-drama-6", "french-drama-6", "english-comedy-6"];

fn series(language: &str, genre: &str, n: usize) -> String {
    format!("{language}-{genre}-{n}")
}

fn watched(user: &str, id: &str, at: Timestamp) -> Value {
    event(user, "Video Playback Completed", at, json!({ "content_asset_id": id }))
}

fn draw_series(random: &mut Random) -> String {
    let (language, genre) = (random.below(LANGUAGES.len()), random.below(GENRES.len()));
    series(LANGUAGES[language], GENRES[genre], random.below(PER_SHELF))
}

/// Two months of viewers, each of whom watches most series of a circle and any other.
fn viewers(random: &mut Random) -> Vec<Value> {
    let mut messages = Vec::new();
    for n in 0..VIEWERS {
        let user = format!("viewer-{n}");
        let circle = CIRCLES[n % CIRCLES.len()].iter().filter(|_| random.chance(0.9));
        let mut ids: Vec<String> = circle.map(|id| (*id).to_owned()).collect();
        ids.push(draw_series(random));
        for id in ids {
            let days = 10 + random.below(50) as i64;
            messages.push(watched(&user, &id, Timestamp(START.0 - days * DAY_MS)));
        }
        let rising = RISING[random.below(RISING.len())];
        messages.push(watched(&user, rising, Timestamp(START.0 - DAY_MS / 2)));
    }
    messages
}

/// How many viewers have watched both.
fn count_viewers_of_both(messages: &[Value], a: &str, b: &str) -> u64 {
    let viewers = |id: &str| -> BTreeSet<&str> {
        let watched = messages.iter().filter(|one| one["properties"]["content_asset_id"] == id);
        watched.map(|one| one["userId"].as_str().unwrap()).collect()
    };
    viewers(a).intersection(&viewers(b)).count() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn an_english_drama_series_leads_at_once_to_similar_ones_and_to_what_its_viewers_watch() {
    for seed in seeds() {
        let (mut random, mut shop) = (Random::new(seed), Shop::open(None).await);
        let mut csv = "item_id,title,language,genre\n".to_owned();
        for language in LANGUAGES {
            for genre in GENRES {
                for n in 0..PER_SHELF {
                    let id = series(language, genre, n);
                    // No word of a title says what it is like.
                    csv += &format!("{id},Title{},{language},{genre}\n", csv.len());
                }
            }
        }
        shop.import(csv).await;
        let messages = viewers(&mut random);
        shop.track(messages.clone()).await;
        shop.train().await;
        define_lists(&shop).await;

        // She has another taste until now.
        let before = ["french-documentary-5", "french-documentary-7"];
        let earlier = Timestamp(START.0 - 20 * DAY_MS);
        shop.track(before.map(|id| watched("jane", id, earlier)).into()).await;
        shop.track(vec![watched("jane", WATCHED, shop.now())]).await;

        let similar = ids(&shop.list("jane", "similar", 5).await);
        let companions = shop.list("jane", "together", 5).await;
        let now = ids(&shop.list("jane", "now", 3).await);
        let is_similar = |id: &String| id.starts_with("english-drama-");
        let is_companion = |id: &String| CIRCLES[0][1..].contains(&id.as_str());
        let is_rising = |id: &String| RISING.contains(&id.as_str());
        let together = ids(&companions);
        println!("seed {seed}: {similar:?} {together:?} {now:?}");
        assert!(share(&similar, is_similar) > 0.9, "seed {seed}: {similar:?}");
        assert!(share(&together, is_companion) > 0.9, "seed {seed}: {together:?}");
        assert!(share(&now, is_rising) > 0.9, "seed {seed}: {now:?}");
        for item in &companions {
            let people = count_viewers_of_both(&messages, WATCHED, item["id"].as_str().unwrap());
            let because = json!({ "id": WATCHED, "kind": "view_portion", "people": people });
            let told = &item["because"][0];
            for key in ["id", "kind", "people"] {
                assert_eq!(told[key], because[key], "seed {seed}: {item}");
            }
        }
        // A trait with the same settings has the same list on her profile.
        assert_eq!(shop.traits("user_id:jane").await["watched_together"], json!(together));

        // One list of all three.
        let next = ids(&shop.list("jane", "next", 10).await);
        let distinct: BTreeSet<&String> = next.iter().collect();
        assert_eq!((next.len(), distinct.len()), (10, 10), "seed {seed}");
        for (what, n, least) in [
            ("similar", next.iter().filter(|id| is_similar(id)).count(), 3),
            ("companions", next.iter().filter(|id| is_companion(id)).count(), 3),
        ] {
            assert!(n >= least, "seed {seed}: {n} {what} in {next:?}");
        }
        assert!(next.iter().any(is_rising), "seed {seed}: {next:?}");
        assert!(!next.iter().any(|id| id == WATCHED || before.contains(&id.as_str())));
    }
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// A scenario for each reason, one that mixes all, and a trait.
async fn define_lists(shop: &Shop) {
    let (week_s, months_s) = (7 * DAY_MS / 1_000, 90 * DAY_MS / 1_000);
    let together = json!({ "logic": "together", "interaction": "view_portion",
        "learns_from_s": months_s, "exclude": "interacted" });
    let mix = [("content_based", 2), ("together", 2), ("trending", 1)];
    let mix = mix.map(|(logic, weight)| json!({ "logic": logic, "weight": weight }));
    for (name, settings) in [
        ("similar", json!({ "logic": "content_based" })),
        ("together", together.clone()),
        ("now", json!({ "logic": "trending", "max_age_s": week_s })),
        ("next", json!({ "mix": mix, "max_age_s": week_s, "learns_from_s": months_s })),
    ] {
        let mut scenario = json!({ "endpoint": "recommendItemsToUser", "exclude": "interacted" });
        scenario.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        shop.put(&format!("scenarios/{name}"), scenario).await;
    }
    let mut trait_ = together;
    trait_["kind"] = "recommended_items".into();
    shop.put("traits/watched_together", trait_).await;
}
