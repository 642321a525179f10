//! Accounts of people: companies and teams that group messages name. What each has, who belongs to
//! it, and what they did lately.

use domain::{Timestamp, UserIdx};
use engine::{Engine, TimelineQuery};
use serde::Serialize;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::people::{ShownComputedTrait, ShownPerson, ShownTrait, shown_traits, shown_values};
use crate::timeline::ShownEvent;

/// What the name of an account in paths begins with, before its group id.
pub const NAME_PREFIX: &str = "group_id:";
/// The longest page of members.
pub const MEMBERS_MAX: usize = 200;
/// How many accounts a search finds at most.
pub(crate) const FOUND_MAX: usize = 20;
/// How many events of its members are shown of an account.
const EVENTS_SHOWN: usize = 20;

/// What is known of an account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GroupAccount {
    /// The group id.
    pub id: String,
    /// The name, from traits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the first group message that names it arrived.
    pub created_at: Timestamp,
    /// The source of that message.
    pub first_source: String,
    /// When the latest group message that names it arrived.
    pub updated_at: Timestamp,
    /// The traits that sources have set, by key.
    pub traits: Vec<ShownTrait>,
    /// The values of computed traits, by key.
    pub computed_traits: Vec<ShownComputedTrait>,
    /// The latest 20 events of its members, newest first. Of an account with more than 1,000
    /// members, those of the first 1,000.
    pub events: Vec<ShownEvent>,
}

/// A page of the members of an account.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct GroupMembersPage {
    /// The members, in the order in which they became known.
    pub members: Vec<ShownPerson>,
    /// The parameter `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An account that a search has found.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FoundAccount {
    /// The group id.
    pub id: String,
    /// The name, from traits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl GroupAccount {
    /// What it is called: by name or group id.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Its name in paths.
    pub fn path_name(&self) -> String {
        path_name(&self.id)
    }
}

impl FoundAccount {
    /// What it is called: by name or group id.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Its name in paths.
    pub fn path_name(&self) -> String {
        path_name(&self.id)
    }
}

/// The name of an account in paths.
pub fn path_name(group_id: &str) -> String {
    format!("{NAME_PREFIX}{group_id}")
}

/// What is known of an account, by `group_id:ID` or the group id alone.
///
/// # Errors
/// 404 where no message has named it.
pub async fn read(workspace: &RequestedWorkspace, name: String) -> Result<GroupAccount, ApiError> {
    let read = move |engine: &Engine| {
        let id = resolve(engine, &name)?;
        let query =
            TimelineQuery { with_others: true, limit: EVENTS_SHOWN, ..TimelineQuery::default() };
        let (events, _) = engine.account_events(&id, &query)?;
        let snapshot = engine.snapshot();
        let account = snapshot.account(&id)?.ok_or_else(|| unknown(&id))?;
        Ok(GroupAccount {
            name: snapshot.account_name(&id)?,
            created_at: account.created_at,
            first_source: account.first_source,
            updated_at: account.updated_at,
            traits: shown_traits(snapshot.account_traits(&id)?),
            computed_traits: shown_values(snapshot.computed_traits_of_account(&id)?),
            events: events.iter().map(|event| ShownEvent::new(&event.message)).collect(),
            id,
        })
    };
    workspace.ask(read).await
}

/// A page of at most `limit` members of an account, behind the person `after`.
///
/// # Errors
/// 404 where no message has named it.
pub async fn members(
    workspace: &RequestedWorkspace,
    name: String,
    after: Option<u32>,
    limit: usize,
) -> Result<GroupMembersPage, ApiError> {
    let read = move |engine: &Engine| {
        let id = resolve(engine, &name)?;
        let mut found = engine.snapshot().account_members(&id, after.map(UserIdx), limit + 1)?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| last.0);
        let mut members = Vec::with_capacity(found.len());
        for user in found {
            members.extend(ShownPerson::new(engine, user)?);
        }
        Ok(GroupMembersPage { members, next })
    };
    workspace.ask(read).await
}

/// The accounts whose group ids begin with a text, the one with the whole text first.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn find(engine: &Engine, text: &str) -> Result<Vec<FoundAccount>, ApiError> {
    let mut found = Vec::new();
    if text.is_empty() {
        return Ok(found);
    }
    let snapshot = engine.snapshot();
    for id in snapshot.accounts_starting_with(text, FOUND_MAX)? {
        let name = snapshot.account_name(&id)?;
        found.push(FoundAccount { id, name });
    }
    Ok(found)
}

fn resolve(engine: &Engine, name: &str) -> Result<String, ApiError> {
    let snapshot = engine.snapshot();
    for id in name.strip_prefix(NAME_PREFIX).into_iter().chain([name]) {
        if snapshot.account(id)?.is_some() {
            return Ok(id.to_owned());
        }
    }
    Err(unknown(name))
}

fn unknown(name: &str) -> ApiError {
    ApiError::not_found(format!(
        "there is no account {name:?}: group messages make accounts, in a workspace with identity \
         rules"
    ))
}
