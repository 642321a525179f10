//! Traits that sources set on profiles.

use domain::{Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::KeyParts;
use store::{Batch, Read, StoreError};

use crate::{Profiles, keys};

/// A stored trait value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTrait {
    /// JSON text of the value; `null` is a value.
    pub json: String,
    /// The timestamp of the message that set it.
    pub updated_at: Timestamp,
    /// The source of that message.
    pub source: String,
}

impl StoredTrait {
    /// Which of the values of two people who are merged stays: the one that ranks higher.
    fn rank(&self) -> (Timestamp, &str, &str) {
        (self.updated_at, &self.json, &self.source)
    }
}

impl Profiles {
    /// Sets a trait, unless the stored value is newer.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn set_trait(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        key: &str,
        value: &StoredTrait,
    ) -> Result<(), StoreError> {
        let row_key = keys::user(user).text(key).build();
        let is_newer = |kept: &StoredTrait| kept.updated_at > value.updated_at;
        let kept: Option<StoredTrait> = batch
            .get(&self.keys.traits, &row_key)?
            .map(|bytes| keys::decode("trait", &bytes))
            .transpose()?;
        if kept.as_ref().is_some_and(is_newer) {
            return Ok(());
        }
        if let Some(kept) = kept {
            self.remove_trait_term(batch, key, &kept.json, user);
        }
        self.add_trait_term(batch, key, &value.json, user);
        batch.put(&self.keys.traits, row_key, keys::encode(value));
        Ok(())
    }

    /// All traits of a profile, ordered by key.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn traits(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<(String, StoredTrait)>, StoreError> {
        read.scan(&self.keys.traits, &keys::user(user).build())
            .map(|pair| {
                let (key, value) = pair?;
                let mut parts = KeyParts::new(&key);
                parts.u32();
                let name = parts.text().ok_or(StoreError::Unreadable { what: "trait" })?;
                Ok((name.to_owned(), keys::decode("trait", &value)?))
            })
            .collect()
    }

    /// One trait of a profile; none if no source has set it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn stored_trait(
        &self,
        read: &dyn Read,
        user: UserIdx,
        key: &str,
    ) -> Result<Option<StoredTrait>, StoreError> {
        let value = read.get(&self.keys.traits, &keys::user(user).text(key).build())?;
        value.map(|value| keys::decode("trait", &value)).transpose()
    }

    /// Moves the source's traits to the target. Where both have a key, the newer value stays; of
    /// equally old ones the larger text, so that it does not matter who is merged into whom.
    pub(crate) fn merge_traits(
        &self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let kept = self.traits(batch, target)?;
        for (key, value) in self.traits(batch, source)? {
            batch.remove(&self.keys.traits, keys::user(source).text(&key));
            self.remove_trait_term(batch, &key, &value.json, source);
            let kept = kept.iter().find(|(name, _)| *name == key).map(|(_, kept)| kept);
            let stays = kept.is_some_and(|kept| kept.rank() >= value.rank());
            if !stays {
                if let Some(kept) = kept {
                    self.remove_trait_term(batch, &key, &kept.json, target);
                }
                self.add_trait_term(batch, &key, &value.json, target);
                batch.put(&self.keys.traits, keys::user(target).text(&key), keys::encode(&value));
            }
        }
        Ok(())
    }
}
