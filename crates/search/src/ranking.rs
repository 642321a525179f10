//! From the words of a query to the best items.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::snapshot::Snapshot;
use crate::strength::{CODE, COMPOUND, COMPOUND_CHARS_MIN, PREFIX, STRENGTH_END, SYNONYM, Strengths, VALUE};
use crate::synonyms::Synonyms;
use crate::words::{Words, hash_of};

/// What the text of the most popular match counts more than that of one that nobody wants: twice as much in all. BM25's saturations of a
/// word in texts of half and of twice the mean length, which fit alike, differ by a factor of 1.2; a text ten times as long as the
/// mean, which mentions the word in passing, fits 2.7 times less. So among the former popularity decides, and the latter stays
/// behind. No popularity makes up for a worse way of matching.
const POPULARITY_WEIGHT: f32 = 1.0;

/// The items that a search is among.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    /// Whether an item may be found. Asked seldom: it may be a costly filter.
    pub allows: &'a dyn Fn(u32) -> bool,
    /// How popular an item is, 0 or more, in any unit.
    pub popularity: &'a dyn Fn(u32) -> f32,
}

/// The best `n` allowed items: those that match all words, or if there are none, those that match some.
///
/// A strength is the mean of the words, weighted by their rarity: of their ways of matching, and of BM25's saturations times
/// `(1 + w popularity) / (1 + w)`, see [`POPULARITY_WEIGHT`] and [`popularity_of`]: likelihood of the query times a smoothed prior of
/// the item (Kraaij et al., SIGIR'02). The score is the strength; of items that match some words it is the share of the words that
/// match, and a bit more for the strength.
pub(crate) fn best(
    snapshot: &Snapshot,
    words: &Words,
    synonyms: &Synonyms,
    n: usize,
    candidates: &Candidates<'_>,
) -> Vec<(u32, f32)> {
    if n == 0 || words.parts.is_empty() {
        return Vec::new();
    }
    let totals = match_words(snapshot, words, synonyms);
    let n_words = words.parts.len();
    let matched = |n_matched_min: usize| {
        let totals = (0..).zip(&totals);
        let matched = totals.filter(move |(_, total)| total.n_matched as usize >= n_matched_min);
        matched.map(|(doc, total)| (snapshot.item_of(doc), total))
    };

    let popularity = popularity_of(candidates, || matched(n_words));
    let all = matched(n_words).map(|(item, total)| Found { item, score: total.strength(popularity(item)) });
    let found = top(n, candidates.allows, all);
    if !found.is_empty() {
        return found;
    }
    let popularity = popularity_of(candidates, || matched(1));
    let some = matched(1).map(|(item, total)| {
        let n_matched = f32::from(total.n_matched) + total.strength(popularity(item)) / STRENGTH_END;
        Found { item, score: n_matched / n_words as f32 }
    });
    top(n, candidates.allows, some)
}

/// The popularity of an item as a share of the most popular allowed match, from 0 to 1. Without any popularity all are equal. As for the
/// rarity of a word, matches are what stands for the query, or where nothing does, all that is like it: a popular `lampshade`
/// does not make all lamps look alike.
fn popularity_of<'a, M: Iterator<Item = (u32, &'a Total)>>(
    candidates: &'a Candidates<'a>,
    matched: impl Fn() -> M,
) -> impl Fn(u32) -> f32 + 'a {
    let popularity = candidates.popularity;
    let most_of = |way_min: f32| {
        let mut most = None;
        for (item, _) in matched().filter(|(_, total)| total.way >= way_min) {
            let of_item = popularity(item);
            if most.is_none_or(|most| of_item > most) && (candidates.allows)(item) {
                most = Some(of_item);
            }
        }
        most
    };
    let most = most_of(SYNONYM).or_else(|| most_of(0.0)).unwrap_or(0.0);
    move |item| if most > 0.0 { (popularity(item) / most).clamp(0.0, 1.0) } else { 1.0 }
}

/// The matches of a document with the words of a query.
#[derive(Clone, Default)]
struct Total {
    /// Words that match.
    n_matched: u8,
    /// The mean way of matching of all words, weighted by their rarity.
    way: f32,
    /// The mean saturation of all words, weighted by their rarity.
    saturation: f32,
}

impl Total {
    /// The mean strength of all words for an item of this popularity, from 0 to 1.
    fn strength(&self, popularity: f32) -> f32 {
        let boost = (1.0 + POPULARITY_WEIGHT * popularity) / (1.0 + POPULARITY_WEIGHT);
        self.way + self.saturation * boost
    }
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
            total.way += rarity * strength.floor();
            total.saturation += rarity * strength.fract();
        }
    }
    totals.iter_mut().for_each(|total| {
        total.way /= rarities;
        total.saturation /= rarities;
    });
    totals
}

/// What matches several words at once, or as something else than words: the whole query as a value or code, codes,
/// compounds and synonyms.
fn runs(snapshot: &Snapshot, words: &Words, synonyms: &Synonyms) -> Vec<Run> {
    let mut values = snapshot.docs_with_value(&words.phrase_hash());
    // Most queries are no value: then the words need not be read here.
    if !values.is_empty() {
        let read = |word: &String| snapshot.docs_with_word(word);
        values = words.parts.iter().map(read).fold(values, intersect);
    }
    let whole = 0..words.parts.len();
    let mut runs = vec![Run { words: whole.clone(), docs: stronger_by(VALUE, values) }];
    runs.push(Run { words: whole, docs: stronger_by(VALUE, snapshot.docs_with_code(&words.code_hash())) });

    let as_code = |words: Range<usize>, code: &str| {
        let docs = snapshot.docs_with_code(&hash_of(code));
        Run { words, docs: stronger_by(CODE, docs) }
    };
    runs.extend(words.parts.iter().enumerate().map(|(at, word)| as_code(at..at + 1, word)));
    for (range, joined) in &words.joined {
        runs.push(as_code(range.clone(), joined));
        let docs = snapshot.docs_with_word(joined);
        runs.push(Run { words: range.clone(), docs: stronger_by(CODE, docs) });
    }
    for (range, compound) in words.compounds() {
        let mut docs = stronger_by(COMPOUND, snapshot.docs_with_word(&compound));
        if compound.chars().count() >= COMPOUND_CHARS_MIN {
            let begun = |_, doc, saturation| docs.push((doc, PREFIX + saturation));
            snapshot.for_each_with_prefix(&compound, begun);
        }
        runs.push(Run { words: range, docs });
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
