//! What another model would change: the lists of ten people by two models, with what moves.

use std::sync::Arc;

use engine::{COMPARED_PEOPLE, Engine, RecommendedList, RequestBudget};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::{ShownItem, ShownPerson};
use crate::training;

/// The lists of ten people by two models.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ModelSamples {
    /// The version of the model of the lists before.
    pub before: String,
    /// The version of the model of the lists after.
    pub after: String,
    /// The version of the model in use.
    pub active: Option<String>,
    /// The people, those with the longest histories first.
    pub people: Vec<SampledPerson>,
}

/// A person with what moves in their list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SampledPerson {
    /// The person.
    pub person: ShownPerson,
    /// The items of either list: first those of the list after, in its order, then those that are
    /// gone, in the order of the list before.
    pub items: Vec<MovedItem>,
}

/// An item of either list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MovedItem {
    /// The item.
    pub item: ShownItem,
    /// Its place in the list before, from 1; absent where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<usize>,
    /// Its place in the list after, from 1; absent where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<usize>,
    /// What becomes of it.
    pub movement: Movement,
}

/// What becomes of an item between two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// Only the list after has it.
    New,
    /// Only the list before has it.
    Gone,
    /// It is nearer to the first place.
    Up,
    /// It is farther from the first place.
    Down,
    /// Its place is the same.
    Same,
}

impl Movement {
    fn between(before: Option<usize>, after: Option<usize>) -> Self {
        match (before, after) {
            (None, _) => Self::New,
            (_, None) => Self::Gone,
            (Some(before), Some(after)) if after < before => Self::Up,
            (Some(before), Some(after)) if after > before => Self::Down,
            _ => Self::Same,
        }
    }
}

impl ModelSamples {
    /// How many items do this, over all people.
    pub fn count(&self, movement: Movement) -> usize {
        self.people.iter().map(|sampled| sampled.count(movement)).sum()
    }
}

impl SampledPerson {
    /// How many items do this.
    pub fn count(&self, movement: Movement) -> usize {
        self.items.iter().filter(|item| item.movement == movement).count()
    }
}

/// Makes the lists of ten people by the model `version` and by another one: `against`, or else the
/// model in use, or the one before where `version` is in use itself. The people are the same as
/// long as the histories are. A workspace makes one comparison at a time.
///
/// # Errors
/// 400 where both are one model; 404 where there is no such model, its artifact is not on disk, or
/// there is no other one; 429 while another comparison is made.
pub async fn read(
    workspace: &RequestedWorkspace,
    version: String,
    against: Option<String>,
) -> Result<ModelSamples, ApiError> {
    let compare = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        compare(engine, &version, against, &|| Ok(budget.check()?))
    };
    workspace.ask_in_steps(compare).await
}

fn compare(
    engine: &Engine,
    version: &str,
    against: Option<String>,
    check: &dyn Fn() -> Result<(), ApiError>,
) -> Result<ModelSamples, ApiError> {
    let models = training::list(engine)?;
    let other = || models.to_compare_with(version).map(str::to_owned);
    let before = against.or_else(other).ok_or_else(|| {
        let message =
            format!("there is no other model than {version}: train one, and compare it then");
        ApiError::not_found(message)
    })?;
    if before == version {
        let message = format!("{version} is compared with itself: name another model");
        return Err(ApiError::invalid(message).of_parameter("against"));
    }
    let compared = engine.compare_models(&before, version, check)?;
    let mut people = Vec::with_capacity(COMPARED_PEOPLE);
    for lists in compared {
        // Nobody who was merged or deleted meanwhile.
        if let Some(person) = ShownPerson::new(engine, lists.user)? {
            people
                .push(SampledPerson { person, items: moved(engine, &lists.before, &lists.after) });
        }
    }
    Ok(ModelSamples { before, after: version.to_owned(), active: models.active, people })
}

fn moved(engine: &Engine, before: &RecommendedList, after: &RecommendedList) -> Vec<MovedItem> {
    let place = |list: &RecommendedList, id: &str| {
        list.items.iter().position(|item| item.item_id == id).map(|place| place + 1)
    };
    let gone = before.items.iter().filter(|item| place(after, &item.item_id).is_none());
    let items = after.items.iter().chain(gone).map(|listed| {
        let (before, after) = (place(before, &listed.item_id), place(after, &listed.item_id));
        MovedItem {
            item: ShownItem::new(engine, &listed.item_id),
            before,
            after,
            movement: Movement::between(before, after),
        }
    });
    items.collect()
}

#[cfg(test)]
mod tests;
