//! What destinations were last told of each person: a digest of the value of each trait and
//! audience that goes to them, for each id that it was sent for. The values are not kept.
//!
//! A link is a trait or audience on its way to one destination. It has a number, which is used
//! once: what is kept for a link that is gone never counts again, and is removed in steps.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::{ExternalIdType, Merge};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, first_revision};
use crate::sent_value::{SentValue, SyncSubject, is_nothing};

const ROWS: &str = "state.last_sent";
const LINKS: &str = "state.sync_links";
/// The row of the next number. Keys of links begin with 1.
const COUNTER_KEY: [u8; 1] = [0];

/// A trait or audience on its way to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Names the link in the keys of rows.
    pub number: u32,
    /// Values that were sent in an earlier round are sent again.
    pub round: u32,
    /// How many people have a value at the destination that is not `false` and no empty list.
    pub n_people: u64,
    /// How many values were handed to delivery.
    pub n_sent: u64,
    /// When the last one was; none before the first.
    pub last_at: Option<Timestamp>,
}

/// What was last sent for one id of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The [`hash_id`] of the id.
    pub id: u64,
    /// The digest of the value.
    pub digest: u64,
    /// The round of the link.
    pub round: u32,
}

/// What of a person may have changed since it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Due {
    /// Values of traits.
    pub traits: bool,
    /// Audiences to which the person belongs.
    pub audiences: bool,
}

/// People who may be due to be sent, with what may have changed.
pub type DuePeople = FxHashMap<UserIdx, Due>;

/// The links of a workspace, and what was last sent by each.
pub struct LastSent {
    rows: Keyspace,
    links_keyspace: Keyspace,
    links: BTreeMap<(SyncSubject, String), Link>,
    /// Links whose rows are not written.
    unwritten: BTreeSet<(SyncSubject, String)>,
    next_number: u32,
    /// Counts changes of which links there are and of their rounds.
    revision: u64,
    /// Whom the entries of the present batch have touched.
    touched: DuePeople,
    /// Whether people are named as due although nothing goes to any destination.
    watches_lists: bool,
}

impl StatePart for LastSent {
    const KEYSPACES: &'static [&'static str] = &[ROWS, LINKS];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let links_keyspace = store.keyspace(LINKS);
        let (mut links, mut next_number) = (BTreeMap::new(), 0);
        for pair in store.scan(&links_keyspace, &[]) {
            let (key, value) = pair?;
            if key == COUNTER_KEY {
                next_number = decode(&value)?;
                continue;
            }
            let (of, link): ((SyncSubject, String), Link) = decode(&value)?;
            links.insert(of, link);
        }
        Ok(Self {
            rows: store.keyspace(ROWS),
            links_keyspace,
            links,
            unwritten: BTreeSet::new(),
            next_number,
            revision: first_revision(),
            touched: DuePeople::default(),
            watches_lists: false,
        })
    }

    /// The target has what was sent for the ids of both.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        for (link, theirs) in self.rows(batch, source)? {
            self.put_row(batch, link, source, &[])?;
            let mut row = self.row(batch, link, target)?;
            theirs.into_iter().for_each(|sent| put_sent(&mut row, sent));
            self.put_row(batch, link, target, &row)?;
        }
        self.touched.remove(&source);
        self.touch_whole(target);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.touched.remove(&user);
        for (link, _) in self.rows(batch, user)? {
            self.put_row(batch, link, user, &[])?;
        }
        Ok(())
    }

    /// Writes the links that changed.
    fn flush(&mut self, batch: &mut Batch<'_>) {
        for of in std::mem::take(&mut self.unwritten) {
            if let Some(link) = self.links.get(&of) {
                let key = KeyBuf::new().u8(1).u32(link.number);
                batch.put(&self.links_keyspace, key, encode(&(of, link)));
            }
        }
    }
}

impl LastSent {
    /// The links by what goes where.
    pub fn links(&self) -> &BTreeMap<(SyncSubject, String), Link> {
        &self.links
    }

    /// Changes whenever a link comes, goes, or begins another round.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What was last sent of a person, by the number of the link.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn rows(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<(u32, Vec<Sent>)>, StoreError> {
        let rows = read.scan(&self.rows, &KeyBuf::new().u32(user.0).build());
        let row = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let link = (parts.u32(), parts.u32()).1.ok_or_else(unreadable)?;
            Ok((link, decode(&value)?))
        };
        rows.map(row).collect()
    }

    /// Whether people whose lists may have changed are named as due, whatever goes where.
    pub(crate) fn watch_lists(&mut self, watches: bool) {
        self.watches_lists = watches;
    }

    /// Takes the people whom entries have touched since the last call.
    pub fn take_touched(&mut self) -> DuePeople {
        std::mem::take(&mut self.touched)
    }

    /// Notes that lists and other traits of a person may have changed.
    pub(crate) fn touch_traits(&mut self, user: UserIdx) {
        if self.watches_lists || !self.links.is_empty() {
            self.touched.entry(user).or_default().traits = true;
        }
    }

    /// Notes that a person has entered or left an audience.
    pub(crate) fn touch_audiences(&mut self, user: UserIdx) {
        if self.watches_lists || !self.links.is_empty() {
            self.touched.entry(user).or_default().audiences = true;
        }
    }

    /// Notes that everything of a person may have to be sent, such as to a new id.
    pub(crate) fn touch_whole(&mut self, user: UserIdx) {
        self.touch_traits(user);
        self.touch_audiences(user);
    }

    /// Follows a configuration. Returns whether rows must be removed.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
    ) -> bool {
        let wanted = wanted_links(config);
        let gone: Vec<_> = self.links.extract_if(.., |of, _| !wanted.contains(of)).collect();
        for (_, link) in &gone {
            batch.remove(&self.links_keyspace, KeyBuf::new().u8(1).u32(link.number));
        }
        let n_before = self.next_number;
        for of in wanted {
            if !self.links.contains_key(&of) {
                let number = self.next_number;
                self.next_number += 1;
                let link = Link { number, round: 0, n_people: 0, n_sent: 0, last_at: None };
                self.links.insert(of.clone(), link);
                self.unwritten.insert(of);
            }
        }
        if self.next_number > n_before {
            batch.put(&self.links_keyspace, COUNTER_KEY, encode(&self.next_number));
        }
        if self.next_number > n_before || !gone.is_empty() {
            self.revision += 1;
        }
        !gone.is_empty()
    }

    /// Begins another round, in which every value is sent again, to one destination or to all of a
    /// subject. Returns whether there is a link.
    pub(crate) fn send_again(&mut self, subject: &SyncSubject, destination: Option<&str>) -> bool {
        let is_meant = |of: &(SyncSubject, String)| {
            of.0 == *subject && destination.is_none_or(|name| of.1 == name)
        };
        let mut is_any = false;
        for (of, link) in self.links.iter_mut().filter(|(of, _)| is_meant(of)) {
            link.round += 1;
            self.unwritten.insert(of.clone());
            is_any = true;
        }
        self.revision += 1;
        is_any
    }

    /// Notes what is sent of a person. Destinations to which it no longer goes are left out.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        value: &SentValue,
    ) -> Result<(), StoreError> {
        let (type_, id) = value.recipient();
        let id = hash_id(*type_, id);
        for destination in &value.destinations {
            let of = (value.subject.clone(), destination.clone());
            let Some(link) = self.links.get_mut(&of) else { continue };
            (link.n_sent, link.last_at) = (link.n_sent + 1, Some(value.at));
            let (number, round) = (link.number, link.round);
            self.unwritten.insert(of);
            let mut row = self.row(batch, number, user)?;
            put_sent(&mut row, Sent { id, digest: value.digest, round });
            self.put_row(batch, number, user, &row)?;
        }
        Ok(())
    }

    /// Removes the rows of links that are gone, of people from `first` on and before `end`.
    pub(crate) fn forget_gone(
        &self,
        batch: &mut Batch<'_>,
        first: UserIdx,
        end: UserIdx,
    ) -> Result<(), StoreError> {
        let numbers: BTreeSet<u32> = self.links.values().map(|link| link.number).collect();
        let (from, until) = (KeyBuf::new().u32(first.0).build(), KeyBuf::new().u32(end.0).build());
        let mut gone = Vec::new();
        for pair in batch.scan_range(&self.rows, &from, &until) {
            let (key, _) = pair?;
            let mut parts = KeyParts::new(&key);
            let link = (parts.u32(), parts.u32()).1.ok_or_else(unreadable)?;
            if !numbers.contains(&link) {
                gone.push(key);
            }
        }
        gone.into_iter().for_each(|key| batch.remove(&self.rows, key));
        Ok(())
    }

    fn row(&self, read: &dyn Read, link: u32, user: UserIdx) -> Result<Vec<Sent>, StoreError> {
        let value = read.get(&self.rows, &row_key(user, link).build())?;
        value.map_or(Ok(Vec::new()), |value| decode(&value))
    }

    /// Writes a row, none where it is empty, and counts the person.
    fn put_row(
        &mut self,
        batch: &mut Batch<'_>,
        link: u32,
        user: UserIdx,
        row: &[Sent],
    ) -> Result<(), StoreError> {
        let has_value = |row: &[Sent]| row.iter().any(|sent| !is_nothing(sent.digest));
        let had_value = has_value(&self.row(batch, link, user)?);
        let step = i64::from(has_value(row)) - i64::from(had_value);
        let counted = self.links.iter_mut().find(|(_, other)| other.number == link);
        if let Some((of, link)) = counted.filter(|_| step != 0) {
            link.n_people = link.n_people.saturating_add_signed(step);
            self.unwritten.insert(of.clone());
        }
        match row {
            [] => batch.remove(&self.rows, row_key(user, link)),
            row => batch.put(&self.rows, row_key(user, link), encode(&row)),
        }
        Ok(())
    }
}

/// Stands for an id in rows.
pub fn hash_id(type_: ExternalIdType, id: &str) -> u64 {
    xxh3_64(&[&type_.prefix()[..], id.as_bytes()].concat())
}

/// What goes where, by a configuration.
fn wanted_links(config: &WorkspaceConfig) -> BTreeSet<(SyncSubject, String)> {
    let lists = config.traits.iter().map(|one| (&one.key, &one.sync));
    let computed = config.computed_traits.iter().map(|one| (&one.key, &one.sync));
    let traits = lists.chain(computed);
    let traits = traits.map(|(key, sync)| (SyncSubject::Trait(key.clone()), sync));
    let audiences = config.audiences.iter();
    let audiences = audiences.map(|one| (SyncSubject::Audience(one.key.clone()), &one.sync));
    let exists = |name: &&String| {
        config.outgoing_destinations().any(|destination| destination.name == **name)
    };
    traits
        .chain(audiences)
        .filter_map(|(subject, sync)| Some((subject, sync.as_ref()?)))
        .flat_map(|(subject, sync)| {
            let names = sync.destinations.iter().filter(exists);
            names.map(move |name| (subject.clone(), name.clone()))
        })
        .collect()
}

/// Puts what was sent for an id in the place of what was before.
fn put_sent(row: &mut Vec<Sent>, sent: Sent) {
    match row.iter_mut().find(|other| other.id == sent.id) {
        Some(other) => *other = sent,
        None => row.push(sent),
    }
}

fn row_key(user: UserIdx, link: u32) -> KeyBuf {
    KeyBuf::new().u32(user.0).u32(link)
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "last sent value" }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}
