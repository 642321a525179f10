//! The parts of a configuration that are changed on their own.

use domain::{ENGINE_DESTINATION, WorkspaceConfig};
use serde::{Deserialize, Serialize};

/// A part of the configuration that is changed on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// A source, by name.
    Source(String),
    /// A token, by name.
    Token(String),
    /// A recommended-items trait, by key.
    Trait(String),
    /// A scenario, by name.
    Scenario(String),
    /// A destination, by name. Our own engine always exists.
    Destination(String),
    /// The weights of interaction kinds. They always exist.
    InteractionWeights,
    /// The settings that are single values. They always exist.
    Settings,
    /// An audience, by key.
    Audience(String),
    /// A computed trait, by key.
    ComputedTrait(String),
    /// A scheduled export, by name.
    Export(String),
    /// A feed, by name.
    Feed(String),
    /// A campaign, by key.
    Campaign(String),
    /// A journey, by key.
    Journey(String),
}

impl Resource {
    /// The kind of resource, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Token(_) => "token",
            Self::Trait(_) => "trait",
            Self::Scenario(_) => "scenario",
            Self::Destination(_) => "destination",
            Self::InteractionWeights => "interaction_weights",
            Self::Settings => "settings",
            Self::Audience(_) => "audience",
            Self::ComputedTrait(_) => "computed trait",
            Self::Export(_) => "export",
            Self::Feed(_) => "feed",
            Self::Campaign(_) => "campaign",
            Self::Journey(_) => "journey",
        }
    }

    /// The name among its kind; none where there is one of a kind.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Source(name)
            | Self::Token(name)
            | Self::Trait(name)
            | Self::Scenario(name)
            | Self::Destination(name)
            | Self::Audience(name)
            | Self::ComputedTrait(name)
            | Self::Export(name)
            | Self::Feed(name)
            | Self::Campaign(name)
            | Self::Journey(name) => Some(name),
            Self::InteractionWeights | Self::Settings => None,
        }
    }

    /// Whether a configuration has it.
    pub fn is_in(&self, config: &WorkspaceConfig) -> bool {
        match self {
            Self::Source(name) => config.source(name).is_some(),
            Self::Token(name) => config.token(name).is_some(),
            Self::Trait(key) => config.trait_definition(key).is_some(),
            Self::Scenario(name) => config.scenario(name).is_some(),
            Self::Destination(name) => {
                name == ENGINE_DESTINATION || config.destination(name).is_some()
            }
            Self::InteractionWeights | Self::Settings => true,
            Self::Audience(key) => config.audience(key).is_some(),
            Self::ComputedTrait(key) => config.computed_trait(key).is_some(),
            Self::Export(name) => config.export(name).is_some(),
            Self::Feed(name) => config.feed(name).is_some(),
            Self::Campaign(key) => config.campaign(key).is_some(),
            Self::Journey(key) => config.journey(key).is_some(),
        }
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name:?}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}
