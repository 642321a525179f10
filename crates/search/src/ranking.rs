//! Ranks the items that match the words of a query.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;

use crate::snapshot::Snapshot;
use crate::strength::{
    CODE, COMPOUND, COMPOUND_CHARS_MIN, PREFIX, STRENGTH_END, SYNONYM, Strengths, VALUE,
};
use crate::synonyms::Synonyms;
use crate::words::{Words, hash_text};

/// Weight of popularity: at 1.0 the text of the most popular match counts twice as much as that of
/// a match without interactions. BM25's saturations of a word in texts of half and of twice the
/// mean length differ by a factor of 1.2, so popularity decides between those. A text ten times as
/// long as the mean, which mentions the word in passing, scores 2.7 times less and stays behind.
/// Popularity never makes up for a worse way of matching.
const POPULARITY_WEIGHT: f32 = 1.0;

/// The items that a search may find, and their popularity.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    /// Whether an item may be found. It may be a costly filter, so it is called for few items only.
    pub allows: &'a dyn Fn(u32) -> bool,
    /// Popularity of an item, 0 or more, in any unit.
    pub popularity: &'a dyn Fn(u32) -> f32,
}

/// Finds the best `n` allowed items that match all words. If there are none, finds those that match
/// some words.
///
/// The strength of an item is a mean over the words, weighted by their rarity. The mean is taken of
/// the ways of matching, plus BM25's saturations times `(1 + w popularity) / (1 + w)`, see
/// [`POPULARITY_WEIGHT`] and [`relative_popularity`]. This is the likelihood of the query times a
/// smoothed prior of the item (Kraaij et al., SIGIR'02). The score is the strength. For items that
/// match some words only, the score is the share of the words that match, raised slightly by the
/// strength.
pub(crate) fn find_best(
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
        matched.map(|(doc, total)| (snapshot.find_item(doc), total))
    };

    let popularity = relative_popularity(candidates, || matched(n_words));
    let all = matched(n_words)
        .map(|(item, total)| ScoredItem { item, score: total.strength(popularity(item)) });
    let found = select_best(n, candidates.allows, all);
    if !found.is_empty() {
        return found;
    }
    let popularity = relative_popularity(candidates, || matched(1));
    let some = matched(1).map(|(item, total)| {
        let n_matched =
            f32::from(total.n_matched) + total.strength(popularity(item)) / STRENGTH_END;
        ScoredItem { item, score: n_matched / n_words as f32 }
    });
    select_best(n, candidates.allows, some)
}

/// Returns a function that gives an item's popularity divided by that of the most popular allowed
/// match, from 0 to 1. It is 1 for all items if no match has any popularity. As for the rarity of a
/// word, matches worse than a synonym count only where there are no better ones. So a popular
/// `lampshade` does not level the popularity of lamps.
fn relative_popularity<'a, M: Iterator<Item = (u32, &'a Total)>>(
    candidates: &'a Candidates<'a>,
    matched: impl Fn() -> M,
) -> impl Fn(u32) -> f32 + 'a {
    let popularity = candidates.popularity;
    let find_most = |way_min: f32| {
        let mut most = None;
        for (item, _) in matched().filter(|(_, total)| total.way >= way_min) {
            let item_popularity = popularity(item);
            if most.is_none_or(|most| item_popularity > most) && (candidates.allows)(item) {
                most = Some(item_popularity);
            }
        }
        most
    };
    let most = find_most(SYNONYM).or_else(|| find_most(0.0)).unwrap_or(0.0);
    move |item| if most > 0.0 { (popularity(item) / most).clamp(0.0, 1.0) } else { 1.0 }
}

/// The matches of one document, summed over all words of a query.
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

/// A range of the query's words, and the documents that match it as a unit, with strengths.
struct Run {
    words: Range<usize>,
    docs: Vec<(u32, f32)>,
}

/// Matches all words and returns the totals, by document.
fn match_words(snapshot: &Snapshot, words: &Words, synonyms: &Synonyms) -> Vec<Total> {
    let runs = find_runs(snapshot, words, synonyms);
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

/// Finds the documents that match ranges of words as a unit: the whole query as a value or code,
/// then codes, compounds and synonyms.
fn find_runs(snapshot: &Snapshot, words: &Words, synonyms: &Synonyms) -> Vec<Run> {
    let mut values = snapshot.docs_with_value(&words.phrase_hash());
    // Most queries equal no value. Then the words need not be read here.
    if !values.is_empty() {
        let read = |word: &String| snapshot.docs_with_word(word);
        values = words.parts.iter().map(read).fold(values, intersect);
    }
    let whole = 0..words.parts.len();
    let mut runs = vec![Run { words: whole.clone(), docs: add_way(VALUE, values) }];
    runs.push(Run {
        words: whole,
        docs: add_way(VALUE, snapshot.docs_with_code(&words.code_hash())),
    });

    let as_code = |words: Range<usize>, code: &str| {
        let docs = snapshot.docs_with_code(&hash_text(code));
        Run { words, docs: add_way(CODE, docs) }
    };
    runs.extend(words.parts.iter().enumerate().map(|(at, word)| as_code(at..at + 1, word)));
    for (range, joined) in &words.joined {
        runs.push(as_code(range.clone(), joined));
        let docs = snapshot.docs_with_word(joined);
        runs.push(Run { words: range.clone(), docs: add_way(CODE, docs) });
    }
    for (range, compound) in words.compounds() {
        let mut docs = add_way(COMPOUND, snapshot.docs_with_word(&compound));
        if compound.chars().count() >= COMPOUND_CHARS_MIN {
            let begun = |_, doc, saturation| docs.push((doc, PREFIX + saturation));
            snapshot.for_each_with_prefix(&compound, begun);
        }
        runs.push(Run { words: range, docs });
    }
    synonyms.for_each_synonym(&words.parts, |range, synonym| {
        let docs = synonym.iter().map(|word| snapshot.docs_with_word(word)).reduce(intersect);
        runs.push(Run { words: range, docs: add_way(SYNONYM, docs.unwrap_or_default()) });
    });
    runs
}

fn add_way(way: f32, mut docs: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    docs.iter_mut().for_each(|(_, strength)| *strength += way);
    docs
}

/// Intersects two ascending lists of documents. A document keeps the lesser strength.
fn intersect(left: Vec<(u32, f32)>, right: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    let mut right = right.into_iter().peekable();
    let both = left.into_iter().filter_map(|(doc, strength)| {
        while right.next_if(|&(other, _)| other < doc).is_some() {}
        right.next_if(|&(other, _)| other == doc).map(|(_, other)| (doc, strength.min(other)))
    });
    both.collect()
}

/// An item and its score. The better one is the greater; at equal scores the lower index is better.
#[derive(PartialEq)]
struct ScoredItem {
    score: f32,
    item: u32,
}

impl Eq for ScoredItem {}

impl Ord for ScoredItem {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.item.cmp(&self.item))
    }
}

impl PartialOrd for ScoredItem {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Selects the best `n` allowed items, best first. `allows` is called only for items better than
/// the `n` found so far, since a filter costs more than a comparison.
fn select_best(
    n: usize,
    allows: &dyn Fn(u32) -> bool,
    all: impl Iterator<Item = ScoredItem>,
) -> Vec<(u32, f32)> {
    let mut best: BinaryHeap<Reverse<ScoredItem>> = BinaryHeap::new();
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
