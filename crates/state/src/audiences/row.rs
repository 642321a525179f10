//! The row of a person: what is kept of their events, and where they are members since when.

use std::cell::OnceCell;
use std::ops::{Deref, DerefMut};

use conditions::{Tracked, TrackedPassedOver};
use domain::Timestamp;

/// What is kept of a person for all audiences.
#[derive(Debug, Clone, Default)]
pub(crate) struct PersonRow {
    /// [`Audiences::changed_at`](super::Audiences::changed_at) when this was worked out; 0 where it
    /// never was.
    pub(crate) seen: u64,
    /// One for each audience, in any order.
    pub(crate) audiences: Vec<Kept>,
}

/// What is kept of a person for one audience.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The number of the audience.
    pub(crate) number: u32,
    /// The offset of the entry that gave the audience the condition for which this was kept.
    pub(crate) since: u64,
    pub(crate) tracked: StoredTracked,
    /// Since when the person is a member; none if they are not.
    pub(crate) entered: Option<Timestamp>,
    /// Whether a person whose history is not in it was merged into this one.
    pub(crate) is_partial: bool,
}

/// What is kept of events. A row has it for all audiences, and a message concerns few: it is read
/// where it is asked for, and written anew where it may have changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredTracked {
    /// As they are stored; none where it may have changed.
    bytes: Option<Vec<u8>>,
    read: OnceCell<Tracked>,
}

impl PersonRow {
    pub(crate) fn kept(&self, number: u32) -> Option<&Kept> {
        self.audiences.iter().find(|kept| kept.number == number)
    }

    pub(crate) fn kept_mut(&mut self, number: u32) -> Option<&mut Kept> {
        self.audiences.iter_mut().find(|kept| kept.number == number)
    }

    pub(super) fn decode(bytes: &[u8]) -> postcard::Result<Self> {
        let ((seen, n), mut bytes) = postcard::take_from_bytes::<(u64, u32)>(bytes)?;
        let mut audiences = Vec::new();
        for _ in 0..n {
            let ((number, since), stored) = postcard::take_from_bytes(bytes)?;
            let (_, rest) = postcard::take_from_bytes::<TrackedPassedOver>(stored)?;
            let tracked = StoredTracked {
                bytes: Some(stored[..stored.len() - rest.len()].to_vec()),
                read: OnceCell::new(),
            };
            let ((entered, is_partial), rest) = postcard::take_from_bytes(rest)?;
            audiences.push(Kept { number, since, tracked, entered, is_partial });
            bytes = rest;
        }
        Ok(Self { seen, audiences })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = super::encode(&(self.seen, self.audiences.len() as u32));
        for kept in &self.audiences {
            bytes = append(bytes, &(kept.number, kept.since));
            match &kept.tracked.bytes {
                Some(stored) => bytes.extend_from_slice(stored),
                None => bytes = append(bytes, kept.tracked.read()),
            }
            bytes = append(bytes, &(kept.entered, kept.is_partial));
        }
        bytes
    }
}

impl StoredTracked {
    fn read(&self) -> &Tracked {
        self.read.get_or_init(|| {
            let bytes = self.bytes.as_deref().expect("what is not stored was read");
            postcard::from_bytes(bytes).expect("it was passed over as such")
        })
    }

    pub(crate) fn into_read(self) -> Tracked {
        self.read();
        self.read.into_inner().expect("it was just read")
    }
}

impl From<Tracked> for StoredTracked {
    fn from(tracked: Tracked) -> Self {
        Self { bytes: None, read: OnceCell::from(tracked) }
    }
}

impl Deref for StoredTracked {
    type Target = Tracked;

    fn deref(&self) -> &Tracked {
        self.read()
    }
}

impl DerefMut for StoredTracked {
    fn deref_mut(&mut self) -> &mut Tracked {
        self.read();
        self.bytes = None;
        self.read.get_mut().expect("it was just read")
    }
}

fn append(to: Vec<u8>, value: &impl serde::Serialize) -> Vec<u8> {
    postcard::to_extend(value, to).expect("plain fields always encode")
}
