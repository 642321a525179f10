//! What the fold does with lists that were shown.

use domain::Day;
use history::Impression;
use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::attribution::{AHEAD_DAYS_MAX, ListImpression, Place};
use crate::refusal::Refusal;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;

/// Skips users and items that were deleted since, and lists whose time is more than
/// [`AHEAD_DAYS_MAX`] ahead of the journal's clock. A list that continues a recommendation which
/// another list has continued meanwhile is skipped and refused.
pub(super) fn record_list_impressions(
    views: &mut Views,
    batch: &mut Batch<'_>,
    lists: Vec<ListImpression>,
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::Applied;
    let today =
        lists.iter().map(|list| Day::from_timestamp(views.setup.clock.time().bound(list.at))).max();
    let Some(today) = today else { return Ok(outcome) };
    let n_lists = lists.len();
    let is_credible =
        |list: &ListImpression| Day::from_timestamp(list.at).earlier(AHEAD_DAYS_MAX) <= today;
    for list in lists.into_iter().filter(is_credible) {
        let id = list.user.as_ref().map(|(type_, value)| ExternalId { type_: *type_, value });
        let user = id.and_then(|id| views.profiles.ids().user_by_external_id(id));
        let impressions: Vec<Impression> = {
            let at_s = list.at.seconds_u32();
            let rotating = list.items.iter().filter(|_| list.rotates && user.is_some());
            let items = rotating.filter_map(|item| views.catalog.index(item));
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
            outcome = Outcome::Refused(Refusal::AlreadyExists(
                "another request has continued the recommendation".to_owned(),
            ));
        } else if let Some(user) = user.filter(|_| rotates) {
            views.impressions.add(batch, user, &impressions, views.setup.clock.time());
            views.last_sent.touch_traits(user);
            if let Some(due) = views.impressions.expires_at(user) {
                let timer = Timer { due, kind: TimerKind::ForgetImpressions, id: user.0 };
                // Without room for the timer, old impressions stay until the user's next list.
                views.timers.schedule(batch, timer)?;
            }
        }
    }
    views.attribution.remove_expired(batch, today, n_lists)?;
    Ok(outcome)
}
