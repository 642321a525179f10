//! Decides on the messages of campaigns that are due, makes them, and journals what was decided.
//! The readers of the channels deliver what is journalled.
//!
//! All decisions of a workspace are made one after another by one thread, which waits until each
//! step is applied, so that caps and limits hold exactly. After a crash a step may be repeated: the
//! fold takes only the first decision on a message.

mod check;
mod content;
mod person;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use activation::{Checks, Decision, SentCounts};
use domain::{
    Campaign, CampaignStart, CampaignStatus, ChannelLimits, TimeZone, Timestamp, UserIdx,
};
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serving::Serving;
use state::{
    CampaignDecision, CampaignEntry, CampaignMessage, DecisionOutcome, KeptCampaign, Occurrence,
    PreparedEntry, RunState, UnnamedPerson, Waiting,
};

pub(crate) use self::check::check_campaigns;
use self::content::{Contents, Made, Making};
use self::person::Person;
use crate::list_maker::ListMaker;
use crate::shared::{Health, Shared};
use crate::writer::Writer;
use crate::{
    BackgroundThread, BackgroundWork, EngineError, Entry, Next, Signals, SubmitError, ThreadStatus,
};

/// The most messages that are decided on before what was decided is journalled.
const DUE_PER_STEP: usize = 256;
/// The most bytes of messages that are journalled together; a larger one goes alone.
const SUBMITTED_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// How often it is looked for what is due while a campaign runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How often it is looked for campaigns while none runs.
const REST: Duration = Duration::from_millis(500);
/// The wait after a failure.
const FAILURE_REST: Duration = Duration::from_secs(1);
/// How long the thread may take to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// A message that an event begins and that has waited longer is not sent, in seconds, unless the
/// campaign says otherwise: what happened long ago, and is told late, begins nothing.
const EXPIRES_AFTER_S_DEFAULT: u32 = 86_400;

/// The thread that sends the messages of campaigns of a workspace.
pub(crate) struct CampaignSending {
    thread: BackgroundThread,
}

impl CampaignSending {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        writer: &Arc<Writer>,
        serving: &Arc<Serving>,
    ) -> Self {
        let work = Sender {
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
            serving: Arc::clone(serving),
            contents: Contents::default(),
        };
        Self { thread: BackgroundThread::start(work).expect("threads can be started") }
    }

    /// How the thread is doing.
    pub(crate) fn thread_status(&self) -> ThreadStatus {
        self.thread.log().status()
    }

    pub(crate) fn stop(&self) {
        self.thread.stop();
    }
}

/// The work of the thread.
struct Sender {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    serving: Arc<Serving>,
    contents: Contents,
}

/// A campaign as it is now.
struct Running {
    key: String,
    number: u32,
    definition: Arc<Campaign>,
    n_waiting: u64,
    run: Option<RunState>,
    messages: u64,
}

/// What a step decides with.
struct Step<'s> {
    campaign: &'s Running,
    limits: &'s ChannelLimits,
    zone: &'s TimeZone,
    now: Timestamp,
    /// The day of `now`, in days since 1970 of the workspace's time zone.
    day: u32,
    /// What was sent before and in this step.
    sent: SentCounts,
}

/// A person to whom a message is due, and what it would be.
struct Candidate {
    person: Person,
    is_reachable: bool,
    /// None where it is not sent.
    made: Option<Made>,
}

impl Step<'_> {
    /// What the checks say of a message, with what was sent before.
    fn check(&self, person: &Person, waiting: &Waiting, is_reachable: bool) -> Decision {
        let mut options = self.campaign.definition.options.clone();
        if matches!(waiting.occurrence, Occurrence::Event(_)) {
            options.expires_after_s.get_or_insert(EXPIRES_AFTER_S_DEFAULT);
        }
        let checks = Checks { options: &options, limits: self.limits, zone: self.zone };
        checks.decide(&person.due_message(self, waiting, is_reachable), self.now)
    }

    /// Counts a message that is sent.
    fn send(&mut self, person: &Person, fields: String) -> CampaignMessage {
        let is_first_of_day = person.is_first_of_day(self);
        self.sent.people_today += u64::from(is_first_of_day);
        self.sent.people_of_run += 1;
        self.sent.messages += 1;
        self.sent.channel_messages += 1;
        let channel = self.campaign.definition.channel.clone();
        CampaignMessage { channel, fields, day: self.day, is_first_of_day }
    }
}

impl BackgroundWork for Sender {
    fn name(&self) -> &'static str {
        "campaigns"
    }

    fn task(&self) -> &'static str {
        "Decides on messages of campaigns that are due"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        if signals.is_stopping() {
            return Next::End;
        }
        // The journal's own thread tries again after a full disk.
        if self.shared.health() != Health::Ready {
            return Next::Rest(FAILURE_REST);
        }
        let campaigns = self.read_campaigns();
        let is_idle = campaigns.is_empty();
        match self.work(&campaigns, signals) {
            Ok(true) => Next::Step,
            Ok(false) => Next::Rest(if is_idle { REST } else { LOOK_INTERVAL }),
            Err(error) => {
                signals.fail(&error.to_string());
                tracing::warn!(%error, "messages of campaigns are not sent: it is tried again");
                Next::Rest(FAILURE_REST)
            }
        }
    }
}

impl Sender {
    /// The campaigns that run, and those of which messages wait.
    fn read_campaigns(&self) -> Vec<Running> {
        let snapshot = self.shared.live.snapshot();
        let is_at_work = |kept: &KeptCampaign| {
            kept.n_waiting > 0 || kept.definition.status == CampaignStatus::Running
        };
        let campaigns = snapshot.campaigns.by_key().iter().filter(|(_, kept)| is_at_work(kept));
        let running = |(key, kept): (&String, &KeptCampaign)| Running {
            key: key.clone(),
            number: kept.number,
            definition: Arc::clone(&kept.definition),
            n_waiting: kept.n_waiting,
            run: kept.run,
            messages: kept.counts.sent,
        };
        campaigns.map(running).collect()
    }

    /// Does the next step of each campaign. Returns whether there was anything to do.
    fn work(&mut self, campaigns: &[Running], signals: &Signals) -> Result<bool, EngineError> {
        let mut did_anything = false;
        for campaign in campaigns {
            if signals.is_stopping() {
                break;
            }
            let now = self.shared.clock.now();
            if campaign.n_waiting > 0 {
                did_anything |= self.decide_due(campaign, now)?;
            }
            if let CampaignStart::At { at } = campaign.definition.start
                && campaign.definition.status == CampaignStatus::Running
                && at <= now
                && !campaign.run.is_some_and(|run| run.run >= at && run.is_done)
            {
                self.run_on(campaign, at, now)?;
                did_anything = true;
            }
        }
        Ok(did_anything)
    }

    /// Decides on the first messages that are due.
    fn decide_due(&mut self, campaign: &Running, now: Timestamp) -> Result<bool, EngineError> {
        let due = {
            let snapshot = self.shared.live.snapshot();
            let store = snapshot.store();
            let due = snapshot.campaigns.due(store, campaign.number, now, DUE_PER_STEP);
            due.map_err(serving::QueryError::from)?
        };
        if due.is_empty() {
            return Ok(false);
        }
        let mut decided = Vec::new();
        // Of one person only one in a step: the next one is decided on with what this one came to.
        let mut people = FxHashSet::default();
        let due = due.into_iter().filter(|due| people.insert(due.user));
        let due: Vec<(UserIdx, Waiting)> = due.map(|due| (due.user, due.waiting)).collect();
        self.with_step(campaign, now, |sender, step| {
            let candidates = sender.read_candidates(step, &due)?;
            for (candidate, (user, waiting)) in candidates.into_iter().zip(&due) {
                let decision = candidate.map(|candidate| sender.decide(step, waiting, candidate));
                decided.push(match decision {
                    Some(decision) => CampaignEntry::Decision(decision),
                    None => CampaignEntry::Unnamed(UnnamedPerson {
                        at: now,
                        campaign: campaign.key.clone(),
                        number: campaign.number,
                        user: user.0,
                        occurrence: waiting.occurrence,
                    }),
                });
            }
            Ok(())
        })?;
        self.submit(decided)?;
        Ok(true)
    }

    /// Decides on some messages of a campaign with what was sent before.
    fn with_step(
        &mut self,
        campaign: &Running,
        now: Timestamp,
        decide: impl FnOnce(&mut Self, &mut Step<'_>) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let config = self.shared.config.load_full();
        let destination = config.destination(&campaign.definition.channel);
        let limits = destination.map_or_else(ChannelLimits::default, |channel| channel.limits);
        let zone = config.time_zone.clone().unwrap_or(TimeZone::UTC);
        let day = activation::day_of(&zone, now);
        let sent = {
            let snapshot = self.shared.live.snapshot();
            let store = snapshot.store();
            let by_day = snapshot.campaigns.counts_of_day(store, campaign.number, day);
            let by_day = by_day.map_err(serving::QueryError::from)?;
            SentCounts {
                people_today: by_day.people,
                people_of_run: campaign.run.map_or(0, |run| run.n_people),
                messages: campaign.messages,
                channel_messages: snapshot.campaigns.sent_lately(&campaign.definition.channel, now),
            }
        };
        let mut step = Step { campaign, limits: &limits, zone: &zone, now, day, sent };
        decide(self, &mut step)
    }

    /// Reads the people of messages that are due, and makes what would be sent to them now, on all
    /// cores. None where a person is gone or has no id.
    fn read_candidates(
        &mut self,
        step: &Step<'_>,
        due: &[(UserIdx, Waiting)],
    ) -> Result<Vec<Option<Candidate>>, EngineError> {
        let compiled = self.contents.compiled(&step.campaign.definition);
        let (shared, serving) = (&self.shared, &self.serving);
        let candidate = |(user, waiting): &(UserIdx, Waiting)| -> Result<_, EngineError> {
            let Some(person) = Person::read(shared, step, *user, waiting)? else {
                return Ok(None);
            };
            if person.refuses(&step.campaign.definition).is_some() {
                return Ok(Some(Candidate { person, is_reachable: false, made: None }));
            }
            let maker = ListMaker { shared, serving, now: step.now };
            let mut making = Making::begin(compiled, maker, *user, &person, step.now);
            let is_reachable = making.is_reachable();
            let made = match step.check(&person, waiting, is_reachable) {
                Decision::Send => Some(making.make()),
                Decision::Wait(_) | Decision::Refuse(_) => None,
            };
            Ok(Some(Candidate { person, is_reachable, made }))
        };
        due.par_iter().map(candidate).collect()
    }

    /// Decides on one message. What was sent before in the step may keep it back, and nothing that
    /// was kept back when its candidate was read is sent: limits are only used up.
    fn decide(
        &self,
        step: &mut Step<'_>,
        waiting: &Waiting,
        Candidate { person, is_reachable, made }: Candidate,
    ) -> CampaignDecision {
        let outcome = match person.refuses(&step.campaign.definition) {
            Some(reason) => refused(reason, None),
            None => match (step.check(&person, waiting, is_reachable), made) {
                (Decision::Wait(until), _) => DecisionOutcome::Waits { until },
                (Decision::Refuse(reason), _) => refused(reason.word(), None),
                (Decision::Send, Some(Made::Fields(fields))) => {
                    DecisionOutcome::Sent(step.send(&person, fields))
                }
                (Decision::Send, Some(Made::Refused { reason, detail })) => {
                    refused(reason, Some(detail))
                }
                (Decision::Send, None) => DecisionOutcome::Waits { until: step.now },
            },
        };
        CampaignDecision {
            at: step.now,
            campaign: step.campaign.key.clone(),
            number: step.campaign.number,
            person: Some(person.name),
            occurrence: waiting.occurrence,
            outcome,
        }
    }

    /// Journals what was decided, and waits until it is applied.
    fn submit(&self, entries: Vec<CampaignEntry>) -> Result<(), SubmitError> {
        let (mut together, mut n_bytes) = (Vec::new(), 0);
        for entry in entries {
            let n_more = match &entry {
                CampaignEntry::Decision(decision) => match &decision.outcome {
                    DecisionOutcome::Sent(sent) => sent.fields.len(),
                    DecisionOutcome::Waits { .. } | DecisionOutcome::Refused { .. } => 0,
                },
                _ => 0,
            };
            if !together.is_empty() && n_bytes + n_more > SUBMITTED_BYTES_MAX {
                self.submit_together(std::mem::take(&mut together))?;
                n_bytes = 0;
            }
            n_bytes += n_more;
            together.push(PreparedEntry::unmapped(Entry::Campaign(Box::new(entry))));
        }
        match together.is_empty() {
            true => Ok(()),
            false => self.submit_together(together),
        }
    }

    fn submit_together(&self, entries: Vec<PreparedEntry>) -> Result<(), SubmitError> {
        let submitted = self.writer.submit(&self.shared, entries)?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(())
    }
}

fn refused(reason: &str, detail: Option<String>) -> DecisionOutcome {
    DecisionOutcome::Refused { reason: reason.to_owned(), detail }
}
