//! Traits that sources set on profiles.

use domain::{Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::KeyParts;
use store::{Batch, Read, StoreError};

use crate::{Profiles, keys};

/// A trait as a source set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTrait {
    /// The value as JSON text; `null` is a value.
    pub json: String,
    /// When it was true, by the message's timestamp.
    pub updated_at: Timestamp,
    /// The source that said so.
    pub source: String,
}

impl Profiles {
    /// Sets a trait, unless a newer value is there.
    pub fn set_trait(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        key: &str,
        value: &StoredTrait,
    ) -> Result<(), StoreError> {
        let at = keys::user(user).text(key).build();
        let newer = |kept: &StoredTrait| kept.updated_at > value.updated_at;
        let kept =
            batch.get(&self.keys.traits, &at)?.map(|bytes| keys::decode("trait", &bytes)).transpose()?;
        if !kept.as_ref().is_some_and(newer) {
            batch.put(&self.keys.traits, at, keys::encode(value));
        }
        Ok(())
    }

    /// All traits of a profile in the order of their keys.
    pub fn traits(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<(String, StoredTrait)>, StoreError> {
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

    /// Moves the source's traits to the target; of a key that both have the newer value stays, the target's where equal.
    pub(crate) fn merge_traits(
        &self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let kept = self.traits(batch, target)?;
        for (key, value) in self.traits(batch, source)? {
            batch.remove(&self.keys.traits, keys::user(source).text(&key));
            let stays = kept.iter().any(|(name, kept)| *name == key && kept.updated_at >= value.updated_at);
            if !stays {
                batch.put(&self.keys.traits, keys::user(target).text(&key), keys::encode(&value));
            }
        }
        Ok(())
    }
}
