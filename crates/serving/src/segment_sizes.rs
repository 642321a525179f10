//! The segments of a segmentation with their sizes, as people look at them.

use domain::{ItemIdx, Timestamp};
use recommender::{Facet, ValueIdx};
use state::{SegmentationKind, Views};

use crate::expressions::Budget;
use crate::groupings::{Grouping, Rule, find_titles};
use crate::{LiveState, QueryError, Serving};

/// How many items a rule is tried on.
const TRIED_ITEMS_MAX: usize = 1_000;
/// How many items of a segment are shown.
const EXAMPLES: usize = 3;

/// The segments of a segmentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSizes {
    /// How many segments have an item.
    pub n_segments: usize,
    /// How many of the items that were looked at can be recommended.
    pub n_items: usize,
    /// How many of these are in a segment.
    pub n_items_in_segments: usize,
    /// The largest segments, the largest first.
    pub largest: Vec<SegmentSize>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSize {
    /// The id.
    pub id: String,
    /// The title, of a manual segmentation.
    pub title: Option<String>,
    /// How many items it has that can be recommended.
    pub n_items: usize,
    /// The ids of a few of them.
    pub examples: Vec<String>,
}

impl Serving {
    /// The `n_max` largest segments of a segmentation; none where there is no such segmentation.
    ///
    /// # Errors
    /// If an expression takes too long.
    pub fn segment_sizes(
        &self,
        live: &LiveState,
        segmentation: &str,
        n_max: usize,
        now: Timestamp,
    ) -> Result<SegmentSizes, QueryError> {
        let grouping = Grouping::Segmentation(segmentation.to_owned());
        let facet = self.groupings.get_newest(live, &grouping, now)?;
        let views = live.snapshot();
        let titles = find_titles(&views, segmentation);
        let mut sizes = count(&views, &facet, n_max, now);
        for segment in &mut sizes.largest {
            segment.title = titles.get(&segment.id).cloned();
        }
        Ok(sizes)
    }
}

/// The `n_max` largest segments into which a rule puts the first [`TRIED_ITEMS_MAX`] items.
///
/// # Errors
/// If an expression takes too long.
pub fn try_segmentation(
    live: &LiveState,
    kind: &SegmentationKind,
    n_max: usize,
    now: Timestamp,
) -> Result<SegmentSizes, QueryError> {
    let views = live.snapshot();
    let n_items = views.catalog.n_items().min(TRIED_ITEMS_MAX) as u32;
    let (mut facet, budget) = (Facet::new(), Budget::for_all());
    Rule::of(&views, Some(kind)).push(&views, now, &budget, 0..n_items, &mut facet);
    let checked = budget.check();
    checked.map_err(|source| QueryError::Segmentation { id: "tried".to_owned(), source })?;
    Ok(count(&views, &facet, n_max, now))
}

fn count(views: &Views, facet: &Facet, n_max: usize, now: Timestamp) -> SegmentSizes {
    let offered = views.offered(now);
    let is_offered = |item: &u32| offered.has(ItemIdx(*item));
    let items: Vec<u32> = (0..facet.n_items() as u32).filter(is_offered).collect();
    let is_in = |item: &&u32| !facet.values_of(ItemIdx(**item)).is_empty();
    let mut sizes: Vec<(ValueIdx, usize)> = (0..facet.n_values() as u32)
        .map(ValueIdx)
        .map(|value| (value, facet.items_of(value).iter().filter(|item| is_offered(item)).count()))
        .filter(|(_, n_items)| *n_items > 0)
        .collect();
    sizes.sort_unstable_by(|(a, n_of_a), (b, n_of_b)| {
        n_of_b.cmp(n_of_a).then_with(|| facet.text(*a).cmp(facet.text(*b)))
    });
    let largest = sizes.iter().take(n_max).map(|&(value, n_items)| {
        let examples = facet.items_of(value).iter().filter(|item| is_offered(item));
        let examples = examples.take(EXAMPLES);
        SegmentSize {
            id: facet.text(value).to_owned(),
            title: None,
            n_items,
            examples: examples
                .map(|item| views.catalog.item_id(ItemIdx(*item)).to_owned())
                .collect(),
        }
    });
    SegmentSizes {
        n_segments: sizes.len(),
        n_items: items.len(),
        n_items_in_segments: items.iter().filter(is_in).count(),
        largest: largest.collect(),
    }
}
