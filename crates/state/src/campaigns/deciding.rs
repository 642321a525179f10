//! What decisions of the engine change: the first one on a message counts.

use activation::PastMessage;
use domain::{CampaignStart, CampaignStatus, UserIdx};
use store::{Batch, StoreError};

use super::{
    CampaignDecision, CampaignRun, CampaignWinner, Campaigns, DecisionOutcome, NO_DATE,
    NOT_REACHABLE, Occurrence, RunState, SUPPRESSED, TOO_MANY_WAIT, UnnamedPerson, Waiting, Winner,
    channel_code,
};

impl Campaigns {
    /// Applies a decision on a message to a person. Returns whether it is the first one on it, of a
    /// campaign that is there.
    pub(crate) fn decide(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        offset: u64,
        decision: &CampaignDecision,
    ) -> Result<bool, StoreError> {
        let CampaignDecision { at, campaign: key, number, occurrence, outcome, .. } = decision;
        if !self.is_kept(key, *number) {
            return Ok(false);
        }
        let mut row = self.person(batch, user)?;
        let place = row.find(*number, *occurrence);
        let is_due = match (place, occurrence) {
            (Some(_), _) => true,
            (None, Occurrence::Run(run)) => row.last_run(*number).is_none_or(|last| last < *run),
            (None, _) => false,
        };
        if !is_due {
            return Ok(false);
        }
        let waited = place.map(|place| self.remove_waiting(batch, user, &mut row, place));
        if !matches!(outcome, DecisionOutcome::Waits { .. }) {
            self.forget_details(batch, user, *number, *occurrence);
        }
        if let Occurrence::Run(run) = occurrence {
            row.note_run(*number, *run);
        }
        match outcome {
            DecisionOutcome::Waits { until } => {
                let first_due = waited.map_or(*at, |waited| waited.first_due);
                let (campaign, occurrence, due) = (*number, *occurrence, *until);
                let waiting = Waiting { campaign, occurrence, due, first_due };
                if !self.add_waiting(batch, user, &mut row, waiting) {
                    self.count_refused(key, TOO_MANY_WAIT, 1);
                }
            }
            DecisionOutcome::Refused { reason, .. } if reason == NO_DATE => {}
            DecisionOutcome::Refused { reason, .. } => {
                self.count_refused_on(batch, (key, *number), decision.day, (reason, 1))?;
            }
            DecisionOutcome::Sent(sent) => {
                let channel = channel_code(&sent.channel);
                row.add_past(PastMessage { at: *at, channel, campaign: *number });
                self.count_sent(batch, decision, sent)?;
            }
        }
        if self.is_due_each_year(key, outcome) {
            let (campaign, occurrence) = (*number, Occurrence::Dated(offset));
            let waiting = Waiting { campaign, occurrence, due: *at, first_due: *at };
            self.add_waiting(batch, user, &mut row, waiting);
        }
        self.put_person(batch, user, &row);
        Ok(true)
    }

    /// Removes what waits for somebody who is suppressed, and counts it as refused.
    pub(crate) fn drop_suppressed(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        if let Some(place) = row.find(decision.number, decision.occurrence) {
            self.drop_waiting(batch, user, &mut row, place);
            self.put_person(batch, user, &row);
            let campaign = (decision.campaign.as_str(), decision.number);
            self.count_refused_on(batch, campaign, decision.day, (SUPPRESSED, 1))?;
        }
        Ok(())
    }

    /// Removes what waits for somebody who has no id, and counts it as refused.
    pub(crate) fn drop_unnamed(
        &mut self,
        batch: &mut Batch<'_>,
        unnamed: &UnnamedPerson,
    ) -> Result<(), StoreError> {
        let user = UserIdx(unnamed.user);
        let mut row = self.person(batch, user)?;
        if let Some(place) = row.find(unnamed.number, unnamed.occurrence) {
            self.drop_waiting(batch, user, &mut row, place);
            self.put_person(batch, user, &row);
            self.count_refused(&unnamed.campaign, NOT_REACHABLE, 1);
        }
        Ok(())
    }

    /// Counts a decision about somebody who was deleted since.
    pub(crate) fn count_erased(
        &mut self,
        batch: &mut Batch<'_>,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        if !self.is_kept(&decision.campaign, decision.number) {
            return Ok(());
        }
        match &decision.outcome {
            DecisionOutcome::Sent(sent) => self.count_sent(batch, decision, sent),
            DecisionOutcome::Refused { reason, .. } => {
                let campaign = (decision.campaign.as_str(), decision.number);
                self.count_refused_on(batch, campaign, decision.day, (reason, 1))
            }
            DecisionOutcome::Waits { .. } => Ok(()),
        }
    }

    /// Notes how far a run came.
    pub(crate) fn follow_run(
        &mut self,
        batch: &mut Batch<'_>,
        entry: &CampaignRun,
    ) -> Result<(), StoreError> {
        if !self.is_kept(&entry.campaign, entry.number) {
            return Ok(());
        }
        let Some(kept) = self.by_key.get_mut(&entry.campaign) else { return Ok(()) };
        let CampaignRun { run, next_user, is_done, missed, too_many, .. } = *entry;
        let n_people = kept.run.filter(|last| last.run == run).map_or(0, |last| last.n_people);
        kept.run = Some(RunState { run, next_user, is_done, n_people, too_many });
        kept.missed_runs += missed;
        self.changed.insert(entry.campaign.clone());
        let campaign = (entry.campaign.as_str(), entry.number);
        for (reason, n) in &entry.refused {
            self.count_refused_on(batch, campaign, entry.day, (reason, *n))?;
        }
        Ok(())
    }

    /// Takes the variant that everybody gets. Returns whether it is the first one.
    pub(crate) fn follow_winner(&mut self, entry: &CampaignWinner) -> bool {
        let CampaignWinner { at, campaign, number, variant, is_sure } = entry;
        let kept = self.by_key.get_mut(campaign).filter(|kept| kept.number == *number);
        let Some(kept) = kept.filter(|kept| kept.variants.winner.is_none()) else { return false };
        let variant = variant.clone();
        kept.variants.winner = Some(Winner { variant, at: *at, is_sure: *is_sure });
        self.changed.insert(campaign.clone());
        true
    }

    /// Whether a message about a date was decided on, and there is another one in a year.
    fn is_due_each_year(&self, key: &str, outcome: &DecisionOutcome) -> bool {
        let is_over = match outcome {
            DecisionOutcome::Sent(_) => true,
            DecisionOutcome::Waits { .. } => false,
            DecisionOutcome::Refused { reason, .. } => reason != NO_DATE,
        };
        let kept =
            self.by_key.get(key).filter(|kept| kept.definition.status == CampaignStatus::Running);
        let is_yearly = kept.is_some_and(|kept| {
            matches!(kept.definition.start, CampaignStart::Date { each_year: true, .. })
        });
        is_over && is_yearly
    }
}
