//! The connections of a destination: how they are made, and which are kept.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use activation::Failure;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::answers::{broken, outage, refused, unknown};
use super::smtp::{CLOSING, Session, Step, Stream, Trouble};
use crate::outgoing::SharedOutgoing;

/// How long a connection is kept while nothing is sent. Servers close idle ones after minutes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// The most mails of a connection: many servers take no more.
const MAILS_MAX: usize = 100;

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Tls,
    StartTls,
    /// Not at all: only to networks that the operator allows.
    None,
}

/// The server, and the connections to it.
pub(super) struct Connections {
    pub(super) outgoing: SharedOutgoing,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// User and password.
    pub(super) login: Option<(String, String)>,
    pub(super) hello_name: String,
    /// As many as there may be connections at once.
    pub(super) permits: Semaphore,
    pub(super) idle: Mutex<Vec<Kept>>,
}

/// A connection between two mails.
pub(super) struct Kept {
    session: Session<Box<dyn Stream>>,
    n_mails: usize,
    used_at: Instant,
}

impl Connections {
    /// Sends a mail to one address.
    ///
    /// # Errors
    /// If there is no connection, or the server does not take the mail.
    pub(super) async fn send(&self, from: &str, to: &str, mail: &[u8]) -> Result<(), Failure> {
        let _permit = self.permits.acquire().await.expect("it is never closed");
        if let Some(kept) = self.take() {
            match self.send_over(kept, from, to, mail).await {
                // The server may have closed it long ago, with or without a word.
                Err(Trouble::Broken(_)) => {}
                Err(Trouble::Refused(Step::Sender, reply)) if reply.code == CLOSING => {}
                sent => return sent.map_err(|trouble| failure(&trouble)),
            }
        }
        let session = self.connect().await?;
        let new = Kept { session, n_mails: 0, used_at: Instant::now() };
        self.send_over(new, from, to, mail).await.map_err(|trouble| failure(&trouble))
    }

    /// Tries whether the server answers and takes the login.
    ///
    /// # Errors
    /// If it does not, in the time of a request.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        let tried = async {
            let mut session = self.connect().await?;
            session.noop().await.map_err(|trouble| failure(&trouble))
        };
        let late = || outage("timeout", format!("{} did not answer in time", self.host));
        timeout(self.outgoing.request_time_max(), tried).await.map_err(|_| late())?
    }

    fn take(&self) -> Option<Kept> {
        let mut idle = self.idle.lock().expect("nobody panics with it");
        idle.retain(|kept| kept.used_at.elapsed() < IDLE_TIME_MAX);
        idle.pop()
    }

    async fn send_over(
        &self,
        mut kept: Kept,
        from: &str,
        to: &str,
        mail: &[u8],
    ) -> Result<(), Trouble> {
        let sent = kept.session.send(from, to, mail).await;
        kept.n_mails += 1;
        kept.used_at = Instant::now();
        if kept.session.is_usable() && kept.n_mails < MAILS_MAX {
            self.idle.lock().expect("nobody panics with it").push(kept);
        }
        sent
    }

    async fn connect(&self) -> Result<Session<Box<dyn Stream>>, Failure> {
        let is_encrypted = self.security != Security::None;
        let stream = self.outgoing.connect_tcp(&self.host, self.port, is_encrypted).await?;
        let started = |trouble: Trouble| failure(&trouble);
        let mut session = match self.security {
            Security::None => {
                Session::start(stream, &self.hello_name).await.map_err(started)?.boxed()
            }
            Security::Tls => {
                let stream = self.encrypt(stream).await?;
                Session::start(stream, &self.hello_name).await.map_err(started)?.boxed()
            }
            Security::StartTls => {
                let plain = Session::start(stream, &self.hello_name).await.map_err(started)?;
                if !plain.offers_tls() {
                    let text =
                        "the server offers no STARTTLS, and nothing is sent without".to_owned();
                    return Err(outage("no_encryption", text));
                }
                let stream = self.encrypt(plain.start_tls().await.map_err(started)?).await?;
                Session::restart(stream, &self.hello_name).await.map_err(started)?.boxed()
            }
        };
        if let Some((user, password)) = &self.login
            && session.log_in(user, password).await.map_err(started)?.is_none()
        {
            let text = "the server offers no login (AUTH PLAIN or LOGIN) over this connection";
            return Err(outage("login_refused", text.to_owned()));
        }
        Ok(session)
    }

    async fn encrypt(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let failed = |text: String| outage("tls", format!("{}: {text}", self.host));
        let name =
            ServerName::try_from(self.host.clone()).map_err(|error| failed(error.to_string()))?;
        let connector = TlsConnector::from(Arc::new(self.outgoing.tls().clone()));
        let encrypted = timeout(self.outgoing.request_time_max(), connector.connect(name, stream));
        match encrypted.await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("no answer in time".to_owned())),
        }
    }
}

fn failure(trouble: &Trouble) -> Failure {
    match trouble {
        Trouble::Refused(step, reply) => refused(*step, reply),
        Trouble::Broken(what) => broken(what),
        Trouble::Unknown(what) => unknown(what),
    }
}
