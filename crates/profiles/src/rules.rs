//! The rules of identity that a workspace has configured, ready to be applied to messages.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::id::{ID_BYTES_MAX, check_addressable};
use domain::workspace::compile_pattern;
use domain::{IdType, Identity, LimitPeriod, Message, MessageType};
use regex::Regex;
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ExternalIdType;

/// The most ids of `context.externalIds` of one message that are read.
pub const EXTERNAL_IDS_PER_MESSAGE_MAX: usize = 50;

/// The limit of `user_id`, and that of all other types.
const USER_ID_LIMIT: u32 = 1;
const OTHER_LIMIT: u32 = 5;
/// The priorities of types that none is configured for, and of those that nobody has declared.
const NO_PRIORITY: u32 = u32::MAX - 1;
const UNDECLARED_PRIORITY: u32 = u32::MAX;

/// Where the types are that every workspace knows.
const OWN_PLACES: [(&str, &str); 3] = [
    ("email", "traits.email"),
    ("email", "context.traits.email"),
    ("ga_client_id", "context.integrations.Google Analytics.clientId"),
];
/// The systems of devices, as `context.device.type` names them, with the beginning of their types.
const DEVICE_SYSTEMS: [&str; 2] = ["android", "ios"];
/// What a device names itself by: the end of the type, and the member of `context.device`.
const DEVICE_IDS: [(&str, &str); 3] =
    [("id", "id"), ("idfa", "advertisingId"), ("push_token", "token")];

/// An external id in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundId {
    /// The type; ids of different types are distinct.
    pub type_: ExternalIdType,
    /// The text of the id.
    pub value: String,
    /// Whether an id of the type is of one person only.
    pub is_unique: bool,
}

/// The rules of a workspace.
#[derive(Debug)]
pub struct IdentityRules {
    types: BTreeMap<ExternalIdType, TypeRule>,
    blocked: FxHashSet<String>,
    patterns: Vec<Regex>,
}

#[derive(Debug)]
struct TypeRule {
    priority: u32,
    limit: u32,
    period: LimitPeriod,
    places: Vec<Vec<String>>,
    /// Whether ids come from where the type has its own place.
    is_in_own_place: bool,
    blocked: Vec<String>,
    is_unique: bool,
}

impl TypeRule {
    fn default_of(type_: ExternalIdType) -> Self {
        let own = OWN_PLACES.iter().filter(|(name, _)| *name == type_.word());
        Self {
            priority: match type_.word() {
                "user_id" => 1,
                "email" => 2,
                _ => NO_PRIORITY,
            },
            limit: match type_ {
                ExternalIdType::UserId => USER_ID_LIMIT,
                _ => OTHER_LIMIT,
            },
            period: LimitPeriod::Ever,
            places: own.map(|(_, place)| parts(place)).collect(),
            is_in_own_place: true,
            blocked: Vec::new(),
            is_unique: true,
        }
    }

    fn new(type_: ExternalIdType, declared: &IdType) -> Self {
        let default = Self::default_of(type_);
        Self {
            priority: declared.priority.unwrap_or(default.priority),
            limit: declared.limit.unwrap_or(default.limit),
            period: declared.period,
            places: match &declared.from {
                Some(places) => places.iter().map(|place| parts(place)).collect(),
                None => default.places,
            },
            is_in_own_place: declared.from.is_none(),
            blocked: declared.blocked.clone(),
            is_unique: declared.unique,
        }
    }
}

fn parts(place: &str) -> Vec<String> {
    place.split('.').map(str::to_owned).collect()
}

impl IdentityRules {
    /// The rules of a configuration that is valid.
    pub fn new(config: &Identity) -> Self {
        let own = ["user_id", "anonymous_id", "email", "ga_client_id"].map(str::to_owned);
        let of_devices = DEVICE_SYSTEMS
            .iter()
            .flat_map(|system| DEVICE_IDS.iter().map(move |(name, _)| format!("{system}.{name}")));
        let own = own.into_iter().chain(of_devices);
        let own = own.filter_map(|name| ExternalIdType::from_word(&name));
        let mut types: BTreeMap<ExternalIdType, TypeRule> =
            own.map(|type_| (type_, TypeRule::default_of(type_))).collect();
        for declared in &config.id_types {
            if let Some(type_) = ExternalIdType::from_word(&declared.name) {
                types.insert(type_, TypeRule::new(type_, declared));
            }
        }
        let patterns = config.patterns();
        Self {
            types,
            blocked: config.blocked_values().into_iter().collect(),
            patterns: patterns.iter().filter_map(|text| compile_pattern(text).ok()).collect(),
        }
    }

    /// The types of ids that the workspace knows, its own and those that it declares.
    pub fn types(&self) -> impl Iterator<Item = &ExternalIdType> {
        self.types.keys()
    }

    /// Whether the workspace knows a type of ids.
    pub fn knows(&self, type_: ExternalIdType) -> bool {
        self.types.contains_key(&type_)
    }

    /// The most ids of a type on a profile, and the time in which they are counted.
    pub(crate) fn limit(&self, type_: ExternalIdType) -> (u32, LimitPeriod) {
        self.types
            .get(&type_)
            .map_or((OTHER_LIMIT, LimitPeriod::Ever), |rule| (rule.limit, rule.period))
    }

    /// The ids of a message that are not blocked, those of the highest priority first.
    pub fn ids_of(&self, message: &Message) -> Vec<FoundId> {
        let mut found = Vec::new();
        let own = [
            (ExternalIdType::UserId, &message.user_id),
            (ExternalIdType::AnonymousId, &message.anonymous_id),
        ];
        for (type_, value) in own {
            if let Some(value) = value {
                self.add(&mut found, type_, value);
            }
        }
        let body = members(message.body.as_deref());
        let context = members(message.context.as_deref());
        for (type_, rule) in self.types.iter().filter(|(_, rule)| rule.limit > 0) {
            for place in &rule.places {
                let (head, rest) = place.split_first().expect("a place has a head");
                let object = match (head.as_str(), message.type_) {
                    ("context", _) => &context,
                    ("traits", MessageType::Identify) => &body,
                    (
                        "properties",
                        MessageType::Track | MessageType::Page | MessageType::Screen,
                    ) => &body,
                    _ => continue,
                };
                if let Some(value) = text_at(object, rest) {
                    self.add(&mut found, *type_, &value);
                }
            }
        }
        self.add_of_device(&mut found, &context);
        self.add_listed(&mut found, &context);
        found.sort_by(|one, other| self.rank(one).cmp(&self.rank(other)));
        found.dedup();
        found
    }

    fn rank<'a>(&self, id: &'a FoundId) -> (u32, ExternalIdType, &'a str) {
        let priority = self.types.get(&id.type_).map_or(UNDECLARED_PRIORITY, |rule| rule.priority);
        (priority, id.type_, &id.value)
    }

    /// The ids by which `context.device` names a device.
    fn add_of_device(&self, found: &mut Vec<FoundId>, context: &Members<'_>) {
        let Some(device) = context.get("device") else { return };
        let device = members(Some(device.get()));
        let Some(system) = text_at(&device, &["type".to_owned()]) else { return };
        let system = system.to_ascii_lowercase();
        if !DEVICE_SYSTEMS.contains(&system.as_str()) {
            return;
        }
        let is_tracked = device.get("adTrackingEnabled").is_some_and(|flag| flag.get() == "true");
        for (name, member) in DEVICE_IDS {
            if name == "idfa" && !is_tracked {
                continue;
            }
            let type_ = ExternalIdType::from_word(&format!("{system}.{name}"));
            let type_ = type_.filter(|type_| self.types[type_].is_in_own_place);
            if let Some((type_, value)) = type_.zip(text_at(&device, &[member.to_owned()])) {
                self.add(found, type_, &value);
            }
        }
    }

    /// The ids of `context.externalIds`. Each has to name its type, collection and encoding.
    fn add_listed(&self, found: &mut Vec<FoundId>, context: &Members<'_>) {
        #[derive(Deserialize)]
        struct Listed<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow, rename = "type")]
            type_: Cow<'a, str>,
            #[serde(borrow)]
            collection: Cow<'a, str>,
            #[serde(borrow)]
            encoding: Cow<'a, str>,
        }
        let Some(list) = context.get("externalIds") else { return };
        let list: Vec<&RawValue> = serde_json::from_str(list.get()).unwrap_or_default();
        for raw in list.into_iter().take(EXTERNAL_IDS_PER_MESSAGE_MAX) {
            let Ok(listed) = serde_json::from_str::<Listed<'_>>(raw.get()) else { continue };
            if listed.collection != "users" || listed.encoding != "none" {
                continue;
            }
            let type_ = ExternalIdType::from_word(&listed.type_);
            // Those of a message itself stand in its own fields, and groups are accounts.
            let type_ = type_.filter(|type_| type_.is_declared() && type_.word() != "group_id");
            if let Some(type_) = type_ {
                self.add(found, type_, &listed.id);
            }
        }
    }

    fn add(&self, found: &mut Vec<FoundId>, type_: ExternalIdType, value: &str) {
        let rule = self.types.get(&type_);
        let is_taken = rule.is_none_or(|rule| {
            rule.limit > 0 && !rule.blocked.iter().any(|blocked| blocked == value)
        });
        let is_id = !value.is_empty()
            && value.len() <= ID_BYTES_MAX
            && check_addressable(value).is_ok()
            && !self.blocked.contains(value)
            && !self.patterns.iter().any(|pattern| pattern.is_match(value));
        if is_taken && is_id {
            let is_unique = rule.is_none_or(|rule| rule.is_unique);
            found.push(FoundId { type_, value: value.to_owned(), is_unique });
        }
    }
}

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The members of a JSON object; none of anything else.
fn members(json: Option<&str>) -> Members<'_> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The text or number at a place below an object.
fn text_at(object: &Members<'_>, path: &[String]) -> Option<String> {
    let (name, rest) = path.split_first()?;
    let raw = object.get(name.as_str())?;
    if !rest.is_empty() {
        return text_at(&members(Some(raw.get())), rest);
    }
    match serde_json::from_str(raw.get()).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
