//! Two kinds of tools that traits are sent to: one that takes webhooks, and one that speaks the
//! recommender API over https.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use web::{ConnectionLimits, Listener};

/// How long a test waits for what should happen.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A value of a person that came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Came {
    pub(crate) user: String,
    pub(crate) key: String,
    pub(crate) value: Value,
    /// The time of the message, which the recommender API does not have.
    pub(crate) timestamp: Option<String>,
}

type Values = Arc<Mutex<Vec<Came>>>;

/// A running tool.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    came: Values,
}

impl Receiver {
    /// One that takes messages as JSON.
    pub(crate) async fn webhook() -> Self {
        let came = Values::default();
        let app = Router::new().fallback(receive_message).with_state(Arc::clone(&came));
        Self { address: serve(app, None).await, came }
    }

    /// One that sets values of users as the recommender API does, and its certificate (PEM).
    pub(crate) async fn recommender() -> (Self, String) {
        let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let chain = vec![certificate.cert.der().clone()];
        let key = certificate.signing_key.serialize_der().try_into().unwrap();
        let tls = rustls::ServerConfig::builder().with_no_client_auth();
        let tls = tls.with_single_cert(chain, key).unwrap();
        let came = Values::default();
        let app = Router::new().fallback(receive_values).with_state(Arc::clone(&came));
        let address = serve(app, Some(web::Tls::new(Arc::new(tls).into()))).await;
        (Self { address, came }, certificate.cert.pem())
    }

    /// All values of a trait or audience that came, in order.
    pub(crate) fn values(&self, key: &str) -> Vec<Came> {
        self.came.lock().iter().filter(|came| came.key == key).cloned().collect()
    }

    /// Waits until so many values have come.
    pub(crate) async fn await_values(&self, key: &str, n: usize) -> Vec<Came> {
        let until = Instant::now() + WAIT_MAX;
        loop {
            let values = self.values(key);
            if values.len() >= n {
                return values;
            }
            assert!(Instant::now() < until, "{} of {n} values of {key} came", values.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(app: Router, tls: Option<web::Tls>) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let limits = ConnectionLimits {
        connections_max: 100,
        connections_per_address_max: 100,
        unfinished_bytes_max: 1_000_000,
    };
    let (connections, never) = (Arc::default(), std::future::pending());
    let listeners = vec![Listener { socket, tls }];
    tokio::spawn(web::serve(app, listeners, limits, connections, never, || Duration::ZERO));
    address
}

async fn receive_message(State(came): State<Values>, Json(message): Json<Value>) {
    let user = message["userId"].as_str().unwrap_or("anonymous").to_owned();
    let timestamp = message["timestamp"].as_str().map(str::to_owned);
    for (key, value) in message["traits"].as_object().unwrap() {
        came.lock().push(Came {
            user: user.clone(),
            key: key.clone(),
            value: value.clone(),
            timestamp: timestamp.clone(),
        });
    }
}

async fn receive_values(State(came): State<Values>, uri: Uri, body: Bytes) -> Json<Value> {
    let user = uri.path().rsplit('/').next().unwrap().to_owned();
    let values: Value = serde_json::from_slice(&body).unwrap();
    for (key, value) in values.as_object().unwrap() {
        if !key.starts_with('!') {
            let (user, key, value) = (user.clone(), key.clone(), value.clone());
            came.lock().push(Came { user, key, value, timestamp: None });
        }
    }
    Json(json!("ok"))
}
