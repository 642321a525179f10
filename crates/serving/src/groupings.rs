//! Groupings of items: by the values of a property, or into the segments of a segmentation. A
//! grouping is computed for the first list that needs it, and cached while lists use it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Property, PropertyTable};
use domain::{PropertyType, Timestamp};
use lru::LruCache;
use parking_lot::Mutex;
use recommender::Facet;
use reql::{Column, Expression};
use state::{SegmentationKind, Views};

use crate::evaluation::{EvaluationContext, ItemRows};
use crate::expressions::{Budget, ExpressionError};
use crate::{LiveState, MemoryBudget, MemoryPart, QueryError, Reservation};

/// The most properties and segmentations whose groupings are kept.
const GROUPINGS_MAX: NonZeroUsize = NonZeroUsize::new(100).expect("above 0");
/// How many items are grouped between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;
/// After a change of an item a grouping is made anew where that is a matter of moments. What takes
/// longer takes at most this share of the time: until then lists go by what is known.
const MOMENT: Duration = Duration::from_millis(5);
const INTERVAL_FACTOR: u32 = 10;

/// The criterion by which items are grouped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Grouping {
    /// The values of a property.
    Property(String),
    /// The segments of a segmentation.
    Segmentation(String),
}

impl Grouping {
    fn name(&self) -> &str {
        match self {
            Self::Property(name) | Self::Segmentation(name) => name,
        }
    }
}

/// A cache of the groupings that lists have used.
pub(crate) struct Groupings {
    cells: Mutex<LruCache<Grouping, Arc<Cell>>>,
    memory: Arc<MemoryBudget>,
}

/// One grouping. The thread that computes it again holds `making`; others use the earlier value
/// meanwhile.
struct Cell {
    computed: Mutex<Option<ComputedGrouping>>,
    computing: Mutex<()>,
    last_used_at: Mutex<Instant>,
}

#[derive(Clone)]
struct ComputedGrouping {
    /// An error where it takes too long.
    facet: Result<Arc<Facet>, ExpressionError>,
    revision: Revision,
    at: Instant,
    duration: Duration,
    _room: Arc<Reservation>,
}

/// The revisions that a grouping depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Revision {
    /// The revision of the items' properties.
    properties: u64,
    /// The revision of the segmentations.
    segmentations: u64,
    n_items: usize,
}

impl Revision {
    fn current(views: &Views) -> Self {
        Self {
            properties: views.catalog.table().revision(),
            segmentations: views.segmentations.revision(),
            n_items: views.catalog.n_items(),
        }
    }
}

impl ComputedGrouping {
    /// Whether lists may go by it.
    fn is_fresh(&self, now: Revision, is_newest_needed: bool) -> bool {
        let may_lag = (!is_newest_needed || self.facet.is_err()) && self.duration > MOMENT;
        let is_fresh = self.revision == now
            || (may_lag && self.at.elapsed() < self.duration * INTERVAL_FACTOR);
        is_fresh && self.revision.segmentations == now.segmentations
    }
}

impl Groupings {
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { cells: Mutex::new(LruCache::new(GROUPINGS_MAX)), memory }
    }

    pub(crate) fn clear(&self) {
        self.cells.lock().clear();
    }

    /// Drops values that were not used within a time, which makes room in the budget of all
    /// workspaces.
    pub(crate) fn drop_idle(&self, idle_max: Duration) {
        let mut cells = self.cells.lock();
        while cells
            .peek_lru()
            .is_some_and(|(_, cell)| cell.last_used_at.lock().elapsed() >= idle_max)
        {
            cells.pop_lru();
        }
    }

    /// How items are grouped; a segmentation that is not there has no segments.
    ///
    /// # Errors
    /// If there is no such property, or an expression of the segmentation takes too long.
    pub(crate) fn get(
        &self,
        live: &LiveState,
        grouping: &Grouping,
        now: Timestamp,
    ) -> Result<Arc<Facet>, QueryError> {
        self.get_or_compute(live, grouping, now, false)
    }

    /// As [`Groupings::get`], with all changes so far.
    ///
    /// # Errors
    /// As [`Groupings::get`].
    pub(crate) fn get_newest(
        &self,
        live: &LiveState,
        grouping: &Grouping,
        now: Timestamp,
    ) -> Result<Arc<Facet>, QueryError> {
        self.get_or_compute(live, grouping, now, true)
    }

    fn get_or_compute(
        &self,
        live: &LiveState,
        grouping: &Grouping,
        now: Timestamp,
        is_newest_needed: bool,
    ) -> Result<Arc<Facet>, QueryError> {
        let revision = {
            let views = live.snapshot();
            check_property(&views, grouping)?;
            Revision::current(&views)
        };
        let cell = self.cell(grouping);
        let known = || {
            cell.computed.lock().clone().filter(|made| made.is_fresh(revision, is_newest_needed))
        };
        let made = match known() {
            Some(made) => made,
            None => {
                let _one_at_a_time = cell.computing.lock();
                // Another thread may have computed it meanwhile.
                match known() {
                    Some(made) => made,
                    None => self.compute(live, grouping, now, &cell),
                }
            }
        };
        made.facet
            .map_err(|source| QueryError::Segmentation { id: grouping.name().to_owned(), source })
    }

    fn cell(&self, grouping: &Grouping) -> Arc<Cell> {
        let mut cells = self.cells.lock();
        let new = || {
            let (made, making, asked_at) =
                (Mutex::new(None), Mutex::new(()), Mutex::new(Instant::now()));
            Arc::new(Cell { computed: made, computing: making, last_used_at: asked_at })
        };
        let cell = Arc::clone(cells.get_or_insert(grouping.clone(), new));
        *cell.last_used_at.lock() = Instant::now();
        cell
    }

    /// Makes a grouping and keeps it where there is room.
    fn compute(
        &self,
        live: &LiveState,
        grouping: &Grouping,
        now: Timestamp,
        cell: &Cell,
    ) -> ComputedGrouping {
        let started = Instant::now();
        let (item_type, of) = group(live, grouping, now);
        let n_bytes = item_type.as_ref().map_or(0, Facet::n_bytes);
        // The outdated value goes first, then the least recently used ones.
        *cell.computed.lock() = None;
        let room = self.make_room(grouping, n_bytes);
        let is_kept = room.is_some();
        let room = room.unwrap_or_else(|| self.memory.hold(MemoryPart::ItemGroupings, 0));
        let made = ComputedGrouping {
            facet: item_type.map(Arc::new),
            revision: of,
            at: Instant::now(),
            duration: started.elapsed(),
            _room: Arc::new(room),
        };
        if is_kept {
            *cell.computed.lock() = Some(made.clone());
        }
        made
    }

    /// Room for a grouping of so many bytes; none where it is used once and not kept.
    fn make_room(&self, own: &Grouping, n_bytes: usize) -> Option<Reservation> {
        loop {
            if let Some(room) = self.memory.reserve(MemoryPart::ItemGroupings, n_bytes) {
                return Some(room);
            }
            let mut cells = self.cells.lock();
            let oldest = cells
                .iter()
                .rev()
                .map(|(grouping, _)| grouping)
                .find(|other| *other != own)
                .cloned();
            cells.pop(&oldest?);
        }
    }
}

fn check_property(views: &Views, grouping: &Grouping) -> Result<(), QueryError> {
    let Grouping::Property(property) = grouping else { return Ok(()) };
    let table = views.catalog.table();
    if table.property(property).is_some() {
        return Ok(());
    }
    let known: Vec<&str> = table.properties().map(|property| property.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(QueryError::NoSuchProperty { property: property.clone(), known })
}

/// How a segmentation finds the segments of an item.
pub(crate) enum Rule {
    /// By a property; none if the segmentation does not exist, or if its property is no longer a
    /// string or a set.
    Property(Option<String>),
    Expression(Option<Expression>),
    Filters(Vec<(String, Expression)>),
}

impl Rule {
    fn new(views: &Views, grouping: &Grouping) -> Self {
        match grouping {
            Grouping::Property(name) => Self::Property(Some(name.clone())),
            Grouping::Segmentation(id) => {
                Self::of(views, views.segmentations.get(id).map(|segmentation| &segmentation.kind))
            }
        }
    }

    /// The rule of a segmentation of this kind; none for one that does not exist.
    pub(crate) fn of(views: &Views, kind: Option<&SegmentationKind>) -> Self {
        match kind {
            None => Self::Property(None),
            Some(SegmentationKind::Property { name }) => {
                let property = views.catalog.table().property(name);
                let is_text = |property: &&Property| {
                    matches!(property.type_, PropertyType::String | PropertyType::Set)
                };
                Self::Property(property.filter(is_text).map(|_| name.clone()))
            }
            Some(SegmentationKind::AutoReql { expression }) => {
                Self::Expression(reql::parse(expression).ok())
            }
            Some(SegmentationKind::ManualReql { segments }) => {
                let parsed = segments.iter().filter_map(|segment| {
                    Some((segment.id.clone(), reql::parse(&segment.filter).ok()?))
                });
                Self::Filters(parsed.collect())
            }
        }
    }

    /// Adds items to a grouping, in their order.
    pub(crate) fn push(
        &self,
        views: &Views,
        now: Timestamp,
        budget: &Budget,
        items: Range<u32>,
        to: &mut Facet,
    ) {
        let (rows, context) = (ItemRows(&views.catalog), EvaluationContext::anonymous(views, now));
        match self {
            Self::Property(None) | Self::Expression(None) => items.for_each(|_| to.push_texts([])),
            Self::Property(Some(name)) => push_values(to, views.catalog.table(), name, items),
            Self::Expression(Some(expression)) => {
                let compiled = expression.compile(&rows, &context);
                for item in items.take_while(|_| budget.allows_row()) {
                    let texts = to_texts(&compiled.evaluate(item));
                    to.push_texts(texts.iter().map(String::as_str));
                }
            }
            Self::Filters(filters) => {
                let compiled =
                    filters.iter().map(|(id, filter)| (id, filter.compile(&rows, &context)));
                let compiled: Vec<_> = compiled.collect();
                for item in items {
                    let is_in = |filter: &reql::Compiled<'_>| {
                        budget.allows_row() && filter.evaluate_boolean(item)
                    };
                    let segments = compiled.iter().filter(|(_, filter)| is_in(filter));
                    to.push_texts(segments.map(|(id, _)| id.as_str()));
                }
            }
        }
    }
}

/// Groups all items, a step at a time so that the fold gets its turns, and tells the state that the
/// grouping is at least as new as.
fn group(
    live: &LiveState,
    grouping: &Grouping,
    now: Timestamp,
) -> (Result<Facet, ExpressionError>, Revision) {
    let (of, rule) = {
        let views = live.snapshot();
        (Revision::current(&views), Rule::new(&views, grouping))
    };
    let (mut item_type, budget) = (Facet::new(), Budget::for_all());
    for first in (0..of.n_items).step_by(ITEMS_PER_STEP) {
        let items = first as u32..(first + ITEMS_PER_STEP).min(of.n_items) as u32;
        rule.push(&live.snapshot(), now, &budget, items, &mut item_type);
    }
    (budget.check().map(|()| item_type), of)
}

fn push_values(item_type: &mut Facet, table: &PropertyTable, property: &str, items: Range<u32>) {
    match table.column(property) {
        Some(Column::String(cells, texts)) => {
            for item in items.map(|item| item as usize) {
                let id = cells.get(item).copied().flatten();
                item_type.push_texts(id.map(|id| texts.text(id)));
            }
        }
        Some(Column::Set(cells, texts)) => {
            for item in items.map(|item| item as usize) {
                let members = cells.get(item).and_then(Option::as_deref).unwrap_or_default();
                let mut members: Vec<&str> = members.iter().map(|id| texts.text(*id)).collect();
                members.sort_unstable();
                item_type.push_texts(members);
            }
        }
        _ => items.for_each(|item| item_type.push(table.value(item, property).as_ref())),
    }
}

/// The ids of segments that an expression yields.
fn to_texts(value: &reql::Value) -> Vec<String> {
    match value.to_json() {
        serde_json::Value::Array(members) => {
            members.into_iter().filter(|member| !member.is_null()).map(to_text).collect()
        }
        serde_json::Value::Null => Vec::new(),
        other => vec![to_text(other)],
    }
}

fn to_text(json: serde_json::Value) -> String {
    match json {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The titles of segments by their ids.
pub(crate) fn find_titles(views: &Views, segmentation: &str) -> BTreeMap<String, String> {
    match views.segmentations.get(segmentation).map(|segmentation| &segmentation.kind) {
        Some(SegmentationKind::ManualReql { segments }) => {
            let titled = segments
                .iter()
                .filter_map(|segment| Some((segment.id.clone(), segment.title.clone()?)));
            titled.collect()
        }
        _ => BTreeMap::new(),
    }
}
