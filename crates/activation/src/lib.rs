#![doc = include_str!("../README.md")]

mod checks;
mod dispatcher;
mod job;
mod progress;
mod rules;
mod schedule;
mod variants;

pub use checks::{
    Calendar, Checks, Decision, DueMessage, PastMessage, RefusalReason, SentCounts, day_of,
    next_clock_time,
};
pub use dispatcher::{
    BREAKER_FAILURES, BREAKER_OPEN_MS, BREAKER_OPEN_MS_MAX, BreakerState, DEAD_LETTERS_MAX,
    Dispatcher, Held, OPEN_BYTES_MAX, OPEN_MAX, PROGRESS_AGE_MAX_MS, RETRY_AFTER_MS_MAX,
    RETRY_BASE_MS, RETRY_MS_MAX, Status, USER_BYTES_MAX, USER_JOBS_MAX, WAITING_MAX,
};
pub use job::{Batch, BatchJob, Failure, Fate, Job, Limits, OUTCOME_UNKNOWN, RETRY_FOR_MS_DEFAULT};
pub use progress::{
    DeadLetter, OpenDelivery, OpenState, Progress, REASON_BYTES_MAX, REASONS_MAX, TEXT_BYTES_MAX,
    count_reason,
};
pub use rules::{RuleError, Rules, Withheld};
pub use schedule::{DAY_PARTS, DatePlan, DueRun, Schedule, day_part, next_day_part, run_of_person};
pub use variants::{ALPHA, PEOPLE_MIN, VariantCounts, leading, sure_winner};
