//! All kinds of destinations.

mod apns;
mod braze;
mod clevertap;
mod email;
mod fcm;
pub(crate) mod in_app;
mod kafka;
mod mailchimp;
mod parquet;
pub(crate) mod postgresql;
mod push;
mod recombee;
mod segment;
#[cfg(test)]
mod tests;
pub(crate) mod text_messages;
mod web_push;
mod webhook;

use std::sync::LazyLock;

pub use self::web_push::VapidKeyPair;
use crate::kind::{Kind, KindFiles};

const FILES: [&KindFiles; 15] = [
    &recombee::FILES,
    &webhook::FILES,
    &segment::FILES,
    &postgresql::FILES,
    &parquet::FILES,
    &kafka::FILES,
    &braze::FILES,
    &clevertap::FILES,
    &mailchimp::FILES,
    &email::FILES,
    &text_messages::FILES,
    &web_push::FILES,
    &fcm::FILES,
    &apns::FILES,
    &in_app::FILES,
];

/// All kinds, in the order in which they are offered.
pub fn kinds() -> &'static [Kind] {
    static KINDS: LazyLock<Vec<Kind>> =
        LazyLock::new(|| FILES.iter().map(|files| Kind::of_files(files)).collect());
    &KINDS
}

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    kinds().iter().find(|kind| kind.name == name)
}
