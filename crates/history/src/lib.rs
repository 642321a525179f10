#![doc = include_str!("../README.md")]

mod histories;
mod impression;

pub use histories::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, ItemCounts};
pub use impression::Impression;
