//! The limits on callers, as the settings give them.

use std::time::Duration;

use engine::RequestLimits;
use ipnet::IpNet;

/// Limits of the server on its callers.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerLimits {
    /// How many requests may be under way at once, in all.
    pub requests_max: usize,
    /// Of these, with one token or key.
    pub requests_per_token_max: usize,
    /// Of these, from one address, with keys that browsers know: write keys and public tokens.
    pub requests_per_address_max: usize,
    /// Proxies in front of the server. Where a request comes from one, its caller's address is the
    /// last one in `X-Forwarded-For` that is none of these.
    pub trusted_proxies: Vec<IpNet>,
    /// The budget of a request with a private token, or of an administrator.
    pub private: RequestLimits,
    /// The budget of a request with a public token.
    pub public: RequestLimits,
    /// How many requests with public tokens an address may send each second. Each request of a
    /// batch counts.
    pub public_requests_per_s: u32,
    /// How many requests with public tokens an address may send in a burst after a pause.
    pub public_burst: u32,
    /// How much computing an address may use with public tokens each second, in milliseconds.
    pub public_computing_ms_per_s: u32,
    /// How much computing an address may use in a burst after a pause, in milliseconds. Requests
    /// under way may exceed it; the excess is charged to later ones.
    pub public_computing_burst_ms: u32,
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            requests_max: 1_024,
            requests_per_token_max: 768,
            requests_per_address_max: 256,
            trusted_proxies: Vec::new(),
            private: RequestLimits {
                answer_bytes_max: 256 * 1_024 * 1_024,
                computing_max: Duration::from_secs(30),
            },
            public: RequestLimits {
                answer_bytes_max: 4 * 1_024 * 1_024,
                computing_max: Duration::from_secs(2),
            },
            public_requests_per_s: 50,
            public_burst: 500,
            public_computing_ms_per_s: 250,
            public_computing_burst_ms: 2_500,
        }
    }
}
