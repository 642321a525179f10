//! Round numbers for axes.

/// The range of an axis, which includes zero, with round values on it.
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Round values from the lowest to the highest.
    pub(super) ticks: Vec<f64>,
}

/// About how many ticks an axis has.
const N_TICKS: f64 = 4.0;

impl Scale {
    /// A scale on which all these values and zero have room. Values that are no numbers do not
    /// count.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let high = if low == high { low + 1.0 } else { high };
        let step = round_step((high - low) / N_TICKS);
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        let ticks: Vec<f64> = (first..=last).map(|n| n as f64 * step).collect();
        Self { low: first as f64 * step, high: last as f64 * step, ticks }
    }

    /// Where a value lies between the ends, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    let factor = factors.into_iter().find(|factor| factor * power >= step * 0.999_999);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64]) -> Vec<f64> {
        let ticks = Scale::around(values.iter().copied()).ticks;
        ticks.into_iter().map(|tick| (tick * 1e9).round() / 1e9).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(ticks(&[0.031, 0.047]), [0.0, 0.02, 0.04, 0.06]);
        assert_eq!(ticks(&[12.0, 870.0]), [0.0, 250.0, 500.0, 750.0, 1_000.0]);
        assert_eq!(ticks(&[-3.0, 9.0]), [-5.0, 0.0, 5.0, 10.0]);
        assert_eq!(ticks(&[f64::NAN]), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(&[]), ticks(&[0.0]));
    }

    #[test]
    fn a_value_lies_where_its_share_says() {
        let scale = Scale::around([0.0, 100.0].into_iter());
        assert_eq!(
            [-5.0, 0.0, 25.0, 100.0, 101.0].map(|v| scale.share(v)),
            [0.0, 0.0, 0.25, 1.0, 1.0]
        );
    }
}
