//! Recommendation requests: missing users and items are created, and list impressions are recorded.

use std::sync::Arc;

use domain::ListSettings;
use serving::{
    BudgetError, ListError, ListQuestions, MissingEntities, PreparedStage, PreviewedStage,
    QueryError, RecommendationRequest, Recommended, RequestBudget, Stage, StageList,
};
use state::{Command, EntityKind, Entry, ListImpression, Outcome, Place, Refusal, find_user};
use uuid::Uuid;

use crate::past_recommendations::new_id;
use crate::{Engine, SubmitError};

/// The answer to a recommendation request.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationResponse {
    /// The id by which interactions can cite the list.
    pub recomm_id: Uuid,
    /// The user's group of an A/B test.
    pub group: Option<String>,
    /// The result of the first stage of a composite recommendation, which the list is based on.
    pub source: Option<Recommended>,
    /// Best first.
    pub recommended: Vec<Recommended>,
    /// How many lists have continued the first one.
    pub n_next: u32,
}

/// The answer to a request that somebody tries.
#[derive(Debug)]
pub struct PreviewedRecommendations {
    /// The user's group of an A/B test.
    pub group: Option<String>,
    /// The result of the first stage of a composite recommendation.
    pub source: Option<Recommended>,
    /// The list.
    pub list: PreviewedStage,
}

/// Errors of recommendation requests.
#[derive(Debug, thiserror::Error)]
pub enum RecommendationError {
    /// The list cannot be made.
    #[error(transparent)]
    List(#[from] ListError),
    /// Another server continued the recommendation at the same time.
    #[error("recommendation {0} was continued elsewhere at the same time: try again")]
    ContinuedElsewhere(Uuid),
    /// A missing user or item could not be created, or the list impression not be recorded.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl RecommendationError {
    /// Whether the catalog as it is cannot answer the list, whoever it is for: it has no longer
    /// what the list names.
    pub fn is_of_the_catalog(&self) -> bool {
        matches!(
            self,
            Self::List(
                ListError::Query(QueryError::NoSuchProperty { .. })
                    | ListError::Expression { .. }
                    | ListError::Invalid(_)
            )
        )
    }
}

impl From<QueryError> for RecommendationError {
    fn from(error: QueryError) -> Self {
        Self::List(error.into())
    }
}

impl From<BudgetError> for RecommendationError {
    fn from(error: BudgetError) -> Self {
        Self::List(error.into())
    }
}

impl Engine {
    /// Makes the list of a request, or the two lists of a composite one, and records the
    /// impression.
    ///
    /// # Errors
    /// If the request is invalid or costs too much, or a missing user or item cannot be created.
    pub fn request_recommendations(
        &self,
        request: &RecommendationRequest,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendationResponse, RecommendationError> {
        self.respond(request, new_id(self.now()), 0, budget)
    }

    /// Whether a request names users or items that are missing, and wants them created.
    pub fn creates_missing(&self, request: &RecommendationRequest) -> bool {
        request.missing == MissingEntities::Created
            && !request.is_public
            && !self.find_missing(request).is_empty()
    }

    /// Creates missing users and items of a request that wants them created, so that the request
    /// itself does not wait for the disk.
    ///
    /// # Errors
    /// If the request is invalid, or they cannot be created.
    pub fn create_missing(
        &self,
        request: &RecommendationRequest,
    ) -> Result<(), RecommendationError> {
        let (scenario_settings, _) =
            self.serving.resolve_scenario(&self.snapshot(), request, new_id(self.now()))?;
        self.prepare_stages(request, &scenario_settings)?;
        self.create_or_refuse_missing(request)
    }

    /// The stages of a request, with the first one prepared.
    fn prepare_stages<'a>(
        &self,
        request: &'a RecommendationRequest,
        scenario_settings: &ListSettings,
    ) -> Result<(PreparedStage<'a>, Option<Stage<'a>>), RecommendationError> {
        let (first, second) = self.serving.stages(&self.snapshot(), request, scenario_settings)?;
        Ok((self.serving.prepare(&self.shared.live, first, self.now())?, second))
    }

    pub(crate) fn respond(
        &self,
        request: &RecommendationRequest,
        recomm_id: Uuid,
        n_next: u32,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendationResponse, RecommendationError> {
        budget.check()?;
        let (scenario_settings, group) =
            self.serving.resolve_scenario(&self.snapshot(), request, recomm_id)?;
        let (source, listed) = self.make_list(request, &scenario_settings, budget, |stage| {
            self.list_stage(stage, budget)
        })?;
        let StageList { recommended, model, rotates } = listed;
        let response =
            RecommendationResponse { recomm_id, group: group.clone(), source, recommended, n_next };
        self.record_list(request, &response, model, rotates)?;
        Ok(response)
    }

    /// Makes the list of a request with `list`, after that of the source of a composite one.
    fn make_list<T>(
        &self,
        request: &RecommendationRequest,
        scenario_settings: &ListSettings,
        budget: &Arc<RequestBudget>,
        list: impl Fn(&PreparedStage<'_>) -> Result<T, RecommendationError>,
    ) -> Result<(Option<Recommended>, T), RecommendationError> {
        let (first, second) = self.prepare_stages(request, scenario_settings)?;
        self.create_or_refuse_missing(request)?;
        if let Some(second) = second
            && let Some(found) = self.list_stage(&first, budget)?.recommended.into_iter().next()
        {
            let second = second.with_source(&found.id);
            let second = self.serving.prepare(&self.shared.live, second, self.now())?;
            let listed = list(&second)?;
            drop(second);
            return Ok((Some(found), listed));
        }
        // A composite one without a source has no list either.
        Ok((None, list(&first)?))
    }

    /// Makes the list of a request with its reasons, and answers questions about it. Records no
    /// impression, and creates nobody: a user that is missing is one without history.
    ///
    /// # Errors
    /// As [`Engine::request_recommendations`].
    pub fn preview_recommendations(
        &self,
        request: &RecommendationRequest,
        questions: ListQuestions<'_>,
        budget: &Arc<RequestBudget>,
    ) -> Result<PreviewedRecommendations, RecommendationError> {
        budget.check()?;
        let (scenario_settings, group) =
            self.serving.resolve_scenario(&self.snapshot(), request, new_id(self.now()))?;
        let (source, list) = self.make_list(request, &scenario_settings, budget, |stage| {
            let (live, now) = (&self.shared.live, self.now());
            Ok(self.serving.preview_stage(live, stage, questions, now, budget)?)
        })?;
        Ok(PreviewedRecommendations { group, source, list })
    }

    fn list_stage(
        &self,
        stage: &PreparedStage<'_>,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, RecommendationError> {
        Ok(self.serving.list_stage(&self.shared.live, stage, self.now(), budget)?)
    }

    /// The missing users and items of a request. Browsers must not find out which users exist.
    fn find_missing<'a>(
        &self,
        request: &'a RecommendationRequest,
    ) -> Vec<(EntityKind, &'a String)> {
        let views = self.snapshot();
        let user = request
            .user_id
            .as_ref()
            .filter(|id| !request.is_public && find_user(&views, id).is_none());
        let item = request.item_id.as_ref().filter(|id| views.catalog.available_item(id).is_none());
        let user = user.map(|id| (EntityKind::User, id));
        user.into_iter().chain(item.map(|id| (EntityKind::Item, id))).collect()
    }

    /// Creates the missing users and items of a request, or refuses the request.
    fn create_or_refuse_missing(
        &self,
        request: &RecommendationRequest,
    ) -> Result<(), RecommendationError> {
        let missing = self.find_missing(request);
        match (request.missing, missing.first()) {
            (_, None) | (MissingEntities::Ignored, _) => Ok(()),
            (MissingEntities::Created, _) if request.is_public => Ok(()),
            (MissingEntities::Refused, Some((kind, id))) => Err(missing_error(*kind, id)),
            (MissingEntities::Created, _) => {
                let received_at = self.now();
                let add = |(kind, id): (EntityKind, &String)| Entry::Command {
                    received_at,
                    command: Box::new(Command::Add { kind, id: id.clone() }),
                };
                // Another request may have created them meanwhile.
                for outcome in self.submit_blocking(missing.into_iter().map(add).collect())? {
                    if let Outcome::Refused(Refusal::Invalid(what) | Refusal::NotFound(what)) =
                        outcome
                    {
                        return Err(ListError::Invalid(what).into());
                    }
                }
                Ok(())
            }
        }
    }

    /// Records the list impression of an answer.
    fn record_list(
        &self,
        request: &RecommendationRequest,
        response: &RecommendationResponse,
        model: Option<String>,
        rotates: bool,
    ) -> Result<(), RecommendationError> {
        let user =
            request.user_id.as_deref().and_then(|id| self.snapshot().profiles.ids().user_by_id(id));
        let can_be_continued = request.endpoint.can_be_continued() && response.n_next == 0;
        let list = ListImpression {
            recomm_id: Some(response.recomm_id),
            user: None,
            at: self.now(),
            items: response.recommended.iter().map(|entry| entry.id.clone()).collect(),
            place: Place::Scenario {
                endpoint: request.endpoint.word().to_owned(),
                scenario: request.scenario.clone(),
            },
            group: response.group.clone(),
            model,
            rotates,
            n_next: response.n_next,
            request: can_be_continued
                .then(|| serde_json::to_string(request).expect("plain fields always encode")),
        };
        match response.n_next {
            0 => Ok(self.record_impression(user, list, request.is_public)?),
            _ => self.journal_next(user, list),
        }
    }
}

fn missing_error(kind: EntityKind, id: &str) -> RecommendationError {
    ListError::NotFound(format!("there is no {} {id:?}", kind.word())).into()
}
