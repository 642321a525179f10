//! Roles in words, and the controls that choose one.

use std::collections::BTreeSet;

use domain::{Role, WorkspaceId};
use maud::{Markup, Render, html};
use web::error::ApiError;

use super::typed::{Mistake, Typed};
use crate::ui::form::{Checkbox, Field, Select, field_group};

/// What a role may do, for people who do not know the words.
pub(crate) fn words(role: Role) -> &'static str {
    match role {
        Role::Support => "Support: sees people and their lists, changes nothing",
        Role::Analyst => "Analyst: reads everything, changes nothing",
        Role::Editor => "Editor: changes catalogs, scenarios, models and settings",
        Role::Owner => "Owner: changes everything, accounts and keys included",
    }
}

/// The workspaces of a grant, in words.
pub(crate) fn workspaces_text(workspaces: Option<&BTreeSet<WorkspaceId>>) -> String {
    match workspaces {
        None => "all".to_owned(),
        Some(named) => named.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Controls for a role and the workspaces that it is limited to.
pub(super) fn controls(typed: &Typed, all: &[WorkspaceId], mistake: &Mistake) -> Markup {
    let options = Role::ALL.map(|role| (role.word(), words(role)));
    let chosen: Vec<&str> = typed.all("workspaces").collect();
    html! {
        (Select {
            field: Field::new("role", "Role").error(mistake.at("role")),
            options: &options,
            value: if typed.text("role").is_empty() { "analyst" } else { typed.text("role") },
        })
        (field_group("Only in these workspaces", &html! {
            @for workspace in all {
                @let id = format!("field-workspaces-{workspace}");
                (Checkbox {
                    field: Field::new("workspaces", workspace.as_str()).id(&id),
                    is_checked: chosen.contains(&workspace.as_str()),
                }.render_valued(workspace.as_str()))
            }
            p class="field-hint" { "None ticked: all workspaces, later ones too. An owner always has all." }
            @if let Some(message) = mistake.at("workspaces") {
                p class="field-error" { span { (message) } }
            }
        }).render())
    }
}

/// The role and the workspaces that were chosen.
///
/// # Errors
/// If one of them is none.
pub(super) fn read(typed: &Typed) -> Result<(Role, Option<Vec<WorkspaceId>>), ApiError> {
    let role =
        typed.text("role").parse().map_err(|what: String| ApiError::invalid(what).at("/role"))?;
    let parse = |id: &str| WorkspaceId::new(id);
    let named: Result<Vec<WorkspaceId>, _> = typed.all("workspaces").map(parse).collect();
    let named = named.map_err(|error| ApiError::invalid(error.to_string()).at("/workspaces"))?;
    Ok((role, (!named.is_empty()).then_some(named)))
}
