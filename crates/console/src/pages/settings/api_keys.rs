//! Keys for programs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::Administer;
use maud::{Markup, Render, html};
use resources::api_keys::{self, NewApiKey, ShownApiKey};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;

use super::chrome::{Notice, Noticed, installation_tabs, lead_to};
use super::grants;
use super::shown_once::{Secret, Secrets};
use super::typed::{Mistake, Typed, again};
use crate::COMMON;
use crate::gate::{administer, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, Form, InputKind, TextInput};
use crate::ui::{Badge, Button, Cell, Column, Confirmation, RelativeTime, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/-/api-keys", Administer),
    administer("/console/-/api-keys", "api_key.create"),
    read("/console/-/api-keys/{name}/remove", Administer),
    administer("/console/-/api-keys/{name}/remove", "api_key.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/-/api-keys", get(list).post(create))
        .route("/console/-/api-keys/{name}/remove", get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

async fn list(
    State(app): State<Arc<App>>,
    frame: Frame,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Response {
    let page = page(&frame).body(body(&app, &frame, &Typed::default(), &Mistake::default()));
    match notice {
        Some(notice) => page.notice(notice).into_response(),
        None => page.into_response(),
    }
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "API keys")
        .lead("A key lets a program do by /api what a person with its role does here.")
}

fn body(app: &App, frame: &Frame, typed: &Typed, mistake: &Mistake) -> Markup {
    let now = app.access.now();
    let row = |key: &ShownApiKey| {
        let by = key.created_by.as_ref().and_then(|who| who.name.clone());
        let remove = format!("{COMMON}/api-keys/{}/remove", encode(&key.name));
        vec![
            Cell::new(&key.name),
            Cell::new(Badge::new(key.role.word())),
            Cell::new(grants::workspaces_text(key.workspaces.as_ref())),
            Cell::new(html! {
                @if let Some(at) = key.created_at { (RelativeTime { at, now }) } @else { "–" }
                @if let Some(by) = by { " by " (by) }
            }),
            Cell::new(html! {
                div class="row-actions" { (Button::quiet("Remove…").href(&remove)) }
            }),
        ]
    };
    let columns = vec![
        Column::text("Key"),
        Column::text("Role"),
        Column::text("Workspaces"),
        Column::text("Made"),
        Column::actions("Actions"),
    ];
    let table = Table::new("API keys", columns).rows(api_keys::list(app).iter().map(row));
    html! {
        (installation_tabs("api-keys"))
        section class="card card-table" { (table) }
        section class="card" {
            h2 { "New API key" }
            (mistake)
            (Form {
                action: &format!("{COMMON}/api-keys"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("name", "Name")
                        .hint("The audit shows it beside what the program did")
                        .error(mistake.at("name")))
                        .kind(InputKind::Code)
                        .value(typed.text("name")))
                    (grants::controls(typed, &frame.workspaces, mistake))
                    div class="actions" { (Button::primary("Make the key")) }
                },
            })
        }
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    frame: Frame,
    typed: Typed,
) -> Result<Response, ApiError> {
    let made = match grants::read(&typed) {
        Ok((role, workspaces)) => {
            let new = NewApiKey { name: typed.text("name").to_owned(), role, workspaces };
            api_keys::create(&app, &caller, new).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            let advice =
                "Copy it now: a lost key cannot be read again. Programs send it as a bearer token.";
            let secret = Secret {
                workspace: None,
                title: format!("The API key {}", made.name),
                label: "API key",
                code: made.key,
                advice: advice.to_owned(),
                back: format!("{COMMON}/api-keys"),
                name: made.name,
                is_write_key: false,
            };
            Ok(secrets.lead_to(&app, &caller, secret))
        }
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("name");
            Ok(again(page(&frame).body(body(&app, &frame, &typed, &mistake))))
        }
    }
}

async fn ask_removal(frame: Frame, Path(name): Path<String>) -> Response {
    let title = format!("Remove the API key {name}?");
    let body = Confirmation {
        consequences: &["Programs that use it are refused from now on."],
        action: &format!("{COMMON}/api-keys/{}/remove", encode(&name)),
        csrf: &frame.csrf,
        confirm: "Remove the key",
        back: &format!("{COMMON}/api-keys"),
    };
    Page::new(&frame, Area::Settings, &title).body(body.render()).into_response()
}

async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    api_keys::delete(&app, &caller, name).await?;
    Ok(lead_to(&format!("{COMMON}/api-keys"), Notice::Removed))
}
