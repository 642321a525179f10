//! The controls of the event filters of a list: items that match what a person did last. One group
//! for each filter and one more; further ones open behind it, so that nothing here needs a script.

use std::collections::BTreeMap;

use domain::list::EVENT_FILTERS_MAX;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::{DAY_S, DAYS_MAX};
use super::mistakes::Mistakes;
use super::numbers::{number, plain};
use crate::ui::form::{Checkbox, Field, InputKind, NumberInput, Select, TextInput, field_group};

const KEY: &str = "event_filter";
const KEEPS: [(&str, &str); 2] =
    [("include", "Only items that match"), ("exclude", "All items but those that match")];

/// The filters as typed: `event_filter_0_event` is the event of the first. A filter without an
/// event is none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct EventFilterForm(BTreeMap<String, String>);

impl EventFilterForm {
    /// The controls of the settings of a list in their JSON.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let mut typed = BTreeMap::new();
        let filters = settings.get(KEY).and_then(Value::as_array);
        for (n, filter) in filters.into_iter().flatten().enumerate() {
            for key in ["event", "property", "matches", "keep", "last"] {
                let text = filter.get(key).map_or_else(String::new, plain);
                typed.insert(name(n, key), text);
            }
            if let Some(within_s) = filter.get("within_s").and_then(Value::as_f64) {
                typed.insert(name(n, "within_days"), (within_s / DAY_S).to_string());
            }
        }
        Self(typed)
    }

    /// What was typed in a control of a filter; nothing of one that is removed.
    fn text(&self, n: usize, key: &str) -> &str {
        let typed = |key: &str| self.0.get(&name(n, key)).map_or("", |text| text.trim());
        if typed("remove").is_empty() { typed(key) } else { "" }
    }

    fn is_filter(&self, n: usize) -> bool {
        !self.text(n, "event").is_empty()
    }

    /// Writes what was typed into the JSON of a scenario or group.
    pub(super) fn write(&self, into: &mut Map<String, Value>) -> Result<(), Mistakes> {
        let typed = (0..EVENT_FILTERS_MAX).filter(|n| self.is_filter(*n));
        let filters: Vec<Value> = typed.map(|n| self.filter(n)).collect::<Result<_, _>>()?;
        match filters.is_empty() {
            true => into.remove(KEY),
            false => into.insert(KEY.to_owned(), filters.into()),
        };
        Ok(())
    }

    fn filter(&self, n: usize) -> Result<Value, Mistakes> {
        let mut filter = Map::new();
        for key in ["event", "property", "matches"] {
            filter.insert(key.to_owned(), self.text(n, key).into());
        }
        if !self.text(n, "keep").is_empty() {
            filter.insert("keep".to_owned(), self.text(n, "keep").into());
        }
        let text = self.text(n, "last");
        if !text.is_empty() {
            let what = || format!("{text:?} is no whole number");
            let last: u32 =
                text.parse().map_err(|_| Mistakes::one(&self.place(n, "last"), &what()))?;
            filter.insert("last".to_owned(), last.into());
        }
        let within = self.text(n, "within_days");
        if !within.is_empty() {
            let share = number(&self.place(n, "within_days"), within, DAYS_MAX)?;
            let seconds = share.as_f64().unwrap_or_default() * DAYS_MAX * DAY_S;
            filter.insert("within_s".to_owned(), (seconds.round() as u32).into());
        }
        Ok(Value::Object(filter))
    }

    /// The place of a control in the list of filters that was typed, where those without an event
    /// do not count: mistakes have it.
    fn place(&self, n: usize, key: &str) -> String {
        name((0..n).filter(|before| self.is_filter(*before)).count(), key)
    }

    pub(super) fn controls(&self, mistakes: &Mistakes) -> Markup {
        let n_typed =
            (0..EVENT_FILTERS_MAX).rev().find(|n| self.is_filter(*n)).map_or(0, |n| n + 1);
        let n_open = (n_typed + 1).min(EVENT_FILTERS_MAX);
        html! {
            @for n in 0..n_open { (self.group(n, mistakes)) }
            (self.further(n_open, mistakes))
        }
    }

    /// The filters from one on, each behind a line that opens it.
    fn further(&self, n: usize, mistakes: &Mistakes) -> Markup {
        html! {
            @if n < EVENT_FILTERS_MAX {
                details class="more" {
                    summary { "Another filter by what they did" }
                    (self.group(n, mistakes))
                    (self.further(n + 1, mistakes))
                }
            }
        }
    }

    fn group(&self, n: usize, mistakes: &Mistakes) -> Markup {
        let at = |key: &str| match self.is_filter(n) {
            true => mistakes.of(&self.place(n, key)),
            false => None,
        };
        let text = |key: &str, label, hint| {
            let own = name(n, key);
            let field = Field::new(&own, label).optional().hint(hint).error(at(key));
            html! { (TextInput::new(field).kind(InputKind::Code).value(self.text(n, key))) }
        };
        let [keep, last, within, remove] =
            ["keep", "last", "within_days", "remove"].map(|key| name(n, key));
        let title = match n {
            0 => "Like what they did last".to_owned(),
            n => format!("Like what they did last, filter {}", n + 1),
        };
        field_group(
            &title,
            &html! {
                div class="fields" {
                    (text("event", "Event", "Such as Product Viewed; empty: no such filter"))
                    (text("property", "Property of the event", "Such as brand, or products.$.brand"))
                    (text("matches", "Property of the items", "What is compared with it: brand; itemId for the item"))
                    (Select {
                        field: Field::new(&keep, "The list has").error(at("keep")),
                        options: &KEEPS, value: self.text(n, "keep"),
                    })
                    (NumberInput {
                        field: Field::new(&last, "How many").optional().hint("The last ones of the person, 1 to 10").error(at("last")),
                        value: self.text(n, "last"), unit: "events",
                    })
                    (NumberInput {
                        field: Field::new(&within, "Not longer ago than").optional().error(at("within_days").or(at("within_s"))),
                        value: self.text(n, "within_days"), unit: "days",
                    })
                }
                @if self.is_filter(n) {
                    (Checkbox { field: Field::new(&remove, "Remove this filter"), is_checked: false })
                }
            },
        )
    }
}

/// The name of a control of a filter.
fn name(n: usize, key: &str) -> String {
    format!("{KEY}_{n}_{key}")
}

/// Whether a place is one of these controls.
pub(super) fn is_control(field: &str) -> bool {
    field.starts_with(KEY)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(typed: &[(&str, &str)]) -> Result<Value, Mistakes> {
        let typed = typed.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let mut json = Map::new();
        json.insert(KEY.to_owned(), json!([{ "event": "Old" }]));
        EventFilterForm(typed.collect()).write(&mut json)?;
        Ok(json.remove(KEY).unwrap_or(Value::Null))
    }

    #[test]
    fn all_filters_come_back_as_they_were() {
        let filters = json!([
            { "event": "Viewed", "property": "brand", "matches": "brand", "last": 3 },
            { "event": "Bought", "property": "id", "matches": "itemId", "keep": "exclude", "within_s": 86400 },
        ]);
        let mut json = Map::new();
        json.insert(KEY.to_owned(), filters.clone());
        let form = EventFilterForm::of(&json);
        let mut again = Map::new();
        form.write(&mut again).expect("what was there is right");
        assert_eq!(again[KEY], filters);
    }

    #[test]
    fn a_filter_goes_that_is_removed_or_emptied_and_mistakes_keep_their_row() {
        let first = ("event_filter_0_event", "Viewed");
        let removed = ("event_filter_0_remove", "true");
        let second = ("event_filter_1_event", "Bought");
        assert_eq!(written(&[]).unwrap(), Value::Null);
        assert_eq!(written(&[first, removed]).unwrap(), Value::Null);
        let left = written(&[first, removed, second]).unwrap();
        assert_eq!((left.as_array().unwrap().len(), &left[0]["event"]), (1, &json!("Bought")));
        let wrong = ("event_filter_1_last", "two");
        let mistakes = written(&[first, removed, second, wrong]).unwrap_err();
        assert!(mistakes.of("event_filter_0_last").is_some(), "{mistakes:?}");
        let typed = [first, removed, second, wrong].map(|(n, t)| (n.to_owned(), t.to_owned()));
        let shown = EventFilterForm(typed.into_iter().collect()).controls(&mistakes).into_string();
        assert!(shown.contains("field-event_filter_1_last-error"), "{shown}");
    }
}
