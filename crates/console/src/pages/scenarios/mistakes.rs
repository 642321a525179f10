//! Mistakes in the form of a scenario or group, each beside its field.

use maud::{Markup, Render};
use resources::scenarios::Mistake;
use web::error::ApiError;

use super::{event_filter, form, place_and_age};
use crate::pages::settings::without_position;
use crate::ui::Callout;

/// The fields with a mistake beside them, apart from those of the parts of the form.
const FIELDS: [&str; 16] = [
    "name",
    "endpoint",
    "diversity",
    "rotation_rate",
    "promoted_filter",
    "promoted_share",
    "anchors",
    "max_age_days",
    "learns_from_days",
    "active_within_days",
    "min_count",
    "fallback",
    "mix",
    "share",
    "first",
    "second",
];
/// Settings in seconds whose fields are in days.
const IN_DAYS: [(&str, &str); 4] = [
    ("max_age_s", "max_age_days"),
    ("learns_from_s", "learns_from_days"),
    ("active_within_s", "active_within_days"),
    ("freshness_within_s", "freshness_within_days"),
];

/// A mistake: the name of its field, and the message; of an expression with the column.
#[derive(Debug, Clone)]
struct FieldMistake {
    field: String,
    column: Option<usize>,
    message: String,
}

/// Mistakes of a form, none of which is lost: those of no field stand above it.
#[derive(Debug, Clone, Default)]
pub(super) struct Mistakes(Vec<FieldMistake>);

impl Mistakes {
    pub(super) fn one(field: &str, message: &str) -> Self {
        let (field, message) = (field.to_owned(), message.to_owned());
        Self(vec![FieldMistake { field, column: None, message }])
    }

    pub(super) fn of_error(error: &ApiError) -> Self {
        let place = error.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
        let field = place.trim_start_matches("settings/").replace('/', "_");
        let in_days = IN_DAYS.into_iter().find(|(seconds, _)| *seconds == field);
        let message = without_position(&error.message);
        Self::one(in_days.map_or(field.as_str(), |(_, days)| days), message)
    }

    pub(super) fn of_expressions(mistakes: Vec<Mistake>) -> Self {
        let mistake = |Mistake { place, column, message }: Mistake| {
            // `group "b": filter` is the field of that group's form.
            let field = place.rsplit(": ").next().unwrap_or_default().replace('.', "_");
            FieldMistake { field, column: Some(column), message }
        };
        Self(mistakes.into_iter().map(mistake).collect())
    }

    pub(super) fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|mistake| mistake.field == field).map(|mistake| mistake.message.as_str())
    }

    pub(super) fn of_expression(&self, field: &str) -> Option<(usize, &str)> {
        let found = self.0.iter().find(|mistake| mistake.field == field)?;
        Some((found.column.unwrap_or(1), &found.message))
    }

    /// The first expression that is wrong: its field and column.
    pub(super) fn first_column(&self) -> Option<(&str, usize)> {
        self.0.iter().find_map(|mistake| Some((mistake.field.as_str(), mistake.column?)))
    }

    /// The first mistake in words.
    pub(super) fn text(&self) -> String {
        self.0.first().map_or_else(String::new, |mistake| match mistake.column {
            Some(column) => format!("{}, column {column}: {}", mistake.field, mistake.message),
            None => mistake.message.clone(),
        })
    }

    /// What stands above the form.
    pub(super) fn notice(&self) -> Option<Markup> {
        let first = self.0.first()?;
        let field = first.field.as_str();
        let is_beside = form::TEXTS.contains(&field)
            || FIELDS.contains(&field)
            || event_filter::is_control(field)
            || place_and_age::is_control(field);
        let callout = Callout::error("Nothing was saved").announced();
        let text = if is_beside { "A field below needs a look." } else { &first.message };
        Some(callout.text(text).render())
    }
}
