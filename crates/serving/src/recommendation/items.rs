//! Lists of items: for a user, for an item, of a segment, or found by a search.

use std::sync::Arc;

use domain::{ItemIdx, Logic, Timestamp};
use recommender::{
    Backfill, CandidateSources, Constraint, ItemBooster, PromotedItems, Request, rank, rerank,
};
use rustc_hash::FxHashSet;
use state::Views;

use super::prepare::{ContextSegment, StageSources};
use super::stage::{Stage, StageList};
use crate::evaluation::ItemRows;
use crate::expressions::{Budget, ExpressionUse};
use crate::lists::ModelInUse;
use crate::{ListError, RequestBudget, Serving, Snapshot};

/// How many of a segment's items, the most popular ones, say what goes with it.
pub(super) const SEEDS_MAX: usize = 50;
/// The number of matches that are ranked, whatever the requested count.
const MATCHES: usize = 2_000;

impl Serving {
    pub(super) fn list_items(
        &self,
        snapshot: &Snapshot<'_>,
        stage: &Stage<'_>,
        StageSources { in_use, search, segment, constraints, segmentations, .. }: &StageSources,
        period_popularity: Option<&[(u32, f32)]>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, ListError> {
        let list = stage.list()?;
        let views: &Views = snapshot;
        let (user, item) = stage.resolve(views);
        let (rows, contexts, budget) = (
            ItemRows(&views.catalog),
            stage.contexts(views, segmentations, now),
            Budget::within(budget),
        );
        let selection = self.selection(stage, views, &rows, &contexts, &budget)?;
        let boost = |item: ItemIdx| selection.boost(item.0);
        let booster = match selection.boosts() {
            _ if selection.boosters.is_empty() => None,
            Some((boosts, most)) => Some(ItemBooster::Precomputed(boosts, most)),
            None => Some(ItemBooster::OnDemand(&boost)),
        };
        let few =
            selection.candidate_set().or_else(|| segment.as_ref().map(ContextSegment::members));
        let left_out: FxHashSet<ItemIdx> = {
            let ids = stage.left_out.iter().map(String::as_str).chain(stage.whole_is_for);
            ids.filter_map(|id| views.catalog.item(id)).chain(item).collect()
        };

        let constraints: Vec<Constraint<'_>> = constraints
            .iter()
            .map(|(item_type, max)| Constraint { facet: item_type, max: *max })
            .collect();
        let promoted_filter = stage.settings.promoted.as_ref().map(|promoted| {
            let text = &promoted.filter;
            let ready = self.expressions.prepare_for_items(
                ExpressionUse::Filter,
                text,
                views,
                &rows,
                &contexts.scenario,
                &budget,
            );
            ready.map_err(|error| ListError::Invalid(error.to_string()))
        });
        let promoted_filter = promoted_filter.transpose()?;
        let is_promoted =
            |item: ItemIdx| promoted_filter.as_ref().is_some_and(|filter| filter.allows(item.0));
        let promoted = stage.settings.promoted.as_ref();
        let promoted = promoted
            .map(|promoted| PromotedItems { includes: &is_promoted, share: promoted.share });

        let is_meant = |item: ItemIdx| {
            views.catalog.is_offered(item)
                && segment.as_ref().is_none_or(|segment| segment.includes(item))
                && selection.allows(item.0)
        };
        let context = self.context(snapshot, user, &list)?;
        let eligibility = context.eligibility(&is_meant, &list, &left_out);
        let seeds: Vec<ItemIdx> = match (segment, item) {
            (Some(segment), _) if list.logic == Logic::Similar => {
                find_segment_seeds(in_use, views, segment)
            }
            (_, item) => item.into_iter().collect(),
        };
        let picks = stage.settings.picks.iter().flatten();
        let picks: Vec<ItemIdx> = picks.filter_map(|id| views.catalog.available_item(id)).collect();
        let request = Request {
            seeds: &seeds,
            picks: &picks,
            candidate_set: few,
            booster,
            constraints: &constraints,
            promoted,
            period_popularity,
            ..context.request(&list, &eligibility, now)
        };
        let sources = in_use.sources(views);
        let found = match (search.as_ref().zip(stage.search_query), segment) {
            (Some((search, query)), _) => {
                let matches =
                    search.matches(views, query, MATCHES.max(list.count), &eligibility, sources);
                order_by_user(sources, &request, matches, stage.settings.taste_weight())
            }
            (None, None) => rank(sources, &request),
            (None, Some(segment)) => {
                let is_beyond = |item: ItemIdx| {
                    views.catalog.is_offered(item)
                        && !segment.includes(item)
                        && selection.allows(item.0)
                };
                let eligibility = context.eligibility(&is_beyond, &list, &left_out);
                let backfill = Backfill {
                    seeds: &|| find_segment_seeds(in_use, views, segment),
                    eligibility: &eligibility,
                    candidate_set: selection.candidate_set(),
                };
                rank(sources, &Request { backfill: Some(backfill), ..request })
            }
        };
        let found = found.into_iter().map(|(item, score)| (item.0, score));
        stage.to_listed(in_use, &rows, &contexts.caller, &budget, found, list.rotation_rate > 0.0)
    }
}

/// The items that match a search, those first that match best and that the user would like.
fn order_by_user(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    matches: Vec<(u32, f32)>,
    personal_weight: f32,
) -> Vec<(ItemIdx, f32)> {
    let items: Vec<u32> = matches.iter().map(|(item, _)| *item).collect();
    let personal = sources.score_items(request.history, &items);
    let top = personal.iter().fold(f32::MIN_POSITIVE, |top, score| top.max(*score));
    let ranked = matches.into_iter().zip(personal).map(|((item, score), personal)| {
        let boost = request.booster.map_or(1.0, |booster| booster.boost(ItemIdx(item)));
        (ItemIdx(item), score * (1.0 + personal_weight * personal.max(0.0) / top) * boost)
    });
    let mut ranked: Vec<(ItemIdx, f32)> = ranked.collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    rerank(sources, request, ranked)
}

/// The most popular items of a segment.
pub(super) fn find_segment_seeds(
    in_use: &ModelInUse,
    views: &Views,
    segment: &ContextSegment,
) -> Vec<ItemIdx> {
    let sources = in_use.sources(views);
    let available =
        segment.members().iter().filter(|item| views.catalog.is_offered(ItemIdx(**item)));
    let popular = available.map(|item| (*item, sources.popularity(*item)));
    linalg::top_k(popular, SEEDS_MAX).into_iter().map(|(item, _)| ItemIdx(item)).collect()
}
