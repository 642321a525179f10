//! Hostile connections of several kinds. All of them reconnect when the server closes them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Options, USERS};
use crate::http::{Signer, basic, connect, post, request, sign};
use crate::process::{PUBLIC_TOKEN, WRITE_KEY};

/// The time within which all connections are opened.
const RAMP: Duration = Duration::from_secs(2);
/// The pause between the end of a connection and the next one.
const PAUSE: Duration = Duration::from_millis(250);
/// The pause between two bytes of a slow head.
const BYTE_INTERVAL: Duration = Duration::from_secs(2);
/// The pause between two requests of a flood on one connection.
const FLOOD_INTERVAL: Duration = Duration::from_millis(200);
/// The time for which a large answer stays unread.
const UNREAD_FOR: Duration = Duration::from_secs(20);
/// The number of addresses of hostile connections, from 127.0.0.2 on.
const ADDRESSES: u8 = 16;
/// The number of streams that an HTTP/2 connection opens.
const STREAMS: u32 = 100;
/// The announced length of bodies that are never sent, in bytes.
const BODY_BYTES: usize = 400_000;

type Attack = for<'a> fn(&'a mut Besieger, TcpStream) -> AttackFuture<'a>;
type AttackFuture<'a> = std::pin::Pin<Box<dyn Future<Output = io::Result<By>> + Send + 'a>>;

/// Who ended a connection.
#[derive(PartialEq)]
enum By {
    Server,
    Besieger,
}

const KINDS: [(&str, Attack); 8] = [
    ("silent", |besieger, stream| Box::pin(besieger.send_and_wait(stream, Vec::new()))),
    ("slow head", |besieger, stream| Box::pin(besieger.send_slowly(stream))),
    ("half body, key", |besieger, stream| {
        let head = half_body("/v1/batch", &basic(WRITE_KEY));
        Box::pin(besieger.send_and_wait(stream, head))
    }),
    ("half body, token", |besieger, stream| {
        let head = half_body(&sign("/shop/batch/", PUBLIC_TOKEN, Signer::Public), "");
        Box::pin(besieger.send_and_wait(stream, head))
    }),
    ("half body, wrong", |besieger, stream| {
        let is_signed: bool = besieger.random.random();
        let head = if is_signed {
            half_body(&sign("/shop/batch/", "wrong", Signer::Public), "")
        } else {
            half_body("/v1/batch", &basic("wrong"))
        };
        Box::pin(besieger.send_and_wait(stream, head))
    }),
    ("http/2 streams", |besieger, stream| {
        Box::pin(besieger.send_and_wait(stream, http2_streams()))
    }),
    ("unread answers", |besieger, stream| Box::pin(besieger.leave_unread(stream))),
    ("flood", |besieger, stream| Box::pin(besieger.flood(stream))),
];

/// Counters of the connections of one kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    connections: AtomicU64,
    refused: AtomicU64,
    closed: AtomicU64,
    answers: Mutex<BTreeMap<String, u64>>,
}

/// The values of a [`Tally`] at one time.
#[derive(Debug)]
pub(super) struct KindCounts {
    /// Connections that were opened.
    pub(super) connections: u64,
    /// Connections that could not be opened.
    pub(super) refused: u64,
    /// Connections that the server closed.
    pub(super) closed: u64,
    /// The number of answers by status.
    pub(super) answers: String,
}

/// By kind.
pub(super) type Tallies = Vec<(&'static str, Arc<Tally>)>;

impl Tally {
    pub(super) fn read(&self) -> KindCounts {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answers: Vec<String> =
            answers.iter().map(|(status, n)| format!("{status}: {n}")).collect();
        KindCounts {
            connections: self.connections.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            closed: self.closed.load(Ordering::Relaxed),
            answers: answers.join(", "),
        }
    }

    fn count_answer(&self, bytes: &[u8]) {
        let status = match bytes.strip_prefix(b"HTTP/1.1 ").or(bytes.strip_prefix(b"HTTP/1.0 ")) {
            Some(rest) => String::from_utf8_lossy(rest.get(..3).unwrap_or_default()).into_owned(),
            // The rest of an answer, or a frame of HTTP/2 (its fourth byte is a small number).
            None if bytes.get(3).is_some_and(|byte| *byte < 10) => "h2".to_owned(),
            None => return,
        };
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() +=
            1;
    }
}

/// Starts one task for each connection, with the kinds in turn.
pub(super) fn start(
    address: SocketAddr,
    options: &Options,
    until: Instant,
) -> (Tallies, Vec<JoinHandle<()>>) {
    let tallies = KINDS.map(|(name, _)| (name, Arc::new(Tally::default())));
    let tasks = (0..options.connections).map(|n| {
        let place = n % KINDS.len();
        let from = if options.same_address { 1 } else { 2 + (n / KINDS.len()) as u8 % ADDRESSES };
        let besieger = Besieger {
            address,
            from: Ipv4Addr::new(127, 0, 0, from).into(),
            random: StdRng::seed_from_u64(options.seed ^ (n as u64) << 32),
            tally: Arc::clone(&tallies[place].1),
        };
        let delay = RAMP.mul_f64(n as f64 / options.connections as f64);
        tokio::spawn(besieger.besiege(KINDS[place].1, delay, until))
    });
    let tasks = tasks.collect();
    (tallies.to_vec(), tasks)
}

/// A task that opens one hostile connection after another.
struct Besieger {
    address: SocketAddr,
    from: IpAddr,
    random: StdRng,
    tally: Arc<Tally>,
}

impl Besieger {
    async fn besiege(mut self, attack: Attack, delay: Duration, until: Instant) {
        tokio::time::sleep(delay).await;
        // The honest client ends first, so that the server is asked to stop while these are still
        // there.
        while Instant::now() < until + crate::process::ENDS_WITHIN {
            match connect(self.address, Some(self.from), Some(4_096)).await {
                Ok(stream) => {
                    self.tally.connections.fetch_add(1, Ordering::Relaxed);
                    // The server also closes connections by a reset.
                    if attack(&mut self, stream).await.unwrap_or(By::Server) == By::Server {
                        self.tally.closed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(_) => {
                    self.tally.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::time::sleep(PAUSE.mul_f64(self.random.random_range(0.5..1.5))).await;
        }
    }

    /// Sends some bytes and waits.
    async fn send_and_wait(&mut self, mut stream: TcpStream, bytes: Vec<u8>) -> io::Result<By> {
        stream.write_all(&bytes).await?;
        self.read_to_end(&mut stream).await
    }

    async fn read_to_end(&mut self, stream: &mut TcpStream) -> io::Result<By> {
        let mut room = [0; 4_096];
        loop {
            let n = stream.read(&mut room).await?;
            if n == 0 {
                return Ok(By::Server);
            }
            self.tally.count_answer(&room[..n]);
        }
    }

    async fn send_slowly(&mut self, stream: TcpStream) -> io::Result<By> {
        let (mut from, mut to) = stream.into_split();
        let send = async {
            for byte in half_body("/v1/batch", &basic(WRITE_KEY)) {
                to.write_all(&[byte]).await?;
                tokio::time::sleep(BYTE_INTERVAL).await;
            }
            std::future::pending::<io::Result<By>>().await
        };
        let read = async {
            let mut room = [0; 4_096];
            loop {
                let n = from.read(&mut room).await?;
                if n == 0 {
                    return Ok(By::Server);
                }
                self.tally.count_answer(&room[..n]);
            }
        };
        tokio::select! {
            sent = send => sent,
            read = read => read,
        }
    }

    /// Requests a list with all properties and does not read it for a while.
    async fn leave_unread(&mut self, mut stream: TcpStream) -> io::Result<By> {
        let user = self.random.random_range(0..USERS);
        let target = format!("/shop/recomms/users/u{user}/items/");
        let body = r#"{"count":1000,"returnProperties":true}"#;
        stream.write_all(&post(&sign(&target, PUBLIC_TOKEN, Signer::Public), "", body)).await?;
        tokio::time::sleep(UNREAD_FOR).await;
        // The buffered bytes tell whether there was an answer; the connection is then left as
        // it is read.
        let mut room = [0; 4_096];
        let n = stream.read(&mut room).await?;
        self.tally.count_answer(&room[..n]);
        Ok(if n == 0 { By::Server } else { By::Besieger })
    }

    /// Sends garbage and requests with wrong keys, one after another.
    async fn flood(&mut self, mut stream: TcpStream) -> io::Result<By> {
        let mut room = vec![0; 16_384];
        loop {
            let bytes = match self.random.random_range(0..4) {
                0 => (0..200).map(|_| self.random.random()).collect(),
                1 => post("/v1/track", &basic("wrong"), r#"{"userId":"u","event":"E"}"#),
                2 => {
                    post(&sign("/shop/batch/", "wrong", Signer::Private), "", r#"{"requests":[]}"#)
                }
                _ => request("GET", &format!("/{}", self.random.random::<u64>()), "", ""),
            };
            stream.write_all(&bytes).await?;
            let n = stream.read(&mut room).await?;
            if n == 0 {
                return Ok(By::Server);
            }
            self.tally.count_answer(&room[..n]);
            tokio::time::sleep(FLOOD_INTERVAL).await;
        }
    }
}

/// A complete head, and the beginning of a body that never ends.
fn half_body(path: &str, headers: &str) -> Vec<u8> {
    let length = format!(
        "{headers}content-type: application/json\r\ncontent-length: {BODY_BYTES}\r\n\r\n{{"
    );
    format!("POST {path} HTTP/1.1\r\nhost: trial\r\n{length}").into_bytes()
}

/// The preface of HTTP/2 without TLS, and the heads of many requests whose bodies are never sent.
fn http2_streams() -> Vec<u8> {
    const SETTINGS: u8 = 4;
    const HEADERS: u8 = 1;
    const END_HEADERS: u8 = 4;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    // HPACK (RFC 7541): POST and http are in the static table, path and authority are literals of
    // its names 4 and 1.
    let mut head = vec![0x83, 0x86];
    for (name, value) in [(0x04, "/v1/batch"), (0x01, "trial")] {
        head.extend([name, value.len() as u8]);
        head.extend(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    for n in 0..STREAMS {
        bytes.extend(frame(HEADERS, END_HEADERS, 2 * n + 1, &head));
    }
    bytes
}
