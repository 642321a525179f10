//! `recommend`, `item`, `linked` and `abort`.

use serde_json::Value;

use super::{Renderer, Source};
use crate::content::{Answer, ContentError, Item, Request};
use crate::error::{Refusal, RenderError};
use crate::limits::{CONTENT_CALLS_MAX, REASON_CHARS_MAX};
use crate::output::Known;
use crate::syntax::{Expression, Linked, Recommend};
use crate::values::text_of;

impl<'r> Renderer<'r> {
    fn begin_call(&mut self, offset: usize) -> Result<(), RenderError> {
        self.calls += 1;
        if self.calls <= CONTENT_CALLS_MAX {
            return self.spend(offset, 0);
        }
        let what = format!(
            "the template asks for recommendations, items and answers more than \
             {CONTENT_CALLS_MAX} times; move the tags out of loops"
        );
        Err(self.limit(offset, what))
    }

    fn failed(&self, offset: usize, tag: &str, name: &str, error: &ContentError) -> RenderError {
        let what = format!("{tag} \"{name}\" has no answer: {error}");
        RenderError::Content { what, place: self.place(offset) }
    }

    fn record(&mut self, answer: Answer, offset: usize) -> Result<(), RenderError> {
        self.count_recorded(&answer, offset)?;
        self.recorded.answers.push(answer);
        Ok(())
    }

    fn define(&mut self, name: &'r str, known: Known, offset: usize) -> Result<(), RenderError> {
        self.check_value(&known.value, offset)?;
        self.variables.insert(name, known);
        Ok(())
    }

    pub(super) fn recommend(&mut self, made: &'r Recommend) -> Result<(), RenderError> {
        let Recommend { definition, count, min, skip, not_sent_days, name, offset } = made;
        self.begin_call(*offset)?;
        let items = match &mut self.source {
            Source::Recorded { recorded, answered } => match recorded.answers.get(*answered) {
                Some(Answer::Items(items)) => {
                    *answered += 1;
                    items.clone()
                }
                _ => return Err(RenderError::Recorded { place: self.place(*offset) }),
            },
            Source::Live { content, .. } => {
                let request = Request {
                    definition,
                    count: *count,
                    offset: *skip,
                    excluded: &self.given,
                    not_sent_days: *not_sent_days,
                };
                let items = content.recommend(request);
                let items = items
                    .and_then(|items| self.choose(items, *count))
                    .map_err(|error| self.failed(*offset, "recommend", definition, &error))?;
                self.record(Answer::Items(items.clone()), *offset)?;
                items
            }
        };
        if items.len() < *min {
            let reason = Refusal::RecommendationNotAvailable {
                definition: definition.clone(),
                found: items.len(),
                min: *min,
            };
            return Err(RenderError::Refused { reason, place: self.place(*offset) });
        }
        let items = items.into_iter().map(Value::Object).collect();
        self.define(name, Known::new(items, false), *offset)
    }

    /// The first items that the message does not have yet, which it has from now on.
    fn choose(&mut self, items: Vec<Item>, count: usize) -> Result<Vec<Item>, ContentError> {
        let mut chosen = Vec::new();
        for item in items {
            let id = match item.get("id").map(text_of) {
                Some(Ok(id)) if !id.is_empty() => id,
                _ => return Err(ContentError("an item has no id".to_owned())),
            };
            if chosen.len() < count && !self.given.contains(&id) {
                self.given.push(id);
                chosen.push(item);
            }
        }
        Ok(chosen)
    }

    pub(super) fn item(
        &mut self,
        catalog: &'r str,
        id: &'r Expression,
        name: &'r str,
        offset: usize,
    ) -> Result<(), RenderError> {
        self.begin_call(offset)?;
        let id = self.read(id)?.value;
        if id.is_null() {
            self.variables.insert(name, Known::new(Value::Null, false));
            return Ok(());
        }
        let id = text_of(&id).map_err(|what| self.wrong(offset, format!("id: {what}")))?;
        let item = match &mut self.source {
            Source::Recorded { recorded, answered } => match recorded.answers.get(*answered) {
                Some(Answer::Item(item)) => {
                    *answered += 1;
                    item.clone()
                }
                _ => return Err(RenderError::Recorded { place: self.place(offset) }),
            },
            Source::Live { content, .. } => {
                let item = content
                    .item(catalog, &id)
                    .map_err(|error| self.failed(offset, "item", catalog, &error))?;
                self.record(Answer::Item(item.clone()), offset)?;
                item
            }
        };
        let value = item.map_or(Value::Null, Value::Object);
        self.define(name, Known::new(value, false), offset)
    }

    /// The answer counts as from people where a parameter does, as it may hold that again. Where a
    /// parameter is missing, or there is no answer, the default takes its place.
    pub(super) fn linked(&mut self, made: &'r Linked) -> Result<(), RenderError> {
        let Linked { api, parameters, default, name, offset } = made;
        self.begin_call(*offset)?;
        let mut given = Item::new();
        let mut from_people = false;
        let mut missing = None;
        for (parameter, expression) in parameters {
            let known = self.read(expression)?;
            from_people |= known.from_people;
            if known.value.is_null() {
                missing.get_or_insert(expression);
            }
            given.insert(parameter.clone(), known.value);
        }
        let default = match default {
            Some(default) => {
                let known = self.read(default)?;
                from_people |= known.from_people;
                Some(known.value)
            }
            None => None,
        };
        if let (Some(expression), None) = (missing, &default) {
            return Err(self.missing(expression));
        }
        let answer = match &mut self.source {
            Source::Recorded { recorded, answered } => match recorded.answers.get(*answered) {
                Some(Answer::Linked(answer)) => {
                    *answered += 1;
                    answer.clone()
                }
                _ => return Err(RenderError::Recorded { place: self.place(*offset) }),
            },
            Source::Live { content, .. } => {
                let asked = match missing {
                    None => content.linked(api, &given),
                    Some(_) => Err(ContentError("a parameter has no value".to_owned())),
                };
                let answer = match (asked, default) {
                    (Ok(answer), _) | (Err(_), Some(answer)) => answer,
                    (Err(error), None) => {
                        return Err(self.failed(*offset, "linked", api, &error));
                    }
                };
                self.record(Answer::Linked(answer.clone()), *offset)?;
                answer
            }
        };
        self.define(name, Known::new(answer, from_people), *offset)
    }

    pub(super) fn abort(
        &mut self,
        reason: Option<&'r Expression>,
        offset: usize,
    ) -> Result<(), RenderError> {
        let value = match reason {
            Some(reason) => self.read(reason)?.value,
            None => Value::Null,
        };
        let reason = text_of(&value).unwrap_or_default();
        let reason = if reason.is_empty() { "without a reason".to_owned() } else { reason };
        let reason = crate::escape::line(&reason).chars().take(REASON_CHARS_MAX).collect();
        let reason = Refusal::Aborted { reason };
        Err(RenderError::Refused { reason, place: self.place(offset) })
    }
}
