//! Lists of items: for a user, for an item, of a segment, or found by a search.

use std::sync::Arc;

use catalog::OfferedItems;
use domain::{ItemIdx, Logic, Timestamp};
use recommender::{
    Backfill, CandidateSources, Constraint, ItemBooster, Origin, PromotedItems, Recommendation,
    RecommendedItem, Request, rank, recommend, rerank,
};
use rustc_hash::FxHashSet;
use state::Views;

use super::prepare::{ContextSegment, StageSources};
use super::stage::{Contexts, Near, Stage, StageList};
use crate::evaluation::ItemRows;
use crate::expressions::{Budget, ExpressionUse, Selection};
use crate::lists::ServedModel;
use crate::search::Search;
use crate::{ListError, RequestBudget, Serving, Snapshot};

/// How many of a segment's items, the most popular ones, say what goes with it.
pub(super) const SEEDS_MAX: usize = 50;
/// The number of matches that are ranked, whatever the requested count.
const MATCHES: usize = 2_000;

/// A stage of items with all that its list is made of, at one moment.
pub(super) struct ResolvedItems<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) views: &'a Views,
    pub(super) in_use: &'a ServedModel,
    /// The request, whose eligibility every item passes.
    pub(super) request: Request<'a>,
    /// What the eligibility is made of: the filters, the segment, what is offered, and
    /// the ids that are left out.
    pub(super) selection: &'a Selection<'a>,
    pub(super) segment: Option<&'a ContextSegment>,
    pub(super) offered: &'a OfferedItems<'a>,
    pub(super) left_out: &'a FxHashSet<ItemIdx>,
    pub(super) near: &'a Near<'a>,
    search: Option<(&'a Search, &'a str)>,
    rows: &'a ItemRows<'a>,
    contexts: &'a Contexts<'a>,
    budget: &'a Budget,
}

impl ResolvedItems<'_> {
    /// The items of a list, best first. The request is that of the stage, or one with some of its
    /// parts changed.
    pub(super) fn rank(&self, request: &Request<'_>) -> Vec<(ItemIdx, f32)> {
        let sources = self.in_use.sources(self.views);
        let Some((search, query)) = self.search else { return rank(sources, request) };
        let n = MATCHES.max(request.list.count);
        let matches = search.matches(self.views, query, n, request.eligibility, sources);
        order_by_user(sources, request, matches, self.stage.settings.taste_weight())
    }

    /// As [`Self::rank`], with the reasons.
    pub(super) fn recommend(&self, request: &Request<'_>) -> Recommendation {
        if self.search.is_none() {
            return recommend(self.in_use.sources(self.views), request);
        }
        let found = self.rank(request).into_iter();
        let found = found.map(|(item, score)| RecommendedItem {
            item,
            score,
            origin: Origin::Match,
            explanation: Vec::new(),
        });
        Recommendation::Items(found.collect())
    }
}

impl Serving {
    pub(super) fn list_items(
        &self,
        snapshot: &Snapshot<'_>,
        stage: &Stage<'_>,
        sources: &StageSources,
        period_popularity: Option<&[(u32, f32)]>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, ListError> {
        self.with_items(snapshot, stage, sources, period_popularity, now, budget, |items| {
            let found = items.rank(&items.request).into_iter();
            let found = found.map(|(item, score)| (item.0, score));
            let rotates = items.request.list.rotation_rate > 0.0;
            let (in_use, caller) = (items.in_use, &items.contexts.caller);
            stage.to_listed(in_use, items.rows, caller, items.budget, found, rotates)
        })
    }

    /// Resolves a stage of items and does something with it.
    #[expect(clippy::too_many_arguments, reason = "all of them are what a list is made of")]
    pub(super) fn with_items<T>(
        &self,
        snapshot: &Snapshot<'_>,
        stage: &Stage<'_>,
        StageSources {
            in_use, search, segment, constraints, segmentations, people_by_item, ..
        }: &StageSources,
        period_popularity: Option<&[(u32, f32)]>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
        what: impl FnOnce(&ResolvedItems<'_>) -> Result<T, ListError>,
    ) -> Result<T, ListError> {
        let list = stage.list()?;
        let views: &Views = snapshot;
        let (user, item) = stage.resolve(views);
        let (rows, contexts, budget) = (
            ItemRows(&views.catalog),
            stage.contexts(snapshot, segmentations, now),
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

        let offered = views.offered(now).of_catalog(list.catalog.as_deref());
        let near = stage.items_near(views)?;
        let is_meant = |item: ItemIdx| {
            offered.has(item)
                && near.has(item)
                && segment.as_ref().is_none_or(|segment| segment.includes(item))
                && selection.allows(item.0)
        };
        let context = self.context(snapshot, user, &list)?;
        let eligibility = context.eligibility(&is_meant, &list, &left_out);
        let seeds: Vec<ItemIdx> = match (segment, item) {
            (Some(segment), _) if list.logic == Logic::Similar => {
                find_segment_seeds(in_use, views, &offered, segment)
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
            people_by_item: people_by_item.as_deref(),
            ..context.request(&list, &eligibility, now)
        };
        let search = search.as_deref().zip(stage.search_query);
        let of_segment = segment.as_ref().filter(|_| search.is_none());
        let is_beyond = |item: ItemIdx| {
            offered.has(item)
                && near.has(item)
                && of_segment.is_none_or(|segment| !segment.includes(item))
                && selection.allows(item.0)
        };
        let beyond = of_segment.map(|_| context.eligibility(&is_beyond, &list, &left_out));
        let find_seeds = || {
            of_segment.map_or_else(Vec::new, |of| find_segment_seeds(in_use, views, &offered, of))
        };
        let backfill = beyond.as_ref().map(|eligibility| Backfill {
            seeds: &find_seeds,
            eligibility,
            candidate_set: selection.candidate_set(),
        });
        what(&ResolvedItems {
            stage,
            views,
            in_use,
            request: Request { backfill, ..request },
            selection: &selection,
            segment: segment.as_ref(),
            offered: &offered,
            left_out: &left_out,
            near: &near,
            search,
            rows: &rows,
            contexts: &contexts,
            budget: &budget,
        })
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
    in_use: &ServedModel,
    views: &Views,
    offered: &OfferedItems<'_>,
    segment: &ContextSegment,
) -> Vec<ItemIdx> {
    let sources = in_use.sources(views);
    let offered = segment.members().iter().filter(|item| offered.has(ItemIdx(**item)));
    let popular = offered.map(|item| (*item, sources.popularity(*item)));
    linalg::top_k(popular, SEEDS_MAX).into_iter().map(|(item, _)| ItemIdx(item)).collect()
}
