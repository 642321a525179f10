//! How external ids become profiles.
//!
//! A message brings a user id, an anonymous id or both. It lands on the profile of its ids; a profile that only an anonymous
//! id names becomes the known user's when a message carries both. Two known users are brought together only by an explicit merge.

use domain::{Message, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::KeyParts;
use store::{Batch, Read, Store, StoreError};

use crate::keys::{self, Keys};
use crate::{IdTable, Profiles};

/// The most ids of one profile; further ones are not attached.
pub const IDS_PER_PROFILE_MAX: usize = 1_000;
/// The most merges into one profile; further ones do not happen.
pub const MERGES_PER_PROFILE_MAX: usize = 100;

/// The types of external ids, in the order of their code on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExternalIdType {
    /// A known user, by the sender's own id.
    UserId,
    /// A browser or device.
    AnonymousId,
}

impl ExternalIdType {
    /// The word in APIs.
    pub fn word(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::AnonymousId => "anonymous_id",
        }
    }

    /// The type of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::UserId, Self::AnonymousId].into_iter().find(|type_| type_.word() == word)
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::UserId, Self::AnonymousId].into_iter().find(|type_| type_.code() == code)
    }
}

/// An id of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalId<'a> {
    /// Of what type.
    pub type_: ExternalIdType,
    /// The text.
    pub value: &'a str,
}

/// An external id of a profile, with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// Of what type.
    pub type_: ExternalIdType,
    /// The text.
    pub value: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// The message that brought it; empty for imports.
    pub first_message_id: String,
    /// The source of that message.
    pub source: String,
}

#[derive(Serialize, Deserialize)]
struct IdentifierRecord {
    created_at: Timestamp,
    first_message_id: String,
    source: String,
}

/// A profile's own record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The journal offset that made it: names it for good.
    pub made_at: u64,
    /// When its first message arrived.
    pub created_at: Timestamp,
    /// That message; empty for imports.
    pub first_message_id: String,
    /// The source of that message.
    pub first_source: String,
    /// The user id it got first; none for an anonymous profile.
    pub user_id: Option<String>,
    /// How many profiles were merged into it.
    pub n_merges: u16,
    /// The profile that this one was merged into, or itself where it was deleted: then nothing else is left of it.
    pub merged_into: Option<UserIdx>,
}

/// What brought an id or a profile: a message or an import.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The journal offset.
    pub offset: u64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The message's id; empty for imports.
    pub message_id: &'a str,
    /// The message's source; empty for imports.
    pub source: &'a str,
}

impl<'a> Origin<'a> {
    /// A message at an offset.
    pub fn message(offset: u64, message: &'a Message) -> Self {
        Self {
            offset,
            received_at: message.received_at,
            message_id: &message.message_id,
            source: &message.source,
        }
    }

    /// An import at an offset.
    pub fn import(offset: u64, received_at: Timestamp) -> Self {
        Self { offset, received_at, message_id: "", source: "" }
    }
}

/// A merge that happened: the caller moves what it keeps of the source to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The user that stays.
    pub target: UserIdx,
    /// The user that is gone.
    pub source: UserIdx,
}

impl Profiles {
    /// The profile that a message with these ids lands on, made or extended where needed, and the merge that it took.
    pub fn resolve(
        &mut self,
        batch: &mut Batch<'_>,
        user_id: Option<&str>,
        anonymous_id: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<(UserIdx, Option<Merge>), StoreError> {
        let user_id = user_id.map(|value| ExternalId { type_: ExternalIdType::UserId, value });
        let anonymous_id = anonymous_id.map(|value| ExternalId { type_: ExternalIdType::AnonymousId, value });
        let by_user = user_id.and_then(|id| self.ids.user_of(id));
        let by_anonymous = anonymous_id.and_then(|id| self.ids.user_of(id));
        match (user_id, by_user, by_anonymous) {
            (_, Some(user), None) => {
                self.attach(batch, anonymous_id, user, origin)?;
                Ok((user, None))
            }
            (Some(_), Some(user), Some(other)) if user != other => {
                let merge = if self.ids.is_known(other) { None } else { self.merge(batch, user, other)? };
                Ok((user, merge))
            }
            (Some(_), None, Some(other)) if self.ids.is_known(other) => {
                Ok((self.make(batch, user_id, None, origin), None))
            }
            (_, _, Some(user)) => {
                if by_user.is_none() {
                    self.attach(batch, user_id, user, origin)?;
                }
                Ok((user, None))
            }
            (_, None, None) => Ok((self.make(batch, user_id, anonymous_id, origin), None)),
        }
    }

    /// The user of a text as mappings and imports write it: a user id before an anonymous id, made as a user id where new.
    pub fn resolve_text(&mut self, batch: &mut Batch<'_>, id: &str, origin: Origin<'_>) -> UserIdx {
        self.ids.user_of_text(id).unwrap_or_else(|| {
            let user_id = ExternalId { type_: ExternalIdType::UserId, value: id };
            self.make(batch, Some(user_id), None, origin)
        })
    }

    /// Makes two users one on request. A source that nobody knows yet becomes an id of the target, of either type, so that messages which
    /// come late still find it. A source that is the device of another known user stays theirs: people share devices.
    pub fn merge_texts(
        &mut self,
        batch: &mut Batch<'_>,
        target: &str,
        source: &str,
        origin: Origin<'_>,
    ) -> Result<Option<Merge>, StoreError> {
        let target = self.resolve_text(batch, target, origin);
        let of_type = |type_| ExternalId { type_, value: source };
        if let Some(source) = self.ids.user_of(of_type(ExternalIdType::UserId)) {
            return self.merge(batch, target, source);
        }
        match self.ids.user_of(of_type(ExternalIdType::AnonymousId)) {
            Some(device) if self.ids.is_known(device) => Ok(None),
            Some(device) => self.merge(batch, target, device),
            None => {
                self.attach(batch, Some(of_type(ExternalIdType::UserId)), target, origin)?;
                self.attach(batch, Some(of_type(ExternalIdType::AnonymousId)), target, origin)?;
                Ok(None)
            }
        }
    }

    /// The ids of a profile, by type and text.
    pub fn identifiers(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<Identifier>, StoreError> {
        let pairs = read.scan(&self.keys.identifiers, &keys::user(user).build());
        pairs
            .map(|pair| {
                let (key, value) = pair?;
                let (_, type_, text) = parse_key(&key)?;
                let record: IdentifierRecord = keys::decode("identifier", &value)?;
                Ok(Identifier {
                    type_,
                    value: text.to_owned(),
                    created_at: record.created_at,
                    first_message_id: record.first_message_id,
                    source: record.source,
                })
            })
            .collect()
    }

    /// The profile's own record.
    pub fn profile(&self, read: &dyn Read, user: UserIdx) -> Result<Option<Profile>, StoreError> {
        let value = read.get(&self.keys.profiles, &keys::user(user).build())?;
        value.map(|value| keys::decode("profile", &value)).transpose()
    }

    /// Forgets a user: ids, traits, timeline and record.
    pub fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let identifiers = self.identifiers(batch, user)?;
        let ids: Vec<ExternalId<'_>> =
            identifiers.iter().map(|id| ExternalId { type_: id.type_, value: &id.value }).collect();
        self.ids.remove(user, &ids);
        for keyspace in [&self.keys.identifiers, &self.keys.traits, &self.keys.timeline] {
            let pairs: Vec<_> = batch.scan(keyspace, &keys::user(user).build()).collect::<Result<_, _>>()?;
            pairs.into_iter().for_each(|(key, _)| batch.remove(keyspace, key));
        }
        // What is left says that the index is taken.
        let nobody = Profile {
            made_at: 0,
            created_at: Timestamp::default(),
            first_message_id: String::new(),
            first_source: String::new(),
            user_id: None,
            n_merges: 0,
            merged_into: Some(user),
        };
        batch.put(&self.keys.profiles, keys::user(user), keys::encode(&nobody));
        Ok(())
    }

    /// Takes a text away from the ids of a user, who stays: the next to come under it is somebody new.
    pub fn release_text(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        text: &str,
    ) -> Result<(), StoreError> {
        for type_ in [ExternalIdType::UserId, ExternalIdType::AnonymousId] {
            let id = ExternalId { type_, value: text };
            if self.ids.user_of(id) == Some(user) {
                batch.remove(&self.keys.identifiers, keys::user(user).u8(type_.code()).text(text));
                self.ids.release(id, user);
            }
        }
        let is_first = |profile: &Profile| profile.user_id.as_deref() == Some(text);
        if let Some(profile) = self.profile(batch, user)?.filter(is_first) {
            let left = self.identifiers(batch, user)?.into_iter();
            let user_id = left.filter(|id| id.type_ == ExternalIdType::UserId).map(|id| id.value).next();
            if let Some(value) = &user_id {
                self.ids.name(user, ExternalId { type_: ExternalIdType::UserId, value });
            }
            let profile = Profile { user_id, ..profile };
            batch.put(&self.keys.profiles, keys::user(user), keys::encode(&profile));
        }
        Ok(())
    }

    fn make(
        &mut self,
        batch: &mut Batch<'_>,
        user_id: Option<ExternalId<'_>>,
        anonymous_id: Option<ExternalId<'_>>,
        origin: Origin<'_>,
    ) -> UserIdx {
        let user = self.ids.add_user();
        let profile = Profile {
            made_at: origin.offset,
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

    /// Gives a new id to a profile that has room for it.
    fn attach(
        &mut self,
        batch: &mut Batch<'_>,
        id: Option<ExternalId<'_>>,
        user: UserIdx,
        origin: Origin<'_>,
    ) -> Result<(), StoreError> {
        if id.is_none() {
            return Ok(());
        }
        if self.ids.n_ids_of(user) >= IDS_PER_PROFILE_MAX {
            self.limits_met.push("the profile has 1,000 ids, the limit: the new id was not linked to it");
            return Ok(());
        }
        if let Some(id) = id.filter(|id| id.type_ == ExternalIdType::UserId)
            && let Some(mut profile) = self.profile(batch, user)?
            && profile.user_id.is_none()
        {
            profile.user_id = Some(id.value.to_owned());
            batch.put(&self.keys.profiles, keys::user(user), keys::encode(&profile));
        }
        self.add_identifier(batch, id, user, origin);
        Ok(())
    }

    fn add_identifier(
        &mut self,
        batch: &mut Batch<'_>,
        id: Option<ExternalId<'_>>,
        user: UserIdx,
        origin: Origin<'_>,
    ) {
        let Some(id) = id else { return };
        let record = IdentifierRecord {
            created_at: origin.received_at,
            first_message_id: origin.message_id.to_owned(),
            source: origin.source.to_owned(),
        };
        let key = keys::user(user).u8(id.type_.code()).text(id.value);
        batch.put(&self.keys.identifiers, key, keys::encode(&record));
        self.ids.add_id(id, user);
    }

    /// Moves everything of the source to the target, unless they are one already or the target has reached its limits.
    fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<Option<Merge>, StoreError> {
        let full = self.ids.n_merges_of(target) >= MERGES_PER_PROFILE_MAX
            || self.ids.n_ids_of(target) + self.ids.n_ids_of(source) > IDS_PER_PROFILE_MAX;
        if target == source {
            return Ok(None);
        }
        if full {
            self.limits_met.push(
                "the profile has reached the limit of 100 merges or 1,000 ids: the two were not merged",
            );
            return Ok(None);
        }
        let identifiers: Vec<_> =
            batch.scan(&self.keys.identifiers, &keys::user(source).build()).collect::<Result<_, _>>()?;
        for (key, value) in identifiers {
            let (_, type_, text) = parse_key(&key)?;
            let moved = keys::user(target).u8(type_.code()).text(text);
            self.ids.move_id(ExternalId { type_, value: text }, target);
            batch.put(&self.keys.identifiers, moved, value);
            batch.remove(&self.keys.identifiers, key.clone());
        }
        self.merge_traits(batch, target, source)?;
        self.merge_timelines(batch, target, source)?;
        self.ids.retire(source, target);

        let (kept, gone) = (self.profile(batch, target)?, self.profile(batch, source)?);
        if let (Some(mut kept), Some(gone)) = (kept, gone) {
            if gone.made_at < kept.made_at {
                kept.created_at = gone.created_at;
                kept.first_message_id.clone_from(&gone.first_message_id);
                kept.first_source.clone_from(&gone.first_source);
            }
            kept.user_id = kept.user_id.or_else(|| gone.user_id.clone());
            kept.n_merges = self.ids.n_merges_of(target) as u16;
            batch.put(&self.keys.profiles, keys::user(target), keys::encode(&kept));
            let gone = Profile { user_id: None, merged_into: Some(target), ..gone };
            batch.put(&self.keys.profiles, keys::user(source), keys::encode(&gone));
        }
        Ok(Some(Merge { target, source }))
    }
}

/// Builds the table of ids from the store.
pub(crate) fn load_ids(store: &Store, keys: &Keys) -> Result<IdTable, StoreError> {
    let mut ids = IdTable::default();
    for pair in store.scan(&keys.profiles, &[]) {
        let (key, value) = pair?;
        let user =
            KeyParts::new(&key).u32().map(UserIdx).ok_or(StoreError::Unreadable { what: "profile" })?;
        let profile: Profile = keys::decode("profile", &value)?;
        ids.grow_users(user.pos() + 1);
        if profile.merged_into.is_none() {
            ids.revive(user, profile.n_merges);
        }
        if let Some(user_id) = &profile.user_id {
            // First of the profile's ids, as when it was given.
            ids.add_id(ExternalId { type_: ExternalIdType::UserId, value: user_id }, user);
        }
    }
    for pair in store.scan(&keys.identifiers, &[]) {
        let (key, _) = pair?;
        let (user, type_, value) = parse_key(&key)?;
        let id = ExternalId { type_, value };
        if ids.user_of(id).is_none() {
            ids.add_id(id, user);
        }
    }
    Ok(ids)
}

fn parse_key(key: &[u8]) -> Result<(UserIdx, ExternalIdType, &str), StoreError> {
    let mut parts = KeyParts::new(key);
    let user = parts.u32().map(UserIdx);
    let type_ = parts.u8().and_then(ExternalIdType::from_code);
    match (user, type_, parts.text()) {
        (Some(user), Some(type_), Some(text)) => Ok((user, type_, text)),
        _ => Err(StoreError::Unreadable { what: "identifier" }),
    }
}
