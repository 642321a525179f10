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
use rustc_hash::FxHashSet;
use serving::Serving;
use state::{
    CampaignDecision, CampaignEntry, CampaignMessage, DecisionOutcome, KeptCampaign, Occurrence,
    PreparedEntry, RunState, UnnamedPerson, Waiting,
};

pub(crate) use self::check::check_campaigns;
use self::content::{Contents, Made};
use self::person::Person;
use crate::list_maker::ListMaker;
use crate::shared::{Health, Shared};
use crate::writer::Writer;
use crate::{
    BackgroundThread, BackgroundWork, EngineError, Entry, Next, Signals, SubmitError, ThreadStatus,
};

/// The most messages that are decided on before what was decided is journalled.
const DUE_PER_STEP: usize = 256;
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
            for (user, waiting) in &due {
                let decision = sender.decide(step, *user, waiting)?;
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

    /// Decides on one message, and makes it if it is sent. None where the person is gone.
    fn decide(
        &mut self,
        step: &mut Step<'_>,
        user: UserIdx,
        waiting: &Waiting,
    ) -> Result<Option<CampaignDecision>, EngineError> {
        let Some(person) = Person::read(&self.shared, step, user, waiting)? else {
            return Ok(None);
        };
        let outcome = self.outcome(step, user, waiting, &person)?;
        Ok(Some(CampaignDecision {
            at: step.now,
            campaign: step.campaign.key.clone(),
            number: step.campaign.number,
            person: Some(person.name.clone()),
            occurrence: waiting.occurrence,
            outcome,
        }))
    }

    fn outcome(
        &mut self,
        step: &mut Step<'_>,
        user: UserIdx,
        waiting: &Waiting,
        person: &Person,
    ) -> Result<DecisionOutcome, EngineError> {
        let definition = &step.campaign.definition;
        let refused = |reason: &str, detail: Option<String>| {
            let reason = reason.to_owned();
            Ok(DecisionOutcome::Refused { reason, detail })
        };
        if let Some(reason) = person.refuses(definition) {
            return refused(reason, None);
        }
        let maker = ListMaker { shared: &self.shared, serving: &self.serving, now: step.now };
        let mut making = self.contents.begin(definition, maker, user, person, step.now);
        let mut options = definition.options.clone();
        if matches!(waiting.occurrence, Occurrence::Event(_)) {
            options.expires_after_s.get_or_insert(EXPIRES_AFTER_S_DEFAULT);
        }
        let checks = Checks { options: &options, limits: step.limits, zone: step.zone };
        let due = person.due_message(step, waiting, making.is_reachable());
        match checks.decide(&due, step.now) {
            Decision::Wait(until) => return Ok(DecisionOutcome::Waits { until }),
            Decision::Refuse(reason) => return refused(reason.word(), None),
            Decision::Send => {}
        }
        let fields = match making.make() {
            Made::Fields(fields) => fields,
            Made::Refused { reason, detail } => return refused(reason, Some(detail)),
        };
        let is_first_of_day = person.is_first_of_day(step);
        step.sent.people_today += u64::from(is_first_of_day);
        step.sent.people_of_run += 1;
        step.sent.messages += 1;
        step.sent.channel_messages += 1;
        Ok(DecisionOutcome::Sent(CampaignMessage {
            channel: definition.channel.clone(),
            fields,
            day: step.day,
            is_first_of_day,
        }))
    }

    /// Journals what was decided, and waits until it is applied.
    fn submit(&self, entries: Vec<CampaignEntry>) -> Result<(), SubmitError> {
        if entries.is_empty() {
            return Ok(());
        }
        let entries = entries.into_iter().map(|entry| Entry::Campaign(Box::new(entry)));
        let prepared = entries.map(PreparedEntry::unmapped).collect();
        let submitted = self.writer.submit(&self.shared, prepared)?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(())
    }
}
