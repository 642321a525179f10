//! Terms that stand for each other, looked up in a query.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::words::{QUERY_WORDS_MAX, Words};

/// Terms that stand for each other when searching. A term may be several words.
#[derive(Debug, Clone, Default)]
pub struct Synonyms {
    /// For each phrase, the words of the terms that it also finds.
    found_by: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// Number of words of the longest phrase.
    words_max: usize,
}

impl Synonyms {
    /// Builds synonyms from (term, synonym, one way). A search for the term also finds the synonym.
    /// Unless one way, a search for the synonym also finds the term. Synonyms do not chain. A pair
    /// has no effect if either side has no words.
    pub fn new(pairs: impl IntoIterator<Item = (String, String, bool)>) -> Self {
        let mut synonyms = Self::default();
        for (term, synonym, one_way) in pairs {
            let (term, synonym) =
                (Words::split(&term, QUERY_WORDS_MAX), Words::split(&synonym, QUERY_WORDS_MAX));
            if !one_way {
                synonyms.insert(&synonym, &term);
            }
            synonyms.insert(&term, &synonym);
        }
        synonyms
    }

    fn insert(&mut self, from: &Words, to: &Words) {
        if from.parts.is_empty() || to.parts.is_empty() || from.parts == to.parts {
            return;
        }
        self.words_max = self.words_max.max(from.parts.len());
        self.found_by.entry(from.phrase()).or_default().insert(to.parts.clone());
    }

    /// Calls `found` for each run of the query's words that is a term, with the words of each of
    /// its synonyms.
    pub(crate) fn for_each_synonym(
        &self,
        words: &[String],
        mut found: impl FnMut(Range<usize>, &[String]),
    ) {
        for start in 0..words.len() {
            for end in start + 1..=words.len().min(start + self.words_max) {
                for synonym in self.found_by.get(&words[start..end].join(" ")).into_iter().flatten()
                {
                    found(start..end, synonym);
                }
            }
        }
    }
}
