//! In-app messages. Nothing is sent: the fold keeps a message for its person when it is decided on,
//! until a page shows it. So a delivery is done as soon as it is asked for.

mod content;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use activation::Failure;
use domain::IN_APP_KIND;
use serde_json::Value;

pub use self::content::{check_in_app_fields, make_in_app};
use crate::kind::{
    Actions, Batching, DescribedRequest, KindFiles, Made, Prepared, Presets, RequestError,
    SendFuture, Sender, for_all, json_field,
};
use crate::{Outgoing, Settings, SettingsError};

pub(super) const FILES: KindFiles = KindFiles {
    name: IN_APP_KIND,
    settings: include_str!("in_app/settings.json"),
    actions: Actions::Files(&[include_str!("in_app/actions/keep.json")]),
    presets: Presets::File(include_str!("in_app/presets.json")),
    connect,
};

const BATCHING: Batching =
    Batching { n_max: 500, bytes_max: 8 * 1_024 * 1_024, age_ms: 0, is_atomic: true };

const VERIFICATION: &str = "identity_verification";
const SECRET: &str = "identity_secret";
/// The shortest secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// The secret by which pages show whose messages they may have, from settings that are open; none
/// where they need not. It is empty, and verifies nothing, where it is missing or too short.
pub fn in_app_identity_secret(settings: &BTreeMap<String, Value>) -> Option<&str> {
    let is_on = settings.get(VERIFICATION).and_then(Value::as_bool).unwrap_or(false);
    let secret = settings.get(SECRET).and_then(Value::as_str);
    let secret = secret.filter(|secret| secret.len() >= SECRET_BYTES_MIN);
    is_on.then(|| secret.unwrap_or_default())
}

struct InApp;

fn connect(settings: &Settings, _: &Arc<Outgoing>) -> Result<Arc<dyn Sender>, SettingsError> {
    let secret = settings.text(SECRET);
    if settings.flag(VERIFICATION) && secret.len() < SECRET_BYTES_MIN {
        let what =
            format!("must have at least {SECRET_BYTES_MIN} bytes where identities are verified");
        return Err(SettingsError::new(SECRET, what));
    }
    Ok(Arc::new(InApp))
}

impl Sender for InApp {
    fn batching(&self) -> Batching {
        BATCHING
    }

    fn prepare(&self, made: Made<'_>) -> Result<Prepared, RequestError> {
        let message = json_field(&made, "message")?;
        Ok(Prepared::new(made.delivery_id, "", message))
    }

    fn describe(&self, _: &[Arc<Prepared>]) -> Vec<DescribedRequest> {
        Vec::new()
    }

    fn send(self: Arc<Self>, batch: Vec<Arc<Prepared>>) -> SendFuture<Vec<Result<(), Failure>>> {
        Box::pin(async move { for_all(batch.len(), Ok(())) })
    }

    /// The fold removes what it keeps of people who are deleted.
    fn forget(
        self: Arc<Self>,
        user_ids: Vec<String>,
    ) -> Option<SendFuture<Vec<Result<(), Failure>>>> {
        Some(Box::pin(async move { for_all(user_ids.len(), Ok(())) }))
    }

    fn check(self: Arc<Self>) -> SendFuture<Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }
}
