//! The index: adding, replacing and finding items.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tantivy::directory::RamDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::{FAST, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{
    Index, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyDocument, Term,
};

use crate::ranking::{self, Candidates};
use crate::snapshot::{BEGINNING_CHARS_MAX, Fields, Snapshot};
use crate::synonyms::Synonyms;
use crate::words::{ITEM_WORDS_MAX, QUERY_WORDS_MAX, Words};

/// Memory for items that are being written; freed after an update. With the library's minimum of
/// 15 MB, a build of 100,000 items makes so many segments that merging them takes longer than
/// writing them.
const WRITER_HEAP_BYTES: usize = 50_000_000;
/// Number of segments of similar size at which they are merged. Every search reads the dictionary
/// of every segment, so this is less than the library's default of 8.
const SEGMENTS_MERGED_MIN: usize = 4;
/// Share of deleted documents (0 to 1) at which a segment is rewritten without them. They cost
/// searches time and memory.
const DELETED_SHARE_MAX: f32 = 0.3;

/// Longest text, in words, whose neighbouring words are also indexed as one word. Names fit; a
/// description would add as many terms as it has words.
const COMPOUND_TEXT_WORDS_MAX: usize = 16;

const IN_MEMORY: &str = "writing to memory does not fail";

/// The texts by which an item can be found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemTexts {
    /// The values of its string and set properties.
    pub texts: Vec<String>,
    /// Codes of the item: its id, article numbers. A code matches only as a whole, with any
    /// separators.
    pub codes: Vec<String>,
}

impl From<Vec<String>> for ItemTexts {
    fn from(texts: Vec<String>) -> Self {
        Self { texts, codes: Vec::new() }
    }
}

/// A full-text index of items; see the crate's documentation. Searches never wait for updates.
pub struct SearchIndex {
    writer: Mutex<Writer>,
    snapshot: RwLock<Arc<Snapshot>>,
}

struct Writer {
    fields: Fields,
    memory: RamDirectory,
    writer: IndexWriter,
    reader: IndexReader,
    /// Whether each item is in the index. A deletion is looked up in every segment, so deleting
    /// items that are absent would make a build several times slower.
    is_written: Vec<bool>,
}

impl SearchIndex {
    /// Creates an index without items.
    pub fn new() -> Self {
        let writer = Writer::new();
        SearchIndex {
            snapshot: RwLock::new(Arc::new(writer.snapshot())),
            writer: Mutex::new(writer),
        }
    }

    /// Replaces the texts of the given items. An item whose texts and codes hold no word is
    /// removed. Searches see all changes when the call returns, and none before.
    pub fn update(&self, items: impl IntoIterator<Item = (u32, ItemTexts)>) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_none() {
            return;
        }
        let mut writer = self.writer.lock();
        items.for_each(|(item, texts)| writer.replace(item, &texts));
        writer.commit();
        // Still under the writer's lock, so that no older snapshot replaces a newer one.
        *self.snapshot.write() = Arc::new(writer.snapshot());
    }

    /// Replaces the whole index by these items; each may occur once. Searches see the previous
    /// index until the call returns.
    pub fn rebuild(&self, items: impl IntoIterator<Item = (u32, ItemTexts)>) {
        let mut fresh = Writer::new();
        items.into_iter().for_each(|(item, texts)| fresh.replace(item, &texts));
        fresh.commit();
        let mut writer = self.writer.lock();
        *writer = fresh;
        *self.snapshot.write() = Arc::new(writer.snapshot());
    }

    /// Finds at most `n` items that match the query, best first, with their scores. Scores are
    /// above 0 and comparable within one call only. Only allowed candidates count: if `n` of them
    /// match, `n` are returned. Items that match only some words are found if no allowed item
    /// matches all.
    pub fn search(
        &self,
        query: &str,
        synonyms: &Synonyms,
        n: usize,
        candidates: &Candidates<'_>,
    ) -> Vec<(u32, f32)> {
        let words = Words::split(query, QUERY_WORDS_MAX);
        let snapshot = Arc::clone(&self.snapshot.read());
        ranking::find_best(&snapshot, &words, synonyms, n, candidates)
    }

    /// Number of items that can be found.
    pub fn n_items(&self) -> usize {
        self.snapshot.read().n_items()
    }

    /// Memory that the index takes, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.snapshot.read().n_bytes()
    }
}

impl Default for SearchIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    fn new() -> Self {
        let mut schema = Schema::builder();
        // Texts are split into words here; the library only splits them again at spaces.
        let indexing = |tokenizer, has_lengths| {
            let indexing =
                TextFieldIndexing::default().set_tokenizer(tokenizer).set_fieldnorms(has_lengths);
            TextOptions::default()
                .set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqs))
        };
        let fields = Fields {
            item: schema.add_u64_field("item", INDEXED | FAST),
            words: schema.add_text_field("words", indexing("whitespace", true)),
            beginnings: schema.add_text_field("beginnings", indexing("whitespace", false)),
            compounds: schema.add_text_field("compounds", indexing("whitespace", false)),
            values: schema.add_text_field("values", indexing("raw", false)),
            codes: schema.add_text_field("codes", indexing("raw", false)),
        };
        let memory = RamDirectory::create();
        let index = Index::create(memory.clone(), schema.build(), IndexSettings::default())
            .expect(IN_MEMORY);

        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_HEAP_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter =
            index.writer_with_options(options).expect("a new index is not locked");
        let mut merging = LogMergePolicy::default();
        merging.set_min_num_segments(SEGMENTS_MERGED_MIN);
        merging.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
        writer.set_merge_policy(Box::new(merging));

        let reader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().expect(IN_MEMORY);
        Writer { fields, memory, writer, reader, is_written: Vec::new() }
    }

    fn replace(&mut self, item: u32, texts: &ItemTexts) {
        if self.is_written.get(item as usize) == Some(&true) {
            self.writer.delete_term(Term::from_field_u64(self.fields.item, u64::from(item)));
            self.is_written[item as usize] = false;
        }
        let mut document = TantivyDocument::new();
        let mut all = String::new();
        let (mut beginnings, mut compounds) = (BTreeSet::new(), String::new());
        let mut room = ITEM_WORDS_MAX;
        for text in &texts.texts {
            let words = Words::split(text, room);
            room -= words.parts.len();
            for word in words.parts.iter().chain(words.joined.iter().map(|(_, joined)| joined)) {
                all.push_str(word);
                all.push(' ');
                let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
                beginnings.extend(ends.take(BEGINNING_CHARS_MAX).map(|end| word[..end].to_owned()));
            }
            // A query cannot equal a longer value.
            if (1..=QUERY_WORDS_MAX).contains(&words.parts.len()) {
                document.add_text(self.fields.values, words.phrase_hash());
            }
            if words.parts.len() <= COMPOUND_TEXT_WORDS_MAX {
                words.compounds().for_each(|(_, compound)| {
                    compounds.push_str(&compound);
                    compounds.push(' ');
                });
            }
        }
        let codes = texts.codes.iter().map(|code| Words::split(code, QUERY_WORDS_MAX));
        let codes: Vec<Words> = codes.filter(|code| !code.parts.is_empty()).collect();
        codes.iter().for_each(|code| document.add_text(self.fields.codes, code.code_hash()));
        if all.is_empty() && codes.is_empty() {
            return;
        }
        document.add_text(self.fields.compounds, compounds);
        document.add_u64(self.fields.item, u64::from(item));
        document.add_text(self.fields.words, all);
        document.add_text(self.fields.beginnings, Vec::from_iter(beginnings).join(" "));
        self.writer.add_document(document).expect(IN_MEMORY);
        if self.is_written.len() <= item as usize {
            self.is_written.resize(item as usize + 1, false);
        }
        self.is_written[item as usize] = true;
    }

    fn commit(&mut self) {
        self.writer.commit().expect(IN_MEMORY);
        self.reader.reload().expect(IN_MEMORY);
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.reader.searcher(), self.fields, self.memory.total_mem_usage())
    }
}
