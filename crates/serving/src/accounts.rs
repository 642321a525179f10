//! Queries about accounts: what group messages say of companies and teams.

use domain::UserIdx;
use profiles::{Account, AccountLink, StoredTrait};
use serde_json::{Map, Value};
use state::ComputedValue;

use crate::{QueryError, Snapshot};

impl Snapshot<'_> {
    /// The record of an account; none if no message has named it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account(&self, group_id: &str) -> Result<Option<Account>, QueryError> {
        Ok(self.accounts.account(self.store(), group_id)?)
    }

    /// The traits of an account, in the order of their keys.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account_traits(&self, group_id: &str) -> Result<Vec<(String, StoredTrait)>, QueryError> {
        Ok(self.accounts.traits(self.store(), group_id)?)
    }

    /// What an account is called, by its trait `name`; none where it has none that is a text.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account_name(&self, group_id: &str) -> Result<Option<String>, QueryError> {
        let name = self.accounts.stored_trait(self.store(), group_id, "name")?;
        Ok(name.and_then(|stored| serde_json::from_str(&stored.json).ok()))
    }

    /// At most `limit` group ids that begin with a text, ascending: the text itself is the first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn accounts_starting_with(
        &self,
        text: &str,
        limit: usize,
    ) -> Result<Vec<String>, QueryError> {
        Ok(self.accounts.starting_with(self.store(), text, limit)?)
    }

    /// The values of the computed traits of an account, in the order of their keys.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn computed_traits_of_account(
        &self,
        group_id: &str,
    ) -> Result<Vec<(String, ComputedValue)>, QueryError> {
        let values = self.account_traits.values(self.store(), &self.computed_traits, group_id)?;
        Ok(values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The traits of each account of a user that a condition asks for, as JSON.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn condition_accounts(
        &self,
        user: UserIdx,
        keys: &[&str],
    ) -> Result<Vec<Map<String, Value>>, QueryError> {
        Ok(self.traits_of_accounts(self.store(), user, keys)?)
    }

    /// The accounts that a user belongs to, in the order of their ids.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn accounts_of(&self, user: UserIdx) -> Result<Vec<AccountLink>, QueryError> {
        Ok(self.accounts.links(self.store(), user)?)
    }

    /// Whether anybody belongs to an account.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_account_members(&self) -> Result<bool, QueryError> {
        Ok(self.accounts.has_members(self.store())?)
    }

    /// At most `limit` users of an account, behind `after`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account_members(
        &self,
        group_id: &str,
        after: Option<UserIdx>,
        limit: usize,
    ) -> Result<Vec<UserIdx>, QueryError> {
        Ok(self.accounts.members(self.store(), group_id, after, limit)?)
    }
}
