//! A multiset that is kept within bounds, the same in whatever order it was filled.

use serde::{Deserialize, Serialize};

use crate::limits::{KEPT_BYTES_MAX, KEPT_MAX};

/// An element with its size.
pub(super) trait Size {
    /// The size in bytes, as it is stored at most.
    fn bytes(&self) -> usize;
}

/// How often each element was added. The first ones in order are kept: at most [`KEPT_MAX`], of at
/// most [`KEPT_BYTES_MAX`] bytes together. All before the first one that has no room are there,
/// with their true numbers, so it does not matter in which order elements came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bounded<T> {
    /// In order.
    times: Vec<(T, u64)>,
    /// The size of all that is kept.
    bytes: usize,
    /// The first element for which there was no room.
    cut: Option<T>,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { times: Vec::new(), bytes: 0, cut: None }
    }
}

impl<T: Size + Ord> Bounded<T> {
    pub(super) fn add(&mut self, element: T, times: u64) {
        if self.cut.as_ref().is_some_and(|cut| *cut <= element) {
            return;
        }
        match self.times.binary_search_by(|(known, _)| known.cmp(&element)) {
            Ok(place) => self.times[place].1 += times,
            Err(place) => {
                self.bytes += element.bytes();
                self.times.insert(place, (element, times));
            }
        }
        while self.times.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX {
            self.cut_last();
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (element, times) in other.times {
            self.add(element, times);
        }
        while let Some(cut) = &other.cut
            && self.times.last().is_some_and(|(last, _)| last >= cut)
        {
            self.cut_last();
        }
        self.cut = match (self.cut.take(), other.cut) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// The elements in order, each with its number.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&T, u64)> {
        self.times.iter().map(|(element, times)| (element, *times))
    }

    /// Whether one of the elements is wanted, or the first one for which there was no room.
    pub(super) fn any(&self, is_wanted: impl Fn(&T) -> bool) -> bool {
        self.times.iter().map(|(element, _)| element).chain(&self.cut).any(is_wanted)
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Forgets the last elements while they are not needed.
    pub(super) fn forget_last(&mut self, is_needed: impl Fn(&T) -> bool) {
        while let Some((last, _)) = self.times.pop_if(|(last, _)| !is_needed(last)) {
            self.bytes -= last.bytes();
        }
    }

    fn cut_last(&mut self) {
        if let Some((last, _)) = self.times.pop() {
            self.bytes -= last.bytes();
            self.cut = Some(last);
        }
    }
}
