//! The fold: applies journal entries to the state. It reads no clock, no random source, no network
//! and no model.

mod campaigns;
mod found;
mod journeys;
mod landing;
mod list_impressions;
mod subscriptions;
mod sync;

use std::sync::Arc;

use catalog::NamedBy;
use domain::{Message, MessageType, Rejection, RejectionReason, Scenario, UserIdx};
use history::WeakSignal;
use mapping::{Action, MappingError, Mappings};
use profiles::{Origin, StoredTrait};
use store::{Batch, StoreError};
use uuid::Uuid;

use self::campaigns::{apply_campaign, follow_in_app_report};
use self::found::apply_found;
use self::journeys::apply_journey;
use self::landing::{land, parse_traits};
use self::list_impressions::record_list_impressions;
use self::subscriptions::follow_subscriptions;
use self::sync::apply_sync;
use crate::attribution::parse_recommendation_id;
use crate::campaigns::CAMPAIGN_SOURCE;
use crate::command::{self, Command};
use crate::configuration::Revisions;
use crate::interactions::{AddOutcome, interaction_time};
use crate::people::People;
use crate::people_filter::{Remaining, action_users, without_suppressed};
use crate::refusal::Refusal;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;
use crate::{Entry, Outcome};

/// An entry with the actions that mappings derive from it. The submitting threads compute them, so
/// that the fold thread does so only where other mappings are in force at the entry's place.
pub struct PreparedEntry {
    entry: Entry,
    mapped: Option<Mapped>,
    late: LateDecision,
}

/// Decisions about an entry that are made when it is applied, because its journal does not hold
/// them. Only entries of versions up to [`Entry::UNDECIDED_VERSION_MAX`] need them.
#[derive(Default)]
pub struct LateDecision {
    /// The reason to refuse the entry; none if it is accepted.
    pub refusal: Option<Refusal>,
    /// Scenarios that fit the catalog before the entry and may not fit it afterwards.
    pub fitting_scenarios: Vec<Scenario>,
}

/// What mappings derive from a message.
struct Mapped {
    by: Arc<Mappings>,
    /// Whether these mappings count, whichever are in force.
    is_fixed: bool,
    actions: Vec<Result<Action, MappingError>>,
}

impl Mapped {
    fn new(message: &Message, by: &Arc<Mappings>) -> Self {
        Self { actions: by.map(message), by: Arc::clone(by), is_fixed: false }
    }
}

impl PreparedEntry {
    /// Whether the caller must clear the store before it applies the entry ([`Views::reset`]).
    pub fn is_reset(&self) -> bool {
        matches!(self.entry, Entry::Reset { .. })
    }

    /// The entry as it was submitted.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The ids of recommendations that interactions in the entry cite. Imports are not included.
    pub fn cited_recommendations(&self) -> impl Iterator<Item = Uuid> + '_ {
        let from_command = match &self.entry {
            Entry::Command { command, .. } => match &**command {
                Command::AddInteraction { interaction, .. } => Some(interaction),
                _ => None,
            },
            _ => None,
        };
        let actions = self.mapped.iter().flat_map(|mapped| &mapped.actions);
        let from_actions = actions.filter_map(|action| match action {
            Ok(Action::AddInteraction(interaction)) => Some(interaction),
            _ => None,
        });
        from_command
            .into_iter()
            .chain(from_actions)
            .filter_map(|interaction| parse_recommendation_id(interaction.recomm_id.as_deref()))
    }

    /// A rough measure of the work to apply the entry: the number of its lists or interactions.
    pub fn n_changes(&self) -> usize {
        match &self.entry {
            Entry::ListImpressions { lists } => lists.len(),
            Entry::Interactions { interactions, .. } => interactions.len(),
            Entry::ReadHistory(read) => read.people.len(),
            Entry::Found(found) => found.people.len(),
            Entry::Command { command, .. } => match &**command {
                Command::BackFill(command) => command.n_changes(),
                _ => 1,
            },
            _ => 1,
        }
    }

    /// Prepares an entry: computes the actions that mappings derive from it. `mappings` are those
    /// that are probably in force at its place in the journal.
    pub fn new(entry: Entry, mappings: &Arc<Mappings>) -> Self {
        let mapped = match &entry {
            Entry::Message(message) => Some(Mapped::new(message, mappings)),
            _ => None,
        };
        Self { mapped, ..Self::unmapped(entry) }
    }

    /// Prepares an entry as if these mappings were in force at its place.
    pub fn mapped_by(entry: Entry, mappings: &Arc<Mappings>) -> Self {
        let mut prepared = Self::new(entry, mappings);
        if let Some(mapped) = &mut prepared.mapped {
            mapped.is_fixed = true;
        }
        prepared
    }

    /// Prepares an entry that is no message, or leaves its mappings to the fold.
    pub fn unmapped(entry: Entry) -> Self {
        Self { entry, mapped: None, late: LateDecision::default() }
    }

    /// Adds decisions that the journal does not hold.
    pub fn with_late_decision(self, late: LateDecision) -> Self {
        Self { late, ..self }
    }
}

/// Applies the entry at `offset`, after firing the timers that are due by its time. Offsets may
/// have gaps.
///
/// # Errors
/// If the store cannot be read.
///
/// # Panics
/// If an entry at `offset` or a later one was applied before.
pub fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    prepared: PreparedEntry,
) -> Result<Outcome, StoreError> {
    apply_firing(views, batch, offset, prepared, &mut fire_timer)
}

/// The effect of a timer. It may schedule only timers that are due later than the one that fires.
pub(crate) type FireTimer<'a> =
    dyn FnMut(&mut Views, &mut Batch<'_>, Timer) -> Result<(), StoreError> + 'a;

/// As [`apply`], with `fire` as the effect of timers.
pub(crate) fn apply_firing(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    PreparedEntry { entry, mapped, late }: PreparedEntry,
    fire: &mut FireTimer<'_>,
) -> Result<Outcome, StoreError> {
    assert!(offset >= views.applied, "entries are applied once each, in order");
    views.applied = offset + 1;
    if let Some(at) = entry.time() {
        views.setup.clock.observe(at);
        let until = views.setup.clock.time().bound(at);
        while let Some(timer) = views.timers.pop_due(batch, until)? {
            fire(views, batch, timer)?;
            views.follow_noted(batch, timer.due)?;
            let n_users = views.profiles.ids().n_users();
            views.follow_people(batch, n_users)?;
        }
    }
    if !late.fitting_scenarios.is_empty() {
        views.setup.record_fitting_scenarios(batch, late.fitting_scenarios);
    }
    if let Some(refusal) = late.refusal {
        return Ok(Outcome::Refused(refusal));
    }
    let n_users = views.profiles.ids().n_users();
    let outcome = apply_entry(views, batch, offset, entry, mapped)?;
    views.work_out_pending(batch)?;
    views.show_account_traits(batch)?;
    let now = views.journal_now();
    views.follow_noted(batch, now)?;
    views.follow_people(batch, n_users)?;
    Ok(outcome)
}

/// The effect of the timers of each kind.
pub(crate) fn fire_timer(
    views: &mut Views,
    batch: &mut Batch<'_>,
    timer: Timer,
) -> Result<(), StoreError> {
    match timer.kind {
        TimerKind::ForgetImpressions => {
            views.impressions.remove_expired(batch, UserIdx(timer.id), timer.due);
        }
        TimerKind::WorkOutPerson => views.work_out_due(batch, UserIdx(timer.id), timer.due)?,
        TimerKind::WorkOutEverybody => views.work_out_from(batch, timer.id, timer.due)?,
        TimerKind::WorkOutAccount => views.work_out_account(batch, timer.id, timer.due)?,
        TimerKind::WorkOutAccountTraits => {
            views.work_out_account_traits(batch, timer.id, timer.due)?;
        }
        TimerKind::ForgetSent => views.forget_sent_from(batch, timer.id, timer.due)?,
        TimerKind::ForgetCampaign => views.forget_campaign(batch, timer.id, timer.due)?,
        TimerKind::MoveJourneys => views.move_by_time(batch, UserIdx(timer.id), timer.due)?,
        TimerKind::WalkJourneys => views.walk_journeys(batch, timer.due)?,
        TimerKind::EnterJourney => views.enter_journey(batch, timer.id, timer.due)?,
    }
    Ok(())
}

fn apply_entry(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: Entry,
    mapped: Option<Mapped>,
) -> Result<Outcome, StoreError> {
    let (mut entry, mut n_suppressed) = (entry, 0);
    if !views.regulations.suppressed.is_empty() {
        // It was on its way when they were suppressed.
        let n_rows = entry.n_interactions();
        let (suppressed, rules) = (&*views.regulations.suppressed, views.setup.identity.as_deref());
        entry = match without_suppressed(entry, suppressed, rules) {
            Remaining::Nothing => return Ok(Outcome::Suppressed),
            Remaining::Whole(entry) | Remaining::Part(entry) => entry,
        };
        n_suppressed = n_rows - entry.n_interactions();
    }
    match entry {
        Entry::Configured(config) => {
            views.put_config(batch, offset, config, Revisions::from_whole(offset))?;
        }
        Entry::Message(message) => {
            let is_in_force =
                |mapped: &Mapped| mapped.is_fixed || Arc::ptr_eq(&mapped.by, &views.setup.mappings);
            let mapped = mapped.filter(is_in_force);
            let mapped = mapped.unwrap_or_else(|| Mapped::new(&message, &views.setup.mappings));
            return apply_message(views, batch, offset, &message, mapped);
        }
        Entry::Rejected(rejection) => {
            let at = views.setup.clock.time().bound(rejection.received_at);
            if let Some(type_) = rejection.type_ {
                let violations = &rejection.violations;
                views.violations.add(batch, &rejection.source, type_, violations, at);
            }
            views.rejections.add(batch, *rejection);
        }
        Entry::Interactions { received_at, interactions } => {
            let (mut added, mut duplicates) = (0, 0);
            for interaction in interactions {
                let origin = Origin::import(offset, received_at);
                let user = views.profiles.resolve_id(batch, &interaction.user_id, origin);
                match views.add_interaction(
                    batch,
                    user,
                    interaction,
                    NamedBy::Action,
                    origin,
                    false,
                )? {
                    AddOutcome::New => added += 1,
                    AddOutcome::Duplicate | AddOutcome::Outdated => duplicates += 1,
                }
            }
            let suppressed = n_suppressed;
            return Ok(Outcome::Interactions { added, duplicates, suppressed });
        }
        Entry::CatalogStaged { import, columns } => views.catalog.stage(batch, import, columns)?,
        Entry::CatalogItems { import, rows } => {
            if !views.catalog.stage_items(batch, import, &rows) {
                return Ok(Outcome::NothingStaged);
            }
        }
        Entry::CatalogActivated { import, received_at, catalog } => {
            if !views.catalog.activate(batch, import, catalog.as_deref(), received_at)? {
                return Ok(Outcome::NothingStaged);
            }
        }
        Entry::Trained(training) => views.setup.add_training(batch, *training),
        Entry::ModelActivated { version, .. } => views.setup.activate_model(batch, version),
        Entry::ListImpressions { lists } => return record_list_impressions(views, batch, lists),
        // `apply_firing` has fired the timers that are due.
        Entry::Resumed { .. } | Entry::Tick { .. } | Entry::Erased { .. } => {}
        // The caller has cleared the store: see `PreparedEntry::is_reset`.
        Entry::Reset { .. } => {
            views.setup.record_reset(batch, offset);
            views.destinations.restart(batch, offset, &views.setup.config);
            views.follow_definitions(batch, offset)?;
            views.last_sent.follow_config(batch, &views.setup.config);
            views.follow_campaigns(batch)?;
            views.follow_journeys(batch, offset)?;
        }
        Entry::Found(found) => apply_found(views, batch, *found)?,
        Entry::Sync(value) => return apply_sync(views, batch, offset, &value),
        Entry::Campaign(entry) => return apply_campaign(views, batch, offset, &entry),
        Entry::Journey(entry) => return apply_journey(views, batch, offset, &entry),
        Entry::ReadHistory(read) => views.add_read_history(batch, *read)?,
        Entry::Delivered(progress) => views.destinations.apply(batch, *progress)?,
        Entry::Command { received_at, command } => {
            let origin = Origin::import(offset, received_at);
            if let Err(refusal) = command::apply(views, batch, *command, origin)? {
                return Ok(Outcome::Refused(refusal));
            }
        }
    }
    Ok(Outcome::Applied)
}

fn apply_message(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    message: &Message,
    Mapped { by: mappings, actions, .. }: Mapped,
) -> Result<Outcome, StoreError> {
    let received_at = views.setup.clock.time().bound(message.received_at);
    if !views.message_ids.insert(batch, &message.message_id, received_at, offset)? {
        views.destinations.record_skipped(batch, offset);
        return Ok(Outcome::Duplicate);
    }
    views.source_schemas.add(message, received_at);
    let violations = &message.violations;
    views.violations.add(batch, &message.source, message.type_, violations, received_at);
    let origin = Origin::message(offset, message);
    let n_ids = views.profiles.ids().n_gained();
    let Some(user) = land(views, batch, message, origin)? else {
        let why = "each of its ids is a blocked value: the message is nobody's".to_owned();
        let rejection = new_rejection(message, RejectionReason::IdentityLimit, why);
        views.rejections.add(batch, rejection);
        return Ok(Outcome::AppliedInPart);
    };
    views.touch_after_message(user, n_ids);
    let event = match message.type_ {
        MessageType::Track | MessageType::Page | MessageType::Screen => Some(message.event_name()),
        MessageType::Identify | MessageType::Group | MessageType::Alias => None,
    };
    views.profiles.add_message(batch, user, message.timestamp, offset, event);
    if let Some(event) = event
        && actions.is_empty()
        && message.source != CAMPAIGN_SOURCE
        && !mappings.is_matched(message)
    {
        views.unmatched_events.add(batch, message.type_, event, received_at);
    }
    let (mut set, mut dates) = (Vec::new(), Vec::new());
    if message.type_ == MessageType::Identify {
        for (key, value) in parse_traits(message) {
            if views.campaigns.asks_for_date(&key) {
                let before = views.profiles.stored_trait(batch, user, &key)?;
                if before.is_none_or(|before| before.json != value.get()) {
                    dates.push(key.clone());
                }
            }
            let value = StoredTrait {
                json: value.get().to_owned(),
                updated_at: message.timestamp,
                source: message.source.clone(),
            };
            views.profiles.set_trait(batch, user, &key, &value)?;
            set.push(key);
        }
    }
    views.track_message(batch, user, message, &set)?;
    views.follow_dates(batch, user, &dates, offset)?;
    views.follow_for_reports(batch, user, message, &actions)?;
    follow_in_app_report(views, batch, user, message)?;
    let named_by = match message.type_ {
        MessageType::Page | MessageType::Screen => NamedBy::Page,
        _ => NamedBy::Action,
    };
    // The message's own id stands for the user that the message landed on, even if another user has
    // an id of the other type with the same text.
    let own_id = message.user_id.as_ref().or(message.anonymous_id.as_ref()).cloned();
    let message_user = MessageUser { user, id: own_id };
    let mut outcome = follow_subscriptions(views, batch, user, message)?;
    for action in actions {
        match action {
            Ok(action) => apply_action(views, batch, action, named_by, &message_user, origin)?,
            Err(error) => {
                outcome = Outcome::AppliedInPart;
                views.rejections.add(
                    batch,
                    new_rejection(message, RejectionReason::MappingFailed, error.to_string()),
                );
            }
        }
    }
    for limit in views.profiles.take_limits_reached() {
        outcome = Outcome::AppliedInPart;
        views
            .rejections
            .add(batch, new_rejection(message, RejectionReason::IdentityLimit, limit.to_string()));
    }
    Ok(outcome)
}

fn apply_action(
    views: &mut Views,
    batch: &mut Batch<'_>,
    action: Action,
    named_by: NamedBy,
    message_user: &MessageUser,
    origin: Origin<'_>,
) -> Result<(), StoreError> {
    // A mapping may take the user from anywhere in a message of somebody else.
    let suppressed = &views.regulations.suppressed;
    if !suppressed.is_empty() && action_users(&action).any(|id| suppressed.has_any(id)) {
        return Ok(());
    }
    match action {
        Action::AddInteraction(interaction) => {
            let user = match message_user.resolve(&interaction.user_id) {
                Some(user) => user,
                None => views.profiles.resolve_id(batch, &interaction.user_id, origin),
            };
            let replaces_view_portion = interaction.session_id.is_some();
            views.add_interaction(
                batch,
                user,
                interaction,
                named_by,
                origin,
                replaces_view_portion,
            )?;
        }
        Action::DeleteInteractions(selector) => {
            let user = message_user
                .resolve(&selector.user_id)
                .or_else(|| views.profiles.ids().user_by_id(&selector.user_id));
            if let Some((user, item)) = user.zip(views.catalog.index(&selector.item_id)) {
                let (at, session) = (selector.timestamp, selector.session_id);
                views.interactions.delete(batch, user, selector.kind, item, at, session)?;
                views.touch_history(user);
            }
        }
        Action::AddWeakSignals { user_id, item_ids, kind, timestamp } => {
            let user = match message_user.resolve(&user_id) {
                Some(user) => user,
                None => views.profiles.resolve_id(batch, &user_id, origin),
            };
            let at_s = interaction_time(timestamp, origin).seconds_u32();
            // Weak signals create no items: unknown items are skipped.
            let items = item_ids.iter().filter_map(|item_id| views.catalog.index(item_id));
            let signals: Vec<WeakSignal> =
                items.map(|item| WeakSignal { at_s, item, kind }).collect();
            views.weak_signals.add(batch, user, &signals);
            views.last_sent.touch_traits(user);
        }
        Action::MergeUsers { target_user_id, source_user_id } => {
            let merge =
                views.profiles.merge_ids(batch, &target_user_id, &source_user_id, origin)?;
            if let Some(merge) = merge {
                views.merge_users(batch, merge)?;
            }
        }
    }
    Ok(())
}

/// The user that a message landed on, and the external id of the message that mappings use for it.
struct MessageUser {
    user: UserIdx,
    id: Option<String>,
}

impl MessageUser {
    fn resolve(&self, id: &str) -> Option<UserIdx> {
        (self.id.as_deref() == Some(id)).then_some(self.user)
    }
}

/// A rejection for a part of an accepted message that could not be applied.
fn new_rejection(message: &Message, reason: RejectionReason, detail: String) -> Rejection {
    Rejection {
        reason,
        detail,
        source: message.source.clone(),
        message_id: Some(message.message_id.clone()),
        type_: Some(message.type_),
        received_at: message.received_at,
        excerpt: Rejection::cut_excerpt(message.body.as_deref().unwrap_or_default()),
        violations: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
