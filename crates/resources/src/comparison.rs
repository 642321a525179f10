//! Whether one group of people is better off than another, how much, how sure that is, and how long
//! it takes until it is: groups of an A/B test, and the groups of a holdout.
//!
//! What is measured is a mean over lists, or over people, but people are what is shared out: the
//! lists of one person resemble each other, and counted as independent they would seem to tell more
//! than they do. So the variance of a mean is that of a ratio of sums over clusters of people, each
//! person in one of them as a whole ("linearization", Cochran 1977, Sampling Techniques, chapter
//! 6). Two groups are compared by the ratio of their means, on the logarithmic scale, with an
//! interval that holds however often somebody looks (`sequential`).

mod sample;
mod sentence;
mod sequential;

use engine::CLUSTERS;
use serde::Serialize;

use self::sample::SUCCESSES_MIN;
pub use self::sample::Sample;

/// The certainty of intervals and verdicts.
const CERTAINTY: f64 = 0.95;
/// The probability with which the trials that are asked for show a difference that is there.
const POWER: f64 = 0.8;
/// The smallest relative difference of means that is looked for.
pub const DIFFERENCE_MIN: f64 = 0.05;
/// Larger differences, as logarithms, count as this one where what is missing is estimated.
const LOG_DIFFERENCE_MAX: f64 = 2.0;
/// Certainties from here on are told as this one: beyond, the model says more than it knows.
const CERTAINTY_TOLD_MAX: f64 = 0.999;
const DAY_MS: f64 = 86_400_000.0;

/// What lists led to, or people did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The share of lists that were clicked.
    ClickThroughRate,
    /// The share of lists that led to a purchase.
    ConversionRate,
    /// The share of people who reached the goal.
    GoalRate,
    /// How often a person reached the goal, on average.
    GoalsPerPerson,
    /// The value of the goals of a person, on average: what was paid.
    ValuePerPerson,
}

/// What the comparison of a group with the first one says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its mean is higher.
    Better,
    /// Its mean is lower.
    Worse,
    /// There was enough to see a difference of [`DIFFERENCE_MIN`], and there is none.
    Alike,
    /// More is needed.
    TooEarly,
}

/// A group beside the first one.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = GroupComparison)]
pub struct Comparison {
    /// The group.
    pub group: String,
    /// The first group, which it is compared with.
    pub beside: String,
    /// What is compared.
    pub measure: Measure,
    /// What follows.
    pub verdict: Verdict,
    /// How much higher it is, relative to that of the first group: 0.1 is 10 % more. None where
    /// nothing has come of a group.
    pub difference: Option<f64>,
    /// The lower end of the 95 % interval of the difference, which holds however often somebody
    /// looks.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How sure it is that there is a difference, from 0 to 0.999, however often somebody looks.
    pub certainty: f64,
    /// About how many more lists of both groups together it takes to see the present difference, or
    /// one of 5 % where it is smaller; none where that is unknown, as nothing has come of any list,
    /// and for groups of people.
    pub lists_missing: Option<u64>,
    /// About how many more days it takes, if as much comes on each as on those before; none where
    /// that is unknown, or nothing is missing.
    pub days_missing: Option<u64>,
    /// The same as a sentence.
    pub sentence: String,
}

impl Measure {
    /// Those of the groups of a holdout, the one that decides first.
    pub const OF_PEOPLE: [Self; 3] = [Self::GoalRate, Self::GoalsPerPerson, Self::ValuePerPerson];

    /// Whether it is a mean over people, not over lists.
    pub fn is_of_people(self) -> bool {
        Self::OF_PEOPLE.contains(&self)
    }
}

/// The days between two instants, in milliseconds.
pub fn days_between(from_ms: i64, until_ms: i64) -> f64 {
    until_ms.saturating_sub(from_ms).max(0) as f64 / DAY_MS
}

/// Compares a group with the first of a test, which has `n_groups` groups and has gone on for
/// `days`. The more groups there are, the surer each comparison must be (Bonferroni).
pub fn compare(
    (beside, first): (&str, &Sample),
    (group, other): (&str, &Sample),
    measure: Measure,
    n_groups: usize,
    days: f64,
) -> Comparison {
    let n_comparisons = n_groups.saturating_sub(1).max(1) as f64;
    let tails = (1.0 - CERTAINTY) / n_comparisons;
    let test = Test::new(first, other, tails, n_comparisons);
    let can_be_compared = first.can_be_compared() && other.can_be_compared();
    let missing = trials_missing(first, other, tails);
    let verdict = match &test {
        Some(test) if can_be_compared && test.low > 0.0 => Verdict::Better,
        Some(test) if can_be_compared && test.high < 0.0 => Verdict::Worse,
        Some(_) if can_be_compared && missing == Some(0) => Verdict::Alike,
        _ => Verdict::TooEarly,
    };
    let missing = missing.filter(|_| verdict == Verdict::TooEarly);
    let trials = first.trials + other.trials;
    let mut comparison = Comparison {
        group: group.to_owned(),
        beside: beside.to_owned(),
        measure,
        verdict,
        difference: test.as_ref().map(|test| test.difference),
        low: test.as_ref().map(|test| test.low),
        high: test.as_ref().map(|test| test.high),
        certainty: test.as_ref().map_or(0.0, |test| test.certainty),
        lists_missing: missing.filter(|_| !measure.is_of_people()),
        days_missing: missing.map(|missing| (missing as f64 / trials * days).ceil() as u64),
        sentence: String::new(),
    };
    comparison.sentence = sentence::sentence(&comparison);
    comparison
}

/// The difference of the logarithms of two means.
struct Test {
    difference: f64,
    low: f64,
    high: f64,
    certainty: f64,
}

impl Test {
    fn new(first: &Sample, other: &Sample, tails: f64, n_comparisons: f64) -> Option<Self> {
        let (a, b) = (first.relative_variance(), other.relative_variance());
        let variance = a + b;
        let log = (other.mean() / first.mean()).ln();
        if !(variance.is_finite() && variance > 0.0 && log.is_finite()) {
            return None;
        }
        // Of Welch: the variances of the groups differ.
        let freedom = |sample: &Sample| (sample.n_clusters.max(2) - 1) as f64;
        let freedom = variance * variance / (a * a / freedom(first) + b * b / freedom(other));
        let error = variance.sqrt();
        let half = sequential::reach_of_estimated(variance, tails, freedom)? * error;
        let chance = sequential::chance(log / error, variance, freedom)? * n_comparisons;
        Some(Self {
            difference: log.exp_m1(),
            low: (log - half).exp_m1(),
            high: (log + half).exp_m1(),
            certainty: (1.0 - chance.min(1.0)).min(CERTAINTY_TOLD_MAX),
        })
    }
}

/// How many trials are missing until [`POWER`] is reached, at the present parts of both groups.
/// None as long as nothing has come of any trial.
fn trials_missing(first: &Sample, other: &Sample, tails: f64) -> Option<u64> {
    let trials = first.trials + other.trials;
    let mean = (first.total + other.total) / trials;
    let success_rate = (first.successes + other.successes) / trials;
    // Without trials it is no number.
    if mean.is_nan() || mean <= 0.0 || success_rate <= 0.0 {
        return None;
    }
    let part = |sample: &Sample| if sample.trials > 0.0 { sample.trials / trials } else { 0.5 };
    let log = (other.mean() / first.mean()).ln().abs();
    let log = if log.is_nan() { 0.0 } else { log };
    let difference = log.clamp(DIFFERENCE_MIN.ln_1p(), LOG_DIFFERENCE_MAX);
    let variance = [first, other].map(|sample| sample.variance_per_trial(mean) / part(sample));
    let per_trial = variance.iter().sum::<f64>() / (mean * mean);
    let for_power = per_trial / sequential::largest_variance(difference, tails, POWER);
    let for_successes = [first, other].map(|sample| SUCCESSES_MIN / success_rate / part(sample));
    let can_be_compared = first.can_be_compared() && other.can_be_compared();
    let needed = match can_be_compared {
        true => for_power,
        false => for_successes.into_iter().fold(for_power, f64::max).max(trials + CLUSTERS as f64),
    };
    Some((needed - trials).max(0.0).ceil() as u64)
}

#[cfg(test)]
mod tests;
