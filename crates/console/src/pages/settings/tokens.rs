//! Tokens of the recommender and the profile API.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::TokenKind;
use engine::Expected;
use maud::{Markup, Render, html};
use resources::tokens::{self, NewToken, ShownToken};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, lead_to, may_change, path, workspace_tabs};
use super::shown_once::{Secret, Secrets};
use super::typed::{Mistake, Typed, again};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, Form, InputKind, Select, TextInput};
use crate::ui::{Button, Cell, Column, Confirmation, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/settings/tokens", ReadWorkspace),
    edit("/console/{workspace}/settings/tokens", "token.create"),
    read("/console/{workspace}/settings/tokens/{name}/remove", ReadWorkspace),
    edit("/console/{workspace}/settings/tokens/{name}/remove", "token.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/settings/tokens", get(list).post(create))
        .route("/console/{workspace}/settings/tokens/{name}/remove", get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

fn words(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Private => "Recommendations, for servers",
        TokenKind::Public => "Recommendations, for browsers and apps",
        TokenKind::Profile => "Profiles, for servers",
    }
}

async fn list(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let shown = tokens::list(&workspace)?;
    let body = list_body(&frame, &shown, &Typed::default(), &Mistake::default(), &caller);
    let page = list_page(&frame).body(body);
    Ok(page.notice_if(notice).into_response())
}

fn list_page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Tokens")
        .lead("A token lets a server or a browser ask for recommendations or profiles.")
}

fn list_body(
    frame: &Frame,
    shown: &[ShownToken],
    typed: &Typed,
    mistake: &Mistake,
    caller: &Caller,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let row = |token: &ShownToken| {
        let remove = path(workspace, &format!("tokens/{}/remove", encode(&token.name)));
        vec![
            Cell::new(&token.name),
            Cell::new(words(token.kind)),
            Cell::new(html! {
                @if may_change(caller) {
                    div class="row-actions" { (Button::quiet("Remove…").href(&remove)) }
                }
            }),
        ]
    };
    let columns = vec![Column::text("Token"), Column::text("Opens"), Column::actions("Actions")];
    let table = Table::new("Tokens", columns).rows(shown.iter().map(row));
    let kinds = TokenKind::ALL.map(|kind| (kind.word(), words(kind)));
    html! {
        (workspace_tabs(frame, workspace, "tokens"))
        @if shown.is_empty() {
            (EmptyState {
                icon: Icon::Settings,
                title: "No token yet",
                text: "Without one, nobody can ask for recommendations or profiles. Make one below.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if may_change(caller) {
            section class="card" {
                h2 { "New token" }
                (mistake)
                (Form {
                    action: &path(workspace, "tokens"),
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        (TextInput::new(Field::new("name", "Name")
                            .hint("Letters, digits, “-”, “_” and “.”; a second one of a kind replaces the first without an outage")
                            .error(mistake.at("name")))
                            .kind(InputKind::Code)
                            .value(typed.text("name")))
                        (Select {
                            field: Field::new("kind", "It opens").error(mistake.at("kind")),
                            options: &kinds,
                            value: typed.text("kind"),
                        })
                        div class="actions" { (Button::primary("Make the token")) }
                    },
                })
            }
        }
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(secrets): Extension<Secrets>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let kind = TokenKind::ALL.into_iter().find(|kind| kind.word() == typed.text("kind"));
    let made = match kind {
        Some(kind) => {
            let new = NewToken { name: typed.text("name").to_owned(), kind, token: None };
            tokens::create(&app, &workspace, new).await
        }
        None => Err(ApiError::invalid("choose one of the list").at("/kind")),
    };
    match made {
        Ok(made) => {
            let token = made.value;
            let secret = Secret {
                workspace: frame.workspace.clone(),
                title: format!("The token {}", token.name),
                label: "Token",
                code: token.token.unwrap_or_default(),
                advice: "Copy it now: a lost token cannot be read again, only replaced.".to_owned(),
                back: path(workspace.id(), "tokens"),
                name: token.name,
                is_write_key: false,
            };
            Ok(secrets.lead_to(&app, &caller, secret))
        }
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("name");
            let shown = tokens::list(&workspace)?;
            let body = list_body(&frame, &shown, &typed, &mistake, &caller);
            Ok(again(list_page(&frame).body(body)))
        }
    }
}

async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let token = tokens::read(&workspace, name).await?.value;
    let own = path(workspace.id(), &format!("tokens/{}/remove", encode(&token.name)));
    let title = format!("Remove the token {}?", token.name);
    let body = Confirmation {
        consequences: &["Whoever uses it is refused from now on."],
        action: &own,
        csrf: &frame.csrf,
        confirm: "Remove the token",
        back: &path(workspace.id(), "tokens"),
    };
    Ok(Page::new(&frame, Area::Settings, &title).body(body.render()).into_response())
}

async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    tokens::delete(&app, &workspace, name, Expected::Present).await?;
    Ok(lead_to(&path(workspace.id(), "tokens"), Notice::Removed))
}
