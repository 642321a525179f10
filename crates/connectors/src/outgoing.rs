//! The one client by which anything leaves: certificates are checked, redirects are not followed,
//! addresses that are not of the public internet are refused, requests have a deadline, and answers
//! are read up to a limit.

mod answer;
mod download;
mod http;
mod policy;
mod tcp;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio::runtime::{Builder, Handle, Runtime};

pub use self::answer::AnswerError;
pub use self::download::{
    DOWNLOAD_BYTES_MAX, DOWNLOAD_PAUSE_MAX, DOWNLOAD_TIME_MAX, DownloadError, check_file_url,
};
pub(crate) use self::http::{
    HttpRequest, HttpResponse, check_status, check_url, failure_of_status, retry_later, send_ok,
    unreadable,
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
/// How often the other end of a connection of HTTP/2 with open requests is asked whether it is
/// there.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long the answer to that may take.
const PING_TIME_MAX: Duration = Duration::from_secs(5);

/// Options of outgoing connections.
#[derive(Debug, Clone)]
pub struct OutgoingOptions {
    /// Which addresses may be reached.
    pub policy: NetworkPolicy,
    /// Certificates of further authorities that are trusted, in PEM.
    pub authorities_pem: Option<Vec<u8>>,
    /// How long a request may take in all.
    pub request_time_max: Duration,
    /// The folder below which destinations may write files; none where they may not.
    pub files_folder: Option<PathBuf>,
}

impl Default for OutgoingOptions {
    fn default() -> Self {
        Self {
            policy: NetworkPolicy::default(),
            authorities_pem: None,
            request_time_max: REQUEST_TIME_MAX,
            files_folder: None,
        }
    }
}

/// The threads that requests are sent on.
const THREADS: usize = 2;

/// Errors of making the client.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// A certificate cannot be read.
    #[error("outgoing connections: {0}")]
    Client(#[from] reqwest::Error),
    /// Of the encryption of other connections.
    #[error("outgoing connections: {0}")]
    Tls(#[from] rustls::Error),
    /// Of the file of further authorities.
    #[error("certificates of further authorities: {0}")]
    Authorities(#[from] rustls::pki_types::pem::Error),
    /// The operating system gives no threads.
    #[error("outgoing connections: {0}")]
    Threads(#[from] std::io::Error),
}

/// The guarded client of a process.
pub struct Outgoing {
    policy: NetworkPolicy,
    http1: Clients,
    http2: Clients,
    /// For connections that are not HTTP.
    tls: rustls::ClientConfig,
    request_time_max: Duration,
    files_folder: Option<PathBuf>,
    /// None once it is dropped.
    runtime: Option<Runtime>,
}

/// The clients of a version of HTTP.
struct Clients {
    /// Over TLS, to the public internet and to allowed networks.
    secure: reqwest::Client,
    /// Without TLS, to allowed networks only.
    plain: reqwest::Client,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HttpVersion {
    /// 1.1
    Http1,
    /// 2 alone: also without TLS it is not asked for but known.
    Http2,
}

impl Clients {
    fn new(options: &OutgoingOptions, version: HttpVersion) -> Result<Self, OutgoingError> {
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
            builder = match version {
                HttpVersion::Http1 => builder.http1_only(),
                HttpVersion::Http2 => builder
                    .http2_prior_knowledge()
                    .http2_keep_alive_interval(PING_INTERVAL)
                    .http2_keep_alive_timeout(PING_TIME_MAX),
            };
            if let Some(pem) = &options.authorities_pem {
                builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
            }
            builder.build()
        };
        Ok(Self { secure: client(Reach::PublicAndAllowed)?, plain: client(Reach::AllowedOnly)? })
    }
}

fn tls_config(authorities_pem: Option<&[u8]>) -> Result<rustls::ClientConfig, OutgoingError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let further = authorities_pem.map(CertificateDer::pem_slice_iter).into_iter().flatten();
    let further = further.collect::<Result<Vec<_>, _>>()?;
    let verifier = Verifier::new_with_extra_roots(further, Arc::clone(&provider))?;
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

impl Outgoing {
    /// Makes the client, with threads of its own: what is slow elsewhere slows nothing here.
    ///
    /// # Errors
    /// If a certificate cannot be read.
    pub fn new(options: &OutgoingOptions) -> Result<Self, OutgoingError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("outgoing")
            .enable_all()
            .build()?;
        // Whoever came first has installed the same one.
        rustls::crypto::ring::default_provider().install_default().ok();
        Ok(Self {
            policy: options.policy.clone(),
            http1: Clients::new(options, HttpVersion::Http1)?,
            http2: Clients::new(options, HttpVersion::Http2)?,
            tls: tls_config(options.authorities_pem.as_deref())?,
            request_time_max: options.request_time_max,
            files_folder: options.files_folder.clone(),
            runtime: Some(runtime),
        })
    }

    /// How long a request may take in all.
    pub(crate) fn request_time_max(&self) -> Duration {
        self.request_time_max
    }

    /// The folder below which files may be written.
    pub(crate) fn files_folder(&self) -> Option<&Path> {
        self.files_folder.as_deref()
    }

    /// Where requests are sent on.
    pub fn runtime(&self) -> &Handle {
        self.runtime.as_ref().expect("it is there until the client is dropped").handle()
    }
}

impl Drop for Outgoing {
    /// What is under way is given up: who waits for it has ended.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An outgoing client behind an `Arc`, as senders keep it.
pub(crate) type SharedOutgoing = Arc<Outgoing>;
