//! Times at the size of a large shop. Run with `cargo test --release -p search --test speed --
//! --ignored --nocapture`.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use search::{Candidates, SearchIndex, Synonyms};

const N_ITEMS: u32 = 100_000;
const N_WORDS: usize = 60_000;

#[test]
#[ignore = "measures, takes a while"]
fn times_of_100_000_items() {
    let mut random = StdRng::seed_from_u64(1);
    let vocabulary: Vec<String> = (0..N_WORDS).map(|_| word(&mut random)).collect();
    let items: Vec<_> =
        (0..N_ITEMS).map(|item| (item, texts(&mut random, &vocabulary).into())).collect();

    let index = SearchIndex::new();
    let start = Instant::now();
    index.update(items.iter().cloned());
    println!("build: {:?}", start.elapsed());

    searches("after the build", &index, &vocabulary, &mut random);
    let updates = times(50, |_| {
        let item = random.random_range(0..N_ITEMS);
        index.update((item..item + 5).map(|item| (item, texts(&mut random, &vocabulary).into())));
    });
    print("update of 5 items", &updates);
    searches("after updates", &index, &vocabulary, &mut random);
}

fn searches(when: &str, index: &SearchIndex, vocabulary: &[String], random: &mut StdRng) {
    println!("searches {when}:");
    let mut measure = |kind: &str, query: &mut dyn FnMut(&mut StdRng) -> String| {
        let queries: Vec<String> = (0..200).map(|_| query(random)).collect();
        let none = Synonyms::default();
        let candidates = Candidates {
            allows: &|item| item % 10 != 0,
            popularity: &|item| (item.wrapping_mul(2_654_435_761) % 1_000) as f32,
        };
        print(kind, &times(200, |i| drop(index.search(&queries[i], &none, 20, &candidates))));
    };
    let any = |random: &mut StdRng| vocabulary[random.random_range(0..N_WORDS)].clone();
    let frequent = |random: &mut StdRng| vocabulary[pick(random)].clone();
    let begin = |word: String, n| word.chars().take(n).collect::<String>();
    measure("one letter", &mut |r| begin(any(r), 1));
    measure("two letters", &mut |r| begin(any(r), 2));
    measure("three letters", &mut |r| begin(any(r), 3));
    measure("rare word", &mut |r| any(r));
    measure("frequent word", &mut |r| frequent(r));
    measure("two words", &mut |r| format!("{} {}", frequent(r), begin(frequent(r), 4)));
    measure("four words", &mut |r| (0..4).map(|_| frequent(r) + " ").collect());
    measure("typo", &mut |r| {
        let mut word: Vec<char> = frequent(r).chars().collect();
        let at = r.random_range(1..word.len());
        word[at] = 'q';
        word.into_iter().collect()
    });
    measure("32 letters", &mut |r| (0..32).map(|_| begin(any(r), 1) + " ").collect());
    measure("32 words", &mut |r| (0..32).map(|_| frequent(r) + " ").collect());
}

fn word(random: &mut StdRng) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu",
        "va", "we", "zi", "tra", "ste", "ing", "er", "on", "al",
    ];
    (0..random.random_range(2..6))
        .map(|_| SYLLABLES[random.random_range(0..SYLLABLES.len())])
        .collect()
}

/// Few words are in many items and most are in few.
fn pick(random: &mut StdRng) -> usize {
    (random.random::<f64>().powi(4) * N_WORDS as f64) as usize
}

/// A title of 4 words, a description of 20 and a category.
fn texts(random: &mut StdRng, vocabulary: &[String]) -> Vec<String> {
    let mut text = |n| (0..n).map(|_| vocabulary[pick(random)].clone() + " ").collect::<String>();
    let mut texts = vec![text(4), text(20)];
    texts.push(vocabulary[random.random_range(0..20)].clone());
    texts
}

fn times(n: usize, mut run: impl FnMut(usize)) -> Vec<Duration> {
    let one = |i| {
        let start = Instant::now();
        run(i);
        start.elapsed()
    };
    (0..n).map(one).collect()
}

fn print(what: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort();
    println!(
        "  {what:>20}: p50 {:?}, p95 {:?}",
        times[times.len() / 2],
        times[times.len() * 95 / 100]
    );
}
