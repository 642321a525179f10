//! Links and images by which it is told who clicked and who opened a message. Their addresses are
//! sealed with the key of the installation: nobody makes one that leads elsewhere, or reads whom it
//! is for, and nothing has to be kept.

use std::collections::BTreeMap;

use connectors::InstanceKey;
use domain::{
    Campaign, CampaignVariant, Destination, Timestamp, UtmParameters, WorkspaceConfig, WorkspaceId,
};
use profiles::ExternalIdType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use templates::{append_to_body, replace_html_links, replace_text_links};

use super::content::HTML_FIELD;

/// The path of links, before their token.
pub const LINKS_PATH: &str = "/l";
/// The path of images that tell of opened messages, before their token.
pub const OPENS_PATH: &str = "/o";
/// The longest address that leads over this server, in bytes. Longer ones stay as they are.
const ADDRESS_BYTES_MAX: usize = 2_000;
/// The most links of a message that lead over this server. Further ones stay as they are.
const LINKS_MAX: usize = 200;
/// The longest token, in bytes: a link with the longest address, ids and names in base64.
pub const LINK_TOKEN_BYTES_MAX: usize = 8_192;
/// Fields whose text has links.
const TEXT_FIELDS: [&str; 3] = ["text", "body_text", "message"];
/// Fields that are a link as a whole.
const LINK_FIELDS: [&str; 3] = ["url", "link", "click_action"];
/// What tells links from images.
const LINK_CONTEXT: &str = "campaign link";
const OPEN_CONTEXT: &str = "campaign image";

/// What a link or an image of a message tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageLink {
    /// The id of the message.
    #[serde(rename = "m")]
    pub message_id: String,
    /// The type and the value of an id of the person.
    #[serde(rename = "p")]
    pub person: (String, String),
    /// The key of the campaign.
    #[serde(rename = "k")]
    pub campaign: String,
    /// The name of the channel.
    #[serde(rename = "c")]
    pub channel: String,
    /// The variant of the message.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The number of the link in the message, and where it leads; none of an image.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub target: Option<(u32, String)>,
    /// The recommended item that it leads to.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

impl MessageLink {
    /// The message that tells of a click, or of an image that was loaded, before its form is
    /// checked.
    pub fn told(&self, at: Timestamp, told_id: &str, is_by_machine: bool) -> Value {
        let mut properties = Map::new();
        let mut set = |name: &str, value: Value| drop(properties.insert(name.to_owned(), value));
        set("campaign", self.campaign.as_str().into());
        set("message_id", self.message_id.as_str().into());
        set("channel", self.channel.as_str().into());
        if let Some(variant) = &self.variant {
            set("variant", variant.as_str().into());
        }
        if let Some((number, url)) = &self.target {
            set("link", (*number).into());
            set("url", url.as_str().into());
        }
        if let Some(item) = &self.item {
            set("item_id", item.as_str().into());
        }
        if is_by_machine {
            set("machine", true.into());
        }
        let event = match self.target {
            Some(_) => "Notification Clicked",
            None => "Notification Viewed",
        };
        let mut message = json!({
            "type": "track", "event": event, "messageId": told_id, "properties": properties,
            "timestamp": at.to_string(),
        });
        let (type_, id) = &self.person;
        match type_.as_str() {
            word if word == ExternalIdType::UserId.word() => message["userId"] = id.as_str().into(),
            word if word == ExternalIdType::AnonymousId.word() => {
                message["anonymousId"] = id.as_str().into();
            }
            word => {
                message["context"] = json!({ "externalIds": [{
                    "id": id, "type": word, "collection": "users", "encoding": "none",
                }] });
            }
        }
        message
    }

    fn seal(&self, key: &InstanceKey, context: &str, workspace: &WorkspaceId) -> String {
        let text = serde_json::to_string(self).expect("texts and numbers are plain JSON");
        let sealed = key.seal_token(&context_of(context, workspace), &text);
        format!("{workspace}.{sealed}")
    }
}

/// What the token of a link of a workspace says; none if nobody here has made it.
pub(crate) fn read_link(key: &InstanceKey, own: &WorkspaceId, token: &str) -> Option<MessageLink> {
    open_token(key, own, LINK_CONTEXT, token).filter(|link| link.target.is_some())
}

/// What the token of an image of a workspace says; none if nobody here has made it.
pub(crate) fn read_image(key: &InstanceKey, own: &WorkspaceId, token: &str) -> Option<MessageLink> {
    open_token(key, own, OPEN_CONTEXT, token)
}

fn open_token(
    key: &InstanceKey,
    own: &WorkspaceId,
    context: &str,
    token: &str,
) -> Option<MessageLink> {
    let (workspace, sealed) = token.rsplit_once('.')?;
    if workspace != own.as_str() || token.len() > LINK_TOKEN_BYTES_MAX {
        return None;
    }
    let text = key.open_token(&context_of(context, own), sealed).ok()?;
    serde_json::from_str(&text).ok()
}

fn context_of(context: &str, workspace: &WorkspaceId) -> String {
    format!("{context}\0{workspace}")
}

/// The workspace that the token of a link or an image names.
pub fn workspace_of_link(token: &str) -> Option<&str> {
    Some(token.rsplit_once('.')?.0)
}

/// What the links of one message are made with.
pub(super) struct LinkMaker<'l> {
    key: &'l InstanceKey,
    config: &'l WorkspaceConfig,
    public_url: &'l str,
    campaign: &'l Campaign,
    /// What all links of the message have in common.
    link: MessageLink,
    /// Items by the addresses that are among their properties.
    items: BTreeMap<String, String>,
    n_links: usize,
}

impl<'l> LinkMaker<'l> {
    /// None where the workspace has no public address, or the installation no key.
    pub(super) fn new(
        key: Option<&'l InstanceKey>,
        config: &'l WorkspaceConfig,
        campaign: &'l Campaign,
        message_id: String,
        (type_, id): &(ExternalIdType, String),
        variant: Option<&CampaignVariant>,
        items: BTreeMap<String, String>,
    ) -> Option<Self> {
        // A page tells itself what became of its messages.
        if config.destination(&campaign.channel).is_some_and(Destination::is_in_app) {
            return None;
        }
        let link = MessageLink {
            message_id,
            person: (type_.word().to_owned(), id.clone()),
            campaign: campaign.key.clone(),
            channel: campaign.channel.clone(),
            variant: variant.map(|variant| variant.key.clone()),
            target: None,
            item: None,
        };
        let public_url = config.public_url.as_deref()?;
        Some(Self { key: key?, config, public_url, campaign, link, items, n_links: 0 })
    }

    /// Leads the links of the fields of a message over this server, and adds the image.
    pub(super) fn rewrite(mut self, fields: &mut Map<String, Value>) {
        let options = &self.campaign.options;
        let tracks_opens = options.track_opens != Some(false);
        if options.track_links != Some(false) {
            for (field, value) in fields.iter_mut() {
                let Value::String(text) = value else { continue };
                if field == HTML_FIELD {
                    *text = replace_html_links(text, |address| self.replace(address));
                } else if TEXT_FIELDS.contains(&field.as_str()) {
                    *text = replace_text_links(text, |address| self.replace(address));
                } else if LINK_FIELDS.contains(&field.as_str())
                    && let Some(link) = self.replace(text)
                {
                    *text = link;
                }
            }
        }
        if tracks_opens && let Some(Value::String(html)) = fields.get_mut(HTML_FIELD) {
            let token = self.link.seal(self.key, OPEN_CONTEXT, &self.config.id);
            let url = self.public_url;
            let image = format!(
                "<img src=\"{url}{OPENS_PATH}/{token}.gif\" width=\"1\" height=\"1\" alt=\"\" \
                 style=\"border:0\">"
            );
            *html = append_to_body(html, &image);
        }
    }

    /// The address that leads over this server to another one; none where that stays.
    fn replace(&mut self, address: &str) -> Option<String> {
        if !is_web(address) || self.is_ours(address) || self.n_links >= LINKS_MAX {
            return None;
        }
        let target = match &self.campaign.options.utm {
            Some(utm) => with_parameters(address, utm),
            None => address.to_owned(),
        };
        if target.len() > ADDRESS_BYTES_MAX || target.chars().any(char::is_control) {
            return None;
        }
        let number = self.n_links as u32;
        self.n_links += 1;
        let item = self.items.get(address).cloned();
        let link = MessageLink { target: Some((number, target)), item, ..self.link.clone() };
        let token = link.seal(self.key, LINK_CONTEXT, &self.config.id);
        let url = self.public_url;
        (token.len() <= LINK_TOKEN_BYTES_MAX).then(|| format!("{url}{LINKS_PATH}/{token}"))
    }

    /// Addresses of this server are not led over it: by some of them people unsubscribe.
    fn is_ours(&self, address: &str) -> bool {
        let rest = address.strip_prefix(self.public_url);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }
}

fn is_web(address: &str) -> bool {
    let has = |scheme: &str| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has("https://") || has("http://")
}

/// The address with parameters that it does not have yet.
fn with_parameters(address: &str, utm: &UtmParameters) -> String {
    let (address, fragment) = match address.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (address, None),
    };
    let mut made = address.to_owned();
    for (name, value) in utm.pairs() {
        let query = made.split_once('?').map(|(_, query)| query);
        let has = |query: &str| {
            query.split('&').any(|pair| pair.split('=').next().is_some_and(|key| key == name))
        };
        if query.is_some_and(has) {
            continue;
        }
        match query {
            None => made.push('?'),
            Some("") => {}
            Some(_) => made.push('&'),
        }
        made.push_str(name);
        made.push('=');
        value.bytes().for_each(|byte| push_encoded(&mut made, byte));
    }
    match fragment {
        Some(fragment) => format!("{made}#{fragment}"),
        None => made,
    }
}

fn push_encoded(text: &mut String, byte: u8) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            text.push(char::from(byte));
        }
        _ => text.push_str(&format!("%{byte:02X}")),
    }
}

/// The addresses among the properties of an item.
pub(super) fn addresses_of(item: &Map<String, Value>) -> impl Iterator<Item = &str> {
    item.values().filter_map(Value::as_str).filter(|text| is_web(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_added_before_the_fragment_unless_they_are_there() {
        let text = |text: &str| Some(text.to_owned());
        let utm = UtmParameters {
            source: text("news letter"),
            campaign: text("a&b"),
            ..UtmParameters::default()
        };
        let check = |address: &str, expected: &str| {
            assert_eq!(with_parameters(address, &utm), expected);
        };
        check("https://x/a", "https://x/a?utm_source=news%20letter&utm_campaign=a%26b");
        check("https://x?", "https://x?utm_source=news%20letter&utm_campaign=a%26b");
        check("https://x/?utm_source=y#top", "https://x/?utm_source=y&utm_campaign=a%26b#top");
    }
}
