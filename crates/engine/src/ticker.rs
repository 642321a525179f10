//! The thread that journals that time has passed, where something is due and no entry comes that says so.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use state::PreparedEntry;

use crate::writer::{Health, Shared, Writer};
use crate::{BackgroundThread, Engine, Entry, Next, Signals, SubmitError};

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
        let ticks =
            Ticks { shared: Arc::clone(shared), writer: Arc::clone(writer), one_at_a_time: Mutex::new(()) };
        let ticks = Arc::new(ticks);
        let of_thread = Arc::clone(&ticks);
        let step = move |signals: &Signals| {
            signals.rest(of_thread.rest());
            if signals.is_stopping() {
                return Next::End;
            }
            if let Err(error) = of_thread.tick() {
                tracing::debug!(%error, "what is due waits until the journal takes entries");
            }
            Next::Step
        };
        let thread = BackgroundThread::start("ticker", step).expect("threads can be started");
        Self { ticks, thread }
    }

    pub(crate) fn stop(&self) {
        self.thread.stop(STOP_TIME_MAX);
    }
}

struct Ticks {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
    /// Between the question whether a tick is due and its outcome.
    one_at_a_time: Mutex<()>,
}

impl Ticks {
    /// How long until something is due, or [`REST_MAX`] where that is longer, or where it is due already.
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
        let submitted = self.writer.submit(&self.shared, vec![PreparedEntry::new(Entry::Tick { at })])?;
        submitted.blocking_recv().unwrap_or(Err(SubmitError::Stopping))?;
        Ok(true)
    }
}

impl Engine {
    /// Journals that time has passed, where something is due that no entry has made fire, and says whether
    /// it has. A thread does so by itself, within a second.
    ///
    /// # Errors
    /// Where the journal does not take the entry.
    pub fn tick(&self) -> Result<bool, SubmitError> {
        self.ticker.ticks.tick()
    }
}
