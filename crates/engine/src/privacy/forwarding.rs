//! Telling destinations to delete people.

use std::sync::Arc;
use std::time::{Duration, Instant};

use activation::Failure;
use connectors::Sender;
use domain::Destination;
use serde::{Deserialize, Serialize};

use super::pending::Pending;
use super::running::{RegulationError, Surroundings};
use crate::Engine;
use crate::delivery::connect;

/// How many users a destination is told of at once.
const USERS_PER_CALL: usize = 100;
/// The waits between attempts: the first, and the longest.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How often it is looked whether to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

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

impl Engine {
    /// Tells every destination to delete people, again and again for as long as deliveries are
    /// tried again.
    pub(super) fn forward(
        &self,
        pending: &Pending,
        around: &Surroundings<'_>,
    ) -> Result<Vec<DestinationAnswer>, RegulationError> {
        let config = self.shared.config.load_full();
        let mut answers = Vec::new();
        for destination in config.outgoing_destinations() {
            answers.push(self.forward_to(destination, &pending.user_ids(), around)?);
        }
        Ok(answers)
    }

    fn forward_to(
        &self,
        destination: &Destination,
        user_ids: &[String],
        around: &Surroundings<'_>,
    ) -> Result<DestinationAnswer, RegulationError> {
        let mut answer = DestinationAnswer {
            destination: destination.name.clone(),
            outcome: ForwardOutcome::Deleted,
            deleted: 0,
            failed: 0,
            reason: None,
        };
        if user_ids.is_empty() {
            return Ok(answer);
        }
        let Some(outgoing) = &self.outgoing else {
            let reason = Some("no_connections".to_owned());
            let failed = user_ids.len() as u64;
            return Ok(DestinationAnswer {
                outcome: ForwardOutcome::Failed,
                failed,
                reason,
                ..answer
            });
        };
        let connected = connect(outgoing, self.instance_key.as_deref(), self.id(), destination);
        let sender = match connected {
            Ok(sender) => sender,
            Err(_) => {
                let reason = Some("settings".to_owned());
                let failed = user_ids.len() as u64;
                let outcome = ForwardOutcome::Failed;
                return Ok(DestinationAnswer { outcome, failed, reason, ..answer });
            }
        };
        for user_ids in user_ids.chunks(USERS_PER_CALL) {
            let Some(left) = self.forget(&sender, user_ids.to_vec(), around, &mut answer)? else {
                answer.outcome = ForwardOutcome::CannotDelete;
                answer.failed = 0;
                return Ok(answer);
            };
            answer.deleted += (user_ids.len() - left) as u64;
            answer.failed += left as u64;
        }
        if answer.failed > 0 {
            answer.outcome = ForwardOutcome::Failed;
        }
        Ok(answer)
    }

    /// Tells a destination of some users until it has deleted them. Returns how many it has not;
    /// none where it cannot delete.
    fn forget(
        &self,
        sender: &Arc<dyn Sender>,
        mut user_ids: Vec<String>,
        around: &Surroundings<'_>,
        answer: &mut DestinationAnswer,
    ) -> Result<Option<usize>, RegulationError> {
        let Some(outgoing) = &self.outgoing else { return Ok(None) };
        let until = Instant::now() + Duration::from_millis(activation::RETRY_FOR_MS_DEFAULT);
        let (mut wait, mut n_refused) = (WAIT_MIN, 0);
        loop {
            around.check()?;
            let Some(sending) = Arc::clone(sender).forget(user_ids.clone()) else {
                return Ok(None);
            };
            let outcomes = outgoing.runtime().block_on(sending);
            let (mut again, mut after) = (Vec::new(), None);
            for (id, outcome) in user_ids.into_iter().zip(outcomes) {
                match outcome {
                    Ok(()) => {}
                    Err(Failure::Retry { reason, after_ms, .. }) => {
                        answer.reason = Some(reason);
                        after = after.max(after_ms);
                        again.push(id);
                    }
                    Err(Failure::Permanent { reason, .. }) => {
                        answer.reason = Some(reason);
                        n_refused += 1;
                    }
                }
            }
            if again.is_empty() || Instant::now() >= until {
                return Ok(Some(again.len() + n_refused));
            }
            user_ids = again;
            let asked = after.map_or(wait, Duration::from_millis);
            rest(asked.max(wait).min(WAIT_MAX), around)?;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }
}

fn rest(wait: Duration, around: &Surroundings<'_>) -> Result<(), RegulationError> {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        around.check()?;
        std::thread::sleep(LOOK_INTERVAL.min(wait));
    }
    Ok(())
}
