//! A receiver of webhooks on this machine, whose answers a test decides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;

/// How long a test waits for what should happen.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
    /// What it was answered.
    pub(crate) status: u16,
}

type Answer = Box<dyn FnMut(&Value) -> u16 + Send>;

struct Shared {
    received: Mutex<Vec<Received>>,
    answer: Mutex<Answer>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared =
            Arc::new(Shared { received: Mutex::default(), answer: Mutex::new(Box::new(|_| 200)) });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, shared, _runtime: runtime }
    }

    /// Decides the status of each request by its body.
    pub(crate) fn answer(&self, answer: impl FnMut(&Value) -> u16 + Send + 'static) {
        *self.shared.answer.lock() = Box::new(answer);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().clone()
    }

    /// The message ids of the requests that were answered 200, in order.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let received = self.received().into_iter().filter(|received| received.status == 200);
        received.flat_map(|received| message_ids(&received.body)).collect()
    }

    /// Waits until so many messages were delivered.
    pub(crate) fn await_delivered(&self, n: usize) -> Vec<String> {
        await_that(&format!("{n} messages"), || {
            let delivered = self.delivered();
            (delivered.len() >= n).then_some(delivered)
        })
    }
}

fn message_ids(body: &Value) -> Vec<String> {
    let id = |message: &Value| message["messageId"].as_str().unwrap_or_default().to_owned();
    match body {
        Value::Array(messages) => messages.iter().map(id).collect(),
        message => vec![id(message)],
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = String::from_utf8_lossy(&body).into_owned();
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let status = (shared.answer.lock())(&body);
    shared.received.lock().push(Received { headers, text, body, status });
    StatusCode::from_u16(status).unwrap()
}

/// Waits until there is something.
pub(crate) fn await_that<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "nothing for {WAIT_MAX:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
