//! Rules of audiences that the types of a configuration cannot say.

use std::collections::BTreeMap;

use conditions::{Condition, check_references};
use domain::WorkspaceConfig;

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
        if !condition.recommended().is_empty() {
            return Err(in_audience(
                &"what people are recommended follows from models, and is not kept for audiences",
            ));
        }
        conditions.insert(audience.key.clone(), condition);
    }
    check_references(&conditions)
}
