//! Threads that work in the background, in one shape: a step again and again until the thread is stopped. A step that panics is logged and
//! counted, and the thread goes on after a second.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a thread rests after a step that panicked.
pub const RESTART_INTERVAL: Duration = Duration::from_secs(1);

/// What a thread does after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next step at once.
    Step,
    /// The next step after a time, or as soon as somebody wakes the thread.
    Rest(Duration),
    /// Nothing more.
    End,
}

/// A thread that works in the background. Dropped without [`BackgroundThread::stop`] it is told to stop and not waited for.
pub struct BackgroundThread {
    name: &'static str,
    signals: Arc<Signals>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads that start, wake and stop a background thread say to it, and it to them.
#[derive(Default)]
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_stopping: bool,
    is_awake: bool,
    has_ended: bool,
}

impl Signals {
    /// Whether the thread is to end: long steps ask now and then.
    pub fn is_stopping(&self) -> bool {
        self.state.lock().is_stopping
    }

    fn rest(&self, duration: Duration) {
        let mut state = self.state.lock();
        let until = Instant::now() + duration;
        while !state.is_stopping && !state.is_awake {
            if self.changed.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        state.is_awake = false;
    }
}

impl BackgroundThread {
    /// Starts a thread that takes one `step` after another.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn start(
        name: &'static str,
        mut step: impl FnMut(&Signals) -> Next + Send + 'static,
    ) -> std::io::Result<Self> {
        let signals = Arc::new(Signals::default());
        let of_thread = Arc::clone(&signals);
        let run = move || {
            loop {
                match catch_unwind(AssertUnwindSafe(|| step(&of_thread))) {
                    Ok(Next::Step) => {}
                    Ok(Next::Rest(duration)) => of_thread.rest(duration),
                    Ok(Next::End) => break,
                    Err(panic) => {
                        metrics::counter!("background_panics_total", "thread" => name).increment(1);
                        let why = text_of(&*panic);
                        tracing::error!(
                            thread = name,
                            why,
                            "a background thread panicked; it goes on in a second"
                        );
                        of_thread.rest(RESTART_INTERVAL);
                    }
                }
                // What has to be finished at the end is for the step to say.
            }
            of_thread.state.lock().has_ended = true;
            of_thread.changed.notify_all();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { name, signals, thread: Mutex::new(Some(thread)) })
    }

    /// Starts a thread that takes one `step` after another until it is stopped, resting in between.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn repeat(
        name: &'static str,
        interval: Duration,
        mut step: impl FnMut(&Signals) + Send + 'static,
    ) -> std::io::Result<Self> {
        Self::start(name, move |signals| {
            if signals.is_stopping() {
                return Next::End;
            }
            step(signals);
            Next::Rest(interval)
        })
    }

    /// Ends the rest that the thread takes, or the next one.
    pub fn wake(&self) {
        self.signals.state.lock().is_awake = true;
        self.signals.changed.notify_all();
    }

    /// Tells the thread to end; it is waited for by [`BackgroundThread::stop`].
    pub fn start_stopping(&self) {
        self.signals.state.lock().is_stopping = true;
        self.signals.changed.notify_all();
    }

    /// Tells the thread to end and waits for it, until the deadline. A thread that has not ended by then is left behind: its step is one
    /// that can be given up.
    pub fn stop(&self, deadline: Duration) {
        self.start_stopping();
        let Some(thread) = self.thread.lock().take() else { return };
        let until = Instant::now() + deadline;
        let mut state = self.signals.state.lock();
        while !state.has_ended {
            if self.signals.changed.wait_until(&mut state, until).timed_out() {
                tracing::warn!(thread = self.name, "a background thread was still at work at the deadline");
                return;
            }
        }
        drop(state);
        thread.join().ok();
    }
}

impl Drop for BackgroundThread {
    fn drop(&mut self) {
        self.start_stopping();
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_thread_goes_on_after_a_panic_with_what_it_had() {
        let (sender, steps) = channel();
        let mut n = 0;
        let thread = BackgroundThread::start("test", move |signals| {
            n += 1;
            sender.send(n).unwrap();
            assert!(n != 2, "the second step");
            if signals.is_stopping() { Next::End } else { Next::Step }
        })
        .unwrap();
        assert_eq!(steps.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
        thread.stop(LONG);
        assert!(steps.iter().last().is_some(), "and it has ended");
    }

    #[test]
    fn a_thread_that_rests_is_woken_and_stopped_at_once() {
        let (sender, steps) = channel();
        let step = move |_: &Signals| sender.send(()).unwrap();
        let thread = BackgroundThread::repeat("test", LONG, step).unwrap();
        steps.recv().unwrap();
        thread.wake();
        steps.recv().unwrap();
        thread.stop(LONG);
        assert!(steps.recv().is_err());
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_behind_at_the_deadline() {
        let (release, blocked) = channel::<()>();
        let thread = BackgroundThread::start("test", move |_| {
            blocked.recv().ok();
            Next::End
        })
        .unwrap();
        let started = Instant::now();
        thread.stop(Duration::from_millis(10));
        assert!(started.elapsed() < LONG);
        drop(release);
    }
}
