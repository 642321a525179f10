//! How a trait or an audience goes to destinations.

mod time_of_day;

pub use time_of_day::TimeOfDay;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{DESTINATIONS_MAX, IdTypeName, WorkspaceConfig};

/// The most types of ids that one trait or audience is sent for.
pub const SYNC_ID_TYPES_MAX: usize = 10;
/// The most types of ids of which all are taken.
pub const SYNC_ALL_IDS_MAX: usize = 3;
/// The most further traits that are attached to a message.
pub const SYNC_WITH_TRAITS_MAX: usize = 20;
/// The most times of day at which one trait or audience is compared.
pub const SYNC_TIMES_MAX: usize = 24;
/// The longest key of an attached trait, in bytes.
const ATTACHED_KEY_BYTES_MAX: usize = 200;

/// The destinations that get a message whenever the value of a person changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncSettings {
    /// The names of the destinations.
    pub destinations: Vec<String>,
    /// The messages that a change becomes.
    #[serde(default, rename = "as", skip_serializing_if = "is_default")]
    pub form: SyncForm,
    /// What counts as a change of a list.
    #[serde(default, skip_serializing_if = "is_default")]
    pub changes: ListChanges,
    /// The ids of a person that get a message each. Without it every `user_id`, or the last
    /// `anonymous_id` of somebody who has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<SyncIdentifier>,
    /// Keys of further traits and audiences of the person, whose present values go along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with_traits: Vec<String>,
    /// Whether a list goes with its scores, as `KEY__detail`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detail: bool,
    /// Times of day at which everybody is compared: `07:00` of UTC, or `07:00+02:00`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<TimeOfDay>,
    /// When people are compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: SyncTimes,
    /// Nothing is sent meanwhile; what has changed by then is sent afterwards.
    #[serde(default, skip_serializing_if = "is_default")]
    pub paused: bool,
}

/// When the values of people are compared with what was last sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncTimes {
    /// Whenever they may have changed, and at the times of day.
    #[default]
    OnChange,
    /// At the times of day alone.
    AtTimes,
}

/// The messages that a change becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncForm {
    /// An identify with the value as a trait.
    #[default]
    Identify,
    /// A track: `Trait Computed`, `Audience Entered` or `Audience Exited`.
    Track,
    /// One of each.
    Both,
}

/// What counts as a change of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListChanges {
    /// Other items, or the same in another order.
    #[default]
    Order,
    /// Other items.
    Set,
}

/// A type of ids that get messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncIdentifier {
    /// `user_id`, `anonymous_id`, or a type that the rules of identity know.
    #[serde(rename = "type")]
    pub type_: String,
    /// Which ids of the type.
    #[serde(default)]
    pub strategy: IdStrategy,
}

/// Which ids of a type get messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdStrategy {
    /// The one that the person got first.
    First,
    /// The one that the person got last.
    Last,
    /// Every one.
    #[default]
    All,
}

impl SyncSettings {
    /// Settings with nothing but destinations.
    pub fn to(destinations: &[&str]) -> Self {
        Self {
            destinations: destinations.iter().map(|name| (*name).to_owned()).collect(),
            form: SyncForm::default(),
            changes: ListChanges::default(),
            identifiers: Vec::new(),
            with_traits: Vec::new(),
            detail: false,
            at: Vec::new(),
            when: SyncTimes::default(),
            paused: false,
        }
    }

    fn validate(&self, config: &WorkspaceConfig) -> Result<(), String> {
        let n_destinations = self.destinations.len();
        if !(1..=DESTINATIONS_MAX).contains(&n_destinations) {
            return Err(format!("destinations must be 1 to {DESTINATIONS_MAX} names"));
        }
        if let Some(twice) = find_repeated(&self.destinations) {
            return Err(format!("destinations names {twice:?} twice"));
        }
        for name in &self.destinations {
            if config.outgoing_destinations().all(|destination| destination.name != *name) {
                return Err(format!(
                    "destinations: there is no destination {name:?}: make it first, or take it out"
                ));
            }
        }
        self.check_identifiers()?;
        if self.at.len() > SYNC_TIMES_MAX {
            return Err(format!("at has more than {SYNC_TIMES_MAX} times"));
        }
        if self.when == SyncTimes::AtTimes && self.at.is_empty() {
            return Err("when is at_times, which needs at: name the times of day".to_owned());
        }
        let is_key = |key: &String| (1..=ATTACHED_KEY_BYTES_MAX).contains(&key.len());
        if self.with_traits.len() > SYNC_WITH_TRAITS_MAX || !self.with_traits.iter().all(is_key) {
            return Err(format!(
                "with_traits must be up to {SYNC_WITH_TRAITS_MAX} keys of 1 to {ATTACHED_KEY_BYTES_MAX} bytes"
            ));
        }
        Ok(())
    }

    fn check_identifiers(&self) -> Result<(), String> {
        if self.identifiers.len() > SYNC_ID_TYPES_MAX {
            return Err(format!("identifiers must be at most {SYNC_ID_TYPES_MAX}"));
        }
        let types: Vec<String> = self.identifiers.iter().map(|one| one.type_.clone()).collect();
        if let Some(twice) = find_repeated(&types) {
            return Err(format!("identifiers names {twice:?} twice"));
        }
        if let Some(other) = types.iter().find(|type_| IdTypeName::new(type_).is_none()) {
            return Err(format!("identifiers: {other:?} is no type of ids"));
        }
        let all = self.identifiers.iter().filter(|one| one.strategy == IdStrategy::All);
        if all.count() > SYNC_ALL_IDS_MAX {
            return Err(format!(
                "identifiers: at most {SYNC_ALL_IDS_MAX} types can have the strategy all: choose first or last for the others"
            ));
        }
        Ok(())
    }
}

/// Checks how traits, computed traits and audiences go to destinations.
///
/// # Errors
/// A sentence that names the trait or audience and the mistake.
pub(super) fn check_syncs(config: &WorkspaceConfig) -> Result<(), String> {
    for (word, key, sync) in syncs(config) {
        sync.validate(config).map_err(|what| format!("{word} {key:?}: sync.{what}"))?;
    }
    Ok(())
}

/// Checks that no sync attaches a computed trait of accounts, which people do not have, unless it
/// did before: an earlier build may have taken it, which must not hinder other changes.
///
/// # Errors
/// A sentence that names the trait or audience and the mistake.
pub fn check_attached_traits(
    before: Option<&WorkspaceConfig>,
    after: &WorkspaceConfig,
) -> Result<(), String> {
    let before: BTreeSet<_> = before.into_iter().flat_map(attached_account_traits).collect();
    match attached_account_traits(after).find(|attached| !before.contains(attached)) {
        None => Ok(()),
        Some((word, key, attached)) => Err(format!(
            "{word} {key:?}: sync.with_traits: {attached:?} is a computed trait of accounts, and \
             destinations get traits of people: leave it out, and sync an audience that asks for \
             `account trait {attached}`"
        )),
    }
}

/// The computed traits of accounts that syncs attach, each with the word and key of what is synced.
fn attached_account_traits(
    config: &WorkspaceConfig,
) -> impl Iterator<Item = (&'static str, &str, &str)> {
    syncs(config).flat_map(|(word, key, sync)| {
        let is_of_accounts = |attached: &&String| {
            config.computed_trait(attached).is_some_and(|computed| !computed.of.is_people())
        };
        let attached = sync.with_traits.iter().filter(is_of_accounts);
        attached.map(move |attached| (word, key, attached.as_str()))
    })
}

/// What goes to destinations, by word and key.
fn syncs(config: &WorkspaceConfig) -> impl Iterator<Item = (&'static str, &str, &SyncSettings)> {
    let traits = config.traits.iter().map(|one| ("trait", &one.key, &one.sync));
    let computed = config.computed_traits.iter();
    let computed = computed.map(|one| ("computed trait", &one.key, &one.sync));
    let audiences = config.audiences.iter().map(|one| ("audience", &one.key, &one.sync));
    traits
        .chain(computed)
        .chain(audiences)
        .filter_map(|(word, key, sync)| Some((word, key.as_str(), sync.as_ref()?)))
}

fn find_repeated(texts: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    texts.iter().find(|text| !seen.insert(*text))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{AudienceDefinition, Destination, WorkspaceId};

    fn check(sync: serde_json::Value) -> Result<(), String> {
        let mut config = WorkspaceConfig::empty(WorkspaceId::new("shop").expect("a valid id"));
        config.put_destination(Destination::new("crm", Some("webhook")));
        config.put_audience(AudienceDefinition {
            key: "recent".to_owned(),
            name: None,
            condition: "did \"Order\"".to_owned(),
            likely: None,
            sync: Some(serde_json::from_value(sync).map_err(|error| error.to_string())?),
        });
        config.validate().map_err(|error| error.what)
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_its_place() {
        let all = |type_: &str| json!({ "type": type_ });
        for (sync, expected) in [
            (json!({ "destinations": [] }), "sync.destinations must be 1 to 20 names"),
            (json!({ "destinations": ["crm", "crm"] }), "names \"crm\" twice"),
            (json!({ "destinations": ["engine"] }), "there is no destination \"engine\""),
            (json!({ "destinations": ["crm"], "to": 1 }), "unknown field `to`"),
            (json!({ "destinations": ["crm"], "as": "group" }), "unknown variant `group`"),
            (json!({ "destinations": ["crm"], "identifiers": [all("E-Mail")] }), "no type of ids"),
            (
                json!({ "destinations": ["crm"], "identifiers":
                    [all("user_id"), all("anonymous_id"), all("email"), all("phone")] }),
                "at most 3 types can have the strategy all",
            ),
            (json!({ "destinations": ["crm"], "with_traits": [""] }), "with_traits must be"),
            (json!({ "destinations": ["crm"], "at": ["7 o'clock"] }), "no time of day"),
            (json!({ "destinations": ["crm"], "when": "at_times" }), "which needs at"),
        ] {
            let error = check(sync).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
        let whole = json!({ "destinations": ["crm"], "as": "both", "changes": "set",
            "identifiers": [{ "type": "email", "strategy": "last" }], "with_traits": ["plan"],
            "detail": true, "at": ["07:00", "19:30+02:00"], "when": "at_times", "paused": true });
        assert_eq!(check(whole), Ok(()));
    }

    #[test]
    fn a_computed_trait_of_accounts_is_not_attached_unless_it_was_before() {
        let config = |of: &str, with_traits: &[&str]| {
            let mut config = WorkspaceConfig::empty(WorkspaceId::new("shop").expect("a valid id"));
            let computed = json!({ "key": "spent", "of": of, "type": "count", "event": "Order" });
            config.put_computed_trait(serde_json::from_value(computed).expect("a computed trait"));
            let sync = json!({ "destinations": ["crm"], "with_traits": with_traits });
            let audience = json!({ "key": "buyers", "condition": "did \"Order\"", "sync": sync });
            config.put_audience(serde_json::from_value(audience).expect("an audience"));
            config
        };
        let before = config("accounts", &["plan"]);
        let after = config("accounts", &["plan", "spent"]);
        let refused = check_attached_traits(Some(&before), &after).expect_err("nobody has it");
        assert!(
            refused.starts_with("audience \"buyers\": sync.with_traits: \"spent\""),
            "{refused}"
        );
        assert_eq!(check_attached_traits(None, &after), Err(refused.clone()));
        // It was one of people when it was attached.
        let of_people = config("people", &["spent"]);
        assert_eq!(check_attached_traits(Some(&of_people), &after), Err(refused));
        assert_eq!(check_attached_traits(None, &of_people), Ok(()));
        assert_eq!(check_attached_traits(Some(&after), &after), Ok(()));
    }
}
