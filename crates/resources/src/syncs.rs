//! How traits and audiences go to destinations: what was sent, and how far the sending is.

use std::collections::BTreeMap;

use domain::{MessageType, SyncSettings, Timestamp};
use engine::{Engine, Link, SyncStatus, SyncSubject};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

/// How a trait or an audience goes to destinations.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownSync {
    /// How it is sent.
    pub settings: SyncSettings,
    /// What each destination was told.
    pub destinations: Vec<SyncedDestination>,
    /// What the settings name and nobody has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// How the sending of all traits and audiences of the workspace is doing; absent where this
    /// process delivers nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<SyncStatus>,
}

/// What a destination was told of a trait or an audience.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SyncedDestination {
    /// The name of the destination.
    pub destination: String,
    /// Whether it is on. Nothing is sent to one that is off.
    pub enabled: bool,
    /// How many people have a value there that is not `false` and no empty list.
    pub people: u64,
    /// How many values were handed to its delivery.
    pub sent: u64,
    /// When the last one was; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// What a destination was told of one trait or audience.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SyncedSubject {
    /// `trait` or `audience`.
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// How many people have a value there that is not `false` and no empty list.
    pub people: u64,
    /// How many values were handed to delivery.
    pub sent: u64,
    /// When the last one was; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
}

/// Which destinations get every value again.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncAgain {
    /// The only destination; all to which it goes if absent.
    #[serde(default)]
    pub destination: Option<String>,
}

/// Checks that the ids for which values are sent can be there.
///
/// # Errors
/// If they are of a type that no message can have.
pub(crate) fn check_sync(engine: &Engine, sync: Option<&SyncSettings>) -> Result<(), ApiError> {
    // With rules of identity, people have ids of any type that messages bring.
    if engine.config().identity.is_some() {
        return Ok(());
    }
    let types = sync.into_iter().flat_map(|sync| &sync.identifiers).map(|one| &one.type_);
    let plain = ["user_id", "anonymous_id"];
    match types.into_iter().find(|type_| !plain.contains(&type_.as_str())) {
        Some(type_) => Err(ApiError::invalid(format!(
            "sync.identifiers: nobody can have an id of type {type_:?} without rules of identity: \
             set the key identity of the settings first, or take user_id or anonymous_id"
        ))
        .at("/sync/identifiers")),
        None => Ok(()),
    }
}

/// The traits that settings attach and that nobody can have by what was defined and seen so far.
fn find_problems(engine: &Engine, settings: &SyncSettings) -> Vec<String> {
    let config = engine.config();
    let snapshot = engine.snapshot();
    let is_defined = |key: &str| {
        config.audience(key).is_some()
            || config.computed_trait_of_people(key).is_some()
            || config.trait_definition(key).is_some()
    };
    let seen = &snapshot.source_schemas;
    let is_seen = |key: &str| seen.may_have_property(MessageType::Identify, key);
    let unknown = settings.with_traits.iter().filter(|key| !is_defined(key) && !is_seen(key));
    unknown.map(|key| format!("with_traits: nobody has a trait {key:?} yet")).collect()
}

/// How a trait or an audience goes to destinations.
///
/// # Errors
/// 404 where there is none of the key, or it goes nowhere.
pub async fn read(
    workspace: &RequestedWorkspace,
    subject: SyncSubject,
) -> Result<ShownSync, ApiError> {
    workspace.run(move |engine: &Engine| show(engine, &subject)).await
}

/// Sends every value of a trait or audience again, whatever was sent before.
///
/// # Errors
/// 404 where there is none of the key, or it does not go there.
pub async fn send_again(
    workspace: &RequestedWorkspace,
    subject: SyncSubject,
    SyncAgain { destination }: SyncAgain,
) -> Result<ShownSync, ApiError> {
    let send = move |engine: &Engine| {
        show(engine, &subject)?;
        engine.sync_again(subject.clone(), destination)??;
        show(engine, &subject)
    };
    workspace.run(send).await
}

/// The traits and audiences that go to a destination, of all links.
pub(crate) fn subjects_at(
    links: &BTreeMap<(SyncSubject, String), Link>,
    destination: &str,
) -> Vec<SyncedSubject> {
    let shown = links.iter().filter(|((_, name), _)| name == destination);
    shown
        .map(|((subject, _), link)| SyncedSubject {
            kind: subject.word(),
            key: subject.key().to_owned(),
            people: link.n_people,
            sent: link.n_sent,
            last_at: link.last_at,
        })
        .collect()
}

fn show(engine: &Engine, subject: &SyncSubject) -> Result<ShownSync, ApiError> {
    let Some((settings, links)) = engine.sync_links(subject) else {
        return Err(ApiError::not_found(format!(
            "{subject} is not there or goes to no destination: PUT it with the key sync"
        )));
    };
    let config = engine.config();
    let is_on = |name: &str| config.destination(name).is_some_and(|one| one.enabled);
    let destination = |(destination, link): (String, Link)| SyncedDestination {
        enabled: is_on(&destination),
        destination,
        people: link.n_people,
        sent: link.n_sent,
        last_at: link.last_at,
    };
    Ok(ShownSync {
        problems: find_problems(engine, &settings),
        settings,
        destinations: links.into_iter().map(destination).collect(),
        progress: engine.sync_status(),
    })
}
