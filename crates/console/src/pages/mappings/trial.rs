//! What a message would become: which mappings take it, what each field resolves to, and what it
//! would do. Nothing is changed.

use axum::extract::Form as Posted;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{ENGINE_DESTINATION, WorkspaceId};
use mapping::ActionType;
use maud::{Markup, Render, html};
use resources::destinations::{self, MappingTrial, TriedField, TriedMapping, TriedMessage};
use serde::Deserialize;
use serde_json::Value;
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::form::{DIRECTIVE, Mistakes};
use super::message;
use super::words::action_title;
use crate::page::{Area, Frame, Page};
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
        message: &'a str,
        mappings: Option<Vec<Value>>,
    ) -> Result<Self, ApiError> {
        let made = match serde_json::from_str(message) {
            Err(error) => Err(Mistakes::one("message", &format!("This is no JSON: {error}"))),
            Ok(parsed) => {
                let trial = MappingTrial { message: parsed, mappings };
                let name = ENGINE_DESTINATION.to_owned();
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
    pub(super) fn render(&self, workspace: &WorkspaceId, edited: Option<&str>) -> Markup {
        match &self.made {
            None => html! {
                p class="field-hint" { "Say which messages it takes: then this shows what becomes of the message." }
            },
            Some(Err(mistakes)) => mistakes_in_words(mistakes),
            Some(Ok(TriedMessage { refusal: Some(refusal), .. })) => {
                Callout::error("The message would be refused").text(refusal).announced().render()
            }
            Some(Ok(tried)) => self.made_of(workspace, tried, edited),
        }
    }

    fn made_of(
        &self,
        workspace: &WorkspaceId,
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
                (Callout::info("No mapping takes the message").text(
                    "It would be in the timeline of the person, and recommendations would learn nothing from it."
                ))
            }
            @for mapping in &taking { (taken(workspace, mapping)) }
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
fn taken(workspace: &WorkspaceId, mapping: &TriedMapping) -> Markup {
    let schema = ActionType::from_name(&mapping.action).map(ActionType::schema);
    let is_seen = |field: &&TriedField| {
        let known = schema.and_then(|schema| schema.field(&field.field));
        !known.is_some_and(|known| known.is_hidden)
    };
    html! {
        section class="card stack" {
            h3 { (mapping.mapping) }
            p { (Badge::of(Tone::Good, "takes it")) " " (action_title(&mapping.action)) }
            @for effect in &mapping.effects { p { (in_words(workspace, effect, None)) } }
            @for error in &mapping.errors {
                p {
                    (Badge::of(Tone::Warning, "nothing")) " " (error.message)
                    @if !error.place.is_empty() { ", at " code { (error.place) } }
                }
            }
            @if mapping.errors.is_empty() && mapping.effects.is_empty() { p { "It does nothing." } }
            dl class="facts" {
                @for field in mapping.fields.iter().filter(is_seen) {
                    div { dt { (field.field) } dd { (resolved(field)) } }
                }
            }
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
) -> Result<Response, ApiError> {
    let message = message::latest(&workspace, "").await?;
    let trial = Trial::make(&workspace, &message, None).await?;
    Ok(page(&frame, workspace.id(), &trial).into_response())
}

pub(super) async fn try_typed(
    frame: Frame,
    Workspace(workspace): Workspace,
    Posted(Typed { message }): Posted<Typed>,
) -> Result<Response, ApiError> {
    let trial = Trial::make(&workspace, &message, None).await?;
    Ok((trial.status(), page(&frame, workspace.id(), &trial)).into_response())
}

pub(super) async fn preview(
    Workspace(workspace): Workspace,
    Posted(Typed { message }): Posted<Typed>,
) -> Result<Response, ApiError> {
    let trial = Trial::make(&workspace, &message, None).await?;
    Ok((trial.status(), trial.render(workspace.id(), None)).into_response())
}

fn page(frame: &Frame, workspace: &WorkspaceId, trial: &Trial<'_>) -> Markup {
    let path = Area::Mappings.path(workspace);
    let body = html! {
        div class="columns" {
            section class="card" aria-label="Message" {
                (Form {
                    action: &format!("{path}/try"),
                    csrf: &frame.csrf,
                    preview: Some((&format!("{path}/try/preview"), RESULT)),
                    body: html! {
                        (message_control(trial))
                        div class="actions" { (Button::primary("Try it")) }
                    },
                })
            }
            section aria-labelledby="result" {
                h2 id="result" { "What it becomes" }
                div id=(RESULT) class="stack preview" { (trial.render(workspace, None)) }
            }
        }
    };
    Page::new(frame, Area::Mappings, "Try a message")
        .lead("What the mappings in force would make of a message. Nothing is changed.")
        .body(body)
        .render()
}
