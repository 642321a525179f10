#![doc = include_str!("../README.md")]

mod histories;
mod impression;
mod weak_signal;

pub use histories::{HISTORY_ENTRIES_MAX, Histories, HistoryEntry, ItemCounts};
pub use impression::Impression;
pub use weak_signal::WeakSignal;
