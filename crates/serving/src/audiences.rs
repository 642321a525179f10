//! Queries about audiences.

use domain::{TraitDefinition, TraitPeople, UserIdx};
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

    /// Whether a user has a trait: whoever does not has no value of it, not an empty one.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_trait(
        &self,
        definition: &TraitDefinition,
        user: UserIdx,
    ) -> Result<bool, QueryError> {
        if definition.paused {
            return Ok(false);
        }
        let Some(TraitPeople { audience, include_anonymous }) = &definition.who else {
            return Ok(true);
        };
        if !include_anonymous && !self.profiles.ids().is_known(user) {
            return Ok(false);
        }
        audience.as_ref().map_or(Ok(true), |key| self.is_member(key, user))
    }

    /// Whether a user belongs to an audience.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_member(&self, audience: &str, user: UserIdx) -> Result<bool, QueryError> {
        let memberships = self.audiences.memberships(self.store(), user)?;
        Ok(memberships.iter().any(|(key, _)| *key == audience))
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
