//! The messages of campaigns to a person, as they were sent, and why others were not.

use std::collections::BTreeMap;

use domain::{Day, Timestamp};
use engine::{DecidedMessage, DecisionOutcome, Engine, MessageEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::resolve;

/// The longest page.
pub const PAGE_MAX: usize = 100;
const PAGE_DEFAULT: usize = 20;

/// Which messages are wanted.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CampaignMessagesQuery {
    /// Only the message of this id.
    pub message_id: Option<String>,
    /// `older` of the page before.
    pub older: Option<u64>,
    /// The most messages of a page, 1 to 100; 20 if absent.
    pub limit: Option<usize>,
}

/// What was decided of a message to a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownCampaignMessage {
    /// The id of the message.
    pub message_id: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The day on which it counts.
    pub day: String,
    /// The key of the campaign.
    pub campaign: String,
    /// The name of the destination that sends it; absent of one that is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The fields as they were made; absent of one that is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Value>,
    /// The ids of the recommended items in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// How often something happened with it, by what: viewed, clicked, ...
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub happened: BTreeMap<&'static str, u32>,
    /// Why it is not sent; absent of one that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// More about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A message that waits until it is due.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownWaitingMessage {
    /// The key of the campaign.
    pub campaign: String,
    /// When it is due.
    pub due: Timestamp,
}

/// A page of the messages of campaigns to a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CampaignMessagesPage {
    /// What waits, the first that is due first; on the first page only.
    pub waiting: Vec<ShownWaitingMessage>,
    /// What was decided, newest first, of the latest 250 decisions.
    pub messages: Vec<ShownCampaignMessage>,
    /// The cursor of the page with older ones; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<u64>,
}

/// A page of the messages of campaigns to a person.
///
/// # Errors
/// 404 where nobody has the id, 400 where the limit is out of its bounds.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
    query: CampaignMessagesQuery,
) -> Result<CampaignMessagesPage, ApiError> {
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(ApiError::invalid(format!("limit must be 1 to {PAGE_MAX}")));
    }
    workspace.ask(move |engine| read_page(engine, &name, &query, limit)).await
}

fn read_page(
    engine: &Engine,
    name: &str,
    query: &CampaignMessagesQuery,
    limit: usize,
) -> Result<CampaignMessagesPage, ApiError> {
    let user = resolve(engine, name)?;
    if let Some(id) = &query.message_id {
        let message = engine.decided_message(user, id)?;
        let messages = message.into_iter().map(ShownCampaignMessage::new).collect();
        return Ok(CampaignMessagesPage { waiting: Vec::new(), messages, older: None });
    }
    let waiting = match query.older {
        Some(_) => Vec::new(),
        None => engine.waiting_messages(user)?,
    };
    let waiting = waiting
        .into_iter()
        .map(|waiting| ShownWaitingMessage { campaign: waiting.campaign, due: waiting.due });
    // One more than asked for says whether there are older ones.
    let mut decided = engine.decided_messages(user, query.older, limit + 1)?;
    let has_older = decided.len() > limit;
    decided.truncate(limit);
    let older = decided.last().map(|last| last.offset).filter(|_| has_older);
    let messages = decided.into_iter().map(ShownCampaignMessage::new).collect();
    Ok(CampaignMessagesPage { waiting: waiting.collect(), messages, older })
}

impl ShownCampaignMessage {
    fn new(decided: DecidedMessage) -> Self {
        let DecidedMessage { message_id, decision, happened, .. } = decided;
        let mut shown = Self {
            message_id,
            at: decision.at,
            day: Day(decision.day).to_string(),
            campaign: decision.campaign,
            channel: None,
            variant: None,
            fields: None,
            items: Vec::new(),
            happened: happened.into_iter().map(|(event, n)| (event_word(event), n)).collect(),
            refused: None,
            detail: None,
        };
        match decision.outcome {
            DecisionOutcome::Sent(sent) => {
                shown.fields = serde_json::from_str(&sent.fields).ok();
                (shown.channel, shown.variant) = (Some(sent.channel), sent.variant);
                shown.items = sent.items;
            }
            DecisionOutcome::Refused { reason, detail } => {
                (shown.refused, shown.detail) = (Some(reason), detail);
            }
            DecisionOutcome::Waits { .. } => {}
        }
        shown
    }
}

fn event_word(event: MessageEvent) -> &'static str {
    match event {
        MessageEvent::Sent => "taken",
        MessageEvent::Delivered => "delivered",
        MessageEvent::Failed => "failed",
        MessageEvent::Viewed => "viewed",
        MessageEvent::ViewedByMachine => "viewed_by_machine",
        MessageEvent::Clicked => "clicked",
        MessageEvent::Dismissed => "dismissed",
        MessageEvent::Unsubscribed => "unsubscribed",
        MessageEvent::Bounced => "bounced",
        MessageEvent::Complained => "complained",
    }
}
