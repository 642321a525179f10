//! Entries as lists show them.

use std::collections::BTreeMap;

use domain::{ENGINE_DESTINATION, Message, MessageType, Rejection, Timestamp, counted};
use engine::{AppliedEntry, Command, Entry, Outcome, Resource, Snapshot, SubscriptionStatement};
use mapping::Mappings;
use serde::{Deserialize, Serialize};

use super::Effect;
use super::excerpt::Excerpt;

/// The most items of one entry whose titles are looked up.
const TITLES_MAX: usize = 20;

/// Where an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveKind {
    /// A message of a source, over the tracking API.
    Message,
    /// A change by a call of the recommender API or the admin API, or by the console.
    Call,
    /// A part of an import of interactions.
    Import,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveOutcome {
    /// It was applied.
    Accepted,
    /// It was applied, but a mapping failed on it or its ids could not be linked.
    AppliedInPart,
    /// A message with its id came before. It changed nothing.
    Duplicate,
    /// The message has a mistake. It changed nothing.
    Rejected,
    /// The call does not fit what is there. It changed nothing.
    Refused,
    /// It was taken. Whether it was a duplicate, or refused, is not known any more: outcomes are
    /// kept since the start of the server.
    Unknown,
}

impl LiveOutcome {
    /// All outcomes.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::AppliedInPart,
        Self::Duplicate,
        Self::Rejected,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word in parameters and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AppliedInPart => "applied_in_part",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    fn of(outcome: Option<&Outcome>) -> Self {
        match outcome {
            None => Self::Unknown,
            Some(Outcome::Applied | Outcome::Interactions { .. }) => Self::Accepted,
            Some(Outcome::AppliedInPart) => Self::AppliedInPart,
            Some(Outcome::Duplicate) => Self::Duplicate,
            Some(Outcome::NothingStaged | Outcome::Suppressed | Outcome::Refused(_)) => {
                Self::Refused
            }
        }
    }
}

/// A message, call or import.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct LiveEntry {
    /// Its place in the journal, which identifies it.
    pub offset: u64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Where it comes from.
    pub kind: LiveKind,
    /// What became of it.
    pub outcome: LiveOutcome,
    /// The code of the reason, where it was rejected or applied in part.
    pub reason: Option<&'static str>,
    /// More about the outcome, in words.
    pub detail: Option<String>,
    /// The name of the source of a message.
    pub source: Option<String>,
    /// The type of a message.
    #[serde(rename = "type")]
    pub type_: Option<MessageType>,
    /// The event of a track, `Page Viewed` and the like of other messages, the name of a call.
    pub event: Option<String>,
    /// The name of a page or screen.
    pub name: Option<String>,
    /// The sender's id of a known user; of a call, the user it is about.
    pub user_id: Option<String>,
    /// The sender's id of a browser or device.
    pub anonymous_id: Option<String>,
    /// The message's id.
    pub message_id: Option<String>,
    /// What it did. Of a duplicate and of what was rejected or refused: nothing.
    pub effects: Vec<Effect>,
    /// The properties of an event that were added from the catalog when it arrived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enriched: Vec<String>,
    /// Whether the mappings were changed after the message: the effects are those that it would
    /// have now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_mapped_anew: bool,
    /// The titles of items of the effects by their ids, as they are now, for pages.
    #[serde(skip)]
    pub titles: BTreeMap<String, String>,
}

/// The place in the journal where the mappings of our own engine were changed last; none where they
/// are those of the beginning.
fn mappings_changed_at(views: &Snapshot<'_>) -> Option<u64> {
    views.setup.config.destination(ENGINE_DESTINATION)?;
    let destination = Resource::Destination(ENGINE_DESTINATION.to_owned());
    Some(views.setup.config_revisions.revision(&destination))
}

impl LiveEntry {
    /// None for entries of other kinds: training, catalog imports, configuration and the like have
    /// places of their own.
    pub(super) fn new(applied: AppliedEntry, mappings: &Mappings) -> Option<Self> {
        let AppliedEntry { offset, entry, outcome } = applied;
        let empty = Self {
            offset,
            received_at: entry.time()?,
            kind: LiveKind::Message,
            outcome: LiveOutcome::of(outcome.as_ref()),
            reason: None,
            detail: None,
            source: None,
            type_: None,
            event: None,
            name: None,
            user_id: None,
            anonymous_id: None,
            message_id: None,
            effects: Vec::new(),
            enriched: Vec::new(),
            is_mapped_anew: false,
            titles: BTreeMap::new(),
        };
        Some(match entry {
            Entry::Message(message) => empty.with_message(*message, mappings),
            Entry::Rejected(rejection) => empty.with_rejection(*rejection),
            Entry::Command { command, .. } if is_call(&command) => {
                empty.with_command(&command, outcome.as_ref())
            }
            Entry::Interactions { interactions, .. } => {
                let n_all = interactions.len() as u64;
                let detail = match outcome {
                    Some(Outcome::Interactions { added, duplicates, .. }) => {
                        format!(
                            "{} added, {duplicates} known already",
                            counted(added.into(), "interaction", "interactions")
                        )
                    }
                    _ => counted(n_all, "interaction", "interactions"),
                };
                let event = Some("import of interactions".to_owned());
                Self { kind: LiveKind::Import, event, detail: Some(detail), ..empty }
            }
            _ => return None,
        })
    }

    /// Looks up the titles of its items, whether the mappings are still those of its time, and
    /// which limit it reached, while its rejection is kept.
    pub(super) fn look_up(&mut self, views: &Snapshot<'_>) {
        let of_limits = domain::RejectionReason::IdentityLimit;
        if self.kind == LiveKind::Message && self.reason == Some(of_limits.code()) {
            let mut latest = views.rejections.latest();
            let own = latest.find(|one| {
                one.reason == of_limits && one.message_id.as_deref() == self.message_id.as_deref()
            });
            self.detail = own.map(|own| own.detail.clone()).or(self.detail.take());
        }
        let changed_at = || mappings_changed_at(views).is_some_and(|at| at > self.offset);
        self.is_mapped_anew = self.kind == LiveKind::Message && changed_at();
        let ids = self.effects.iter().flat_map(Effect::item_ids).take(TITLES_MAX);
        self.titles = ids.filter_map(|id| Some((id.to_owned(), views.item_title(id)?))).collect();
    }

    fn with_message(mut self, message: Message, mappings: &Mappings) -> Self {
        if self.outcome != LiveOutcome::Duplicate {
            self.effects.extend(Effect::of_traits(&message));
            let mut failed: Vec<String> = Vec::new();
            for made in mappings.map(&message) {
                match made {
                    Ok(action) => self.effects.push(Effect::of_action(action)),
                    Err(error) => failed.push(error.to_string()),
                }
            }
            let said = message.context.as_deref().and_then(SubscriptionStatement::read);
            let mistakes = said.map_or_else(Vec::new, |(_, mistakes)| mistakes);
            match self.outcome {
                LiveOutcome::AppliedInPart if failed.is_empty() && !mistakes.is_empty() => {
                    self.reason = Some(domain::RejectionReason::SubscriptionInvalid.code());
                    self.detail = Some(mistakes.join("; "));
                }
                LiveOutcome::AppliedInPart if failed.is_empty() => {
                    self.reason = Some(domain::RejectionReason::IdentityLimit.code());
                    self.detail = Some("a limit kept some of its ids from being linked".to_owned());
                }
                LiveOutcome::AppliedInPart | LiveOutcome::Unknown if !failed.is_empty() => {
                    self.reason = Some(domain::RejectionReason::MappingFailed.code());
                    self.detail = Some(failed.join("; "));
                }
                _ => {}
            }
        }
        self.event = Some(message.event_name().to_owned());
        self.source = Some(message.source);
        self.type_ = Some(message.type_);
        self.enriched = message.enriched;
        self.name = message.name;
        self.user_id = message.user_id;
        self.anonymous_id = message.anonymous_id;
        self.message_id = Some(message.message_id);
        self
    }

    fn with_rejection(mut self, rejection: Rejection) -> Self {
        let excerpt = Excerpt::new(&rejection.excerpt);
        self.outcome = LiveOutcome::Rejected;
        self.reason = Some(rejection.reason.code());
        self.event = excerpt.text("event");
        self.user_id = excerpt.text("userId");
        self.anonymous_id = excerpt.text("anonymousId");
        self.detail = Some(rejection.detail);
        self.source = Some(rejection.source);
        self.type_ = rejection.type_;
        self.message_id = rejection.message_id;
        self
    }

    fn with_command(mut self, command: &Command, outcome: Option<&Outcome>) -> Self {
        self.kind = LiveKind::Call;
        self.event = Some(call_name(command).to_owned());
        if let Some(Outcome::Refused(refusal)) = outcome {
            self.detail = Some(refusal.to_string());
        }
        let effect = Effect::of_command(command);
        self.user_id = effect.as_ref().and_then(Effect::user_id).map(str::to_owned);
        if self.outcome != LiveOutcome::Refused {
            self.effects.extend(effect);
        }
        self
    }
}

/// Whether a command changes what lists are made of. Others are in the audit alone.
fn is_call(command: &Command) -> bool {
    !matches!(
        command,
        Command::Configure(_)
            | Command::NoteFittingScenarios { .. }
            | Command::PutScenario { .. }
            | Command::DeleteScenario { .. }
            | Command::ActivateCatalog { .. }
            | Command::RetryDeadLetter { .. }
            | Command::Replay(_)
            | Command::BackFill(_)
            | Command::DropDeadLetter { .. }
            | Command::SyncAgain { .. }
            | Command::Locations(_)
    )
}

/// The name of a call, in words.
fn call_name(command: &Command) -> &'static str {
    match command {
        Command::Add { .. } => "add",
        Command::Delete { .. } => "delete",
        Command::SetValues { .. } => "set values",
        Command::AddProperty { .. } => "add property",
        Command::DeleteProperty { .. } => "delete property",
        Command::AddCollection { .. } => "add series or group",
        Command::DeleteCollection { .. } => "delete series or group",
        Command::InsertMember { .. } => "insert into series or group",
        Command::RemoveMember { .. } => "remove from series or group",
        Command::AddInteraction { .. } => "add interaction",
        Command::DeleteInteractions { .. } => "delete interactions",
        Command::MergeUsers { .. } => "merge users",
        Command::RemoveExternalId { .. } => "remove an id",
        Command::Segmentation(_) => "change segmentation",
        Command::Synonym(_) => "change synonym",
        Command::RetryDeadLetter { .. } => "deliver anew",
        Command::DropDeadLetter { .. } => "drop dead letter",
        Command::SyncAgain { .. } => "send again",
        Command::Replay(_) => "replay",
        Command::BackFill(_) => "back-fill",
        Command::Regulate(_) => "delete or suppress people",
        Command::SwitchItem { is_on: true, .. } => "turn an item on",
        Command::SwitchItem { is_on: false, .. } => "turn an item off",
        Command::ActivateCatalog { .. }
        | Command::PutScenario { .. }
        | Command::DeleteScenario { .. }
        | Command::NoteFittingScenarios { .. }
        | Command::Locations(_)
        | Command::Configure(_) => "configure",
    }
}
