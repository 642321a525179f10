//! Shoes in the cart: what others put there with them around this time of the year.

use domain::Timestamp;
use serde_json::{Value, json};
use testkit::Random;

use crate::shop::{DAY_MS, Shop, event};
use crate::{mean, seeds, share};

/// Other kinds of things, with as many items each as there is soccer merchandise.
const OTHERS: [&str; 5] = ["running", "tennis", "hiking", "fitness", "swimming"];
const ITEMS_PER_KIND: usize = 6;
/// The shoppers of each part of the year.
const SHOPPERS: usize = 300;
/// How long a part of the year is, and how far back the list learns.
const PART_DAYS: i64 = 30;
/// Of a list, the first that are looked at, and so many that all of two kinds have room.
const FIRST: usize = 5;
const LISTED: usize = 2 * ITEMS_PER_KIND;
const SCENARIO: &str = "goes_with_the_cart";

fn item(kind: &str, n: usize) -> String {
    format!("{kind}-{n}")
}

/// The carts of a part of the year that ends now. Who takes soccer shoes takes soccer merchandise
/// with them while the season lasts, and otherwise mostly what one runs with.
fn carts(random: &mut Random, part: &str, until: Timestamp, is_season: bool) -> Vec<Value> {
    let mut messages = Vec::new();
    for n in 0..SHOPPERS {
        let user = format!("{part}-{n}");
        let takes_soccer_shoes = random.chance(0.4);
        let others = match takes_soccer_shoes && !is_season {
            true => "running",
            false => OTHERS[random.below(OTHERS.len())],
        };
        let soccer_share = match (takes_soccer_shoes, is_season) {
            (true, true) => 0.9,
            (true, false) => 0.2,
            (false, _) => 0.05,
        };
        let shoes = if takes_soccer_shoes { "soccer_shoes" } else { "other_shoes" };
        let mut at = until.0 - random.below(PART_DAYS as usize * 1_000) as i64 * DAY_MS / 1_000;
        let mut add = |item: String| {
            at += 60_000;
            let at = Timestamp(at.min(until.0));
            messages.push(event(&user, "Product Added", at, json!({ "product_id": item })));
        };
        add(item(shoes, random.below(ITEMS_PER_KIND)));
        for _ in 0..5 {
            let kind = if random.chance(soccer_share) { "soccer" } else { others };
            add(item(kind, random.below(ITEMS_PER_KIND)));
        }
    }
    messages
}

/// Of the lists of people who have just put soccer shoes into their cart, the share of soccer
/// merchandise: among the first, and in all.
async fn soccer_shares(shop: &mut Shop, part: &str) -> (f64, f64) {
    let (mut first, mut all) = (Vec::new(), Vec::new());
    let is_soccer = |item: &Value| item["id"].as_str().unwrap().starts_with("soccer-");
    for n in 0..ITEMS_PER_KIND {
        let (user, shoes) = (format!("john-{part}-{n}"), item("soccer_shoes", n));
        let added = event(&user, "Product Added", shop.now(), json!({ "product_id": shoes }));
        shop.track(vec![added]).await;
        let list = shop.list(&user, SCENARIO, LISTED).await;
        for item in &list {
            let reason = &item["because"][0];
            assert_eq!(
                (reason["id"].as_str(), item["source"].as_str()),
                (Some(&*shoes), Some("together"))
            );
            assert!(reason["people"].as_u64() >= Some(2), "{item}");
        }
        first.push(share(&list[..FIRST.min(list.len())], is_soccer));
        all.push(share(&list, is_soccer));
    }
    (mean(first), mean(all))
}

#[tokio::test(flavor = "multi_thread")]
async fn soccer_shoes_in_the_cart_lead_to_soccer_merchandise_and_more_so_in_the_season() {
    for seed in seeds() {
        let (mut random, mut shop) = (Random::new(seed), Shop::open(None).await);
        let kinds = ["soccer", "soccer_shoes", "other_shoes"].into_iter().chain(OTHERS);
        let rows = kinds.flat_map(|kind| (0..ITEMS_PER_KIND).map(move |n| item(kind, n)));
        // No word of a title says what goes with what.
        let csv = rows.fold("item_id,title\n".to_owned(), |csv, id| {
            let n = csv.len();
            csv + &format!("{id},Title{n}\n")
        });
        shop.import(csv).await;
        let definition = json!({ "endpoint": "recommendItemsToUser", "logic": "together",
            "interaction": "cart_addition", "learns_from_s": PART_DAYS * DAY_MS / 1_000,
            "filter": "not (\"shoes\" in 'itemId')", "exclude": "interacted", "fallback": "none" });
        shop.put(&format!("scenarios/{SCENARIO}"), definition).await;

        let mut shares = Vec::new();
        for (part, is_season) in [("season", true), ("later", false), ("next_season", true)] {
            let messages = carts(&mut random, part, shop.now(), is_season);
            shop.track(messages).await;
            // The model knows the first season only.
            if part == "season" {
                shop.train().await;
            }
            shares.push(soccer_shares(&mut shop, part).await);
            shop.pass_time_to(Timestamp(shop.now().0 + (PART_DAYS + 1) * DAY_MS)).await;
        }
        println!("seed {seed}: soccer among the first, in all: {shares:.2?}");
        let [(in_season, _), (later, still), (next_season, _)] = shares[..] else { panic!() };
        // One kind of six that are no shoes: what nobody's cart says.
        let by_chance = 1.0 / 6.0;
        assert!(in_season > 0.8 && next_season > 0.8, "seed {seed}: {shares:?}");
        assert!(later < in_season - 0.3, "seed {seed}: {shares:?}");
        assert!(still > 1.5 * by_chance, "seed {seed}: {shares:?}");
    }
}
