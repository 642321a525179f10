//! The tracking plan of a source, as JSON.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::TrackingPlan;
use engine::Expected;
use maud::{Markup, html};
use resources::Revised;
use resources::sources::{self, ShownSource, SourcePatch};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{Noticed, may_change, page, path, saved};
use crate::page::Frame;
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{CodeArea, Field, Form};
use crate::ui::{Button, CodeBlock};

/// A plan with one of everything.
const EXAMPLE: &str = r#"{
  "events": [
    {
      "name": "Order Completed",
      "properties": [
        { "name": "order_id", "required": true, "types": ["string"] },
        { "name": "total", "types": ["number", "null"] },
        { "name": "currency", "types": ["string"], "pattern": "^(EUR|USD)$" }
      ]
    }
  ],
  "identify": [{ "name": "birthday", "types": ["date-time"] }],
  "unplanned_events": "allow",
  "unplanned_properties": "omit",
  "violations": "block",
  "blocked_events": ["Debug"],
  "blocked_properties": ["password"]
}"#;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name).await?;
    let body = body(&frame, &source, None, &Mistake::default(), may_change(&caller));
    let page = page(&frame, &source.value, "/plan", &body);
    Ok(match notice {
        Some(_) => page.notice(saved()).into_response(),
        None => page.into_response(),
    })
}

fn body(
    frame: &Frame,
    Revised { value: source, revision }: &Revised<ShownSource>,
    typed: Option<&Typed>,
    mistake: &Mistake,
    may_change: bool,
) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    let plan = source
        .plan
        .as_ref()
        .map(|plan| serde_json::to_string_pretty(plan).expect("a plan of plain fields is JSON"));
    let plan = plan.unwrap_or_default();
    let controls = html! {
        input type="hidden" name="revision" value=(revision);
        (mistake)
        (CodeArea {
            field: Field::new("plan", "Plan")
                .optional()
                .hint("JSON; empty for no plan")
                .error(mistake.at("plan")),
            value: typed.map_or(plan.as_str(), |typed| typed.exact("plan")),
            below: html! {},
        })
        div class="actions" { (Button::primary("Save the plan")) }
    };
    html! {
        section class="card" {
            h2 { "Tracking plan" }
            p {
                "Which events, properties and traits the source may send. What the plan does not \
                name is taken, unless a control omits or blocks it. A plan is in force from the next \
                message on; what was let through before stays."
            }
            @if may_change {
                (Form {
                    action: &path(workspace, &source.name, "/plan"),
                    csrf: &frame.csrf,
                    preview: None,
                    body: controls,
                })
            } @else if plan.is_empty() {
                p { "This source has no plan." }
            } @else {
                (CodeBlock { id: "plan", label: "Plan", code: &plan })
            }
        }
        section class="card" {
            h2 { "Example" }
            (CodeBlock { id: "example", label: "JSON", code: EXAMPLE })
            p class="muted" {
                "Types are any, array, object, boolean, integer, number, string, null and \
                date-time. A pattern is a regular expression. unplanned_properties and violations \
                are allow, omit or block."
            }
        }
    }
}

fn read_plan(text: &str) -> Result<Option<TrackingPlan>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|error| ApiError::invalid(error.to_string()))
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let expected = typed.number("revision").map_or(Expected::Present, Expected::Revision);
    let changed = match read_plan(typed.exact("plan")) {
        Ok(plan) => {
            let patch = SourcePatch { plan: Some(plan), ..SourcePatch::default() };
            sources::update(&app, &workspace, name.clone(), patch, expected).await
        }
        Err(error) => Err(error),
    };
    let Err(error) = changed else {
        let own = path(workspace.id(), &name, "/plan?notice=saved");
        return Ok(Redirect::to(&own).into_response());
    };
    // The message names the place inside the plan.
    let is_of_plan = error.pointer.as_deref().is_none_or(|place| place.starts_with("/plan"));
    let mistake = Mistake::of(if is_of_plan { error.at("/plan") } else { error })?;
    let source = sources::read(&app, &workspace, name).await?;
    let body = body(&frame, &source, Some(&typed), &mistake, may_change(&caller));
    Ok(again(page(&frame, &source.value, "/plan", &body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_plan() {
        let plan = read_plan(EXAMPLE).unwrap().unwrap();
        plan.validate().unwrap();
        let again = serde_json::to_string(&plan).unwrap();
        assert_eq!(read_plan(&again).unwrap(), Some(plan));
    }
}
