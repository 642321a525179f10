#![doc = include_str!("../README.md")]

mod histories;
mod impression;
mod people_by_item;
mod weak_signal;

pub use histories::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, ItemCounts};
pub use impression::Impression;
pub use people_by_item::{Companions, LookBack, PeopleByItem, PeopleCounter};
pub use weak_signal::WeakSignal;
