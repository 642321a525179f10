//! Forms as they were sent, and what is wrong with them.

use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, Render, html};
use web::error::ApiError;

use crate::page::Page;
use crate::ui::Callout;

/// What was typed into a form. A control that is missing has an empty text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let pairs = Form::from_request(request, state).await;
        let Form(pairs) = pairs.map_err(|error| ApiError::bad_request(error.body_text()))?;
        Ok(Self(pairs))
    }
}

impl Typed {
    /// The text of a control, without spaces around it.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// The text of a control as it was typed: spaces count in passwords.
    pub(crate) fn exact(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, text)| text.as_str())
    }

    /// The text of a control that may stay empty.
    pub(crate) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The values of controls of one name.
    pub(crate) fn all<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, text)| text.as_str())
    }

    /// A number.
    ///
    /// # Errors
    /// If it is none, beside the control.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, ApiError> {
        let text = self.text(name);
        text.parse().map_err(|_| {
            ApiError::invalid(format!("“{text}” is no number of the kind that belongs here"))
                .at(format!("/{name}"))
        })
    }
}

/// What is wrong with a form.
#[derive(Default)]
pub(crate) struct Mistake {
    field: Option<String>,
    message: String,
}

impl Mistake {
    /// The mistake that an error tells, if it is one of the form; other errors are pages of their
    /// own.
    ///
    /// # Errors
    /// The error, if it is none of the form.
    pub(crate) fn of(error: ApiError) -> Result<Self, ApiError> {
        match error.kind.status() {
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::UNPROCESSABLE_ENTITY => {}
            _ => return Err(error),
        }
        let of_body = error.pointer.as_deref().and_then(|pointer| pointer.strip_prefix('/'));
        let field = of_body.map(str::to_owned).or(error.parameter);
        Ok(Self { field, message: without_position(&error.message).to_owned() })
    }

    /// The same beside a field, unless it has its own.
    pub(crate) fn or_at(mut self, field: &str) -> Self {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }

    /// Beside the field among these that holds the place of the mistake; above the form where none
    /// does.
    pub(crate) fn among(mut self, fields: &[&str]) -> Self {
        let holds = |place: &str, field: &&&str| {
            let rest = place.strip_prefix(**field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let place = self.field.take();
        let found = place.and_then(|place| fields.iter().find(|field| holds(&place, field)));
        self.field = found.map(|field| (*field).to_owned());
        self
    }

    /// The mistake of a part that one field stands for belongs to that field.
    pub(crate) fn moved(mut self, parts: &[&str], field: &str) -> Self {
        if self.field.as_deref().is_some_and(|place| parts.contains(&place)) {
            self.field = Some(field.to_owned());
        }
        self
    }

    /// The mistake at a place or below it belongs to a field.
    pub(crate) fn moved_from(mut self, place: &str, field: &str) -> Self {
        let rest = self.field.as_deref().and_then(|own| own.strip_prefix(place));
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            self.field = Some(field.to_owned());
        }
        self
    }

    /// The message beside a field.
    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        (self.field.as_deref() == Some(field)).then_some(self.message.as_str())
    }
}

impl Render for Mistake {
    /// Above the form, where it belongs to no field.
    fn render(&self) -> Markup {
        html! {
            @if self.field.is_none() && !self.message.is_empty() {
                (Callout::error(&self.message).announced())
            }
        }
    }
}

/// A message without the line and column of a JSON that nobody has typed.
pub(crate) fn without_position(message: &str) -> &str {
    let Some((before, after)) = message.rsplit_once(" at line ") else { return message };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match after.split_once(" column ") {
        Some((line, column)) if is_number(line) && is_number(column) => before,
        _ => message,
    }
}

/// Shows a form again.
pub(crate) fn again(page: Page) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_json_is_not_told_to_whoever_typed_none() {
        for (message, told) in [
            ("count is 0 at line 1 column 20", "count is 0"),
            ("where: column 8: a value is missing", "where: column 8: a value is missing"),
            ("a stop at line 7", "a stop at line 7"),
            ("at line 1 column x", "at line 1 column x"),
        ] {
            assert_eq!(without_position(message), told);
        }
    }
}
