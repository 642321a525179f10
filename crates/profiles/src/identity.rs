//! Identity resolution: finds the profile for the external ids of a message.
//!
//! A message has a user id, an anonymous id or both, and lands on the profile with these ids. An
//! anonymous profile is merged into a known user's when a message carries ids of both. Two known
//! users are merged only on explicit request.

use domain::{Message, Timestamp, UserIdx, grouped};
use serde::{Deserialize, Serialize};
use store::key::KeyParts;
use store::{Batch, Read, Store, StoreError};

use crate::external_id::{IdentifierRecord, RowId, parse_row_key, row_key, rows_of};
use crate::keys::{self, Keys};
use crate::{
    ACCOUNTS_PER_USER_MAX, ExternalId, ExternalIdType, IdTable, Identifier, Profiles, TermKind,
};

/// The most external ids of one profile. Further ids are not attached.
pub const IDS_PER_PROFILE_MAX: usize = 1_000;
/// The most merges into one profile. Further merges are refused.
pub const MERGES_PER_PROFILE_MAX: usize = 100;

/// A limit that kept ids, profiles or accounts from being linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityLimit {
    /// [`IDS_PER_PROFILE_MAX`] kept an id from being attached.
    #[error(
        "the profile has {} ids, the limit: the new id was not linked to it",
        grouped(IDS_PER_PROFILE_MAX as u64)
    )]
    Ids,
    /// [`MERGES_PER_PROFILE_MAX`] or [`IDS_PER_PROFILE_MAX`] kept two profiles apart.
    #[error(
        "the profile has reached the limit of {} merges or {} ids: the two were not merged",
        grouped(MERGES_PER_PROFILE_MAX as u64),
        grouped(IDS_PER_PROFILE_MAX as u64)
    )]
    Merges,
    /// [`ACCOUNTS_PER_USER_MAX`] kept a person from becoming a member of an account.
    #[error(
        "the person belongs to {} accounts, the limit: they are no member of {group_id:?}, which has the traits of the message all the same",
        grouped(ACCOUNTS_PER_USER_MAX as u64)
    )]
    Accounts {
        /// The group id of the account.
        group_id: String,
    },
    /// A device of somebody known was to become another person's.
    #[error(
        "{source_id:?} is a device of another known person, and people share devices: nothing was merged into {target:?}; to merge the two \
         people, name a user id of both"
    )]
    OthersDevice {
        /// The id of the person who was to have it.
        target: String,
        /// The id of the device.
        source_id: String,
    },
}

/// The stored record of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The journal offset of the entry that created it. It never changes.
    pub created_offset: u64,
    /// The arrival of its first message.
    pub created_at: Timestamp,
    /// The id of that message; empty for imports and commands.
    pub first_message_id: String,
    /// The source of that message; empty for imports and commands.
    pub first_source: String,
    /// The primary user id: the first that it got. None for an anonymous profile.
    pub user_id: Option<String>,
    /// The number of profiles that were merged into it.
    pub n_merges: u16,
    /// The profile that this one was merged into. A deleted profile has its own index here and no
    /// other values.
    pub merged_into: Option<UserIdx>,
}

/// The message, import or command that creates an id or a profile.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The journal offset of the entry.
    pub offset: u64,
    /// When the entry arrived.
    pub received_at: Timestamp,
    /// The id of the message; empty for imports and commands.
    pub message_id: &'a str,
    /// The source of the message; empty for imports and commands.
    pub source: &'a str,
}

impl<'a> Origin<'a> {
    /// The origin of changes by a message at an offset.
    pub fn message(offset: u64, message: &'a Message) -> Self {
        Self {
            offset,
            received_at: message.received_at,
            message_id: &message.message_id,
            source: &message.source,
        }
    }

    /// The origin of changes by an import or a command at an offset.
    pub fn import(offset: u64, received_at: Timestamp) -> Self {
        Self { offset, received_at, message_id: "", source: "" }
    }
}

/// A merge that was applied to profiles. The caller must move its own rows from the source to the
/// target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The user that remains.
    pub target: UserIdx,
    /// The user that was merged into the target and no longer exists.
    pub source: UserIdx,
}

impl Profiles {
    /// Finds the profile for the ids of a message. Creates the profile, attaches a new id or merges
    /// an anonymous profile where needed, and returns the merge.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn resolve(
        &mut self,
        batch: &mut Batch<'_>,
        user_id: Option<&str>,
        anonymous_id: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<(UserIdx, Option<Merge>), StoreError> {
        let user_id = user_id.map(|value| ExternalId { type_: ExternalIdType::UserId, value });
        let anonymous_id =
            anonymous_id.map(|value| ExternalId { type_: ExternalIdType::AnonymousId, value });
        let by_user = user_id.and_then(|id| self.ids.user_by_external_id(id));
        let by_anonymous = anonymous_id.and_then(|id| self.ids.user_by_external_id(id));
        match (user_id, by_user, by_anonymous) {
            (_, Some(user), None) => {
                self.attach_id(batch, anonymous_id, user, origin)?;
                Ok((user, None))
            }
            (Some(_), Some(user), Some(other)) if user != other => {
                let merge = if self.ids.is_known(other) {
                    None
                } else {
                    self.merge(batch, user, other, origin)?
                };
                Ok((user, merge))
            }
            (Some(_), None, Some(other)) if self.ids.is_known(other) => {
                Ok((self.create_profile(batch, user_id, None, origin), None))
            }
            (_, _, Some(user)) => {
                if by_user.is_none() {
                    self.attach_id(batch, user_id, user, origin)?;
                }
                Ok((user, None))
            }
            (_, None, None) => {
                Ok((self.create_profile(batch, user_id, anonymous_id, origin), None))
            }
        }
    }

    /// Finds the user with an id of either type; a user id takes precedence. An unknown id becomes
    /// the user id of a new profile.
    pub fn resolve_id(&mut self, batch: &mut Batch<'_>, id: &str, origin: Origin<'_>) -> UserIdx {
        self.ids.user_by_id(id).unwrap_or_else(|| {
            let user_id = ExternalId { type_: ExternalIdType::UserId, value: id };
            self.create_profile(batch, Some(user_id), None, origin)
        })
    }

    /// Merges two users on request. An unknown source becomes an id of the target, of both types,
    /// so that late messages find the target. A source that is a device of another known user is
    /// not merged, because people share devices: that is among the limits reached.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn merge_ids(
        &mut self,
        batch: &mut Batch<'_>,
        target: &str,
        source: &str,
        origin: Origin<'_>,
    ) -> Result<Option<Merge>, StoreError> {
        let target_id = target;
        let target = self.resolve_id(batch, target_id, origin);
        let source_id = |type_| ExternalId { type_, value: source };
        if let Some(source) = self.ids.user_by_external_id(source_id(ExternalIdType::UserId)) {
            return self.merge(batch, target, source, origin);
        }
        match self.ids.user_by_external_id(source_id(ExternalIdType::AnonymousId)) {
            Some(device) if device != target && self.ids.is_known(device) => {
                self.limits_reached.push(IdentityLimit::OthersDevice {
                    target: target_id.to_owned(),
                    source_id: source.to_owned(),
                });
                Ok(None)
            }
            Some(device) => self.merge(batch, target, device, origin),
            None => {
                self.attach_id(batch, Some(source_id(ExternalIdType::UserId)), target, origin)?;
                self.attach_id(
                    batch,
                    Some(source_id(ExternalIdType::AnonymousId)),
                    target,
                    origin,
                )?;
                Ok(None)
            }
        }
    }

    /// The external ids of a profile, ordered by type and text.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn identifiers(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<Identifier>, StoreError> {
        let pairs = read.scan(&self.keys.identifiers, &rows_of(user).build());
        let ids = pairs
            .map(|pair| {
                let (key, value) = pair?;
                let RowId { id, is_unique, .. } = parse_row_key(&key)?;
                let record: IdentifierRecord = keys::decode("identifier", &value)?;
                Ok(Identifier {
                    type_: id.type_,
                    value: id.value.to_owned(),
                    is_unique,
                    created_at: record.created_at,
                    first_message_id: record.first_message_id,
                    source: record.source,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>();
        // Those that are not unique stand behind the others in the store.
        let mut ids = ids?;
        ids.sort_by(|one, other| (one.type_, &one.value).cmp(&(other.type_, &other.value)));
        Ok(ids)
    }

    /// The stored record of a profile; none if the index is not in use.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn profile(&self, read: &dyn Read, user: UserIdx) -> Result<Option<Profile>, StoreError> {
        let value = read.get(&self.keys.profiles, &keys::user(user).build())?;
        value.map(|value| keys::decode("profile", &value)).transpose()
    }

    pub(crate) fn create_profile(
        &mut self,
        batch: &mut Batch<'_>,
        user_id: Option<ExternalId<'_>>,
        anonymous_id: Option<ExternalId<'_>>,
        origin: Origin<'_>,
    ) -> UserIdx {
        let user = self.ids.add_user();
        let profile = Profile {
            created_offset: origin.offset,
            created_at: origin.received_at,
            first_message_id: origin.message_id.to_owned(),
            first_source: origin.source.to_owned(),
            user_id: user_id.map(|id| id.value.to_owned()),
            n_merges: 0,
            merged_into: None,
        };
        batch.put(&self.keys.profiles, keys::user(user), keys::encode(&profile));
        self.add_identifier(batch, user_id, user, origin);
        self.add_identifier(batch, anonymous_id, user, origin);
        user
    }

    /// Attaches a new id to a profile, unless the profile has reached its limit.
    pub(crate) fn attach_id(
        &mut self,
        batch: &mut Batch<'_>,
        id: Option<ExternalId<'_>>,
        user: UserIdx,
        origin: Origin<'_>,
    ) -> Result<(), StoreError> {
        if id.is_none() {
            return Ok(());
        }
        if self.ids.n_ids_by_user(user) >= IDS_PER_PROFILE_MAX {
            self.limits_reached.push(IdentityLimit::Ids);
            return Ok(());
        }
        if let Some(id) = id {
            self.name_profile(batch, id, user)?;
        }
        self.add_identifier(batch, id, user, origin);
        Ok(())
    }

    /// Makes an id the primary user id of a profile without one, if it is of that type.
    pub(crate) fn name_profile(
        &self,
        batch: &mut Batch<'_>,
        id: ExternalId<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        if id.type_ == ExternalIdType::UserId
            && let Some(mut profile) = self.profile(batch, user)?
            && profile.user_id.is_none()
        {
            profile.user_id = Some(id.value.to_owned());
            batch.put(&self.keys.profiles, keys::user(user), keys::encode(&profile));
        }
        Ok(())
    }

    fn add_identifier(
        &mut self,
        batch: &mut Batch<'_>,
        id: Option<ExternalId<'_>>,
        user: UserIdx,
        origin: Origin<'_>,
    ) {
        if let Some(id) = id {
            self.put_identifier(batch, id, true, user, origin);
        }
    }

    /// Adds an id that the profile does not have.
    pub(crate) fn put_identifier(
        &mut self,
        batch: &mut Batch<'_>,
        id: ExternalId<'_>,
        is_unique: bool,
        user: UserIdx,
        origin: Origin<'_>,
    ) {
        let record = IdentifierRecord {
            created_at: origin.received_at,
            first_message_id: origin.message_id.to_owned(),
            source: origin.source.to_owned(),
        };
        let key = row_key(user, id, is_unique);
        batch.put(&self.keys.identifiers, key, keys::encode(&record));
        self.add_term(batch, TermKind::Id(id.type_), id.value, user);
        match is_unique {
            true => self.ids.add_id(id, user),
            false => self.ids.count_shared(user),
        }
    }

    /// Moves everything of the source to the target. Does nothing if they are the same user or the
    /// target has reached its limits.
    pub(crate) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
        origin: Origin<'_>,
    ) -> Result<Option<Merge>, StoreError> {
        let is_full = self.ids.n_merges_by_user(target) >= MERGES_PER_PROFILE_MAX
            || self.ids.n_ids_by_user(target) + self.ids.n_ids_by_user(source)
                > IDS_PER_PROFILE_MAX;
        if target == source {
            return Ok(None);
        }
        if is_full {
            self.limits_reached.push(IdentityLimit::Merges);
            return Ok(None);
        }
        let identifiers: Vec<_> = batch
            .scan(&self.keys.identifiers, &rows_of(source).build())
            .collect::<Result<_, _>>()?;
        self.record_merge(batch, Merge { target, source }, origin)?;
        for (key, value) in identifiers {
            let RowId { id, is_unique, .. } = parse_row_key(&key)?;
            let new_key = row_key(target, id, is_unique);
            self.remove_term(batch, TermKind::Id(id.type_), id.value, source);
            self.add_term(batch, TermKind::Id(id.type_), id.value, target);
            if is_unique {
                self.ids.move_id(id, target);
            } else if batch.get(&self.keys.identifiers, &new_key)?.is_none() {
                self.ids.count_shared(target);
            }
            batch.put(&self.keys.identifiers, new_key, value);
            batch.remove(&self.keys.identifiers, key.clone());
        }
        self.merge_traits(batch, target, source)?;
        self.merge_timelines(batch, target, source)?;
        self.ids.retire(source, target);

        let profiles = (self.profile(batch, target)?, self.profile(batch, source)?);
        if let (Some(mut kept), Some(merged)) = profiles {
            if merged.created_offset < kept.created_offset {
                kept.created_at = merged.created_at;
                kept.first_message_id.clone_from(&merged.first_message_id);
                kept.first_source.clone_from(&merged.first_source);
            }
            kept.user_id = kept.user_id.or_else(|| merged.user_id.clone());
            kept.n_merges = self.ids.n_merges_by_user(target) as u16;
            batch.put(&self.keys.profiles, keys::user(target), keys::encode(&kept));
            let merged = Profile { user_id: None, merged_into: Some(target), ..merged };
            batch.put(&self.keys.profiles, keys::user(source), keys::encode(&merged));
        }
        Ok(Some(Merge { target, source }))
    }
}

/// Builds the table of ids from the store.
pub(crate) fn load_ids(store: &Store, keys: &Keys) -> Result<IdTable, StoreError> {
    let mut ids = IdTable::default();
    for pair in store.scan(&keys.profiles, &[]) {
        let (key, value) = pair?;
        let user = KeyParts::new(&key)
            .u32()
            .map(UserIdx)
            .ok_or(StoreError::Unreadable { what: "profile" })?;
        let profile: Profile = keys::decode("profile", &value)?;
        ids.grow_users(user.pos() + 1);
        if profile.merged_into.is_none() {
            ids.revive(user, profile.n_merges);
        }
        if let Some(user_id) = &profile.user_id {
            // Added before the other ids, so that it becomes the primary one again.
            ids.add_id(ExternalId { type_: ExternalIdType::UserId, value: user_id }, user);
        }
    }
    for pair in store.scan(&keys.identifiers, &[]) {
        let (key, _) = pair?;
        let RowId { user, id, is_unique } = parse_row_key(&key)?;
        if !is_unique {
            ids.count_shared(user);
        } else if ids.user_by_external_id(id).is_none() {
            ids.add_id(id, user);
        }
    }
    Ok(ids)
}
