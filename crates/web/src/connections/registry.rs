//! The open connections, and which of them must go.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use super::ConnectionLimits;
use crate::address::caller_network;

/// From the first byte of a head to its last, and from the accepting of a connection to its first
/// request.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Between two requests.
const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a body may take, or an answer be kept back by its reader, beside the time for its
/// bytes.
const TRANSFER_GRACE: Duration = Duration::from_secs(10);
/// The slowest transfer of a body or an answer, in bytes a second.
const TRANSFER_BYTES_PER_S_MIN: u64 = 16 * 1_024;

/// Where there are as many connections as may be, one of so many makes room at once, so that
/// looking for them is no work for each new one.
const DISPLACED_SHARE: usize = 64;

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for a request, or for the rest of its head.
    Waiting,
    /// It waits for the rest of a body.
    Receiving,
    /// The server works on an answer.
    Working,
    /// The server has refused the caller, and lets them wait.
    Refusing,
    /// The answer is written.
    Sending,
}

/// One connection.
pub(crate) struct Connection {
    peer: SocketAddr,
    state: Mutex<State>,
    /// A known key was sent on it.
    is_trusted: AtomicBool,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
    /// The client does not take what is written.
    is_write_blocked: AtomicBool,
    is_closed: AtomicBool,
    closing: Notify,
    /// The registry of all connections.
    unfinished_bytes: Arc<AtomicUsize>,
}

struct State {
    phase: Phase,
    since: Instant,
    n_requests: u64,
    /// The counters when the phase began.
    read_before: u64,
    written_before: u64,
    /// When the first byte of the head under way was seen.
    head_began: Option<Instant>,
    /// For how long the client has not taken what was written.
    blocked_for: Duration,
    looked_at: Instant,
    /// Bytes of the body under way.
    body_bytes: usize,
}

impl Connection {
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Begins another phase.
    pub(crate) fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        if phase == state.phase {
            return;
        }
        self.unfinished_bytes.fetch_sub(std::mem::take(&mut state.body_bytes), Ordering::Relaxed);
        let now = Instant::now();
        *state = State {
            phase,
            since: now,
            n_requests: state.n_requests + u64::from(phase == Phase::Waiting),
            read_before: self.read_bytes.load(Ordering::Relaxed),
            written_before: self.written_bytes.load(Ordering::Relaxed),
            head_began: None,
            blocked_for: Duration::ZERO,
            looked_at: now,
            body_bytes: 0,
        };
    }

    /// For how long the server has worked on the request: since its body was there, or since the
    /// caller was let go on after a refusal. Nothing while the server waits for the client.
    pub(crate) fn working_for(&self) -> Duration {
        let state = self.state.lock();
        match state.phase {
            Phase::Working => state.since.elapsed(),
            Phase::Waiting | Phase::Receiving | Phase::Refusing | Phase::Sending => Duration::ZERO,
        }
    }

    /// Counts bytes of a body that has not ended.
    pub(crate) fn add_body_bytes(&self, n: usize) {
        self.state.lock().body_bytes += n;
        self.unfinished_bytes.fetch_add(n, Ordering::Relaxed);
    }

    /// The caller has shown a key that is known.
    pub(crate) fn trust(&self) {
        self.is_trusted.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_read(&self, n: usize) {
        self.read_bytes.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn note_written(&self, n: usize) {
        self.written_bytes.fetch_add(n as u64, Ordering::Relaxed);
        self.is_write_blocked.store(false, Ordering::Relaxed);
    }

    pub(super) fn note_write_blocked(&self) {
        self.is_write_blocked.store(true, Ordering::Relaxed);
    }

    /// Resolves when the connection is to be closed.
    pub(super) async fn closed(&self) {
        loop {
            let closing = self.closing.notified();
            if self.is_closed.load(Ordering::Acquire) {
                return;
            }
            closing.await;
        }
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        self.closing.notify_one();
    }

    /// Since when the connection has waited for its client; none where the server has work to do
    /// for it.
    fn waiting_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        match state.phase {
            Phase::Waiting | Phase::Receiving | Phase::Refusing => Some(state.since),
            Phase::Sending if self.is_write_blocked.load(Ordering::Relaxed) => Some(state.since),
            Phase::Working | Phase::Sending => None,
        }
    }

    /// Whether the client is too slow for what the connection is doing.
    fn is_too_slow(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let in_phase = now.saturating_duration_since(state.since);
        let since_last_look =
            now.saturating_duration_since(std::mem::replace(&mut state.looked_at, now));
        let may_take =
            |bytes: u64| TRANSFER_GRACE + Duration::from_secs(bytes / TRANSFER_BYTES_PER_S_MIN);
        match state.phase {
            Phase::Waiting if state.n_requests == 0 => in_phase > HEAD_TIME_MAX,
            Phase::Waiting => {
                if state.head_began.is_none()
                    && self.read_bytes.load(Ordering::Relaxed) > state.read_before
                {
                    state.head_began = Some(now);
                }
                in_phase > IDLE_TIME_MAX
                    || state
                        .head_began
                        .is_some_and(|began| now.saturating_duration_since(began) > HEAD_TIME_MAX)
            }
            Phase::Receiving => {
                in_phase > may_take(self.read_bytes.load(Ordering::Relaxed) - state.read_before)
            }
            Phase::Sending if self.is_write_blocked.load(Ordering::Relaxed) => {
                state.blocked_for += since_last_look;
                let written = self.written_bytes.load(Ordering::Relaxed) - state.written_before;
                state.blocked_for > may_take(written)
            }
            Phase::Working | Phase::Refusing | Phase::Sending => false,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.unfinished_bytes.fetch_sub(self.state.get_mut().body_bytes, Ordering::Relaxed);
    }
}

/// All open connections.
pub(super) struct Registry {
    limits: ConnectionLimits,
    unfinished_bytes: Arc<AtomicUsize>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_number: u64,
    connections: FxHashMap<u64, Arc<Connection>>,
    by_address: FxHashMap<IpAddr, usize>,
}

impl Open {
    fn remove(&mut self, number: u64) {
        let Some(connection) = self.connections.remove(&number) else { return };
        let address = caller_network(connection.peer.ip());
        if let Some(n) = self.by_address.get_mut(&address) {
            *n -= 1;
            if *n == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    /// Closes connections that wait for their clients, at most `n_max`. Those without a known key
    /// go first, of the addresses that have most of them, the longest waiting first. If there are
    /// none, the one that has waited longest goes. False if none waits.
    fn make_room(&mut self, n_max: usize, is_meant: impl Fn(&Connection) -> bool) -> bool {
        let waiting = self.connections.iter().filter(|(_, connection)| is_meant(connection));
        let waiting = waiting.filter_map(|(number, connection)| {
            Some((
                connection.is_trusted.load(Ordering::Relaxed),
                connection.waiting_since()?,
                *number,
            ))
        });
        let (trusted, strangers): (Vec<_>, Vec<_>) =
            waiting.partition(|(is_trusted, ..)| *is_trusted);
        let address_of = |number: &u64| caller_network(self.connections[number].peer.ip());
        let mut n_by_address: FxHashMap<IpAddr, usize> = FxHashMap::default();
        for (.., number) in &strangers {
            *n_by_address.entry(address_of(number)).or_default() += 1;
        }
        let mut displaced: Vec<_> = strangers
            .iter()
            .map(|(_, since, number)| (Reverse(n_by_address[&address_of(number)]), *since, *number))
            .collect();
        displaced.sort_unstable();
        let mut displaced: Vec<u64> =
            displaced.into_iter().take(n_max).map(|(.., number)| number).collect();
        if displaced.is_empty() {
            displaced.extend(
                trusted.into_iter().map(|(_, since, number)| (since, number)).min().map(|(_, n)| n),
            );
        }
        metrics::counter!("connections_closed_total", "why" => "displaced")
            .increment(displaced.len() as u64);
        for number in &displaced {
            self.connections[number].close();
            self.remove(*number);
        }
        !displaced.is_empty()
    }
}

/// A connection that is in the registry as long as this lives.
pub(super) struct Registered {
    registry: Arc<Registry>,
    number: u64,
    connection: Arc<Connection>,
}

impl Registered {
    pub(super) fn get(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.open.lock().remove(self.number);
    }
}

impl Registry {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, unfinished_bytes: Arc::default(), open: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    pub(super) fn n_connections(&self) -> usize {
        self.open.lock().connections.len()
    }

    /// Enters a connection, for which another one may have to go; none where there is no room.
    pub(super) fn add(self: &Arc<Self>, peer: SocketAddr) -> Option<Registered> {
        let mut open = self.open.lock();
        let address = caller_network(peer.ip());
        let n_of_address = open.by_address.get(&address).copied().unwrap_or(0);
        let has_room = if n_of_address >= self.limits.connections_per_address_max {
            let n_max = self.limits.connections_per_address_max.div_ceil(DISPLACED_SHARE);
            open.make_room(n_max, |connection| caller_network(connection.peer.ip()) == address)
        } else {
            let n_max = self.limits.connections_max.div_ceil(DISPLACED_SHARE);
            open.connections.len() < self.limits.connections_max || open.make_room(n_max, |_| true)
        };
        if !has_room {
            metrics::counter!("connections_closed_total", "why" => "no room").increment(1);
            return None;
        }
        let now = Instant::now();
        let state = State {
            phase: Phase::Waiting,
            since: now,
            n_requests: 0,
            read_before: 0,
            written_before: 0,
            head_began: None,
            blocked_for: Duration::ZERO,
            looked_at: now,
            body_bytes: 0,
        };
        let connection = Arc::new(Connection {
            peer,
            state: Mutex::new(state),
            is_trusted: AtomicBool::new(false),
            read_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            is_write_blocked: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
            unfinished_bytes: Arc::clone(&self.unfinished_bytes),
        });
        let number = open.next_number;
        open.next_number += 1;
        open.connections.insert(number, Arc::clone(&connection));
        *open.by_address.entry(address).or_default() += 1;
        Some(Registered { registry: Arc::clone(self), number, connection })
    }

    /// Closes the connections whose clients are too slow, and those with the oldest unfinished
    /// bodies where these take too much memory.
    pub(super) fn close_slow(&self) {
        let now = Instant::now();
        let mut open = self.open.lock();
        let slow: Vec<u64> = open
            .connections
            .iter()
            .filter(|(_, connection)| connection.is_too_slow(now))
            .map(|(number, _)| *number)
            .collect();
        for number in slow {
            open.connections[&number].close();
            metrics::counter!("connections_closed_total", "why" => "too slow").increment(1);
            open.remove(number);
        }
        metrics::gauge!("connections_open").set(open.connections.len() as f64);
        metrics::gauge!("connections_unfinished_body_bytes")
            .set(self.unfinished_bytes.load(Ordering::Relaxed) as f64);
        let mut excess = self
            .unfinished_bytes
            .load(Ordering::Relaxed)
            .saturating_sub(self.limits.unfinished_bytes_max);
        while excess > 0 {
            let is_receiving = |connection: &Connection| connection.state.lock().body_bytes > 0;
            let receiving =
                open.connections.iter().filter(|(_, connection)| is_receiving(connection));
            let oldest = receiving.min_by_key(|(_, connection)| {
                (connection.is_trusted.load(Ordering::Relaxed), connection.state.lock().since)
            });
            let Some((&number, connection)) = oldest else { break };
            excess = excess.saturating_sub(connection.state.lock().body_bytes);
            connection.close();
            metrics::counter!("connections_closed_total", "why" => "body memory").increment(1);
            open.remove(number);
        }
    }

    /// Makes room where the system has none.
    pub(super) fn make_room(&self) {
        let n_max = self.limits.connections_max.div_ceil(DISPLACED_SHARE);
        self.open.lock().make_room(n_max, |_| true);
    }

    pub(super) fn close_all(&self) {
        self.open.lock().connections.values().for_each(|connection| connection.close());
    }
}
