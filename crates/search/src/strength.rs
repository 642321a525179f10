//! How strongly each document matches one word of a query.
//!
//! A strength is a whole number for the way the word matches, plus BM25's saturation, from 0 to 1.
//! A better way always wins over a worse one; BM25 decides within a way. A word has one rarity for
//! all ways. With a rarity for each way, a rare misspelling would win over the frequent word that
//! was typed.

use tantivy::Term;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;

use crate::snapshot::Snapshot;

/// An item has a word that differs from the query's word by typos only.
const TYPO: f32 = 0.0;
/// An item has a word that begins with the query's word.
pub(crate) const PREFIX: f32 = 1.0;
/// An item has all words of a synonym.
pub(crate) const SYNONYM: f32 = 2.0;
/// An item has the word split in two, or has two words of the query joined.
pub(crate) const COMPOUND: f32 = 3.0;
/// An item has the query's word itself.
const EXACT: f32 = 4.0;
/// The word, or a run of words that it belongs to, is one of the item's codes.
pub(crate) const CODE: f32 = 5.0;
/// The whole query equals one of the item's values or codes.
pub(crate) const VALUE: f32 = 6.0;
/// Upper bound of all strengths, exclusive.
pub(crate) const STRENGTH_END: f32 = 7.0;

/// Shortest word, in characters, that may have one typo.
const ONE_TYPO_CHARS_MIN: usize = 4;
/// Shortest word, in characters, that may have two typos.
const TWO_TYPOS_CHARS_MIN: usize = 8;
/// Shortest beginning of a word, in characters, that may have a typo. With fewer, `shoe` would find
/// `short`.
const PREFIX_TYPO_CHARS_MIN: usize = 6;

/// Shortest word, in characters, that may match two joined words of an item, or their beginning. A
/// shorter one matches too many.
pub(crate) const COMPOUND_CHARS_MIN: usize = 4;

/// The strengths of all documents for one word; 0 for documents that do not match.
pub(crate) struct Strengths {
    by_doc: Vec<f32>,
    matched: Vec<u32>,
}

impl Strengths {
    /// Creates strengths of 0 for documents 0 to `n_docs`, exclusive.
    pub(crate) fn new(n_docs: usize) -> Self {
        Strengths { by_doc: vec![0.0; n_docs], matched: Vec::new() }
    }

    /// Raises a document to this strength, unless it already has a higher one.
    pub(crate) fn raise(&mut self, doc: u32, strength: f32) {
        debug_assert!(strength > 0.0 && strength < STRENGTH_END);
        let best = &mut self.by_doc[doc as usize];
        if *best == 0.0 {
            self.matched.push(doc);
        }
        *best = best.max(strength);
    }

    /// Raises the documents that match the word itself: exactly, by prefix, as two joined words or
    /// with typos.
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
        let automata = build_typo_automata(word);
        let n_automata = automata.len() as f32;
        // Each kind of typo has an equal part of the range, the likeliest kind the highest.
        for (rank, automaton) in automata.iter().rev().enumerate() {
            snapshot.for_each_accepted(automaton, first, |doc, saturation| {
                self.raise(doc, TYPO + (rank as f32 + saturation) / n_automata);
            });
        }
    }

    /// BM25's rarity (inverse document frequency) of the word. It counts the documents that match
    /// at least as well as a synonym, or all matches where there are none such.
    pub(crate) fn rarity(&self, n_items: usize) -> f32 {
        let n_strong =
            self.matched.iter().filter(|&&doc| self.by_doc[doc as usize] >= SYNONYM).count();
        let n = if n_strong > 0 { n_strong } else { self.matched.len() } as f32;
        ((n_items as f32 - n + 0.5) / (n + 0.5)).ln_1p()
    }

    /// Removes and returns all matches as (document, strength), in no order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (u32, f32)> {
        let by_doc = &mut self.by_doc;
        self.matched.drain(..).map(|doc| (doc, std::mem::take(&mut by_doc[doc as usize])))
    }
}

/// Builds the automata that accept a word with typos, the likeliest kind first. Each also accepts
/// all that the previous ones accept. Empty where the word may have no typos.
fn build_typo_automata(word: &str) -> Vec<DfaWrapper> {
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
