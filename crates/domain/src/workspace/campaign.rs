//! The definition of a campaign: a message to people, at a time or after something that they did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audience::{check_key, check_name};
use super::campaign_start::CampaignStart;
use super::campaign_variants::{CampaignVariant, VariantTest, check_variants};
use super::{CampaignConversion, DeliveryOptions, Destination, WorkspaceConfig};

/// The most campaigns of a workspace.
pub const CAMPAIGNS_MAX: usize = 200;
/// The most fields of a message.
const CONTENT_FIELDS_MAX: usize = 50;
/// The longest text of a field, in bytes.
pub const CONTENT_BYTES_MAX: usize = 262_144;
/// The longest name of an event or of a field, in bytes.
const TEXT_BYTES_MAX: usize = 200;

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
    /// The key of the topic that people may unsubscribe from; none for the channel as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// When it sends.
    pub start: CampaignStart,
    /// The key of the audience that it is for; everybody if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The fields of the message, with a template for each.
    pub content: BTreeMap<String, String>,
    /// Other forms of the message, up to 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<CampaignVariant>,
    /// How it is found out which variant is the best, and goes to everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<VariantTest>,
    /// When and how often it sends.
    #[serde(default)]
    pub options: DeliveryOptions,
    /// How many of a hundred people get nothing, so that the effect is measured, 0 to 99.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub control_percent: u8,
    /// The control group of the workspace that gets nothing of it, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_group: Option<String>,
    /// What people are to do after a message; none if nothing is counted as success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<CampaignConversion>,
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
        self.check_topic(config)?;
        if let Some(key) = self.audience.as_ref().filter(|key| config.audience(key).is_none()) {
            return Err(format!("audience is {key:?}: there is no such audience"));
        }
        self.start.validate()?;
        self.check_begins_no_other()?;
        if self.content.is_empty() {
            return Err("content has no fields: a message needs one".to_owned());
        }
        check_content(&self.content).map_err(|what| format!("content{what}"))?;
        self.check_variants(config)?;
        self.check_control_group(config)?;
        self.options.validate().map_err(|what| format!("options.{what}"))?;
        if let Some(conversion) = &self.conversion {
            conversion.validate().map_err(|what| format!("conversion.{what}"))?;
        }
        match self.control_percent {
            0..=99 => Ok(()),
            percent => Err(format!("control_percent is {percent}: it must be 0 to 99")),
        }
    }

    /// Each message of a campaign is followed by such an event.
    fn check_begins_no_other(&self) -> Result<(), String> {
        let CampaignStart::Event { event, .. } = &self.start else { return Ok(()) };
        let follows_each_message =
            [NOTIFICATION_SENT, NOTIFICATION_DELIVERED, NOTIFICATION_FAILED].contains(&&**event);
        match follows_each_message && self.options.gap_s.is_none() {
            true => Err(format!(
                "start.event is {event:?}, which comes of messages of campaigns: set \
                 options.gap_s, so that one message does not begin the next for ever"
            )),
            false => Ok(()),
        }
    }

    fn check_topic(&self, config: &WorkspaceConfig) -> Result<(), String> {
        let Some(key) = &self.topic else { return Ok(()) };
        let Some(topic) = config.topic(key) else {
            return Err(format!("topic is {key:?}: there is no such topic"));
        };
        let kinds = config.destination(&self.channel).map(Destination::channel_kinds);
        match kinds.iter().flatten().find(|kind| !topic.has_channel(**kind)) {
            Some(kind) => Err(format!(
                "topic is {key:?}, whose channels are not {}: name another topic or channel",
                kind.word()
            )),
            None => Ok(()),
        }
    }

    fn check_variants(&self, config: &WorkspaceConfig) -> Result<(), String> {
        check_variants(&self.variants, self.test.as_ref())?;
        for variant in &self.variants {
            if let Some(key) =
                variant.audience.as_ref().filter(|key| config.audience(key).is_none())
            {
                let of = &variant.key;
                return Err(format!("variant {of:?}: there is no audience {key:?}"));
            }
        }
        Ok(())
    }

    fn check_control_group(&self, config: &WorkspaceConfig) -> Result<(), String> {
        let Some(name) = &self.control_group else { return Ok(()) };
        match config.control_groups.groups.iter().any(|group| group.name == *name) {
            true => Ok(()),
            false => Err(format!("control_group is {name:?}: the workspace has no such group")),
        }
    }
}

/// Checks fields of a message: none are missing, and none are too many or too long.
pub(super) fn check_content(content: &BTreeMap<String, String>) -> Result<(), String> {
    let n_fields = content.len();
    if n_fields > CONTENT_FIELDS_MAX {
        return Err(format!(" has {n_fields} fields: it must have at most {CONTENT_FIELDS_MAX}"));
    }
    for (field, text) in content {
        check_text("a field", field).map_err(|what| format!(": {what}"))?;
        if text.len() > CONTENT_BYTES_MAX {
            let n_bytes = text.len();
            return Err(format!(
                ".{field} has {n_bytes} bytes: it must have at most {CONTENT_BYTES_MAX}"
            ));
        }
    }
    Ok(())
}

pub(super) fn check_text(what: &str, text: &str) -> Result<(), String> {
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
