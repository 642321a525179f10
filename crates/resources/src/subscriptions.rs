//! What people want to hear: shown and changed by staff, and by themselves with the link of a
//! message.

use std::collections::BTreeMap;

use domain::{ChannelKind, Destination, SubscriptionStatus, Timestamp, UserIdx, WorkspaceConfig};
use engine::{
    Engine, ExternalIdType, Outcome, PersonSubscriptions, PreferencesLink, Said,
    SubscriptionChanger, SubscriptionStatement,
};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::resolve;

/// What a person said of a kind of channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ShownChannelSubscription {
    /// The kind.
    pub channel: ChannelKind,
    /// What they said.
    pub status: SubscriptionStatus,
    /// When they said it; absent where they said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Whether messages of the kind are sent to them, as far as it depends on what they said.
    pub wanted: bool,
}

/// What a person said of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ShownTopicSubscription {
    /// The key of the topic.
    pub topic: String,
    /// The name that people see; the key of a topic that is not there any more.
    pub name: String,
    /// What people get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What they said.
    pub status: SubscriptionStatus,
    /// When they said it; absent where they said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Whether messages of the topic are sent to them, by its default where they said nothing.
    pub wanted: bool,
}

/// What a person said of channels and topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ShownSubscriptions {
    /// Every kind of channel that the workspace has, or of which the person said something.
    pub channels: Vec<ShownChannelSubscription>,
    /// Every topic that the workspace has, or of which the person said something.
    pub topics: Vec<ShownTopicSubscription>,
    /// The address of the page on which the person chooses; absent where the workspace has no
    /// `public_url`. Whoever has it may choose in the person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
}

/// What a person says of channels and topics. What is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionChange {
    /// By kind of channel.
    #[schema(value_type = Object)]
    pub channels: BTreeMap<ChannelKind, SubscriptionStatus>,
    /// By key of the topic.
    pub topics: BTreeMap<String, SubscriptionStatus>,
}

/// What the page of a person shows who came by the link of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferencesPage {
    /// The name of the workspace, or its id.
    pub workspace: String,
    /// What the person said.
    pub subscriptions: ShownSubscriptions,
    /// What the message was about.
    pub link: PreferencesLink,
    /// What it was about, in words behind "no more messages".
    pub about: String,
}

/// What a person said of channels and topics.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<ShownSubscriptions, ApiError> {
    workspace.ask(move |engine| show(engine, resolve(engine, &name)?)).await
}

/// Changes what a person is subscribed to, in their name.
///
/// # Errors
/// 404 where nobody has the id, 400 where there is no such topic, or for somebody whose new data is
/// refused.
pub async fn change(
    workspace: &RequestedWorkspace,
    name: String,
    change: SubscriptionChange,
) -> Result<ShownSubscriptions, ApiError> {
    let change = move |engine: &Engine| {
        let user = resolve(engine, &name)?;
        let config = engine.config();
        let said = engine.subscriptions(user)?;
        let is_unknown =
            |key: &&String| config.topic(key).is_none() && !said.topics.contains_key(*key);
        if let Some(unknown) = change.topics.keys().find(is_unknown) {
            let known: Vec<&str> = config.topics.iter().map(|topic| topic.key.as_str()).collect();
            let known = known.join(", ");
            let what = format!("there is no topic {unknown:?}: the topics are {known}");
            return Err(ApiError::invalid(what).at("/topics"));
        }
        let SubscriptionChange { channels, topics } = change;
        let statement = SubscriptionStatement { channels, topics };
        let (type_, id) = name_of(engine, user)?;
        let by = SubscriptionChanger::Staff;
        if !statement.is_empty()
            && engine.change_subscriptions((type_, &id), &statement, by)? == Outcome::Suppressed
        {
            let what = "new data of this person is refused, so that they get no message at all";
            return Err(ApiError::invalid(what));
        }
        show(engine, user)
    };
    workspace.run(change).await
}

/// What the page shows behind the link of a message; none where the link is not ours, or is of
/// nobody any more.
///
/// # Errors
/// If the store cannot be read.
pub fn page_of_link(engine: &Engine, token: &str) -> Result<Option<PreferencesPage>, ApiError> {
    let Some(link) = engine.open_preferences(token) else { return Ok(None) };
    let Some(user) = engine.person_of_link(&link) else { return Ok(None) };
    let config = engine.config();
    let mut subscriptions = show(engine, user)?;
    // What the workspace does not have any more is nothing to choose.
    let kinds = kinds_of(&config);
    subscriptions.channels.retain(|one| kinds.contains(&one.channel));
    subscriptions.topics.retain(|one| config.topic(&one.topic).is_some());
    Ok(Some(PreferencesPage {
        workspace: config.name.clone().unwrap_or_else(|| config.id.to_string()),
        subscriptions,
        about: about(&config, &link),
        link,
    }))
}

/// Keeps what a person chose on their page: of what differs from before, and of nothing else.
///
/// # Errors
/// If the journal does not take it.
pub fn choose(
    engine: &Engine,
    page: &PreferencesPage,
    wants: &dyn Fn(&str) -> bool,
) -> Result<(), ApiError> {
    let status = |wanted| match wanted {
        true => SubscriptionStatus::Subscribed,
        false => SubscriptionStatus::Unsubscribed,
    };
    let mut statement = SubscriptionStatement::default();
    for one in &page.subscriptions.channels {
        let wanted = wants(&channel_field(one.channel));
        if wanted != one.wanted {
            statement.channels.insert(one.channel, status(wanted));
        }
    }
    for one in &page.subscriptions.topics {
        let wanted = wants(&topic_field(&one.topic));
        if wanted != one.wanted {
            statement.topics.insert(one.topic.clone(), status(wanted));
        }
    }
    say(engine, &page.link, &statement, SubscriptionChanger::Person)
}

/// Unsubscribes a person from every kind of channel, also from those that the workspace does not
/// have yet.
///
/// # Errors
/// If the journal does not take it.
pub fn refuse_everything(engine: &Engine, link: &PreferencesLink) -> Result<(), ApiError> {
    let no = |kind| (kind, SubscriptionStatus::Unsubscribed);
    let channels = ChannelKind::ALL.map(no).into();
    let statement = SubscriptionStatement { channels, ..SubscriptionStatement::default() };
    say(engine, link, &statement, SubscriptionChanger::Person)
}

/// Unsubscribes a person from what a message was about.
///
/// # Errors
/// If the journal does not take it.
pub fn unsubscribe(engine: &Engine, link: &PreferencesLink) -> Result<(), ApiError> {
    say(engine, link, &link.unsubscribing(), SubscriptionChanger::Unsubscribing(link))
}

/// The name of the field of a kind of channel in the form of the page.
pub fn channel_field(kind: ChannelKind) -> String {
    format!("channel.{}", kind.word())
}

/// The name of the field of a topic in the form of the page.
pub fn topic_field(key: &str) -> String {
    format!("topic.{key}")
}

/// Says it in the name of the person of a link. Somebody whose data is refused gets nothing anyway.
fn say(
    engine: &Engine,
    link: &PreferencesLink,
    statement: &SubscriptionStatement,
    by: SubscriptionChanger<'_>,
) -> Result<(), ApiError> {
    let type_ = ExternalIdType::from_word(&link.id_type);
    let type_ = type_.ok_or_else(|| ApiError::not_found("the link is of nobody"))?;
    if !statement.is_empty() {
        engine.change_subscriptions((type_, &link.id), statement, by)?;
    }
    Ok(())
}

/// The id by which messages name a person: a user id, or else an anonymous id.
fn name_of(engine: &Engine, user: UserIdx) -> Result<(ExternalIdType, String), ApiError> {
    let identifiers = engine.snapshot().identifiers(user)?;
    let found = identifiers.into_iter().filter(|id| id.is_unique).min_by_key(|id| id.type_);
    let found = found.map(|id| (id.type_, id.value));
    found.ok_or_else(|| ApiError::not_found("the person was merged or deleted just now: ask again"))
}

fn about(config: &WorkspaceConfig, link: &PreferencesLink) -> String {
    let topic = link.topic.as_deref();
    match topic.map(|key| config.topic(key).map_or(key, |topic| topic.title())) {
        Some(topic) => format!("about “{topic}”"),
        None => {
            let ways: Vec<&str> = link.channels.iter().map(|kind| way(*kind)).collect();
            ways.join(" and ")
        }
    }
}

/// How messages of a kind of channel come.
fn way(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Email => "by e-mail",
        ChannelKind::Sms => "by text message",
        ChannelKind::Whatsapp => "by WhatsApp",
        ChannelKind::Push => "as notifications of the app",
        ChannelKind::WebPush => "as notifications of the browser",
        ChannelKind::InApp => "in the app and on the website",
        ChannelKind::Other => "by other ways",
    }
}

/// The kinds of channels by which campaigns can reach people.
fn kinds_of(config: &WorkspaceConfig) -> Vec<ChannelKind> {
    let channels = config.campaigns.iter().filter_map(|one| config.destination(&one.channel));
    let of_campaigns = channels.flat_map(Destination::channel_kinds);
    let others = config.outgoing_destinations().flat_map(Destination::channel_kinds);
    let mut kinds: Vec<ChannelKind> =
        of_campaigns.chain(others.filter(|kind| *kind != ChannelKind::Other)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn show(engine: &Engine, user: UserIdx) -> Result<ShownSubscriptions, ApiError> {
    let said = engine.subscriptions(user)?;
    let config = engine.config();
    let mut kinds = kinds_of(&config);
    kinds.extend(said.channels.keys().copied());
    kinds.sort_unstable();
    kinds.dedup();
    let channels = kinds.into_iter().map(|kind| ShownChannelSubscription {
        channel: kind,
        status: said.of_channel(kind),
        at: at(said.channels.get(&kind)),
        wanted: said.wants_channel(&[kind]),
    });
    let (type_, id) = name_of(engine, user)?;
    let id_type = type_.word().to_owned();
    // Of no message.
    let (of_channels, topic, campaign) = (Vec::new(), None, None);
    let link = PreferencesLink { id_type, id, channels: of_channels, topic, campaign };
    Ok(ShownSubscriptions {
        channels: channels.collect(),
        topics: show_topics(&config, &said),
        page_url: engine.preferences_urls(&link).map(|(page, _)| page),
    })
}

fn show_topics(
    config: &WorkspaceConfig,
    said: &PersonSubscriptions,
) -> Vec<ShownTopicSubscription> {
    let shown =
        |key: &str, name: &str, description: Option<&String>, wanted| ShownTopicSubscription {
            topic: key.to_owned(),
            name: name.to_owned(),
            description: description.cloned(),
            status: said.of_topic(key),
            at: at(said.topics.get(key)),
            wanted,
        };
    let topics = config.topics.iter().map(|topic| {
        shown(&topic.key, topic.title(), topic.description.as_ref(), said.wants_topic(topic))
    });
    let gone = said.topics.keys().filter(|key| config.topic(key).is_none());
    let gone = gone.map(|key| {
        let wanted = said.of_topic(key) != SubscriptionStatus::Unsubscribed;
        shown(key, key, None, wanted)
    });
    topics.chain(gone).collect()
}

fn at(said: Option<&Said>) -> Option<Timestamp> {
    said.map(|said| said.at)
}
