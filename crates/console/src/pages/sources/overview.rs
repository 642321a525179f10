//! One source: whether messages arrive, the code to send the first, what it may send.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{MessageType, Timestamp};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::Revised;
use resources::sources::{self, ShownSource, SourcePatch};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{Noticed, may_change, page, path, saved, state};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page, Server, encode};
use crate::pages::settings::{Mistake, Typed, again};
use crate::pages::snippets::{KEY_PLACEHOLDER, code_blocks};
use crate::ui::form::{Checkbox, Field, Form, NumberInput};
use crate::ui::{Button, Callout, LiveFragment, RelativeTime};

/// How often a page that waits looks for the first message.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// What a request needs to show the page.
struct Shown<'a> {
    app: &'a App,
    frame: &'a Frame,
    server: &'a Server,
    source: &'a Revised<ShownSource>,
    may_change: bool,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    server: Server,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name).await?;
    let may_change = may_change(&caller);
    let shown = Shown { app: &app, frame: &frame, server: &server, source: &source, may_change };
    let page = shown.page(None, &Mistake::default());
    Ok(match notice {
        Some(_) => page.notice(saved()).into_response(),
        None => page.into_response(),
    })
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id, name) = (Arc::clone(&app), id.clone(), name.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let source = sources::read(&app, &workspace, name).await?.value;
            let part = arrival(&source, app.access.now());
            Ok(match source.last_message_at {
                Some(_) => Part::Last(part),
                None => Part::Fragment(part),
            })
        }
    })
}

/// Whether messages arrive.
fn arrival(source: &ShownSource, now: Timestamp) -> Markup {
    match source.last_message_at {
        None => Callout::info("Waiting for the first message")
            .text("This turns green as soon as one arrives.")
            .render(),
        Some(at) => html! {
            (Callout::success("Messages arrive"))
            p {
                "The latest one arrived " (RelativeTime { at, now }) ", and "
                (domain::grouped(source.messages_last_hour)) " in the last hour."
            }
        },
    }
}

impl<'a> Shown<'a> {
    fn page(&self, typed: Option<&Typed>, mistake: &Mistake) -> Page<'a> {
        page(self.frame, &self.source.value, "", &self.body(typed, mistake))
    }

    fn body(&self, typed: Option<&Typed>, mistake: &Mistake) -> Markup {
        let Some(workspace) = &self.frame.workspace else { return html! {} };
        let source = &self.source.value;
        let now = self.app.access.now();
        let stream = path(workspace, &source.name, "/stream");
        let keys = format!("{}/sources/{}", Area::Settings.path(workspace), encode(&source.name));
        let has_library = self.app.settings.browser_library.is_some();
        html! {
            section class="card stack" {
                h2 { "Messages" }
                p { (state(source)) }
                @match source.last_message_at {
                    Some(_) => div { (arrival(source, now)) },
                    None => (LiveFragment { stream: &stream, content: arrival(source, now) }),
                }
                @if self.frame.may_open(&keys) {
                    p { a href=(keys) { "Keys, name and switch" } }
                }
            }
            section class="card stack" {
                h2 { "Send the first message" }
                p {
                    "Put the write key in the place of " code { (KEY_PLACEHOLDER) }
                    ". A key is shown when it is made, with this code around it."
                }
                (code_blocks(self.server, KEY_PLACEHOLDER, has_library))
            }
            section class="card" {
                h2 { "What it may send" }
                @if self.may_change { (self.form(typed, mistake)) } @else { (self.limits()) }
            }
        }
    }

    fn limits(&self) -> Markup {
        let source = &self.source.value;
        let is_allowed = |type_: &MessageType| is_allowed(source, *type_);
        let types = MessageType::ALL.into_iter().filter(is_allowed).map(MessageType::word);
        html! {
            p { "Types: " (types.collect::<Vec<_>>().join(", ")) }
            @if let Some(limit) = source.messages_per_second {
                p { "At most " (domain::grouped(limit.into())) " messages a second." }
            }
        }
    }

    fn form(&self, typed: Option<&Typed>, mistake: &Mistake) -> Markup {
        let Some(workspace) = &self.frame.workspace else { return html! {} };
        let source = &self.source.value;
        let limit = source.messages_per_second.map(|limit| limit.to_string()).unwrap_or_default();
        let is_ticked = |type_: MessageType| match typed {
            Some(typed) => typed.all("types").any(|word| word == type_.word()),
            None => is_allowed(source, type_),
        };
        let body = html! {
            input type="hidden" name="revision" value=(self.source.revision);
            (mistake)
            fieldset class="stack" {
                legend { "Types that are taken" }
                @for type_ in MessageType::ALL {
                    @let field = Field::new("types", type_.word()).id(&format!("type-{type_}"));
                    (Checkbox { field, is_checked: is_ticked(type_) }.render_valued(type_.word()))
                }
                @if let Some(what) = mistake.at("allowed_types") { p class="field-error" { (what) } }
            }
            (NumberInput {
                field: Field::new("messages_per_second", "Limit")
                    .optional()
                    .hint("Beyond it senders are told to come back; ten seconds of it may come at once")
                    .error(mistake.at("messages_per_second")),
                value: typed.map_or(limit.as_str(), |typed| typed.text("messages_per_second")),
                unit: "messages a second",
            })
            div class="actions" { (Button::primary("Save")) }
        };
        Form {
            action: &path(workspace, &source.name, ""),
            csrf: &self.frame.csrf,
            preview: None,
            body,
        }
        .render()
    }
}

fn is_allowed(source: &ShownSource, type_: MessageType) -> bool {
    source.allowed_types.as_ref().is_none_or(|types| types.contains(&type_))
}

fn patch(typed: &Typed) -> Result<SourcePatch, ApiError> {
    let types: Vec<MessageType> = typed.all("types").filter_map(MessageType::from_word).collect();
    let limit = match typed.text("messages_per_second") {
        "" => None,
        _ => Some(typed.number("messages_per_second")?),
    };
    Ok(SourcePatch {
        allowed_types: Some((types.len() < MessageType::ALL.len()).then_some(types)),
        messages_per_second: Some(limit),
        ..SourcePatch::default()
    })
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    server: Server,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let expected = typed.number("revision").map_or(Expected::Present, Expected::Revision);
    let changed = match patch(&typed) {
        Ok(patch) => sources::update(&app, &workspace, name.clone(), patch, expected).await,
        Err(error) => Err(error),
    };
    let Err(error) = changed else {
        let own = path(workspace.id(), &name, "?notice=saved");
        return Ok(Redirect::to(&own).into_response());
    };
    let mistake = Mistake::of(error)?;
    let source = sources::read(&app, &workspace, name).await?;
    let may_change = may_change(&caller);
    let shown = Shown { app: &app, frame: &frame, server: &server, source: &source, may_change };
    Ok(again(shown.page(Some(&typed), &mistake)))
}
