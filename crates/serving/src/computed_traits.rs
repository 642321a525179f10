//! Queries about computed traits.

use domain::UserIdx;
use state::ComputedValue;

use crate::{QueryError, Snapshot};

impl Snapshot<'_> {
    /// The values of a user's computed traits, in the order of their keys.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn computed_traits(
        &self,
        user: UserIdx,
    ) -> Result<Vec<(String, ComputedValue)>, QueryError> {
        let values = self.computed_traits.values(self.store(), user)?.into_iter();
        Ok(values.map(|(key, value)| (key.to_owned(), value)).collect())
    }
}
