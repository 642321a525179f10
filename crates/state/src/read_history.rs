//! What the past of people comes to for an audience or a computed trait: an entry that the engine
//! journals after it has read the messages.

use conditions::{KeptEvents, Tracked};
use domain::Timestamp;
use profiles::ExternalIdType;

/// The past of some people.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadHistory {
    /// When it was written.
    pub at: Timestamp,
    /// At most [`PEOPLE_PER_ENTRY_MAX`], each once for each audience or trait.
    pub people: Vec<PersonHistory>,
}

/// The most pasts of one entry.
pub const PEOPLE_PER_ENTRY_MAX: usize = 500;

/// The past of a person for one audience or computed trait.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonHistory {
    /// The key of the audience or trait.
    pub key: String,
    /// An id by which the person is found.
    pub person: (ExternalIdType, String),
    /// The offset before which all of their events are in it. The fold takes it if it still waits
    /// for just this past.
    pub until: u64,
    /// What these events come to; none where that is too long for an entry and does not count.
    pub events: Option<PastEvents>,
}

/// What past events come to.
#[derive(Debug, Clone, PartialEq)]
pub enum PastEvents {
    /// For an audience.
    Audience(Tracked),
    /// For a computed trait.
    Trait(KeptEvents),
}

impl PastEvents {
    /// Whether a text among the values is one of those that `is_wanted` tells.
    pub(crate) fn has_text(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        match self {
            // Nothing but times.
            Self::Audience(_) => false,
            Self::Trait(kept) => kept.has_text(&is_wanted),
        }
    }
}
