//! Values of others that name the deleted are worked out anew.

use domain::UserIdx;
use state::{NamedPeople, NamingValue, RegulationCommand, VALUES_PER_RECOUNT_MAX};
use uuid::Uuid;

use super::running::{RegulationError, Surroundings};
use crate::Engine;
use crate::error::store_error;

/// How often everybody is looked at: what was found is gone then, but for somebody who was merged
/// into another one meanwhile.
const LOOKS_MAX: usize = 3;

impl Engine {
    /// Has computed traits of others worked out without these people, whom they name: the past that
    /// they are of is read from the journal once that is erased. Returns how many values there
    /// were.
    pub(super) fn recount_naming(
        &self,
        id: Uuid,
        people: &NamedPeople,
        around: &Surroundings<'_>,
    ) -> Result<u64, RegulationError> {
        let mut n_values = 0;
        for _ in 0..LOOKS_MAX {
            let n_found = self.recount_everybody(id, people, around)?;
            n_values = n_values.max(n_found);
            if n_found == 0 {
                break;
            }
        }
        Ok(n_values)
    }

    fn recount_everybody(
        &self,
        id: Uuid,
        people: &NamedPeople,
        around: &Surroundings<'_>,
    ) -> Result<u64, RegulationError> {
        let (mut first, mut n_found) = (UserIdx(0), 0);
        loop {
            around.check()?;
            let step = {
                let snapshot = self.snapshot();
                let step = snapshot.values_naming(snapshot.store(), people, first);
                step.map_err(store_error(&self.folder().join("store")))?
            };
            n_found += step.values.len() as u64;
            let parts = step.values.chunks(VALUES_PER_RECOUNT_MAX);
            let recount =
                |values: &[NamingValue]| RegulationCommand::Recount { id, values: values.to_vec() };
            self.regulate(parts.map(recount))?;
            match step.next {
                Some(next) => first = next,
                None => return Ok(n_found),
            }
        }
    }
}
