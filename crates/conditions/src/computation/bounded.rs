//! A multiset that is kept within bounds, the same in whatever order it was filled.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
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
#[serde(bound(deserialize = "T: DeserializeOwned + Ord"))]
pub(super) struct Bounded<T> {
    #[serde(with = "pairs")]
    times: BTreeMap<T, u64>,
    /// The size of all that is kept.
    bytes: usize,
    /// The first element for which there was no room.
    cut: Option<T>,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { times: BTreeMap::new(), bytes: 0, cut: None }
    }
}

impl<T: Size + Ord> Bounded<T> {
    pub(super) fn add(&mut self, element: T, times: u64) {
        if self.cut.as_ref().is_some_and(|cut| *cut <= element) {
            return;
        }
        let bytes = element.bytes();
        let known = self.times.entry(element).or_insert_with(|| {
            self.bytes += bytes;
            0
        });
        *known += times;
        while self.times.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX {
            self.cut_last();
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (element, times) in other.times {
            self.add(element, times);
        }
        while let Some(cut) = &other.cut
            && self.times.last_key_value().is_some_and(|(last, _)| last >= cut)
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
        self.times.keys().chain(&self.cut).any(is_wanted)
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Forgets the last elements while they are not needed.
    pub(super) fn forget_last(&mut self, is_needed: impl Fn(&T) -> bool) {
        while let Some((last, _)) = self.times.last_key_value()
            && !is_needed(last)
        {
            self.bytes -= last.bytes();
            self.times.pop_last();
        }
    }

    fn cut_last(&mut self) {
        if let Some((last, _)) = self.times.pop_last() {
            self.bytes -= last.bytes();
            self.cut = Some(last);
        }
    }
}

/// A map as a list of pairs, since keys of JSON are texts.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        times: &BTreeMap<T, u64>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(times)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de> + Ord, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<T, u64>, D::Error> {
        Ok(Vec::<(T, u64)>::deserialize(from)?.into_iter().collect())
    }
}
