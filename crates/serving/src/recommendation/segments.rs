//! Lists of segments: for a user, for an item, for a segment, or found by a search.

use std::sync::Arc;

use domain::{ItemIdx, Logic, Timestamp};
use recommender::{Facet, FacetValues, Recommendation, Request, ValueIdx};
use rustc_hash::{FxHashMap, FxHashSet};
use search::Phrase;
use state::Views;

use super::items::find_segment_seeds;
use super::prepare::StageSources;
use super::stage::{Stage, StageList};
use crate::evaluation::SegmentRows;
use crate::expressions::Budget;
use crate::groupings::find_titles;
use crate::{ListError, RequestBudget, Serving, Snapshot};

/// How many items that match a search say which segments do.
const MATCHES_OF_SEGMENTS: usize = 500;
/// The score of a segment whose name is the query, or has all its words, relative to the best
/// matching item.
const NAME_IS_QUERY: f32 = 100.0;
const NAME_HAS_QUERY: f32 = 10.0;

impl Serving {
    pub(super) fn list_segments(
        &self,
        snapshot: &Snapshot<'_>,
        stage: &Stage<'_>,
        StageSources {
            in_use,
            search,
            item_type,
            segment,
            segmentations,
            people_by_item,
            ..
        }: &StageSources,
        period_popularity: Option<&[(u32, f32)]>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, ListError> {
        let list = stage.list()?;
        let views: &Views = snapshot;
        let (user, item) = stage.resolve(views);
        let nothing = Facet::new();
        let item_type = item_type.as_deref().unwrap_or(&nothing);
        let (rows, contexts, budget) = (
            SegmentRows(item_type),
            stage.contexts(snapshot, segmentations, now),
            Budget::within(budget),
        );
        let selection = self.selection(stage, views, &rows, &contexts, &budget)?;
        let left_out: FxHashSet<ValueIdx> =
            stage.left_out.iter().filter_map(|id| item_type.value(id)).collect();
        let allows_value = |value: ValueIdx| {
            segment.as_ref().is_none_or(|segment| segment.value != value)
                && !left_out.contains(&value)
                && selection.allows(value.0)
        };
        let boost = |value: ValueIdx| selection.boost(value.0);

        let offered = views.offered(now).of_catalog(list.catalog.as_deref());
        let is_offered = |item: ItemIdx| offered.has(item);
        let context = self.context(snapshot, user, &list)?;
        let nothing = FxHashSet::default();
        let eligibility = context.eligibility(&is_offered, &list, &nothing);
        let values: Vec<(ValueIdx, f32)> = match search.as_ref().zip(stage.search_query) {
            Some((search, query)) => {
                let sources = in_use.sources(views);
                let matches =
                    search.matches(views, query, MATCHES_OF_SEGMENTS, &eligibility, sources);
                let mut scores: FxHashMap<ValueIdx, f32> = FxHashMap::default();
                for (item, score) in matches {
                    for value in item_type.values_of(ItemIdx(item)) {
                        *scores.entry(*value).or_default() += score;
                    }
                }
                let segmentation = stage.settings.segmentation.as_deref().unwrap_or_default();
                let titles = find_titles(views, segmentation);
                let query = Phrase::parse(query);
                let values = (0..item_type.n_values() as u32).map(ValueIdx);
                for value in values.take_while(|_| budget.allows_row()) {
                    let id = item_type.text(value);
                    let names = [Some(id), titles.get(id).map(String::as_str)];
                    let worth = names.into_iter().flatten().map(|name| score_name(name, &query));
                    let worth = worth.fold(0.0, f32::max);
                    if worth > 0.0 {
                        *scores.entry(value).or_default() += worth;
                    }
                }
                let mut found: Vec<_> = scores
                    .into_iter()
                    .filter(|(value, _)| allows_value(*value))
                    .map(|(value, score)| (value, score * boost(value)))
                    .collect();
                found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                found.truncate(list.count);
                found
            }
            None => {
                let seeds = match segment {
                    Some(segment) if list.logic == Logic::Similar => {
                        find_segment_seeds(in_use, views, &offered, segment)
                    }
                    _ => item.into_iter().collect(),
                };
                let booster: &dyn Fn(ValueIdx) -> f32 = &boost;
                let values = FacetValues {
                    facet: item_type,
                    allows: &allows_value,
                    booster: (!selection.boosters.is_empty()).then_some(booster),
                };
                let request = Request {
                    seeds: &seeds,
                    values: Some(values),
                    period_popularity,
                    people_by_item: people_by_item.as_deref(),
                    ..context.request(&list, &eligibility, now)
                };
                match recommender::recommend(in_use.sources(views), &request) {
                    Recommendation::Values(values) => {
                        values.into_iter().map(|value| (value.item, value.score)).collect()
                    }
                    Recommendation::Items(_) => Vec::new(),
                }
            }
        };
        let found = values.into_iter().map(|(value, score)| (value.0, score));
        stage.to_listed(in_use, &rows, &contexts.caller, &budget, found, false)
    }
}

fn score_name(name: &str, query: &Phrase) -> f32 {
    let name = Phrase::parse(name);
    match query.is_within(&name) {
        true if name == *query => NAME_IS_QUERY,
        true => NAME_HAS_QUERY,
        false => 0.0,
    }
}
