//! "Try it": what would be recommended to whom, with which settings, and why.

mod clients;
mod form;
mod list;
mod state;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form as Posted, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Right::SeePeople;
use domain::{Right, Scenario};
use engine::Expected;
use maud::{Render, html};
use resources::recommendations::{
    Preview, PreviewError, PreviewRequest, find_item, preview, vocabulary,
};
use resources::scenarios;
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use self::form::SettingsForm;
use self::list::Shown;
use self::state::{Beside, Trial};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, Server};
use crate::ui::{Button, Callout, Icon};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/try-it", SeePeople),
    read("/console/{workspace}/try-it/preview", SeePeople),
    edit("/console/{workspace}/try-it/keep", "scenario.put"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/try-it", get(show))
        .route("/console/{workspace}/try-it/preview", get(show_list))
        .route("/console/{workspace}/try-it/keep", post(keep));
    gated(app, CALLS, routes)
}

/// Who looks, and how they reached the server.
struct Viewer {
    frame: Frame,
    may_keep: bool,
    /// The address of the server as the viewer knows it.
    server: Server,
}

impl FromRequestParts<Arc<App>> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let frame = Frame::from_request_parts(parts, app).await?;
        let caller = parts.extensions.get::<Caller>();
        let may_keep = caller.is_some_and(|caller| caller.grant.role.has(Right::ChangeWorkspace));
        let Ok(server) = Server::from_request_parts(parts, app).await;
        Ok(Self { frame, may_keep, server })
    }
}

/// The lists of a trial, or why there is none.
struct Tried {
    /// The request, with the ids of what was named by its title.
    request: PreviewRequest,
    list: Result<Preview, PreviewError>,
    beside: Option<Result<Preview, PreviewError>>,
}

impl Tried {
    async fn make(workspace: &RequestedWorkspace, trial: &Trial) -> Self {
        let request = match resolve(workspace, trial).await {
            Ok(request) => request,
            Err(error) => {
                return Self {
                    request: PreviewRequest::default(),
                    list: Err(error.into()),
                    beside: None,
                };
            }
        };
        let list = preview(workspace, request.clone()).await;
        let beside = match trial.beside() {
            Beside::Nothing => None,
            beside => match trial.request_beside(&beside) {
                Ok(other) => {
                    let other = PreviewRequest { item: request.item.clone(), ..other };
                    Some(preview(workspace, other).await)
                }
                Err(error) => Some(Err(error.into())),
            },
        };
        Self { request, list, beside }
    }

    fn status(&self) -> StatusCode {
        match &self.list {
            Ok(_) => StatusCode::OK,
            Err(PreviewError { error, .. }) if error.kind.status().is_client_error() => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Err(PreviewError { error, .. }) => error.kind.status(),
        }
    }
}

/// The request of a trial. Items may be named by their titles.
async fn resolve(
    workspace: &RequestedWorkspace,
    trial: &Trial,
) -> Result<PreviewRequest, ApiError> {
    let mut request = trial.request()?;
    for (item, field) in [(&mut request.item, "/item"), (&mut request.why_not, "/why_not")] {
        if let Some(text) = item.take() {
            let found = find_item(workspace, &text).await;
            *item = Some(found.map_err(|error| error.at(field))?);
        }
    }
    Ok(request)
}

async fn show(
    viewer: Viewer,
    Workspace(workspace): Workspace,
    Parameters(trial): Parameters<Trial>,
) -> Result<Response, ApiError> {
    page(&viewer, &workspace, &trial, None).await
}

/// The page; with the refusal where settings could not be kept.
async fn page(
    viewer: &Viewer,
    workspace: &RequestedWorkspace,
    trial: &Trial,
    refusal: Option<&ApiError>,
) -> Result<Response, ApiError> {
    let scenarios = scenarios::list(workspace).await?;
    let scenarios: Vec<Scenario> = scenarios.into_iter().map(|shown| shown.scenario).collect();
    let vocabulary = vocabulary(workspace).await?;
    let tried = Tried::make(workspace, trial).await;
    let path = Area::TryIt.path(workspace.id());
    let mistakes = match &tried.list {
        Err(error) => &error.mistakes[..],
        Ok(_) => &[],
    };
    let form = SettingsForm {
        path: &path,
        trial,
        scenarios: &scenarios,
        vocabulary: &vocabulary,
        mistakes,
    };
    let shown = Shown { workspace: workspace.id(), viewer, trial, tried: &tried, refusal };
    let body = html! {
        div class="columns columns-form" {
            section class="card" aria-label="Settings" { (form) }
            div id="preview" class="stack preview" { (shown) }
        }
    };
    let page = Page::new(&viewer.frame, Area::TryIt, "Try it")
        .lead("Change settings and see at once what would be recommended. Nobody else sees it.")
        .actions(html! { (Button::secondary("Start over").icon(Icon::Cross).href(&path)) });
    let page = match trial.notice() {
        Some(notice) => page.notice(Callout::success(notice)),
        None => page,
    };
    let status = if refusal.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, page.body(body)).into_response())
}

async fn show_list(
    viewer: Viewer,
    Workspace(workspace): Workspace,
    Parameters(trial): Parameters<Trial>,
) -> Response {
    let tried = Tried::make(&workspace, &trial).await;
    let shown = Shown {
        workspace: workspace.id(),
        viewer: &viewer,
        trial: &trial,
        tried: &tried,
        refusal: None,
    };
    (tried.status(), shown.render()).into_response()
}

#[derive(Deserialize)]
struct Kept {
    name: String,
    /// The trial as the address has it.
    trial: String,
}

/// Keeps the settings as a scenario of a new name.
async fn keep(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Workspace(workspace): Workspace,
    Posted(Kept { name, trial }): Posted<Kept>,
) -> Result<Response, ApiError> {
    let trial = Trial::from_address(&trial)?;
    let config = workspace.config()?;
    let kept = trial.scenario(&name, &config);
    let put = match kept {
        Ok(scenario) => scenarios::put(&app, &workspace, scenario, Expected::Absent).await,
        Err(error) => Err(error),
    };
    match put {
        Ok(_) => {
            let path = Area::TryIt.path(workspace.id());
            let address = trial.with_kept(name.trim()).address_with_notice();
            Ok(Redirect::to(&format!("{path}?{address}")).into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let mut trial = trial;
            trial.keep_as = name;
            page(&viewer, &workspace, &trial, Some(&error)).await
        }
        Err(error) => Err(error),
    }
}
