//! Items of the catalog: to look through, to look at, to turn off and on again.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Endpoint, InteractionKind, ItemIdx, PropertyType, PropertyValue};
use engine::{
    CATALOG_PLACES_MAX, CatalogCount, CatalogQuery, Engine, ListQuestions, MissingEntities,
    PreviewedEntries, RecommendationRequest, RequestBudget,
};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::parameters::count;
use web::workspaces::RequestedWorkspace;

/// The items of a page where no number is given.
const COUNT_DEFAULT: usize = 50;
/// The most items of a page.
pub const COUNT_MAX: usize = 200;
/// The entries of the lists of an item.
const LIST_COUNT: usize = 12;
/// The most properties that are named as shared with a similar item.
const SHARED_MAX: usize = 3;
/// Properties by whose value an item is called, the first that it has.
const TITLE_PROPERTIES: [&str; 4] = ["title", "name", "headline", "label"];
/// Properties that hold the address of a picture, beside those of type image.
const PICTURE_PROPERTIES: [&str; 4] = ["image_url", "image", "picture", "cover"];

/// Which items to list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Words to search for.
    pub q: Option<String>,
    /// A filter of ReQL.
    pub filter: Option<String>,
    /// Only items of this catalog of products.
    pub catalog: Option<String>,
    /// Only items that are on, or only those that are off.
    pub state: Option<ItemState>,
    /// How many to pass over.
    pub offset: Option<usize>,
    /// How many to list.
    pub count: Option<usize>,
}

/// Whether lists may have an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// They may.
    On,
    /// Somebody has turned it off: no list has it, whatever files say.
    Off,
    /// The catalog in force leaves it out.
    Withdrawn,
}

/// A property of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ItemProperty {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: PropertyType,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownItem {
    /// Its id.
    pub item_id: String,
    /// Whether lists may have it.
    pub state: ItemState,
    /// The catalog of products that it is in.
    pub catalog: String,
    /// Its title; none where it has no property of such a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The address of its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The interactions of all time, by kind; only what there was.
    pub interactions: BTreeMap<InteractionKind, u64>,
    /// The values of its properties, as in files; without those that it has not.
    pub properties: BTreeMap<String, serde_json::Value>,
}

impl ShownItem {
    /// The title, else the id.
    pub fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.item_id)
    }

    /// The interactions of all kinds and times.
    pub fn n_interactions(&self) -> u64 {
        self.interactions.values().sum()
    }

    fn new(views: &engine::Snapshot<'_>, item: ItemIdx) -> Self {
        let catalog = &views.catalog;
        let values: Vec<(String, PropertyValue)> = catalog
            .table()
            .values(item.0)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let text_of = |names: &[&str]| {
            let found = names.iter().find_map(|name| {
                values
                    .iter()
                    .find(|(own, _)| own.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
            });
            match found? {
                PropertyValue::String(text) | PropertyValue::Image(text) => {
                    Some(text.clone()).filter(|text| !text.is_empty())
                }
                _ => None,
            }
        };
        let picture = values.iter().find_map(|(_, value)| match value {
            PropertyValue::Image(address) => Some(address.clone()),
            PropertyValue::ImageList(addresses) => addresses.first().cloned(),
            _ => None,
        });
        let by_kind = views.interactions.histories().counts(item).by_kind;
        let interactions = InteractionKind::ALL.into_iter().zip(by_kind);
        Self {
            item_id: catalog.item_id(item).to_owned(),
            state: match (catalog.is_off(item), catalog.is_available(item)) {
                (true, _) => ItemState::Off,
                (false, true) => ItemState::On,
                (false, false) => ItemState::Withdrawn,
            },
            catalog: catalog.catalog_of(item).to_owned(),
            title: text_of(&TITLE_PROPERTIES),
            picture: picture.or_else(|| text_of(&PICTURE_PROPERTIES)),
            interactions: interactions
                .filter(|(_, n)| *n > 0)
                .map(|(kind, n)| (kind, u64::from(n)))
                .collect(),
            properties: values.into_iter().map(|(name, value)| (name, value.to_json())).collect(),
        }
    }
}

/// A page of items.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<ShownItem>,
    /// Whether more come after them.
    pub has_more: bool,
    /// The number of items that lists may have or that are turned off.
    pub n_available: u64,
    /// The number of items that are turned off.
    pub n_off: u64,
    /// The catalogs of products with their items, `items` first.
    pub catalogs: Vec<CatalogCount>,
    /// The properties of items, in the order in which they were made.
    pub properties: Vec<ItemProperty>,
}

/// A mistake in a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FilterMistake {
    /// The place, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// Items: those that match best, or those with the most interactions first.
///
/// # Errors
/// 400 for a filter that is wrong; 503 while nothing can be searched yet.
pub async fn list(workspace: &RequestedWorkspace, query: Query) -> Result<ItemPage, ApiError> {
    let n = count("count", query.count, COUNT_DEFAULT, COUNT_MAX)?;
    let offset = query.offset.unwrap_or(0);
    if offset.saturating_add(n) > CATALOG_PLACES_MAX {
        let message = format!(
            "offset: the first {CATALOG_PLACES_MAX} can be paged through; narrow the search"
        );
        return Err(ApiError::invalid(message).of_parameter("offset"));
    }
    let is_off = match query.state {
        None => None,
        Some(ItemState::On) => Some(false),
        Some(ItemState::Off) => Some(true),
        Some(ItemState::Withdrawn) => {
            return Err(ApiError::invalid("state: on or off").of_parameter("state"));
        }
    };
    if let Some(name) = &query.catalog {
        check_catalog(workspace, name.clone()).await?;
    }
    let query = CatalogQuery {
        words: query.q,
        filter: query.filter,
        catalog: query.catalog,
        is_off,
        offset,
        count: n,
    };
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let page = engine.catalog_page(&query, budget);
        let page = page.map_err(|error| ApiError::from(error).of_parameter("filter"))?;
        let catalogs = engine.catalog_counts().to_vec();
        let views = engine.snapshot();
        let items = page.ids.iter().filter_map(|id| views.catalog.item(id));
        let items = items.map(|item| ShownItem::new(&views, item)).collect();
        Ok(ItemPage {
            items,
            has_more: page.has_more,
            n_available: views.catalog.n_available() as u64,
            n_off: views.catalog.n_off() as u64,
            catalogs,
            properties: properties(&views),
        })
    };
    workspace.make_lists(make).await
}

/// Refuses the name of a catalog that there is not.
async fn check_catalog(workspace: &RequestedWorkspace, name: String) -> Result<(), ApiError> {
    let check = move |engine: &Engine| {
        let counts = engine.catalog_counts();
        match counts.iter().any(|count| count.name == name) {
            true => Ok(()),
            false => {
                let checked = engine.config().catalog.check_product_catalog(&name);
                let what = checked.err().unwrap_or_default();
                Err(ApiError::invalid(what).of_parameter("catalog"))
            }
        }
    };
    workspace.run(check).await
}

fn properties(views: &engine::Snapshot<'_>) -> Vec<ItemProperty> {
    let all = views.catalog.table().properties();
    all.map(|property| ItemProperty { name: property.name.clone(), type_: property.type_ })
        .collect()
}

/// Checks a filter; none where it is right or empty.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn check_filter(
    workspace: &RequestedWorkspace,
    text: String,
) -> Result<Option<FilterMistake>, ApiError> {
    let check = move |engine: &Engine| {
        let mistake = match text.trim().is_empty() {
            true => None,
            false => engine.check_item_filter(&text).err(),
        };
        Ok(mistake.map(|error| FilterMistake { column: error.column, message: error.message }))
    };
    workspace.run(check).await
}

/// What people did with an item on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DayOfItem {
    /// The day, `YYYY-MM-DD` (UTC).
    pub day: String,
    /// The number of days since 1970.
    #[serde(skip)]
    #[schema(value_type = String)]
    pub day_number: domain::Day,
    /// What they did.
    pub kind: InteractionKind,
    /// How often: about, where not every person was looked at.
    pub n: u64,
    /// How often of these after a recommendation that the interaction cites.
    pub n_led: u64,
}

/// An item with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ItemDetail {
    /// The item.
    #[serde(flatten)]
    pub item: ShownItem,
    /// The properties of items, in the order in which they were made.
    pub schema: Vec<ItemProperty>,
    /// The interactions of the last days, oldest first; days and kinds without any are left out.
    pub days: Vec<DayOfItem>,
    /// How many days that is, today included.
    pub n_days: u32,
    /// How many people were looked at for the days.
    pub n_sampled: u64,
    /// How many people there are.
    pub n_people: u64,
    /// Today, by the workspace's clock.
    #[serde(skip)]
    #[schema(value_type = String)]
    pub today: domain::Day,
}

/// An item.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn read(workspace: &RequestedWorkspace, id: String) -> Result<ItemDetail, ApiError> {
    let read = move |engine: &Engine| {
        let (index, item, schema) = {
            let views = engine.snapshot();
            let index = views.catalog.item(&id).ok_or_else(|| no_item(&id))?;
            (index, ShownItem::new(&views, index), properties(&views))
        };
        let activity = engine.item_activity(index);
        // The sample is even, so that what it counts stands for as many times more.
        let times = |n: u64| match activity.n_sampled {
            0 => n,
            sampled => (n * activity.n_users + sampled / 2) / sampled,
        };
        let days = activity.counts.iter().map(|count| DayOfItem {
            day: count.day.to_string(),
            day_number: count.day,
            kind: count.kind,
            n: times(count.n),
            n_led: times(count.n_led),
        });
        Ok(ItemDetail {
            item,
            schema,
            days: days.collect(),
            n_days: engine::ITEM_ACTIVITY_DAYS,
            n_sampled: activity.n_sampled,
            n_people: activity.n_users,
            today: domain::Day::from_timestamp(engine.now()),
        })
    };
    workspace.ask(read).await
}

/// The title of an item, else its id.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn name(workspace: &RequestedWorkspace, id: String) -> Result<String, ApiError> {
    let read = move |engine: &Engine| {
        let views = engine.snapshot();
        let item = views.catalog.item(&id).ok_or_else(|| no_item(&id))?;
        Ok(ShownItem::new(&views, item).name().to_owned())
    };
    workspace.run(read).await
}

fn no_item(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no item {id:?} in the catalog"))
}

/// An item that goes with another.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SimilarItem {
    /// The item.
    #[serde(flatten)]
    pub item: ShownItem,
    /// How much alike, comparable within the list.
    pub score: f32,
    /// Properties in which the two agree; where there are none, the same people like them.
    pub shared: Vec<String>,
}

/// The items that go with an item, by the pass that all lists take. Nothing is recorded.
///
/// # Errors
/// 404 where there is no such item.
pub async fn similar(
    workspace: &RequestedWorkspace,
    id: String,
) -> Result<Vec<SimilarItem>, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let request = request(engine, Endpoint::RecommendItemsToItem, &id)?;
        let list = list_ids(engine, &request, budget)?;
        let views = engine.snapshot();
        let own = views.catalog.item(&id).ok_or_else(|| no_item(&id))?;
        let own = ShownItem::new(&views, own);
        let listed = list.iter().filter_map(|listed| {
            let (id, score) = listed;
            let item = ShownItem::new(&views, views.catalog.item(id)?);
            let shared = own.properties.iter().filter(|(name, value)| {
                item.properties.get(*name).is_some_and(|other| agree(value, other))
            });
            let shared = shared.map(|(name, _)| name.clone()).take(SHARED_MAX).collect();
            Some(SimilarItem { item, score: *score, shared })
        });
        Ok(listed.collect())
    };
    workspace.make_lists(make).await
}

/// Whether two values say that items are alike: the same text, or a common member of sets.
fn agree(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, String};
    match (a, b) {
        (String(a), String(b)) => !a.is_empty() && a == b,
        (Array(a), Array(b)) => a.iter().any(|member| b.contains(member)),
        _ => false,
    }
}

/// Somebody who is likely to want an item.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LikelyPerson {
    /// The id.
    pub user_id: String,
    /// How likely, comparable within the list.
    pub score: f32,
}

/// The people who are likely to want an item. Nothing is recorded.
///
/// # Errors
/// 404 where there is no such item; 429 and 503 where it would cost too much now.
pub async fn people(
    workspace: &RequestedWorkspace,
    id: String,
) -> Result<Vec<LikelyPerson>, ApiError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let request = request(engine, Endpoint::RecommendUsersToItem, &id)?;
        let list = list_ids(engine, &request, budget)?.into_iter();
        Ok(list.map(|(user_id, score)| LikelyPerson { user_id, score }).collect())
    };
    workspace.make_lists(make).await
}

/// The ids of a list with their scores. Nothing is recorded.
fn list_ids(
    engine: &Engine,
    request: &RecommendationRequest,
    budget: &Arc<RequestBudget>,
) -> Result<Vec<(String, f32)>, ApiError> {
    Ok(
        match engine
            .preview_recommendations(request, ListQuestions::default(), budget)?
            .list
            .entries
        {
            PreviewedEntries::Items(items) => {
                items.into_iter().map(|item| (item.item_id, item.score)).collect()
            }
            PreviewedEntries::Others(others) => {
                others.into_iter().map(|other| (other.id, other.score)).collect()
            }
        },
    )
}

fn request(
    engine: &Engine,
    endpoint: Endpoint,
    id: &str,
) -> Result<RecommendationRequest, ApiError> {
    if engine.snapshot().catalog.item(id).is_none() {
        return Err(no_item(id));
    }
    Ok(RecommendationRequest {
        item_id: Some(id.to_owned()),
        missing: MissingEntities::Ignored,
        ..RecommendationRequest::new(endpoint, LIST_COUNT)
    })
}

/// Turns an item off, so that no list has it, or on again.
///
/// # Errors
/// 404 where there is no such item.
pub async fn switch(
    workspace: &RequestedWorkspace,
    id: String,
    is_on: bool,
) -> Result<(), ApiError> {
    let switch = move |engine: &Engine| {
        engine.snapshot().catalog.item(&id).ok_or_else(|| no_item(&id))?;
        Ok(engine.switch_item(&id, is_on)?)
    };
    workspace.run(switch).await
}
