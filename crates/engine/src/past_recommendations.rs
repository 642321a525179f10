//! Recommendations: lists with an id, whose impressions are recorded for rotation and attribution.

use domain::{Day, Timestamp, TraitDefinition, UserIdx};
use history::Impression;
use profiles::ExternalIdType;
use serving::QueryError;
use state::{RECOMMENDATION_DAYS_KEPT, StoredRecommendation, recommendation_day};
use uuid::Uuid;

use crate::{Engine, ListImpression, Place, RecommendedList};

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
    /// Makes the list of a trait for a user who gets it. Where the user is told the id, `is_cited`,
    /// it is a recommendation; where not, only the rotation goes on.
    pub fn serve_trait(
        &self,
        user: UserIdx,
        definition: &TraitDefinition,
        is_cited: bool,
    ) -> Result<RecommendedList, QueryError> {
        let request = definition.list();
        let mut list = self.recommend(Some(user), &request)?;
        let (at, rotates) = (self.now(), request.rotation_rate > 0.0);
        if is_cited {
            list.recomm_id = Some(new_id(at));
        }
        if is_cited || (rotates && !list.items.is_empty()) {
            let served = ListImpression {
                recomm_id: list.recomm_id,
                user: None,
                at,
                items: list.items.iter().map(|item| item.item_id.clone()).collect(),
                place: Place::Trait(definition.key.clone()),
                group: None,
                model: list.model.clone(),
                rotates,
                n_next: 0,
                request: None,
            };
            self.record_impression(Some(user), served, false)?;
        }
        Ok(list)
    }

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
        let waiting = self.recorder.waiting(id);
        let views = self.snapshot();
        let mut remembered = views.attribution.stored_recommendation(views.store(), id)?;
        for (user, list) in waiting {
            match &mut remembered {
                None if list.n_next == 0 => {
                    remembered = Some(StoredRecommendation::new(list, user))
                }
                Some(remembered) if list.n_next > remembered.n_next => remembered.extend(list),
                _ => {}
            }
        }
        let Some(remembered) = remembered else { return Ok(None) };
        let user = match remembered.user {
            Some(user) => views.name_of(user)?,
            None => None,
        };
        Ok(Some(PastRecommendation {
            user,
            at: remembered.at,
            last_at: remembered.last_at,
            n_next: remembered.n_next,
            place: remembered.place,
            group: remembered.group,
            model: remembered.model,
            items: remembered.items,
            request: remembered.request,
            was_clicked: remembered.was_clicked,
            was_converted: remembered.was_converted,
        }))
    }

    /// Notes a list that `user` is given now, in a browser where it `is_public`; by which id they
    /// are known is filled in here. It is journalled in the background.
    pub(crate) fn record_impression(
        &self,
        user: Option<UserIdx>,
        list: ListImpression,
        is_public: bool,
    ) -> Result<(), QueryError> {
        let name = self.name_of(user)?;
        let views = self.snapshot();
        let known = list.items.iter().filter_map(|item| views.catalog.item(item));
        let known = known.filter(|_| list.rotates);
        let shown = known.map(|item| Impression { item, at_s: list.at.seconds_u32() }).collect();
        drop(views);
        self.recorder.record(user, shown, ListImpression { user: name, ..list }, is_public);
        Ok(())
    }

    /// The id by which a user is named in an entry.
    pub(crate) fn name_of(
        &self,
        user: Option<UserIdx>,
    ) -> Result<Option<(ExternalIdType, String)>, QueryError> {
        let views = self.snapshot();
        Ok(match user {
            Some(user) => views.name_of(user)?,
            None => None,
        })
    }
}

/// An id that begins with its time, by which what it names is found again.
pub(crate) fn new_id(at: Timestamp) -> Uuid {
    let (seconds, ms) = (at.0.max(0) as u64 / 1_000, at.0.max(0) as u64 % 1_000);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, ms as u32 * 1_000_000))
}
