//! What people want to hear: read, changed, and the addresses by which they change it themselves.
//!
//! Every change is a message in the journal, so that it is in the person's history, and goes to
//! destinations as all messages do.

use connectors::InstanceKey;
use domain::{ChannelKind, Message, MessageType, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::{ExternalId, ExternalIdType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use serving::QueryError;
use state::{
    CAMPAIGN_SOURCE, Entry, Outcome, PersonSubscriptions, SUBSCRIPTIONS_MEMBER,
    SubscriptionStatement,
};
use uuid::Uuid;

use crate::{Engine, SubmitError};

/// Where the pages about subscriptions are, below the public address of the server.
pub const PREFERENCES_PATH: &str = "/preferences";
/// The source of what people choose on their page.
pub const PREFERENCES_SOURCE: &str = "preferences";
/// The source of what staff changes for people.
pub const STAFF_SOURCE: &str = "staff";
/// The event of somebody who unsubscribes by a link or button of a message.
const UNSUBSCRIBED_EVENT: &str = "Notification Unsubscribed";
/// Separates the workspace from the rest of a token. No workspace has it in its id.
const TOKEN_SEPARATOR: char = '.';

/// Whom the links of a message are for, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferencesLink {
    /// The type of the person's id, in its word.
    pub id_type: String,
    /// An id of the person.
    pub id: String,
    /// The kinds of the channel that sends the message.
    pub channels: Vec<ChannelKind>,
    /// The key of the topic of the message.
    pub topic: Option<String>,
    /// The key of the campaign.
    pub campaign: Option<String>,
}

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

impl PreferencesLink {
    /// The token that stands in addresses: `shop.AbC`. It can be read and made with the key of the
    /// instance only, and is valid for as long as the key is.
    pub(crate) fn token(&self, key: &InstanceKey, workspace: &WorkspaceId) -> String {
        let text = serde_json::to_string(self).expect("plain fields always encode");
        let sealed = key.seal_token(&token_context(workspace), &text);
        format!("{workspace}{TOKEN_SEPARATOR}{sealed}")
    }

    /// The addresses of the page and of the way out of what the message is about, below the public
    /// address; none where there is no such address.
    pub(crate) fn urls(
        &self,
        key: Option<&InstanceKey>,
        config: &WorkspaceConfig,
    ) -> Option<(String, String)> {
        let token = self.token(key?, &config.id);
        let page = format!("{}{PREFERENCES_PATH}/{token}", config.public_url.as_ref()?);
        let unsubscribe = format!("{page}/unsubscribe");
        Some((page, unsubscribe))
    }

    /// What somebody says who unsubscribes from what the message is about: no to its topic, or to
    /// its channel where it has none.
    pub fn unsubscribing(&self) -> SubscriptionStatement {
        let status = domain::SubscriptionStatus::Unsubscribed;
        let mut statement = SubscriptionStatement::default();
        match &self.topic {
            Some(topic) => drop(statement.topics.insert(topic.clone(), status)),
            None => statement.channels.extend(self.channels.iter().map(|kind| (*kind, status))),
        }
        statement
    }
}

/// The workspace that a token of [`PreferencesLink`] names.
pub fn workspace_of_token(token: &str) -> Option<&str> {
    token.split_once(TOKEN_SEPARATOR).map(|(workspace, _)| workspace)
}

/// No workspace has an id that begins so, and no secret of a destination such a place.
fn token_context(workspace: &WorkspaceId) -> String {
    format!("-/preferences/{workspace}")
}

impl Engine {
    /// What a token says that was made for this workspace; none for any other text.
    pub fn open_preferences(&self, token: &str) -> Option<PreferencesLink> {
        let (workspace, sealed) = token.split_once(TOKEN_SEPARATOR)?;
        if workspace != self.id().as_str() {
            return None;
        }
        let key = self.instance_key.as_deref()?;
        let text = key.open_token(&token_context(self.id()), sealed).ok()?;
        serde_json::from_str(&text).ok()
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
