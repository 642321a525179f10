//! Shoes in the cart: what others bought with them around this time of the year.

use domain::Timestamp;
use serde_json::{Value, json};
use testkit::Random;

use crate::shop::{DAY_MS, START, Shop, event};
use crate::{mean, seeds, share};

/// Other kinds of things, with as many items each as there is soccer merchandise.
const OTHERS: [&str; 5] = ["running", "tennis", "hiking", "fitness", "swimming"];
const ITEMS_PER_KIND: usize = 6;
/// The shoppers of the season; after it, the shop has grown to twice as many.
const SHOPPERS: usize = 200;
/// How long a part of the year is.
const PART_DAYS: i64 = 60;
/// Of a list, the first that are looked at, and so many that all of two kinds have room.
const FIRST: usize = 5;
const LISTED: usize = 2 * ITEMS_PER_KIND;
const SCENARIO: &str = "goes_with_the_cart";

fn item(kind: &str, n: usize) -> String {
    format!("{kind}-{n}")
}

/// The carts of a part of the year. Who buys soccer shoes buys soccer merchandise with them while
/// the season lasts, and afterwards mostly what one runs with.
fn carts(random: &mut Random, part: &str, until: Timestamp, is_season: bool) -> Vec<Value> {
    let mut messages = Vec::new();
    let n_shoppers = if is_season { SHOPPERS } else { 2 * SHOPPERS };
    for n in 0..n_shoppers {
        let user = format!("{part}-{n}");
        let wears_soccer_shoes = random.chance(0.4);
        let others = match wears_soccer_shoes && !is_season {
            true => "running",
            false => OTHERS[random.below(OTHERS.len())],
        };
        let soccer_share = match (wears_soccer_shoes, is_season) {
            (true, true) => 0.9,
            (true, false) => 0.2,
            (false, _) => 0.05,
        };
        let shoes = if wears_soccer_shoes { "soccer_shoes" } else { "other_shoes" };
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
    let is_soccer = |id: &String| id.starts_with("soccer-");
    for n in 0..ITEMS_PER_KIND {
        let (user, shoes) = (format!("john-{part}-{n}"), item("soccer_shoes", n));
        let added = event(&user, "Product Added", shop.now(), json!({ "product_id": shoes }));
        shop.track(vec![added]).await;
        let list = shop.list(&user, SCENARIO, LISTED).await;
        assert_eq!(list.len(), LISTED);
        first.push(share(&list[..FIRST], is_soccer));
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
        let look_back_s = 30 * DAY_MS / 1_000;
        let definition = json!({ "endpoint": "recommendItemsToUser", "logic": "together",
            "interaction": "cart_addition", "max_age_s": look_back_s,
            "filter": "not (\"shoes\" in 'itemId')", "exclude": "interacted" });
        shop.put(&format!("scenarios/{SCENARIO}"), definition).await;

        let messages = carts(&mut random, "season", shop.now(), true);
        shop.track(messages).await;
        shop.train().await;
        let (in_season, _) = soccer_shares(&mut shop, "season").await;

        let later = Timestamp(START.0 + (PART_DAYS + 1) * DAY_MS);
        shop.pass_time_to(later).await;
        let messages = carts(&mut random, "later", later, false);
        shop.track(messages).await;
        shop.train().await;
        let (afterwards, still) = soccer_shares(&mut shop, "later").await;

        println!(
            "seed {seed}: {in_season:.2}, after the season {afterwards:.2}, {still:.2} in all"
        );
        // One kind of six that are no shoes: what nobody's cart says.
        let by_chance = 1.0 / 6.0;
        assert!(in_season > 0.8, "seed {seed}: {in_season}");
        assert!(afterwards < in_season - 0.3, "seed {seed}: {in_season}, {afterwards}");
        assert!(still > 1.5 * by_chance, "seed {seed}: {still}");
    }
}
