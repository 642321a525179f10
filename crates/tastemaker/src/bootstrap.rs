//! The bootstrap file: workspaces and their configurations. It is applied by the same commands as
//! the admin API uses, those that lead from the configuration in force to that of the file.
//! Applying it twice changes nothing the second time.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use domain::{
    AudienceDefinition, Campaign, CatalogSettings, ComputedTraitDefinition, ControlGroups,
    Destination, Feed, Identity, InteractionWeights, Journey, LinkedContent, PRESETS_LATEST,
    Retention, Scenario, ScheduledExport, Source, TimeZone, Token, Topic, TraitDefinition,
    WeakSignalWeights, WorkspaceConfig, WorkspaceId,
};
use engine::installation::{Actor, Deed, DeedOutcome, InstallationJournal};
use engine::{ConfigChange, DataFolder, Engine, Problem};
use serde::Deserialize;

use crate::configuration;

/// The content of a bootstrap file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bootstrap {
    /// The bearer token of the admin API.
    admin_token: Option<String>,
    #[serde(default, rename = "workspace")]
    pub(crate) workspaces: Vec<BootstrapWorkspace>,
    /// Whether resources that the file does not name are removed from its workspaces.
    #[serde(skip)]
    prunes: bool,
}

/// A workspace of the file. Keys that the file leaves out stay as they are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootstrapWorkspace {
    pub(crate) id: WorkspaceId,
    name: Option<String>,
    private_token: Option<String>,
    public_token: Option<String>,
    profile_token: Option<String>,
    #[serde(default, rename = "token")]
    tokens: Vec<Token>,
    public_user_properties: Option<Vec<String>>,
    public_merge_users: Option<bool>,
    #[serde(default, rename = "source")]
    sources: Vec<Source>,
    #[serde(default, rename = "trait")]
    traits: Vec<TraitDefinition>,
    interaction_weights: Option<InteractionWeights>,
    presets: Option<u32>,
    weak_signals: Option<WeakSignalWeights>,
    retention: Option<Retention>,
    identity: Option<Identity>,
    catalog: Option<CatalogSettings>,
    #[serde(default, rename = "scenario")]
    scenarios: Vec<Scenario>,
    #[serde(default, rename = "destination")]
    destinations: Vec<Destination>,
    #[serde(default, rename = "audience")]
    audiences: Vec<AudienceDefinition>,
    #[serde(default, rename = "computed_trait")]
    computed_traits: Vec<ComputedTraitDefinition>,
    #[serde(default, rename = "export")]
    exports: Vec<ScheduledExport>,
    #[serde(default, rename = "feed")]
    feeds: Vec<Feed>,
    time_zone: Option<TimeZone>,
    control_groups: Option<ControlGroups>,
    public_url: Option<String>,
    #[serde(rename = "topic")]
    topics: Option<Vec<Topic>>,
    #[serde(rename = "linked_content")]
    linked_contents: Option<Vec<LinkedContent>>,
    #[serde(default, rename = "campaign")]
    campaigns: Vec<Campaign>,
    #[serde(default, rename = "journey")]
    journeys: Vec<Journey>,
}

impl BootstrapWorkspace {
    /// The configuration of the file, with defaults for missing keys.
    fn to_config(&self) -> WorkspaceConfig {
        let file = self.clone();
        WorkspaceConfig {
            name: file.name,
            private_token: file.private_token,
            public_token: file.public_token,
            profile_token: file.profile_token,
            tokens: file.tokens,
            public_user_properties: file.public_user_properties.unwrap_or_default(),
            public_merge_users: file.public_merge_users.unwrap_or_default(),
            sources: file.sources,
            traits: file.traits,
            interaction_weights: file.interaction_weights.unwrap_or_default(),
            scenarios: file.scenarios,
            destinations: file.destinations,
            audiences: file.audiences,
            computed_traits: file.computed_traits,
            exports: file.exports,
            feeds: file.feeds,
            time_zone: file.time_zone,
            control_groups: file.control_groups.unwrap_or_default(),
            public_url: file.public_url,
            topics: file.topics.unwrap_or_default(),
            linked_contents: file.linked_contents.unwrap_or_default(),
            campaigns: file.campaigns,
            journeys: file.journeys,
            presets: file.presets.or(Some(PRESETS_LATEST)),
            weak_signals: file.weak_signals.unwrap_or_default(),
            retention: file.retention,
            identity: file.identity,
            catalog: file.catalog.unwrap_or_default(),
            ..WorkspaceConfig::empty(file.id)
        }
    }

    /// The configuration in force, overridden by the file.
    fn override_config(&self, in_force: &WorkspaceConfig) -> WorkspaceConfig {
        let (file, mut config) = (self.to_config(), in_force.clone());
        config.name = file.name.clone().or(config.name);
        config.public_merge_users = self.public_merge_users.unwrap_or(config.public_merge_users);
        if let Some(properties) = &self.public_user_properties {
            config.public_user_properties.clone_from(properties);
        }
        config.interaction_weights = self.interaction_weights.unwrap_or(config.interaction_weights);
        config.presets = self.presets.or(config.presets);
        config.weak_signals = self.weak_signals.unwrap_or(config.weak_signals);
        config.retention = self.retention.or(config.retention);
        config.identity = self.identity.clone().or(config.identity);
        config.catalog = self.catalog.clone().unwrap_or(config.catalog);
        config.time_zone = self.time_zone.clone().or(config.time_zone);
        config.control_groups = self.control_groups.clone().unwrap_or(config.control_groups);
        config.public_url = self.public_url.clone().or(config.public_url);
        config.topics = self.topics.clone().unwrap_or(config.topics);
        config.linked_contents = self.linked_contents.clone().unwrap_or(config.linked_contents);
        file.all_tokens().for_each(|token| config.put_token(token));
        for mut source in file.sources {
            // Senders know a source by its key: with another name it is the same one.
            config
                .sources
                .retain(|other| other.name == source.name || other.write_key != source.write_key);
            // A file without an earlier key says nothing of a rotation that goes on.
            let present = config.source(&source.name);
            // Nor does one without keys of OAuth.
            let oauth = || present.and_then(|present| present.oauth.clone());
            source.oauth = source.oauth.or_else(oauth);
            let present = present.filter(|present| present.write_key == source.write_key);
            let under_way = || present.and_then(|present| present.earlier_key.clone());
            source.earlier_key = source.earlier_key.or_else(under_way);
            config.put_source(&source.name.clone(), source);
        }
        file.traits.into_iter().for_each(|trait_| config.put_trait(trait_));
        file.scenarios.into_iter().for_each(|scenario| config.put_scenario(scenario));
        file.destinations.into_iter().for_each(|put| config.put_destination(put));
        file.audiences.into_iter().for_each(|audience| config.put_audience(audience));
        file.computed_traits.into_iter().for_each(|put| config.put_computed_trait(put));
        file.exports.into_iter().for_each(|export| config.put_export(export));
        file.feeds.into_iter().for_each(|feed| config.put_feed(feed));
        file.campaigns.into_iter().for_each(|campaign| config.put_campaign(campaign));
        file.journeys.into_iter().for_each(|journey| config.put_journey(journey));
        config
    }
}

impl Bootstrap {
    pub(crate) fn read(path: &Path, prunes: bool) -> Result<Self> {
        let bootstrap = Self { prunes, ..configuration::read(path)? };
        bootstrap.validate().with_context(|| format!("cannot use {}", path.display()))?;
        Ok(bootstrap)
    }

    fn validate(&self) -> Result<()> {
        if self.admin_token.as_ref().is_some_and(String::is_empty) {
            bail!("admin_token is empty");
        }
        for (n, workspace) in self.workspaces.iter().enumerate() {
            let config = workspace.to_config();
            config.validate()?;
            engine::check_config(&config).map_err(anyhow::Error::msg)?;
            if self.workspaces[..n].iter().any(|other| other.id == workspace.id) {
                bail!("two workspaces have the id {}", workspace.id);
            }
        }
        Ok(())
    }

    /// The workspaces of the file that do not exist yet.
    pub(crate) fn new_workspaces(
        &self,
        is_there: impl Fn(&WorkspaceId) -> bool,
    ) -> Vec<WorkspaceConfig> {
        self.workspaces
            .iter()
            .filter(|workspace| !is_there(&workspace.id))
            .map(BootstrapWorkspace::to_config)
            .collect()
    }

    /// Whether the file has another admin token than the one in force. `data` is none if the folder
    /// does not exist yet.
    pub(crate) fn changes_admin_token(&self, data: Option<&DataFolder>) -> bool {
        let is_set = |token: &String| data.is_some_and(|data| data.is_set_as_admin_token(token));
        self.admin_token.as_ref().is_some_and(|token| !is_set(token))
    }

    /// Sets the admin token of the file, if it has one.
    pub(crate) fn apply(&self, data: &DataFolder) -> Result<()> {
        if let Some(token) = &self.admin_token {
            data.set_admin_token(token)?;
        }
        Ok(())
    }

    /// The configuration that a workspace should have, given its present one.
    fn merge_config(&self, in_force: &WorkspaceConfig) -> WorkspaceConfig {
        match self.workspaces.iter().find(|workspace| workspace.id == in_force.id) {
            None => in_force.clone(),
            // Messages keep their meaning until the file names another set.
            Some(workspace) if self.prunes => WorkspaceConfig {
                presets: workspace.presets.or(in_force.presets),
                ..workspace.to_config()
            },
            Some(workspace) => workspace.override_config(in_force),
        }
    }
}

/// The configuration that each workspace should have: that of the file merged with the present one.
/// Changes nothing.
///
/// # Errors
/// If the merged configuration of a workspace is invalid, or two sources have the same write key.
pub(crate) fn merge_configs(
    bootstrap: Option<&Bootstrap>,
    engines: &[Arc<Engine>],
) -> Result<Vec<WorkspaceConfig>> {
    let merge = |engine: &Arc<Engine>| {
        let in_force = engine.config();
        let Some(bootstrap) = bootstrap else { return Ok((*in_force).clone()) };
        let config = bootstrap.merge_config(&in_force);
        let checked = config.validate();
        checked.context("the bootstrap file conflicts with the configuration in force")?;
        Ok(config)
    };
    let configs = engines.iter().map(merge).collect::<Result<Vec<WorkspaceConfig>>>()?;
    check_write_keys(configs.iter())?;
    Ok(configs)
}

/// Puts configurations in force, and notes in the audit that the file did it. A workspace that
/// cannot journal its own (for example, because the disk is full) keeps the present one and reports
/// a problem.
pub(crate) fn configure_each(
    installation: &InstallationJournal,
    engines: &[Arc<Engine>],
    configs: &[WorkspaceConfig],
) {
    for (engine, config) in engines.iter().zip(configs) {
        let changes = ConfigChange::diff(&engine.config(), config);
        for change in &changes {
            let (workspace, resource) = (engine.id(), change.resource());
            match change.is_removal() {
                true => tracing::info!(%workspace, %resource, "taken away by the bootstrap file"),
                false => tracing::info!(%workspace, %resource, "set by the bootstrap file"),
            }
        }
        let outcome = match engine.configure_as(config) {
            Ok(_) => DeedOutcome::Done,
            Err(error) => {
                engine.report_problem(Problem::NotConfigured { why: error.to_string() });
                DeedOutcome::Failed
            }
        };
        for change in &changes {
            let noted = installation.note(
                engine.now(),
                &Actor::BootstrapFile,
                deed(engine, change, outcome),
            );
            if let Err(error) = noted {
                tracing::error!(
                    error = engine::describe_error(&error),
                    "the audit misses a record"
                );
            }
        }
    }
}

/// The record of a change that the file made.
fn deed(engine: &Engine, change: &ConfigChange, outcome: DeedOutcome) -> Deed {
    let resource = change.resource();
    let verb = if change.is_removal() { "delete" } else { "put" };
    Deed {
        action: format!("{}.{verb}", resource.word()),
        resource: resource.name().map(str::to_owned),
        workspace: Some(engine.id().clone()),
        outcome,
    }
}

/// Checks that no write key belongs to two sources.
///
/// # Errors
/// If one does.
pub(crate) fn check_write_keys<'c>(
    configs: impl Iterator<Item = &'c WorkspaceConfig> + Clone,
) -> Result<()> {
    let sources = || {
        configs
            .clone()
            .flat_map(|config| config.sources.iter().map(move |source| (&config.id, source)))
    };
    for (n, (workspace, source)) in sources().enumerate() {
        if let Some((other, same)) = sources().take(n).find(|(_, other)| {
            other.write_keys().any(|key| source.write_keys().any(|own| own == key))
        }) {
            bail!(
                "source {:?} of workspace {workspace} has the write_key of source {:?} of workspace {other}: give each its own",
                source.name,
                same.name
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
