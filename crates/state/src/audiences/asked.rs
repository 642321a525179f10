//! Which audiences a message concerns.

use std::collections::BTreeMap;

use conditions::Condition;
use rustc_hash::FxHashMap;

use super::Audience;

/// The audiences that ask for an event or a trait, themselves or by an audience that they name, by
/// their numbers.
#[derive(Debug, Default)]
pub(crate) struct AskedFor {
    by_event: FxHashMap<String, Vec<u32>>,
    by_trait: FxHashMap<String, Vec<u32>>,
    by_account_trait: FxHashMap<String, Vec<u32>>,
}

impl AskedFor {
    /// None of the conditions leads back to itself.
    pub(super) fn new(
        by_key: &BTreeMap<String, Audience>,
        conditions: &BTreeMap<String, Condition>,
    ) -> Self {
        let mut asked = Self::default();
        for (key, audience) in by_key {
            if let Some(condition) = conditions.get(key) {
                asked.add(audience.number, condition, conditions);
            }
        }
        let lists = [&mut asked.by_event, &mut asked.by_trait, &mut asked.by_account_trait];
        lists.into_iter().flat_map(|lists| lists.values_mut()).for_each(Vec::dedup);
        asked
    }

    fn add(
        &mut self,
        number: u32,
        condition: &Condition,
        conditions: &BTreeMap<String, Condition>,
    ) {
        for event in condition.events() {
            self.by_event.entry(event.to_owned()).or_default().push(number);
        }
        for key in condition.trait_keys() {
            self.by_trait.entry(key.to_owned()).or_default().push(number);
        }
        for key in condition.account_keys() {
            self.by_account_trait.entry(key.to_owned()).or_default().push(number);
        }
        // Who is found for an audience without a condition is a question about itself.
        let named = condition.audiences().into_iter().filter_map(|key| conditions.get(key));
        for named in named.filter(|named| *named != condition) {
            self.add(number, named, conditions);
        }
    }

    /// The audiences whose members an event of this name can change.
    pub(crate) fn by_event(&self, name: &str) -> &[u32] {
        self.by_event.get(name).map_or(&[], Vec::as_slice)
    }

    /// The audiences whose members a change of this trait can change.
    pub(crate) fn by_trait(&self, key: &str) -> &[u32] {
        self.by_trait.get(key).map_or(&[], Vec::as_slice)
    }

    /// The traits for which one of the audiences asks that `is_meant` tells.
    pub(crate) fn traits_of(&self, is_meant: impl Fn(u32) -> bool) -> impl Iterator<Item = &str> {
        keys_of(&self.by_trait, is_meant)
    }

    /// Likewise the traits of accounts.
    pub(crate) fn account_traits_of(
        &self,
        is_meant: impl Fn(u32) -> bool,
    ) -> impl Iterator<Item = &str> {
        keys_of(&self.by_account_trait, is_meant)
    }

    /// Whether an audience asks for this trait of accounts.
    pub(crate) fn asks_account_trait(&self, key: &str) -> bool {
        self.by_account_trait.contains_key(key)
    }

    /// Whether an audience asks for traits of accounts.
    pub(crate) fn asks_accounts(&self) -> bool {
        !self.by_account_trait.is_empty()
    }
}

fn keys_of(
    asked: &FxHashMap<String, Vec<u32>>,
    is_meant: impl Fn(u32) -> bool,
) -> impl Iterator<Item = &str> {
    let asked = asked.iter();
    let meant = asked.filter(move |(_, numbers)| numbers.iter().any(|one| is_meant(*one)));
    meant.map(|(key, _)| key.as_str())
}
