//! Ids that came and went between two runs of a log: the state has no trace of them, so the message
//! that brought one is looked for among those of the person.

use domain::{Message, UserIdx};
use profiles::{ExternalIdType, IdentityRules};

use super::{ProfileChange, ProfileUpdate};
use crate::{Engine, EngineError};

/// The most messages of a person that are looked through. Of who has more it is not told when an id
/// came that is gone.
pub(super) const MESSAGES_SEARCHED_MAX: usize = 1_000;

/// An id that a profile has lost.
pub(super) struct Removal {
    /// The place of its update among those of the step.
    pub(super) place: usize,
    /// The offset of the entry.
    pub(super) offset: u64,
    pub(super) user: UserIdx,
    pub(super) type_: ExternalIdType,
    pub(super) value: String,
    /// The person's messages before the entry, behind an earlier removal of the id, in order.
    pub(super) messages: Vec<u64>,
}

impl Engine {
    /// Adds to each removal, before it, that the profile got the id, where a message since `since`
    /// was the first to name it: no earlier run can have told.
    pub(super) fn add_origins(
        &self,
        removals: &[Removal],
        rules: Option<&IdentityRules>,
        since: u64,
        updates: &mut Vec<ProfileUpdate>,
    ) -> Result<(), EngineError> {
        for removal in removals.iter().rev() {
            let Some(message) = self.first_naming(removal, rules, since)? else { continue };
            let change = ProfileChange::IdentifierAdded(removal.type_, removal.value.clone());
            let added = ProfileUpdate {
                at: message.received_at,
                source: message.source,
                message_id: message.message_id,
                change,
                ..updates[removal.place].clone()
            };
            updates.insert(removal.place, added);
        }
        Ok(())
    }

    /// The first message that names the id; none where it came before `since`, or may have.
    fn first_naming(
        &self,
        removal: &Removal,
        rules: Option<&IdentityRules>,
        since: u64,
    ) -> Result<Option<Message>, EngineError> {
        for offset in &removal.messages {
            // What is cut or erased may have named it.
            let Some(message) = self.message(*offset)? else { return Ok(None) };
            if names(&message, rules, removal) {
                return Ok(Some(message).filter(|_| *offset >= since));
            }
        }
        Ok(None)
    }
}

fn names(message: &Message, rules: Option<&IdentityRules>, removal: &Removal) -> bool {
    let own = match removal.type_ {
        ExternalIdType::UserId => &message.user_id,
        ExternalIdType::AnonymousId => &message.anonymous_id,
        ExternalIdType::Declared(_) => &None,
    };
    let is_linked =
        !removal.type_.is_declared() && message.previous_id.as_deref() == Some(&*removal.value);
    let by_rules = || {
        let found = rules.map(|rules| rules.ids_of(message)).unwrap_or_default();
        found.iter().any(|id| id.type_ == removal.type_ && id.value == removal.value)
    };
    own.as_deref() == Some(&*removal.value) || is_linked || by_rules()
}
