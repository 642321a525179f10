//! The limits in force, and how much of each is used now.

use engine::installation::{ACCOUNTS_MAX, API_KEYS_MAX, INVITATIONS_MAX};
use serde::Serialize;
use web::App;

use crate::lifecycle::WORKSPACES_MAX;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds in each second.
    MillisecondsPerSecond,
}

/// A limit.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct Limit {
    /// Its key in `[limits]` of the settings file, or its name where it is built in.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether the settings file sets it.
    pub is_setting: bool,
    /// What it counts.
    pub unit: LimitUnit,
    /// The limit.
    pub max: u64,
    /// How much of it is used now; none where it holds for each caller or request by itself.
    pub used: Option<u64>,
}

/// All limits.
pub fn list(app: &App) -> Vec<Limit> {
    use LimitUnit::{Bytes, Count, Milliseconds, MillisecondsPerSecond, PerSecond};
    let callers = &app.settings.callers;
    let millis = |time: std::time::Duration| time.as_millis() as u64;
    let cached = app.memory.bytes_by_part().iter().map(|(_, n_bytes)| *n_bytes as u64).sum();
    let (accounts, invitations, api_keys) = app.access.installation().look(|state| {
        (state.accounts.len() as u64, state.invitations.len() as u64, state.api_keys.len() as u64)
    });
    let workspaces = app.workspaces.open_ids().len() + app.workspaces.closed().len();
    let set = |name, meaning, unit, max, used| {
        let is_setting = true;
        Limit { name, meaning, is_setting, unit, max, used }
    };
    let built_in = |name, meaning, max: usize, used| {
        let max = max as u64;
        Limit { name, meaning, is_setting: false, unit: Count, max, used: Some(used) }
    };
    vec![
        set(
            "requests_max",
            "Requests under way at once, in all",
            Count,
            callers.requests_max as u64,
            Some(app.admission.n_under_way() as u64),
        ),
        set(
            "requests_per_token_max",
            "Requests under way at once with one token or key",
            Count,
            callers.requests_per_token_max as u64,
            None,
        ),
        set(
            "requests_per_address_max",
            "Requests under way at once from one address, with keys that browsers know",
            Count,
            callers.requests_per_address_max as u64,
            None,
        ),
        set(
            "public_requests_per_s",
            "Calls of browsers from one address",
            PerSecond,
            callers.public_requests_per_s.into(),
            None,
        ),
        set(
            "public_burst",
            "Calls of browsers from one address at once, after a pause",
            Count,
            callers.public_burst.into(),
            None,
        ),
        set(
            "public_computing_ms_per_s",
            "Computing for browsers at one address",
            MillisecondsPerSecond,
            callers.public_computing_ms_per_s.into(),
            None,
        ),
        set(
            "public_computing_burst_ms",
            "Computing for browsers at one address at once, after a pause",
            Milliseconds,
            callers.public_computing_burst_ms.into(),
            None,
        ),
        set(
            "private_answer_bytes_max",
            "The answer to one request of a server",
            Bytes,
            callers.private.answer_bytes_max,
            None,
        ),
        set(
            "private_computing_ms_max",
            "Computing for one request of a server",
            Milliseconds,
            millis(callers.private.computing_max),
            None,
        ),
        set(
            "public_answer_bytes_max",
            "The answer to one request of a browser",
            Bytes,
            callers.public.answer_bytes_max,
            None,
        ),
        set(
            "public_computing_ms_max",
            "Computing for one request of a browser",
            Milliseconds,
            millis(callers.public.computing_max),
            None,
        ),
        set(
            "catalog_bytes_max",
            "The largest catalog file",
            Bytes,
            app.settings.catalog_bytes_max as u64,
            None,
        ),
        set(
            "cache_bytes_max",
            "Memory for what is kept to be fast, of all workspaces",
            Bytes,
            app.memory.bytes_max() as u64,
            Some(cached),
        ),
        built_in("workspaces", "Workspaces", WORKSPACES_MAX, workspaces as u64),
        built_in("accounts", "Accounts", ACCOUNTS_MAX, accounts),
        built_in("invitations", "Invitations", INVITATIONS_MAX, invitations),
        built_in("api_keys", "API keys", API_KEYS_MAX, api_keys),
    ]
}
