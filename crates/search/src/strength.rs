//! How strongly each document matches one word of a query.
//!
//! A strength is the way the word matches, as a whole number, plus BM25's saturation, between 0 and 1: a better way
//! always wins over a worse one, and BM25 decides within a way. There is one rarity for the word in all its ways,
//! since with one for each way a rare misspelling would win over the frequent word that was typed.

use tantivy::Term;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;

use crate::snapshot::Snapshot;

/// An item has a word that is like the query's word but for typos.
const TYPO: f32 = 0.0;
/// An item has a word that begins with the query's word.
pub(crate) const PREFIX: f32 = 1.0;
/// An item has all words of a synonym.
pub(crate) const SYNONYM: f32 = 2.0;
/// An item has the word split in two, or two words of the query as one.
pub(crate) const COMPOUND: f32 = 3.0;
/// An item has the word.
const EXACT: f32 = 4.0;
/// An item has the code that the word is, or is part of.
pub(crate) const CODE: f32 = 5.0;
/// The query is all of one of the item's values, or its code.
pub(crate) const VALUE: f32 = 6.0;
/// Above all strengths.
pub(crate) const STRENGTH_END: f32 = 7.0;

/// Characters from which a word may have one typo.
const ONE_TYPO_CHARS_MIN: usize = 4;
/// Characters from which a word may have two.
const TWO_TYPOS_CHARS_MIN: usize = 8;
/// Characters from which the beginning of a word may have a typo. With fewer, `shoe` would find `short`.
const PREFIX_TYPO_CHARS_MIN: usize = 6;

/// Characters from which a word may be two words of an item, or the beginning of them. A shorter one begins too many.
pub(crate) const COMPOUND_CHARS_MIN: usize = 4;

/// The strengths of the documents for a word; those that do not match have none.
pub(crate) struct Strengths {
    by_doc: Vec<f32>,
    matched: Vec<u32>,
}

impl Strengths {
    /// No matches yet among documents 0 to `n_docs`.
    pub(crate) fn new(n_docs: usize) -> Self {
        Strengths { by_doc: vec![0.0; n_docs], matched: Vec::new() }
    }

    /// Counts a match. The best of a document's matches counts.
    pub(crate) fn raise(&mut self, doc: u32, strength: f32) {
        debug_assert!(strength > 0.0 && strength < STRENGTH_END);
        let best = &mut self.by_doc[doc as usize];
        if *best == 0.0 {
            self.matched.push(doc);
        }
        *best = best.max(strength);
    }

    /// Counts the matches of the word itself: exact ones, prefixes, two words that it is written together, and typos.
    pub(crate) fn raise_by_word(&mut self, snapshot: &Snapshot, word: &str) {
        snapshot.for_each_with_prefix(word, |is_whole, doc, saturation| {
            self.raise(doc, if is_whole { EXACT } else { PREFIX } + saturation);
        });
        if word.chars().count() >= COMPOUND_CHARS_MIN {
            snapshot.for_each_compound_with_prefix(word, |is_whole, doc, saturation| {
                self.raise(doc, if is_whole { COMPOUND } else { PREFIX } + saturation);
            });
        }
        let Some(first) = word.chars().next() else { return };
        let likes = likes(word);
        let n_likes = likes.len() as f32;
        // Each kind of typo has its part of the range, the likeliest the highest.
        for (rank, like) in likes.iter().rev().enumerate() {
            snapshot.for_each_like(like, first, |doc, saturation| {
                self.raise(doc, TYPO + (rank as f32 + saturation) / n_likes);
            });
        }
    }

    /// BM25's rarity of the word: of what stands for it, or where nothing does, of all that is like it.
    pub(crate) fn rarity(&self, n_items: usize) -> f32 {
        let n_standing = self.matched.iter().filter(|&&doc| self.by_doc[doc as usize] >= SYNONYM).count();
        let n = if n_standing > 0 { n_standing } else { self.matched.len() } as f32;
        ((n_items as f32 - n + 0.5) / (n + 0.5)).ln_1p()
    }

    /// Hands out the matches as (document, strength), in no order, and forgets them.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u32, f32)> {
        let by_doc = &mut self.by_doc;
        self.matched.drain(..).map(|doc| (doc, std::mem::take(&mut by_doc[doc as usize])))
    }
}

/// The automata that accept a word with typos, the likeliest first. Each also accepts what those before it do.
fn likes(word: &str) -> Vec<DfaWrapper> {
    let n_chars = word.chars().count();
    if n_chars < ONE_TYPO_CHARS_MIN || word.chars().any(char::is_numeric) {
        return Vec::new();
    }
    // The automaton depends on the text alone.
    let term = Term::from_field_text(Field::from_field_id(0), word);
    let mut queries = vec![FuzzyTermQuery::new(term.clone(), 1, true)];
    if n_chars >= TWO_TYPOS_CHARS_MIN {
        queries.push(FuzzyTermQuery::new(term.clone(), 2, true));
    }
    if n_chars >= PREFIX_TYPO_CHARS_MIN {
        queries.push(FuzzyTermQuery::new_prefix(term, 1, true));
    }
    queries.iter().map(|query| query.automaton().expect("up to two typos are supported")).collect()
}
