//! All interactions in the store, the most recent ones of each user in memory.
//!
//! A user, a kind, an item and a timestamp are the key: what a second one with the same four does is nothing.

use domain::{Interaction, InteractionKind, ItemIdx, Timestamp, UserIdx};
use recommender::{Histories, HistoryEntry};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

const INTERACTIONS: &str = "engine.interactions";
pub(crate) const KEYSPACES: [&str; 1] = [INTERACTIONS];

pub(crate) struct Interactions {
    keyspace: Keyspace,
    histories: Histories,
}

/// What the store keeps beside the key.
#[derive(Serialize, Deserialize)]
struct Record {
    value: Option<f64>,
    amount: Option<f64>,
    price: Option<f64>,
    profit: Option<f64>,
    session_id: Option<String>,
    recomm_id: Option<String>,
    additional_data: Option<String>,
}

impl Interactions {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut interactions =
            Self { keyspace: store.keyspace(INTERACTIONS), histories: Histories::default() };
        let (mut row, mut row_of) = (Vec::new(), UserIdx(0));
        for pair in store.scan(&store.keyspace(INTERACTIONS), &[]) {
            let (user, entry) = parse(&pair?)?;
            if user != row_of {
                interactions.histories.replace(row_of, std::mem::take(&mut row));
                row_of = user;
            }
            interactions.histories.count(&entry, 1);
            row.push(entry);
        }
        if !row.is_empty() {
            interactions.histories.replace(row_of, row);
        }
        Ok(interactions)
    }

    pub(crate) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// Adds an interaction; false where it is there already.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        item: ItemIdx,
        at: Timestamp,
        interaction: Interaction,
    ) -> Result<bool, StoreError> {
        let key = key(user, interaction.kind, item, at);
        let entry = HistoryEntry::new(item, interaction.kind, at, interaction.value);
        // A row that is not full holds everything, so most interactions are known to be new without a look at the store.
        let may_be_there = self.histories.is_full(user) || {
            let same = |other: &HistoryEntry| (other.item, other.kind) == (entry.item, entry.kind);
            let row = self.histories.row(user);
            let from = row.partition_point(|other| other.at_s < entry.at_s);
            row[from..].iter().take_while(|other| other.at_s == entry.at_s).any(same)
        };
        if may_be_there && batch.get(&self.keyspace, &key)?.is_some() {
            return Ok(false);
        }
        let record = Record {
            value: interaction.value,
            amount: interaction.amount,
            price: interaction.price,
            profit: interaction.profit,
            session_id: interaction.session_id,
            recomm_id: interaction.recomm_id,
            additional_data: interaction.additional_data,
        };
        batch.put(&self.keyspace, key, postcard::to_stdvec(&record).expect("plain fields always encode"));
        self.histories.add(user, entry);
        Ok(true)
    }

    /// Deletes the interactions of a user with an item, all of a kind or the one at a timestamp.
    pub(crate) fn delete(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        kind: InteractionKind,
        item: ItemIdx,
        at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let prefix = match at {
            Some(at) => key(user, kind, item, at),
            None => KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).build(),
        };
        let was_full = self.histories.is_full(user);
        let deleted: Vec<_> = batch.scan(&self.keyspace, &prefix).collect::<Result<_, _>>()?;
        for pair in deleted {
            self.histories.remove(user, parse(&pair)?.1);
            batch.remove(&self.keyspace, pair.0);
        }
        if was_full {
            self.reload(batch, user)?;
        }
        Ok(())
    }

    /// Gives all interactions of the source to the target; of those that both have, the target's stay.
    pub(crate) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let moved: Vec<_> =
            batch.scan(&self.keyspace, &KeyBuf::new().u32(source.0).build()).collect::<Result<_, _>>()?;
        for (old_key, value) in moved {
            let new_key = [&target.0.to_be_bytes(), &old_key[4..]].concat();
            if batch.get(&self.keyspace, &new_key)?.is_some() {
                let (_, entry) = parse(&(old_key.clone(), value))?;
                self.histories.count(&entry, -1);
            } else {
                batch.put(&self.keyspace, new_key, value);
            }
            batch.remove(&self.keyspace, old_key);
        }
        self.reload(batch, source)?;
        self.reload(batch, target)
    }

    /// The items of a user with interactions that `includes` takes, from all time.
    pub(crate) fn items_of(
        &self,
        read: &dyn Read,
        user: UserIdx,
        includes: impl Fn(InteractionKind) -> bool,
    ) -> Result<FxHashSet<ItemIdx>, StoreError> {
        let mut items = FxHashSet::default();
        for kind in InteractionKind::ALL.into_iter().filter(|kind| includes(*kind)) {
            let prefix = KeyBuf::new().u32(user.0).u8(kind.code()).build();
            for pair in read.scan(&self.keyspace, &prefix) {
                items.insert(parse(&pair?)?.1.item);
            }
        }
        Ok(items)
    }

    fn reload(&mut self, batch: &Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let pairs = batch.scan(&self.keyspace, &KeyBuf::new().u32(user.0).build());
        let row = pairs.map(|pair| Ok(parse(&pair?)?.1)).collect::<Result<_, StoreError>>()?;
        self.histories.replace(user, row);
        Ok(())
    }
}

fn key(user: UserIdx, kind: InteractionKind, item: ItemIdx, at: Timestamp) -> Vec<u8> {
    KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).u64(at.0 as u64).build()
}

fn parse((key, value): &store::Pair) -> Result<(UserIdx, HistoryEntry), StoreError> {
    let unreadable = || StoreError::Unreadable { what: "interaction" };
    let mut parts = KeyParts::new(key);
    let user = parts.u32().map(UserIdx).ok_or_else(unreadable)?;
    let kind = parts.u8().and_then(InteractionKind::from_code).ok_or_else(unreadable)?;
    let item = parts.u32().map(ItemIdx).ok_or_else(unreadable)?;
    let at = parts.u64().map(|at| Timestamp(at as i64)).ok_or_else(unreadable)?;
    let record: Record = postcard::from_bytes(value).map_err(|_| unreadable())?;
    Ok((user, HistoryEntry::new(item, kind, at, record.value)))
}
