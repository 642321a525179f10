//! What is kept of a person's events, passed over without being read.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Stands for a [`Tracked`](crate::Tracked) among bytes whose meaning follows from their place:
/// where this is read, that can be read. It costs no memory.
#[derive(Deserialize)]
pub struct TrackedPassedOver {
    _parts: Each<KeptPassedOver>,
}

#[derive(Deserialize)]
struct KeptPassedOver {
    _first: OccurrencesPassedOver,
    _second: OccurrencesPassedOver,
}

#[derive(Deserialize)]
struct OccurrencesPassedOver {
    _kept: Each<OccurrencePassedOver>,
    _is_cut: bool,
}

#[derive(Deserialize)]
struct OccurrencePassedOver {
    _at: i64,
    _valid: Option<Each<(i64, i64)>>,
}

/// The elements of a list, each passed over.
struct Each<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(Self(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
    type Value = Self;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<T>()?.is_some() {}
        Ok(self)
    }
}
