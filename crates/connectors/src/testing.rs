//! For tests: messages mapped for a kind, and a receiver on this machine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use activation::Failure;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::{Arrival, Envelope, Message, Timestamp, check_message};
use mapping::{Mappings, Payload};
use serde_json::Value;

use crate::{Kind, Made, NetworkPolicy, Outgoing, OutgoingOptions, Prepared, Sender, kind};

/// When the messages of tests arrive: 2026-01-02T03:04:05Z.
pub(crate) const ARRIVED_AT: Timestamp = Timestamp(1_767_323_045_000);

/// A client that reaches this machine, also over http.
pub(crate) fn outgoing() -> Arc<Outgoing> {
    let policy = NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    let options = OutgoingOptions { policy, ..OutgoingOptions::default() };
    Arc::new(Outgoing::new(&options).unwrap())
}

/// The sender of a kind with settings.
pub(crate) fn connect(name: &str, settings: Value) -> Arc<dyn Sender> {
    let settings: BTreeMap<String, Value> = serde_json::from_value(settings).unwrap();
    kind(name).unwrap().connect(&settings, &outgoing()).unwrap()
}

/// A message as the tracking API takes it.
pub(crate) fn message(json: &Value) -> Message {
    let arrival = Arrival { received_at: ARRIVED_AT, source: "shop", peer_ip: None };
    check_message(&json.to_string(), None, &Envelope::default(), &arrival).unwrap()
}

/// What mappings make of messages, in order: deliveries, or `MAPPING: what is wrong`.
pub(crate) fn prepare(
    sender: &dyn Sender,
    mappings: &Mappings,
    messages: &[Value],
) -> Vec<Result<Arc<Prepared>, String>> {
    let mut made = Vec::new();
    for json in messages {
        let message = message(json);
        let payload = Payload::for_destination(&message);
        for (mapping, matched) in mappings.matching(&payload) {
            let delivery_id = format!("delivery-{}", made.len() + 1);
            let fields = matched.map_err(|error| vec![error]);
            let fields = fields.and_then(|()| mapping.check(&payload, sender.batching().mode()));
            let prepared = match fields {
                Err(errors) => Err(errors[0].what.clone()),
                Ok(fields) => {
                    let action = mapping.action;
                    let of_mapping = Made { action, fields, message: &message, delivery_id };
                    sender.prepare(of_mapping).map_err(|error| error.to_string())
                }
            };
            made.push(
                prepared.map(Arc::new).map_err(|what| format!("{}: {}", mapping.name, what.trim())),
            );
        }
    }
    made
}

/// What the presets of a kind make of messages that they all can map.
pub(crate) fn prepare_by_presets(
    kind: &Kind,
    sender: &dyn Sender,
    messages: &[Value],
) -> Vec<Arc<Prepared>> {
    let made = prepare(sender, &kind.presets, messages);
    made.into_iter().collect::<Result<_, _>>().unwrap()
}

/// The reasons of failures; empty where there is none.
pub(crate) fn reasons(outcomes: &[Result<(), Failure>]) -> Vec<String> {
    let reason = |outcome: &Result<(), Failure>| match outcome {
        Ok(()) => String::new(),
        Err(Failure::Retry { reason, .. }) => format!("retry {reason}"),
        Err(Failure::Unknown { reason, .. }) => format!("unknown {reason}"),
        Err(Failure::Permanent { reason, .. }) => reason.clone(),
    };
    outcomes.iter().map(reason).collect()
}

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// Null where it is no JSON.
    pub(crate) body: Value,
    pub(crate) bytes: Bytes,
}

/// An answer of a receiver: status, headers, body.
pub(crate) type Answer = (u16, &'static [(&'static str, &'static str)], String);

/// A receiver on this machine that gives answers in turn, the last of them over and over.
pub(crate) struct Receiver {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    book: Arc<Book>,
}

struct Book {
    answers: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
}

impl Receiver {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        let book = Arc::new(Book { answers, received: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&book));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, book }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }
}

async fn answer(
    State(book): State<Arc<Book>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    book.received.lock().unwrap().push(Received {
        method: method.to_string(),
        path: uri.to_string(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        bytes: body,
    });
    let mut answers = book.answers.lock().unwrap();
    let (status, headers, body) = match answers.len() {
        1 => answers[0].clone(),
        _ => answers.pop_front().expect("a receiver has an answer"),
    };
    let headers: Vec<(&str, &str)> = headers.to_vec();
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
