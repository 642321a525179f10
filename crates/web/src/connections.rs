//! Connections: they are accepted, watched, and closed when a client keeps them waiting.
//!
//! A connection is in one [`Phase`] at a time. Once a second every connection is looked at, and one
//! whose client is too slow for its phase is closed. Where there are as many connections as may be,
//! a new one takes the place of one that waits for its client: first those on which nobody has
//! shown a key yet, of the addresses that have most of these, the longest waiting. So clients that
//! connect and do nothing keep nobody else out.
//!
//! HTTP/1.1 only: one request at a time on a connection is what the limits count on, and no client
//! needs more.

mod counted;
mod registry;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt;

use self::counted::{Counted, CountedBody};
use self::registry::Registry;
pub(crate) use self::registry::{Connection, Phase};

/// How many connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub connections_max: usize,
    /// From one address.
    pub connections_per_address_max: usize,
    /// Bytes of bodies that have begun and not ended, over all connections.
    pub unfinished_bytes_max: usize,
}

/// The connections that are open now, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConnectionUse {
    /// Open connections.
    pub open: usize,
    /// The most connections that may be open.
    pub max: usize,
    /// The most that may be open from one address.
    pub per_address_max: usize,
}

/// The connections that [`serve`] has accepted, for those who look at how many there are.
#[derive(Default)]
pub struct Connections(Mutex<Weak<Registry>>);

impl Connections {
    /// How many there are; none while nothing listens.
    pub fn usage(&self) -> Option<ConnectionUse> {
        let registry = self.0.lock().upgrade()?;
        Some(ConnectionUse {
            open: registry.n_connections(),
            max: registry.limits().connections_max,
            per_address_max: registry.limits().connections_per_address_max,
        })
    }
}

/// The configuration of https; it is replaced when the certificate changes.
pub type Tls = Arc<ArcSwap<ServerConfig>>;

/// A bound address, and what is spoken there.
pub struct Listener {
    /// Bound.
    pub socket: TcpListener,
    /// The configuration of https; none for http.
    pub tls: Option<Tls>,
}

/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// How often connections are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long the accepting of connections rests when no file descriptor is left.
const ACCEPT_REST: Duration = Duration::from_millis(20);

/// Serves `router` on all listeners, which share the limits, until `stop` resolves. Requests under
/// way may then end within `deadline()`. `connections` shows what is open meanwhile.
pub async fn serve(
    router: Router,
    listeners: Vec<Listener>,
    limits: ConnectionLimits,
    connections: Arc<Connections>,
    stop: impl Future<Output = ()>,
    deadline: impl Fn() -> Duration,
) {
    let registry = Arc::new(Registry::new(limits));
    *connections.0.lock() = Arc::downgrade(&registry);
    drop(connections);
    let (stopping, is_stopping) = watch::channel(false);
    let mut watching = tokio::time::interval(WATCH_INTERVAL);
    tokio::pin!(stop);
    let mut turn = 0;
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = watching.tick() => registry.close_slow(),
            (listener, accepted) = accept_any(&listeners, &mut turn) => match accepted {
                Ok((stream, peer)) => {
                    let Some(connection) = registry.add(peer) else { continue };
                    let (router, tls, is_stopping) =
                        (router.clone(), listener.tls.clone(), is_stopping.clone());
                    tokio::spawn(serve_connection(router, stream, tls, connection, is_stopping));
                }
                Err(error) if has_client_gone(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    registry.make_room();
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            },
        }
    }
    drop(listeners);
    stopping.send_replace(true);
    let ended = async {
        while registry.n_connections() > 0 {
            tokio::time::sleep(ACCEPT_REST).await;
        }
    };
    if tokio::time::timeout(deadline(), ended).await.is_err() {
        tracing::warn!(connections = registry.n_connections(), "requests under way are given up");
        registry.close_all();
    }
}

/// The next connection of any listener. Each has its `turn` to be asked first, so that none keeps
/// the others waiting.
async fn accept_any<'l>(
    listeners: &'l [Listener],
    turn: &mut usize,
) -> (&'l Listener, std::io::Result<(TcpStream, SocketAddr)>) {
    let (before, after) = listeners.split_at(*turn % listeners.len().max(1));
    *turn = turn.wrapping_add(1);
    std::future::poll_fn(|ctx| {
        let accepted = after.iter().chain(before).find_map(|listener| {
            match listener.socket.poll_accept(ctx) {
                Poll::Ready(accepted) => Some((listener, accepted)),
                Poll::Pending => None,
            }
        });
        accepted.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Whether accepting failed because the client has gone already.
fn has_client_gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

/// Of a request: it came over TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// Serves one connection until it ends or is closed.
async fn serve_connection(
    router: Router,
    stream: TcpStream,
    tls: Option<Tls>,
    connection: registry::Registered,
    is_stopping: watch::Receiver<bool>,
) {
    let own = Arc::clone(connection.get());
    let served = async {
        stream.set_nodelay(true).ok();
        match tls {
            None => serve_stream(router, stream, None, &own, is_stopping).await,
            Some(tls) => {
                // Clients that speak no TLS, or another one, are no concern of ours.
                if let Ok(stream) = TlsAcceptor::from(tls.load_full()).accept(stream).await {
                    serve_stream(router, stream, Some(OverTls), &own, is_stopping).await;
                }
            }
        }
    };
    tokio::select! {
        () = served => {}
        () = own.closed() => {}
    }
}

async fn serve_stream<S>(
    router: Router,
    stream: S,
    tls: Option<OverTls>,
    connection: &Arc<Connection>,
    mut is_stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let peer = connection.peer();
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, connection) = (router.clone(), Arc::clone(connection));
        async move { Ok::<_, Infallible>(answer(router, request, tls, peer, connection).await) }
    });
    let io = TokioIo::new(Counted::new(stream, Arc::clone(connection)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_BYTES_MAX)
        // All phases have their times in one place: `Registry::close_slow`.
        .header_read_timeout(None)
        .serve_connection(io, service);
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { is_stopping.wait_for(|is_stopping| *is_stopping).await.ok(); } => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    tls: Option<OverTls>,
    peer: SocketAddr,
    connection: Arc<Connection>,
) -> Response {
    connection.enter(Phase::Working);
    let mut request: Request =
        request.map(|body| Body::new(CountedBody::for_request(body, Arc::clone(&connection))));
    request.extensions_mut().insert(ConnectInfo(peer));
    tls.map(|tls| request.extensions_mut().insert(tls));
    request.extensions_mut().insert(Arc::clone(&connection));
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    connection.enter(Phase::Sending);
    response.map(|body| Body::new(CountedBody::for_answer(body, connection)))
}
