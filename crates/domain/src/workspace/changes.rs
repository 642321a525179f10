//! Changes of single resources of a configuration.

use super::{
    AudienceDefinition, Campaign, ComputedTraitDefinition, Journey, ScheduledExport, Source,
    TraitDefinition, WorkspaceConfig,
};
use crate::Scenario;

impl WorkspaceConfig {
    /// Replaces the source `name`, also by one of another name; adds it where there is none.
    pub fn put_source(&mut self, name: &str, source: Source) {
        match self.sources.iter_mut().find(|other| other.name == name) {
            Some(other) => *other = source,
            None => self.sources.push(source),
        }
    }

    /// Removes a source; false where there is none of this name.
    pub fn remove_source(&mut self, name: &str) -> bool {
        remove_named(&mut self.sources, name, |source| &source.name)
    }

    /// Adds a trait or replaces the one of its key.
    pub fn put_trait(&mut self, definition: TraitDefinition) {
        put_named(&mut self.traits, definition, |trait_| &trait_.key);
    }

    /// Removes a trait; false where there is none of this key.
    pub fn remove_trait(&mut self, key: &str) -> bool {
        remove_named(&mut self.traits, key, |trait_| &trait_.key)
    }

    /// Adds a scenario or replaces the one of its name.
    pub fn put_scenario(&mut self, scenario: Scenario) {
        put_named(&mut self.scenarios, scenario, |scenario| &scenario.name);
    }

    /// Removes a scenario; false where there is none of this name.
    pub fn remove_scenario(&mut self, name: &str) -> bool {
        remove_named(&mut self.scenarios, name, |scenario| &scenario.name)
    }

    /// Adds an audience or replaces the one of its key.
    pub fn put_audience(&mut self, definition: AudienceDefinition) {
        put_named(&mut self.audiences, definition, |audience| &audience.key);
    }

    /// Removes an audience; false where there is none of this key.
    pub fn remove_audience(&mut self, key: &str) -> bool {
        remove_named(&mut self.audiences, key, |audience| &audience.key)
    }

    /// Adds a campaign or replaces the one of its key.
    pub fn put_campaign(&mut self, definition: Campaign) {
        put_named(&mut self.campaigns, definition, |campaign| &campaign.key);
    }

    /// Adds a journey or replaces the one of its key.
    pub fn put_journey(&mut self, definition: Journey) {
        put_named(&mut self.journeys, definition, |journey| &journey.key);
    }

    /// Removes a journey; false where there is none of this key.
    pub fn remove_journey(&mut self, key: &str) -> bool {
        remove_named(&mut self.journeys, key, |journey| &journey.key)
    }

    /// Removes a campaign; false where there is none of this key.
    pub fn remove_campaign(&mut self, key: &str) -> bool {
        remove_named(&mut self.campaigns, key, |campaign| &campaign.key)
    }

    /// Adds a computed trait or replaces the one of its key.
    pub fn put_computed_trait(&mut self, definition: ComputedTraitDefinition) {
        put_named(&mut self.computed_traits, definition, |computed| &computed.key);
    }

    /// Removes a computed trait; false where there is none of this key.
    pub fn remove_computed_trait(&mut self, key: &str) -> bool {
        remove_named(&mut self.computed_traits, key, |computed| &computed.key)
    }

    /// Adds a scheduled export or replaces the one of its name.
    pub fn put_export(&mut self, export: ScheduledExport) {
        put_named(&mut self.exports, export, |export| &export.name);
    }

    /// Removes a scheduled export; false where there is none of this name.
    pub fn remove_export(&mut self, name: &str) -> bool {
        remove_named(&mut self.exports, name, |export| &export.name)
    }
}

/// Replaces the element of the same name in its place, or appends.
pub(super) fn put_named<T>(list: &mut Vec<T>, element: T, name: impl Fn(&T) -> &String) {
    match list.iter().position(|other| name(other) == name(&element)) {
        Some(at) => list[at] = element,
        None => list.push(element),
    }
}

/// False where nothing has this name.
pub(super) fn remove_named<T>(
    list: &mut Vec<T>,
    wanted: &str,
    name: impl Fn(&T) -> &String,
) -> bool {
    let n_before = list.len();
    list.retain(|element| name(element) != wanted);
    list.len() < n_before
}
