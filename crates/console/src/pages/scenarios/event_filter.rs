//! The controls of the first event filter of a list: items that match what a person did last.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::{DAY_S, DAYS_MAX, Mistakes};
use super::numbers::{number, plain};
use crate::ui::form::{Field, InputKind, NumberInput, Select, TextInput, field_group};

const KEY: &str = "event_filter";
const KEEPS: [(&str, &str); 2] =
    [("include", "Only items that match"), ("exclude", "All items but those that match")];

/// The filter as typed; none where no event is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct EventFilterForm {
    event_filter_event: String,
    event_filter_property: String,
    event_filter_matches: String,
    event_filter_keep: String,
    event_filter_last: String,
    event_filter_within_days: String,
}

impl EventFilterForm {
    /// The controls of the settings of a list in their JSON.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let first = settings.get(KEY).and_then(|filters| filters.get(0));
        let text =
            |key: &str| first.and_then(|filter| filter.get(key)).map_or_else(String::new, plain);
        let within_s = first.and_then(|filter| filter.get("within_s")).and_then(Value::as_f64);
        Self {
            event_filter_event: text("event"),
            event_filter_property: text("property"),
            event_filter_matches: text("matches"),
            event_filter_keep: text("keep"),
            event_filter_last: text("last"),
            event_filter_within_days: within_s
                .map_or_else(String::new, |within_s| (within_s / DAY_S).to_string()),
        }
    }

    /// Writes what was typed into the JSON of a scenario or group. Further filters stay.
    pub(super) fn write(&self, into: &mut Map<String, Value>) -> Result<(), Mistakes> {
        let mut filters = match into.remove(KEY) {
            Some(Value::Array(filters)) => filters,
            _ => Vec::new(),
        };
        if !filters.is_empty() {
            filters.remove(0);
        }
        if !self.event_filter_event.trim().is_empty() {
            filters.insert(0, self.filter()?);
        }
        if !filters.is_empty() {
            into.insert(KEY.to_owned(), filters.into());
        }
        Ok(())
    }

    fn filter(&self) -> Result<Value, Mistakes> {
        let mut filter = Map::new();
        for (key, text) in [
            ("event", &self.event_filter_event),
            ("property", &self.event_filter_property),
            ("matches", &self.event_filter_matches),
        ] {
            filter.insert(key.to_owned(), text.trim().into());
        }
        if !self.event_filter_keep.is_empty() {
            filter.insert("keep".to_owned(), self.event_filter_keep.as_str().into());
        }
        let text = self.event_filter_last.trim();
        if !text.is_empty() {
            let last: u32 = text.parse().map_err(|_| {
                Mistakes::one("event_filter_last", &format!("{text:?} is no whole number"))
            })?;
            filter.insert("last".to_owned(), last.into());
        }
        let within = self.event_filter_within_days.trim();
        if !within.is_empty() {
            let share = number("event_filter_within_days", within, DAYS_MAX)?;
            let seconds = share.as_f64().unwrap_or_default() * DAYS_MAX * DAY_S;
            filter.insert("within_s".to_owned(), (seconds.round() as u32).into());
        }
        Ok(Value::Object(filter))
    }

    pub(super) fn controls(&self, mistakes: &Mistakes) -> Markup {
        // The form is of the first filter.
        let at = |name: &str| {
            mistakes
                .of(name)
                .or_else(|| mistakes.of(&name.replacen("event_filter_", "event_filter_0_", 1)))
        };
        let text = |name: &'static str, label, hint, value: &str| {
            let field = Field::new(name, label).optional().hint(hint).error(at(name));
            html! { (TextInput::new(field).kind(InputKind::Code).value(value)) }
        };
        field_group(
            "Like what they did last",
            &html! { div class="fields" {
                (text("event_filter_event", "Event", "Such as Product Viewed; empty: no such filter", &self.event_filter_event))
                (text("event_filter_property", "Property of the event", "Such as brand, or products.$.brand", &self.event_filter_property))
                (text("event_filter_matches", "Property of the items", "What is compared with it: brand; itemId for the item", &self.event_filter_matches))
                (Select {
                    field: Field::new("event_filter_keep", "The list has").error(at("event_filter_keep")),
                    options: &KEEPS, value: &self.event_filter_keep,
                })
                (NumberInput {
                    field: Field::new("event_filter_last", "How many").optional().hint("The last ones of the person, 1 to 10").error(at("event_filter_last")),
                    value: &self.event_filter_last, unit: "events",
                })
                (NumberInput {
                    field: Field::new("event_filter_within_days", "Not longer ago than").optional().error(at("event_filter_within_days")),
                    value: &self.event_filter_within_days, unit: "days",
                })
            } },
        )
    }
}

/// Whether a place is one of these controls.
pub(super) fn is_control(field: &str) -> bool {
    field.starts_with(KEY)
}
