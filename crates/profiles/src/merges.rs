//! Which profiles were merged into one, when, and by which entry of the journal.

use domain::{Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::KeyParts;
use store::{Batch, Read, StoreError};

use crate::{ExternalIdType, Merge, Origin, Profiles, keys};

/// A profile that was merged into another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMerge {
    /// When the entry that merged it arrived.
    pub at: Timestamp,
    /// The journal offset of that entry.
    pub offset: u64,
    /// The id of the message; empty for commands.
    pub message_id: String,
    /// The source of the message; empty for commands.
    pub source: String,
    /// The profile that is gone.
    pub merged_user: UserIdx,
    /// The user id of the merged profile, or an anonymous id. None if it had lost all its ids.
    pub merged: Option<(ExternalIdType, String)>,
    /// How many external ids it had.
    pub n_ids: usize,
}

#[derive(Serialize, Deserialize)]
struct MergeRecord {
    at: Timestamp,
    message_id: String,
    source: String,
    merged: Option<(ExternalIdType, String)>,
    n_ids: u16,
}

impl Profiles {
    /// The merges into a profile, and into those that were merged into it, oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn merges(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<PastMerge>, StoreError> {
        let pairs = read.scan(&self.keys.merges, &keys::user(user).build());
        pairs
            .map(|pair| {
                let (key, value) = pair?;
                let (offset, merged_user) = parse_key(&key)?;
                let record: MergeRecord = keys::decode("merge", &value)?;
                Ok(PastMerge {
                    at: record.at,
                    offset,
                    message_id: record.message_id,
                    source: record.source,
                    merged_user,
                    merged: record.merged,
                    n_ids: usize::from(record.n_ids),
                })
            })
            .collect()
    }

    /// Records a merge before the source's ids are moved, and moves the source's own merges.
    pub(crate) fn record_merge(
        &self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        origin: Origin<'_>,
    ) -> Result<(), StoreError> {
        let own: Vec<_> =
            batch.scan(&self.keys.merges, &keys::user(source).build()).collect::<Result<_, _>>()?;
        for (key, value) in own {
            let (offset, merged) = parse_key(&key)?;
            batch.put(&self.keys.merges, keys::merge(target, offset, merged), value);
            batch.remove(&self.keys.merges, key);
        }
        let ids = self.identifiers(batch, source)?;
        let primary = self.ids().user_id(source);
        let record = MergeRecord {
            at: origin.received_at,
            message_id: origin.message_id.to_owned(),
            source: origin.source.to_owned(),
            n_ids: ids.len() as u16,
            merged: match primary {
                Some(id) => Some((ExternalIdType::UserId, id.to_owned())),
                None => ids.into_iter().next().map(|id| (id.type_, id.value)),
            },
        };
        let key = keys::merge(target, origin.offset, source);
        batch.put(&self.keys.merges, key, keys::encode(&record));
        Ok(())
    }
}

/// The offset of the entry that merged, and who was merged.
fn parse_key(key: &[u8]) -> Result<(u64, UserIdx), StoreError> {
    let mut parts = KeyParts::new(key);
    match (parts.u32(), parts.u64(), parts.u32()) {
        (Some(_), Some(offset), Some(merged)) => Ok((offset, UserIdx(merged))),
        _ => Err(StoreError::Unreadable { what: "merge" }),
    }
}
