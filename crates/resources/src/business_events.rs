//! Business events, such as a new episode: campaigns tell them to people who are interested.

use engine::{BusinessEvent, CampaignEntry, Engine, Entry, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// The longest name, id, property and value, in bytes.
const TEXT_BYTES_MAX: usize = 200;
/// The most items that one is about.
const ITEMS_MAX: usize = 100;
/// The most bytes of the properties, as JSON.
const PROPERTIES_BYTES_MAX: usize = 16_384;

/// A business event that is told.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldBusinessEvent {
    /// The name by which campaigns begin.
    pub name: String,
    /// The items that it is about, up to 100.
    #[serde(default)]
    pub items: Vec<String>,
    /// In place of items a property of them, such as a series: it is about all that have `value`.
    #[serde(default)]
    pub property: Option<String>,
    /// The value of the property.
    #[serde(default)]
    pub value: Option<String>,
    /// What templates see as `event.properties`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub properties: Map<String, Value>,
    /// Names the event: one of the same id within 7 days begins nothing.
    #[serde(default)]
    pub id: Option<String>,
}

/// What became of a business event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TakenBusinessEvent {
    /// The keys of the campaigns that it begins.
    pub campaigns: Vec<String>,
    /// Whether one of the same id was told before, so that this one began nothing.
    pub is_repeated: bool,
}

/// Takes a business event. The people are found afterwards.
///
/// # Errors
/// 400 for a wrong value, 503 where the workspace is closed.
pub async fn tell(
    workspace: &RequestedWorkspace,
    told: ToldBusinessEvent,
) -> Result<TakenBusinessEvent, ApiError> {
    workspace.run(move |engine: &Engine| tell_now(engine, told)).await
}

fn tell_now(engine: &Engine, told: ToldBusinessEvent) -> Result<TakenBusinessEvent, ApiError> {
    let texts = [
        ("/name", Some(&told.name)),
        ("/id", told.id.as_ref()),
        ("/property", told.property.as_ref()),
        ("/value", told.value.as_ref()),
    ];
    for (place, text) in texts {
        if text.is_some_and(|text| !(1..=TEXT_BYTES_MAX).contains(&text.len())) {
            let what = format!("it must be 1 to {TEXT_BYTES_MAX} bytes");
            return Err(ApiError::invalid(what).at(place));
        }
    }
    if told.items.len() > ITEMS_MAX {
        let what = format!("{} items: there may be {ITEMS_MAX}", told.items.len());
        return Err(ApiError::invalid(what).at("/items"));
    }
    let property = match (told.property, told.value) {
        (Some(property), Some(value)) if told.items.is_empty() => Some((property, value)),
        (None, None) => None,
        _ => {
            let what = "it is about items, or about a property with its value";
            return Err(ApiError::invalid(what).at("/property"));
        }
    };
    let properties = Value::Object(told.properties.clone()).to_string();
    if properties.len() > PROPERTIES_BYTES_MAX {
        let what = format!("the properties are over {PROPERTIES_BYTES_MAX} bytes");
        return Err(ApiError::invalid(what).at("/properties"));
    }
    let campaigns = {
        let snapshot = engine.snapshot();
        let begun = snapshot.campaigns.by_key().iter();
        let begun =
            begun.filter(|(_, kept)| kept.begins_with_business(&told.name, &told.properties));
        begun.map(|(key, _)| key.clone()).collect()
    };
    let entry = CampaignEntry::BusinessEvent(BusinessEvent {
        at: engine.now(),
        name: told.name,
        id: told.id,
        items: told.items,
        property,
        properties,
    });
    let outcomes = engine.submit_blocking(vec![Entry::Campaign(Box::new(entry))])?;
    let is_repeated = outcomes.contains(&Outcome::Duplicate);
    Ok(TakenBusinessEvent { campaigns, is_repeated })
}
