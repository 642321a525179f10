//! Rates with their confidence intervals.

/// The quantile of the normal distribution that leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// The share of trials that were successes, with the 95 % score interval of Wilson (1927),
/// "Probable inference, the law of succession, and statistical inference", JASA 22. The interval
/// also holds for few trials and for shares near 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The share, from 0 to 1; none without trials.
    pub value: Option<f64>,
    /// The lower bound of the interval; 0 without trials.
    pub low: f64,
    /// The upper bound of the interval; 1 without trials.
    pub high: f64,
}

impl Rate {
    /// The rate of `n_successes` in `n_trials`.
    pub fn new(n_successes: u64, n_trials: u64) -> Self {
        // If the clock ran ahead for long, KPIs may be deleted before their recommendations. Later
        // clicks then exceed the recommendations that are still counted.
        let n_successes = n_successes.min(n_trials);
        Self::of_share(n_successes as f64 / n_trials as f64, n_trials as f64)
    }

    /// A share of trials that tell as much as `n` independent ones.
    pub fn of_share(share: f64, n: f64) -> Self {
        if n == 0.0 {
            return Self { value: None, low: 0.0, high: 1.0 };
        }
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        // At both ends the formula gives 0 and 1 up to rounding.
        let low = if share == 0.0 { 0.0 } else { (middle - half) / scale };
        let high = if share == 1.0 { 1.0 } else { (middle + half) / scale };
        Self { value: Some(share), low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_published_table() {
        let table: String = [(0, 0), (0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (15, 148)]
            .map(|(n_successes, n_trials)| {
                let Rate { value, low, high } = Rate::new(n_successes, n_trials);
                format!("{n_successes} of {n_trials}: {value:.4?} from {low:.4} to {high:.4}\n")
            })
            .concat();
        // The last two are in table I of Newcombe (1998), Statistics in Medicine 17, 857-872.
        insta::assert_snapshot!(table, @r"
        0 of 0: None from 0.0000 to 1.0000
        0 of 10: Some(0.0000) from 0.0000 to 0.2775
        1 of 10: Some(0.1000) from 0.0179 to 0.4042
        5 of 10: Some(0.5000) from 0.2366 to 0.7634
        10 of 10: Some(1.0000) from 0.7225 to 1.0000
        81 of 263: Some(0.3080) from 0.2553 to 0.3662
        15 of 148: Some(0.1014) from 0.0624 to 0.1605
        ");
    }
}
