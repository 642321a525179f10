//! How many messages each source sent in the last hour. In memory only, as the counts of
//! [`crate::message_rates`].

use std::collections::{BTreeMap, VecDeque};

use domain::Timestamp;
use parking_lot::Mutex;

use crate::{Entry, MINUTES_KEPT};

const MINUTE_MS: i64 = 60_000;

/// The messages of a batch by source, rejected ones included.
#[derive(Default)]
pub(crate) struct SourceCounts(Vec<(String, u64)>);

impl SourceCounts {
    pub(crate) fn add(&mut self, entry: &Entry) {
        let source = match entry {
            Entry::Message(message) => &message.source,
            Entry::Rejected(rejection) => &rejection.source,
            _ => return,
        };
        match self.0.iter_mut().find(|(name, _)| name == source) {
            Some((_, n)) => *n += 1,
            None => self.0.push((source.clone(), 1)),
        }
    }
}

/// Minutes in which a source sent anything, oldest first, with the number of messages.
type Minutes = VecDeque<(i64, u64)>;

/// The messages of sources by minute.
#[derive(Default)]
pub(crate) struct SourceRates(Mutex<BTreeMap<String, Minutes>>);

impl SourceRates {
    /// Adds messages of now. A clock that goes back adds to the latest minute.
    pub(crate) fn add(&self, now: Timestamp, counts: SourceCounts) {
        if counts.0.is_empty() {
            return;
        }
        let number = now.0.div_euclid(MINUTE_MS);
        let mut sources = self.0.lock();
        for (source, n) in counts.0 {
            let minutes = sources.entry(source).or_default();
            match minutes.back_mut() {
                Some((latest, count)) if *latest >= number => *count += n,
                _ => minutes.push_back((number, n)),
            }
            if minutes.len() > MINUTES_KEPT {
                minutes.pop_front();
            }
        }
    }

    /// The messages of each source in the last hour. Sources without any are forgotten.
    pub(crate) fn of_last_hour(&self, now: Timestamp) -> BTreeMap<String, u64> {
        let first = now.0.div_euclid(MINUTE_MS) - MINUTES_KEPT as i64 + 1;
        let mut sources = self.0.lock();
        for minutes in sources.values_mut() {
            minutes.retain(|(number, _)| *number >= first);
        }
        sources.retain(|_, minutes| !minutes.is_empty());
        let sum = |minutes: &Minutes| minutes.iter().map(|(_, n)| n).sum();
        sources.iter().map(|(name, minutes)| (name.clone(), sum(minutes))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_each_source_is_counted_and_older_minutes_are_forgotten() {
        let rates = SourceRates::default();
        let counts = |of: &[(&str, u64)]| {
            SourceCounts(of.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect())
        };
        for minute in 0..100 {
            rates.add(Timestamp(minute * MINUTE_MS), counts(&[("web", 2)]));
        }
        rates.add(Timestamp(0), counts(&[("app", 1)]));
        rates.add(Timestamp(99 * MINUTE_MS), counts(&[("shop", 3)]));
        let found = rates.of_last_hour(Timestamp(99 * MINUTE_MS + 1));
        let expected = [("shop".to_owned(), 3), ("web".to_owned(), 120)];
        assert_eq!(found, BTreeMap::from(expected));
    }
}
