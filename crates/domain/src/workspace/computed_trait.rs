//! The definition of a computed trait.

use serde::{Deserialize, Serialize};

use super::audience::{check_key, check_name};
use super::{AudienceDefinition, SyncSettings, TraitDefinition};

/// The most computed traits of a workspace.
pub const COMPUTED_TRAITS_MAX: usize = 100;

/// A trait that is computed from the events of a person, or of all members of an account. Its value
/// is kept at every message, and changes with time at the exact instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputedTraitDefinition {
    /// The key of the trait on profiles, and in conditions.
    pub key: String,
    /// Whose trait it is: of people, or of accounts; of people if absent.
    #[serde(default, skip_serializing_if = "ComputedTraitOf::is_people")]
    pub of: ComputedTraitOf,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is computed.
    #[serde(rename = "type")]
    pub type_: ComputedTraitType,
    /// The name of the event; `Page Viewed` and `Screen Viewed` for pages and screens.
    pub event: String,
    /// The property whose values count. A count of events has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Tests of the event's properties, all of which must hold, as conditions have them behind
    /// `where`: `total > 50, brand = "Acme"`.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
    /// Only events of the last so long, such as `30 days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Only events of the person's present session, which is over so long after their last event
    /// of any name: `30 minutes` to `90 days`. A trait of accounts has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The destinations that get the value whenever it changes; none if absent. A trait of accounts
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSettings>,
}

/// Whose trait a computed trait is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComputedTraitOf {
    /// Of a person, from their events.
    #[default]
    People,
    /// Of an account, from the events of all its members.
    Accounts,
}

impl ComputedTraitOf {
    /// Each with its word.
    pub const WORDS: [(Self, &'static str); 2] =
        [(Self::People, "people"), (Self::Accounts, "accounts")];

    /// Its word, as in definitions.
    pub fn word(self) -> &'static str {
        if self.is_people() { "people" } else { "accounts" }
    }

    /// Whether it is a trait of people.
    pub fn is_people(&self) -> bool {
        *self == Self::People
    }
}

/// What a computed trait is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComputedTraitType {
    /// The number of events.
    Count,
    /// The sum of a property's numbers.
    Sum,
    /// Their average.
    Average,
    /// The smallest of them.
    Minimum,
    /// The largest of them.
    Maximum,
    /// The value that stands in most events, at least twice.
    MostFrequent,
    /// The value of the earliest event.
    First,
    /// The value of the latest event.
    Last,
    /// The distinct values, in order.
    UniqueList,
    /// The number of distinct values.
    UniqueListCount,
}

impl ComputedTraitType {
    /// Every type with its word.
    pub const WORDS: [(Self, &'static str); 10] = [
        (Self::Count, "count"),
        (Self::Sum, "sum"),
        (Self::Average, "average"),
        (Self::Minimum, "minimum"),
        (Self::Maximum, "maximum"),
        (Self::MostFrequent, "most_frequent"),
        (Self::First, "first"),
        (Self::Last, "last"),
        (Self::UniqueList, "unique_list"),
        (Self::UniqueListCount, "unique_list_count"),
    ];

    /// Its word, as in definitions.
    pub fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(type_, _)| *type_ == self);
        found.map_or("", |(_, word)| word)
    }
}

/// Checks the computed traits of a workspace. What they compute is checked where the language of
/// conditions is known.
///
/// # Errors
/// A sentence that names the trait and the mistake.
pub(super) fn check_computed_traits(
    computed: &[ComputedTraitDefinition],
    audiences: &[AudienceDefinition],
    traits: &[TraitDefinition],
) -> Result<(), String> {
    if computed.len() > COMPUTED_TRAITS_MAX {
        let n = computed.len();
        return Err(format!("{n} computed traits exceed the limit of {COMPUTED_TRAITS_MAX}"));
    }
    for (n, one) in computed.iter().enumerate() {
        let key = &one.key;
        let checked = check_key(key).and_then(|()| check_name(one.name.as_deref()));
        let checked = checked.and_then(|()| check_owner(one));
        checked.map_err(|what| format!("computed trait {key:?}: {what}"))?;
        if computed[..n].iter().any(|other| other.key == *key) {
            return Err(format!("two computed traits have the key {key:?}"));
        }
        let main = key.strip_suffix("__detail").unwrap_or(key);
        let taken_by = if audiences.iter().any(|audience| audience.key == *key) {
            "an audience"
        } else if traits.iter().any(|trait_| trait_.key == main) {
            "a recommended-items trait"
        } else {
            continue;
        };
        return Err(format!(
            "computed trait {key:?} has the key of {taken_by}: both would be one trait of a profile"
        ));
    }
    Ok(())
}

/// Checks that a trait of accounts has nothing that is of people alone.
fn check_owner(one: &ComputedTraitDefinition) -> Result<(), String> {
    let is_of_people = one.of.is_people();
    if one.session.is_some() && !is_of_people {
        return Err("session: a session is one person's; a trait of accounts counts all events, \
                    or those of the `last` days"
            .to_owned());
    }
    if one.sync.is_some() && !is_of_people {
        return Err("sync: destinations get traits of people; leave it out, and sync an audience \
                    that asks for the trait of accounts"
            .to_owned());
    }
    Ok(())
}
