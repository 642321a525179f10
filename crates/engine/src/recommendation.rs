//! Recommendation requests: missing users and items are created, and list impressions are recorded.

use std::sync::Arc;

use serving::{
    ListError, ListQuestions, MissingEntities, PreviewedStage, RecommendationRequest, Recommended,
    RequestBudget, StageList,
};
use state::{Command, EntityKind, Entry, ListImpression, Outcome, Place, Refusal, find_user};
use uuid::Uuid;

use crate::list_maker::{ListMaker, MadeList, new_id};
use crate::{Engine, RecommendationError};

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
    /// The scenario whose list it is in place of an empty one.
    pub followed_by: Option<String>,
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
        self.list_maker().prepare_stages(request, &scenario_settings)?;
        self.create_or_refuse_missing(request)
    }

    /// What makes lists now.
    pub(crate) fn list_maker(&self) -> ListMaker<'_> {
        ListMaker { shared: &self.shared, serving: &self.serving, now: self.now() }
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
        self.create_or_refuse_missing(request)?;
        let maker = self.list_maker();
        let made = maker.make_list(request, &scenario_settings, budget, |stage| {
            maker.list_stage(stage, budget)
        })?;
        let source = made.source;
        let StageList { recommended, model, rotates } = made.list;
        let response =
            RecommendationResponse { recomm_id, group: group.clone(), source, recommended, n_next };
        self.record_list(request, &response, model, rotates)?;
        Ok(response)
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
        let maker = self.list_maker();
        let made = maker.make_list(request, &scenario_settings, budget, |stage| {
            let (live, now) = (&self.shared.live, maker.now);
            Ok(self.serving.preview_stage(live, stage, questions, now, budget)?)
        })?;
        let MadeList { source, list, followed_by } = made;
        Ok(PreviewedRecommendations { group, source, list, followed_by })
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
