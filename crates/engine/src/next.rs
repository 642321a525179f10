//! What comes after a list that was handed out: the same call again, without what it gave.

use std::sync::Arc;

use domain::Entries;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use serving::{ListError, RecommendationRequest, RequestBudget};

use crate::{Engine, RecommendationError, RecommendationResponse};

/// For how long after its last list a recommendation can be continued, in milliseconds.
const CONTINUED_WITHIN_MS: i64 = 30 * 60 * 1_000;
/// Calls that continue one recommendation wait for each other; so many locks are shared among all.
pub(crate) const NEXT_LOCKS: usize = 64;

impl Engine {
    /// Continues a list of items, or of segments; gives the call that began it, too. Where a browser asks, `is_public`, the expressions of a
    /// server's call read no more than a browser's.
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
        let unknown = || {
            let what = format!("nobody was given recommendation {recomm_id} in the last 30 minutes");
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
            let what = format!("recommendation {recomm_id} is no list of {wanted} that can be continued");
            return Err(ListError::Invalid(what).into());
        };
        // Whoever it was for may be part of somebody else now.
        let user_id = begun.user_id.as_ref().and(past.user.map(|(_, id)| id)).or(begun.user_id.clone());
        let mut request = RecommendationRequest { count, user_id, ..begun.clone() };
        request.is_public |= is_public;
        request.left_out.extend(past.items);
        let response = self.respond(&request, recomm_id, past.n_next + 1, budget)?;
        Ok((begun, response))
    }
}
