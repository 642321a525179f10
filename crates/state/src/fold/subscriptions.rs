//! What the fold does with what a message says of subscriptions.

use domain::{
    ChannelKind, Destination, Message, MessageType, RejectionReason, SubscriptionStatus, UserIdx,
    WorkspaceConfig,
};
use serde_json::{Map, Value};
use store::{Batch, StoreError};

use super::new_rejection;
use crate::Outcome;
use crate::subscriptions::{SAID_TOPICS_MAX, SubscriptionStatement};
use crate::views::Views;

/// The events of somebody who calls a message spam, or unsubscribes from it. Their property
/// `channel` is a kind of channel or the name of a destination.
const COMPLAINED: &str = "Notification Complained";
const UNSUBSCRIBED: &str = "Notification Unsubscribed";
/// The event of Segment's specification for e-mail.
const MARKED_AS_SPAM: &str = "Email Marked as Spam";

/// Keeps what a message says. What cannot be understood becomes a rejection each.
pub(super) fn follow_subscriptions(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user: UserIdx,
    message: &Message,
) -> Result<Outcome, StoreError> {
    let said = message.context.as_deref().and_then(SubscriptionStatement::read);
    let said = said.or_else(|| Some((implied(&views.setup.config, message)?, Vec::new())));
    let Some((statement, mut mistakes)) = said else { return Ok(Outcome::Applied) };
    if !statement.is_empty() {
        let without_room =
            views.subscriptions.follow(batch, user, &statement, message.timestamp)?;
        mistakes.extend(without_room.into_iter().map(|key| {
            format!("topic {key:?}: the person said something of {SAID_TOPICS_MAX} topics already")
        }));
    }
    let outcome = match mistakes.is_empty() {
        true => Outcome::Applied,
        false => Outcome::AppliedInPart,
    };
    for mistake in mistakes {
        let reason = RejectionReason::SubscriptionInvalid;
        views.rejections.add(batch, new_rejection(message, reason, mistake));
    }
    Ok(outcome)
}

/// What an event means that says nothing of subscriptions itself.
fn implied(config: &WorkspaceConfig, message: &Message) -> Option<SubscriptionStatement> {
    let event = message.event.as_deref().filter(|_| message.type_ == MessageType::Track)?;
    let mut statement = SubscriptionStatement::default();
    let no = SubscriptionStatus::Unsubscribed;
    if event == MARKED_AS_SPAM {
        statement.channels.insert(ChannelKind::Email, no);
        return Some(statement);
    }
    if !matches!(event, COMPLAINED | UNSUBSCRIBED) {
        return None;
    }
    let properties: Map<String, Value> = serde_json::from_str(message.body.as_deref()?).ok()?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    match text("topic").filter(|_| event == UNSUBSCRIBED) {
        Some(topic) => drop(statement.topics.insert(topic.to_owned(), no)),
        None => {
            let channel = text("channel")?;
            let of_destination = config.destination(channel).map(Destination::channel_kinds);
            let kinds = of_destination
                .unwrap_or_else(|| ChannelKind::from_word(channel).into_iter().collect());
            statement.channels.extend(kinds.into_iter().map(|kind| (kind, no)));
        }
    }
    Some(statement)
}
