//! Lists of recommendations: their inputs, and their form with external ids.

use std::sync::Arc;

use domain::{InteractionKind, ItemIdx, ListRequest, Timestamp, UserIdx};
use rayon::prelude::*;
use recommender::{
    CandidateSources, Contribution, Eligibility, Facet, FacetValues, HistoryEntry, Impression,
    Model, Origin, PeopleByItem, Recommendation, Request, WeakSignal, recommend,
};
use rustc_hash::FxHashSet;
use state::Views;
use uuid::Uuid;

use crate::cold_start::ColdStart;
use crate::groupings::Grouping;
use crate::kept_counts::Ranked;
use crate::{LiveState, QueryError, Serving, Snapshot};

/// A ranked list by external ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecommendedList {
    /// Best first.
    pub items: Vec<ListedItem>,
    /// The property whose values are listed; `None` if items are listed.
    pub item_type: Option<String>,
    /// The recommendation id that interactions cite; `None` for a preview.
    pub recomm_id: Option<Uuid>,
    /// The version of the model; `None` before the first training.
    pub model: Option<String>,
    /// Whether a list from the user's history was requested and no entry comes from it.
    pub fallback: bool,
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedItem {
    /// The item, or the value of the property.
    pub item_id: String,
    /// Score, comparable within one list only.
    pub score: f32,
    /// The origin of the candidate: model, similarity, popularity or the user's own history.
    pub origin: Origin,
    /// Contributions of the user's history, strongest first.
    pub explanation: Vec<ListedContribution>,
}

/// One history item's share of an item's score.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedContribution {
    /// The history item.
    pub item_id: String,
    /// The kind of the user's interaction with it.
    pub kind: InteractionKind,
    /// Share of the score, from 0 to 1.
    pub share: f32,
    /// How many people did the same with it and acted on the listed item too, where that was
    /// counted.
    pub n_people: Option<u32>,
    /// For cold-start items: the property in which both items are most similar.
    pub similar_in: Option<String>,
}

/// A model and its cold-start items, as lists use them; no model before the first training.
#[derive(Clone)]
pub struct ServedModel {
    model: Option<Arc<Model>>,
    cold_start: Arc<ColdStart>,
}

impl ServedModel {
    pub(crate) fn sources<'a>(&'a self, views: &'a Views) -> CandidateSources<'a> {
        CandidateSources {
            model: self.model.as_deref(),
            cold_start: &self.cold_start.items,
            histories: views.interactions.histories(),
            interaction_weights: views.setup.config.interaction_weights,
            n_items: views.catalog.n_items(),
        }
    }

    /// The version of the model; none before the first training.
    pub fn version(&self) -> Option<String> {
        self.model.as_ref().map(|model| model.version.clone())
    }
}

/// The user's inputs to a recommendation request.
pub(crate) struct RequestContext<'a> {
    history: &'a [HistoryEntry],
    weak: &'a [WeakSignal],
    /// Items that are left out and that the history no longer holds.
    older: FxHashSet<ItemIdx>,
    impressions: Vec<Impression>,
}

impl<'a> RequestContext<'a> {
    /// The eligibility of items, given which are available.
    pub(crate) fn eligibility<'b>(
        &self,
        is_available: &'b dyn Fn(ItemIdx) -> bool,
        list: &ListRequest,
        left_out: &FxHashSet<ItemIdx>,
    ) -> Eligibility<'b> {
        let older = self.older.iter().chain(left_out).copied();
        Eligibility::new(is_available, list.exclude, self.history, older)
    }

    pub(crate) fn request<'b>(
        &'b self,
        list: &'b ListRequest,
        eligibility: &'b Eligibility<'b>,
        now: Timestamp,
    ) -> Request<'b> {
        Request {
            weak_signals: self.weak,
            impressions: &self.impressions,
            now_s: now.seconds_u32(),
            ..Request::new(list, self.history, eligibility)
        }
    }
}

impl Serving {
    /// Recommends to a user from the current history, or to an unknown user.
    ///
    /// # Errors
    /// The property whose values are requested does not exist, or the store cannot be read.
    pub fn recommend(
        &self,
        live: &LiveState,
        user: Option<UserIdx>,
        request: &ListRequest,
        now: Timestamp,
    ) -> Result<RecommendedList, QueryError> {
        self.recommend_with(live, &self.model_in_use(live), user, request, now)
    }

    /// As [`Serving::recommend`], with a model that need not be the one in use.
    ///
    /// # Errors
    /// As [`Serving::recommend`].
    pub fn recommend_with(
        &self,
        live: &LiveState,
        model: &ServedModel,
        user: Option<UserIdx>,
        request: &ListRequest,
        now: Timestamp,
    ) -> Result<RecommendedList, QueryError> {
        let prepared = self.prepare_list(live, model.clone(), request, now)?;
        self.list(&live.snapshot(), &prepared, user, request, now)
    }

    /// Recommends to many users, on all cores. The lists are in the order of the users.
    ///
    /// # Errors
    /// As [`Serving::recommend`].
    pub fn recommend_many(
        &self,
        live: &LiveState,
        users: &[Option<UserIdx>],
        request: &ListRequest,
        now: Timestamp,
    ) -> Result<Vec<RecommendedList>, QueryError> {
        let prepared = self.prepare_list(live, self.model_in_use(live), request, now)?;
        // A snapshot for each user, so that the fold gets its turns.
        let list =
            |user: &Option<UserIdx>| self.list(&live.snapshot(), &prepared, *user, request, now);
        users.par_iter().map(list).collect()
    }

    /// The model in use and its cold-start items, which are computed again when the model or the
    /// items have changed.
    pub fn model_in_use(&self, live: &LiveState) -> ServedModel {
        let model = self.model.load_full();
        let cold_start = self.cold_start.get(live, model.as_deref());
        ServedModel { model, cold_start }
    }

    /// Another model than the one in use, for lists that show what it would recommend. Its
    /// cold-start items have the features of those in use; nothing of it is kept here.
    pub fn prepare_model(&self, live: &LiveState, model: Model) -> ServedModel {
        let cold_start = Arc::new(self.model_in_use(live).cold_start.for_model(&model));
        ServedModel { model: Some(Arc::new(model)), cold_start }
    }

    fn prepare_list(
        &self,
        live: &LiveState,
        model: ServedModel,
        request: &ListRequest,
        now: Timestamp,
    ) -> Result<PreparedList, QueryError> {
        let grouping = request.item_type.clone().map(Grouping::Property);
        let item_type =
            grouping.map(|grouping| self.groupings.get(live, &grouping, now)).transpose()?;
        let people_by_item = self.people_by_item(live, request, now);
        let popularity = self.popularity_of_all(live, request, now);
        Ok(PreparedList { model, item_type, people_by_item, popularity })
    }

    /// Collects the inputs of a user, known or unknown, to a list.
    pub(crate) fn context<'v>(
        &self,
        snapshot: &'v Snapshot<'_>,
        user: Option<UserIdx>,
        list: &ListRequest,
    ) -> Result<RequestContext<'v>, QueryError> {
        let histories = snapshot.interactions.histories();
        let older = match user.filter(|user| histories.is_full(*user)) {
            Some(user) => {
                let excludes = |kind| recommender::excludes(list.exclude, kind);
                snapshot.interactions.items_by_user(snapshot.store(), user, excludes)?
            }
            None => FxHashSet::default(),
        };
        let impressions = match user.filter(|_| list.rotation_rate > 0.0) {
            Some(user) => {
                [snapshot.impressions.by_user(user), &self.waiting.impressions(user)].concat()
            }
            None => Vec::new(),
        };
        let history = user.map_or(&[][..], |user| histories.row(user));
        let weak = user.map_or(&[][..], |user| snapshot.weak_signals.by_user(user));
        Ok(RequestContext { history, weak, older, impressions })
    }

    fn list(
        &self,
        snapshot: &Snapshot<'_>,
        PreparedList { model, item_type, people_by_item, popularity }: &PreparedList,
        user: Option<UserIdx>,
        request: &ListRequest,
        now: Timestamp,
    ) -> Result<RecommendedList, QueryError> {
        let item_type = item_type.as_deref();
        let values = item_type.map(|item_type| FacetValues {
            facet: item_type,
            allows: &|_| true,
            booster: None,
        });
        let context = self.context(snapshot, user, request)?;
        let offered = snapshot.offered(now).of_catalog(request.catalog.as_deref());
        let is_offered = |item: ItemIdx| offered.has(item);
        let eligibility = context.eligibility(&is_offered, request, &FxHashSet::default());
        let asked = Request {
            values,
            people_by_item: people_by_item.as_deref(),
            period_popularity: popularity.as_deref(),
            ..context.request(request, &eligibility, now)
        };
        let recommendation = recommend(model.sources(snapshot), &asked);
        let items = resolve_ids(snapshot, model, item_type, &recommendation);
        Ok(RecommendedList {
            fallback: is_fallback(request, &items),
            items,
            item_type: request.item_type.clone(),
            recomm_id: None,
            model: model.version(),
        })
    }
}

/// Whether a list was to follow from the user's history and no entry does.
pub(crate) fn is_fallback(request: &ListRequest, items: &[ListedItem]) -> bool {
    let is_personal = |item: &ListedItem| item.origin.is_personal();
    request.is_personal() && !items.is_empty() && !items.iter().any(is_personal)
}

/// The inputs of a list beside the snapshot.
struct PreparedList {
    model: ServedModel,
    /// The facet whose values are listed; `None` if items are listed.
    item_type: Option<Arc<Facet>>,
    /// The people of each item in the window that the list learns from; none without a window.
    people_by_item: Option<Arc<PeopleByItem>>,
    /// The popularity in the period that counts as trending; none without a period.
    popularity: Option<Ranked>,
}

/// A list with its reasons by external ids.
pub(crate) fn resolve_ids(
    views: &Views,
    model: &ServedModel,
    item_type: Option<&Facet>,
    recommendation: &Recommendation,
) -> Vec<ListedItem> {
    let features = model.cold_start.items.features();
    let because = |of: Option<ItemIdx>, because: &[Contribution]| {
        let reason = |because: &Contribution| ListedContribution {
            item_id: views.catalog.item_id(because.item).to_owned(),
            kind: because.kind,
            share: because.share,
            n_people: because.n_people,
            similar_in: of
                .and_then(|item| features.shared_property(because.item, item))
                .map(str::to_owned),
        };
        because.iter().map(reason).collect()
    };
    match recommendation {
        Recommendation::Items(items) => items
            .iter()
            .map(|item| ListedItem {
                item_id: views.catalog.item_id(item.item).to_owned(),
                score: item.score,
                origin: item.origin,
                explanation: because(
                    Some(item.item)
                        .filter(|_| matches!(item.origin, Origin::ColdStart | Origin::Content)),
                    &item.explanation,
                ),
            })
            .collect(),
        Recommendation::Values(values) => values
            .iter()
            .map(|value| ListedItem {
                item_id: item_type.map_or("", |item_type| item_type.text(value.item)).to_owned(),
                score: value.score,
                origin: value.origin,
                explanation: because(None, &value.explanation),
            })
            .collect(),
    }
}
