//! What is kept of accounts for computed traits of theirs: what the events of all members come to.
//!
//! Rows of this part only; when values are worked out is in `membership/account_traits.rs`.

use std::collections::BTreeSet;

use domain::{UserIdx, WorkspaceId};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::computed_traits::{ComputedTraits, ComputedValue, PersonRow};
use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};
use crate::stored::{RowReader, append};

const ACCOUNT_TRAITS: &str = "state.account_traits";
const NEXT_NUMBER_KEY: [u8; 1] = [0];
/// The first bytes of the keys of accounts by number, of traits that are shown, and of rows.
const NAMES: u8 = 1;
const SHOWN: u8 = 2;
const ROWS: u8 = 3;

/// The computed traits of accounts.
pub struct AccountTraits {
    rows: Keyspace,
    next_number: u32,
    /// The numbers of the traits that are shown: everybody's past is in them.
    shown: BTreeSet<u32>,
}

/// The row of an account.
pub(crate) struct AccountRow {
    /// Names the account in timers.
    pub(crate) number: u32,
    /// Whether it is more or less than what the members contribute now, so that they must be
    /// counted anew.
    pub(crate) is_stale: bool,
    /// The index of the first member who is not counted yet; none where all are.
    pub(crate) counted_to: Option<u32>,
    /// What is kept for each trait, with its value.
    pub(crate) values: PersonRow,
}

impl AccountRow {
    /// Whether what a member contributes is in the row.
    pub(crate) fn has(&self, user: UserIdx) -> bool {
        self.counted_to.is_none_or(|first| user.0 < first)
    }
}

impl StatePart for AccountTraits {
    const KEYSPACES: &'static [&'static str] = &[ACCOUNT_TRAITS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let rows = store.keyspace(ACCOUNT_TRAITS);
        let next_number = match store.get(&rows, &NEXT_NUMBER_KEY)? {
            Some(value) => postcard::from_bytes(&value).map_err(|_| unreadable())?,
            None => 0,
        };
        let mut shown = BTreeSet::new();
        for pair in store.scan(&rows, &[SHOWN]) {
            let (key, _) = pair?;
            let mut parts = KeyParts::new(&key);
            shown.insert((parts.u8(), parts.u32()).1.ok_or_else(unreadable)?);
        }
        Ok(Self { rows, next_number, shown })
    }
}

impl AccountTraits {
    /// The values of the computed traits of an account, by key, whose past is read.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn values<'k>(
        &self,
        read: &dyn Read,
        computed: &'k ComputedTraits,
        group_id: &str,
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        self.values_of(read, computed, group_id, |_| true)
    }

    /// Those of these keys.
    pub(crate) fn values_with_keys<'k>(
        &self,
        read: &dyn Read,
        computed: &'k ComputedTraits,
        group_id: &str,
        keys: &[&str],
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        self.values_of(read, computed, group_id, |key| keys.contains(&key))
    }

    fn values_of<'k>(
        &self,
        read: &dyn Read,
        computed: &'k ComputedTraits,
        group_id: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        if self.shown.is_empty() {
            return Ok(Vec::new());
        }
        // What is read may be behind by the batch under way, which has the last of the past.
        let mut shown = BTreeSet::new();
        for number in &self.shown {
            if read.get(&self.rows, &KeyBuf::new().u8(SHOWN).u32(*number).build())?.is_some() {
                shown.insert(*number);
            }
        }
        let values = self.row(read, group_id)?.map(|row| row.values).unwrap_or_default();
        let is_meant = |key: &str, number| shown.contains(&number) && is_wanted(key);
        computed.values_of_account(&values, is_meant)
    }

    /// Whether the trait of a number is shown.
    pub(crate) fn is_shown(&self, number: u32) -> bool {
        self.shown.contains(&number)
    }

    /// Whether an account has a row.
    pub(crate) fn is_empty(&self) -> bool {
        self.next_number == 0
    }

    /// Shows the traits of these numbers.
    pub(crate) fn show(&mut self, batch: &mut Batch<'_>, numbers: &[u32]) {
        for number in numbers {
            self.shown.insert(*number);
            batch.put(&self.rows, KeyBuf::new().u8(SHOWN).u32(*number), "");
        }
    }

    /// Forgets which traits are shown of those that are gone.
    pub(crate) fn retain_shown(&mut self, batch: &mut Batch<'_>, computed: &ComputedTraits) {
        let is_gone = |number: &u32| !computed.is_of_accounts(*number);
        for number in self.shown.extract_if(.., is_gone) {
            batch.remove(&self.rows, KeyBuf::new().u8(SHOWN).u32(number));
        }
    }

    pub(crate) fn row(
        &self,
        read: &dyn Read,
        group_id: &str,
    ) -> Result<Option<AccountRow>, StoreError> {
        let value = read.get(&self.rows, &row_key(group_id).build())?;
        value.map(read_row).transpose()
    }

    pub(crate) fn row_or_new(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
    ) -> Result<AccountRow, StoreError> {
        if let Some(row) = self.row(batch, group_id)? {
            return Ok(row);
        }
        let number = self.next_number;
        self.next_number += 1;
        let next = postcard::to_stdvec(&self.next_number).expect("plain fields always encode");
        batch.put(&self.rows, NEXT_NUMBER_KEY, next);
        batch.put(&self.rows, KeyBuf::new().u8(NAMES).u32(number), group_id);
        Ok(AccountRow { number, is_stale: false, counted_to: None, values: PersonRow::default() })
    }

    pub(crate) fn put_row(&self, batch: &mut Batch<'_>, group_id: &str, row: &AccountRow) {
        let mut bytes = Vec::new();
        append(&mut bytes, &(row.number, row.is_stale, row.counted_to));
        row.values.append_to(&mut bytes);
        batch.put(&self.rows, row_key(group_id), bytes);
    }

    /// The group id of the account of a number.
    pub(crate) fn name(&self, read: &dyn Read, number: u32) -> Result<Option<String>, StoreError> {
        let name = read.get(&self.rows, &KeyBuf::new().u8(NAMES).u32(number).build())?;
        name.map(|name| String::from_utf8(name).map_err(|_| unreadable())).transpose()
    }
}

fn read_row(bytes: Vec<u8>) -> Result<AccountRow, StoreError> {
    let mut reader = RowReader::new(bytes, "row of an account's computed traits");
    let (number, is_stale, counted_to) = reader.read()?;
    Ok(AccountRow { number, is_stale, counted_to, values: PersonRow::read(&mut reader)? })
}

fn row_key(group_id: &str) -> KeyBuf {
    KeyBuf::new().u8(ROWS).text(group_id)
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "computed trait of an account" }
}
