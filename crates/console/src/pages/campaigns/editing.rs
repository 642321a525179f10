//! Forms that make and change a campaign, with the message in view.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Campaign;
use engine::Expected;
use maud::{Markup, Render, html};
use resources::{campaign_preview, campaigns};
use serde_json::{Value, json};
use web::App;
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::form::{CHANNEL_EDIT, CONTENT_ID, Controls, PERSON};
use super::list::without_channel;
use super::preview::Shown;
use super::{channels, definition, lead_to, path, preview as previewed};
use crate::headers::ShowsMail;
use crate::page::{Area, Frame, Page};
use crate::pages::settings::{Mistake, Typed};
use crate::ui::form::{Form, field_group};
use crate::ui::{Button, Callout};

const PREVIEW_ID: &str = "campaign-preview";
/// The key under which a campaign is previewed that has none yet.
const DRAFT_KEY: &str = "draft";

/// A campaign that is edited.
struct Edited {
    /// Its key; none of a new one.
    key: Option<String>,
    /// Its definition; an empty object of a new one.
    stored: Value,
}

impl Edited {
    fn new() -> Self {
        Self { key: None, stored: json!({}) }
    }

    async fn read(workspace: &RequestedWorkspace, key: String) -> Result<(Self, u64), ApiError> {
        let read = campaigns::read(workspace, key.clone()).await?;
        let stored = serde_json::to_value(&read.value.campaign).unwrap_or(Value::Null);
        Ok((Self { key: Some(key), stored }, read.revision))
    }

    /// The campaign that a form means.
    fn campaign(
        &self,
        workspace: &RequestedWorkspace,
        typed: &Typed,
        key: &str,
    ) -> Result<Campaign, ApiError> {
        let now = workspace.handle().now()?;
        let changed = definition::changed(&self.stored, typed, now)?;
        campaigns::parse(key, Value::Object(changed).to_string().as_bytes())
    }
}

pub(super) async fn new(
    frame: Frame,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let typed = Typed(vec![("start".to_owned(), "now".to_owned())]);
    form_page(&frame, &workspace, &Edited::new(), &typed, &Mistake::default()).await
}

pub(super) async fn edit(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (edited, revision) = Edited::read(&workspace, key).await?;
    let mut typed = definition::of_stored(&edited.stored);
    typed.0.push(("revision".to_owned(), revision.to_string()));
    form_page(&frame, &workspace, &edited, &typed, &Mistake::default()).await
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let key = typed.text("key").to_owned();
    save(&app, &frame, &workspace, (Edited::new(), key), &typed, Expected::Absent).await
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let expected = typed.number("revision").map_or(Expected::Present, Expected::Revision);
    let (edited, _) = Edited::read(&workspace, key.clone()).await?;
    save(&app, &frame, &workspace, (edited, key), &typed, expected).await
}

/// Keeps what was typed, or shows it again: with what is wrong, or with the preview that was asked
/// for.
async fn save(
    app: &Arc<App>,
    frame: &Frame,
    workspace: &RequestedWorkspace,
    (edited, key): (Edited, String),
    typed: &Typed,
    expected: Expected,
) -> Result<Response, ApiError> {
    if !typed.text("show").is_empty() {
        return form_page(frame, workspace, &edited, typed, &Mistake::default()).await;
    }
    let put = match edited.campaign(workspace, typed, &key) {
        Ok(campaign) => campaigns::put(app, workspace, campaign, expected).await,
        Err(error) => Err(error),
    };
    let error = match put {
        Ok(_) => return Ok(lead_to(&path(workspace.id(), &key, ""), "saved", &key)),
        Err(error) => error,
    };
    let is_taken = error.kind.status() == StatusCode::PRECONDITION_FAILED && edited.key.is_none();
    let error = match is_taken {
        true => ApiError::invalid("There is another campaign of this key: take another").at("/key"),
        false => error,
    };
    let mistake = definition::placed(Mistake::of(error)?, typed);
    let page = form_page(frame, workspace, &edited, typed, &mistake).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The answer to whoever types: the message, or what is wrong. Where another channel was chosen,
/// its fields.
pub(super) async fn preview(
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let edited = match typed.text("of") {
        "" => Edited::new(),
        key => Edited::read(&workspace, key.to_owned()).await?.0,
    };
    let (is_whole, panel) = panel(&workspace, &edited, &typed).await?;
    let status = if is_whole { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (config, channels) = (workspace.config()?, channels(&workspace)?);
    let controls = Controls {
        config: &config,
        channels: &channels,
        stored: &edited.stored,
        is_new: edited.key.is_none(),
        typed: &typed,
        mistake: &Mistake::default(),
    };
    let answer = html! {
        (panel)
        @if typed.text("edited") == CHANNEL_EDIT {
            template data-replaces=(CONTENT_ID) { (controls.content()) }
        }
    };
    Ok((status, answer).into_response())
}

/// The message that a form means, and whether there is one.
async fn panel(
    workspace: &RequestedWorkspace,
    edited: &Edited,
    typed: &Typed,
) -> Result<(bool, Markup), ApiError> {
    let key = match (&edited.key, typed.text("key")) {
        (Some(key), _) => key.as_str(),
        (None, "") => DRAFT_KEY,
        (None, typed) => typed,
    };
    let found = match edited.campaign(workspace, typed, key) {
        Ok(campaign) => found(workspace, campaign, typed.optional(PERSON)).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(shown) => Ok((true, shown)),
        Err(error) if error.kind.status().is_client_error() => {
            let callout = Callout::warning("No preview yet").text(&error.message).render();
            Ok((false, callout))
        }
        Err(error) => Err(error),
    }
}

async fn found(
    workspace: &RequestedWorkspace,
    campaign: Campaign,
    person: Option<String>,
) -> Result<Markup, ApiError> {
    let (channel, audience) = (campaign.channel.clone(), campaign.audience.clone());
    let start = serde_json::to_value(&campaign.start).unwrap_or(Value::Null);
    let preview = campaign_preview::preview(workspace, campaign, person).await?;
    let estimate = campaign_preview::estimate(workspace, audience).await?;
    let channels = channels(workspace)?;
    let kind = channels.iter().find(|own| own.name == channel).map_or("", |own| &own.kind);
    Ok(previewed::render(&Shown {
        workspace: workspace.id(),
        preview: &preview,
        estimate: &estimate,
        channel: &channel,
        kind,
        event: start["event"].as_str(),
        now: workspace.handle().now()?,
    }))
}

async fn form_page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    edited: &Edited,
    typed: &Typed,
    mistake: &Mistake,
) -> Result<Response, ApiError> {
    let (config, channels) = (workspace.config()?, channels(workspace)?);
    let own = |key: &String| (key.clone(), path(workspace.id(), key, ""));
    let own = edited.key.as_ref().map(own);
    let title = if own.is_some() { "Edit" } else { "New campaign" };
    let mut page = Page::new(frame, Area::Campaigns, title);
    if let Some((key, here)) = &own {
        page = page.below(key, here);
    }
    if channels.is_empty() {
        return Ok(page.body(without_channel(frame, workspace.id())).into_response());
    }
    let start = Area::Campaigns.path(workspace.id());
    let action = match &own {
        Some((_, here)) => format!("{here}/edit"),
        None => format!("{start}/new"),
    };
    let has_message = typed.0.iter().any(|(name, _)| name.starts_with(definition::CONTENT));
    let panel = match has_message {
        true => panel(workspace, edited, typed).await?.1,
        false => {
            html! { p { "The message is shown here while you write it, as a person would get it." } }
        }
    };
    let is_new = edited.key.is_none();
    let controls = Controls {
        config: &config,
        channels: &channels,
        stored: &edited.stored,
        is_new,
        typed,
        mistake,
    };
    let form = Form {
        action: &action,
        csrf: &frame.csrf,
        preview: Some((&format!("{start}/preview"), PREVIEW_ID)),
        body: html! {
            @if let Some(key) = &edited.key {
                input type="hidden" name="of" value=(key);
                input type="hidden" name="revision" value=(typed.text("revision"));
            }
            (controls.basics())
            div class="columns campaign-message" {
                (field_group("What it says", &html! { div id=(CONTENT_ID) class="stack" { (controls.content()) } }))
                div {
                    h2 { "Preview" }
                    (controls.person())
                    div class="actions" { (Button::secondary("Show the message").named("show", "true")) }
                    div id=(PREVIEW_ID) class="stack" { (panel) }
                }
            }
            (field_group("How often, and when not", &controls.options()))
            div class="actions" {
                (Button::primary(if is_new { "Save as a draft" } else { "Save" }))
                @if let Some((_, here)) = &own { (Button::quiet("Cancel").href(here)) }
            }
        },
    };
    let page = page.body(html! { section class="card" { (form) } });
    let mut response = page.into_response();
    response.extensions_mut().insert(ShowsMail);
    Ok(response)
}
