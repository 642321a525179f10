//! The thread that journals that time has passed, where something is due and no entry comes that
//! says so.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use state::PreparedEntry;

use crate::shared::{Health, Shared};
use crate::writer::Writer;
use crate::{BackgroundThread, BackgroundWork, Entry, Next, Signals, SubmitError};

/// How long the thread rests at most: nothing fires later than this after it is due.
const REST_MAX: Duration = Duration::from_secs(1);

/// How long a stopping thread may take.
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
        let work = Ticking(Arc::clone(&ticks));
        let thread = BackgroundThread::start(work).expect("threads can be started");
        Self { ticks, thread }
    }

    /// Journals that time has passed, where something is due; whether it has.
    pub(crate) fn tick(&self) -> Result<bool, SubmitError> {
        self.ticks.tick()
    }

    pub(crate) fn stop(&self) {
        self.thread.stop();
    }
}

/// Rests until something is due, and journals a tick then. It is never woken.
struct Ticking(Arc<Ticks>);

impl BackgroundWork for Ticking {
    fn name(&self) -> &'static str {
        "ticker"
    }

    fn stop_time_max(&self) -> Duration {
        STOP_TIME_MAX
    }

    fn step(&mut self, signals: &Signals) -> Next {
        // Before the first tick too, so that a query right after the opening can see what is due.
        signals.rest(self.0.rest());
        if signals.is_stopping() {
            return Next::End;
        }
        if let Err(error) = self.0.tick() {
            tracing::debug!(%error, "what is due waits until the journal takes entries");
        }
        Next::Step
    }
}

struct Ticks {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    /// Between the question whether a tick is due and its outcome.
    one_at_a_time: Mutex<()>,
}

impl Ticks {
    /// How long until something is due, or [`REST_MAX`] where that is longer, or where it is due
    /// already.
    fn rest(&self) -> Duration {
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
        // A disk that is full is tried by the journal's own thread.
        if self.shared.health() != Health::Ready || !self.shared.live.snapshot().is_tick_due(at) {
            return Ok(false);
        }
        let submitted =
            self.writer.submit(&self.shared, vec![PreparedEntry::new(Entry::Tick { at })])?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(true)
    }
}
