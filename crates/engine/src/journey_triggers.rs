//! Calls by which people enter journeys.

use state::{JourneyEntry, JourneyTrigger};

use crate::{Engine, Entry, SubmitError};

impl Engine {
    /// Lets people enter a journey.
    ///
    /// # Errors
    /// If it cannot be journalled.
    pub fn trigger_journey(&self, trigger: JourneyTrigger) -> Result<(), SubmitError> {
        let entry = Entry::Journey(Box::new(JourneyEntry::Trigger(trigger)));
        self.submit_blocking(vec![entry]).map(drop)
    }
}
