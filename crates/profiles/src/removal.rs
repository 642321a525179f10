//! What goes when a person or an id is removed.

use domain::{Timestamp, UserIdx};
use store::{Batch, Read, StoreError};

use crate::keys::{self, Keys};
use crate::{ExternalId, ExternalIdType, Profile, Profiles, TermKind};

impl Profiles {
    /// Deletes a user's ids, traits, timeline, merges and record.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let identifiers = self.identifiers(batch, user)?;
        let ids: Vec<ExternalId<'_>> =
            identifiers.iter().map(|id| ExternalId { type_: id.type_, value: &id.value }).collect();
        self.ids.remove(user, &ids);
        for id in &ids {
            self.remove_term(batch, TermKind::Id(id.type_), id.value, user);
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
            let id = ExternalId { type_, value: text };
            if self.ids.user_by_external_id(id) == Some(user) {
                batch.remove(&self.keys.identifiers, keys::user(user).u8(type_.code()).text(text));
                self.remove_term(batch, TermKind::Id(type_), text, user);
                self.ids.release(id, user);
            }
        }
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
