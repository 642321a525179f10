//! Whose interactions count as trending, where a scenario or a call says so.

use domain::{Timestamp, UserIdx};

use super::stage::{Stage, wrong};
use crate::evaluation::{Segmentations, UserRows};
use crate::expressions::{Budget, ExpressionUse, PreparedExpression};
use crate::{ListError, Serving, Snapshot};

/// How messages call the filter.
pub(super) const USER_FILTER: &str = "the filter of users whose interactions count";

/// The filter of a stage for the users of one snapshot; without one all count.
pub(super) struct UserFilter<'a>(Option<PreparedExpression<'a>>);

impl UserFilter<'_> {
    /// Whether the interactions of a user count.
    pub(super) fn allows(&self, user: UserIdx) -> bool {
        self.0.as_ref().is_none_or(|filter| filter.allows(user.0))
    }

    /// A key that is equal for calls for which the same users count; none if that is unknown. See
    /// [`reql::Compiled::row_key`].
    pub(super) fn key(&self) -> Option<String> {
        self.0.as_ref().map_or_else(|| Some(String::new()), PreparedExpression::row_key)
    }
}

impl Serving {
    /// Does something with the filter of a stage.
    ///
    /// # Errors
    /// If the filter is no expression.
    pub(super) fn with_user_filter<T>(
        &self,
        stage: &Stage<'_>,
        segmentations: &Segmentations,
        (snapshot, now): (&Snapshot<'_>, Timestamp),
        budget: &Budget,
        what: impl FnOnce(&UserFilter<'_>) -> T,
    ) -> Result<T, ListError> {
        let Some(text) = &stage.settings.user_filter else { return Ok(what(&UserFilter(None))) };
        let rows = UserRows { table: &snapshot.users, ids: snapshot.profiles.ids() };
        // Calls of browsers name no such filter, so that it is the scenario's or a server's.
        let context = stage.contexts(snapshot, segmentations, now).scenario;
        let ready =
            self.expressions.prepare_for_rows(ExpressionUse::Filter, text, &rows, &context, budget);
        Ok(what(&UserFilter(Some(ready.map_err(wrong(USER_FILTER))?))))
    }
}
