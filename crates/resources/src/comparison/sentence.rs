//! A comparison in words.

use domain::grouped;

use super::{Comparison, Verdict};

/// Longer waits are not told: nobody waits for them.
const DAYS_TOLD_MAX: u64 = 365;

pub(super) fn sentence(comparison: &Comparison) -> String {
    let Comparison { group, beside, verdict, low, high, certainty, .. } = comparison;
    let (low, high) = (low.unwrap_or(0.0), high.unwrap_or(0.0));
    let sure = format!("{} % sure", (certainty * 100.0).floor());
    let sure = if *certainty >= 0.99 { "over 99 % sure" } else { &sure };
    let is_of_people = comparison.measure.is_of_people();
    match verdict {
        Verdict::Better if is_of_people => format!("{} more, {sure}", range(low, high)),
        Verdict::Worse if is_of_people => format!("{} less, {sure}", range(-high, -low)),
        Verdict::Better => format!("{group} is better by {}, {sure}", range(low, high)),
        Verdict::Worse => format!("{group} is worse by {}, {sure}", range(-high, -low)),
        Verdict::Alike => {
            format!("{group} and {beside} are alike: the difference is {}", range(low, high))
        }
        Verdict::TooEarly => format!("not enough yet: {}", what_is_missing(comparison)),
    }
}

fn what_is_missing(comparison: &Comparison) -> String {
    let is_of_people = comparison.measure.is_of_people();
    let days = match comparison.days_missing {
        None if is_of_people => return "nobody has reached the goal".to_owned(),
        None => return "nothing has come of any list".to_owned(),
        Some(0) => return "look again tomorrow".to_owned(),
        Some(days) if days > DAYS_TOLD_MAX => "not within a year".to_owned(),
        Some(1) => "about a day".to_owned(),
        Some(days) => format!("about {} days", rounded(days)),
    };
    match comparison.lists_missing {
        Some(lists) => format!("about {} more lists, at the present rate {days}", rounded(lists)),
        None => format!("at the present rate {days}"),
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
    grouped(n.div_ceil(step) * step)
}
