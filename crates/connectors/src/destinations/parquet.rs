//! Parquet files in a folder or a bucket.

mod encode;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use activation::Failure;
use domain::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::encode::encode;
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all, object_field, text_field, time_field,
};
use crate::storage::Storage;
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "parquet",
    settings: include_str!("parquet/settings.json"),
    actions: Actions::Files(&[include_str!("parquet/actions/write.json")]),
    presets: Presets::File(include_str!("parquet/presets.json")),
    connect,
};

/// The most bytes of the rows of a file, as JSON.
const FILE_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The most columns of a row.
const COLUMNS_MAX: usize = 200;
/// The longest name of the folder of an event, in bytes; file systems take 255.
const FOLDER_BYTES_MAX: usize = 200;
/// The column by which readers know a repeated message.
const KEY: &str = "message_id";
/// Characters of an event that its folder has in another form.
const FOLDER_ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b' ');
/// What is put to see whether anything can be; its name ends as no file's for readers.
const CHECK_FILE: &str = "_tastemaker_check";

struct Parquet {
    storage: Arc<Storage>,
    file_rows_max: usize,
    file_age_ms: u64,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    Ok(Arc::new(Parquet {
        storage: Arc::new(Storage::of_settings(settings, outgoing)?),
        file_rows_max: settings.integer("file_rows_max"),
        file_age_ms: settings.integer("file_age_s") as u64 * 1_000,
    }))
}

fn row(prepared: &Prepared) -> &Map<String, Value> {
    prepared.data["row"].as_object().expect("prepared by the same sender")
}

/// The path of the file of a batch: the same batch has the same file. Names are in the order of
/// arrival.
fn file_path(batch: &[Arc<Prepared>]) -> String {
    let arrivals = batch.iter().filter_map(|prepared| prepared.data["received_ms"].as_i64());
    let first = Timestamp(arrivals.min().unwrap_or_default()).to_string().replace([':', '.'], "-");
    let mut digest = Sha256::new();
    batch.iter().for_each(|prepared| digest.update(prepared.delivery_id.as_bytes()));
    let hex: String = digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}/{first}-{hex}.parquet", batch[0].group)
}

impl Sender for Parquet {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.file_rows_max,
            bytes_max: FILE_BYTES_MAX,
            age_ms: self.file_age_ms,
            is_atomic: true,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
        let event = text_field(&made, "event");
        let event = event.unwrap_or_else(|| made.message.type_.word().to_owned());
        let folder = utf8_percent_encode(&event, FOLDER_ESCAPED).to_string();
        if folder.len() > FOLDER_BYTES_MAX {
            let what = format!(
                "makes a folder of {} bytes, the limit is {FOLDER_BYTES_MAX}",
                folder.len()
            );
            return Err(wrong("event", what));
        }
        let time = time_field(&made, "time")?.unwrap_or(made.message.timestamp).to_string();
        let date = time.split('T').next().unwrap_or_default();
        let mut row = object_field(&made, "columns");
        row.entry(KEY).or_insert_with(|| made.message.message_id.as_str().into());
        if row.len() > COLUMNS_MAX {
            let what = format!("has {} columns, the limit is {COLUMNS_MAX}", row.len());
            return Err(wrong("columns", what));
        }
        let data = json!({ "received_ms": made.message.received_at.0, "row": row });
        Ok(Prepared::new(made.delivery_id, &format!("event={folder}/date={date}"), data))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        vec![DescribedRequest {
            method: "PUT".to_owned(),
            path: self.storage.describe(&file_path(batch)),
            headers: BTreeMap::new(),
            body: batch.iter().map(|prepared| Value::Object(row(prepared).clone())).collect(),
        }]
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move {
            let (n, path) = (batch.len(), file_path(&batch));
            let encoded = tokio::task::spawn_blocking(move || {
                encode(&batch.iter().map(|prepared| row(prepared)).collect::<Vec<_>>())
            });
            let outcome = match encoded.await.expect("it does not panic") {
                Ok(file) => self.storage.put(&path, file).await,
                Err(error) => Err(Failure::Permanent {
                    reason: "not_written".to_owned(),
                    text: error.to_string(),
                }),
            };
            for_all(n, outcome)
        })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move { self.storage.put(CHECK_FILE, Vec::new()).await })
    }
}
