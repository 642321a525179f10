//! Explanations: the interactions that contribute most to a score.

use domain::ItemIdx;

use super::{CandidateSources, QueryVector};
use crate::HistoryEntry;
use crate::request::Contribution;

/// The most history items in an explanation.
const CONTRIBUTIONS_MAX: usize = 3;

impl CandidateSources<'_> {
    /// The strongest contributions to an item's score. Shares are of all positive contributions;
    /// negative ones are ignored.
    pub(crate) fn explain(&self, query: &QueryVector, item: ItemIdx) -> Vec<Contribution> {
        keep_strongest(self.contributions(query, item))
    }

    /// The same without what the user did with the item itself, which is no reason for whoever asks
    /// why it is in the list.
    pub(crate) fn explain_by_others(
        &self,
        query: &QueryVector,
        item: ItemIdx,
    ) -> Vec<Contribution> {
        let mut all = self.contributions(query, item);
        all.retain(|contribution| contribution.item != item);
        keep_strongest(all)
    }

    /// The positive contributions to an item's score, by item.
    fn contributions(&self, query: &QueryVector, item: ItemIdx) -> Vec<Contribution> {
        let mut all: Vec<Contribution> = Vec::new();
        let mut add = |entry: &HistoryEntry, part: f32| {
            // A weak signal is no action that an explanation may name.
            if part == 0.0 || entry.is_weak_signal() {
                return;
            }
            match all.binary_search_by_key(&entry.item, |contribution| contribution.item) {
                Ok(n) => all[n].share += part,
                Err(n) => all.insert(n, Contribution::new(entry.item, entry.kind, part)),
            }
        };
        if let Some(model) = self.model {
            for (channel, weighed) in model.channels.iter().zip(&query.channels) {
                for (entry, weight) in
                    weighed.iter().filter(|(entry, _)| entry.item.pos() < model.n_items())
                {
                    add(entry, weight * channel.related.get(entry.item.pos(), item.0));
                }
            }
        }
        for (entry, weight) in query.first_channel() {
            add(entry, weight * self.cold_start.contribution(entry.item, item));
        }
        for (entry, weight) in &query.unknown_seeds {
            let cosine = self.cold_start.features().cosine(entry.item, item);
            add(entry, weight * cosine * cosine);
        }
        all.retain(|contribution| contribution.share > 0.0);
        all
    }
}

/// Keeps the strongest contributions, as shares of all.
pub(crate) fn keep_strongest(mut all: Vec<Contribution>) -> Vec<Contribution> {
    let total: f32 = all.iter().map(|contribution| contribution.share).sum();
    all.iter_mut().for_each(|contribution| contribution.share /= total);
    all.sort_unstable_by(|a, b| b.share.total_cmp(&a.share).then(a.item.cmp(&b.item)));
    all.truncate(CONTRIBUTIONS_MAX);
    all
}
