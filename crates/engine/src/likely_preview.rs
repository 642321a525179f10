//! What a product-based audience would come to: who is interested, and how many of the best n acted
//! in a time that the model had not seen.
//!
//! A model that has seen an action cannot be judged by it. So the response is counted by an earlier
//! model whose artifact is kept, or the one in use if enough has happened since: its people are
//! ordered by their histories up to its training, and whoever acted on the items afterwards
//! responded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{LikelyAudience, Timestamp, UserIdx};
use recommender::HistoryEntry;
use serving::{LikeliestPeople, LikelyQuery, QueryError, RequestBudget};
use state::Rate;

use crate::audience_preview::people_order::PeopleOrder;
use crate::member_bits::{has_bit, read_member_bits};
use crate::{Engine, Estimate, PreviewError, Training};

/// How long people are scored for a preview, each of the two times.
pub const LIKELY_PREVIEW_TIME: Duration = Duration::from_millis(600);
/// How many people are shown.
const SAMPLE_MAX: usize = 5;
/// About how many sizes the curve has.
const SIZES: u32 = 20;
/// The least number of people who acted from which anything follows.
pub const RESPONDERS_MIN: u64 = 20;
/// How many places of the order are one step.
const PLACES_PER_STEP: u64 = 2_048;
/// The longest wait for another comparison of models, which takes memory.
const MODEL_WAIT: Duration = Duration::from_millis(200);

/// What a product-based audience would come to.
#[derive(Debug)]
pub struct LikelyPreview {
    /// How many items it is about.
    pub n_items: u64,
    /// How many people may be chosen: everybody, or the members of the audience among which.
    pub n_people: u64,
    /// How many of them were scored.
    pub n_scored: u64,
    /// How many of them have any interest, of whoever is not left out.
    pub interested: Estimate,
    /// Those with the best scores, best first.
    pub sample: Vec<(UserIdx, f32)>,
    /// The size against the response.
    pub response: Response,
}

/// How many of the best n acted.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// It was counted.
    Curve(ResponseCurve),
    /// Fewer than [`RESPONDERS_MIN`] people acted in a time that a model has not seen.
    TooFew {
        /// How many did.
        n_responders: u64,
        /// From when on; none where no model is kept.
        since: Option<Timestamp>,
    },
}

/// Size against response.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseCurve {
    /// The version of the model that ordered people.
    pub model: String,
    /// The newest action that it had seen. Later ones are responses.
    pub since: Timestamp,
    /// How many people were ordered.
    pub n_people: u64,
    /// How many of them responded.
    pub n_responders: u64,
    /// By size, the smallest first; the last one is everybody with any interest.
    pub points: Vec<CurvePoint>,
}

/// The response of the best n.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// How many people the audience would have.
    pub size: u64,
    /// The share of them that responded, with its 95 % interval.
    pub rate: Rate,
}

/// Everybody who may be chosen, in an order in which the first ones stand for all.
struct Candidates {
    order: PeopleOrder,
    among: Option<Vec<u64>>,
    n_people: u64,
}

impl Engine {
    /// Of what a product-based audience names, what the workspace does not know, in words.
    ///
    /// # Errors
    /// If the values of the property cannot be grouped.
    pub fn unknown_likely(&self, likely: &LikelyAudience) -> Result<Vec<String>, QueryError> {
        self.serving.unknown_likely(&self.shared.live, likely, self.now())
    }

    /// Works out what a product-based audience would come to. It need not be saved.
    ///
    /// # Errors
    /// If the filter does not fit the catalog, the store or a model cannot be read, or nobody waits
    /// for the answer.
    pub fn preview_likely(
        &self,
        likely: &LikelyAudience,
        budget: &Arc<RequestBudget>,
    ) -> Result<LikelyPreview, PreviewError> {
        let live = &self.shared.live;
        let query = self.serving.likely_query(live, likely, None, self.now(), budget)?;
        let candidates = self.candidates(likely, budget)?;
        let (mut best, mut n_scored) = (LikeliestPeople::new(SAMPLE_MAX), 0);
        let mut acted = Vec::new();
        self.visit(&candidates, budget, &mut |people| {
            let scores = self.serving.score_likely(live, &query, people)?;
            n_scored += people.len() as u64;
            people.iter().zip(scores).for_each(|(user, score)| best.offer(*user, score));
            let snapshot = self.snapshot();
            let histories = snapshot.interactions.histories();
            let rows = people.iter().map(|user| histories.row(*user));
            acted.extend(rows.filter_map(|row| acted_at(row, likely, &query)));
            Ok(())
        })?;
        Ok(LikelyPreview {
            n_items: query.items().len() as u64,
            n_people: candidates.n_people,
            n_scored,
            interested: Estimate::of_sample(best.n_interested, n_scored, candidates.n_people),
            sample: best.into_sorted(),
            response: self.response(likely, &acted, &candidates, budget)?,
        })
    }

    fn candidates(
        &self,
        likely: &LikelyAudience,
        budget: &RequestBudget,
    ) -> Result<Candidates, PreviewError> {
        let (n_users, n_alive) = {
            let snapshot = self.snapshot();
            let ids = snapshot.profiles.ids();
            (ids.n_users(), ids.users().count() as u64)
        };
        let order = PeopleOrder::new(n_users);
        let Some(key) = &likely.among else {
            return Ok(Candidates { order, among: None, n_people: n_alive });
        };
        let check = || Ok::<_, PreviewError>(budget.check()?);
        let among = read_member_bits(&self.shared.live, key, n_users, &check)?;
        let n_people = among.iter().map(|word| u64::from(word.count_ones())).sum();
        Ok(Candidates { order, among: Some(among), n_people })
    }

    /// Visits people in steps until the time is over. At least one step is done.
    fn visit(
        &self,
        candidates: &Candidates,
        budget: &RequestBudget,
        visit: &mut dyn FnMut(&[UserIdx]) -> Result<(), PreviewError>,
    ) -> Result<(), PreviewError> {
        let deadline = Instant::now() + LIKELY_PREVIEW_TIME;
        let n_places = candidates.order.n_places();
        for first in (0..n_places).step_by(PLACES_PER_STEP as usize) {
            budget.check()?;
            if first > 0 && Instant::now() >= deadline {
                break;
            }
            let people: Vec<UserIdx> = {
                let snapshot = self.snapshot();
                let ids = snapshot.profiles.ids();
                let may_be = |user: &UserIdx| {
                    let bits = candidates.among.as_ref();
                    ids.is_alive(*user) && bits.is_none_or(|bits| has_bit(bits, *user))
                };
                let places = first..(first + PLACES_PER_STEP).min(n_places);
                places.filter_map(|place| candidates.order.at(place)).filter(may_be).collect()
            };
            visit(&people)?;
        }
        Ok(())
    }

    /// The response of people who `acted` at these times, in seconds since 1970.
    fn response(
        &self,
        likely: &LikelyAudience,
        acted: &[u32],
        candidates: &Candidates,
        budget: &Arc<RequestBudget>,
    ) -> Result<Response, PreviewError> {
        let n_since = |at_s: u32| acted.iter().filter(|acted| **acted > at_s).count() as u64;
        let on_disk = self.models_on_disk()?;
        let trainings = self.trainings();
        let kept = || trainings.iter().filter(|one| on_disk.contains(&one.version));
        // The newest that can be judged; else how many there are for the oldest.
        let judged = kept().find(|one| n_since(one.as_of_s) >= RESPONDERS_MIN);
        let Some(training) = judged else {
            let as_of_s = kept().next_back().map(|oldest| oldest.as_of_s);
            let since = as_of_s.map(|at_s| Timestamp(i64::from(at_s) * 1_000));
            let n_responders = as_of_s.map_or(0, n_since);
            return Ok(Response::TooFew { n_responders, since });
        };
        self.curve(likely, training, candidates, budget)
    }

    fn curve(
        &self,
        likely: &LikelyAudience,
        training: &Training,
        candidates: &Candidates,
        budget: &Arc<RequestBudget>,
    ) -> Result<Response, PreviewError> {
        let live = &self.shared.live;
        let since = Timestamp(i64::from(training.as_of_s) * 1_000);
        let Some(_one_at_a_time) = self.comparison_lock.try_lock_for(MODEL_WAIT) else {
            return Err(crate::EngineError::from(crate::TrainingError::ComparisonUnderWay).into());
        };
        let model = Some(self.open_model(&training.version)?);
        let query = self.serving.likely_query(live, likely, model, self.now(), budget)?;
        // (score, whether they responded), of everybody who had done anything and may be chosen.
        let mut scored: Vec<(f32, bool)> = Vec::new();
        self.visit(candidates, budget, &mut |people| {
            let snapshot = self.snapshot();
            let histories = snapshot.interactions.histories();
            let cut = |user: &UserIdx| {
                let row = histories.row(*user);
                row.split_at(row.partition_point(|entry| entry.at_s <= training.as_of_s))
            };
            let is_about = |entry: &HistoryEntry| query.is_about(entry);
            let may_be = |(before, _): &(&[HistoryEntry], &[HistoryEntry])| {
                !(before.is_empty() || likely.exclude_acted && before.iter().any(is_about))
            };
            let rows: Vec<_> = people.iter().map(cut).filter(may_be).collect();
            let before: Vec<&[HistoryEntry]> = rows.iter().map(|(before, _)| *before).collect();
            let responded = rows.iter().map(|(_, after)| after.iter().any(is_about));
            scored.extend(query.score(&snapshot, &before).into_iter().zip(responded));
            Ok(())
        })?;
        let n_responders = scored.iter().filter(|(_, responded)| *responded).count() as u64;
        if n_responders < RESPONDERS_MIN {
            return Ok(Response::TooFew { n_responders, since: Some(since) });
        }
        let n_people = scored.len() as u64;
        // The order of equal scores is that of people, which is random.
        scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let points = points(&scored, n_people as f64 / candidates.n_people.max(1) as f64);
        let model = training.version.clone();
        Ok(Response::Curve(ResponseCurve { model, since, n_people, n_responders, points }))
    }
}

/// When somebody acted on the items: for the first time where whoever has acted is left out, else
/// for the last time; none if they did not.
fn acted_at(row: &[HistoryEntry], likely: &LikelyAudience, query: &LikelyQuery) -> Option<u32> {
    let times = row.iter().filter(|entry| query.is_about(entry)).map(|entry| entry.at_s);
    if likely.exclude_acted { times.min() } else { times.max() }
}

/// The response by size, of people in their order of whom a share was scored.
fn points(scored: &[(f32, bool)], share_scored: f64) -> Vec<CurvePoint> {
    let n_interested = scored.iter().take_while(|(score, _)| *score > 0.0).count();
    let mut points: Vec<CurvePoint> = Vec::new();
    let (mut n_responders, mut n) = (0, 0);
    for step in 1..=SIZES {
        // From 1 to everybody, each about as many times as large as the one before.
        let size = (n_interested as f64).powf(f64::from(step) / f64::from(SIZES)).round() as usize;
        n_responders += scored[n..size].iter().filter(|(_, responded)| *responded).count() as u64;
        if size > n {
            let whole = (size as f64 / share_scored.min(1.0)).round() as u64;
            points.push(CurvePoint { size: whole, rate: Rate::new(n_responders, size as u64) });
        }
        n = size;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_few_to_all_who_are_interested() {
        // Of the first hundred every second one responds, of the next hundred nobody.
        let scored: Vec<(f32, bool)> =
            (0..300).map(|n| ((200 - n).max(0) as f32, n < 100 && n % 2 == 0)).collect();
        let points = points(&scored, 1.0);
        let last = points.last().unwrap();
        assert_eq!((last.size, last.rate), (200, Rate::new(50, 200)));
        assert!(points.is_sorted_by(|a, b| a.size < b.size) && points.len() > 10);
        let tenth = super::points(&scored, 0.1);
        assert_eq!(tenth.last().unwrap().size, 2_000, "those who were not scored are as many more");
        assert!(
            super::points(&[], 1.0).is_empty() && super::points(&[(0.0, true)], 1.0).is_empty()
        );
    }
}
