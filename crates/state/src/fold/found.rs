//! What the fold does with answers that were found outside it.

use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::answers::FoundAnswers;
use crate::views::Views;

/// Notes for whom a condition holds, and has their audiences worked out. People whom nobody knows
/// any more are left out.
pub(super) fn apply_found(
    views: &mut Views,
    batch: &mut Batch<'_>,
    found: FoundAnswers,
) -> Result<(), StoreError> {
    for (type_, id, holds) in &found.people {
        let person = ExternalId { type_: *type_, value: id };
        let Some(user) = views.profiles.ids().user_by_external_id(person) else { continue };
        if views.answers.set(batch, &found.question, user, *holds)? {
            views.follow_answer(batch, user)?;
        }
    }
    if let Some(by) = found.ended {
        views.answers.end_search(batch, &found.question, by);
    }
    Ok(())
}
