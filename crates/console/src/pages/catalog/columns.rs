//! What columns of the catalog mean: which keep items out of lists, which hold locations, and which
//! are added to events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::{CatalogSettings, Enrichment};
use engine::Expected;
use maud::{Markup, html};
use resources::settings::{self, SettingsPatch};
use resources::{items, locations};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{may_change, path, tab_list};
use crate::page::{Area, Frame, Page};
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{CodeArea, Field, Form, InputKind, TextInput, field_group};
use crate::ui::{Button, Callout, Icon};

/// The controls of columns that keep items out of lists.
const OFFER_FIELDS: [(&str, &str, &str); 4] = [
    (
        "available",
        "Available",
        "No, false, or a text such as out_of_stock keeps an item out. In a Google feed: availability",
    ),
    ("stock", "Stock", "A number: 0 keeps an item out"),
    ("valid_from", "Offered from", "A date and time"),
    ("valid_until", "Offered until", "A date and time. In a Google feed: expiration_date"),
];
/// What the names of the controls for locations begin with.
const LOCATION_FIELD: &str = "location:";
const ITEM_PROPERTY_DEFAULT: &str = "product_id";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    notice: Option<String>,
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let present = settings::read(&workspace).await?.value.settings.catalog;
    let body = body(&frame, &workspace, &caller, &typed_of(&present), &Mistake::default()).await?;
    let page = page(&frame).body(body);
    Ok(match query.notice.as_deref() {
        Some("saved") => page.notice(Callout::success("Saved").announced()).into_response(),
        _ => page.into_response(),
    })
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let saved = match read_form(&typed) {
        Ok(catalog) => {
            let patch = SettingsPatch { catalog: Some(Some(catalog)), ..SettingsPatch::default() };
            settings::update(&app, &workspace, patch, Expected::Anything).await
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(_) => Ok(Redirect::to(&path(workspace.id(), "/columns?notice=saved")).into_response()),
        Err(error) => {
            let mistake = Mistake::of(error)?.among(&["enrich", "products"]);
            let body = body(&frame, &workspace, &caller, &typed, &mistake).await?;
            Ok(again(page(&frame).body(body)))
        }
    }
}

/// The settings as the form has them.
fn typed_of(settings: &CatalogSettings) -> Typed {
    let offer = settings.offer_properties();
    let offer = offer.map(|(setting, property)| (setting.to_owned(), property.to_owned()));
    let places = settings.location_property.iter();
    let places =
        places.map(|(catalog, property)| (format!("{LOCATION_FIELD}{catalog}"), property.clone()));
    let line = |one: &Enrichment| {
        let by = match one.item_property.as_str() {
            ITEM_PROPERTY_DEFAULT => String::new(),
            property => format!(" by {property}"),
        };
        format!("{}{by}: {}", one.event, one.columns.join(", "))
    };
    let lines: Vec<String> = settings.enrich.iter().map(line).collect();
    let others = [
        ("enrich".to_owned(), lines.join("\n")),
        ("products".to_owned(), settings.products.join(", ")),
    ];
    Typed(offer.chain(places).chain(others).collect())
}

fn read_form(typed: &Typed) -> Result<CatalogSettings, ApiError> {
    let places = typed.0.iter().filter_map(|(name, value)| {
        let catalog = name.strip_prefix(LOCATION_FIELD)?;
        Some((catalog.to_owned(), value.trim().to_owned())).filter(|(_, value)| !value.is_empty())
    });
    let location_property: BTreeMap<String, String> = places.collect();
    let lines = typed.text("enrich").lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(CatalogSettings {
        products: split_names(typed.text("products")).map(str::to_owned).collect(),
        available: typed.optional("available"),
        stock: typed.optional("stock"),
        valid_from: typed.optional("valid_from"),
        valid_until: typed.optional("valid_until"),
        location_property,
        enrich: lines.map(read_enrichment).collect::<Result<_, _>>()?,
    })
}

/// Names with commas between them.
fn split_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Reads a line such as `Product Viewed by sku: brand, category`.
fn read_enrichment(line: &str) -> Result<Enrichment, ApiError> {
    let wrong = || {
        let what =
            format!("“{line}”: write the event, a colon, and columns with commas between them");
        ApiError::invalid(what).at("/enrich")
    };
    let (event, columns) = line.rsplit_once(':').ok_or_else(wrong)?;
    let (event, item_property) = match event.rsplit_once(" by ") {
        Some((event, property)) => (event.trim(), property.trim()),
        None => (event.trim(), ITEM_PROPERTY_DEFAULT),
    };
    let columns: Vec<String> = split_names(columns).map(str::to_owned).collect();
    if event.is_empty() || columns.is_empty() {
        return Err(wrong());
    }
    let (event, item_property) = (event.to_owned(), item_property.to_owned());
    Ok(Enrichment { event, item_property, columns })
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Catalog, "What columns mean")
        .lead("Columns that keep items out of lists, that say where they are, and that are added to events.")
}

async fn body(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    typed: &Typed,
    mistake: &Mistake,
) -> Result<Markup, ApiError> {
    let own = workspace.id();
    let warnings = settings::read(workspace).await?.value.warnings;
    let one = items::Query { count: Some(1), ..items::Query::default() };
    let properties = items::list(workspace, one).await?.properties;
    let catalogs = locations::list(workspace).await?;
    let may_change = may_change(caller);
    // A catalog may be named before its file is there.
    let named = typed.0.iter().filter_map(|(name, _)| name.strip_prefix(LOCATION_FIELD));
    let catalogs: BTreeSet<&str> =
        catalogs.iter().map(|catalog| catalog.name.as_str()).chain(named).collect();
    let place = |catalog: &str| {
        (format!("{LOCATION_FIELD}{catalog}"), format!("Property with ids of {catalog}"))
    };
    let places: Vec<(String, String)> = catalogs.into_iter().map(place).collect();
    Ok(html! {
        (tab_list(frame, own, "/columns"))
        (mistake)
        @for warning in &warnings {
            (Callout::warning("A column says nothing").text(warning))
        }
        datalist id="properties" {
            @for property in &properties { option value=(property.name) {} }
        }
        section class="card" {
            (Form {
                action: &path(own, "/columns"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("products", "Catalogs of products")
                        .optional()
                        .hint("Beside “items”, with commas between them: files, feeds, scenarios and traits can name them. Lower-case letters, digits and “_”.")
                        .error(mistake.at("products")))
                        .kind(InputKind::Code)
                        .value(typed.text("products")))
                    (field_group("When an item is offered", &html! {
                        div class="fields" {
                            @for (name, label, hint) in OFFER_FIELDS {
                                (property_input(name, label, Some(hint), typed))
                            }
                        }
                    }))
                    @if !places.is_empty() {
                        (field_group("Where an item is", &html! {
                            @for (name, label) in &places {
                                (property_input(name, label, None, typed))
                            }
                        }))
                    }
                    (CodeArea {
                        field: Field::new("enrich", "Columns that are added to events")
                            .optional()
                            .hint("A line for each event, such as “Product Viewed: brand, category”. The item is the one that product_id names; “Product Viewed by sku: brand” for another property. What an event says itself stays.")
                            .error(mistake.at("enrich")),
                        value: typed.text("enrich"),
                        below: html! {},
                    })
                    @if may_change {
                        div class="actions" { (Button::primary("Save").icon(Icon::Check)) }
                    }
                },
            }.for_those_who(may_change))
        }
    })
}

fn property_input<'a>(
    name: &'a str,
    label: &'a str,
    hint: Option<&'a str>,
    typed: &'a Typed,
) -> TextInput<'a> {
    let field = Field::new(name, label).optional();
    let field = match hint {
        Some(hint) => field.hint(hint),
        None => field,
    };
    TextInput::new(field).kind(InputKind::Code).suggests("properties").value(typed.text(name))
}
