//! Braze: attributes, events and purchases to `/users/track`. Its answer names what was not taken
//! by list and place.

use std::sync::Arc;

use activation::Failure;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::batch_api::{BatchApi, BatchSender, Deletion};
use crate::kind::{
    Actions, Batching, KindFiles, Made, Prepared, Presets, RequestError, Sender, for_all,
    object_field, text_field, time_field,
};
use crate::outgoing::{HttpRequest, HttpResponse, check_status, check_url, unreadable};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: "braze",
    settings: include_str!("braze/settings.json"),
    actions: Actions::Files(&[
        include_str!("braze/actions/setAttributes.json"),
        include_str!("braze/actions/trackEvent.json"),
        include_str!("braze/actions/trackPurchase.json"),
    ]),
    presets: Presets::File(include_str!("braze/presets.json")),
    connect,
};

/// The most objects of each list of a request.
const OBJECTS_MAX: usize = 75;
/// The most bytes of a request; Braze takes 4 MB.
const BATCH_BYTES_MAX: usize = 3 * 1_024 * 1_024;
/// How long a request with room waits for more messages, in milliseconds.
const BATCH_AGE_MS: u64 = 500;
/// The most users that are deleted by one request.
const DELETED_MAX: usize = 50;
/// The currency where an order names none.
const CURRENCY_DEFAULT: &str = "USD";

struct Braze {
    /// Without a slash at its end.
    endpoint: String,
    api_key: String,
    app_id: String,
    batch_size: usize,
}

fn connect(
    settings: &Settings,
    outgoing: &Arc<Outgoing>,
) -> Result<Arc<dyn Sender>, SettingsError> {
    let endpoint = settings.text("endpoint").trim_end_matches('/');
    check_url(endpoint).map_err(|what| SettingsError::new("endpoint", what))?;
    let braze = Braze {
        endpoint: endpoint.to_owned(),
        api_key: settings.text("api_key").to_owned(),
        app_id: settings.text("app_id").to_owned(),
        batch_size: settings.integer("batch_size"),
    };
    Ok(BatchSender::shared(outgoing, braze))
}

/// A list of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum List {
    Attributes,
    Events,
    Purchases,
}

impl List {
    fn key(self) -> &'static str {
        match self {
            Self::Attributes => "attributes",
            Self::Events => "events",
            Self::Purchases => "purchases",
        }
    }
}

/// What a delivery adds to a request.
#[derive(Serialize, Deserialize)]
struct Part {
    list: List,
    /// At least one, at most [`OBJECTS_MAX`].
    objects: Vec<Value>,
}

impl Part {
    fn of_batch(batch: &[Arc<Prepared>]) -> Vec<Self> {
        let read = |prepared: &Arc<Prepared>| Self::deserialize(&prepared.data);
        batch.iter().map(read).collect::<Result<_, _>>().expect("prepared by the same sender")
    }

    /// The place of its first object in its list.
    fn first_place(parts: &[Self], n: usize) -> usize {
        let before = parts[..n].iter().filter(|part| part.list == parts[n].list);
        before.map(|part| part.objects.len()).sum()
    }
}

impl Braze {
    fn post(&self, path: &str, body: &Value) -> HttpRequest {
        let url = format!("{}{path}", self.endpoint);
        HttpRequest::json(Method::POST, url, body.to_string().into_bytes())
            .with_bearer(&self.api_key)
    }

    fn attributes(made: &Made<'_>) -> Map<String, Value> {
        let mut attributes = object_field(made, "attributes");
        let standard = [
            ("firstName", "first_name"),
            ("lastName", "last_name"),
            ("email", "email"),
            ("phone", "phone"),
        ];
        for (field, key) in standard {
            if let Some(text) = text_field(made, field) {
                attributes.remove(field);
                attributes.insert(key.to_owned(), text.into());
            }
        }
        attributes
    }

    fn event(&self, made: &Made<'_>) -> Result<Map<String, Value>, RequestError> {
        let mut event = self.of_app(made)?;
        event.insert("name".to_owned(), text_field(made, "name").unwrap_or_default().into());
        let properties = object_field(made, "properties");
        if !properties.is_empty() {
            event.insert("properties".to_owned(), properties.into());
        }
        Ok(event)
    }

    /// With the time, and the app.
    fn of_app(&self, made: &Made<'_>) -> Result<Map<String, Value>, RequestError> {
        let mut object = Map::new();
        let time = time_field(made, "time")?.unwrap_or(made.message.timestamp);
        object.insert("time".to_owned(), time.to_string().into());
        if !self.app_id.is_empty() {
            object.insert("app_id".to_owned(), self.app_id.as_str().into());
        }
        Ok(object)
    }

    fn purchases(&self, made: &Made<'_>) -> Result<Vec<Map<String, Value>>, RequestError> {
        let wrong = |what: String| RequestError { field: "products".to_owned(), what };
        let products = made.fields.get("products").and_then(|list| serde_json::to_value(list).ok());
        let Some(Value::Array(products)) = products else {
            return Err(wrong("is missing".to_owned()));
        };
        if products.is_empty() || products.len() > OBJECTS_MAX {
            return Err(wrong(format!("has {}, expected 1 to {OBJECTS_MAX}", products.len())));
        }
        let currency = text_field(made, "currency");
        let of_app = self.of_app(made)?;
        let purchase = |product: Value| {
            let mut purchase = of_app.clone();
            let quantity = product["quantity"].as_i64().unwrap_or(1);
            purchase.insert("product_id".to_owned(), product["productId"].clone());
            purchase.insert("price".to_owned(), product["price"].clone());
            purchase.insert("quantity".to_owned(), quantity.into());
            let currency = currency.as_deref().unwrap_or(CURRENCY_DEFAULT);
            purchase.insert("currency".to_owned(), currency.into());
            if product["properties"].is_object() {
                purchase.insert("properties".to_owned(), product["properties"].clone());
            }
            purchase
        };
        Ok(products.into_iter().map(purchase).collect())
    }
}

impl BatchApi for Braze {
    fn batching(&self) -> Batching {
        Batching {
            n_max: self.batch_size,
            bytes_max: BATCH_BYTES_MAX,
            age_ms: BATCH_AGE_MS,
            is_atomic: false,
        }
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let (list, objects) = match made.action.name.as_str() {
            "setAttributes" => (List::Attributes, vec![Self::attributes(&made)]),
            "trackEvent" => (List::Events, vec![self.event(&made)?]),
            _ => (List::Purchases, self.purchases(&made)?),
        };
        let external_id = text_field(&made, "externalId").unwrap_or_default();
        let objects = objects.into_iter().map(|mut object| {
            object.insert("external_id".to_owned(), external_id.as_str().into());
            Value::Object(object)
        });
        let part = Part { list, objects: objects.collect() };
        let data = serde_json::to_value(&part).expect("values are JSON");
        Ok(Prepared::new(made.delivery_id, "", data))
    }

    fn n_of_request(&self, batch: &[Arc<Prepared>]) -> usize {
        let parts = Part::of_batch(batch);
        let fits =
            |n: &usize| Part::first_place(&parts, *n) + parts[*n].objects.len() <= OBJECTS_MAX;
        (0..parts.len()).take_while(fits).count()
    }

    fn request(&self, batch: &[Arc<Prepared>]) -> HttpRequest {
        let mut body = Map::new();
        for Part { list, objects } in Part::of_batch(batch) {
            let all = body.entry(list.key()).or_insert_with(|| Value::Array(Vec::new()));
            all.as_array_mut().expect("lists alone are in it").extend(objects);
        }
        self.post("/users/track", &body.into())
    }

    fn read_answer(
        &self,
        response: &HttpResponse,
        batch: &[Arc<Prepared>],
    ) -> Vec<Result<(), Failure>> {
        let whole = check_status(response);
        match (&whole, response.status.as_u16()) {
            (Err(_), 400) | (Ok(()), _) => {
                read_outcomes(&response.body, &Part::of_batch(batch), &whole)
            }
            _ => for_all(batch.len(), whole),
        }
    }

    /// An empty request: with a key that is taken it is refused as a bad one.
    fn check_request(&self) -> HttpRequest {
        self.post("/users/track", &json!({}))
    }

    fn read_check(&self, response: &HttpResponse) -> Result<(), Failure> {
        if response.status.as_u16() == 400 { Ok(()) } else { check_status(response) }
    }

    fn deletions(&self, user_ids: &[String]) -> Option<Vec<Deletion>> {
        let deletion = |ids: &[String]| Deletion::Request {
            request: self.post("/users/delete", &json!({ "external_ids": ids })),
            n_users: ids.len(),
        };
        Some(user_ids.chunks(DELETED_MAX).map(deletion).collect())
    }
}

/// One element of `errors` of an answer.
#[derive(Deserialize)]
struct ObjectError {
    #[serde(rename = "type")]
    what: String,
    input_array: String,
    index: usize,
}

/// The outcome of each delivery. Errors name a list and a place. An answer of 400 took nothing:
/// what it names fails, and the rest is sent again without that.
fn read_outcomes(
    body: &[u8],
    parts: &[Part],
    whole: &Result<(), Failure>,
) -> Vec<Result<(), Failure>> {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if !answer["message"].is_string() {
        let unreadable = unreadable("the answer is no object with a message");
        return for_all(parts.len(), whole.clone().and(Err(unreadable)));
    }
    let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let errors = errors.iter().map(ObjectError::deserialize).collect::<Result<Vec<_>, _>>();
    let errors = errors.unwrap_or_default();
    if errors.is_empty() {
        return for_all(parts.len(), whole.clone());
    }
    let others = match whole {
        Ok(()) => Ok(()),
        Err(_) => Err(Failure::Retry {
            reason: "spoiled_batch".to_owned(),
            text: "another message of the request was refused".to_owned(),
            after_ms: None,
            is_outage: false,
        }),
    };
    let outcome = |(n, part): (usize, &Part)| {
        let key = part.list.key();
        let first = Part::first_place(parts, n);
        let places = first..first + part.objects.len();
        let meant =
            errors.iter().find(|error| error.input_array == key && places.contains(&error.index));
        match meant {
            None => others.clone(),
            Some(error) => {
                Err(Failure::Permanent { reason: "not_taken".to_owned(), text: error.what.clone() })
            }
        }
    };
    parts.iter().enumerate().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind;
    use crate::testing::{self, Answer, Receiver, reasons};

    fn messages() -> Vec<Value> {
        let event = |user: &str| json!({"type": "track", "userId": user, "event": "Viewed"});
        let product = json!({"product_id": "p", "price": 1});
        let order = json!({"type": "track", "userId": "u-3", "event": "Order Completed",
            "properties": {"products": [product, product]}});
        vec![event("u-1"), order, event("u-2")]
    }

    async fn send(answer: Answer, messages: &[Value]) -> (Receiver, Vec<String>) {
        let receiver = Receiver::start([answer]).await;
        let settings = json!({"endpoint": receiver.url, "api_key": "key"});
        let sender = testing::connect("braze", settings);
        let batch = testing::prepare_by_presets(kind("braze").unwrap(), &*sender, messages);
        let outcomes = sender.send(batch).await;
        (receiver, reasons(&outcomes))
    }

    #[tokio::test]
    async fn errors_are_read_by_list_and_place() {
        let error = |list: &str, index: usize| {
            json!({"message": "success", "errors": [
            {"type": "'x' is wrong", "input_array": list, "index": index}]})
        };
        for (list, index, outcomes) in [
            ("events", 1, ["", "", "not_taken"]),
            ("purchases", 1, ["", "not_taken", ""]),
            ("attributes", 0, ["", "", ""]),
        ] {
            let (receiver, found) =
                send((201, &[], error(list, index).to_string()), &messages()).await;
            assert_eq!(found, outcomes);
            assert_eq!(receiver.received()[0].headers["authorization"], "Bearer key");
        }
        let (_, found) = send((400, &[], error("events", 0).to_string()), &messages()).await;
        assert_eq!(found, ["not_taken", "retry spoiled_batch", "retry spoiled_batch"]);
    }

    #[tokio::test]
    async fn other_answers_decide_for_all() {
        for (status, body, outcome) in [
            (201, "{\"message\":\"success\"}", ""),
            (201, "garbage", "unknown unreadable_answer"),
            (400, "{\"message\":\"Invalid\"}", "http_400"),
            (401, "{\"message\":\"Invalid API key\"}", "http_401"),
            (500, "", "retry http_500"),
        ] {
            let (_, found) = send((status, &[], body.to_owned()), &messages()).await;
            assert_eq!(found, [outcome; 3], "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_rate_limit_says_how_long_to_wait() {
        let receiver =
            Receiver::start([(429, [("x-ratelimit-reset", "30")].as_slice(), String::new())]).await;
        let settings = json!({"endpoint": receiver.url, "api_key": "key"});
        let outcome = testing::connect("braze", settings).check().await;
        assert!(matches!(outcome, Err(Failure::Retry { after_ms: Some(30_000), .. })));
    }

    #[tokio::test]
    async fn many_purchases_go_in_several_requests() {
        let products: Vec<Value> = (0..40).map(|n| json!({"product_id": n, "price": 1})).collect();
        let order = json!({"type": "track", "userId": "u", "event": "Order Completed",
            "properties": {"products": products}});
        let answer = (201, [].as_slice(), "{\"message\":\"success\"}".to_owned());
        let (receiver, found) = send(answer, &[order.clone(), order.clone(), order]).await;
        assert_eq!(found, ["", "", ""]);
        let n_of = |request: &crate::testing::Received| {
            request.body["purchases"].as_array().unwrap().len()
        };
        assert_eq!(receiver.received().iter().map(n_of).collect::<Vec<_>>(), [40, 40, 40]);
    }
}
