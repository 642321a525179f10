//! What goes when a person or an id is removed.

use domain::{Timestamp, UserIdx};
use store::{Batch, Read, StoreError};

use crate::external_id::row_key;
use crate::keys::{self, Keys};
use crate::{ExternalId, ExternalIdType, Profile, Profiles, TermKind};

impl Profiles {
    /// Deletes a user's ids, traits, timeline, merges and record.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let identifiers = self.identifiers(batch, user)?;
        let unique = identifiers.iter().filter(|id| id.is_unique);
        let ids: Vec<ExternalId<'_>> =
            unique.map(|id| ExternalId { type_: id.type_, value: &id.value }).collect();
        self.ids.remove(user, &ids);
        for id in &identifiers {
            self.remove_term(batch, TermKind::Id(id.type_), &id.value, user);
        }
        for (key, value) in self.traits(batch, user)? {
            self.remove_trait_term(batch, &key, &value.json, user);
        }
        let Keys { identifiers, traits, timeline, merges, .. } = &self.keys;
        for keyspace in [identifiers, traits, timeline, merges] {
            let pairs: Vec<_> =
                batch.scan(keyspace, &keys::user(user).build()).collect::<Result<_, _>>()?;
            pairs.into_iter().for_each(|(key, _)| batch.remove(keyspace, key));
        }
        // An empty record stays, so that the index is not used again.
        let deleted = Profile {
            created_offset: 0,
            created_at: Timestamp::default(),
            first_message_id: String::new(),
            first_source: String::new(),
            user_id: None,
            n_merges: 0,
            merged_into: Some(user),
        };
        batch.put(&self.keys.profiles, keys::user(user), keys::encode(&deleted));
        Ok(())
    }

    /// Removes an id, of either type, from a user. The user stays; a later message with the id
    /// creates a new user.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn release_id(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        text: &str,
    ) -> Result<(), StoreError> {
        for type_ in [ExternalIdType::UserId, ExternalIdType::AnonymousId] {
            self.remove_external_id(batch, user, ExternalId { type_, value: text })?;
        }
        Ok(())
    }

    /// Removes one id from a user, and says whether the user had it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn remove_external_id(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        id: ExternalId<'_>,
    ) -> Result<bool, StoreError> {
        let shared = row_key(user, id, false);
        if self.ids.user_by_external_id(id) == Some(user) {
            batch.remove(&self.keys.identifiers, row_key(user, id, true));
            self.ids.release(id, user);
        } else if id.type_.is_declared() && batch.get(&self.keys.identifiers, &shared)?.is_some() {
            batch.remove(&self.keys.identifiers, shared);
            self.ids.uncount_shared(user);
        } else {
            return Ok(false);
        }
        self.remove_term(batch, TermKind::Id(id.type_), id.value, user);
        if id.type_ == ExternalIdType::UserId {
            self.name_by_another(batch, user, id.value)?;
        }
        Ok(true)
    }

    /// Gives a profile another user id where `text` was its primary one.
    fn name_by_another(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        text: &str,
    ) -> Result<(), StoreError> {
        let is_primary = |profile: &Profile| profile.user_id.as_deref() == Some(text);
        if let Some(profile) = self.profile(batch, user)?.filter(is_primary) {
            let remaining = self.identifiers(batch, user)?.into_iter();
            let user_id =
                remaining.filter(|id| id.type_ == ExternalIdType::UserId).map(|id| id.value).next();
            if let Some(value) = &user_id {
                self.ids.set_user_id(user, ExternalId { type_: ExternalIdType::UserId, value });
            }
            let profile = Profile { user_id, ..profile };
            batch.put(&self.keys.profiles, keys::user(user), keys::encode(&profile));
        }
        Ok(())
    }
}
