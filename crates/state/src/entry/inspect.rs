//! Printable forms of entries: a summary line and complete JSON. Secrets are redacted in both.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Entry, VERSION, wire};
use crate::{
    BusinessEvent, BusinessEventDone, CampaignDecision, CampaignEntry, CampaignRun,
    CampaignTrigger, CampaignWinner, Command, DecisionOutcome, HandOver, HandOverOutcome,
    HandedOver, Handing, JourneyAnswer, JourneyEntry, JourneyFinding, JourneyTrigger, Place,
    UnnamedPerson,
};

/// The longest summary of an entry, in characters.
const SUMMARY_CHARS_MAX: usize = 160;
/// The longest word that a summary is cut before and not within, in bytes.
const WORD_BYTES_MAX: usize = 40;
/// How many characters of a secret are shown.
const SECRET_CHARS_SHOWN: usize = 3;
/// The length from which on a part of a secret is shown, in characters.
const SECRET_CHARS_MIN: usize = 12;
/// The JSON key of a write key in requests.
const WRITE_KEY: &str = "\"writeKey\"";

/// The version of the build that wrote an encoded entry; none in entries of version 5.
pub fn read_writer_build(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(&[VERSION])?;
    <&str>::deserialize(&mut rmp_serde::Deserializer::from_read_ref(rest)).ok()
}

impl Entry {
    /// The name of the variant, as in the encoding.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Configured(_) => "configured",
            Self::Message(_) => "message",
            Self::Rejected(_) => "rejected",
            Self::Interactions { .. } => "interactions",
            Self::CatalogStaged { .. } => "catalog_staged",
            Self::CatalogItems { .. } => "catalog_items",
            Self::CatalogActivated { .. } => "catalog_activated",
            Self::Trained(_) => "trained",
            Self::ModelActivated { .. } => "model_activated",
            Self::ListImpressions { .. } => "served",
            Self::Resumed { .. } => "resumed",
            Self::Command { .. } => "command",
            Self::Reset { .. } => "reset",
            Self::Delivered(_) => "delivered",
            Self::Erased { .. } => "erased",
            Self::Tick { .. } => "tick",
            Self::Sync(_) => "sync",
            Self::Campaign(_) => "campaign",
            Self::Journey(_) => "journey",
            Self::ReadHistory(_) => "read_history",
            Self::Found(_) => "found",
        }
    }

    /// The fields by name, as they are encoded, without secrets. JSON texts stay texts, except for
    /// configurations.
    pub fn fields(&self) -> Value {
        let form = wire::Entry::serialize(self, serde_json::value::Serializer);
        let variant = form.expect("entries of plain fields are JSON");
        let Value::Object(variant) = variant else { return Value::Null };
        let mut fields = variant.into_iter().next().map_or(Value::Null, |(_, fields)| fields);
        match self {
            Self::Configured(_) => fields = redact_config(&fields),
            Self::Command { command, .. } if matches!(**command, Command::Configure(_)) => {
                redact_change(&mut fields["command"]["configure"]["change"]);
            }
            // Who has the key can find out whose hashes the suppressed ones are.
            Self::Command { command, .. } if matches!(**command, Command::Regulate(_)) => {
                if let Some(key) = fields.pointer_mut("/command/regulate/Begin/key") {
                    *key = "…".into();
                }
            }
            Self::Rejected(rejection) => {
                fields["excerpt"] = redact_write_keys(&rejection.excerpt).into()
            }
            _ => {}
        }
        fields
    }

    /// A summary in one line of at most [`SUMMARY_CHARS_MAX`] characters.
    pub fn summary(&self) -> String {
        let text = match self {
            Self::Configured(config) => format!(
                "{} sources, {} traits, {} scenarios",
                config.sources.len(),
                config.traits.len(),
                config.scenarios.len()
            ),
            Self::Message(message) => {
                let who = message.user_id.as_ref().or(message.anonymous_id.as_ref());
                format!(
                    "{} {:?} of {:?} from {:?}",
                    message.type_,
                    message.event_name(),
                    who.map_or("", String::as_str),
                    message.source
                )
            }
            Self::Rejected(rejection) => {
                format!(
                    "{} from {:?}: {}",
                    rejection.reason.code(),
                    rejection.source,
                    rejection.detail
                )
            }
            Self::Interactions { interactions, .. } => {
                let first = interactions.first().map(|first| {
                    format!(
                        ", the first: {} of {:?} by {:?}",
                        first.kind, first.item_id, first.user_id
                    )
                });
                format!("{} interactions{}", interactions.len(), first.unwrap_or_default())
            }
            Self::CatalogStaged { columns, .. } => {
                let columns =
                    columns.iter().map(|column| format!("{} {}", column.name, column.type_));
                format!("columns {}", columns.collect::<Vec<_>>().join(", "))
            }
            Self::CatalogItems { rows, .. } => {
                let first = rows.first().map(|first| format!(", the first: {:?}", first.item_id));
                format!("{} items{}", rows.len(), first.unwrap_or_default())
            }
            Self::Trained(training) => format!(
                "model {} of {} users and {} items{}",
                training.version,
                training.n_users,
                training.n_items,
                training
                    .refused
                    .as_ref()
                    .map(|why| format!(", refused: {why}"))
                    .unwrap_or_default()
            ),
            Self::ModelActivated { version, .. } => format!("model {version}"),
            Self::ListImpressions { lists } => {
                let first = lists.first().map(|list| {
                    let place = match &list.place {
                        Place::Trait(key) => format!("trait {key:?}"),
                        Place::Scenario { endpoint, scenario: None } => endpoint.clone(),
                        Place::Scenario { endpoint, scenario: Some(name) } => {
                            format!("{endpoint} {name:?}")
                        }
                    };
                    let user =
                        list.user.as_ref().map_or("nobody".to_owned(), |(_, id)| format!("{id:?}"));
                    format!(", the first: {} items for {user} by {place}", list.items.len())
                });
                format!("{} lists{}", lists.len(), first.unwrap_or_default())
            }
            Self::Command { command, .. } => {
                let fields = &self.fields()["command"];
                match **command {
                    Command::Configure(_) => describe_configuration(&fields["configure"]),
                    _ => fields.to_string(),
                }
            }
            Self::Delivered(delivered) => {
                let activation::Progress { place, opened, dead, delivered: n, .. } =
                    &delivered.progress;
                let name = &delivered.destination;
                let (n_open, n_dead) = (opened.len(), dead.len());
                format!(
                    "destination {name:?} up to {place}: {n} delivered, {n_open} opened, {n_dead} given up"
                )
            }
            Self::Tick { at } => at.to_string(),
            Self::Sync(value) => format!(
                "{} of {:?} to {}: {}",
                value.subject,
                value.recipient().1,
                value.destinations.join(", "),
                value.value
            ),
            Self::ReadHistory(read) => {
                let keys: BTreeSet<&str> = read.people.iter().map(|past| &*past.key).collect();
                let keys: Vec<&str> = keys.into_iter().collect();
                format!("{} pasts of people for {}", read.people.len(), keys.join(", "))
            }
            Self::Found(found) => {
                let n_yes = found.people.iter().filter(|(.., holds)| *holds).count();
                let n_no = found.people.len() - n_yes;
                format!(
                    "{}: holds for {n_yes} more people, and no longer for {n_no}",
                    found.question
                )
            }
            Self::Campaign(entry) => describe_campaign(entry),
            Self::Journey(entry) => describe_journey(entry),
            Self::Erased { .. } => "of people who were deleted".to_owned(),
            Self::CatalogActivated { catalog, .. } => catalog.clone().unwrap_or_default(),
            Self::Resumed { .. } | Self::Reset { .. } => String::new(),
        };
        // Text from sources must not control the terminal.
        let plain = text.chars().map(|char| if char.is_control() { ' ' } else { char });
        shorten(plain)
    }
}

fn describe_campaign(entry: &CampaignEntry) -> String {
    match entry {
        CampaignEntry::Run(CampaignRun { campaign, run, next_user, is_done, .. }) => {
            let place = if *is_done { "done".to_owned() } else { format!("up to {next_user}") };
            format!("{campaign:?}, the run of {run}: {place}")
        }
        CampaignEntry::BusinessEvent(BusinessEvent { name, .. }) => {
            format!("the business event {name:?}")
        }
        CampaignEntry::BusinessEventDone(BusinessEventDone { campaign, offset, .. }) => {
            format!("{campaign:?}, people were found for the business event at {offset}")
        }
        CampaignEntry::Winner(CampaignWinner { campaign, variant, .. }) => {
            format!("{campaign:?}, everybody gets the variant {variant:?}")
        }
        CampaignEntry::Trigger(CampaignTrigger { campaign, people, .. }) => {
            format!("{campaign:?}, a call that names {} people", people.len())
        }
        CampaignEntry::Unnamed(UnnamedPerson { campaign, .. }) => {
            format!("{campaign:?} to somebody without an id: not sent")
        }
        CampaignEntry::Handing(Handing { destination, messages, .. }) => {
            format!("{destination:?} hands over {} messages", messages.len())
        }
        CampaignEntry::HandedOver(HandedOver { destination, messages, .. }) => {
            let is_taken = |one: &&HandOver| one.outcome == HandOverOutcome::Taken;
            let n_taken = messages.iter().filter(is_taken).count();
            format!("{destination:?} handed over {} messages, {n_taken} taken", messages.len())
        }
        CampaignEntry::Decision(CampaignDecision { campaign, person, outcome, .. }) => {
            let person = person.as_ref().map_or("somebody", |(_, id)| id);
            let what = match outcome {
                DecisionOutcome::Sent(sent) => format!("sent by {:?}", sent.channel),
                DecisionOutcome::Waits { until } => format!("waits until {until}"),
                DecisionOutcome::Refused { reason, .. } => format!("not sent: {reason}"),
            };
            format!("{campaign:?} to {person:?}: {what}")
        }
    }
}

fn describe_journey(entry: &JourneyEntry) -> String {
    match entry {
        JourneyEntry::Trigger(JourneyTrigger { journey, people, .. }) => {
            format!("{journey:?}: {} people enter", people.len())
        }
        JourneyEntry::Answer(JourneyAnswer { journey, person, finding, .. }) => {
            let person = person.as_ref().map_or("somebody", |(_, id)| id);
            let what = match finding {
                JourneyFinding::Until(until) => format!("waits until {until}"),
                JourneyFinding::Sent { destination, .. } => format!("sent to {destination:?}"),
            };
            format!("{journey:?}, {person:?}: {what}")
        }
    }
}

/// A text of at most [`SUMMARY_CHARS_MAX`] characters, which ends after a word where it is cut.
fn shorten(mut text: impl Iterator<Item = char>) -> String {
    let mut head: String = text.by_ref().take(SUMMARY_CHARS_MAX - 1).collect();
    let Some(last) = text.next() else { return head };
    if text.next().is_none() {
        head.push(last);
        return head;
    }
    let is_between = |char: char| char.is_whitespace() || char == ',';
    match head.rfind(is_between) {
        _ if is_between(last) => {}
        Some(at) if head.len() - at <= WORD_BYTES_MAX => head.truncate(at),
        _ => {}
    }
    format!("{}…", head.trim_end_matches(is_between))
}

/// A configuration command in words: the name of the resource, what it must be before the change,
/// and its keys with their values.
fn describe_configuration(command: &Value) -> String {
    let change = command["change"].as_object();
    let Some((kind, fields)) = change.and_then(|change| change.iter().next()) else {
        return String::new();
    };
    let expected = match &command["expected"] {
        Value::String(word) if word == "anything" => String::new(),
        Value::String(word) => format!(" if {word}"),
        other => format!(" if revision {}", other["revision"]),
    };
    let (mut name, mut keys) = (String::new(), Vec::new());
    for field in fields.as_object().into_iter().flat_map(|fields| fields.values()) {
        match field {
            Value::Object(resource) => {
                let set = resource.iter().filter(|(_, value)| !value.is_null());
                keys.extend(set.map(|(key, value)| format!("{key} {value}")));
            }
            field => name = format!(" {field}"),
        }
    }
    let keys = if keys.is_empty() { String::new() } else { format!(": {}", keys.join(", ")) };
    format!("{}{name}{expected}{keys}", kind.replace('_', " "))
}

/// Parses the JSON text of a configuration and hides its secrets.
fn redact_config(json: &Value) -> Value {
    let config = json.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(mut config) = config else { return Value::Null };
    for token in ["private_token", "public_token", "profile_token"] {
        hide(&mut config[token]);
    }
    for token in config["token"].as_array_mut().into_iter().flatten() {
        hide(&mut token["token"]);
    }
    config["source"].as_array_mut().into_iter().flatten().for_each(redact_source);
    config
}

/// Hides the secrets in a configuration change. Its JSON texts become values.
fn redact_change(change: &mut Value) {
    for (kind, key) in [
        ("put_source", "source"),
        ("put_token", "token"),
        ("put_trait", "definition"),
        ("put_scenario", "scenario"),
        ("put_destination", "destination"),
        ("put_interaction_weights", "weights"),
        ("put_settings", "settings"),
        ("put_audience", "audience"),
        ("put_computed_trait", "definition"),
        ("put_export", "export"),
        ("put_feed", "feed"),
        ("put_campaign", "campaign"),
        ("put_journey", "journey"),
    ] {
        let Some(text) = change.get(kind).and_then(|put| put[key].as_str()) else { continue };
        let mut value = serde_json::from_str(text).unwrap_or(Value::Null);
        match kind {
            "put_source" => redact_source(&mut value),
            "put_token" => hide(&mut value["token"]),
            _ => {}
        }
        change[kind][key] = value;
    }
}

fn redact_source(source: &mut Value) {
    hide(&mut source["write_key"]);
    if let Some(earlier) = source.get_mut("earlier_key") {
        hide(&mut earlier["write_key"]);
    }
    if let Some(oauth) = source.get_mut("oauth") {
        hide(&mut oauth["token_secret"]);
    }
    source["bearer_tokens"].as_array_mut().into_iter().flatten().for_each(hide);
}

/// Hides the write keys in the beginning of a request, which may be cut at any place.
pub fn redact_write_keys(excerpt: &str) -> String {
    let mut parts = excerpt.split(WRITE_KEY);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(WRITE_KEY);
        let mut pieces = part.splitn(3, '"');
        match (pieces.next(), pieces.next(), pieces.next()) {
            (Some(colon), Some(_), rest) if colon.trim() == ":" => {
                shown.push_str(colon);
                shown.push_str("\"…");
                rest.into_iter().for_each(|rest| shown.extend(["\"", rest]));
            }
            _ => shown.push_str(part),
        }
    }
    shown
}

fn hide(secret: &mut Value) {
    let Some(text) = secret.as_str() else { return };
    let n_chars = text.chars().count();
    let n_shown = if n_chars < SECRET_CHARS_MIN { 0 } else { SECRET_CHARS_SHOWN };
    *secret = text.chars().take(n_shown).chain(['…']).collect::<String>().into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_cut_after_a_word_that_is_not_too_long() {
        let shortened = |text: &str| shorten(text.chars());
        let words = "wörd ".repeat(40);
        assert_eq!(shortened(&words[..words.len() - 1]), "wörd ".repeat(31) + "wörd…");
        let n_max = SUMMARY_CHARS_MAX;
        assert_eq!(shortened(&"x".repeat(n_max)), "x".repeat(n_max));
        assert_eq!(shortened(&"x".repeat(n_max + 1)), "x".repeat(n_max - 1) + "…");
        let listed = format!("{},{}", "x".repeat(n_max - 10), "y".repeat(20));
        assert_eq!(shortened(&listed), "x".repeat(n_max - 10) + "…");
        let long_word = format!("a {}", "x".repeat(n_max));
        assert_eq!(shortened(&long_word).chars().count(), n_max);
    }

    #[test]
    fn the_write_key_in_a_rejected_request_is_not_shown() {
        for (excerpt, shown) in [
            (r#"{"writeKey":"k1","event":"a"}"#, r#"{"writeKey":"…","event":"a"}"#),
            (
                r#"[{"writeKey" : "k1"},{"writeKey":"k2"}]"#,
                r#"[{"writeKey" : "…"},{"writeKey":"…"}]"#,
            ),
            (r#"{"a":1,"writeKey":"k1 and no en"#, r#"{"a":1,"writeKey":"…"#),
            (r#"{"writeKey":7,"event":"a"}"#, r#"{"writeKey":7,"event":"a"}"#),
            (r#"{"event":"a","writeKey""#, r#"{"event":"a","writeKey""#),
            ("no JSON", "no JSON"),
        ] {
            assert_eq!(redact_write_keys(excerpt), shown);
        }
    }
}
