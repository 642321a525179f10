//! What people combined with what the user did last, counted in a look-back window.
//!
//! N people acted in the window, a of them on an anchor, b on an item, and k on both. The score of
//! the item is the log-likelihood ratio of k (Dunning 1993, "Accurate methods for the statistics of
//! surprise and coincidence"): how surely the people of the anchor choose the item more often than
//! others do. What everybody chooses scores low however often it is combined, and so
//! does what one or two people combined by chance. Scores of several anchors are added.

use domain::{InteractionKind, ItemIdx};
use history::Companions;
use rustc_hash::FxHashMap;

use crate::candidates::{keep_strongest, last_kind};
use crate::request::{Contribution, Request};
use crate::seeds::find_anchors;
use crate::{Histories, PeopleByItem};

/// The least number of people that make a combination.
const PEOPLE_MIN: u32 = 2;

/// The items that people combined with each anchor of a request.
pub(crate) struct CombinedItems<'a> {
    people: &'a PeopleByItem,
    anchors: Vec<Anchor>,
}

/// An item with which the user did something, and what others combined with it.
struct Anchor {
    item: ItemIdx,
    kind: InteractionKind,
    companions: Companions,
}

impl<'a> CombinedItems<'a> {
    /// Counts for each anchor of a request. O(anchors x people of an item that are kept x the
    /// longest history).
    pub(crate) fn count(
        people: &'a PeopleByItem,
        histories: &Histories,
        request: &Request<'_>,
    ) -> Self {
        let kind = people.look_back().kind;
        let anchor = |item: ItemIdx| Anchor {
            item,
            kind: kind.unwrap_or_else(|| last_kind(request, item)),
            companions: people.count_companions(histories, item, request.now_s),
        };
        Self { people, anchors: find_anchors(request).into_iter().map(anchor).collect() }
    }

    /// The items with their scores, as shares of the best one; in any order.
    pub(crate) fn rank(&self) -> Vec<(u32, f32)> {
        let mut scores: FxHashMap<u32, f32> = FxHashMap::default();
        for anchor in &self.anchors {
            for (&item, &n_both) in &anchor.companions.by_item {
                let score = self.score(anchor, item, n_both);
                if score > 0.0 {
                    *scores.entry(item).or_default() += score;
                }
            }
        }
        let best = scores.values().fold(f32::MIN_POSITIVE, |best, score| best.max(*score));
        scores.into_iter().map(|(item, score)| (item, score / best)).collect()
    }

    /// The anchors with which an item is combined, with the numbers of people who did so.
    pub(crate) fn explain(&self, item: ItemIdx) -> Vec<Contribution> {
        let anchors = self.anchors.iter().filter_map(|anchor| {
            let n_both = *anchor.companions.by_item.get(&item.0)?;
            let share = self.score(anchor, item.0, n_both);
            let reason = Contribution::new(anchor.item, anchor.kind, share);
            (share > 0.0).then_some(Contribution { n_people: Some(n_both), ..reason })
        });
        keep_strongest(anchors.collect())
    }

    /// The log-likelihood ratio; 0 for what the people of the anchor choose no more often than
    /// others, and for what fewer than [`PEOPLE_MIN`] of them chose.
    fn score(&self, anchor: &Anchor, item: u32, n_both: u32) -> f32 {
        if n_both < PEOPLE_MIN {
            return 0.0;
        }
        let n_anchor = anchor.companions.n_people;
        // Rows are newer than the index, and may have more than it.
        let n_item = self.people.n_people_of(ItemIdx(item)).max(n_both);
        let n_all = self.people.n_people().max(n_item + n_anchor - n_both);
        log_likelihood_ratio(n_both, n_anchor, n_item, n_all)
    }
}

/// Twice the logarithm of how much likelier the counts are if the choices depend on each other than
/// if they do not; 0 where both come together no more often than by chance.
fn log_likelihood_ratio(n_both: u32, n_a: u32, n_b: u32, n_all: u32) -> f32 {
    let [both, a, b, all] = [n_both, n_a, n_b, n_all].map(f64::from);
    if both * all <= a * b {
        return 0.0;
    }
    let x_ln_x = |x: f64| if x > 0.0 { x * x.ln() } else { 0.0 };
    let sum = |counts: &[f64]| counts.iter().map(|count| x_ln_x(*count)).sum::<f64>();
    let cells = sum(&[both, a - both, b - both, all - a - b + both]);
    let margins = sum(&[a, all - a]) + sum(&[b, all - b]);
    (2.0 * (cells - margins + x_ln_x(all))).max(0.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_paper_and_0_without_association() {
        // The first row of the table of bigrams in the paper.
        let bigram = log_likelihood_ratio(110, 110 + 2_442, 110 + 111, 31_777);
        assert!((bigram - 270.72).abs() < 0.01, "{bigram}");
        assert_eq!(log_likelihood_ratio(10, 100, 100, 1_000), 0.0, "by chance");
        assert_eq!(log_likelihood_ratio(5, 100, 100, 1_000), 0.0, "less often than by chance");
        assert_eq!(log_likelihood_ratio(20, 20, 20, 20), 0.0, "everybody does both");
        let few = log_likelihood_ratio(2, 500, 2, 10_000);
        let many = log_likelihood_ratio(40, 500, 50, 10_000);
        let popular = log_likelihood_ratio(260, 500, 5_000, 10_000);
        assert!(many > 10.0 * few && few > popular, "{many} {few} {popular}");
    }
}
