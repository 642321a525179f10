//! Interactions: all of them in the store, the most recent ones of each user in memory.
//!
//! The key of an interaction is its user, kind, item and timestamp. A second one with the same key
//! changes nothing. A session has one view portion for each item, and a later one replaces it.

use domain::message::FUTURE_TOLERANCE_MS;
use domain::{Interaction, InteractionKind, ItemIdx, Timestamp, UserIdx, WorkspaceId};
use history::{Histories, HistoryEntry};
use profiles::{Merge, Origin};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::Counts;
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, writes_at_once};

const INTERACTIONS: &str = "state.interactions";

/// The interactions of a workspace.
pub struct Interactions {
    keyspace: Keyspace,
    histories: Histories,
}

/// The stored value of an interaction; the key holds the other fields.
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

/// The result of adding an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddOutcome {
    /// The interaction was added. A view portion may have replaced an earlier one.
    New,
    /// An interaction with the same key exists; nothing changed.
    Duplicate,
    /// The session has a view portion that is later or larger; nothing changed.
    Outdated,
}

/// The sender's time of an interaction. A time in the future, beyond [`FUTURE_TOLERANCE_MS`], is
/// replaced by the arrival: it would make everything else look old.
pub(crate) fn interaction_time(timestamp: Option<Timestamp>, origin: Origin<'_>) -> Timestamp {
    let at = timestamp.unwrap_or(origin.received_at);
    let at =
        if at.0 > origin.received_at.0 + FUTURE_TOLERANCE_MS { origin.received_at } else { at };
    Timestamp(at.0.max(0))
}

/// A stored interaction, with indices in place of external ids.
pub struct StoredInteraction {
    /// The user.
    pub user: UserIdx,
    /// The item.
    pub item: ItemIdx,
    /// The kind of the interaction.
    pub kind: InteractionKind,
    /// When it happened.
    pub at: Timestamp,
    record: Record,
}

impl StoredInteraction {
    /// The price of the whole amount.
    pub(crate) fn price(&self) -> Option<f64> {
        self.record.price
    }

    /// Converts to an interaction with these external ids.
    pub fn into_interaction(self, user_id: &str, item_id: &str) -> Interaction {
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
        let (mut row, mut row_user) = (Vec::new(), UserIdx(0));
        for pair in store.scan(&store.keyspace(INTERACTIONS), &[]) {
            let (user, entry) = parse(&pair?)?;
            if user != row_user {
                interactions.histories.replace_row(row_user, std::mem::take(&mut row));
                row_user = user;
            }
            interactions.histories.adjust_counts(&entry, 1);
            row.push(entry);
        }
        if !row.is_empty() {
            interactions.histories.replace_row(row_user, row);
        }
        Ok(interactions)
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
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

    /// Adds an interaction. If `replaces_view_portion`, a view portion replaces the earlier one of
    /// its session.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        item: ItemIdx,
        at: Timestamp,
        interaction: Interaction,
        replaces_view_portion: bool,
    ) -> Result<AddOutcome, StoreError> {
        if replaces_view_portion && interaction.kind == InteractionKind::ViewPortion {
            let prefix = KeyBuf::new().u32(user.0).u8(interaction.kind.code()).u32(item.0).build();
            let stored = self.scan_stored(batch, &prefix)?;
            let previous = stored
                .into_iter()
                .find(|stored| stored.record.session_id == interaction.session_id);
            if let Some(stored) = previous {
                let is_less =
                    |new: Option<f64>, old: Option<f64>| new.unwrap_or(0.0) < old.unwrap_or(0.0);
                if stored.at >= at
                    || is_less(interaction.value, stored.record.value)
                    || is_less(interaction.time_spent, stored.record.time_spent)
                {
                    return Ok(AddOutcome::Outdated);
                }
                let session = Some(interaction.session_id.clone());
                self.delete(batch, user, stored.kind, item, Some(stored.at), session)?;
            }
        }
        let key = key(user, interaction.kind, item, at);
        let is_led = cites_recommendation(interaction.recomm_id.as_deref());
        let entry = HistoryEntry::new(item, interaction.kind, at, interaction.value)
            .with_attribution(is_led);
        // A row that is not full holds all interactions of the user, so most new interactions need
        // no read of the store.
        let may_exist = self.histories.is_full(user) || {
            let same = |other: &HistoryEntry| (other.item, other.kind) == (entry.item, entry.kind);
            let row = self.histories.row(user);
            let from = row.partition_point(|other| other.at_s < entry.at_s);
            row[from..].iter().take_while(|other| other.at_s == entry.at_s).any(same)
        };
        if may_exist && batch.get(&self.keyspace, &key)?.is_some() {
            return Ok(AddOutcome::Duplicate);
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
        batch.put(
            &self.keyspace,
            key,
            postcard::to_stdvec(&record).expect("plain fields always encode"),
        );
        self.histories.add(user, entry);
        Ok(AddOutcome::New)
    }

    /// Deletes the interactions of a user and a kind with an item: those at `at` and of `session`,
    /// where given. `Some(None)` selects interactions without a session. Returns the number of
    /// deleted ones.
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

    /// Deletes all interactions of a user.
    pub(crate) fn delete_all(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let prefix = KeyBuf::new().u32(user.0).build();
        let all: Vec<_> = batch.scan(&self.keyspace, &prefix).collect::<Result<_, _>>()?;
        for pair in all {
            self.histories.adjust_counts(&parse(&pair)?.1, -1);
            batch.remove(&self.keyspace, pair.0);
        }
        self.reload(batch, user)
    }

    /// The interactions of a user and a kind, ordered by item and time.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn by_user(
        &self,
        read: &dyn Read,
        user: UserIdx,
        kind: InteractionKind,
    ) -> Result<Vec<StoredInteraction>, StoreError> {
        self.scan_stored(read, &KeyBuf::new().u32(user.0).u8(kind.code()).build())
    }

    /// All interactions of a user, ordered by kind, item and time.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn all_by_user(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<StoredInteraction>, StoreError> {
        self.scan_stored(read, &KeyBuf::new().u32(user.0).build())
    }

    /// All interactions of a kind with an item, ordered by user. There is no index by item: the
    /// cost grows with the number of users.
    ///
    /// # Errors
    /// If the store cannot be read.
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
                found.extend(self.scan_stored(read, &prefix)?);
            }
        }
        Ok(found)
    }

    fn scan_stored(
        &self,
        read: &dyn Read,
        prefix: &[u8],
    ) -> Result<Vec<StoredInteraction>, StoreError> {
        read.scan(&self.keyspace, prefix).map(|pair| parse_stored(&pair?)).collect()
    }

    /// Moves the source's interactions to the target. Where both have one with the same key, the
    /// target's stays.
    pub(crate) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let moved: Vec<_> = batch
            .scan(&self.keyspace, &KeyBuf::new().u32(source.0).build())
            .collect::<Result<_, _>>()?;
        for (old_key, value) in moved {
            let new_key = [&target.0.to_be_bytes(), &old_key[4..]].concat();
            if batch.get(&self.keyspace, &new_key)?.is_some() {
                let (_, entry) = parse(&(old_key.clone(), value))?;
                self.histories.adjust_counts(&entry, -1);
            } else {
                batch.put(&self.keyspace, new_key, value);
            }
            batch.remove(&self.keyspace, old_key);
        }
        self.reload(batch, source)?;
        self.reload(batch, target)
    }

    /// The items that a user has interacted with at any time, by kinds that `includes` accepts.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn items_by_user(
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

    /// Whether a user has interacted with an item at any time, by a kind that `includes` accepts.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_interaction(
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
        self.histories.replace_row(user, row);
        Ok(())
    }
}

/// Whether an interaction cites a recommendation, of this program or of another one.
fn cites_recommendation(recomm_id: Option<&str>) -> bool {
    recomm_id.is_some_and(|id| !id.is_empty())
}

fn key(user: UserIdx, kind: InteractionKind, item: ItemIdx, at: Timestamp) -> Vec<u8> {
    KeyBuf::new().u32(user.0).u8(kind.code()).u32(item.0).u64(at.0 as u64).build()
}

fn parse(pair: &store::Pair) -> Result<(UserIdx, HistoryEntry), StoreError> {
    let stored = parse_stored(pair)?;
    let entry = HistoryEntry::new(stored.item, stored.kind, stored.at, stored.record.value);
    Ok((
        stored.user,
        entry.with_attribution(cites_recommendation(stored.record.recomm_id.as_deref())),
    ))
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
