//! Commands that configure a workspace. Each changes one resource and may expect a revision of it,
//! so that no update is lost.
//!
//! The fold decides whether a command fits the state: whether the resource exists and has the
//! expected revision. Rules about form are checked before a command is journalled. A later build
//! with stricter rules therefore replays a command as it was decided.

mod diff;
mod resource;

use std::collections::BTreeMap;

use domain::{
    AudienceDefinition, Campaign, ComputedTraitDefinition, Destination, Feed, InteractionWeights,
    Journey, Scenario, ScheduledExport, Source, Token, TraitDefinition, WorkspaceConfig,
    WorkspaceSettings,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::resource::Resource;
use crate::refusal::Refusal;

/// One change of a resource. Values are JSON text, so that they can get further keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigChange {
    /// Adds a source, or replaces the one of this name. The new source may have another name.
    PutSource {
        /// The name before the change.
        name: String,
        /// JSON text of a [`Source`].
        source: String,
    },
    /// Removes a source.
    RemoveSource {
        /// The name of the source.
        name: String,
    },
    /// Adds a token or replaces the one of the same name.
    PutToken {
        /// The name, as in the token.
        name: String,
        /// JSON text of a [`Token`].
        token: String,
    },
    /// Removes a token.
    RemoveToken {
        /// The name of the token.
        name: String,
    },
    /// Adds a recommended-items trait or replaces the one of the same key.
    PutTrait {
        /// The key, as in the definition.
        key: String,
        /// JSON text of a [`TraitDefinition`].
        definition: String,
    },
    /// Removes a recommended-items trait.
    RemoveTrait {
        /// The key of the trait.
        key: String,
    },
    /// Adds a scenario or replaces the one of the same name.
    PutScenario {
        /// The name, as in the scenario.
        name: String,
        /// JSON text of a [`Scenario`].
        scenario: String,
    },
    /// Removes a scenario.
    RemoveScenario {
        /// The name of the scenario.
        name: String,
    },
    /// Adds a destination or replaces the one of the same name.
    PutDestination {
        /// The name, as in the destination.
        name: String,
        /// JSON text of a [`Destination`].
        destination: String,
    },
    /// Removes a destination: it has its defaults again.
    RemoveDestination {
        /// The name of the destination.
        name: String,
    },
    /// Replaces the weights of interaction kinds.
    PutInteractionWeights {
        /// JSON text of the [`InteractionWeights`].
        weights: String,
    },
    /// Replaces the settings.
    PutSettings {
        /// JSON text of the [`WorkspaceSettings`].
        settings: String,
    },
    /// Adds an audience or replaces the one of the same key.
    PutAudience {
        /// The key, as in the definition.
        key: String,
        /// JSON text of an [`AudienceDefinition`].
        audience: String,
    },
    /// Removes an audience.
    RemoveAudience {
        /// The key of the audience.
        key: String,
    },
    /// Adds a computed trait or replaces the one of the same key.
    PutComputedTrait {
        /// The key, as in the definition.
        key: String,
        /// JSON text of a [`ComputedTraitDefinition`].
        definition: String,
    },
    /// Removes a computed trait.
    RemoveComputedTrait {
        /// The key of the trait.
        key: String,
    },
    /// Adds a scheduled export or replaces the one of the same name.
    PutExport {
        /// The name of the export.
        name: String,
        /// JSON text of a [`ScheduledExport`].
        export: String,
    },
    /// Removes a scheduled export.
    RemoveExport {
        /// The name of the export.
        name: String,
    },
    /// Adds a feed or replaces the one of the same name.
    PutFeed {
        /// The name of the feed.
        name: String,
        /// JSON text of a [`Feed`].
        feed: String,
    },
    /// Removes a feed.
    RemoveFeed {
        /// The name of the feed.
        name: String,
    },
    /// Adds a campaign or replaces the one of the same key.
    PutCampaign {
        /// The key of the campaign.
        key: String,
        /// JSON text of a [`Campaign`].
        campaign: String,
    },
    /// Removes a campaign.
    RemoveCampaign {
        /// The key of the campaign.
        key: String,
    },
    /// Adds a journey or replaces the one of the same key.
    PutJourney {
        /// The key of the journey.
        key: String,
        /// JSON text of a [`Journey`].
        journey: String,
    },
    /// Removes a journey.
    RemoveJourney {
        /// The key of the journey.
        key: String,
    },
}

impl ConfigChange {
    /// Adds `source`, or replaces the source `name` by it.
    pub fn put_source(name: &str, source: &Source) -> Self {
        Self::PutSource { name: name.to_owned(), source: to_json(source) }
    }

    /// Adds a token or replaces the one of the same name.
    pub fn put_token(token: &Token) -> Self {
        Self::PutToken { name: token.name.clone(), token: to_json(token) }
    }

    /// Adds a recommended-items trait or replaces the one of the same key.
    pub fn put_trait(definition: &TraitDefinition) -> Self {
        Self::PutTrait { key: definition.key.clone(), definition: to_json(definition) }
    }

    /// Adds a scenario or replaces the one of the same name.
    pub fn put_scenario(scenario: &Scenario) -> Self {
        Self::PutScenario { name: scenario.name.clone(), scenario: to_json(scenario) }
    }

    /// Adds a destination or replaces the one of the same name.
    pub fn put_destination(destination: &Destination) -> Self {
        Self::PutDestination { name: destination.name.clone(), destination: to_json(destination) }
    }

    /// Adds an audience or replaces the one of the same key.
    pub fn put_audience(audience: &AudienceDefinition) -> Self {
        Self::PutAudience { key: audience.key.clone(), audience: to_json(audience) }
    }

    /// Adds a computed trait or replaces the one of the same key.
    pub fn put_computed_trait(definition: &ComputedTraitDefinition) -> Self {
        Self::PutComputedTrait { key: definition.key.clone(), definition: to_json(definition) }
    }

    /// Adds a scheduled export or replaces the one of the same name.
    pub fn put_export(export: &ScheduledExport) -> Self {
        Self::PutExport { name: export.name.clone(), export: to_json(export) }
    }

    /// Adds a feed or replaces the one of the same name.
    pub fn put_feed(feed: &Feed) -> Self {
        Self::PutFeed { name: feed.name.clone(), feed: to_json(feed) }
    }

    /// Adds a journey or replaces the one of the same key.
    pub fn put_journey(journey: &Journey) -> Self {
        Self::PutJourney { key: journey.key.clone(), journey: to_json(journey) }
    }

    /// Adds a campaign or replaces the one of the same key.
    pub fn put_campaign(campaign: &Campaign) -> Self {
        Self::PutCampaign { key: campaign.key.clone(), campaign: to_json(campaign) }
    }

    /// Replaces the weights of interaction kinds.
    pub fn put_interaction_weights(weights: &InteractionWeights) -> Self {
        Self::PutInteractionWeights { weights: to_json(weights) }
    }

    /// Replaces the settings.
    pub fn put_settings(settings: &WorkspaceSettings) -> Self {
        Self::PutSettings { settings: to_json(settings) }
    }

    /// The resource to change, by its name before the change.
    pub fn resource(&self) -> Resource {
        match self {
            Self::PutSource { name, .. } | Self::RemoveSource { name } => {
                Resource::Source(name.clone())
            }
            Self::PutToken { name, .. } | Self::RemoveToken { name } => {
                Resource::Token(name.clone())
            }
            Self::PutTrait { key, .. } | Self::RemoveTrait { key } => Resource::Trait(key.clone()),
            Self::PutScenario { name, .. } | Self::RemoveScenario { name } => {
                Resource::Scenario(name.clone())
            }
            Self::PutDestination { name, .. } | Self::RemoveDestination { name } => {
                Resource::Destination(name.clone())
            }
            Self::PutInteractionWeights { .. } => Resource::InteractionWeights,
            Self::PutSettings { .. } => Resource::Settings,
            Self::PutAudience { key, .. } | Self::RemoveAudience { key } => {
                Resource::Audience(key.clone())
            }
            Self::PutComputedTrait { key, .. } | Self::RemoveComputedTrait { key } => {
                Resource::ComputedTrait(key.clone())
            }
            Self::PutExport { name, .. } | Self::RemoveExport { name } => {
                Resource::Export(name.clone())
            }
            Self::PutFeed { name, .. } | Self::RemoveFeed { name } => Resource::Feed(name.clone()),
            Self::PutCampaign { key, .. } | Self::RemoveCampaign { key } => {
                Resource::Campaign(key.clone())
            }
            Self::PutJourney { key, .. } | Self::RemoveJourney { key } => {
                Resource::Journey(key.clone())
            }
        }
    }

    /// Whether it removes the resource.
    pub fn is_removal(&self) -> bool {
        match self {
            Self::RemoveSource { .. }
            | Self::RemoveToken { .. }
            | Self::RemoveTrait { .. }
            | Self::RemoveScenario { .. }
            | Self::RemoveDestination { .. }
            | Self::RemoveAudience { .. }
            | Self::RemoveComputedTrait { .. }
            | Self::RemoveExport { .. }
            | Self::RemoveFeed { .. }
            | Self::RemoveCampaign { .. }
            | Self::RemoveJourney { .. } => true,
            Self::PutSource { .. }
            | Self::PutToken { .. }
            | Self::PutTrait { .. }
            | Self::PutScenario { .. }
            | Self::PutDestination { .. }
            | Self::PutInteractionWeights { .. }
            | Self::PutSettings { .. }
            | Self::PutAudience { .. }
            | Self::PutComputedTrait { .. }
            | Self::PutExport { .. }
            | Self::PutFeed { .. }
            | Self::PutCampaign { .. }
            | Self::PutJourney { .. } => false,
        }
    }

    /// Applies the change and returns the resource under its new name; none if it was removed.
    fn apply_to(&self, config: &mut WorkspaceConfig) -> Result<Option<Resource>, Refusal> {
        match self {
            Self::PutSource { name, source } => {
                let source: Source = from_json(source)?;
                let after = Resource::Source(source.name.clone());
                if source.name != *name && config.source(&source.name).is_some() {
                    return Err(Refusal::already_exists("source", &source.name));
                }
                config.put_source(name, source);
                return Ok(Some(after));
            }
            Self::RemoveSource { name } => drop(config.remove_source(name)),
            Self::PutToken { token, .. } => config.put_token(from_json(token)?),
            Self::RemoveToken { name } => drop(config.remove_token(name)),
            Self::PutTrait { definition, .. } => config.put_trait(from_json(definition)?),
            Self::RemoveTrait { key } => drop(config.remove_trait(key)),
            Self::PutScenario { scenario, .. } => config.put_scenario(from_json(scenario)?),
            Self::RemoveScenario { name } => drop(config.remove_scenario(name)),
            Self::PutDestination { destination, .. } => {
                config.put_destination(from_json(destination)?)
            }
            Self::RemoveDestination { name } => drop(config.remove_destination(name)),
            Self::PutInteractionWeights { weights } => {
                config.interaction_weights = from_json(weights)?
            }
            Self::PutSettings { settings } => config.set_settings(from_json(settings)?),
            Self::PutAudience { audience, .. } => config.put_audience(from_json(audience)?),
            Self::RemoveAudience { key } => drop(config.remove_audience(key)),
            Self::PutComputedTrait { definition, .. } => {
                config.put_computed_trait(from_json(definition)?)
            }
            Self::RemoveComputedTrait { key } => drop(config.remove_computed_trait(key)),
            Self::PutExport { export, .. } => config.put_export(from_json(export)?),
            Self::RemoveExport { name } => drop(config.remove_export(name)),
            Self::PutFeed { feed, .. } => config.put_feed(from_json(feed)?),
            Self::RemoveFeed { name } => drop(config.remove_feed(name)),
            Self::PutCampaign { campaign, .. } => config.put_campaign(from_json(campaign)?),
            Self::RemoveCampaign { key } => drop(config.remove_campaign(key)),
            Self::PutJourney { journey, .. } => config.put_journey(from_json(journey)?),
            Self::RemoveJourney { key } => drop(config.remove_journey(key)),
        }
        Ok((!self.is_removal()).then(|| self.resource()))
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("parts of a configuration are plain JSON")
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, Refusal> {
    serde_json::from_str(json).map_err(|error| Refusal::Invalid(error.to_string()))
}

/// The state of the resource that a command expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Any state: the resource is created or replaced.
    #[default]
    Anything,
    /// The resource does not exist.
    Absent,
    /// The resource exists.
    Present,
    /// The resource exists and has this revision.
    Revision(u64),
}

/// A change, with the state of the resource that it expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCommand {
    /// The change of one resource.
    pub change: ConfigChange,
    /// The expected state of that resource before the change.
    pub expected: Expected,
}

impl ConfigCommand {
    /// Applies the change to a configuration and returns the resource under its new name; none if
    /// it was removed.
    ///
    /// # Errors
    /// If the resource is not in the expected state, or the JSON text is invalid.
    pub fn apply_to(
        &self,
        config: &mut WorkspaceConfig,
        revisions: &Revisions,
    ) -> Result<Option<Resource>, Refusal> {
        let resource = self.change.resource();
        let revision = resource.is_in(config).then(|| revisions.revision(&resource));
        let word = resource.word();
        match (self.expected, revision, resource.name()) {
            (Expected::Absent, Some(_), Some(name)) => {
                return Err(Refusal::already_exists(word, name));
            }
            (Expected::Revision(expected), Some(found), _) if expected != found => {
                return Err(Refusal::Changed { what: resource.to_string(), revision: found });
            }
            (Expected::Present | Expected::Revision(_), None, Some(name)) => {
                return Err(Refusal::missing(word, name));
            }
            (_, None, Some(name)) if self.change.is_removal() => {
                return Err(Refusal::missing(word, name));
            }
            _ => {}
        }
        self.change.apply_to(config)
    }
}

/// The revision of each resource: the journal offset of the entry that changed it last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Revisions {
    /// The last entry that held a whole configuration: the revision of resources that no later
    /// entry changed.
    whole: u64,
    by_resource: BTreeMap<Resource, u64>,
}

impl Revisions {
    /// The revision of a resource. The resource must exist.
    pub fn revision(&self, resource: &Resource) -> u64 {
        self.by_resource.get(resource).copied().unwrap_or(self.whole)
    }

    /// The revisions after an entry that holds a whole configuration.
    pub(crate) fn from_whole(offset: u64) -> Self {
        Self { whole: offset, by_resource: BTreeMap::new() }
    }

    /// Records that the entry at `offset` changed `before` into `after`; none if it was removed.
    pub(crate) fn record(&mut self, before: &Resource, after: Option<Resource>, offset: u64) {
        self.by_resource.remove(before);
        self.by_resource.extend(after.map(|after| (after, offset)));
    }
}
