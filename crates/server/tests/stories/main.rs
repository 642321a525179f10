//! Stories of marketers, from the first message to what arrives in their tools, on simulated shops
//! whose truth is known. Each runs with a few seeds; `STORY_SEEDS=20` makes it twenty.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod albums;
mod receiver;
mod season;
mod series;
mod shop;

/// The seeds of this run, which a failure names.
fn seeds() -> impl Iterator<Item = u64> {
    let n = std::env::var("STORY_SEEDS").map_or(3, |text| text.parse().unwrap());
    let first = u64::from(std::process::id()) << 16;
    (first..first + n).inspect(|seed| println!("seed {seed}"))
}

/// The share of a list that passes a test, from 0 to 1; 0 of an empty list.
fn share<T>(list: &[T], is_one: impl Fn(&T) -> bool) -> f64 {
    list.iter().filter(|entry| is_one(entry)).count() as f64 / list.len().max(1) as f64
}

fn mean(all: impl IntoIterator<Item = f64>) -> f64 {
    let all: Vec<f64> = all.into_iter().collect();
    all.iter().sum::<f64>() / all.len() as f64
}
