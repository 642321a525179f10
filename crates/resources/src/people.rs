//! People: found by an id or what identifies them, and what is known of each.

use std::sync::Arc;

use domain::{Endpoint, InteractionKind, Timestamp, UserIdx};
use engine::{
    ComputedValue, Engine, EntityKind, ExternalId, ExternalIdType, ListQuestions, MergeCause,
    PreviewedEntries, RecommendationRequest, RequestBudget, StoredTrait, TermKind,
};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::group_accounts::{self, FoundAccount};
use crate::timeline::{TimelineFilter, TimelinePage};

/// How many people a search finds at most.
pub const FOUND_MAX: usize = 50;
/// How many people are listed who were active lately.
pub const RECENT_MAX: usize = 25;
/// How many items a search finds at most.
const ITEMS_FOUND_MAX: usize = 20;
/// The longest page of interactions.
pub const INTERACTIONS_MAX: usize = 100;

/// A person at a glance.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownPerson {
    /// The type of the id: user_id, or anonymous_id for somebody without a user id.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
    /// The name, from traits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The e-mail address, from traits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The number of interactions, of the latest 500.
    pub n_interactions: usize,
    /// Whether there are older ones, which are not counted.
    pub has_older_interactions: bool,
    /// When the latest message or interaction happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// By what a search has found the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by: Option<FoundBy>,
}

/// By what a search has found a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FoundBy {
    /// The type of the id, or the key of the trait.
    pub key: String,
    /// The whole id or value of the trait.
    pub text: String,
    /// Whether it is the searched text, apart from upper and lower case.
    pub is_whole: bool,
}

/// All that is known of a person, apart from what happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Profile {
    /// The person at a glance.
    #[serde(flatten)]
    pub person: ShownPerson,
    /// When the first message or command about the person arrived.
    pub created_at: Timestamp,
    /// The source of that message; empty for imports and commands.
    pub first_source: String,
    /// The external ids, user ids first.
    pub identifiers: Vec<ShownIdentifier>,
    /// The traits that sources have set, by key.
    pub traits: Vec<ShownTrait>,
    /// The values of computed traits, by key.
    pub computed_traits: Vec<ShownComputedTrait>,
    /// The accounts that the person belongs to, by group messages, in the order of their ids.
    pub accounts: Vec<ShownAccount>,
    /// The profiles that were merged into this one, the latest first.
    pub merges: Vec<ShownMerge>,
    /// The events among the latest 1,000 messages, the most frequent first.
    pub events: Vec<EventCount>,
    /// Whether there are older messages, which were not counted.
    pub has_older_messages: bool,
}

/// An external id.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownIdentifier {
    /// The type.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
    /// When it was linked to the person.
    pub created_at: Timestamp,
    /// The source that brought it; empty for imports and commands.
    pub source: String,
}

/// A trait.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ShownTrait {
    /// The key.
    pub key: String,
    /// The value, as sent.
    #[schema(value_type = serde_json::Value)]
    pub value: Box<RawValue>,
    /// The source that has set it.
    pub source: String,
    /// The time of the message that has set it.
    pub updated_at: Timestamp,
}

/// A computed trait of a person.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownComputedTrait {
    /// The key.
    pub key: String,
    /// A number, a text, true or false, a list of these, or null where there is no value.
    pub value: Value,
    /// Since when it is this one.
    pub changed_at: Timestamp,
}

/// An account that a person belongs to.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownAccount {
    /// The group id.
    pub id: String,
    /// The name, from the traits of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the first message that says so arrived.
    pub since: Timestamp,
    /// The source of that message.
    pub source: String,
    /// The values of the computed traits of the account, by key.
    pub computed_traits: Vec<ShownComputedTrait>,
}

/// A profile that was merged into another.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownMerge {
    /// When it was merged.
    pub at: Timestamp,
    /// The type of the id that the profile went by; absent where it had lost all.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many external ids it had.
    pub n_ids: usize,
    /// What merged it: the type of the message, or "command".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'static str>,
    /// The source of the message; empty for commands.
    pub source: String,
    /// The id of the message; empty for commands.
    pub message_id: String,
}

/// How often something happened.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EventCount {
    /// The name of the event.
    pub event: String,
    /// How often.
    pub count: u64,
}

/// A page of interactions, newest first.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct InteractionsPage {
    /// The interactions.
    pub interactions: Vec<ShownInteraction>,
    /// The number of interactions in memory, of which the page is a part.
    pub total: usize,
    /// Whether there are older ones, which only the timeline has.
    pub has_older: bool,
}

/// An interaction with an item.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownInteraction {
    /// The item.
    pub item: ShownItem,
    /// What the person did.
    pub kind: InteractionKind,
    /// When, to the second.
    pub at: Timestamp,
}

/// An item by its id and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema, Default)]
#[schema(as = TitledItem)]
pub struct ShownItem {
    /// The id.
    pub id: String,
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who it is from, and of which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The address of its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl ShownItem {
    /// An item by its id, known or not.
    pub fn new(engine: &Engine, id: &str) -> Self {
        let label = engine.snapshot().item_label(id);
        let (title, detail, picture) = (label.title, label.detail, label.picture);
        Self { id: id.to_owned(), title, detail, picture }
    }

    /// The title, or else the id.
    pub fn name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }
}

impl ShownPerson {
    /// None for a person who was deleted or merged meanwhile.
    pub(crate) fn new(engine: &Engine, user: UserIdx) -> Result<Option<Self>, ApiError> {
        let Some(summary) = engine.snapshot().person_summary(user)? else { return Ok(None) };
        Ok(Some(Self {
            type_: summary.type_.word().to_owned(),
            id: summary.id,
            name: summary.name,
            email: summary.email,
            n_interactions: summary.n_interactions,
            has_older_interactions: summary.has_older,
            last_seen: summary.last_seen,
            found_by: None,
        }))
    }

    /// What the person is called: by name, address or id.
    pub fn title(&self) -> &str {
        self.name.as_deref().or(self.email.as_deref()).unwrap_or(&self.id)
    }

    /// The name of the profile in paths: `type:id`, which no other profile has.
    pub fn path_name(&self) -> String {
        format!("{}:{}", self.type_, self.id)
    }
}

/// Finds people by an id, an e-mail address or another trait that identifies them, or by how one
/// begins: those with the whole text first.
///
/// # Errors
/// If the store cannot be read.
pub(crate) fn find(engine: &Engine, text: &str) -> Result<Vec<ShownPerson>, ApiError> {
    let found = engine.snapshot().search_people(text, FOUND_MAX)?;
    let mut people = Vec::with_capacity(found.len());
    for found in found {
        let Some(person) = ShownPerson::new(engine, found.user)? else { continue };
        let found_by = FoundBy {
            key: found.kind.word().to_owned(),
            text: found.text,
            is_whole: found.is_whole,
        };
        // The id of the person itself needs no words.
        let is_own = matches!(found.kind, TermKind::Id(_)) && found_by.text == person.id;
        let found_by = Some(found_by).filter(|by| !is_own || by.is_whole);
        people.push(ShownPerson { found_by, ..person });
    }
    Ok(people)
}

/// As [`find`], for a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn search(
    workspace: &RequestedWorkspace,
    text: String,
) -> Result<Vec<ShownPerson>, ApiError> {
    workspace.ask(move |engine| find(engine, &text)).await
}

/// The people of whom the latest entries of the journal tell.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn recent(workspace: &RequestedWorkspace) -> Result<Vec<ShownPerson>, ApiError> {
    let recent = |engine: &Engine| {
        let people = engine.recent_people(RECENT_MAX)?;
        let shown = people.into_iter().map(|user| ShownPerson::new(engine, user));
        Ok(shown.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    };
    workspace.ask(recent).await
}

/// Resolves the name of a profile: `type:id`, or an id alone, which is a user id or else an
/// anonymous id.
///
/// # Errors
/// 404 where nobody has the id.
pub fn resolve(engine: &Engine, name: &str) -> Result<UserIdx, ApiError> {
    let typed = name.split_once(':').and_then(|(type_, value)| {
        let type_ = ExternalIdType::from_word(type_)?;
        engine.user(ExternalId { type_, value })
    });
    typed
        .or_else(|| engine.find_user(name))
        .ok_or_else(|| ApiError::not_found(format!("nobody has the id {name:?}")))
}

/// What is known of a person.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn read(workspace: &RequestedWorkspace, name: String) -> Result<Profile, ApiError> {
    workspace.ask(move |engine| read_profile(engine, resolve(engine, &name)?)).await
}

fn read_profile(engine: &Engine, user: UserIdx) -> Result<Profile, ApiError> {
    let gone = || ApiError::not_found("the person was merged or deleted just now: ask again");
    let person = ShownPerson::new(engine, user)?.ok_or_else(gone)?;
    let metadata = engine.metadata(user)?.ok_or_else(gone)?;
    let identifiers = engine.snapshot().identifiers(user)?;
    let traits = engine.snapshot().stored_traits(user)?;
    let counted = engine.count_events(user)?;
    let mut events: Vec<EventCount> =
        counted.counts.into_iter().map(|(event, count)| EventCount { event, count }).collect();
    events.sort_by(|one, other| other.count.cmp(&one.count).then(one.event.cmp(&other.event)));
    let mut merges: Vec<ShownMerge> = Vec::new();
    for (merge, cause) in engine.merges(user)? {
        let (type_, id) = merge.merged.map(|(type_, id)| (type_.word().to_owned(), id)).unzip();
        merges.push(ShownMerge {
            at: merge.at,
            type_,
            id,
            n_ids: merge.n_ids,
            by: cause.map(|cause| match cause {
                MergeCause::Message(type_) => type_.word(),
                MergeCause::Command => "command",
            }),
            source: merge.source,
            message_id: merge.message_id,
        });
    }
    merges.reverse();
    Ok(Profile {
        person,
        created_at: metadata.profile.created_at,
        first_source: metadata.profile.first_source,
        identifiers: identifiers
            .into_iter()
            .map(|id| ShownIdentifier {
                type_: id.type_.word().to_owned(),
                id: id.value,
                created_at: id.created_at,
                source: id.source,
            })
            .collect(),
        traits: shown_traits(traits),
        computed_traits: shown_values(engine.snapshot().computed_traits(user)?),
        accounts: accounts(engine, user)?,
        merges,
        events,
        has_older_messages: counted.has_older,
    })
}

fn accounts(engine: &Engine, user: UserIdx) -> Result<Vec<ShownAccount>, ApiError> {
    let snapshot = engine.snapshot();
    let mut accounts = Vec::new();
    for link in snapshot.accounts_of(user)? {
        let name = snapshot.account_name(&link.group_id)?;
        let (since, source) = (link.created_at, link.source);
        let computed_traits = shown_values(snapshot.computed_traits_of_account(&link.group_id)?);
        accounts.push(ShownAccount { id: link.group_id, name, since, source, computed_traits });
    }
    Ok(accounts)
}

pub(crate) fn shown_traits(traits: Vec<(String, StoredTrait)>) -> Vec<ShownTrait> {
    let shown = |(key, stored): (String, StoredTrait)| {
        let value = RawValue::from_string(stored.json).ok()?;
        Some(ShownTrait { key, value, source: stored.source, updated_at: stored.updated_at })
    };
    traits.into_iter().filter_map(shown).collect()
}

pub(crate) fn shown_values(values: Vec<(String, ComputedValue)>) -> Vec<ShownComputedTrait> {
    let shown =
        |(key, ComputedValue { value, changed_at })| ShownComputedTrait { key, value, changed_at };
    values.into_iter().map(shown).collect()
}

/// A page of what happened to a person: events, and messages that set traits or link ids.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn timeline(
    workspace: &RequestedWorkspace,
    name: String,
    filter: TimelineFilter,
) -> Result<TimelinePage, ApiError> {
    let read = move |engine: &Engine| {
        let user = resolve(engine, &name)?;
        TimelinePage::read(engine, user, &filter)
    };
    workspace.ask(read).await
}

/// A page of a person's interactions with items, newest first, after the first `offset`.
///
/// # Errors
/// 404 where nobody has the id.
pub async fn interactions(
    workspace: &RequestedWorkspace,
    name: String,
    offset: usize,
    limit: usize,
) -> Result<InteractionsPage, ApiError> {
    let read = move |engine: &Engine| {
        let user = resolve(engine, &name)?;
        let gone = || ApiError::not_found("the person was merged or deleted just now: ask again");
        let person = ShownPerson::new(engine, user)?.ok_or_else(gone)?;
        let history = engine.snapshot().history(user, offset.saturating_add(limit));
        let interactions = history.into_iter().skip(offset).map(|entry| ShownInteraction {
            item: ShownItem::new(engine, &entry.item_id),
            kind: entry.kind,
            at: entry.at,
        });
        Ok(InteractionsPage {
            interactions: interactions.collect(),
            total: person.n_interactions,
            has_older: person.has_older_interactions,
        })
    };
    workspace.ask(read).await
}

/// Fails where nobody has the id.
///
/// # Errors
/// 404.
pub async fn check(workspace: &RequestedWorkspace, name: String) -> Result<(), ApiError> {
    workspace.ask(move |engine| resolve(engine, &name).map(|_| ())).await
}

/// What a search for people, items and accounts has found.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// The people, as [`search`] finds them.
    pub people: Vec<ShownPerson>,
    /// The items: the one with the text as its id, or else those that match a text search.
    pub items: Vec<ShownItem>,
    /// Whether the text is the id of the item.
    pub is_item_id: bool,
    /// The accounts whose group ids begin with the text, the one with the whole text first.
    pub accounts: Vec<FoundAccount>,
}

/// Finds people, items and accounts.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn search_everything(
    workspace: &RequestedWorkspace,
    text: String,
) -> Result<Found, ApiError> {
    let search = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        let people = find(engine, &text)?;
        let accounts = group_accounts::find(engine, &text)?;
        let is_item_id = engine.snapshot().has_entity(EntityKind::Item, &text);
        if is_item_id {
            let items = vec![ShownItem::new(engine, &text)];
            return Ok(Found { people, items, is_item_id, accounts });
        }
        let request = RecommendationRequest {
            search_query: Some(text),
            ..RecommendationRequest::new(Endpoint::SearchItems, ITEMS_FOUND_MAX)
        };
        let items = match engine
            .preview_recommendations(&request, ListQuestions::default(), budget)?
            .list
            .entries
        {
            PreviewedEntries::Items(items) => items,
            PreviewedEntries::Others(_) => Vec::new(),
        };
        let items = items.iter().map(|item| ShownItem::new(engine, &item.item_id)).collect();
        Ok(Found { people, items, is_item_id, accounts })
    };
    workspace.make_lists(search).await
}
