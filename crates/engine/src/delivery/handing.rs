//! Messages of campaigns on their way to the provider of their channel: the journal knows of each
//! before it is handed over, and what became of it after.

use std::collections::BTreeMap;
use std::sync::Arc;

use activation::{Batch, Dispatcher, Failure, Fate, Job, OUTCOME_UNKNOWN};
use connectors::{Once, Prepared, Sender};
use domain::{AfterCrash, Destination, Timestamp};
use rustc_hash::FxHashMap;
use state::{
    CampaignEntry, HandOver, HandOverOutcome, HandedMessage, HandedOver, Handing, Notification,
    NotificationEvent, UnderWay,
};

use crate::Entry;

/// The most messages of one entry of the journal.
const MESSAGES_PER_ENTRY_MAX: usize = 1_000;

/// What is sent of a delivery.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) prepared: Arc<Prepared>,
    /// By what everything else is told of it, where it is a message of a campaign.
    pub(crate) notification: Option<Arc<Notification>>,
}

/// Whether a delivery is given up where nobody knows if it was taken.
pub(super) fn is_once(
    destination: &Destination,
    sender: &dyn Sender,
    is_of_campaign: bool,
) -> bool {
    match destination.delivery.after_crash.filter(|_| is_of_campaign) {
        Some(after_crash) => after_crash == AfterCrash::OnceAtMost,
        None => match sender.once() {
            Once::AtMost => true,
            Once::ForCampaigns => is_of_campaign,
            Once::AtLeast => false,
        },
    }
}

/// The failure of a message whose hand-over could not be journalled before: it was not sent.
pub(super) fn not_journalled(why: String) -> Failure {
    let reason = "not_journalled".to_owned();
    Failure::Retry { reason, text: why, after_ms: None, is_outage: false }
}

/// A message of a batch under way.
struct Handed {
    message: HandedMessage,
    notification: Arc<Notification>,
}

/// What became of a message, and by what everything else is told of it.
pub(super) struct Settled {
    hand_over: HandOver,
    told: Option<(Arc<Notification>, NotificationEvent)>,
}

/// The messages of campaigns that a reader hands over.
#[derive(Default)]
pub(super) struct HandOvers {
    /// The jobs of batches under way in their order; none for those of no campaign.
    under_way: FxHashMap<u64, Vec<Option<Handed>>>,
    /// What was under way when an earlier reader ended, by offset.
    left: BTreeMap<u64, Vec<UnderWay>>,
    /// What the journal does not know yet.
    settled: Vec<Settled>,
}

impl HandOvers {
    /// Begins with what an earlier reader left. What is not `read_again`, by its offset, is
    /// settled.
    pub(super) fn new(left: Vec<UnderWay>, read_again: impl Fn(u64) -> bool) -> Self {
        let mut begun = Self::default();
        for one in left {
            match read_again(one.offset) {
                true => begun.left.entry(one.offset).or_default().push(one),
                false => begun.settle_left(one),
            }
        }
        begun
    }

    /// What was under way of the entry at an offset.
    pub(super) fn take_left(&mut self, offset: u64) -> Vec<UnderWay> {
        if self.left.is_empty() {
            return Vec::new();
        }
        self.left.remove(&offset).unwrap_or_default()
    }

    /// What was under way and is not wanted any more: nobody knows whether it was taken.
    pub(super) fn give_up(&mut self, left: Vec<UnderWay>) {
        left.into_iter().for_each(|one| self.settle_left(one));
    }

    fn settle_left(&mut self, one: UnderWay) {
        let UnderWay { offset, mapping, campaign, .. } = one;
        let outcome = HandOverOutcome::Unknown;
        let hand_over = HandOver { offset, mapping, campaign, outcome };
        self.settled.push(Settled { hand_over, told: None });
    }

    /// The jobs of an entry without those that may have been taken already and go once at most:
    /// those become dead letters.
    pub(super) fn without_lost(
        &mut self,
        left: Vec<UnderWay>,
        jobs: Vec<Job<Parcel>>,
        dispatcher: &mut Dispatcher<Parcel>,
        now: Timestamp,
    ) -> Vec<Job<Parcel>> {
        let mut jobs = jobs;
        for one in left {
            let place = jobs.iter().position(|job| *job.mapping == one.mapping);
            match place {
                // Its next hand-over takes the place of this one.
                Some(place) if !jobs[place].is_once => {}
                Some(place) => {
                    let job = jobs.remove(place);
                    dispatcher.lose(one.offset, &one.mapping, one.since, now);
                    let reason = OUTCOME_UNKNOWN.to_owned();
                    let event = NotificationEvent::Failed { reason };
                    self.settle_left(one);
                    if let Some(settled) = self.settled.last_mut() {
                        settled.told = job.payload.notification.map(|told| (told, event));
                    }
                }
                None => self.settle_left(one),
            }
        }
        jobs
    }

    /// A mapping of the channel could not map a message.
    pub(super) fn note_unmapped(
        &mut self,
        offset: u64,
        mapping: &str,
        reason: &str,
        notification: &Arc<Notification>,
    ) {
        let message =
            HandedMessage { offset, mapping: mapping.to_owned(), campaign: notification.number };
        let handed = Handed { message, notification: Arc::clone(notification) };
        self.settle(handed, &Fate::GivenUp { reason: reason.to_owned() });
    }

    /// A batch is about to leave: those of its messages that the journal must know of before.
    pub(super) fn note_leaving(&mut self, batch: &Batch<Parcel>) -> Vec<HandedMessage> {
        let handed = batch.jobs.iter().map(|job| {
            let notification = job.payload.notification.as_ref().map(Arc::clone)?;
            let (offset, mapping) = (job.offset, job.mapping.to_string());
            let message = HandedMessage { offset, mapping, campaign: notification.number };
            Some(Handed { message, notification })
        });
        let handed: Vec<Option<Handed>> = handed.collect();
        let messages: Vec<HandedMessage> =
            handed.iter().flatten().map(|handed| handed.message.clone()).collect();
        if !messages.is_empty() {
            self.under_way.insert(batch.id, handed);
        }
        messages
    }

    /// A batch is finished.
    pub(super) fn note_finished(&mut self, batch: u64, fates: &[Fate]) {
        let Some(handed) = self.under_way.remove(&batch) else { return };
        for (handed, fate) in handed.into_iter().zip(fates) {
            if let Some(handed) = handed {
                self.settle(handed, fate);
            }
        }
    }

    fn settle(&mut self, Handed { message, notification }: Handed, fate: &Fate) {
        let failed = |reason: &String| NotificationEvent::Failed { reason: reason.clone() };
        let (outcome, event) = match fate {
            Fate::Delivered => (HandOverOutcome::Taken, Some(NotificationEvent::Sent)),
            Fate::Retried => (HandOverOutcome::TriedAgain, None),
            Fate::GivenUp { reason } if reason == OUTCOME_UNKNOWN => {
                (HandOverOutcome::Unknown, Some(failed(reason)))
            }
            Fate::GivenUp { reason } => {
                (HandOverOutcome::Failed { reason: reason.clone() }, Some(failed(reason)))
            }
        };
        let HandedMessage { offset, mapping, campaign } = message;
        let hand_over = HandOver { offset, mapping, campaign, outcome };
        self.settled.push(Settled { hand_over, told: event.map(|event| (notification, event)) });
    }

    /// Whether something is settled that the journal does not know.
    pub(super) fn has_settled(&self) -> bool {
        !self.settled.is_empty()
    }

    /// What is settled and to be journalled now.
    pub(super) fn take_settled(&mut self) -> Vec<Settled> {
        std::mem::take(&mut self.settled)
    }

    /// The journal did not take it.
    pub(super) fn put_back(&mut self, mut settled: Vec<Settled>) {
        settled.append(&mut self.settled);
        self.settled = settled;
    }
}

/// The entries by which the journal knows that messages are about to be handed over.
pub(super) fn entries_before(
    at: Timestamp,
    destination: &str,
    added_at: u64,
    messages: &[HandedMessage],
) -> Vec<Entry> {
    let entry = |messages: &[HandedMessage]| {
        let (destination, messages) = (destination.to_owned(), messages.to_vec());
        let handing = Handing { at, destination, added_at, messages };
        Entry::Campaign(Box::new(CampaignEntry::Handing(handing)))
    };
    messages.chunks(MESSAGES_PER_ENTRY_MAX).map(entry).collect()
}

/// The entries by which the journal knows what became of messages, and the messages by which
/// everything else does.
pub(super) fn entries_after(
    at: Timestamp,
    destination: &str,
    added_at: u64,
    settled: &[Settled],
) -> Vec<Entry> {
    let entry = |settled: &[Settled]| {
        let destination = destination.to_owned();
        let messages = settled.iter().map(|settled| settled.hand_over.clone()).collect();
        let handed = HandedOver { at, destination, added_at, messages };
        Entry::Campaign(Box::new(CampaignEntry::HandedOver(handed)))
    };
    let told = settled.iter().filter_map(|settled| settled.told.as_ref());
    let message = |(notification, event): &(Arc<Notification>, NotificationEvent)| {
        Entry::Message(Box::new(notification.message(event, at)))
    };
    settled.chunks(MESSAGES_PER_ENTRY_MAX).map(entry).chain(told.map(message)).collect()
}
