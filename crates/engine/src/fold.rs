//! The fold: what each entry does to the state. It reads no clock, no random source, no network and no model.

use std::collections::BTreeMap;

use catalog::NamedBy;
use domain::message::FUTURE_TOLERANCE_MS;
use domain::{Interaction, Message, MessageType, Rejection, RejectionReason, Timestamp};
use mapping::{Action, MappingError};
use profiles::{Origin, StoredTrait};
use serde_json::value::RawValue;
use store::{Batch, StoreError};

use crate::views::Views;
use crate::{Entry, Outcome};

/// Applies the entry at `offset`.
pub(crate) fn apply(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    entry: &Entry,
) -> Result<Outcome, StoreError> {
    assert_eq!(offset, views.applied, "entries are applied once each, in order");
    views.applied += 1;
    match entry {
        Entry::Configured(config) => {
            views.workspace.put_config(batch, config);
            views.config = config.clone();
        }
        Entry::Message(message) => return apply_message(views, batch, offset, message),
        Entry::Rejected(rejection) => views.rejections.add(batch, (**rejection).clone()),
        Entry::Interactions { received_at, interactions } => {
            let (mut added, mut already_there) = (0, 0);
            for interaction in interactions {
                let origin = Origin::import(offset, *received_at);
                match add_interaction(views, batch, interaction.clone(), NamedBy::Action, origin)? {
                    true => added += 1,
                    false => already_there += 1,
                }
            }
            return Ok(Outcome::Interactions { added, already_there });
        }
        Entry::CatalogStaged { columns } => views.catalog.stage(batch, columns.clone()),
        Entry::CatalogItems { rows } => views.catalog.stage_items(batch, rows),
        Entry::CatalogActivated { received_at } => {
            if !views.catalog.activate(batch, *received_at)? {
                return Ok(Outcome::NothingStaged);
            }
        }
        Entry::ModelActivated(training) => {
            views.workspace.put_training(batch, training);
            views.training = Some((**training).clone());
        }
        Entry::Resumed { .. } => {}
    }
    Ok(Outcome::Applied)
}

/// What must be written before a batch is committed.
pub(crate) fn finish_batch(views: &mut Views, batch: &mut Batch<'_>) {
    views.message_ids.flush(batch);
}

fn apply_message(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    message: &Message,
) -> Result<Outcome, StoreError> {
    if !views.message_ids.insert(batch, &message.message_id, message.received_at, offset)? {
        return Ok(Outcome::Duplicate);
    }
    let origin = Origin::message(offset, message);
    let (user, merge) =
        views.profiles.resolve(batch, message.user_id.as_deref(), message.anonymous_id.as_deref(), origin)?;
    if let Some(merge) = merge {
        views.interactions.merge(batch, merge.target, merge.source)?;
    }
    views.profiles.touch(batch, user, offset);
    match message.type_ {
        MessageType::Track | MessageType::Page | MessageType::Screen => {
            views.profiles.add_event(batch, user, message.timestamp, offset, message.event_name());
        }
        MessageType::Identify => {
            for (key, value) in traits_of(message) {
                let value = StoredTrait {
                    json: value.get().to_owned(),
                    updated_at: message.timestamp,
                    source: message.source.clone(),
                };
                views.profiles.set_trait(batch, user, &key, &value)?;
            }
        }
        MessageType::Group | MessageType::Alias => {}
    }
    let named_by = match message.type_ {
        MessageType::Page | MessageType::Screen => NamedBy::Page,
        _ => NamedBy::Action,
    };
    for made in mapping::actions_of(mapping::presets(), message) {
        match made {
            Ok(action) => apply_action(views, batch, action, named_by, origin)?,
            Err(error) => views.rejections.add(batch, mapping_rejection(message, &error)),
        }
    }
    Ok(Outcome::Applied)
}

fn apply_action(
    views: &mut Views,
    batch: &mut Batch<'_>,
    action: Action,
    named_by: NamedBy,
    origin: Origin<'_>,
) -> Result<(), StoreError> {
    match action {
        Action::AddInteraction(interaction) => {
            add_interaction(views, batch, interaction, named_by, origin)?;
        }
        Action::DeleteInteractions(selector) => {
            let user = views.profiles.ids().user_of_text(&selector.user_id);
            if let Some((user, item)) = user.zip(views.catalog.item(&selector.item_id)) {
                views.interactions.delete(batch, user, selector.kind, item, selector.timestamp)?;
            }
        }
        Action::MergeUsers { target_user_id, source_user_id } => {
            let merge = views.profiles.merge_texts(batch, &target_user_id, &source_user_id, origin)?;
            if let Some(merge) = merge {
                views.interactions.merge(batch, merge.target, merge.source)?;
            }
        }
    }
    Ok(())
}

/// Adds an interaction, making its user and item where they are new; false where it is there already.
fn add_interaction(
    views: &mut Views,
    batch: &mut Batch<'_>,
    interaction: Interaction,
    named_by: NamedBy,
    origin: Origin<'_>,
) -> Result<bool, StoreError> {
    let user = views.profiles.resolve_text(batch, &interaction.user_id, origin);
    let item = views.catalog.item_of_message(batch, &interaction.item_id, named_by);
    // Nothing has happened in the future: such a time would make everything else look old.
    let at = interaction.timestamp.unwrap_or(origin.received_at);
    let at = if at.0 > origin.received_at.0 + FUTURE_TOLERANCE_MS { origin.received_at } else { at };
    views.interactions.add(batch, user, item, Timestamp(at.0.max(0)), interaction)
}

/// The traits of an identify; a body that is not an object has none, as the form check has seen to.
fn traits_of(message: &Message) -> BTreeMap<String, Box<RawValue>> {
    message.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
}

fn mapping_rejection(message: &Message, error: &MappingError) -> Rejection {
    Rejection {
        reason: RejectionReason::MappingFailed,
        detail: error.to_string(),
        source: message.source.clone(),
        message_id: Some(message.message_id.clone()),
        type_: Some(message.type_),
        received_at: message.received_at,
        excerpt: Rejection::excerpt_of(message.body.as_deref().unwrap_or_default()),
    }
}
