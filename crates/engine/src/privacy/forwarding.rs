//! Telling destinations to delete people.

use std::sync::Arc;

use activation::{Failure, RETRY_FOR_MS_DEFAULT};
use domain::{Destination, Timestamp};
use serde::{Deserialize, Serialize};

use super::pending::Pending;
use super::running::{RegulationError, Surroundings};
use crate::Engine;
use crate::delivery::connect;

/// How many users a destination is told of at once.
const USERS_PER_CALL: usize = 100;
/// The waits between attempts, in milliseconds: the first, and the longest.
const WAIT_MS_MIN: u64 = 1_000;
const WAIT_MS_MAX: u64 = 300_000;

/// What became of telling a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardOutcome {
    /// It has deleted them, or did not know them.
    Deleted,
    /// Its kind offers no deletion: delete them there by other means.
    CannotDelete,
    /// It refused, or did not answer for four hours.
    Failed,
}

/// What a destination answered. It holds no id of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DestinationAnswer {
    /// The name of the destination.
    pub destination: String,
    /// What became of it.
    pub outcome: ForwardOutcome,
    /// User ids that it has deleted.
    pub deleted: u64,
    /// User ids that it has not.
    pub failed: u64,
    /// A short label of the last failure.
    pub reason: Option<String>,
}

/// How far destinations were told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Forwarding {
    since: Timestamp,
    attempts: u32,
    /// When they are told once more.
    pub(super) next_at: Timestamp,
    destinations: Vec<Told>,
}

/// How far a destination was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Told {
    answer: DestinationAnswer,
    /// Whether it was told at least once.
    is_tried: bool,
    /// User ids that it has not answered for yet.
    left: Vec<String>,
}

impl Told {
    fn new(destination: &Destination, user_ids: &[String]) -> Self {
        let answer = DestinationAnswer {
            destination: destination.name.clone(),
            outcome: ForwardOutcome::Deleted,
            deleted: 0,
            failed: 0,
            reason: None,
        };
        Self { answer, is_tried: false, left: user_ids.to_vec() }
    }

    fn waits(&self) -> bool {
        !self.is_tried || !self.left.is_empty()
    }

    /// It will not delete those that are left.
    fn give_up(&mut self, reason: Option<&str>) {
        self.is_tried = true;
        self.answer.failed += std::mem::take(&mut self.left).len() as u64;
        self.answer.outcome = ForwardOutcome::Failed;
        if let Some(reason) = reason {
            self.answer.reason = Some(reason.to_owned());
        }
    }
}

impl Engine {
    /// Tells every destination to delete people, each once at a time.
    ///
    /// # Errors
    /// [`RegulationError::Waiting`] while one may still do it.
    pub(super) fn forward(
        &self,
        pending: &mut Pending,
        around: &Surroundings<'_>,
    ) -> Result<Vec<DestinationAnswer>, RegulationError> {
        let (config, now) = (self.shared.config.load_full(), self.now());
        let mut forwarding = pending.forwarding.take().unwrap_or_else(|| {
            let user_ids = pending.user_ids();
            let told = config.outgoing_destinations().map(|one| Told::new(one, &user_ids));
            Forwarding { since: now, attempts: 0, next_at: now, destinations: told.collect() }
        });
        pending.forwarding = Some(forwarding.clone());
        pending.write(&self.pending_folder())?;
        let mut wait_ms = WAIT_MS_MIN << forwarding.attempts.min(16);
        for told in forwarding.destinations.iter_mut().filter(|told| told.waits()) {
            match config.destination(&told.answer.destination) {
                None => told.give_up(Some("removed")),
                Some(destination) => {
                    wait_ms = wait_ms.max(self.tell(destination, told, around)?);
                    if !destination.enabled && told.waits() {
                        told.give_up(Some("off"));
                    }
                }
            }
        }
        forwarding.attempts += 1;
        let is_over = now.0 - forwarding.since.0 >= RETRY_FOR_MS_DEFAULT as i64;
        if forwarding.destinations.iter().any(Told::waits) && !is_over {
            let until = Timestamp(self.now().0 + wait_ms.min(WAIT_MS_MAX) as i64);
            forwarding.next_at = until;
            pending.forwarding = Some(forwarding);
            pending.write(&self.pending_folder())?;
            return Err(RegulationError::Waiting { until });
        }
        let mut told = forwarding.destinations;
        told.iter_mut().filter(|told| told.waits()).for_each(|told| told.give_up(None));
        Ok(told.into_iter().map(|told| told.answer).collect())
    }

    /// Tells a destination once of those that are left. Returns how long it asks to be left alone,
    /// in milliseconds.
    fn tell(
        &self,
        destination: &Destination,
        told: &mut Told,
        around: &Surroundings<'_>,
    ) -> Result<u64, RegulationError> {
        let Some(outgoing) = &self.outgoing else {
            told.give_up(Some("no_connections"));
            return Ok(0);
        };
        let connected = connect(outgoing, self.instance_key.as_deref(), self.id(), destination);
        let Ok(sender) = connected else {
            told.give_up(Some("settings"));
            return Ok(0);
        };
        told.is_tried = true;
        let (left, mut asked_ms) = (std::mem::take(&mut told.left), 0);
        let mut chunks: Vec<&[String]> = left.chunks(USERS_PER_CALL).collect();
        if chunks.is_empty() {
            // Nobody has a user id: it is only asked whether its kind can delete.
            chunks.push(&[]);
        }
        for user_ids in chunks {
            around.check()?;
            let Some(sending) = Arc::clone(&sender).forget(user_ids.to_vec()) else {
                told.answer.outcome = ForwardOutcome::CannotDelete;
                return Ok(0);
            };
            if user_ids.is_empty() {
                break;
            }
            let outcomes = outgoing.runtime().block_on(sending);
            for (id, outcome) in user_ids.iter().zip(outcomes) {
                match outcome {
                    Ok(()) => told.answer.deleted += 1,
                    Err(Failure::Retry { reason, after_ms, .. }) => {
                        told.answer.reason = Some(reason);
                        asked_ms = asked_ms.max(after_ms.unwrap_or(0));
                        told.left.push(id.clone());
                    }
                    Err(Failure::Unknown { reason, .. }) => {
                        told.answer.reason = Some(reason);
                        told.left.push(id.clone());
                    }
                    Err(Failure::Permanent { reason, .. }) => {
                        told.answer.reason = Some(reason);
                        told.answer.failed += 1;
                        told.answer.outcome = ForwardOutcome::Failed;
                    }
                }
            }
        }
        Ok(asked_ms)
    }
}
