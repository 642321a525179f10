//! Changes of profiles, entry by entry of the journal: external ids, traits and merges.
//!
//! An entry names people by their ids, which the fold has matched with profiles. Timelines and the
//! records of ids and merges say what it made of the entry, so that repeats, and messages of people
//! who are deleted, change nothing here either.

mod removals;

use std::collections::BTreeSet;

use domain::{Message, MessageType, Timestamp, UserIdx};
use journal::Offset;
use profiles::{ExternalId, ExternalIdType, Identifier, TimelineQuery};
use rustc_hash::FxHashMap;
use serde_json::Value;
use serving::Snapshot;
use state::{Command, EntityKind, Entry};

use self::removals::{MESSAGES_SEARCHED_MAX, Removal};
use crate::{Engine, EngineError};

/// The most entries that one step reads.
const ENTRIES_PER_STEP: usize = 256;
/// How many rows of imports are one step, to an entry.
const IMPORTED_PER_STEP: usize = 1_000;

/// Which changes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileLog {
    /// External ids that profiles get or lose.
    Identifiers,
    /// Traits that sources set.
    Traits,
    /// Profiles that are merged into others.
    Merges,
}

/// A change of a profile, and the entry that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileUpdate {
    /// The offset of the entry. An entry may make several changes.
    pub offset: u64,
    /// The profile, or the one into which it was merged since.
    pub user: UserIdx,
    /// The timestamp of the message for traits; else when the entry arrived.
    pub at: Timestamp,
    /// The source of the message; empty for imports and commands.
    pub source: String,
    /// The id of the message; empty for imports and commands.
    pub message_id: String,
    /// What has changed.
    pub change: ProfileChange,
}

/// What has changed of a profile.
#[derive(Debug, Clone, PartialEq)]
pub enum ProfileChange {
    /// It got an external id.
    IdentifierAdded(ExternalIdType, String),
    /// It lost an external id.
    IdentifierRemoved(ExternalIdType, String),
    /// A source set a trait. Of several values that of the latest time counts.
    TraitSet {
        /// The key of the trait.
        name: String,
        /// The value.
        value: Value,
    },
    /// Another profile was merged into it.
    Merged {
        /// The profile that is gone.
        merged: UserIdx,
        /// An id by which it was known; none if it had lost all its ids.
        id: Option<(ExternalIdType, String)>,
    },
}

/// The changes of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileUpdates {
    /// In the order of the entries.
    pub updates: Vec<ProfileUpdate>,
    /// The offset of the first entry that was not read.
    pub next: u64,
}

impl Engine {
    /// The offset of the first entry that the journal has.
    pub fn journal_start(&self) -> u64 {
        self.shared.journal.start().0
    }

    /// The next changes by entries from `from` to before `until`, as far as one step goes. Earlier
    /// runs have told of those before `since`.
    ///
    /// # Errors
    /// If the journal or the store cannot be read.
    pub fn profile_updates(
        &self,
        log: ProfileLog,
        since: u64,
        from: u64,
        until: u64,
    ) -> Result<ProfileUpdates, EngineError> {
        let (mut entries, mut next, mut n_imported) = (Vec::new(), until, 0);
        for record in self.shared.journal.read_from(Offset(from)) {
            let (Offset(offset), bytes) = record?;
            if offset >= until {
                break;
            }
            if entries.len() >= ENTRIES_PER_STEP || n_imported >= IMPORTED_PER_STEP {
                next = offset;
                break;
            }
            let entry =
                Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
            if let Entry::Interactions { interactions, .. } = &entry {
                n_imported += interactions.len();
            }
            entries.push((offset, entry));
        }
        let snapshot = self.snapshot();
        let rules = snapshot.setup.identity.clone();
        let identifiers = FxHashMap::default();
        let mut step = Step { snapshot: &snapshot, identifiers, removals: Vec::new(), log };
        let mut updates = Vec::new();
        for (offset, entry) in entries {
            step.add_changes(offset, &entry, &mut updates)?;
        }
        let removals = step.removals;
        drop(snapshot);
        self.add_origins(&removals, rules.as_deref(), since, &mut updates)?;
        Ok(ProfileUpdates { updates, next })
    }
}

/// The entries of one step, against the state as it is now.
struct Step<'a> {
    snapshot: &'a Snapshot<'a>,
    identifiers: FxHashMap<UserIdx, Vec<Identifier>>,
    removals: Vec<Removal>,
    log: ProfileLog,
}

/// The entry that is looked at.
#[derive(Clone, Copy)]
struct Cause<'a> {
    offset: u64,
    at: Timestamp,
    source: &'a str,
    message_id: &'a str,
}

impl Cause<'_> {
    fn update(self, user: UserIdx, change: ProfileChange) -> ProfileUpdate {
        ProfileUpdate {
            offset: self.offset,
            user,
            at: self.at,
            source: self.source.to_owned(),
            message_id: self.message_id.to_owned(),
            change,
        }
    }
}

impl Step<'_> {
    fn add_changes(
        &mut self,
        offset: u64,
        entry: &Entry,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        match entry {
            Entry::Message(message) => self.add_message(offset, message, updates),
            Entry::Interactions { received_at, interactions } => {
                let ids: BTreeSet<&str> =
                    interactions.iter().map(|interaction| &*interaction.user_id).collect();
                self.add_named(Cause::without_message(offset, *received_at), ids, updates)
            }
            Entry::Command { received_at, command } => {
                let cause = Cause::without_message(offset, *received_at);
                self.add_command(cause, command, updates)
            }
            _ => Ok(()),
        }
    }

    fn add_message(
        &mut self,
        offset: u64,
        message: &Message,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        if self.log == ProfileLog::Traits && message.type_ != MessageType::Identify {
            return Ok(());
        }
        let Some(user) = self.find_user(offset, message)? else { return Ok(()) };
        let cause = Cause {
            offset,
            at: message.received_at,
            source: &message.source,
            message_id: &message.message_id,
        };
        match self.log {
            ProfileLog::Identifiers => self.add_identifiers(cause, user, None, updates)?,
            ProfileLog::Merges => self.add_merges(cause, user, updates)?,
            ProfileLog::Traits => {
                let cause = Cause { at: message.timestamp, ..cause };
                let body: Option<Value> =
                    message.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
                let Some(Value::Object(traits)) = body else { return Ok(()) };
                for (name, value) in traits {
                    updates.push(cause.update(user, ProfileChange::TraitSet { name, value }));
                }
            }
        }
        Ok(())
    }

    /// Whose timeline has the message, by any id of it.
    fn find_user(&self, offset: u64, message: &Message) -> Result<Option<UserIdx>, EngineError> {
        let ids = self.snapshot.profiles.ids();
        let plain = [
            (ExternalIdType::UserId, message.user_id.as_deref()),
            (ExternalIdType::AnonymousId, message.anonymous_id.as_deref()),
        ];
        let plain = plain.into_iter().filter_map(|(type_, value)| {
            ids.user_by_external_id(ExternalId { type_, value: value? })
        });
        let rules = self.snapshot.setup.identity.as_ref();
        let found = rules.map(|rules| rules.ids_of(message)).unwrap_or_default();
        let by_rules = found.iter().filter(|id| id.is_unique).filter_map(|id| {
            ids.user_by_external_id(ExternalId { type_: id.type_, value: &id.value })
        });
        for user in plain.chain(by_rules) {
            let (profiles, at) = (&self.snapshot.profiles, message.timestamp);
            if profiles.has_message(self.snapshot.store(), user, at, offset)? {
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    fn add_command(
        &mut self,
        cause: Cause<'_>,
        command: &Command,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        let named: Vec<&str> = match command {
            Command::Add { kind: EntityKind::User, id }
            | Command::SetValues { kind: EntityKind::User, id, .. } => vec![id],
            Command::AddInteraction { interaction, .. } => vec![&interaction.user_id],
            Command::MergeUsers { target, source, .. } => vec![target, source],
            Command::RemoveExternalId { user_id, id_type, id } => {
                return self.add_removal(cause, user_id, (*id_type, id), updates);
            }
            _ => return Ok(()),
        };
        self.add_named(cause, named.into_iter().collect(), updates)
    }

    /// Changes of people whom an import or a command names by their ids.
    fn add_named(
        &mut self,
        cause: Cause<'_>,
        ids: BTreeSet<&str>,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        let mut merged_into = BTreeSet::new();
        for id in ids {
            let user = self.snapshot.profiles.ids().user_by_id(id);
            let Some(user) = user else { continue };
            match self.log {
                // Entries of one instant may name a person many times: one made the profile.
                ProfileLog::Identifiers if self.is_made_by(cause.offset, user)? => {
                    self.add_identifiers(cause, user, Some(id), updates)?;
                }
                ProfileLog::Merges if merged_into.insert(user) => {
                    self.add_merges(cause, user, updates)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether an entry made the profile, or one that was merged into it.
    fn is_made_by(&self, offset: u64, user: UserIdx) -> Result<bool, EngineError> {
        let merged = self.snapshot.merges(user)?.into_iter().map(|merge| merge.merged_user);
        for part in std::iter::once(user).chain(merged) {
            let profile = self.snapshot.profiles.profile(self.snapshot.store(), part)?;
            if profile.is_some_and(|profile| profile.created_offset == offset) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ids that the entry has given a profile; only one of them where `value` says so.
    fn add_identifiers(
        &mut self,
        cause: Cause<'_>,
        user: UserIdx,
        value: Option<&str>,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        let own = self.identifiers_of(user)?.iter().filter(|id| {
            id.created_at == cause.at
                && id.first_message_id == cause.message_id
                && value.is_none_or(|value| id.value == value)
        });
        let added = |id: &Identifier| {
            cause.update(user, ProfileChange::IdentifierAdded(id.type_, id.value.clone()))
        };
        updates.extend(own.map(added));
        Ok(())
    }

    /// An id that a profile has lost, unless it has it again.
    fn add_removal(
        &mut self,
        cause: Cause<'_>,
        user_id: &str,
        (type_, value): (ExternalIdType, &str),
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        let user = self.snapshot.profiles.ids().user_by_id(user_id);
        let Some(user) = user.filter(|_| self.log == ProfileLog::Identifiers) else {
            return Ok(());
        };
        let has =
            |id: &Identifier| id.type_ == type_ && id.value == value && id.created_at <= cause.at;
        if !self.identifiers_of(user)?.iter().any(has) {
            self.removals.extend(self.removal(cause, user, (type_, value), updates.len())?);
            let change = ProfileChange::IdentifierRemoved(type_, value.to_owned());
            updates.push(cause.update(user, change));
        }
        Ok(())
    }

    /// A removal with the messages that may have brought the id; none of who has too many.
    fn removal(
        &self,
        cause: Cause<'_>,
        user: UserIdx,
        (type_, value): (ExternalIdType, &str),
        place: usize,
    ) -> Result<Option<Removal>, EngineError> {
        let query = TimelineQuery {
            ascending: true,
            with_others: true,
            limit: MESSAGES_SEARCHED_MAX,
            ..TimelineQuery::default()
        };
        let page = self.snapshot.profiles.timeline(self.snapshot.store(), user, &query)?;
        if page.has_more {
            return Ok(None);
        }
        let is_same = |one: &&Removal| one.user == user && one.type_ == type_ && one.value == value;
        let earlier = self.removals.iter().rev().find(is_same).map_or(0, |one| one.offset);
        let offsets = page.entries.into_iter().map(|entry| entry.offset);
        let mut messages: Vec<u64> =
            offsets.filter(|offset| (earlier..cause.offset).contains(offset)).collect();
        messages.sort_unstable();
        let (offset, value) = (cause.offset, value.to_owned());
        Ok(Some(Removal { place, offset, user, type_, value, messages }))
    }

    fn identifiers_of(&mut self, user: UserIdx) -> Result<&[Identifier], EngineError> {
        if !self.identifiers.contains_key(&user) {
            self.identifiers.insert(user, self.snapshot.identifiers(user)?);
        }
        Ok(&self.identifiers[&user])
    }

    fn add_merges(
        &self,
        cause: Cause<'_>,
        user: UserIdx,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        let merges = self.snapshot.merges(user)?.into_iter();
        let own = merges.filter(|merge| merge.offset == cause.offset);
        updates.extend(own.map(|merge| {
            let change = ProfileChange::Merged { merged: merge.merged_user, id: merge.merged };
            cause.update(user, change)
        }));
        Ok(())
    }
}

impl Cause<'static> {
    fn without_message(offset: u64, at: Timestamp) -> Self {
        Self { offset, at, source: "", message_id: "" }
    }
}
