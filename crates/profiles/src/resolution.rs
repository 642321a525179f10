//! Identity resolution by the rules of a workspace: the flat matching of all ids of a message.

use std::collections::BTreeMap;

use domain::{Timestamp, UserIdx};
use store::{Batch, Read, StoreError};

use crate::external_id::row_key;
use crate::{
    ExternalId, ExternalIdType, FoundId, IDS_PER_PROFILE_MAX, IdentityLimit, IdentityRules, Merge,
    Origin, Profiles,
};

/// Where a message has landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The profile; none if the message has no id that could be of one person.
    pub user: Option<UserIdx>,
    /// The profiles that were merged into it, in order.
    pub merges: Vec<Merge>,
}

impl Profiles {
    /// Finds the profile for the ids of a message, those of the highest priority first: a new one
    /// where nobody has any of them, else the one that all who have them are merged into. While a
    /// type would exceed its limit, the id of the lowest priority is left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn resolve_by_rules(
        &mut self,
        batch: &mut Batch<'_>,
        rules: &IdentityRules,
        mut ids: Vec<FoundId>,
        origin: Origin<'_>,
    ) -> Result<Resolved, StoreError> {
        while ids.iter().any(|id| id.is_unique) {
            let users = self.owners(&ids);
            let new = self.new_ids(batch, &users, &ids)?;
            let is_same = users.len() == 1 && new.is_empty();
            if is_same || self.keeps_limits(batch, rules, &users, &new, origin.received_at)? {
                return self.land(batch, &users, &new, origin);
            }
            ids.pop();
        }
        Ok(Resolved::default())
    }

    /// Who has the ids, each once, by the highest priority of theirs.
    fn owners(&self, ids: &[FoundId]) -> Vec<UserIdx> {
        let mut users = Vec::new();
        for id in ids.iter().filter(|id| id.is_unique) {
            if let Some(user) = self.ids.user_by_external_id(id.as_ref())
                && !users.contains(&user)
            {
                users.push(user);
            }
        }
        users
    }

    /// The ids that none of the users has.
    fn new_ids<'a>(
        &self,
        batch: &Batch<'_>,
        users: &[UserIdx],
        ids: &'a [FoundId],
    ) -> Result<Vec<&'a FoundId>, StoreError> {
        let mut new = Vec::new();
        for id in ids {
            let is_known = if id.is_unique {
                self.ids.user_by_external_id(id.as_ref()).is_some()
            } else {
                self.have_shared(batch, users, id)?
            };
            if !is_known {
                new.push(id);
            }
        }
        Ok(new)
    }

    fn have_shared(
        &self,
        batch: &Batch<'_>,
        users: &[UserIdx],
        id: &FoundId,
    ) -> Result<bool, StoreError> {
        for user in users {
            let key = row_key(*user, id.as_ref(), false);
            if batch.get(&self.keys.identifiers, &key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the users and the new ids together have no more ids of any type than allowed. A
    /// type that does not grow is no reason: limits may have been higher before.
    fn keeps_limits(
        &self,
        batch: &Batch<'_>,
        rules: &IdentityRules,
        users: &[UserIdx],
        new: &[&FoundId],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        // All of a type, and the most that one of the users has.
        let mut counts: BTreeMap<ExternalIdType, (u32, u32)> = BTreeMap::new();
        for user in users {
            let mut own: BTreeMap<ExternalIdType, u32> = BTreeMap::new();
            for id in self.identifiers(batch, *user)? {
                let (_, period) = rules.limit(id.type_);
                let counts_from = period.ms().map(|ms| at.0.saturating_sub(ms));
                if counts_from.is_none_or(|from| id.created_at.0 > from) {
                    *own.entry(id.type_).or_default() += 1;
                }
            }
            for (type_, n) in own {
                let (all, most) = counts.entry(type_).or_default();
                (*all, *most) = (*all + n, n.max(*most));
            }
        }
        for id in new {
            counts.entry(id.type_).or_default().0 += 1;
        }
        let keeps = |(type_, (all, most)): (&ExternalIdType, &(u32, u32))| {
            all <= most || *all <= rules.limit(*type_).0
        };
        Ok(counts.iter().all(keeps))
    }

    /// Puts a message with these ids onto one profile.
    fn land(
        &mut self,
        batch: &mut Batch<'_>,
        users: &[UserIdx],
        new: &[&FoundId],
        origin: Origin<'_>,
    ) -> Result<Resolved, StoreError> {
        // Somebody known does not become a part of somebody unknown.
        let known = users.iter().find(|user| self.ids.is_known(**user));
        let target = known.or(users.first()).copied();
        let mut merges = Vec::new();
        let user = match target {
            Some(target) => {
                for source in users {
                    merges.extend(self.merge(batch, target, *source, origin)?);
                }
                target
            }
            None => self.create_profile(batch, None, None, origin),
        };
        for id in new {
            if self.ids.n_ids_by_user(user) >= IDS_PER_PROFILE_MAX {
                self.limits_reached.push(IdentityLimit::Ids);
                break;
            }
            self.name_profile(batch, id.as_ref(), user)?;
            self.put_identifier(batch, id.as_ref(), id.is_unique, user, origin);
        }
        Ok(Resolved { user: Some(user), merges })
    }
}

impl FoundId {
    fn as_ref(&self) -> ExternalId<'_> {
        ExternalId { type_: self.type_, value: &self.value }
    }
}
