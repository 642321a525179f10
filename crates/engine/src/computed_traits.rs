//! Rules of computed traits that the types of a configuration cannot say.

use conditions::Computation;
use domain::{ComputedTraitDefinition, WorkspaceConfig};

/// Checks that what computed traits compute can be read and kept.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_computed_traits(config: &WorkspaceConfig) -> Result<(), String> {
    let check = |definition: &ComputedTraitDefinition| {
        let refused = |what| format!("computed trait {:?}: {what}", definition.key);
        Computation::new(definition).map(drop).map_err(refused)
    };
    config.computed_traits.iter().try_for_each(check)
}
