#![doc = include_str!("../README.md")]

mod archive;
mod batch_api;
mod destinations;
mod instance_key;
mod kind;
mod outgoing;
mod settings;
mod storage;
#[cfg(test)]
mod testing;

pub use archive::{Archive, ArchiveError};
pub use destinations::{kind, kinds};
pub use instance_key::{InstanceKey, KeyError, is_sealed};
pub use kind::{
    Batching, DescribedRequest, Kind, Made, Prepared, RequestError, SendFuture, Sender,
};
pub use outgoing::{NetworkPolicy, Outgoing, OutgoingError, OutgoingOptions};
pub use settings::{SettingSchema, SettingType, Settings, SettingsError, SettingsSchema};
