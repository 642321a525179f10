//! Means of lists or people, with variances that know that clusters of people belong together.

use engine::{Cluster, Clusters, HoldoutCluster, HoldoutGroup, Rate};

use super::Measure;
use crate::results::ShownRate;

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;
/// The least number of trials of each group that led to something, below which nothing is decided:
/// the logarithm of a mean is too skewed there.
pub(super) const SUCCESSES_MIN: f64 = 20.0;
/// The least number of clusters of each group with trials, below which nothing is decided.
const CLUSTERS_MIN: usize = 20;

/// Lists, or people, of a group as far as a comparison needs them.
pub struct Sample {
    /// The number of lists or people.
    pub(super) trials: f64,
    /// The sum of what is measured.
    pub(super) total: f64,
    /// How many trials led to something.
    pub(super) successes: f64,
    /// The variance of the mean.
    pub(super) variance: f64,
    pub(super) n_clusters: usize,
    /// Whether the mean is a share of the trials.
    is_share: bool,
}

/// A cluster, for one measure.
pub(super) struct Sums {
    pub(super) trials: f64,
    pub(super) total: f64,
    pub(super) successes: f64,
}

impl Sample {
    /// The lists of a group. The measure must be one of lists.
    pub fn of_lists(clusters: &Clusters, measure: Measure) -> Self {
        let sums = |cluster: &Cluster| {
            let total = f64::from(match measure {
                Measure::ClickThroughRate => cluster.clicked,
                _ => cluster.converted,
            });
            Sums { trials: f64::from(cluster.recommendations), total, successes: total }
        };
        Self::new(clusters.iter().map(sums).collect(), true)
    }

    /// The people of a group. The measure must be one of people.
    pub fn of_people(group: &HoldoutGroup, measure: Measure) -> Self {
        let sums = |cluster: &HoldoutCluster| {
            let successes = f64::from(cluster.reached);
            let total = match measure {
                Measure::GoalsPerPerson => cluster.goals as f64,
                Measure::ValuePerPerson => cluster.value(),
                _ => successes,
            };
            Sums { trials: f64::from(cluster.people), total, successes }
        };
        Self::new(group.clusters().map(sums).collect(), measure == Measure::GoalRate)
    }

    pub(super) fn new(clusters: Vec<Sums>, is_share: bool) -> Self {
        let sum = |value: &dyn Fn(&Sums) -> f64| clusters.iter().map(value).sum::<f64>();
        let (trials, total) = (sum(&|cluster| cluster.trials), sum(&|cluster| cluster.total));
        let (successes, n_clusters) = (sum(&|cluster| cluster.successes), clusters.len());
        let mut sample = Self { trials, total, successes, variance: 0.0, n_clusters, is_share };
        if n_clusters > 1 {
            let mean = sample.mean();
            let squares = sum(&|cluster| (cluster.total - mean * cluster.trials).powi(2));
            let n = n_clusters as f64;
            sample.variance = n / (n - 1.0) * squares / (trials * trials);
        }
        sample
    }

    pub(super) fn mean(&self) -> f64 {
        if self.trials == 0.0 { 0.0 } else { self.total / self.trials }
    }

    /// The variance of the mean relative to the mean.
    pub(super) fn relative_variance(&self) -> f64 {
        self.variance / (self.mean() * self.mean())
    }

    /// The variance that a single trial stands for: of a share at least that of an independent one.
    pub(super) fn variance_per_trial(&self, mean: f64) -> f64 {
        let independent = if self.is_share { mean * (1.0 - mean) } else { 0.0 };
        (self.variance * self.trials).max(independent)
    }

    pub(super) fn can_be_compared(&self) -> bool {
        self.successes >= SUCCESSES_MIN && self.n_clusters >= CLUSTERS_MIN
    }

    /// The mean with its 95 % interval at this moment. That of a share is Wilson's, for as many
    /// independent trials as tell as much as these.
    pub fn rate(&self) -> ShownRate {
        let mean = self.mean();
        if self.is_share || self.trials == 0.0 {
            let independent = mean * (1.0 - mean);
            let per_trial = self.variance_per_trial(mean);
            let part = if per_trial > 0.0 { independent / per_trial } else { 1.0 };
            return ShownRate::from(Rate::of_share(mean, self.trials * part));
        }
        let half = Z * self.variance.sqrt();
        ShownRate { value: Some(mean), low: (mean - half).max(0.0), high: mean + half }
    }
}
