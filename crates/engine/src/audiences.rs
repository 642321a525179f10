//! Rules of audiences that the types of a configuration cannot say.

use std::collections::BTreeMap;

use conditions::{Condition, check_references};
use domain::{AudienceDefinition, LikelyTarget, WorkspaceConfig};
use serving::check_item_filter;

use crate::Engine;

/// Checks that the conditions of audiences can be read and kept, and that none leads back to
/// itself.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_audiences(config: &WorkspaceConfig) -> Result<(), String> {
    let mut conditions = BTreeMap::new();
    for audience in &config.audiences {
        let condition = read_definition(config, audience)
            .map_err(|what| format!("audience {:?}: {what}", audience.key))?;
        conditions.insert(audience.key.clone(), condition);
    }
    check_references(&conditions)
}

/// The condition of an audience, together with all audiences on which it depends.
fn read_definition(
    config: &WorkspaceConfig,
    audience: &AudienceDefinition,
) -> Result<Condition, String> {
    let Some(likely) = &audience.likely else {
        let condition: Condition =
            audience.condition.parse().map_err(|error| format!("condition: {error}"))?;
        return with_lists(config, condition).map_err(|what| format!("condition: {what}"));
    };
    if let LikelyTarget::Filter(filter) = likely.target()? {
        check_item_filter(filter).map_err(|what| format!("likely.filter: {what}"))?;
    }
    let among = likely.among.iter().map(|key| Condition::Audience(key.clone()));
    Ok(Condition::Any(among.collect()))
}

/// A condition together with the audiences whose members have the lists that it asks for.
fn with_lists(config: &WorkspaceConfig, condition: Condition) -> Result<Condition, String> {
    for key in condition.trait_keys() {
        let list = key.strip_suffix("__detail").and_then(|list| config.trait_definition(list));
        if let Some(list) = list {
            let list = &list.key;
            return Err(format!("trait {key:?} is only read with profiles: ask for {list:?}"));
        }
    }
    let mut whose = Vec::new();
    for asked in condition.asked_of_lists(&|key| config.trait_definition(key).is_some()) {
        let Condition::Trait(filter) = asked else { continue };
        let who = config.trait_definition(filter.key()).and_then(|list| list.who.as_ref());
        whose.extend(who.and_then(|who| who.audience.clone()).map(Condition::Audience));
    }
    whose.push(condition);
    Ok(Condition::All(whose))
}

impl Engine {
    /// Checks that people can be asked whether a condition holds: that it names what there is, and
    /// that no audience that it names leads back to itself.
    ///
    /// # Errors
    /// The mistake, in words.
    pub fn check_audience_condition(&self, condition: &Condition) -> Result<(), String> {
        let config = self.config();
        let condition = with_lists(&config, condition.clone())?;
        let parse =
            |own: &AudienceDefinition| Some((own.key.clone(), read_definition(&config, own).ok()?));
        let mut conditions: BTreeMap<String, Condition> =
            config.audiences.iter().filter_map(parse).collect();
        // No key of an audience is empty.
        conditions.insert(String::new(), condition);
        check_references(&conditions)
    }
}
