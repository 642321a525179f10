//! Connections to brokers, and what they know of topics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use activation::Failure;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::sign_in::{Mechanism, Scram, is_expected, plain};
use super::wire::{
    METADATA, Metadata, Reader, SASL_AUTHENTICATE, SASL_HANDSHAKE, Writer, metadata_request,
    read_metadata, request,
};
use crate::outgoing::{SharedOutgoing, unreadable};

/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The most connections to one broker that are kept while nothing is sent.
const IDLE_MAX: usize = 4;
/// The most topics of which something is known. With more, all are asked for again.
const KNOWN_TOPICS_MAX: usize = 1_000;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a broker, signed in.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    n_requests: i32,
}

/// Who signs in, and how.
pub(super) struct SignIn {
    pub(super) mechanism: Mechanism,
    pub(super) user: String,
    pub(super) password: String,
}

/// The brokers of a destination.
pub(super) struct Brokers {
    pub(super) outgoing: SharedOutgoing,
    /// Hosts and ports to begin with.
    pub(super) first: Vec<(String, u16)>,
    pub(super) is_encrypted: bool,
    pub(super) sign_in: Option<SignIn>,
    pub(super) idle: Mutex<BTreeMap<(String, u16), Vec<Connection>>>,
    /// What is known of each topic, until something was wrong with it.
    pub(super) known: Mutex<BTreeMap<String, Arc<Metadata>>>,
}

fn broken(error: &std::io::Error) -> Failure {
    let (reason, text) = ("broken_connection".to_owned(), error.to_string());
    Failure::Retry { reason, text, after_ms: None, is_outage: true }
}

fn not_signed_in(text: impl Into<String>) -> Failure {
    Failure::Permanent { reason: "sign_in".to_owned(), text: text.into() }
}

impl Connection {
    /// Sends a request and reads its answer, without its header.
    pub(super) async fn call(&mut self, kind: (i16, i16), body: &[u8]) -> Result<Vec<u8>, Failure> {
        self.n_requests = self.n_requests.wrapping_add(1);
        let request = request(kind, self.n_requests, body);
        let mut framed = Writer::default();
        framed.bytes(&request);
        let answer = async {
            self.stream.write_all(&framed.0).await?;
            self.stream.flush().await?;
            let n = self.stream.read_i32().await?;
            let n = usize::try_from(n).ok().filter(|n| (4..=ANSWER_BYTES_MAX).contains(n));
            let Some(n) = n else { return Ok(None) };
            let mut answer = vec![0; n];
            self.stream.read_exact(&mut answer).await?;
            Ok(Some(answer))
        };
        let answer = answer.await.map_err(|error| broken(&error))?;
        let answer = answer.ok_or_else(|| unreadable("the answer has a length that none has"))?;
        match Reader(&answer).i32() {
            Some(n) if n == self.n_requests => Ok(answer[4..].to_vec()),
            _ => Err(unreadable("the answer is not that to the request")),
        }
    }

    async fn sign_in(&mut self, sign_in: &SignIn) -> Result<(), Failure> {
        let mut body = Writer::default();
        body.text(sign_in.mechanism.name());
        let answer = self.call(SASL_HANDSHAKE, &body.0).await?;
        if Reader(&answer).i16() != Some(0) {
            return Err(not_signed_in(format!(
                "the broker does not take {}",
                sign_in.mechanism.name()
            )));
        }
        if sign_in.mechanism == Mechanism::Plain {
            let message = plain(&sign_in.user, &sign_in.password);
            return self.authenticate(&message).await.map(drop);
        }
        let mut nonce = [0; 18];
        getrandom::fill(&mut nonce).map_err(|error| broken(&std::io::Error::other(error)))?;
        let nonce = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        let scram = Scram::new(sign_in.mechanism, &sign_in.user, &sign_in.password, nonce);
        let challenge = self.authenticate(&scram.first()).await?;
        let (last, expected) = scram
            .last(&challenge)
            .ok_or_else(|| not_signed_in("the broker's challenge makes no sense"))?;
        let answer = self.authenticate(&last).await?;
        match is_expected(&answer, &expected) {
            true => Ok(()),
            false => Err(not_signed_in("the broker does not know the password itself")),
        }
    }

    async fn authenticate(&mut self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut body = Writer::default();
        body.bytes(message);
        let answer = self.call(SASL_AUTHENTICATE, &body.0).await?;
        let mut reader = Reader(&answer);
        let read = (|| Some((reader.i16()?, reader.text()?, reader.bytes()?.to_vec())))();
        match read {
            Some((0, _, bytes)) => Ok(bytes),
            Some((_, text, _)) => Err(not_signed_in(text)),
            None => Err(unreadable("the answer to the sign-in is cut off")),
        }
    }
}

impl Brokers {
    /// Sends a request to a broker and reads the answer.
    ///
    /// # Errors
    /// If there is none in time.
    pub(super) async fn call(
        &self,
        (host, port): (&str, u16),
        kind: (i16, i16),
        body: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let key = (host.to_owned(), port);
        let kept =
            self.idle.lock().expect("nobody panics with it").get_mut(&key).and_then(Vec::pop);
        let called = async {
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect(host, port).await?,
            };
            let answer = connection.call(kind, body).await?;
            Ok((connection, answer))
        };
        let called = tokio::time::timeout(self.outgoing.request_time_max(), called).await;
        let called = called.unwrap_or_else(|_| {
            let text = format!("{host}:{port} did not answer in time");
            let reason = "timeout".to_owned();
            Err(Failure::Retry { reason, text, after_ms: None, is_outage: true })
        });
        let mut idle = self.idle.lock().expect("nobody panics with it");
        // One that the broker has closed has others like it.
        let (connection, answer) = called.inspect_err(|_| drop(idle.remove(&key)))?;
        let of_broker = idle.entry(key).or_default();
        if of_broker.len() < IDLE_MAX {
            of_broker.push(connection);
        }
        Ok(answer)
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Connection, Failure> {
        let stream = self.outgoing.connect_tcp(host, port, self.is_encrypted).await?;
        let stream: Box<dyn Stream> = if self.is_encrypted {
            let name = ServerName::try_from(host.to_owned()).map_err(|error| {
                let reason = "no_connection".to_owned();
                Failure::Permanent { reason, text: format!("{host}: {error}") }
            })?;
            let connector = TlsConnector::from(Arc::new(self.outgoing.tls().clone()));
            Box::new(connector.connect(name, stream).await.map_err(|error| broken(&error))?)
        } else {
            Box::new(stream)
        };
        let mut connection = Connection { stream, n_requests: 0 };
        if let Some(sign_in) = &self.sign_in {
            connection.sign_in(sign_in).await?;
        }
        Ok(connection)
    }

    /// What the first broker that answers knows of topics; of none, only which brokers there are.
    ///
    /// # Errors
    /// If none answers.
    pub(super) async fn ask(&self, topics: &[&str], creates: bool) -> Result<Metadata, Failure> {
        let body = metadata_request(topics, creates);
        let mut outcome = Err(unreadable("there is no broker"));
        for (host, port) in &self.first {
            outcome = self.call((host, *port), METADATA, &body).await;
            if outcome.is_ok() {
                break;
            }
        }
        read_metadata(&outcome?).ok_or_else(|| unreadable("what the broker knows is cut off"))
    }

    /// What is known of a topic.
    ///
    /// # Errors
    /// As [`Brokers::ask`].
    pub(super) async fn topic(&self, topic: &str, creates: bool) -> Result<Arc<Metadata>, Failure> {
        let known = self.known.lock().expect("nobody panics with it").get(topic).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let asked = Arc::new(self.ask(&[topic], creates).await?);
        let is_there = asked.topics.iter().any(|topic| topic.error == 0);
        if is_there {
            let mut known = self.known.lock().expect("nobody panics with it");
            if known.len() >= KNOWN_TOPICS_MAX {
                known.clear();
            }
            known.insert(topic.to_owned(), Arc::clone(&asked));
        }
        Ok(asked)
    }

    /// Forgets a topic, so that it is asked for again.
    pub(super) fn forget_topic(&self, topic: &str) {
        self.known.lock().expect("nobody panics with it").remove(topic);
    }
}
