//! A destination in this process, which counts what comes and measures how long it took.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A running receiver of webhooks.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Shared {
    n_values: AtomicU64,
    awaited: Mutex<Awaited>,
}

/// Values that should come because of messages.
#[derive(Default)]
struct Awaited {
    /// By user id: when the message was sent that changes their values, and what came since.
    sent: BTreeMap<String, (Instant, Vec<String>)>,
    latencies_ms: Vec<f64>,
}

/// What is read of a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    user_id: Option<String>,
    #[serde(default)]
    traits: BTreeMap<String, IgnoredAny>,
}

impl Receiver {
    pub(crate) fn start() -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let shared = Arc::<Shared>::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let app = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, shared, _runtime: runtime })
    }

    /// How many values have come.
    pub fn n_values(&self) -> u64 {
        self.shared.n_values.load(Ordering::Relaxed)
    }

    /// Measures from now on until values of this user come, one of each trait.
    pub fn expect(&self, user: String) {
        self.shared.awaited.lock().sent.insert(user, (Instant::now(), Vec::new()));
    }

    /// The latencies of all values that were expected and came.
    pub fn take_latencies_ms(&self) -> Vec<f64> {
        std::mem::take(&mut *self.shared.awaited.lock()).latencies_ms
    }
}

async fn receive(State(shared): State<Arc<Shared>>, body: Bytes) {
    let came = Instant::now();
    // A request of one message has it alone.
    let one = || serde_json::from_slice(&body).map(|one| vec![one]);
    let messages: Vec<Delivered> =
        serde_json::from_slice(&body).or_else(|_| one()).unwrap_or_default();
    shared.n_values.fetch_add(messages.len() as u64, Ordering::Relaxed);
    let mut awaited = shared.awaited.lock();
    let Awaited { sent, latencies_ms } = &mut *awaited;
    for message in messages {
        let user = message.user_id.and_then(|user| sent.get_mut(&user));
        let Some((since, keys)) = user else { continue };
        for key in message.traits.into_keys().filter(|key| !key.contains("__")) {
            if !keys.contains(&key) {
                latencies_ms.push(came.duration_since(*since).as_secs_f64() * 1_000.0);
                keys.push(key);
            }
        }
    }
}
