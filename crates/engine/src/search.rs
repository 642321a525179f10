//! The search index of a workspace: made of the items' texts when it is first needed, kept up with what changes.

use std::sync::Arc;
use std::time::Duration;

use domain::{ItemIdx, PropertyValue};
use parking_lot::Mutex;
use recommender::Eligibility;
use search::{SearchIndex, Synonyms};

use crate::Engine;
use crate::recommendation::RecommendationError;
use crate::views::Views;

/// A search takes up to so many changed items into the index itself; more are left to [`Engine::refresh`].
const CHANGES_AT_ONCE_MAX: usize = 2_000;
/// How long a search waits for changes that are on their way into the index.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How many items' texts are read between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;

pub(crate) struct Search {
    index: SearchIndex,
    /// Up to which revision of the items' properties the index goes; none while it is empty.
    indexed: Mutex<Option<u64>>,
    /// Of one revision of the synonyms.
    synonyms: Mutex<(u64, Arc<Synonyms>)>,
}

impl Search {
    pub(crate) fn new() -> Self {
        Self {
            index: SearchIndex::new(),
            indexed: Mutex::new(None),
            synonyms: Mutex::new((u64::MAX, Arc::default())),
        }
    }

    /// What the index takes in memory, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.index.n_bytes()
    }

    /// The best `n` of the items that may be found and match, best first, with scores above 0.
    pub(crate) fn matches(
        &self,
        views: &Views,
        query: &str,
        n: usize,
        eligibility: &Eligibility<'_>,
    ) -> Vec<(u32, f32)> {
        let synonyms = {
            let mut known = self.synonyms.lock();
            if known.0 != views.synonyms.revision() {
                *known = (views.synonyms.revision(), Arc::new(Synonyms::new(views.synonyms.pairs())));
            }
            Arc::clone(&known.1)
        };
        self.index.search(query, &synonyms, n, &|item| eligibility.allows(ItemIdx(item)))
    }
}

impl Engine {
    /// Brings up to date what lists, searches, filters and boosters keep of items, so that no request has to. To be called every second or
    /// more often.
    pub fn refresh(&self) {
        self.refresh_expressions();
        self.refresh_cold();
        let can_be_searched = {
            let config = &self.shared.views.read().config;
            config.private_token.is_some() || config.public_token.is_some()
        };
        if can_be_searched {
            let search = self.search.load_full();
            self.update_index(&search, &mut search.indexed.lock(), usize::MAX);
        }
        self.count_memory();
    }

    /// The index, which has what was written before, as long as that is not very much.
    pub(crate) fn caught_up_search(&self) -> Result<Arc<Search>, RecommendationError> {
        let search = self.search.load_full();
        let is_made = match search.indexed.try_lock_for(WAIT_MAX) {
            Some(mut indexed) => {
                self.update_index(&search, &mut indexed, CHANGES_AT_ONCE_MAX);
                indexed.is_some()
            }
            // Whoever has it takes in much; what was there before can be searched.
            None => search.index.n_items() > 0,
        };
        is_made.then_some(search).ok_or(RecommendationError::IndexNotReady)
    }

    fn update_index(&self, search: &Search, indexed: &mut Option<u64>, changes_max: usize) {
        let (revision, changed, n_items) = {
            let catalog = &self.shared.views.read().catalog;
            let table = catalog.table();
            let changed =
                indexed.and_then(|indexed| Some(table.changed_since(indexed)?.collect::<Vec<u32>>()));
            (table.revision(), changed, catalog.n_items() as u32)
        };
        match changed {
            Some(mut rows) if rows.len() <= changes_max => {
                rows.sort_unstable();
                rows.dedup();
                search.index.update(self.texts(&rows));
            }
            None if n_items as usize <= changes_max => {
                search.index.rebuild(self.texts(&(0..n_items).collect::<Vec<u32>>()));
            }
            _ => return,
        }
        *indexed = Some(revision);
    }

    /// What items can be found by; read a few at a time, so that the fold gets its turns.
    fn texts<'a>(&'a self, items: &'a [u32]) -> impl Iterator<Item = (u32, Vec<String>)> + 'a {
        items.chunks(ITEMS_PER_STEP).flat_map(|items| {
            let views = self.shared.views.read();
            items.iter().map(|&item| (item, texts_of(&views, item))).collect::<Vec<_>>()
        })
    }
}

/// What an item can be found by: its strings and sets.
fn texts_of(views: &Views, row: u32) -> Vec<String> {
    let values = views.catalog.table().values(row).into_iter();
    let texts = values.flat_map(|(_, value)| match value {
        PropertyValue::String(text) => vec![text],
        PropertyValue::Set(members) => members,
        _ => Vec::new(),
    });
    texts.collect()
}
