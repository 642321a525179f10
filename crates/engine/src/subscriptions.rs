//! What people want to hear: read and changed.
//!
//! Every change is a message in the journal, so that it is in the person's history, and goes to
//! destinations as all messages do.

use domain::{Message, MessageType, Timestamp, UserIdx};
use profiles::{ExternalId, ExternalIdType};
use serde_json::{Map, Value, json};
use serving::QueryError;
use state::{
    CAMPAIGN_SOURCE, Entry, Outcome, PersonSubscriptions, SUBSCRIPTIONS_MEMBER,
    SubscriptionStatement,
};
use uuid::Uuid;

use crate::preferences_link::PreferencesLink;
use crate::{Engine, SubmitError};

/// The source of what people choose on their page.
pub const PREFERENCES_SOURCE: &str = "preferences";
/// The source of what staff changes for people.
pub const STAFF_SOURCE: &str = "staff";
/// The event of somebody who unsubscribes by a link or button of a message.
const UNSUBSCRIBED_EVENT: &str = "Notification Unsubscribed";

/// Who changes a subscription, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionChanger<'c> {
    /// The person, on their page.
    Person,
    /// The person, by the link or button of a message.
    Unsubscribing(&'c PreferencesLink),
    /// Somebody of the staff.
    Staff,
}

impl Engine {
    /// What a token says that was made for this workspace; none for any other text.
    pub fn open_preferences(&self, token: &str) -> Option<PreferencesLink> {
        PreferencesLink::open(token, self.instance_key.as_deref()?, self.id())
    }

    /// The addresses of the page of a link and of the way out of what its message is about; none
    /// where the workspace has no public address.
    pub fn preferences_urls(&self, link: &PreferencesLink) -> Option<(String, String)> {
        link.urls(self.instance_key.as_deref(), &self.config())
    }

    /// The person whom a link is for; none who was deleted.
    pub fn person_of_link(&self, link: &PreferencesLink) -> Option<UserIdx> {
        let type_ = ExternalIdType::from_word(&link.id_type)?;
        self.user(ExternalId { type_, value: &link.id })
    }

    /// What a person said of channels and topics.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn subscriptions(&self, user: UserIdx) -> Result<PersonSubscriptions, QueryError> {
        let snapshot = self.snapshot();
        Ok(snapshot.subscriptions.of(snapshot.store(), user)?)
    }

    /// Journals what a person says, now, and waits until it counts.
    ///
    /// # Errors
    /// If the journal does not take it.
    pub fn change_subscriptions(
        &self,
        (type_, id): (ExternalIdType, &str),
        statement: &SubscriptionStatement,
        by: SubscriptionChanger<'_>,
    ) -> Result<Outcome, SubmitError> {
        let message = message(type_, id, statement, by, self.now());
        let outcomes = self.submit_blocking(vec![Entry::Message(Box::new(message))])?;
        Ok(outcomes.into_iter().next().unwrap_or(Outcome::Applied))
    }
}

/// The message that says it.
fn message(
    type_: ExternalIdType,
    id: &str,
    statement: &SubscriptionStatement,
    by: SubscriptionChanger<'_>,
    now: Timestamp,
) -> Message {
    let mut context = Map::new();
    context.insert(SUBSCRIPTIONS_MEMBER.to_owned(), statement.to_json());
    if type_.is_declared() {
        let id =
            json!({ "id": id, "type": type_.word(), "collection": "users", "encoding": "none" });
        context.insert("externalIds".to_owned(), json!([id]));
    }
    let source = match by {
        SubscriptionChanger::Person => PREFERENCES_SOURCE,
        SubscriptionChanger::Unsubscribing(_) => CAMPAIGN_SOURCE,
        SubscriptionChanger::Staff => STAFF_SOURCE,
    };
    let (message_type, event, body) = match by {
        SubscriptionChanger::Unsubscribing(link) => {
            let properties = json!({
                "campaign": link.campaign,
                "channel": link.channels.first().map(|kind| kind.word()),
                "topic": link.topic,
            });
            (MessageType::Track, Some(UNSUBSCRIBED_EVENT.to_owned()), properties)
        }
        _ => (MessageType::Identify, None, json!({})),
    };
    Message {
        message_id: Uuid::new_v4().to_string(),
        type_: message_type,
        user_id: (type_ == ExternalIdType::UserId).then(|| id.to_owned()),
        anonymous_id: match type_ {
            ExternalIdType::UserId => None,
            ExternalIdType::AnonymousId => Some(id.to_owned()),
            // A message needs an id of the two types that every workspace has.
            ExternalIdType::Declared(_) => Some(format!("{}:{id}", type_.word())),
        },
        previous_id: None,
        group_id: None,
        event,
        name: None,
        category: None,
        body: Some(body.to_string()),
        context: Some(Value::Object(context).to_string()),
        integrations: None,
        timestamp: now,
        original_timestamp: None,
        sent_at: None,
        received_at: now,
        source: source.to_owned(),
        violations: Vec::new(),
        enriched: Vec::new(),
    }
}
