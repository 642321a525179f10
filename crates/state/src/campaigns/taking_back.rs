//! Messages that wait for somebody who left the journey that began them.

use domain::UserIdx;
use store::{Batch, StoreError};

use super::{Campaigns, Occurrence};

impl Campaigns {
    /// Takes back a message that waits for a person.
    pub(crate) fn take_back(
        &mut self,
        batch: &mut Batch<'_>,
        key: &str,
        user: UserIdx,
        occurrence: Occurrence,
    ) -> Result<(), StoreError> {
        let Some(number) = self.by_key.get(key).map(|kept| kept.number) else { return Ok(()) };
        let mut row = self.person(batch, user)?;
        if let Some(place) = row.find(number, occurrence) {
            self.drop_waiting(batch, user, &mut row, place);
            self.put_person(batch, user, &row);
        }
        Ok(())
    }
}
