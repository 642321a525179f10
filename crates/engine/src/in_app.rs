//! In-app messages: which of them a page is given, who is told of changes, and what pages report.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use connectors::in_app_identity_secret;
use domain::{Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use profiles::{ExternalId, ExternalIdType, IdTable};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use state::{InAppReport, People};
use tokio::sync::watch;
use xxhash_rust::xxh3::xxh3_128;

use crate::delivery::open_settings;
use crate::{Engine, EngineError};

/// How long after a message has expired a page may still report on it, in milliseconds: a day.
const REPORT_GRACE_MS: i64 = 86_400_000;

/// Who looks at a page, as the page says.
#[derive(Debug, Clone)]
pub struct InAppVisitor {
    /// The id of the browser, which nobody else knows.
    pub anonymous_id: String,
    /// The user, where the page knows one.
    pub user_id: Option<String>,
    /// What the page's server has made of the user id with the channel's secret, in hexadecimal.
    pub user_hash: Option<String>,
}

/// A message as a page is given it.
#[derive(Debug, Clone, Serialize)]
pub struct InAppShown {
    /// The id of the message.
    pub id: String,
    /// The key of the campaign.
    pub campaign: String,
    /// What the page reports with; none where the instance has no key.
    pub token: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// From then on it is not shown.
    pub expires_at: Timestamp,
    /// How often it was shown.
    pub n_views: u32,
    /// What it shows.
    pub content: Box<RawValue>,
}

/// What a page reports on a message.
#[derive(Debug, Clone)]
pub struct InAppReportCall {
    /// The token that came with the message.
    pub token: String,
    /// What became of it.
    pub report: InAppReport,
    /// Names the report, so that it counts once however often it is sent.
    pub id: String,
    /// Where a click led.
    pub url: Option<String>,
    /// The item that was clicked.
    pub item_id: Option<String>,
}

/// Why a report is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InAppReportError {
    /// We have not given the token away.
    #[error("the token is none that came with a message of this workspace")]
    WrongToken,
    /// The message or its person is gone.
    #[error("the message has expired, or its person was deleted")]
    Over,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Token {
    id_type: String,
    id: String,
    message_id: String,
    campaign: String,
    channel: String,
    expires_at: Timestamp,
}

impl Engine {
    /// The messages that a visitor may see now: those of the profile of the anonymous id, the most
    /// important first. A user id must be of the same profile. The receiver tells when to ask
    /// again.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn in_app_messages(
        &self,
        visitor: &InAppVisitor,
    ) -> Result<(Vec<InAppShown>, watch::Receiver<u64>), EngineError> {
        let (config, now) = (self.config(), self.now());
        let snapshot = self.snapshot();
        let ids = snapshot.profiles.ids();
        let user = find_visitor(ids, visitor);
        // Before anything is read: what changes from now on is told.
        let changes = self.shared.in_app.watch(user);
        let Some(user) = user else { return Ok((Vec::new(), changes)) };
        let is_known = ids.user_id(user).is_some();
        let kept = snapshot.in_app.messages(snapshot.store(), user, now)?;
        let name = snapshot.find_user_name(user)?;
        let suppressed = std::sync::Arc::clone(&snapshot.regulations.suppressed);
        drop(snapshot);
        let Some((type_, id)) = name.filter(|(type_, id)| !suppressed.has(*type_, id)) else {
            return Ok((Vec::new(), changes));
        };
        let mut given = BTreeMap::new();
        let mut shown = Vec::new();
        for message in kept {
            let channel = message.channel.clone();
            let is_given = *given
                .entry(channel.clone())
                .or_insert_with(|| self.gives(&config, &channel, is_known, visitor));
            let Ok(content) = RawValue::from_string(message.content) else { continue };
            if !is_given {
                continue;
            }
            let token = Token {
                id_type: type_.word().to_owned(),
                id: id.clone(),
                message_id: message.id.clone(),
                campaign: message.campaign.clone(),
                channel,
                expires_at: message.expires_at,
            };
            let key = self.instance_key.as_deref();
            let seal = |text: String| key.map(|key| key.seal_token(&context(self.id()), &text));
            shown.push(InAppShown {
                token: serde_json::to_string(&token).ok().and_then(seal),
                id: message.id,
                campaign: message.campaign,
                sent_at: message.sent_at,
                expires_at: message.expires_at,
                n_views: message.n_views,
                content,
            });
        }
        shown
            .sort_by_key(|message| (Reverse(priority(&message.content)), Reverse(message.sent_at)));
        Ok((shown, changes))
    }

    /// The message that a report becomes, before its form is checked.
    ///
    /// # Errors
    /// If the token is not ours, or what it names is gone.
    pub fn in_app_report(&self, call: &InAppReportCall) -> Result<Value, InAppReportError> {
        let key = self.instance_key.as_deref().ok_or(InAppReportError::WrongToken)?;
        let text = key.open_token(&context(self.id()), &call.token);
        let text = text.map_err(|_| InAppReportError::WrongToken)?;
        let token: Token = serde_json::from_str(&text).map_err(|_| InAppReportError::WrongToken)?;
        let type_ =
            ExternalIdType::from_word(&token.id_type).ok_or(InAppReportError::WrongToken)?;
        let person = ExternalId { type_, value: &token.id };
        let is_there = self.snapshot().profiles.ids().user_by_external_id(person).is_some();
        if !is_there || self.now().0 > token.expires_at.0.saturating_add(REPORT_GRACE_MS) {
            return Err(InAppReportError::Over);
        }
        let event = call.report.event();
        let name = format!("{}\0{event}\0{}", token.message_id, call.id);
        let mut properties = Map::from_iter([
            ("campaign".to_owned(), Value::from(token.campaign)),
            ("message_id".to_owned(), token.message_id.into()),
            ("channel".to_owned(), token.channel.into()),
        ]);
        let more = [("url", &call.url), ("item_id", &call.item_id)];
        properties.extend(more.into_iter().filter_map(|(member, value)| {
            value.as_ref().map(|value| (member.to_owned(), value.as_str().into()))
        }));
        let mut message = json!({
            "type": "track",
            "event": event,
            "messageId": format!("{:032x}", xxh3_128(name.as_bytes())),
            "properties": properties,
        });
        match type_ {
            ExternalIdType::UserId => message["userId"] = token.id.into(),
            ExternalIdType::AnonymousId => message["anonymousId"] = token.id.into(),
            ExternalIdType::Declared(_) => {
                message["context"] = json!({ "externalIds": [{
                    "id": token.id, "type": token.id_type, "collection": "users", "encoding": "none",
                }] });
            }
        }
        Ok(message)
    }

    /// Whether a visitor may see messages of a channel.
    fn gives(
        &self,
        config: &WorkspaceConfig,
        channel: &str,
        is_known: bool,
        visitor: &InAppVisitor,
    ) -> bool {
        let channel = config.destination(channel);
        let Some(channel) = channel.filter(|channel| channel.is_in_app() && channel.enabled) else {
            return false;
        };
        if !is_known {
            return true;
        }
        let settings = open_settings(self.instance_key.as_deref(), self.id(), channel);
        settings.is_ok_and(|settings| {
            in_app_identity_secret(&settings).is_none_or(|secret| is_verified(secret, visitor))
        })
    }
}

/// The place for which tokens are sealed.
fn context(workspace: &WorkspaceId) -> String {
    format!("{workspace}/in-app messages")
}

/// The profile of a visitor; none whom nobody knows, or who is not who the page says.
fn find_visitor(ids: &IdTable, visitor: &InAppVisitor) -> Option<UserIdx> {
    let find = |type_, value: &str| ids.user_by_external_id(ExternalId { type_, value });
    let user = find(ExternalIdType::AnonymousId, &visitor.anonymous_id)?;
    match &visitor.user_id {
        Some(id) => find(ExternalIdType::UserId, id).filter(|other| *other == user),
        None => Some(user),
    }
}

/// Whether the visitor's user id was signed with the secret.
fn is_verified(secret: &str, visitor: &InAppVisitor) -> bool {
    let Some((user_id, hash)) = visitor.user_id.as_ref().zip(visitor.user_hash.as_ref()) else {
        return false;
    };
    let Some(hash) = decode_hexadecimal(hash).filter(|_| !secret.is_empty()) else { return false };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("keys of any length are taken");
    mac.update(user_id.as_bytes());
    mac.verify_slice(&hash).is_ok()
}

fn decode_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high * 16 + low),
        _ => None,
    });
    pairs.collect()
}

fn priority(content: &RawValue) -> u64 {
    #[derive(Deserialize)]
    struct Ranked {
        #[serde(default)]
        priority: u64,
    }
    serde_json::from_str::<Ranked>(content.get()).map_or(0, |ranked| ranked.priority)
}
