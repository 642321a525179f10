//! What a recommended-items trait or a scenario would come to: who would get it, and what their
//! lists are like.

use std::sync::Arc;

use domain::list::LIST_COUNT_MAX;
use domain::{Endpoint, ListCaller, ListRequest, ListSettings, TraitDefinition, WorkspaceConfig};
use engine::{Engine, ListCalculation, RequestBudget};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::parameters::count;
use web::workspaces::RequestedWorkspace;

use crate::accuracy::{Accuracy, Share};
use crate::people::ShownItem;
use crate::recommendations::{COUNT_DEFAULT, check_settings};

/// What a trait or a scenario would come to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Calculation {
    /// How many people would get such a list.
    pub people: CalculatedPeople,
    /// Their lists.
    pub lists: CalculatedLists,
    /// How accurate such lists were; absent where that was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// Why the accuracy is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<&'static str>,
    /// Three people with their lists.
    pub samples: Vec<SampleList>,
    /// When it was worked out.
    pub computed_at: String,
}

/// Lists of items for people of which somebody wants to know what they would come to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CalculationRequest {
    /// The scenario whose settings hold, one for `recommendItemsToUser`.
    pub scenario: Option<String>,
    /// Settings by hand: they override those of the scenario, as those of a call do.
    pub settings: ListSettings,
    /// The number of items of a list; 10 if absent.
    pub count: Option<usize>,
}

/// How many people would get the lists.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct CalculatedPeople {
    /// The number, or an estimate of it.
    pub n: u64,
    /// The lower bound of its 95 % interval; the number itself where it is exact.
    pub low: u64,
    /// The upper bound.
    pub high: u64,
    /// Whether everybody was asked.
    pub is_exact: bool,
    /// How many people were asked.
    pub n_asked: u64,
    /// The people among whom they are: the audience, or everybody.
    pub of: u64,
}

/// The lists of a sample of the people.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct CalculatedLists {
    /// How many lists were made, for people taken by chance.
    pub n: u64,
    /// The lists that follow from what the person did, in whole or in part.
    pub personal: Share,
    /// The lists with nothing of that, such as what is popular.
    pub fallback: Share,
    /// The lists without any item.
    pub empty: Share,
    /// How many items, or values, are in any of the lists.
    pub distinct_items: u64,
}

/// The list of one person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SampleList {
    /// An id of the person.
    pub person: Option<String>,
    /// The items, or values, best first.
    pub items: Vec<ShownItem>,
    /// Whether the list was to follow from what the person did and no item does.
    pub fallback: bool,
}

/// Works out what lists for everybody would come to, with settings that need not be saved.
///
/// # Errors
/// 404 where there is no such scenario, 400 where settings are wrong or it is not for people.
pub async fn calculate_lists(
    workspace: &RequestedWorkspace,
    request: CalculationRequest,
) -> Result<Calculation, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        Calculation::of_lists(engine, &request, budget)
    };
    workspace.make_lists(make).await
}

/// Works out what a trait would come to. It need not be saved.
///
/// # Errors
/// If it does not fit the workspace.
pub async fn calculate_trait(
    workspace: &RequestedWorkspace,
    definition: TraitDefinition,
) -> Result<Calculation, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        Calculation::make(engine, &definition, budget)
    };
    workspace.make_lists(make).await
}

impl Calculation {
    /// Works out what a trait would come to.
    ///
    /// # Errors
    /// If it does not fit the workspace, or the budget is used up.
    pub fn make(
        engine: &Engine,
        definition: &TraitDefinition,
        budget: &Arc<RequestBudget>,
    ) -> Result<Self, ApiError> {
        let mut config = WorkspaceConfig::clone(&engine.config());
        config.put_trait(definition.clone());
        config.validate().map_err(|error| ApiError::invalid(error.to_string()))?;
        let made = engine.calculate_trait(definition, budget)?;
        let list = list_of(&config, definition);
        Ok(Self::new(engine, &list, definition.count, made))
    }

    fn of_lists(
        engine: &Engine,
        request: &CalculationRequest,
        budget: &Arc<RequestBudget>,
    ) -> Result<Self, ApiError> {
        let (endpoint, config) = (Endpoint::RecommendItemsToUser, engine.config());
        let mut settings = request.settings.clone();
        if let Some(name) = &request.scenario {
            let scenario = crate::scenarios::find(&config, name)?;
            if scenario.endpoint != endpoint {
                let what = format!(
                    "scenario {name:?} is for {}: only lists of {endpoint} are calculated",
                    scenario.endpoint
                );
                return Err(ApiError::invalid(what).at("/scenario"));
            }
            settings = settings.or(&scenario.settings);
        }
        check_settings(engine, endpoint, &request.settings).map_err(|refused| refused.error)?;
        let count = count("count", request.count, COUNT_DEFAULT, LIST_COUNT_MAX as usize)
            .map_err(|error| error.at("/count"))?;
        let (scenario, of_call) = (request.scenario.as_deref(), &request.settings);
        let made = engine.calculate_scenario(scenario, of_call, count, budget)?;
        let list = settings.request(count, ListCaller::Endpoint(endpoint));
        Ok(Self::new(engine, &list, count as u32, made))
    }

    fn new(engine: &Engine, list: &ListRequest, count: u32, made: ListCalculation) -> Self {
        let (accuracy, not_measured) = match Accuracy::measured(engine, list, count) {
            Ok(accuracy) => (Some(accuracy), None),
            Err(why) => (None, Some(why)),
        };
        let share = |n| Share::new(n, made.n_lists);
        let samples = made.samples.into_iter().map(|(person, list)| {
            let show = |id: &str| match list.item_type {
                None => ShownItem::new(engine, id),
                Some(_) => ShownItem { id: id.to_owned(), ..ShownItem::default() },
            };
            let items = list.items.iter().map(|item| show(&item.item_id)).collect();
            SampleList { person, items, fallback: list.fallback }
        });
        Self {
            people: CalculatedPeople::new(made.recipients),
            lists: CalculatedLists {
                n: made.n_lists,
                personal: share(made.n_personal),
                fallback: share(made.n_fallback),
                empty: share(made.n_empty),
                distinct_items: made.n_distinct,
            },
            accuracy,
            not_measured,
            samples: samples.collect(),
            computed_at: engine.now().to_string(),
        }
    }
}

impl CalculatedPeople {
    fn new(engine::Recipients { n_people, n_asked, n }: engine::Recipients) -> Self {
        if n_asked == n_people {
            return Self { n, low: n, high: n, is_exact: true, n_asked, of: n_people };
        }
        let share = Share::new(n, n_asked);
        let of_all = |share: f64| (share * n_people as f64).round() as u64;
        let (low, high) = (of_all(share.low), of_all(share.high));
        Self { n: of_all(share.value), low, high, is_exact: false, n_asked, of: n_people }
    }
}

/// The list of a trait, with the settings of its scenario where it names one.
fn list_of(config: &WorkspaceConfig, definition: &TraitDefinition) -> ListRequest {
    let scenario = definition.scenario.as_ref().and_then(|name| config.scenario(name));
    let caller = ListCaller::Endpoint(Endpoint::RecommendItemsToUser);
    scenario.map_or_else(
        || definition.list(),
        |scenario| scenario.settings.request(definition.count as usize, caller),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_covers_what_was_counted() {
        let exact = CalculatedPeople::new(engine::Recipients { n_people: 9, n_asked: 9, n: 7 });
        assert_eq!((exact.n, exact.low, exact.high, exact.is_exact), (7, 7, 7, true));
        let recipients = engine::Recipients { n_people: 100_000, n_asked: 1_000, n: 300 };
        let estimate = CalculatedPeople::new(recipients);
        assert!(!estimate.is_exact && estimate.n == 30_000);
        assert!((27_000..30_000).contains(&estimate.low) && estimate.high < 33_100);
    }
}
