//! Segmentations: rules that put items into segments, tried before they are kept.

use std::sync::Arc;

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::quantity::grouped;
use maud::{Markup, Render, html};
use resources::segmentations::{
    self, FilteredSegment, Rule, RuleMistake, ShownSegmentation, ShownSegments,
};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{Part, part_tabs};
use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, Page, item_path};
use crate::ui::form::{Choice, Field, Form as FormElement, InputKind, ReqlField, TextInput};
use crate::ui::{Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, Table, Unit};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/segments", ReadWorkspace),
    read("/console/{workspace}/segments/new", ChangeWorkspace),
    edit("/console/{workspace}/segments/new", "segmentation.create"),
    preview("/console/{workspace}/segments/preview", ReadWorkspace),
    read("/console/{workspace}/segments/of/{id}", ReadWorkspace),
    edit("/console/{workspace}/segments/of/{id}", "segmentation.put"),
    read("/console/{workspace}/segments/of/{id}/delete", ChangeWorkspace),
    edit("/console/{workspace}/segments/of/{id}/delete", "segmentation.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/segments", get(list))
        .route("/console/{workspace}/segments/new", get(new).post(create))
        .route("/console/{workspace}/segments/preview", post(try_rule))
        .route("/console/{workspace}/segments/of/{id}", get(show).post(update))
        .route("/console/{workspace}/segments/of/{id}/delete", get(ask).post(delete));
    gated(app, CALLS, routes)
}

/// The kinds of rules, by the value of the form, with their names.
const KINDS: [(&str, &str); 3] =
    [("property", "A property"), ("expression", "An expression"), ("filters", "A filter each")];

/// A segmentation as typed.
#[derive(Debug, Clone, Default, Deserialize)]
struct Typed {
    #[serde(default)]
    id: String,
    title: String,
    kind: String,
    property: String,
    expression: String,
    filters: String,
}

impl Typed {
    fn new(segmentation: &ShownSegmentation) -> Self {
        let mut typed = Self {
            id: segmentation.id.clone(),
            title: segmentation.title.clone().unwrap_or_default(),
            ..Self::default()
        };
        match &segmentation.rule {
            Rule::Property(name) => {
                typed.kind = "property".to_owned();
                typed.property = name.clone();
            }
            Rule::Expression(expression) => {
                typed.kind = "expression".to_owned();
                typed.expression = expression.clone();
            }
            Rule::Filters(segments) => {
                typed.kind = "filters".to_owned();
                let lines = segments.iter().map(|own| format!("{}: {}", own.id, own.filter));
                typed.filters = lines.collect::<Vec<_>>().join("\n");
            }
        }
        typed
    }

    /// The rule; the message where a line has no filter.
    fn rule(&self, present: Option<&Rule>) -> Result<Rule, String> {
        Ok(match self.kind.as_str() {
            "expression" => Rule::Expression(self.expression.trim().to_owned()),
            "filters" => Rule::Filters(self.segments(present)?),
            _ => Rule::Property(self.property.trim().to_owned()),
        })
    }

    /// A segment a line: `cheap: 'price' < 20`. Titles stay as they are.
    fn segments(&self, present: Option<&Rule>) -> Result<Vec<FilteredSegment>, String> {
        let title = |id: &str| match present {
            Some(Rule::Filters(segments)) => {
                segments.iter().find(|own| own.id == id).and_then(|own| own.title.clone())
            }
            _ => None,
        };
        let lines = self.filters.lines().map(str::trim).filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let (id, filter) = line.split_once(": ").ok_or_else(|| {
                    format!("{line:?} has no filter: write the id, a colon, a space and the filter")
                })?;
                let (id, filter) = (id.trim().to_owned(), filter.trim().to_owned());
                Ok(FilteredSegment { title: title(&id), id, filter })
            })
            .collect()
    }

    /// The text of the rule that a column counts in.
    fn text(&self, mistake: &RuleMistake) -> Option<(usize, String)> {
        (self.kind == "expression").then(|| (mistake.column, mistake.message.clone()))
    }
}

async fn list(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let all = segmentations::list(&workspace).await?;
    let start = Part::Segmentations.path(workspace.id());
    let new = format!("{start}/new");
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let columns = vec![Column::text("Segmentation"), Column::text("By"), Column::text("Rule")];
    let table = Table::new("Segmentations", columns).rows(all.iter().map(|own| {
        let (by, rule) = match &own.rule {
            Rule::Property(name) => ("a property", name.clone()),
            Rule::Expression(expression) => ("an expression", expression.clone()),
            Rule::Filters(segments) => ("filters", format!("{} segments", segments.len())),
        };
        vec![
            Cell::new(html! {
                a href={ (start) "/of/" (own.id) } { (own.title.as_deref().unwrap_or(&own.id)) }
                @if own.title.is_some() { span class="under" { (own.id) } }
            }),
            Cell::new(by),
            Cell::new(html! { code { (rule) } }),
        ]
    }));
    let body = html! {
        (part_tabs(workspace.id(), Part::Segmentations))
        @if all.is_empty() {
            (EmptyState {
                icon: Icon::Segments,
                title: "No segmentation yet",
                text: "A segmentation groups items, by a property such as the genre or by a filter. Lists can then recommend whole groups.",
                next: may_change.then(|| html! {
                    (Button::primary("New segmentation").icon(Icon::Add).href(&new))
                }),
            })
        } @else {
            section class="card card-table" { (table) }
        }
    };
    let page = Page::new(&frame, Area::Segments, "Segments")
        .lead("Items that belong together, and words that mean the same.");
    let page = match may_change && !all.is_empty() {
        true => page.actions(html! {
            (Button::primary("New segmentation").icon(Icon::Add).href(&new))
        }),
        false => page,
    };
    Ok(page.body(body).into_response())
}

async fn new(frame: Frame, Workspace(workspace): Workspace) -> Result<Markup, ApiError> {
    let typed = Typed { kind: "property".to_owned(), ..Typed::default() };
    form_page(&frame, &workspace, Shown { typed: &typed, is_new: true, fault: None }).await
}

/// What a form shows.
struct Shown<'a> {
    typed: &'a Typed,
    is_new: bool,
    fault: Option<Fault>,
}

/// Why a form came back.
enum Fault {
    /// The place in the expression, and what is wrong.
    Expression(usize, String),
    /// The field, and what is wrong.
    Field(&'static str, String),
}

async fn create(
    frame: Frame,
    Workspace(workspace): Workspace,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    save(&frame, &workspace, &typed, None).await
}

async fn update(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let (present, _) = segmentations::read(&workspace, id.clone()).await?;
    let typed = Typed { id, ..typed };
    save(&frame, &workspace, &typed, Some(&present)).await
}

/// Keeps what was typed, or shows it again with what is wrong.
async fn save(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    typed: &Typed,
    present: Option<&ShownSegmentation>,
) -> Result<Response, ApiError> {
    let saved = match try_to_save(workspace, typed, present).await? {
        Ok(()) => {
            let start = Part::Segmentations.path(workspace.id());
            return Ok(Redirect::to(&format!("{start}/of/{}", typed.id)).into_response());
        }
        Err(fault) => fault,
    };
    let form = Shown { typed, is_new: present.is_none(), fault: Some(saved) };
    let page = form_page(frame, workspace, form).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn try_to_save(
    workspace: &RequestedWorkspace,
    typed: &Typed,
    present: Option<&ShownSegmentation>,
) -> Result<Result<(), Fault>, ApiError> {
    let rule = match typed.rule(present.map(|own| &own.rule)) {
        Ok(rule) => rule,
        Err(message) => return Ok(Err(Fault::Field("filters", message))),
    };
    if let Err(mistake) = segmentations::try_rule(workspace, rule.clone()).await? {
        return Ok(Err(match typed.text(&mistake) {
            Some((column, message)) => Fault::Expression(column, message),
            None => Fault::Field(
                "filters",
                format!("column {} of a filter: {}", mistake.column, mistake.message),
            ),
        }));
    }
    let title = typed.title.trim();
    // Segments of a manual segmentation are put into it once it is there.
    let segmentation = ShownSegmentation {
        id: typed.id.trim().to_owned(),
        title: (!title.is_empty()).then(|| title.to_owned()),
        description: present.and_then(|own| own.description.clone()),
        rule,
    };
    let kept = match present {
        None => segmentations::create(workspace, segmentation).await,
        Some(_) => segmentations::update(workspace, segmentation).await,
    };
    match kept {
        Ok(()) => Ok(Ok(())),
        Err(error) if error.kind.status().is_client_error() => {
            let field = match error.pointer.as_deref() {
                Some("/title") => "title",
                Some(pointer) if pointer.starts_with("/rule") => "filters",
                _ if present.is_none() && typed.kind != "property" => "id",
                _ if present.is_none() && error.message.contains("segmentation") => "id",
                Some(_) => "id",
                None => "property",
            };
            Ok(Err(Fault::Field(field, error.message)))
        }
        Err(error) => Err(error),
    }
}

async fn try_rule(
    Workspace(workspace): Workspace,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let rule = match typed.rule(None) {
        Ok(rule) => rule,
        Err(message) => {
            let shown = Callout::warning(&message).render();
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response());
        }
    };
    Ok(match segmentations::try_rule(&workspace, rule).await? {
        Ok(segments) => segments_shown(&segments, workspace.id()).into_response(),
        Err(mistake) => {
            let message = format!("column {}: {}", mistake.column, mistake.message);
            let shown = html! {
                (Callout::warning(&message))
                @if let Some((column, _)) = typed.text(&mistake) {
                    (crate::ui::form::ReqlMistake { text: &typed.expression, column })
                }
            };
            (StatusCode::UNPROCESSABLE_ENTITY, shown).into_response()
        }
    })
}

async fn show(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    if caller.grant.role.has(ChangeWorkspace) {
        let (segmentation, _) = segmentations::read(&workspace, id).await?;
        let typed = Typed::new(&segmentation);
        let form = Shown { typed: &typed, is_new: false, fault: None };
        return form_page(&frame, &workspace, form).await;
    }
    let (segmentation, segments) = segmentations::read(&workspace, id).await?;
    let title = segmentation.title.as_deref().unwrap_or(&segmentation.id);
    let body =
        html! { section class="card card-table" { (segments_shown(&segments, workspace.id())) } };
    Ok(Page::new(&frame, Area::Segments, title).body(body).render())
}

async fn form_page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    Shown { typed, is_new, fault }: Shown<'_>,
) -> Result<Markup, ApiError> {
    let start = Part::Segmentations.path(workspace.id());
    let properties = segmentations::properties(workspace).await?;
    let segments = match is_new {
        true => None,
        false => Some(segmentations::read(workspace, typed.id.clone()).await?.1),
    };
    let action = if is_new { format!("{start}/new") } else { format!("{start}/of/{}", typed.id) };
    let error_at = |name| match &fault {
        Some(Fault::Field(field, message)) if *field == name => Some(message.as_str()),
        _ => None,
    };
    let mistake = match &fault {
        Some(Fault::Expression(column, message)) => Some((*column, message.as_str())),
        _ => None,
    };
    let is_shown = |kind| is_new || typed.kind == kind;
    let names = properties.join(", ");
    let hint = match properties.is_empty() {
        true => "The catalog has no property with texts yet".to_owned(),
        false => format!("One of {names}"),
    };
    let preview = format!("{start}/preview");
    let form = FormElement {
        action: &action,
        csrf: &frame.csrf,
        preview: Some((&preview, "segments-preview")),
        body: html! {
            div class="fields" {
                @if is_new {
                    (TextInput::new(Field::new("id", "Id").hint("Calls of the API use it").error(error_at("id")))
                        .kind(InputKind::Code)
                        .value(&typed.id))
                }
                (TextInput::new(Field::new("title", "Title").optional().error(error_at("title")))
                    .value(&typed.title))
            }
            @if is_new {
                (Choice {
                    name: "kind",
                    label: "What puts items into segments",
                    options: &KINDS,
                    value: &typed.kind,
                })
            } @else {
                input type="hidden" name="kind" value=(typed.kind);
            }
            @if is_shown("property") {
                (TextInput::new(Field::new("property", "Property").optional().hint(&hint).error(error_at("property")))
                    .kind(InputKind::Code)
                    .value(&typed.property))
            } @else { input type="hidden" name="property" value=""; }
            @if is_shown("expression") {
                (ReqlField {
                    field: Field::new("expression", "Expression")
                        .optional()
                        .hint("It yields the segments of an item: if 'price' < 20 then {\"cheap\"} else {}"),
                    value: &typed.expression,
                    mistake,
                })
            } @else { input type="hidden" name="expression" value=""; }
            @if is_shown("filters") {
                (ReqlField {
                    field: Field::new("filters", "Filters")
                        .optional()
                        .hint("A segment a line: its id, a colon, a space and the filter, as in cheap: 'price' < 20")
                        .error(error_at("filters")),
                    value: &typed.filters,
                    mistake: None,
                })
            } @else { input type="hidden" name="filters" value=""; }
            div class="actions" { (Button::primary(if is_new { "Make segmentation" } else { "Save" })) }
        },
    };
    let body = html! {
        div class="columns" {
            section class="card" { (form) }
            section class="card" {
                h2 { "Segments" }
                div id="segments-preview" {
                    @match &segments {
                        Some(segments) => { (segments_shown(segments, workspace.id())) }
                        None => {
                            p { "The largest segments are shown here while you type, from a thousand items." }
                        }
                    }
                }
            }
        }
    };
    let title = match (is_new, typed.title.is_empty()) {
        (true, _) => "New segmentation",
        (false, true) => &typed.id,
        (false, false) => &typed.title,
    };
    let delete = format!("{start}/of/{}/delete", typed.id);
    let page = Page::new(frame, Area::Segments, title);
    let page = match is_new {
        true => page,
        false => page.actions(html! { (Button::quiet("Delete").href(&delete)) }),
    };
    Ok(page.body(body).render())
}

/// The segments with their sizes.
fn segments_shown(segments: &ShownSegments, workspace: &domain::WorkspaceId) -> Markup {
    let n_items = segments.n_items.max(1) as f64;
    let columns = vec![Column::text("Segment"), Column::number("Items"), Column::text("Such as")];
    let table = Table::new("Segments by size", columns).rows(segments.largest.iter().map(|own| {
        vec![
            Cell::new(html! {
                (own.title.as_deref().unwrap_or(&own.id))
                @if own.title.is_some() { span class="under" { (own.id) } }
            }),
            Cell::new(html! {
                (grouped(own.n_items as u64))
                span class="under" { (Unit::Share.text(own.n_items as f64 / n_items)) }
            }),
            Cell::new(html! {
                @for (n, item) in own.examples.iter().enumerate() {
                    @if n > 0 { ", " }
                    a href=(item_path(workspace, &item.id)) { (item.title.as_deref().unwrap_or(&item.id)) }
                }
            }),
        ]
    }));
    html! {
        p {
            (grouped(segments.n_segments as u64)) " segments have an item; "
            (grouped(segments.n_items_in_segments as u64)) " of "
            (grouped(segments.n_items as u64)) " items are in one."
        }
        @if !segments.largest.is_empty() { (table) }
    }
}

async fn ask(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let (segmentation, segments) = segmentations::read(&workspace, id).await?;
    let start = Part::Segmentations.path(workspace.id());
    let path = format!("{start}/of/{}", segmentation.id);
    let what = format!("{} segments are gone; the items stay.", segments.n_segments);
    let lists = "Lists that recommend its segments answer that there is none.";
    let title = format!("Delete {}?", segmentation.id);
    let confirmation = Confirmation {
        consequences: &[&what, lists],
        action: &format!("{path}/delete"),
        csrf: &frame.csrf,
        confirm: "Delete this segmentation",
        back: &path,
    };
    Ok(Page::new(&frame, Area::Segments, &title).body(confirmation.render()).render())
}

async fn delete(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    segmentations::delete(&workspace, id).await?;
    Ok(Redirect::to(&Part::Segmentations.path(workspace.id())))
}
