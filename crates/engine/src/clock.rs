//! The process's clock, guarded against jumps of the system's clock.
//!
//! The system's clock may jump: by a wrong correction, a dead battery, an administrator. A jump
//! shows in comparison with the monotonic clock. It is not followed until the system's clock has
//! kept its new course for a while.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use parking_lot::Mutex;

/// By how much the system's clock may move against the monotonic one between two readings before it
/// counts as a jump, in milliseconds.
pub const CLOCK_JUMP_MS: i64 = 60_000;
/// For how long the system's clock must stay where it jumped to before it is believed: a suspended
/// machine or a corrected clock is right again after that.
pub const CLOCK_BELIEVED_AFTER: Duration = Duration::from_secs(10 * 60);

/// The source of time of a workspace.
pub trait Clock: Send + Sync {
    /// The time now, for lists and for entries that are about to be submitted. The fold reads no
    /// clock.
    fn now(&self) -> Timestamp;
}

/// The clock of the process, which follows no jump of the system's clock at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows a time.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

static CLOCK: LazyLock<(Instant, Mutex<ClockGuard>)> = LazyLock::new(|| {
    let guard = ClockGuard { offset_ms: read_system_clock_ms(), jump: None };
    (Instant::now(), Mutex::new(guard))
});

/// The time of the process's clock, for what belongs to no workspace. A jump of the system's clock
/// is not followed at once.
pub fn now() -> Timestamp {
    let (started, guard) = &*CLOCK;
    let mut guard = guard.lock();
    // Both are read under the lock, so that readings come in their order.
    let (now, change) = guard.read(read_system_clock_ms(), started.elapsed());
    let problem = guard.problem();
    drop(guard);
    match change {
        None => {}
        Some(Change::Jumped) => {
            metrics::counter!("clock_jumps_total").increment(1);
            tracing::error!(problem, "the system's clock jumped and is not followed");
        }
        Some(Change::CameBack) => tracing::warn!("the system's clock came back from its jump"),
        Some(Change::Believed) => {
            tracing::warn!("the system's clock stayed where it jumped to: it is followed")
        }
    }
    now
}

/// The problem of the system's clock while it is not followed; none otherwise.
pub fn clock_problem() -> Option<String> {
    CLOCK.1.lock().problem()
}

fn read_system_clock_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

/// Tells jumps of the system's clock from its course, given readings of it and of the monotonic
/// clock.
struct ClockGuard {
    /// System time minus monotonic time, as last believed, in milliseconds.
    offset_ms: i64,
    /// Where the system's clock has jumped to.
    jump: Option<Jump>,
}

struct Jump {
    /// System time minus monotonic time since the jump, in milliseconds.
    offset_ms: i64,
    /// When it was noticed, in monotonic time.
    since: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Jumped,
    CameBack,
    Believed,
}

impl ClockGuard {
    /// Returns the time to use, and the change that this reading has shown.
    fn read(&mut self, system_ms: i64, monotonic: Duration) -> (Timestamp, Option<Change>) {
        let monotonic_ms = monotonic.as_millis() as i64;
        let offset_ms = system_ms - monotonic_ms;
        let is_near = |other_ms: i64| (offset_ms - other_ms).abs() <= CLOCK_JUMP_MS;
        let change = match &mut self.jump {
            None if is_near(self.offset_ms) => None,
            Some(_) if is_near(self.offset_ms) => Some(Change::CameBack),
            Some(jump) if is_near(jump.offset_ms) => {
                jump.offset_ms = offset_ms;
                (monotonic.saturating_sub(jump.since) >= CLOCK_BELIEVED_AFTER)
                    .then_some(Change::Believed)
            }
            None | Some(_) => {
                self.jump = Some(Jump { offset_ms, since: monotonic });
                Some(Change::Jumped)
            }
        };
        if matches!(change, Some(Change::CameBack | Change::Believed)) {
            self.jump = None;
        }
        if self.jump.is_none() {
            self.offset_ms = offset_ms;
        }
        (Timestamp(self.offset_ms + monotonic_ms), change)
    }

    fn problem(&self) -> Option<String> {
        let jump = self.jump.as_ref()?;
        let by_s = (jump.offset_ms - self.offset_ms) / 1_000;
        let direction = if by_s > 0 { "ahead" } else { "back" };
        Some(format!(
            "the system's clock jumped {} {direction} and is not followed until it stays there for {}: set it right",
            Seconds(by_s.unsigned_abs()),
            Seconds(CLOCK_BELIEVED_AFTER.as_secs()),
        ))
    }
}

/// Seconds as people say them, in the largest unit of which there are two.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ 0..120 => write!(f, "{seconds} s"),
            seconds @ 120..7_200 => write!(f, "{} min", seconds / 60),
            seconds @ 7_200..172_800 => write!(f, "{} h", seconds / 3_600),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_700_000_000_000;
    const DAY_MS: i64 = 86_400_000;

    fn guard() -> ClockGuard {
        ClockGuard { offset_ms: START_MS, jump: None }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_jump_is_not_followed_and_told_once() {
        for jump_ms in [1_000 * DAY_MS, -1_000 * DAY_MS, CLOCK_JUMP_MS + 1, -CLOCK_JUMP_MS - 1] {
            let mut guard = guard();
            let read = |guard: &mut ClockGuard, second: u64, jump_ms: i64| {
                let (now, change) =
                    guard.read(START_MS + 1_000 * second as i64 + jump_ms, s(second));
                (now.0 - START_MS, change)
            };
            assert_eq!(read(&mut guard, 1, 0), (1_000, None));
            assert_eq!(read(&mut guard, 2, jump_ms), (2_000, Some(Change::Jumped)));
            assert_eq!(read(&mut guard, 3, jump_ms), (3_000, None));
            assert!(guard.problem().is_some_and(|text| text.contains("not followed")));
            assert_eq!(read(&mut guard, 4, 7), (4_007, Some(Change::CameBack)));
            assert_eq!(guard.problem(), None);
        }
    }

    #[test]
    fn a_clock_that_stays_where_it_jumped_to_is_believed() {
        let mut guard = guard();
        let at = |second: u64| START_MS + 1_000 * second as i64 + 5 * DAY_MS;
        assert_eq!(guard.read(at(10), s(10)).1, Some(Change::Jumped));
        assert_eq!(
            guard.problem().unwrap(),
            "the system's clock jumped 5 days ahead and is not followed until it stays there for 10 min: set it right"
        );
        assert_eq!(guard.read(at(609), s(609)), (Timestamp(START_MS + 609_000), None));
        assert_eq!(guard.read(at(610), s(610)), (Timestamp(at(610)), Some(Change::Believed)));
        assert_eq!(guard.read(at(611), s(611)), (Timestamp(at(611)), None));
    }

    #[test]
    fn a_clock_that_jumps_about_is_never_believed() {
        let mut guard = guard();
        for second in 1..2_000 {
            let jump_ms = if second / 300 % 2 == 0 { DAY_MS } else { 9 * DAY_MS };
            let (now, _) = guard.read(START_MS + 1_000 * second as i64 + jump_ms, s(second));
            assert_eq!(now.0, START_MS + 1_000 * second as i64);
        }
    }

    #[test]
    fn small_corrections_are_followed_and_add_up() {
        let mut guard = guard();
        for second in 1..=100 {
            let slewed_ms = CLOCK_JUMP_MS * second as i64;
            let (now, change) = guard.read(START_MS + slewed_ms, s(second));
            assert_eq!((now.0 - START_MS, change), (slewed_ms, None));
        }
    }
}
