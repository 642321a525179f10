//! After a deletion: values of others that name the deleted are worked out anew. Who has one is
//! found step by step, and the past of each is read from the journal, which no longer names them.

use domain::UserIdx;
use profiles::ExternalId;
use store::{Batch, Store, StoreError};

use crate::people::People;
use crate::regulations::NamingValue;
use crate::views::Views;

/// What one look at values has found.
pub struct NamingStep {
    /// The values that name somebody.
    pub values: Vec<NamingValue>,
    /// The first person who was not looked at; none where nobody is left.
    pub next: Option<UserIdx>,
}

impl Views {
    /// Looks for values of computed traits that name one of these people, of the next people from
    /// `first` on.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn values_naming(
        &self,
        store: &Store,
        people: &dyn People,
        first: UserIdx,
    ) -> Result<NamingStep, StoreError> {
        let (found, next) = self.computed_traits.find_naming(store, people, first)?;
        let mut values = Vec::with_capacity(found.len());
        for (user, key) in found {
            let person = self.name_for_entries(store, user)?;
            values.extend(person.map(|person| NamingValue { key: key.to_owned(), person }));
        }
        Ok(NamingStep { values, next })
    }

    /// Works values out anew, by an entry at `offset`.
    pub(crate) fn recount(
        &mut self,
        batch: &mut Batch<'_>,
        values: &[NamingValue],
        offset: u64,
    ) -> Result<(), StoreError> {
        let now = self.journal_now();
        for NamingValue { key, person: (type_, id) } in values {
            let person = ExternalId { type_: *type_, value: id };
            let Some(user) = self.profiles.ids().user_by_external_id(person) else { continue };
            let Self { computed_traits, profiles, unread_history, .. } = self;
            let of = (user, key.as_str());
            computed_traits.begin_anew(batch, profiles, unread_history, of, (offset, now))?;
            let computed = self.computed_traits.find(key);
            if computed.is_some_and(|(number, _)| self.computed_traits.is_of_accounts(number)) {
                for group_id in self.counted_accounts(batch, user)? {
                    self.count_account(batch, &group_id)?;
                }
            }
            self.timers.add_pending(user);
            self.last_sent.touch_whole(user);
        }
        Ok(())
    }
}
