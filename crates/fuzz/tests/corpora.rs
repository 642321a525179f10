//! The kept corpora do no harm, and still reach what they are for.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use fuzz::mutation::Mutator;
use fuzz::{BODIES, corpus_folder};

/// Mutations of each body: enough to meet a fault that is everywhere, and no more than seconds.
const MUTATIONS: usize = 1_000;
/// Kept inputs stay small, in bytes.
const INPUT_BYTES_MAX: usize = 4_096;

/// The kept inputs, then some mutations of them.
fn check(name: &str) {
    let body = BODIES.into_iter().find(|body| body.name == name).unwrap();
    let corpus = body.load_corpus(&corpus_folder()).unwrap();
    assert!(corpus.len() >= 5, "{} has {} kept inputs", body.name, corpus.len());
    for kept in &corpus {
        assert!(kept.len() < INPUT_BYTES_MAX, "{}: {} bytes", body.name, kept.len());
        (body.run)(kept);
    }
    let mut mutator = Mutator::new(12, body.name, &corpus, body.dictionary);
    let mut input = Vec::new();
    for _ in 0..MUTATIONS {
        mutator.generate(&mut input);
        (body.run)(&input);
    }
}

#[test]
fn expressions_do_no_harm() {
    check("expressions");
}

#[test]
fn damaged_journals_are_noticed() {
    check("journal");
}

#[test]
fn bytes_of_entries_do_no_harm() {
    check("entries");
}

#[test]
fn messages_are_within_bounds() {
    check("messages");
}

#[test]
fn catalog_files_are_read_as_their_report_says() {
    check("catalog");
}

#[test]
fn actions_are_within_bounds() {
    check("mappings");
}

#[test]
fn what_verifies_means_what_was_signed() {
    check("signatures");
}

#[test]
fn templates_do_no_harm() {
    check("templates");
}

#[test]
fn a_seed_repeats_a_run() {
    let corpus = [b"{\"a\": 1}".to_vec(), b"x,y\n".to_vec()];
    let make = |seed| {
        let mut mutator = Mutator::new(seed, "messages", &corpus, &["null"]);
        let mut input = Vec::new();
        let mut all = Vec::new();
        for _ in 0..500 {
            mutator.generate(&mut input);
            all.push(input.clone());
        }
        all
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}

/// Seeds that an old version refuses at once would leave the body idle.
#[test]
fn seeds_of_entries_decode() {
    for seed in fuzz::entries::seeds() {
        engine::Entry::decode(&seed).unwrap();
    }
}
