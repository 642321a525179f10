//! The search index of a workspace: made of the items' texts when it is first needed, kept up with what changes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::{ItemIdx, PropertyValue, TokenKind};
use parking_lot::Mutex;
use recommender::{Eligibility, Sources};
use search::{Candidates, ItemTexts, SearchIndex, Synonyms};

use crate::Engine;
use crate::memory::IDLE_MAX;
use crate::recommendation::RecommendationError;
use crate::views::Views;

/// A search takes up to so many changed items into the index itself; more are left to [`Engine::refresh`].
const CHANGES_AT_ONCE_MAX: usize = 2_000;
/// How long a search waits for changes that are on their way into the index.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How many items' texts are read between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;

/// Properties whose whole numbers are codes, not amounts.
const CODE_PROPERTIES: [&str; 6] = ["sku", "ean", "gtin", "upc", "isbn", "mpn"];

/// A state of the catalog.
#[derive(Clone, Copy)]
struct Indexed {
    /// Of the items' properties.
    revision: u64,
    /// Items may come without properties, by messages.
    n_items: u32,
}

pub(crate) struct Search {
    /// Made when it is first needed: it has threads of its own, and most workspaces are never searched.
    index: OnceLock<SearchIndex>,
    /// Up to where the index goes; none while it is empty.
    indexed: Mutex<Option<Indexed>>,
    /// Of one revision of the synonyms.
    synonyms: Mutex<(u64, Arc<Synonyms>)>,
}

impl Search {
    pub(crate) fn new() -> Self {
        Self {
            index: OnceLock::new(),
            indexed: Mutex::new(None),
            synonyms: Mutex::new((u64::MAX, Arc::default())),
        }
    }

    /// What the index takes in memory, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.index.get().map_or(0, SearchIndex::n_bytes)
    }

    fn index(&self) -> &SearchIndex {
        self.index.get_or_init(SearchIndex::new)
    }

    /// The best `n` of the items that may be found and match, best first, with scores above 0. Of those that match alike, what is
    /// popular comes first.
    pub(crate) fn matches(
        &self,
        views: &Views,
        query: &str,
        n: usize,
        eligibility: &Eligibility<'_>,
        sources: Sources<'_>,
    ) -> Vec<(u32, f32)> {
        let synonyms = {
            let mut known = self.synonyms.lock();
            if known.0 != views.synonyms.revision() {
                *known = (views.synonyms.revision(), Arc::new(Synonyms::new(views.synonyms.pairs())));
            }
            Arc::clone(&known.1)
        };
        let candidates = Candidates {
            allows: &|item| eligibility.allows(ItemIdx(item)),
            popularity: &|item| sources.popularity(item),
        };
        self.index().search(query, &synonyms, n, &candidates)
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
            [TokenKind::Private, TokenKind::Public].iter().any(|kind| config.secrets(*kind).next().is_some())
        };
        if can_be_searched {
            let search = self.search.load_full();
            self.update_index(&search, &mut search.indexed.lock(), usize::MAX);
        }
        self.expressions.drop_idle(IDLE_MAX);
        self.item_types.drop_idle(IDLE_MAX);
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
            None => search.index.get().is_some_and(|index| index.n_items() > 0),
        };
        is_made.then_some(search).ok_or(RecommendationError::IndexNotReady)
    }

    fn update_index(&self, search: &Search, indexed: &mut Option<Indexed>, changes_max: usize) {
        let (now, changed) = {
            let catalog = &self.shared.views.read().catalog;
            let table = catalog.table();
            let now = Indexed { revision: table.revision(), n_items: catalog.n_items() as u32 };
            let changed_since = |before: Indexed| {
                let changed = table.changed_since(before.revision)?;
                Some(changed.chain(before.n_items..now.n_items).collect::<Vec<u32>>())
            };
            (now, indexed.and_then(changed_since))
        };
        match changed {
            Some(mut rows) if rows.len() <= changes_max => {
                rows.sort_unstable();
                rows.dedup();
                search.index().update(self.texts(&rows));
            }
            None if now.n_items as usize <= changes_max => {
                search.index().rebuild(self.texts(&(0..now.n_items).collect::<Vec<u32>>()));
            }
            _ => return,
        }
        *indexed = Some(now);
    }

    /// What items can be found by; read a few at a time, so that the fold gets its turns.
    fn texts<'a>(&'a self, items: &'a [u32]) -> impl Iterator<Item = (u32, ItemTexts)> + 'a {
        items.chunks(ITEMS_PER_STEP).flat_map(|items| {
            let views = self.shared.views.read();
            items.iter().map(|&item| (item, texts_of(&views, item))).collect::<Vec<_>>()
        })
    }
}

/// What an item can be found by: its strings and sets, its id, and numbers that are codes. Nothing of a deleted one.
fn texts_of(views: &Views, row: u32) -> ItemTexts {
    let catalog = &views.catalog;
    let id = catalog.item_id(ItemIdx(row));
    let mut of_item = ItemTexts::default();
    if catalog.item(id) != Some(ItemIdx(row)) {
        return of_item;
    }
    of_item.codes.push(id.to_owned());
    for (name, value) in catalog.table().values(row) {
        match value {
            PropertyValue::String(text) => of_item.texts.push(text),
            PropertyValue::Set(members) => of_item.texts.extend(members),
            PropertyValue::Int(number) if CODE_PROPERTIES.contains(&name.to_lowercase().as_str()) => {
                of_item.codes.push(number.to_string());
            }
            _ => {}
        }
    }
    of_item
}
