//! The settings of a workspace that are single values, and its weights of interactions.

use std::sync::Arc;

use domain::{
    CatalogSettings, ControlGroups, Identity, InteractionWeights, LinkedContent, Retention,
    TimeZone, Topic, WeakSignalWeights, WorkspaceSettings,
};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::{Deserialize, Deserializer, Serialize};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::locations::check_unnamed;
use crate::{Revised, configure};

/// The settings, and what in them has no effect.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownSettings {
    /// The settings.
    #[serde(flatten)]
    pub settings: WorkspaceSettings,
    /// Columns of the catalog that keep no item out of lists, since items do not have them or they
    /// are of another type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl ShownSettings {
    fn new(engine: &Engine, settings: WorkspaceSettings) -> Self {
        Self { settings, warnings: engine.catalog_problems() }
    }
}

/// A change of some settings. Missing keys stay as they are.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsPatch {
    /// Null removes the name.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub name: Option<Option<String>>,
    /// Whether browsers may merge users.
    pub public_merge_users: Option<bool>,
    /// Properties of users that expressions sent by browsers may read.
    pub public_user_properties: Option<Vec<String>>,
    /// The number of the set of presets.
    pub presets: Option<u32>,
    /// The weights of weak signals.
    pub weak_signals: Option<WeakSignalsPatch>,
    /// How long entries of the journal are kept; null keeps them for ever.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub retention: Option<Option<Retention>>,
    /// The rules by which messages are put together to people; null goes back to those of
    /// `user_id` and `anonymous_id` alone.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub identity: Option<Option<Identity>>,
    /// The catalogs of products, what columns mean, and which are added to events, as a whole; null
    /// goes back to none of it.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub catalog: Option<Option<CatalogSettings>>,
    /// The time zone whose days and hours count for campaigns; null goes back to UTC.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub time_zone: Option<Option<TimeZone>>,
    /// People who get nothing of campaigns, as a whole; null goes back to nobody.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub control_groups: Option<Option<ControlGroups>>,
    /// The address of this server for the people who get messages; null for none.
    #[serde(default, deserialize_with = "deserialize_present")]
    pub public_url: Option<Option<String>>,
    /// What people may subscribe to and unsubscribe from, as a whole.
    pub topics: Option<Vec<Topic>>,
    /// The external APIs whose answers templates print, as a whole. A header with `sealed`, as the
    /// answer has it, stays as it is.
    pub linked_contents: Option<Vec<LinkedContent>>,
}

/// A change of some weights. Missing kinds keep theirs.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeakSignalsPatch {
    /// The weight of a click.
    pub click: Option<f32>,
    /// The weight of an item in a list that was viewed.
    pub list_view: Option<f32>,
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
fn deserialize_present<'d, T: Deserialize<'d>, D: Deserializer<'d>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The settings.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read(workspace: &RequestedWorkspace) -> Result<Revised<ShownSettings>, ApiError> {
    let read = |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let revision = revisions.revision(&Resource::Settings);
        Ok(Revised { value: ShownSettings::new(engine, config.settings()), revision })
    };
    workspace.run(read).await
}

/// Changes some settings.
///
/// # Errors
/// If a value is wrong, or the revision is another than expected.
pub async fn update(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    patch: SettingsPatch,
    expected: Expected,
) -> Result<Revised<ShownSettings>, ApiError> {
    configure(app, workspace, move |_, engine| {
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
            retention: patch.retention.unwrap_or(present.retention),
            identity: patch.identity.unwrap_or(present.identity),
            catalog: match patch.catalog {
                Some(catalog) => catalog.unwrap_or_default(),
                None => present.catalog.clone(),
            },
            time_zone: patch.time_zone.unwrap_or(present.time_zone),
            control_groups: match patch.control_groups {
                Some(groups) => groups.unwrap_or_default(),
                None => present.control_groups,
            },
            public_url: patch.public_url.unwrap_or(present.public_url),
            topics: patch.topics.unwrap_or(present.topics),
            linked_contents: patch.linked_contents.unwrap_or(present.linked_contents),
        };
        for catalog in present.catalog.location_property.keys() {
            if !settings.catalog.location_property.contains_key(catalog) {
                check_unnamed(&engine.config(), catalog)
                    .map_err(|error| error.at("/catalog/location_property"))?;
            }
        }
        engine.change_config(ConfigChange::put_settings(&settings), expected)?;
        // As they are kept: headers are sealed.
        let shown = ShownSettings::new(engine, engine.config().settings());
        Ok(Revised::now(engine, &Resource::Settings, shown))
    })
    .await
}

/// The weights of interactions.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read_weights(
    workspace: &RequestedWorkspace,
) -> Result<Revised<InteractionWeights>, ApiError> {
    let read = |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let revision = revisions.revision(&Resource::InteractionWeights);
        Ok(Revised { value: config.interaction_weights, revision })
    };
    workspace.run(read).await
}

/// Replaces the weights of interactions.
///
/// # Errors
/// If a weight is wrong, or the revision is another than expected.
pub async fn put_weights(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    weights: InteractionWeights,
    expected: Expected,
) -> Result<Revised<InteractionWeights>, ApiError> {
    configure(app, workspace, move |_, engine| {
        engine.change_config(ConfigChange::put_interaction_weights(&weights), expected)?;
        Ok(Revised::now(engine, &Resource::InteractionWeights, weights))
    })
    .await
}
