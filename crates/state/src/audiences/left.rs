//! Who left an audience lately.

use domain::{Timestamp, UserIdx};
use store::key::{KeyBuf, KeyParts};
use store::{Read, Store, StoreError};

use super::Audiences;
use super::people::{read_instant, unreadable};

/// How many past stays are looked at for one page.
pub const STAYS_SEARCHED_MAX: usize = 20_000;

/// Somebody who left an audience, and is not back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerMember {
    /// The person.
    pub user: UserIdx,
    /// The first instant of their last stay.
    pub entered: Timestamp,
    /// The first instant after it.
    pub left: Timestamp,
}

/// A page of people who left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormerMembers {
    /// In the order of their indices.
    pub people: Vec<FormerMember>,
    /// The last person who was looked at; none where nobody is left.
    pub next: Option<UserIdx>,
}

impl Audiences {
    /// People behind `after` who left an audience at the instant `since` or later and do not belong
    /// to it now: at most `limit`, among at most [`STAYS_SEARCHED_MAX`] stays.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn left_since(
        &self,
        store: &Store,
        key: &str,
        since: Timestamp,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<FormerMembers, StoreError> {
        let mut page = FormerMembers::default();
        let Some(audience) = self.by_key.get(key) else { return Ok(page) };
        let first = after.map_or(0, |after| after.0.saturating_add(1));
        let from = KeyBuf::new().u32(audience.number).u32(first).build();
        let until = KeyBuf::new().u32(audience.number).u32(u32::MAX).build();
        let mut last: Option<FormerMember> = None;
        for (n, pair) in store.scan_range(&self.stays, &from, &until).enumerate() {
            let (stay_key, value) = pair?;
            let mut parts = KeyParts::new(&stay_key);
            let (_, user, entered) = (parts.u32(), parts.u32(), parts.u64());
            let user = user.map(UserIdx).ok_or_else(unreadable)?;
            let entered = Timestamp(entered.ok_or_else(unreadable)? as i64);
            // The stays of a person follow each other, the last one last.
            if let Some(one) = last.take_if(|one| one.user != user) {
                self.add_left(store, audience.number, one, since, &mut page)?;
                if page.people.len() >= limit || n >= STAYS_SEARCHED_MAX {
                    page.next = Some(one.user);
                    return Ok(page);
                }
            }
            last = Some(FormerMember { user, entered, left: read_instant(&value)? });
        }
        if let Some(one) = last {
            self.add_left(store, audience.number, one, since, &mut page)?;
        }
        Ok(page)
    }

    fn add_left(
        &self,
        store: &Store,
        number: u32,
        one: FormerMember,
        since: Timestamp,
        page: &mut FormerMembers,
    ) -> Result<(), StoreError> {
        let member = KeyBuf::new().u32(number).u32(one.user.0).build();
        if one.left >= since && store.get(&self.members, &member)?.is_none() {
            page.people.push(one);
        }
        Ok(())
    }
}
