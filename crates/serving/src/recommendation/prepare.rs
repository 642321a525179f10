//! Prepares a stage, before its list takes a snapshot: what it needs of all items is computed in
//! steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{ItemIdx, Timestamp};
use recommender::{Facet, PeopleByItem, ValueIdx};
use reql::{Expression, Subject};
use state::Views;

use super::stage::{PROMOTED, Stage, wrong};
use super::user_filter::USER_FILTER;
use crate::evaluation::Segmentations;
use crate::expressions::ExpressionUse;
use crate::groupings::Grouping;
use crate::lists::ServedModel;
use crate::search::Search;
use crate::{ListError, LiveState, Serving};

/// A stage with what its list is made of beside a snapshot.
pub struct PreparedStage<'a> {
    pub(super) stage: Stage<'a>,
    pub(super) sources: StageSources,
}

/// The inputs that are prepared before a list takes a snapshot.
pub(super) struct StageSources {
    pub(super) in_use: ServedModel,
    /// None where nothing is searched.
    pub(super) search: Option<Arc<Search>>,
    /// The segments that are recommended, or to one of which items are; none where the stage is
    /// about none.
    pub(super) item_type: Option<Arc<Facet>>,
    /// The segment that the list is for.
    pub(super) segment: Option<ContextSegment>,
    /// The properties that are constrained, with how many items may share a value.
    pub(super) constraints: Vec<(Arc<Facet>, usize)>,
    /// The segmentations that expressions ask for.
    pub(super) segmentations: Segmentations,
    /// The people of each item in the window that the list learns from; none without a window.
    pub(super) people_by_item: Option<Arc<PeopleByItem>>,
}

/// A segment of a segmentation.
pub(super) struct ContextSegment {
    pub(super) item_type: Arc<Facet>,
    pub(super) value: ValueIdx,
}

impl ContextSegment {
    pub(super) fn includes(&self, item: ItemIdx) -> bool {
        self.item_type.values_of(item).contains(&self.value)
    }

    /// Its items.
    pub(super) fn members(&self) -> &[u32] {
        self.item_type.items_of(self.value)
    }
}

impl Serving {
    /// Makes ready what a list needs of all items, in steps, so that the fold gets its turns.
    ///
    /// # Errors
    /// If the segmentation or segment that the list is about is not there, or nothing can be
    /// searched yet.
    pub fn prepare<'a>(
        &self,
        live: &LiveState,
        stage: Stage<'a>,
        now: Timestamp,
    ) -> Result<PreparedStage<'a>, ListError> {
        let search = stage.search_query.map(|_| self.search.load_full());
        search.iter().try_for_each(|search| search.catch_up(live))?;
        let is_of_segments = stage.segment.is_some() || stage.subject() == Subject::Segments;
        let mut item_type =
            is_of_segments.then(|| self.item_type(live, &stage, now)).transpose()?;
        let mut segment = None;
        if let Some(id) = stage.segment {
            let is_known = |item_type: &Arc<Facet>| item_type.value(id).is_some();
            if !item_type.as_ref().is_some_and(is_known) {
                // It may be new.
                item_type = Some(self.groupings.get_newest(live, &stage.grouping(), now)?);
            }
            let found = item_type.as_ref().and_then(|item_type| {
                Some(ContextSegment {
                    item_type: Arc::clone(item_type),
                    value: item_type.value(id)?,
                })
            });
            let Some(found) = found else {
                let segmentation = stage.settings.segmentation.as_deref().unwrap_or_default();
                let what = format!("segmentation {segmentation:?} has no segment {id:?}");
                return Err(ListError::NotFound(what));
            };
            segment = Some(found);
        }
        let constraints = stage.settings.constraints.iter().flatten().map(|constraint| {
            let grouping = Grouping::Property(constraint.property.clone());
            Ok((self.groupings.get(live, &grouping, now)?, constraint.max as usize))
        });
        let constraints = constraints.collect::<Result<_, ListError>>()?;
        let segmentations = self.prepare_expressions(live, &stage, now)?;
        let in_use = self.model_in_use(live);
        let people_by_item = match stage.subject() {
            Subject::Users => None,
            _ => self.people_by_item(live, &stage.list()?, now),
        };
        let sources = StageSources {
            in_use,
            search,
            item_type,
            segment,
            constraints,
            segmentations,
            people_by_item,
        };
        Ok(PreparedStage { stage, sources })
    }

    fn item_type(
        &self,
        live: &LiveState,
        stage: &Stage<'_>,
        now: Timestamp,
    ) -> Result<Arc<Facet>, ListError> {
        let id = stage.settings.segmentation.as_deref().unwrap_or_default();
        if live.snapshot().segmentations.get(id).is_none() {
            let what = format!("there is no segmentation {id:?}, which the scenario is about");
            return Err(ListError::Invalid(what));
        }
        Ok(self.groupings.get(live, &stage.grouping(), now)?)
    }

    /// Computes the values of filters and boosters that come again and again, and groups items by
    /// the segmentations that expressions ask for.
    fn prepare_expressions(
        &self,
        live: &LiveState,
        stage: &Stage<'_>,
        now: Timestamp,
    ) -> Result<Segmentations, ListError> {
        let filters =
            stage.filters.iter().map(|filter| (ExpressionUse::Filter, filter.what, &*filter.text));
        let boosters = stage
            .boosters
            .iter()
            .map(|booster| (ExpressionUse::Booster, booster.what, &*booster.text));
        let promoted = stage.settings.promoted.as_ref();
        let promoted =
            promoted.map(|promoted| (ExpressionUse::Filter, PROMOTED, &*promoted.filter));
        let mut names = NamedSegmentations::default();
        for (use_, what, text) in filters.chain(boosters).chain(promoted) {
            if stage.subject() == Subject::Items || what == PROMOTED {
                self.expressions.prepare(live, use_, text, now).map_err(wrong(what))?;
            }
            self.expressions.with(use_, text, |parsed| names.add(parsed)).map_err(wrong(what))?;
        }
        if let Some(text) = &stage.settings.user_filter {
            let parsed =
                self.expressions.with(ExpressionUse::Filter, text, |parsed| names.add(parsed));
            parsed.map_err(wrong(USER_FILTER))?;
        }
        for (name, text) in stage.expressions {
            names.add(&reql::parse(text).map_err(wrong(name))?);
        }
        let names = names.resolve(&live.snapshot());
        let group = |name: String| {
            // One that takes too long has no segments here.
            let grouping = Grouping::Segmentation(name.clone());
            Some((name, self.groupings.get(live, &grouping, now).ok()?))
        };
        Ok(names.into_iter().filter_map(group).collect())
    }
}

/// The segmentations that expressions ask for.
#[derive(Default)]
struct NamedSegmentations {
    names: BTreeSet<String>,
    /// Whether one computes the name.
    are_all: bool,
}

impl NamedSegmentations {
    fn add(&mut self, expression: &Expression) {
        match expression.segmentations() {
            Some(names) => self.names.extend(names.into_iter().map(str::to_owned)),
            None => self.are_all = true,
        }
    }

    fn resolve(self, views: &Views) -> Vec<String> {
        let all = views.segmentations.all().map(|segmentation| segmentation.id.clone());
        all.filter(|id| self.are_all || self.names.contains(id)).collect()
    }
}
