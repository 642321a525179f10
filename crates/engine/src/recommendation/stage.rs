//! One list of a call: what it is for, and what its candidates must pass.

use std::sync::Arc;

use domain::{
    AssetType, Endpoint, Entries, Exclusion, Fallback, ItemIdx, ListRequest, Logic, Relevance,
    ScenarioSettings, UserIdx,
};
use recommender::{ItemType, ValueIdx};
use reql::{Context, Rows, Subject};
use state::Views;
use state::user_of;

use super::{ListOptions, RecommendationError, RecommendationRequest};
use crate::expressions::{Budget, ExpressionError, Selection, Use};
use crate::filter::{Blinded, ContextOf, ForgivingSchema, SchemaOf};
use crate::item_types::Grouping;
use crate::lists::Ready;
use crate::search::Search;
use crate::{Engine, now};

/// An entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The id of the item, segment or user.
    pub id: String,
    /// Comparable within the list.
    pub score: f32,
    /// What the call's expressions say of it, as JSON, by their names.
    pub evaluations: Vec<(String, serde_json::Value)>,
}

impl Recommended {
    /// What it takes in memory, in bytes.
    pub fn n_bytes(&self) -> usize {
        let of_evaluations = self.evaluations.iter().map(|(name, value)| evaluation_bytes(name, value));
        size_of::<Self>() + self.id.len() + of_evaluations.sum::<usize>()
    }
}

/// What the value of an expression takes in memory with its name, in bytes.
fn evaluation_bytes(name: &str, value: &serde_json::Value) -> usize {
    fn around(value: &serde_json::Value) -> usize {
        size_of::<serde_json::Value>() + heap(value)
    }
    fn heap(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(values) => values.iter().map(around).sum(),
            serde_json::Value::Object(members) => {
                members.iter().map(|(name, value)| size_of::<String>() + name.len() + around(value)).sum()
            }
            _ => 0,
        }
    }
    size_of::<(String, serde_json::Value)>() + name.len() + heap(value)
}

/// What a stage gives.
pub(super) struct Listed {
    /// Best first.
    pub(super) recommended: Vec<Recommended>,
    /// The version of the model; none before the first training.
    pub(super) model: Option<String>,
    /// Whether the items step back in the user's next lists.
    pub(super) rotates: bool,
}

/// A filter or booster of a stage.
pub(super) struct StageExpression {
    /// The name of the parameter, for messages.
    what: &'static str,
    text: String,
    by: Author,
}

/// Who wrote an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// Whoever set up the scenario.
    Scenario,
    /// The caller.
    Caller,
}

/// The contexts of the expressions of a stage.
pub(super) struct Contexts<'a> {
    /// Of expressions of the scenario, which may look at everything.
    pub(super) of_scenario: ContextOf<'a>,
    /// Of expressions of the caller, which in a browser may not.
    pub(super) of_caller: ContextOf<'a>,
}

impl<'a> Contexts<'a> {
    fn of(&self, author: Author) -> &ContextOf<'a> {
        match author {
            Author::Scenario => &self.of_scenario,
            Author::Caller => &self.of_caller,
        }
    }
}

pub(super) struct Stage<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) count: usize,
    pub(super) user: Option<&'a str>,
    pub(super) item: Option<&'a str>,
    pub(super) segment: Option<&'a str>,
    pub(super) search_query: Option<&'a str>,
    /// What the call says, and where it says nothing its scenario.
    pub(super) settings: ScenarioSettings,
    /// All of them hold.
    pub(super) filters: Vec<StageExpression>,
    /// Scores are multiplied with all of them.
    pub(super) boosters: Vec<StageExpression>,
    pub(super) expressions: &'a [(String, String)],
    pub(super) left_out: &'a [String],
    /// What a composite recommendation as a whole is for.
    pub(super) whole_is_for: Option<&'a str>,
    pub(super) is_public: bool,
}

/// A segment of a segmentation.
pub(super) struct SegmentOf {
    pub(super) item_type: Arc<ItemType>,
    pub(super) value: ValueIdx,
}

impl SegmentOf {
    pub(super) fn includes(&self, item: ItemIdx) -> bool {
        self.item_type.of(item).contains(&self.value)
    }

    /// Its items.
    pub(super) fn members(&self) -> &[u32] {
        self.item_type.items_of(self.value)
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        request: &'a RecommendationRequest,
        endpoint: Endpoint,
        options: &'a ListOptions,
        of_scenario: &ScenarioSettings,
    ) -> Self {
        let said = |of_scenario: &Option<String>, of_call: &Option<String>, what: [&'static str; 2]| {
            let both = what.into_iter().zip([(of_scenario, Author::Scenario), (of_call, Author::Caller)]);
            both.filter_map(|(what, (text, by))| Some(StageExpression { what, text: text.clone()?, by }))
                .collect::<Vec<_>>()
        };
        // Another logic than the scenario's takes nothing over that goes with that one.
        let has_own_logic = options.settings.logic.is_some_and(|logic| of_scenario.logic != Some(logic));
        let of_scenario = match has_own_logic {
            true => ScenarioSettings {
                interaction: None,
                exclude: None,
                min_relevance: None,
                picks: None,
                reorder_picks: None,
                max_age_s: None,
                oldest_first: None,
                begun_from: None,
                finished_from: None,
                asset_type: None,
                ..of_scenario.clone()
            },
            false => of_scenario.clone(),
        };
        let settings = options.settings.or(&of_scenario);
        let mut filters =
            said(&of_scenario.filter, &options.settings.filter, ["the scenario's filter", "filter"]);
        let of_type = settings.asset_type.map(AssetType::filter);
        filters.extend(of_type.map(|text| StageExpression { what: "assetType", text, by: Author::Scenario }));
        Self {
            endpoint,
            count: request.count,
            user: request.user_id.as_deref(),
            item: request.item_id.as_deref(),
            segment: request.segment_id.as_deref(),
            search_query: request.search_query.as_deref(),
            filters,
            boosters: said(
                &of_scenario.booster,
                &options.settings.booster,
                ["the scenario's booster", "booster"],
            ),
            settings,
            expressions: &options.expressions,
            left_out: &request.left_out,
            whole_is_for: None,
            is_public: request.is_public,
        }
    }

    /// The second stage of a composite recommendation, with what the first one found.
    pub(super) fn with_source<'b>(self, source: &'b str) -> Stage<'b>
    where
        'a: 'b,
    {
        let is_segment = self.endpoint == Endpoint::RecommendItemsToItemSegment;
        Stage {
            item: (!is_segment).then_some(source),
            segment: is_segment.then_some(source),
            whole_is_for: self.item,
            ..self
        }
    }

    /// What its candidates are.
    pub(super) fn subject(&self) -> Subject {
        subject_of(self.endpoint)
    }

    /// The list that is asked for.
    pub(super) fn list(&self) -> Result<ListRequest, RecommendationError> {
        let mut list = self.settings.list(self.count, self.endpoint.default_logic());
        let exclude = self.settings.exclude.unwrap_or(Exclusion::None);
        match self.subject() {
            // Favourites stay favourites, and somebody who searches may well search for what they have.
            Subject::Segments => (list.exclude, list.diversity, list.rotation_rate) = (exclude, 0.0, 0.0),
            _ if self.search_query.is_some() => list.exclude = exclude,
            _ => {}
        }
        let goes_with_item = matches!(list.logic, Logic::CrossSell | Logic::WatchNext);
        if goes_with_item && self.endpoint.can_be_similar() {
            list.logic = Logic::Similar;
        }
        if !list.logic.has_relevance() {
            // Nothing speaks for these that could be weak.
            list.min_relevance = Relevance::Low;
        }
        if list.logic == Logic::Similar && !self.endpoint.can_be_similar() {
            let what = "logic: what is similar can be listed for an item or a segment only";
            return Err(RecommendationError::Invalid(what.to_owned()));
        }
        if list.logic == Logic::Picks && (self.settings.picks.is_none() || self.subject() != Subject::Items) {
            let what = "logic: lists of picks are lists of items and need picks, the ids of the items";
            return Err(RecommendationError::Invalid(what.to_owned()));
        }
        list.validate().map_err(RecommendationError::Invalid)?;
        Ok(list)
    }

    /// What is searched, and where.
    pub(super) fn search(
        &self,
        engine: &Engine,
    ) -> Result<Option<(&'a str, Arc<Search>)>, RecommendationError> {
        self.search_query.map(|query| Ok((query, engine.caught_up_search()?))).transpose()
    }

    /// Whether a list that its logic leaves incomplete is filled up.
    pub(super) fn is_filled(&self, list: &ListRequest) -> bool {
        list.min_relevance == Relevance::Low && list.fallback != Fallback::None
    }

    /// Who and what the list is for, as far as they are there.
    pub(super) fn resolved(&self, views: &Views) -> (Option<UserIdx>, Option<ItemIdx>) {
        let user = self.user.and_then(|id| user_of(views, id));
        (user, self.item.and_then(|id| views.catalog.existing(id)))
    }

    /// What expressions may ask beside the candidates.
    pub(super) fn contexts<'v>(&self, engine: &'v Engine, views: &'v Views) -> Contexts<'v>
    where
        'a: 'v,
    {
        let (user, item) = self.resolved(views);
        let at = now();
        let of_scenario = ContextOf {
            views,
            now_s: at.0.div_euclid(1_000) as f64,
            seed: at.0 as u64,
            item,
            user,
            segment: self.segment,
            item_types: Some(&engine.item_types),
            blinded: None,
        };
        let blinded = self.is_public.then_some(Blinded { user_id: self.user });
        Contexts { of_scenario, of_caller: ContextOf { blinded, ..of_scenario } }
    }

    /// The segments that are recommended, or to one of which items are.
    pub(super) fn item_type(
        &self,
        engine: &Engine,
        views: &Views,
    ) -> Result<Arc<ItemType>, RecommendationError> {
        let id = self.settings.segmentation.clone().unwrap_or_default();
        if views.segmentations.get(&id).is_none() {
            let what = format!("there is no segmentation {id:?}, which the scenario is about");
            return Err(RecommendationError::Invalid(what));
        }
        Ok(engine.item_types.get(views, &self.grouping())?)
    }

    fn grouping(&self) -> Grouping {
        Grouping::Segmentation(self.settings.segmentation.clone().unwrap_or_default())
    }

    /// The segment that the list is for.
    pub(super) fn segment(
        &self,
        engine: &Engine,
        views: &Views,
    ) -> Result<Option<SegmentOf>, RecommendationError> {
        let Some(segment) = self.segment else { return Ok(None) };
        let mut item_type = self.item_type(engine, views)?;
        if item_type.value(segment).is_none() {
            // It may be new.
            item_type = engine.item_types.newest(views, &self.grouping())?;
        }
        let Some(value) = item_type.value(segment) else {
            let segmentation = self.settings.segmentation.as_deref().unwrap_or_default();
            let what = format!("segmentation {segmentation:?} has no segment {segment:?}");
            return Err(RecommendationError::NotFound(what));
        };
        Ok(Some(SegmentOf { item_type, value }))
    }

    /// A list of what was found, with what the expressions of the call say of it.
    pub(super) fn listed(
        &self,
        ready: &Ready,
        rows: &dyn Rows,
        context: &dyn Context,
        budget: &Budget,
        found: impl Iterator<Item = (u32, f32)>,
        rotates: bool,
    ) -> Result<Listed, RecommendationError> {
        within(budget.check())?;
        let mut compiled = Vec::with_capacity(self.expressions.len());
        for (name, text) in self.expressions {
            compiled.push((name, reql::parse(text).map_err(wrong(name))?.compile(rows, context)));
            within(budget.look())?;
        }
        let mut recommended = Vec::new();
        let mut held_bytes = 0;
        for (row, score) in found {
            let mut evaluations = Vec::with_capacity(compiled.len());
            for (name, compiled) in &compiled {
                let value = compiled.value(row).to_json();
                held_bytes += evaluation_bytes(name, &value);
                budget.check_answer(held_bytes)?;
                evaluations.push(((*name).clone(), value));
                within(budget.look())?;
            }
            recommended.push(Recommended { id: rows.id(row).to_owned(), score, evaluations });
        }
        Ok(Listed { recommended, model: ready.model_version(), rotates })
    }
}

/// What the candidates of an endpoint are.
pub(crate) fn subject_of(endpoint: Endpoint) -> Subject {
    match endpoint.entries() {
        Entries::Items => Subject::Items,
        Entries::Segments => Subject::Segments,
        Entries::Users => Subject::Users,
    }
}

fn wrong(what: &str) -> impl Fn(reql::ReqlError) -> RecommendationError {
    move |error| RecommendationError::Expression {
        what: what.to_owned(),
        source: ExpressionError::Reql(error),
    }
}

impl Engine {
    /// Refuses a stage whose expressions are wrong, before anything is done for it.
    pub(super) fn check(&self, stage: &Stage<'_>) -> Result<(), RecommendationError> {
        stage.list()?;
        let views = self.shared.views.read();
        let schema = SchemaOf { views: &views, subject: stage.subject() };
        for StageExpression { what, text, .. } in &stage.filters {
            self.expressions.check(Use::Filter, text, &schema).map_err(wrong(what))?;
        }
        for StageExpression { what, text, .. } in &stage.boosters {
            self.expressions.check(Use::Booster, text, &schema).map_err(wrong(what))?;
        }
        if let Some(promoted) = &stage.settings.promoted {
            let schema = SchemaOf { views: &views, subject: Subject::Items };
            let checked = self.expressions.check(Use::Filter, &promoted.filter, &schema);
            checked.map_err(wrong("the scenario's promoted.filter"))?;
        }
        if stage.segment(self, &views)?.is_none() && stage.subject() == Subject::Segments {
            stage.item_type(self, &views)?;
        }
        for constraint in stage.settings.constraints.iter().flatten() {
            if views.catalog.table().property(&constraint.property).is_none() {
                let property = &constraint.property;
                let what = format!("there is no item property {property:?}, which the scenario constrains");
                return Err(RecommendationError::Invalid(what));
            }
        }
        // What they name need not be there: lists of users are asked about properties of items too.
        let schema = ForgivingSchema(SchemaOf { views: &views, subject: stage.subject() });
        for (name, text) in stage.expressions {
            let checked = reql::parse(text).and_then(|expression| expression.check(&schema));
            checked.map_err(wrong(&format!("reqlExpressions {name:?}")))?;
        }
        Ok(())
    }

    /// The filters and boosters of a stage, ready for its candidates.
    pub(super) fn selection<'v>(
        &self,
        stage: &Stage<'_>,
        views: &Views,
        rows: &'v dyn Rows,
        contexts: &'v Contexts<'_>,
        budget: &'v Budget,
    ) -> Result<Selection<'v>, RecommendationError> {
        let of_items = rows.subject() == Subject::Items;
        let ready = |use_, StageExpression { what, text, by }: &StageExpression| {
            let context: &dyn Context = contexts.of(*by);
            let ready = match of_items {
                true => self.expressions.of_items(use_, text, views, rows, context, budget),
                false => self.expressions.of_rows(use_, text, rows, context, budget),
            };
            let ready = ready.map_err(wrong(what))?;
            within(budget.look())?;
            Ok::<_, RecommendationError>(ready)
        };
        let filters = stage.filters.iter().map(|filter| ready(Use::Filter, filter));
        let boosters = stage.boosters.iter().map(|booster| ready(Use::Booster, booster));
        Ok(Selection {
            filters: filters.collect::<Result<_, _>>()?,
            boosters: boosters.collect::<Result<_, _>>()?,
        })
    }
}

/// Says that the time for expressions is used up.
fn within(is_within: Result<(), ExpressionError>) -> Result<(), RecommendationError> {
    let what = || "filter, booster and reqlExpressions".to_owned();
    is_within.map_err(|source| match source {
        ExpressionError::Budget(error) => error.into(),
        source => RecommendationError::Expression { what: what(), source },
    })
}
