//! The one client by which anything leaves: certificates are checked, redirects are not followed,
//! addresses that are not of the public internet are refused, requests have a deadline, and answers
//! are read up to a limit.

mod http;
mod policy;

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use tokio::runtime::Handle;

pub(crate) use self::http::{
    HttpRequest, HttpResponse, check_status, check_url, failure_of_status, send_ok, unreadable,
};
pub use self::policy::NetworkPolicy;
use self::policy::{GuardedResolver, Reach};

/// How long making a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a request may take in all, without other settings.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// The most idle connections to one host.
const IDLE_CONNECTIONS_MAX: usize = 16;
/// How long an idle connection is kept.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Options of outgoing connections.
#[derive(Debug, Clone)]
pub struct OutgoingOptions {
    /// Which addresses may be reached.
    pub policy: NetworkPolicy,
    /// Certificates of further authorities that are trusted, in PEM.
    pub authorities_pem: Option<Vec<u8>>,
    /// How long a request may take in all.
    pub request_time_max: Duration,
}

impl Default for OutgoingOptions {
    fn default() -> Self {
        Self {
            policy: NetworkPolicy::default(),
            authorities_pem: None,
            request_time_max: REQUEST_TIME_MAX,
        }
    }
}

/// Errors of making the client.
#[derive(Debug, thiserror::Error)]
#[error("outgoing connections: {0}")]
pub struct OutgoingError(#[from] reqwest::Error);

/// The guarded client of a process.
pub struct Outgoing {
    policy: NetworkPolicy,
    /// Over TLS, to the public internet and to allowed networks.
    secure: reqwest::Client,
    /// Without TLS, to allowed networks only.
    plain: reqwest::Client,
    runtime: Handle,
}

impl Outgoing {
    /// Makes the client. Requests are sent on `runtime`.
    ///
    /// # Errors
    /// If a certificate cannot be read.
    pub fn new(options: &OutgoingOptions, runtime: Handle) -> Result<Self, OutgoingError> {
        // Whoever came first has installed the same one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = |reach: Reach| {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("Tastemaker/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .connect_timeout(CONNECT_TIME_MAX)
                .timeout(options.request_time_max)
                .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
                .pool_idle_timeout(IDLE_TIME_MAX)
                .https_only(reach == Reach::PublicAndAllowed)
                .dns_resolver(GuardedResolver { policy: options.policy.clone(), reach });
            if let Some(pem) = &options.authorities_pem {
                builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
            }
            builder.build()
        };
        Ok(Self {
            policy: options.policy.clone(),
            secure: client(Reach::PublicAndAllowed)?,
            plain: client(Reach::AllowedOnly)?,
            runtime,
        })
    }

    /// Where requests are sent on.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// An outgoing client behind an `Arc`, as senders keep it.
pub(crate) type SharedOutgoing = Arc<Outgoing>;
