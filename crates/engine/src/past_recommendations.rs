//! Recommendations: lists with an id, whose impressions are recorded for rotation and attribution.

use domain::{Day, Timestamp, UserIdx};
use history::Impression;
use profiles::ExternalIdType;
use serving::QueryError;
use state::{RECOMMENDATION_DAYS_KEPT, StoredRecommendation, recommendation_day};
use uuid::Uuid;

use crate::{Engine, ListImpression, Place};

/// A recommendation that can still be cited.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRecommendation {
    /// An external id of the user; none if it was for no user, or for a deleted one.
    pub user: Option<(ExternalIdType, String)>,
    /// The time of the first list.
    pub at: Timestamp,
    /// The time of the latest list.
    pub last_at: Timestamp,
    /// How many lists have continued it.
    pub n_next: u32,
    /// Where the list was requested.
    pub place: Place,
    /// The group of an A/B test.
    pub group: Option<String>,
    /// The version of the model; none before the first training.
    pub model: Option<String>,
    /// External ids, best first, list after list.
    pub items: Vec<String>,
    /// The request as JSON; none if it cannot be continued.
    pub request: Option<String>,
    /// Whether a detail view cites it.
    pub was_clicked: bool,
    /// Whether a purchase cites it.
    pub was_converted: bool,
}

impl Engine {
    /// The recommendation of an id, also if it is not journalled yet; none if the id is unknown or
    /// too old.
    pub fn recommendation(&self, id: Uuid) -> Result<Option<PastRecommendation>, QueryError> {
        let is_too_old =
            |day| day < Day::from_timestamp(self.now()).earlier(RECOMMENDATION_DAYS_KEPT);
        if recommendation_day(id).is_none_or(is_too_old) {
            return Ok(None);
        }
        // In this order: what leaves the queue in between is in the store, and what is in both says
        // so by its number.
        let waiting = self.recorder.find_waiting(id);
        let views = self.snapshot();
        let mut stored = views.attribution.stored_recommendation(views.store(), id)?;
        for (user, list) in waiting {
            match &mut stored {
                None if list.n_next == 0 => stored = Some(StoredRecommendation::new(list, user)),
                Some(stored) if list.n_next > stored.n_next => stored.extend(list),
                _ => {}
            }
        }
        let Some(stored) = stored else { return Ok(None) };
        let user = match stored.user {
            Some(user) => views.find_user_name(user)?,
            None => None,
        };
        Ok(Some(PastRecommendation {
            user,
            at: stored.at,
            last_at: stored.last_at,
            n_next: stored.n_next,
            place: stored.place,
            group: stored.group,
            model: stored.model,
            items: stored.items,
            request: stored.request,
            was_clicked: stored.was_clicked,
            was_converted: stored.was_converted,
        }))
    }

    /// Records the impression of a list for `user`, in the background. The user's external id is
    /// filled in here. `is_public` tells a list for a browser.
    pub(crate) fn record_impression(
        &self,
        user: Option<UserIdx>,
        list: ListImpression,
        is_public: bool,
    ) -> Result<(), QueryError> {
        let name = self.find_user_name(user)?;
        if name.as_ref().is_some_and(|(_, id)| self.is_suppressed(id)) {
            return Ok(());
        }
        let views = self.snapshot();
        let known = list.items.iter().filter_map(|item| views.catalog.item(item));
        let known = known.filter(|_| list.rotates);
        let shown = known.map(|item| Impression { item, at_s: list.at.seconds_u32() }).collect();
        drop(views);
        self.recorder.record(user, shown, ListImpression { user: name, ..list }, is_public);
        Ok(())
    }

    /// Finds the external id by which entries name a user.
    pub(crate) fn find_user_name(
        &self,
        user: Option<UserIdx>,
    ) -> Result<Option<(ExternalIdType, String)>, QueryError> {
        let views = self.snapshot();
        let name = match user {
            Some(user) => views.find_user_name(user)?,
            None => None,
        };
        // Deletions look for entries of people by their user ids and anonymous ids.
        Ok(name.filter(|(type_, _)| !type_.is_declared()))
    }
}
