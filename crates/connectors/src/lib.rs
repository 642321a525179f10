#![doc = include_str!("../README.md")]

mod archive;
mod batch_api;
mod destinations;
mod export_place;
mod instance_key;
mod kind;
mod outgoing;
mod parquet_file;
mod settings;
mod storage;
#[cfg(test)]
mod testing;
mod web_token;

pub use archive::{Archive, ArchiveError};
pub use destinations::in_app::{check_in_app_fields, in_app_identity_secret, make_in_app};
pub use destinations::text_messages::{ReceiptCall, ReceiptError, read_receipt};
pub use destinations::{VapidKeyPair, kind, kinds};
pub use export_place::{EXPORT_KINDS, ExportPlace, LogMove, Tables};
pub use instance_key::{InstanceKey, KeyError, is_sealed};
pub use kind::{
    Batching, DescribedRequest, Kind, Made, Once, Prepared, RequestError, SendFuture, Sender,
};
pub use outgoing::{
    AnswerError, DOWNLOAD_BYTES_MAX, DOWNLOAD_PAUSE_MAX, DOWNLOAD_TIME_MAX, DownloadError,
    NetworkPolicy, Outgoing, OutgoingError, OutgoingOptions, check_file_url,
};
pub use parquet_file::{ParquetColumn, ParquetError, ParquetFile, ParquetType};
pub use settings::{SettingSchema, SettingType, Settings, SettingsError, SettingsSchema};
