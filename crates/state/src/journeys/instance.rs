//! Where a person is in a journey.

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

/// A place in the order of what happened: first by time, then by the place in the journal.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Moment {
    /// When it happened.
    pub at: Timestamp,
    /// The offset of the entry that told it; 0 for what time alone brings.
    pub offset: u64,
}

/// For what somebody waits at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Until an instant, or an event before it.
    Until(Timestamp),
    /// For what the engine finds: an instant, or that something was sent.
    Asked,
    /// For what becomes of a message.
    Message,
}

/// One way of a person through a journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The number of the journey.
    pub journey: u32,
    /// The number of its version.
    pub version: u32,
    /// The number of the latest version of which it was looked whether it moves people from here.
    pub followed: u32,
    /// The value of the property `per`.
    pub value: Option<String>,
    /// The entry.
    pub entered: Moment,
    /// The place of the node in the version.
    pub node: u16,
    /// When the person came to the node.
    pub since: Timestamp,
    /// Events up to here do not move the person on.
    pub seen: Moment,
    /// For what the person waits.
    pub stage: Stage,
    /// How many nodes they came to.
    pub step: u32,
    /// How often the wait at the node began anew.
    pub again: u32,
    /// What was sent with events along the way, as JSON text: of the entry, and by node.
    pub context: Vec<(String, String)>,
}

/// Names a way of a person through a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceId {
    /// The number of the journey.
    pub journey: u32,
    /// The entry.
    pub entered: Moment,
}

impl InstanceId {
    /// Its name among messages of campaigns.
    pub fn code(&self) -> u64 {
        let Self { journey, entered: Moment { at, offset } } = self;
        xxh3_64(format!("{journey} {} {offset}", at.0).as_bytes())
    }
}

impl Instance {
    /// Its name among those of the person.
    pub fn id(&self) -> InstanceId {
        InstanceId { journey: self.journey, entered: self.entered }
    }

    /// Keeps what was sent with an event, in place of what was kept under the name. What does not
    /// fit is not kept.
    pub(crate) fn keep(&mut self, name: &str, json: String) {
        self.context.retain(|(known, _)| known != name);
        let n_bytes: usize = self.context.iter().map(|(name, json)| name.len() + json.len()).sum();
        if n_bytes + name.len() + json.len() <= CONTEXT_BYTES_MAX {
            self.context.push((name.to_owned(), json));
        }
    }
}

/// The most that is kept of the events along a way, in bytes.
pub const CONTEXT_BYTES_MAX: usize = 32 * 1_024;

/// Something that happened to a person in a journey, for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineStep {
    /// When.
    pub at: Timestamp,
    /// The number of the journey.
    pub journey: u32,
    /// The value of the property `per`.
    pub value: Option<String>,
    /// The name of the node at which it happened.
    pub node: String,
    /// What happened there: `arrived`, or why they left the journey.
    pub what: String,
}

/// What brings somebody into a journey.
#[derive(Debug, Clone, PartialEq)]
pub struct Entering {
    /// When.
    pub moment: Moment,
    /// What was sent with it.
    pub properties: Map<String, Value>,
}
