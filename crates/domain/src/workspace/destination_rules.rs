//! What a destination gets of the messages of a workspace, before its mappings.

use serde::{Deserialize, Serialize};

/// The most sources, consent categories or fields in one list of the rules.
pub const RULE_ENTRIES_MAX: usize = 200;
/// The longest name or place of a field in the rules, in bytes.
pub const RULE_ENTRY_BYTES_MAX: usize = 500;
/// The most filters that drop messages.
pub const DROP_FILTERS_MAX: usize = 20;

/// The rules of a destination. They are applied in the order: source, consent, the `integrations`
/// of the message, sample, dropped messages, blocked fields, allowed fields, hashed fields. Without
/// any rule, a destination gets everything.
///
/// Places of fields begin with `properties`, `traits` or `context`, with points between the steps:
/// `traits.address.city`. A backslash before a point makes it part of a name. A step into a list
/// means every element of the list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DestinationRules {
    /// Only messages of these sources; of all where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<String>>,
    /// Consent categories, all of which a message with consent preferences must allow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consent_categories: Vec<String>,
    /// Triggers, in the language of mappings. A message that matches one is not delivered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// The share of users whose messages are delivered, from 0 to 100. A user is in it with all
    /// messages, or with none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_percent: Option<f64>,
    /// Fields that are removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub block_fields: Vec<String>,
    /// The only fields of properties, traits and context that are kept; all where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_fields: Option<Vec<String>>,
    /// Fields whose value becomes the SHA-256 of its text, trimmed and in lower case, as 64
    /// hexadecimal digits. Also `userId`, `anonymousId`, `previousId` and `groupId`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hash_fields: Vec<String>,
}
