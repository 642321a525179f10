//! From the words of a query to the best items.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::snapshot::Snapshot;
use crate::strength::{CODE, STRENGTH_END, SYNONYM, Strengths, VALUE};
use crate::synonyms::Synonyms;
use crate::words::Words;

/// The best `n` allowed items: those that match all words, or if there are none, those that match some.
///
/// A score is the mean strength of the words, weighted by their rarity; of items that match some words it is the
/// share of the words that match, and a bit more for the strength.
pub(crate) fn best(
    snapshot: &Snapshot,
    words: &Words,
    synonyms: &Synonyms,
    n: usize,
    allows: &dyn Fn(u32) -> bool,
) -> Vec<(u32, f32)> {
    if n == 0 || words.parts.is_empty() {
        return Vec::new();
    }
    let totals = match_words(snapshot, words, synonyms);
    let matched = || (0..).zip(&totals).filter(|(_, total)| total.n_matched > 0);

    let all = matched().filter(|(_, total)| total.n_matched as usize == words.parts.len());
    let found = top(n, allows, all.map(|(doc, total)| Found::new(snapshot, doc, total.strength)));
    if !found.is_empty() {
        return found;
    }
    let some = matched().map(|(doc, total)| {
        let n_matched = f32::from(total.n_matched) + total.strength / STRENGTH_END;
        Found::new(snapshot, doc, n_matched / words.parts.len() as f32)
    });
    top(n, allows, some)
}

/// What a document has of all words of a query.
#[derive(Clone, Default)]
struct Total {
    /// Words that match.
    n_matched: u8,
    /// The mean strength of all words, weighted by their rarity.
    strength: f32,
}

/// Some words of the query and the documents that match all of them at once, with strengths.
struct Run {
    words: Range<usize>,
    docs: Vec<(u32, f32)>,
}

/// The totals by document.
fn match_words(snapshot: &Snapshot, words: &Words, synonyms: &Synonyms) -> Vec<Total> {
    let runs = runs(snapshot, words, synonyms);
    let mut totals = vec![Total::default(); snapshot.n_docs()];
    let mut rarities = 0.0;
    let mut strengths = Strengths::new(snapshot.n_docs());
    for (position, word) in words.parts.iter().enumerate() {
        strengths.raise_by_word(snapshot, word);
        for run in runs.iter().filter(|run| run.words.contains(&position)) {
            run.docs.iter().for_each(|&(doc, strength)| strengths.raise(doc, strength));
        }
        let rarity = strengths.rarity(snapshot.n_items());
        rarities += rarity;
        for (doc, strength) in strengths.drain() {
            let total = &mut totals[doc as usize];
            total.n_matched += 1;
            total.strength += rarity * strength;
        }
    }
    totals.iter_mut().for_each(|total| total.strength /= rarities);
    totals
}

/// What matches several words at once: the whole query as a value, codes and synonyms.
fn runs(snapshot: &Snapshot, words: &Words, synonyms: &Synonyms) -> Vec<Run> {
    let mut values = snapshot.docs_with_value(&words.phrase_hash());
    // Most queries are no value: then the words need not be read here.
    if !values.is_empty() {
        let read = |word: &String| snapshot.docs_with_word(word);
        values = words.parts.iter().map(read).fold(values, intersect);
    }
    let mut runs = vec![Run { words: 0..words.parts.len(), docs: stronger_by(VALUE, values) }];

    for (range, joined) in &words.joined {
        let docs = snapshot.docs_with_word(joined);
        runs.push(Run { words: range.clone(), docs: stronger_by(CODE, docs) });
    }
    synonyms.for_each_in(&words.parts, |range, synonym| {
        let docs = synonym.iter().map(|word| snapshot.docs_with_word(word)).reduce(intersect);
        runs.push(Run { words: range, docs: stronger_by(SYNONYM, docs.unwrap_or_default()) });
    });
    runs
}

fn stronger_by(way: f32, mut docs: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    docs.iter_mut().for_each(|(_, strength)| *strength += way);
    docs
}

/// The documents of both lists, which are in order, with the lesser strength.
fn intersect(left: Vec<(u32, f32)>, right: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    let mut right = right.into_iter().peekable();
    let both = left.into_iter().filter_map(|(doc, strength)| {
        while right.next_if(|&(other, _)| other < doc).is_some() {}
        right.next_if(|&(other, _)| other == doc).map(|(_, other)| (doc, strength.min(other)))
    });
    both.collect()
}

/// An item and its score. The greater one is the better one; of equal scores it is the lower index.
#[derive(PartialEq)]
struct Found {
    score: f32,
    item: u32,
}

impl Found {
    fn new(snapshot: &Snapshot, doc: u32, score: f32) -> Self {
        Found { score, item: snapshot.item_of(doc) }
    }
}

impl Eq for Found {}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.item.cmp(&self.item))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best `n` allowed ones, best first. Only those are asked for that are better than the n found so far: a filter
/// costs more than a comparison.
fn top(n: usize, allows: &dyn Fn(u32) -> bool, all: impl Iterator<Item = Found>) -> Vec<(u32, f32)> {
    let mut best: BinaryHeap<Reverse<Found>> = BinaryHeap::new();
    for found in all {
        let is_better = best.len() < n || best.peek().is_some_and(|worst| found > worst.0);
        if is_better && allows(found.item) {
            best.push(Reverse(found));
            if best.len() > n {
                best.pop();
            }
        }
    }
    best.into_sorted_vec().into_iter().map(|Reverse(found)| (found.item, found.score)).collect()
}
