//! Whether one group of an A/B test is better than another, how much, and how sure that is.
//!
//! A rate is a share of lists, but people are what is shared out: the lists of one person resemble
//! each other, and counted as independent they would seem to tell more than they do. So the
//! variance of a rate is that of a ratio of sums over clusters of people, each person in one of
//! them as a whole ("linearization", Cochran 1977, Sampling Techniques, chapter 6). Two groups are
//! compared by the ratio of their rates, on the logarithmic scale, by Welch's t test.

use engine::{CLUSTERS, Cluster, Clusters, Rate};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::results::ShownRate;

/// The certainty of intervals and verdicts.
const CERTAINTY: f64 = 0.95;
/// The probability with which the lists that are asked for show a difference that is there.
const POWER: f64 = 0.8;
/// The smallest relative difference of rates that is looked for.
pub const DIFFERENCE_MIN: f64 = 0.05;
/// The least number of lists of each group that led to something, below which nothing is decided:
/// the logarithm of a rate is too skewed there.
const SUCCESSES_MIN: f64 = 20.0;
/// The least number of clusters of each group with lists, below which nothing is decided.
const CLUSTERS_MIN: usize = 20;
/// Certainties from here on are told as this one: beyond, the model says more than it knows.
const CERTAINTY_TOLD_MAX: f64 = 0.999;

/// What lists led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The share of lists that were clicked.
    ClickThroughRate,
    /// The share of lists that led to a purchase.
    ConversionRate,
}

/// What the comparison of a group with the first one says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its rate is higher.
    Better,
    /// Its rate is lower.
    Worse,
    /// There were enough lists to see a difference of [`DIFFERENCE_MIN`], and there is none.
    Alike,
    /// More lists are needed.
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
    /// The rate that is compared.
    pub measure: Measure,
    /// What follows.
    pub verdict: Verdict,
    /// How much higher the rate is, relative to that of the first group: 0.1 is 10 % more. None
    /// where a group has no lists that led to something.
    pub difference: Option<f64>,
    /// The lower end of the 95 % interval of the difference.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How sure it is that there is a difference, from 0 to 0.999.
    pub certainty: f64,
    /// About how many more lists of both groups together it takes to see the present difference, or
    /// one of 5 % where it is smaller; none where that is unknown, as nothing has come of any list.
    pub lists_missing: Option<u64>,
    /// The same as a sentence.
    pub sentence: String,
}

/// The lists of a group as far as a rate needs them.
struct Sample {
    lists: f64,
    successes: f64,
    /// The variance of the rate.
    variance: f64,
    n_clusters: usize,
}

impl Measure {
    fn successes(self, cluster: &Cluster) -> f64 {
        f64::from(match self {
            Self::ClickThroughRate => cluster.clicked,
            Self::ConversionRate => cluster.converted,
        })
    }
}

impl Sample {
    fn new(clusters: &Clusters, measure: Measure) -> Self {
        let sum = |value: &dyn Fn(&Cluster) -> f64| clusters.iter().map(value).sum::<f64>();
        let lists = sum(&|cluster| f64::from(cluster.recommendations));
        let successes = sum(&|cluster| measure.successes(cluster));
        let n_clusters = clusters.iter().count();
        let mut sample = Self { lists, successes, variance: 0.0, n_clusters };
        if n_clusters > 1 {
            let rate = sample.rate();
            let squares = sum(&|cluster| {
                let residual =
                    measure.successes(cluster) - rate * f64::from(cluster.recommendations);
                residual * residual
            });
            let n = n_clusters as f64;
            sample.variance = n / (n - 1.0) * squares / (lists * lists);
        }
        sample
    }

    fn rate(&self) -> f64 {
        if self.lists == 0.0 { 0.0 } else { self.successes / self.lists }
    }

    /// The variance that a single list stands for: more than that of an independent one.
    fn variance_per_list(&self, rate: f64) -> f64 {
        (self.variance * self.lists).max(rate * (1.0 - rate))
    }

    fn can_be_compared(&self) -> bool {
        self.successes >= SUCCESSES_MIN && self.n_clusters >= CLUSTERS_MIN
    }
}

/// The rate of a group with its interval: that of Wilson, for as many independent lists as tell as
/// much as these.
pub fn rate(clusters: &Clusters, measure: Measure) -> ShownRate {
    let sample = Sample::new(clusters, measure);
    let rate = sample.rate();
    let independent = rate * (1.0 - rate);
    let per_list = sample.variance_per_list(rate);
    let lists = if per_list > 0.0 { sample.lists * independent / per_list } else { sample.lists };
    ShownRate::from(Rate::of_share(rate, lists))
}

/// Compares a group with the first of a test, which has `n_groups` groups. The more there are, the
/// surer each comparison must be (Bonferroni).
pub fn compare(
    (beside, first): (&str, &Clusters),
    (group, other): (&str, &Clusters),
    measure: Measure,
    n_groups: usize,
) -> Comparison {
    let (first, other) = (Sample::new(first, measure), Sample::new(other, measure));
    let n_comparisons = n_groups.saturating_sub(1).max(1) as f64;
    let tail = (1.0 - CERTAINTY) / n_comparisons / 2.0;
    let test = Test::new(&first, &other, tail, n_comparisons);
    let can_be_compared = first.can_be_compared() && other.can_be_compared();
    let missing = lists_missing(&first, &other, tail);
    let verdict = match &test {
        Some(test) if can_be_compared && test.low > 0.0 => Verdict::Better,
        Some(test) if can_be_compared && test.high < 0.0 => Verdict::Worse,
        Some(_) if can_be_compared && missing == Some(0) => Verdict::Alike,
        _ => Verdict::TooEarly,
    };
    let lists_missing = missing.filter(|_| verdict == Verdict::TooEarly);
    let mut comparison = Comparison {
        group: group.to_owned(),
        beside: beside.to_owned(),
        measure,
        verdict,
        difference: test.as_ref().map(|test| test.difference),
        low: test.as_ref().map(|test| test.low),
        high: test.as_ref().map(|test| test.high),
        certainty: test.as_ref().map_or(0.0, |test| test.certainty),
        lists_missing,
        sentence: String::new(),
    };
    comparison.sentence = sentence(&comparison);
    comparison
}

/// Welch's t test of the logarithms of two rates.
struct Test {
    difference: f64,
    low: f64,
    high: f64,
    certainty: f64,
}

impl Test {
    fn new(first: &Sample, other: &Sample, tail: f64, n_comparisons: f64) -> Option<Self> {
        let relative = |sample: &Sample| sample.variance / (sample.rate() * sample.rate());
        let (a, b) = (relative(first), relative(other));
        let error = (a + b).sqrt();
        if !(error.is_finite() && error > 0.0) {
            return None;
        }
        let freedom = |sample: &Sample| (sample.n_clusters.max(2) - 1) as f64;
        let freedom = (a + b) * (a + b) / (a * a / freedom(first) + b * b / freedom(other));
        let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
        let log = (other.rate() / first.rate()).ln();
        let half = distribution.inverse_cdf(1.0 - tail) * error;
        let chance = 2.0 * (1.0 - distribution.cdf((log / error).abs())) * n_comparisons;
        Some(Self {
            difference: log.exp_m1(),
            low: (log - half).exp_m1(),
            high: (log + half).exp_m1(),
            certainty: (1.0 - chance.min(1.0)).min(CERTAINTY_TOLD_MAX),
        })
    }
}

/// How many lists are missing until [`POWER`] is reached, at the present parts of both groups. None
/// as long as nothing has come of any list.
fn lists_missing(first: &Sample, other: &Sample, tail: f64) -> Option<u64> {
    let lists = first.lists + other.lists;
    let rate = (first.successes + other.successes) / lists;
    // Without lists it is no number.
    if rate.is_nan() || rate <= 0.0 {
        return None;
    }
    let normal = Normal::standard();
    let quantiles = normal.inverse_cdf(1.0 - tail) + normal.inverse_cdf(POWER);
    let part = |sample: &Sample| if sample.lists > 0.0 { sample.lists / lists } else { 0.5 };
    let least = DIFFERENCE_MIN * rate;
    let difference = (other.rate() - first.rate()).abs().max(least);
    let variance = [first, other].map(|sample| sample.variance_per_list(rate) / part(sample));
    let for_power = (quantiles / difference).powi(2) * variance.iter().sum::<f64>();
    let for_successes =
        [first, other].map(|sample| SUCCESSES_MIN / rate / part(sample)).into_iter();
    let can_be_compared = first.can_be_compared() && other.can_be_compared();
    let needed = match can_be_compared {
        true => for_power,
        false => for_successes.fold(for_power, f64::max).max(lists + CLUSTERS as f64),
    };
    Some((needed - lists).max(0.0).ceil() as u64)
}

fn sentence(comparison: &Comparison) -> String {
    let Comparison { group, beside, verdict, low, high, certainty, lists_missing, .. } = comparison;
    let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(0.0));
    let sure = format!("{} % sure", (certainty * 100.0).floor());
    let sure = if *certainty >= 0.99 { "over 99 % sure" } else { &sure };
    match verdict {
        Verdict::Better => format!("{group} is better by {}, {sure}", range(low, high)),
        Verdict::Worse => format!("{group} is worse by {}, {sure}", range(-high, -low)),
        Verdict::Alike => {
            format!("{group} and {beside} are alike: the difference is {}", range(low, high))
        }
        Verdict::TooEarly => match lists_missing {
            Some(0) => "not enough yet: look again tomorrow".to_owned(),
            Some(missing) => format!("not enough yet: about {} more lists", rounded(*missing)),
            None => "not enough yet: nothing has come of any list".to_owned(),
        },
    }
}

/// "4 to 11 %", with a decimal where both ends are small.
fn range(low: f64, high: f64) -> String {
    let (low, high) = (low * 100.0, high * 100.0);
    let decimals = usize::from(low.abs() < 2.0 && high.abs() < 2.0);
    let end = |value: f64| {
        let text = format!("{:.decimals$}", value.abs());
        let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        if value < 0.0 && !is_zero { format!("\u{2212}{text}") } else { text }
    };
    format!("{} to {} %", end(low), end(high))
}

/// With one digit below a hundred thousand, two beyond, upwards: nobody knows it better.
fn rounded(n: u64) -> String {
    let digits = if n < 100_000 { 1 } else { 2 };
    let step = 10_u64.pow(n.max(1).ilog10().saturating_sub(digits - 1));
    domain::quantity::grouped(n.div_ceil(step) * step)
}

#[cfg(test)]
mod tests;
