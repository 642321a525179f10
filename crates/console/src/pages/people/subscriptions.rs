//! What a person wants to hear, which staff changes when they ask for it.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use domain::SubscriptionStatus;
use maud::{Markup, Render, html};
use resources::subscriptions::{
    self, ShownSubscriptions, SubscriptionChange, channel_field, topic_field,
};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::profile::Person;
use crate::page::Frame;
use crate::ui::form::{Field, Form as FormElement, Select};
use crate::ui::{Button, Callout, EmptyState, Icon};

const PART: &str = "subscriptions";
const STATUSES: [(&str, &str); 3] = [
    ("subscribed", "Wants messages"),
    ("unsubscribed", "Wants none"),
    ("not_said", "Said nothing"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    saved: Option<u8>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(Query { saved }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let shown = subscriptions::read(&workspace, person.name.clone()).await?;
    let notice =
        saved.map(|_| Callout::success("Saved. It counts from now on.").announced().render());
    let body = html! {
        @if let Some(notice) = notice { (notice) }
        (choices(&frame, &person, &shown))
    };
    Ok(person.page(&frame, PART, &body))
}

pub(super) async fn save(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let before = subscriptions::read(&workspace, person.name.clone()).await?;
    let chosen = |name: &str, before: SubscriptionStatus| {
        let (_, word) = fields.iter().find(|(field, _)| field == name)?;
        SubscriptionStatus::from_word(word).filter(|status| *status != before)
    };
    let mut change = SubscriptionChange::default();
    for one in &before.channels {
        let status = chosen(&channel_field(one.channel), one.status);
        change.channels.extend(status.map(|status| (one.channel, status)));
    }
    for one in &before.topics {
        let status = chosen(&topic_field(&one.topic), one.status);
        change.topics.extend(status.map(|status| (one.topic.clone(), status)));
    }
    subscriptions::change(&workspace, person.name.clone(), change).await?;
    Ok(Redirect::to(&format!("{}?saved=1", person.path(PART))).into_response())
}

fn choices(frame: &Frame, person: &Person, shown: &ShownSubscriptions) -> Markup {
    if shown.channels.is_empty() && shown.topics.is_empty() {
        return EmptyState {
            icon: Icon::People,
            title: "Nothing to subscribe to",
            text: "Channels that send messages to people, and topics of the workspace, show here \
                   what this person said of them.",
            next: None,
        }
        .render();
    }
    let choice = |name: &str, label: &str, hint: &Markup, status: SubscriptionStatus| {
        html! {
            (Select { field: Field::new(name, label), options: &STATUSES, value: status.word() })
            p class="field-hint" { (hint) }
        }
    };
    html! {
        section class="card" {
            h2 { "What the person wants to hear" }
            p {
                "Change it when they ask for it. They get no message of a channel or a topic of which \
                 they want none."
            }
            (FormElement {
                action: &person.path(PART),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    h3 { "Channels" }
                    @for one in &shown.channels {
                        @let said = html! { @if let Some(at) = one.at { "Said " (person.time(at)) } };
                        (choice(&channel_field(one.channel), one.channel.label(), &said, one.status))
                    }
                    @if !shown.topics.is_empty() { h3 { "Topics" } }
                    @for one in &shown.topics {
                        @let said = html! {
                            @match one.at {
                                Some(at) => { "Said " (person.time(at)) },
                                None if one.wanted => "Gets its messages unless they say no",
                                None => "Gets none of its messages unless they say yes",
                            }
                        };
                        (choice(&topic_field(&one.topic), &one.name, &said, one.status))
                    }
                    div class="actions" { (Button::primary("Save")) }
                },
            })
        }
        @if let Some(url) = &shown.page_url {
            section class="card" {
                h2 { "Their own page" }
                p {
                    "Whoever has this link chooses in the name of the person: "
                    a href=(url) rel="noreferrer" { "page of choices" }
                }
            }
        }
    }
}
