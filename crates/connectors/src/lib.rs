#![doc = include_str!("../README.md")]

mod batch_api;
mod destinations;
mod instance_key;
mod kind;
mod outgoing;
mod settings;
#[cfg(test)]
mod testing;

pub use destinations::{kind, kinds};
pub use instance_key::{InstanceKey, KeyError, is_sealed};
pub use kind::{
    Batching, DescribedRequest, Kind, Made, Prepared, RequestError, SendFuture, Sender,
};
pub use outgoing::{NetworkPolicy, Outgoing, OutgoingError, OutgoingOptions, stand_back};
pub use settings::{SettingSchema, SettingType, Settings, SettingsError, SettingsSchema};
