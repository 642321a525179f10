//! What becomes of a message of a campaign, as everything else sees it: a message of its own.

use domain::{Message, NOTIFICATION_FAILED, NOTIFICATION_SENT, Timestamp, WorkspaceId};
use serde_json::json;

use super::{CampaignDecision, DecisionOutcome};

/// What happened to a message of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationEvent {
    /// The provider took it.
    Sent,
    /// It was given up.
    Failed {
        /// The reason of its dead letter.
        reason: String,
    },
}

impl NotificationEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Sent => NOTIFICATION_SENT,
            Self::Failed { .. } => NOTIFICATION_FAILED,
        }
    }
}

/// The messages that say what happened to one of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The number of the campaign.
    pub number: u32,
    campaign: String,
    channel: String,
    variant: Option<String>,
    /// A message to the person without what it says, with the id of the campaign's message.
    envelope: Message,
}

impl Notification {
    /// Of a message that was decided on; none where nothing is sent.
    pub fn of(decision: &CampaignDecision, workspace: &WorkspaceId) -> Option<Self> {
        let DecisionOutcome::Sent(sent) = &decision.outcome else { return None };
        Some(Self {
            number: decision.number,
            campaign: decision.campaign.clone(),
            channel: sent.channel.clone(),
            variant: sent.variant.clone(),
            envelope: decision.envelope(workspace)?,
        })
    }

    /// The message that says what happened. Its id follows from that: repeated, it is one. The
    /// channel does not get it.
    pub fn message(&self, event: &NotificationEvent, at: Timestamp) -> Message {
        let mut properties = json!({
            "campaign": self.campaign,
            "message_id": self.envelope.message_id,
            "channel": self.channel,
        });
        if let Some(variant) = &self.variant {
            properties["variant"] = variant.as_str().into();
        }
        if let NotificationEvent::Failed { reason } = event {
            properties["reason"] = reason.as_str().into();
        }
        Message {
            message_id: format!("{} {}", self.envelope.message_id, event.name()),
            event: Some(event.name().to_owned()),
            body: Some(properties.to_string()),
            integrations: Some(json!({ self.channel.clone(): false }).to_string()),
            timestamp: at,
            received_at: at,
            ..self.envelope.clone()
        }
    }
}
