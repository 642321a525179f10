//! All interactions in the store, the most recent ones of each user in memory.
//!
//! A user, a kind, an item and a timestamp are the key: what a second one with the same four does is nothing. Of a view portion in a
//! session there is one, which moves forward.

use domain::{Interaction, InteractionKind, ItemIdx, Timestamp, UserIdx, WorkspaceId};
use history::{Histories, HistoryEntry};
use profiles::Merge;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::Counts;
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, writes_at_once};

const INTERACTIONS: &str = "state.interactions";

/// All interactions: in the store, the most recent ones of each user in memory.
pub struct Interactions {
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
    time_spent: Option<f64>,
    auto_presented: Option<bool>,
    recomm_id: Option<String>,
    additional_data: Option<String>,
}

/// What became of an interaction that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is new, or a view portion that went on.
    New,
    /// One with the same key is there.
    AlreadyThere,
    /// The session's view portion is later or has come further.
    Behind,
}

/// An interaction as it is stored, by indices.
pub struct StoredInteraction {
    /// Who.
    pub user: UserIdx,
    /// With which item.
    pub item: ItemIdx,
    /// What was done.
    pub kind: InteractionKind,
    /// When.
    pub at: Timestamp,
    record: Record,
}

impl StoredInteraction {
    /// The interaction by external ids.
    pub fn named(self, user_id: &str, item_id: &str) -> Interaction {
        let Record {
            value,
            amount,
            price,
            profit,
            session_id,
            time_spent,
            auto_presented,
            recomm_id,
            additional_data,
        } = self.record;
        Interaction {
            user_id: user_id.to_owned(),
            item_id: item_id.to_owned(),
            kind: self.kind,
            timestamp: Some(self.at),
            value,
            amount,
            price,
            profit,
            session_id,
            time_spent,
            auto_presented,
            recomm_id,
            additional_data,
        }
    }
}

impl StatePart for Interactions {
    const KEYSPACES: &'static [&'static str] = &[INTERACTIONS];

    writes_at_once!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
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

    fn merge_users(&mut self, batch: &mut Batch<'_>, merge: Merge, _: JournalTime) -> Result<(), StoreError> {
        self.merge(batch, merge.target, merge.source)
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete_all(batch, user)
    }

    fn count(&self, counts: &mut Counts) {
        counts.interactions = self.histories.n_interactions();
    }
}

impl Interactions {
    /// The most recent interactions of each user.
    pub fn histories(&self) -> &Histories {
        &self.histories
    }

    /// Adds an interaction. A view portion `of_session` takes the place of the one that the session has.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        item: ItemIdx,
        at: Timestamp,
        interaction: Interaction,
        of_session: bool,
    ) -> Result<Added, StoreError> {
        if of_session && interaction.kind == InteractionKind::ViewPortion {
            let prefix = KeyBuf::new().u32(user.0).u8(interaction.kind.code()).u32(item.0).build();
            let stored = self.stored(batch, &prefix)?;
            let same = stored.into_iter().find(|stored| stored.record.session_id == interaction.session_id);
            if let Some(stored) = same {
                let is_less = |new: Option<f64>, old: Option<f64>| new.unwrap_or(0.0) < old.unwrap_or(0.0);
                if stored.at >= at
                    || is_less(interaction.value, stored.record.value)
                    || is_less(interaction.time_spent, stored.record.time_spent)
                {
                    return Ok(Added::Behind);
                }
                let session = Some(interaction.session_id.clone());
                self.delete(batch, user, stored.kind, item, Some(stored.at), session)?;
            }
        }
        let key = key(user, interaction.kind, item, at);
        let is_led = cites(interaction.recomm_id.as_deref());
        let entry = HistoryEntry::new(item, interaction.kind, at, interaction.value).led(is_led);
        // A row that is not full holds everything, so most interactions are known to be new without a look at the store.
        let may_be_there = self.histories.is_full(user) || {
            let same = |other: &HistoryEntry| (other.item, other.kind) == (entry.item, entry.kind);
            let row = self.histories.row(user);
            let from = row.partition_point(|other| other.at_s < entry.at_s);
            row[from..].iter().take_while(|other| other.at_s == entry.at_s).any(same)
        };
        if may_be_there && batch.get(&self.keyspace, &key)?.is_some() {
            return Ok(Added::AlreadyThere);
        }
        let record = Record {
            value: interaction.value,
            amount: interaction.amount,
            price: interaction.price,
            profit: interaction.profit,
            session_id: interaction.session_id,
            time_spent: interaction.time_spent,
            auto_presented: interaction.auto_presented,
            recomm_id: interaction.recomm_id,
            additional_data: interaction.additional_data,
        };
        batch.put(&self.keyspace, key, postcard::to_stdvec(&record).expect("plain fields always encode"));
        self.histories.add(user, entry);
        Ok(Added::New)
    }

    /// Deletes the interactions of a user with an item, all of a kind, the one at a timestamp or that of a session; says how many.
    pub(crate) fn delete(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        kind: InteractionKind,
        item: ItemIdx,
        at: Option<Timestamp>,
        session: Option<Option<String>>,
    ) -> Result<usize, StoreError> {
        let prefix = match at {
            Some(at) => key(user, kind, item, at),
            None => KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).build(),
        };
        let was_full = self.histories.is_full(user);
        let mut n_deleted = 0;
        let found: Vec<_> = batch.scan(&self.keyspace, &prefix).collect::<Result<_, _>>()?;
        for pair in found {
            if session.as_ref().is_some_and(|session| {
                parse_stored(&pair).is_ok_and(|stored| stored.record.session_id != *session)
            }) {
                continue;
            }
            self.histories.remove(user, parse(&pair)?.1);
            batch.remove(&self.keyspace, pair.0);
            n_deleted += 1;
        }
        if was_full {
            self.reload(batch, user)?;
        }
        Ok(n_deleted)
    }

    /// Forgets everything that a user did.
    pub(crate) fn delete_all(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let prefix = KeyBuf::new().u32(user.0).build();
        let all: Vec<_> = batch.scan(&self.keyspace, &prefix).collect::<Result<_, _>>()?;
        for pair in all {
            self.histories.count(&parse(&pair)?.1, -1);
            batch.remove(&self.keyspace, pair.0);
        }
        self.reload(batch, user)
    }

    /// A user's interactions of a kind, in the order of items and times.
    pub fn by_user(
        &self,
        read: &dyn Read,
        user: UserIdx,
        kind: InteractionKind,
    ) -> Result<Vec<StoredInteraction>, StoreError> {
        self.stored(read, &KeyBuf::new().u32(user.0).u8(kind.code()).build())
    }

    /// All interactions of a kind with an item, in the order of users. There is no index by item: this looks through all histories.
    pub fn by_item(
        &self,
        read: &dyn Read,
        item: ItemIdx,
        kind: InteractionKind,
    ) -> Result<Vec<StoredInteraction>, StoreError> {
        let mut found = Vec::new();
        if self.histories.counts(item).by_kind[kind as usize] == 0 {
            return Ok(found);
        }
        for user in (0..self.histories.n_users() as u32).map(UserIdx) {
            let has = |entry: &HistoryEntry| entry.item == item && entry.kind == kind;
            if self.histories.is_full(user) || self.histories.row(user).iter().any(has) {
                let prefix = KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).build();
                found.extend(self.stored(read, &prefix)?);
            }
        }
        Ok(found)
    }

    fn stored(&self, read: &dyn Read, prefix: &[u8]) -> Result<Vec<StoredInteraction>, StoreError> {
        read.scan(&self.keyspace, prefix).map(|pair| parse_stored(&pair?)).collect()
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
    pub fn items_of(
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

    /// Whether a user has an interaction with an item, of a kind that `includes` takes, from all time.
    pub fn has(
        &self,
        read: &dyn Read,
        user: UserIdx,
        item: ItemIdx,
        includes: impl Fn(InteractionKind) -> bool,
    ) -> Result<bool, StoreError> {
        for kind in InteractionKind::ALL.into_iter().filter(|kind| includes(*kind)) {
            let prefix = KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).build();
            if let Some(pair) = read.scan(&self.keyspace, &prefix).next() {
                return pair.map(|_| true);
            }
        }
        Ok(false)
    }

    fn reload(&mut self, batch: &Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let pairs = batch.scan(&self.keyspace, &KeyBuf::new().u32(user.0).build());
        let row = pairs.map(|pair| Ok(parse(&pair?)?.1)).collect::<Result<_, StoreError>>()?;
        self.histories.replace(user, row);
        Ok(())
    }
}

/// Whether an interaction says that a recommendation led there, be it ours or of another program.
fn cites(recomm_id: Option<&str>) -> bool {
    recomm_id.is_some_and(|id| !id.is_empty())
}

fn key(user: UserIdx, kind: InteractionKind, item: ItemIdx, at: Timestamp) -> Vec<u8> {
    KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).u64(at.0 as u64).build()
}

fn parse(pair: &store::Pair) -> Result<(UserIdx, HistoryEntry), StoreError> {
    let stored = parse_stored(pair)?;
    let entry = HistoryEntry::new(stored.item, stored.kind, stored.at, stored.record.value);
    Ok((stored.user, entry.led(cites(stored.record.recomm_id.as_deref()))))
}

fn parse_stored((key, value): &store::Pair) -> Result<StoredInteraction, StoreError> {
    let unreadable = || StoreError::Unreadable { what: "interaction" };
    let mut parts = KeyParts::new(key);
    let user = parts.u32().map(UserIdx).ok_or_else(unreadable)?;
    let kind = parts.u8().and_then(InteractionKind::from_code).ok_or_else(unreadable)?;
    let item = parts.u32().map(ItemIdx).ok_or_else(unreadable)?;
    let at = parts.u64().map(|at| Timestamp(at as i64)).ok_or_else(unreadable)?;
    let record: Record = postcard::from_bytes(value).map_err(|_| unreadable())?;
    Ok(StoredInteraction { user, item, kind, at, record })
}
