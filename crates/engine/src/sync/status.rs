//! How far the sending of traits and audiences is.

use domain::{SyncSettings, Timestamp};
use serde::Serialize;
use state::{Command, Link, Outcome, Refusal, SyncSubject};

use crate::{Engine, SubmitError};

/// How the sending of a workspace's traits and audiences is doing in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SyncStatus {
    /// People whose values may have changed and who are not looked at yet.
    pub waiting: usize,
    /// The pass over everybody under way; none if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepStatus>,
    /// The last pass over everybody; none before the first has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sweep: Option<LastSweep>,
}

/// A pass over everybody under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SweepStatus {
    /// When it began.
    pub started_at: Timestamp,
    /// People who were looked at.
    pub people_done: u64,
    /// All of them.
    pub people: u64,
    /// About how many seconds are left; none at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_s: Option<u64>,
}

/// A pass over everybody that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LastSweep {
    /// When it ended.
    pub ended_at: Timestamp,
    /// People who were looked at.
    pub people: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl Engine {
    /// How the sending of traits and audiences is doing; none where this process delivers nothing.
    pub fn sync_status(&self) -> Option<SyncStatus> {
        self.syncing.as_ref().map(|syncing| syncing.status())
    }

    /// How a trait or audience goes to destinations, and the link to each; none if it goes nowhere
    /// or is not there.
    pub fn sync_links(&self, subject: &SyncSubject) -> Option<(SyncSettings, Vec<(String, Link)>)> {
        let snapshot = self.snapshot();
        let config = &snapshot.setup.config;
        let settings = match subject {
            SyncSubject::Trait(key) => {
                let list = config.trait_definition(key).map(|one| &one.sync);
                let computed = || config.computed_trait(key).map(|one| &one.sync);
                list.or_else(computed)?.clone()?
            }
            SyncSubject::Audience(key) => config.audience(key)?.sync.clone()?,
        };
        let links = snapshot.last_sent.links().iter().filter(|((of, _), _)| of == subject);
        let links = links.map(|((_, destination), link)| (destination.clone(), link.clone()));
        Some((settings, links.collect()))
    }

    /// Sends every value of a trait or audience again, to one destination or to all of it.
    ///
    /// # Errors
    /// If it does not go there, or the journal does not take the entry.
    pub fn sync_again(
        &self,
        subject: SyncSubject,
        destination: Option<String>,
    ) -> Result<Result<(), Refusal>, SubmitError> {
        Ok(match self.submit_command(Command::SyncAgain { subject, destination })? {
            Outcome::Refused(refusal) => Err(refusal),
            _ => Ok(()),
        })
    }
}
