//! The editor of one mapping, beside a message and what it would become.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Form as Posted, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use domain::MessageType;
use mapping::{FieldSchema, directive_in_words};
use maud::{Markup, Render, html};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::{Parameters, one_of};
use web::workspaces::{RequestedWorkspace, Workspace};

use super::change::put;
use super::form::{DIRECTIVE, MappingForm, Mistakes, default_of_field, is_same};
use super::trial::{RESULT, Trial, message_control};
use super::words::field_hint;
use super::{Stored, may_change, message, name_of, notice};
use crate::page::Frame;
use crate::ui::form::{Checkbox, CodeArea, Field, Form, Select, TextInput};
use crate::ui::{Button, Callout};

/// The id of the element with the fields of the action.
const FIELDS: &str = "mapping-fields";
/// What stands for the name of a mapping that has none yet, where it is tried.
const UNNAMED: &str = "This mapping";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditQuery {
    /// The mapping; none for a new one.
    name: Option<String>,
    /// The type of the messages that a new mapping takes.
    #[serde(rename = "type")]
    type_: Option<String>,
    /// Their event.
    event: Option<String>,
    /// Read by [`Editor`].
    #[serde(rename = "destination")]
    _destination: Option<String>,
    notice: Option<String>,
}

impl EditQuery {
    fn form(&self, stored: &Stored) -> Result<MappingForm, ApiError> {
        if let Some(name) = &self.name {
            let (_, mapping) = stored.find_or_404(name)?;
            return Ok(MappingForm {
                edited: Some(name.clone()),
                ..MappingForm::of(stored.actions(), &mapping)
            });
        }
        let types = MessageType::ALL.map(MessageType::word);
        one_of("type", self.type_.as_deref(), &types)?;
        let type_ =
            MessageType::ALL.into_iter().find(|own| Some(own.word()) == self.type_.as_deref());
        Ok(match &self.event {
            Some(event) => {
                let type_ = type_.unwrap_or(MessageType::Track);
                MappingForm::of_event(stored.actions(), type_, event)
            }
            None => MappingForm::new_one(stored.actions()),
        })
    }
}

/// The destination in a query, whatever else stands there.
#[derive(Deserialize)]
struct WithDestination {
    destination: Option<String>,
}

/// Who edits, in which workspace, with the mappings in force at the destination.
pub(super) struct Editor {
    frame: Frame,
    workspace: RequestedWorkspace,
    may_change: bool,
    stored: Stored,
}

impl FromRequestParts<Arc<App>> for Editor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let frame = Frame::from_request_parts(parts, app).await?;
        let Workspace(workspace) = Workspace::from_request_parts(parts, app).await?;
        let may_change = parts.extensions.get::<Caller>().is_some_and(may_change);
        let Parameters(WithDestination { destination }) =
            Parameters::from_request_parts(parts, app).await?;
        let stored = Stored::read(&workspace, destination).await?;
        Ok(Self { frame, workspace, may_change, stored })
    }
}

pub(super) async fn show(
    editor: Editor,
    Parameters(query): Parameters<EditQuery>,
) -> Result<Response, ApiError> {
    let mut form = query.form(&editor.stored)?;
    form.revision = editor.stored.revision.to_string();
    form.message = message::latest(&editor.workspace, &form.trigger).await?;
    let trial = editor.try_form(&form).await?;
    let notice = notice(query.notice.as_deref())?;
    Ok(editor.page(&form, &Mistakes::default(), &trial, notice).into_response())
}

/// Shows what was typed with what it would make of the message.
pub(super) async fn try_typed(
    editor: Editor,
    Posted(controls): Posted<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let mut form = MappingForm::sent(editor.stored.actions(), controls);
    form.take_fields_of_action();
    let trial = editor.try_form(&form).await?;
    let mistakes = editor.mistakes(&form);
    let page = editor.page(&form, &mistakes, &trial, None);
    Ok((trial.status(), page).into_response())
}

/// The same as a fragment, with what changes in the form.
pub(super) async fn preview(
    editor: Editor,
    Posted(controls): Posted<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let mut form = MappingForm::sent(editor.stored.actions(), controls);
    let has_other_fields = form.has_other_fields();
    form.take_fields_of_action();
    let trial = editor.try_form(&form).await?;
    let fragment = html! {
        (editor.result(&form, &trial))
        @if has_other_fields {
            template data-replaces=(FIELDS) { (editor.fields(&form, &Mistakes::default())) }
        } @else {
            @for (n, (name, schema)) in form.fields().into_iter().enumerate() {
                template data-replaces=(reading_id(n)) { (reading(&form, name, schema)) }
            }
        }
    };
    Ok((trial.status(), fragment).into_response())
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    editor: Editor,
    Posted(controls): Posted<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let mut form = MappingForm::sent(editor.stored.actions(), controls);
    let has_other_fields = form.has_other_fields();
    form.take_fields_of_action();
    let (notice, mistakes) = if has_other_fields {
        let callout = Callout::info("These are the fields of the new action").announced();
        let text = "Nothing was saved yet. Look at them, then save.";
        (Some(callout.text(text).render()), Mistakes::default())
    } else {
        match editor.put(&app, &form).await? {
            Ok(path) => return Ok(editor.stored.lead_to(&path, "saved")),
            Err(mistakes) => (None, mistakes),
        }
    };
    let trial = editor.try_form(&form).await?;
    let page = editor.page(&form, &mistakes, &trial, notice);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

impl Editor {
    /// The mapping that the form was made from.
    fn base(&self, form: &MappingForm) -> Option<(usize, Value)> {
        self.stored.find(form.edited.as_deref()?)
    }

    /// What is wrong with what was typed. A form that only tries needs no name.
    fn mistakes(&self, form: &MappingForm) -> Mistakes {
        let base = self.base(form).map(|(_, mapping)| mapping);
        form.named(UNNAMED).mapping(base.as_ref()).err().unwrap_or_default()
    }

    /// Puts the list with the mapping that was typed; where it leads then.
    async fn put(
        &self,
        app: &Arc<App>,
        form: &MappingForm,
    ) -> Result<Result<String, Mistakes>, ApiError> {
        if let Some(edited) = &form.edited {
            self.stored.find_or_404(edited)?;
        }
        let (place, base) = self.base(form).unzip();
        let mapping = match form.mapping(base.as_ref()) {
            Ok(mapping) => mapping,
            Err(mistakes) => return Ok(Err(mistakes)),
        };
        let path = self.stored.addresses.of_mapping("/edit", name_of(&mapping));
        let list = self.stored.with(place, mapping);
        match put(app, &self.workspace, &self.stored, Some(list), form.expected()).await {
            Ok(()) => Ok(Ok(path)),
            Err(error) if error.kind.status().is_client_error() => {
                Ok(Err(Mistakes::of_error(&error)))
            }
            Err(error) => Err(error),
        }
    }

    /// What all mappings would make of the message, with the one that was typed.
    async fn try_form<'f>(&self, form: &'f MappingForm) -> Result<Trial<'f>, ApiError> {
        if form.trigger.trim().is_empty() {
            return Ok(Trial::nothing_yet(&form.message));
        }
        let (place, base) = self.base(form).unzip();
        match form.named(UNNAMED).mapping(base.as_ref()) {
            Ok(mapping) => {
                let list = self.stored.with(place, mapping);
                Trial::make(&self.workspace, &self.stored, &form.message, Some(list)).await
            }
            Err(mistakes) => Ok(Trial::with_mistakes(&form.message, mistakes)),
        }
    }

    fn result(&self, form: &MappingForm, trial: &Trial<'_>) -> Markup {
        let form = form.named(UNNAMED);
        trial.render(self.workspace.id(), &self.stored, Some(form.name.trim()))
    }

    fn page(
        &self,
        form: &MappingForm,
        mistakes: &Mistakes,
        trial: &Trial<'_>,
        notice: Option<Markup>,
    ) -> Markup {
        let addresses = &self.stored.addresses;
        let (save, try_it) = (addresses.page("/edit"), addresses.page("/edit/try"));
        let body = Form {
            action: if self.may_change { &save } else { &try_it },
            csrf: &self.frame.csrf,
            preview: Some((&addresses.page("/edit/preview"), RESULT)),
            body: html! {
                // The button that the Enter key means is the first of a form.
                @if self.may_change { button type="submit" hidden { "Save" } }
                div class="columns" {
                    section class="card" aria-labelledby="mapping" {
                        h2 id="mapping" { "Mapping" }
                        div class="stack" { (self.controls(form, mistakes)) }
                    }
                    section class="stack" aria-labelledby="result" {
                        h2 id="result" { "Try it" }
                        (message_control(trial))
                        div class="actions" { (Button::secondary("Try it").sends_to(&try_it)) }
                        div id=(RESULT) class="stack preview" { (self.result(form, trial)) }
                    }
                }
            },
        };
        let title = match form.edited.as_deref() {
            None => "New mapping",
            Some("") => "Mapping without a name",
            Some(name) => name,
        };
        let page = self
            .stored
            .page(&self.frame, title)
            .lead("Which messages it takes, and what they mean. On the right, what a message would become with it.")
            .body(body.render());
        page.notice_if(nothing_was_saved(form, mistakes).or(notice)).render()
    }

    fn controls(&self, form: &MappingForm, mistakes: &Mistakes) -> Markup {
        let addresses = &self.stored.addresses;
        let actions = self.stored.actions().iter();
        let actions: Vec<(&str, String)> = actions
            .map(|action| (action.name.as_str(), format!("{}: {}", action.title, action.about)))
            .collect();
        let actions: Vec<(&str, &str)> =
            actions.iter().map(|(name, label)| (*name, label.as_str())).collect();
        html! {
            @if let Some(edited) = &form.edited { input type="hidden" name="edited" value=(edited); }
            input type="hidden" name="revision" value=(form.revision);
            (self.whose())
            (TextInput::new(Field::new("name", "Name").error(mistakes.of("name"))).value(&form.name))
            (Checkbox {
                field: Field::new("enabled", "On").hint("Off: it takes no message"),
                is_checked: form.is_enabled,
            })
            (CodeArea {
                field: Field::new("trigger", "Takes messages for which this is true")
                    .hint(r#"Such as type = "track" and event = "Signed Up" and properties.price > 5"#)
                    .error(mistakes.of("trigger")),
                value: &form.trigger,
                below: html! {},
            })
            (Select {
                field: Field::new("action", "Action").error(mistakes.of("action")),
                options: &actions,
                value: &form.action,
            })
            noscript {
                (Button::secondary("Show the fields of this action").sends_to(&addresses.page("/edit/try")))
            }
            div id=(FIELDS) class="stack" { (self.fields(form, mistakes)) }
            @if self.may_change {
                div class="actions" {
                    (Button::primary("Save"))
                    @if let Some(name) = &form.edited {
                        (Button::quiet("Delete mapping").href(&addresses.of_mapping("/delete", name)))
                    }
                }
            }
        }
    }

    fn whose(&self) -> Markup {
        html! {
            @if !self.may_change {
                p class="field-hint" { "Your role reads and tries mappings and does not change them." }
            } @else if self.stored.destination.uses_presets {
                p class="field-hint" {
                    "The mappings are the presets. Saving makes the whole list "
                    @if self.stored.destination.is_engine() { "this workspace’s" } @else { "this destination’s" }
                    " own."
                }
            }
        }
    }

    /// The directives of the action's fields.
    fn fields(&self, form: &MappingForm, mistakes: &Mistakes) -> Markup {
        let try_it = self.stored.addresses.page("/edit/try");
        html! {
            input type="hidden" name="fields_of" value=(form.fields_of);
            @if let Some(mistake) = mistakes.of("fields") { p class="field-error" { (mistake) } }
            @for (n, (name, schema)) in form.fields().into_iter().enumerate() {
                (directive_control(form, mistakes, n, name, schema, &try_it))
            }
        }
    }
}

fn directive_control(
    form: &MappingForm,
    mistakes: &Mistakes,
    n: usize,
    name: &str,
    schema: Option<&FieldSchema>,
    try_it: &str,
) -> Markup {
    let control = format!("{DIRECTIVE}{name}");
    let value = form.directives.get(name).map_or("", String::as_str);
    let hint = schema.map_or_else(
        || "The action has no such field: its value is not used.".to_owned(),
        field_hint,
    );
    let label = schema.map_or(name, |schema| &schema.label);
    let mut field = Field::new(&control, label).hint(&hint).error(mistakes.of(&control));
    if schema.is_none() {
        field = field.id(&format!("field-other-{n}"));
    }
    if !schema.is_some_and(|schema| schema.is_required) {
        field = field.optional();
    }
    let default = schema.and_then(default_of_field);
    let typed: Option<Value> = serde_json::from_str(value).ok();
    let is_usual = |default: &String| typed.as_ref().is_some_and(|typed| is_same(default, typed));
    let offered = default.filter(|default| !is_usual(default));
    let below = html! {
        p class="field-hint" id=(reading_id(n)) { (reading(form, name, schema)) }
        @if let Some(default) = offered {
            div class="actions" {
                span class="field-hint" { "Usual: " code { (default) } }
                (Button::quiet("Use it").named("default", name).sends_to(try_it))
            }
        }
    };
    CodeArea { field, value, below }.render()
}

fn reading_id(n: usize) -> String {
    format!("reading-{n}")
}

/// A directive in words.
fn reading(form: &MappingForm, name: &str, schema: Option<&FieldSchema>) -> Markup {
    let text = form.directives.get(name).map_or("", |text| text.trim());
    let is_required = schema.is_some_and(|schema| schema.is_required);
    html! {
        @match directive_in_words(text) {
            Some(words) if !words.is_empty() => { "Takes " (words) },
            Some(_) => "Takes what is written here",
            None if text.is_empty() && is_required => "Without it the mapping does nothing",
            None if text.is_empty() => "Left out",
            None => "Cannot be read",
        }
    }
}

/// What stands above a form that was not saved.
fn nothing_was_saved(form: &MappingForm, mistakes: &Mistakes) -> Option<Markup> {
    let (first, message) = mistakes.iter().next()?;
    let callout = Callout::error("Nothing was saved").announced();
    let is_beside = ["name", "trigger", "action", "fields"].contains(&first)
        || form.fields().iter().any(|(name, _)| first.strip_prefix(DIRECTIVE) == Some(*name));
    let text = if is_beside { "A field below needs a look." } else { message };
    Some(callout.text(text).render())
}
