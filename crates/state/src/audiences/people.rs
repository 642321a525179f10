//! The rows of people: what is kept of their events, and where they are members since when.

use domain::{Timestamp, UserIdx};
use profiles::Merge;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, Store, StoreError};

use super::{Audiences, Kept, PersonRow, instant_bytes};

/// The most past stays of a person in one audience. The oldest go first.
pub const STAYS_PER_PERSON_MAX: usize = 100;

/// A member of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudienceMember {
    /// The person.
    pub user: UserIdx,
    /// Since when they are a member.
    pub entered: Timestamp,
}

/// A time during which a person was a member: from `entered` on, before `left`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The first instant.
    pub entered: Timestamp,
    /// The first instant after it; none for a member.
    pub left: Option<Timestamp>,
}

impl Audiences {
    /// The members of an audience behind `after`, in the order of their indices.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn members(
        &self,
        store: &Store,
        key: &str,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<Vec<AudienceMember>, StoreError> {
        let Some(audience) = self.by_key.get(key) else { return Ok(Vec::new()) };
        let first = after.map_or(0, |after| after.0.saturating_add(1));
        let from = KeyBuf::new().u32(audience.number).u32(first).build();
        let until = KeyBuf::new().u32(audience.number).u32(u32::MAX).build();
        let members = store.scan_range(&self.members, &from, &until);
        members
            .map(|pair| {
                let (key, value) = pair?;
                let mut parts = KeyParts::new(&key);
                parts.u32();
                let user = parts.u32().map(UserIdx).ok_or_else(unreadable)?;
                Ok(AudienceMember { user, entered: read_instant(&value)? })
            })
            .take(limit)
            .collect()
    }

    /// The audiences to which a person belongs, with the instant of their entry.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn memberships(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<(&str, Timestamp)>, StoreError> {
        let row = self.person(read, user)?.unwrap_or_default();
        let kept = self.by_key.iter().map(|(key, one)| (key.as_str(), row.kept(one.number)));
        Ok(kept.filter_map(|(key, kept)| Some((key, kept?.entered?))).collect())
    }

    /// Since when a person belongs to an audience; none if they do not.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn member_since(
        &self,
        read: &dyn Read,
        key: &str,
        user: UserIdx,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(audience) = self.by_key.get(key) else { return Ok(None) };
        let row = self.person(read, user)?.unwrap_or_default();
        Ok(row.kept(audience.number).and_then(|kept| kept.entered))
    }

    /// The stays of a person in an audience, the first one first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn stays(
        &self,
        read: &dyn Read,
        key: &str,
        user: UserIdx,
    ) -> Result<Vec<Stay>, StoreError> {
        let Some(audience) = self.by_key.get(key) else { return Ok(Vec::new()) };
        let mut stays = self.past_stays(read, audience.number, user)?;
        let row = self.person(read, user)?.unwrap_or_default();
        let present = row.kept(audience.number).and_then(|kept| kept.entered);
        stays.extend(present.map(|entered| Stay { entered, left: None }));
        Ok(stays)
    }

    /// The row of a person; none if they were never worked out.
    pub(crate) fn person(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Option<PersonRow>, StoreError> {
        let value = read.get(&self.people, &KeyBuf::new().u32(user.0).build())?;
        value.map(PersonRow::decode).transpose()
    }

    pub(crate) fn put_person(&self, batch: &mut Batch<'_>, user: UserIdx, row: &PersonRow) {
        batch.put(&self.people, KeyBuf::new().u32(user.0), row.encode());
    }

    /// Makes a person a member, or ends their stay, at an instant. `kept` is changed; its row is
    /// the caller's to write.
    pub(crate) fn set_member(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        kept: &mut Kept,
        is_member: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = KeyBuf::new().u32(kept.number).u32(user.0);
        match (kept.entered, is_member) {
            (None, true) => {
                kept.entered = Some(at);
                batch.put(&self.members, key, instant_bytes(at));
                self.count_members(kept.number, 1);
            }
            (Some(entered), false) => {
                kept.entered = None;
                batch.remove(&self.members, key);
                self.count_members(kept.number, -1);
                self.add_stay(batch, user, kept, entered, at)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn count_members(&mut self, number: u32, step: i64) {
        let audience = self.by_key.values_mut().find(|audience| audience.number == number);
        if let Some(audience) = audience {
            audience.n_members = audience.n_members.saturating_add_signed(step);
            audience.is_written = false;
        }
    }

    fn add_stay(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        kept: &mut Kept,
        entered: Timestamp,
        left: Timestamp,
    ) -> Result<(), StoreError> {
        // Someone who leaves at the instant at which they came was no member at any time.
        if left <= entered {
            return Ok(());
        }
        let number = kept.number;
        let key = |at: Timestamp| KeyBuf::new().u32(number).u32(user.0).u64(at.0 as u64);
        batch.put(&self.stays, key(entered), instant_bytes(left));
        kept.n_stays += 1;
        if kept.n_stays as usize > STAYS_PER_PERSON_MAX {
            kept.n_stays = self.cut_stays(batch, number, user)?;
        }
        Ok(())
    }

    /// Removes the first past stays of more than there may be. Returns how many are left.
    fn cut_stays(
        &self,
        batch: &mut Batch<'_>,
        number: u32,
        user: UserIdx,
    ) -> Result<u32, StoreError> {
        let stays = self.past_stays(batch, number, user)?;
        let n_over = stays.len().saturating_sub(STAYS_PER_PERSON_MAX);
        for stay in &stays[..n_over] {
            let key = KeyBuf::new().u32(number).u32(user.0).u64(stay.entered.0 as u64);
            batch.remove(&self.stays, key);
        }
        Ok((stays.len() - n_over) as u32)
    }

    fn past_stays(
        &self,
        read: &dyn Read,
        number: u32,
        user: UserIdx,
    ) -> Result<Vec<Stay>, StoreError> {
        let prefix = KeyBuf::new().u32(number).u32(user.0).build();
        let stay = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let entered = (parts.u32(), parts.u32(), parts.u64()).2.ok_or_else(unreadable)?;
            let left = Some(read_instant(&value)?);
            Ok(Stay { entered: Timestamp(entered as i64), left })
        };
        read.scan(&self.stays, &prefix).map(stay).collect()
    }

    pub(super) fn merge_people(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
    ) -> Result<(), StoreError> {
        let (source_row, row) = (self.person(batch, source)?, self.person(batch, target)?);
        let is_whole = source_row.is_some() && row.is_some();
        let (source_row, mut row) = (source_row.unwrap_or_default(), row.unwrap_or_default());
        if !is_whole {
            row.all_mut().iter_mut().for_each(|kept| kept.is_partial = true);
        }
        // Who is not up to date is brought there with the history of both.
        row.seen = row.seen.min(source_row.seen);
        let conditions: Vec<_> = self
            .by_key
            .iter()
            .filter_map(|(key, audience)| {
                Some((audience.number, audience.since, self.conditions.get(key)?.clone()))
            })
            .collect();
        for (number, since, condition) in conditions {
            let Some(other) = source_row.kept(number).cloned() else { continue };
            let present = [row.kept(number).and_then(|kept| kept.entered), other.entered];
            match row.kept_mut(number) {
                Some(kept) if kept.since == since && other.since == since => {
                    kept.tracked.get_mut()?.merge(&condition, other.tracked.into_inner()?);
                    kept.is_partial |= other.is_partial;
                }
                Some(kept) if other.since == since => {
                    (kept.tracked, kept.since, kept.is_partial) = (other.tracked, since, true);
                }
                Some(kept) => kept.is_partial = true,
                None => row.put(Kept { entered: None, is_partial: true, ..other }),
            }
            let kept = row.kept_mut(number).expect("it is there or was just added");
            (kept.n_stays, kept.entered) =
                self.merge_stays(batch, number, Merge { target, source }, present)?;
            let key = |user: UserIdx| KeyBuf::new().u32(number).u32(user.0);
            batch.remove(&self.members, key(source));
            if let Some(entered) = kept.entered {
                batch.put(&self.members, key(target), instant_bytes(entered));
            }
            if present.iter().all(Option::is_some) {
                self.count_members(number, -1);
            }
        }
        batch.remove(&self.people, KeyBuf::new().u32(source.0));
        self.put_person(batch, target, &row);
        Ok(())
    }

    /// Gives the target the stays of both: it was a member whenever one of them was, so that
    /// stays that overlap, or follow each other at once, are one. `present` has since when each is
    /// a member. Returns how many past stays there are, and since when it is a member.
    fn merge_stays(
        &self,
        batch: &mut Batch<'_>,
        number: u32,
        Merge { target, source }: Merge,
        present: [Option<Timestamp>; 2],
    ) -> Result<(u32, Option<Timestamp>), StoreError> {
        let key = |user: UserIdx, stay: &Stay| {
            KeyBuf::new().u32(number).u32(user.0).u64(stay.entered.0 as u64)
        };
        let present = present.into_iter().flatten().map(|entered| Stay { entered, left: None });
        let mut all: Vec<Stay> = present.collect();
        for user in [target, source] {
            let past = self.past_stays(batch, number, user)?;
            past.iter().for_each(|stay| batch.remove(&self.stays, key(user, stay)));
            all.extend(past);
        }
        all.sort_unstable_by_key(|stay| stay.entered);
        let mut joined: Vec<Stay> = Vec::with_capacity(all.len());
        for stay in all {
            match joined.last_mut() {
                Some(last) if last.left.is_none_or(|left| stay.entered <= left) => {
                    last.left = last.left.zip(stay.left).map(|(one, other)| one.max(other));
                }
                _ => joined.push(stay),
            }
        }
        let present = joined.pop_if(|last| last.left.is_none());
        for stay in &joined {
            let left = stay.left.unwrap_or(stay.entered);
            batch.put(&self.stays, key(target, stay), instant_bytes(left));
        }
        Ok((self.cut_stays(batch, number, target)?, present.map(|stay| stay.entered)))
    }

    pub(super) fn delete_person(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let Some(row) = self.person(batch, user)? else { return Ok(()) };
        for kept in row.all() {
            for stay in self.past_stays(batch, kept.number, user)? {
                let key = KeyBuf::new().u32(kept.number).u32(user.0);
                batch.remove(&self.stays, key.u64(stay.entered.0 as u64));
            }
            if kept.entered.is_some() {
                batch.remove(&self.members, KeyBuf::new().u32(kept.number).u32(user.0));
                self.count_members(kept.number, -1);
            }
        }
        batch.remove(&self.people, KeyBuf::new().u32(user.0));
        Ok(())
    }
}

pub(super) fn read_instant(bytes: &[u8]) -> Result<Timestamp, StoreError> {
    bytes.try_into().map(|bytes| Timestamp(i64::from_be_bytes(bytes))).map_err(|_| unreadable())
}

pub(super) fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "audience" }
}
