//! Sources of messages. A write key is shown once, to whoever makes it.

pub mod oauth;

use std::sync::Arc;

use std::collections::BTreeMap;

use domain::{MessageType, Source, Timestamp, TrackingPlan, WorkspaceConfig};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::{Deserialize, Deserializer, Serialize};
use web::App;
use web::error::{ApiError, ErrorKind};
use web::workspaces::{KeyOwner, RequestedWorkspace};

use crate::shown::new_key;
use crate::{Revised, configure, unknown_resource};

/// The longest time for which the key before a rotation is taken, in seconds: 90 days.
pub const OVERLAP_S_MAX: u64 = 90 * 86_400;

/// A source as it is shown.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownSource {
    /// Its name.
    pub name: String,
    /// Whether its messages are taken.
    pub enabled: bool,
    /// How many bearer tokens it has.
    pub n_bearer_tokens: usize,
    /// Until then the write key before this one is taken too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier_key_until: Option<Timestamp>,
    /// The write key, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_key: Option<String>,
    /// The types of its messages, others are rejected; missing for all types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_types: Option<Vec<MessageType>>,
    /// How many messages it may send in a second; missing for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Its tracking plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<TrackingPlan>,
    /// When its latest message arrived that was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<Timestamp>,
    /// How many messages it sent in the last hour, rejected ones included. Counted since the
    /// workspace was opened.
    pub messages_last_hour: u64,
}

/// What sources have sent, by their names.
#[derive(Default)]
struct Activity {
    last_messages: BTreeMap<String, Timestamp>,
    last_hour: BTreeMap<String, u64>,
}

impl Activity {
    fn of(engine: &Engine) -> Self {
        let last_messages = engine.snapshot().source_schemas.last_messages();
        Self { last_messages, last_hour: engine.messages_by_source() }
    }
}

impl ShownSource {
    fn without_key(source: &Source, activity: &Activity, now: Timestamp) -> Self {
        let until = source.earlier_key.as_ref().map(|earlier| earlier.until);
        Self {
            name: source.name.clone(),
            enabled: source.enabled,
            n_bearer_tokens: source.bearer_tokens.len(),
            earlier_key_until: until.filter(|until| *until > now),
            write_key: None,
            allowed_types: source.allowed_types.clone(),
            messages_per_second: source.messages_per_second,
            plan: source.plan.clone(),
            last_message_at: activity.last_messages.get(&source.name).copied(),
            messages_last_hour: activity.last_hour.get(&source.name).copied().unwrap_or(0),
        }
    }
}

/// What a source is made of.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSource {
    /// Its name.
    pub name: String,
    /// A random key is made where it is missing.
    pub write_key: Option<String>,
    /// Bearer tokens of server-side senders.
    #[serde(default)]
    pub bearer_tokens: Vec<String>,
    /// Whether its messages are taken; they are where it is missing.
    pub enabled: Option<bool>,
    /// The types of its messages; all where it is missing.
    pub allowed_types: Option<Vec<MessageType>>,
    /// How many messages it may send in a second; any number where it is missing.
    pub messages_per_second: Option<u32>,
    /// Its tracking plan.
    pub plan: Option<TrackingPlan>,
}

/// A change of a source. Keys that are missing stay as they are.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcePatch {
    /// Another name.
    pub name: Option<String>,
    /// Another write key; the present one is refused at once.
    pub write_key: Option<String>,
    /// Other bearer tokens.
    pub bearer_tokens: Option<Vec<String>>,
    /// Whether its messages are taken.
    pub enabled: Option<bool>,
    /// The types of its messages; `null` for all.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<MessageType>>)]
    pub allowed_types: Option<Option<Vec<MessageType>>>,
    /// How many messages it may send in a second; `null` for any number.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub messages_per_second: Option<Option<u32>>,
    /// Another tracking plan, as a whole; `null` removes it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<TrackingPlan>)]
    pub plan: Option<Option<TrackingPlan>>,
}

/// Reads a key that is there, so that `null` differs from a key that is missing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// How a write key is replaced by a new one.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// For how long the present key is taken, in seconds, at most [`OVERLAP_S_MAX`]; 0 refuses it
    /// at once.
    #[serde(default)]
    pub overlap_s: u64,
}

/// The sources of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(app: &App, workspace: &RequestedWorkspace) -> Result<Vec<ShownSource>, ApiError> {
    let now = app.access.now();
    let list = move |engine: &Engine| {
        let (config, activity) = (engine.config(), Activity::of(engine));
        let shown = |source| ShownSource::without_key(source, &activity, now);
        Ok(config.sources.iter().map(shown).collect())
    };
    workspace.run(list).await
}

/// A source.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    app: &App,
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownSource>, ApiError> {
    let now = app.access.now();
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let value = ShownSource::without_key(&find(&config, &name)?, &Activity::of(engine), now);
        Ok(Revised { value, revision: revisions.revision(&Resource::Source(name)) })
    };
    workspace.run(read).await
}

/// Makes a source. The answer has its write key.
///
/// # Errors
/// If the name or the key is taken or wrong.
pub async fn create(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    new: NewSource,
) -> Result<Revised<ShownSource>, ApiError> {
    let source = Source {
        name: new.name,
        write_key: new.write_key.unwrap_or_else(new_key),
        bearer_tokens: new.bearer_tokens,
        enabled: new.enabled.unwrap_or(true),
        earlier_key: None,
        allowed_types: new.allowed_types,
        messages_per_second: new.messages_per_second,
        plan: new.plan,
        oauth: None,
    };
    configure(app, workspace, move |app, engine| {
        put(app, engine, &source.name, &source, Expected::Absent)?;
        Ok(with_key(app, engine, source))
    })
    .await
}

/// Changes a source.
///
/// # Errors
/// As [`create`], and 404 where there is none of the name.
pub async fn update(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    patch: SourcePatch,
    expected: Expected,
) -> Result<Revised<ShownSource>, ApiError> {
    configure(app, workspace, move |app, engine| {
        let mut source = find(&engine.config(), &name)?;
        source.name = patch.name.unwrap_or(source.name);
        source.bearer_tokens = patch.bearer_tokens.unwrap_or(source.bearer_tokens);
        source.enabled = patch.enabled.unwrap_or(source.enabled);
        source.allowed_types = patch.allowed_types.unwrap_or(source.allowed_types);
        source.messages_per_second =
            patch.messages_per_second.unwrap_or(source.messages_per_second);
        source.plan = patch.plan.unwrap_or(source.plan);
        if let Some(write_key) = patch.write_key.filter(|key| *key != source.write_key) {
            source.rotate(write_key, None);
        }
        put(app, engine, &name, &source, expected)?;
        let shown = ShownSource::without_key(&source, &Activity::of(engine), app.access.now());
        Ok(Revised::now(engine, &Resource::Source(source.name), shown))
    })
    .await
}

/// Replaces the write key by a new one, which the answer has. One that an earlier rotation still
/// lets pass is refused from now on.
///
/// # Errors
/// 404 where there is no source of the name; if the overlap is too long.
pub async fn rotate(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    Rotation { overlap_s }: Rotation,
    expected: Expected,
) -> Result<Revised<ShownSource>, ApiError> {
    if overlap_s > OVERLAP_S_MAX {
        let message =
            format!("overlap_s is {overlap_s}, it must be 0 to {OVERLAP_S_MAX}, which is 90 days");
        return Err(ApiError::invalid(message).at("/overlap_s"));
    }
    configure(app, workspace, move |app, engine| {
        let mut source = find(&engine.config(), &name)?;
        let now = app.access.now();
        // At most 90 days: it fits.
        let until = Timestamp(now.0.saturating_add(overlap_s as i64 * 1_000));
        source.rotate(new_key(), (overlap_s > 0).then_some(until));
        put(app, engine, &name, &source, expected)?;
        Ok(with_key(app, engine, source))
    })
    .await
}

/// Refuses the key before the last rotation from now on.
///
/// # Errors
/// 404 where there is no source of the name.
pub async fn end_overlap(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |app, engine| {
        let source = Source { earlier_key: None, ..find(&engine.config(), &name)? };
        put(app, engine, &name, &source, expected)
    })
    .await
}

/// Removes a source: its messages are refused from now on.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |app, engine| {
        engine.change_config(ConfigChange::RemoveSource { name }, expected)?;
        app.workspaces.reload_sources();
        Ok(())
    })
    .await
}

/// A source after a change that made its key.
fn with_key(app: &App, engine: &Engine, source: Source) -> Revised<ShownSource> {
    let shown = ShownSource {
        write_key: Some(source.write_key.clone()),
        ..ShownSource::without_key(&source, &Activity::of(engine), app.access.now())
    };
    Revised::now(engine, &Resource::Source(source.name), shown)
}

fn put(
    app: &App,
    engine: &Engine,
    name: &str,
    source: &Source,
    expected: Expected,
) -> Result<(), ApiError> {
    match app.workspaces.owner(&source.write_key) {
        KeyOwner::Source((other, owner)) if other.id() == engine.id() && owner.name == name => {}
        KeyOwner::Nobody => {}
        KeyOwner::Source(_) | KeyOwner::Closed => {
            let message = format!(
                "source {:?}: write_key is that of another source: give each its own",
                source.name
            );
            return Err(ApiError::new(ErrorKind::WriteKeyTaken, message).at("/write_key"));
        }
        KeyOwner::PerhapsClosed => {
            return Err(ApiError::unavailable(format!(
                "source {:?}: write_key may be that of a workspace that could not be opened: mend that one first, see /readyz",
                source.name
            )));
        }
    }
    engine.change_config(ConfigChange::put_source(name, source), expected)?;
    app.workspaces.reload_sources();
    Ok(())
}

pub(crate) fn find(config: &WorkspaceConfig, name: &str) -> Result<Source, ApiError> {
    config.source(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
        unknown_resource("source", name, &names)
    })
}
