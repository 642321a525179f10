//! Who did what.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Right::Administer;
use domain::WorkspaceId;
use maud::{Markup, Render, html};
use resources::audit::{self, AuditQuery, ShownRecord};
use serde::Deserialize;
use web::App;
use web::access::Call;
use web::access::Who;
use web::error::ApiError;
use web::parameters::Parameters;

use super::chrome::installation_tabs;
use crate::COMMON;
use crate::gate::{gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, InputKind, TextInput};
use crate::ui::{
    Badge, Button, Cell, Column, EmptyState, Icon, Pagination, RelativeTime, Table, Tone,
};

pub(super) const CALLS: &[Call] = &[read("/console/-/audit", Administer)];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console/-/audit", get(show)))
}

/// What the form of the page sends: empty texts stand for everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    who: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    workspace: String,
    before: Option<u64>,
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let workspace = given(&query.workspace).map(WorkspaceId::new).transpose();
    let workspace = workspace.map_err(|error| ApiError::invalid(error.to_string()))?;
    let wanted = AuditQuery {
        who: given(&query.who),
        what: given(&query.what),
        workspace,
        before: query.before,
        ..AuditQuery::default()
    };
    let page = audit::read(&app, wanted).await?;
    let now = app.access.now();
    let row = |record: &ShownRecord| {
        vec![
            Cell::new(RelativeTime { at: record.at, now }),
            Cell::new(who(&record.who)),
            Cell::new(html! { code { (record.what) } }),
            Cell::new(record.resource.as_deref().unwrap_or("–")),
            Cell::new(record.workspace.as_ref().map_or("–", WorkspaceId::as_str)),
            Cell::new(Badge::of(
                match record.outcome {
                    "done" => Tone::Good,
                    "refused" => Tone::Warning,
                    _ => Tone::Bad,
                },
                record.outcome,
            )),
        ]
    };
    let columns = vec![
        Column::text("When"),
        Column::text("Who"),
        Column::text("Did"),
        Column::text("With"),
        Column::text("Workspace"),
        Column::text("Outcome"),
    ];
    let table = Table::new("Audit", columns).rows(page.audit.iter().map(row));
    let address = format!(
        "{COMMON}/audit?who={}&what={}&workspace={}",
        encode(&query.who),
        encode(&query.what),
        encode(&query.workspace)
    );
    let next = page.before.map(|before| format!("{address}&before={before}"));
    let shown = match page.audit.len() {
        0 => "Nothing on this page".to_owned(),
        n => format!("{n} records, the latest first"),
    };
    let body = html! {
        (installation_tabs("audit"))
        (filters(&query))
        @if page.audit.is_empty() && page.before.is_none() {
            (EmptyState {
                icon: Icon::Search,
                title: "Nothing of this kind",
                text: "Nobody did this, or the words above are others: try without them.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
            (Pagination {
                of: "the audit",
                shown: &shown,
                previous: query.before.map(|_| address.as_str()),
                next: next.as_deref(),
            })
        }
    };
    let page = Page::new(&frame, Area::Settings, "Audit");
    Ok(page.lead("Who changed what, and what was refused.").body(body).into_response())
}

fn filters(query: &Query) -> Markup {
    html! {
        form class="filters" action={ (COMMON) "/audit" } {
            (TextInput::new(Field::new("who", "Who").optional()).value(&query.who))
            (TextInput::new(Field::new("what", "Did").optional())
                .kind(InputKind::Code).value(&query.what))
            (TextInput::new(Field::new("workspace", "Workspace").optional())
                .kind(InputKind::Code).value(&query.workspace))
            (Button::secondary("Show"))
        }
    }
}

/// Who did something, in words.
pub(in crate::pages) fn who(who: &Who) -> Markup {
    let kind = match who.kind {
        "account" => "",
        "api_key" => "API key ",
        "bootstrap_token" => "the bootstrap owner",
        "bootstrap_file" => "the bootstrap file",
        _ => "the command line",
    };
    html! { (kind) @if let Some(name) = &who.name { (name) } }.render()
}
