//! CleverTap: events and profiles to `/1/upload`, in batches whose answer names the records that
//! were not taken.

mod records;

use std::sync::Arc;

use activation::Failure;
use reqwest::Method;
use serde_json::{Value, json};

use self::records::make_record;
use crate::batch_api::{BatchApi, BatchSender, Deletion};
use crate::kind::{
    Actions, Batching, KindFiles, Made, Prepared, Presets, RequestError, Sender, for_all,
};
use crate::outgoing::{HttpRequest, HttpResponse, check_status, check_url, unreadable};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "clevertap",
    settings: include_str!("clevertap/settings.json"),
    actions: Actions::Files(&[
        include_str!("clevertap/actions/uploadEvent.json"),
        include_str!("clevertap/actions/uploadProfile.json"),
    ]),
    presets: Presets::File(include_str!("clevertap/presets.json")),
    connect,
};

/// The most bytes of the records of a request.
const BATCH_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// How long a request with room waits for more records, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// The most profiles that are deleted by one request.
const DELETED_MAX: usize = 100;

struct Clevertap {
    /// Without a slash at its end.
    host: String,
    account_id: String,
    passcode: String,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let host = match settings.text("host").trim_end_matches('/') {
        "" => format!("https://{}.api.clevertap.com", settings.text("region")),
        host => host.to_owned(),
    };
    check_url(&host).map_err(|what| SettingsError::new("host", what))?;
    let clevertap = Clevertap {
        host,
        account_id: settings.text("account_id").to_owned(),
        passcode: settings.text("passcode").to_owned(),
        batch_size: settings.integer("batch_size"),
    };
    Ok(BatchSender::shared(outgoing, clevertap))
}

impl Clevertap {
    fn post(&self, path: &str, body: &Value) -> HttpRequest {
        let url = format!("{}{path}", self.host);
        HttpRequest::json(Method::POST, url, body.to_string().into_bytes())
            .with_header("content-type", "application/json; charset=utf-8")
            .with_header("x-clevertap-account-id", &self.account_id)
            .with_secret("x-clevertap-passcode", &self.passcode)
    }
}

impl BatchApi for Clevertap {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: false,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let record = make_record(&made)?;
        Ok(Prepared::new(made.delivery_id, "", record))
    }

    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        let records: Vec<&Value> = batch.iter().map(|prepared| &prepared.data).collect();
        self.post("/1/upload", &json!({ "d": records }))
    }

    fn read_answer(
        &self,
        response: &HttpResponse,
        batch: &[Arc<Prepared>],
    ) -> Vec<Result<(), Failure>> {
        match check_status(response) {
            Ok(()) => read_outcomes(&response.body, batch),
            failure => for_all(batch.len(), failure),
        }
    }

    /// A dry run: CleverTap checks the record and keeps nothing.
    fn check_request(&self) -> HttpRequest {
        let record = json!({"type": "event", "identity": "tastemaker", "evtName": "Connection Checked", "evtData": {}});
        self.post("/1/upload?dryRun=1", &json!({ "d": [record] }))
    }

    fn deletions(&self, user_ids: &[String]) -> Option<Vec<Deletion>> {
        let deletion = |ids: &[String]| Deletion::Request {
            request: self.post("/1/delete/profiles.json", &json!({ "identity": ids })),
            n_users: ids.len(),
        };
        Some(user_ids.chunks(DELETED_MAX).map(deletion).collect())
    }
}

/// The outcome of each record: `{"status", "processed", "unprocessed": [{"code", "error",
/// "record"}]}`, where the records are those that were sent.
fn read_outcomes(body: &[u8], batch: &[Arc<Prepared>]) -> Vec<Result<(), Failure>> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let unprocessed = answer["unprocessed"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut outcomes = for_all(batch.len(), Ok(()));
    match answer["status"].as_str() {
        Some("success" | "partial" | "fail") => {}
        _ => return for_all(batch.len(), Err(unreadable("the answer has no status"))),
    }
    if unprocessed.len() == batch.len() {
        return unprocessed.iter().map(|entry| Err(refusal(entry))).collect();
    }
    for entry in unprocessed {
        let is_meant = |prepared: &Arc<Prepared>| is_same_record(&prepared.data, &entry["record"]);
        let place = (0..batch.len()).find(|n| outcomes[*n].is_ok() && is_meant(&batch[*n]));
        match place {
            Some(place) => outcomes[place] = Err(refusal(entry)),
            None => {
                let what = "a record was not processed, and the answer does not say which";
                return for_all(batch.len(), Err(unreadable(what)));
            }
        }
    }
    if answer["status"] == "fail" && unprocessed.is_empty() {
        return for_all(batch.len(), Err(refusal(&answer)));
    }
    outcomes
}

/// Whether a record of an answer is one that was sent: its identity, type, name and time, as the
/// rest may come back in another form.
fn is_same_record(sent: &Value, answered: &Value) -> bool {
    const KEYS: [&str; 5] = ["type", "identity", "objectId", "evtName", "ts"];
    sent == answered || KEYS.iter().all(|key| sent[*key] == answered[*key])
}

fn refusal(entry: &Value) -> Failure {
    let reason = match &entry["code"] {
        Value::Number(code) => format!("clevertap_{code}"),
        _ => "not_processed".to_owned(),
    };
    let text = entry["error"].as_str().unwrap_or("the record was not processed").to_owned();
    // 555 is a fault of the server.
    match entry["code"].as_u64() {
        Some(555) => Failure::Retry { reason, text, after_ms: None, is_outage: false },
        _ => Failure::Permanent { reason, text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind;
    use crate::testing::{self, Answer, Receiver, reasons};

    async fn send(answer: Answer) -> (Receiver, Vec<String>) {
        let receiver = Receiver::start([answer]).await;
        let settings = json!({"account_id": "acc", "passcode": "pass", "host": receiver.url});
        let sender = testing::connect("clevertap", settings);
        let view = |user: &str| json!({"type": "track", "userId": user, "event": "Viewed", "timestamp": "2026-01-01T00:00:00Z"});
        let messages = [view("u-1"), view("u-2"), view("u-3")];
        let batch = testing::prepare_by_presets(kind("clevertap").unwrap(), &*sender, &messages);
        let outcomes = sender.send(batch).await;
        (receiver, reasons(&outcomes))
    }

    #[tokio::test]
    async fn a_record_that_is_not_processed_fails_alone() {
        let answer = json!({"status": "partial", "processed": 2, "unprocessed": [{
            "status": "fail", "code": 513, "error": "Restricted event",
            "record": {"type": "event", "identity": "u-2", "evtName": "Viewed", "ts": 1_767_225_600}
        }]});
        let (receiver, outcomes) = send((200, &[], answer.to_string())).await;
        assert_eq!(outcomes, ["", "clevertap_513", ""]);
        let received = &receiver.received()[0];
        assert_eq!(received.path, "/1/upload");
        assert_eq!(received.headers["x-clevertap-account-id"], "acc");
        assert_eq!(received.headers["x-clevertap-passcode"], "pass");
    }

    #[tokio::test]
    async fn answers_are_read_with_care() {
        let all = json!({"status": "fail", "processed": 0, "error": "bad", "code": 524});
        for (status, body, outcome) in [
            (200, json!({"status": "success", "processed": 3, "unprocessed": []}).to_string(), ""),
            (200, all.to_string(), "clevertap_524"),
            (200, "OK".to_owned(), "unknown unreadable_answer"),
            (
                200,
                json!({"status": "partial", "unprocessed": [{"code": 1, "record": {}}]})
                    .to_string(),
                "unknown unreadable_answer",
            ),
            (401, "{}".to_owned(), "http_401"),
            (503, String::new(), "retry http_503"),
        ] {
            let (_, outcomes) = send((status, &[], body.clone())).await;
            assert_eq!(outcomes, [outcome; 3], "{body}");
        }
        let (_, outcomes) = send((429, &[("retry-after", "5")], String::new())).await;
        assert_eq!(outcomes, ["retry http_429"; 3]);
    }

    #[tokio::test]
    async fn users_are_forgotten_a_hundred_at_a_time() {
        let receiver = Receiver::start([
            (200, [].as_slice(), "{\"status\":\"success\"}".to_owned()),
            (500, [].as_slice(), String::new()),
        ])
        .await;
        let settings = json!({"account_id": "acc", "passcode": "pass", "host": receiver.url});
        let users = (0..150).map(|n| format!("u-{n}")).collect();
        let outcomes = testing::connect("clevertap", settings).forget(users).unwrap().await;
        let outcomes = reasons(&outcomes);
        assert_eq!((&*outcomes[99], &*outcomes[100], outcomes.len()), ("", "retry http_500", 150));
        let received = receiver.received();
        assert_eq!(received[0].path, "/1/delete/profiles.json");
        assert_eq!(received[1].body["identity"][0], "u-100");
    }
}
