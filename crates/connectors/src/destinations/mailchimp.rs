//! Mailchimp: members of an audience, alone by `PUT`, or several with a status by `POST`, whose
//! answer names those that were not taken by e-mail address.

use std::sync::Arc;

use activation::Failure;
use md5::{Digest, Md5};
use reqwest::Method;
use serde_json::{Value, json};

use crate::batch_api::{BatchApi, BatchSender, Deletion};
use crate::kind::{
    Actions, Batching, KindFiles, Made, Prepared, Presets, RequestError, Sender, for_all,
    object_field, text_field,
};
use crate::outgoing::{HttpRequest, HttpResponse, check_status, unreadable};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "mailchimp",
    settings: include_str!("mailchimp/settings.json"),
    actions: Actions::Files(&[include_str!("mailchimp/actions/upsertMember.json")]),
    presets: Presets::File(include_str!("mailchimp/presets.json")),
    connect,
};

/// The most bytes of the members of a request.
const BATCH_BYTES_MAX: usize = 2 * 1_024 * 1_024;
/// How long a request with room waits for more members, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// What a status may be.
const STATUSES: [&str; 5] = ["subscribed", "unsubscribed", "pending", "cleaned", "transactional"];

struct Mailchimp {
    /// Of the audience: `https://us6.api.mailchimp.com/3.0/lists/ID`.
    audience: String,
    api_key: String,
    status_if_new: String,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let api_key = settings.text("api_key");
    let data_center = match settings.text("data_center") {
        "" => api_key.rsplit_once('-').map(|(_, end)| end).unwrap_or_default(),
        given => given,
    };
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_word(data_center) {
        let what = "should be a word such as us6; the API key has none at its end";
        return Err(SettingsError::new("data_center", what));
    }
    let list_id = settings.text("list_id");
    if !is_word(list_id) {
        return Err(SettingsError::new("list_id", "should have letters and digits only"));
    }
    let mailchimp = Mailchimp {
        audience: format!("https://{data_center}.api.mailchimp.com/3.0/lists/{list_id}"),
        api_key: api_key.to_owned(),
        status_if_new: settings.text("status_if_new").to_owned(),
        batch_size: settings.integer("batch_size"),
    };
    Ok(BatchSender::shared(outgoing, mailchimp))
}

impl Mailchimp {
    fn call(&self, method: Method, path: &str, body: &Value) -> HttpRequest {
        let url = format!("{}{path}", self.audience);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        HttpRequest::json(method, url, body).with_basic("tastemaker", &self.api_key)
    }
}

/// How Mailchimp names a member in paths: the MD5 of the address in lower case.
fn member_hash(email: &str) -> String {
    let digest = Md5::digest(email.to_lowercase().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn email_of(member: &Value) -> &str {
    member["email_address"].as_str().unwrap_or_default()
}

impl BatchApi for Mailchimp {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: false,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let wrong = |field: &str, what: String| RequestError { field: field.to_owned(), what };
        let email = text_field(&made, "email").unwrap_or_default().trim().to_owned();
        if !email.contains('@') {
            return Err(wrong("email", "is no e-mail address".to_owned()));
        }
        let mut member = json!({ "email_address": email });
        let status = text_field(&made, "status");
        match &status {
            None => member["status_if_new"] = self.status_if_new.as_str().into(),
            Some(status) if STATUSES.contains(&status.as_str()) => {
                member["status"] = status.as_str().into();
                member["status_if_new"] = status.as_str().into();
            }
            Some(_) => {
                return Err(wrong("status", format!("should be one of {}", STATUSES.join(", "))));
            }
        }
        let mut merge_fields = object_field(&made, "mergeFields");
        merge_fields.retain(|_, value| !value.is_null() && *value != "");
        if !merge_fields.is_empty() {
            member["merge_fields"] = merge_fields.into();
        }
        if let Some(language) = text_field(&made, "language") {
            member["language"] = language.into();
        }
        // A batch would set the status of everybody in it.
        let group = if status.is_some() { "" } else { made.delivery_id.as_str() }.to_owned();
        Ok(Prepared::new(made.delivery_id, &group, member))
    }

    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        if let [one] = batch {
            let path = format!("/members/{}", member_hash(email_of(&one.data)));
            return self.call(Method::PUT, &path, &one.data);
        }
        let members: Vec<Value> = batch
            .iter()
            .map(|prepared| {
                let mut member = prepared.data.clone();
                // Batches do not know it.
                member.as_object_mut().and_then(|member| member.remove("status_if_new"));
                member
            })
            .collect();
        let body = json!({ "members": members, "update_existing": true });
        self.call(Method::POST, "?skip_duplicate_check=true", &body)
    }

    fn read_answer(
        &self,
        response: &HttpResponse,
        batch: &[Arc<Prepared>],
    ) -> Vec<Result<(), Failure>> {
        match check_status(response) {
            Ok(()) if batch.len() > 1 => read_outcomes(&response.body, batch),
            outcome => for_all(batch.len(), outcome),
        }
    }

    fn check_request(&self) -> HttpRequest {
        self.call(Method::GET, "?fields=id,name", &Value::Null)
    }

    /// Of e-mail addresses only: members have no other id.
    fn deletions(&self, user_ids: &[String]) -> Option<Vec<Deletion>> {
        let deletion = |id: &String| match id.contains('@') {
            true => {
                let path = format!("/members/{}/actions/delete-permanent", member_hash(id));
                let request = self.call(Method::POST, &path, &Value::Null);
                Deletion::Request { request, n_users: 1 }
            }
            false => Deletion::Impossible(Failure::Permanent {
                reason: "no_email".to_owned(),
                text: "members of an audience are known by their e-mail address only".to_owned(),
            }),
        };
        Some(user_ids.iter().map(deletion).collect())
    }
}

/// The outcome of each member: `errors` of the answer names those that were not taken.
fn read_outcomes(body: &[u8], batch: &[Arc<Prepared>]) -> Vec<Result<(), Failure>> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(errors) = answer["errors"].as_array() else {
        let unreadable = unreadable("the answer to the batch has no list of errors");
        return for_all(batch.len(), Err(unreadable));
    };
    let outcome = |prepared: &Arc<Prepared>| {
        let email = email_of(&prepared.data).to_lowercase();
        let meant = errors.iter().find(|error| email_of(error).to_lowercase() == email);
        match meant {
            None => Ok(()),
            Some(error) => Err(Failure::Permanent {
                reason: error["error_code"].as_str().unwrap_or("not_taken").to_lowercase(),
                text: error["error"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    };
    batch.iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use mapping::Mappings;

    use super::*;
    use crate::kind;
    use crate::testing::{self, Answer, Receiver, reasons};

    /// A sender to a receiver in place of Mailchimp's host.
    fn sender_to(receiver: &Receiver) -> Arc<dyn Sender> {
        let mailchimp = Mailchimp {
            audience: format!("{}/3.0/lists/l1", receiver.url),
            api_key: "key-us6".to_owned(),
            status_if_new: "transactional".to_owned(),
            batch_size: 500,
        };
        BatchSender::shared(&testing::outgoing(), mailchimp)
    }

    async fn send(answer: Answer, emails: &[&str], status: &str) -> (Receiver, Vec<String>) {
        let receiver = Receiver::start([answer]).await;
        let sender = sender_to(&receiver);
        let mapping = json!([{"name": "M", "trigger": "type = \"identify\"",
            "action": "upsertMember", "use_defaults": true, "fields": {"status": status}}]);
        let actions = kind("mailchimp").unwrap().actions;
        let mappings = Mappings::from_json_for(actions, &mapping.to_string()).unwrap();
        let message =
            |email: &&str| json!({"type": "identify", "userId": email, "traits": {"email": email}});
        let messages: Vec<Value> = emails.iter().map(message).collect();
        let made = testing::prepare(&*sender, &mappings, &messages);
        let batch = made.into_iter().map(Result::unwrap).collect();
        let outcomes = sender.send(batch).await;
        (receiver, reasons(&outcomes))
    }

    #[tokio::test]
    async fn a_member_alone_is_put_under_the_hash_of_the_address() {
        let (receiver, outcomes) =
            send((200, &[], "{}".to_owned()), &["Urist.McVankab@freddiesjokes.com"], "pending")
                .await;
        assert_eq!(outcomes, [""]);
        let received = &receiver.received()[0];
        assert_eq!(received.method, "PUT");
        assert_eq!(received.path, "/3.0/lists/l1/members/62eeb292278cc15f5817cb78f7790b08");
        assert_eq!(received.headers["authorization"], "Basic dGFzdGVtYWtlcjprZXktdXM2");
    }

    #[tokio::test]
    async fn errors_of_a_batch_are_read_by_address() {
        let answer = json!({"new_members": [], "errors": [{"email_address": "B@example.com",
            "error": "looks fake", "error_code": "ERROR_GENERIC"}]});
        let emails = ["a@example.com", "b@example.com", "c@example.com"];
        let (receiver, outcomes) =
            send((200, &[], answer.to_string()), &emails, "subscribed").await;
        assert_eq!(outcomes, ["", "error_generic", ""]);
        let received = &receiver.received()[0];
        assert_eq!(received.path, "/3.0/lists/l1?skip_duplicate_check=true");
        assert_eq!(received.body["update_existing"], true);
        for (status, outcome) in
            [(200, "unknown unreadable_answer"), (403, "http_403"), (500, "retry http_500")]
        {
            let (_, outcomes) = send((status, &[], "<p>".to_owned()), &emails, "subscribed").await;
            assert_eq!(outcomes, [outcome; 3]);
        }
        let (_, outcomes) =
            send((429, &[("retry-after", "1")], String::new()), &emails, "subscribed").await;
        assert_eq!(outcomes, ["retry http_429"; 3]);
    }

    #[tokio::test]
    async fn users_are_forgotten_by_their_address() {
        let receiver = Receiver::start([(404, [].as_slice(), String::new())]).await;
        let users = vec!["u-1".to_owned(), "Urist.McVankab@freddiesjokes.com".to_owned()];
        let outcomes = sender_to(&receiver).forget(users).unwrap().await;
        assert_eq!(reasons(&outcomes), ["no_email", ""]);
        let path = &receiver.received()[0].path;
        assert!(path.ends_with("/62eeb292278cc15f5817cb78f7790b08/actions/delete-permanent"));
    }

    #[tokio::test]
    async fn the_data_center_is_that_of_the_key() {
        let connect = |settings: Value| {
            let settings = serde_json::from_value(settings).unwrap();
            let outgoing = testing::outgoing();
            kind("mailchimp").unwrap().connect(&settings, &outgoing).map(drop)
        };
        assert!(connect(json!({"api_key": "abc-us6", "list_id": "l1"})).is_ok());
        let error = connect(json!({"api_key": "abc", "list_id": "l1"})).unwrap_err();
        assert_eq!(error.setting, "data_center");
        let error = connect(json!({"api_key": "abc-us6", "list_id": "../l1"})).unwrap_err();
        assert_eq!(error.setting, "list_id");
    }
}
