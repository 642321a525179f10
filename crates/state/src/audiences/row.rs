//! The row of a person: what is kept of their events, and where they are members since when.

use conditions::Tracked;
use domain::Timestamp;
use store::StoreError;

use crate::stored::{RowReader, Stored, append, row_with_room};

/// What is kept of a person for all audiences.
#[derive(Debug, Clone, Default)]
pub(crate) struct PersonRow {
    /// [`Audiences::changed_at`](super::Audiences::changed_at) when this was worked out; 0 where it
    /// never was.
    pub(crate) seen: u64,
    /// One for each audience, by their numbers.
    audiences: Vec<Kept>,
    /// How long the row was as it was read.
    n_bytes: usize,
}

/// What is kept of a person for one audience.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The number of the audience.
    pub(crate) number: u32,
    /// The offset of the entry that gave the audience the condition for which this was kept.
    pub(crate) since: u64,
    pub(crate) tracked: Stored<Tracked>,
    /// Since when the person is a member; none if they are not.
    pub(crate) entered: Option<Timestamp>,
    /// When time alone changes whether they are one; none if it does not, or is not to yet.
    pub(crate) due: Option<Timestamp>,
    /// Whether a person whose history is not in it was merged into this one.
    pub(crate) is_partial: bool,
    /// How many past stays there are rows of.
    pub(crate) n_stays: u32,
}

impl PersonRow {
    pub(crate) fn all(&self) -> &[Kept] {
        &self.audiences
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Kept] {
        &mut self.audiences
    }

    pub(crate) fn kept(&self, number: u32) -> Option<&Kept> {
        self.place(number).ok().map(|place| &self.audiences[place])
    }

    pub(crate) fn kept_mut(&mut self, number: u32) -> Option<&mut Kept> {
        self.place(number).ok().map(|place| &mut self.audiences[place])
    }

    /// Adds what is kept for an audience, in place of what was.
    pub(crate) fn put(&mut self, kept: Kept) {
        match self.place(kept.number) {
            Ok(place) => self.audiences[place] = kept,
            Err(place) => self.audiences.insert(place, kept),
        }
    }

    pub(crate) fn retain(&mut self, is_wanted: impl Fn(u32) -> bool) {
        self.audiences.retain(|kept| is_wanted(kept.number));
    }

    /// When time alone changes the first membership.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.audiences.iter().filter_map(|kept| kept.due).min()
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        self.audiences.binary_search_by_key(&number, |kept| kept.number)
    }

    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, StoreError> {
        let mut row = RowReader::new(bytes, "row of a person's audiences");
        let (seen, n): (u64, u32) = row.read()?;
        let mut audiences = row.list(n);
        for _ in 0..n {
            let (number, since, entered, due, is_partial, n_stays) = row.read()?;
            let tracked = row.part()?;
            audiences.push(Kept { number, since, tracked, entered, due, is_partial, n_stays });
        }
        Ok(Self { seen, audiences, n_bytes: row.n_bytes() })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut row = row_with_room(self.n_bytes);
        append(&mut row, &(self.seen, self.audiences.len() as u32));
        for Kept { number, since, tracked, entered, due, is_partial, n_stays } in &self.audiences {
            append(&mut row, &(number, since, entered, due, is_partial, n_stays));
            tracked.append_to(&mut row);
        }
        row
    }
}
