//! Finds the people who want to know of a business event: those who are most likely to act on its
//! items, by the functions of product-based audiences. They get messages as if a call had named
//! them.
//!
//! Everybody is looked at in steps. Who is found is named in blocks by the place of the person, so
//! that after a crash nobody gets a second message although others may be found.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{CampaignStart, CampaignStatus, LikelyAudience, Timestamp, UserIdx};
use serving::{LikeliestPeople, LikelyQuery, RequestBudget};
use state::{BusinessEventDone, CampaignEntry, CampaignTrigger, TriggeredPerson, WaitingEvent};

use super::{EXPIRES_AFTER_S_DEFAULT, Running, Sender};
use crate::EngineError;
use crate::member_bits::{has_bit, read_member_bits};

/// The people who are looked at in one step.
const PEOPLE_PER_STEP: u32 = 2_000;
/// The people of a block, by their places.
const BLOCK: u32 = 1_000;

/// By number of the campaign the search that is under way.
pub(super) type Searches = BTreeMap<u32, Search>;

/// A search for the people of a business event.
pub(super) struct Search {
    /// The place of the event in the journal.
    offset: u64,
    /// None where the event is about no items: everybody is meant.
    query: Option<LikelyQuery>,
    /// A bit for each member of the audience; none where the campaign is for everybody.
    among: Option<Vec<u64>>,
    next: u32,
    best: LikeliestPeople,
}

impl Sender {
    /// Does the next step of the first business event of a campaign. Returns whether there is one.
    pub(super) fn find_interested(
        &mut self,
        campaign: &Running,
        now: Timestamp,
    ) -> Result<bool, EngineError> {
        let Some(event) = campaign.events.first() else { return Ok(false) };
        let options = &campaign.definition.options;
        let expires_after_s = options.expires_after_s.unwrap_or(EXPIRES_AFTER_S_DEFAULT);
        let is_late = now.0 - event.at.0 > i64::from(expires_after_s) * 1_000;
        let start = &campaign.definition.start;
        let CampaignStart::BusinessEvent { size, exclude_acted, .. } = start else {
            self.end_event(campaign, event, now, true)?;
            return Ok(true);
        };
        if is_late || campaign.definition.status != CampaignStatus::Running {
            self.end_event(campaign, event, now, true)?;
            return Ok(true);
        }
        let search = self.searches.remove(&campaign.number);
        let mut search = match search.filter(|search| search.offset == event.offset) {
            Some(search) => search,
            None => self.begin_search(campaign, event, *size, *exclude_acted, now)?,
        };
        if self.score_step(&mut search)? {
            self.tell(campaign, event, search.best, now)?;
            self.end_event(campaign, event, now, false)?;
        } else {
            self.searches.insert(campaign.number, search);
        }
        Ok(true)
    }

    fn begin_search(
        &self,
        campaign: &Running,
        event: &WaitingEvent,
        size: u32,
        exclude_acted: bool,
        now: Timestamp,
    ) -> Result<Search, EngineError> {
        let (property, value) = event.property.clone().unzip();
        let likely = LikelyAudience {
            items: event.items.clone(),
            property,
            value,
            filter: None,
            size,
            among: None,
            exclude_acted,
            every_hours: 1,
        };
        let is_about_items = !event.items.is_empty() || event.property.is_some();
        let budget = Arc::new(RequestBudget::unlimited());
        let query = || self.serving.likely_query(&self.shared.live, &likely, None, now, &budget);
        let query = is_about_items.then(query).transpose()?;
        let n_users = self.shared.live.snapshot().profiles.ids().n_users();
        let among = campaign.definition.audience.as_ref().map(|key| {
            read_member_bits(&self.shared.live, key, n_users, &|| Ok::<_, EngineError>(()))
        });
        let best = LikeliestPeople::new(size as usize);
        Ok(Search { offset: event.offset, query, among: among.transpose()?, next: 0, best })
    }

    /// Looks at the next people. Returns whether these are the last.
    fn score_step(&self, search: &mut Search) -> Result<bool, EngineError> {
        let (people, end, n_users) = {
            let snapshot = self.shared.live.snapshot();
            let ids = snapshot.profiles.ids();
            let n_users = ids.n_users() as u32;
            let end = search.next.saturating_add(PEOPLE_PER_STEP).min(n_users);
            let may_be = |user: &UserIdx| {
                let is_among = |bits: &Vec<u64>| has_bit(bits, *user);
                ids.is_alive(*user) && search.among.as_ref().is_none_or(is_among)
            };
            let people = (search.next..end).map(UserIdx).filter(may_be);
            (people.collect::<Vec<_>>(), end, n_users)
        };
        let scores = match &search.query {
            Some(query) => self.serving.score_likely(&self.shared.live, query, &people)?,
            None => vec![1.0; people.len()],
        };
        people.into_iter().zip(scores).for_each(|(user, score)| search.best.offer(user, score));
        search.next = end;
        Ok(end >= n_users)
    }

    /// Names the people who were found.
    fn tell(
        &self,
        campaign: &Running,
        event: &WaitingEvent,
        best: LikeliestPeople,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let mut blocks: BTreeMap<u32, Vec<UserIdx>> = BTreeMap::new();
        for (user, _) in best.into_sorted() {
            blocks.entry(user.0 / BLOCK).or_default().push(user);
        }
        for (block, users) in blocks {
            let people = self.name_people(users, event)?;
            self.submit(vec![CampaignEntry::Trigger(CampaignTrigger {
                at: now,
                campaign: campaign.key.clone(),
                number: campaign.number,
                id: Some(format!("business event {} {block}", event.offset)),
                ignores_limits: false,
                people,
            })])?;
        }
        Ok(())
    }

    fn name_people(
        &self,
        mut users: Vec<UserIdx>,
        event: &WaitingEvent,
    ) -> Result<Vec<TriggeredPerson>, EngineError> {
        users.sort_unstable();
        let snapshot = self.shared.live.snapshot();
        let mut people = Vec::with_capacity(users.len());
        for user in users.into_iter().filter(|user| snapshot.profiles.ids().is_alive(*user)) {
            if let Some(name) = snapshot.find_user_name(user)? {
                let properties = event.properties.clone();
                people.push(TriggeredPerson { person: Some(name), properties });
            }
        }
        Ok(people)
    }

    fn end_event(
        &self,
        campaign: &Running,
        event: &WaitingEvent,
        now: Timestamp,
        is_missed: bool,
    ) -> Result<(), EngineError> {
        Ok(self.submit(vec![CampaignEntry::BusinessEventDone(BusinessEventDone {
            at: now,
            campaign: campaign.key.clone(),
            number: campaign.number,
            offset: event.offset,
            is_missed,
        })])?)
    }
}
