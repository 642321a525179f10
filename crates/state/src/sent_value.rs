//! A value of a person that changed, on its way to destinations, and the message that it becomes.

use std::fmt;

use domain::{ListChanges, Message, MessageType, Timestamp, WorkspaceId};
use profiles::ExternalIdType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The source of the messages, as rules of destinations name it.
pub const SYNC_SOURCE: &str = "sync";
/// The type of ids that destinations know as a trait.
const EMAIL: &str = "email";
/// The digest of nothing: somebody who is no member, or whose list is empty.
const NOTHING: u64 = 0;

/// A trait or an audience that goes to destinations, by its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncSubject {
    /// A trait.
    Trait(String),
    /// An audience.
    Audience(String),
}

impl SyncSubject {
    /// The key on profiles.
    pub fn key(&self) -> &str {
        match self {
            Self::Trait(key) | Self::Audience(key) => key,
        }
    }

    /// The kind of subject, in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Trait(_) => "trait",
            Self::Audience(_) => "audience",
        }
    }

    fn id_prefix(&self) -> &'static str {
        match self {
            Self::Trait(_) => "tra_",
            Self::Audience(_) => "aud_",
        }
    }
}

impl fmt::Display for SyncSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.word(), self.key())
    }
}

/// The value of a trait or audience for one person, to be sent for one of their ids.
#[derive(Debug, Clone, PartialEq)]
pub struct SentValue {
    /// When it was written.
    pub at: Timestamp,
    /// The trait or audience.
    pub subject: SyncSubject,
    /// An id by which the person is found: a user id, or an anonymous id of somebody without.
    pub person: (ExternalIdType, String),
    /// The id that the message is for; none where it is the one above.
    pub identifier: Option<(ExternalIdType, String)>,
    /// JSON text of the value: a list, or whether the person is a member.
    pub value: String,
    /// JSON text of what goes with a list.
    pub detail: Option<String>,
    /// JSON text of an object: further traits of the person.
    pub attached: Option<String>,
    /// Since when the person has the value.
    pub since: Timestamp,
    /// The [`digest`] of the value.
    pub digest: u64,
    /// Identify or track.
    pub type_: MessageType,
    /// The names of the destinations.
    pub destinations: Vec<String>,
}

impl SentValue {
    /// The size of the texts, in bytes; they are most of a value.
    pub fn text_bytes(&self) -> usize {
        let texts = [Some(&self.value), self.detail.as_ref(), self.attached.as_ref()];
        texts.into_iter().flatten().map(String::len).sum()
    }

    /// The id that the message is for.
    pub fn recipient(&self) -> &(ExternalIdType, String) {
        self.identifier.as_ref().unwrap_or(&self.person)
    }

    /// The message that destinations of the workspace get of the entry at `offset`.
    pub fn message(&self, workspace: &WorkspaceId, offset: u64) -> Message {
        let (type_, id) = self.recipient();
        // The message of an id that has no field of its own is for the person as well.
        let (field, named) = if type_.is_declared() { &self.person } else { self.recipient() };
        let named_as = |wanted: ExternalIdType| (*field == wanted).then(|| named.clone());
        let mut body = self.body();
        let mut context = json!({ "personas": self.personas(workspace) });
        if type_.is_declared() {
            context["externalIds"] = json!([{
                "id": id, "type": type_.word(), "collection": "users", "encoding": "none",
            }]);
            match self.type_ {
                _ if type_.word() != EMAIL => {}
                MessageType::Identify => drop(body.insert(EMAIL.to_owned(), id.as_str().into())),
                _ => context["traits"] = json!({ EMAIL: id }),
            }
        }
        let mut integrations = Map::from_iter([("All".to_owned(), Value::from(false))]);
        integrations.extend(self.destinations.iter().map(|name| (name.clone(), true.into())));
        Message {
            message_id: self.message_id(workspace, offset),
            type_: self.type_,
            user_id: named_as(ExternalIdType::UserId),
            anonymous_id: named_as(ExternalIdType::AnonymousId),
            previous_id: None,
            group_id: None,
            event: (self.type_ == MessageType::Track).then(|| self.event().to_owned()),
            name: None,
            category: None,
            body: Some(Value::Object(body).to_string()),
            context: Some(context.to_string()),
            integrations: Some(Value::Object(integrations).to_string()),
            timestamp: self.since,
            original_timestamp: None,
            sent_at: None,
            received_at: self.at,
            source: SYNC_SOURCE.to_owned(),
            violations: Vec::new(),
            enriched: Vec::new(),
        }
    }

    /// The traits of an identify, or the properties of a track.
    fn body(&self) -> Map<String, Value> {
        let parse = |text: &String| serde_json::from_str(text).ok();
        let attached: Option<Map<String, Value>> = self.attached.as_ref().and_then(parse);
        let mut body = attached.unwrap_or_default();
        let key = self.subject.key();
        if self.type_ == MessageType::Track {
            body.insert(format!("{}_key", self.subject.word()), key.into());
        }
        body.insert(key.to_owned(), serde_json::from_str(&self.value).unwrap_or_default());
        if let Some(detail) = self.detail.as_ref().and_then(|text| serde_json::from_str(text).ok())
        {
            body.insert(format!("{key}__detail"), detail);
        }
        body
    }

    fn personas(&self, workspace: &WorkspaceId) -> Value {
        let space = format!("spa_{workspace}");
        json!({
            "computation_class": self.subject.word(),
            "computation_id": format!("{}{}", self.subject.id_prefix(), self.subject.key()),
            "computation_key": self.subject.key(),
            "namespace": space,
            "space_id": space,
        })
    }

    fn event(&self) -> &'static str {
        match &self.subject {
            SyncSubject::Trait(_) => "Trait Computed",
            SyncSubject::Audience(_) if self.digest == NOTHING => "Audience Exited",
            SyncSubject::Audience(_) => "Audience Entered",
        }
    }

    /// The same for every attempt, and another for every entry.
    fn message_id(&self, workspace: &WorkspaceId, offset: u64) -> String {
        let Self { at, subject, .. } = self;
        let parts = format!("{workspace}\0{offset}\0{}\0{subject}", at.0);
        format!("personas_{:032x}", xxh3_128(parts.as_bytes()))
    }
}

/// Stands for a value among what was last sent: the upper half for which elements a list has, the
/// lower half for their order; 0 for `false` and for an empty list. Two lists that differ have the
/// same half in one of four billion cases, and the change is then not sent before the next one.
pub fn digest(value: &Value) -> u64 {
    let texts: Vec<String> = match value {
        Value::Null | Value::Bool(false) => Vec::new(),
        Value::Array(elements) => elements.iter().map(Value::to_string).collect(),
        other => vec![other.to_string()],
    };
    if texts.is_empty() {
        return NOTHING;
    }
    let half = |texts: &[String]| xxh3_64(texts.join("\0").as_bytes()) & u64::from(u32::MAX);
    let ordered = half(&texts);
    let mut sorted = texts;
    sorted.sort_unstable();
    half(&sorted).max(1) << 32 | ordered
}

/// Whether a digest stands for nothing: no member, or an empty list.
pub fn is_nothing(digest: u64) -> bool {
    digest == NOTHING
}

/// Whether two digests stand for the same value, by what counts as a change.
pub fn is_same(one: u64, other: u64, changes: ListChanges) -> bool {
    match changes {
        ListChanges::Order => one == other,
        ListChanges::Set => one >> 32 == other >> 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_other_elements_from_another_order() {
        let of = |value: Value| digest(&value);
        let (list, turned) = (of(json!(["a", "b"])), of(json!(["b", "a"])));
        assert!(!is_same(list, turned, ListChanges::Order));
        assert!(is_same(list, turned, ListChanges::Set));
        for other in [json!(["a"]), json!(["a", "b", "c"]), json!([]), json!(["ab"]), json!(true)] {
            assert!(!is_same(list, of(other.clone()), ListChanges::Set), "{other}");
        }
        assert!([json!([]), json!(false), Value::Null].into_iter().all(|value| of(value) == 0));
        assert!(!is_nothing(of(json!(true))));
    }

    #[test]
    fn a_value_becomes_a_message_of_the_id_that_it_is_for() {
        let value = SentValue {
            at: Timestamp(2_000),
            subject: SyncSubject::Audience("recent".to_owned()),
            person: (ExternalIdType::UserId, "ann".to_owned()),
            identifier: None,
            value: "true".to_owned(),
            detail: None,
            attached: Some(r#"{"plan":"free"}"#.to_owned()),
            since: Timestamp(1_000),
            digest: digest(&true.into()),
            type_: MessageType::Identify,
            destinations: vec!["crm".to_owned()],
        };
        let shop = WorkspaceId::new("shop").expect("a valid id");
        let identify = value.message(&shop, 7);
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&identify.to_json()).unwrap_or_default()
        );
        assert_ne!(identify.message_id, value.message(&shop, 8).message_id);
        let email = ExternalIdType::from_word("email").expect("a type of ids");
        let track = SentValue {
            type_: MessageType::Track,
            identifier: Some((email, "ann@example.com".to_owned())),
            ..value
        };
        let track = track.message(&shop, 9).to_json();
        insta::assert_snapshot!(serde_json::to_string_pretty(&track).unwrap_or_default());
    }
}
