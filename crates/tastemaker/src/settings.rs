//! The settings of a server: a file, every key of which has a default. `settings.toml` beside this file shows them all.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use engine::{RequestLimits, TrainingOptions};
use serde::Deserialize;
use server::{CallerLimits, ConnectionLimits};

use crate::files;

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    pub(crate) training: Training,
    pub(crate) shutdown: Shutdown,
}

/// What is written to the standard error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// A level, or directives such as `info,server=debug`.
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Bounds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Requests under way at once: in all, with one token, and from one address with keys that browsers know.
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
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// What one request may cost that is signed with a private token.
    pub(crate) private: RequestCosts,
    /// What one request may cost that is signed with a public token.
    pub(crate) public: RequestCosts,
    /// Calls of one address with public tokens: in a second, and at once after a pause.
    pub(crate) public_requests_per_s: u32,
    pub(crate) public_burst: u32,
}

/// What one request may cost; a batch is one request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestCosts {
    /// The largest answer, in bytes.
    pub(crate) answer_bytes_max: u64,
    /// The longest time of computing, in milliseconds.
    pub(crate) computing_ms_max: u64,
}

impl RequestCosts {
    fn of(limits: RequestLimits) -> Self {
        let computing_ms_max = limits.computing_max.as_millis() as u64;
        Self { answer_bytes_max: limits.answer_bytes_max, computing_ms_max }
    }

    fn limits(&self) -> RequestLimits {
        let computing_max = Duration::from_millis(self.computing_ms_max);
        RequestLimits { answer_bytes_max: self.answer_bytes_max, computing_max }
    }
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
            log: Log::default(),
            limits: Limits::default(),
            training: Training::default(),
            shutdown: Shutdown::default(),
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
        let server::Settings { callers, catalog_bytes_max, .. } = server::Settings::default();
        Self {
            requests_max: callers.requests_max,
            requests_per_token_max: callers.requests_per_token_max,
            requests_per_address_max: callers.requests_per_address_max,
            connections_max: 4_096,
            connections_per_address_max: 3_072,
            unfinished_bytes_max: 256 * 1_024 * 1_024,
            catalog_bytes_max,
            cache_bytes_max: engine::CACHE_BYTES_MAX,
            trusted_proxies: callers.trusted_proxies,
            private: RequestCosts::of(callers.private),
            public: RequestCosts::of(callers.public),
            public_requests_per_s: callers.public_requests_per_s,
            public_burst: callers.public_burst,
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
        TrainingOptions { refusal_margin: self.refusal_margin, is_background: true, ..Default::default() }
    }
}

impl Settings {
    /// What the server needs of them.
    pub(crate) fn of_server(&self) -> server::Settings {
        server::Settings {
            callers: CallerLimits {
                requests_max: self.limits.requests_max,
                requests_per_token_max: self.limits.requests_per_token_max,
                requests_per_address_max: self.limits.requests_per_address_max,
                trusted_proxies: self.limits.trusted_proxies.clone(),
                private: self.limits.private.limits(),
                public: self.limits.public.limits(),
                public_requests_per_s: self.limits.public_requests_per_s,
                public_burst: self.limits.public_burst,
            },
            catalog_bytes_max: self.limits.catalog_bytes_max,
            training: self.training.options(),
        }
    }

    /// How many connections there may be, as far as file descriptors go: some are kept for the journals and stores.
    pub(crate) fn connections(&self, n_workspaces: usize) -> ConnectionLimits {
        let connections_max = self.limits.connections_max.min(files::left_for_connections(n_workspaces));
        ConnectionLimits {
            connections_max,
            connections_per_address_max: self.limits.connections_per_address_max.min(connections_max),
            unfinished_bytes_max: self.limits.unfinished_bytes_max,
        }
    }

    /// Checks what the types do not say.
    pub(crate) fn validate(&self) -> Result<()> {
        let Training { new_share, refusal_margin, .. } = self.training;
        ensure!(
            new_share.is_finite() && new_share > 0.0,
            "training.new_share is {new_share}, it must be above 0"
        );
        let is_share = (0.0..=1.0).contains(&refusal_margin);
        ensure!(is_share, "training.refusal_margin is {refusal_margin}, it must be from 0 to 1");
        for (name, n) in [
            ("requests_max", self.limits.requests_max),
            ("requests_per_token_max", self.limits.requests_per_token_max),
            ("requests_per_address_max", self.limits.requests_per_address_max),
            ("connections_max", self.limits.connections_max),
            ("connections_per_address_max", self.limits.connections_per_address_max),
        ] {
            ensure!(n > 0, "limits.{name} is 0, it must be above 0");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::parse;

    #[test]
    fn the_commented_file_holds_the_defaults() {
        assert_eq!(parse::<Settings>(include_str!("settings.toml")).unwrap(), Settings::default());
        assert_eq!(parse::<Settings>("").unwrap(), Settings::default());
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_known_one() {
        let error = |text| parse::<Settings>(text).unwrap_err().to_string();
        insta::assert_snapshot!(error("[trainig]\nenabled = true"));
        insta::assert_snapshot!(error("[limits]\nrequest_max = 3"));
        insta::assert_snapshot!(error("listen = 8080"));
        insta::assert_snapshot!(error("listen = "));
    }

    #[test]
    fn shares_that_make_no_sense_are_refused() {
        let error = |text| parse::<Settings>(text).unwrap().validate().unwrap_err().to_string();
        assert_eq!(error("[training]\nnew_share = 0.0"), "training.new_share is 0, it must be above 0");
        let margin = "training.refusal_margin is NaN, it must be from 0 to 1";
        assert_eq!(error("[training]\nrefusal_margin = nan"), margin);
    }
}
