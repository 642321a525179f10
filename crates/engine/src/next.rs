//! Continues a list: repeats its call without the items that it has listed.
//!
//! The fold decides which list is the next one: a list is answered after its entry is applied. If
//! another server has continued the list first, the next list is made again without its items.

use std::sync::Arc;

use domain::{Entries, UserIdx};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use serving::{ListError, RecommendationRequest, RequestBudget};

use crate::engine::NEXT_LOCKS;
use crate::{Engine, Entry, ListImpression, Outcome, RecommendationError, RecommendationResponse};

/// For how long after its last list a recommendation can be continued, in milliseconds.
const CONTINUED_WITHIN_MS: i64 = 30 * 60 * 1_000;

/// The most attempts to make a list while other servers continue the same recommendation.
const ATTEMPTS_MAX: usize = 4;

impl Engine {
    /// Continues a list of items or of segments, and returns also the request that began it. If
    /// `is_public`, the request comes from a browser, and the expressions of a server's request may
    /// read only what a browser's may.
    pub fn next_recommendations(
        &self,
        recomm_id: Uuid,
        count: usize,
        of_segments: bool,
        is_public: bool,
        budget: &Arc<RequestBudget>,
    ) -> Result<(RecommendationRequest, RecommendationResponse), RecommendationError> {
        let lock = xxh3_64(recomm_id.as_bytes()) as usize % NEXT_LOCKS;
        let _one_at_a_time = self.next_locks[lock].lock();
        for _ in 1..ATTEMPTS_MAX {
            match self.make_next(recomm_id, count, of_segments, is_public, budget) {
                Err(RecommendationError::ContinuedElsewhere(_)) => {}
                made => return made,
            }
        }
        self.make_next(recomm_id, count, of_segments, is_public, budget)
    }

    /// Journals a list that continues another one, in an entry of its own, and waits for the
    /// decision of the fold.
    pub(crate) fn journal_next(
        &self,
        user: Option<UserIdx>,
        list: ListImpression,
    ) -> Result<(), RecommendationError> {
        let Some(recomm_id) = list.recomm_id else { return Ok(()) };
        let list = ListImpression { user: self.find_user_name(user)?, ..list };
        // The list that it continues is journalled first.
        if !self.recorder.find_waiting(recomm_id).is_empty()
            && let Some(journalled) = self.recorder.journal_all()
        {
            journalled.blocking_recv().ok();
        }
        match self.submit_blocking(vec![Entry::ListImpressions { lists: vec![list] }])?[..] {
            [Outcome::Refused(_)] => Err(RecommendationError::ContinuedElsewhere(recomm_id)),
            _ => Ok(()),
        }
    }

    fn make_next(
        &self,
        recomm_id: Uuid,
        count: usize,
        of_segments: bool,
        is_public: bool,
        budget: &Arc<RequestBudget>,
    ) -> Result<(RecommendationRequest, RecommendationResponse), RecommendationError> {
        let unknown = || {
            let what =
                format!("nobody was given recommendation {recomm_id} in the last 30 minutes");
            RecommendationError::from(ListError::NotFound(what))
        };
        let past = self.recommendation(recomm_id)?.ok_or_else(unknown)?;
        if self.now().0 - past.last_at.0 > CONTINUED_WITHIN_MS {
            return Err(unknown());
        }
        let request = past.request.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let begun: Option<RecommendationRequest> = request;
        let is_meant = |request: &RecommendationRequest| {
            (request.endpoint.entries() == Entries::Segments) == of_segments
        };
        let Some(begun) = begun.filter(is_meant) else {
            let wanted = if of_segments { "segments" } else { "items" };
            let what =
                format!("recommendation {recomm_id} is no list of {wanted} that can be continued");
            return Err(ListError::Invalid(what).into());
        };
        // The user may have been merged into another one.
        let user_id =
            begun.user_id.as_ref().and(past.user.map(|(_, id)| id)).or(begun.user_id.clone());
        let mut request = RecommendationRequest { count, user_id, ..begun.clone() };
        request.is_public |= is_public;
        request.left_out.extend(past.items);
        let response = self.respond(&request, recomm_id, past.n_next + 1, budget)?;
        Ok((begun, response))
    }
}
