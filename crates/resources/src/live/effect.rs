//! The effects of messages and calls on people and items.

use domain::{InteractionKind, Message, MessageType, WeakSignalKind};
use engine::{Command, EntityKind};
use mapping::Action;
use serde::{Deserialize, Serialize};

/// The most names of traits or properties of one effect.
const NAMES_MAX: usize = 50;

/// One thing that a message or call does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// An interaction of a user with an item.
    Interaction {
        /// The kind.
        kind: InteractionKind,
        /// The id of the user.
        user_id: String,
        /// With which item.
        item_id: String,
        /// The quantity bought or put into the cart.
        #[serde(skip_serializing_if = "Option::is_none")]
        amount: Option<f64>,
        /// The price of the whole amount.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<f64>,
        /// A rating, a portion, or a duration in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
    },
    /// Interactions are taken back.
    InteractionsRemoved {
        /// The kind.
        kind: InteractionKind,
        /// Whose.
        user_id: String,
        /// With which item.
        item_id: String,
    },
    /// Hints of interest in items.
    WeakSignals {
        /// The kind.
        kind: WeakSignalKind,
        /// The id of the user.
        user_id: String,
        /// In which items.
        item_ids: Vec<String>,
    },
    /// Two users become one.
    UsersMerged {
        /// The user who stays.
        target: String,
        /// The user who is merged into the other.
        source: String,
    },
    /// Traits of the user get values.
    Traits {
        /// Their names, at most 50.
        names: Vec<String>,
    },
    /// An item is made, or its properties get values.
    Item {
        /// Its id.
        item_id: String,
        /// The names of the properties, at most 50.
        properties: Vec<String>,
    },
    /// A user is made, or properties of the user get values.
    User {
        /// The id.
        user_id: String,
        /// The names of the properties, at most 50.
        properties: Vec<String>,
    },
    /// An item is deleted.
    ItemDeleted {
        /// Its id.
        item_id: String,
    },
    /// A user is deleted.
    UserDeleted {
        /// The id.
        user_id: String,
    },
}

impl Effect {
    /// The ids of the items that it is about.
    pub(super) fn item_ids(&self) -> impl Iterator<Item = &str> {
        let ids = match self {
            Self::Interaction { item_id, .. }
            | Self::InteractionsRemoved { item_id, .. }
            | Self::Item { item_id, .. } => std::slice::from_ref(item_id),
            Self::WeakSignals { item_ids, .. } => item_ids,
            Self::UsersMerged { .. }
            | Self::Traits { .. }
            | Self::User { .. }
            | Self::ItemDeleted { .. }
            | Self::UserDeleted { .. } => &[],
        };
        ids.iter().map(String::as_str)
    }

    pub(crate) fn of_action(action: Action) -> Self {
        match action {
            Action::AddInteraction(interaction) => Self::of_interaction(&interaction),
            Action::DeleteInteractions(selector) => Self::InteractionsRemoved {
                kind: selector.kind,
                user_id: selector.user_id,
                item_id: selector.item_id,
            },
            Action::AddWeakSignals { user_id, item_ids, kind, .. } => {
                Self::WeakSignals { kind, user_id, item_ids }
            }
            Action::MergeUsers { target_user_id, source_user_id } => {
                Self::UsersMerged { target: target_user_id, source: source_user_id }
            }
        }
    }

    fn of_interaction(interaction: &domain::Interaction) -> Self {
        Self::Interaction {
            kind: interaction.kind,
            user_id: interaction.user_id.clone(),
            item_id: interaction.item_id.clone(),
            amount: interaction.amount,
            price: interaction.price,
            value: interaction.value,
        }
    }

    /// The traits that an identify sets.
    pub(super) fn of_traits(message: &Message) -> Option<Self> {
        let body = message.body.as_deref().filter(|_| message.type_ == MessageType::Identify)?;
        let names = names(body);
        (!names.is_empty()).then_some(Self::Traits { names })
    }

    pub(super) fn of_command(command: &Command) -> Option<Self> {
        let entity = |kind: &EntityKind, id: &String, properties| match kind {
            EntityKind::Item => Self::Item { item_id: id.clone(), properties },
            EntityKind::User => Self::User { user_id: id.clone(), properties },
        };
        Some(match command {
            Command::Add { kind, id } => entity(kind, id, Vec::new()),
            Command::SetValues { kind, id, values, .. } => entity(kind, id, names(values)),
            Command::Delete { kind: EntityKind::Item, id } => {
                Self::ItemDeleted { item_id: id.clone() }
            }
            Command::Delete { kind: EntityKind::User, id } => {
                Self::UserDeleted { user_id: id.clone() }
            }
            Command::AddInteraction { interaction, .. } => Self::of_interaction(interaction),
            Command::DeleteInteractions { selector } => Self::InteractionsRemoved {
                kind: selector.kind,
                user_id: selector.user_id.clone(),
                item_id: selector.item_id.clone(),
            },
            Command::SwitchItem { id, .. } => entity(&EntityKind::Item, id, Vec::new()),
            Command::MergeUsers { target, source, .. } => {
                Self::UsersMerged { target: target.clone(), source: source.clone() }
            }
            _ => return None,
        })
    }

    /// The user that it concerns, beside the sender of a message.
    pub(super) fn user_id(&self) -> Option<&str> {
        match self {
            Self::Interaction { user_id, .. }
            | Self::InteractionsRemoved { user_id, .. }
            | Self::WeakSignals { user_id, .. }
            | Self::User { user_id, .. }
            | Self::UserDeleted { user_id } => Some(user_id),
            Self::UsersMerged { target, .. } => Some(target),
            Self::Traits { .. } | Self::Item { .. } | Self::ItemDeleted { .. } => None,
        }
    }
}

/// The names of an object's members.
fn names(json: &str) -> Vec<String> {
    type Members = std::collections::BTreeMap<String, serde::de::IgnoredAny>;
    let members: Members = serde_json::from_str(json).unwrap_or_default();
    members.into_keys().take(NAMES_MAX).collect()
}
