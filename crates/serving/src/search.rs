//! The search index of a workspace: made of the items' texts when it is first needed, kept up with
//! what changes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use domain::{ItemIdx, PropertyValue};
use parking_lot::{Condvar, Mutex};
use recommender::{CandidateSources, Eligibility};
use search::{Candidates, ItemTexts, SearchIndex, Synonyms};
use state::Views;

use crate::{ListError, LiveState};

/// A search takes up to so many changed items into the index itself; more are left to
/// [`crate::Serving::refresh`].
const CHANGES_AT_ONCE_MAX: usize = 2_000;
/// How long a search waits for changes that are on their way into the index.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// How long a search waits for the first items of the index: nothing can be found before.
const FIRST_WAIT_MAX: Duration = Duration::from_secs(2);
/// How many items' texts are read between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;

/// Properties whose whole numbers are codes, not amounts.
const CODE_PROPERTIES: [&str; 6] = ["sku", "ean", "gtin", "upc", "isbn", "mpn"];

/// A state of the catalog.
#[derive(Clone, Copy)]
struct IndexedState {
    /// The revision of the items' properties.
    revision: u64,
    /// Items may come without properties, by messages.
    n_items: u32,
}

pub(crate) struct Search {
    /// Made when it is first needed: it has threads of its own, and most workspaces are never
    /// searched.
    index: OnceLock<SearchIndex>,
    /// Whether somebody has searched, so that the index is kept up from now on.
    is_wanted: AtomicBool,
    /// Up to where the index goes; none while it is empty.
    indexed: Mutex<Option<IndexedState>>,
    /// The number of updates of the index, for searches that wait for one.
    n_updates: Mutex<u64>,
    updated: Condvar,
    /// The revision of the synonyms.
    synonyms: Mutex<(u64, Arc<Synonyms>)>,
}

impl Search {
    pub(crate) fn new() -> Self {
        Self {
            index: OnceLock::new(),
            is_wanted: AtomicBool::new(false),
            indexed: Mutex::new(None),
            n_updates: Mutex::new(0),
            updated: Condvar::new(),
            synonyms: Mutex::new((u64::MAX, Arc::default())),
        }
    }

    /// The memory of the index, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.index.get().map_or(0, SearchIndex::n_bytes)
    }

    fn index(&self) -> &SearchIndex {
        self.index.get_or_init(SearchIndex::new)
    }

    fn has_items(&self) -> bool {
        self.index.get().is_some_and(|index| index.n_items() > 0)
    }

    fn report_update(&self) {
        *self.n_updates.lock() += 1;
        self.updated.notify_all();
    }

    /// Waits for an update after the first `n_seen`; false where there is none until `deadline`.
    fn wait_for_update(&self, n_seen: u64, deadline: Instant) -> bool {
        let mut n_updates = self.n_updates.lock();
        while *n_updates == n_seen {
            if self.updated.wait_until(&mut n_updates, deadline).timed_out() {
                return *n_updates != n_seen;
            }
        }
        true
    }

    /// The best `n` allowed items that match, best first, with scores above 0. Of equal matches the
    /// more popular comes first.
    pub(crate) fn matches(
        &self,
        views: &Views,
        query: &str,
        n: usize,
        eligibility: &Eligibility<'_>,
        sources: CandidateSources<'_>,
    ) -> Vec<(u32, f32)> {
        let synonyms = {
            let mut known = self.synonyms.lock();
            if known.0 != views.synonyms.revision() {
                *known =
                    (views.synonyms.revision(), Arc::new(Synonyms::new(views.synonyms.pairs())));
            }
            Arc::clone(&known.1)
        };
        let candidates = Candidates {
            allows: &|item| eligibility.allows(ItemIdx(item)),
            popularity: &|item| sources.popularity(item),
        };
        self.index().search(query, &synonyms, n, &candidates)
    }

    /// Whether somebody has searched.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Relaxed)
    }

    /// Takes everything that was written into the index.
    pub(crate) fn refresh(&self, live: &LiveState) {
        update_index(live, self, &mut self.indexed.lock(), usize::MAX);
    }

    /// Takes all changes so far into the index, unless they are very many. While it has no items
    /// yet, waits up to [`FIRST_WAIT_MAX`] for the thread that indexes them.
    ///
    /// # Errors
    /// [`ListError::IndexNotReady`] where it has no items by then.
    pub(crate) fn catch_up(&self, live: &LiveState) -> Result<(), ListError> {
        self.is_wanted.store(true, Relaxed);
        let started = Instant::now();
        let deadline = started + FIRST_WAIT_MAX;
        loop {
            let n_updates = *self.n_updates.lock();
            let lock_deadline = if self.has_items() { started + WAIT_MAX } else { deadline };
            let indexed = self.indexed.try_lock_until(lock_deadline);
            let is_current = indexed.is_some_and(|mut indexed| {
                update_index(live, self, &mut indexed, CHANGES_AT_ONCE_MAX)
            });
            // An update with many changes goes on elsewhere; the index of before can be searched.
            if is_current || self.has_items() {
                return Ok(());
            }
            if !self.wait_for_update(n_updates, deadline) {
                return Err(ListError::IndexNotReady);
            }
        }
    }
}

/// Brings the index up to date; false where that takes more than `changes_max` items.
fn update_index(
    live: &LiveState,
    search: &Search,
    indexed: &mut Option<IndexedState>,
    changes_max: usize,
) -> bool {
    let (now, changed) = {
        let catalog = &live.snapshot().catalog;
        let table = catalog.table();
        let now = IndexedState { revision: table.revision(), n_items: catalog.n_items() as u32 };
        let changed_since = |before: IndexedState| {
            let changed = table.changed_since(before.revision)?;
            Some(changed.chain(before.n_items..now.n_items).collect::<Vec<u32>>())
        };
        (now, indexed.and_then(changed_since))
    };
    match changed {
        Some(mut rows) if rows.len() <= changes_max => {
            rows.sort_unstable();
            rows.dedup();
            search.index().update(texts(live, &rows));
        }
        None if now.n_items as usize <= changes_max => {
            search.index().rebuild(texts(live, &(0..now.n_items).collect::<Vec<u32>>()));
        }
        _ => return false,
    }
    *indexed = Some(now);
    search.report_update();
    true
}

/// The texts of items; read a few at a time, so that the fold can run in between.
fn texts<'a>(live: &'a LiveState, items: &'a [u32]) -> impl Iterator<Item = (u32, ItemTexts)> + 'a {
    items.chunks(ITEMS_PER_STEP).flat_map(|items| {
        let views = live.snapshot();
        items.iter().map(|&item| (item, collect_texts(&views, item))).collect::<Vec<_>>()
    })
}

/// The texts of an item: its strings and sets, its id, and numbers that are codes. Empty for a
/// deleted item.
fn collect_texts(views: &Views, row: u32) -> ItemTexts {
    let catalog = &views.catalog;
    let id = catalog.item_id(ItemIdx(row));
    let mut of_item = ItemTexts::default();
    if catalog.is_deleted(ItemIdx(row)) {
        return of_item;
    }
    of_item.codes.push(id.to_owned());
    for (name, value) in catalog.table().values(row) {
        match value {
            PropertyValue::String(text) => of_item.texts.push(text),
            PropertyValue::Set(members) => of_item.texts.extend(members),
            PropertyValue::Int(number)
                if CODE_PROPERTIES.contains(&name.to_lowercase().as_str()) =>
            {
                of_item.codes.push(number.to_string());
            }
            _ => {}
        }
    }
    of_item
}
