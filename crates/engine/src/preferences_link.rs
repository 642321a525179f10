//! The links of a message by which its reader chooses what they get: whom they are for, sealed.

use connectors::InstanceKey;
use domain::{ChannelKind, SubscriptionStatus, WorkspaceConfig, WorkspaceId};
use serde::{Deserialize, Serialize};
use state::SubscriptionStatement;

/// Where the pages about subscriptions are, below the public address of the server.
pub const PREFERENCES_PATH: &str = "/preferences";
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

impl PreferencesLink {
    /// The token that stands in addresses: `shop.AbC`. It can be read and made with the key of the
    /// instance only, and is valid for as long as the key is.
    pub(crate) fn token(&self, key: &InstanceKey, workspace: &WorkspaceId) -> String {
        let text = serde_json::to_string(self).expect("plain fields always encode");
        let sealed = key.seal_token(&token_context(workspace), &text);
        format!("{workspace}{TOKEN_SEPARATOR}{sealed}")
    }

    /// What a token says that was made for a workspace; none for any other text.
    pub(crate) fn open(token: &str, key: &InstanceKey, workspace: &WorkspaceId) -> Option<Self> {
        let (named, sealed) = token.split_once(TOKEN_SEPARATOR)?;
        if named != workspace.as_str() {
            return None;
        }
        let text = key.open_token(&token_context(workspace), sealed).ok()?;
        serde_json::from_str(&text).ok()
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
        let status = SubscriptionStatus::Unsubscribed;
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
