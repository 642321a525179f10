//! Looks for the people of product-based audiences: scores everybody in steps, and journals who
//! enters and who leaves. What a crash leaves out is found by the next search, which is due at
//! once, since the last entry of this one is missing.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{LikelyAudience, Timestamp, UserIdx};
use serving::{LikeliestPeople, LikelyQuery, RequestBudget};
use state::{FOUND_PEOPLE_MAX, FoundAnswers, FoundBy, Question};

use super::questions::{name_person, to_entries};
use super::{ANSWERS_PER_SUBMISSION, PEOPLE_PER_STEP, Reconciler};
use crate::EngineError;
use crate::member_bits::{has_bit, read_member_bits};

/// The time after which a search that failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
const HOUR_MS: i64 = 3_600_000;

/// An audience whose people are looked for.
#[derive(Debug, Clone)]
pub(super) struct LikelyPlan {
    /// The question that the audience is.
    pub(super) question: String,
    pub(super) likely: LikelyAudience,
    /// The definition as JSON.
    pub(super) definition: String,
}

/// The search that is under way, and when the next may begin.
#[derive(Default)]
pub(super) struct Searches {
    under_way: Option<Search>,
    rest_until: Option<Instant>,
}

struct Search {
    plan: LikelyPlan,
    query: LikelyQuery,
    /// A bit for each member of the audience among whom people are chosen; none for everybody.
    among: Option<Vec<u64>>,
    stage: Stage,
}

enum Stage {
    /// People from an index on are to be scored.
    Scoring { next: u32, best: LikeliestPeople },
    /// These enter, or leave, and are not journalled yet.
    Telling { changed: VecDeque<(UserIdx, bool)>, n_interested: u64 },
}

impl LikelyPlan {
    /// Whether people must be looked for: by another definition or model than the last time, or
    /// since that is long ago.
    fn is_due(&self, asked: &Question, model: Option<&str>, now: Timestamp) -> bool {
        asked.last.as_ref().is_none_or(|last| {
            let age_ms = now.0 - last.at.0;
            last.definition != self.definition
                || last.model.as_deref() != model
                || age_ms >= i64::from(self.likely.every_hours) * HOUR_MS
        })
    }
}

impl Reconciler {
    /// Takes the next step of a search. Returns whether there was something to do.
    pub(super) fn search_on(&mut self) -> Result<bool, EngineError> {
        if self.searches.rest_until.is_some_and(|until| Instant::now() < until) {
            return Ok(false);
        }
        let step = self.search_step();
        self.searches.rest_until = step.is_err().then(|| Instant::now() + RETRY_INTERVAL);
        step
    }

    fn search_step(&mut self) -> Result<bool, EngineError> {
        let search = match self.searches.under_way.take() {
            // Of a definition that is gone, nothing more is told.
            Some(search)
                if self
                    .plan
                    .likely
                    .iter()
                    .any(|plan| plan.definition == search.plan.definition) =>
            {
                search
            }
            _ => match self.begin_search()? {
                Some(search) => search,
                None => return Ok(false),
            },
        };
        let Search { plan, query, among, stage } = search;
        let stage = match stage {
            Stage::Scoring { next, best } => {
                self.score_step(&plan, &query, among.as_deref(), next, best)?
            }
            Stage::Telling { changed, n_interested } if changed.is_empty() => {
                let now = self.shared.clock.now();
                let by = FoundBy {
                    at: now,
                    definition: plan.definition,
                    model: query.model(),
                    n_interested,
                };
                let end = FoundAnswers {
                    at: now,
                    question: plan.question,
                    people: Vec::new(),
                    ended: Some(by),
                };
                self.submit_answers(vec![end])?;
                return Ok(true);
            }
            Stage::Telling { mut changed, n_interested } => {
                let n = changed.len().min(FOUND_PEOPLE_MAX * ANSWERS_PER_SUBMISSION);
                self.tell(&plan.question, changed.drain(..n).collect())?;
                Stage::Telling { changed, n_interested }
            }
        };
        self.searches.under_way = Some(Search { plan, query, among, stage });
        Ok(true)
    }

    /// Begins the search that is due; none if none is, or the model is not in use yet.
    fn begin_search(&self) -> Result<Option<Search>, EngineError> {
        if !self.makes_lists {
            return Ok(None);
        }
        let (now, model) = (self.shared.clock.now(), self.serving.model());
        let model = model.as_ref().map(|model| model.version.as_str());
        let (plan, n_users) = {
            let snapshot = self.shared.live.snapshot();
            let questions = snapshot.answers.questions();
            let is_due = |plan: &&LikelyPlan| {
                let is_among = plan.likely.among.as_ref();
                questions.get(&plan.question).is_some_and(|asked| plan.is_due(asked, model, now))
                    && is_among.is_none_or(|key| snapshot.is_worked_out(key))
            };
            let Some(plan) = self.plan.likely.iter().find(is_due) else { return Ok(None) };
            (plan.clone(), snapshot.profiles.ids().n_users())
        };
        let budget = Arc::new(RequestBudget::unlimited());
        let query =
            self.serving.likely_query(&self.shared.live, &plan.likely, None, now, &budget)?;
        let among = plan.likely.among.as_ref();
        let among = among.map(|key| {
            read_member_bits(&self.shared.live, key, n_users, &|| Ok::<_, EngineError>(()))
        });
        let best = LikeliestPeople::new(plan.likely.size as usize);
        let stage = Stage::Scoring { next: 0, best };
        Ok(Some(Search { query, among: among.transpose()?, stage, plan }))
    }

    fn score_step(
        &self,
        plan: &LikelyPlan,
        query: &LikelyQuery,
        among: Option<&[u64]>,
        next: u32,
        mut best: LikeliestPeople,
    ) -> Result<Stage, EngineError> {
        let (people, end, n_users) = {
            let snapshot = self.shared.live.snapshot();
            let ids = snapshot.profiles.ids();
            let n_users = ids.n_users() as u32;
            let end = next.saturating_add(PEOPLE_PER_STEP as u32).min(n_users);
            let may_be = |user: &UserIdx| {
                ids.is_alive(*user) && among.is_none_or(|bits| has_bit(bits, *user))
            };
            (((next..end).map(UserIdx)).filter(may_be).collect::<Vec<_>>(), end, n_users)
        };
        let scores = self.serving.score_likely(&self.shared.live, query, &people)?;
        people.into_iter().zip(scores).for_each(|(user, score)| best.offer(user, score));
        if end < n_users {
            return Ok(Stage::Scoring { next: end, best });
        }
        let n_interested = best.n_interested;
        let chosen: BTreeSet<UserIdx> =
            best.into_sorted().into_iter().map(|(user, _)| user).collect();
        let present = self.read_present(&plan.question)?;
        let leaving = present.difference(&chosen).map(|user| (*user, false));
        let entering = chosen.difference(&present).map(|user| (*user, true));
        Ok(Stage::Telling { changed: leaving.chain(entering).collect(), n_interested })
    }

    /// The people who belong to the audience now.
    fn read_present(&self, question: &str) -> Result<BTreeSet<UserIdx>, EngineError> {
        let (mut present, mut first) = (BTreeSet::new(), Some(0));
        while let Some(from) = first {
            let snapshot = self.shared.live.snapshot();
            let store = snapshot.store();
            let (people, next) = snapshot.answers.people(store, question, from, PEOPLE_PER_STEP)?;
            present.extend(people);
            first = next;
        }
        Ok(present)
    }

    /// Journals some who enter and leave. Nobody is told of who is gone meanwhile.
    fn tell(&self, question: &str, changed: Vec<(UserIdx, bool)>) -> Result<(), EngineError> {
        let mut named = Vec::with_capacity(changed.len());
        {
            let snapshot = self.shared.live.snapshot();
            for (user, holds) in changed {
                let is_alive = snapshot.profiles.ids().is_alive(user);
                if is_alive && let Some((type_, id)) = name_person(&self.shared, &snapshot, user)? {
                    named.push((type_, id, holds));
                }
            }
        }
        self.submit_answers(to_entries(question, named, self.shared.clock.now()))
    }
}
