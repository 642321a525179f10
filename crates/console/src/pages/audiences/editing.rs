//! Forms that make and change an audience: text and controls of one condition, kept in step, and
//! who would belong to it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use conditions::Condition;
use engine::Expected;
use maud::{Markup, Render, html};
use resources::audience_preview::{self, KnownWords, ShownPreview};
use resources::audiences;
use serde_json::{Value, json};
use web::App;
use web::access::MadeResource;
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::builder::{Builder, suggestions};
use super::likely::Asked;
use super::parts::Part;
use super::{path, preview as previewed};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{CodeArea, Field, Form as FormElement, InputKind, ReqlMistake, TextInput};
use crate::ui::{Button, Callout};

const TEXT: &str = "condition-text";
const PARTS: &str = "condition-parts";
const PREVIEW: &str = "audience-preview";

/// The controls of the form as they are sent.
type Controls = Vec<(String, String)>;

fn value<'a>(controls: &'a [(String, String)], name: &str) -> &'a str {
    controls.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.trim())
}

/// What a form shows.
#[derive(Default)]
struct Shown<'a> {
    key: &'a str,
    name: &'a str,
    condition: &'a str,
    is_new: bool,
    /// Why it came back: the field, and what is wrong.
    fault: Option<(&'static str, String)>,
    preview: Option<ShownPreview>,
}

pub(super) async fn new(frame: Frame, Workspace(workspace): Workspace) -> Result<Markup, ApiError> {
    form_page(&frame, &workspace, Shown { is_new: true, ..Shown::default() }).await
}

pub(super) async fn edit(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let audience = audiences::read(&workspace, key).await?.value;
    if let Some(likely) = &audience.likely {
        let asked = Asked::of_audience(&audience, likely);
        return Ok(Redirect::to(&asked.address(&workspace)).into_response());
    }
    let shown = Shown {
        key: &audience.key,
        name: audience.name.as_deref().unwrap_or_default(),
        condition: &audience.condition,
        ..Shown::default()
    };
    Ok(form_page(&frame, &workspace, shown).await?.into_response())
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Form(controls): Form<Controls>,
) -> Result<Response, ApiError> {
    let key = value(&controls, "key").to_owned();
    save(&app, &frame, &workspace, &key, &controls, Expected::Absent).await
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Form(controls): Form<Controls>,
) -> Result<Response, ApiError> {
    save(&app, &frame, &workspace, &key, &controls, Expected::Present).await
}

/// Keeps what was typed, or shows it again: with what is wrong, or with the preview that was asked
/// for.
async fn save(
    app: &Arc<App>,
    frame: &Frame,
    workspace: &RequestedWorkspace,
    key: &str,
    controls: &[(String, String)],
    expected: Expected,
) -> Result<Response, ApiError> {
    let (name, condition) = (value(controls, "name"), value(controls, "condition"));
    let is_new = expected == Expected::Absent;
    let shown = Shown { key, name, condition, is_new, ..Shown::default() };
    if !value(controls, "show").is_empty() {
        let text = Value::String(condition.to_owned());
        let shown = match audience_preview::preview(workspace, text).await {
            Ok(preview) => Shown { preview: Some(preview), ..shown },
            Err(error) => Shown { fault: Some(("condition", client_error(error)?)), ..shown },
        };
        return Ok(form_page(frame, workspace, shown).await?.into_response());
    }
    let name = Some(name).filter(|name| !name.is_empty());
    let body = json!({ "name": name, "condition": condition }).to_string();
    let saved = match audiences::parse(key, body.as_bytes()) {
        Ok(mut definition) => {
            // The form says nothing of destinations.
            let config = workspace.config()?;
            let present = config.audience(key).filter(|_| !is_new);
            definition.sync = present.and_then(|present| present.sync.clone());
            // A text that means the same stays as somebody wrote it.
            if let Some(present) = present
                && means(&present.condition, &definition.condition)
            {
                definition.condition.clone_from(&present.condition);
            }
            audiences::put(app, workspace, definition, expected).await
        }
        Err(error) => Err(error),
    };
    let error = match saved {
        Ok(_) => return Ok(saved_as(workspace, key)),
        Err(error) => error,
    };
    let field = if error.message.contains("condition: ") { "condition" } else { "key" };
    let shown = Shown { fault: Some((field, client_error(error)?)), ..shown };
    let page = form_page(frame, workspace, shown).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The answer to who has saved an audience: its page. The audit and its versions know whose it is.
pub(super) fn saved_as(workspace: &RequestedWorkspace, key: &str) -> Response {
    let to = Redirect::to(&path(workspace.id(), key));
    (Extension(MadeResource(key.to_owned())), to).into_response()
}

/// What a caller did wrong, in words; other errors go on.
pub(super) fn client_error(error: ApiError) -> Result<String, ApiError> {
    if error.kind.status().is_client_error() { Ok(error.message) } else { Err(error) }
}

/// The answer to a change of the text or of the controls: who would belong to the audience, and the
/// other shape of the condition.
pub(super) async fn preview(
    Workspace(workspace): Workspace,
    Form(controls): Form<Controls>,
) -> Result<Response, ApiError> {
    let action = value(&controls, "action");
    let by_parts = value(&controls, "edited") == "parts" || !action.is_empty();
    let text = value(&controls, "condition");
    let mut root = Part::from_controls(&controls);
    let added = root.act(action);
    let condition = match by_parts {
        true => root.to_json(),
        false => Ok(Value::String(text.to_owned())),
    };
    let found = match condition {
        Ok(condition) => match audience_preview::preview(&workspace, condition).await {
            Ok(found) => Ok(found),
            Err(error) => Err(client_error(error)?),
        },
        Err(missing) => Err(format!("The condition is not complete: {missing}.")),
    };
    let words = audience_preview::known_words(&workspace).await?;
    let (status, panel) = match &found {
        Ok(found) => (StatusCode::OK, previewed::shown(found, workspace.id())),
        Err(message) => (StatusCode::UNPROCESSABLE_ENTITY, mistake(message, text, by_parts)),
    };
    if let (Ok(found), false) = (&found, by_parts) {
        root = part_of(&found.condition);
    }
    let answer = html! {
        (panel)
        @if by_parts || found.is_ok() {
            template data-replaces=(PARTS) { (builder(&root, &words, added.as_deref())) }
        }
        @if let (Ok(found), true) = (&found, by_parts) {
            template data-replaces=(TEXT) { (text_area(&found.condition, None)) }
        }
    };
    Ok((status, answer).into_response())
}

/// Whether a condition is, in its usual text, another one.
fn means(text: &str, usual: &str) -> bool {
    text.parse::<Condition>().is_ok_and(|condition| condition.to_string() == usual)
}

fn part_of(text: &str) -> Part {
    let condition: Option<Condition> = text.parse().ok();
    condition.as_ref().map_or_else(|| Part::new("and"), Part::from_condition)
}

/// What is wrong, with the place in the text where that was typed.
fn mistake(message: &str, text: &str, by_parts: bool) -> Markup {
    let place = text.parse::<Condition>().err().map(|error| error.place);
    let column = place.as_deref().and_then(|place| place.strip_prefix("column ")?.parse().ok());
    html! {
        (Callout::warning(message))
        @if let Some(column) = column.filter(|_| !by_parts) { (ReqlMistake { text, column }) }
    }
}

fn text_area(text: &str, error: Option<&str>) -> Markup {
    let hint = "As in: did \"Order Completed\" at least 2 times in the last 30 days and trait country = \"DE\"";
    let field = Field::new("condition", "Condition as text").hint(hint).error(error);
    CodeArea { field, value: text, below: Markup::default() }.render()
}

fn builder(root: &Part, words: &KnownWords, added: Option<&str>) -> Markup {
    let audiences: Vec<(&str, &str)> = std::iter::once(("", "choose one"))
        .chain(words.audiences.iter().map(|key| (&**key, &**key)))
        .collect();
    Builder { root, audiences: &audiences, added }.render()
}

async fn form_page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    shown: Shown<'_>,
) -> Result<Markup, ApiError> {
    let start = Area::Audiences.path(workspace.id());
    let words = audience_preview::known_words(workspace).await?;
    let action = match shown.is_new {
        true => format!("{start}/new"),
        false => format!("{}/edit", path(workspace.id(), shown.key)),
    };
    let error_at = |name| match &shown.fault {
        Some((field, message)) if *field == name => Some(message.as_str()),
        _ => None,
    };
    let form = FormElement {
        action: &action,
        csrf: &frame.csrf,
        preview: Some((&format!("{start}/preview"), PREVIEW)),
        body: html! {
            div class="fields" {
                @if shown.is_new {
                    (TextInput::new(Field::new("key", "Key").hint("Of a-z, 0-9 and _: profiles and conditions use it").error(error_at("key")))
                        .kind(InputKind::Code)
                        .value(shown.key))
                }
                (TextInput::new(Field::new("name", "Name").optional()).value(shown.name))
            }
            div id=(PARTS) class="needs-script" data-edits="parts" {
                (builder(&part_of(shown.condition), &words, None))
            }
            div id=(TEXT) data-edits="text" { (text_area(shown.condition, error_at("condition"))) }
            (suggestions(&words))
            div class="actions" {
                (Button::primary(if shown.is_new { "Make audience" } else { "Save" }))
                (Button::secondary("Show who belongs").named("show", "true"))
            }
        },
    };
    let body = html! {
        @if let Some(message) = error_at("key").filter(|_| !shown.is_new) { (Callout::error(message).announced()) }
        div class="columns columns-wide-first" {
            section class="card" { (form) }
            section class="card" {
                h2 { "Who would belong" }
                div id=(PREVIEW) {
                    @match &shown.preview {
                        Some(found) => (previewed::shown(found, workspace.id())),
                        None => { p { "How many people match is shown here, by whom they are reached and why." } }
                    }
                }
            }
        }
    };
    let title = if shown.is_new { "New audience" } else { shown.key };
    Ok(Page::new(frame, Area::Audiences, title).body(body).render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_means_the_same_is_told_from_another() {
        let usual = "did \"Order\" in the last 30 days";
        assert!(means("did  \"Order\"   in the last 30 days", usual));
        assert!(!means("did \"Order\" in the last 31 days", usual));
        assert!(!means("did Order, or so", usual));
    }
}
