//! Decides on messages of a campaign that are due. What concerns one person alone is done on all
//! cores: reading them, and making their message. What depends on how many were sent before is
//! decided in the order of the people.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{ScopedJoinHandle, available_parallelism, scope};

use activation::{Checks, Decision, DueMessage, RefusalReason, SentCounts};
use domain::{
    CampaignStart, ChannelLimits, DeliveryOptions, TimeZone, Timestamp, UserIdx, WorkspaceConfig,
};
use state::{
    CampaignDecision, CampaignMessage, DecisionOutcome, Occurrence, Waiting, message_id,
    number_message,
};

use super::content::{Made, Making, MakingFor, Templates};
use super::person::Person;
use super::planned::Planned;
use super::variants::Choice;
use super::{CAMPAIGN_STOPPED, EXPIRES_AFTER_S_DEFAULT, Running, Sender, in_app};
use crate::EngineError;
use crate::list_maker::ListMaker;

/// What a step decides with.
pub(super) struct Step<'s> {
    pub(super) campaign: &'s Running,
    pub(super) config: Arc<WorkspaceConfig>,
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
    /// The day of `now`, in days since 1970 of the workspace's time zone.
    pub(super) day: u32,
    /// What was sent before and in this step.
    pub(super) sent: SentCounts,
    templates: Arc<Templates>,
    limits: ChannelLimits,
}

/// A message that is due to somebody who is there.
struct Candidate<'s> {
    person: Person,
    waiting: Waiting,
    fate: Fate<'s>,
}

/// What is known of a message so far.
enum Fate<'s> {
    /// What becomes of it.
    Known(DecisionOutcome),
    /// It is sent if the checks let it pass, and if it can be made.
    Open(Box<OpenMessage<'s>>),
}

/// A message on which the checks decide.
struct OpenMessage<'s> {
    making: Making<'s>,
    /// The place of the variant; none for the campaign's own form.
    variant: Option<usize>,
    options: DeliveryOptions,
    is_reachable: bool,
}

impl Sender {
    /// Begins to decide on some messages of a campaign, with what was sent before.
    pub(super) fn begin_step<'s>(
        &self,
        campaign: &'s Running,
        now: Timestamp,
    ) -> Result<Step<'s>, EngineError> {
        let config = self.shared.config.load_full();
        let channel = &campaign.definition.channel;
        let destination = config.destination(channel);
        let limits = destination.map_or_else(ChannelLimits::default, |channel| channel.limits);
        let zone = config.time_zone.clone().unwrap_or(TimeZone::UTC);
        let day = activation::day_of(&zone, now);
        let snapshot = self.shared.live.snapshot();
        let by_day = snapshot.campaigns.counts_of_day(snapshot.store(), campaign.number, day);
        let sent = SentCounts {
            people_today: by_day.map_err(serving::QueryError::from)?.people,
            people_of_run: campaign.run.map_or(0, |run| run.n_people),
            messages: campaign.messages,
            channel_messages: snapshot.campaigns.sent_lately(channel, now),
        };
        drop(snapshot);
        let templates = self.contents.templates(&campaign.definition);
        Ok(Step { campaign, config, zone, now, day, sent, templates, limits })
    }

    /// Decides on messages, each to another person, and makes those that are sent. None for
    /// whoever is gone or has no id.
    pub(super) fn decide(
        &self,
        step: &mut Step<'_>,
        due: &[(UserIdx, Waiting)],
    ) -> Result<Vec<Option<CampaignDecision>>, EngineError> {
        let templates = Arc::clone(&step.templates);
        let read = on_all_cores(due.to_vec(), |(user, waiting)| {
            self.read_candidate(step, &templates, user, waiting)
        });
        let mut candidates = read.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut decisions = Vec::with_capacity(candidates.len());
        while !candidates.is_empty() {
            let n_checked = step.check(&mut candidates);
            let checked = candidates.drain(..n_checked).collect();
            let made = on_all_cores(checked, |candidate: Option<Candidate<'_>>| {
                candidate.map(|candidate| self.make(step, candidate))
            });
            for decision in made.iter().flatten() {
                if let DecisionOutcome::Sent(message) = &decision.outcome {
                    step.sent = sent_one_more(step.sent, message.is_first_of_day);
                }
            }
            decisions.extend(made);
        }
        Ok(decisions)
    }

    /// Reads a person, and what keeps the message from them whatever was sent before.
    fn read_candidate<'s>(
        &'s self,
        step: &Step<'s>,
        templates: &'s Templates,
        user: UserIdx,
        mut waiting: Waiting,
    ) -> Result<Option<Candidate<'s>>, EngineError> {
        let Some(person) = Person::read(&self.shared, step, user, &waiting)? else {
            return Ok(None);
        };
        let fate = match self.first_due(step, user, &waiting, &person)? {
            Err(outcome) => Fate::Known(outcome),
            Ok(first_due) => {
                waiting.first_due = first_due;
                match templates.choose(step.campaign, &person, &waiting, step.now) {
                    Choice::At(until) => Fate::Known(DecisionOutcome::Waits { until }),
                    Choice::Variant(variant) => {
                        Fate::Open(Box::new(self.open(step, templates, (user, &person), variant)))
                    }
                }
            }
        };
        Ok(Some(Candidate { person, waiting, fate }))
    }

    /// Since when the message is due, or what becomes of it where it is not.
    fn first_due(
        &self,
        step: &Step<'_>,
        user: UserIdx,
        waiting: &Waiting,
        person: &Person,
    ) -> Result<Result<Timestamp, DecisionOutcome>, EngineError> {
        let definition = &step.campaign.definition;
        let planned = self.plan(step, user, waiting, person)?;
        // Who gets a message about a date that lies ahead is decided when it has come.
        let is_later = !matches!(planned, Planned::Since(_));
        if !(is_later && matches!(definition.start, CampaignStart::Date { .. }))
            && let Some(reason) = person.refuses(definition)
        {
            return Ok(Err(refused(reason, None)));
        }
        Ok(match planned {
            Planned::Since(first_due) => Ok(first_due),
            Planned::At(until) => Err(DecisionOutcome::Waits { until }),
            Planned::Never(reason) => Err(refused(reason, None)),
        })
    }

    fn open<'s>(
        &'s self,
        step: &Step<'s>,
        templates: &'s Templates,
        (user, person): (UserIdx, &Person),
        variant: Option<usize>,
    ) -> OpenMessage<'s> {
        let definition = &step.campaign.definition;
        let maker = ListMaker { shared: &self.shared, serving: &self.serving, now: step.now };
        let made_for = MakingFor { user, person, variant, key: self.key.as_deref() };
        let mut making = templates.begin(definition, maker, &self.linked, &made_for);
        let mut options = definition.options.clone();
        if !definition.start.has_runs() {
            // Who waits for the best variant has not waited for the message.
            let test_s = definition.test.as_ref().and_then(|test| test.decide_after_s);
            options.expires_after_s.get_or_insert(EXPIRES_AFTER_S_DEFAULT + test_s.unwrap_or(0));
        }
        if person.ignores_limits {
            options.ignores_channel_limits = true;
            options.gap_s = None;
        }
        let is_reachable = making.is_reachable();
        OpenMessage { making, variant, options, is_reachable }
    }

    /// Makes the message of a candidate whom the checks have let pass.
    fn make(&self, step: &Step<'_>, candidate: Candidate<'_>) -> CampaignDecision {
        let Candidate { person, waiting, fate } = candidate;
        let outcome = match fate {
            Fate::Known(outcome) => outcome,
            Fate::Open(open) => self.make_fields(step, &person, waiting.occurrence, *open),
        };
        CampaignDecision {
            at: step.now,
            campaign: step.campaign.key.clone(),
            number: step.campaign.number,
            person: Some(person.name),
            occurrence: waiting.occurrence,
            day: step.day,
            outcome,
        }
    }

    fn make_fields(
        &self,
        step: &Step<'_>,
        person: &Person,
        occurrence: Occurrence,
        open: OpenMessage<'_>,
    ) -> DecisionOutcome {
        let definition = &step.campaign.definition;
        let campaign = (step.campaign.key.as_str(), step.campaign.number);
        let (type_, id) = &person.name;
        let number = number_message(&step.config.id, campaign, (*type_, id), occurrence);
        let key = self.key.as_deref();
        let made = open.making.make(key, definition, message_id(number), &person.name);
        match in_app::for_channel(&step.config, definition, made) {
            Made::Refused { reason, detail } => refused(reason, Some(detail)),
            Made::Fields { fields, items } => DecisionOutcome::Sent(CampaignMessage {
                channel: definition.channel.clone(),
                fields,
                items,
                is_first_of_day: person.is_first_of_day(step),
                variant: open.variant.map(|variant| definition.variants[variant].key.clone()),
            }),
        }
    }
}

impl Step<'_> {
    /// Decides on the first of some messages, and says on how many: as far as it makes no
    /// difference whether those that are approved can be made.
    fn check(&self, candidates: &mut [Option<Candidate<'_>>]) -> usize {
        let (mut ahead, mut is_any_approved) = (self.sent, false);
        let n_candidates = candidates.len();
        for (n, candidate) in candidates.iter_mut().enumerate() {
            let Some(candidate) = candidate else { continue };
            let Fate::Open(open) = &candidate.fate else { continue };
            let refusal = self.refusal(candidate, open, ahead);
            if is_any_approved && refusal != self.refusal(candidate, open, self.sent) {
                return n;
            }
            match refusal {
                Some(outcome) => candidate.fate = Fate::Known(outcome),
                None => {
                    is_any_approved = true;
                    ahead = sent_one_more(ahead, candidate.person.is_first_of_day(self));
                }
            }
        }
        n_candidates
    }

    /// What keeps a message from being sent, with what was sent before it.
    fn refusal(
        &self,
        Candidate { person, waiting, .. }: &Candidate<'_>,
        open: &OpenMessage<'_>,
        sent: SentCounts,
    ) -> Option<DecisionOutcome> {
        let checks = Checks { options: &open.options, limits: &self.limits, zone: &self.zone };
        let due = person.due_message(self, waiting, (open.is_reachable, sent));
        match checks.decide(&due, self.now) {
            Decision::Send => None,
            Decision::Wait(until) => Some(DecisionOutcome::Waits { until }),
            Decision::Refuse(RefusalReason::ControlGroup) => {
                let reason = reason_beside_control_group(&checks, &due, self.now);
                Some(refused(reason.word(), None))
            }
            Decision::Refuse(reason) => Some(refused(reason.word(), None)),
        }
    }
}

fn refused(reason: &str, detail: Option<String>) -> DecisionOutcome {
    DecisionOutcome::Refused { reason: reason.to_owned(), detail }
}

fn sent_one_more(sent: SentCounts, is_first_of_day: bool) -> SentCounts {
    SentCounts {
        people_today: sent.people_today + u64::from(is_first_of_day),
        people_of_run: sent.people_of_run + 1,
        messages: sent.messages + 1,
        channel_messages: sent.channel_messages + 1,
    }
}

/// Why somebody of the control group gets no message. Where nobody gets one any more it is that, so
/// that the control group has no people of whom there are none to compare them with.
fn reason_beside_control_group(
    checks: &Checks<'_>,
    due: &DueMessage<'_>,
    now: Timestamp,
) -> RefusalReason {
    match checks.decide(&DueMessage { is_of_control_group: false, ..*due }, now) {
        Decision::Refuse(reason) if is_of_campaign(reason.word()) => reason,
        _ => RefusalReason::ControlGroup,
    }
}

/// Whether a reason says nothing of the person: the campaign may send no more.
pub(super) fn is_of_campaign(reason: &str) -> bool {
    const REASONS: [RefusalReason; 4] = [
        RefusalReason::CutOff,
        RefusalReason::DayLimit,
        RefusalReason::RunLimit,
        RefusalReason::MessagesLimit,
    ];
    reason == CAMPAIGN_STOPPED || REASONS.into_iter().any(|one| one.word() == reason)
}

/// What work gives for each of some things, in their order. Threads of their own do it: a message
/// may wait for an answer from elsewhere, and lists for others must not.
fn on_all_cores<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let n_threads = available_parallelism().map_or(1, NonZero::get);
    if things.len() < 2 || n_threads < 2 {
        return things.into_iter().map(work).collect();
    }
    let (n_each, mut things, work) = (things.len().div_ceil(n_threads), things.into_iter(), &work);
    scope(|scope| {
        let begin = |_| {
            let part: Vec<T> = things.by_ref().take(n_each).collect();
            scope.spawn(move || part.into_iter().map(work).collect::<Vec<R>>())
        };
        let threads: Vec<_> = (0..n_threads).map(begin).collect();
        let join = |thread: ScopedJoinHandle<'_, Vec<R>>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    })
}
