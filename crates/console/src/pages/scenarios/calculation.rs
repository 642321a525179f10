//! What the lists of a scenario would come to, below its form.

use axum::Extension;
use axum::extract::Form as Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Endpoint, Scenario, WorkspaceId};
use maud::{Markup, html};
use resources::calculation::{CalculationRequest, calculate_lists};
use resources::recommendations::COUNT_DEFAULT;
use resources::scenarios;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::form::ScenarioForm;
use super::mistakes::Mistakes;
use super::{Outcome, PreviewBody, new_page, one_page};
use crate::page::{Area, Frame};
use crate::pages::calculation::render;
use crate::ui::Button;

/// What such lists would come to for everybody, when that is asked for.
pub(super) fn section(frame: &Frame, workspace: &WorkspaceId, outcome: &Outcome) -> Markup {
    let calculate = format!("{}/-/calculate#results", Area::Scenarios.path(workspace));
    html! {
        section class="card" {
            h2 { "What it comes to" }
            p { "Lists of " (COUNT_DEFAULT) " items are made for people taken by chance, as it is typed above. Nothing is saved." }
            div class="actions" { (Button::secondary("Calculate").sends_to(&calculate)) }
            @if let Some(calculation) = &outcome.calculation {
                (render(frame, calculation))
            }
        }
    }
}

/// What lists of a form as it is typed would come to for everybody.
pub(super) async fn calculate(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Body(PreviewBody { edited, form }): Body<PreviewBody>,
) -> Result<Response, ApiError> {
    let stored = match edited {
        Some(name) => Some(scenarios::read(&workspace, name).await?.value),
        None => None,
    };
    let scenario = match &stored {
        Some(stored) => form.scenario(Some(&stored.scenario)),
        None => ScenarioForm { name: "preview".to_owned(), ..form.clone() }.scenario(None),
    };
    let calculated = match scenario {
        Ok(Scenario { endpoint, settings, .. }) if is_for(endpoint) => {
            let request = CalculationRequest { settings, ..CalculationRequest::default() };
            match calculate_lists(&workspace, request).await {
                Ok(calculation) => Ok(calculation),
                Err(error) if error.kind.status().is_client_error() => {
                    Err(Mistakes::of_error(&error))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(_) => Err(Mistakes::one("endpoint", "Only items for a person are calculated.")),
        Err(mistakes) => Err(mistakes),
    };
    let (status, outcome) = match calculated {
        Ok(made) => (StatusCode::OK, Outcome { calculation: Some(made), ..Outcome::default() }),
        Err(mistakes) => (StatusCode::UNPROCESSABLE_ENTITY, Outcome::refused(mistakes)),
    };
    let page = match &stored {
        Some(stored) => one_page(&frame, &workspace, &caller, stored, &form, outcome).await?,
        None => new_page(&frame, &workspace, &form, &outcome).await?,
    };
    Ok((status, page).into_response())
}

/// Whether it is worked out what lists of a kind come to for everybody.
pub(super) fn is_for(endpoint: Endpoint) -> bool {
    endpoint == Endpoint::RecommendItemsToUser
}
