//! The ticker: a thread that journals a tick when a timer is due and no other entry arrives.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use state::PreparedEntry;

use crate::shared::{Health, Shared};
use crate::writer::Writer;
use crate::{BackgroundThread, BackgroundWork, Entry, Next, Signals, SubmitError, ThreadStatus};

/// The longest rest of the thread: no timer fires later than this after it is due.
const REST_MAX: Duration = Duration::from_secs(1);

/// How long the thread may take to stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

/// The ticks of a workspace and the thread that makes them.
pub(crate) struct Ticker {
    ticks: Arc<Ticks>,
    thread: BackgroundThread,
}

impl Ticker {
    pub(crate) fn start(shared: &Arc<Shared>, writer: &Arc<Writer>) -> Self {
        let ticks = Ticks {
            shared: Arc::clone(shared),
            writer: Arc::clone(writer),
            one_at_a_time: Mutex::new(()),
        };
        let ticks = Arc::new(ticks);
        let work = Ticking { ticks: Arc::clone(&ticks), has_rested: false };
        let thread = BackgroundThread::start(work).expect("threads can be started");
        Self { ticks, thread }
    }

    /// Journals a tick if a timer is due, and returns whether it did.
    pub(crate) fn tick(&self) -> Result<bool, SubmitError> {
        self.ticks.tick()
    }

    pub(crate) fn stop(&self) {
        self.thread.stop();
    }

    /// How the thread is doing.
    pub(crate) fn status(&self) -> ThreadStatus {
        self.thread.log().status()
    }
}

/// The work of the ticker's thread, which is never woken.
struct Ticking {
    ticks: Arc<Ticks>,
    /// It rests before the first tick too, so that a query right after the opening can see what is
    /// due.
    has_rested: bool,
}

impl BackgroundWork for Ticking {
    fn name(&self) -> &'static str {
        "ticker"
    }

    fn task(&self) -> &'static str {
        "Journals that a timer is due"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        if self.has_rested
            && let Err(error) = self.ticks.tick()
            && !matches!(error, SubmitError::Stopping)
        {
            signals.fail(&error.to_string());
            tracing::debug!(%error, "what is due waits until the journal takes entries");
        }
        self.has_rested = true;
        Next::Rest(self.ticks.compute_rest())
    }
}

struct Ticks {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    /// Held from the check whether a tick is due until its outcome.
    one_at_a_time: Mutex<()>,
}

impl Ticks {
    /// The time until the next timer is due, at most [`REST_MAX`]. Also [`REST_MAX`] if one is due
    /// already: this tick did not fire it.
    fn compute_rest(&self) -> Duration {
        let next_due = self.shared.live.snapshot().timers.next_due();
        let left_ms = next_due.map_or(0, |due| due.0.saturating_sub(self.shared.clock.now().0));
        match u64::try_from(left_ms) {
            Ok(left_ms @ 1..) => Duration::from_millis(left_ms).min(REST_MAX),
            _ => REST_MAX,
        }
    }

    fn tick(&self) -> Result<bool, SubmitError> {
        let _one_at_a_time = self.one_at_a_time.lock();
        let at = self.shared.clock.now();
        // The journal's own thread tries again after a full disk.
        if self.shared.health() != Health::Ready || !self.shared.live.snapshot().is_tick_due(at) {
            return Ok(false);
        }
        let submitted =
            self.writer.submit(&self.shared, vec![PreparedEntry::unmapped(Entry::Tick { at })])?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(true)
    }
}
