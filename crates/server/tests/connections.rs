//! Clients that keep connections and send little, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use web::{ConnectionLimits, Connections, Listener, serve};

/// How long an answer may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<()>,
    connections: Arc<Connections>,
}

impl Server {
    async fn start(connections_max: usize, connections_per_address_max: usize) -> Self {
        let limits = ConnectionLimits {
            connections_max,
            connections_per_address_max,
            unfinished_bytes_max: 100_000,
        };
        let endless = || async {
            let chunk = vec![b'x'; 64 * 1_024];
            let chunks = futures_util::stream::repeat(chunk);
            Body::from_stream(futures_util::StreamExt::map(chunks, Ok::<_, std::io::Error>))
        };
        let router = Router::new()
            .route("/", get(|| async { "answer" }))
            .route("/echo", post(|body: String| async move { body }))
            .route("/endless", get(endless))
            .route(
                "/slow",
                get(|| async {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    "slow"
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = Listener { socket: listener, tls: None };
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or(()) };
        let connections = Arc::<Connections>::default();
        let deadline = || Duration::from_secs(2);
        let serving =
            serve(router, vec![listener], limits, Arc::clone(&connections), stopped, deadline);
        let served = tokio::spawn(serving);
        Self { address, stop: Some(stop), served, connections }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks on a connection of its own.
    async fn ask(&self) -> String {
        exchange(
            &mut self.connect().await,
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        )
        .await
    }
}

/// Sends a text and reads to the end of the connection.
async fn exchange(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    read_to_end(stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .expect("the connection ends")
        .ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_connection_that_waits_for_its_client_makes_room_for_one_that_asks() {
    for (in_all, of_address) in [(10, 100), (100, 10)] {
        let server = Server::start(in_all, of_address).await;
        let mut idle = Vec::new();
        for n in 0..30 {
            let mut stream = server.connect().await;
            match n % 3 {
                0 => {}
                1 => stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap(),
                _ => {
                    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf";
                    stream.write_all(head.as_bytes()).await.unwrap();
                }
            }
            idle.push(stream);
            assert!(server.ask().await.ends_with("answer"), "the {n}th comes in");
        }
        // The first ones had to go.
        assert_eq!(read_to_end(&mut idle[0]).await, "");
        let usage = server.connections.usage().unwrap();
        assert_eq!((usage.max, usage.per_address_max), (in_all, of_address));
        assert!((1..=10).contains(&usage.open), "{usage:?}");
    }
}

#[tokio::test]
async fn an_address_with_many_connections_makes_room_before_one_with_few() {
    let server = Server::start(10, 10).await;
    let mut first = server.connect().await;
    let mut others = Vec::new();
    for _ in 0..30 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        others.push(socket.connect(server.address).await.unwrap());
    }
    assert!(server.ask().await.ends_with("answer"));
    let request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(
        exchange(&mut first, request).await.ends_with("answer"),
        "though it has waited longest"
    );
    assert_eq!(read_to_end(&mut others[0]).await, "");
}

#[tokio::test]
async fn a_request_that_is_worked_on_is_not_displaced() {
    let server = Server::start(2, 2).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    for _ in 0..20 {
        server.connect().await;
    }
    assert!(read_to_end(&mut slow).await.ends_with("slow"));
}

#[tokio::test]
async fn http_2_is_not_spoken() {
    let server = Server::start(10, 10).await;
    let answer = exchange(&mut server.connect().await, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!answer.contains("200"), "{answer}");
    assert!(server.ask().await.ends_with("answer"));
}

#[tokio::test]
async fn unfinished_bodies_share_a_bound() {
    let server = Server::start(100, 100).await;
    let mut large = Vec::new();
    for _ in 0..10 {
        let mut stream = server.connect().await;
        let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[b'x'; 40_000]).await.unwrap();
        large.push(stream);
    }
    // Far before the time for a body is over.
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(8), read_to_end(&mut large[0])).await.unwrap(),
        ""
    );
    assert!(server.ask().await.ends_with("answer"));
}

#[tokio::test]
async fn a_stopping_server_ends_in_time_whatever_clients_do() {
    let mut server = Server::start(100, 100).await;
    let mut kept = Vec::new();
    for _ in 0..5 {
        kept.push(server.connect().await);
        let mut endless = server.connect().await;
        endless.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        kept.push(endless);
    }
    let mut slow = server.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.take().unwrap().send(()).unwrap();
    assert!(read_to_end(&mut slow).await.contains("slow"), "what was under way is answered");
    tokio::time::timeout(PATIENCE, server.served).await.expect("the server ends").unwrap();
}
