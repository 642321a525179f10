//! The messages of campaigns to a person, as they were sent, and why others were not.

use domain::{Timestamp, UserIdx};
use serving::QueryError;
use state::{
    CampaignDecision, CampaignEntry, DecisionPlace, MessageEvent, message_id, parse_message_id,
};

use crate::{Engine, EngineError, Entry};

/// A decision on a message to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct DecidedMessage {
    /// Its place in the journal.
    pub offset: u64,
    /// The id of the message.
    pub message_id: String,
    /// What was decided.
    pub decision: CampaignDecision,
    /// What happened with the message, and how often.
    pub happened: Vec<(MessageEvent, u32)>,
}

/// A message that waits for a person until it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMessage {
    /// The key of the campaign.
    pub campaign: String,
    /// When it is due.
    pub due: Timestamp,
}

impl Engine {
    /// The latest decisions on messages to a person, newest first: up to `limit` of those before an
    /// offset of the journal. Those that are cut from the journal are left out.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn decided_messages(
        &self,
        user: UserIdx,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DecidedMessage>, EngineError> {
        let places = self.decision_places(user)?.into_iter().rev();
        let is_earlier = |place: &DecisionPlace| before.is_none_or(|before| place.offset < before);
        let mut decided = Vec::new();
        for place in places.filter(is_earlier) {
            if decided.len() >= limit {
                break;
            }
            decided.extend(self.read_decided(user, place)?);
        }
        Ok(decided)
    }

    /// The decision on the message of an id to a person; none where it is not among the latest, or
    /// cut from the journal.
    ///
    /// # Errors
    /// If the store or the journal cannot be read.
    pub fn decided_message(
        &self,
        user: UserIdx,
        id: &str,
    ) -> Result<Option<DecidedMessage>, EngineError> {
        let number = parse_message_id(id);
        let place = self.decision_places(user)?.into_iter().rev();
        let place = place.into_iter().find(|place| Some(place.message) == number);
        place.map_or(Ok(None), |place| self.read_decided(user, place))
    }

    /// The messages that wait for a person, the first that is due first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn waiting_messages(&self, user: UserIdx) -> Result<Vec<WaitingMessage>, EngineError> {
        let snapshot = self.snapshot();
        let waiting = snapshot.campaigns.waiting(snapshot.store(), user);
        let mut waiting = waiting.map_err(QueryError::from)?;
        waiting.sort_by_key(|waiting| waiting.due);
        let by_key = snapshot.campaigns.by_key();
        let named = waiting.into_iter().filter_map(|waiting| {
            let (key, _) = by_key.iter().find(|(_, kept)| kept.number == waiting.campaign)?;
            Some(WaitingMessage { campaign: key.clone(), due: waiting.due })
        });
        Ok(named.collect())
    }

    fn decision_places(&self, user: UserIdx) -> Result<Vec<DecisionPlace>, EngineError> {
        let snapshot = self.snapshot();
        let places = snapshot.campaign_reports.decisions(snapshot.store(), user);
        Ok(places.map_err(QueryError::from)?)
    }

    fn read_decided(
        &self,
        user: UserIdx,
        DecisionPlace { offset, message }: DecisionPlace,
    ) -> Result<Option<DecidedMessage>, EngineError> {
        let Some(Entry::Campaign(entry)) = self.read_entry(offset)? else { return Ok(None) };
        let CampaignEntry::Decision(decision) = *entry else { return Ok(None) };
        let snapshot = self.snapshot();
        let happened = snapshot.campaign_reports.happened(snapshot.store(), user, message);
        let happened = happened.map_err(QueryError::from)?;
        Ok(Some(DecidedMessage { offset, message_id: message_id(message), decision, happened }))
    }
}
