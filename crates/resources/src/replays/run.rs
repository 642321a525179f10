//! A replay at work: reads the span, keeps to its rate, and waits where others are slower.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Message, grouped};
use engine::{Engine, Entry, Outcome, ReplayError, Span, SpanReader, SubmitError};
use uuid::Uuid;
use web::error::ApiError;
use web::jobs::JobControl;
use web::workspaces::WorkspaceHandle;

use super::{NewReplay, REPLAY_RATE_DEFAULT, Replayed, catalog, replay_error};
use crate::message_files::submit_patiently;

/// The most messages of one step.
const STEP_MESSAGES_MAX: u32 = 500;
/// The steps of a second, so that the rate is kept evenly.
const STEPS_PER_SECOND: u32 = 10;
/// How long a replay rests where it may not go on.
const REST: Duration = Duration::from_millis(100);
/// How often it is journalled how far a replay came that finds nothing to send.
const NOTE_INTERVAL: Duration = Duration::from_secs(5);
/// How often a step is tried again while the journal takes nothing more, each time after a second.
const RETRIES_MAX: usize = 60;

/// Who gets the messages.
pub(super) enum To {
    /// A destination.
    Destination(String),
    /// Another workspace.
    Workspace {
        /// The workspace.
        handle: WorkspaceHandle,
        /// The source for messages whose own one it does not have.
        source: Option<String>,
        /// Whether it gets the items before the messages.
        takes_catalog: bool,
    },
}

/// A replay that is to be run.
pub(super) struct Run {
    pub(super) id: Uuid,
    to: To,
    span: Span,
    reached: u64,
    messages_per_second: u32,
}

/// Finds the engine: the workspace may be closed and opened again meanwhile.
pub(super) type FindEngine<'a> = dyn Fn() -> Result<Arc<Engine>, ApiError> + 'a;

/// The time by which a replay keeps to its rate.
pub(super) trait Time {
    /// The time since its beginning.
    fn elapsed(&self) -> Duration;

    /// Lets time pass.
    fn rest(&self, how_long: Duration);
}

/// The time of the computer.
pub(super) struct RealTime(Instant);

impl RealTime {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Time for RealTime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn rest(&self, how_long: Duration) {
        std::thread::sleep(how_long);
    }
}

/// When so many messages may have been sent, since the beginning.
fn due(n: u64, per_second: u32) -> Duration {
    Duration::from_secs_f64(n as f64 / f64::from(per_second))
}

impl Run {
    pub(super) fn new(id: Uuid, request: &NewReplay, to: To, span: Span, reached: u64) -> Self {
        let messages_per_second = request.messages_per_second.unwrap_or(REPLAY_RATE_DEFAULT);
        Self { id, to, span, reached, messages_per_second }
    }

    /// Sends all messages of the span.
    ///
    /// # Errors
    /// If it is cancelled, or the destination is off or gone: then it can go on later.
    pub(super) fn run(
        self,
        control: &JobControl,
        time: &dyn Time,
        engine: &FindEngine<'_>,
    ) -> Result<Replayed, ApiError> {
        let items = self.copy_catalog(control, engine)?;
        let mut reader = SpanReader::new(self.span.clone());
        reader.skip_to(self.reached);
        let rate = self.messages_per_second;
        let n_step = rate.div_ceil(STEPS_PER_SECOND).min(STEP_MESSAGES_MAX) as usize;
        let began = time.elapsed();
        let (mut n_sent, mut duplicates, mut noted_at) = (0, 0, began);
        while !reader.is_done() {
            control.check()?;
            let early = (began + due(n_sent, rate)).saturating_sub(time.elapsed());
            if !early.is_zero() {
                time.rest(early.min(REST));
                continue;
            }
            let engine = engine()?;
            let n_max = self.room(&engine)?.min(n_step);
            if n_max == 0 {
                control.tell(reader.share(), "waits for the destination, which has much to send");
                drop(engine);
                time.rest(REST);
                continue;
            }
            let found = engine.next_of_span(&mut reader, n_max)?;
            if found.is_empty() {
                if time.elapsed().saturating_sub(noted_at) >= NOTE_INTERVAL {
                    noted_at = time.elapsed();
                    self.note(&engine, control, reader.reached(), 0, false)?;
                }
            } else {
                n_sent += found.len() as u64;
                duplicates += self.send(&engine, control, found, reader.reached())?;
            }
            control.tell(reader.share(), format!("{} messages were sent", grouped(n_sent)));
        }
        let engine = engine()?;
        self.note(&engine, control, reader.reached(), 0, true)?;
        let replayed = engine.replay(self.id).map_or(n_sent, |replay| replay.replayed);
        Ok(Replayed { id: self.id, replayed, duplicates, items })
    }

    /// Takes the items along, as long as nothing was sent.
    fn copy_catalog(&self, control: &JobControl, engine: &FindEngine<'_>) -> Result<u64, ApiError> {
        match &self.to {
            To::Workspace { handle, takes_catalog: true, .. } if self.reached == self.span.from => {
                catalog::copy(control, engine, handle)
            }
            _ => Ok(0),
        }
    }

    /// How many messages may be sent now.
    fn room(&self, engine: &Engine) -> Result<usize, ApiError> {
        let To::Destination(name) = &self.to else { return Ok(usize::MAX) };
        let config = engine.config();
        match config.destination(name) {
            Some(destination) if destination.enabled => Ok(engine.replay_room(name)),
            Some(_) => {
                let message = format!("destination {name:?} is off: turn it on, and go on then");
                Err(ApiError::unavailable(message))
            }
            None => Err(ApiError::not_found(format!("destination {name:?} is gone"))),
        }
    }

    /// Sends messages, and returns how many of them were there before.
    fn send(
        &self,
        engine: &Engine,
        control: &JobControl,
        found: Vec<(u64, Box<Message>)>,
        reached: u64,
    ) -> Result<u64, ApiError> {
        match &self.to {
            To::Destination(name) => {
                let offsets: Vec<u64> = found.iter().map(|(offset, _)| *offset).collect();
                patiently(control, || {
                    engine.replay_messages(self.id, name, offsets.iter().copied())
                })?;
                Ok(0)
            }
            To::Workspace { handle, source, .. } => {
                let config = handle.config()?;
                let n = found.len() as u64;
                let entry = |(_, mut message): (u64, Box<Message>)| {
                    if let Some(source) = source
                        && config.source(&message.source).is_none()
                    {
                        message.source.clone_from(source);
                    }
                    Entry::Message(message)
                };
                let entries = found.into_iter().map(entry).collect();
                let other = handle.blocking().engine()?;
                let outcomes = submit_patiently(&other, entries, &|| control.check())?;
                drop(other);
                self.note(engine, control, reached, n, false)?;
                let is_repeat = |outcome: &&Outcome| **outcome == Outcome::Duplicate;
                Ok(outcomes.iter().filter(is_repeat).count() as u64)
            }
        }
    }

    fn note(
        &self,
        engine: &Engine,
        control: &JobControl,
        reached: u64,
        replayed: u64,
        is_done: bool,
    ) -> Result<(), ApiError> {
        patiently(control, || engine.note_replay(self.id, reached, replayed, is_done))
    }
}

/// Tries again while too many entries of others wait for the journal.
fn patiently(
    control: &JobControl,
    mut submit: impl FnMut() -> Result<(), ReplayError>,
) -> Result<(), ApiError> {
    for _ in 0..RETRIES_MAX {
        match submit() {
            Err(ReplayError::Submit(SubmitError::QueueFull { .. })) => {
                control.check()?;
                std::thread::sleep(Duration::from_secs(1));
            }
            done => return done.map_err(replay_error),
        }
    }
    submit().map_err(replay_error)
}
