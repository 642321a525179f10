//! The definition of a campaign: a message to people, at a time or after something that they did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audience::{check_key, check_name};
use super::{DeliveryOptions, WorkspaceConfig};
use crate::Timestamp;

/// The most campaigns of a workspace.
pub const CAMPAIGNS_MAX: usize = 200;
/// The most fields of a message.
const CONTENT_FIELDS_MAX: usize = 50;
/// The longest text of a field, in bytes.
pub const CONTENT_BYTES_MAX: usize = 262_144;
/// The longest name of an event, of a field or of a topic, in bytes.
const TEXT_BYTES_MAX: usize = 200;
/// The longest wait after an event, in seconds: 182 days.
pub const CAMPAIGN_WAIT_S_MAX: u32 = 15_724_800;

/// The source of messages of campaigns and of what becomes of them, as rules of destinations name
/// it.
pub const CAMPAIGN_SOURCE: &str = "campaign";
/// The event of the message that says that the provider of a channel took one of a campaign.
pub const NOTIFICATION_SENT: &str = "Notification Sent";
/// The event of the one that says that it reached the person.
pub const NOTIFICATION_DELIVERED: &str = "Notification Delivered";
/// The event of the one that says that it was given up.
pub const NOTIFICATION_FAILED: &str = "Notification Failed";

/// Whether a campaign sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CampaignStatus {
    /// It has not begun.
    #[default]
    Draft,
    /// It sends.
    Running,
    /// It does not send any more; what waits is not sent.
    Stopped,
}

/// What somebody may do meanwhile, so that they get no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignUnless {
    /// The name of the event, as in conditions.
    pub event: String,
    /// Tests of its properties, as a condition has them behind `where`; none for every such event.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filters: Option<String>,
}

/// When a campaign sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum CampaignStart {
    /// Once, to everybody whom it is for; at once where the time has passed.
    At {
        /// The time.
        at: Timestamp,
    },
    /// To whoever does something.
    Event {
        /// The name of the event, as in conditions.
        event: String,
        /// Tests of its properties, as a condition has them behind `where`; none for every such
        /// event.
        #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
        filters: Option<String>,
        /// How long after the event the message is due, in seconds.
        #[serde(default)]
        after_s: u32,
        /// The message is not sent if the person does this within `after_s`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unless: Option<CampaignUnless>,
    },
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// The key by which reports and events name it.
    pub key: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it sends.
    #[serde(default)]
    pub status: CampaignStatus,
    /// The name of the destination that sends its messages.
    pub channel: String,
    /// What people may unsubscribe from; none for the channel as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// When it sends.
    pub start: CampaignStart,
    /// The key of the audience that it is for; everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The fields of the message, with a template for each.
    pub content: BTreeMap<String, String>,
    /// When and how often it sends.
    #[serde(default)]
    pub options: DeliveryOptions,
    /// How many of a hundred people get nothing, so that the effect is measured, 0 to 99.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub control_percent: u8,
}

fn is_zero(percent: &u8) -> bool {
    *percent == 0
}

impl Campaign {
    /// Checks the forms, and that what the campaign names is there. Templates and tests of
    /// properties are checked where their languages are known.
    fn validate(&self, config: &WorkspaceConfig) -> Result<(), String> {
        check_key(&self.key)?;
        check_name(self.name.as_deref())?;
        if !config.outgoing_destinations().any(|destination| destination.name == self.channel) {
            let channel = &self.channel;
            return Err(format!("channel is {channel:?}: there is no such destination"));
        }
        if let Some(topic) = &self.topic {
            check_text("topic", topic)?;
        }
        if let Some(key) = self.audience.as_ref().filter(|key| config.audience(key).is_none()) {
            return Err(format!("audience is {key:?}: there is no such audience"));
        }
        self.check_start()?;
        self.check_content()?;
        self.options.validate().map_err(|what| format!("options.{what}"))?;
        match self.control_percent {
            0..=99 => Ok(()),
            percent => Err(format!("control_percent is {percent}: it must be 0 to 99")),
        }
    }

    fn check_start(&self) -> Result<(), String> {
        let CampaignStart::Event { event, after_s, unless, .. } = &self.start else {
            return Ok(());
        };
        check_text("start.event", event)?;
        let follows_each_message =
            [NOTIFICATION_SENT, NOTIFICATION_DELIVERED, NOTIFICATION_FAILED].contains(&&**event);
        if follows_each_message && self.options.gap_s.is_none() {
            return Err(format!(
                "start.event is {event:?}, which comes of messages of campaigns: set \
                 options.gap_s, so that one message does not begin the next for ever"
            ));
        }
        if *after_s > CAMPAIGN_WAIT_S_MAX {
            return Err(format!(
                "start.after_s is {after_s}: it must be at most {CAMPAIGN_WAIT_S_MAX} (182 days)"
            ));
        }
        let Some(unless) = unless else { return Ok(()) };
        check_text("start.unless.event", &unless.event)?;
        match after_s {
            0 => Err("start.unless needs start.after_s: how long people have for it".to_owned()),
            _ => Ok(()),
        }
    }

    fn check_content(&self) -> Result<(), String> {
        let n_fields = self.content.len();
        if !(1..=CONTENT_FIELDS_MAX).contains(&n_fields) {
            return Err(format!(
                "content has {n_fields} fields: it must have 1 to {CONTENT_FIELDS_MAX}"
            ));
        }
        for (field, text) in &self.content {
            check_text("a field of content", field)?;
            if text.len() > CONTENT_BYTES_MAX {
                let n_bytes = text.len();
                return Err(format!(
                    "content.{field} has {n_bytes} bytes: it must have at most {CONTENT_BYTES_MAX}"
                ));
            }
        }
        Ok(())
    }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    match text.len() {
        1..=TEXT_BYTES_MAX => Ok(()),
        _ => Err(format!("{what} must be 1 to {TEXT_BYTES_MAX} bytes")),
    }
}

/// Checks the campaigns of a workspace.
///
/// # Errors
/// A sentence that names the campaign and the mistake.
pub(super) fn check_campaigns(config: &WorkspaceConfig) -> Result<(), String> {
    let campaigns = &config.campaigns;
    if campaigns.len() > CAMPAIGNS_MAX {
        return Err(format!("{} campaigns exceed the limit of {CAMPAIGNS_MAX}", campaigns.len()));
    }
    for (n, campaign) in campaigns.iter().enumerate() {
        campaign.validate(config).map_err(|what| format!("campaign {:?}: {what}", campaign.key))?;
        if campaigns[..n].iter().any(|other| other.key == campaign.key) {
            return Err(format!("two campaigns have the key {:?}", campaign.key));
        }
    }
    Ok(())
}
