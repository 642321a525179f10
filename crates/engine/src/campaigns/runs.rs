//! Runs of campaigns that have a time: all people are looked at, in steps.

use std::collections::BTreeMap;

use domain::{Timestamp, UserIdx};
use serving::QueryError;
use state::{CampaignEntry, CampaignRun, DecisionOutcome, Occurrence, Waiting};

use super::{Running, Sender};
use crate::EngineError;

/// The people who are looked at before what was decided is journalled.
const PEOPLE_PER_STEP: u32 = 500;
/// Why nobody else gets a message of a run than the people whom it is for: it is not counted.
const NOT_QUALIFIED: &str = "not_qualified";

impl Sender {
    /// Looks at the next people of a run.
    pub(super) fn run_on(
        &mut self,
        campaign: &Running,
        run: Timestamp,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let first =
            campaign.run.filter(|state| state.run == run).map_or(0, |state| state.next_user);
        let n_users = self.shared.live.snapshot().profiles.ids().n_users() as u32;
        let next_user = first.saturating_add(PEOPLE_PER_STEP).min(n_users);
        let people = self.people_of_run(campaign, run, first..next_user)?;
        let (mut entries, mut refused) = (Vec::new(), BTreeMap::new());
        let (number, occurrence) = (campaign.number, Occurrence::Run(run));
        let waiting = Waiting { campaign: number, occurrence, due: now, first_due: now };
        let people: Vec<_> = people.into_iter().map(|user| (user, waiting)).collect();
        self.with_step(campaign, now, |sender, step| {
            for candidate in sender.read_candidates(step, &people)? {
                let Some(candidate) = candidate else { continue };
                let decision = sender.decide(step, &waiting, candidate);
                match decision.outcome {
                    DecisionOutcome::Refused { reason, .. } => {
                        *refused.entry(reason).or_insert(0) += 1;
                    }
                    _ => entries.push(CampaignEntry::Decision(decision)),
                }
            }
            Ok(())
        })?;
        refused.remove(NOT_QUALIFIED);
        entries.push(CampaignEntry::Run(CampaignRun {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            run,
            next_user,
            is_done: next_user >= n_users,
            refused: refused.into_iter().collect(),
        }));
        Ok(self.submit(entries)?)
    }

    /// The people of a step whom nothing was decided for: after a crash a step is repeated.
    fn people_of_run(
        &self,
        campaign: &Running,
        run: Timestamp,
        users: std::ops::Range<u32>,
    ) -> Result<Vec<UserIdx>, EngineError> {
        let snapshot = self.shared.live.snapshot();
        let mut people = Vec::new();
        for user in users.map(UserIdx).filter(|user| snapshot.profiles.ids().is_alive(*user)) {
            let has_run = snapshot.campaigns.has_run(snapshot.store(), user, campaign.number, run);
            if !has_run.map_err(QueryError::from)? {
                people.push(user);
            }
        }
        Ok(people)
    }
}
