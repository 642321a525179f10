//! What a person is recommended now: the lists of recommended-items traits and of scenarios, with
//! the reasons of each item.

use std::sync::Arc;

use domain::{InteractionKind, NothingLeft, Scenario, Target, UserIdx};
use engine::{
    Engine, ListQuestions, ListedItem, MissingEntities, Origin, PreviewedEntries,
    RecommendationRequest, RequestBudget,
};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::{ShownItem, resolve};
use crate::recommendations::{COUNT_DEFAULT, source_word};
use crate::unknown_resource;

/// A list that a person gets now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonList {
    /// What it is the list of.
    #[schema(value_type = String)]
    pub name: ListName,
    /// Best first.
    pub items: Vec<PersonRecommendation>,
    /// Whether nothing follows from what the person did, and the list is what is popular.
    pub fallback: bool,
    /// The version of the model; absent before the first training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The person's group of the scenario's A/B test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Why there is no list: the catalog lost a property that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An item of a list, with its reasons.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonRecommendation {
    /// The item; a segment, a person or the value of a property by its text alone.
    pub item: ShownItem,
    /// Whether it is an item of the catalog.
    pub is_item: bool,
    /// Comparable within the list.
    pub score: f32,
    /// What found it: "model", "new", "trending" and so on; absent for segments and people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// What the person did from which it follows, the strongest first.
    pub because: Vec<Because>,
}

/// A reason.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Because {
    /// The item with which the person did something.
    pub item: ShownItem,
    /// What the person did with it.
    pub kind: InteractionKind,
    /// The part of the score that follows from it, from 0 to 1.
    pub share: f32,
    /// How many people did the same with it and acted on the listed item too; absent where nobody
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// The property in which both items are alike, of an item that nobody knows yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar_in: Option<String>,
}

/// The name of a list: `trait:KEY` or `scenario:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ListName {
    /// A recommended-items trait, by its key.
    Trait(String),
    /// A scenario, by its name.
    Scenario(String),
}

impl TryFrom<String> for ListName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("trait", key)) => Ok(Self::Trait(key.to_owned())),
            Some(("scenario", name)) => Ok(Self::Scenario(name.to_owned())),
            _ => Err(format!("{text:?} is no list: name it trait:KEY or scenario:NAME")),
        }
    }
}

impl From<ListName> for String {
    fn from(name: ListName) -> Self {
        match name {
            ListName::Trait(key) => format!("trait:{key}"),
            ListName::Scenario(name) => format!("scenario:{name}"),
        }
    }
}

/// The lists that are for a person alone: recommended-items traits first, then scenarios.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn names(workspace: &RequestedWorkspace) -> Result<Vec<ListName>, ApiError> {
    let config = workspace.config()?;
    let traits = config.traits.iter().map(|trait_| ListName::Trait(trait_.key.clone()));
    let is_for_users = |one: &&Scenario| one.endpoint.target() == Target::User;
    let scenarios = config.scenarios.iter().filter(is_for_users);
    Ok(traits.chain(scenarios.map(|one| ListName::Scenario(one.name.clone()))).collect())
}

/// Makes a list for a person. It counts as no impression.
///
/// # Errors
/// 404 where nobody has the id, and where there is no such trait or scenario.
pub async fn read(
    workspace: &RequestedWorkspace,
    person: String,
    name: ListName,
) -> Result<PersonList, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let user = resolve(engine, &person)?;
        match &name {
            ListName::Trait(key) => trait_list(engine, user, key, budget),
            ListName::Scenario(scenario) => scenario_list(engine, user, scenario, budget),
        }
    };
    workspace.make_lists(make).await
}

fn trait_list(
    engine: &Engine,
    user: UserIdx,
    key: &str,
    budget: &Arc<RequestBudget>,
) -> Result<PersonList, ApiError> {
    let config = engine.config();
    let Some(definition) = config.trait_definition(key) else {
        let known: Vec<&str> = config.traits.iter().map(|one| one.key.as_str()).collect();
        return Err(unknown_resource("trait", key, &known));
    };
    let name = ListName::Trait(key.to_owned());
    if !engine.snapshot().has_trait(definition, user)? {
        let problem = Some(match definition.paused {
            true => "the trait is paused".to_owned(),
            false if engine.snapshot().is_kept_from(definition, user)? => {
                "the person is held out of the trait, so that its effect is measured".to_owned()
            }
            false => "the trait is for others: who has it stands in its definition".to_owned(),
        });
        return Ok(PersonList { problem, ..PersonList::new(name) });
    }
    let list = match engine.trait_list(user, definition, budget) {
        Err(error) if error.is_of_the_catalog() => {
            let problem = Some(error.to_string());
            return Ok(PersonList { problem, ..PersonList::new(name) });
        }
        made => made?,
    };
    let is_of_items = list.item_type.is_none();
    let is_no_trait = definition.nothing_left == NothingLeft::NoTrait && list.items.is_empty();
    Ok(PersonList {
        problem: is_no_trait.then(|| "nothing is left, so the person has no such trait".to_owned()),
        items: list.items.iter().map(|item| show(engine, item, is_of_items)).collect(),
        fallback: list.fallback,
        model: list.model,
        ..PersonList::new(name)
    })
}

fn scenario_list(
    engine: &Engine,
    user: UserIdx,
    scenario: &str,
    budget: &Arc<RequestBudget>,
) -> Result<PersonList, ApiError> {
    let config = engine.config();
    let Some(endpoint) = config.scenario(scenario).map(|one| one.endpoint) else {
        let known: Vec<&str> = config.scenarios.iter().map(|one| one.name.as_str()).collect();
        return Err(unknown_resource("scenario", scenario, &known));
    };
    let name = ListName::Scenario(scenario.to_owned());
    let user_id = engine.snapshot().find_user_name(user)?.map(|(_, id)| id);
    let request = RecommendationRequest {
        user_id,
        scenario: Some(scenario.to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(endpoint, COUNT_DEFAULT)
    };
    let made = engine.preview_recommendations(&request, ListQuestions::default(), budget)?;
    let items: Vec<PersonRecommendation> = match made.list.entries {
        PreviewedEntries::Items(items) => {
            items.iter().map(|item| show(engine, item, true)).collect()
        }
        PreviewedEntries::Others(others) => others
            .into_iter()
            .map(|other| PersonRecommendation {
                item: ShownItem { id: other.id, title: None, detail: None, picture: None },
                is_item: false,
                score: other.score,
                source: None,
                because: Vec::new(),
            })
            .collect(),
    };
    Ok(PersonList {
        fallback: !items.is_empty()
            && items.iter().all(|item| item.source == Some(source_word(Origin::Trending))),
        items,
        model: made.list.model,
        group: made.group,
        ..PersonList::new(name)
    })
}

impl PersonList {
    fn new(name: ListName) -> Self {
        Self { name, items: vec![], fallback: false, model: None, group: None, problem: None }
    }
}

fn show(engine: &Engine, listed: &ListedItem, is_item: bool) -> PersonRecommendation {
    let item = match is_item {
        true => ShownItem::new(engine, &listed.item_id),
        false => ShownItem { id: listed.item_id.clone(), title: None, detail: None, picture: None },
    };
    let because = listed.explanation.iter().map(|reason| Because {
        item: ShownItem::new(engine, &reason.item_id),
        kind: reason.kind,
        share: reason.share,
        people: reason.n_people,
        similar_in: reason.similar_in.clone(),
    });
    PersonRecommendation {
        item,
        is_item,
        score: listed.score,
        source: Some(source_word(listed.origin)),
        because: because.collect(),
    }
}
