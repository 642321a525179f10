//! How far a destination came, as it is journalled: a place in the journal, and the exceptions to
//! it.

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest text of a dead letter, in bytes.
pub const TEXT_BYTES_MAX: usize = 500;
/// The longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 40;
/// The most kinds of reasons that are counted apart. Further ones count as `other`.
pub const REASONS_MAX: usize = 32;
/// Where further kinds of reasons are counted.
const REASON_OTHER: &str = "other";

/// A message before the place of a destination that is not delivered in whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDelivery {
    /// The offset of the message in the journal.
    pub offset: u64,
    /// The mappings whose jobs are to be delivered; empty for all.
    pub mappings: Vec<String>,
    /// The time of the first attempt; without attempts, when the message was read.
    pub since: Timestamp,
    /// Attempts so far, as far as they were journalled.
    pub attempts: u32,
}

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The offset of the message in the journal.
    pub offset: u64,
    /// The mapping. With the offset it identifies the dead letter: the same one may be journalled
    /// twice after a crash.
    pub mapping: String,
    /// When it was given up.
    pub at: Timestamp,
    /// The time of the first attempt; without attempts, `at`.
    pub since: Timestamp,
    /// How often it was tried; zero where its mapping failed.
    pub attempts: u32,
    /// A short label of the last failure, such as `http_400`; up to [`REASON_BYTES_MAX`].
    pub reason: String,
    /// The last failure for people; up to [`TEXT_BYTES_MAX`].
    pub text: String,
}

/// What changed since the progress before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Every message before it is done, but for the open ones.
    pub place: u64,
    /// Messages before the place that are open. Each takes the place of an earlier one of the same
    /// offset.
    pub opened: Vec<OpenDelivery>,
    /// Offsets of open messages that are done now.
    pub closed: Vec<u64>,
    /// Deliveries that were given up.
    pub dead: Vec<DeadLetter>,
    /// Jobs that were delivered.
    pub delivered: u64,
    /// Attempts that failed and are repeated.
    pub retried: u64,
    /// Dead letters by reason.
    pub failed: BTreeMap<String, u64>,
}

/// Where a destination stands: all its progress, applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenState {
    /// The offset of the first message that it has not read.
    pub place: u64,
    /// Messages before it that are not delivered in whole, by offset.
    pub open: BTreeMap<u64, OpenDelivery>,
}

impl OpenState {
    /// Applies what changed.
    pub fn apply(&mut self, progress: &Progress) {
        self.place = self.place.max(progress.place);
        for open in &progress.opened {
            self.open.insert(open.offset, open.clone());
        }
        for offset in &progress.closed {
            self.open.remove(offset);
        }
    }
}

impl Progress {
    /// Puts the changes of an earlier progress, which was not journalled, before these.
    pub(crate) fn prepend(&mut self, mut earlier: Self) {
        earlier.closed.append(&mut self.closed);
        self.closed = earlier.closed;
        earlier.dead.append(&mut self.dead);
        self.dead = earlier.dead;
        self.delivered += earlier.delivered;
        self.retried += earlier.retried;
        for (reason, n) in &earlier.failed {
            count_reason(&mut self.failed, reason, *n);
        }
    }
}

/// Counts a reason. The number of kinds stays bounded by [`REASONS_MAX`].
pub fn count_reason(counts: &mut BTreeMap<String, u64>, reason: &str, n: u64) {
    let is_known = counts.contains_key(reason) || counts.len() + 1 < REASONS_MAX;
    let reason = if is_known { reason } else { REASON_OTHER };
    match counts.get_mut(reason) {
        Some(count) => *count += n,
        None => {
            counts.insert(reason.to_owned(), n);
        }
    }
}

/// A text without what is beyond a limit in bytes.
pub(crate) fn shorten(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
    }
    text
}
