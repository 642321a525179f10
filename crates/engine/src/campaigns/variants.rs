//! Which variant of a message a person gets, and when the best one is known.

use activation::{VariantCounts, leading, sure_winner};
use domain::{CampaignVariant, Timestamp};
use serving::QueryError;
use state::{CampaignEntry, CampaignWinner, MessageCounts, MessageEvent, Waiting};
use xxhash_rust::xxh3::xxh3_64;

use super::person::Person;
use super::{Running, Sender};
use crate::EngineError;

/// Which variant a person gets.
pub(super) enum Choice {
    /// One by its index; none for the campaign's own form.
    Variant(Option<usize>),
    /// It is known later.
    At(Timestamp),
}

/// Which variant a person gets, who is found by an id. `fits` says whether what a variant asks of a
/// person holds.
pub(super) fn choose(
    campaign: &Running,
    person: &Person,
    waiting: &Waiting,
    now: Timestamp,
    fits: impl Fn(usize, &CampaignVariant) -> bool,
) -> Choice {
    let definition = &campaign.definition;
    let (variants, id) = (&definition.variants, &person.name.1);
    let place = |of: &str| xxh3_64(format!("{of}\0{}\0{id}", definition.key).as_bytes());
    let Some(test) = &definition.test else {
        let of_percent = place("variant") % 100;
        let mut below = 0;
        return Choice::Variant(variants.iter().enumerate().position(|(n, variant)| {
            match variant.percent {
                Some(percent) => {
                    below += u64::from(percent);
                    of_percent < below
                }
                None => fits(n, variant),
            }
        }));
    };
    if let Some(winner) = &campaign.variants.winner {
        let place = variants.iter().position(|variant| variant.key == winner.variant);
        return Choice::Variant(place.or(Some(0)));
    }
    let is_of_test = test.percent.is_none_or(|percent| place("test") % 100 < u64::from(percent));
    let wait_ms = i64::from(test.decide_after_s.unwrap_or(0)) * 1_000;
    let until = Timestamp(campaign.variants.since.unwrap_or(now).0 + wait_ms);
    // Where nobody of the test could be sent to, nothing decides.
    if !is_of_test && now.0 - waiting.first_due.0 < wait_ms && until > now {
        return Choice::At(until);
    }
    let share = place("variant") % (variants.len().max(1) as u64);
    Choice::Variant(Some(share as usize))
}

fn add_cell(counts: &mut VariantCounts, cell: &MessageCounts) {
    let people = |n: i64| u64::try_from(n).unwrap_or(0);
    let converted = cell.click_through.people + cell.view_through.people;
    let micros = cell.click_through.revenue_micros.saturating_add(cell.view_through.revenue_micros);
    counts.people += people(cell.people);
    counts.clicked += people(cell.users[MessageEvent::Clicked as usize]);
    counts.converted += people(converted.min(cell.people));
    counts.revenue += micros as f64 / 1_000_000.0;
    // Reports do not keep how much the revenue of people differs, so that nothing is sure of it
    // before the test is over.
    counts.revenue_squared = f64::INFINITY;
}

impl Sender {
    /// What came of each variant, of its people of a day: as a rule each of them gets one message.
    fn variant_counts(&self, campaign: &Running) -> Result<Vec<VariantCounts>, EngineError> {
        let snapshot = self.shared.live.snapshot();
        let cells = snapshot.campaign_reports.cells(snapshot.store(), campaign.number, 0..u32::MAX);
        let cells = cells.map_err(QueryError::from)?;
        let counts = |variant: &CampaignVariant| {
            let mut counts = VariantCounts::default();
            for cell in cells.iter().filter(|cell| cell.variant.as_ref() == Some(&variant.key)) {
                add_cell(&mut counts, &cell.counts);
            }
            counts
        };
        Ok(campaign.definition.variants.iter().map(counts).collect())
    }

    /// Journals which variant everybody gets, as soon as that is known.
    pub(super) fn decide_winner(
        &self,
        campaign: &Running,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let (definition, results) = (&campaign.definition, &campaign.variants);
        let Some(test) = definition.test.as_ref().filter(|_| results.winner.is_none()) else {
            return Ok(false);
        };
        let Some(since) = results.since else { return Ok(false) };
        let counts = self.variant_counts(campaign)?;
        let n_people: u64 = counts.iter().map(|one| one.people).sum();
        let is_over = test.people_max.is_some_and(|max| n_people >= max)
            || test.decide_after_s.is_some_and(|s| now.0 - since.0 >= i64::from(s) * 1_000);
        let sure = sure_winner(&counts, test.objective);
        let is_sure = sure.is_some();
        let ahead = || leading(&counts, test.objective).filter(|_| is_over);
        let Some(winner) = sure.or_else(ahead) else { return Ok(false) };
        self.submit(vec![CampaignEntry::Winner(CampaignWinner {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            variant: definition.variants[winner].key.clone(),
            is_sure,
        })])?;
        Ok(true)
    }
}
