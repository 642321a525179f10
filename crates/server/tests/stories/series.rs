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
        shop.track(viewers(&mut random)).await;
        shop.train().await;
        let scenario = |settings: Value| {
            let mut scenario =
                json!({ "endpoint": "recommendItemsToUser", "exclude": "interacted" });
            scenario.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
            scenario
        };
        let week_s = 7 * DAY_MS / 1_000;
        let parts = [("content_based", 2), ("together", 2), ("trending", 1)];
        let mix: Vec<Value> = parts
            .iter()
            .map(|(logic, weight)| json!({ "logic": logic, "weight": weight }))
            .collect();
        for (name, settings) in [
            ("similar", json!({ "logic": "content_based" })),
            ("together", json!({ "logic": "together" })),
            ("now", json!({ "logic": "trending", "max_age_s": week_s })),
            ("next", json!({ "mix": mix, "max_age_s": week_s })),
        ] {
            shop.put(&format!("scenarios/{name}"), scenario(settings)).await;
        }

        // She has another taste until now.
        let before = ["french-documentary-5", "french-documentary-7"];
        let earlier = Timestamp(START.0 - 20 * DAY_MS);
        shop.track(before.map(|id| watched("jane", id, earlier)).into()).await;
        shop.track(vec![watched("jane", WATCHED, shop.now())]).await;

        let similar = shop.list("jane", "similar", 5).await;
        let together = shop.list("jane", "together", 5).await;
        let now = shop.list("jane", "now", 3).await;
        let is_similar = |id: &String| id.starts_with("english-drama-");
        let is_companion = |id: &String| CIRCLES[0][1..].contains(&id.as_str());
        let is_rising = |id: &String| RISING.contains(&id.as_str());
        println!("seed {seed}: {similar:?} {together:?} {now:?}");
        assert!(share(&similar, is_similar) > 0.9, "seed {seed}: {similar:?}");
        assert!(share(&together, is_companion) >= 0.6, "seed {seed}: {together:?}");
        assert!(share(&now, is_rising) > 0.9, "seed {seed}: {now:?}");

        // One list of all three.
        let next = shop.list("jane", "next", 10).await;
        let distinct: BTreeSet<&String> = next.iter().collect();
        assert_eq!((next.len(), distinct.len()), (10, 10), "seed {seed}");
        for (what, n, least) in [
            ("similar", next.iter().filter(|id| is_similar(id)).count(), 3),
            ("companions", next.iter().filter(|id| is_companion(id)).count(), 2),
        ] {
            assert!(n >= least, "seed {seed}: {n} {what} in {next:?}");
        }
        assert!(next.iter().any(is_rising), "seed {seed}: {next:?}");
        assert!(!next.iter().any(|id| id == WATCHED || before.contains(&id.as_str())));
    }
}
