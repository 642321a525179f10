//! An interval that holds however often somebody looks, and stops looking when they like it.
//!
//! An interval of a fixed size is right for one look. Here the likelihood of the estimate under
//! differences that are drawn from a normal distribution is set against that under no difference:
//! the ratio exceeds 1 / p at any time with a probability of at most p (Robbins 1970, "Statistical
//! methods related to the law of the iterated logarithm"; for tests of web pages Johari, Koomen,
//! Pekelis and Walsh 2022, "Always valid inference", Operations Research 70).

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The standard deviation of the differences that are expected, on the logarithmic scale: the
/// interval is narrowest for differences of about a fifth.
const SCALE: f64 = 0.2;
/// Beyond so many standard errors quantiles are no longer computed, but go on in proportion.
const QUANTILES_MAX: f64 = 6.0;

/// How many standard errors the interval reaches to either side, if at most a share `tails` of all
/// sequences of looks may ever leave it. `variance` is that of the estimate.
pub(super) fn reach(variance: f64, tails: f64) -> f64 {
    let ratio = variance / (SCALE * SCALE);
    (2.0 * (1.0 + ratio) * ((1.0 + 1.0 / ratio).sqrt() / tails).ln()).sqrt()
}

/// The same for a variance that is itself estimated, with so many degrees of freedom.
pub(super) fn reach_of_estimated(variance: f64, tails: f64, freedom: f64) -> Option<f64> {
    let reach = reach(variance, tails);
    let within = reach.min(QUANTILES_MAX);
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(-distribution.inverse_cdf(Normal::standard().cdf(-within)) * reach / within)
}

/// The probability, at most, that an estimate of a difference that is none ever lies as far off as
/// this one: `distance` in standard errors.
pub(super) fn chance(distance: f64, variance: f64, freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let tail = distribution.cdf(-distance.abs());
    let distance = if tail > 0.0 { -Normal::standard().inverse_cdf(tail) } else { distance };
    let ratio = variance / (SCALE * SCALE);
    let log = (1.0 + 1.0 / ratio).ln() / 2.0 - distance * distance / (2.0 * (1.0 + ratio));
    Some(log.exp().min(1.0))
}

/// The largest variance of an estimate with which a difference is seen with the probability
/// `power`.
pub(super) fn largest_variance(difference: f64, tails: f64, power: f64) -> f64 {
    let quantile = Normal::standard().inverse_cdf(power);
    let is_seen =
        |variance: f64| (reach(variance, tails) + quantile) * variance.sqrt() < difference;
    let (mut low, mut high) = (0.0, difference * difference);
    // Each step halves what is left: far below anything that matters after these.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if is_seen(middle) { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}
