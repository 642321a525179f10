//! Decides on the messages of campaigns that are due, makes them, and journals what was decided.
//! The readers of the channels deliver what is journalled.
//!
//! Messages are decided on in steps, by one thread of a workspace, which waits until each is
//! applied, so that caps and limits hold exactly (`deciding.rs`). After a crash a step may be
//! repeated: the fold takes only the first decision on a message.

mod business;
mod check;
mod content;
mod deciding;
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

use connectors::{InstanceKey, Outgoing};
use domain::{Campaign, CampaignStatus, Timestamp, UserIdx};
use rustc_hash::FxHashSet;
use serving::Serving;
use state::{
    CampaignEntry, DecisionOutcome, KeptCampaign, PreparedEntry, RunState, UnnamedPerson,
    VariantResults, Waiting, WaitingEvent,
};

use self::business::Searches;
pub(crate) use self::check::check_campaigns;
use self::content::Contents;
use self::linked::LinkedAnswers;
pub(crate) use self::linked::seal_headers;
pub use self::links::{
    LINK_TOKEN_BYTES_MAX, LINKS_PATH, MessageLink, OPENS_PATH, workspace_of_link,
};
pub(crate) use self::links::{read_image, read_link};
use self::planned::UsualParts;
pub use self::preview::CampaignPreview;
pub(crate) use self::preview::CampaignPreviews;
use crate::journeys;
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
        // Of one person only one in a step: the next one is decided on with what this one came to.
        let mut people = FxHashSet::default();
        let due = due.into_iter().filter(|due| people.insert(due.user));
        let due: Vec<(UserIdx, Waiting)> = due.map(|due| (due.user, due.waiting)).collect();
        let decisions = self.decide(&mut self.begin_step(campaign, now)?, &due)?;
        let unnamed = |user: UserIdx, waiting: &Waiting| UnnamedPerson {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            user: user.0,
            occurrence: waiting.occurrence,
        };
        let entry = |((user, waiting), decision): (&(UserIdx, Waiting), _)| match decision {
            Some(decision) => CampaignEntry::Decision(decision),
            None => CampaignEntry::Unnamed(unnamed(*user, waiting)),
        };
        self.submit(due.iter().zip(decisions).map(entry).collect())?;
        Ok(true)
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
