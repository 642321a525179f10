//! What goes to which destination of traits and audiences, and sending it again.

use domain::SyncSettings;
use state::{Command, Link, Outcome, Refusal, SyncSubject};

use crate::{Engine, SubmitError, SyncStatus};

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
