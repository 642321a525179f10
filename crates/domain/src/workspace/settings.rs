//! The settings of a workspace that are single values.

use serde::{Deserialize, Serialize};

use super::linked_content::check_linked_contents;
use super::topic::check_topics;
use super::{CatalogSettings, ControlGroups, Identity, LinkedContent, Retention, Topic};
use crate::{TimeZone, WeakSignalWeights};

const PUBLIC_USER_PROPERTIES_MAX: usize = 1_000;
const WORKSPACE_NAME_BYTES_MAX: usize = 200;
/// The longest address of this server, in bytes.
const PUBLIC_URL_BYTES_MAX: usize = 200;

/// The scalar settings of a workspace, which one command changes together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkspaceSettings {
    /// A name for people.
    pub name: Option<String>,
    /// Whether browsers may merge users. Anybody can read the public token in a page, and may then
    /// merge any two users whose ids they know.
    pub public_merge_users: bool,
    /// Properties of users that expressions sent by browsers may read; no others.
    pub public_user_properties: Vec<String>,
    /// The numbered set of presets that maps messages; none for the first. A change has no effect
    /// on messages that were mapped before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presets: Option<u32>,
    /// The weights of weak signals. Training decides which kinds are used.
    #[serde(default)]
    pub weak_signals: WeakSignalWeights,
    /// How long entries of the journal are kept; for ever without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The rules by which messages are put together to people; without them, those of
    /// `user_id` and `anonymous_id` alone. They hold for later messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// What columns of the catalog mean, and which are added to events.
    #[serde(default, skip_serializing_if = "CatalogSettings::is_default")]
    pub catalog: CatalogSettings,
    /// The time zone whose days and hours count for campaigns; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// People who get nothing of campaigns, so that their effect is measured.
    #[serde(default, skip_serializing_if = "ControlGroups::is_default")]
    pub control_groups: ControlGroups,
    /// The address of this server for the people who get messages, without a slash at its end:
    /// `https://news.shop.example`. Links in messages begin with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// What people may subscribe to and unsubscribe from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
    /// The external APIs whose answers templates print.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_contents: Vec<LinkedContent>,
}

impl WorkspaceSettings {
    /// Checks lengths and counts.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn validate(&self) -> Result<(), String> {
        if self
            .name
            .as_ref()
            .is_some_and(|name| !(1..=WORKSPACE_NAME_BYTES_MAX).contains(&name.len()))
        {
            return Err(format!("name must be 1 to {WORKSPACE_NAME_BYTES_MAX} bytes"));
        }
        let n_properties = self.public_user_properties.len();
        if n_properties > PUBLIC_USER_PROPERTIES_MAX {
            return Err(format!(
                "public_user_properties has {n_properties} names, the limit is {PUBLIC_USER_PROPERTIES_MAX}"
            ));
        }
        if let Some(Err(what)) = self.identity.as_ref().map(Identity::validate) {
            return Err(format!("identity.{what}"));
        }
        if self.public_url.as_deref().is_some_and(|url| !is_public_url(url)) {
            return Err(format!(
                "public_url must be https:// and a host, up to {PUBLIC_URL_BYTES_MAX} bytes, \
                 without a path"
            ));
        }
        check_topics(&self.topics)?;
        check_linked_contents(&self.linked_contents)?;
        self.catalog.validate().map_err(|what| format!("catalog.{what}"))?;
        self.control_groups.validate().map_err(|what| format!("control_groups.{what}"))?;
        self.retention.map_or(Ok(()), Retention::validate)
    }
}

/// Whether a text is `https://` or `http://` with a host, and a port where it has one.
fn is_public_url(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    url.len() <= PUBLIC_URL_BYTES_MAX
        && host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_host))
}
