//! Queries about audiences.

use domain::UserIdx;
use state::{AudienceMember, Stay};

use crate::{QueryError, Snapshot};

impl Snapshot<'_> {
    /// The members of an audience behind `after`, at most `limit`; none where there is no such
    /// audience.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn audience_members(
        &self,
        key: &str,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<Vec<AudienceMember>, QueryError> {
        Ok(self.audiences.members(self.store(), key, after, limit)?)
    }

    /// The audiences to which a user belongs or did, by key, with their stays, the first one first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn audience_stays(&self, user: UserIdx) -> Result<Vec<(String, Vec<Stay>)>, QueryError> {
        let mut found = Vec::new();
        for key in self.audiences.keys() {
            let stays = self.audiences.stays(self.store(), key, user)?;
            if !stays.is_empty() {
                found.push((key.to_owned(), stays));
            }
        }
        Ok(found)
    }
}
