//! Connections to the server, and what its errors mean.

use std::sync::Mutex;

use activation::Failure;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::outgoing::SharedOutgoing;

/// The most connections that are kept while nothing is sent.
const IDLE_MAX: usize = 8;

/// The connections of a destination.
pub(super) struct Connections {
    pub(super) outgoing: SharedOutgoing,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_encrypted: bool,
    pub(super) config: Config,
    pub(super) idle: Mutex<Vec<Client>>,
}

impl Connections {
    /// A connection that nobody uses, or a new one.
    ///
    /// # Errors
    /// If there is none in time, or the server does not take the credentials.
    pub(super) async fn take(&self) -> Result<Client, Failure> {
        let kept = {
            let mut idle = self.idle.lock().expect("nobody panics with it");
            idle.retain(|client| !client.is_closed());
            idle.pop()
        };
        match kept {
            Some(client) => Ok(client),
            None => self.connect().await,
        }
    }

    /// Keeps a connection for the next.
    pub(super) fn put(&self, client: Client) {
        let mut idle = self.idle.lock().expect("nobody panics with it");
        if idle.len() < IDLE_MAX && !client.is_closed() {
            idle.push(client);
        }
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let stream = self.outgoing.connect_tcp(&self.host, self.port, self.is_encrypted).await?;
        let mut config = self.config.clone();
        if !self.is_encrypted {
            config.ssl_mode(SslMode::Disable);
            let connected = self.within(config.connect_raw(stream, NoTls)).await?;
            return Ok(self.run(connected));
        }
        config.ssl_mode(SslMode::Require);
        let mut tls = MakeRustlsConnect::new(self.outgoing.tls().clone());
        let tls = MakeTlsConnect::<tokio::net::TcpStream>::make_tls_connect(&mut tls, &self.host)
            .map_err(|error| Failure::Permanent {
            reason: "no_connection".to_owned(),
            text: format!("{}: {error}", self.host),
        })?;
        let connected = self.within(config.connect_raw(stream, tls)).await?;
        Ok(self.run(connected))
    }

    /// Runs the connection of a client until the client is dropped.
    fn run<C>(&self, (client, connection): (Client, C)) -> Client
    where
        C: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    {
        self.outgoing.runtime().spawn(connection);
        client
    }

    /// The outcome of something in the time of a request.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout(self.outgoing.request_time_max(), work).await {
            Ok(done) => done.map_err(|error| failure(&error)),
            Err(_) => Err(Failure::Retry {
                reason: "timeout".to_owned(),
                text: "the server did not answer in time".to_owned(),
                after_ms: None,
                is_outage: true,
            }),
        }
    }
}

/// What an error of the server or of the connection means. Its state is the label: `sql_22003`.
fn failure(error: &tokio_postgres::Error) -> Failure {
    let Some(of_server) = error.as_db_error() else {
        let causes =
            std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        let text = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        let reason = "broken_connection".to_owned();
        return Failure::Retry { reason, text, after_ms: None, is_outage: true };
    };
    let state = of_server.code();
    let (reason, text) = (format!("sql_{}", state.code()), of_server.to_string());
    let class = &state.code()[..2];
    let is_outage = matches!(class, "08" | "53" | "57" | "58");
    // A standby that is not the primary yet, serialization failures and deadlocks, locks that were
    // not to be had, internal errors.
    let is_passing = matches!(class, "25" | "40" | "55" | "XX");
    match is_outage || is_passing {
        true => Failure::Retry { reason, text, after_ms: None, is_outage },
        false => Failure::Permanent { reason, text },
    }
}
