//! The external ids of all users in memory. The memory is that of the ids and about 20 bytes more
//! for each.

use domain::UserIdx;
use hashbrown::HashTable;

use crate::external_id::hash_bytes;
use crate::{ExternalId, ExternalIdType};

/// The position of an id in the table.
type Slot = u32;
const NO_SLOT: Slot = Slot::MAX;

/// Maps external ids to users, and users to their user id.
#[derive(Default)]
pub struct IdTable {
    /// The prefix of its type and the text of each id, concatenated.
    texts: Vec<u8>,
    /// The end of each id in `texts`, by slot.
    ends: Vec<u64>,
    /// The user of each id, by slot.
    owners: Vec<UserIdx>,
    table: HashTable<Slot>,
    users: Vec<User>,
    n_known: usize,
    /// How many ids users have got since it was loaded.
    n_gained: u64,
    /// The number of slots of removed ids. Their bytes stay until the table is compacted.
    n_dead: usize,
}

/// The table is compacted when removed ids are more than half of it and at least this many.
const DEAD_MIN: usize = 1_024;

#[derive(Clone, Copy)]
struct User {
    /// The slot of the primary user id; `NO_SLOT` for an anonymous user.
    user_id: Slot,
    n_ids: u16,
    n_merges: u16,
    /// False after the user was merged into another or deleted.
    alive: bool,
}

impl IdTable {
    /// The user with an external id.
    pub fn user_by_external_id(&self, id: ExternalId<'_>) -> Option<UserIdx> {
        self.find(id).map(|slot| self.owners[slot as usize])
    }

    /// The user with an id of either type. A user id takes precedence over an anonymous id.
    pub fn user_by_id(&self, id: &str) -> Option<UserIdx> {
        [ExternalIdType::UserId, ExternalIdType::AnonymousId]
            .into_iter()
            .find_map(|type_| self.user_by_external_id(ExternalId { type_, value: id }))
    }

    /// The user on whom a message with these ids has landed: the one with the user id or, without
    /// one, with the anonymous id.
    pub fn user_by_message(
        &self,
        user_id: Option<&str>,
        anonymous_id: Option<&str>,
    ) -> Option<UserIdx> {
        let find = |type_, value| self.user_by_external_id(ExternalId { type_, value });
        let by_user_id = user_id.and_then(|id| find(ExternalIdType::UserId, id));
        by_user_id.or_else(|| anonymous_id.and_then(|id| find(ExternalIdType::AnonymousId, id)))
    }

    /// The primary user id of a user: the first that it got. None for an anonymous user.
    pub fn user_id(&self, user: UserIdx) -> Option<&str> {
        let slot = self.users.get(user.pos())?.user_id;
        (slot != NO_SLOT)
            .then(|| std::str::from_utf8(&self.bytes(slot)[1..]).expect("ids come from strings"))
    }

    /// Whether the user has a user id.
    pub fn is_known(&self, user: UserIdx) -> bool {
        self.users.get(user.pos()).is_some_and(|user| user.user_id != NO_SLOT)
    }

    /// The number of user indices in use, including those of merged and deleted users.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    /// The number of known users: those with a user id.
    pub fn n_known(&self) -> usize {
        self.n_known
    }

    /// Grows with every id that a user gets, from another user too.
    pub fn n_gained(&self) -> u64 {
        self.n_gained
    }

    /// The number of external ids.
    pub fn n_ids(&self) -> usize {
        self.table.len()
    }

    /// The known users, ordered by index.
    pub fn known_users(&self) -> impl Iterator<Item = UserIdx> + '_ {
        (0..self.users.len() as u32).map(UserIdx).filter(|user| self.is_known(*user))
    }

    /// All users, with and without a user id, ordered by index; without merged and deleted ones.
    pub fn users(&self) -> impl Iterator<Item = UserIdx> + '_ {
        let alive = self.users.iter().enumerate().filter(|(_, user)| user.alive);
        alive.map(|(pos, _)| UserIdx(pos as u32))
    }

    /// Adds a user without ids and returns its index.
    pub(crate) fn add_user(&mut self) -> UserIdx {
        self.users.push(User { user_id: NO_SLOT, n_ids: 0, n_merges: 0, alive: true });
        UserIdx(self.users.len() as u32 - 1)
    }

    /// Adds an id that is not in the table yet.
    pub(crate) fn add_id(&mut self, id: ExternalId<'_>, user: UserIdx) {
        let slot = self.insert(&id.bytes(), user);
        self.count_id(slot, user);
    }

    /// Adds an id, given as the prefix of its type and its text.
    fn insert(&mut self, id: &[u8], user: UserIdx) -> Slot {
        let slot = self.owners.len() as Slot;
        self.texts.extend_from_slice(id);
        self.ends.push(self.texts.len() as u64);
        self.owners.push(user);
        let Self { texts, ends, table, .. } = self;
        table.insert_unique(hash_bytes(id), slot, |slot| hash_bytes(bytes(texts, ends, *slot)));
        slot
    }

    /// Counts an id of a user that is not in the table, as it may be of several people.
    pub(crate) fn count_shared(&mut self, user: UserIdx) {
        self.n_gained += 1;
        let user = &mut self.users[user.pos()];
        user.n_ids = user.n_ids.saturating_add(1);
    }

    /// Undoes [`Self::count_shared`].
    pub(crate) fn uncount_shared(&mut self, user: UserIdx) {
        let user = &mut self.users[user.pos()];
        user.n_ids = user.n_ids.saturating_sub(1);
    }

    /// Moves an id to another user.
    pub(crate) fn move_id(&mut self, id: ExternalId<'_>, to: UserIdx) {
        if let Some(slot) = self.find(id) {
            self.owners[slot as usize] = to;
            self.count_id(slot, to);
        }
    }

    /// Marks `source` as merged into `target`. Its ids must have been moved before.
    pub(crate) fn retire(&mut self, source: UserIdx, target: UserIdx) {
        let merged = std::mem::replace(
            &mut self.users[source.pos()],
            User { user_id: NO_SLOT, n_ids: 0, n_merges: 0, alive: false },
        );
        if merged.user_id != NO_SLOT {
            self.n_known -= 1;
        }
        let merges =
            self.users[target.pos()].n_merges.saturating_add(merged.n_merges).saturating_add(1);
        self.users[target.pos()].n_merges = merges;
    }

    /// Removes one id of a user. The user stays.
    pub(crate) fn release(&mut self, id: ExternalId<'_>, user: UserIdx) {
        let Some(slot) = self.remove_slot(id) else { return };
        let user = &mut self.users[user.pos()];
        user.n_ids -= 1;
        if user.user_id == slot {
            user.user_id = NO_SLOT;
            self.n_known -= 1;
        }
        self.compact();
    }

    /// Makes one of a user's ids the primary user id.
    pub(crate) fn set_user_id(&mut self, user: UserIdx, id: ExternalId<'_>) {
        let Some(slot) = self.find(id) else { return };
        if std::mem::replace(&mut self.users[user.pos()].user_id, slot) == NO_SLOT {
            self.n_known += 1;
        }
    }

    fn remove_slot(&mut self, id: ExternalId<'_>) -> Option<Slot> {
        let slot = self.find(id)?;
        self.table.find_entry(id.hash(), |other| *other == slot).ok()?.remove();
        self.n_dead += 1;
        Some(slot)
    }

    /// Removes a deleted user with all ids.
    pub(crate) fn remove(&mut self, user: UserIdx, ids: &[ExternalId<'_>]) {
        for id in ids {
            self.remove_slot(*id);
        }
        let gone = User { user_id: NO_SLOT, n_ids: 0, n_merges: 0, alive: false };
        if std::mem::replace(&mut self.users[user.pos()], gone).user_id != NO_SLOT {
            self.n_known -= 1;
        }
        self.compact();
    }

    /// Rebuilds the table without removed ids if they are most of it, so that repeated creation and
    /// deletion of users does not fill the memory.
    fn compact(&mut self) {
        if self.n_dead < DEAD_MIN || self.n_dead <= self.owners.len() / 2 {
            return;
        }
        let mut old = std::mem::take(self);
        let mut alive: Vec<Slot> = old.table.iter().copied().collect();
        alive.sort_unstable();
        let mut new_slots = vec![NO_SLOT; old.owners.len()];
        for slot in alive {
            new_slots[slot as usize] = self.owners.len() as Slot;
            self.insert(old.bytes(slot), old.owners[slot as usize]);
        }
        for user in old.users.iter_mut().filter(|user| user.user_id != NO_SLOT) {
            user.user_id = new_slots[user.user_id as usize];
        }
        (self.users, self.n_known, self.n_gained) = (old.users, old.n_known, old.n_gained);
    }

    /// Extends the table to `n` users. The new ones are not alive.
    pub(crate) fn grow_users(&mut self, n: usize) {
        let gap = User { user_id: NO_SLOT, n_ids: 0, n_merges: 0, alive: false };
        if self.users.len() < n {
            self.users.resize(n, gap);
        }
    }

    /// Marks a user of [`IdTable::grow_users`] as alive, with the number of merges into it.
    pub(crate) fn revive(&mut self, user: UserIdx, n_merges: u16) {
        self.users[user.pos()].alive = true;
        self.users[user.pos()].n_merges = n_merges;
    }

    pub(crate) fn n_ids_by_user(&self, user: UserIdx) -> usize {
        usize::from(self.users[user.pos()].n_ids)
    }

    pub(crate) fn n_merges_by_user(&self, user: UserIdx) -> usize {
        usize::from(self.users[user.pos()].n_merges)
    }

    /// Whether the index has a profile: the user was neither merged into another nor deleted.
    pub fn is_alive(&self, user: UserIdx) -> bool {
        self.users.get(user.pos()).is_some_and(|user| user.alive)
    }

    fn count_id(&mut self, slot: Slot, user: UserIdx) {
        self.n_gained += 1;
        let is_user_id = self.bytes(slot)[0] == ExternalIdType::UserId.code();
        let user = &mut self.users[user.pos()];
        user.n_ids = user.n_ids.saturating_add(1);
        if is_user_id && user.user_id == NO_SLOT {
            user.user_id = slot;
            self.n_known += 1;
        }
    }

    fn find(&self, id: ExternalId<'_>) -> Option<Slot> {
        let matches = |slot: &Slot| id.is(self.bytes(*slot));
        self.table.find(id.hash(), matches).copied()
    }

    fn bytes(&self, slot: Slot) -> &[u8] {
        bytes(&self.texts, &self.ends, slot)
    }
}

fn bytes<'a>(texts: &'a [u8], ends: &[u64], slot: Slot) -> &'a [u8] {
    let start = if slot == 0 { 0 } else { ends[slot as usize - 1] };
    &texts[start as usize..ends[slot as usize] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_creation_and_deletion_of_ids_keeps_the_table_small_and_other_ids_unchanged() {
        let mut ids = IdTable::default();
        let id = |type_, value| ExternalId { type_, value };
        let (user_id, anonymous_id) = (ExternalIdType::UserId, ExternalIdType::AnonymousId);
        let (ann, device) = (ids.add_user(), ids.add_user());
        ids.add_id(id(anonymous_id, "phone"), device);
        for n in 0..20_000 {
            let user = ids.add_user();
            ids.add_id(id(user_id, "comes and goes"), user);
            if n == 10_000 {
                ids.add_id(id(user_id, "ann"), ann);
                ids.add_id(id(user_id, "second"), ann);
            }
            ids.remove(user, &[id(user_id, "comes and goes")]);
            ids.add_id(id(anonymous_id, "released"), ann);
            ids.release(id(anonymous_id, "released"), ann);
        }
        assert!(
            ids.owners.len() <= 3 * DEAD_MIN && ids.texts.capacity() < 100_000,
            "{}",
            ids.owners.len()
        );
        assert_eq!((ids.n_ids(), ids.n_known(), ids.n_ids_by_user(ann)), (3, 1, 2));
        assert_eq!((ids.user_by_id("phone"), ids.user_by_id("second")), (Some(device), Some(ann)));
        assert_eq!(ids.user_id(ann), Some("ann"));
        assert_eq!(ids.user_by_id("comes and goes"), None);
    }
}
