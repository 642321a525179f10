//! A minimal HTTP client. Requests are bytes, since hostile clients send them in parts; answers are
//! read whole.

use std::io;
use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// The most headers of an answer.
const HEADERS_MAX: usize = 64;

/// A GET request; `headers` are complete lines.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    request("GET", path, headers, "")
}

/// A POST request with a JSON body.
pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    request("POST", path, &format!("content-type: application/json\r\n{headers}"), body)
}

/// A request of any method. An empty body is omitted.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() && method == "GET" {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    format!("{method} {path} HTTP/1.1\r\nhost: trial\r\n{headers}{length}\r\n{body}").into_bytes()
}

/// The header line of HTTP Basic with a user and no password.
pub fn basic(user: &str) -> String {
    format!("authorization: Basic {}\r\n", BASE64_STANDARD.encode(format!("{user}:")))
}

/// The header line of a bearer token.
pub fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// The kind of token that signs a call of the recommender API.
#[derive(Debug, Clone, Copy)]
pub enum Signer {
    /// The private token, for servers.
    Private,
    /// The public token, for browsers.
    Public,
}

/// Signs a request target of the recommender API at the current time.
pub fn sign(target: &str, token: &str, signer: Signer) -> String {
    let prefix = match signer {
        Signer::Private => "hmac",
        Signer::Public => "frontend",
    };
    let now_s = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let join = if target.contains('?') { '&' } else { '?' };
    let signed = format!("{target}{join}{prefix}_timestamp={now_s}");
    let mut mac =
        Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("keys of any length are taken");
    mac.update(signed.as_bytes());
    let sign: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}&{prefix}_sign={sign}")
}

/// A completely read answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, without transfer encoding.
    pub body: Vec<u8>,
    /// Whether the server closes the connection after it.
    pub closes: bool,
}

/// Opens a connection, from an address of this machine where one is given.
///
/// # Errors
///
/// The error of the operating system.
pub async fn connect(
    to: SocketAddr,
    from: Option<IpAddr>,
    receive_bytes: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection that is kept for many requests.
pub struct Connection {
    stream: TcpStream,
    /// Bytes that were read and not yet parsed.
    buffer: Vec<u8>,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    pub async fn open(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Self> {
        Ok(Self { stream: connect(to, from, None).await?, buffer: Vec::new() })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// When the connection ends before the answer does, or the answer is no HTTP/1.1.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = read_answer(&self.buffer)? {
                return Ok(answer);
            }
            if self.buffer.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("the answer is too large"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The answer that is whole in these bytes, if any.
fn read_answer(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let malformed =
        |error: &dyn std::fmt::Display| io::Error::other(format!("no HTTP/1.1: {error}"));
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(head_bytes)) =
        head.parse(bytes).map_err(|error| malformed(&error)).map(Ok::<_, io::Error>)?
    else {
        return Ok(None);
    };
    let header = |name: &str| {
        let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let status = head.code.unwrap_or(0);
    let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let rest = &bytes[head_bytes..];
    let body = if header("transfer-encoding").is_some() {
        read_chunks(rest).map_err(|error| malformed(&error))?
    } else {
        let length: usize =
            header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        rest.get(..length).map(<[u8]>::to_vec)
    };
    Ok(body.map(|body| Answer { status, body, closes }))
}

/// The body that is whole in these chunks, if any.
fn read_chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, httparse::InvalidChunkSize> {
    let mut body = Vec::new();
    while let httparse::Status::Complete((start, len)) = httparse::parse_chunk_size(rest)? {
        let end = start + len as usize;
        let Some(chunk) = rest.get(start..end).filter(|_| rest.len() >= end + 2) else {
            return Ok(None);
        };
        if chunk.is_empty() {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        rest = &rest[end + 2..];
    }
    Ok(None)
}
