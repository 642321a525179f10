//! The budget of one request: bytes of its answer and time of computing, counted over all its
//! parts.
//!
//! Code that works for a request charges its budget while the work goes on. A budget also ends when
//! the caller leaves and when the server stops, so that no work is wasted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

/// The bounds of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The largest answer, in bytes.
    pub answer_bytes_max: u64,
    /// The longest time of computing, waiting for a turn or for the disk not included.
    pub computing_max: Duration,
}

/// The reasons for which work for a request ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The answer is over its bound.
    #[error(
        "the answer is over the limit of {bytes_max} bytes for one request: ask for fewer entries, or name the properties that you need \
         in includedProperties"
    )]
    AnswerTooLarge {
        /// The bound, in bytes.
        bytes_max: u64,
    },
    /// The time of computing is used up.
    #[error(
        "the request has used up its {} ms of computing: send fewer or smaller lists at once, or simpler expressions",
        computing_max.as_millis()
    )]
    ComputingUsedUp {
        /// The bound.
        computing_max: Duration,
    },
    /// The caller has closed the connection.
    #[error("the caller has left")]
    CallerLeft,
    /// The server is stopping.
    #[error("the server is stopping: send the request again")]
    Stopping,
    /// The workspace is closed, and opened again later.
    #[error("the workspace is being closed and opened again: send the request again")]
    WorkspaceClosed,
}

/// The budget of one request.
#[derive(Debug)]
pub struct RequestBudget {
    limits: RequestLimits,
    answer_bytes: AtomicU64,
    /// Whether something did not fit into the answer.
    is_answer_full: AtomicBool,
    started: Instant,
    /// Time of computing that has ended, in microseconds.
    computed_us: AtomicU64,
    /// Start of the computing under way, in microseconds since `started` plus one; 0 if none
    /// is under way.
    computing_since_us: AtomicU64,
    caller_left: AtomicBool,
    is_stopping: Arc<AtomicBool>,
    /// Whether the workspace is being closed that computes at the moment.
    is_workspace_closing: ArcSwapOption<AtomicBool>,
}

impl RequestBudget {
    /// Creates a budget that ends early once `is_stopping` is set.
    pub fn new(limits: RequestLimits, is_stopping: Arc<AtomicBool>) -> Self {
        Self {
            limits,
            answer_bytes: AtomicU64::new(0),
            is_answer_full: AtomicBool::new(false),
            started: Instant::now(),
            computed_us: AtomicU64::new(0),
            computing_since_us: AtomicU64::new(0),
            caller_left: AtomicBool::new(false),
            is_stopping,
            is_workspace_closing: ArcSwapOption::empty(),
        }
    }

    /// A budget without bounds, for commands on this machine.
    pub fn unlimited() -> Self {
        let limits = RequestLimits { answer_bytes_max: u64::MAX, computing_max: Duration::MAX };
        Self::new(limits, Arc::default())
    }

    /// Counts bytes of the answer.
    ///
    /// # Errors
    /// [`BudgetError::AnswerTooLarge`] where they do not fit; then they are not counted, and no
    /// work may go on ([`Self::check`]).
    pub fn charge_answer(&self, bytes: u64) -> Result<(), BudgetError> {
        let bytes_max = self.limits.answer_bytes_max;
        let add = |charged: u64| charged.checked_add(bytes).filter(|charged| *charged <= bytes_max);
        let charged = self.answer_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        charged.map(|_| ()).map_err(|_| self.answer_too_large())
    }

    fn answer_too_large(&self) -> BudgetError {
        self.is_answer_full.store(true, Ordering::Relaxed);
        BudgetError::AnswerTooLarge { bytes_max: self.limits.answer_bytes_max }
    }

    /// Checks whether this many more bytes would fit into the answer.
    ///
    /// # Errors
    /// [`BudgetError::AnswerTooLarge`] where they would not; then no work may go on
    /// ([`Self::check`]).
    pub fn check_answer(&self, bytes: u64) -> Result<(), BudgetError> {
        let bytes_max = self.limits.answer_bytes_max;
        match self.answer_bytes.load(Ordering::Relaxed).checked_add(bytes) {
            Some(charged) if charged <= bytes_max => Ok(()),
            _ => Err(self.answer_too_large()),
        }
    }

    /// Counts the time from now until the guard is dropped as computing, which ends early once
    /// `is_closing` is set. One thread computes for a request at a time.
    pub fn start_computing(&self, is_closing: &Arc<AtomicBool>) -> Computing<'_> {
        self.is_workspace_closing.store(Some(Arc::clone(is_closing)));
        self.computing_since_us.store(self.elapsed_us() + 1, Ordering::Relaxed);
        Computing(self)
    }

    /// Checks that a caller still waits for the answer.
    ///
    /// # Errors
    /// [`BudgetError::CallerLeft`] or [`BudgetError::Stopping`] if none does.
    pub fn check_caller(&self) -> Result<(), BudgetError> {
        if self.caller_left.load(Ordering::Relaxed) {
            return Err(BudgetError::CallerLeft);
        }
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(BudgetError::Stopping);
        }
        Ok(())
    }

    /// Checks that work may go on.
    ///
    /// # Errors
    /// If no time of computing is left, where something did not fit into the answer, where
    /// nobody waits for it, or where the workspace that computes is being closed.
    pub fn check(&self) -> Result<(), BudgetError> {
        self.check_caller()?;
        if self.is_answer_full.load(Ordering::Relaxed) {
            return Err(self.answer_too_large());
        }
        if self
            .is_workspace_closing
            .load()
            .as_ref()
            .is_some_and(|closing| closing.load(Ordering::Relaxed))
        {
            return Err(BudgetError::WorkspaceClosed);
        }
        let since_us = self.computing_since_us.load(Ordering::Relaxed);
        let under_way_us = since_us
            .checked_sub(1)
            .map_or(0, |since_us| self.elapsed_us().saturating_sub(since_us));
        let used = Duration::from_micros(self.computed_us.load(Ordering::Relaxed) + under_way_us);
        let computing_max = self.limits.computing_max;
        match computing_max.checked_sub(used) {
            Some(left) if !left.is_zero() => Ok(()),
            _ => Err(BudgetError::ComputingUsedUp { computing_max }),
        }
    }

    /// Ends all work for the request because no caller waits for its answer.
    pub fn note_caller_left(&self) {
        self.caller_left.store(true, Ordering::Relaxed);
    }

    fn elapsed_us(&self) -> u64 {
        self.started.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
    }
}

/// Computing that is under way for a request.
pub struct Computing<'a>(&'a RequestBudget);

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        let since_us = self.0.computing_since_us.swap(0, Ordering::Relaxed);
        let took_us = (self.0.elapsed_us() + 1).saturating_sub(since_us);
        self.0.computed_us.fetch_add(took_us, Ordering::Relaxed);
        self.0.is_workspace_closing.store(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_charged_over_all_parts_and_ends_when_nobody_waits() {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let limits =
            RequestLimits { answer_bytes_max: 100, computing_max: Duration::from_secs(3_600) };
        let budget = RequestBudget::new(limits, Arc::clone(&is_stopping));
        drop(budget.start_computing(&Arc::default()));
        assert_eq!((budget.check(), budget.charge_answer(60)), (Ok(()), Ok(())));
        assert_eq!(budget.charge_answer(60), Err(BudgetError::AnswerTooLarge { bytes_max: 100 }));
        assert_eq!(budget.charge_answer(40), Ok(()), "what did not fit was not counted");
        assert_eq!(budget.check_answer(1), Err(BudgetError::AnswerTooLarge { bytes_max: 100 }));
        assert_eq!(
            budget.check(),
            Err(BudgetError::AnswerTooLarge { bytes_max: 100 }),
            "the rest is not done"
        );
        let closing = RequestBudget::unlimited();
        let is_closing = Arc::new(AtomicBool::new(true));
        let computing = closing.start_computing(&is_closing);
        assert_eq!(closing.check(), Err(BudgetError::WorkspaceClosed));
        drop(computing);
        assert_eq!(closing.check(), Ok(()), "another one may be open by then");

        is_stopping.store(true, Ordering::Relaxed);
        assert_eq!(budget.check(), Err(BudgetError::Stopping));
        budget.note_caller_left();
        assert_eq!(budget.check(), Err(BudgetError::CallerLeft));

        let limits = RequestLimits { answer_bytes_max: 1, computing_max: Duration::ZERO };
        let spent = RequestBudget::new(limits, Arc::default());
        assert_eq!(
            spent.check(),
            Err(BudgetError::ComputingUsedUp { computing_max: Duration::ZERO })
        );
        assert!(RequestBudget::unlimited().check().is_ok());
    }
}
