//! Accounts: what group messages say of a company or team, and who belongs to it.

use domain::{Message, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::{IdentityLimit, Merge, Origin, StoredTrait, keys};

const RECORDS: &str = "accounts.records";
const TRAITS: &str = "accounts.traits";
const MEMBERS: &str = "accounts.members";
const LINKS: &str = "accounts.links";

/// The names of the keyspaces of accounts, for opening the store.
pub const KEYSPACES_OF_ACCOUNTS: [&str; 4] = [RECORDS, TRAITS, MEMBERS, LINKS];
/// The most accounts that a user is linked with by messages. Further ones get no link, which the
/// rejections tell. Merges keep the links of both users, however many these are.
pub const ACCOUNTS_PER_USER_MAX: usize = 1_000;

/// The beginning of the rows of walks among those of members, and of what is noted for the end of a
/// walk: no group id is that long.
const WALKS: u32 = u32::MAX;
const NEXT_WALKS: u32 = u32::MAX - 1;

/// What a group message has changed of an account.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The keys of the traits that have another value now.
    pub traits: Vec<String>,
    /// Whether the sender is a member since it.
    pub is_joined: bool,
    /// What kept the sender from becoming a member.
    pub limit: Option<IdentityLimit>,
}

/// The accounts of a workspace. All of it is in the store.
pub struct Accounts {
    records: Keyspace,
    traits: Keyspace,
    members: Keyspace,
    links: Keyspace,
}

/// The record of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The arrival of its first message.
    pub created_at: Timestamp,
    /// The id of that message.
    pub first_message_id: String,
    /// The source of that message.
    pub first_source: String,
    /// The arrival of its latest message.
    pub updated_at: Timestamp,
    /// When the latest message happened. Of messages of one time the last to arrive counts.
    pub last_timestamp: Timestamp,
    /// The id of that message.
    pub last_message_id: String,
    /// The source of that message.
    pub last_source: String,
}

/// The link of a user with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLink {
    /// The group id of the account.
    pub group_id: String,
    /// The arrival of the first message that linked them.
    pub created_at: Timestamp,
    /// The source of that message.
    pub source: String,
}

#[derive(Serialize, Deserialize)]
struct LinkRecord {
    created_at: Timestamp,
    source: String,
}

impl Accounts {
    /// Opens the keyspaces.
    pub fn load(store: &Store) -> Self {
        Self {
            records: store.keyspace(RECORDS),
            traits: store.keyspace(TRAITS),
            members: store.keyspace(MEMBERS),
            links: store.keyspace(LINKS),
        }
    }

    /// Applies a group message of a user: the account has its traits, and the user belongs to it.
    /// Returns what has changed.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn add_message(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        message: &Message,
        origin: Origin<'_>,
    ) -> Result<AccountChange, StoreError> {
        let mut change = AccountChange::default();
        let Some(group_id) = message.group_id.as_deref() else { return Ok(change) };
        self.record(batch, group_id, message)?;
        let body = message.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let traits: BTreeMap<String, Box<RawValue>> = body.unwrap_or_default();
        for (key, value) in traits {
            let row = [account(group_id), key.into_bytes()].concat();
            let kept: Option<StoredTrait> = self.get(batch, &self.traits, &row)?;
            if kept.as_ref().is_none_or(|kept| kept.updated_at <= message.timestamp) {
                if kept.is_none_or(|kept| kept.json != value.get()) {
                    let key = row[account(group_id).len()..].to_vec();
                    change.traits.extend(String::from_utf8(key).ok());
                }
                let value = StoredTrait {
                    json: value.get().to_owned(),
                    updated_at: message.timestamp,
                    source: message.source.clone(),
                };
                batch.put(&self.traits, row, keys::encode(&value));
            }
        }
        let link = link_key(user, group_id);
        let is_new = batch.get(&self.links, &link)?.is_none();
        let n_links = || batch.scan(&self.links, &keys::user(user).build()).count();
        if is_new && n_links() >= ACCOUNTS_PER_USER_MAX {
            change.limit = Some(IdentityLimit::Accounts { group_id: group_id.to_owned() });
        } else if is_new {
            let record =
                LinkRecord { created_at: origin.received_at, source: origin.source.to_owned() };
            batch.put(&self.links, link, keys::encode(&record));
            batch.put(&self.members, member_key(group_id, user), "");
            change.is_joined = true;
        }
        Ok(change)
    }

    fn record(
        &self,
        batch: &mut Batch<'_>,
        group_id: &str,
        message: &Message,
    ) -> Result<(), StoreError> {
        let key = group_id.as_bytes().to_vec();
        let (id, source) = (message.message_id.clone(), message.source.clone());
        let account = match self.get::<Account>(batch, &self.records, &key)? {
            None => Account {
                created_at: message.received_at,
                first_message_id: id.clone(),
                first_source: source.clone(),
                updated_at: message.received_at,
                last_timestamp: message.timestamp,
                last_message_id: id,
                last_source: source,
            },
            Some(mut kept) => {
                kept.updated_at = kept.updated_at.max(message.received_at);
                if kept.last_timestamp <= message.timestamp {
                    kept.last_timestamp = message.timestamp;
                    (kept.last_message_id, kept.last_source) = (id, source);
                }
                kept
            }
        };
        batch.put(&self.records, key, keys::encode(&account));
        Ok(())
    }

    /// The record of an account; none if no message has named it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account(&self, read: &dyn Read, group_id: &str) -> Result<Option<Account>, StoreError> {
        self.get(read, &self.records, group_id.as_bytes())
    }

    /// At most `limit` group ids that begin with a text, ascending.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn starting_with(
        &self,
        read: &dyn Read,
        text: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let rows = read.scan(&self.records, text.as_bytes()).take(limit);
        rows.map(|row| {
            let group_id = String::from_utf8(row?.0);
            group_id.map_err(|_| StoreError::Unreadable { what: "account" })
        })
        .collect()
    }

    /// A trait of an account.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn stored_trait(
        &self,
        read: &dyn Read,
        group_id: &str,
        key: &str,
    ) -> Result<Option<StoredTrait>, StoreError> {
        self.get(read, &self.traits, &trait_key(group_id, key))
    }

    /// All traits of an account, ordered by key.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn traits(
        &self,
        read: &dyn Read,
        group_id: &str,
    ) -> Result<Vec<(String, StoredTrait)>, StoreError> {
        let prefix = account(group_id);
        read.scan(&self.traits, &prefix)
            .map(|pair| {
                let (key, value) = pair?;
                let name = std::str::from_utf8(&key[prefix.len()..]);
                let name = name.map_err(|_| StoreError::Unreadable { what: "account" })?;
                Ok((name.to_owned(), keys::decode("account", &value)?))
            })
            .collect()
    }

    /// Some traits of each account of a user, as JSON values, the accounts ordered by group id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn traits_of_user(
        &self,
        read: &dyn Read,
        user: UserIdx,
        keys: &[&str],
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let mut accounts = Vec::new();
        for link in self.links(read, user)? {
            let mut traits = Map::new();
            for key in keys {
                let kept = self.stored_trait(read, &link.group_id, key)?;
                let value = kept.and_then(|kept| serde_json::from_str(&kept.json).ok());
                traits.extend(value.map(|value| ((*key).to_owned(), value)));
            }
            accounts.push(traits);
        }
        Ok(accounts)
    }

    /// The accounts of a user, ordered by group id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn links(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<AccountLink>, StoreError> {
        read.scan(&self.links, &keys::user(user).build())
            .map(|pair| {
                let (key, value) = pair?;
                let record: LinkRecord = keys::decode("account", &value)?;
                Ok(AccountLink {
                    group_id: linked_group(&key)?.to_owned(),
                    created_at: record.created_at,
                    source: record.source,
                })
            })
            .collect()
    }

    /// Whether anybody belongs to an account.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_members(&self, read: &dyn Read) -> Result<bool, StoreError> {
        let first = read.scan(&self.links, &[]).next().transpose()?;
        Ok(first.is_some())
    }

    /// At most `limit` users of an account, behind `after` in the order of their indices.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn members(
        &self,
        store: &Store,
        group_id: &str,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<Vec<UserIdx>, StoreError> {
        let first = after.map_or(0, |after| after.0.saturating_add(1));
        let (from, until) = members_range(group_id, UserIdx(first));
        store.scan_range(&self.members, &from, &until).take(limit).map(read_member).collect()
    }

    /// At most `limit` users of an account, from `first` on in the order of their indices.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn members_from(
        &self,
        batch: &Batch<'_>,
        group_id: &str,
        first: UserIdx,
        limit: usize,
    ) -> Result<Vec<UserIdx>, StoreError> {
        let (from, until) = members_range(group_id, first);
        batch.scan_range(&self.members, &from, &until).take(limit).map(read_member).collect()
    }

    /// Notes that the members of an account behind `after` are to be gone through. While they are
    /// gone through already, it is noted for when that is done, so that the last ones are reached
    /// however often it is noted. Returns the number of the walk.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn begin_walk(
        &self,
        batch: &mut Batch<'_>,
        group_id: &str,
        after: UserIdx,
    ) -> Result<u32, StoreError> {
        let mut next = 0;
        let mut number = None;
        for pair in batch.scan(&self.members, &KeyBuf::new().u32(WALKS).build()) {
            let (key, value) = pair?;
            let (of, _): (String, u32) = keys::decode("account", &value)?;
            let mut parts = KeyParts::new(&key);
            let known = (parts.u32(), parts.u32()).1;
            let known = known.ok_or(StoreError::Unreadable { what: "account" })?;
            next = known.saturating_add(1);
            if of == group_id {
                number = Some(known);
            }
        }
        let row = keys::encode(&(group_id, after.0));
        match number {
            Some(number) => batch.put(&self.members, next_walk_key(number), row),
            None => batch.put(&self.members, walk_key(next), row),
        }
        Ok(number.unwrap_or(next))
    }

    /// The next members of a walk, at most `limit`, and whether it goes on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn walk(
        &self,
        batch: &mut Batch<'_>,
        number: u32,
        limit: usize,
    ) -> Result<(Vec<UserIdx>, bool), StoreError> {
        let walk: Option<(String, u32)> = self.get(batch, &self.members, &walk_key(number))?;
        let Some((group_id, after)) = walk else { return Ok((Vec::new(), false)) };
        let first = UserIdx(after.saturating_add(1));
        let members = self.members_from(batch, &group_id, first, limit)?;
        let next = match members.last().filter(|_| members.len() == limit) {
            Some(last) => Some(keys::encode(&(group_id, last.0))),
            None => {
                let next = batch.get(&self.members, &next_walk_key(number))?;
                batch.remove(&self.members, next_walk_key(number));
                next
            }
        };
        let goes_on = next.is_some();
        match next {
            Some(row) => batch.put(&self.members, walk_key(number), row),
            None => batch.remove(&self.members, walk_key(number)),
        }
        Ok((members, goes_on))
    }

    /// Moves the accounts of the source to the target. Of two links with one account the older
    /// stays.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn merge(&self, batch: &mut Batch<'_>, merge: Merge) -> Result<(), StoreError> {
        for (group_id, record) in self.take_links(batch, merge.source)? {
            let key = link_key(merge.target, &group_id);
            let kept: Option<LinkRecord> = self.get(batch, &self.links, &key)?;
            if kept.is_none_or(|kept| record.created_at < kept.created_at) {
                batch.put(&self.links, key, keys::encode(&record));
                batch.put(&self.members, member_key(&group_id, merge.target), "");
            }
        }
        Ok(())
    }

    /// Removes a user from all accounts. They stay, with their traits.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn remove_user(&self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.take_links(batch, user).map(|_| ())
    }

    fn take_links(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<Vec<(String, LinkRecord)>, StoreError> {
        let rows: Vec<_> =
            batch.scan(&self.links, &keys::user(user).build()).collect::<Result<_, _>>()?;
        let mut taken = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let group_id = linked_group(&key)?.to_owned();
            batch.remove(&self.members, member_key(&group_id, user));
            batch.remove(&self.links, key);
            taken.push((group_id, keys::decode("account", &value)?));
        }
        Ok(taken)
    }

    fn get<T: serde::de::DeserializeOwned>(
        &self,
        read: &dyn Read,
        keyspace: &Keyspace,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let value = read.get(keyspace, key)?;
        value.map(|value| keys::decode("account", &value)).transpose()
    }
}

/// The beginning of the rows of an account: its id behind the length of it.
fn account(group_id: &str) -> Vec<u8> {
    KeyBuf::new().u32(group_id.len() as u32).text(group_id).build()
}

fn trait_key(group_id: &str, key: &str) -> Vec<u8> {
    [account(group_id), key.as_bytes().to_vec()].concat()
}

fn member_key(group_id: &str, user: UserIdx) -> Vec<u8> {
    [account(group_id), user.0.to_be_bytes().to_vec()].concat()
}

/// The keys of the members of an account from one on.
fn members_range(group_id: &str, first: UserIdx) -> (Vec<u8>, Vec<u8>) {
    (member_key(group_id, first), member_key(group_id, UserIdx(u32::MAX)))
}

fn read_member(row: Result<(Vec<u8>, Vec<u8>), StoreError>) -> Result<UserIdx, StoreError> {
    let user = row?.0.split_last_chunk().map(|(_, user)| u32::from_be_bytes(*user));
    user.map(UserIdx).ok_or(StoreError::Unreadable { what: "account" })
}

fn walk_key(number: u32) -> Vec<u8> {
    KeyBuf::new().u32(WALKS).u32(number).build()
}

fn next_walk_key(number: u32) -> Vec<u8> {
    KeyBuf::new().u32(NEXT_WALKS).u32(number).build()
}

fn link_key(user: UserIdx, group_id: &str) -> Vec<u8> {
    keys::user(user).text(group_id).build()
}

fn linked_group(key: &[u8]) -> Result<&str, StoreError> {
    let mut parts = KeyParts::new(key);
    parts.u32();
    parts.text().ok_or(StoreError::Unreadable { what: "account" })
}
