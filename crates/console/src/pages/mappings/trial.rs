//! What a message would become: which mappings take it, what each field resolves to, and what it
//! would do. Nothing is changed.

use axum::extract::Form as Posted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::WorkspaceId;
use mapping::ActionSchema;
use maud::{Markup, Render, html};
use resources::destinations::{
    self, MappingTrial, TriedField, TriedMapping, TriedMessage, TriedRequest,
};
use serde::Deserialize;
use serde_json::Value;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::form::{DIRECTIVE, Mistakes};
use super::words::{action_title, find_action};
use super::{OfDestination, Stored, message};
use crate::page::Frame;
use crate::pages::live::in_words;
use crate::ui::form::{CodeArea, Field, Form};
use crate::ui::{Badge, Button, Callout, JsonView, Mark, Tone};

/// The id of the element that shows what a message would become.
pub(super) const RESULT: &str = "preview";

/// A message with what it would become.
pub(super) struct Trial<'a> {
    message: &'a str,
    /// None where there is nothing to try it with yet.
    made: Option<Result<TriedMessage, Mistakes>>,
}

impl<'a> Trial<'a> {
    /// Before there is a mapping.
    pub(super) fn nothing_yet(message: &'a str) -> Self {
        Self { message, made: None }
    }

    /// With mappings that have mistakes.
    pub(super) fn with_mistakes(message: &'a str, mistakes: Mistakes) -> Self {
        Self { message, made: Some(Err(mistakes)) }
    }

    /// Tries a message with some mappings; without any, with those in force.
    pub(super) async fn make(
        workspace: &RequestedWorkspace,
        stored: &Stored,
        message: &'a str,
        mappings: Option<Vec<Value>>,
    ) -> Result<Self, ApiError> {
        let made = match serde_json::from_str(message) {
            Err(error) => Err(Mistakes::one("message", &format!("This is no JSON: {error}"))),
            Ok(parsed) => {
                let trial = MappingTrial { message: parsed, mappings };
                let name = stored.destination.name.clone();
                match destinations::try_message(workspace, name, trial).await {
                    Ok(tried) => Ok(tried),
                    Err(error) if error.kind.status().is_client_error() => {
                        Err(Mistakes::of_error(&error))
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(Self { message, made: Some(made) })
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.made {
            Some(Err(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }

    /// What is wrong with the message itself, before any mapping.
    pub(super) fn mistake_of_message(&self) -> Option<&str> {
        self.made.as_ref()?.as_ref().err()?.of("message")
    }

    /// What it would become; `edited` is the name of the mapping that is looked at.
    pub(super) fn render(
        &self,
        workspace: &WorkspaceId,
        stored: &Stored,
        edited: Option<&str>,
    ) -> Markup {
        match &self.made {
            None => html! {
                p class="field-hint" { "Say which messages it takes: then this shows what becomes of the message." }
            },
            Some(Err(mistakes)) => mistakes_in_words(mistakes),
            Some(Ok(TriedMessage { refusal: Some(refusal), .. })) => {
                let title = match stored.destination.is_engine() {
                    true => "The message would be refused",
                    false => "The message would not go there",
                };
                Callout::error(title).text(refusal).announced().render()
            }
            Some(Ok(tried)) => self.made_of(workspace, stored, tried, edited),
        }
    }

    fn made_of(
        &self,
        workspace: &WorkspaceId,
        stored: &Stored,
        tried: &TriedMessage,
        edited: Option<&str>,
    ) -> Markup {
        let (taking, others): (Vec<_>, Vec<_>) =
            tried.mappings.iter().partition(|mapping| mapping.fires || !mapping.errors.is_empty());
        let left_out = edited.filter(|name| others.iter().any(|mapping| mapping.mapping == *name));
        let errors = taking.iter().flat_map(|mapping| &mapping.errors);
        let marks: Vec<Mark> =
            errors.map(|error| Mark { pointer: &error.place, text: &error.message }).collect();
        html! {
            @if left_out.is_some() {
                (Callout::info("This mapping does not take the message").text(
                    "Its trigger does not match, or it is off."
                ))
            }
            @if taking.is_empty() {
                (Callout::info("No mapping takes the message").text(match stored.destination.is_engine() {
                    true => "It would be in the timeline of the person, and recommendations would learn nothing from it.",
                    false => "Nothing would be sent there.",
                }))
            }
            @for (n, mapping) in taking.iter().enumerate() { (taken(workspace, stored, n, mapping)) }
            @if !marks.is_empty() {
                (JsonView { id: "tried-message", label: "What is wrong in the message", text: self.message, marks: &marks })
            }
            (not_taking(&others))
        }
    }
}

fn mistakes_in_words(mistakes: &Mistakes) -> Markup {
    let place = |control: &str| match control {
        "" => String::new(),
        "message" => "The message: ".to_owned(),
        _ => format!("{}: ", control.strip_prefix(DIRECTIVE).unwrap_or(control)),
    };
    html! {
        (Callout::error("Nothing can be tried yet").announced())
        ul class="consequences" {
            @for (control, message) in mistakes.iter() { li { (place(control)) (message) } }
        }
    }
}

/// A mapping that takes the message.
fn taken(workspace: &WorkspaceId, stored: &Stored, n: usize, mapping: &TriedMapping) -> Markup {
    let actions: &'static [ActionSchema] = stored.actions();
    let schema = find_action(actions, &mapping.action);
    let is_seen = |field: &&TriedField| {
        let known = schema.and_then(|schema| schema.field(&field.field));
        !known.is_some_and(|known| known.is_hidden)
    };
    html! {
        section class="card stack" {
            h3 { (mapping.mapping) }
            p { (Badge::of(Tone::Good, "takes it")) " " (action_title(actions, &mapping.action)) }
            @for effect in &mapping.effects { p { (in_words(workspace, effect, None)) } }
            @for error in &mapping.errors {
                p {
                    (Badge::of(Tone::Warning, "nothing")) " " (error.message)
                    @if !error.place.is_empty() { ", at " code { (error.place) } }
                }
            }
            @if mapping.errors.is_empty() && mapping.effects.is_empty() && mapping.requests.is_empty() {
                p { "It does nothing." }
            }
            @for (m, request) in mapping.requests.iter().enumerate() {
                (leaving(&format!("request-{n}-{m}"), request))
            }
            @for note in &mapping.notes { p { (note) "." } }
            dl class="facts" {
                @for field in mapping.fields.iter().filter(is_seen) {
                    div { dt { (field.field) } dd { (resolved(field)) } }
                }
            }
        }
    }
}

/// A request that would leave, without secrets.
fn leaving(id: &str, request: &TriedRequest) -> Markup {
    let body = serde_json::to_string_pretty(&request.body).unwrap_or_default();
    html! {
        p { "Sends " code { (request.method) " " (request.path) } }
        @if !request.body.is_null() {
            (JsonView { id, label: "What is sent", text: &body, marks: &[] })
        }
    }
}

/// The value of a field, and why it is that.
fn resolved(field: &TriedField) -> Markup {
    html! {
        @match &field.value {
            Some(value) => code { (value.to_string()) },
            None => "no value",
        }
        span class="fact-source" {
            @for (n, place) in field.from.iter().enumerate() {
                (if n == 0 { "from " } else { ", " }) (place)
            }
            @if !field.directive.is_empty() {
                @if !field.from.is_empty() { "; " }
                "takes " (field.directive)
            }
        }
    }
}

fn not_taking(others: &[&TriedMapping]) -> Markup {
    let n_others = domain::counted(others.len() as u64, "mapping does", "mappings do");
    html! {
        @if !others.is_empty() {
            details class="more" {
                summary { (n_others) " not take it" }
                dl class="facts" {
                    @for mapping in others {
                        div { dt { (mapping.mapping) } dd { code { (mapping.trigger) } } }
                    }
                }
            }
        }
    }
}

/// The control with the message.
pub(super) fn message_control(trial: &Trial<'_>) -> Markup {
    CodeArea {
        field: Field::new("message", "Message")
            .hint("As a source sends it. Nothing is stored.")
            .error(trial.mistake_of_message()),
        value: trial.message,
        below: html! {},
    }
    .render()
}

#[derive(Deserialize)]
pub(super) struct Typed {
    message: String,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(OfDestination { destination }): Parameters<OfDestination>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    let message = message::latest(&workspace, "").await?;
    let trial = Trial::make(&workspace, &stored, &message, None).await?;
    Ok(page(&frame, &stored, &trial).into_response())
}

pub(super) async fn try_typed(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(OfDestination { destination }): Parameters<OfDestination>,
    Posted(Typed { message }): Posted<Typed>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    let trial = Trial::make(&workspace, &stored, &message, None).await?;
    Ok((trial.status(), page(&frame, &stored, &trial)).into_response())
}

pub(super) async fn preview(
    Workspace(workspace): Workspace,
    Parameters(OfDestination { destination }): Parameters<OfDestination>,
    Posted(Typed { message }): Posted<Typed>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    let trial = Trial::make(&workspace, &stored, &message, None).await?;
    Ok((trial.status(), trial.render(workspace.id(), &stored, None)).into_response())
}

fn page(frame: &Frame, stored: &Stored, trial: &Trial<'_>) -> Markup {
    let workspace = &stored.addresses.workspace;
    let body = html! {
        div class="columns" {
            section class="card" aria-label="Message" {
                (Form {
                    action: &stored.addresses.page("/try"),
                    csrf: &frame.csrf,
                    preview: Some((&stored.addresses.page("/try/preview"), RESULT)),
                    body: html! {
                        (message_control(trial))
                        div class="actions" { (Button::primary("Try it")) }
                    },
                })
            }
            section aria-labelledby="result" {
                h2 id="result" { "What it becomes" }
                div id=(RESULT) class="stack preview" { (trial.render(workspace, stored, None)) }
            }
        }
    };
    let lead = match stored.destination.is_engine() {
        true => "What the mappings in force would make of a message. Nothing is changed.",
        false => "What the mappings in force would send of a message. Nothing is sent.",
    };
    stored.page(frame, "Try a message").lead(lead).body(body).render()
}
