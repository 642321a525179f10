//! The immutable state of the index that searches read between two updates.

use std::sync::Arc;

use tantivy::Searcher;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::postings::TermInfo;
use tantivy::query::DfaWrapper;
use tantivy::schema::{Field, IndexRecordOption};

const IN_MEMORY: &str = "reading memory does not fail";

/// BM25's saturation of the occurrences of a word in an item. The usual 1.2, and 0.75 for `BM25_B`,
/// overrate differences in the length of titles.
const BM25_K1: f32 = 0.9;
/// BM25's normalization by the item's length, from 0 to 1.
const BM25_B: f32 = 0.4;

/// Upper bound of all saturations, below 1.
const SATURATION_MAX: f32 = 0.999;

/// Longest beginning of a word, in characters, that is a term in `Fields::beginnings`.
pub(crate) const BEGINNING_CHARS_MAX: usize = 2;

/// The fields of the index.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    /// The item's index.
    pub(crate) item: Field,
    /// All words of the item.
    pub(crate) words: Field,
    /// The first one and two letters of all words. Reading all words that begin so would take many
    /// milliseconds.
    pub(crate) beginnings: Field,
    /// Neighbouring words of short values, joined.
    pub(crate) compounds: Field,
    /// The hash of each value's phrase.
    pub(crate) values: Field,
    /// The hash of each code.
    pub(crate) codes: Field,
}

/// A state of the index. Documents are numbered across all segments. Methods never return documents
/// of deleted items.
pub(crate) struct Snapshot {
    segments: Vec<Segment>,
    /// The item of each document; `None` if the document is deleted.
    items: Vec<Option<u32>>,
    n_items: usize,
    n_bytes: usize,
}

struct Segment {
    words: Arc<InvertedIndexReader>,
    beginnings: Arc<InvertedIndexReader>,
    compounds: Arc<InvertedIndexReader>,
    values: Arc<InvertedIndexReader>,
    codes: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
    first_doc: u32,
    /// BM25's addend to the occurrences of a word, by the code of the item's length.
    dampings: [f32; 256],
}

impl Snapshot {
    /// `index_bytes` is the total size of the index's files. They are not measured one by one,
    /// since a merge may remove them meanwhile.
    pub(crate) fn new(searcher: &Searcher, fields: Fields, index_bytes: usize) -> Self {
        let mut items = Vec::new();
        let mut segments = Vec::new();
        // Items that are found by their codes alone have no text whose length would count.
        let (mut n_words, mut n_texts) = (0u64, 0u64);
        for reader in searcher.segment_readers() {
            let segment = Segment::new(reader, fields, items.len() as u32);
            let column = reader.fast_fields().u64("item").expect("the schema has the column");
            for doc in 0..reader.max_doc() {
                let item = (!reader.is_deleted(doc)).then(|| column.values.get_val(doc) as u32);
                let length = item.map_or(0, |_| u64::from(segment.lengths.fieldnorm(doc)));
                n_words += length;
                n_texts += length.min(1);
                items.push(item);
            }
            segments.push(segment);
        }
        let n_items = searcher.num_docs() as usize;
        let mean_length = n_words as f32 / n_texts.max(1) as f32;
        for segment in &mut segments {
            segment.dampings = compute_dampings(mean_length);
        }
        let n_bytes = index_bytes + items.capacity() * size_of::<Option<u32>>();
        Snapshot { segments, items, n_items, n_bytes }
    }

    /// Memory that the index takes in this state, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    pub(crate) fn n_items(&self) -> usize {
        self.n_items
    }

    /// One more than the greatest document number.
    pub(crate) fn n_docs(&self) -> usize {
        self.items.len()
    }

    /// The item of a document that a method of this snapshot returned. Panics for deleted
    /// documents.
    pub(crate) fn find_item(&self, doc: u32) -> u32 {
        self.items[doc as usize].expect("deleted documents are not found")
    }

    /// The documents that have the word, in order, with BM25's saturation of its occurrences,
    /// between 0 and 1.
    pub(crate) fn docs_with_word(&self, word: &str) -> Vec<(u32, f32)> {
        let mut docs = Vec::new();
        for segment in &self.segments {
            if let Some(term) = segment.words.terms().get(word).expect(IN_MEMORY) {
                self.read(segment, &segment.words, &term, &mut |doc, saturation| {
                    docs.push((doc, saturation))
                });
            }
        }
        docs
    }

    /// Calls `found` with (is the whole word, document, saturation) for all words with this prefix.
    pub(crate) fn for_each_with_prefix(&self, prefix: &str, mut found: impl FnMut(bool, u32, f32)) {
        if prefix.chars().count() <= BEGINNING_CHARS_MAX {
            for segment in &self.segments {
                for (is_whole, reader) in [(true, &segment.words), (false, &segment.beginnings)] {
                    let Some(term) = reader.terms().get(prefix).expect(IN_MEMORY) else { continue };
                    self.read(segment, reader, &term, &mut |doc, saturation| {
                        found(is_whole, doc, saturation)
                    });
                }
            }
            return;
        }
        self.for_each_term(|segment| &segment.words, prefix, &mut found);
    }

    /// Calls `found` with (is the whole compound, document, saturation) for all compounds with this
    /// prefix.
    pub(crate) fn for_each_compound_with_prefix(
        &self,
        prefix: &str,
        mut found: impl FnMut(bool, u32, f32),
    ) {
        self.for_each_term(|segment| &segment.compounds, prefix, &mut found);
    }

    fn for_each_term(
        &self,
        reader_of: impl Fn(&Segment) -> &Arc<InvertedIndexReader>,
        prefix: &str,
        found: &mut impl FnMut(bool, u32, f32),
    ) {
        for segment in &self.segments {
            let reader = reader_of(segment);
            let mut terms = reader.terms().range().ge(prefix).into_stream().expect(IN_MEMORY);
            while terms.advance() && terms.key().starts_with(prefix.as_bytes()) {
                let is_whole = terms.key().len() == prefix.len();
                let mut found = |doc, saturation| found(is_whole, doc, saturation);
                self.read(segment, reader, terms.value(), &mut found);
            }
        }
    }

    /// Calls `found` with (document, saturation) for all words that the automaton accepts and that
    /// start with `first`.
    pub(crate) fn for_each_accepted(
        &self,
        automaton: &DfaWrapper,
        first: char,
        mut found: impl FnMut(u32, f32),
    ) {
        let from = first.to_string();
        // The last byte of a character is below 255, so this is greater than all words that start
        // with it.
        let mut until = from.clone().into_bytes();
        *until.last_mut().expect("a character has bytes") += 1;
        for segment in &self.segments {
            let terms = segment.words.terms().search(automaton).ge(&from).lt(&until);
            let mut terms = terms.into_stream().expect(IN_MEMORY);
            while terms.advance() {
                self.read(segment, &segment.words, terms.value(), &mut found);
            }
        }
    }

    /// The documents with a value of this hash, ascending, with [`SATURATION_MAX`].
    pub(crate) fn docs_with_value(&self, phrase_hash: &str) -> Vec<(u32, f32)> {
        self.docs_with_hash(|segment| &segment.values, phrase_hash)
    }

    /// The documents with a code of this hash, ascending, with [`SATURATION_MAX`].
    pub(crate) fn docs_with_code(&self, code_hash: &str) -> Vec<(u32, f32)> {
        self.docs_with_hash(|segment| &segment.codes, code_hash)
    }

    fn docs_with_hash(
        &self,
        reader_of: impl Fn(&Segment) -> &Arc<InvertedIndexReader>,
        hash: &str,
    ) -> Vec<(u32, f32)> {
        let mut docs = Vec::new();
        for segment in &self.segments {
            let reader = reader_of(segment);
            let Some(term) = reader.terms().get(hash).expect(IN_MEMORY) else { continue };
            self.read_docs(reader, segment.first_doc, &term, &mut |doc, _| {
                docs.push((doc, SATURATION_MAX))
            });
        }
        docs
    }

    fn read(
        &self,
        segment: &Segment,
        reader: &InvertedIndexReader,
        term: &TermInfo,
        found: &mut impl FnMut(u32, f32),
    ) {
        self.read_docs(reader, segment.first_doc, term, &mut |doc, occurrences| {
            let length = segment.lengths.fieldnorm_id(doc - segment.first_doc);
            let occurrences = occurrences as f32;
            found(doc, occurrences / (occurrences + segment.dampings[length as usize]));
        });
    }

    fn read_docs(
        &self,
        reader: &InvertedIndexReader,
        first_doc: u32,
        term: &TermInfo,
        found: &mut impl FnMut(u32, u32),
    ) {
        let option = IndexRecordOption::WithFreqs;
        let mut postings = reader.read_block_postings_from_terminfo(term, option).expect(IN_MEMORY);
        while !postings.docs().is_empty() {
            for (&doc, &occurrences) in postings.docs().iter().zip(postings.freqs()) {
                if self.items[(first_doc + doc) as usize].is_some() {
                    found(first_doc + doc, occurrences);
                }
            }
            postings.advance();
        }
    }
}

impl Segment {
    fn new(reader: &SegmentReader, fields: Fields, first_doc: u32) -> Self {
        Segment {
            words: reader.inverted_index(fields.words).expect(IN_MEMORY),
            beginnings: reader.inverted_index(fields.beginnings).expect(IN_MEMORY),
            compounds: reader.inverted_index(fields.compounds).expect(IN_MEMORY),
            values: reader.inverted_index(fields.values).expect(IN_MEMORY),
            codes: reader.inverted_index(fields.codes).expect(IN_MEMORY),
            lengths: reader.get_fieldnorms_reader(fields.words).expect(IN_MEMORY),
            first_doc,
            dampings: [0.0; 256],
        }
    }
}

/// BM25's `k1 * (1 - b + b * length / mean length)` for each code of a length.
fn compute_dampings(mean_length: f32) -> [f32; 256] {
    std::array::from_fn(|code| {
        let length = FieldNormReader::id_to_fieldnorm(code as u8) as f32;
        BM25_K1 * (1.0 - BM25_B + BM25_B * length / mean_length.max(1.0))
    })
}
