//! What an entry of the journal asks of a destination: a message, a value that changed, a dead
//! letter that is to be delivered anew, or a message of a replay.

use std::borrow::Cow;
use std::sync::Arc;

use activation::{Job, Withheld};
use connectors::{Made, Sender};
use domain::{Arrival, Envelope, Message, WorkspaceId, check_message};
use mapping::{Mapping, MappingError, Payload};
use state::{CampaignEntry, DecisionOutcome, JourneyEntry, Notification, ReplayCommand};
use uuid::Uuid;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::handing::{Parcel, is_once};
use super::versions::Compiled;
use crate::shared::Shared;
use crate::{Command, EngineError, Entry};

/// The most retries of one dead letter that are followed back to its message.
const RETRIES_FOLLOWED_MAX: usize = 1_000;
/// The reason of a dead letter that no mapping could map.
pub(super) const REASON_UNMAPPED: &str = "mapping";

/// Something to be delivered.
pub(crate) struct Deliverable {
    /// The message, or what it was changed to.
    pub(crate) message: Box<Message>,
    /// Only by this mapping, where a dead letter is delivered anew.
    pub(crate) mapping: Option<String>,
    /// Whether somebody has changed it.
    pub(crate) is_edited: bool,
    /// The replay that asks for it once more.
    pub(crate) replay: Option<Uuid>,
    /// By what everything else is told of it, where it is a message of a campaign.
    pub(crate) notification: Option<Arc<Notification>>,
}

impl Deliverable {
    /// A message as it came.
    pub(crate) fn of_message(message: Box<Message>) -> Self {
        Self { message, mapping: None, is_edited: false, replay: None, notification: None }
    }
}

/// What the entry at an offset asks of a destination; none if nothing.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) fn deliverable(
    shared: &Shared,
    destination: &str,
    offset: u64,
    entry: Entry,
) -> Result<Option<Deliverable>, EngineError> {
    let (mut offset, mut entry) = (offset, entry);
    let (mut mapping, mut replay) = (None, None);
    for _ in 0..RETRIES_FOLLOWED_MAX {
        let command = match entry {
            Entry::Message(message) => {
                return Ok(Some(Deliverable {
                    mapping,
                    replay,
                    ..Deliverable::of_message(message)
                }));
            }
            Entry::Sync(value) if value.destinations.iter().any(|name| name == destination) => {
                let message = Box::new(value.message(&shared.config.load().id, offset));
                return Ok(Some(Deliverable {
                    mapping,
                    replay,
                    ..Deliverable::of_message(message)
                }));
            }
            Entry::Campaign(entry) => {
                let CampaignEntry::Decision(decision) = *entry else { return Ok(None) };
                let is_its = matches!(&decision.outcome,
                    DecisionOutcome::Sent(sent) if sent.channel == destination);
                let config = shared.config.load();
                let workspace = &config.id;
                let message = decision.message(workspace).filter(|_| is_its);
                let deliverable = |message| Deliverable {
                    mapping,
                    replay,
                    notification: Notification::of(&decision, workspace).map(Arc::new),
                    ..Deliverable::of_message(Box::new(message))
                };
                return Ok(message.map(deliverable));
            }
            Entry::Journey(entry) => {
                let JourneyEntry::Answer(answer) = *entry else { return Ok(None) };
                let message = answer.message(&shared.config.load().id, destination);
                let deliverable = |message| Deliverable {
                    mapping,
                    replay,
                    ..Deliverable::of_message(Box::new(message))
                };
                return Ok(message.map(deliverable));
            }
            Entry::Command { command, .. } => *command,
            _ => return Ok(None),
        };
        let (other, asked, message) = match command {
            Command::RetryDeadLetter { destination, offset, mapping: of, message } => {
                mapping.get_or_insert(of);
                (destination, offset, message)
            }
            Command::Replay(ReplayCommand::Message { id, destination, offset }) => {
                replay.get_or_insert(id);
                (destination, offset, None)
            }
            _ => return Ok(None),
        };
        if other != destination {
            return Ok(None);
        }
        offset = asked;
        let Some(bytes) = shared.journal.get(journal::Offset(offset))? else { return Ok(None) };
        entry = Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
        if let Some(json) = message {
            let original = deliverable(shared, destination, offset, entry)?;
            let edited = original.and_then(|original| {
                let message = edit(&original.message, &json).ok()?;
                Some(Deliverable { message, mapping, is_edited: true, ..original })
            });
            return Ok(edited);
        }
    }
    Ok(None)
}

/// The message with another text, as if it had come with that.
///
/// # Errors
/// If the text is no message, why.
pub(crate) fn edit(original: &Message, json: &str) -> Result<Box<Message>, String> {
    let arrival =
        Arrival { received_at: original.received_at, source: &original.source, peer_ip: None };
    let checked = check_message(json, Some(original.type_), &Envelope::default(), &arrival);
    let message = checked.map_err(|rejection| rejection.detail)?;
    Ok(Box::new(Message { message_id: original.message_id.clone(), ..message }))
}

/// What becomes of a deliverable: its jobs, and the mappings that failed.
pub(crate) struct Mapped {
    pub(crate) jobs: Vec<Job<Parcel>>,
    /// The name of each mapping that failed, with the reason.
    pub(crate) failed: Vec<(String, String)>,
}

/// Maps a deliverable for a destination.
///
/// # Errors
/// If the destination does not get the message.
pub(crate) fn map(
    compiled: &Compiled,
    sender: &dyn Sender,
    workspace: &WorkspaceId,
    offset: u64,
    deliverable: &Deliverable,
    only: &[String],
) -> Result<Mapped, Withheld> {
    let mut mapped = Mapped { jobs: Vec::new(), failed: Vec::new() };
    let destination = &compiled.destination;
    let Some(rules) = &compiled.rules else { return Ok(mapped) };
    let title = super::kind_of(destination).map(|kind| kind.title()).unwrap_or_default();
    let message: Cow<'_, Message> =
        rules.apply(&deliverable.message, &[destination.name.as_str(), title])?;
    let payload = Payload::for_destination(&message);
    let is_wanted = |mapping: &Mapping| {
        let is_named = deliverable.mapping.as_ref().is_none_or(|name| *name == mapping.name);
        is_named && (only.is_empty() || only.contains(&mapping.name))
    };
    let mode = sender.batching().mode();
    let mut keys = Vec::new();
    for (mapping, matched) in compiled.mappings.matching(&payload) {
        if !is_wanted(mapping) {
            continue;
        }
        let checked = matched.map_err(|error| vec![error]);
        let checked = checked.and_then(|()| mapping.check(&payload, mode));
        let fields = match checked {
            Ok(fields) => fields,
            Err(errors) => {
                mapped.failed.push((mapping.name.clone(), in_words(&errors)));
                continue;
            }
        };
        let made = Made {
            action: mapping.action,
            fields,
            message: &message,
            delivery_id: delivery_id(
                workspace,
                destination.name.as_str(),
                offset,
                deliverable,
                mapping,
            ),
        };
        match sender.prepare(made) {
            Ok(prepared) => {
                if keys.is_empty() {
                    keys = user_keys(&deliverable.message);
                }
                mapped.jobs.push(Job {
                    offset,
                    mapping: mapping.name.as_str().into(),
                    keys: keys.clone(),
                    group: Arc::clone(&prepared.group),
                    bytes: prepared.n_bytes,
                    is_once: is_once(destination, sender, deliverable.notification.is_some()),
                    payload: Parcel {
                        prepared: Arc::new(prepared),
                        notification: deliverable.notification.clone(),
                    },
                });
            }
            Err(error) => mapped.failed.push((mapping.name.clone(), error.to_string())),
        }
    }
    Ok(mapped)
}

fn in_words(errors: &[MappingError]) -> String {
    let words: Vec<&str> = errors.iter().map(|error| error.what.as_str()).collect();
    words.join("; ")
}

/// The ids of the users that a message is about, hashed.
fn user_keys(message: &Message) -> Vec<u64> {
    let ids = [&message.user_id, &message.anonymous_id, &message.previous_id];
    let mut keys: Vec<u64> = ids.into_iter().flatten().map(|id| xxh3_64(id.as_bytes())).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Identifies a delivery over all repeats, also those after a crash: 32 hexadecimal digits. A
/// changed message is another delivery, and so is one of a replay: a receiver that drops repeats
/// must take it.
fn delivery_id(
    workspace: &WorkspaceId,
    destination: &str,
    offset: u64,
    deliverable: &Deliverable,
    mapping: &Mapping,
) -> String {
    let edit = if deliverable.is_edited { offset } else { 0 };
    let message_id = &deliverable.message.message_id;
    let mut parts = format!("{workspace}\0{destination}\0{message_id}\0{}\0{edit}", mapping.name);
    if let Some(replay) = deliverable.replay {
        parts.push_str(&format!("\0{replay}"));
    }
    format!("{:032x}", xxh3_128(parts.as_bytes()))
}
