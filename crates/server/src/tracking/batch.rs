//! `POST /v1/batch`: many messages with what they have in common.

use axum::body::Bytes;
use domain::{Arrival, Envelope, Rejection, RejectionReason};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Checked, single};
use web::error::ApiError;
use web::workspaces::ActiveSource;

/// The largest body of a batch, in bytes.
pub const BATCH_BYTES_MAX: usize = 500 * 1_024;
/// The most messages of a batch.
pub const BATCH_MESSAGES_MAX: usize = 2_500;

/// A batch as it came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire<'a> {
    #[serde(borrow, default)]
    batch: Vec<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    integrations: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    write_key: Option<&'a RawValue>,
}

impl Wire<'_> {
    pub(super) fn n_messages(&self) -> usize {
        self.batch.len()
    }

    pub(super) fn write_key(&self) -> Option<String> {
        self.write_key.and_then(|raw| serde_json::from_str(raw.get()).ok())
    }
}

pub(super) fn read(body: &Bytes) -> Result<Wire<'_>, ApiError> {
    /// The body of a sender who puts something else where the messages belong.
    #[derive(Deserialize)]
    struct Misused {
        batch: Value,
    }
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(Misused { batch }) if !batch.is_array() => {
            ApiError::bad_request("batch must be an array of messages")
        }
        _ => single::not_json(&error),
    })
}

/// Checks every message. A batch that is empty or too long is rejected whole, as one rejection.
pub(super) fn check<'a>(
    wire: &'a Wire<'_>,
    source: &'a ActiveSource,
    arrival: &'a Arrival<'_>,
) -> Box<dyn Iterator<Item = Checked> + Send + 'a> {
    let refused = |reason, detail: String| {
        let rejection = Rejection {
            reason,
            detail,
            source: arrival.source.to_owned(),
            message_id: None,
            type_: None,
            received_at: arrival.received_at,
            excerpt: wire
                .batch
                .first()
                .map_or(String::new(), |first| Rejection::cut_excerpt(first.get())),
            violations: Vec::new(),
        };
        Box::new(std::iter::once(Err(source.redacted(Box::new(rejection)))))
    };
    if wire.batch.is_empty() {
        return refused(RejectionReason::EmptyBatch, "batch holds no messages".to_owned());
    }
    if wire.batch.len() > BATCH_MESSAGES_MAX {
        let detail = format!(
            "{} messages in one batch, the limit is {BATCH_MESSAGES_MAX}",
            wire.batch.len()
        );
        return refused(RejectionReason::BatchTooLong, detail);
    }
    let envelope =
        Envelope { context: wire.context, integrations: wire.integrations, sent_at: wire.sent_at };
    let checked = move |raw: &RawValue| source.check_message(raw.get(), None, &envelope, arrival);
    Box::new(wire.batch.iter().map(move |raw| checked(raw).map(Box::new)))
}
