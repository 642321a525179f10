//! Decides on the messages of campaigns that are due, makes them, and journals what was decided.
//! The readers of the channels deliver what is journalled.
//!
//! All decisions of a workspace are made one after another by one thread, which waits until each
//! step is applied, so that caps and limits hold exactly. After a crash a step may be repeated: the
//! fold takes only the first decision on a message.

mod business;
mod check;
mod content;
mod in_app;
mod linked;
mod links;
mod person;
mod planned;
mod preview;
mod runs;
mod variants;

use std::sync::Arc;
use std::time::Duration;

use activation::{Checks, Decision, DueMessage, RefusalReason, SentCounts};
use connectors::{InstanceKey, Outgoing};
use domain::{
    Campaign, CampaignStart, CampaignStatus, ChannelLimits, ControlGroups, TimeZone, Timestamp,
    UserIdx,
};
use rustc_hash::FxHashSet;
use serving::Serving;
use state::{
    CampaignDecision, CampaignEntry, CampaignMessage, DecisionOutcome, KeptCampaign, PreparedEntry,
    RunState, UnnamedPerson, VariantResults, Waiting, WaitingEvent, message_id, number_message,
};

use self::business::Searches;
pub(crate) use self::check::check_campaigns;
use self::content::{Contents, Made, MakingFor};
use self::linked::LinkedAnswers;
pub(crate) use self::linked::seal_headers;
pub use self::links::{
    LINK_TOKEN_BYTES_MAX, LINKS_PATH, MessageLink, OPENS_PATH, workspace_of_link,
};
pub(crate) use self::links::{read_image, read_link};
use self::person::Person;
use self::planned::{Planned, UsualParts};
pub use self::preview::CampaignPreview;
pub(crate) use self::preview::CampaignPreviews;
use self::variants::Choice;
use crate::journeys;
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

/// Why nothing is sent any more: the campaign was stopped.
const CAMPAIGN_STOPPED: &str = "campaign_stopped";

/// The thread that sends the messages of campaigns of a workspace.
pub(crate) struct CampaignSending {
    thread: BackgroundThread,
}

impl CampaignSending {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        writer: &Arc<Writer>,
        serving: &Arc<Serving>,
        outgoing: &Arc<Outgoing>,
        key: Option<&Arc<InstanceKey>>,
    ) -> Self {
        let work = Sender::new(shared, writer, serving, Some(outgoing), key);
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
    usual_parts: UsualParts,
    linked: LinkedAnswers,
    /// Seals the links of messages, and makes those by which people unsubscribe.
    key: Option<Arc<InstanceKey>>,
    searches: Searches,
}

/// A campaign as it is now.
struct Running {
    key: String,
    number: u32,
    definition: Arc<Campaign>,
    n_waiting: u64,
    run: Option<RunState>,
    messages: u64,
    running_since: Option<Timestamp>,
    variants: VariantResults,
    events: Vec<WaitingEvent>,
}

/// What a step decides with.
struct Step<'s> {
    campaign: &'s Running,
    limits: &'s ChannelLimits,
    control: &'s ControlGroups,
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
        let is_idle = campaigns.is_empty() && self.shared.config.load().journeys.is_empty();
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
    fn new(
        shared: &Arc<Shared>,
        writer: &Arc<Writer>,
        serving: &Arc<Serving>,
        outgoing: Option<&Arc<Outgoing>>,
        key: Option<&Arc<InstanceKey>>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
            serving: Arc::clone(serving),
            contents: Contents::default(),
            usual_parts: UsualParts::default(),
            linked: LinkedAnswers::new(outgoing.cloned(), key.cloned()),
            key: key.cloned(),
            searches: Searches::default(),
        }
    }

    /// The campaigns that run, and those of which messages wait.
    fn read_campaigns(&self) -> Vec<Running> {
        let snapshot = self.shared.live.snapshot();
        let is_at_work = |kept: &KeptCampaign| {
            let has_to_do = kept.n_waiting > 0 || !kept.events.is_empty();
            has_to_do || kept.definition.status == CampaignStatus::Running
        };
        let campaigns = snapshot.campaigns.by_key().iter().filter(|(_, kept)| is_at_work(kept));
        let running = |(key, kept): (&String, &KeptCampaign)| Running {
            key: key.clone(),
            number: kept.number,
            definition: Arc::clone(&kept.definition),
            n_waiting: kept.n_waiting,
            run: kept.run,
            messages: kept.counts.sent,
            running_since: kept.running_since,
            variants: kept.variants.clone(),
            events: kept.events.clone(),
        };
        campaigns.map(running).collect()
    }

    /// Does the next step of each campaign. Returns whether there was anything to do.
    fn work(&mut self, campaigns: &[Running], signals: &Signals) -> Result<bool, EngineError> {
        let answers = journeys::find_answers(&self.shared, self.shared.clock.now())?;
        let mut did_anything = !answers.is_empty();
        self.submit_entries(answers)?;
        for campaign in campaigns {
            if signals.is_stopping() {
                break;
            }
            let now = self.shared.clock.now();
            // What is decided next goes by the winner.
            if self.decide_winner(campaign, now)? {
                did_anything = true;
                continue;
            }
            if campaign.n_waiting > 0 {
                did_anything |= self.decide_due(campaign, now)?;
            }
            did_anything |= self.find_interested(campaign, now)?;
            did_anything |= self.do_run(campaign, now)?;
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
                decided.push(match sender.decide(step, *user, waiting)? {
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
        let control = &config.control_groups;
        let mut step = Step { campaign, limits: &limits, control, zone: &zone, now, day, sent };
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
            day: step.day,
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
        // Who gets a message about a date that lies ahead is decided when it has come.
        let planned = self.plan(step, user, waiting, person)?;
        let is_dated = matches!(definition.start, CampaignStart::Date { .. });
        let first_due = match planned {
            Planned::At(until) if is_dated => return Ok(DecisionOutcome::Waits { until }),
            Planned::Never(reason) if is_dated => return refused(reason, None),
            planned => {
                if let Some(reason) = person.refuses(definition) {
                    return refused(reason, None);
                }
                match planned {
                    Planned::Since(first_due) => first_due,
                    Planned::At(until) => return Ok(DecisionOutcome::Waits { until }),
                    Planned::Never(reason) => return refused(reason, None),
                }
            }
        };
        let waiting = &Waiting { first_due, ..*waiting };
        let variant = match self.contents.choose(step.campaign, person, waiting, step.now) {
            Choice::At(until) => return Ok(DecisionOutcome::Waits { until }),
            Choice::Variant(variant) => variant,
        };
        let maker = ListMaker { shared: &self.shared, serving: &self.serving, now: step.now };
        let made_for = MakingFor { user, person, variant, key: self.key.as_deref() };
        let mut making = self.contents.begin(definition, maker, &mut self.linked, &made_for);
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
        let checks = Checks { options: &options, limits: step.limits, zone: step.zone };
        let due = person.due_message(step, waiting, making.is_reachable());
        match checks.decide(&due, step.now) {
            Decision::Wait(until) => return Ok(DecisionOutcome::Waits { until }),
            Decision::Refuse(RefusalReason::ControlGroup) => {
                let reason = reason_beside_control_group(&checks, &due, step.now);
                return refused(reason.word(), None);
            }
            Decision::Refuse(reason) => return refused(reason.word(), None),
            Decision::Send => {}
        }
        let campaign = (step.campaign.key.as_str(), step.campaign.number);
        let (type_, id) = &person.name;
        let config = self.shared.config.load();
        let number = number_message(&config.id, campaign, (*type_, id), waiting.occurrence);
        let key = self.key.as_deref();
        let made = making.make(key, definition, message_id(number), &person.name);
        let made = in_app::for_channel(&config, definition, made);
        let (fields, items) = match made {
            Made::Fields { fields, items } => (fields, items),
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
            items,
            is_first_of_day,
            variant: variant.map(|variant| definition.variants[variant].key.clone()),
        }))
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
                self.submit_entries(std::mem::take(&mut together))?;
                n_bytes = 0;
            }
            n_bytes += n_more;
            together.push(Entry::Campaign(Box::new(entry)));
        }
        self.submit_entries(together)
    }

    fn submit_entries(&self, entries: Vec<Entry>) -> Result<(), SubmitError> {
        if entries.is_empty() {
            return Ok(());
        }
        let prepared = entries.into_iter().map(PreparedEntry::unmapped).collect();
        let submitted = self.writer.submit(&self.shared, prepared)?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(())
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
fn is_of_campaign(reason: &str) -> bool {
    const REASONS: [RefusalReason; 4] = [
        RefusalReason::CutOff,
        RefusalReason::DayLimit,
        RefusalReason::RunLimit,
        RefusalReason::MessagesLimit,
    ];
    reason == CAMPAIGN_STOPPED || REASONS.into_iter().any(|one| one.word() == reason)
}
