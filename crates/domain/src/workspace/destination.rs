//! Destinations: where the messages of a workspace go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ChannelLimits, DestinationRules};
use crate::ChannelKind;

/// The name of our own engine among the destinations. It is always there.
pub const ENGINE_DESTINATION: &str = "engine";
/// The kind of destinations whose messages are kept for the person until a page shows them.
pub const IN_APP_KIND: &str = "in_app";

/// The most destinations of a workspace, beside our own engine.
pub const DESTINATIONS_MAX: usize = 20;
/// The longest name of a destination, in bytes.
pub const DESTINATION_NAME_BYTES_MAX: usize = 100;
/// The most requests to one destination at once.
pub const DELIVERY_CONCURRENCY_MAX: u32 = 64;
/// The most requests to one destination in a second that can be asked for.
pub const DELIVERY_RATE_MAX: f64 = 100_000.0;

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// The name; [`ENGINE_DESTINATION`] is our own engine.
    pub name: String,
    /// What it is, such as `webhook`; absent for our own engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether messages go there. Those that arrive while it is off are not sent later.
    #[serde(default = "enabled_by_default", skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// The settings of its kind. Secrets are sealed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub settings: BTreeMap<String, serde_json::Value>,
    /// What messages become there: a list of mappings in their JSON form. None for the presets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub mappings: Option<Vec<serde_json::Value>>,
    /// What it gets of messages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: DestinationRules,
    /// How much is sent at once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub delivery: DeliverySettings,
    /// How often one person gets messages of campaigns through it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: ChannelLimits,
}

/// How much is sent to a destination at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySettings {
    /// The most requests at once, up to 64; 8 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The most requests in a second; as many as it takes if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// What becomes of a message of a campaign of which nobody knows whether it was taken; as fits
    /// its kind if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_crash: Option<AfterCrash>,
}

/// What becomes of a message of a campaign that was being handed over when the process ended, or
/// whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AfterCrash {
    /// It is given up: nobody gets it twice.
    OnceAtMost,
    /// It is sent again: nobody is left out.
    OnceAtLeast,
}

impl Destination {
    /// A destination of a kind, with everything else by default.
    pub fn new(name: &str, kind: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            enabled: true,
            settings: BTreeMap::new(),
            mappings: None,
            rules: DestinationRules::default(),
            delivery: DeliverySettings::default(),
            limits: ChannelLimits::default(),
        }
    }

    /// The kinds of channels that it is for people who get messages through it. One that sends text
    /// messages is both SMS and WhatsApp where its mappings send both.
    pub fn channel_kinds(&self) -> Vec<ChannelKind> {
        let has_action = |action: &str| {
            let named = |mapping: &serde_json::Value| {
                mapping.get("action").and_then(serde_json::Value::as_str) == Some(action)
            };
            self.mappings.iter().flatten().any(named)
        };
        match self.kind.as_deref() {
            Some("email") => vec![ChannelKind::Email],
            Some("fcm" | "apns") => vec![ChannelKind::Push],
            Some("web_push") => vec![ChannelKind::WebPush],
            Some("in_app") => vec![ChannelKind::InApp],
            Some("text_messages") => match (has_action("send_sms"), has_action("send_whatsapp")) {
                (true, true) => vec![ChannelKind::Sms, ChannelKind::Whatsapp],
                (false, true) => vec![ChannelKind::Whatsapp],
                (_, false) => vec![ChannelKind::Sms],
            },
            _ => vec![ChannelKind::Other],
        }
    }

    /// Whether its messages are kept for the person until a page shows them.
    pub fn is_in_app(&self) -> bool {
        self.kind.as_deref() == Some(IN_APP_KIND)
    }

    /// Checks names and bounds.
    ///
    /// # Errors
    /// What is wrong, behind the name.
    pub(super) fn validate(&self) -> Result<(), String> {
        let is_engine = self.name == ENGINE_DESTINATION;
        if !(1..=DESTINATION_NAME_BYTES_MAX).contains(&self.name.len()) {
            return Err(format!("name must be 1 to {DESTINATION_NAME_BYTES_MAX} bytes"));
        }
        if is_engine
            && *self != (Self { mappings: self.mappings.clone(), ..Self::new(&self.name, None) })
        {
            return Err("our own engine has mappings and no other settings".to_owned());
        }
        if !is_engine && self.kind.is_none() {
            return Err("kind is missing".to_owned());
        }
        if self.is_in_app()
            && (self.mappings.is_some() || self.rules != DestinationRules::default())
        {
            return Err(format!(
                "a destination of the kind {IN_APP_KIND} has settings and limits, and neither \
                 mappings nor rules: what a campaign sends is kept as it is"
            ));
        }
        if !self.delivery.concurrency.is_none_or(|n| (1..=DELIVERY_CONCURRENCY_MAX).contains(&n)) {
            return Err(format!("delivery.concurrency must be 1 to {DELIVERY_CONCURRENCY_MAX}"));
        }
        let rate = self.delivery.requests_per_second;
        if !rate.is_none_or(|rate| rate > 0.0 && rate <= DELIVERY_RATE_MAX) {
            return Err(format!(
                "delivery.requests_per_second must be above 0 and at most {DELIVERY_RATE_MAX}"
            ));
        }
        self.limits.validate().map_err(|what| format!("limits.{what}"))
    }
}

fn enabled_by_default() -> bool {
    true
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_true(flag: &bool) -> bool {
    *flag
}
