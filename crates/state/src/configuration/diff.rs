//! The changes that lead from one configuration to another.

use domain::{
    AudienceDefinition, Campaign, ComputedTraitDefinition, Destination, Feed, Journey, Scenario,
    ScheduledExport, WorkspaceConfig,
};

use super::ConfigChange;

impl ConfigChange {
    /// The changes that turn the configuration `from` into `to`, removals first. The order of lists
    /// does not matter. Equal configurations give no changes.
    pub fn diff(from: &WorkspaceConfig, to: &WorkspaceConfig) -> Vec<Self> {
        let mut changes = Vec::new();
        // They name destinations, audiences and traits.
        for export in from.exports.iter().filter(|one| to.export(&one.name).is_none()) {
            changes.push(Self::RemoveExport { name: export.name.clone() });
        }
        for journey in from.journeys.iter().filter(|one| to.journey(&one.key).is_none()) {
            changes.push(Self::RemoveJourney { key: journey.key.clone() });
        }
        for campaign in from.campaigns.iter().filter(|one| to.campaign(&one.key).is_none()) {
            changes.push(Self::RemoveCampaign { key: campaign.key.clone() });
        }
        for source in from.sources.iter().filter(|source| to.source(&source.name).is_none()) {
            changes.push(Self::RemoveSource { name: source.name.clone() });
        }
        for token in from.all_tokens().filter(|token| to.token(&token.name).is_none()) {
            changes.push(Self::RemoveToken { name: token.name });
        }
        for trait_ in from.traits.iter().filter(|trait_| to.trait_definition(&trait_.key).is_none())
        {
            changes.push(Self::RemoveTrait { key: trait_.key.clone() });
        }
        for scenario in
            from.scenarios.iter().filter(|scenario| to.scenario(&scenario.name).is_none())
        {
            changes.push(Self::RemoveScenario { name: scenario.name.clone() });
        }
        for feed in from.feeds.iter().filter(|one| to.feed(&one.name).is_none()) {
            changes.push(Self::RemoveFeed { name: feed.name.clone() });
        }
        for destination in &from.destinations {
            if to.destination(&destination.name).is_none() {
                changes.push(Self::RemoveDestination { name: destination.name.clone() });
            }
        }
        for audience in from.audiences.iter().filter(|one| to.audience(&one.key).is_none()) {
            changes.push(Self::RemoveAudience { key: audience.key.clone() });
        }
        for computed in &from.computed_traits {
            if to.computed_trait(&computed.key).is_none() {
                changes.push(Self::RemoveComputedTrait { key: computed.key.clone() });
            }
        }
        if from.settings() != to.settings() {
            changes.push(Self::put_settings(&to.settings()));
        }
        if from.interaction_weights != to.interaction_weights {
            changes.push(Self::put_interaction_weights(&to.interaction_weights));
        }
        for token in to.all_tokens().filter(|token| from.token(&token.name).as_ref() != Some(token))
        {
            changes.push(Self::put_token(&token));
        }
        for source in to.sources.iter().filter(|source| from.source(&source.name) != Some(*source))
        {
            changes.push(Self::put_source(&source.name, source));
        }
        let is_new = |scenario: &&Scenario| from.scenario(&scenario.name) != Some(*scenario);
        changes.extend(to.scenarios.iter().filter(is_new).map(Self::put_scenario));
        let is_new =
            |destination: &&Destination| from.destination(&destination.name) != Some(*destination);
        changes.extend(to.destinations.iter().filter(is_new).map(Self::put_destination));
        let is_new =
            |audience: &&AudienceDefinition| from.audience(&audience.key) != Some(*audience);
        changes.extend(to.audiences.iter().filter(is_new).map(Self::put_audience));
        let is_new = |computed: &&ComputedTraitDefinition| {
            from.computed_trait(&computed.key) != Some(*computed)
        };
        changes.extend(to.computed_traits.iter().filter(is_new).map(Self::put_computed_trait));
        // They may name new scenarios and audiences.
        for trait_ in
            to.traits.iter().filter(|trait_| from.trait_definition(&trait_.key) != Some(*trait_))
        {
            changes.push(Self::put_trait(trait_));
        }
        let is_new = |export: &&ScheduledExport| from.export(&export.name) != Some(*export);
        changes.extend(to.exports.iter().filter(is_new).map(Self::put_export));
        let is_new = |feed: &&Feed| from.feed(&feed.name) != Some(*feed);
        changes.extend(to.feeds.iter().filter(is_new).map(Self::put_feed));
        let is_new = |campaign: &&Campaign| from.campaign(&campaign.key) != Some(*campaign);
        changes.extend(to.campaigns.iter().filter(is_new).map(Self::put_campaign));
        changes.extend(journeys_in_order(from, to).map(Self::put_journey));
        changes
    }
}

/// The journeys that are new or changed, those that others begin before these.
fn journeys_in_order<'c>(
    from: &WorkspaceConfig,
    to: &'c WorkspaceConfig,
) -> impl Iterator<Item = &'c Journey> {
    let is_new = |journey: &&Journey| from.journey(&journey.key) != Some(*journey);
    let mut open: Vec<&Journey> = to.journeys.iter().filter(is_new).collect();
    let mut ordered = Vec::new();
    while !open.is_empty() {
        let begins_open = |journey: &Journey| {
            let mut begun = journey.begun();
            begun.any(|key| key != journey.key && open.iter().any(|other| other.key == key))
        };
        let (later, next): (Vec<_>, Vec<_>) = open.iter().partition(|one| begins_open(one));
        // A configuration with a circle is refused where it is applied.
        open = if next.is_empty() { Vec::new() } else { later.clone() };
        ordered.extend(if next.is_empty() { later } else { next });
    }
    ordered.into_iter()
}
