//! `GET` and `PATCH /api/workspaces/{workspace}/settings`; `GET` and `PUT .../interaction_weights`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{InteractionWeights, WeakSignalWeights, WorkspaceSettings};
use engine::{ConfigChange, Engine, Resource};
use serde::{Deserialize, Deserializer};

use super::Upload;
use super::body::Body;
use super::revision::{Expectation, show, show_revised};
use resources::configure;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

/// A change of some settings. Missing keys stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// Null removes the name.
    #[serde(default, deserialize_with = "deserialize_present")]
    name: Option<Option<String>>,
    public_merge_users: Option<bool>,
    public_user_properties: Option<Vec<String>>,
    /// The number of the set of presets.
    presets: Option<u32>,
    weak_signals: Option<WeakSignalsPatch>,
}

/// A change of some weights. Missing kinds keep theirs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeakSignalsPatch {
    click: Option<f32>,
    list_view: Option<f32>,
}

impl WeakSignalsPatch {
    fn apply(self, present: WeakSignalWeights) -> WeakSignalWeights {
        WeakSignalWeights {
            click: self.click.unwrap_or(present.click),
            list_view: self.list_view.unwrap_or(present.list_view),
        }
    }
}

/// Distinguishes null from a missing key.
fn deserialize_present<'d, D: Deserializer<'d>>(
    from: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    workspace.run(|engine| show(engine, &Resource::Settings, |config| Ok(config.settings()))).await
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(patch)): Upload<Body<Patch>>,
) -> Result<Response, ApiError> {
    configure(&app, &workspace, move |_, engine| {
        let present = engine.config().settings();
        let settings = WorkspaceSettings {
            name: patch.name.unwrap_or(present.name),
            public_merge_users: patch.public_merge_users.unwrap_or(present.public_merge_users),
            public_user_properties: patch
                .public_user_properties
                .unwrap_or(present.public_user_properties),
            presets: patch.presets.or(present.presets),
            weak_signals: match patch.weak_signals {
                Some(weights) => weights.apply(present.weak_signals),
                None => present.weak_signals,
            },
        };
        engine.change_config(ConfigChange::put_settings(&settings), expected)?;
        Ok(show_revised(engine, &Resource::Settings, settings))
    })
    .await
}

pub(super) async fn read_weights(Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    let read = |engine: &Engine| {
        show(engine, &Resource::InteractionWeights, |config| Ok(config.interaction_weights))
    };
    workspace.run(read).await
}

/// Kinds that the body leaves out get their defaults.
pub(super) async fn put_weights(
    State(app): State<Arc<App>>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(weights)): Upload<Body<InteractionWeights>>,
) -> Result<Response, ApiError> {
    configure(&app, &workspace, move |_, engine| {
        engine.change_config(ConfigChange::put_interaction_weights(&weights), expected)?;
        Ok(show_revised(engine, &Resource::InteractionWeights, weights))
    })
    .await
}
