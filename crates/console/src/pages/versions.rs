//! Versions of scenarios, traits and audiences: who changed what, and an earlier one put in force.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::WorkspaceId;
use engine::{Expected, Resource};
use maud::{Markup, Render, html};
use resources::versions::{self, ChangedKey, ShownVersion};
use resources::{audiences, computed_traits, scenarios, traits};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use crate::ROOT;
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::pages::settings::{Mistake, author};
use crate::ui::form::Form;
use crate::ui::{Badge, Button, Callout, Cell, Column, RelativeTime, Table, Tone};

const TRAIT: &str = "/console/{workspace}/settings/traits/{key}/versions";
const TRAIT_BACK: &str = "/console/{workspace}/settings/traits/{key}/versions/{version}";
const COMPUTED: &str = "/console/{workspace}/settings/computed-traits/{key}/versions";
const COMPUTED_BACK: &str =
    "/console/{workspace}/settings/computed-traits/{key}/versions/{version}";
const AUDIENCE: &str = "/console/{workspace}/audiences/of/{key}/versions";
const AUDIENCE_BACK: &str = "/console/{workspace}/audiences/of/{key}/versions/{version}";
const SCENARIO: &str = "/console/{workspace}/scenarios/{name}/versions";
const SCENARIO_BACK: &str = "/console/{workspace}/scenarios/{name}/versions/{version}";

pub(super) const CALLS: &[Call] = &[
    read(TRAIT, ReadWorkspace),
    edit(TRAIT_BACK, "trait.put"),
    read(COMPUTED, ReadWorkspace),
    edit(COMPUTED_BACK, "computed_trait.put"),
    read(AUDIENCE, ReadWorkspace),
    edit(AUDIENCE_BACK, "audience.put"),
    read(SCENARIO, ReadWorkspace),
    edit(SCENARIO_BACK, "scenario.put"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let of_kind = |kind: Kind, page: &str, back: &str| {
        Router::new().route(page, get(show)).route(back, post(restore)).layer(Extension(kind))
    };
    let routes = of_kind(Kind::Trait, TRAIT, TRAIT_BACK)
        .merge(of_kind(Kind::Computed, COMPUTED, COMPUTED_BACK))
        .merge(of_kind(Kind::Audience, AUDIENCE, AUDIENCE_BACK))
        .merge(of_kind(Kind::Scenario, SCENARIO, SCENARIO_BACK));
    gated(app, CALLS, routes)
}

/// What has versions.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Trait,
    Computed,
    Audience,
    Scenario,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Whether an earlier version was just put in force.
    #[serde(default)]
    restored: bool,
}

impl Kind {
    fn own_path(self, workspace: &WorkspaceId, name: &str) -> String {
        let name = encode(name);
        match self {
            Self::Trait => format!("{ROOT}/{workspace}/settings/traits/{name}"),
            Self::Computed => format!("{ROOT}/{workspace}/settings/computed-traits/{name}"),
            Self::Audience => format!("{}/of/{name}", Area::Audiences.path(workspace)),
            Self::Scenario => format!("{}/{name}", Area::Scenarios.path(workspace)),
        }
    }

    /// The page of the versions.
    pub(super) fn path(self, workspace: &WorkspaceId, name: &str) -> String {
        format!("{}/versions", self.own_path(workspace, name))
    }

    fn area(self) -> Area {
        match self {
            Self::Trait | Self::Computed => Area::Settings,
            Self::Audience => Area::Audiences,
            Self::Scenario => Area::Scenarios,
        }
    }

    fn resource(self, name: &str) -> Resource {
        let name = name.to_owned();
        match self {
            Self::Trait => Resource::Trait(name),
            Self::Computed => Resource::ComputedTrait(name),
            Self::Audience => Resource::Audience(name),
            Self::Scenario => Resource::Scenario(name),
        }
    }

    /// Puts a definition in force.
    async fn put(
        self,
        app: &Arc<App>,
        workspace: &RequestedWorkspace,
        name: &str,
        definition: &Value,
    ) -> Result<(), ApiError> {
        let (body, expected) = (definition.to_string(), Expected::Anything);
        let body = body.as_bytes();
        match self {
            Self::Trait => {
                let definition = traits::parse(name, body)?;
                traits::put(app, workspace, definition, expected).await.map(drop)
            }
            Self::Computed => {
                let definition = computed_traits::parse(name, body)?;
                computed_traits::put(app, workspace, definition, expected).await.map(drop)
            }
            Self::Audience => {
                let definition = audiences::parse(name, body)?;
                audiences::put(app, workspace, definition, expected).await.map(drop)
            }
            Self::Scenario => {
                let definition = scenarios::parse(name, body)?;
                scenarios::put(app, workspace, definition, expected).await.map(drop)
            }
        }
    }
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(kind): Extension<Kind>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(Query { restored }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let page = page(&app, &frame, &workspace, kind, &name, &caller).await?;
    Ok(match restored {
        true => page.notice(Callout::success("The earlier version is in force.").announced()),
        false => page,
    }
    .into_response())
}

async fn page<'f>(
    app: &Arc<App>,
    frame: &'f Frame,
    workspace: &RequestedWorkspace,
    kind: Kind,
    name: &str,
    caller: &Caller,
) -> Result<Page<'f>, ApiError> {
    let kept = versions::list(app, workspace, kind.resource(name)).await?.versions;
    let now = app.access.now();
    let own = kind.path(workspace.id(), name);
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let body = html! {
        @for (n, version) in kept.iter().enumerate() {
            section class="card" {
                h2 {
                    (RelativeTime { at: version.at, now })
                    @if let Some(who) = &version.by { " by " (author(who)) }
                    @if n == 0 { " " (Badge::of(Tone::Good, "in force")) }
                }
                (changes(version, n + 1 == kept.len()))
                @if may_change && n > 0 && version.definition.is_some() {
                    (Form {
                        action: &format!("{own}/{}", version.version),
                        csrf: &frame.csrf,
                        preview: None,
                        body: html! {
                            div class="actions" { (Button::secondary("Put this version in force")) }
                        },
                    })
                }
            }
        }
    };
    Ok(Page::new(frame, kind.area(), "Versions")
        .below(name, &kind.own_path(workspace.id(), name))
        .lead(html! { "What " code { (name) } " was from each change on, the latest first." })
        .body(body))
}

/// What a change made of the definition.
fn changes(version: &ShownVersion, is_oldest: bool) -> Markup {
    if version.definition.is_none() {
        return html! { p { "It was removed." } };
    }
    if version.changes.is_empty() {
        let what = match is_oldest {
            true => "The oldest version that is kept.",
            false => "Saved without a change.",
        };
        return html! { p { (what) } };
    }
    let text = |value: &Option<Value>| match value {
        None => html! { "–" },
        Some(Value::String(text)) => html! { code { (text) } },
        Some(other) => html! { code { (other) } },
    };
    let row = |ChangedKey { key, before, after }: &ChangedKey| {
        vec![Cell::new(html! { code { (key) } }), Cell::new(text(before)), Cell::new(text(after))]
    };
    let columns = ["Changed", "Before", "After"].map(Column::text).into();
    Table::new("Changes", columns).rows(version.changes.iter().map(row)).render()
}

async fn restore(
    State(app): State<Arc<App>>,
    Extension(kind): Extension<Kind>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name, version)): Path<(String, String, u64)>,
) -> Result<Response, ApiError> {
    let kept = versions::list(&app, &workspace, kind.resource(&name)).await?.versions;
    let chosen = kept.into_iter().find(|one| one.version == version);
    let Some(definition) = chosen.and_then(|one| one.definition) else {
        return Err(ApiError::not_found(format!("version {version} of {name:?} is not kept")));
    };
    match kind.put(&app, &workspace, &name, &definition).await {
        Ok(()) => {
            let own = kind.path(workspace.id(), &name);
            Ok(Redirect::to(&format!("{own}?restored=true")).into_response())
        }
        Err(error) => {
            // What it names may be gone since.
            let mistake = Mistake::of(error)?.among(&[]);
            let page = page(&app, &frame, &workspace, kind, &name, &caller).await?;
            Ok(crate::pages::settings::again(page.notice(mistake)))
        }
    }
}
