//! Audiences: their conditions, and who belongs to them.

use std::sync::Arc;

use conditions::Condition;
use domain::quantity::grouped;
use domain::{
    AudienceDefinition, ComputedTraitOf, LikelyAudience, LikelyTarget, SyncSettings, Timestamp,
    UserIdx, WorkspaceConfig,
};
use engine::{
    ConfigChange, Engine, Expected, HistoryProgress, Resource, Snapshot, question_of_audience,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use web::App;
use web::error::ApiError;
use web::json;
use web::workspaces::RequestedWorkspace;

use crate::configuration::{in_use, put_resource, remove, without_shown};
use crate::people::resolve;
use crate::syncs::check_sync;
use crate::{Revised, configure, unknown_resource};

/// The longest page of members.
pub const MEMBERS_MAX: usize = 1_000;
/// The most days in which people left who are listed.
pub const LEFT_DAYS_MAX: u32 = 3_650;
const DAY_MS: i64 = 86_400_000;

/// An audience.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Audience {
    /// The key by which profiles, conditions and destinations name it.
    pub key: String,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The condition as text; none where it is made of items.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// The condition as JSON.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<Object>)]
    pub condition_json: Value,
    /// The items on which its people are likely to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely: Option<LikelyAudience>,
    /// What `likely` names and the workspace does not know: items, the property, or its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// When its people were last looked for, where it is made of items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_search: Option<LastSearch>,
    /// The keys of the audiences that name it.
    pub used_by: Vec<String>,
    /// How many people belong to it.
    pub n_members: u64,
    /// Whether it is known of everybody whether they belong to it. Just after a change it is not.
    pub is_worked_out: bool,
    /// How far the properties of past events were read; absent where none are to be read. Whose are
    /// unread stays a member or none until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryRead>,
    /// The destinations that are told who enters and leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSettings>,
}

/// The keys of an audience that are shown and not put.
const SHOWN_ALONE: [&str; 7] = [
    "condition_json",
    "unknown",
    "last_search",
    "used_by",
    "n_members",
    "is_worked_out",
    "history",
];

/// How far past events were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct HistoryRead {
    /// The people whose past events must be read, as far as they were looked for.
    pub people: u64,
    /// Of how many of them that is done.
    pub read: u64,
}

impl HistoryRead {
    /// How far the past is read; none before anybody is found whose past is to be read.
    pub(crate) fn of(progress: Option<HistoryProgress>) -> Option<Self> {
        let progress = progress.filter(|progress| progress.n_people > 0)?;
        Some(Self { people: progress.n_people, read: progress.n_read })
    }
}

/// The last search for the people of an audience that is made of items.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LastSearch {
    /// When it ended.
    pub at: Timestamp,
    /// The version of the model; none before the first training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many people had any interest in the items.
    pub n_interested: u64,
}

impl Audience {
    /// Who belongs to it, in words or as the text of its condition.
    pub fn described(&self) -> String {
        self.likely.as_ref().map_or_else(|| self.condition.clone(), describe_likely)
    }
}

/// Who belongs to an audience that is made of items.
pub fn describe_likely(likely: &LikelyAudience) -> String {
    let items = match likely.target() {
        Ok(LikelyTarget::Items([item])) => format!("item {item:?}"),
        Ok(LikelyTarget::Items(items)) => format!("one of {} items", items.len()),
        Ok(LikelyTarget::Property(property, value)) => format!("{property} {value:?}"),
        Ok(LikelyTarget::Filter(filter)) => format!("items with {filter}"),
        Err(mistake) => return mistake,
    };
    let among = likely.among.iter().map(|key| format!(", in audience {key}"));
    let among: String = among.collect();
    format!("the {} people most likely to act on {items}{among}", grouped(u64::from(likely.size)))
}

/// What an audience is made of: exactly one of `condition` and `likely` is given.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceBody {
    /// The key, as in the path.
    pub key: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// The condition: a text, or its JSON form.
    pub condition: Option<Value>,
    /// The items on which its people are likely to act.
    pub likely: Option<LikelyAudience>,
    /// The destinations that are told who enters and leaves; none if absent.
    pub sync: Option<SyncSettings>,
}

/// A member of an audience.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Member {
    /// The type of the id: user_id, or anonymous_id for somebody without a user id.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
    /// Since when the person belongs to the audience, or did.
    pub entered: Timestamp,
    /// When the person left it; absent for those who belong to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
}

/// A page of members.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MembersPage {
    /// The members, in the order in which they became known.
    pub members: Vec<Member>,
    /// Where the next page begins; none on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An audience, as it concerns a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonAudience {
    /// The key of the audience.
    pub key: String,
    /// Whether the person belongs to it.
    pub is_member: bool,
    /// The times during which they did, the first one first; the latest 100 that are over.
    pub stays: Vec<PersonStay>,
}

/// A time during which a person belonged to an audience.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct PersonStay {
    /// Its first instant.
    pub entered: Timestamp,
    /// The first instant after it; none while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
}

/// The audiences of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Vec<Audience>, ApiError> {
    let list = |engine: &Engine| {
        let config = engine.config();
        Ok(config.audiences.iter().map(|definition| show(engine, definition)).collect())
    };
    workspace.run(list).await
}

/// An audience.
///
/// # Errors
/// 404 where there is none of the key.
pub async fn read(
    workspace: &RequestedWorkspace,
    key: String,
) -> Result<Revised<Audience>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let definition = config.audience(&key).ok_or_else(|| unknown(engine, &key))?;
        let value = show(engine, definition);
        Ok(Revised { value, revision: revisions.revision(&Resource::Audience(key)) })
    };
    workspace.run(read).await
}

/// Reads an audience from JSON, with or without its key, which must not be another one.
///
/// # Errors
/// If it is none, with the place in its condition.
pub fn parse(key: &str, body: &[u8]) -> Result<AudienceDefinition, ApiError> {
    let subject = format!("audience {key:?}");
    let body: AudienceBody = json::read(&without_shown(body, &SHOWN_ALONE), &subject)?;
    if let Some(other) = body.key.filter(|other| other != key) {
        let what = format!("{subject}: key is {other:?}, but the path says {key:?}");
        return Err(ApiError::invalid(what).at("/key"));
    }
    let condition = body.condition.as_ref();
    let condition =
        condition.map(|text| parse_condition(text, &format!("{subject}: "))).transpose()?;
    Ok(AudienceDefinition {
        key: key.to_owned(),
        name: body.name,
        condition: condition.map(|condition| condition.to_string()).unwrap_or_default(),
        likely: body.likely,
        sync: body.sync,
    })
}

/// Reads a condition from its text or its JSON form. The message of an error begins with `subject`.
pub(crate) fn parse_condition(condition: &Value, subject: &str) -> Result<Condition, ApiError> {
    let parsed = match condition {
        Value::String(text) => text.parse(),
        json => Condition::from_json(json),
    };
    parsed.map_err(|error| {
        let place = if error.place.starts_with('/') { error.place.as_str() } else { "" };
        let what = format!("{subject}condition: {error}");
        ApiError::invalid(what).at(format!("/condition{place}"))
    })
}

/// Makes or replaces an audience. The answer has it as it is stored, and whether it is new. Who
/// belongs to it is worked out behind the answer.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    definition: AudienceDefinition,
    expected: Expected,
) -> Result<(Revised<Audience>, bool), ApiError> {
    let sync = definition.sync.clone();
    workspace.run(move |engine: &Engine| check_sync(engine, sync.as_ref())).await?;
    let change = ConfigChange::put_audience(&definition);
    put_resource(app, workspace, change, expected, move |engine| show(engine, &definition)).await
}

/// Removes an audience.
///
/// # Errors
/// 404 where there is none of the key; 409 where another audience or a trait names it.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    key: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| {
        if let Some(by) = named_by(&engine.config(), &key).first() {
            return Err(in_use(format!(
                "audience {key:?} is named by the audience {by:?}: change that first"
            )));
        }
        remove(engine, ConfigChange::RemoveAudience { key }, expected)
    })
    .await
}

/// A page of members behind the person `after`; with `left_days` of those who left in so many days,
/// at most [`LEFT_DAYS_MAX`], and are not back.
///
/// # Errors
/// 404 where there is no such audience; 400 for more days.
pub async fn members(
    workspace: &RequestedWorkspace,
    key: String,
    left_days: Option<u32>,
    after: Option<u32>,
    limit: usize,
) -> Result<MembersPage, ApiError> {
    if let Some(days) = left_days.filter(|days| !(1..=LEFT_DAYS_MAX).contains(days)) {
        let what = format!("left_days is {days}, and may be from 1 to {LEFT_DAYS_MAX}");
        return Err(ApiError::invalid(what).of_parameter("left_days"));
    }
    let read = move |engine: &Engine| {
        if engine.config().audience(&key).is_none() {
            return Err(unknown(engine, &key));
        }
        let left_since = left_days.map(|days| Timestamp(engine.now().0 - i64::from(days) * DAY_MS));
        let snapshot = engine.snapshot();
        let (found, next) = find_members(&snapshot, &key, left_since, after, limit)?;
        let mut members = Vec::new();
        for (user, entered, left) in found {
            let identifiers = snapshot.identifiers(user)?.into_iter();
            if let Some(id) = identifiers.min_by_key(|id| id.type_) {
                let type_ = id.type_.word().to_owned();
                members.push(Member { type_, id: id.value, entered, left });
            }
        }
        Ok(MembersPage { members, next })
    };
    workspace.run(read).await
}

/// Members, each with the instants at which they entered and left, and where the next page begins.
type FoundMembers = (Vec<(UserIdx, Timestamp, Option<Timestamp>)>, Option<u32>);

fn find_members(
    snapshot: &Snapshot<'_>,
    key: &str,
    left_since: Option<Timestamp>,
    after: Option<u32>,
    limit: usize,
) -> Result<FoundMembers, ApiError> {
    let after = after.map(UserIdx);
    if let Some(since) = left_since {
        let page = snapshot.former_audience_members(key, since, after, limit)?;
        let people = page.people.into_iter().map(|one| (one.user, one.entered, Some(one.left)));
        return Ok((people.collect(), page.next.map(|next| next.0)));
    }
    let mut found = snapshot.audience_members(key, after, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().map(|member| member.user.0).filter(|_| has_more);
    let people = found.into_iter().map(|member| (member.user, member.entered, None));
    Ok((people.collect(), next))
}

/// The audiences to which a person belongs, or did.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn of_person(
    workspace: &RequestedWorkspace,
    person: String,
) -> Result<Vec<PersonAudience>, ApiError> {
    let read = move |engine: &Engine| {
        let user = resolve(engine, &person)?;
        let snapshot = engine.snapshot();
        let mut audiences = Vec::new();
        for (key, stays) in snapshot.audience_stays(user)? {
            let is_member = stays.last().is_some_and(|stay| stay.left.is_none());
            let stays = stays.into_iter();
            let stays = stays.map(|stay| PersonStay { entered: stay.entered, left: stay.left });
            audiences.push(PersonAudience { key, is_member, stays: stays.collect() });
        }
        Ok(audiences)
    };
    workspace.run(read).await
}

fn show(engine: &Engine, definition: &AudienceDefinition) -> Audience {
    let condition: Option<Condition> = definition.condition.parse().ok();
    let unknown = definition.likely.as_ref().map(|likely| engine.unknown_likely(likely));
    let snapshot = engine.snapshot();
    let used_by = named_by(&snapshot.setup.config, &definition.key);
    let question = question_of_audience(&definition.key).to_string();
    let asked = snapshot.answers.questions().get(&question);
    let last_search = asked.and_then(|asked| asked.last.as_ref()).map(|last| LastSearch {
        at: last.at,
        model: last.model.clone(),
        n_interested: last.n_interested,
    });
    Audience {
        key: definition.key.clone(),
        name: definition.name.clone(),
        condition: definition.condition.clone(),
        condition_json: condition.map(|condition| condition.to_json()).unwrap_or_default(),
        likely: definition.likely.clone(),
        // Values that cannot be grouped are told where the people are looked for.
        unknown: unknown.and_then(Result::ok).unwrap_or_default(),
        last_search,
        used_by,
        n_members: snapshot.audiences.n_members(&definition.key).unwrap_or_default(),
        is_worked_out: snapshot.is_worked_out(&definition.key),
        history: HistoryRead::of(snapshot.audience_history(&definition.key)),
        sync: definition.sync.clone(),
    }
}

/// The keys of the audiences that name an audience.
fn named_by(config: &WorkspaceConfig, key: &str) -> Vec<String> {
    let names = |other: &&AudienceDefinition| {
        if let Some(likely) = &other.likely {
            return likely.among.as_deref() == Some(key);
        }
        let condition: Result<Condition, _> = other.condition.parse();
        condition.is_ok_and(|condition| condition.audiences().contains(&key))
    };
    config.audiences.iter().filter(names).map(|other| other.key.clone()).collect()
}

/// Checks that no condition of an audience names a trait, before it goes.
///
/// # Errors
/// 409 with the audience that does.
pub(crate) fn check_unasked(
    config: &WorkspaceConfig,
    word: &str,
    key: &str,
) -> Result<(), ApiError> {
    let of = config.computed_trait(key).map(|computed| computed.of).unwrap_or_default();
    let names = |audience: &&AudienceDefinition| {
        let condition: Result<Condition, _> = audience.condition.parse();
        condition.is_ok_and(|condition| match of {
            ComputedTraitOf::People => condition.trait_keys().contains(&key),
            ComputedTraitOf::Accounts => condition.account_keys().contains(&key),
        })
    };
    match config.audiences.iter().find(names) {
        None => Ok(()),
        Some(AudienceDefinition { key: by, .. }) => Err(in_use(format!(
            "{word} {key:?} is named by the condition of the audience {by:?}: change that first"
        ))),
    }
}

pub(crate) fn unknown(engine: &Engine, key: &str) -> ApiError {
    let config = engine.config();
    let keys: Vec<&str> = config.audiences.iter().map(|audience| audience.key.as_str()).collect();
    unknown_resource("audience", key, &keys)
}
