//! Runs of campaigns that have a time: all people are looked at, in steps.

use std::collections::BTreeMap;

use activation::{DueRun, Schedule};
use domain::{CampaignStart, CampaignStatus, LocalTime, TimeZone, Timestamp, UserIdx};
use serving::QueryError;
use state::{CampaignEntry, CampaignRun, DecisionOutcome, NO_DATE, Occurrence, Waiting};

use super::deciding::is_of_campaign;
use super::{EXPIRES_AFTER_S_DEFAULT, Running, Sender};
use crate::EngineError;

/// The people who are looked at before what was decided is journalled.
const PEOPLE_PER_STEP: u32 = 500;
/// Why nobody else gets a message of a run than the people whom it is for: it is not counted.
const NOT_QUALIFIED: &str = "not_qualified";

impl Sender {
    /// Does the next step of the run of a campaign that is due. Returns whether there is one.
    pub(super) fn do_run(
        &mut self,
        campaign: &Running,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let Some(DueRun { at: run, missed }) = self.due_run(campaign, now) else {
            return Ok(false);
        };
        let is_new = campaign.run.is_none_or(|last| last.run != run);
        let zone = self.shared.config.load().time_zone.clone().unwrap_or(TimeZone::UTC);
        let skipped = |missed, too_many| CampaignRun {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            day: activation::day_of(&zone, now),
            run,
            next_user: 0,
            is_done: true,
            refused: Vec::new(),
            missed,
            too_many,
        };
        if is_new && is_late(campaign, run, now) {
            self.submit(vec![CampaignEntry::Run(skipped(missed + 1, None))])?;
            return Ok(true);
        }
        if is_new
            && campaign.definition.start.has_runs()
            && let Some(max) = campaign.definition.options.safety_people_max
        {
            let n_people = self.n_qualified(campaign);
            if n_people > max {
                self.submit(vec![CampaignEntry::Run(skipped(missed, Some(n_people)))])?;
                return Ok(true);
            }
        }
        self.run_on(campaign, run, now, if is_new { missed } else { 0 })?;
        Ok(true)
    }

    /// The run that is under way or due.
    fn due_run(&self, campaign: &Running, now: Timestamp) -> Option<DueRun> {
        let definition = &campaign.definition;
        let since = campaign.running_since?;
        let is_dated = matches!(definition.start, CampaignStart::Date { .. });
        let has_runs = definition.start.has_runs() || is_dated;
        if definition.status != CampaignStatus::Running || !has_runs {
            return None;
        }
        let only = |at| {
            let is_done = campaign.run.is_some_and(|run| run.run >= at && run.is_done);
            (!is_done).then_some(DueRun { at, missed: 0 })
        };
        let zone = self.shared.config.load().time_zone.clone().unwrap_or(TimeZone::UTC);
        let is_of_person = definition.options.local_time == LocalTime::Person;
        let schedule = Schedule { start: &definition.start, zone: &zone, is_of_person };
        match definition.start {
            // All who have the date are looked at once.
            CampaignStart::Date { .. } => only(since),
            CampaignStart::At { at } => {
                schedule.due(Timestamp(i64::MIN), now).and_then(|_| only(at))
            }
            _ => match campaign.run.filter(|run| !run.is_done && run.run >= since) {
                Some(run) => Some(DueRun { at: run.run, missed: 0 }),
                None => {
                    let last = campaign.run.map_or(i64::MIN, |run| run.run.0);
                    schedule.due(Timestamp(last.max(since.0 - 1)), now)
                }
            },
        }
    }

    /// For how many people a campaign is, before the checks.
    fn n_qualified(&self, campaign: &Running) -> u64 {
        let snapshot = self.shared.live.snapshot();
        match &campaign.definition.audience {
            Some(key) => snapshot.audiences.n_members(key).unwrap_or(0),
            None => {
                let ids = snapshot.profiles.ids();
                let users = (0..ids.n_users() as u32).map(UserIdx);
                users.filter(|user| ids.is_alive(*user)).count() as u64
            }
        }
    }

    /// Looks at the next people of a run.
    fn run_on(
        &mut self,
        campaign: &Running,
        run: Timestamp,
        now: Timestamp,
        missed: u64,
    ) -> Result<(), EngineError> {
        let first =
            campaign.run.filter(|state| state.run == run).map_or(0, |state| state.next_user);
        let n_users = self.shared.live.snapshot().profiles.ids().n_users() as u32;
        let next_user = first.saturating_add(PEOPLE_PER_STEP).min(n_users);
        let people = self.people_of_run(campaign, run, first..next_user)?;
        let mut step = self.begin_step(campaign, now)?;
        if campaign.run.is_none_or(|state| state.run != run) {
            step.sent.people_of_run = 0;
        }
        let (number, occurrence) = (campaign.number, Occurrence::Run(run));
        let waiting = Waiting { campaign: number, occurrence, due: now, first_due: now };
        let due: Vec<_> = people.into_iter().map(|user| (user, waiting)).collect();
        let (mut entries, mut refused) = (Vec::new(), BTreeMap::new());
        for decision in self.decide(&mut step, &due)?.into_iter().flatten() {
            match &decision.outcome {
                DecisionOutcome::Refused { reason, .. }
                    if reason == NOT_QUALIFIED || reason == NO_DATE => {}
                DecisionOutcome::Refused { reason, .. } if is_of_campaign(reason) => {
                    *refused.entry(reason.clone()).or_insert(0) += 1;
                }
                _ => entries.push(CampaignEntry::Decision(decision)),
            }
        }
        entries.push(CampaignEntry::Run(CampaignRun {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            day: step.day,
            run,
            next_user,
            is_done: next_user >= n_users,
            refused: refused.into_iter().collect(),
            missed,
            too_many: None,
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

/// Whether a run of a campaign that has several is too late to be made up for.
fn is_late(campaign: &Running, run: Timestamp, now: Timestamp) -> bool {
    let options = &campaign.definition.options;
    let expires_after_s = options.expires_after_s.unwrap_or(EXPIRES_AFTER_S_DEFAULT);
    let has_several = matches!(
        campaign.definition.start,
        CampaignStart::Dates { .. } | CampaignStart::Recurring { .. }
    );
    has_several && now.0 - run.0 > i64::from(expires_after_s) * 1_000
}
