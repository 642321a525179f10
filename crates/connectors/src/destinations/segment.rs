//! Another host with Segment's tracking API: messages in batches to `/v1/batch`.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::batch_api::{BatchApi, BatchSender};
use crate::kind::{
    Actions, Batching, KindFiles, Made, Prepared, Presets, RequestError, Sender, object_field,
};
use crate::outgoing::{HttpRequest, check_url};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "segment",
    settings: include_str!("segment/settings.json"),
    actions: Actions::Files(&[include_str!("segment/actions/forward.json")]),
    presets: Presets::File(include_str!("segment/presets.json")),
    connect,
};

/// The most bytes of the messages of a request. The API takes 500 KB; the rest is for what is
/// around them.
const BATCH_BYTES_MAX: usize = 480 * 1_024;
/// The most bytes of a message that the API takes.
const MESSAGE_BYTES_MAX: usize = 32 * 1_024;
/// How long a request with room waits for more messages, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// What the receiver sets itself, or would correct the time by a second time.
const LEFT_OUT: [&str; 3] = ["sentAt", "originalTimestamp", "receivedAt"];

struct Segment {
    /// The address of the batch endpoint.
    url: String,
    write_key: String,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let host = settings.text("host").trim_end_matches('/');
    check_url(host).map_err(|what| SettingsError::new("host", what))?;
    let segment = Segment {
        url: format!("{host}/v1/batch"),
        write_key: settings.text("write_key").to_owned(),
        batch_size: settings.integer("batch_size"),
    };
    Ok(BatchSender::shared(outgoing, segment))
}

impl Segment {
    fn batch(&self, messages: &[&Value]) -> HttpRequest {
        let body = json!({ "batch": messages }).to_string().into_bytes();
        HttpRequest::json(Method::POST, self.url.clone(), body).with_basic(&self.write_key, "")
    }
}

impl BatchApi for Segment {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: true,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let mut message = object_field(&made, "message");
        LEFT_OUT.iter().for_each(|key| drop(message.remove(*key)));
        message.entry("type").or_insert_with(|| made.message.type_.word().into());
        message.entry("messageId").or_insert_with(|| made.message.message_id.as_str().into());
        let prepared = Prepared::new(made.delivery_id, "", message.into());
        if prepared.n_bytes > MESSAGE_BYTES_MAX {
            let what = format!("has {} bytes, the limit is {MESSAGE_BYTES_MAX}", prepared.n_bytes);
            return Err(RequestError { field: "message".to_owned(), what });
        }
        Ok(prepared)
    }

    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        self.batch(&batch.iter().map(|prepared| &prepared.data).collect::<Vec<_>>())
    }

    fn check_request(&self) -> HttpRequest {
        self.batch(&[])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kind;
    use crate::testing::{self, Answer, Receiver, message, reasons};

    async fn send(answer: Answer) -> (Receiver, Vec<String>) {
        let receiver = Receiver::start([answer]).await;
        let settings = json!({"write_key": "key", "host": receiver.url});
        let sender = testing::connect("segment", settings);
        let track =
            |id: &str| json!({"type": "track", "userId": "u", "event": "E", "messageId": id});
        let messages = [track("m-1"), track("m-2")];
        let batch = testing::prepare_by_presets(kind("segment").unwrap(), &*sender, &messages);
        let outcomes = sender.send(batch).await;
        (receiver, reasons(&outcomes))
    }

    #[tokio::test]
    async fn messages_go_in_one_batch_with_the_write_key() {
        let (receiver, outcomes) = send((200, &[], "{\"success\":true}".to_owned())).await;
        assert_eq!(outcomes, ["", ""]);
        let received = &receiver.received()[0];
        assert_eq!((&*received.method, &*received.path), ("POST", "/v1/batch"));
        assert_eq!(received.headers["authorization"], "Basic a2V5Og==");
        assert_eq!(received.body["batch"][1]["messageId"], "m-2");
    }

    #[tokio::test]
    async fn the_status_decides_for_all() {
        let (_, outcomes) = send((429, &[("retry-after", "7")], String::new())).await;
        assert_eq!(outcomes, ["retry http_429", "retry http_429"]);
        let (_, outcomes) = send((500, &[], "<html>".to_owned())).await;
        assert_eq!(outcomes, ["retry http_500", "retry http_500"]);
        let (_, outcomes) = send((400, &[], "too large".to_owned())).await;
        assert_eq!(outcomes, ["http_400", "http_400"]);
    }

    #[tokio::test]
    async fn a_check_sends_no_message() {
        let receiver = Receiver::start([(401, [].as_slice(), "no".to_owned())]).await;
        let sender = testing::connect("segment", json!({"write_key": "key", "host": receiver.url}));
        assert_eq!(reasons(&[sender.check().await]), ["http_401"]);
        assert_eq!(receiver.received()[0].body, json!({"batch": []}));
    }

    #[tokio::test]
    async fn a_message_that_grew_beyond_the_limit_is_refused() {
        let sender = testing::connect("segment", json!({"write_key": "key"}));
        let kind = kind("segment").unwrap();
        let long = json!({"type": "track", "userId": "u", "event": "E",
            "properties": {"text": "\"".repeat(16_000)}});
        // Acceptance measures what was written; the receiver's limit is that of what is sent.
        message(&long);
        let mapping = json!([{"name": "M", "trigger": "event = \"E\"", "action": "forward",
            "fields": {"message": {"a": {"@path": "$.properties"}, "b": {"@path": "$.properties"}}}}]);
        let mappings =
            mapping::Mappings::from_json_for(kind.actions, &mapping.to_string()).unwrap();
        let made = testing::prepare(&*sender, &mappings, &[long]);
        let error = made[0].as_ref().unwrap_err();
        assert!(error.contains("message has") && error.ends_with("the limit is 32768"), "{error}");
    }
}
