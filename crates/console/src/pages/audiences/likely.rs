//! "Likely to act": an audience that is made of items, with its size against the response.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::LikelyAudience;
use domain::quantity::{counted, grouped, listed};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::audiences::{self, Audience, describe_likely};
use resources::likely_preview::{self, ShownCurve, ShownLikely, ShownPoint};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::editing::{client_error, saved_as};
use super::preview;
use crate::page::{Area, Frame, Page};
use crate::pages::people::address;
use crate::ui::chart::{Curve, SizePoint};
use crate::ui::form::{
    CodeArea, Field, Form as FormElement, InputKind, QueryForm, Select, TextInput,
};
use crate::ui::{Button, Callout, Cell, Column, Table, Unit};

/// How many unknown names are shown.
const UNKNOWN_SHOWN: usize = 10;
/// The size that is shown before one is chosen.
const SIZE_DEFAULT: &str = "1000";

/// The controls, as texts: of the address, and of the form that makes the audience.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    items: String,
    property: String,
    value: String,
    filter: String,
    size: String,
    among: String,
    exclude_acted: String,
    every_hours: String,
    key: String,
    name: String,
    /// Whether an audience of this key is changed.
    is_present: bool,
}

impl Asked {
    /// The controls of an audience that is there.
    pub(super) fn of_audience(audience: &Audience, likely: &LikelyAudience) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            items: likely.items.join("\n"),
            property: text(&likely.property),
            value: text(&likely.value),
            filter: text(&likely.filter),
            size: likely.size.to_string(),
            among: text(&likely.among),
            exclude_acted: likely.exclude_acted.to_string(),
            every_hours: likely.every_hours.to_string(),
            key: audience.key.clone(),
            name: text(&audience.name),
            is_present: true,
        }
    }

    /// The address of the page with these controls.
    pub(super) fn address(&self, workspace: &RequestedWorkspace) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        format!("{}/likely?{query}", Area::Audiences.path(workspace.id()))
    }

    fn is_empty(&self) -> bool {
        [&self.items, &self.property, &self.filter].iter().all(|text| text.trim().is_empty())
    }

    /// The definition that the controls make.
    fn read(&self) -> Result<LikelyAudience, String> {
        let number = |name: &str, text: &str| {
            let read: Result<u32, _> = text.trim().parse();
            read.map(Value::from).map_err(|_| format!("{name} must be a whole number"))
        };
        let mut fields = Map::new();
        let items: Vec<&str> =
            self.items.lines().map(str::trim).filter(|id| !id.is_empty()).collect();
        if !items.is_empty() {
            fields.insert("items".to_owned(), json!(items));
        }
        let texts = [
            ("property", &self.property),
            ("value", &self.value),
            ("filter", &self.filter),
            ("among", &self.among),
        ];
        for (name, text) in texts {
            if !text.trim().is_empty() {
                fields.insert(name.to_owned(), text.trim().into());
            }
        }
        let size = if self.size.trim().is_empty() { SIZE_DEFAULT } else { &self.size };
        fields.insert("size".to_owned(), number("The number of people", size)?);
        if !self.every_hours.trim().is_empty() {
            fields.insert("every_hours".to_owned(), number("Hours", &self.every_hours)?);
        }
        fields.insert("exclude_acted".to_owned(), (self.exclude_acted != "false").into());
        let likely: LikelyAudience =
            serde_json::from_value(fields.into()).map_err(|error| error.to_string())?;
        likely.validate().map(|()| likely)
    }
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(asked): Parameters<Asked>,
) -> Result<Response, ApiError> {
    if asked.is_empty() {
        return Ok(page(&frame, &workspace, &asked, None, None).await?.into_response());
    }
    let found = match asked.read() {
        Ok(likely) => match likely_preview::preview(&workspace, likely).await {
            Ok(found) => Ok(found),
            Err(error) => Err(client_error(error)?),
        },
        Err(mistake) => Err(mistake),
    };
    let status = if found.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (found, fault) = (found.as_ref().ok(), found.as_ref().err());
    let page = page(&frame, &workspace, &asked, found, fault.map(String::as_str)).await?;
    Ok((status, page).into_response())
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Form(asked): Form<Asked>,
) -> Result<Response, ApiError> {
    let saved = match asked.read() {
        Ok(likely) => make(&app, &workspace, &asked, &likely).await,
        Err(mistake) => Err(ApiError::invalid(mistake)),
    };
    let Err(error) = saved else {
        return Ok(saved_as(&workspace, &asked.key));
    };
    let message = client_error(error)?;
    let page = page(&frame, &workspace, &asked, None, Some(&message)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn make(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    asked: &Asked,
    likely: &LikelyAudience,
) -> Result<(), ApiError> {
    let name = Some(asked.name.trim()).filter(|name| !name.is_empty());
    let body = json!({ "name": name, "likely": likely }).to_string();
    let mut definition = audiences::parse(&asked.key, body.as_bytes())?;
    // The form says nothing of destinations.
    let config = workspace.config()?;
    let present = config.audience(&asked.key).filter(|_| asked.is_present);
    definition.sync = present.and_then(|present| present.sync.clone());
    let expected = if asked.is_present { Expected::Present } else { Expected::Absent };
    audiences::put(app, workspace, definition, expected).await.map(drop)
}

async fn page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    asked: &Asked,
    found: Option<&ShownLikely>,
    fault: Option<&str>,
) -> Result<Markup, ApiError> {
    let here = format!("{}/likely", Area::Audiences.path(workspace.id()));
    let others = audiences::list(workspace).await?;
    let body = html! {
        @if let Some(fault) = fault { (Callout::error(fault).announced()) }
        div class="columns" {
            section class="card" {
                h2 { "Items in question" }
                (QueryForm { action: &here, preview: None, body: controls(asked, &others) })
            }
            section class="card" {
                h2 { "Who is likely to act" }
                @match found {
                    Some(found) => (results(workspace, asked, found)),
                    None => p { "Name the items, and see here how many are interested and how the best of them respond." },
                }
            }
        }
        @if found.is_some() || fault.is_some() {
            section class="card" {
                h2 { (if asked.is_present { "Save it" } else { "Make it an audience" }) }
                (FormElement { action: &here, csrf: &frame.csrf, preview: None, body: naming(asked) })
            }
        }
    };
    let title = if asked.is_present { &asked.key } else { "Likely to act" };
    let lead = "The people most likely to act on an item, a brand, a category or what a filter finds, by the model in use.";
    Ok(Page::new(frame, Area::Audiences, title).lead(lead).body(body).render())
}

fn controls(asked: &Asked, others: &[Audience]) -> Markup {
    let among: Vec<(&str, &str)> = std::iter::once(("", "everybody"))
        .chain(others.iter().filter(|own| own.key != asked.key).map(|own| (&*own.key, &*own.key)))
        .collect();
    let text = |name: &'static str, label: &'static str, hint: &'static str, value: &str| {
        TextInput::new(Field::new(name, label).hint(hint).optional()).value(value).render()
    };
    let items = Field::new("items", "Ids of items").hint("One on each line").optional();
    let filter = Field::new("filter", "Or a ReQL filter of items").optional();
    let size = if asked.size.is_empty() { SIZE_DEFAULT } else { &asked.size };
    html! {
        (CodeArea { field: items, value: &asked.items, below: Markup::default() })
        div class="fields" {
            (text("property", "Or a property", "Such as brand or category", &asked.property))
            (text("value", "Its value", "", &asked.value))
        }
        (CodeArea { field: filter, value: &asked.filter, below: Markup::default() })
        div class="fields" {
            (TextInput::new(Field::new("size", "How many people")).kind(InputKind::Code).value(size))
            (Select { field: Field::new("among", "Chosen among"), options: &among, value: &asked.among })
        }
        div class="fields" {
            (Select {
                field: Field::new("exclude_acted", "Who has acted on them before"),
                options: &[("true", "is left out"), ("false", "may be chosen")],
                value: &asked.exclude_acted,
            })
            (text("every_hours", "Looked for again after hours", "24 if nothing is said; a new model brings a search too", &asked.every_hours))
        }
        (kept(asked))
        div class="actions" { (Button::primary("Show who is likely")) }
    }
}

/// What both forms carry along without showing it.
fn kept(asked: &Asked) -> Markup {
    html! {
        input type="hidden" name="key" value=(asked.key);
        input type="hidden" name="name" value=(asked.name);
        input type="hidden" name="is_present" value=(asked.is_present);
    }
}

/// The form that makes the audience: what was asked, with a key and a name.
fn naming(asked: &Asked) -> Markup {
    let hidden = [
        ("items", &asked.items),
        ("property", &asked.property),
        ("value", &asked.value),
        ("filter", &asked.filter),
        ("size", &asked.size),
        ("among", &asked.among),
        ("exclude_acted", &asked.exclude_acted),
        ("every_hours", &asked.every_hours),
    ];
    html! {
        @if let Ok(likely) = asked.read() { p { (describe_likely(&likely)) } }
        @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
        input type="hidden" name="is_present" value=(asked.is_present);
        div class="fields" {
            @if asked.is_present {
                input type="hidden" name="key" value=(asked.key);
            } @else {
                (TextInput::new(Field::new("key", "Key").hint("Of a-z, 0-9 and _: profiles and conditions use it"))
                    .kind(InputKind::Code)
                    .value(&asked.key))
            }
            (TextInput::new(Field::new("name", "Name").optional()).value(&asked.name))
        }
        div class="actions" { (Button::primary(if asked.is_present { "Save" } else { "Make audience" })) }
    }
}

fn results(workspace: &RequestedWorkspace, asked: &Asked, found: &ShownLikely) -> Markup {
    html! {
        (unknown_names(&found.unknown))
        p class="stat-value" { (preview::number(found.interested)) " interested" }
        p {
            "In " (grouped(found.n_items)) (if found.n_items == 1 { " item" } else { " items" })
            ", of " (grouped(found.n_people)) " people"
            @if found.n_scored < found.n_people { "; " (grouped(found.n_scored)) " of them were looked at" }
            "."
        }
        @if let Some(curve) = &found.curve { (response(workspace, asked, curve)) }
        @if let Some(why) = &found.no_curve {
            (Callout::info("How the best respond cannot be said yet").text(why))
        }
        @if !found.sample.is_empty() {
            (Table::new("Most likely", vec![Column::text("Most likely"), Column::number("Score")]).rows(
                found.sample.iter().map(|one| vec![
                    Cell::new(html! {
                        a href=(address::person(workspace.id(), &one.person.path_name(), "")) {
                            (one.person.name.as_deref().unwrap_or(&one.person.id))
                        }
                    }),
                    Cell::new(Unit::Ratio.text(f64::from(one.score))),
                ])
            ))
        }
    }
}

/// What a definition names and the workspace does not know, as a warning.
pub(super) fn unknown_names(unknown: &[String]) -> Markup {
    if unknown.is_empty() {
        return html! {};
    }
    let shown = unknown.iter().take(UNKNOWN_SHOWN).cloned();
    let more = unknown.len().saturating_sub(UNKNOWN_SHOWN);
    let more = (more > 0).then(|| counted(more as u64, "other", "others"));
    let names: Vec<String> = shown.chain(more).collect();
    let names = format!("There is no {}.", listed(&names, "or"));
    html! { (Callout::warning("A part of what it names is not known").text(&names)) }
}

fn response(workspace: &RequestedWorkspace, asked: &Asked, curve: &ShownCurve) -> Markup {
    let point = |point: &ShownPoint| {
        let size = point.size.to_string();
        SizePoint {
            size: point.size,
            value: point.rate,
            interval: (point.low, point.high),
            detail: format!(
                "{}, at random {}",
                grouped(point.expected),
                grouped(point.expected_random)
            ),
            is_chosen: asked.size.trim() == size,
            href: Asked { size, ..asked.clone() }.address(workspace),
        }
    };
    let points: Vec<SizePoint> = curve.points.iter().map(point).collect();
    html! {
        (Curve {
            title: "Response by size",
            unit: Unit::Share,
            of: "People",
            detail: "Who would act",
            points: &points,
            baseline: ("Of people at random", curve.random),
        })
        p class="hint" {
            "Who acted after " (curve.since.to_string()) ", which the model " (curve.model)
            " had not seen: " (grouped(curve.n_responders)) " of " (grouped(curve.n_people))
            " people. Choose a size by clicking on it."
        }
    }
}
