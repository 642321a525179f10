//! The mappings and rules of a destination as they were at each place that it has not passed yet.

use std::sync::Arc;

use activation::Rules;
use domain::Destination;
use mapping::Mappings;
use state::Standing;

use super::kind_of;

/// A destination with its mappings and rules, compiled.
pub(crate) struct Compiled {
    pub(crate) destination: Arc<Destination>,
    pub(crate) mappings: Mappings,
    /// None where this build cannot read them: then nothing is delivered, since they may protect
    /// somebody.
    pub(crate) rules: Option<Rules>,
}

impl Compiled {
    pub(crate) fn new(destination: &Arc<Destination>) -> Self {
        let kind = kind_of(destination).ok();
        let mappings = match (kind, &destination.mappings) {
            (None, _) => Mappings::default(),
            (Some(kind), None) => kind.presets.clone(),
            (Some(kind), Some(list)) => Mappings::from_accepted(kind.actions, list),
        };
        let rules = Rules::compile(&destination.rules).ok();
        Self { destination: Arc::clone(destination), mappings, rules }
    }
}

/// The versions of a destination that entries may still be subject to.
#[derive(Default)]
pub(super) struct Versions(Vec<(u64, Arc<Compiled>)>);

impl Versions {
    /// Compiles what is new in a standing, and forgets what it has forgotten.
    pub(super) fn follow(&mut self, standing: &Standing) {
        let before = std::mem::take(&mut self.0);
        for version in &standing.versions {
            let known = before.iter().find(|(offset, _)| *offset == version.offset);
            let compiled = match known {
                Some((_, compiled)) => Arc::clone(compiled),
                None => Arc::new(Compiled::new(&version.destination)),
            };
            self.0.push((version.offset, compiled));
        }
    }

    /// Whether it has all versions of a standing and no other.
    pub(super) fn is_current(&self, standing: &Standing) -> bool {
        let offsets = standing.versions.iter().map(|version| version.offset);
        self.0.iter().map(|(offset, _)| *offset).eq(offsets)
    }

    /// The version for the entry at an offset; the oldest that is kept for earlier ones.
    pub(super) fn at(&self, offset: u64) -> Option<&Arc<Compiled>> {
        let later = self.0.partition_point(|(other, _)| *other < offset);
        self.0.get(later.saturating_sub(1)).map(|(_, compiled)| compiled)
    }
}
