//! Rules of audiences that the types of a configuration cannot say.

use std::collections::BTreeMap;

use conditions::{Condition, check_references};
use domain::WorkspaceConfig;

use crate::Engine;

/// Why no audience asks for recommendations.
const RECOMMENDED: &str =
    "what people are recommended follows from models, and is not kept for audiences";

/// Checks that the conditions of audiences can be read and kept, and that none leads back to
/// itself.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_audiences(config: &WorkspaceConfig) -> Result<(), String> {
    let mut conditions = BTreeMap::new();
    for audience in &config.audiences {
        let in_audience = |what: &dyn std::fmt::Display| {
            format!("audience {:?}: condition: {what}", audience.key)
        };
        let condition: Condition =
            audience.condition.parse().map_err(|error| in_audience(&error))?;
        check_asked(config, &condition).map_err(|what| in_audience(&what))?;
        conditions.insert(audience.key.clone(), condition);
    }
    check_references(&conditions)
}

/// Checks that what a condition asks for is kept.
fn check_asked(config: &WorkspaceConfig, condition: &Condition) -> Result<(), String> {
    if !condition.recommended().is_empty() {
        return Err(RECOMMENDED.to_owned());
    }
    for key in condition.trait_keys() {
        let list = key.strip_suffix("__detail").unwrap_or(key);
        if config.trait_definition(list).is_some() {
            return Err(format!("trait {key:?} is a list of recommended items: {RECOMMENDED}"));
        }
    }
    Ok(())
}

impl Engine {
    /// Checks that an audience could have a condition: that it can be kept, and that the audiences
    /// that it names are there.
    ///
    /// # Errors
    /// The mistake, in words.
    pub fn check_audience_condition(&self, condition: &Condition) -> Result<(), String> {
        let config = self.config();
        check_asked(&config, condition)?;
        let parse =
            |own: &domain::AudienceDefinition| Some((own.key.clone(), own.condition.parse().ok()?));
        let mut conditions: BTreeMap<String, Condition> =
            config.audiences.iter().filter_map(parse).collect();
        // No key of an audience is empty.
        conditions.insert(String::new(), condition.clone());
        check_references(&conditions)
    }
}
