//! Which values items have of a property, and in which segments they are: made when a list asks for it, kept while it is asked for again.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::PropertyTable;
use lru::LruCache;
use parking_lot::Mutex;
use recommender::ItemType;
use reql::Column;
use state::SegmentationKind;
use state::Views;

use crate::expressions::{Budget, ExpressionError};
use crate::filter::{ContextOf, ItemRows};
use crate::{EngineError, MemoryBudget, MemoryPart, Reservation};

/// The most properties and segmentations whose items are kept.
const ITEM_TYPES_MAX: NonZeroUsize = NonZeroUsize::new(100).expect("above 0");
/// After a change of an item they are made anew where that is a matter of moments. What takes longer takes at most this share of the time:
/// until then lists go by what is known.
const MOMENT: Duration = Duration::from_millis(5);
const INTERVAL_FACTOR: u32 = 10;

/// What groups items.
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

/// The groupings that lists were asked for.
pub(crate) struct ItemTypes {
    made: Mutex<LruCache<Grouping, Made>>,
    memory: Arc<MemoryBudget>,
}

struct Made {
    /// An error where it takes too long.
    item_type: Result<Arc<ItemType>, ExpressionError>,
    n_items: usize,
    /// Of the items' properties.
    revision: u64,
    /// Of the segmentations.
    segmentations_revision: u64,
    at: Instant,
    duration: Duration,
    asked_at: Instant,
    _room: Reservation,
}

impl ItemTypes {
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { made: Mutex::new(LruCache::new(ITEM_TYPES_MAX)), memory }
    }

    pub(crate) fn clear(&self) {
        self.made.lock().clear();
    }

    /// Drops what nobody has asked for within a time, so that it leaves room for others, of other workspaces too.
    pub(crate) fn drop_idle(&self, idle_max: Duration) {
        let mut all = self.made.lock();
        while all.peek_lru().is_some_and(|(_, made)| made.asked_at.elapsed() >= idle_max) {
            all.pop_lru();
        }
    }

    /// The values of items; an error where there is no such property. A segmentation that is not there has no segments.
    pub(crate) fn get(&self, views: &Views, grouping: &Grouping) -> Result<Arc<ItemType>, EngineError> {
        self.made(views, grouping, false)
    }

    /// As [`ItemTypes::get`], with everything that is written.
    pub(crate) fn newest(&self, views: &Views, grouping: &Grouping) -> Result<Arc<ItemType>, EngineError> {
        self.made(views, grouping, true)
    }

    fn made(
        &self,
        views: &Views,
        grouping: &Grouping,
        is_newest_needed: bool,
    ) -> Result<Arc<ItemType>, EngineError> {
        let told = |item_type: &Result<Arc<ItemType>, ExpressionError>| {
            item_type
                .clone()
                .map_err(|source| EngineError::Segmentation { id: grouping.name().to_owned(), source })
        };
        let table = views.catalog.table();
        if let Grouping::Property(property) = grouping
            && table.property(property).is_none()
        {
            let known: Vec<&str> = table.properties().map(|property| property.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(EngineError::NoSuchProperty { property: property.clone(), known });
        }
        let (revision, segmentations_revision) = (table.revision(), views.segmentations.revision());
        let mut made = self.made.lock();
        if let Some(made) = made.get_mut(grouping) {
            made.asked_at = Instant::now();
            let is_newest = made.revision == revision && made.n_items == views.catalog.n_items();
            let may_lag = (!is_newest_needed || made.item_type.is_err()) && made.duration > MOMENT;
            let is_fresh = is_newest || (may_lag && made.at.elapsed() < made.duration * INTERVAL_FACTOR);
            if is_fresh && made.segmentations_revision == segmentations_revision {
                return told(&made.item_type);
            }
        }
        let started = Instant::now();
        let item_type = make(views, grouping).map(Arc::new);
        let (at, duration, n_items) = (Instant::now(), started.elapsed(), views.catalog.n_items());
        let answer = told(&item_type);
        let n_bytes = item_type.as_ref().map_or(0, |item_type| item_type.n_bytes());
        // What was known gives way first, then what was not asked for for the longest time; where that is not enough, it is used once.
        made.pop(grouping);
        let room = loop {
            let room = self.memory.reserve(MemoryPart::ItemGroupings, n_bytes);
            if room.is_some() || made.pop_lru().is_none() {
                break room;
            }
        };
        if let Some(_room) = room {
            let asked_at = at;
            let new =
                Made { item_type, n_items, revision, segmentations_revision, at, duration, asked_at, _room };
            made.put(grouping.clone(), new);
        }
        answer
    }
}

fn make(views: &Views, grouping: &Grouping) -> Result<ItemType, ExpressionError> {
    let mut item_type = ItemType::new();
    let n_items = views.catalog.n_items() as u32;
    let table = views.catalog.table();
    let kind = match grouping {
        Grouping::Property(property) => {
            push_values(&mut item_type, table, property, n_items);
            return Ok(item_type);
        }
        Grouping::Segmentation(id) => views.segmentations.get(id).map(|segmentation| &segmentation.kind),
    };
    let (rows, context) = (ItemRows(&views.catalog), ContextOf::of_nobody(views));
    let budget = Budget::for_all();
    match kind {
        None => (0..n_items).for_each(|_| item_type.push_texts([])),
        Some(SegmentationKind::Property { name }) => push_values(&mut item_type, table, name, n_items),
        Some(SegmentationKind::AutoReql { expression }) => {
            let compiled = reql::parse(expression).map(|expression| expression.compile(&rows, &context));
            for item in (0..n_items).take_while(|_| budget.allows_row()) {
                let value = compiled.as_ref().map_or(reql::Value::Null, |compiled| compiled.value(item));
                let texts = texts_of(&value);
                item_type.push_texts(texts.iter().map(String::as_str));
            }
        }
        Some(SegmentationKind::ManualReql { segments }) => {
            let compiled: Vec<_> = segments
                .iter()
                .filter_map(|segment| {
                    let filter = reql::parse(&segment.filter).ok()?;
                    Some((segment.id.as_str(), filter.compile(&rows, &context)))
                })
                .collect();
            for item in 0..n_items {
                let in_it = compiled.iter().filter(|(_, filter)| budget.allows_row() && filter.boolean(item));
                item_type.push_texts(in_it.map(|(id, _)| *id));
            }
        }
    }
    budget.check()?;
    Ok(item_type)
}

fn push_values(item_type: &mut ItemType, table: &PropertyTable, property: &str, n_items: u32) {
    match table.column(property) {
        Some(Column::String(cells, texts)) => {
            for item in 0..n_items as usize {
                let id = cells.get(item).copied().flatten();
                item_type.push_texts(id.map(|id| texts.text(id)));
            }
        }
        Some(Column::Set(cells, texts)) => {
            for item in 0..n_items as usize {
                let members = cells.get(item).and_then(Option::as_deref).unwrap_or_default();
                let mut members: Vec<&str> = members.iter().map(|id| texts.text(*id)).collect();
                members.sort_unstable();
                item_type.push_texts(members);
            }
        }
        _ => (0..n_items).for_each(|item| item_type.push(table.value(item, property).as_ref())),
    }
}

/// The ids of segments that an expression yields.
fn texts_of(value: &reql::Value) -> Vec<String> {
    match value.to_json() {
        serde_json::Value::Array(members) => {
            members.into_iter().filter(|member| !member.is_null()).map(text_of).collect()
        }
        serde_json::Value::Null => Vec::new(),
        other => vec![text_of(other)],
    }
}

fn text_of(json: serde_json::Value) -> String {
    match json {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What segments are called beside their ids.
pub(crate) fn titles(views: &Views, segmentation: &str) -> BTreeMap<String, String> {
    match views.segmentations.get(segmentation).map(|segmentation| &segmentation.kind) {
        Some(SegmentationKind::ManualReql { segments }) => {
            let titled =
                segments.iter().filter_map(|segment| Some((segment.id.clone(), segment.title.clone()?)));
            titled.collect()
        }
        _ => BTreeMap::new(),
    }
}
