//! Makes lists over the live state with the model in use, at one time. Records nothing.

use std::sync::Arc;

use domain::scenario::OTHERWISE_MAX;
use domain::{
    Endpoint, ListRequest, ListSettings, NothingLeft, Timestamp, TraitDefinition, UserIdx,
};
use rayon::prelude::*;
use serving::{
    ListOptions, ListQuestions, MissingEntities, PreparedStage, PreviewedEntries, PreviewedStage,
    QueryError, RecommendationRequest, Recommended, RecommendedList, RequestBudget, Serving, Stage,
    StageList,
};
use uuid::Uuid;

use crate::RecommendationError;
use crate::shared::Shared;

/// What makes lists at one time.
#[derive(Clone, Copy)]
pub(crate) struct ListMaker<'e> {
    pub(crate) shared: &'e Shared,
    pub(crate) serving: &'e Serving,
    pub(crate) now: Timestamp,
}

/// The list of a request.
pub(crate) struct MadeList<T> {
    /// The result of the first stage of a composite recommendation.
    pub(crate) source: Option<Recommended>,
    pub(crate) list: T,
    /// The scenario whose list it is in place of an empty one.
    pub(crate) followed_by: Option<String>,
}

/// A list that may be empty.
pub(crate) trait HasEntries {
    fn is_empty(&self) -> bool;
}

impl HasEntries for StageList {
    fn is_empty(&self) -> bool {
        self.recommended.is_empty()
    }
}

impl HasEntries for PreviewedStage {
    fn is_empty(&self) -> bool {
        match &self.entries {
            PreviewedEntries::Items(items) => items.is_empty(),
            PreviewedEntries::Others(others) => others.is_empty(),
        }
    }
}

impl ListMaker<'_> {
    /// The list of a user by settings.
    pub(crate) fn recommend(
        &self,
        user: Option<UserIdx>,
        request: &ListRequest,
    ) -> Result<RecommendedList, QueryError> {
        self.serving.recommend(&self.shared.live, user, request, self.now)
    }

    /// The lists of many users on all cores, in the order of the users.
    pub(crate) fn recommend_many(
        &self,
        users: &[Option<UserIdx>],
        request: &ListRequest,
    ) -> Result<Vec<RecommendedList>, QueryError> {
        self.serving.recommend_many(&self.shared.live, users, request, self.now)
    }

    /// The list of a trait for a user.
    pub(crate) fn trait_list(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendedList, RecommendationError> {
        let Some(scenario) = &definition.scenario else {
            return Ok(self.recommend(Some(user), &definition.list())?);
        };
        let (settings, count) = (ListSettings::default(), definition.count as usize);
        self.list_as_called(user, Some(scenario), settings, count, budget)
    }

    /// The list of items that a call for a user would get, with a scenario and settings.
    pub(crate) fn list_as_called(
        &self,
        user: UserIdx,
        scenario: Option<&str>,
        settings: ListSettings,
        count: usize,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendedList, RecommendationError> {
        let named = self.shared.live.snapshot().find_user_name(user)?;
        let request = RecommendationRequest {
            user_id: named.map(|(_, id)| id),
            scenario: scenario.map(str::to_owned),
            options: ListOptions { settings, ..ListOptions::default() },
            missing: MissingEntities::Ignored,
            ..RecommendationRequest::new(Endpoint::RecommendItemsToUser, count)
        };
        let (settings, _) = self.serving.resolve_scenario(
            &self.shared.live.snapshot(),
            &request,
            new_id(self.now),
        )?;
        let made = self.make_list(&request, &settings, budget, |stage| {
            let (live, questions) = (&self.shared.live, ListQuestions::default());
            Ok(self.serving.preview_stage(live, stage, questions, self.now, budget)?)
        })?;
        let made = made.list;
        let items = match made.entries {
            PreviewedEntries::Items(items) => items,
            PreviewedEntries::Others(_) => Vec::new(),
        };
        Ok(RecommendedList {
            items,
            item_type: None,
            recomm_id: None,
            model: made.model,
            fallback: made.fallback,
        })
    }

    /// The lists of a trait for many users on all cores, in the order of the users.
    pub(crate) fn trait_lists(
        &self,
        users: &[UserIdx],
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<Vec<RecommendedList>, RecommendationError> {
        if definition.scenario.is_none() {
            let users: Vec<Option<UserIdx>> = users.iter().copied().map(Some).collect();
            return Ok(self.recommend_many(&users, &definition.list())?);
        }
        users.par_iter().map(|user| self.trait_list(*user, definition, budget)).collect()
    }

    /// Whether a user has a trait, as its definition and, where that says so, its list have it.
    pub(crate) fn shows_trait(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<bool, RecommendationError> {
        if !self.shared.live.snapshot().has_trait(definition, user)? {
            return Ok(false);
        }
        Ok(match definition.nothing_left {
            NothingLeft::EmptyList => true,
            NothingLeft::NoTrait => !self.trait_list(user, definition, budget)?.items.is_empty(),
        })
    }

    /// The stages of a request, with the first one prepared.
    pub(crate) fn prepare_stages<'a>(
        &self,
        request: &'a RecommendationRequest,
        scenario_settings: &ListSettings,
    ) -> Result<(PreparedStage<'a>, Option<Stage<'a>>), RecommendationError> {
        let live = &self.shared.live;
        let of_person = self.person_filters(request, scenario_settings)?;
        let (first, second) =
            self.serving.stages(&live.snapshot(), request, scenario_settings, &of_person)?;
        Ok((self.serving.prepare(live, first, self.now)?, second))
    }

    /// Makes the list of a request with `list`. Where it is empty, the list of the scenario that
    /// follows it is taken, with the filter and booster of the request.
    pub(crate) fn make_list<T: HasEntries>(
        &self,
        request: &RecommendationRequest,
        scenario_settings: &ListSettings,
        budget: &Arc<RequestBudget>,
        list: impl Fn(&PreparedStage<'_>) -> Result<T, RecommendationError>,
    ) -> Result<MadeList<T>, RecommendationError> {
        let (mut source, mut made) =
            self.make_own_list(request, scenario_settings, budget, &list)?;
        let of_call = &request.options.settings;
        let mut otherwise = of_call.or(scenario_settings).otherwise;
        let mut followed_by = None;
        for _ in 0..OTHERWISE_MAX {
            let Some(next) = otherwise.take().filter(|_| made.is_empty()) else { break };
            let (filter, booster) = (of_call.filter.clone(), of_call.booster.clone());
            let settings = ListSettings { filter, booster, ..ListSettings::default() };
            let request = RecommendationRequest {
                scenario: Some(next.clone()),
                options: ListOptions { settings, ..request.options.clone() },
                ..request.clone()
            };
            let (settings, _) = self.serving.resolve_scenario(
                &self.shared.live.snapshot(),
                &request,
                new_id(self.now),
            )?;
            (source, made) = self.make_own_list(&request, &settings, budget, &list)?;
            (otherwise, followed_by) = (settings.otherwise, Some(next));
        }
        Ok(MadeList { source, list: made, followed_by })
    }

    /// Makes the list of a request and no other, after that of the source of a composite one.
    fn make_own_list<T>(
        &self,
        request: &RecommendationRequest,
        scenario_settings: &ListSettings,
        budget: &Arc<RequestBudget>,
        list: &impl Fn(&PreparedStage<'_>) -> Result<T, RecommendationError>,
    ) -> Result<(Option<Recommended>, T), RecommendationError> {
        let (first, second) = self.prepare_stages(request, scenario_settings)?;
        if let Some(second) = second
            && let Some(found) = self.list_stage(&first, budget)?.recommended.into_iter().next()
        {
            let second = second.with_source(&found.id);
            let second = self.serving.prepare(&self.shared.live, second, self.now)?;
            let listed = list(&second)?;
            drop(second);
            return Ok((Some(found), listed));
        }
        // A composite one without a source has no list either.
        Ok((None, list(&first)?))
    }

    pub(crate) fn list_stage(
        &self,
        stage: &PreparedStage<'_>,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, RecommendationError> {
        Ok(self.serving.list_stage(&self.shared.live, stage, self.now, budget)?)
    }
}

/// Makes an id that begins with its time (UUID version 7), by which its day is found again.
pub(crate) fn new_id(at: Timestamp) -> Uuid {
    let (seconds, ms) = (at.0.max(0) as u64 / 1_000, at.0.max(0) as u64 % 1_000);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, ms as u32 * 1_000_000))
}
