//! The time that expressions may take.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reql::ReqlError;

use crate::{BudgetError, RequestBudget};

/// How long the filters and boosters of one request may be evaluated for.
pub const EVALUATION_TIME_MAX: Duration = Duration::from_secs(1);
/// The number of rows that are evaluated between two readings of the clock.
const ROWS_PER_LOOK: u32 = 64;

/// Errors of evaluating expressions.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExpressionError {
    /// It is no expression, or none of this catalog's.
    #[error(transparent)]
    Reql(#[from] ReqlError),
    /// It asks for too much of too many.
    #[error("it takes longer than {} s for all candidates: simplify it", EVALUATION_TIME_MAX.as_secs())]
    TooSlow,
    /// The request that it is for may cost no more.
    #[error(transparent)]
    Budget(#[from] BudgetError),
}

/// How long evaluation may go on in one list.
pub(crate) struct Budget {
    ends_at: Instant,
    /// The request that the list is for; none for values that all requests share.
    request: Option<Arc<RequestBudget>>,
    n_rows: Cell<u32>,
    is_spent: Cell<bool>,
}

impl Budget {
    /// A budget for values that all requests share.
    pub(crate) fn for_all() -> Self {
        let ends_at = Instant::now() + EVALUATION_TIME_MAX;
        Self { ends_at, request: None, n_rows: Cell::new(0), is_spent: Cell::new(false) }
    }

    /// For a list of a request.
    pub(crate) fn within(request: &Arc<RequestBudget>) -> Self {
        Self { request: Some(Arc::clone(request)), ..Self::for_all() }
    }

    /// Looks at the clock; an error where there is no time left.
    pub(crate) fn check_now_and_then(&self) -> Result<(), ExpressionError> {
        let is_over = || self.request.as_ref().is_some_and(|request| request.check().is_err());
        self.is_spent.set(self.is_spent.get() || Instant::now() > self.ends_at || is_over());
        self.check()
    }

    /// An error where evaluation was given up: then nothing that came of it counts.
    pub(crate) fn check(&self) -> Result<(), ExpressionError> {
        if !self.is_spent.get() {
            return Ok(());
        }
        if let Some(request) = &self.request {
            request.check()?;
        }
        Err(ExpressionError::TooSlow)
    }

    /// Whether the request may hold so many bytes of values until they are in its answer.
    pub(crate) fn check_answer(&self, bytes: usize) -> Result<(), BudgetError> {
        self.request.as_ref().map_or(Ok(()), |request| request.check_answer(bytes as u64))
    }

    /// Whether one more row may be evaluated.
    pub(crate) fn allows_row(&self) -> bool {
        let n = self.n_rows.get().wrapping_add(1);
        self.n_rows.set(n);
        if n.is_multiple_of(ROWS_PER_LOOK) {
            return self.check_now_and_then().is_ok();
        }
        !self.is_spent.get()
    }
}
