//! The rules by which messages are put together to people: which ids identify somebody, and what
//! happens where they contradict each other.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::tracking_plan::compile_pattern;

/// The newest version of the rules.
pub const IDENTITY_VERSION_LATEST: u32 = 1;
/// The most types of ids that a workspace declares.
pub const ID_TYPES_MAX: usize = 50;
/// The longest name of a type of ids, in bytes.
pub const ID_TYPE_NAME_BYTES_MAX: usize = 32;
/// The most ids of one type that a profile can be allowed.
pub const IDS_OF_TYPE_MAX: u32 = 1_000;
/// The most values, and the most patterns, that a list of blocked values has.
pub const BLOCKED_MAX: usize = 1_000;
/// The most places that an id of a type is read from.
pub const ID_PLACES_MAX: usize = 20;
/// The longest blocked value, pattern or place, in bytes.
const TEXT_BYTES_MAX: usize = 500;
/// The lowest priority.
const PRIORITY_MAX: u32 = 1_000;
/// The parts of a message in which ids are looked for.
const PLACE_HEADS: [&str; 3] = ["traits", "properties", "context"];
/// Values that are no ids unless a workspace says otherwise.
const BLOCKED_VALUES: [&str; 3] = ["-1", "null", "anonymous"];
const BLOCKED_PATTERNS: [&str; 1] = ["^[0-]*$"];

/// The name of a type of ids: 1 to [`ID_TYPE_NAME_BYTES_MAX`] characters of a-z, 0-9, `_`, `-` and
/// `.`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdTypeName([u8; ID_TYPE_NAME_BYTES_MAX]);

impl IdTypeName {
    /// The name, if it has the form of one.
    pub fn new(name: &str) -> Option<Self> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
        let has_form =
            (1..=ID_TYPE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed);
        has_form.then(|| {
            let mut bytes = [0; ID_TYPE_NAME_BYTES_MAX];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            Self(bytes)
        })
    }

    /// The name as a text.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..len]).expect("names are ASCII")
    }
}

impl fmt::Debug for IdTypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Serialize for IdTypeName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'d> Deserialize<'d> for IdTypeName {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::new(&name).ok_or_else(|| de::Error::custom(format!("{name:?} is no type of ids")))
    }
}

/// The time in which a limit counts ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitPeriod {
    /// All ids that the profile has.
    #[default]
    Ever,
    /// Those that were added within 365 days.
    Annually,
    /// Those that were added within 30 days.
    Monthly,
    /// Those that were added within 7 days.
    Weekly,
}

impl LimitPeriod {
    /// Its length, in milliseconds; none for ever.
    pub fn ms(self) -> Option<i64> {
        const DAY_MS: i64 = 86_400_000;
        match self {
            Self::Ever => None,
            Self::Annually => Some(365 * DAY_MS),
            Self::Monthly => Some(30 * DAY_MS),
            Self::Weekly => Some(7 * DAY_MS),
        }
    }
}

/// A type of ids. Keys that are missing have the default of the type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdType {
    /// The name: a-z, 0-9, `_`, `-` and `.`.
    pub name: String,
    /// 1 is the highest. Of ids that contradict each other the one of the lowest priority is left
    /// out of the message. Without it: `user_id` 1, `email` 2, all others after those that have
    /// one, in the order of their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// The most ids of the type on a profile; 0 takes none. Without it 1 for `user_id`, else 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The time in which the limit counts ids.
    #[serde(default)]
    pub period: LimitPeriod,
    /// Where ids of the type are in messages, beside `context.externalIds`: `traits.phone`,
    /// `properties.card.number`, `context.device.id`. Without it, where the type has its own place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<String>>,
    /// Values that are no ids of this type, beside those that are blocked for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// Whether an id is of one person only. Another one is kept and shown, and finds nobody.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub unique: bool,
}

/// The rules of identity of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The version of the rules, 1. A later version changes nothing for who does not ask for it.
    pub version: u32,
    /// Values that are no ids: those of this list exactly. Without it -1, null and anonymous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Vec<String>>,
    /// Regular expressions of values that are no ids. Without it zeros and hyphens alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_patterns: Option<Vec<String>>,
    /// The types of ids that differ from their defaults, or are further ones.
    #[serde(default, rename = "id_type", skip_serializing_if = "Vec::is_empty")]
    pub id_types: Vec<IdType>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            version: IDENTITY_VERSION_LATEST,
            blocked: None,
            blocked_patterns: None,
            id_types: Vec::new(),
        }
    }
}

impl Identity {
    /// The blocked values.
    pub fn blocked_values(&self) -> Vec<String> {
        self.blocked.clone().unwrap_or_else(|| BLOCKED_VALUES.map(str::to_owned).to_vec())
    }

    /// The patterns of blocked values.
    pub fn patterns(&self) -> Vec<String> {
        self.blocked_patterns
            .clone()
            .unwrap_or_else(|| BLOCKED_PATTERNS.map(str::to_owned).to_vec())
    }

    /// Checks ranges, counts and forms.
    ///
    /// # Errors
    /// A sentence that begins with the key, below `identity`.
    pub fn validate(&self) -> Result<(), String> {
        if self.version != IDENTITY_VERSION_LATEST {
            return Err(format!(
                "version is {}, the only one is {IDENTITY_VERSION_LATEST}",
                self.version
            ));
        }
        check_texts("blocked", self.blocked.as_deref().unwrap_or_default(), BLOCKED_MAX)?;
        let patterns = self.blocked_patterns.as_deref().unwrap_or_default();
        check_texts("blocked_patterns", patterns, BLOCKED_MAX)?;
        for (n, pattern) in patterns.iter().enumerate() {
            compile_pattern(pattern).map_err(|what| format!("blocked_patterns.{n}: {what}"))?;
        }
        if self.id_types.len() > ID_TYPES_MAX {
            return Err(format!(
                "id_type has {} types, the limit is {ID_TYPES_MAX}",
                self.id_types.len()
            ));
        }
        let mut seen = BTreeSet::new();
        for (n, type_) in self.id_types.iter().enumerate() {
            type_.validate().map_err(|what| format!("id_type.{n}.{what}"))?;
            if !seen.insert(&type_.name) {
                return Err(format!(
                    "id_type.{n}.name is {:?}, which stands there twice",
                    type_.name
                ));
            }
        }
        Ok(())
    }
}

impl IdType {
    fn validate(&self) -> Result<(), String> {
        if IdTypeName::new(&self.name).is_none() || self.name == "group_id" {
            return Err(format!(
                "name must be 1 to {ID_TYPE_NAME_BYTES_MAX} characters of a-z, 0-9, '_', '-' and '.', and not group_id, which names accounts"
            ));
        }
        if self.priority.is_some_and(|priority| !(1..=PRIORITY_MAX).contains(&priority)) {
            return Err(format!("priority must be 1 to {PRIORITY_MAX}"));
        }
        if self.limit.is_some_and(|limit| limit > IDS_OF_TYPE_MAX) {
            return Err(format!("limit must be 0 to {IDS_OF_TYPE_MAX}"));
        }
        let is_of_messages = ["user_id", "anonymous_id"].contains(&self.name.as_str());
        if is_of_messages && (self.from.is_some() || !self.unique) {
            return Err(format!("name is {:?}, whose place and uniqueness are fixed", self.name));
        }
        check_texts("blocked", &self.blocked, BLOCKED_MAX)?;
        let places = self.from.as_deref().unwrap_or_default();
        check_texts("from", places, ID_PLACES_MAX)?;
        for (n, place) in places.iter().enumerate() {
            let head = place.split_once('.').map(|(head, _)| head);
            let is_whole = place.split('.').all(|part| !part.is_empty());
            if !is_whole || !head.is_some_and(|head| PLACE_HEADS.contains(&head)) {
                return Err(format!(
                    "from.{n} is {place:?}, it must be a place such as traits.phone, properties.phone or context.device.id"
                ));
            }
        }
        Ok(())
    }
}

fn check_texts(key: &str, texts: &[String], n_max: usize) -> Result<(), String> {
    if texts.len() > n_max {
        return Err(format!("{key} has {} entries, the limit is {n_max}", texts.len()));
    }
    match texts.iter().position(|text| text.len() > TEXT_BYTES_MAX) {
        Some(n) => Err(format!("{key}.{n} must be at most {TEXT_BYTES_MAX} bytes")),
        None => Ok(()),
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_yes(value: &bool) -> bool {
    *value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_rules_are_told_with_their_place() {
        let of = |json: &str| -> String {
            let rules: Identity = serde_json::from_str(json).unwrap();
            rules.validate().err().unwrap_or_else(|| "fine".to_owned())
        };
        let lines = [
            r#"{"version":1}"#,
            r#"{"version":2}"#,
            r#"{"version":1,"blocked_patterns":["("]}"#,
            r#"{"version":1,"id_type":[{"name":"Phone"}]}"#,
            r#"{"version":1,"id_type":[{"name":"group_id"}]}"#,
            r#"{"version":1,"id_type":[{"name":"phone"},{"name":"phone"}]}"#,
            r#"{"version":1,"id_type":[{"name":"phone","limit":1001}]}"#,
            r#"{"version":1,"id_type":[{"name":"phone","priority":0}]}"#,
            r#"{"version":1,"id_type":[{"name":"phone","from":["traits.phone","phone"]}]}"#,
            r#"{"version":1,"id_type":[{"name":"user_id","unique":false}]}"#,
            r#"{"version":1,"id_type":[{"name":"phone","limit":3,"period":"weekly","from":["traits.phone"],"unique":false}]}"#,
        ]
        .map(of);
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn names_of_types_sort_like_their_texts() {
        let name = |text: &str| IdTypeName::new(text).unwrap();
        assert!(name("email") < name("email2") && name("email2") < name("phone"));
        assert_eq!(name("android.idfa").as_str(), "android.idfa");
        assert!(IdTypeName::new("").is_none() && IdTypeName::new("é").is_none());
        assert!(IdTypeName::new(&"x".repeat(33)).is_none());
    }
}
