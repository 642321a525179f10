//! A Recombee database, or another Tastemaker. The requests are those of `mapping::recombee`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use activation::Failure;
use hmac::{Hmac, KeyInit, Mac};
use mapping::recombee::{self, Entry};
use mapping::{ActionType, Object};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all,
};
use crate::outgoing::{HttpRequest, HttpResponse, SharedOutgoing, failure_of_status, unreadable};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "recombee",
    settings: include_str!("recombee/settings.json"),
    actions: Actions::Recommender(&[include_str!("recombee/actions/setUserValues.json")]),
    presets: Presets::Recommender(include_str!("recombee/presets.json")),
    connect,
};

/// The most bytes of a batch.
const BATCH_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// How long a batch with room waits for more messages, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// The most users that are deleted by one request.
const FORGET_MAX: usize = 1_000;
/// Characters that are escaped within a path.
const PATH_ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

struct Recombee {
    outgoing: SharedOutgoing,
    settings: recombee::Settings,
    token: String,
    batch_size: usize,
    is_compatible: bool,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let read = recombee::Settings::from_json(&settings.to_json());
    Ok(Arc::new(Recombee {
        outgoing: Arc::clone(outgoing),
        settings: read.map_err(|error| SettingsError::new(error.setting, error.what))?,
        token: settings.text("privateToken").to_owned(),
        batch_size: settings.integer("batch_size"),
        is_compatible: settings.flag("compatible"),
    }))
}

/// What is kept of a message: its entries, or in a compatible batch why there are none.
#[derive(Serialize, Deserialize)]
struct Kept {
    is_purchase: bool,
    entries: Vec<KeptEntry>,
    #[serde(default)]
    spoils: Option<String>,
}

impl Kept {
    /// Deletes a user.
    fn deletion(user_id: &str) -> Self {
        let deletion = KeptEntry {
            params: json!({}),
            method: "DELETE".to_owned(),
            path: format!("/users/{}", utf8_percent_encode(user_id, PATH_ESCAPED)),
        };
        Self { is_purchase: false, entries: vec![deletion], spoils: None }
    }
}

/// An entry as it is in a batch.
#[derive(Serialize, Deserialize)]
struct KeptEntry {
    params: Value,
    method: String,
    path: String,
}

impl KeptEntry {
    fn new(entry: Entry) -> Self {
        let params = serde_json::to_value(&entry.params).expect("values are JSON");
        Self { params, method: entry.method.to_owned(), path: entry.path }
    }

    /// Sets properties of a user, who is made where they are missing.
    fn of_user_values(fields: &Object<'_>) -> Result<Self, RequestError> {
        let error = |field: &str, what: &str| RequestError {
            field: field.to_owned(),
            what: what.to_owned(),
        };
        let user_id = fields.get("userId").map(|id| id.print().into_owned()).unwrap_or_default();
        if matches!(&*user_id, "" | "." | "..") {
            return Err(error("userId", "is an id that no path can hold"));
        }
        let values = fields.get("values").map(serde_json::to_value);
        let Some(Ok(Value::Object(mut params))) = values else {
            return Err(error("values", "is no object"));
        };
        params.insert("!cascadeCreate".to_owned(), true.into());
        let path = format!("/users/{}", utf8_percent_encode(&user_id, PATH_ESCAPED));
        Ok(Self { params: Value::Object(params), method: "POST".to_owned(), path })
    }

    fn is_deletion(&self) -> bool {
        self.method == "DELETE"
    }
}

/// A request without its signature, with the number of its entries for each message.
struct Unsigned {
    method: String,
    /// With the database.
    path: String,
    body: Value,
}

impl Recombee {
    fn kept(batch: &[Arc<Prepared>]) -> Vec<Kept> {
        let read = |prepared: &Arc<Prepared>| Kept::deserialize(&prepared.data);
        batch.iter().map(read).collect::<Result<_, _>>().expect("prepared by the same sender")
    }

    fn request(&self, kept: &[Kept]) -> Unsigned {
        let path = |path: &str| format!("/{}{path}", self.settings.database_id);
        if self.batch_size == 1
            && let [Kept { is_purchase: false, entries, .. }] = kept
            && let [alone] = &entries[..]
        {
            return Unsigned {
                method: alone.method.clone(),
                path: path(&alone.path),
                body: alone.params.clone(),
            };
        }
        let entries: Vec<&KeptEntry> = kept.iter().flat_map(|kept| &kept.entries).collect();
        Unsigned {
            method: "POST".to_owned(),
            path: path("/batch/"),
            body: json!({ "requests": entries }),
        }
    }

    fn sign(&self, request: &Unsigned) -> HttpRequest {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let target = sign_target(&request.path, &self.token, now_s);
        let method = Method::try_from(request.method.as_str()).expect("a method of ours");
        let url = format!("https://{}{target}", self.settings.host());
        HttpRequest::json(method, url, request.body.to_string().into_bytes())
    }

    async fn send_deletions(&self, kept: &[Kept]) -> Vec<Result<(), Failure>> {
        let entries: Vec<&KeptEntry> = kept.iter().flat_map(|kept| &kept.entries).collect();
        let request = Unsigned {
            method: "POST".to_owned(),
            path: format!("/{}/batch/", self.settings.database_id),
            body: json!({ "requests": entries }),
        };
        match self.outgoing.request_ok(self.sign(&request)).await {
            Ok(response) => read_batch_answer(&response, kept),
            Err(failure) => for_all(kept.len(), Err(failure)),
        }
    }

    async fn send_kept(&self, kept: Vec<Kept>) -> Vec<Result<(), Failure>> {
        if let Some(what) = kept.iter().find_map(|kept| kept.spoils.as_ref()) {
            let spoiled = Failure::Permanent {
                reason: "spoiled_batch".to_owned(),
                text: format!("another message of the batch: {what}"),
            };
            return for_all(kept.len(), Err(spoiled));
        }
        let request = self.request(&kept);
        let is_batch = request.path.ends_with("/batch/");
        let response = match self.outgoing.request(self.sign(&request)).await {
            Ok(response) => response,
            Err(failure) => return for_all(kept.len(), Err(failure)),
        };
        let whole = crate::outgoing::check_status(&response);
        match whole {
            Err(_) if !self.is_compatible && !is_batch && is_done(&response, &kept) => {
                for_all(kept.len(), Ok(()))
            }
            Ok(()) if is_batch && !self.is_compatible => read_batch_answer(&response, &kept),
            whole => for_all(kept.len(), whole),
        }
    }
}

/// Whether a refusal says that the request was done before: what is added is there (409), what is
/// deleted is not (404).
fn is_done_status(status: u16, is_deletion: bool) -> bool {
    status == 409 || (status == 404 && is_deletion)
}

fn is_done(response: &HttpResponse, kept: &[Kept]) -> bool {
    let is_deletion = kept.iter().flat_map(|kept| &kept.entries).all(KeptEntry::is_deletion);
    is_done_status(response.status.as_u16(), is_deletion)
}

/// One element of the answer to a batch.
#[derive(Deserialize)]
struct EntryAnswer {
    code: u16,
    #[serde(default)]
    json: Value,
}

/// The outcome of each message: the first failure of its entries, or success.
fn read_batch_answer(response: &HttpResponse, kept: &[Kept]) -> Vec<Result<(), Failure>> {
    let unreadable =
        || unreadable("the answer to the batch is no list with a code for each request");
    let Ok(answers) = serde_json::from_slice::<Vec<EntryAnswer>>(&response.body) else {
        return for_all(kept.len(), Err(unreadable()));
    };
    let mut answers = answers.into_iter();
    let outcome = |kept: &Kept| {
        let mut outcome = Ok(());
        for entry in &kept.entries {
            let entry_outcome = match answers.next() {
                None => Err(unreadable()),
                Some(EntryAnswer { code: 200..300, .. }) => Ok(()),
                Some(answer) if is_done_status(answer.code, entry.is_deletion()) => Ok(()),
                Some(EntryAnswer { code, json }) => {
                    let message = json.get("message").and_then(Value::as_str).unwrap_or_default();
                    Err(failure_of_status(code, message, None))
                }
            };
            outcome = outcome.and(entry_outcome);
        }
        outcome
    };
    kept.iter().map(outcome).collect()
}

fn sign_target(target: &str, token: &str, now_s: u64) -> String {
    let join = if target.contains('?') { '&' } else { '?' };
    let signed = format!("{target}{join}hmac_timestamp={now_s}");
    let mut mac =
        Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("keys of any length are taken");
    mac.update(signed.as_bytes());
    let sign: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}&hmac_sign={sign}")
}

impl Sender for Recombee {
    fn batching(&self) -> Batching {
        match self.batch_size {
            0 | 1 => Batching::SINGLE,
            n_max => Batching {
                n_max,
                bytes_max: BATCH_BYTES_MAX,
                age_ms: BATCH_AGE_MS,
                is_atomic: false,
            },
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let Some(action) = ActionType::from_name(&made.action.name) else {
            let entries = vec![KeptEntry::of_user_values(&made.fields)?];
            let kept = Kept { is_purchase: false, entries, spoils: None };
            let data = serde_json::to_value(&kept).expect("entries are JSON");
            return Ok(Prepared::new(made.delivery_id, "", data));
        };
        let entries = recombee::entries(action, made.fields, self.is_compatible);
        let spoils_batch = self.is_compatible && self.batch_size > 1;
        let (entries, spoils) = match entries {
            Ok(entries) => (entries.into_iter().map(KeptEntry::new).collect(), None),
            Err(error) if spoils_batch => (Vec::new(), Some(error.to_string())),
            Err(error) => {
                return Err(RequestError { field: error.field.to_owned(), what: error.what });
            }
        };
        let is_purchase = action == ActionType::AddPurchase;
        let kept = Kept { is_purchase, entries, spoils };
        let data = serde_json::to_value(&kept).expect("entries are JSON");
        Ok(Prepared::new(made.delivery_id, "", data))
    }

    fn describe(&self, batch: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        let request = self.request(&Self::kept(batch));
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let Unsigned { method, path, body } = request;
        vec![DescribedRequest { method, path, headers, body }]
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move { self.send_kept(Self::kept(&batch)).await })
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async move {
            let empty = Unsigned {
                method: "POST".to_owned(),
                path: format!("/{}/batch/", self.settings.database_id),
                body: json!({ "requests": [] }),
            };
            self.outgoing.request_ok(self.sign(&empty)).await.map(drop)
        })
    }

    fn forget(
        self: Arc<Self>,
        user_ids: Vec<String>,
    ) -> Option<SendFuture<Vec<Result<(), Failure>>>> {
        let kept: Vec<Kept> = user_ids.iter().map(|id| Kept::deletion(id)).collect();
        Some(Box::pin(async move {
            let mut outcomes = Vec::with_capacity(user_ids.len());
            for kept in kept.chunks(FORGET_MAX) {
                outcomes.extend(self.send_deletions(kept).await);
            }
            outcomes
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::reasons;

    #[test]
    fn a_user_who_is_gone_already_is_deleted() {
        let kept = ["u 1/2", "u-2", "u-3"].map(Kept::deletion);
        assert_eq!(kept[0].entries[0].path, "/users/u%201%2F2");
        let answer = |body: Value| HttpResponse {
            status: reqwest::StatusCode::OK,
            headers: reqwest::header::HeaderMap::new(),
            body: body.to_string().into_bytes(),
        };
        let outcomes = answer(json!([{"code": 200}, {"code": 404}, {"code": 503}]));
        assert_eq!(reasons(&read_batch_answer(&outcomes, &kept)), ["", "", "retry http_503"]);
        let garbage = read_batch_answer(&answer(json!({})), &kept);
        assert_eq!(reasons(&garbage), ["unknown unreadable_answer"; 3]);
    }
}
