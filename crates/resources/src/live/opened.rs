//! One entry with all that is known of it.

use domain::{Message, Rejection, Timestamp};
use engine::{AppliedEntry, Entry};
use mapping::Mappings;
use serde::Serialize;
use serde_json::value::RawValue;

use super::excerpt::Excerpt;
use super::resend::curl;
use super::{Effect, LiveEntry, LiveKind, LiveOutcome};
use crate::events::NearPreset;

/// The most interactions of an import that are shown.
const INTERACTIONS_SHOWN_MAX: usize = 20;

/// An entry, opened.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OpenedEntry {
    /// The entry as lists show it.
    #[serde(flatten)]
    pub entry: LiveEntry,
    /// The message, or the parameters of a call: JSON, unless the message was none.
    pub raw: String,
    /// Whether `raw` is only the beginning.
    pub is_cut: bool,
    /// The time that counts for a message: that of its sender, corrected by the sender's clock.
    pub timestamp: Option<Timestamp>,
    /// The mistakes, with their places.
    pub mistakes: Vec<Mistake>,
    /// What each mapping that takes the message makes of it.
    pub mappings: Vec<MappingResult>,
    /// A preset that takes similar messages, where none takes this one.
    pub would_be_taken_by: Option<NearPreset>,
    /// A call that sends the message again; none where not all of it is known.
    pub curl: Option<String>,
}

/// A mistake in a message.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = MessageMistake)]
pub struct Mistake {
    /// A JSON pointer into the message; empty for the whole of it.
    pub place: String,
    /// What is wrong there.
    pub text: String,
}

/// What a mapping makes of a message.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MappingResult {
    /// The name of the mapping.
    pub mapping: String,
    /// What it does, where it takes all that it needs.
    pub effects: Vec<Effect>,
    /// Why it does nothing.
    pub error: Option<String>,
}

impl OpenedEntry {
    /// None for entries of kinds that are not shown.
    pub(super) fn new(applied: AppliedEntry, mappings: &Mappings, base_url: &str) -> Option<Self> {
        let source = applied.entry.clone();
        let entry = LiveEntry::new(applied, mappings)?;
        let opened = Self {
            raw: String::new(),
            is_cut: false,
            timestamp: None,
            mistakes: Vec::new(),
            mappings: Vec::new(),
            would_be_taken_by: None,
            curl: None,
            entry,
        };
        Some(match &source {
            Entry::Message(message) => opened.with_message(message, mappings, base_url),
            Entry::Rejected(rejection) => opened.with_rejection(rejection, base_url),
            Entry::Interactions { interactions, .. } => {
                let shown = &interactions[..interactions.len().min(INTERACTIONS_SHOWN_MAX)];
                Self {
                    raw: serde_json::to_string(shown).unwrap_or_default(),
                    is_cut: shown.len() < interactions.len(),
                    ..opened
                }
            }
            other => Self { raw: other.fields()["command"].to_string(), ..opened },
        })
    }

    fn with_message(mut self, message: &Message, mappings: &Mappings, base_url: &str) -> Self {
        self.raw = as_sent(message);
        self.curl = Some(curl(base_url, Some(message.type_), &self.raw));
        self.timestamp = Some(message.timestamp);
        if self.entry.outcome == LiveOutcome::Duplicate {
            return self;
        }
        let made = mappings.map_by_mapping(message);
        if made.is_empty() && self.entry.effects.is_empty() {
            let suggested = mapping::suggest(message.type_, message.event_name());
            self.would_be_taken_by = suggested.map(NearPreset::new);
        }
        for (mapping, made) in made {
            let (effects, error) = match made {
                Ok(actions) => (actions.into_iter().map(Effect::of_action).collect(), None),
                Err(error) => {
                    self.mistakes.push(Mistake { place: error.place, text: error.what.clone() });
                    (Vec::new(), Some(error.what))
                }
            };
            self.mappings.push(MappingResult { mapping: mapping.name.clone(), effects, error });
        }
        self
    }

    fn with_rejection(mut self, rejection: &Rejection, base_url: &str) -> Self {
        let Excerpt { text, is_cut } = Excerpt::new(&rejection.excerpt);
        let is_json = serde_json::from_str::<&RawValue>(&text).is_ok();
        if is_json && !is_cut {
            self.curl = Some(curl(base_url, rejection.type_, &text));
        }
        let place = rejection.place().to_owned();
        self.mistakes.push(Mistake { place, text: rejection.detail.clone() });
        (self.raw, self.is_cut) = (text, is_cut);
        self
    }

    /// Whether it is a message, and not a call or an import.
    pub fn is_message(&self) -> bool {
        self.entry.kind == LiveKind::Message
    }
}

/// A message with the fields that its sender gave it, as far as they are kept.
fn as_sent(message: &Message) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent<'a> {
        #[serde(rename = "type")]
        type_: domain::MessageType,
        message_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        anonymous_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        category: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        properties: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        traits: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        context: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        integrations: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timestamp: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sent_at: Option<String>,
    }
    fn raw(text: Option<&String>) -> Option<&RawValue> {
        text.and_then(|text| serde_json::from_str(text).ok())
    }
    let body = raw(message.body.as_ref());
    let has_traits = message.body_field() == "traits";
    let sent = Sent {
        type_: message.type_,
        message_id: &message.message_id,
        user_id: message.user_id.as_deref(),
        anonymous_id: message.anonymous_id.as_deref(),
        previous_id: message.previous_id.as_deref(),
        group_id: message.group_id.as_deref(),
        event: message.event.as_deref(),
        name: message.name.as_deref(),
        category: message.category.as_deref(),
        properties: body.filter(|_| !has_traits),
        traits: body.filter(|_| has_traits),
        context: raw(message.context.as_ref()),
        integrations: raw(message.integrations.as_ref()),
        timestamp: message.original_timestamp.map(|at| at.to_string()),
        sent_at: message.sent_at.map(|at| at.to_string()),
    };
    serde_json::to_string(&sent).unwrap_or_default()
}
