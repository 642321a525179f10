//! Which variant of a campaign is the best: a test that may be looked at at any time.
//!
//! Two variants are compared by the difference of their means with the mixture sequential
//! probability ratio test (Johari, Koomen, Pekelis, Walsh: "Peeking at A/B tests", KDD 2017, and
//! "Always valid inference", Operations Research 2022), a normal mixture over standardised effects.
//! The chance that it ever names a winner where all are alike is at most [`ALPHA`], however often
//! it is looked at; several comparisons share it (Bonferroni).

use domain::VariantObjective;
use serde::{Deserialize, Serialize};

/// The chance to name a winner where there is none.
pub const ALPHA: f64 = 0.05;
/// No variant wins before each has been sent to so many people: the test takes means for normal.
pub const PEOPLE_MIN: u64 = 100;
/// The variance of the effects that are looked for, in variances of one person's result: a small
/// effect, a tenth of a standard deviation.
const EFFECT_VARIANCE: f64 = 0.01;

/// What came of a variant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct VariantCounts {
    /// People who got it.
    pub people: u64,
    /// Those of them who clicked.
    pub clicked: u64,
    /// Those of them who did what counts as conversion.
    pub converted: u64,
    /// Their revenue, in the currency of the events.
    pub revenue: f64,
    /// The sum of the squares of each person's revenue.
    pub revenue_squared: f64,
}

impl VariantCounts {
    /// The result of one person on average; 0 without people.
    pub fn mean(&self, objective: VariantObjective) -> f64 {
        self.sums(objective).0 / (self.people.max(1) as f64)
    }

    /// The sum of the results, and of their squares.
    fn sums(&self, objective: VariantObjective) -> (f64, f64) {
        match objective {
            VariantObjective::Clicks => (self.clicked as f64, self.clicked as f64),
            VariantObjective::Conversions => (self.converted as f64, self.converted as f64),
            VariantObjective::Revenue => (self.revenue, self.revenue_squared),
        }
    }
}

/// The variant that is ahead, by index: the first one of the best.
pub fn leading(counts: &[VariantCounts], objective: VariantObjective) -> Option<usize> {
    let means = counts.iter().map(|one| one.mean(objective)).enumerate();
    means.reduce(|best, one| if one.1 > best.1 { one } else { best }).map(|(index, _)| index)
}

/// The variant that is better than each other one, by index; none as long as that is not sure.
pub fn sure_winner(counts: &[VariantCounts], objective: VariantObjective) -> Option<usize> {
    if counts.len() < 2 || counts.iter().any(|one| one.people < PEOPLE_MIN) {
        return None;
    }
    let best = leading(counts, objective)?;
    let n_pairs = (counts.len() * (counts.len() - 1) / 2) as f64;
    let others = counts.iter().enumerate().filter(|(index, _)| *index != best);
    let are_worse = others
        .map(|(_, other)| log_ratio(&counts[best], other, objective))
        .all(|log_ratio| log_ratio >= (n_pairs / ALPHA).ln());
    are_worse.then_some(best)
}

/// The logarithm of how much likelier the difference of two variants is with an effect than
/// without.
fn log_ratio(one: &VariantCounts, other: &VariantCounts, objective: VariantObjective) -> f64 {
    let people = (one.people + other.people) as f64;
    let ((sum, squares), (other_sum, other_squares)) = (one.sums(objective), other.sums(objective));
    let mean = (sum + other_sum) / people;
    let variance = (squares + other_squares) / people - mean * mean;
    if variance <= 0.0 {
        return 0.0;
    }
    let weight = 1.0 / (1.0 / one.people as f64 + 1.0 / other.people as f64);
    let difference = one.mean(objective) - other.mean(objective);
    let squared_score = difference * difference * weight / variance;
    let spread = weight * EFFECT_VARIANCE;
    0.5 * squared_score * spread / (1.0 + spread) - 0.5 * (1.0 + spread).ln()
}
