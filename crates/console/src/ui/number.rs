//! Numbers as people read them: thousands separated, with their unit, as precise as is honest.

use domain::quantity::grouped;

/// The unit of a number, which decides how it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit<'a> {
    /// A count, with the noun where it stands alone: `"people"`, or nothing.
    Count(&'a str),
    /// A share from 0 to 1, written in percent.
    Share,
    /// A share from 0 to 1, written in whole percent.
    RoundShare,
    /// A measure such as NDCG, written with three decimals.
    Ratio,
    /// An amount of money in this currency.
    Money(&'a str),
    /// A duration in seconds.
    Seconds,
    /// A size in bytes.
    Bytes,
}

/// Sizes and durations go up to the next unit from here on.
const BYTES_UNITS: [(f64, &str); 4] = [
    (1_099_511_627_776.0, "TiB"),
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1_024.0, "KiB"),
];
const SECONDS_UNITS: [(f64, &str); 3] = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];

impl Unit<'_> {
    /// The digits and the unit behind them, apart, so that they can be set differently.
    pub fn parts(self, value: f64) -> (String, String) {
        if !value.is_finite() {
            return ("–".to_owned(), String::new());
        }
        match self {
            Self::Count(noun) => (decimal(value, 0), noun.to_owned()),
            Self::Share => (decimal(value * 100.0, share_decimals(value)), "%".to_owned()),
            Self::RoundShare => (decimal(value * 100.0, 0), "%".to_owned()),
            Self::Ratio => (decimal(value, 3), String::new()),
            Self::Money(currency) => (decimal(value, 2), currency.to_owned()),
            Self::Seconds if value.abs() < 1.0 => (decimal(value * 1_000.0, 0), "ms".to_owned()),
            Self::Seconds => scaled(value, &SECONDS_UNITS, "s"),
            Self::Bytes => scaled(value, &BYTES_UNITS, "B"),
        }
    }

    /// Digits and unit in one text: "1,234 people", "4.2 %".
    pub fn text(self, value: f64) -> String {
        let (digits, unit) = self.parts(value);
        if unit.is_empty() { digits } else { format!("{digits}\u{a0}{unit}") }
    }

    /// As short as an axis needs it: "6 %", "12k", without noun or currency.
    pub(crate) fn short(self, value: f64) -> String {
        match self {
            Self::Share | Self::RoundShare => format!("{}\u{a0}%", trimmed(value * 100.0, 2)),
            Self::Ratio => trimmed(value, 3),
            Self::Count(_) | Self::Money(_) => match value.abs() {
                1_000_000.0.. => format!("{}M", trimmed(value / 1_000_000.0, 2)),
                10_000.0.. => format!("{}k", trimmed(value / 1_000.0, 1)),
                _ => trimmed(value, 2),
            },
            Self::Seconds | Self::Bytes => self.text(value),
        }
    }

    /// What [`Unit::short`] leaves out: the noun or the currency.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Count(name) | Self::Money(name) => {
                Some(name).filter(|name| !name.is_empty()).copied()
            }
            _ => None,
        }
    }

    /// An interval in one text: "3.9 to 4.5 %".
    pub fn interval_text(self, low: f64, high: f64) -> String {
        let ((low, low_unit), (high, unit)) = (self.parts(low), self.parts(high));
        let low_unit = if low_unit == unit { String::new() } else { format!("\u{a0}{low_unit}") };
        let unit = if unit.is_empty() { unit } else { format!("\u{a0}{unit}") };
        format!("{low}{low_unit} to {high}{unit}")
    }
}

/// Shares of a few percent need a decimal more than large ones.
fn share_decimals(share: f64) -> usize {
    match share.abs() * 100.0 {
        percent if percent == 0.0 || percent >= 99.95 => 0,
        percent if percent < 1.0 => 2,
        _ => 1,
    }
}

fn scaled(value: f64, units: &[(f64, &str)], smallest: &str) -> (String, String) {
    let (size, unit) =
        units.iter().copied().find(|(size, _)| value.abs() >= *size).unwrap_or((1.0, smallest));
    let scaled = value / size;
    let is_whole = (size == 1.0 && unit == "B") || scaled.abs() >= 100.0;
    (decimal(scaled, usize::from(!is_whole)), unit.to_owned())
}

/// Writes with at most this many decimals, without zeros at the end.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = decimal(value, decimals);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Writes with this many decimals, thousands separated, and a real minus sign.
fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "\u{2212}" } else { "" };
    // Beyond the whole numbers of 64 bits nobody counts digits.
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    fraction.map_or_else(|| format!("{sign}{whole}"), |rest| format!("{sign}{whole}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_their_unit_and_an_honest_precision() {
        let texts = [
            Unit::Count("people").text(20_113.0),
            Unit::Count("").text(-1_234.4),
            Unit::Count("").text(-0.2),
            Unit::Share.text(0.0421),
            Unit::Share.text(0.0031),
            Unit::Share.text(1.0),
            Unit::RoundShare.text(0.624),
            Unit::Ratio.text(0.2914),
            Unit::Money("EUR").text(1_204_567.5),
            Unit::Seconds.text(0.0124),
            Unit::Seconds.text(5_400.0),
            Unit::Bytes.text(512.0),
            Unit::Bytes.text(3_435_973_837.0),
            Unit::Share.text(f64::NAN),
        ];
        assert_eq!(
            texts.map(|text| text.replace('\u{a0}', " ")),
            [
                "20,113 people",
                "\u{2212}1,234",
                "0",
                "4.2 %",
                "0.31 %",
                "100 %",
                "62 %",
                "0.291",
                "1,204,567.50 EUR",
                "12 ms",
                "1.5 h",
                "512 B",
                "3.2 GiB",
                "–",
            ]
        );
    }

    #[test]
    fn axes_have_short_numbers() {
        let texts = [
            Unit::Share.short(0.06),
            Unit::Share.short(0.0025),
            Unit::Money("EUR").short(6_000.0),
            Unit::Count("people").short(12_500.0),
            Unit::Count("").short(100.0),
            Unit::Count("").short(0.0),
            Unit::Ratio.short(0.05),
        ];
        let expected = ["6\u{a0}%", "0.25\u{a0}%", "6,000", "12.5k", "100", "0", "0.05"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_interval_names_its_unit_once_unless_it_changes() {
        let text = |(unit, low, high): (Unit, f64, f64)| unit.interval_text(low, high);
        assert_eq!(text((Unit::Share, 0.039, 0.045)), "3.9 to 4.5\u{a0}%");
        assert_eq!(text((Unit::Seconds, 0.9, 1.2)), "900\u{a0}ms to 1.2\u{a0}s");
    }
}
