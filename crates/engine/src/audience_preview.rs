//! Who would belong to an audience: everybody is asked in a random order until the time is over, so
//! that the answer is exact for what can be counted in time, and an estimate with an interval else.

mod estimate;
pub(crate) mod people_order;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conditions::{Answer, Condition, Explanation};
use domain::UserIdx;
use serving::{BudgetError, Reach, RequestBudget};

pub use self::estimate::Estimate;
use self::people_order::PeopleOrder;
use crate::member_bits::read_member_bits;
use crate::person_facts::{Facts, Members, Question};
use crate::sync::ListAnswers;
use crate::{Engine, EngineError};

/// How long people are asked for a preview.
pub const PREVIEW_TIME: Duration = Duration::from_millis(1_500);
/// How many people are shown with the reasons for which they match.
pub const PREVIEW_SAMPLE_MAX: usize = 5;
/// How many places of the order are one step. The fold waits for half of it at most.
const PLACES_PER_STEP: u64 = 64;
/// Of how many people lists are made before the time is looked at.
const LISTS_AT_ONCE: usize = 16;
/// Of how many who match reach and other audiences are counted: a share of 50 % is then known to
/// 1.4 points.
const SURVEYED_MAX: u64 = 5_000;
/// Up to how many members of the audiences in a condition are read at once. Beyond, each person is
/// looked up.
const MEMBERS_READ_MAX: u64 = 1_000_000;
/// The most threads that ask for one preview: no more than there are for lists.
const THREADS_MAX: usize = 8;

/// How much is asked for a preview.
#[derive(Debug, Clone, Copy)]
pub struct PreviewLimits {
    /// How long people are asked.
    pub time: Duration,
    /// How many people are asked, to a step.
    pub people: u64,
}

impl Default for PreviewLimits {
    fn default() -> Self {
        Self { time: PREVIEW_TIME, people: u64::MAX }
    }
}

/// A way to reach people, or what they are known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A device with a push token.
    Push,
    /// A user id.
    UserId,
    /// Anonymous ids alone.
    AnonymousOnly,
}

impl Channel {
    /// Every channel with its word.
    pub const WORDS: [(Self, &'static str); 5] = [
        (Self::Email, "email"),
        (Self::Phone, "phone"),
        (Self::Push, "push"),
        (Self::UserId, "user_id"),
        (Self::AnonymousOnly, "anonymous_only"),
    ];

    fn is_in(self, reach: Reach) -> bool {
        match self {
            Self::Email => reach.email,
            Self::Phone => reach.phone,
            Self::Push => reach.push,
            Self::UserId => reach.user_id,
            Self::AnonymousOnly => !reach.user_id,
        }
    }
}

/// Who would belong to an audience.
#[derive(Debug, Clone)]
pub struct AudiencePreview {
    /// How many profiles there are.
    pub n_profiles: u64,
    /// How many of them were asked.
    pub n_asked: u64,
    /// How many people match.
    pub people: Estimate,
    /// How many of these can be reached by each channel.
    pub reach: Vec<(Channel, Estimate)>,
    /// How many of these belong to each audience there is.
    pub overlaps: Vec<Overlap>,
    /// Some of them, at random.
    pub sample: Vec<SampledPerson>,
}

/// How many of the people belong to an audience as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The key of the audience.
    pub audience: String,
    /// How many belong to both.
    pub both: Estimate,
    /// How many belong to the audience.
    pub n_members: u64,
}

/// Somebody who matches, and why.
#[derive(Debug, Clone)]
pub struct SampledPerson {
    /// The person.
    pub user: UserIdx,
    /// What holds for each part of the condition.
    pub why: Explanation,
}

/// Errors of previews.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The budget of the request is used up.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The store or the journal cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<serving::ListError> for PreviewError {
    fn from(error: serving::ListError) -> Self {
        match error {
            serving::ListError::Budget(error) => Self::Budget(error),
            error => Self::Engine(error.into()),
        }
    }
}

impl From<serving::QueryError> for PreviewError {
    fn from(error: serving::QueryError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Who belongs to an audience with this condition now, by all events that are kept. Where that
    /// depends on what somebody is recommended, their list is made.
    ///
    /// # Errors
    /// If the store or the journal cannot be read, or nobody waits for the answer.
    pub fn preview_audience(
        &self,
        condition: &Condition,
        limits: PreviewLimits,
        budget: &Arc<RequestBudget>,
    ) -> Result<AudiencePreview, PreviewError> {
        let deadline = Instant::now() + limits.time;
        let (n_users, n_profiles) = {
            let snapshot = self.snapshot();
            let ids = snapshot.profiles.ids();
            let users = (0..ids.n_users() as u32).map(UserIdx);
            (ids.n_users(), users.filter(|user| ids.is_alive(*user)).count() as u64)
        };
        let members = self.read_members(condition, n_users, budget)?;
        let (config, maker) = (self.config(), self.list_maker());
        let is_list = |key: &str| config.trait_definition(key).is_some();
        let question = Question::new(condition, maker.now, &is_list);
        let preview = Preview {
            engine: self,
            lists: ListAnswers::new(maker, budget, &question.lists),
            holds_for_nobody: question.decide(&Facts::nobody(), &members) == Some(true),
            question,
            members,
            order: PeopleOrder::new(n_users),
            limits,
            deadline,
            budget,
            next_place: AtomicU64::new(0),
            n_asked: AtomicU64::new(0),
            n_surveyed: AtomicU64::new(0),
            is_stopped: AtomicBool::new(false),
        };
        let tally = preview.ask_everybody()?;
        self.answer(condition, n_profiles, tally)
    }

    fn answer(
        &self,
        condition: &Condition,
        n_profiles: u64,
        tally: Tally,
    ) -> Result<AudiencePreview, PreviewError> {
        let kept = match condition {
            Condition::Audience(key) => self.snapshot().audiences.n_members(key),
            _ => None,
        };
        let people = match kept {
            Some(n_members) => Estimate::exact(n_members),
            None if tally.is_cut => {
                Estimate::of_sample(tally.n_matching, tally.n_asked, n_profiles)
            }
            None => Estimate::exact(tally.n_matching),
        };
        let part = |n_found: u64| people.part(n_found, tally.n_surveyed);
        let reach = Channel::WORDS.map(|(channel, _)| {
            (channel, part(tally.reach.get(&channel).copied().unwrap_or_default()))
        });
        let overlaps = {
            let snapshot = self.snapshot();
            let overlap = |key: &str| Overlap {
                audience: key.to_owned(),
                both: part(tally.overlaps.get(key).copied().unwrap_or_default()),
                n_members: snapshot.audiences.n_members(key).unwrap_or_default(),
            };
            snapshot.audiences.keys().map(overlap).collect()
        };
        let mut sample = Vec::new();
        for (_, user, answers) in tally.sample {
            let why = self.explain_with_answers(condition, user, answers)?;
            sample.push(SampledPerson { user, why });
        }
        let n_asked = tally.n_asked;
        Ok(AudiencePreview { n_profiles, n_asked, people, reach: reach.into(), overlaps, sample })
    }

    /// The members of the audiences that the condition names; none where they are too many.
    fn read_members(
        &self,
        condition: &Condition,
        n_users: usize,
        budget: &RequestBudget,
    ) -> Result<Members, PreviewError> {
        let keys = condition.audiences();
        let n_members = |key: &&str| self.snapshot().audiences.n_members(key).unwrap_or_default();
        if keys.iter().map(n_members).sum::<u64>() > MEMBERS_READ_MAX {
            return Ok(Members::new());
        }
        let mut members = Members::new();
        for key in keys {
            let check = || Ok::<_, PreviewError>(budget.check()?);
            let bits = read_member_bits(&self.shared.live, key, n_users, &check)?;
            members.insert(key.to_owned(), bits);
        }
        Ok(members)
    }
}

/// A preview under way.
struct Preview<'a> {
    engine: &'a Engine,
    question: Question<'a>,
    /// Answers the parts of the question that ask for lists.
    lists: ListAnswers<'a>,
    members: Members,
    /// Whether the condition holds for somebody of whom nothing is known. Who has sent no message
    /// must then be told from people.
    holds_for_nobody: bool,
    order: PeopleOrder,
    limits: PreviewLimits,
    deadline: Instant,
    budget: &'a RequestBudget,
    next_place: AtomicU64,
    n_asked: AtomicU64,
    n_surveyed: AtomicU64,
    /// Whether one of the threads has met an error or the end of the time.
    is_stopped: AtomicBool,
}

/// What was counted.
#[derive(Default)]
struct Tally {
    n_asked: u64,
    n_matching: u64,
    n_surveyed: u64,
    /// Whether not everybody was asked.
    is_cut: bool,
    reach: BTreeMap<Channel, u64>,
    overlaps: BTreeMap<String, u64>,
    /// The first who match, with their places in the order and what their lists say.
    sample: Vec<(u64, UserIdx, Vec<Answer>)>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.n_asked += other.n_asked;
        self.n_matching += other.n_matching;
        self.n_surveyed += other.n_surveyed;
        self.is_cut |= other.is_cut;
        for (channel, n) in other.reach {
            *self.reach.entry(channel).or_default() += n;
        }
        for (key, n) in other.overlaps {
            *self.overlaps.entry(key).or_default() += n;
        }
        self.sample.extend(other.sample);
        self.sample.sort_unstable_by_key(|(place, ..)| *place);
        self.sample.truncate(PREVIEW_SAMPLE_MAX);
    }
}

impl Preview<'_> {
    fn ask_everybody(&self) -> Result<Tally, PreviewError> {
        let n_threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..n_threads.min(THREADS_MAX))
                .map(|_| scope.spawn(|| self.ask_step_by_step()))
                .collect();
            let mut all = Tally::default();
            for thread in threads {
                all.add(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(all)
        })
    }

    fn ask_step_by_step(&self) -> Result<Tally, PreviewError> {
        let mut all = Tally::default();
        loop {
            let first = self.next_place.fetch_add(PLACES_PER_STEP, Ordering::Relaxed);
            if first >= self.order.n_places() {
                return Ok(all);
            }
            let step = self.ask_step(first).inspect_err(|_| self.stop())?;
            // A step counts whole or not at all: who takes long would be missing otherwise.
            match step {
                Some(step) => all.add(step),
                None => {
                    all.is_cut = true;
                    return Ok(all);
                }
            }
        }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether there is time to go on.
    fn goes_on(&self) -> bool {
        if Instant::now() >= self.deadline {
            self.stop();
        }
        !self.is_stopped.load(Ordering::Relaxed)
    }

    /// Asks those who stand at the places of a step; none where the time is over before they are
    /// done.
    fn ask_step(&self, first: u64) -> Result<Option<Tally>, PreviewError> {
        self.budget.check()?;
        if !self.goes_on() || self.n_asked.load(Ordering::Relaxed) >= self.limits.people {
            return Ok(None);
        }
        let mut asked: Vec<(u64, UserIdx, Facts)> = Vec::new();
        {
            let snapshot = self.engine.snapshot();
            for place in first..(first + PLACES_PER_STEP).min(self.order.n_places()) {
                let user = self.order.at(place);
                let Some(user) = user.filter(|user| snapshot.profiles.ids().is_alive(*user)) else {
                    continue;
                };
                asked.push((place, user, self.question.read(&snapshot, user, &self.members)?));
            }
        }
        if !self.answer_lists(&mut asked)? {
            return Ok(None);
        }
        let mut step = Tally { n_asked: asked.len() as u64, ..Tally::default() };
        for (place, user, mut facts) in asked {
            let Some(matches) = self.ask_for_properties(&mut facts)? else { return Ok(None) };
            if matches && (facts.is_found() || self.is_person(user)?) {
                step.n_matching += 1;
                if step.sample.len() < PREVIEW_SAMPLE_MAX {
                    let answers = self.answers_of(user, facts)?;
                    step.sample.push((place, user, answers));
                }
                if self.n_surveyed.fetch_add(1, Ordering::Relaxed) < SURVEYED_MAX {
                    self.survey(user, &mut step)?;
                }
            }
        }
        self.n_asked.fetch_add(step.n_asked, Ordering::Relaxed);
        Ok(Some(step))
    }

    /// Makes the lists of those for whom they decide the condition. False where the time is over
    /// before.
    fn answer_lists(&self, asked: &mut [(u64, UserIdx, Facts)]) -> Result<bool, PreviewError> {
        if self.question.lists.is_empty() {
            return Ok(true);
        }
        let mut open: Vec<&mut (u64, UserIdx, Facts)> = asked
            .iter_mut()
            .filter(|(.., facts)| self.question.decide(facts, &self.members).is_none())
            .collect();
        for some in open.chunks_mut(LISTS_AT_ONCE) {
            if !self.goes_on() {
                return Ok(false);
            }
            let users: Vec<UserIdx> = some.iter().map(|(_, user, _)| *user).collect();
            for ((.., facts), answers) in some.iter_mut().zip(self.lists.find(&users)?) {
                facts.set_answers(answers);
            }
        }
        Ok(true)
    }

    /// What the lists of somebody in the sample say, made now where nothing asked for them.
    fn answers_of(&self, user: UserIdx, facts: Facts) -> Result<Vec<Answer>, PreviewError> {
        match facts.into_answers() {
            Some(answers) => Ok(answers),
            None if self.question.lists.is_empty() => Ok(Vec::new()),
            None => Ok(self.lists.find(&[user])?.pop().unwrap_or_default()),
        }
    }

    /// Whether the condition holds, with properties where they decide it; none where the time is
    /// over before.
    fn ask_for_properties(&self, facts: &mut Facts) -> Result<Option<bool>, PreviewError> {
        if let Some(matches) = self.question.decide(facts, &self.members) {
            return Ok(Some(matches));
        }
        let goes_on = || self.goes_on();
        self.engine.read_properties(&self.question, facts, &self.members, false, &goes_on)?;
        Ok(self.question.decide(facts, &self.members))
    }

    /// Whether somebody who matches has sent a message.
    fn is_person(&self, user: UserIdx) -> Result<bool, PreviewError> {
        if !self.holds_for_nobody {
            return Ok(true);
        }
        let snapshot = self.engine.snapshot();
        Ok(snapshot.profiles.has_messages(snapshot.store(), user).map_err(EngineError::from)?)
    }

    /// Counts how somebody who matches is reached, and to which audiences they belong.
    fn survey(&self, user: UserIdx, step: &mut Tally) -> Result<(), PreviewError> {
        let snapshot = self.engine.snapshot();
        let reach = snapshot.reach(user)?;
        step.n_surveyed += 1;
        for (channel, _) in Channel::WORDS {
            *step.reach.entry(channel).or_default() += u64::from(channel.is_in(reach));
        }
        for key in snapshot.audiences_of(user)? {
            *step.overlaps.entry(key.to_owned()).or_default() += 1;
        }
        Ok(())
    }
}
