//! Refusing new data of people, and taking it again.

use std::collections::BTreeSet;

use state::{
    IDS_PER_REGULATION_ENTRY_MAX, PersonHash, PersonKey, RegulationCommand, RegulationType,
    SuppressedId,
};

use super::pending::{Pending, Person};
use crate::{Engine, EngineError};

impl Engine {
    /// Refuses new data of the people from now on. Returns how many ids they have.
    pub(super) fn suppress(&self, pending: &Pending) -> Result<u64, EngineError> {
        let Some(key) = self.person_key() else { return Ok(0) };
        let suppressed = self.shared.suppressed.load();
        let (mut all, mut new) = (BTreeSet::new(), Vec::new());
        for person in &pending.people {
            let ids = hashes(&key, person);
            if let Some(first) = ids.first().filter(|_| !suppressed.holds_as_one(&ids)) {
                new.extend(ids.iter().map(|id| SuppressedId { id: *id, person: *first }));
            }
            all.extend(ids);
        }
        let parts = new.chunks(IDS_PER_REGULATION_ENTRY_MAX);
        let step = |ids: &[_]| RegulationCommand::Suppress { id: pending.id, ids: ids.to_vec() };
        self.regulate(parts.map(step))?;
        Ok(all.len() as u64)
    }

    /// Takes new data of the people again where that is asked for. Returns how many ids are free
    /// by it.
    pub(super) fn unsuppress_if_asked(&self, pending: &Pending) -> Result<u64, EngineError> {
        let is_asked = pending.type_ == RegulationType::Unsuppress;
        let Some(key) = self.person_key().filter(|_| is_asked) else { return Ok(0) };
        let before = self.shared.suppressed.load().len();
        let ids = pending
            .people
            .iter()
            .flat_map(|person| person.ids().flat_map(|(_, id)| key.hashes(id)).collect::<Vec<_>>());
        let ids: Vec<PersonHash> = ids.collect();
        let parts = ids.chunks(IDS_PER_REGULATION_ENTRY_MAX);
        let step = |ids: &[_]| RegulationCommand::Unsuppress { id: pending.id, ids: ids.to_vec() };
        self.regulate(parts.map(step))?;
        Ok(before.saturating_sub(self.shared.suppressed.load().len()) as u64)
    }

    fn person_key(&self) -> Option<PersonKey> {
        self.snapshot().regulations.key().cloned()
    }
}

fn hashes(key: &PersonKey, person: &Person) -> Vec<PersonHash> {
    person.ids().map(|(type_, id)| key.hash(type_, id)).collect()
}
