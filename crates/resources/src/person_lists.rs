//! What a person is recommended now: the lists of computed traits, with the reasons of each item.

use domain::{InteractionKind, TraitDefinition};
use engine::{Engine, ListedItem, QueryError, RequestBudget};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::{ShownItem, resolve};
use crate::unknown_resource;

/// A list that a person gets now.
#[derive(Debug, Clone, Serialize)]
pub struct PersonList {
    /// The key of the computed trait.
    pub name: String,
    /// Best first.
    pub items: Vec<PersonRecommendation>,
    /// Whether nothing follows from what the person did, and the list is what is popular.
    pub fallback: bool,
    /// The version of the model; absent before the first training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why there is no list: the catalog lost a property that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An item of a list, with its reasons.
#[derive(Debug, Clone, Serialize)]
pub struct PersonRecommendation {
    /// The item, or the value of a property by its text alone.
    pub item: ShownItem,
    /// Comparable within the list.
    pub score: f32,
    /// What found it.
    #[serde(serialize_with = "origin_word")]
    pub origin: engine::Origin,
    /// What the person did from which it follows, the strongest first.
    pub because: Vec<Because>,
}

/// A reason.
#[derive(Debug, Clone, Serialize)]
pub struct Because {
    /// The item with which the person did something.
    pub item: ShownItem,
    /// What.
    pub kind: InteractionKind,
    /// The part of the score that follows from it, from 0 to 1.
    pub share: f32,
    /// The property in which both items are alike, of an item that nobody knows yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar_in: Option<String>,
}

fn origin_word<S: serde::Serializer>(
    origin: &engine::Origin,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use engine::Origin;
    serializer.serialize_str(match origin {
        Origin::Model => "model",
        Origin::ColdStart => "new",
        Origin::Trending => "trending",
        Origin::RecentlyViewed => "recently_viewed",
        Origin::BuyAgain => "buy_again",
        Origin::Picked => "picked",
    })
}

/// The keys of the computed traits, of which each has a list.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn names(workspace: &RequestedWorkspace) -> Result<Vec<String>, ApiError> {
    Ok(workspace.config()?.traits.iter().map(|trait_| trait_.key.clone()).collect())
}

/// The list of one computed trait for a person. It counts as no impression.
///
/// # Errors
/// 404 where nobody has the id, or no trait the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    person: String,
    key: String,
) -> Result<PersonList, ApiError> {
    let make = move |engine: &Engine, _: &RequestBudget| {
        let config = engine.config();
        let Some(definition) = config.trait_definition(&key) else {
            let known: Vec<&str> = config.traits.iter().map(|one| one.key.as_str()).collect();
            return Err(unknown_resource("trait", &key, &known));
        };
        make_list(engine, &person, definition)
    };
    workspace.make_lists(make).await
}

fn make_list(
    engine: &Engine,
    person: &str,
    definition: &TraitDefinition,
) -> Result<PersonList, ApiError> {
    let user = resolve(engine, person)?;
    let name = definition.key.clone();
    let list = match engine.recommend(Some(user), &definition.list()) {
        Err(error @ QueryError::NoSuchProperty { .. }) => {
            let problem = Some(error.to_string());
            return Ok(PersonList { name, items: vec![], fallback: false, model: None, problem });
        }
        made => made?,
    };
    let is_of_items = list.item_type.is_none();
    Ok(PersonList {
        name,
        items: list.items.iter().map(|item| show(engine, item, is_of_items)).collect(),
        fallback: list.fallback,
        model: list.model,
        problem: None,
    })
}

fn show(engine: &Engine, listed: &ListedItem, is_item: bool) -> PersonRecommendation {
    let item = match is_item {
        true => ShownItem::new(engine, &listed.item_id),
        false => ShownItem {
            id: listed.item_id.clone(),
            title: None,
            detail: None,
            picture: None,
        },
    };
    let because = listed.explanation.iter().map(|reason| Because {
        item: ShownItem::new(engine, &reason.item_id),
        kind: reason.kind,
        share: reason.share,
        similar_in: reason.similar_in.clone(),
    });
    PersonRecommendation {
        item,
        score: listed.score,
        origin: listed.origin,
        because: because.collect(),
    }
}
