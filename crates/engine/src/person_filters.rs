//! Filters of lists that follow from their person. The properties of a person's last events become
//! an expression over items, which every item of the list passes like any filter. The place of the
//! person is the one of their last message that has one, or else that of their traits.

use std::collections::BTreeSet;

use catalog::{LATITUDE, LONGITUDE, Point};
use conditions::{Event, find_values};
use domain::{EventFilter, Keep, ListSettings, PropertyType};
use profiles::TimelineQuery;
use serde_json::{Map, Value};
use serving::{NearPerson, PersonFilter, PersonFilters, RecommendationRequest};
use state::find_user;

use crate::list_maker::ListMaker;
use crate::timeline_message::read_message;
use crate::{EngineError, RecommendationError};

/// The most values that one filter compares items with; further ones do not count.
const VALUES_MAX: usize = 100;
/// In how many of the last messages of a person their place is looked for.
const MESSAGES_WITH_PLACE_MAX: usize = 20;
/// The longest value that items are compared with, in bytes; longer ones do not count.
const VALUE_BYTES_MAX: usize = 500;

impl ListMaker<'_> {
    /// The filters of a request that follow from its person.
    pub(crate) fn person_filters(
        &self,
        request: &RecommendationRequest,
        scenario_settings: &ListSettings,
    ) -> Result<PersonFilters, RecommendationError> {
        let of_call = &request.options.settings;
        let location = of_call.location.as_ref().or(scenario_settings.location.as_ref());
        let near = match location {
            Some(filter) => Some(NearPerson {
                filter: filter.clone(),
                point: self.last_point(request.user_id.as_deref()).map_err(Box::new)?,
                is_of_call: of_call.location.is_some(),
            }),
            None => None,
        };
        let filters = of_call.event_filters.as_ref().or(scenario_settings.event_filters.as_ref());
        let filter = |filter: &EventFilter| {
            let values = self.event_values(request.user_id.as_deref(), filter)?;
            let property = {
                let snapshot = self.shared.live.snapshot();
                snapshot.catalog.table().property(&filter.matches).map(|property| property.type_)
            };
            let type_ = property.unwrap_or(PropertyType::String);
            let text = write_filter(filter, &values, type_);
            Ok(text.map(|text| PersonFilter { what: "event_filter", text }))
        };
        let made = filters.into_iter().flatten().map(filter);
        let made: Result<Vec<_>, EngineError> = made.collect();
        let filters = made.map_err(Box::new)?.into_iter().flatten().collect();
        Ok(PersonFilters { filters, near })
    }

    /// Where a person was last: by their last messages, or else by their traits `latitude` and
    /// `longitude`, also those of `address`.
    fn last_point(&self, user_id: Option<&str>) -> Result<Option<Point>, EngineError> {
        let query = TimelineQuery {
            with_others: true,
            from_offset: self.shared.journal.start().0,
            limit: MESSAGES_WITH_PLACE_MAX,
            ..TimelineQuery::default()
        };
        let (page, of_traits) = {
            let snapshot = self.shared.live.snapshot();
            let user = user_id.and_then(|id| find_user(&snapshot, id));
            let Some(user) = user else { return Ok(None) };
            let page = snapshot.profiles.timeline(snapshot.store(), user, &query)?;
            let mut traits = Map::new();
            for key in [LATITUDE, LONGITUDE, "address"] {
                let stored = snapshot.profiles.stored_trait(snapshot.store(), user, key)?;
                let value = stored.and_then(|stored| serde_json::from_str(&stored.json).ok());
                traits.extend(value.map(|value| (key.to_owned(), value)));
            }
            let of_address = traits.get("address").and_then(Value::as_object).and_then(point_of);
            (page, point_of(&traits).or(of_address))
        };
        for entry in page.entries {
            let message = read_message(self.shared, entry.offset)?;
            let context = message.and_then(|message| message.context);
            let context: Option<Value> =
                context.and_then(|context| serde_json::from_str(&context).ok());
            let location = context.as_ref().and_then(|context| context.get("location"));
            if let Some(point) = location.and_then(Value::as_object).and_then(point_of) {
                return Ok(Some(point));
            }
        }
        Ok(of_traits)
    }

    /// The values that the property of a filter had in the last events of a person. Those whose
    /// messages are cut from the journal do not count.
    fn event_values(
        &self,
        user_id: Option<&str>,
        filter: &EventFilter,
    ) -> Result<Vec<Value>, EngineError> {
        let since = filter.within_s.map(|within_s| self.now.0 - i64::from(within_s) * 1_000);
        let query = TimelineQuery {
            start: since.map(domain::Timestamp),
            include: vec![filter.event.clone()],
            from_offset: self.shared.journal.start().0,
            limit: filter.last as usize,
            ..TimelineQuery::default()
        };
        let page = {
            let snapshot = self.shared.live.snapshot();
            let user = user_id.and_then(|id| find_user(&snapshot, id));
            let Some(user) = user else { return Ok(Vec::new()) };
            snapshot.profiles.timeline(snapshot.store(), user, &query)?
        };
        let mut values = Vec::new();
        for entry in page.entries {
            let message = read_message(self.shared, entry.offset)?;
            let Some(event) = message.as_ref().and_then(Event::from_message) else { continue };
            let found = find_values(&event.properties, &filter.property);
            values.extend(found.into_iter().flat_map(elements).cloned());
        }
        Ok(values)
    }
}

/// The point of an object with a latitude and a longitude in degrees.
fn point_of(object: &Map<String, Value>) -> Option<Point> {
    let degrees = |key: &str, max: f64| {
        let value = object.get(key)?;
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
        (number.abs() <= max).then_some(number)
    };
    let (latitude, longitude) = (degrees(LATITUDE, 90.0)?, degrees(LONGITUDE, 180.0)?);
    Some(Point { latitude, longitude })
}

/// The elements of a list; of anything else itself.
fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        one => std::slice::from_ref(one),
    }
}

/// The expression that a filter is for these values; none where it lets everything pass.
fn write_filter(filter: &EventFilter, values: &[Value], type_: PropertyType) -> Option<String> {
    let literals: BTreeSet<String> =
        values.iter().filter_map(|value| write_literal(value, type_)).take(VALUES_MAX).collect();
    let property = &filter.matches;
    let matches = match type_ {
        _ if literals.is_empty() && filter.keep == Keep::Exclude => return None,
        _ if literals.is_empty() => return Some("false".to_owned()),
        PropertyType::Set | PropertyType::ImageList => {
            let has = literals.iter().map(|literal| format!("{literal} in '{property}'"));
            has.collect::<Vec<_>>().join(" or ")
        }
        _ => {
            let literals: Vec<String> = literals.into_iter().collect();
            format!("'{property}' in {{{}}}", literals.join(", "))
        }
    };
    Some(match filter.keep {
        Keep::Include => matches,
        Keep::Exclude => format!("not ({matches})"),
    })
}

/// A value as expressions write it, in the type of the property that it is compared with; none of
/// what can equal no value of that type.
fn write_literal(value: &Value, type_: PropertyType) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    if text.len() > VALUE_BYTES_MAX {
        return None;
    }
    match type_ {
        PropertyType::Int | PropertyType::Double => {
            let number: f64 = text.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
            Some(number.to_string())
        }
        PropertyType::Boolean => ["true", "false"].contains(&text.as_str()).then_some(text),
        PropertyType::Timestamp => None,
        PropertyType::String
        | PropertyType::Image
        | PropertyType::Set
        | PropertyType::ImageList => {
            Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_events_become_an_expression_in_the_type_of_the_property() {
        let filter = |keep| EventFilter {
            event: "Product Viewed".to_owned(),
            property: "brand".to_owned(),
            matches: "brand".to_owned(),
            keep,
            last: 1,
            within_s: None,
        };
        let (include, exclude) = (filter(Keep::Include), filter(Keep::Exclude));
        let write = |filter: &EventFilter, values: Value, type_| {
            write_filter(filter, values.as_array().unwrap(), type_)
        };
        for (filter, values, type_, expected) in [
            (
                &include,
                json!(["a\"b", 7, "c\\"]),
                PropertyType::String,
                Some(r#"'brand' in {"7", "a\"b", "c\\"}"#),
            ),
            (&exclude, json!(["x"]), PropertyType::String, Some(r#"not ('brand' in {"x"})"#)),
            (
                &include,
                json!(["1.5", -2, "many"]),
                PropertyType::Double,
                Some("'brand' in {-2, 1.5}"),
            ),
            (
                &include,
                json!(["x", "y"]),
                PropertyType::Set,
                Some(r#""x" in 'brand' or "y" in 'brand'"#),
            ),
            (&include, json!([true]), PropertyType::Boolean, Some("'brand' in {true}")),
            (&include, json!([]), PropertyType::String, Some("false")),
            (&exclude, json!([{}, null]), PropertyType::String, None),
        ] {
            let text = write(filter, values, type_);
            assert_eq!(text.as_deref(), expected);
            assert!(text.is_none_or(|text| reql::parse(&text).is_ok()));
        }
    }
}
