//! Queries about audiences, and the facts of a person that their conditions ask for.

use domain::{Timestamp, TraitDefinition, UserIdx};
use profiles::{ExternalIdType, NamedEvent};
use serde_json::{Map, Value};
use state::{AudienceMember, FormerMembers, Stay};

use crate::{QueryError, Snapshot};

/// How a person can be reached, and what they are known by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// By e-mail: an external id or a trait `email`.
    pub email: bool,
    /// By telephone: an external id or a trait `phone`.
    pub phone: bool,
    /// On a device: an external id `ios.push_token` or `android.push_token`.
    pub push: bool,
    /// By a user id.
    pub user_id: bool,
}

/// The types of ids by which devices are reached.
const PUSH_TYPES: [&str; 2] = ["ios.push_token", "android.push_token"];

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

    /// Who left an audience at the instant `since` or later and is not back, behind `after`, at
    /// most `limit`; nobody where there is no such audience.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn former_audience_members(
        &self,
        key: &str,
        since: Timestamp,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<FormerMembers, QueryError> {
        Ok(self.audiences.left_since(self.store(), key, since, after, limit)?)
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
        let is_for = self.is_trait_for(self.store(), definition, user)?;
        Ok(is_for && !self.is_held_out(self.store(), definition, user)?)
    }

    /// Whether a trait is for a user, who is held out of it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_kept_from(
        &self,
        definition: &TraitDefinition,
        user: UserIdx,
    ) -> Result<bool, QueryError> {
        let is_for = self.is_trait_for(self.store(), definition, user)?;
        Ok(is_for && self.is_held_out(self.store(), definition, user)?)
    }

    /// Whether a user belongs to an audience.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_member(&self, audience: &str, user: UserIdx) -> Result<bool, QueryError> {
        Ok(self.audiences.member_since(self.store(), audience, user)?.is_some())
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

    /// The keys of the audiences to which a user belongs.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn audiences_of(&self, user: UserIdx) -> Result<Vec<&str>, QueryError> {
        let memberships = self.audiences.memberships(self.store(), user)?;
        Ok(memberships.into_iter().map(|(key, _)| key).collect())
    }

    /// The traits with these keys that a user has, computed or set by a source, as conditions see
    /// them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn condition_traits(
        &self,
        user: UserIdx,
        keys: &[&str],
    ) -> Result<Map<String, Value>, QueryError> {
        let mut traits = Map::new();
        for key in keys {
            let stored = self.profiles.stored_trait(self.store(), user, key)?;
            if let Some(value) = stored.and_then(|one| serde_json::from_str(&one.json).ok()) {
                traits.insert((*key).to_owned(), value);
            }
        }
        for (key, computed) in self.computed_traits.values(self.store(), user)? {
            if keys.contains(&key) {
                traits.insert(key.to_owned(), computed.value);
            }
        }
        Ok(traits)
    }

    /// The events of a user that have one of these names, from the instant `start` on, latest
    /// first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn events_with_names(
        &self,
        user: UserIdx,
        names: &[&str],
        start: Timestamp,
    ) -> Result<Vec<NamedEvent>, QueryError> {
        Ok(self.profiles.events_with_names(self.store(), user, names, start)?)
    }

    /// How a user can be reached.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn reach(&self, user: UserIdx) -> Result<Reach, QueryError> {
        let ids = self.profiles.identifiers(self.store(), user)?;
        let has_id = |name: &str| {
            let is_named = |type_: &ExternalIdType| type_.is_declared() && type_.word() == name;
            ids.iter().any(|id| is_named(&id.type_))
        };
        let has = |name: &str| -> Result<bool, QueryError> {
            Ok(has_id(name) || self.trait_text(user, name)?.is_some())
        };
        Ok(Reach {
            email: has("email")?,
            phone: has("phone")?,
            push: PUSH_TYPES.into_iter().any(has_id),
            user_id: self.profiles.ids().is_known(user),
        })
    }
}
