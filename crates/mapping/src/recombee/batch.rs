//! Many messages of one mapping in one request.

use super::{Request, Settings, batch_request, entry, mapping_entries};
use crate::action::Mode;
use crate::mapping::{Mapping, MappingError};
use crate::payload::Payload;

/// What a mapping makes of many messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// One request for all accepted messages; absent if none was accepted, or if one of them
    /// spoiled a compatible batch.
    pub request: Option<Request>,
    /// For each message: whether it is in the request.
    pub messages: Vec<BatchMessage>,
}

/// What became of a message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchMessage {
    /// It is in the request.
    Accepted,
    /// The trigger does not match it.
    NotMatched,
    /// It cannot be mapped.
    Refused(Vec<MappingError>),
    /// It is not sent because of another message: only in compatible batches.
    Spoiled,
}

/// Maps messages in one batch, in their order. The request has one entry for each, and one for each
/// line of an order.
pub fn map_batch(
    mapping: &Mapping,
    messages: &[Payload<'_>],
    settings: &Settings,
    is_compatible: bool,
) -> Batch {
    let mut entries = Vec::new();
    let mut is_spoiled = false;
    let mut outcomes: Vec<BatchMessage> = Vec::with_capacity(messages.len());
    for payload in messages {
        outcomes.push(match map_one(mapping, payload, is_compatible) {
            Ok(Some(made)) => {
                entries.extend(made);
                BatchMessage::Accepted
            }
            Ok(None) => BatchMessage::NotMatched,
            Err(refusal) => {
                is_spoiled |= refusal.spoils && is_compatible;
                BatchMessage::Refused(refusal.errors)
            }
        });
    }
    if is_spoiled {
        let accepted = outcomes.iter_mut().filter(|outcome| **outcome == BatchMessage::Accepted);
        accepted.for_each(|outcome| *outcome = BatchMessage::Spoiled);
    }
    let is_sent = outcomes.contains(&BatchMessage::Accepted);
    let request = is_sent.then(|| batch_request(entries, settings));
    Batch { request, messages: outcomes }
}

struct Refusal {
    errors: Vec<MappingError>,
    /// Whether it is found while the entries are built, where the original gives up.
    spoils: bool,
}

fn map_one(
    mapping: &Mapping,
    payload: &Payload<'_>,
    is_compatible: bool,
) -> Result<Option<Vec<entry::Entry>>, Refusal> {
    let early = |errors| Refusal { errors, spoils: false };
    if !mapping.takes(payload).map_err(|error| early(vec![error]))? {
        return Ok(None);
    }
    let checked = mapping.check(payload, Mode::Batch).map_err(early)?;
    mapping_entries(mapping, checked, is_compatible)
        .map(Some)
        .map_err(|error| Refusal { errors: vec![error.of(mapping, payload)], spoils: true })
}
