//! The settings of a server: a file, every key of which has a default. `settings.toml` beside this
//! file shows them all.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use connectors::{Archive, NetworkPolicy, Outgoing, OutgoingOptions};
use engine::{RequestLimits, TrainingOptions};
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use tracing_subscriber::EnvFilter;
use web::{BrowserLibrary, CallerLimits, ConnectionLimits};

use crate::files;

/// The longest time for requests under way when the server is to stop, in seconds.
const SHUTDOWN_DEADLINE_S_MAX: u64 = 3_600;
/// The longest time between two checks of the journals, in hours: a year.
const CHECK_INTERVAL_H_MAX: u64 = 366 * 24;

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where to listen.
    #[serde(deserialize_with = "crate::address::deserialize")]
    pub(crate) listen: SocketAddr,
    /// Where to serve https beside http.
    #[serde(deserialize_with = "crate::address::deserialize_some")]
    pub(crate) listen_tls: Option<SocketAddr>,
    pub(crate) log: Log,
    pub(crate) sources: Sources,
    pub(crate) limits: Limits,
    pub(crate) training: Training,
    pub(crate) checks: Checks,
    pub(crate) destinations: Destinations,
    pub(crate) retention: Retention,
    pub(crate) shutdown: Shutdown,
    /// The account that visitors of the console are signed in to: no file sets it.
    #[serde(skip)]
    pub(crate) visitor: Option<String>,
}

/// Logging to the standard error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// A level, or directives such as `info,server=debug`.
    pub(crate) filter: String,
}

impl Log {
    /// The filter, parsed.
    pub(crate) fn filter(&self) -> Result<EnvFilter> {
        let parsed = EnvFilter::try_new(&self.filter);
        parsed.with_context(|| format!("log.filter {:?} cannot be read", self.filter))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// What sources load from this server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sources {
    /// The folder of the browser library.
    pub(crate) analytics_js: Option<PathBuf>,
}

impl Sources {
    fn browser_library(&self) -> Result<Option<Arc<BrowserLibrary>>> {
        let Some(folder) = &self.analytics_js else { return Ok(None) };
        let library = BrowserLibrary::load(folder)
            .with_context(|| format!("sources.analytics_js is {:?}", folder.display()))?;
        Ok(Some(Arc::new(library)))
    }
}

/// Bounds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Requests under way at once: in all, with one token, and from one address with keys that
    /// browsers know.
    pub(crate) requests_max: usize,
    pub(crate) requests_per_token_max: usize,
    pub(crate) requests_per_address_max: usize,
    /// Open connections: in all, and from one address.
    pub(crate) connections_max: usize,
    pub(crate) connections_per_address_max: usize,
    /// Bytes of bodies that have begun and not ended.
    pub(crate) unfinished_bytes_max: usize,
    pub(crate) catalog_bytes_max: usize,
    /// Bytes of all that is kept to be fast.
    pub(crate) cache_bytes_max: usize,
    /// Bytes of blocks that are kept of the stores, over all workspaces.
    pub(crate) store_cache_bytes_max: u64,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks.
    #[serde(deserialize_with = "networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The budget of one request with a private and with a public token: bytes of its answer,
    /// milliseconds of computing.
    pub(crate) private_answer_bytes_max: u64,
    pub(crate) private_computing_ms_max: u64,
    pub(crate) public_answer_bytes_max: u64,
    pub(crate) public_computing_ms_max: u64,
    /// Calls of one address with public tokens: in a second, and at once after a pause.
    pub(crate) public_requests_per_s: u32,
    pub(crate) public_burst: u32,
    /// Computing for them, in milliseconds.
    pub(crate) public_computing_ms_per_s: u32,
    pub(crate) public_computing_burst_ms: u32,
}

/// Networks; an address is one of itself.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: &String| {
        let address = || Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()));
        text.parse().ok().or_else(address).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is neither an address nor a network such as \"10.0.0.0/8\""
            ))
        })
    };
    texts.iter().map(network).collect()
}

fn request_limits(answer_bytes_max: u64, computing_ms_max: u64) -> RequestLimits {
    RequestLimits { answer_bytes_max, computing_max: Duration::from_millis(computing_ms_max) }
}

/// When models are trained anew.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Training {
    pub(crate) enabled: bool,
    /// After this share of new interactions.
    pub(crate) new_share: f64,
    /// Not more often than this, in seconds.
    pub(crate) interval_min_s: u64,
    /// At least this often where there is anything new, in seconds.
    pub(crate) interval_max_s: u64,
    /// A model that is worse by more than this share, beyond chance, is refused.
    pub(crate) refusal_margin: f64,
}

/// How journals are read for damage beside the traffic.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Checks {
    pub(crate) enabled: bool,
    /// Not faster than this, in bytes a second over all workspaces.
    pub(crate) bytes_per_s: u64,
    /// From the beginning of one check to that of the next, in hours.
    pub(crate) interval_h: u64,
}

/// What destinations may reach.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Destinations {
    /// Networks beside the public internet.
    #[serde(deserialize_with = "networks")]
    pub(crate) allowed_networks: Vec<IpNet>,
    /// A PEM file with certificates of further authorities.
    pub(crate) authorities: Option<PathBuf>,
    /// The folder below which destinations may write files; none where they may not.
    pub(crate) files_folder: Option<PathBuf>,
}

impl Destinations {
    /// The client by which destinations are reached.
    pub(crate) fn connect(&self) -> Result<Arc<Outgoing>> {
        let outgoing = Outgoing::new(&self.outgoing()?);
        Ok(Arc::new(outgoing.context("destinations.authorities cannot be used")?))
    }

    fn outgoing(&self) -> Result<OutgoingOptions> {
        let read = |path: &PathBuf| {
            fs_err::read(path).with_context(|| format!("destinations.authorities is {path:?}"))
        };
        Ok(OutgoingOptions {
            policy: NetworkPolicy { allowed: self.allowed_networks.clone() },
            authorities_pem: self.authorities.as_ref().map(read).transpose()?,
            files_folder: self.files_folder.clone(),
            ..OutgoingOptions::default()
        })
    }
}

/// How the beginnings of journals are cut.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retention {
    /// Where segments go before they are cut, by the settings of a destination of Parquet files;
    /// none where they are just removed.
    pub(crate) archive: Option<BTreeMap<String, serde_json::Value>>,
}

impl Retention {
    /// The archive.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(crate) fn archive(&self, outgoing: &Arc<Outgoing>) -> Result<Option<Arc<Archive>>> {
        let Some(settings) = &self.archive else { return Ok(None) };
        let archive = Archive::of_settings(settings, outgoing);
        let archive = archive.map_err(|error| anyhow!("retention.archive.{error}"))?;
        Ok(Some(Arc::new(archive)))
    }
}

/// How a server ends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shutdown {
    /// How long requests under way may take, in seconds.
    pub(crate) deadline_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            listen_tls: None,
            log: Log::default(),
            sources: Sources::default(),
            limits: Limits::default(),
            training: Training::default(),
            checks: Checks::default(),
            destinations: Destinations::default(),
            retention: Retention::default(),
            shutdown: Shutdown::default(),
            visitor: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let web::Settings { callers, catalog_bytes_max, .. } = web::Settings::default();
        Self {
            requests_max: callers.requests_max,
            requests_per_token_max: callers.requests_per_token_max,
            requests_per_address_max: callers.requests_per_address_max,
            connections_max: 4_096,
            connections_per_address_max: 3_072,
            unfinished_bytes_max: 256 * 1_024 * 1_024,
            catalog_bytes_max,
            cache_bytes_max: engine::CACHE_BYTES_MAX,
            store_cache_bytes_max: 256 * 1_024 * 1_024,
            trusted_proxies: callers.trusted_proxies,
            private_answer_bytes_max: callers.private.answer_bytes_max,
            private_computing_ms_max: callers.private.computing_max.as_millis() as u64,
            public_answer_bytes_max: callers.public.answer_bytes_max,
            public_computing_ms_max: callers.public.computing_max.as_millis() as u64,
            public_requests_per_s: callers.public_requests_per_s,
            public_burst: callers.public_burst,
            public_computing_ms_per_s: callers.public_computing_ms_per_s,
            public_computing_burst_ms: callers.public_computing_burst_ms,
        }
    }
}

impl Default for Training {
    fn default() -> Self {
        Self {
            enabled: true,
            new_share: 0.1,
            interval_min_s: 60,
            interval_max_s: 86_400,
            refusal_margin: 0.05,
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        // 100 GB in seven hours.
        Self { enabled: true, bytes_per_s: 4_000_000, interval_h: 24 }
    }
}

impl Checks {
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_h.saturating_mul(3_600))
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline_s: 10 }
    }
}

impl Shutdown {
    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_s)
    }
}

impl Training {
    /// How each run is made and judged.
    pub(crate) fn options(&self) -> TrainingOptions {
        TrainingOptions {
            refusal_margin: self.refusal_margin,
            is_background: true,
            ..Default::default()
        }
    }
}

impl Settings {
    /// The settings of the server, with the files that they name.
    ///
    /// # Errors
    /// If one of these cannot be used.
    pub(crate) fn server_settings(&self) -> Result<web::Settings> {
        Ok(web::Settings {
            callers: CallerLimits {
                requests_max: self.limits.requests_max,
                requests_per_token_max: self.limits.requests_per_token_max,
                requests_per_address_max: self.limits.requests_per_address_max,
                trusted_proxies: self.limits.trusted_proxies.clone(),
                private: request_limits(
                    self.limits.private_answer_bytes_max,
                    self.limits.private_computing_ms_max,
                ),
                public: request_limits(
                    self.limits.public_answer_bytes_max,
                    self.limits.public_computing_ms_max,
                ),
                public_requests_per_s: self.limits.public_requests_per_s,
                public_burst: self.limits.public_burst,
                public_computing_ms_per_s: self.limits.public_computing_ms_per_s,
                public_computing_burst_ms: self.limits.public_computing_burst_ms,
            },
            catalog_bytes_max: self.limits.catalog_bytes_max,
            training: self.training.options(),
            visitor: self.visitor.clone(),
            browser_library: self.sources.browser_library()?,
            ..web::Settings::default()
        })
    }

    /// These, with what of others may change while a server runs.
    pub(crate) fn with_reloadable_from(&self, others: Self) -> Self {
        let Self { log, training, shutdown, .. } = others;
        let log = Log { filter: log.filter, ..self.log.clone() };
        Self { log, training, shutdown, ..self.clone() }
    }

    /// The settings that differ in `others` and cannot change while a server runs.
    pub(crate) fn waiting_for_restart(&self, others: &Self) -> Vec<&'static str> {
        let parts = [
            ("listen", self.listen != others.listen),
            ("listen_tls", self.listen_tls != others.listen_tls),
            ("log.format", self.log.format != others.log.format),
            ("sources", self.sources != others.sources),
            ("limits", self.limits != others.limits),
            ("checks", self.checks != others.checks),
            ("retention", self.retention != others.retention),
        ];
        parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// How many connections there may be, as far as file descriptors go: some are kept for the
    /// journals and stores.
    pub(crate) fn connections(&self, n_workspaces: usize) -> ConnectionLimits {
        let connections_max =
            self.limits.connections_max.min(files::left_for_connections(n_workspaces));
        ConnectionLimits {
            connections_max,
            connections_per_address_max: self
                .limits
                .connections_per_address_max
                .min(connections_max),
            unfinished_bytes_max: self.limits.unfinished_bytes_max,
        }
    }

    /// Checks what the types do not say.
    pub(crate) fn validate(&self) -> Result<()> {
        if let Some(listen_tls) = self.listen_tls {
            let Self { listen, .. } = self;
            let is_shared = listen.port() != 0
                && listen.port() == listen_tls.port()
                && (listen.ip() == listen_tls.ip()
                    || listen.ip().is_unspecified()
                    || listen_tls.ip().is_unspecified());
            ensure!(
                !is_shared,
                "http cannot be served on {listen} and https on {listen_tls}: give --listen-tls (listen_tls in the settings) another port"
            );
        }
        let Training { new_share, refusal_margin, interval_min_s, interval_max_s, .. } =
            self.training;
        ensure!(
            interval_min_s <= interval_max_s,
            "training.interval_min_s is {interval_min_s}, it must be at most training.interval_max_s, which is {interval_max_s}"
        );
        ensure!(
            new_share.is_finite() && new_share > 0.0,
            "training.new_share is {new_share}, it must be above 0"
        );
        let is_share = (0.0..=1.0).contains(&refusal_margin);
        ensure!(is_share, "training.refusal_margin is {refusal_margin}, it must be from 0 to 1");
        for (name, n) in [
            ("requests_max", self.limits.requests_max as u64),
            ("requests_per_token_max", self.limits.requests_per_token_max as u64),
            ("requests_per_address_max", self.limits.requests_per_address_max as u64),
            ("connections_max", self.limits.connections_max as u64),
            ("connections_per_address_max", self.limits.connections_per_address_max as u64),
            ("unfinished_bytes_max", self.limits.unfinished_bytes_max as u64),
            ("catalog_bytes_max", self.limits.catalog_bytes_max as u64),
            ("private_answer_bytes_max", self.limits.private_answer_bytes_max),
            ("private_computing_ms_max", self.limits.private_computing_ms_max),
            ("public_answer_bytes_max", self.limits.public_answer_bytes_max),
            ("public_computing_ms_max", self.limits.public_computing_ms_max),
            ("public_requests_per_s", u64::from(self.limits.public_requests_per_s)),
            ("public_burst", u64::from(self.limits.public_burst)),
            ("public_computing_ms_per_s", u64::from(self.limits.public_computing_ms_per_s)),
            ("public_computing_burst_ms", u64::from(self.limits.public_computing_burst_ms)),
        ] {
            ensure!(n > 0, "limits.{name} is 0, it must be above 0");
        }
        let Limits { catalog_bytes_max, unfinished_bytes_max, .. } = self.limits;
        ensure!(
            catalog_bytes_max <= unfinished_bytes_max,
            "limits.catalog_bytes_max is {catalog_bytes_max}, it must be at most limits.unfinished_bytes_max, which is {unfinished_bytes_max}: \
             a longer file would be broken off"
        );
        let deadline_s = self.shutdown.deadline_s;
        ensure!(
            deadline_s <= SHUTDOWN_DEADLINE_S_MAX,
            "shutdown.deadline_s is {deadline_s}, it must be at most {SHUTDOWN_DEADLINE_S_MAX}"
        );
        let Checks { bytes_per_s, interval_h, .. } = self.checks;
        ensure!(
            bytes_per_s > 0,
            "checks.bytes_per_s is 0, it must be at least 1; checks.enabled turns checks off"
        );
        ensure!(
            (1..=CHECK_INTERVAL_H_MAX).contains(&interval_h),
            "checks.interval_h is {interval_h}, it must be from 1 to {CHECK_INTERVAL_H_MAX}"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
