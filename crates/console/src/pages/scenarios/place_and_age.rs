//! The controls of where the items of a list are, and how new they are.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::{DAY_S, DAYS_MAX};
use super::mistakes::Mistakes;
use super::numbers::{number, plain};
use crate::ui::form::{Field, InputKind, NumberInput, TextInput, field_group};

const LOCATION: &str = "location";
const FRESHNESS: &str = "freshness";

/// Where and how new, as typed; a part whose first control is empty is not asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PlaceAndAgeForm {
    location_catalog: String,
    location_within_km: String,
    freshness_property: String,
    freshness_within_days: String,
    freshness_boost: String,
}

impl PlaceAndAgeForm {
    /// The controls of the settings of a list in their JSON.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let text = |part: &str, key: &str| {
            settings.get(part).and_then(|part| part.get(key)).map_or_else(String::new, plain)
        };
        let within_s = settings.get(FRESHNESS).and_then(|part| part.get("within_s"));
        let days = within_s.and_then(Value::as_f64).map(|within_s| within_s / DAY_S);
        Self {
            location_catalog: text(LOCATION, "catalog"),
            location_within_km: text(LOCATION, "within_km"),
            freshness_property: text(FRESHNESS, "property"),
            freshness_within_days: days.map_or_else(String::new, |days| days.to_string()),
            freshness_boost: text(FRESHNESS, "boost"),
        }
    }

    /// Writes what was typed into the JSON of a scenario or group.
    pub(super) fn write(&self, into: &mut Map<String, Value>) -> Result<(), Mistakes> {
        for (key, part) in [(LOCATION, self.location()?), (FRESHNESS, self.freshness()?)] {
            match part {
                Some(part) => into.insert(key.to_owned(), part.into_iter().collect()),
                None => into.remove(key),
            };
        }
        Ok(())
    }

    fn location(&self) -> Result<Option<Vec<(String, Value)>>, Mistakes> {
        let catalog = self.location_catalog.trim();
        if catalog.is_empty() {
            return Ok(None);
        }
        let within = plain_number("location_within_km", &self.location_within_km)?;
        let both = [("catalog", catalog.into()), ("within_km", within)];
        Ok(Some(both.map(|(key, value)| (key.to_owned(), value)).into()))
    }

    fn freshness(&self) -> Result<Option<Vec<(String, Value)>>, Mistakes> {
        let property = self.freshness_property.trim();
        if property.is_empty() {
            return Ok(None);
        }
        let share = number("freshness_within_days", self.freshness_within_days.trim(), DAYS_MAX)?;
        let within_s = (share.as_f64().unwrap_or_default() * DAYS_MAX * DAY_S).round() as u32;
        let mut keys = vec![
            ("property".to_owned(), property.into()),
            ("within_s".to_owned(), within_s.into()),
        ];
        if !self.freshness_boost.trim().is_empty() {
            let boost = plain_number("freshness_boost", &self.freshness_boost)?;
            keys.push(("boost".to_owned(), boost));
        }
        Ok(Some(keys))
    }

    pub(super) fn controls(&self, mistakes: &Mistakes) -> Markup {
        let text = |name: &'static str, label, hint, value: &str| {
            let field = Field::new(name, label).optional().hint(hint).error(mistakes.of(name));
            html! { (TextInput::new(field).kind(InputKind::Code).value(value)) }
        };
        let number = |name: &'static str, label, hint, value: &str, unit| {
            let field = Field::new(name, label).optional().hint(hint).error(mistakes.of(name));
            html! { (NumberInput { field, value, unit }) }
        };
        html! {
            (field_group("Near the person", &html! { div class="fields" {
                (text("location_catalog", "Catalog of locations", "Such as stores; empty: anywhere", &self.location_catalog))
                (number("location_within_km", "Not farther than", "From where the person was last", &self.location_within_km, "km"))
            } }))
            (field_group("New items", &html! { div class="fields" {
                (text("freshness_property", "Property with their time", "Such as released; empty: new or old", &self.freshness_property))
                (number("freshness_within_days", "New for", "From that time on", &self.freshness_within_days, "days"))
                (number("freshness_boost", "They count", "Above 1; empty: the list has new items alone", &self.freshness_boost, "times"))
            } }))
        }
    }
}

/// A number as JSON, whatever its range.
fn plain_number(field: &str, text: &str) -> Result<Value, Mistakes> {
    let number = text.trim().replace(',', ".").parse::<f64>().ok().filter(|n| n.is_finite());
    let number = number.map(Value::from);
    number.ok_or_else(|| Mistakes::one(field, &format!("{:?} is no number", text.trim())))
}

/// Whether a place is one of these controls.
pub(super) fn is_control(field: &str) -> bool {
    field.starts_with("location_") || field.starts_with("freshness_")
}
