//! Background threads: each repeats a step until it is stopped. A step that panics is logged and
//! counted, and the thread goes on after a second. What each does and what failed is in its
//! [`WorkLog`].

mod priority;
mod work_log;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::WorkspaceId;
use parking_lot::{Condvar, Mutex};

pub(crate) use self::priority::run_when_idle;
pub use self::work_log::{
    Activity, FAILURE_BYTES_MAX, FAILURES_KEPT_MAX, Failures, LastStep, ThreadStatus, WorkLog,
    WorkResult,
};

/// How long a thread rests after a step that panicked.
pub const RESTART_INTERVAL: Duration = Duration::from_secs(1);

/// The next action of a thread after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Take the next step at once.
    Step,
    /// Take the next step after a time, or when the thread is woken.
    Rest(Duration),
    /// End the thread.
    End,
}

/// The work of a background thread: its name, its steps, and its deadline at shutdown.
/// [`BackgroundThread`] measures the steps and counts those that panic.
pub trait BackgroundWork: Send + 'static {
    /// The name of the thread, in the log and as the label `thread` of the metrics.
    fn name(&self) -> &'static str;

    /// What it does, in a few words, for operators.
    fn task(&self) -> &'static str;

    /// How long [`BackgroundThread::stop`] waits for a step under way before it gives the step up.
    fn stop_time_max(&self) -> Duration;

    /// Does one step and returns when to take the next: at once, or after a rest that a time or
    /// [`BackgroundThread::wake`] ends. A thread that is stopped takes steps until one returns
    /// [`Next::End`] or [`Next::Rest`].
    fn step(&mut self, signals: &Signals) -> Next;
}

/// A background thread. If it is dropped without [`BackgroundThread::stop`], it gets the signal to
/// stop, and nobody waits for it.
pub struct BackgroundThread {
    name: &'static str,
    stop_time_max: Duration,
    signals: Arc<Signals>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Signals between a background thread and the threads that start, wake and stop it, and what the
/// thread says of its work.
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
    log: Arc<WorkLog>,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    is_awake: bool,
    has_ended: bool,
}

impl Signals {
    /// Signals that nobody has given yet, of work with this name and task.
    pub fn new(name: &'static str, task: &'static str) -> Self {
        let log = Arc::new(WorkLog::new(name, task));
        Self { state: Mutex::default(), changed: Condvar::new(), log }
    }

    /// Whether the thread should end. Long steps check it now and then.
    pub fn is_stopping(&self) -> bool {
        self.state.lock().is_stopping
    }

    /// Rests within a step. The rest ends early when the thread is woken or should end.
    pub fn rest(&self, duration: Duration) {
        let mut state = self.state.lock();
        let until = Instant::now() + duration;
        while !state.is_stopping && !state.is_awake {
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.is_awake = false;
    }

    /// Waits within a step until there is something to do. The thread counts as waiting meanwhile,
    /// and its step as begun when the wait is over.
    pub fn await_work<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.log.await_work(wait)
    }

    /// Does work for one workspace. If it fails or panics, the thread counts as failing for this
    /// workspace until such work succeeds.
    pub fn work_for(&self, workspace: &WorkspaceId, work: impl FnOnce() -> WorkResult) {
        self.log.work_for(workspace, work);
    }

    /// Reports that the step has failed. The thread counts as failing until a step ends without.
    pub fn fail(&self, text: &str) {
        self.log.fail(text);
    }
}

impl BackgroundThread {
    /// Starts a thread for `work`.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn start(mut work: impl BackgroundWork) -> std::io::Result<Self> {
        let (name, stop_time_max) = (work.name(), work.stop_time_max());
        let signals = Arc::new(Signals::new(name, work.task()));
        let thread_signals = Arc::clone(&signals);
        // Registered here, so that the metrics have each thread from its start on.
        let panics = metrics::counter!("background_panics_total", "thread" => name);
        let step_s = metrics::histogram!("background_step_seconds", "thread" => name);
        let run = move || {
            let log = &thread_signals.log;
            loop {
                log.begin_step();
                let outcome = catch_unwind(AssertUnwindSafe(|| work.step(&thread_signals)));
                let panic_text = outcome.as_ref().err().map(|panic| read_panic_text(&**panic));
                step_s.record(log.end_step(panic_text));
                match outcome {
                    Ok(Next::Step) => {}
                    Ok(Next::Rest(duration)) => {
                        thread_signals.rest(duration);
                        if thread_signals.is_stopping() {
                            break;
                        }
                    }
                    Ok(Next::End) => break,
                    Err(panic) => {
                        panics.increment(1);
                        let why = read_panic_text(&*panic);
                        tracing::error!(
                            thread = name,
                            why,
                            "a background thread panicked; it goes on in a second"
                        );
                        if thread_signals.is_stopping() {
                            break;
                        }
                        thread_signals.rest(RESTART_INTERVAL);
                    }
                }
            }
            log.end();
            thread_signals.state.lock().has_ended = true;
            thread_signals.changed.notify_all();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { name, stop_time_max, signals, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the present rest of the thread, or its next one.
    pub fn wake(&self) {
        self.signals.state.lock().is_awake = true;
        self.signals.changed.notify_all();
    }

    /// Signals the thread to end, without waiting for it; see [`BackgroundThread::stop`].
    pub fn start_stopping(&self) {
        self.signals.state.lock().is_stopping = true;
        self.signals.changed.notify_all();
    }

    /// Signals the thread to end and waits for it, at most for the time that its work may take to
    /// stop. A thread that has not ended by then is left behind: its step may be given up. Returns
    /// whether the thread has ended.
    pub fn stop(&self) -> bool {
        self.stop_since(Instant::now())
    }

    /// Stops threads together: the time that each may take begins now for all of them.
    pub fn stop_all(threads: &[Self]) {
        threads.iter().for_each(Self::start_stopping);
        let started = Instant::now();
        for thread in threads {
            thread.stop_since(started);
        }
    }

    fn stop_since(&self, started: Instant) -> bool {
        self.start_stopping();
        let Some(thread) = self.thread.lock().take() else { return true };
        let until = started + self.stop_time_max;
        let mut state = self.signals.state.lock();
        while !state.has_ended {
            if self.signals.changed.wait_until(&mut state, until).timed_out() {
                tracing::warn!(
                    thread = self.name,
                    "a background thread was still at work at the deadline"
                );
                return false;
            }
        }
        drop(state);
        thread.join().ok();
        true
    }

    /// The name of the thread's work.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The record of what the thread does.
    pub fn log(&self) -> &Arc<WorkLog> {
        &self.signals.log
    }
}

impl Drop for BackgroundThread {
    fn drop(&mut self) {
        self.start_stopping();
    }
}

fn read_panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    /// Steps of a closure, and how long they may take to stop.
    struct Steps<F>(F, Duration);

    impl<F: FnMut(&Signals) -> Next + Send + 'static> BackgroundWork for Steps<F> {
        fn name(&self) -> &'static str {
            "test"
        }

        fn task(&self) -> &'static str {
            "Runs a closure"
        }

        fn stop_time_max(&self) -> Duration {
            self.1
        }

        fn step(&mut self, signals: &Signals) -> Next {
            (self.0)(signals)
        }
    }

    fn start(
        step: impl FnMut(&Signals) -> Next + Send + 'static,
        stop_time_max: Duration,
    ) -> BackgroundThread {
        BackgroundThread::start(Steps(step, stop_time_max)).unwrap()
    }

    #[test]
    fn a_thread_goes_on_after_a_panic_with_what_it_had() {
        let (sender, steps) = channel();
        let mut n = 0;
        let step = move |signals: &Signals| {
            n += 1;
            sender.send(n).unwrap();
            assert!(n != 2, "the second step");
            if signals.is_stopping() { Next::End } else { Next::Step }
        };
        let thread = start(step, LONG);
        assert_eq!(steps.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
        thread.stop();
        assert_eq!(steps.iter().filter(|n| *n <= 3).count(), 0, "and it has ended");
        let status = thread.log().status();
        assert_eq!(status.activity, Activity::Ended);
        let [failure] = &status.failures[..] else { panic!("{status:?}") };
        assert!(failure.last_text.contains("the second step") && !failure.is_failing, "{status:?}");
    }

    #[test]
    fn a_thread_that_rests_is_woken_and_stopped_at_once() {
        let (sender, steps) = channel();
        let step = move |_: &Signals| {
            sender.send(()).unwrap();
            Next::Rest(LONG)
        };
        let thread = start(step, LONG);
        steps.recv().unwrap();
        thread.wake();
        steps.recv().unwrap();
        thread.stop();
        assert!(steps.recv().is_err());
    }

    #[test]
    fn a_thread_that_panics_while_it_is_stopped_ends() {
        let step = |signals: &Signals| {
            while !signals.is_stopping() {
                std::thread::yield_now();
            }
            panic!("at the end")
        };
        let thread = start(step, LONG);
        let started = Instant::now();
        thread.stop();
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind_at_the_deadline() {
        let (release, blocked) = channel::<()>();
        let step = move |_: &Signals| {
            blocked.recv().ok();
            Next::End
        };
        let thread = start(step, Duration::from_millis(10));
        let started = Instant::now();
        assert!(!thread.stop());
        assert!(started.elapsed() < LONG);
        drop(release);
    }
}
