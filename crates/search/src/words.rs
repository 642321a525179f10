//! Splits texts into words, the same way for items, queries and synonyms. Only words that are equal
//! after this can match exactly.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use xxhash_rust::xxh3::xxh3_64;

/// Most words of a query; further words are ignored.
pub(crate) const QUERY_WORDS_MAX: usize = 32;
/// Most words of an item that are indexed: a few pages of text, so that one item cannot fill
/// memory.
pub(crate) const ITEM_WORDS_MAX: usize = 10_000;
/// Most characters of a word that are indexed. Longer words are usually data in a text field; they
/// are found by their beginning.
const WORD_CHARS_MAX: usize = 64;

/// The words of a text in order.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Words {
    /// Runs of letters and digits.
    pub(crate) parts: Vec<String>,
    /// Ranges of `parts` that only punctuation separates, joined: `ABC-123.4` is `abc1234`, `don't`
    /// is `dont`.
    pub(crate) joined: Vec<(Range<usize>, String)>,
}

impl Words {
    /// Splits a text into words and keeps the first `parts_max`.
    pub(crate) fn split(text: &str, parts_max: usize) -> Self {
        let mut words = Words::default();
        for chunk in text.split_whitespace() {
            let room = parts_max - words.parts.len();
            if room == 0 {
                break;
            }
            let chunk = fold(chunk);
            let start = words.parts.len();
            let parts = chunk.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
            words
                .parts
                .extend(parts.take(room).map(|part| part.chars().take(WORD_CHARS_MAX).collect()));
            let run = start..words.parts.len();
            if run.len() > 1 {
                let joined = words.parts[run.clone()].concat();
                if joined.chars().count() <= WORD_CHARS_MAX {
                    words.joined.push((run, joined));
                }
            }
        }
        words
    }

    /// The words with one space between: equal for texts that differ in case, diacritics and
    /// punctuation only.
    pub(crate) fn phrase(&self) -> String {
        self.parts.join(" ")
    }

    /// All words written together: equal for codes that differ in case, diacritics and punctuation
    /// only.
    pub(crate) fn code(&self) -> String {
        self.parts.concat()
    }

    /// Pairs of neighbouring words, joined: `tea cup` gives `teacup`. Two numbers are not joined.
    pub(crate) fn compounds(&self) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
        let is_number = |word: &String| word.chars().all(char::is_numeric);
        let pairs =
            self.parts.windows(2).enumerate().filter(move |(_, pair)| !pair.iter().all(is_number));
        pairs.map(|(start, pair)| (start..start + 2, pair.concat()))
    }

    /// The index term of the phrase, a 64-bit hash. Long phrases as terms, nearly all distinct,
    /// would make a build several times slower.
    pub(crate) fn phrase_hash(&self) -> String {
        hash_text(&self.phrase())
    }

    /// The index term of the code, a 64-bit hash.
    pub(crate) fn code_hash(&self) -> String {
        hash_text(&self.code())
    }
}

/// A term of fixed length for a text of any length.
pub(crate) fn hash_text(text: &str) -> String {
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

/// The words of a short text, without differences of case, diacritics and punctuation.
#[derive(Debug, PartialEq)]
pub struct Phrase(Vec<String>);

impl Phrase {
    /// Parses a text. Like a query, it keeps 32 words at most.
    pub fn parse(text: &str) -> Self {
        Self(Words::split(text, QUERY_WORDS_MAX).parts)
    }

    /// Whether each of its words begins a word of `other`. False for a phrase without words.
    pub fn is_within(&self, other: &Phrase) -> bool {
        let begins_one =
            |word: &String| other.0.iter().any(|other_word| other_word.starts_with(word.as_str()));
        !self.0.is_empty() && self.0.iter().all(begins_one)
    }
}

/// Converts to lower case and removes diacritics.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // Recomposed at the end: in Hangul and kana the parts are letters or marks that make another
    // letter.
    let letters = text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc();
    for c in letters.flat_map(char::to_lowercase) {
        match c {
            // These are not a letter and a mark to Unicode, but users type them so.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_codes_are_kept_together_too() {
        let words = Words::split(
            "Čaj ČAJ c\u{30c}aj — İstanbul Łódź straße ΌΔΟΣ «ABC-123.4» don't ー !?",
            99,
        );
        let parts = "caj caj caj istanbul lodz strasse οδοσ abc 123 4 don t ー";
        assert_eq!(words.phrase(), parts);
        assert_eq!(words.joined, [(7..10, "abc1234".to_owned()), (10..12, "dont".to_owned())]);
    }

    #[test]
    fn neighbours_are_compounds_unless_both_are_numbers() {
        let words = Words::split("Tea-cup set 2 in 1, 12 34", 99);
        let compounds: Vec<String> = words.compounds().map(|(_, compound)| compound).collect();
        assert_eq!(compounds, ["teacup", "cupset", "set2", "2in", "in1"]);
        assert_eq!(words.compounds().last().unwrap().0, 4..6);
        assert_eq!(Words::split("ABC-12/3", 99).code(), Words::split("abc 123", 99).code());
    }

    #[test]
    fn phrases_are_compared_by_their_words() {
        assert_eq!(Phrase::parse("Čaj, zelený"), Phrase::parse("caj ZELENY"));
        assert!(Phrase::parse("zel").is_within(&Phrase::parse("Čaj, zelený")));
        assert!(!Phrase::parse("zel red").is_within(&Phrase::parse("Čaj, zelený")));
        assert!(!Phrase::parse("-").is_within(&Phrase::parse("Čaj")));
    }

    #[test]
    fn words_are_bounded() {
        assert_eq!(Words::split("a-b-c d", 2).parts, ["a", "b"]);
        assert_eq!(Words::split("a-b-c d", 2).joined, [(0..2, "ab".to_owned())]);
        assert_eq!(Words::split(&"x".repeat(1000), 2).parts, ["x".repeat(WORD_CHARS_MAX)]);
        assert_eq!(Words::split("  -- \u{301} ", 2), Words::default());
    }
}
