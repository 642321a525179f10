//! Which entries a page or stream shows.

use web::error::ApiError;

use super::{LiveEntry, LiveOutcome};

/// Conditions that an entry must all fulfil. Empty texts are no condition.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    source: Option<String>,
    /// In lower case.
    event: Option<String>,
    user: Option<String>,
    outcome: Option<LiveOutcome>,
}

impl Filter {
    /// The source by its name, the event by a part of its name in any case, the user by any id, the
    /// outcome by its word.
    ///
    /// # Errors
    /// If there is no such outcome.
    pub fn new(
        source: Option<String>,
        event: Option<String>,
        user: Option<String>,
        outcome: Option<String>,
    ) -> Result<Self, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let outcome = given(outcome).map(|word| {
            let found = LiveOutcome::ALL.into_iter().find(|outcome| outcome.word() == word);
            found.ok_or_else(|| {
                let words = LiveOutcome::ALL.map(LiveOutcome::word).join(", ");
                ApiError::invalid(format!("outcome is {word:?}, it must be one of {words}"))
                    .of_parameter("outcome")
            })
        });
        Ok(Self {
            source: given(source),
            event: given(event).map(|event| event.to_lowercase()),
            user: given(user),
            outcome: outcome.transpose()?,
        })
    }

    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.source.is_none()
            && self.event.is_none()
            && self.user.is_none()
            && self.outcome.is_none()
    }

    pub(super) fn takes(&self, entry: &LiveEntry) -> bool {
        let is_user = |user: &String| {
            [&entry.user_id, &entry.anonymous_id].contains(&&Some(user.clone()))
                || entry.effects.iter().any(|effect| effect.user_id() == Some(user))
        };
        self.outcome.is_none_or(|outcome| entry.outcome == outcome)
            && self.source.as_ref().is_none_or(|source| entry.source.as_ref() == Some(source))
            && self.event.as_ref().is_none_or(|part| {
                let event = entry.event.as_ref();
                event.is_some_and(|event| event.to_lowercase().contains(part))
            })
            && self.user.as_ref().is_none_or(is_user)
    }
}
