//! One list of a call: what it is for, and what its candidates must pass.

use catalog::{ItemsNear, Point};
use domain::{
    AssetType, Endpoint, ExpressionRole, ItemIdx, ListCaller, ListRequest, ListSettings,
    LocationFilter, Logic, Timestamp, UserIdx,
};
use reql::{Context, Rows, Subject};
use state::{Views, find_user};

use super::user_filter::USER_FILTER;
use super::{ListOptions, RecommendationRequest};
use crate::evaluation::{
    EvaluationContext, ExpressionSchema, LenientSchema, PublicRestriction, Segmentations,
    endpoint_subject,
};
use crate::expressions::{Budget, ExpressionError, ExpressionUse, Selection};
use crate::groupings::Grouping;
use crate::lists::ServedModel;
use crate::{ListError, Serving, Snapshot};

/// An entry of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The id of the item, segment or user.
    pub id: String,
    /// Comparable within the list.
    pub score: f32,
    /// The values of the call's expressions for it, as JSON, by name.
    pub evaluations: Vec<(String, serde_json::Value)>,
}

impl Recommended {
    /// Its memory, in bytes.
    pub fn n_bytes(&self) -> usize {
        let of_evaluations =
            self.evaluations.iter().map(|(name, value)| evaluation_bytes(name, value));
        size_of::<Self>() + self.id.len() + of_evaluations.sum::<usize>()
    }
}

/// The memory of an expression's value with its name, in bytes.
fn evaluation_bytes(name: &str, value: &serde_json::Value) -> usize {
    fn around(value: &serde_json::Value) -> usize {
        size_of::<serde_json::Value>() + heap(value)
    }
    fn heap(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::String(text) => text.len(),
            serde_json::Value::Array(values) => values.iter().map(around).sum(),
            serde_json::Value::Object(members) => members
                .iter()
                .map(|(name, value)| size_of::<String>() + name.len() + around(value))
                .sum(),
            _ => 0,
        }
    }
    size_of::<(String, serde_json::Value)>() + name.len() + heap(value)
}

/// The list of a stage.
pub struct StageList {
    /// Best first.
    pub recommended: Vec<Recommended>,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// Whether the items step back in the user's next lists.
    pub rotates: bool,
}

/// A filter or booster of a stage.
pub(super) struct StageExpression {
    /// The name of the parameter, for messages.
    pub(super) what: &'static str,
    pub(super) text: String,
    by: Author,
}

/// What follows for a list from its person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PersonFilters {
    /// From what they did.
    pub filters: Vec<PersonFilter>,
    /// From where they are.
    pub near: Option<NearPerson>,
}

/// Only items at a location near the person.
#[derive(Debug, Clone, PartialEq)]
pub struct NearPerson {
    /// The setting.
    pub filter: LocationFilter,
    /// The last known place of the person; none where nothing is near.
    pub point: Option<Point>,
    /// Whether the call asks for it itself. Where the catalog of a scenario is gone, nothing is
    /// near, and whoever calls the scenario does not pay for it.
    pub is_of_call: bool,
}

/// The items near a person.
pub(super) enum Near<'a> {
    /// Items of a list may be anywhere.
    Anywhere,
    /// Where the person is is not known, so nothing is near.
    Unknown,
    /// Only these.
    Items(ItemsNear<'a>),
}

impl Near<'_> {
    pub(super) fn has(&self, item: ItemIdx) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Unknown => false,
            Self::Items(items) => items.has(item),
        }
    }
}

/// A filter of a list that follows from what its person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFilter {
    /// The setting that it follows from, for messages.
    pub what: &'static str,
    /// The expression over items.
    pub text: String,
}

/// The author of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// The author of the scenario.
    Scenario,
    /// The caller.
    Caller,
}

/// The contexts of the expressions of a stage.
pub(super) struct Contexts<'a> {
    /// The context of the scenario's expressions, which may read everything.
    pub(super) scenario: EvaluationContext<'a>,
    /// The context of the caller's expressions, which is restricted for browsers.
    pub(super) caller: EvaluationContext<'a>,
}

impl<'a> Contexts<'a> {
    fn for_author(&self, author: Author) -> &EvaluationContext<'a> {
        match author {
            Author::Scenario => &self.scenario,
            Author::Caller => &self.caller,
        }
    }
}

/// One list of a call: what it is for, and what its candidates must pass.
pub struct Stage<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) count: usize,
    pub(super) user: Option<&'a str>,
    pub(super) item: Option<&'a str>,
    pub(super) segment: Option<&'a str>,
    pub(super) search_query: Option<&'a str>,
    /// The settings of the call, completed with those of its scenario.
    pub(super) settings: ListSettings,
    /// All of them hold.
    pub(super) filters: Vec<StageExpression>,
    pub(super) near: Option<NearPerson>,
    /// Scores are multiplied with all of them.
    pub(super) boosters: Vec<StageExpression>,
    pub(super) expressions: &'a [(String, String)],
    pub(super) left_out: &'a [String],
    /// The seed of a composite recommendation as a whole.
    pub(super) whole_is_for: Option<&'a str>,
    pub(super) is_public: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        request: &'a RecommendationRequest,
        endpoint: Endpoint,
        options: &'a ListOptions,
        of_scenario: &ListSettings,
        of_person: &PersonFilters,
    ) -> Self {
        let said = |of_scenario: &Option<String>,
                    of_call: &Option<String>,
                    what: [&'static str; 2]| {
            let both =
                what.into_iter().zip([(of_scenario, Author::Scenario), (of_call, Author::Caller)]);
            both.filter_map(|(what, (text, by))| {
                Some(StageExpression { what, text: text.clone()?, by })
            })
            .collect::<Vec<_>>()
        };
        let of_scenario = of_scenario.for_call(&options.settings, endpoint);
        let settings = options.settings.or(&of_scenario);
        let [filter, booster] = match (request.endpoint, endpoint) {
            (Endpoint::CompositeRecommendation, Endpoint::CompositeRecommendation) => {
                ["resultSettings: filter", "resultSettings: booster"]
            }
            (Endpoint::CompositeRecommendation, _) => {
                ["sourceSettings: filter", "sourceSettings: booster"]
            }
            _ => ["filter", "booster"],
        };
        let mut filters =
            said(&of_scenario.filter, &options.settings.filter, ["the scenario's filter", filter]);
        let of_type = settings.asset_type.map(AssetType::filter);
        filters.extend(of_type.map(|text| StageExpression {
            what: "assetType",
            text,
            by: Author::Scenario,
        }));
        filters.extend(of_person.filters.iter().map(|PersonFilter { what, text }| {
            StageExpression { what, text: text.clone(), by: Author::Scenario }
        }));
        let mut boosters = said(
            &of_scenario.booster,
            &options.settings.booster,
            ["the scenario's booster", booster],
        );
        if let Some(freshness) = &settings.freshness {
            let (into, text) = match freshness.booster() {
                Some(text) => (&mut boosters, text),
                None => (&mut filters, freshness.filter()),
            };
            into.push(StageExpression { what: "freshness", text, by: Author::Scenario });
        }
        Self {
            endpoint,
            count: request.count,
            user: request.user_id.as_deref(),
            item: request.item_id.as_deref(),
            segment: request.segment_id.as_deref(),
            search_query: request.search_query.as_deref(),
            filters,
            near: of_person.near.clone(),
            boosters,
            settings,
            expressions: &options.expressions,
            left_out: &request.left_out,
            whole_is_for: None,
            is_public: request.is_public,
        }
    }

    /// The second stage of a composite recommendation, with what the first one found.
    pub fn with_source<'b>(self, source: &'b str) -> Stage<'b>
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

    pub(super) fn grouping(&self) -> Grouping {
        Grouping::Segmentation(self.settings.segmentation.clone().unwrap_or_default())
    }

    /// The kind of its candidates.
    pub(super) fn subject(&self) -> Subject {
        endpoint_subject(self.endpoint)
    }

    /// The options of the list.
    pub(super) fn list(&self) -> Result<ListRequest, ListError> {
        let mut list = self.settings.request(self.count, ListCaller::Endpoint(self.endpoint));
        if self.subject() == Subject::Segments {
            (list.diversity, list.rotation_rate) = (0.0, 0.0);
        }
        let goes_with_item = matches!(list.logic, Logic::CrossSell | Logic::WatchNext);
        if goes_with_item && self.endpoint.can_be_similar() {
            list.logic = Logic::Similar;
        }
        if list.names_logic(|logic| logic == Logic::Similar) && !self.endpoint.can_be_similar() {
            let what = "logic: similar needs an item or a segment";
            return Err(ListError::Invalid(what.to_owned()));
        }
        if list.names_logic(|logic| logic == Logic::Picks)
            && (self.settings.picks.is_none() || self.subject() != Subject::Items)
        {
            let what =
                "logic: lists of picks are lists of items and need picks, the ids of the items";
            return Err(ListError::Invalid(what.to_owned()));
        }
        list.validate().map_err(ListError::Invalid)?;
        Ok(list)
    }

    /// Whether the interactions of some users only count as trending.
    pub(super) fn has_user_filter(&self) -> bool {
        self.settings.user_filter.is_some()
    }

    /// The indices of the user and the item, if they exist.
    pub(super) fn resolve(&self, views: &Views) -> (Option<UserIdx>, Option<ItemIdx>) {
        let user = self.user.and_then(|id| find_user(views, id));
        (user, self.item.and_then(|id| views.catalog.available_item(id)))
    }

    /// The items near the person, where only those may be in the list.
    pub(super) fn items_near<'v>(&self, views: &'v Views) -> Result<Near<'v>, ListError> {
        let Some(NearPerson { filter, point, is_of_call }) = &self.near else {
            return Ok(Near::Anywhere);
        };
        let Some(point) = point else { return Ok(Near::Unknown) };
        match views.items_near(&filter.catalog, *point, f64::from(filter.within_km)) {
            Ok(near) => Ok(Near::Items(near)),
            Err(what) if *is_of_call => Err(ListError::Invalid(format!("location: {what}"))),
            Err(what) => {
                tracing::debug!(what, "nothing is near");
                Ok(Near::Unknown)
            }
        }
    }

    /// The contexts in which expressions are evaluated.
    pub(super) fn contexts<'v>(
        &self,
        snapshot: &'v Snapshot<'_>,
        segmentations: &'v Segmentations,
        now: Timestamp,
    ) -> Contexts<'v>
    where
        'a: 'v,
    {
        let views: &Views = snapshot;
        let (user, item) = self.resolve(views);
        let of_scenario = EvaluationContext {
            views,
            store: Some(snapshot.store()),
            now_s: now.0.div_euclid(1_000) as f64,
            seed: now.0 as u64,
            item,
            user,
            segment: self.segment,
            segmentations: Some(segmentations),
            restriction: None,
        };
        let blinded = self.is_public.then_some(PublicRestriction { user_id: self.user });
        Contexts {
            scenario: of_scenario,
            caller: EvaluationContext { restriction: blinded, ..of_scenario },
        }
    }

    /// A list of what was found, with what the expressions of the call say of it.
    pub(super) fn to_listed(
        &self,
        in_use: &ServedModel,
        rows: &dyn Rows,
        context: &dyn Context,
        budget: &Budget,
        found: impl Iterator<Item = (u32, f32)>,
        rotates: bool,
    ) -> Result<StageList, ListError> {
        map_budget_error(budget.check())?;
        let mut compiled = Vec::with_capacity(self.expressions.len());
        for (name, text) in self.expressions {
            compiled.push((name, reql::parse(text).map_err(wrong(name))?.compile(rows, context)));
            map_budget_error(budget.check_now_and_then())?;
        }
        let mut recommended = Vec::new();
        let mut held_bytes = 0;
        for (row, score) in found {
            let mut evaluations = Vec::with_capacity(compiled.len());
            for (name, compiled) in &compiled {
                let value = compiled.evaluate(row).to_json();
                held_bytes += evaluation_bytes(name, &value);
                budget.check_answer(held_bytes)?;
                evaluations.push(((*name).clone(), value));
                map_budget_error(budget.check_now_and_then())?;
            }
            recommended.push(Recommended { id: rows.id(row).to_owned(), score, evaluations });
        }
        Ok(StageList { recommended, model: in_use.version(), rotates })
    }
}

pub(crate) fn wrong(what: &str) -> impl Fn(reql::ReqlError) -> ListError {
    move |error| ListError::Expression {
        what: what.to_owned(),
        source: ExpressionError::Reql(error),
    }
}

/// How messages call the filter of promoted items.
pub(super) const PROMOTED: &str = "the scenario's promoted.filter";

impl Serving {
    /// Refuses a stage whose expressions are wrong, before anything is done for it.
    pub(super) fn check(&self, views: &Views, stage: &Stage<'_>) -> Result<(), ListError> {
        stage.list()?;
        let schema = ExpressionSchema { views, subject: stage.subject() };
        for StageExpression { what, text, .. } in &stage.filters {
            self.expressions.check(ExpressionUse::Filter, text, &schema).map_err(wrong(what))?;
        }
        for StageExpression { what, text, .. } in &stage.boosters {
            self.expressions.check(ExpressionUse::Booster, text, &schema).map_err(wrong(what))?;
        }
        if let Some(promoted) = &stage.settings.promoted {
            let schema = ExpressionSchema { views, subject: Subject::Items };
            let checked = self.expressions.check(ExpressionUse::Filter, &promoted.filter, &schema);
            checked.map_err(wrong(PROMOTED))?;
        }
        if let Some(user_filter) = &stage.settings.user_filter {
            let schema = ExpressionSchema { views, subject: Subject::Users };
            self.expressions
                .check(ExpressionUse::Filter, user_filter, &schema)
                .map_err(wrong(USER_FILTER))?;
        }
        for constraint in stage.settings.constraints.iter().flatten() {
            if views.catalog.table().property(&constraint.property).is_none() {
                let property = &constraint.property;
                let what = format!(
                    "there is no item property {property:?}, which the scenario constrains"
                );
                return Err(ListError::Invalid(what));
            }
        }
        // Properties that they name need not exist: lists of users are also asked for properties of
        // items.
        let schema = LenientSchema(ExpressionSchema { views, subject: stage.subject() });
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
    ) -> Result<Selection<'v>, ListError> {
        let of_items = rows.subject() == Subject::Items;
        let ready = |use_, StageExpression { what, text, by }: &StageExpression| {
            let context: &dyn Context = contexts.for_author(*by);
            let ready = match of_items {
                true => {
                    self.expressions.prepare_for_items(use_, text, views, rows, context, budget)
                }
                false => self.expressions.prepare_for_rows(use_, text, rows, context, budget),
            };
            let ready = ready.map_err(wrong(what))?;
            map_budget_error(budget.check_now_and_then())?;
            Ok::<_, ListError>(ready)
        };
        let filters = stage.filters.iter().map(|filter| ready(ExpressionUse::Filter, filter));
        let boosters = stage.boosters.iter().map(|booster| ready(ExpressionUse::Booster, booster));
        Ok(Selection {
            filters: filters.collect::<Result<_, _>>()?,
            boosters: boosters.collect::<Result<_, _>>()?,
        })
    }
}

/// The expressions of settings that do not fit a workspace as it is, in the order of the settings.
pub fn expression_mistakes(
    views: &Views,
    endpoint: Endpoint,
    settings: &ListSettings,
) -> Vec<(ExpressionRole, reql::ReqlError)> {
    let subject = endpoint_subject(endpoint);
    let check = |role: ExpressionRole, text: &str| {
        let subject = match role {
            ExpressionRole::Filter | ExpressionRole::Booster => subject,
            ExpressionRole::Promoted => Subject::Items,
            ExpressionRole::UserFilter => Subject::Users,
        };
        let schema = ExpressionSchema { views, subject };
        let parsed = reql::parse(text)?;
        match role {
            ExpressionRole::Booster => parsed.check_booster(&schema),
            _ => parsed.check_filter(&schema),
        }
    };
    let said = settings.expressions();
    said.filter_map(|(role, text)| Some((role, check(role, text).err()?))).collect()
}

/// Says that the time for expressions is used up.
pub(crate) fn map_budget_error(is_within: Result<(), ExpressionError>) -> Result<(), ListError> {
    let what = || "filter, booster, userSegmentFilter and reqlExpressions".to_owned();
    is_within.map_err(|source| match source {
        ExpressionError::Budget(error) => error.into(),
        source => ListError::Expression { what: what(), source },
    })
}
