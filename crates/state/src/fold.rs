//! The fold: what each entry does to the state. It reads no clock, no random source, no network and no model.

use std::collections::BTreeMap;

use catalog::NamedBy;
use domain::message::FUTURE_TOLERANCE_MS;
use domain::{
    Day, Interaction, Message, MessageType, PRESETS_LATEST, Rejection, RejectionReason, Scenario, Timestamp,
    UserIdx,
};
use history::{Impression, WeakSignal};
use mapping::{Action, MappingError};
use profiles::{ExternalId, Origin, StoredTrait};
use serde_json::value::RawValue;
use store::{Batch, StoreError};
use uuid::Uuid;

use crate::attribution::{AHEAD_DAYS_MAX, Counted, ListImpression, Place, cited};
use crate::command::{self, Command, Refusal};
use crate::configuration::Revisions;
use crate::interactions::Added;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;
use crate::{Entry, Outcome};

/// An entry with what mappings make of it. That follows from the entry alone, so threads that submit work it out, not the one that folds.
pub struct Prepared {
    entry: Entry,
    actions: Vec<PresetAction>,
    late: LateDecision,
}

/// What is decided of an entry when it is applied, because its journal does not say it: of entries of formats up to
/// [`Entry::UNDECIDED_VERSION_MAX`].
#[derive(Default)]
pub struct LateDecision {
    /// Why the entry changes nothing.
    pub refusal: Option<Refusal>,
    /// Scenarios that fit the catalog before the entry, and may not after it.
    pub fitting: Vec<Scenario>,
}

/// What a preset makes of a message, with the first numbered set of presets that has it: the state says which is in force.
type PresetAction = (u32, Result<Action, MappingError>);

impl Prepared {
    /// Whether the store must be cleared before the entry is applied.
    pub fn is_reset(&self) -> bool {
        matches!(self.entry, Entry::Reset { .. })
    }

    /// The entry itself.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The recommendations that messages and commands cite.
    pub fn cited(&self) -> impl Iterator<Item = Uuid> + '_ {
        let of_command = match &self.entry {
            Entry::Command { command, .. } => match &**command {
                Command::AddInteraction { interaction, .. } => Some(interaction),
                _ => None,
            },
            _ => None,
        };
        let of_actions = self.actions.iter().filter_map(|(_, action)| match action {
            Ok(Action::AddInteraction(interaction)) => Some(interaction),
            _ => None,
        });
        of_command
            .into_iter()
            .chain(of_actions)
            .filter_map(|interaction| cited(interaction.recomm_id.as_deref()))
    }

    /// How much there is to apply, about.
    pub fn n_changes(&self) -> usize {
        match &self.entry {
            Entry::ListImpressions { lists } => lists.len(),
            Entry::Interactions { interactions, .. } => interactions.len(),
            _ => 1,
        }
    }

    /// Works out what the mappings make of an entry.
    pub fn new(entry: Entry) -> Self {
        let actions = match &entry {
            Entry::Message(message) => preset_actions(message),
            _ => Vec::new(),
        };
        Self { entry, actions, late: LateDecision::default() }
    }

    /// The same, with what is decided now.
    pub fn decided_late(self, late: LateDecision) -> Self {
        Self { late, ..self }
    }
}

fn preset_actions(message: &Message) -> Vec<PresetAction> {
    let of_set = |set| mapping::actions_of(mapping::presets_added_by(set), message);
    (1..=PRESETS_LATEST).flat_map(|set| of_set(set).into_iter().map(move |made| (set, made))).collect()
}

/// Applies the entry at `offset`, after the timers that are due by then. Offsets may have gaps.
///
/// # Errors
/// Where the store cannot be read.
///
/// # Panics
/// Where an entry at `offset` or behind it was applied before.
pub fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    prepared: Prepared,
) -> Result<Outcome, StoreError> {
    apply_firing(views, batch, offset, prepared, &mut fire)
}

/// What a timer does that fires. A timer that it schedules in turn is due later than this one.
pub(crate) type Fire<'a> = dyn FnMut(&mut Views, &mut Batch<'_>, Timer) -> Result<(), StoreError> + 'a;

/// As [`apply`], where timers do what `fire` says.
pub(crate) fn apply_firing(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    Prepared { entry, actions, late }: Prepared,
    fire: &mut Fire<'_>,
) -> Result<Outcome, StoreError> {
    assert!(offset >= views.applied, "entries are applied once each, in order");
    views.applied = offset + 1;
    if let Some(at) = entry.time() {
        views.setup.clock.observe(at);
        let until = views.setup.clock.time().bound(at);
        while let Some(timer) = views.timers.take_due(batch, until)? {
            fire(views, batch, timer)?;
        }
    }
    if !late.fitting.is_empty() {
        views.setup.note_fitting(batch, late.fitting);
    }
    if let Some(refusal) = late.refusal {
        return Ok(Outcome::Refused(refusal));
    }
    apply_entry(views, batch, offset, entry, actions)
}

/// What the timers of each kind do.
pub(crate) fn fire(views: &mut Views, batch: &mut Batch<'_>, timer: Timer) -> Result<(), StoreError> {
    match timer.kind {
        TimerKind::ForgetImpressions => {
            views.impressions.forget_old(batch, UserIdx(timer.id), timer.due);
        }
    }
    Ok(())
}

fn apply_entry(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: Entry,
    actions: Vec<PresetAction>,
) -> Result<Outcome, StoreError> {
    match entry {
        Entry::Configured(config) => {
            views.untaken.forget_matched(batch, mapping::presets_of(config.preset_set()));
            views.setup.put_config(batch, config, Revisions::from_whole(offset));
        }
        Entry::Message(message) => return apply_message(views, batch, offset, &message, actions),
        Entry::Rejected(rejection) => views.rejections.add(batch, *rejection),
        Entry::Interactions { received_at, interactions } => {
            let (mut added, mut already_there) = (0, 0);
            for interaction in interactions {
                let origin = Origin::import(offset, received_at);
                let user = views.profiles.resolve_text(batch, &interaction.user_id, origin);
                match add_interaction(views, batch, user, interaction, NamedBy::Action, origin, false)? {
                    Added::New => added += 1,
                    Added::AlreadyThere | Added::Behind => already_there += 1,
                }
            }
            return Ok(Outcome::Interactions { added, already_there });
        }
        Entry::CatalogStaged { import, columns } => views.catalog.stage(batch, import, columns)?,
        Entry::CatalogItems { import, rows } => {
            if !views.catalog.stage_items(batch, import, &rows) {
                return Ok(Outcome::NothingStaged);
            }
        }
        Entry::CatalogActivated { import, received_at } => {
            if !views.catalog.activate(batch, import, received_at)? {
                return Ok(Outcome::NothingStaged);
            }
        }
        Entry::Trained(training) => views.setup.add_training(batch, *training),
        Entry::ModelActivated { version, .. } => views.setup.activate_model(batch, version),
        Entry::ListImpressions { lists } => return record_list_impressions(views, batch, lists),
        // Time has passed, and what was due has fired.
        Entry::Resumed { .. } | Entry::Tick { .. } => {}
        // The store is cleared by whoever has it: `apply_batch`.
        Entry::Reset { .. } => views.setup.note_reset(batch, offset),
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
    actions: Vec<PresetAction>,
) -> Result<Outcome, StoreError> {
    let received_at = views.setup.clock.time().bound(message.received_at);
    if !views.message_ids.insert(batch, &message.message_id, received_at, offset)? {
        return Ok(Outcome::Duplicate);
    }
    let set = views.setup.config.preset_set();
    let actions = actions.into_iter().filter(|(since, _)| *since <= set).map(|(_, made)| made);
    let actions: Vec<Result<Action, MappingError>> = actions.collect();
    let origin = Origin::message(offset, message);
    let (user, merge) =
        views.profiles.resolve(batch, message.user_id.as_deref(), message.anonymous_id.as_deref(), origin)?;
    if let Some(merge) = merge {
        views.merge_users(batch, merge)?;
    }
    let event = match message.type_ {
        MessageType::Track | MessageType::Page | MessageType::Screen => Some(message.event_name()),
        MessageType::Identify | MessageType::Group | MessageType::Alias => None,
    };
    views.profiles.add_message(batch, user, message.timestamp, offset, event);
    if let Some(event) = event
        && actions.is_empty()
        && !mapping::is_taken(mapping::presets_of(set), message)
    {
        views.untaken.add(batch, message.type_, event, received_at);
    }
    if message.type_ == MessageType::Identify {
        for (key, value) in traits_of(message) {
            let value = StoredTrait {
                json: value.get().to_owned(),
                updated_at: message.timestamp,
                source: message.source.clone(),
            };
            views.profiles.set_trait(batch, user, &key, &value)?;
        }
    }
    let named_by = match message.type_ {
        MessageType::Page | MessageType::Screen => NamedBy::Page,
        _ => NamedBy::Action,
    };
    // Ids that the message itself brought stand for whoever it landed on, not for somebody else with the same text.
    let own_id = message.user_id.as_ref().or(message.anonymous_id.as_ref()).cloned();
    let of_message = OwnUser { user, id: own_id };
    let mut outcome = Outcome::Applied;
    for made in actions {
        match made {
            Ok(action) => apply_action(views, batch, action, named_by, &of_message, origin)?,
            Err(error) => {
                outcome = Outcome::AppliedInPart;
                views
                    .rejections
                    .add(batch, rejection(message, RejectionReason::MappingFailed, error.to_string()));
            }
        }
    }
    for limit in views.profiles.take_limits_met() {
        outcome = Outcome::AppliedInPart;
        views.rejections.add(batch, rejection(message, RejectionReason::IdentityLimit, limit.to_owned()));
    }
    Ok(outcome)
}

fn apply_action(
    views: &mut Views,
    batch: &mut Batch<'_>,
    action: Action,
    named_by: NamedBy,
    own: &OwnUser,
    origin: Origin<'_>,
) -> Result<(), StoreError> {
    match action {
        Action::AddInteraction(interaction) => {
            let user = match own.resolve(&interaction.user_id) {
                Some(user) => user,
                None => views.profiles.resolve_text(batch, &interaction.user_id, origin),
            };
            let of_session = interaction.session_id.is_some();
            add_interaction(views, batch, user, interaction, named_by, origin, of_session)?;
        }
        Action::DeleteInteractions(selector) => {
            let user = own
                .resolve(&selector.user_id)
                .or_else(|| views.profiles.ids().user_of_text(&selector.user_id));
            if let Some((user, item)) = user.zip(views.catalog.item(&selector.item_id)) {
                let (at, session) = (selector.timestamp, selector.session_id);
                views.interactions.delete(batch, user, selector.kind, item, at, session)?;
            }
        }
        Action::AddWeakSignals { user_id, item_ids, kind, timestamp } => {
            let user = match own.resolve(&user_id) {
                Some(user) => user,
                None => views.profiles.resolve_text(batch, &user_id, origin),
            };
            let at_s = time_of(timestamp, origin).seconds_u32();
            // They make no item: one that nobody did anything with stands in the catalog, or is none.
            let items = item_ids.iter().filter_map(|item_id| views.catalog.item(item_id));
            let signals: Vec<WeakSignal> = items.map(|item| WeakSignal { at_s, item, kind }).collect();
            views.weak_signals.add(batch, user, &signals);
        }
        Action::MergeUsers { target_user_id, source_user_id } => {
            let merge = views.profiles.merge_texts(batch, &target_user_id, &source_user_id, origin)?;
            if let Some(merge) = merge {
                views.merge_users(batch, merge)?;
            }
        }
    }
    Ok(())
}

/// Users and items that are gone since are passed over, and lists whose time is too far ahead of the journal's. Where a list
/// continues what was continued meanwhile, it is passed over and the outcome says so.
fn record_list_impressions(
    views: &mut Views,
    batch: &mut Batch<'_>,
    lists: Vec<ListImpression>,
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::Applied;
    let today = lists.iter().map(|list| Day::from_timestamp(views.setup.clock.time().bound(list.at))).max();
    let Some(today) = today else { return Ok(outcome) };
    let n_lists = lists.len();
    let is_credible = |list: &ListImpression| Day::from_timestamp(list.at).earlier(AHEAD_DAYS_MAX) <= today;
    for list in lists.into_iter().filter(is_credible) {
        let id = list.user.as_ref().map(|(type_, value)| ExternalId { type_: *type_, value });
        let user = id.and_then(|id| views.profiles.ids().user_of(id));
        let shown: Vec<Impression> = {
            let at_s = list.at.seconds_u32();
            let rotated = list.items.iter().filter(|_| list.rotates && user.is_some());
            let items = rotated.filter_map(|item| views.catalog.item(item));
            items.map(|item| Impression { item, at_s }).collect()
        };
        let rotates = list.rotates;
        let is_configured = match &list.place {
            Place::Trait(key) => views.setup.config.trait_definition(key).is_some(),
            Place::Scenario { scenario, .. } => {
                scenario.as_ref().is_some_and(|name| views.setup.config.scenario(name).is_some())
            }
        };
        if !views.attribution.record(batch, list, user, today, is_configured)? {
            outcome = Outcome::Refused(Refusal::AlreadyThere("it was continued meanwhile".to_owned()));
        } else if let Some(user) = user.filter(|_| rotates) {
            views.impressions.add(batch, user, &shown, views.setup.clock.time());
            if let Some(due) = views.impressions.too_old_at(user) {
                let timer = Timer { due, kind: TimerKind::ForgetImpressions, id: user.0 };
                // Where there is no room, old impressions stay until the user is shown something again.
                views.timers.schedule(batch, timer)?;
            }
        }
    }
    views.attribution.forget(batch, today, n_lists)?;
    Ok(outcome)
}

/// The user that a message landed on, by the id that its mappings see.
struct OwnUser {
    user: UserIdx,
    id: Option<String>,
}

impl OwnUser {
    fn resolve(&self, id: &str) -> Option<UserIdx> {
        (self.id.as_deref() == Some(id)).then_some(self.user)
    }
}

/// Adds an interaction of a user, making its item where it is new. A view portion `of_session` moves the session's one forward.
pub(crate) fn add_interaction(
    views: &mut Views,
    batch: &mut Batch<'_>,
    user: UserIdx,
    interaction: Interaction,
    named_by: NamedBy,
    origin: Origin<'_>,
    of_session: bool,
) -> Result<Added, StoreError> {
    let item = views.catalog.item_of_message(batch, &interaction.item_id, named_by);
    let at = time_of(interaction.timestamp, origin);
    let counted = Counted {
        kind: interaction.kind,
        price: interaction.price,
        cited: cited(interaction.recomm_id.as_deref()),
    };
    let n_before = views.interactions.histories().n_interactions();
    let added = views.interactions.add(batch, user, item, at, interaction, of_session)?;
    // A view portion that goes on was counted when it began.
    if views.interactions.histories().n_interactions() > n_before {
        let arrived = Day::from_timestamp(views.setup.clock.time().bound(origin.received_at));
        views.attribution.count_interaction(batch, &counted, arrived)?;
    }
    Ok(added)
}

/// When something happened, by the time that its sender gives. Nothing has happened in the future: such a time would
/// make everything else look old.
fn time_of(timestamp: Option<Timestamp>, origin: Origin<'_>) -> Timestamp {
    let at = timestamp.unwrap_or(origin.received_at);
    let at = if at.0 > origin.received_at.0 + FUTURE_TOLERANCE_MS { origin.received_at } else { at };
    Timestamp(at.0.max(0))
}

/// The traits of an identify; a body that is not an object has none, as the form check has seen to.
fn traits_of(message: &Message) -> BTreeMap<String, Box<RawValue>> {
    message.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
}

/// What could not be done with a message that was taken.
fn rejection(message: &Message, reason: RejectionReason, detail: String) -> Rejection {
    Rejection {
        reason,
        detail,
        source: message.source.clone(),
        message_id: Some(message.message_id.clone()),
        type_: Some(message.type_),
        received_at: message.received_at,
        excerpt: Rejection::excerpt_of(message.body.as_deref().unwrap_or_default()),
    }
}
